//! What the kernel of this box has: links, addresses, routes. Read from it, never guessed.

use net::{Address, Mac, Prefix};

/// The state of the kernel's network, as read at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Links, in no order.
    pub links: Vec<Link>,
    /// Addresses of links.
    pub addresses: Vec<LinkAddress>,
    /// Unicast routes of the main table, in no order.
    pub routes: Vec<KernelRoute>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number; a NIC that was away comes back with another.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Hardware address.
    pub mac: Mac,
    /// Largest IP packet, bytes.
    pub mtu: u16,
    /// Administratively up.
    pub enabled: bool,
    /// Administratively up and with carrier.
    pub up: bool,
}

/// An address of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkAddress {
    /// Whose.
    pub link: u32,
    /// The address.
    pub address: Address,
    /// Leading bits that name the network.
    pub bits: u8,
}

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelRoute {
    /// Destinations.
    pub to: Prefix,
    /// The router; `None`: on the link.
    pub via: Option<Address>,
    /// Where it leaves.
    pub link: u32,
    /// The lowest wins.
    pub metric: u32,
}

impl Kernel {
    /// The link called `name`.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// Addresses of a link, with their networks.
    pub fn addresses_of(&self, link: u32) -> impl Iterator<Item = &LinkAddress> {
        self.addresses.iter().filter(move |address| address.link == link)
    }

    /// Whether `address` is on any link.
    pub fn has_address(&self, address: Address) -> bool {
        self.addresses.iter().any(|on_link| on_link.address == address)
    }
}
