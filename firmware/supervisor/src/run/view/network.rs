//! The network of the box, and what of it the configuration asks for.

use super::super::control::Control;
use super::status::speed_mbps;
use api::{Link, Network, NetworkAddress, NetworkNic, NetworkRoute};
use config::Config;
use control::kernel::{self, Kernel, KernelRoute};
use control::local;
use net::{Address, Prefix};

impl Control {
    /// The network of the box.
    pub fn network(&self) -> Network {
        let (config, kernel) = (self.node.config(), self.node.kernel());
        Network {
            hostname: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
            nics: nics(config, self.node.name(), kernel),
            routes: routes(config, kernel),
        }
    }
}

/// Links that are nobody's business but this program's and the kernel's.
pub(super) fn is_inner(name: &str) -> bool {
    ["lo", local::ENGINE_END, local::KERNEL_END].contains(&name)
}

fn nics(config: &Config, node: &str, kernel: &Kernel) -> Vec<NetworkNic> {
    let configured = config.nics.iter().map(|nic| NetworkNic {
        role: Some(nic.role),
        ..one(&nic.name, kernel.link(&nic.name), &addresses(config, node, kernel, &nic.name))
    });
    let mut others: Vec<&kernel::Link> =
        kernel.links.iter().filter(|link| config.nic(&link.name).is_none() && !is_inner(&link.name)).collect();
    others.sort_by(|a, b| a.name.cmp(&b.name));
    let others =
        others.into_iter().map(|link| one(&link.name, Some(link), &addresses(config, node, kernel, &link.name)));
    configured.chain(others).collect()
}

fn one(name: &str, link: Option<&kernel::Link>, addresses: &[NetworkAddress]) -> NetworkNic {
    NetworkNic {
        name: name.to_owned(),
        role: None,
        link: match link {
            None => Link::Missing,
            Some(link) if link.up => Link::Up,
            Some(_) => Link::Down,
        },
        speed_mbps: link.and_then(|link| speed_mbps(&link.name)),
        mtu: link.map_or(0, |link| u32::from(link.mtu)),
        mac: link.map(|link| link.mac.to_string()),
        addresses: addresses.to_vec(),
    }
}

/// Those of the configuration first, then what the kernel has besides.
fn addresses(config: &Config, node: &str, kernel: &Kernel, name: &str) -> Vec<NetworkAddress> {
    let asked = config.nic(name).map_or(&[][..], |nic| nic.addresses_on(node));
    let index = kernel.link(name).map(|link| link.index);
    let found: Vec<_> = index.into_iter().flat_map(|index| kernel.addresses_of(index)).collect();
    let is_asked = |address: Address| asked.iter().any(|own| Address::from(own.address) == address);
    let configured = asked.iter().map(|own| NetworkAddress {
        address: own.to_string(),
        configured: true,
        there: found.iter().any(|found| found.address == Address::from(own.address)),
    });
    let others = found.iter().filter(|found| !is_asked(found.address) && !found.address.is_link_local_v6());
    let others = others.map(|found| NetworkAddress {
        address: format!("{}/{}", found.address, found.bits),
        configured: false,
        there: true,
    });
    configured.chain(others).collect()
}

fn routes(config: &Config, kernel: &Kernel) -> Vec<NetworkRoute> {
    let name = |index: u32| kernel.links.iter().find(|link| link.index == index).map(|link| link.name.as_str());
    let is = |asked: &config::Route, found: &KernelRoute| {
        Prefix::new(asked.to.address.into(), asked.to.bits) == found.to
            && asked.via.map(Address::from) == found.via
            && asked.nic.as_deref().is_none_or(|nic| name(found.link) == Some(nic))
    };
    let configured = config.routes.iter().map(|route| {
        let found = kernel.routes.iter().find(|found| is(route, found));
        let nic = route.nic.as_deref().or_else(|| name(found?.link));
        NetworkRoute {
            to: route.to.to_string(),
            via: route.via,
            nic: nic.unwrap_or_default().to_owned(),
            configured: true,
            there: found.is_some(),
        }
    });
    let mut others: Vec<NetworkRoute> = kernel
        .routes
        .iter()
        .filter(|found| config.routes.iter().all(|route| !is(route, found)) && !is_connected(found, kernel))
        .filter_map(|found| {
            let nic = name(found.link).filter(|name| !is_inner(name))?.to_owned();
            let via = found.via.map(Into::into);
            Some(NetworkRoute { to: found.to.to_string(), via, nic, configured: false, there: true })
        })
        .collect();
    others.sort_by(|a, b| (&a.to, &a.nic).cmp(&(&b.to, &b.nic)));
    configured.chain(others).collect()
}

