//! Services: their VIPs, what they share with each other, and where they overlap.

use super::{Check, Owner, backend, health, network::owned};
use crate::limits::BACKENDS_MAX;
use crate::model::NicRole;
use crate::ranges::Range;
use crate::report::Place;
use crate::service::{Helper, Persistence, Protocol, Service};
use crate::{Method, Prefix};
use std::collections::HashMap;

pub(super) fn check(check: &mut Check<'_>) {
    check.names_differ(check.services().map(|(place, service)| (place, service.name.as_str())));
    for (place, service) in check.services() {
        vips(check, &place, service);
        options(check, &place, service);
        health::checks(check, &place, service);
        backend::check(check, &place, service);
    }
    overlaps(check);
    announcers(check);
    groups(check);
    let backends: usize =
        check.services().map(|(_, service)| service.backends.len() + usize::from(service.fallback.is_some())).sum();
    if backends > BACKENDS_MAX {
        let message = format!("{backends} backends over all services: at most {BACKENDS_MAX} are possible");
        check.report.error(&Place::default().field("service"), message);
    }
}

fn vips(check: &Check<'_>, place: &Place, service: &Service) {
    if let Some(name) = &service.nic {
        check.nic_exists(&place.field("nic"), name);
        if let Some(nic) = check.nic_named(name)
            && nic.role != NicRole::Data
        {
            check.report.error(&place.field("nic"), format!("\"{name}\" is a {} NIC, not a data NIC", nic.role));
        }
    }
    let list = place.field("vip");
    for (index, vip) in service.vip.iter().enumerate() {
        let place = list.item(index);
        let address = vip.address;
        if service.vip[..index].contains(vip) {
            check.report.error(&place, format!("{address} is listed twice"));
        }
        // A network of VIPs (transparent cache) is routed here: it needs no subnet, and may hold the box's own address.
        if !vip.is_host() {
            continue;
        }
        match check.owner(address) {
            Some(owner @ Owner::Nic(_)) => {
                let message = format!("{address} is {}: a VIP is an address of its own", owned(owner));
                check.report.error(&place, message);
            }
            _ if service.nic.is_some() || !check.known.nics_complete => {}
            _ => match check.nic_holding(address) {
                Some(nic) if nic.role != NicRole::Data && !data_nic_holds(check, vip) => {
                    let message = format!("{address} is on the subnet of \"{}\", a {} NIC", nic.name, nic.role);
                    check.report.error(&place, message);
                }
                Some(_) => {}
                None => {
                    let message = format!("{address} is on no NIC's subnet: give the NIC that announces it as nic");
                    check.report.error(&place, message);
                }
            },
        }
    }
}

fn data_nic_holds(check: &Check<'_>, vip: &Prefix) -> bool {
    check.nics().any(|(_, nic)| nic.role == NicRole::Data && nic.subnet_holds(vip.address))
}

fn options(check: &Check<'_>, place: &Place, service: &Service) {
    if service.helper == Helper::Ftp {
        let place = place.field("helper");
        if service.protocol != Protocol::Tcp {
            check.report.error(&place, "FTP is spoken over TCP, this service is UDP");
        } else if !service.translates() {
            check.report.error(&place, "no backend uses nat or fullnat: other methods need no FTP helper");
        }
    }
    let uses = |possible: fn(Method) -> bool| service.methods().any(possible);
    if service.tunnel_port.is_some() && !uses(|method| method == Method::TunnelGue) {
        check
            .report
            .error(&place.field("tunnel_port"), "no backend uses tunnel-gue: other methods have no tunnel port");
    }
    if service.tunnel_checksum.is_some() && !uses(|method| matches!(method, Method::TunnelGue | Method::TunnelGre)) {
        let message = "no backend uses tunnel-gue or tunnel-gre: other methods have no tunnel checksum";
        check.report.error(&place.field("tunnel_checksum"), message);
    }
}

/// The same VIP, protocol and port in two services. A single address within a network of another service is no
/// overlap: the longer prefix wins, as with routes.
fn overlaps(check: &Check<'_>) {
    type Taken<'d> = Vec<(Range, Place, &'d Service)>;
    let mut by_vip: HashMap<(Prefix, Protocol), Taken<'_>> = HashMap::new();
    for (place, service) in check.services() {
        for (index, vip) in service.vip.iter().enumerate() {
            let taken = by_vip.entry((*vip, service.protocol)).or_default();
            taken.extend(service.ports.iter().map(|range| (range, place.field("vip").item(index), service)));
        }
    }
    for ((vip, protocol), mut taken) in by_vip {
        taken.sort_by_key(|(range, _, _)| range.first);
        let mut widest = 0;
        for at in 1..taken.len() {
            let ((before, before_place, first), (range, range_place, second)) = (&taken[widest], &taken[at]);
            if range.first <= before.last && first.name != second.name {
                // The error stands at the service that comes later in the document.
                let (place, other, other_place) = if check.report.line(before_place) <= check.report.line(range_place) {
                    (range_place, first, before_place)
                } else {
                    (before_place, second, range_place)
                };
                let shown = if vip.is_host() { vip.address.to_string() } else { vip.to_string() };
                let both = Range { first: range.first, last: range.last.min(before.last) };
                let line = check.report.line(other_place);
                let message =
                    format!("{shown} {protocol} port {both} is already served by \"{}\": see line {line}", other.name);
                check.report.error(place, message);
            }
            if range.last > before.last {
                widest = at;
            }
        }
    }
}

/// A VIP of several services is announced on one NIC.
fn announcers(check: &Check<'_>) {
    let mut seen: HashMap<Prefix, (Option<&str>, &str)> = HashMap::new();
    for (place, service) in check.services() {
        for vip in &service.vip {
            let nic = service.nic.as_deref().or_else(|| check.nic_holding(vip.address).map(|nic| nic.name.as_str()));
            let (first, name) = *seen.entry(*vip).or_insert((nic, &service.name));
            if let (Some(first), Some(nic)) = (first, nic)
                && first != nic
            {
                let message = format!("{} is announced on \"{first}\" by service \"{name}\"", vip.address);
                check.report.error(&place.field("nic"), message);
            }
        }
    }
}

/// Services of one persistence group share what they remember, so it must mean the same to them.
fn groups(check: &Check<'_>) {
    let mut seen: HashMap<&str, (&str, &Persistence)> = HashMap::new();
    for (place, service) in check.services() {
        let Some(persistence) = &service.persistence else { continue };
        let Some(group) = &persistence.group else { continue };
        let (name, first) = *seen.entry(group).or_insert((&service.name, persistence));
        if first != persistence {
            let message = format!(
                "differs from \"{name}\" of the same group: timeout_s = {}, ipv4_prefix = {}, ipv6_prefix = {} there",
                first.timeout_s, first.ipv4_prefix, first.ipv6_prefix
            );
            check.report.error(&place.field("persistence"), message);
        }
    }
}
