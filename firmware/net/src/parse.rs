//! One pass over a frame: where its headers are and the few fields every decision needs.

use crate::ethernet;
use crate::fields::{read_array, read_u16, read_u32};
use crate::ip::{self, protocol};
use crate::{Address, Family, checksum, icmp, tcp, udp};

/// IPv6 extension headers before the upper layer; more is an attack, not traffic.
const EXTENSION_HEADERS_MAX: usize = 8;

/// The place of a packet in a fragmented datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// The whole datagram.
    Whole,
    /// The first fragment: it has the L4 header.
    First {
        /// Identification of the datagram.
        identification: u32,
    },
    /// A later fragment: no ports.
    Later {
        /// Identification of the datagram.
        identification: u32,
        /// Place in the datagram, in bytes.
        offset: u16,
    },
}

/// Why a frame cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// Neither IPv4 nor IPv6 by EtherType.
    NotIp,
    /// The frame ends inside its headers, or before the length its IP header claims.
    Truncated,
    /// Version or header length are wrong.
    Header,
    /// The IPv4 header checksum is wrong.
    HeaderChecksum,
    /// IPv4 source routing (RFC 7126 4.3, 4.4) or an IPv6 type 0 routing header (RFC 5095).
    SourceRoute,
    /// Too many IPv6 extension headers.
    ExtensionChain,
    /// A first fragment too short for its L4 header (RFC 1858, RFC 7112), or a later one that would overwrite it.
    TinyFragment,
    /// The source is a group address (of IP or Ethernet), unspecified or loopback.
    Source,
}

/// Where the headers of a packet are, and what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Offset of the IP header.
    pub l3: u16,
    /// Offset of the upper-layer header; of the fragment's data for a later fragment.
    pub l4: u16,
    /// Offset behind the IP packet: what follows is padding.
    pub end: u32,
    /// Family of the IP header.
    pub family: Family,
    /// Upper-layer protocol.
    pub protocol: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// TCP control bits; 0 for anything else.
    pub tcp_flags: u8,
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// L4 source port; 0 without one.
    pub source_port: u16,
    /// L4 destination port; 0 without one. For ICMP the first two bytes of its header: type and code.
    pub destination_port: u16,
    /// Place in a fragmented datagram.
    pub fragment: Fragment,
    /// Offset of the IPv6 fragment header; 0 when there is none.
    pub fragment_header: u16,
}

impl Parsed {
    /// Whether an IPv4 packet must not be fragmented; IPv6 packets never are by routers.
    pub fn dont_fragment(&self, frame: &[u8]) -> bool {
        match self.family {
            Family::V4 => read_u16(frame, usize::from(self.l3) + 6) & ip::V4_DONT_FRAGMENT != 0,
            Family::V6 => true,
        }
    }

    /// Whether this is a later fragment.
    pub const fn is_later_fragment(&self) -> bool {
        matches!(self.fragment, Fragment::Later { .. })
    }

    /// Type of an ICMP or ICMPv6 message.
    pub const fn icmp_type(&self) -> u8 {
        (self.destination_port >> 8) as u8
    }

    /// Code of an ICMP or ICMPv6 message.
    pub const fn icmp_code(&self) -> u8 {
        self.destination_port as u8
    }

    /// Bytes of the IP packet, header included.
    pub const fn ip_length(&self) -> usize {
        self.end as usize - self.l3 as usize
    }
}

/// Parses an Ethernet frame with up to two VLAN tags. `super_frame`: the 16-bit IP length may be 0
/// (Linux' super-frames above 64 KiB), then the frame's own length counts.
///
/// # Errors
/// What is wrong with the frame; nothing of it may be trusted then.
pub fn parse(frame: &[u8], super_frame: bool) -> Result<Parsed, Malformed> {
    let mut at = ethernet::HEADER;
    if frame.len() < at {
        return Err(Malformed::Truncated);
    }
    // IEEE 802.3 3.2.3: a source is one station. Whoever answered this one would answer everybody.
    if ethernet::source(frame).is_group() {
        return Err(Malformed::Source);
    }
    let mut ethertype = read_u16(frame, 12);
    let mut tags = 0;
    while matches!(ethertype, ethernet::VLAN | ethernet::SERVICE_VLAN) && tags < 2 {
        if frame.len() < at + ethernet::VLAN_TAG {
            return Err(Malformed::Truncated);
        }
        ethertype = read_u16(frame, at + 2);
        at += ethernet::VLAN_TAG;
        tags += 1;
    }
    match ethertype {
        ethernet::IPV4 => parse_v4(frame, at, super_frame, Strictness::Whole),
        ethernet::IPV6 => parse_v6(frame, at, super_frame, Strictness::Whole),
        _ => Err(Malformed::NotIp),
    }
}

