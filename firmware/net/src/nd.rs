//! Neighbour discovery (RFC 4861): solicitations and advertisements, heard in any frame and said in untagged ones.

use crate::fields::{read_array, write_u16, write_u32};
use crate::icmp::{self, v6};
use crate::ip::{self, protocol};
use crate::{Address, Family, Fragment, Mac, Parsed, ethernet};

/// Bytes of a solicitation or advertisement, options aside.
pub const MESSAGE: usize = 24;
/// Bytes of an option with a hardware address.
pub const MAC_OPTION: usize = 8;
/// Bytes of the frames made here: a message with one option.
pub const FRAME: usize = ethernet::HEADER + ip::V6_HEADER + MESSAGE + MAC_OPTION;
/// Hop limit of every message: it proves that no router was in between (RFC 4861 3.1).
pub const HOP_LIMIT: u8 = 255;

/// All nodes on the link.
pub const ALL_NODES: Address = Address(0xff02 << 112 | 1);
/// Where Ethernet sends what is for [`ALL_NODES`] (RFC 2464 7).
pub const ALL_NODES_MAC: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);

const SOLICITED_NODE: u128 = 0xff02 << 112 | 0x0001_ff00_0000;
const SOLICITED_NODE_BITS: u128 = 0xff_ffff;

/// Options (RFC 4861 4.6).
pub mod option {
    /// Source link-layer address.
    pub const SOURCE_MAC: u8 = 1;
    /// Target link-layer address.
    pub const TARGET_MAC: u8 = 2;
}

/// Flags of an advertisement, in its first byte behind the checksum (RFC 4861 4.4).
pub mod flag {
    /// The sender is a router.
    pub const ROUTER: u8 = 0x80;
    /// It answers a solicitation.
    pub const SOLICITED: u8 = 0x40;
    /// It replaces what the neighbour remembers.
    pub const OVERRIDE: u8 = 0x20;
}

/// A valid neighbour solicitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// The address asked for.
    pub target: Address,
    /// The hardware address that the sender wants the answer at.
    pub source_mac: Option<Mac>,
}

/// A valid neighbour advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The address it is about.
    pub target: Address,
    /// Its hardware address.
    pub target_mac: Option<Mac>,
    /// Bits of [`flag`].
    pub flags: u8,
}

/// The solicited-node multicast address of `target` (RFC 4291 2.7.1).
pub const fn solicited_node(target: Address) -> Address {
    Address(SOLICITED_NODE | target.0 & SOLICITED_NODE_BITS)
}

/// Where Ethernet sends what is for an IPv6 multicast address (RFC 2464 7).
pub const fn multicast_mac(address: Address) -> Mac {
    let [a, b, c, d] = (address.0 as u32).to_be_bytes();
    Mac([0x33, 0x33, a, b, c, d])
}

/// The solicitation in `frame`, checked as RFC 4861 7.1.1 asks, its checksum aside.
pub fn parse_solicitation(frame: &[u8], parsed: &Parsed) -> Option<Solicitation> {
    let (target, source_mac) = parse(frame, parsed, v6::NEIGHBOR_SOLICITATION, option::SOURCE_MAC)?;
    // A host that checks whether its address is free has none yet, and nowhere to be answered at.
    let is_probe = parsed.source == Address::UNSPECIFIED;
    let is_valid_probe = source_mac.is_none() && parsed.destination == solicited_node(target);
    (!is_probe || is_valid_probe).then_some(Solicitation { target, source_mac })
}

/// The advertisement in `frame`, checked as RFC 4861 7.1.2 asks, its checksum aside.
pub fn parse_advertisement(frame: &[u8], parsed: &Parsed) -> Option<Advertisement> {
    let (target, target_mac) = parse(frame, parsed, v6::NEIGHBOR_ADVERTISEMENT, option::TARGET_MAC)?;
    let flags = frame[usize::from(parsed.l4) + icmp::REST];
    (!parsed.destination.is_multicast() || flags & flag::SOLICITED == 0).then_some(Advertisement {
        target,
        target_mac,
        flags,
    })
}

