//! Addresses and prefixes as they are written in the document.

use serde::{Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and how many of its leading bits name its network. Bits behind the prefix may be set: a NIC's address
/// keeps them, a network has none (see [`Prefix::is_network`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// Leading bits of the network: at most 32 (IPv4) or 128 (IPv6).
    pub bits: u8,
}

impl Prefix {
    /// A single address.
    pub fn host(address: IpAddr) -> Self {
        Self { address, bits: width(address) }
    }

    /// Whether it is a single address.
    pub fn is_host(&self) -> bool {
        self.bits == width(self.address)
    }

    /// The network: bits behind the prefix cleared.
    pub fn network(&self) -> Self {
        Self { address: masked(self.address, self.bits), bits: self.bits }
    }

    /// Whether no bit behind the prefix is set.
    pub fn is_network(&self) -> bool {
        self.network() == *self
    }

    /// Whether `address` is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.bits) == masked(self.address, self.bits)
    }

    /// Whether the two networks share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        if self.bits <= other.bits { self.contains(other.address) } else { other.contains(self.address) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_prefix(text)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Bits of an address.
pub(crate) fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            Ipv4Addr::from(u32::from(v4) & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            Ipv6Addr::from(u128::from(v6) & mask).into()
        }
    }
}

/// Reads an address. The error says what is wrong with it.
pub fn parse_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| format!("{text} is not an IP address"))?;
    if let IpAddr::V6(v6) = address
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        return Err(format!("{text} is an IPv4 address written as IPv6: write {v4}"));
    }
    Ok(address)
}

/// Reads the address of a host: not multicast, not broadcast, not loopback, not 0.
pub(crate) fn parse_unicast(text: &str) -> Result<IpAddr, String> {
    let address = parse_address(text)?;
    match not_a_host(address) {
        None => Ok(address),
        Some(what) => Err(format!("{text} is {what}, not the address of a host")),
    }
}

/// Reads `address/bits`.
pub(crate) fn parse_prefix(text: &str) -> Result<Prefix, String> {
    let Some((address, bits)) = text.split_once('/') else {
        let address = parse_address(text)?;
        return Err(format!(
            "{text} has no prefix length: write {address}/{}",
            if address.is_ipv4() { 24 } else { 64 }
        ));
    };
    let address = parse_address(address)?;
    let width = width(address);
    match bits.parse::<u8>() {
        Ok(bits) if bits <= width && text.ends_with(|c: char| c.is_ascii_digit()) && !text.contains("/+") => {
            Ok(Prefix { address, bits })
        }
        _ => Err(format!("/{bits} is not a prefix length: IPv{} has /0 to /{width}", if width == 32 { 4 } else { 6 })),
    }
}

/// Reads the network `address/bits`: no bit behind the prefix may be set.
pub(crate) fn parse_network(text: &str) -> Result<Prefix, String> {
    let prefix = parse_prefix(text)?;
    if prefix.is_network() {
        Ok(prefix)
    } else {
        Err(format!("{prefix} has bits set behind its prefix: the network is {}", prefix.network()))
    }
}

/// Reads the address of a NIC with its prefix length.
pub(crate) fn parse_nic_address(text: &str) -> Result<Prefix, String> {
    let prefix = parse_prefix(text)?;
    if let Some(what) = not_a_host(prefix.address) {
        return Err(format!("{} is {what}, not the address of a host", prefix.address));
    }
    // /31 and /32 have no network address (RFC 3021); in IPv6 it is the routers' anycast address.
    if prefix.address.is_ipv4() && prefix.bits < 31 && prefix.is_network() {
        return Err(format!("{prefix} is the network itself: a NIC needs an address inside it"));
    }
    Ok(prefix)
}

/// Reads a VIP: an address, or a network for transparent caches.
pub(crate) fn parse_vip(text: &str) -> Result<Prefix, String> {
    if !text.contains('/') {
        return parse_unicast(text).map(Prefix::host);
    }
    let prefix = parse_prefix(text)?;
    if prefix.is_network() {
        return Ok(prefix);
    }
    Err(format!(
        "{prefix} has bits set behind its prefix: write {} for one VIP or {} for the network",
        prefix.address,
        prefix.network()
    ))
}

fn not_a_host(address: IpAddr) -> Option<&'static str> {
    if address.is_multicast() {
        Some("a multicast address")
    } else if address.is_unspecified() {
        Some("the unspecified address")
    } else if address.is_loopback() {
        Some("a loopback address")
    } else if address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("the broadcast address")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
