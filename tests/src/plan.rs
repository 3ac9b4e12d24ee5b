//! Names and addresses of the lab, as the documentation uses them.
//!
//! ```text
//!   client ── router ──┬── front 10.1.0.0/16 ──┬── a ──┬── back 10.2.0.0/16 ──┬── s1 s2 s3
//!   10.8/16            │                       └── b ──┘                      └── router2 ── t1 t2
//!                      └────────────── back (the way home that passes by the balancer) ──┘   10.5/16
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// `v4` or `v6`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }
}

/// Servers next to the balancer.
pub const SERVERS: [&str; 3] = ["s1", "s2", "s3"];
/// Servers behind the second router, reached through tunnels.
pub const TUNNEL_SERVERS: [&str; 2] = ["t1", "t2"];
/// Addresses of the client: eight /24 (or /64) with two each.
pub const CLIENT_SUBNETS: u16 = 8;
/// Addresses of the client in each of its subnets.
pub const CLIENTS_PER_SUBNET: u16 = 2;
/// VIPs in use: 10.1.0.100 and following.
pub const VIPS: u16 = 8;

/// The first VIP.
pub fn vip(family: Family) -> IpAddr {
    vip_number(family, 0)
}

/// A VIP by number, below [`VIPS`].
pub fn vip_number(family: Family, number: u16) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, 1, 0, 100 + number as u8).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x100 + number).into(),
    }
}

/// Address of a server by name: `s1` is 10.2.0.11 and 2001:db8:2::11, `t1` is 10.5.0.11 and 2001:db8:5::11.
pub fn server(name: &str, family: Family) -> IpAddr {
    let subnet = if name.starts_with('t') { 5 } else { 2 };
    let number = name[1..].parse::<u8>().expect("servers are a letter and a number");
    match family {
        Family::V4 => Ipv4Addr::new(10, subnet, 0, 10 + number).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, subnet.into(), 0, 0, 0, 0, 0x10 + u16::from(number)).into(),
    }
}

/// Hardware address of a server.
pub fn server_mac(name: &str) -> String {
    let subnet = if name.starts_with('t') { "05" } else { "02" };
    format!("02:00:0a:{subnet}:00:1{}", &name[1..])
}

/// A client address: `subnet` from 1 to [`CLIENT_SUBNETS`], `number` from 1 to [`CLIENTS_PER_SUBNET`].
pub fn client(family: Family, subnet: u16, number: u16) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, 8, subnet as u8, number as u8).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 8, subnet, 0, 0, 0, number).into(),
    }
}

/// All client addresses of a family.
pub fn clients(family: Family) -> Vec<IpAddr> {
    (1..=CLIENT_SUBNETS)
        .flat_map(|subnet| (1..=CLIENTS_PER_SUBNET).map(move |number| client(family, subnet, number)))
        .collect()
}

/// As it stands in a URL.
pub fn in_url(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Whether the full counts are asked for (`make test LONG=1`).
pub fn long() -> bool {
    std::env::var("LONG").is_ok_and(|value| !value.is_empty() && value != "0")
}

/// One of two sizes.
pub fn size<T>(ci: T, full: T) -> T {
    if long() { full } else { ci }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_documentation() {
        assert_eq!(vip(Family::V4).to_string(), "10.1.0.100");
        assert_eq!(vip_number(Family::V6, 2).to_string(), "2001:db8:1::102");
        assert_eq!(server("s2", Family::V4).to_string(), "10.2.0.12");
        assert_eq!(server("t1", Family::V6).to_string(), "2001:db8:5::11");
        assert_eq!(client(Family::V6, 3, 1).to_string(), "2001:db8:8:3::1");
        assert_eq!(clients(Family::V4).len(), 16);
        assert_eq!(in_url(vip(Family::V6)), "[2001:db8:1::100]");
    }
}
