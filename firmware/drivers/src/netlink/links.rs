//! Network devices.

use super::{Netlink, NetlinkError, VETH_PREFIX};
use net::Mac;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use std::io;

/// A network device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Number in this namespace.
    pub index: u32,
    /// Name in this namespace.
    pub name: String,
    /// Hardware address, if it is a MAC.
    pub mac: Option<Mac>,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// Whether somebody set it up.
    pub up: bool,
    /// Whether it has a carrier (and is up: without, there is none to have).
    pub carrier: bool,
    /// Whether its frames are Ethernet.
    pub ethernet: bool,
    /// Kind of a virtual device: `veth`, `vlan`, `bond`, …
    pub kind: Option<String>,
    /// Device below (VLAN) or at the other end (veth; its index may be one of another namespace).
    pub lower: Option<u32>,
    /// Bond or bridge it belongs to.
    pub controller: Option<u32>,
}

impl Netlink {
    /// All devices.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let list = self.dump(RouteNetlinkMessage::GetLink(LinkMessage::default()), "list links")?;
        Ok(list.iter().filter_map(of_message).collect())
    }

    /// The device of that name.
    ///
    /// # Errors
    /// When there is none, or the kernel refuses.
    pub fn link(&mut self, name: &str) -> Result<Link, NetlinkError> {
        let found = self.links()?.into_iter().find(|link| link.name == name);
        found.ok_or_else(|| NetlinkError::new(format!("find link {name}"), io::Error::from_raw_os_error(libc::ENODEV)))
    }

    /// Sets a device up or down.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_link_up(&mut self, index: u32, up: bool) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.header.change_mask = LinkFlags::Up;
        if up {
            message.header.flags = LinkFlags::Up;
        }
        let state = if up { "up" } else { "down" };
        self.change(RouteNetlinkMessage::SetLink(message), 0, || format!("set link {index} {state}"))
    }

    /// Makes a veth pair in this namespace. Both names begin with [`VETH_PREFIX`]: that is how it is found again.
    ///
    /// # Errors
    /// When a name is taken, or the kernel refuses.
    pub fn add_veth(&mut self, name: &str, peer: &str) -> Result<(), NetlinkError> {
        debug_assert!(name.starts_with(VETH_PREFIX) && peer.starts_with(VETH_PREFIX));
        let mut other = LinkMessage::default();
        other.attributes.push(LinkAttribute::IfName(peer.to_owned()));
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(other))),
        ]));
        let act = || format!("add veth {name} to {peer}");
        self.change(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL, act)
    }

    /// Deletes a device; of a veth pair both ends go.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_link(&mut self, index: u32) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        self.change(RouteNetlinkMessage::DelLink(message), 0, || format!("remove link {index}"))
    }
}

/// The device that a message is about, whether it came or went.
pub(super) fn of_message(message: &RouteNetlinkMessage) -> Option<Link> {
    let (RouteNetlinkMessage::NewLink(message) | RouteNetlinkMessage::DelLink(message)) = message else {
        return None;
    };
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        mac: None,
        mtu: 0,
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        ethernet: message.header.link_layer_type == LinkLayerType::Ether,
        kind: None,
        lower: None,
        controller: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Address(bytes) => link.mac = bytes.as_slice().try_into().ok().map(Mac),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Link(lower) => link.lower = Some(*lower),
            LinkAttribute::Controller(controller) => link.controller = Some(*controller),
            LinkAttribute::LinkInfo(infos) => {
                link.kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    (!link.name.is_empty()).then_some(link)
}
