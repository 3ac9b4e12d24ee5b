//! ICMP (RFC 792, RFC 1812) and ICMPv6 (RFC 4443): errors told, errors passed on, echo answered.

mod translate;
mod tunnel_error;

pub use translate::{embedded, translate_error};
pub use tunnel_error::{PATH_MTU_MIN_V4, TunnelError, relay_error, tunnel_error};

use super::{HOP_LIMIT, Start, is_answerable, is_partial, patch_l4, seal, segment, swap_macs};
use crate::{DropReason, Emissions, Packet};
use net::checksum::Delta;
use net::fields::{read_u16, write_u16, write_u32};
use net::icmp::{self, v4, v6};
use net::ip::{self, protocol};
use net::{Address, Family, Parsed, ethernet, tcp};

/// Longest ICMP error (RFC 1812 4.3.2.3).
const V4_ERROR_MAX: usize = 576;
/// Longest ICMPv6 error (RFC 4443 3.1).
const V6_ERROR_MAX: usize = ip::V6_MTU_MIN as usize;
/// Type of service of ICMP errors: precedence 6, internetwork control (RFC 1812 4.3.2.5).
const V4_ERROR_TOS: u8 = 0xc0;

/// What to tell the sender of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It does not fit; packets of `mtu` bytes would.
    TooBig {
        /// Largest IP packet that fits.
        mtu: u16,
    },
    /// Its TTL or hop limit is used up.
    HopLimit,
    /// Nobody listens there.
    PortUnreachable,
    /// Not allowed.
    AdministrativelyProhibited,
}

impl Error {
    // Type, code, and the 32 bits that depend on them.
    const fn fields(self, family: Family) -> (u8, u8, u32) {
        match (family, self) {
            (Family::V4, Self::TooBig { mtu }) => (v4::UNREACHABLE, v4::FRAGMENTATION_NEEDED, mtu as u32),
            (Family::V4, Self::HopLimit) => (v4::TIME_EXCEEDED, 0, 0),
            (Family::V4, Self::PortUnreachable) => (v4::UNREACHABLE, v4::PORT, 0),
            (Family::V4, Self::AdministrativelyProhibited) => (v4::UNREACHABLE, v4::PROHIBITED, 0),
            (Family::V6, Self::TooBig { mtu }) => (v6::PACKET_TOO_BIG, 0, mtu as u32),
            (Family::V6, Self::HopLimit) => (v6::TIME_EXCEEDED, 0, 0),
            (Family::V6, Self::PortUnreachable) => (v6::UNREACHABLE, v6::PORT, 0),
            (Family::V6, Self::AdministrativelyProhibited) => (v6::UNREACHABLE, v6::PROHIBITED, 0),
        }
    }
}

/// Tells the sender of the packet, out of the NIC it came in by, in the name of `source` (of the packet's family).
/// `false` when nobody may be told (RFC 1812 4.3.2.7, RFC 4443 2.4) or there is no room.
///
/// What is quoted looks as it would on a wire: of a super-frame the first packet, with a complete checksum.
pub fn answer_error(
    packet: &Packet<'_>,
    parsed: &Parsed,
    error: Error,
    source: Address,
    emissions: &mut Emissions,
) -> bool {
    if !is_answerable(packet, parsed) || is_error(parsed) || source.family() != parsed.family {
        return false;
    }
    let bytes = packet.bytes();
    let l3 = usize::from(parsed.l3);
    let told = Told {
        nic: packet.head.nic,
        link: Some(&bytes[..l3]),
        macs: (ethernet::source(bytes), ethernet::destination(bytes)),
        source,
        destination: parsed.source,
        error,
    };
    let length = segment::unit_length(packet, parsed);
    told.emit(&bytes[l3..l3 + length], emissions, |quoted| finish_quoted(quoted, packet, parsed))
}

/// Whether the packet itself is an error, or a redirect, about which nobody is told.
fn is_error(parsed: &Parsed) -> bool {
    match parsed.protocol {
        protocol::ICMP => v4::is_error(parsed.icmp_type()),
        protocol::ICMPV6 => v6::is_error(parsed.icmp_type()) || parsed.icmp_type() == v6::REDIRECT,
        _ => false,
    }
}

/// An error to be sent.
struct Told<'a> {
    nic: crate::NicId,
    link: Option<&'a [u8]>,
    macs: (net::Mac, net::Mac),
    source: Address,
    destination: Address,
    error: Error,
}

