//! The kernel's routes.

use super::{Netlink, NetlinkError, PROTOCOL, family_of};
use net::{Address, Family, Prefix};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use std::fmt;

/// The main routing table (RT_TABLE_MAIN).
pub const TABLE_MAIN: u32 = RouteHeader::RT_TABLE_MAIN as u32;

/// What the kernel does with a packet for such a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// Sends it to the router, or on the link.
    Unicast,
    /// Drops it without a word: the backstop for a VIP.
    Blackhole,
    /// Takes it as its own.
    Local,
}

/// A route of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelRoute {
    /// Destinations.
    pub to: Prefix,
    /// What becomes of packets.
    pub kind: RouteKind,
    /// The router.
    pub via: Option<Address>,
    /// The device it leaves on.
    pub index: Option<u32>,
    /// Routing table.
    pub table: u32,
    /// Metric; the lowest wins. 0: the kernel's choice.
    pub priority: u32,
    /// Who made it; [`PROTOCOL`] for ours, whatever is set here.
    pub protocol: u8,
}

impl KernelRoute {
    /// A route of the main table towards a router.
    pub fn through(to: Prefix, via: Address) -> Self {
        Self { via: Some(via), ..Self::blackhole(to).with_kind(RouteKind::Unicast) }
    }

    /// The backstop for a VIP: if everything else is gone, the kernel drops what is for it.
    pub fn blackhole(to: Prefix) -> Self {
        let kind = RouteKind::Blackhole;
        Self { to, kind, via: None, index: None, table: TABLE_MAIN, priority: 0, protocol: PROTOCOL }
    }

    /// The same with another kind.
    pub fn with_kind(self, kind: RouteKind) -> Self {
        Self { kind, ..self }
    }
}

impl fmt::Display for KernelRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            RouteKind::Unicast => write!(f, "{}", self.to)?,
            RouteKind::Blackhole => write!(f, "blackhole {}", self.to)?,
            RouteKind::Local => write!(f, "local {}", self.to)?,
        }
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        if let Some(index) = self.index {
            write!(f, " on link {index}")?;
        }
        if self.table != TABLE_MAIN {
            write!(f, " table {}", self.table)?;
        }
        Ok(())
    }
}

impl Netlink {
    /// All routes of all tables of the kinds in [`RouteKind`].
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn routes(&mut self) -> Result<Vec<KernelRoute>, NetlinkError> {
        let mut routes = Vec::new();
        for family in [Family::V4, Family::V6] {
            let mut message = RouteMessage::default();
            message.header.address_family = match family {
                Family::V4 => netlink_packet_route::AddressFamily::Inet,
                Family::V6 => netlink_packet_route::AddressFamily::Inet6,
            };
            let list = self.dump(RouteNetlinkMessage::GetRoute(message), "list routes")?;
            routes.extend(list.iter().filter_map(of_message));
        }
        Ok(routes)
    }

    /// Makes a route, marked as ours.
    ///
    /// # Errors
    /// When there is one for the same destinations already, or the kernel refuses.
    pub fn add_route(&mut self, route: &KernelRoute) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewRoute(message_of(route));
        self.change(message, NLM_F_CREATE | NLM_F_EXCL, || format!("add route {route}"))
    }

    /// Makes a route, marked as ours, in place of one for the same destinations.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn replace_route(&mut self, route: &KernelRoute) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::NewRoute(message_of(route));
        self.change(message, NLM_F_CREATE | NLM_F_REPLACE, || format!("replace route {route}"))
    }

    /// Removes a route of ours.
    ///
    /// # Errors
    /// When there is none such of ours, or the kernel refuses.
    pub fn remove_route(&mut self, route: &KernelRoute) -> Result<(), NetlinkError> {
        let message = RouteNetlinkMessage::DelRoute(message_of(route));
        self.change(message, 0, || format!("remove route {route}"))
    }
}

fn message_of(route: &KernelRoute) -> RouteMessage {
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = family_of(route.to.network);
    header.destination_prefix_length = route.to.bits;
    header.protocol = RouteProtocol::Other(PROTOCOL);
    header.scope = match (route.kind, route.via) {
        (RouteKind::Local, _) => RouteScope::Host,
        (RouteKind::Unicast, None) => RouteScope::Link,
        _ => RouteScope::Universe,
    };
    header.kind = match route.kind {
        RouteKind::Unicast => RouteType::Unicast,
        RouteKind::Blackhole => RouteType::BlackHole,
        RouteKind::Local => RouteType::Local,
    };
    // RTA_TABLE holds what the header's byte cannot.
    header.table = u8::try_from(route.table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC);
    message.attributes.push(RouteAttribute::Table(route.table));
    if route.to.bits > 0 {
        message.attributes.push(RouteAttribute::Destination(address_of(route.to.network)));
    }
    if let Some(via) = route.via {
        message.attributes.push(RouteAttribute::Gateway(address_of(via)));
    }
    if let Some(index) = route.index {
        message.attributes.push(RouteAttribute::Oif(index));
    }
    if route.priority > 0 {
        message.attributes.push(RouteAttribute::Priority(route.priority));
    }
    message
}

fn address_of(address: Address) -> RouteAddress {
    std::net::IpAddr::from(address).into()
}

fn of_message(message: &RouteNetlinkMessage) -> Option<KernelRoute> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = &message.header;
    let unspecified = match header.address_family {
        netlink_packet_route::AddressFamily::Inet => Address::v4([0; 4]),
        netlink_packet_route::AddressFamily::Inet6 => Address::UNSPECIFIED,
        _ => return None,
    };
    let kind = match header.kind {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Local => RouteKind::Local,
        _ => return None,
    };
    let mut route = KernelRoute {
        to: Prefix::new(unspecified, header.destination_prefix_length),
        kind,
        via: None,
        index: None,
        table: u32::from(header.table),
        priority: 0,
        protocol: header.protocol.into(),
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                route.to = Prefix::new(from_kernel(to)?, header.destination_prefix_length)
            }
            RouteAttribute::Gateway(via) => route.via = from_kernel(via),
            RouteAttribute::Oif(index) => route.index = Some(*index),
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Priority(priority) => route.priority = *priority,
            _ => {}
        }
    }
    Some(route)
}

fn from_kernel(address: &RouteAddress) -> Option<Address> {
    match address {
        RouteAddress::Inet(v4) => Some(Address::v4(v4.octets())),
        RouteAddress::Inet6(v6) => Some(Address::v6(v6.octets())),
        _ => None,
    }
}
