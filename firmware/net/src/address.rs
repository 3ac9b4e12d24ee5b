//! IP addresses and prefixes of both families in one type.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The family of an [`Address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Bits of an address of this family.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

const V4_MAPPED: u128 = 0xffff_0000_0000;

/// An IPv4 or IPv6 address: 128 bits, IPv4 mapped as `::ffff:a.b.c.d` (RFC 4291 2.5.5.2).
/// A real IPv6 packet with a mapped address is malformed (RFC 4038 4.2), so the two never meet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address(pub u128);

impl Address {
    /// The unspecified IPv6 address.
    pub const UNSPECIFIED: Self = Self(0);

    /// From the four bytes of an IPv4 header.
    pub const fn v4(bytes: [u8; 4]) -> Self {
        Self(V4_MAPPED | u32::from_be_bytes(bytes) as u128)
    }

    /// From the sixteen bytes of an IPv6 header.
    pub const fn v6(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Whether this is an IPv4 address.
    pub const fn is_v4(self) -> bool {
        self.0 >> 32 == 0xffff
    }

    /// The family.
    pub const fn family(self) -> Family {
        if self.is_v4() { Family::V4 } else { Family::V6 }
    }

    /// The four bytes of an IPv4 address (the low 32 bits of any other).
    pub const fn octets_v4(self) -> [u8; 4] {
        (self.0 as u32).to_be_bytes()
    }

    /// The sixteen bytes in network order.
    pub const fn octets(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Only the first `bits` of the family's width kept, the rest zero.
    pub const fn masked(self, bits: u8) -> Self {
        let bits = if self.is_v4() { bits.saturating_add(96) } else { bits };
        if bits == 0 {
            Self(0)
        } else if bits >= 128 {
            self
        } else {
            Self(self.0 & (u128::MAX << (128 - bits as u32)))
        }
    }

    /// Whether the address is multicast (224.0.0.0/4, ff00::/8).
    pub const fn is_multicast(self) -> bool {
        if self.is_v4() { (self.0 as u32) >> 28 == 0xe } else { self.0 >> 120 == 0xff }
    }

    /// Whether this is the IPv4 limited broadcast.
    pub const fn is_broadcast(self) -> bool {
        self.is_v4() && self.0 as u32 == u32::MAX
    }

    /// Whether the address is IPv6 link-local (fe80::/10).
    pub const fn is_link_local_v6(self) -> bool {
        self.0 >> 118 == 0x3fa
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::v4(v4.octets()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        if address.is_v4() {
            Self::V4(Ipv4Addr::from(address.octets_v4()))
        } else {
            Self::V6(Ipv6Addr::from(address.octets()))
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address and how many of its leading bits count (of the family's width: 0..=32 or 0..=128).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The network, host bits zero.
    pub network: Address,
    /// Leading bits that count.
    pub bits: u8,
}

impl Prefix {
    /// The prefix of `bits` that holds `address`; `bits` beyond the family's width are capped.
    pub fn new(address: Address, bits: u8) -> Self {
        let bits = bits.min(address.family().bits());
        Self { network: masked_network(address, bits), bits }
    }

    /// Whether `address` is inside.
    pub fn contains(&self, address: Address) -> bool {
        address.family() == self.network.family() && masked_network(address, self.bits) == self.network
    }

    /// Whether the two share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        if self.bits <= other.bits { self.contains(other.network) } else { other.contains(self.network) }
    }
}

// An IPv4 address masked with 0 bits stays an IPv4 address (the 96 mapped bits are always kept).
fn masked_network(address: Address, bits: u8) -> Address {
    address.masked(bits)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn masks_keep_the_family() {
        assert_eq!(address("10.1.2.3").masked(24), address("10.1.2.0"));
        assert_eq!(address("10.1.2.3").masked(0), address("0.0.0.0"));
        assert_eq!(address("10.1.2.3").masked(32), address("10.1.2.3"));
        assert_eq!(address("2001:db8::1").masked(32), address("2001:db8::"));
        assert_eq!(address("2001:db8::1").masked(0), address("::"));
        assert_eq!(address("2001:db8::1").masked(128), address("2001:db8::1"));
    }

    #[test]
    fn prefixes_hold_and_overlap() {
        let wide = Prefix::new(address("10.0.0.0"), 8);
        let narrow = Prefix::new(address("10.1.0.0"), 16);
        assert!(wide.contains(address("10.255.0.1")) && !wide.contains(address("11.0.0.1")));
        assert!(wide.overlaps(&narrow) && narrow.overlaps(&wide));
        assert!(!Prefix::new(address("::"), 0).contains(address("10.0.0.1")));
    }
}
