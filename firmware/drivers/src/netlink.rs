//! The kernel's network configuration, synchronously, in the network namespace of the thread that opened the socket.
//!
//! Whatever is made here carries [`PROTOCOL`] where the kernel keeps such a number (addresses, routes, rules,
//! neighbours), a name that begins with [`VETH_PREFIX`] (veth pairs) or a fixed place (filters, see [`traffic`]), so
//! that [`crate::residue`] finds it after a crash.

mod addresses;
mod links;
mod neighbors;
mod routes;
mod rules;
pub mod sysctl;
pub mod traffic;
mod watch;

pub use addresses::NicAddress;
pub use links::Link;
pub use neighbors::{Keeping, Neighbor, NeighborLimits, Resolution};
pub use routes::{KernelRoute, RouteKind, TABLE_MAIN};
pub use rules::{MarkRule, ReplyRule};
pub use watch::{Event, Watch};

use net::{Address, Family};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use std::io;

/// Origin of our addresses, routes, rules and neighbours. None of iproute2's rt_protos; `S`.
pub const PROTOCOL: u8 = 0x53;
/// How the names of our veth devices begin.
pub const VETH_PREFIX: &str = "suimon";

/// The kernel answers a dump in datagrams of at most 32 KiB (NLMSG_GOODSIZE, netlink(7)).
const DATAGRAM_MAX: usize = 64 * 1024;
/// A dump that changes under way is asked for again so many times.
const DUMP_ATTEMPTS_MAX: u32 = 8;

/// What the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{act}: {source}")]
pub struct NetlinkError {
    act: String,
    source: io::Error,
}

impl NetlinkError {
    pub(crate) fn new(act: impl Into<String>, source: io::Error) -> Self {
        Self { act: act.into(), source }
    }

    /// The kernel's error number, if it was the kernel.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// Whether the thing was there already.
    pub fn is_existing(&self) -> bool {
        self.errno() == Some(libc::EEXIST)
    }

    /// Whether the thing was not there, or the NIC it was on is not.
    pub fn is_missing(&self) -> bool {
        matches!(self.errno(), Some(libc::ENOENT | libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENODEV | libc::ENXIO))
    }
}

/// A connection to rtnetlink. One request at a time.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Connects in the namespace of the calling thread, and stays in that namespace.
    ///
    /// # Errors
    /// When the kernel refuses the socket.
    pub fn open() -> Result<Self, NetlinkError> {
        let socket = open_socket(0).map_err(|source| NetlinkError::new("open rtnetlink", source))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Asks for a change and waits for the answer. `act` says what, for the error.
    fn change(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
        act: impl Fn() -> String,
    ) -> Result<(), NetlinkError> {
        let failed = |source| NetlinkError::new(act(), source);
        self.send(message, NLM_F_REQUEST | NLM_F_ACK | flags).map_err(failed)?;
        loop {
            for (_, payload) in self.receive().map_err(failed)? {
                match payload {
                    Some(NetlinkPayload::Error(answer)) if answer.code.is_none() => return Ok(()),
                    Some(NetlinkPayload::Error(answer)) => return Err(failed(answer.to_io())),
                    _ => {}
                }
            }
        }
    }

    /// Asks for a list. `act` says of what, for the error. Messages that cannot be understood are left out and logged.
    fn dump(&mut self, message: RouteNetlinkMessage, act: &str) -> Result<Vec<RouteNetlinkMessage>, NetlinkError> {
        for _ in 0..DUMP_ATTEMPTS_MAX {
            let list = self.dump_once(message.clone());
            if let Some(list) = list.map_err(|source| NetlinkError::new(act, source))? {
                return Ok(list);
            }
        }
        Err(NetlinkError::new(act, io::Error::from_raw_os_error(libc::EINTR)))
    }

    // `None`: the list changed while the kernel wrote it.
    fn dump_once(&mut self, message: RouteNetlinkMessage) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
        self.send(message, NLM_F_REQUEST | NLM_F_DUMP)?;
        let mut list = Vec::new();
        let mut consistent = true;
        loop {
            for (flags, payload) in self.receive()? {
                consistent &= flags & NLM_F_DUMP_INTR == 0;
                match payload {
                    Some(NetlinkPayload::InnerMessage(message)) => list.push(message),
                    Some(NetlinkPayload::Done(_)) => return Ok(consistent.then_some(list)),
                    Some(NetlinkPayload::Error(answer)) if answer.code.is_some() => return Err(answer.to_io()),
                    _ => {}
                }
            }
        }
    }

    fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = NetlinkMessage::from(message);
        message.header.flags = flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(drop)
    }

    // One datagram's answers to the request sent last; older ones belong to a request that was given up.
    fn receive(&mut self) -> io::Result<Vec<(u16, Option<NetlinkPayload<RouteNetlinkMessage>>)>> {
        let messages = receive_datagram(&self.socket)?;
        Ok(messages
            .into_iter()
            .filter(|message| message.sequence == self.sequence)
            .map(|message| (message.flags, message.payload))
            .collect())
    }
}

/// A message as it came; `payload` is `None` when it could not be understood.
struct Received {
    sequence: u32,
    flags: u16,
    payload: Option<NetlinkPayload<RouteNetlinkMessage>>,
}

// Groups as in sockaddr_nl: bit n - 1 is group n.
fn open_socket(groups: u32) -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind(&SocketAddr::new(0, groups))?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

fn receive_datagram(socket: &Socket) -> io::Result<Vec<Received>> {
    let mut bytes = Vec::with_capacity(DATAGRAM_MAX);
    loop {
        match socket.recv(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    let mut messages = Vec::new();
    let mut rest = bytes.as_slice();
    while let Ok(buffer) = NetlinkBuffer::new_checked(rest) {
        let length = buffer.length() as usize;
        let parsed = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&rest[..length]);
        if let Err(error) = &parsed {
            tracing::warn!(kind = buffer.message_type(), %error, "rtnetlink message left out");
        }
        messages.push(Received {
            sequence: buffer.sequence_number(),
            flags: buffer.flags(),
            payload: parsed.ok().map(|message| message.payload),
        });
        // RFC 3549 2.3.2: messages begin at multiples of four bytes.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(messages)
}

fn family_of(address: Address) -> AddressFamily {
    match address.family() {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    }
}

#[cfg(test)]
mod tests;
