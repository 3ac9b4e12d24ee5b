//! Addresses, ports and ranges as IPVS's programs write them.

use super::names::port_of;
use crate::limits::IMPORT_RANGE_MAX;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use winnow::combinator::{alt, delimited, eof, opt, preceded, terminated};
use winnow::prelude::*;
use winnow::token::take_while;

/// A host: our document needs its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    /// A name, or something that is no address.
    Name(String),
}

/// A port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// None written, or 0.
    Any,
    Number(u16),
    /// A name that is not in our list of well-known services.
    Name(String),
}

impl Host {
    pub(super) fn parse(text: &str) -> Self {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        inner.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Address)
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(_) => None,
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl Port {
    /// A number or a well-known service; `None` for what cannot be a port.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse::<u16>().ok()? {
                0 => Some(Self::Any),
                number => Some(Self::Number(number)),
            };
        }
        Some(port_of(text).map_or_else(|| Self::Name(text.to_owned()), Self::Number))
    }

    pub(super) fn number(&self) -> Option<u16> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Any | Self::Name(_) => None,
        }
    }
}

/// Reads `host`, `host:port` or `[address]:port`; `None` for anything else.
pub(super) fn endpoint(text: &str) -> Option<(Host, Port)> {
    fn part<'t>(input: &mut &'t str) -> winnow::Result<&'t str> {
        take_while(1.., |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+')).parse_next(input)
    }
    fn bracketed<'t>(input: &mut &'t str) -> winnow::Result<&'t str> {
        delimited('[', take_while(1.., |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.')), ']')
            .parse_next(input)
    }
    let mut input = text;
    let (host, port) =
        terminated((alt((bracketed, part)), opt(preceded(':', part))), eof).parse_next(&mut input).ok()?;
    Some((Host::parse(host), port.map_or(Some(Port::Any), Port::parse)?))
}

/// The addresses from `first` to `last`, both included. The error says why not.
pub(super) fn range(first: IpAddr, last: IpAddr) -> Result<Vec<IpAddr>, String> {
    let addresses = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => count(u32::from(first).into(), u32::from(last).into())?
            .map(|address| Ipv4Addr::from(address as u32).into())
            .collect(),
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            count(first.into(), last.into())?.map(|address| Ipv6Addr::from(address).into()).collect()
        }
        _ => return Err("its ends are of different families".to_owned()),
    };
    Ok(addresses)
}

fn count(first: u128, last: u128) -> Result<std::ops::RangeInclusive<u128>, String> {
    match last.checked_sub(first) {
        None => Err("it ends before it begins".to_owned()),
        Some(more) if more >= IMPORT_RANGE_MAX as u128 => Err(format!("it has more than {IMPORT_RANGE_MAX} addresses")),
        Some(_) => Ok(first..=last),
    }
}

/// The length of a netmask as in `255.255.255.0` or `64`; `None`: it is none, or has a hole.
pub(super) fn mask_bits(text: &str) -> Option<u8> {
    match text.parse::<Ipv4Addr>() {
        Ok(mask) => {
            let mask = u32::from(mask);
            (mask.leading_ones() + mask.trailing_zeros().min(32) >= 32).then_some(mask.leading_ones() as u8)
        }
        Err(_) => text.parse().ok().filter(|bits| *bits <= 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let address = |text: &str| Host::Address(text.parse().unwrap());
        for (text, expected) in [
            ("10.0.0.1:80", Some((address("10.0.0.1"), Port::Number(80)))),
            ("10.0.0.1", Some((address("10.0.0.1"), Port::Any))),
            ("10.0.0.1:0", Some((address("10.0.0.1"), Port::Any))),
            ("[2001:db8::1]:443", Some((address("2001:db8::1"), Port::Number(443)))),
            ("[2001:db8::1]", Some((address("2001:db8::1"), Port::Any))),
            ("www.example.com:http", Some((Host::Name("www.example.com".to_owned()), Port::Number(80)))),
            ("sql01:frobnicate", Some((Host::Name("sql01".to_owned()), Port::Name("frobnicate".to_owned())))),
            ("10.0.0.1:65536", None),
            ("10.0.0.1:", None),
            ("10.0.0.1:80:90", None),
            ("", None),
        ] {
            assert_eq!(endpoint(text), expected, "{text}");
        }
    }

    #[test]
    fn ranges() {
        let count = |first: &str, last: &str| range(first.parse().unwrap(), last.parse().unwrap()).map(|all| all.len());
        assert_eq!(count("10.0.0.254", "10.0.1.1"), Ok(4));
        assert_eq!(count("2001:db8::2", "2001:db8::2"), Ok(1));
        assert_eq!(count("0.0.0.0", "255.255.255.255").unwrap_err(), "it has more than 1024 addresses");
        assert_eq!(
            count("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").unwrap_err(),
            "it has more than 1024 addresses"
        );
        assert_eq!(count("10.0.0.2", "10.0.0.1").unwrap_err(), "it ends before it begins");
        assert!(count("10.0.0.2", "::1").is_err());
    }

    #[test]
    fn masks() {
        for (text, expected) in [
            ("255.255.255.255", Some(32)),
            ("255.255.240.0", Some(20)),
            ("0.0.0.0", Some(0)),
            ("255.0.255.0", None),
            ("64", Some(64)),
            ("129", None),
            ("x", None),
        ] {
            assert_eq!(mask_bits(text), expected, "{text}");
        }
    }
}