/// Parses the packet that an ICMP error carries: it may be cut behind the first 8 bytes of its L4 header (RFC 792).
///
/// # Errors
/// What is wrong with the packet.
pub fn parse_embedded(frame: &[u8], at: usize) -> Result<Parsed, Malformed> {
    match frame.get(at).map(|first| first >> 4) {
        Some(4) => parse_v4(frame, at, false, Strictness::Embedded),
        Some(6) => parse_v6(frame, at, false, Strictness::Embedded),
        Some(_) => Err(Malformed::Header),
        None => Err(Malformed::Truncated),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// A packet on the wire.
    Whole,
    /// The beginning of a packet inside an ICMP error. Its header checksum may be stale (RFC 792 does not ask for a new one).
    Embedded,
}

fn parse_v4(frame: &[u8], l3: usize, super_frame: bool, strictness: Strictness) -> Result<Parsed, Malformed> {
    let available = frame.len() - l3;
    if available < ip::V4_HEADER {
        return Err(Malformed::Truncated);
    }
    let header = usize::from(frame[l3] & 0x0f) * 4;
    if frame[l3] >> 4 != 4 || header < ip::V4_HEADER {
        return Err(Malformed::Header);
    }
    let claimed = match usize::from(read_u16(frame, l3 + 2)) {
        0 if super_frame => available,
        // Some stacks have worked on the length before they quote the header.
        claimed if strictness == Strictness::Embedded && claimed < header => available,
        claimed => claimed,
    };
    if header > available || (strictness == Strictness::Whole && (claimed > available || claimed < header)) {
        return Err(Malformed::Truncated);
    }
    if strictness == Strictness::Whole {
        if checksum::fold(checksum::add(0, &frame[l3..l3 + header])) != 0xffff {
            return Err(Malformed::HeaderChecksum);
        }
        if header > ip::V4_HEADER && has_source_route(&frame[l3 + ip::V4_HEADER..l3 + header]) {
            return Err(Malformed::SourceRoute);
        }
    }
    let flags = read_u16(frame, l3 + 6);
    let identification = u32::from(read_u16(frame, l3 + 4));
    let offset = (flags & ip::V4_OFFSET_MASK) * 8;
    let fragment = match (offset, flags & ip::V4_MORE_FRAGMENTS != 0) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First { identification },
        (offset, _) => Fragment::Later { identification, offset },
    };
    finish(
        frame,
        strictness,
        Parsed {
            l3: l3 as u16,
            l4: (l3 + header) as u16,
            end: (l3 + claimed.min(available)) as u32,
            family: Family::V4,
            protocol: frame[l3 + 9],
            hop_limit: frame[l3 + 8],
            tcp_flags: 0,
            source: Address::v4(read_array(frame, l3 + 12)),
            destination: Address::v4(read_array(frame, l3 + 16)),
            source_port: 0,
            destination_port: 0,
            fragment,
            fragment_header: 0,
        },
    )
}

// Options 131 and 137 (RFC 791 3.1). An option with a length that does not fit ends the search: such a header is odd
// but harmless, as nobody follows it.
fn has_source_route(mut options: &[u8]) -> bool {
    while let Some(&kind) = options.first() {
        match kind {
            0 => return false,
            1 => options = &options[1..],
            131 | 137 => return true,
            _ => match options.get(1).map(|length| usize::from(*length)) {
                Some(length) if length >= 2 && length <= options.len() => options = &options[length..],
                _ => return false,
            },
        }
    }
    false
}

fn parse_v6(frame: &[u8], l3: usize, super_frame: bool, strictness: Strictness) -> Result<Parsed, Malformed> {
    let available = frame.len() - l3;
    if available < ip::V6_HEADER {
        return Err(Malformed::Truncated);
    }
    if frame[l3] >> 4 != 6 {
        return Err(Malformed::Header);
    }
    let claimed = match usize::from(read_u16(frame, l3 + 4)) {
        0 if super_frame => available,
        claimed => ip::V6_HEADER + claimed,
    };
    if strictness == Strictness::Whole && claimed > available {
        return Err(Malformed::Truncated);
    }
    let mut parsed = Parsed {
        l3: l3 as u16,
        l4: 0,
        end: (l3 + claimed.min(available)) as u32,
        family: Family::V6,
        protocol: frame[l3 + 6],
        hop_limit: frame[l3 + 7],
        tcp_flags: 0,
        source: Address::v6(read_array(frame, l3 + 8)),
        destination: Address::v6(read_array(frame, l3 + 24)),
        source_port: 0,
        destination_port: 0,
        fragment: Fragment::Whole,
        fragment_header: 0,
    };
    if parsed.source.is_v4() || parsed.destination.is_v4() {
        return Err(Malformed::Source);
    }
    walk_extensions(frame, &mut parsed)?;
    finish(frame, strictness, parsed)
}