/// What goes without saying: the network of an address, and the one that every link has.
fn is_connected(route: &KernelRoute, kernel: &Kernel) -> bool {
    let of_address = || kernel.addresses_of(route.link).any(|own| Prefix::new(own.address, own.bits) == route.to);
    route.via.is_none() && (route.to.network.is_link_local_v6() || of_address())
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::kernel::LinkAddress;
    use net::Mac;

    const DOCUMENT: &str = r#"version = 1
[[nic]]
name = "f0"
addresses = ["10.1.0.1/16", "10.1.0.2/16"]
[[nic]]
name = "gone"
role = "management"
[[route]]
to = "0.0.0.0/0"
via = "10.1.0.254"
[[route]]
to = "10.9.0.0/16"
via = "10.1.0.9"
"#;

    fn kernel() -> Kernel {
        let link = |index, name: &str| kernel::Link {
            index,
            name: name.into(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            mtu: 1500,
            enabled: true,
            up: index == 7,
        };
        let address = |text: &str| Address::from(text.parse::<std::net::IpAddr>().unwrap());
        let on = |link, text: &str, bits| LinkAddress { link, address: address(text), bits };
        let route = |to: &str, bits, via: Option<&str>, link| KernelRoute {
            to: Prefix::new(address(to), bits),
            via: via.map(address),
            link,
            metric: 0,
        };
        Kernel {
            links: vec![link(1, "lo"), link(9, "b0"), link(7, "f0"), link(8, local::KERNEL_END)],
            addresses: vec![on(7, "10.1.0.1", 16), on(7, "192.0.2.7", 24), on(7, "fe80::1", 64)],
            routes: vec![
                route("10.1.0.0", 16, None, 7),
                route("192.0.2.0", 24, None, 7),
                route("fe80::", 64, None, 7),
                route("0.0.0.0", 0, Some("10.1.0.254"), 7),
                route("10.7.0.0", 16, Some("192.0.2.1"), 7),
            ],
        }
    }

    #[test]
    fn what_is_asked_for_and_what_is_there_besides() {
        let config = config::parse(DOCUMENT, "test").unwrap();
        let nics = nics(&config, "a", &kernel());
        let shown: Vec<_> = nics.iter().map(|nic| (nic.name.as_str(), nic.role.is_some(), nic.link)).collect();
        assert_eq!(shown, [("f0", true, Link::Up), ("gone", true, Link::Missing), ("b0", false, Link::Down)]);
        let shown: Vec<_> =
            nics[0].addresses.iter().map(|own| (own.address.as_str(), own.configured, own.there)).collect();
        assert_eq!(shown, [("10.1.0.1/16", true, true), ("10.1.0.2/16", true, false), ("192.0.2.7/24", false, true)]);
        let shown: Vec<_> = routes(&config, &kernel())
            .into_iter()
            .map(|route| (route.to, route.nic, route.configured, route.there))
            .collect();
        let route = |to: &str, nic: &str, configured, there| (to.to_owned(), nic.to_owned(), configured, there);
        let expected = [
            route("0.0.0.0/0", "f0", true, true),
            route("10.9.0.0/16", "", true, false),
            route("10.7.0.0/16", "f0", false, true),
        ];
        assert_eq!(shown, expected);
    }
}
