//! Backends and fallbacks: whether their method, port and address can work for their service.

use super::{Check, Owner, fallback_of, family, network::owned};
use crate::report::Place;
use crate::service::{Method, Service};
use std::collections::HashMap;
use std::net::IpAddr;

/// A backend or a fallback.
struct Target<'s> {
    place: Place,
    address: IpAddr,
    port: Option<u16>,
    method: Method,
    /// Where the method is written.
    method_place: Place,
    service: &'s Service,
}

pub(super) fn check(check: &Check<'_>, place: &Place, service: &Service) {
    let place_of = |index: usize, name: &str| place.thing("backend", index, Some(name));
    let backends = || service.backends.iter().enumerate();
    check.names_differ(backends().map(|(index, b)| (place_of(index, &b.name), b.name.as_str())));
    let mut seen: HashMap<(IpAddr, Option<u16>), &str> = HashMap::new();
    for (index, backend) in backends() {
        let place = place_of(index, &backend.name);
        if let Some(first) = seen.get(&(backend.address, backend.port)) {
            let message = format!("{} has the same address and port", Quoted(first));
            check.report.error(&place.field("address"), message);
        } else {
            seen.insert((backend.address, backend.port), &backend.name);
        }
        tunnel_options(check, &place, service.method_of(backend), backend);
        let method_place = if backend.method.is_some() { place.field("method") } else { place.field("address") };
        let (address, port, method) = (backend.address, backend.port, service.method_of(backend));
        target(check, &Target { place, address, port, method, method_place, service });
    }
    if let Some((place, fallback)) = fallback_of(place, service) {
        let method_place = place.field("method");
        let (address, port, method) = (fallback.address, fallback.port, fallback.method);
        target(check, &Target { place, address, port, method, method_place, service });
    }
}

struct Quoted<'s>(&'s str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "backend \"{}\"", self.0)
    }
}

fn tunnel_options(check: &Check<'_>, place: &Place, method: Method, backend: &crate::Backend) {
    if backend.tunnel_port.is_some() && method != Method::TunnelGue {
        let message = format!("the method is {method}: only tunnel-gue has a tunnel port");
        check.report.error(&place.field("tunnel_port"), message);
    }
    if backend.tunnel_checksum.is_some() && !matches!(method, Method::TunnelGue | Method::TunnelGre) {
        let message = format!("the method is {method}: only tunnel-gue and tunnel-gre have a tunnel checksum");
        check.report.error(&place.field("tunnel_checksum"), message);
    }
}

fn target(check: &Check<'_>, target: &Target<'_>) {
    port(check, target);
    address(check, target);
    families(check, target);
    let (method, address) = (target.method, target.address);
    let snat = &check.draft.engine.snat_addresses;
    if method == Method::FullNat && !snat.iter().any(|snat| snat.is_ipv4() == address.is_ipv4()) {
        let family = family(address);
        let message =
            format!("fullnat needs source addresses: engine.snat_addresses has no {family} address for {address}");
        check.report.error(&target.method_place, message);
    }
}

fn port(check: &Check<'_>, target: &Target<'_>) {
    let Some(port) = target.port else { return };
    let (method, ports) = (target.method, &target.service.ports);
    let message = if ports.is_all_ports() {
        "the service has all ports: leave port out, and each is kept".to_owned()
    } else if !method.translates() && ports.only() != Some(port) {
        format!("{method} keeps the port that the client asked for ({ports}): leave port out, or use nat or fullnat")
    } else {
        return;
    };
    check.report.error(&target.place.field("port"), message);
}

fn address(check: &Check<'_>, target: &Target<'_>) {
    let address = target.address;
    let message = match check.owner(address) {
        // Also when it is another service's VIP: the engine owns it, nobody would answer for it.
        Some(owner @ Owner::Vip(_)) => {
            format!("{address} is {}: the box does not forward to itself, name the servers", owned(owner))
        }
        Some(owner @ Owner::Snat) => format!("{address} is {}, not a server", owned(owner)),
        Some(owner @ Owner::Nic(_)) if target.method.is_tunnel() => {
            format!("{address} is {}: a tunnel to oneself ends nowhere, use nat", owned(owner))
        }
        _ => return,
    };
    check.report.error(&target.place.field("address"), message);
}

/// Tunnels carry either family in either; the other methods keep the packet's.
// GAP(peers.md 1a NAT64): nat and fullnat between the families.
fn families(check: &Check<'_>, target: &Target<'_>) {
    let (address, method) = (target.address, target.method);
    let other = target.service.vip.iter().find(|vip| vip.address.is_ipv4() != address.is_ipv4());
    if let Some(vip) = other
        && !method.is_tunnel()
    {
        let message = format!(
            "{method} cannot send from the {} VIP {} to the {} address {address}: use a tunnel, or a service for each",
            family(vip.address),
            vip.address,
            family(address)
        );
        check.report.error(&target.place.field("address"), message);
    }
}
