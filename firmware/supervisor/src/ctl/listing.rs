//! The tables of `ctl services`, `ctl backends` and `ctl flows`.

use super::health;
use super::table::{Align, Table};
use super::words::{bytes, count, duration, short};
use api::{Backend, Flow, Flows, Service};
use config::BackendState;

/// Services and what goes through them.
pub(super) fn services(services: &[Service], width: usize) -> String {
    if services.is_empty() {
        return "No services. Add a [[service]] to the configuration and apply it.\n".to_owned();
    }
    let (left, right) = (Align::Left, Align::Right);
    let mut table = Table::new(&[
        ("Service", left),
        ("VIP", left),
        ("Ports", left),
        ("Up", left),
        ("Flows", right),
        ("New/s", right),
        ("In bit/s", right),
        ("Out bit/s", right),
        ("How", left),
    ]);
    for service in services {
        table.row(vec![
            service.name.clone(),
            vips(service),
            format!("{}/{}", service.ports, service.protocol),
            available(service),
            count(service.active + service.inactive),
            short(service.rates.flows_per_s),
            short(service.rates.bits_in_per_s),
            short(service.rates.bits_out_per_s),
            format!("{}, {}", service.scheduler, service.method),
        ]);
    }
    table.text(width)
}

fn vips(service: &Service) -> String {
    match &service.vips[..] {
        [first, .., _] => format!("{first} +{}", service.vips.len() - 1),
        vips => vips.concat(),
    }
}

fn available(service: &Service) -> String {
    let share = format!("{}/{}", service.backends_up, service.backends);
    if service.on_fallback { format!("{share}, fallback") } else { share }
}

/// Backends, their state and load.
pub(super) fn backends(backends: &[Backend], width: usize) -> String {
    if backends.is_empty() {
        return "No backends.\n".to_owned();
    }
    let (left, right) = (Align::Left, Align::Right);
    let mut table = Table::new(&[
        ("Backend", left),
        ("Address", left),
        ("State", left),
        ("Weight", right),
        ("Active", right),
        ("Other", right),
        ("New/s", right),
        ("In bit/s", right),
        ("Out bit/s", right),
        ("Method", left),
    ]);
    for backend in backends {
        table.row(vec![
            format!("{}/{}", backend.service, backend.name),
            address(backend),
            state(backend),
            backend.weight.to_string(),
            limited(backend),
            count(backend.inactive),
            short(backend.rates.flows_per_s),
            short(backend.rates.bits_in_per_s),
            short(backend.rates.bits_out_per_s),
            backend.method.to_string(),
        ]);
    }
    table.text(width) + &health::complaints(backends)
}

fn address(backend: &Backend) -> String {
    match backend.port {
        Some(port) => std::net::SocketAddr::new(backend.address, port).to_string(),
        None => backend.address.to_string(),
    }
}

fn limited(backend: &Backend) -> String {
    let active = count(backend.active);
    match backend.flows_max {
        0 => active,
        max => format!("{active} of {}", count(u64::from(max))),
    }
}

/// What a backend does, in words.
pub(super) fn state(backend: &Backend) -> String {
    let state = match (backend.state, backend.healthy) {
        (BackendState::Online, true) if backend.weight == 0 => "no new clients".to_owned(),
        (BackendState::Online, true) => "up".to_owned(),
        (BackendState::Online, false) => "down".to_owned(),
        (BackendState::Drain, healthy) => {
            let left = backend.drain_left_s.map_or_else(String::new, |left| format!(", {} left", duration(left)));
            format!("draining{left}{}", if healthy { "" } else { ", down" })
        }
        (BackendState::Disabled, _) => "disabled".to_owned(),
    };
    if backend.fallback { format!("{state}, fallback") } else { state }
}

/// Flows that are known now.
pub(super) fn flows(flows: &Flows, width: usize) -> String {
    if flows.flows.is_empty() {
        return "No flows.\n".to_owned();
    }
    let (left, right) = (Align::Left, Align::Right);
    let mut table = Table::new(&[
        ("Flow", left),
        ("Client", left),
        ("VIP", left),
        ("Backend", left),
        ("State", left),
        ("Idle", right),
        ("Ends in", right),
        ("In", right),
        ("Out", right),
        ("Goes to", left),
    ]);
    for flow in &flows.flows {
        table.row(vec![
            flow.id.clone(),
            flow.client.to_string(),
            format!("{}/{}", flow.vip, flow.protocol),
            format!("{}/{}", flow.service, flow.backend),
            flow.state.clone(),
            duration(flow.idle_s),
            duration(flow.expires_s),
            bytes(flow.bytes_in),
            bytes(flow.bytes_out),
            target(flow),
        ]);
    }
    let mut text = table.text(width);
    if flows.more {
        text.push_str("There are more: use --limit to see them, or --service and --client.\n");
    }
    text
}

fn target(flow: &Flow) -> String {
    let source = flow.source.map_or_else(String::new, |source| format!(" from {source}"));
    format!("{} by {}{source}", flow.target, flow.method)
}
