//! What is done to a packet once it is known where it goes: rewritten, encapsulated, cut, or answered.
//!
//! Everything works in place on a [`Packet`] or fills [`Emissions`]. `Parsed` always describes the packet as it is
//! when the function is called. A partial checksum (`offload.partial_checksum`) holds the sum of the pseudo-header only,
//! not complemented, so a change of ports or content leaves it alone.

pub mod fit;
pub mod fragment;
pub mod icmp;
pub mod mss;
pub mod nat;
pub mod neighbor;
pub mod offload;
pub mod reset;
pub mod segment;
pub mod tunnel;

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) use tests::oracle;

use crate::{Emissions, NicId, Packet};
use net::checksum::{self, Delta};
use net::fields::{read_u16, write_u16};
use net::ip::{self, protocol};
use net::{Address, Family, Mac, Parsed, ethernet, icmp as icmp_fields, tcp, udp};

/// Hop limit of packets that the engine makes itself (IANA's recommended default).
pub const HOP_LIMIT: u8 = 64;

/// Where a checksum that covers the pseudo-header is in the L4 header.
pub(crate) const fn checksum_field(number: u8) -> Option<usize> {
    match number {
        protocol::TCP => Some(tcp::CHECKSUM),
        protocol::UDP => Some(udp::CHECKSUM),
        protocol::ICMPV6 => Some(icmp_fields::CHECKSUM),
        _ => None,
    }
}

/// Whether the checksum of this packet's own L4 header is open. With a tunnel inside, an inner header's may be instead.
pub(crate) fn is_partial(packet: &Packet<'_>, parsed: &Parsed) -> bool {
    packet.head.offload.partial_checksum && packet.head.offload.checksum_start == parsed.l4
}

/// Brings the L4 checksum up to date: `pseudo` is what changed in the pseudo-header, `content` what changed behind it.
pub(crate) fn patch_l4(packet: &mut Packet<'_>, parsed: &Parsed, pseudo: Delta, content: Delta) {
    let Some(field) = checksum_field(parsed.protocol) else { return };
    let is_partial = is_partial(packet, parsed);
    let bytes = packet.bytes_mut();
    let at = usize::from(parsed.l4) + field;
    let old = read_u16(bytes, at);
    let new = match (is_partial, parsed.protocol) {
        (true, _) => pseudo.apply_partial(old),
        // RFC 768: no checksum was computed, and none will be.
        (false, protocol::UDP) if old == 0 => 0,
        (false, protocol::UDP) => not_zero(content.apply(pseudo.apply(old))),
        (false, _) => content.apply(pseudo.apply(old)),
    };
    write_u16(bytes, at, new);
}

/// RFC 768: a UDP checksum that comes out as zero is sent as all ones, which is the same number.
pub(crate) const fn not_zero(checksum: u16) -> u16 {
    if checksum == 0 { 0xffff } else { checksum }
}

/// What changes when a summed region that starts at `at` changes its sum. At an odd distance from the start of the
/// header at `l4` every byte counts in the other half of its word, which swaps the sum (RFC 1071 2 B).
pub(crate) fn changed(delta: Delta, l4: usize, at: usize, old: u16, new: u16) -> Delta {
    if (at - l4).is_multiple_of(2) { delta.word(old, new) } else { delta.word(old.swap_bytes(), new.swap_bytes()) }
}

/// Overwrites bytes behind the L4 header's start and adds the change to `delta`.
pub(crate) fn overwrite(bytes: &mut [u8], l4: usize, at: usize, new: &[u8], delta: Delta) -> Delta {
    let region = &mut bytes[at..at + new.len()];
    let old = checksum::fold(checksum::add(0, region));
    region.copy_from_slice(new);
    changed(delta, l4, at, old, checksum::fold(checksum::add(0, new)))
}

/// Writes the complete checksum of an L4 header of even length in front of `payload`.
pub(crate) fn seal(header: &mut [u8], payload: &[u8], parsed: &Parsed) {
    let Some(field) = checksum_field(parsed.protocol) else { return };
    write_u16(header, field, 0);
    let length = (header.len() + payload.len()) as u32;
    let pseudo = checksum::pseudo_header(parsed.source, parsed.destination, parsed.protocol, length);
    let sum = !checksum::fold(checksum::add(checksum::add(pseudo, header), payload));
    write_u16(header, field, if parsed.protocol == protocol::UDP { not_zero(sum) } else { sum });
}

