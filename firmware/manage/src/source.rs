//! Where a call comes from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The other end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A process on this box.
    Socket {
        /// Its user.
        uid: u32,
    },
    /// Somebody on the network, as the web role tells.
    Network(IpAddr),
}

impl Source {
    /// Whether it is root on the box: administrator, and never locked out.
    pub fn is_root(self) -> bool {
        self == Self::Socket { uid: 0 }
    }

    /// What attempts are counted by: an IPv6 host has a /64 to itself, so addresses below it are the same source.
    pub(crate) fn counted(self) -> Self {
        match self {
            Self::Network(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(mapped) => Self::Network(IpAddr::V4(mapped)),
                None => Self::Network(IpAddr::V6(network(address))),
            },
            other => other,
        }
    }
}

fn network(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))
}

impl From<Ipv4Addr> for Source {
    fn from(address: Ipv4Addr) -> Self {
        Self::Network(address.into())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { uid } => write!(f, "socket, uid {uid}"),
            Self::Network(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_counted_by_network() {
        let network = |text: &str| Source::Network(text.parse().expect("an address"));
        for (source, counted) in [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(network(source).counted(), network(counted), "{source}");
        }
        assert!(Source::Socket { uid: 0 }.is_root());
        assert!(!Source::Socket { uid: 1 }.is_root() && !network("127.0.0.1").is_root());
        assert_eq!(Source::Socket { uid: 7 }.to_string(), "socket, uid 7");
    }
}
