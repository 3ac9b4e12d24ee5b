//! Types and codes of ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443, RFC 4861), and their checksum.

use crate::fields::write_u16;
use crate::ip::protocol;
use crate::{Family, Parsed, checksum};

/// Bytes of an ICMP or ICMPv6 header, the four bytes that depend on the type included.
pub const HEADER: usize = 8;
/// Offset of the checksum.
pub const CHECKSUM: usize = 2;
/// Offset of the 32 bits that depend on the type.
pub const REST: usize = 4;

/// Whether the checksum of the whole message described by `parsed` is right.
pub fn is_checksum_right(frame: &[u8], parsed: &Parsed) -> bool {
    checksum::fold(sum(frame, parsed)) == 0xffff
}

/// Writes the checksum of the whole message described by `parsed`; its addresses must be those of the header.
pub fn write_checksum(frame: &mut [u8], parsed: &Parsed) {
    let field = usize::from(parsed.l4) + CHECKSUM;
    write_u16(frame, field, 0);
    let checksum = !checksum::fold(sum(frame, parsed));
    write_u16(frame, field, checksum);
}

fn sum(frame: &[u8], parsed: &Parsed) -> u32 {
    let message = &frame[usize::from(parsed.l4)..parsed.end as usize];
    let pseudo_header = match parsed.family {
        Family::V4 => 0,
        // RFC 4443 2.3.
        Family::V6 => {
            checksum::pseudo_header(parsed.source, parsed.destination, protocol::ICMPV6, message.len() as u32)
        }
    };
    checksum::add(pseudo_header, message)
}

/// ICMP for IPv4.
pub mod v4 {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Source quench (deprecated, RFC 6633).
    pub const SOURCE_QUENCH: u8 = 4;
    /// Redirect.
    pub const REDIRECT: u8 = 5;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// Code of [`UNREACHABLE`]: port unreachable.
    pub const PORT: u8 = 3;
    /// Code of [`UNREACHABLE`]: communication administratively prohibited (RFC 1812 5.2.7.1).
    pub const PROHIBITED: u8 = 13;
    /// Code of [`UNREACHABLE`]: fragmentation needed and DF set; the MTU is in bytes 6 and 7 (RFC 1191).
    pub const FRAGMENTATION_NEEDED: u8 = 4;

    /// Whether a message of this type carries the packet that caused it (RFC 1122 3.2.2).
    pub const fn is_error(kind: u8) -> bool {
        matches!(kind, UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM)
    }
}

/// ICMP for IPv6.
pub mod v6 {
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 1;
    /// Packet too big; the MTU is in bytes 4 to 7.
    pub const PACKET_TOO_BIG: u8 = 2;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Router solicitation.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Neighbour solicitation.
    pub const NEIGHBOR_SOLICITATION: u8 = 135;
    /// Neighbour advertisement.
    pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    /// Redirect.
    pub const REDIRECT: u8 = 137;
    /// Code of [`UNREACHABLE`]: port unreachable.
    pub const PORT: u8 = 4;
    /// Code of [`UNREACHABLE`]: communication with destination administratively prohibited.
    pub const PROHIBITED: u8 = 1;

    /// Whether a message of this type is an error and carries the packet that caused it (RFC 4443 2.1).
    pub const fn is_error(kind: u8) -> bool {
        kind < 128
    }
}