fn parse(frame: &[u8], parsed: &Parsed, kind: u8, wanted: u8) -> Option<(Address, Option<Mac>)> {
    let message = frame.get(usize::from(parsed.l4)..parsed.end as usize)?;
    if parsed.family != Family::V6
        || parsed.protocol != protocol::ICMPV6
        || parsed.fragment != Fragment::Whole
        || parsed.hop_limit != HOP_LIMIT
        || message.len() < MESSAGE
        || message[..2] != [kind, 0]
    {
        return None;
    }
    let target = Address::v6(read_array(message, 8));
    if target.is_multicast() || target.is_v4() {
        return None;
    }
    let mut mac = None;
    let mut options = &message[MESSAGE..];
    while let [kind, units, ..] = *options {
        let length = usize::from(units) * 8;
        if length == 0 || length > options.len() {
            return None;
        }
        if kind == wanted && length == MAC_OPTION {
            mac = Some(Mac(read_array(options, 2))).filter(|mac| !mac.is_group());
        }
        options = &options[length..];
    }
    Some((target, mac))
}

/// Asks for the hardware address of `target`: its solicited-node group, or only the one who had it (`known`).
pub fn solicitation(mac: Mac, source: Address, target: Address, known: Option<Mac>) -> [u8; FRAME] {
    let destination = if known.is_some() { target } else { solicited_node(target) };
    let to = known.unwrap_or(multicast_mac(destination));
    emit(&Message { to, mac, source, destination, kind: v6::NEIGHBOR_SOLICITATION, flags: 0, target })
}

/// Announces to everybody on the link that `mac` has `target` (RFC 4861 7.2.6).
pub fn advertisement(mac: Mac, target: Address) -> [u8; FRAME] {
    emit(&Message {
        to: ALL_NODES_MAC,
        mac,
        source: target,
        destination: ALL_NODES,
        kind: v6::NEIGHBOR_ADVERTISEMENT,
        flags: flag::OVERRIDE,
        target,
    })
}

struct Message {
    to: Mac,
    mac: Mac,
    source: Address,
    destination: Address,
    kind: u8,
    flags: u8,
    target: Address,
}

fn emit(message: &Message) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    ethernet::set_addresses(&mut frame, message.to, message.mac);
    write_u16(&mut frame, 12, ethernet::IPV6);
    let header = ip::Header {
        source: message.source,
        destination: message.destination,
        protocol: protocol::ICMPV6,
        hop_limit: HOP_LIMIT,
        traffic_class: 0,
        payload_length: MESSAGE + MAC_OPTION,
        identification: 0,
        flags_and_offset: 0,
        flow_label: 0,
    };
    let l4 = ethernet::HEADER + header.emit(&mut frame[ethernet::HEADER..]);
    let kind = if message.kind == v6::NEIGHBOR_SOLICITATION { option::SOURCE_MAC } else { option::TARGET_MAC };
    write_message(&mut frame[l4..], message.kind, message.flags, message.target, kind, message.mac);
    let parsed = crate::parse(&frame, false).expect("the frame made above is whole");
    icmp::write_checksum(&mut frame, &parsed);
    frame
}

/// Writes a message with one hardware address option to the start of `bytes`, its checksum aside.
pub fn write_message(bytes: &mut [u8], kind: u8, flags: u8, target: Address, option: u8, mac: Mac) {
    bytes[..2].copy_from_slice(&[kind, 0]);
    write_u16(bytes, icmp::CHECKSUM, 0);
    write_u32(bytes, icmp::REST, u32::from(flags) << 24);
    bytes[8..MESSAGE].copy_from_slice(&target.octets());
    bytes[MESSAGE..MESSAGE + 2].copy_from_slice(&[option, (MAC_OPTION / 8) as u8]);
    bytes[MESSAGE + 2..MESSAGE + MAC_OPTION].copy_from_slice(&mac.0);
}

#[cfg(test)]
mod tests;
