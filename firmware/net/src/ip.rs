//! Fields of the IPv4 (RFC 791) and IPv6 (RFC 8200) headers, by offset from the header's start.

use crate::checksum::{self, Delta};
use crate::fields::{read_u16, write_u16};
use crate::{Address, Family};

/// Bytes of an IPv4 header without options.
pub const V4_HEADER: usize = 20;
/// Bytes of the fixed IPv6 header.
pub const V6_HEADER: usize = 40;
/// Bytes of an IPv6 fragment header.
pub const V6_FRAGMENT_HEADER: usize = 8;

/// IPv4 "don't fragment", in the 16-bit flags and offset field.
pub const V4_DONT_FRAGMENT: u16 = 0x4000;
/// IPv4 "more fragments".
pub const V4_MORE_FRAGMENTS: u16 = 0x2000;
/// The offset, in units of 8 bytes.
pub const V4_OFFSET_MASK: u16 = 0x1fff;

/// Smallest link MTU of IPv6 (RFC 8200 5).
pub const V6_MTU_MIN: u16 = 1280;

/// Protocol numbers (IANA).
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// IPv4 in IP.
    pub const IPIP: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP.
    pub const IPV6: u8 = 41;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Generic routing encapsulation.
    pub const GRE: u8 = 47;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6: nothing follows.
    pub const NO_NEXT: u8 = 59;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// Replaces the source address of the header at `at`; for IPv4 the header's checksum with it.
pub fn set_source(bytes: &mut [u8], at: usize, old: Address, new: Address) {
    match new.family() {
        Family::V4 => {
            bytes[at + 12..at + 16].copy_from_slice(&new.octets_v4());
            patch_v4_checksum(bytes, at, Delta::NONE.address(old, new));
        }
        Family::V6 => bytes[at + 8..at + 24].copy_from_slice(&new.octets()),
    }
}

/// Replaces the destination address of the header at `at`; for IPv4 the header's checksum with it.
pub fn set_destination(bytes: &mut [u8], at: usize, old: Address, new: Address) {
    match new.family() {
        Family::V4 => {
            bytes[at + 16..at + 20].copy_from_slice(&new.octets_v4());
            patch_v4_checksum(bytes, at, Delta::NONE.address(old, new));
        }
        Family::V6 => bytes[at + 24..at + 40].copy_from_slice(&new.octets()),
    }
}

/// Takes one from the hop limit (TTL) of the header at `at`. The caller has checked that it is above 1.
pub fn decrement_hop_limit(bytes: &mut [u8], at: usize, family: Family) {
    match family {
        Family::V4 => {
            let old = read_u16(bytes, at + 8);
            let new = old.wrapping_sub(0x0100);
            write_u16(bytes, at + 8, new);
            patch_v4_checksum(bytes, at, Delta::NONE.word(old, new));
        }
        Family::V6 => bytes[at + 7] = bytes[at + 7].wrapping_sub(1),
    }
}

/// Replaces a 16-bit field of the IPv4 header at `at` and keeps its checksum right.
pub fn set_v4_word(bytes: &mut [u8], at: usize, field: usize, new: u16) {
    let old = read_u16(bytes, at + field);
    write_u16(bytes, at + field, new);
    patch_v4_checksum(bytes, at, Delta::NONE.word(old, new));
}

/// Writes the checksum of the IPv4 header at `at`, `length` bytes long, anew.
pub fn write_v4_checksum(bytes: &mut [u8], at: usize, length: usize) {
    write_u16(bytes, at + 10, 0);
    let sum = checksum::of(&bytes[at..at + length]);
    write_u16(bytes, at + 10, sum);
}

fn patch_v4_checksum(bytes: &mut [u8], at: usize, delta: Delta) {
    let sum = delta.apply(read_u16(bytes, at + 10));
    write_u16(bytes, at + 10, sum);
}

/// What [`emit_v4`] and [`emit_v6`] write into a header.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Source address.
    pub source: Address,
    /// Destination address; of the same family.
    pub destination: Address,
    /// Protocol, or the IPv6 next header.
    pub protocol: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// DSCP and ECN bits: the IPv4 type of service, the IPv6 traffic class.
    pub traffic_class: u8,
    /// Bytes behind this header.
    pub payload_length: usize,
    /// IPv4 identification; unused for IPv6.
    pub identification: u16,
    /// IPv4 flags and offset; unused for IPv6.
    pub flags_and_offset: u16,
    /// IPv6 flow label; unused for IPv4.
    pub flow_label: u32,
}

impl Header {
    /// Bytes that [`Header::emit`] writes.
    pub const fn length(&self) -> usize {
        match self.destination.family() {
            Family::V4 => V4_HEADER,
            Family::V6 => V6_HEADER,
        }
    }

    /// Writes the header to the start of `bytes`, with the IPv4 checksum. Returns its length.
    ///
    /// The 16-bit length field of a packet above 65,535 bytes is written as 0, as Linux does for its super-frames.
    pub fn emit(&self, bytes: &mut [u8]) -> usize {
        match self.destination.family() {
            Family::V4 => self.emit_v4(bytes),
            Family::V6 => self.emit_v6(bytes),
        }
        self.length()
    }

    fn emit_v4(&self, bytes: &mut [u8]) {
        bytes[0] = 0x45;
        bytes[1] = self.traffic_class;
        write_u16(bytes, 2, u16::try_from(V4_HEADER + self.payload_length).unwrap_or(0));
        write_u16(bytes, 4, self.identification);
        write_u16(bytes, 6, self.flags_and_offset);
        bytes[8] = self.hop_limit;
        bytes[9] = self.protocol;
        bytes[12..16].copy_from_slice(&self.source.octets_v4());
        bytes[16..20].copy_from_slice(&self.destination.octets_v4());
        write_v4_checksum(bytes, 0, V4_HEADER);
    }

    fn emit_v6(&self, bytes: &mut [u8]) {
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        bytes[0..4].copy_from_slice(&word.to_be_bytes());
        write_u16(bytes, 4, u16::try_from(self.payload_length).unwrap_or(0));
        bytes[6] = self.protocol;
        bytes[7] = self.hop_limit;
        bytes[8..24].copy_from_slice(&self.source.octets());
        bytes[24..40].copy_from_slice(&self.destination.octets());
    }
}
