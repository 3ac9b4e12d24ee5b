//! Checks: whether they can be carried out for the backends of their service.

use super::Check;
use crate::check::ChecksRequired;
use crate::question::{Ask, AskedAddress, External};
use crate::report::Place;
use crate::service::{Method, Service};

pub(super) fn checks(check: &Check<'_>, place: &Place, service: &Service) {
    let place_of = |index: usize, name: &str| place.thing("check", index, Some(name));
    let checks = || service.checks.iter().enumerate();
    check.names_differ(checks().map(|(index, c)| (place_of(index, &c.name), c.name.as_str())));
    if let ChecksRequired::AtLeast(count) = service.checks_required
        && usize::from(count) > service.checks.len()
    {
        let message = format!("{count} checks are asked for, there are {}", service.checks.len());
        check.report.error(&place.field("checks_required"), message);
    }
    for (index, one) in checks() {
        let place = place_of(index, &one.name);
        address(check, &place, service, one);
        port(check, &place, service, one);
        if let Ask::External(external) = &one.question.ask {
            program(check, &place, external);
        }
    }
}

/// Only a server that has the VIP itself can be asked at the VIP.
fn address(check: &Check<'_>, place: &Place, service: &Service, one: &crate::Check) {
    if one.question.address != AskedAddress::Vip {
        return;
    }
    let place = place.field("address");
    if service.methods().all(|method| method.translates()) {
        check.report.error(&place, "the service uses nat or fullnat: its servers do not have the VIP");
    } else if !service.methods().any(|method| method == Method::Direct) {
        let message = "checks do not go through tunnels: only servers of the method direct can be asked at the VIP";
        check.report.error(&place, message);
    } else if !service.vip.iter().any(|vip| vip.is_host()) {
        check.report.error(&place, "the service has a network of VIPs: there is no single one to ask");
    }
}

fn port(check: &Check<'_>, place: &Place, service: &Service, one: &crate::Check) {
    let unknown = one.question.port.is_none() && service.ports.is_all_ports();
    if unknown && one.question.kind().needs_port() {
        check.report.error(place, "port is missing: the service has all ports, so say which one is asked");
    }
}

fn program(check: &Check<'_>, place: &Place, external: &External) {
    let place = place.field("command");
    let Some(folder) = &check.draft.probe.programs_folder else {
        check.report.error(&place, "no program may be run: name the folder they are in as programs_folder in [probe]");
        return;
    };
    let inside = external.command.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
    if !inside {
        let message = format!("{} is not in {folder}, which programs_folder in [probe] names", external.command);
        check.report.error(&place, message);
    }
}
