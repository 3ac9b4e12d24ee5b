//! Changes as they happen, on a file descriptor that can be polled.

use super::{Link, Neighbor, NetlinkError, NicAddress, addresses, links, neighbors, open_socket, receive_datagram};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::Socket;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes of changes that may wait, a burst of some thousand neighbours.
const BACKLOG_BYTES: usize = 1 << 20;

// rtnetlink(7): RTMGRP_LINK, RTMGRP_NEIGH, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR.
const GROUPS: u32 = 0x1 | 0x4 | 0x10 | 0x100;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A device came or changed.
    Link(Link),
    /// A device went: its number and last name.
    LinkGone(u32, String),
    /// An address came or changed.
    Address(NicAddress),
    /// An address went.
    AddressGone(NicAddress),
    /// A neighbour came, changed, or went (then without its hardware address).
    Neighbor(Neighbor),
    /// Changes were lost: list everything again.
    Overflow,
}

/// Listens to changes of links, addresses and neighbours in one namespace.
///
/// Open it first and list afterwards: then nothing falls between the two.
#[derive(Debug)]
pub struct Watch {
    socket: Socket,
}

impl Watch {
    /// Listens in the namespace of the calling thread.
    ///
    /// # Errors
    /// When the kernel refuses the socket.
    pub fn open() -> Result<Self, NetlinkError> {
        let open = || {
            let socket = open_socket(GROUPS)?;
            socket.set_non_blocking(true)?;
            socket.set_rx_buf_sz(BACKLOG_BYTES as libc::c_int)?;
            Ok(socket)
        };
        let socket = open().map_err(|source| NetlinkError::new("watch rtnetlink", source))?;
        Ok(Self { socket })
    }

    /// Appends everything that waits to `events`. Does not block.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn receive(&mut self, events: &mut Vec<Event>) -> Result<(), NetlinkError> {
        loop {
            match receive_datagram(&self.socket) {
                Ok(messages) => {
                    events.extend(messages.into_iter().filter_map(|message| event_of(message.payload?)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => events.push(Event::Overflow),
                Err(error) => return Err(NetlinkError::new("read rtnetlink", error)),
            }
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn event_of(payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<Event> {
    let NetlinkPayload::InnerMessage(message) = payload else { return None };
    match &message {
        RouteNetlinkMessage::NewLink(_) => links::of_message(&message).map(Event::Link),
        RouteNetlinkMessage::DelLink(_) => {
            links::of_message(&message).map(|link| Event::LinkGone(link.index, link.name))
        }
        RouteNetlinkMessage::NewAddress(_) => addresses::of_message(&message).map(Event::Address),
        RouteNetlinkMessage::DelAddress(_) => addresses::of_message(&message).map(Event::AddressGone),
        RouteNetlinkMessage::NewNeighbour(_) | RouteNetlinkMessage::DelNeighbour(_) => {
            neighbors::of_message(&message).map(Event::Neighbor)
        }
        _ => None,
    }
}