// RFC 8200 4.1: each extension header names the next. Stops at the upper layer, or behind the fragment header of a
// later fragment, whose data is the middle of something.
fn walk_extensions(frame: &[u8], parsed: &mut Parsed) -> Result<(), Malformed> {
    let mut at = usize::from(parsed.l3) + ip::V6_HEADER;
    let end = parsed.end as usize;
    for _ in 0..EXTENSION_HEADERS_MAX {
        let length = match parsed.protocol {
            protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS | protocol::ROUTING if at + 8 <= end => {
                if parsed.protocol == protocol::ROUTING && frame[at + 2] == 0 && frame[at + 3] > 0 {
                    return Err(Malformed::SourceRoute);
                }
                (usize::from(frame[at + 1]) + 1) * 8
            }
            protocol::FRAGMENT if at + ip::V6_FRAGMENT_HEADER <= end && parsed.fragment_header == 0 => {
                let word = read_u16(frame, at + 2);
                let identification = read_u32(frame, at + 4);
                parsed.fragment_header = at as u16;
                // RFC 6946: offset 0 without more fragments ("atomic") is a whole datagram.
                parsed.fragment = match (word & 0xfff8, word & 1 != 0) {
                    (0, false) => Fragment::Whole,
                    (0, true) => Fragment::First { identification },
                    (offset, _) => Fragment::Later { identification, offset },
                };
                ip::V6_FRAGMENT_HEADER
            }
            protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS | protocol::ROUTING | protocol::FRAGMENT => {
                return Err(Malformed::Truncated);
            }
            _ => {
                parsed.l4 = at as u16;
                return Ok(());
            }
        };
        parsed.protocol = frame[at];
        at += length;
        if at > end {
            return Err(Malformed::Truncated);
        }
        if parsed.is_later_fragment() {
            parsed.l4 = at as u16;
            return Ok(());
        }
    }
    Err(Malformed::ExtensionChain)
}

fn finish(frame: &[u8], strictness: Strictness, mut parsed: Parsed) -> Result<Parsed, Malformed> {
    if strictness == Strictness::Whole && !is_valid_source(&parsed) {
        return Err(Malformed::Source);
    }
    if let Fragment::Later { offset, .. } = parsed.fragment {
        // RFC 3128: a fragment at offset 8 would overwrite the TCP flags.
        let overwrites = parsed.protocol == protocol::TCP && offset < 16;
        return if overwrites { Err(Malformed::TinyFragment) } else { Ok(parsed) };
    }
    let at = usize::from(parsed.l4);
    let rest = parsed.end as usize - at;
    let short = match parsed.fragment {
        Fragment::Whole => Malformed::Truncated,
        _ => Malformed::TinyFragment,
    };
    let needed = match (parsed.protocol, strictness) {
        (protocol::TCP, Strictness::Whole) => tcp::HEADER,
        (protocol::TCP | protocol::UDP, _) => udp::HEADER,
        (protocol::ICMP | protocol::ICMPV6, _) => icmp::HEADER,
        _ => return Ok(parsed),
    };
    if rest < needed {
        return Err(short);
    }
    match parsed.protocol {
        protocol::TCP => {
            parsed.source_port = read_u16(frame, at);
            parsed.destination_port = read_u16(frame, at + 2);
            if strictness == Strictness::Whole {
                let header = tcp::header_length(frame, at);
                if header < tcp::HEADER {
                    return Err(Malformed::Header);
                }
                if header > rest {
                    return Err(short);
                }
                parsed.tcp_flags = frame[at + tcp::FLAGS];
            }
        }
        protocol::UDP => {
            parsed.source_port = read_u16(frame, at);
            parsed.destination_port = read_u16(frame, at + 2);
            let length = usize::from(read_u16(frame, at + udp::LENGTH));
            // Length 0 stands for a datagram above 65,535 bytes (RFC 2675) and for super-frames.
            if strictness == Strictness::Whole
                && parsed.fragment == Fragment::Whole
                && length != 0
                && (length < udp::HEADER || length > rest)
            {
                return Err(Malformed::Truncated);
            }
        }
        _ => parsed.destination_port = read_u16(frame, at),
    }
    Ok(parsed)
}

// RFC 1122 3.2.1.3: never a source. Loopback never travels a wire.
fn is_valid_source(parsed: &Parsed) -> bool {
    let source = parsed.source;
    match parsed.family {
        Family::V4 => {
            let first = (source.0 as u32) >> 24;
            !(source.is_multicast() || first == 127 || first == 0 || source.is_broadcast())
        }
        // The unspecified address is allowed for neighbour solicitations (duplicate address detection) only.
        Family::V6 => {
            !(source.is_multicast() || source.0 == 1 || (source.0 == 0 && parsed.protocol != protocol::ICMPV6))
        }
    }
}
