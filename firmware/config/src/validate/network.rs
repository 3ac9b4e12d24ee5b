//! NICs, routes, full NAT's source addresses, the web console's NICs, virtual routers.

use super::{Check, Owner, family};
use crate::ha::{Track, VirtualRouter};
use crate::model::{NicRole, PerNode};
use crate::report::Place;
use crate::{Named, Prefix};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

pub(super) fn check(check: &mut Check<'_>) {
    check.names_differ(check.nics().map(|(place, nic)| (place, nic.name.as_str())));
    nic_addresses(check);
    routes(check);
    snat_addresses(check);
    web(check);
    virtual_routers(check);
}

/// One address on two NICs of a node cannot work.
fn nic_addresses(check: &Check<'_>) {
    // By address: the nodes that have it (`None`: all) and the NIC it is on.
    let mut seen: HashMap<IpAddr, Vec<(Option<&str>, &str)>> = HashMap::new();
    for (place, nic) in check.nics() {
        let place = place.field("addresses");
        let lists: Vec<(Place, Option<&str>, &[Prefix])> = match &nic.addresses {
            PerNode::Same(list) => vec![(place, None, list)],
            PerNode::ByNode(lists) => {
                lists.iter().map(|(node, list)| (place.field(node), Some(node.as_str()), list.as_slice())).collect()
            }
        };
        for (place, node, list) in lists {
            for (index, own) in list.iter().enumerate() {
                let others = seen.entry(own.address).or_default();
                let meets = |other: &Option<&str>| other.is_none() || node.is_none() || *other == node;
                if let Some((_, other)) = others.iter().find(|(other, _)| meets(other)) {
                    let message = format!("{} is already an address of NIC \"{other}\"", own.address);
                    check.report.error(&place.item(index), message);
                }
                others.push((node, &nic.name));
            }
        }
    }
}

fn routes(check: &Check<'_>) {
    let mut seen: HashMap<Prefix, Place> = HashMap::new();
    for (place, route) in check.routes() {
        if let Some(first) = seen.get(&route.to) {
            let line = check.report.line(first);
            check
                .report
                .error(&place.field("to"), format!("there is a route to {} already: see line {line}", route.to));
        } else {
            seen.insert(route.to, place.field("to"));
        }
        if let Some(nic) = &route.nic {
            check.nic_exists(&place.field("nic"), nic);
        }
        let Some(via) = route.via else { continue };
        let place = place.field("via");
        if via.is_ipv4() != route.to.address.is_ipv4() {
            let message = format!("{via} is an {} address, the route is to {}", family(via), route.to);
            check.report.error(&place, message);
        } else if let Some(owner) = check.owner(via) {
            check.report.error(&place, format!("{via} is {} on this box, not a router", owned(owner)));
        } else if route.nic.is_none() && check.known.nics_complete && check.nic_holding(via).is_none() {
            let message = format!("{via} is on no NIC's subnet: give the NIC that reaches it as nic");
            check.report.error(&place, message);
        }
    }
}

fn snat_addresses(check: &Check<'_>) {
    let place = Place::default().field("engine").field("snat_addresses");
    let mut seen = HashSet::new();
    for (index, address) in check.draft.engine.snat_addresses.iter().enumerate() {
        let place = place.item(index);
        if !seen.insert(address) {
            check.report.error(&place, format!("{address} is listed twice"));
            continue;
        }
        match check.owner(*address) {
            Some(owner @ (Owner::Nic(_) | Owner::Vip(_))) => {
                let message = format!("{address} is {}: full NAT needs addresses of its own", owned(owner));
                check.report.error(&place, message);
            }
            _ if check.known.nics_complete && check.nic_holding(*address).is_none() => {
                check.report.error(&place, format!("{address} is on no NIC's subnet"));
            }
            _ => {}
        }
    }
}

fn web(check: &Check<'_>) {
    let place = Place::default().field("web").field("nics");
    for (index, name) in check.draft.web.nics.iter().enumerate() {
        if NicRole::from_name(name).is_none() {
            check.nic_exists(&place.item(index), name);
        }
    }
}

fn virtual_routers(check: &Check<'_>) {
    let Some(ha) = &check.draft.ha else { return };
    let mut seen: HashMap<(u8, &str, bool), Place> = HashMap::new();
    for (index, router) in ha.routers.iter().enumerate() {
        let place = Place::default().field("ha").thing("router", index, None);
        check.nic_exists(&place.field("nic"), &router.nic);
        let v4 = router.vips.first().is_none_or(IpAddr::is_ipv4);
        if router.vips.is_empty() {
            check.report.error(&place.field("vips"), "a router needs at least one address to move");
        }
        if let Some((index, vip)) = router.vips.iter().enumerate().find(|(_, vip)| vip.is_ipv4() != v4) {
            let message = format!("{vip} is an {} address: a router has addresses of one family", family(*vip));
            check.report.error(&place.field("vips").item(index), message);
        }
        if let Some(first) = seen.get(&(router.id, router.nic.as_str(), v4)) {
            let line = check.report.line(first);
            let message = format!("{} is taken on NIC \"{}\": see line {line}", router.id, router.nic);
            check.report.error(&place.field("id"), message);
        } else {
            seen.insert((router.id, &router.nic, v4), place.field("id"));
        }
        tracked(check, &place.field("track"), router);
    }
}

fn tracked(check: &Check<'_>, place: &Place, router: &VirtualRouter) {
    for (index, track) in router.track.iter().enumerate() {
        let place = place.item(index);
        match track {
            Track::Nic { nic, .. } => check.nic_exists(&place.field("nic"), nic),
            Track::HealthyShare { healthy_share, .. } => {
                let exists = check.services().any(|(_, service)| service.name == *healthy_share);
                if check.known.services_complete && !exists {
                    let message = format!("no [[service]] is called \"{healthy_share}\"");
                    check.report.error(&place.field("healthy_share"), message);
                }
            }
            Track::Ping { .. } => {}
        }
    }
}

/// Whose an address is, in words.
pub(super) fn owned(owner: Owner<'_>) -> String {
    match owner {
        Owner::Nic(name) => format!("the address of NIC \"{name}\""),
        Owner::Vip(name) => format!("the VIP of service \"{name}\""),
        Owner::Snat => "one of engine.snat_addresses".to_owned(),
    }
}