/// Writes the length of the IP packet that starts at `at`, and the IPv4 header checksum with it. Above 65,535 bytes the
/// field is 0, as in Linux' own super-frames.
pub(crate) fn set_ip_length(bytes: &mut [u8], at: usize, family: Family, length: usize) {
    match family {
        Family::V4 => ip::set_v4_word(bytes, at, 2, u16::try_from(length).unwrap_or(0)),
        Family::V6 => write_u16(bytes, at + 4, u16::try_from(length - ip::V6_HEADER).unwrap_or(0)),
    }
}

/// Exchanges the two hardware addresses: the frame goes back to who sent it.
pub(crate) fn swap_macs(bytes: &mut [u8]) {
    let (destination, source) = (ethernet::destination(bytes), ethernet::source(bytes));
    ethernet::set_addresses(bytes, source, destination);
}

/// The EtherType of a family.
pub(crate) const fn ethertype(family: Family) -> u16 {
    match family {
        Family::V4 => ethernet::IPV4,
        Family::V6 => ethernet::IPV6,
    }
}

/// Whether somebody may be answered: one host, that sent to one host (RFC 1812 4.3.2.7, RFC 4443 2.4 e).
pub(crate) fn is_answerable(packet: &Packet<'_>, parsed: &Parsed) -> bool {
    let bytes = packet.bytes();
    let source = parsed.source;
    let class_e = source.is_v4() && source.0 as u32 >> 28 == 0xf;
    !(parsed.is_later_fragment()
        || ethernet::destination(bytes).is_group()
        || ethernet::source(bytes).is_group()
        || parsed.destination.is_multicast()
        || parsed.destination.is_broadcast()
        || source.is_multicast()
        || source == Address::UNSPECIFIED
        || class_e)
}

/// What a packet made by the engine starts with.
pub(crate) struct Start<'a> {
    /// Where it leaves.
    pub nic: NicId,
    /// The link header of a received frame, whose VLAN tags are kept; none: no tags.
    pub link: Option<&'a [u8]>,
    /// Destination and source hardware address.
    pub macs: (Mac, Mac),
    /// Source and destination address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Protocol behind the IP header.
    pub protocol: u8,
    /// DSCP and ECN bits.
    pub traffic_class: u8,
    /// Bytes behind the IP header.
    pub payload_length: usize,
}

impl Start<'_> {
    /// Begins the frame and writes its link and IP headers; what is behind them is up to the caller, who gets it with
    /// its description. `None` when there is no room.
    pub(crate) fn begin<'e>(&self, emissions: &'e mut Emissions) -> Option<(Packet<'e>, Parsed)> {
        let header = ip::Header {
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            hop_limit: HOP_LIMIT,
            traffic_class: self.traffic_class,
            payload_length: self.payload_length,
            // RFC 6864 4.1: an atomic datagram needs no identification.
            identification: 0,
            flags_and_offset: ip::V4_DONT_FRAGMENT,
            flow_label: 0,
        };
        let l3 = self.link.map_or(ethernet::HEADER, <[u8]>::len);
        let length = l3 + header.length() + self.payload_length;
        let mut packet = emissions.begin(self.nic, length)?;
        let bytes = packet.bytes_mut();
        if let Some(link) = self.link {
            bytes[..l3].copy_from_slice(link);
        }
        ethernet::set_addresses(bytes, self.macs.0, self.macs.1);
        let family = self.destination.family();
        write_u16(bytes, l3 - 2, ethertype(family));
        let l4 = l3 + header.emit(&mut bytes[l3..]);
        let parsed = Parsed {
            l3: l3 as u16,
            l4: l4 as u16,
            end: length as u32,
            family,
            protocol: self.protocol,
            hop_limit: HOP_LIMIT,
            tcp_flags: 0,
            source: self.source,
            destination: self.destination,
            source_port: 0,
            destination_port: 0,
            fragment: net::Fragment::Whole,
            fragment_header: 0,
        };
        Some((packet, parsed))
    }
}
