//! Ethernet II and 802.1Q.

use std::fmt;

/// Bytes of an untagged Ethernet header.
pub const HEADER: usize = 14;
/// Bytes of one 802.1Q tag.
pub const VLAN_TAG: usize = 4;

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const ARP: u16 = 0x0806;
/// EtherType of an 802.1Q customer tag.
pub const VLAN: u16 = 0x8100;
/// EtherType of an 802.1ad service tag.
pub const SERVICE_VLAN: u16 = 0x88a8;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;

/// A 48-bit hardware address.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All ones.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the address is a group address (multicast or broadcast).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether all bits are zero.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The destination of a frame that is at least [`HEADER`] long.
#[inline(always)]
pub fn destination(frame: &[u8]) -> Mac {
    Mac(crate::fields::read_array(frame, 0))
}

/// The source of a frame that is at least [`HEADER`] long.
#[inline(always)]
pub fn source(frame: &[u8]) -> Mac {
    Mac(crate::fields::read_array(frame, 6))
}

/// Writes both hardware addresses.
#[inline(always)]
pub fn set_addresses(frame: &mut [u8], destination: Mac, source: Mac) {
    frame[0..6].copy_from_slice(&destination.0);
    frame[6..12].copy_from_slice(&source.0);
}
