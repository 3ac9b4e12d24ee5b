//! Opening a NIC for all workers at once.
//!
//! The control loop opens, because a fan-out group numbers its members in the order they join: one thread joins all
//! of them in worker order. Nothing is received before the group is complete: until then every member's filter takes
//! nothing. A member that is lost moves the last one into its place, so a NIC is always opened again as a whole.

use super::features::Features;
use super::socket;
use crate::cbpf::Program;
use crate::packet_ring::{Geometry, PacketRing};
use engine::NicId;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// What a NIC's sockets listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taps {
    /// IPv4 and IPv6 behind tc, frames with the claim program's mark only. What tc redirected is never seen.
    Marked,
    /// Everything, before tc: where eBPF is refused.
    Everything {
        /// Takes the claimed frames; it need not look at the direction.
        filter: Program,
        /// Chooses the worker.
        fan_out: Program,
    },
}

/// How a NIC is opened.
#[derive(Clone, Debug)]
pub struct NicOptions {
    /// How many workers share it: as many queues are made.
    pub workers: usize,
    /// What is listened to.
    pub taps: Taps,
    /// Ring of each socket; by the MTU when not given.
    pub geometry: Option<Geometry>,
}

/// Why a NIC could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none of that name, here and now.
    #[error("open {0}: no such NIC")]
    Missing(String),
    /// It is administratively down: packet sockets cannot join a group then.
    #[error("open {0}: the NIC is down")]
    Down(String),
    /// It has no Ethernet header.
    #[error("open {0}: not an Ethernet NIC")]
    NotEthernet(String),
    /// The kernel refuses something.
    #[error("{act} on {nic}: {source}")]
    Refused {
        /// What was tried.
        act: &'static str,
        /// Where.
        nic: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// One worker's share of a NIC: sockets and rings, ready to be attached to its wire.
#[derive(Debug)]
pub struct Queue {
    pub(super) nic: NicId,
    pub(super) taps: Vec<PacketRing>,
    /// Past the queueing discipline.
    pub(super) bypass: Option<OwnedFd>,
    /// Through it.
    pub(super) ordinary: OwnedFd,
    pub(super) features: Features,
}

impl Queue {
    /// The NIC's number in the tables.
    pub fn nic(&self) -> NicId {
        self.nic
    }
}

/// Opens the NIC called `name`, once per worker. Frames flow as soon as this returns, so the queues should be
/// attached at once: what comes before that waits in the rings.
pub fn open_nic(name: &str, nic: NicId, options: &NicOptions) -> Result<Vec<Queue>, OpenError> {
    let refused = |act| move |source| OpenError::Refused { act, nic: name.to_owned(), source };
    let asking = socket::open().map_err(refused("open a packet socket"))?;
    let link = match socket::link(asking.as_fd(), name) {
        Ok(link) if !link.ethernet => return Err(OpenError::NotEthernet(name.to_owned())),
        Ok(link) if !link.up => return Err(OpenError::Down(name.to_owned())),
        Ok(link) => link,
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => return Err(OpenError::Missing(name.to_owned())),
        Err(error) => return Err(refused("ask for the link")(error)),
    };
    let geometry = options.geometry.unwrap_or_else(|| Geometry::for_mtu(link.mtu));
    let features = Features::of(asking.as_fd(), name);
    let groups = options.groups();
    let mut queues = Vec::with_capacity(options.workers);
    for _ in 0..options.workers {
        let opened = (|| {
            let taps = groups.iter().map(|group| group.tap(geometry, link.index)).collect::<Result<_, _>>()?;
            let bypass = if features.cut_tcp() { Some(sender(link.index, true)?) } else { None };
            Ok(Queue { nic, taps, bypass, ordinary: sender(link.index, false)?, features })
        })();
        queues.push(opened.map_err(|(act, source)| refused(act)(source))?);
    }
    for (at, group) in groups.iter().enumerate() {
        let members: Vec<&PacketRing> = queues.iter().map(|queue| &queue.taps[at]).collect();
        group.start(&members).map_err(|(act, source)| refused(act)(source))?;
    }
    Ok(queues)
}

type Refusal = (&'static str, io::Error);

/// The sockets of all workers for one protocol.
struct Group {
    protocol: i32,
    filter: Program,
    fan_out: Program,
}

impl NicOptions {
    fn groups(&self) -> Vec<Group> {
        match &self.taps {
            Taps::Marked => [libc::ETH_P_IP, libc::ETH_P_IPV6]
                .into_iter()
                .map(|protocol| Group { protocol, filter: Program::marked(), fan_out: Program::worker_of_mark() })
                .collect(),
            Taps::Everything { filter, fan_out } => {
                vec![Group { protocol: libc::ETH_P_ALL, filter: filter.without_outgoing(), fan_out: fan_out.clone() }]
            }
        }
    }
}

impl Group {
    /// A bound socket with a ring that takes nothing yet.
    fn tap(&self, geometry: Geometry, link: i32) -> Result<PacketRing, Refusal> {
        let socket = socket::open().map_err(|error| ("open a packet socket", error))?;
        Program::nothing().filter(socket.as_fd()).map_err(|error| ("attach the first filter", error))?;
        socket::enlarge(socket.as_fd()).map_err(|error| ("enlarge the socket's buffers", error))?;
        if self.protocol == libc::ETH_P_ALL {
            let ignore = socket::set(socket.as_fd(), libc::PACKET_IGNORE_OUTGOING, &1i32);
            ignore.map_err(|error| ("ignore outgoing frames", error))?;
        }
        let ring = PacketRing::new(socket, geometry)?;
        socket::bind(ring.socket(), link, self.protocol as u16).map_err(|error| ("bind a packet socket", error))?;
        Ok(ring)
    }

    /// Joins the members in their order, then lets frames in.
    fn start(&self, members: &[&PacketRing]) -> Result<(), Refusal> {
        if let [first, others @ ..] = members
            && !others.is_empty()
        {
            let id = self.first(first)?;
            for other in others {
                socket::join(other.socket(), Some(id), 0).map_err(|error| ("join the fan-out group", error))?;
            }
        }
        for member in members {
            self.filter.filter(member.socket()).map_err(|error| ("attach the filter", error))?;
        }
        Ok(())
    }

    /// Makes the group with its first member. The group's id.
    fn first(&self, member: &PacketRing) -> Result<u16, Refusal> {
        let id = socket::join(member.socket(), None, 0).map_err(|error| ("make a fan-out group", error))?;
        self.fan_out.fan_out(member.socket()).map_err(|error| ("set the fan-out program", error))?;
        Ok(id)
    }
}

/// A socket that only sends.
fn sender(link: i32, bypass: bool) -> Result<OwnedFd, Refusal> {
    let socket = socket::open().map_err(|error| ("open a packet socket", error))?;
    let file = socket.as_fd();
    socket::enlarge(file).map_err(|error| ("enlarge the socket's buffers", error))?;
    socket::set(file, libc::PACKET_VNET_HDR, &1i32).map_err(|error| ("ask for vnet headers", error))?;
    if bypass {
        socket::set(file, libc::PACKET_QDISC_BYPASS, &1i32).map_err(|error| ("bypass the queue", error))?;
    }
    socket::bind(file, link, 0).map_err(|error| ("bind a packet socket", error))?;
    Ok(socket)
}