impl Told<'_> {
    // `about` is the packet that caused it, from its IP header on; `finish` may correct what is quoted of it.
    fn emit(&self, about: &[u8], emissions: &mut Emissions, finish: impl FnOnce(&mut [u8])) -> bool {
        let family = self.destination.family();
        let (header, longest, protocol, traffic_class) = match family {
            Family::V4 => (ip::V4_HEADER, V4_ERROR_MAX, protocol::ICMP, V4_ERROR_TOS),
            Family::V6 => (ip::V6_HEADER, V6_ERROR_MAX, protocol::ICMPV6, 0),
        };
        let quoted = about.len().min(longest - header - icmp::HEADER);
        let start = Start {
            nic: self.nic,
            link: self.link,
            macs: self.macs,
            source: self.source,
            destination: self.destination,
            protocol,
            traffic_class,
            payload_length: icmp::HEADER + quoted,
        };
        let Some((mut message, described)) = start.begin(emissions) else { return false };
        let frame = message.bytes_mut();
        let at = usize::from(described.l4);
        let (kind, code, rest) = self.error.fields(family);
        frame[at..at + 2].copy_from_slice(&[kind, code]);
        write_u32(frame, at + icmp::REST, rest);
        let quote = &mut frame[at + icmp::HEADER..];
        quote.copy_from_slice(&about[..quoted]);
        finish(quote);
        icmp::write_checksum(frame, &described);
        true
    }
}

// Turns the quoted start of a super-frame, or of a packet with an open checksum, into that of a real packet.
fn finish_quoted(quoted: &mut [u8], packet: &Packet<'_>, parsed: &Parsed) {
    let bytes = packet.bytes();
    let (l3, l4) = (usize::from(parsed.l3), usize::from(parsed.l4));
    let at_l4 = l4 - l3;
    if let Some(start) = segment::payload_start(packet, parsed) {
        if start - l3 > quoted.len() {
            return;
        }
        let end = l3 + segment::unit_length(packet, parsed);
        let place = segment::Place { index: 0, offset: 0, is_last: end == parsed.end as usize };
        // Offsets in the quote count from its IP header.
        let relative = Parsed { l3: 0, l4: at_l4 as u16, ..*parsed };
        segment::finish(&mut quoted[..start - l3], &bytes[start..end], &relative, &place);
    } else if is_partial(packet, parsed) {
        let header = if parsed.protocol == protocol::TCP { tcp::header_length(bytes, l4) } else { icmp::HEADER };
        // Of a first fragment the rest of the datagram would be needed; nobody asks a NIC for that.
        let is_whole = parsed.fragment == net::Fragment::Whole;
        if is_whole && at_l4 + header <= quoted.len() {
            seal(&mut quoted[at_l4..at_l4 + header], &bytes[l4 + header..parsed.end as usize], parsed);
        }
    }
}

/// Turns an echo request into its reply, in place, towards who sent the frame. Of a fragmented request every fragment
/// is turned: the sender puts the reply together.
///
/// # Errors
/// `IcmpIgnored` when it is no echo request, or not from one host to one host.
pub fn echo_reply(packet: &mut Packet<'_>, parsed: &Parsed) -> Result<(), DropReason> {
    let (protocol, request, reply) = match parsed.family {
        Family::V4 => (protocol::ICMP, v4::ECHO_REQUEST, v4::ECHO_REPLY),
        Family::V6 => (protocol::ICMPV6, v6::ECHO_REQUEST, v6::ECHO_REPLY),
    };
    let first = Parsed { fragment: net::Fragment::Whole, ..*parsed };
    let is_request = parsed.is_later_fragment() || (parsed.icmp_type(), parsed.icmp_code()) == (request, 0);
    if parsed.protocol != protocol || !is_request || !is_answerable(packet, &first) {
        return Err(DropReason::IcmpIgnored);
    }
    let (l3, l4) = (usize::from(parsed.l3), usize::from(parsed.l4));
    let bytes = packet.bytes_mut();
    swap_macs(bytes);
    // Exchanging the addresses changes no sum.
    let (source, destination, length) = match parsed.family {
        Family::V4 => (l3 + 12, l3 + 16, 4),
        Family::V6 => (l3 + 8, l3 + 24, 16),
    };
    let (front, back) = bytes[..destination + length].split_at_mut(destination);
    front[source..source + length].swap_with_slice(&mut back[..length]);
    match parsed.family {
        Family::V4 => {
            let word = u16::from(HOP_LIMIT) << 8 | u16::from(protocol);
            ip::set_v4_word(bytes, l3, 8, word);
        }
        Family::V6 => bytes[l3 + 7] = HOP_LIMIT,
    }
    if parsed.is_later_fragment() {
        return Ok(());
    }
    bytes[l4] = reply;
    let content = Delta::NONE.word(u16::from(request) << 8, u16::from(reply) << 8);
    if parsed.family == Family::V6 {
        patch_l4(packet, parsed, Delta::NONE, content);
    } else if !is_partial(packet, parsed) {
        let bytes = packet.bytes_mut();
        let sum = content.apply(read_u16(bytes, l4 + icmp::CHECKSUM));
        write_u16(bytes, l4 + icmp::CHECKSUM, sum);
    }
    Ok(())
}

/// Whether the checksum of an ICMP(v6) message is right, or open and so made by a neighbour without a wire between.
fn is_intact(packet: &Packet<'_>, parsed: &Parsed) -> bool {
    is_partial(packet, parsed) || icmp::is_checksum_right(packet.bytes(), parsed)
}

#[cfg(test)]
mod tests;
