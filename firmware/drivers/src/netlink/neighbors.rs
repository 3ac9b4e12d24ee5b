//! Who has which hardware address. The kernel resolves and keeps; we ask it to, and listen (see [`super::Watch`]).

use super::{Netlink, NetlinkError, PROTOCOL, family_of};
use net::{Address, Family, Mac};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::neighbour_table::{NeighbourTableAttribute, NeighbourTableMessage};
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

/// How far the kernel has come with a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It answered lately.
    Reachable,
    /// It answered once, and is asked again when it is needed.
    Stale,
    /// It is asked just now.
    Asked,
    /// It does not answer.
    Failed,
    /// It stays until removed.
    Permanent,
    /// Its link has no addresses to ask for: loopback, multicast.
    NotNeeded,
}

/// A neighbour on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// The device.
    pub index: u32,
    /// Its address.
    pub address: Address,
    /// Its hardware address; `None` while it is asked for, or when nobody answers.
    pub mac: Option<Mac>,
    /// How far the kernel has come.
    pub resolution: Resolution,
    /// Whether we asked for it.
    pub ours: bool,
}

/// How a neighbour is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// The kernel resolves it again by itself, until it is removed or the link goes down.
    Managed,
    /// It was asked for once; the caller has to ask again before it grows stale.
    Once,
}

/// How many neighbours the kernel keeps: `gc_thresh3` of each family's table. One table serves all namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighborLimits {
    /// `net.ipv4.neigh.default.gc_thresh3`.
    pub v4_max: u32,
    /// `net.ipv6.neigh.default.gc_thresh3`.
    pub v6_max: u32,
}

impl NeighborLimits {
    /// That of one family.
    pub const fn of(&self, family: Family) -> u32 {
        match family {
            Family::V4 => self.v4_max,
            Family::V6 => self.v6_max,
        }
    }
}

impl Default for NeighborLimits {
    /// No bound: the table of a family that the kernel does not tell of.
    fn default() -> Self {
        Self { v4_max: u32::MAX, v6_max: u32::MAX }
    }
}

impl Netlink {
    /// How many neighbours the kernel keeps. Asked here, as the sysctls exist in the first namespace only.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn neighbor_limits(&mut self) -> Result<NeighborLimits, NetlinkError> {
        let request = RouteNetlinkMessage::GetNeighbourTable(NeighbourTableMessage::default());
        let mut limits = NeighborLimits::default();
        for message in self.dump(request, "list neighbor tables")? {
            let RouteNetlinkMessage::NewNeighbourTable(table) = message else { continue };
            let bound = table.attributes.iter().find_map(|attribute| match attribute {
                NeighbourTableAttribute::Threshold3(bound) => Some(*bound),
                // Messages about one device's parameters carry no bound.
                _ => None,
            });
            match (table.header.family, bound) {
                (AddressFamily::Inet, Some(bound)) => limits.v4_max = bound,
                (AddressFamily::Inet6, Some(bound)) => limits.v6_max = bound,
                _ => {}
            }
        }
        Ok(limits)
    }

    /// All neighbours, IPv4 and IPv6.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn neighbors(&mut self) -> Result<Vec<Neighbor>, NetlinkError> {
        let list = self.dump(RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()), "list neighbors")?;
        Ok(list.iter().filter_map(of_message).collect())
    }

    /// Has the kernel resolve a neighbour and keep it fresh: what the engine sends does not pass the kernel's tables
    /// and would not refresh it. A link that goes down forgets its neighbours: ask again when it is back.
    ///
    /// # Errors
    /// When the device is gone or down, or the kernel refuses.
    pub fn keep_neighbor(&mut self, index: u32, address: Address) -> Result<Keeping, NetlinkError> {
        let mut message = message_of(index, address);
        message.attributes.push(NeighbourAttribute::ExtFlags(NeighbourExtFlags::Managed));
        match self.ask(message, index, address) {
            Ok(()) => return Ok(Keeping::Managed),
            // Before 5.16 the flag is unknown.
            Err(error) if !matches!(error.errno(), Some(libc::EINVAL | libc::EOPNOTSUPP)) => return Err(error),
            Err(_) => {}
        }
        let mut message = message_of(index, address);
        message.header.flags = NeighbourFlags::Use;
        self.ask(message, index, address).map(|()| Keeping::Once)
    }

    fn ask(&mut self, message: NeighbourMessage, index: u32, address: Address) -> Result<(), NetlinkError> {
        let act = || format!("resolve neighbor {address} on link {index}");
        self.change(RouteNetlinkMessage::NewNeighbour(message), NLM_F_CREATE | NLM_F_REPLACE, act)
    }

    /// Makes a neighbour known for good.
    ///
    /// # Errors
    /// When the device is gone or down, or the kernel refuses.
    pub fn set_neighbor(&mut self, index: u32, address: Address, mac: Mac) -> Result<(), NetlinkError> {
        let mut message = message_of(index, address);
        message.header.state = NeighbourState::Permanent;
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
        let act = || format!("set neighbor {address} to {mac} on link {index}");
        self.change(RouteNetlinkMessage::NewNeighbour(message), NLM_F_CREATE | NLM_F_REPLACE, act)
    }

    /// Forgets a neighbour: nobody keeps it any more.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses.
    pub fn remove_neighbor(&mut self, index: u32, address: Address) -> Result<(), NetlinkError> {
        let mut message = NeighbourMessage::default();
        message.header.family = family_of(address);
        message.header.ifindex = index;
        message.attributes.push(NeighbourAttribute::Destination(destination(address)));
        let act = || format!("remove neighbor {address} on link {index}");
        self.change(RouteNetlinkMessage::DelNeighbour(message), 0, act)
    }
}

fn message_of(index: u32, address: Address) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family_of(address);
    message.header.ifindex = index;
    message.attributes = vec![
        NeighbourAttribute::Destination(destination(address)),
        NeighbourAttribute::Protocol(RouteProtocol::Other(PROTOCOL)),
    ];
    message
}

fn destination(address: Address) -> NeighbourAddress {
    match std::net::IpAddr::from(address) {
        std::net::IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
        std::net::IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
    }
}

/// The neighbour that a message is about; without its hardware address when it went, or is not (or no longer) known.
pub(super) fn of_message(message: &RouteNetlinkMessage) -> Option<Neighbor> {
    let (gone, message) = match message {
        RouteNetlinkMessage::NewNeighbour(message) => (false, message),
        RouteNetlinkMessage::DelNeighbour(message) => (true, message),
        _ => return None,
    };
    let resolution = match message.header.state {
        NeighbourState::Reachable => Resolution::Reachable,
        NeighbourState::Stale => Resolution::Stale,
        // It is used meanwhile (RFC 4861 7.3.2).
        NeighbourState::Delay | NeighbourState::Probe => Resolution::Stale,
        NeighbourState::Permanent => Resolution::Permanent,
        NeighbourState::Noarp => Resolution::NotNeeded,
        NeighbourState::Failed => Resolution::Failed,
        _ => Resolution::Asked,
    };
    let known = !matches!(resolution, Resolution::Asked | Resolution::Failed);
    let (mut address, mut mac, mut ours) = (None, None, false);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => address = Some(Address::v4(v4.octets())),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => address = Some(Address::v6(v6.octets())),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok().map(Mac),
            NeighbourAttribute::Protocol(protocol) => ours = u8::from(*protocol) == PROTOCOL,
            _ => {}
        }
    }
    Some(Neighbor {
        index: message.header.ifindex,
        address: address?,
        mac: mac.filter(|_| known && !gone),
        resolution,
        ours,
    })
}
