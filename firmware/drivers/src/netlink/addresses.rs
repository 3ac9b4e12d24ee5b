//! The box's own addresses.

use super::{Netlink, NetlinkError, PROTOCOL, family_of};
use net::{Address, Family, Prefix};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol,
};

/// An address of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NicAddress {
    /// The device.
    pub index: u32,
    /// The address.
    pub address: Address,
    /// Leading bits that are the network.
    pub bits: u8,
    /// Whether we made it. Kernels before 5.18 do not say.
    pub ours: bool,
    /// IPv6: duplicate address detection is still under way, or failed.
    pub tentative: bool,
}

impl NicAddress {
    /// The network it is in.
    pub fn prefix(&self) -> Prefix {
        Prefix::new(self.address, self.bits)
    }
}

impl Netlink {
    /// All addresses of all devices.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn addresses(&mut self) -> Result<Vec<NicAddress>, NetlinkError> {
        let list = self.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()), "list addresses")?;
        Ok(list.iter().filter_map(of_message).collect())
    }

    /// Gives a device an address, marked as ours. `at_once`: IPv6 without duplicate address detection.
    ///
    /// # Errors
    /// When it is there already, or the kernel refuses.
    pub fn add_address(&mut self, index: u32, address: Address, bits: u8, at_once: bool) -> Result<(), NetlinkError> {
        let mut message = message_of(index, address, bits);
        message.attributes.push(AddressAttribute::Protocol(AddressProtocol::Other(PROTOCOL)));
        if at_once && address.family() == Family::V6 {
            message.header.flags = AddressHeaderFlags::Nodad;
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        let act = || format!("add address {address}/{bits} on link {index}");
        self.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL, act)
    }

    /// Takes an address from a device.
    ///
    /// # Errors
    /// When it is not there, or the kernel refuses.
    pub fn remove_address(&mut self, index: u32, address: Address, bits: u8) -> Result<(), NetlinkError> {
        let message = message_of(index, address, bits);
        let act = || format!("remove address {address}/{bits} on link {index}");
        self.change(RouteNetlinkMessage::DelAddress(message), 0, act)
    }
}

fn message_of(index: u32, address: Address, bits: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family_of(address);
    message.header.prefix_len = bits;
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address.into()), AddressAttribute::Address(address.into())];
    message
}

/// The address that a message is about, whether it came or went.
pub(super) fn of_message(message: &RouteNetlinkMessage) -> Option<NicAddress> {
    let (RouteNetlinkMessage::NewAddress(message) | RouteNetlinkMessage::DelAddress(message)) = message else {
        return None;
    };
    let (mut local, mut remote, mut ours) = (None, None, false);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(Address::from(*address)),
            AddressAttribute::Address(address) => remote = Some(Address::from(*address)),
            AddressAttribute::Protocol(AddressProtocol::Other(protocol)) => ours = *protocol == PROTOCOL,
            _ => {}
        }
    }
    let unsettled = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
    Some(NicAddress {
        index: message.header.index,
        // IFA_ADDRESS is the far end of a point-to-point link; IPv6 has no IFA_LOCAL otherwise (rtnetlink(7)).
        address: local.or(remote)?,
        bits: message.header.prefix_len,
        ours,
        tentative: message.header.flags.intersects(unsettled),
    })
}
