//! From a virtual service of IPVS to a service of the document.

use super::address::{Host, Port};
use super::check::Check;
use super::draft::{Block, Draft, ServiceBlock};
use super::ipvs::{Target, Transport, Virtual};
use super::names::{Names, name_of};
use crate::limits::{CHECKS_MAX, FLOWS_MAX, TIMEOUT_S_MAX, VIPS_MAX, WEIGHT_MAX};
use crate::{Method, Named, Scheduler, StartState};
use toml::{Table, Value};

/// What is written where the source has a firewall mark.
const UNKNOWN: &str = "?";

/// Adds a service to the document.
pub(super) fn add(draft: &mut Draft, service: Virtual) {
    if draft.is_full() {
        return draft.refuse_service(service.line);
    }
    let mut own = Block::new(service.line);
    own.comments.push(format!("{}, line {}: {}", draft.source, service.line, service.shown));
    own.comments.extend(service.comments.iter().cloned());
    own.set("name", draft.service_names.take(&service.name.clone().unwrap_or_else(|| wanted_name(&service))));
    served(draft, &service, &mut own);
    scheduler(draft, &service, &mut own);
    let method = most_used_method(&service.backends);
    own.set("method", method.name());
    persistence(draft, &service, &mut own);
    if service.one_packet && service.transport == Transport::Udp {
        own.set("one_packet", true);
    }
    timeouts(&service, &mut own);
    judging(&service, &mut own);
    fallback(draft, &service, &mut own);
    let mut names = Names::default();
    let backends = service.backends.iter().map(|target| backend(draft, &service, method, &mut names, target)).collect();
    let checks = checks(draft, &service);
    draft.add_service(ServiceBlock { own, checks, backends });
}

/// When servers and the service count as up. Without checks a server is up in any case.
fn judging(service: &Virtual, own: &mut Block) {
    if service.start_up && !service.checks.is_empty() {
        own.set("start_state", StartState::Up.name());
    }
    if let Some(quorum) = service.quorum {
        let mut table = Table::new();
        table.insert("up".to_owned(), i64::from(quorum.up).into());
        table.insert("down".to_owned(), i64::from(quorum.down).into());
        own.set("quorum", table);
    }
}

fn wanted_name(service: &Virtual) -> String {
    let udp = service.transport == Transport::Udp;
    let protocol = if udp { "udp" } else { "tcp" };
    let vip = service.vips.first().map(Host::to_string).unwrap_or_default();
    match (service.mark, service.port.as_ref().and_then(Port::number)) {
        (Some(mark), _) => format!("mark-{mark}"),
        (None, Some(port)) => match name_of(port) {
            Some(name) => format!("{name}-{vip}{}", if udp && port != 53 { "-udp" } else { "" }),
            None => format!("{protocol}-{vip}-{port}"),
        },
        (None, None) => format!("{protocol}-{vip}"),
    }
}

/// VIP, protocol, ports and NIC.
fn served(draft: &mut Draft, service: &Virtual, own: &mut Block) {
    let (line, shown) = (service.line, &service.shown);
    let mut missing = Vec::new();
    if let Some(mark) = service.mark {
        missing.push("vip and ports");
        let why = "the VIPs, protocols and ports that carry a firewall mark are known to the packet filter alone";
        let instead = format!(
            "look up mark {mark} (iptables-save, nft list ruleset), write a service for each protocol with its vip \
             (a list) and ports, and remove the # before it; services that shared the mark's persistence get the same \
             persistence group"
        );
        draft.notes.fill_in(line, shown, why, instead);
    }
    let vips: Vec<Value> = service.vips.iter().take(VIPS_MAX).map(|vip| vip.to_string().into()).collect();
    for vip in service.vips.iter().filter(|vip| vip.address().is_none()) {
        missing.push("vip");
        let why = format!("{vip} is no address, and names are not looked up");
        draft.notes.fill_in(line, shown, why, "write its address as vip and remove the # before the service");
    }
    match vips.len() {
        0 => own.set("vip", UNKNOWN),
        1 => own.set("vip", vips.into_iter().next().unwrap_or_else(|| UNKNOWN.into())),
        _ => own.set("vip", vips),
    }
    own.set("nic", service.nic.clone().unwrap_or_else(|| draft.unknown_nic()));
    own.set("protocol", if service.transport == Transport::Udp { "udp" } else { "tcp" });
    if service.transport == Transport::Sctp {
        // GAP(peers.md 1a): SCTP.
        missing.push("protocol");
        draft.notes.left(line, shown, "SCTP is not forwarded", "the service is a comment in the document");
    }
    own.set(
        "ports",
        match (&service.port, service.mark) {
            (Some(Port::Number(port)), _) => port.to_string(),
            (Some(Port::Name(name)), _) => {
                missing.push("ports");
                let why = format!("\"{name}\" is not known as the name of a port");
                draft.notes.fill_in(line, shown, why, "write its number as ports and remove the # before the service");
                name.clone()
            }
            (_, Some(_)) => UNKNOWN.to_owned(),
            _ => "*".to_owned(),
        },
    );
    if !missing.is_empty() {
        own.leave_out(format!("{} to be completed", missing.join(", ")));
    }
}

fn scheduler(draft: &mut Draft, service: &Virtual, own: &mut Block) {
    let name = if service.scheduler.is_empty() { "wlc" } else { service.scheduler.as_str() };
    let Some(scheduler) = Scheduler::from_name(name) else {
        let why = "no scheduler of IPVS is called that";
        draft.notes.differs(service.line, format!("scheduler {name}"), why, "the service has wlc now");
        own.set("scheduler", Scheduler::Wlc.name());
        return;
    };
    own.set("scheduler", scheduler.name());
    let hashes = matches!(scheduler, Scheduler::Sh | Scheduler::Mh);
    let mut flags: Vec<Value> = Vec::new();
    for flag in &service.flags {
        // The kernel's first and second flag mean this to both hashing schedulers.
        let known = match flag.as_str() {
            "sh-fallback" | "mh-fallback" | "flag-1" => "fallback",
            "sh-port" | "mh-port" | "flag-2" => "port",
            _ => "",
        };
        if hashes && !known.is_empty() {
            if !flags.iter().any(|flag| flag.as_str() == Some(known)) {
                flags.push(known.into());
            }
        } else {
            let why = format!("it means nothing to the scheduler {name}");
            draft.notes.left(service.line, format!("scheduler flag {flag}"), why, "");
        }
    }
    if !flags.is_empty() {
        own.set("scheduler_flags", flags);
    }
}

/// The method of most backends; of the first when there are as many of another.
fn most_used_method(backends: &[Target]) -> Method {
    let first = backends.first().map_or(Method::Nat, |target| target.method);
    let count = |method: Method| backends.iter().filter(|target| target.method == method).count();
    let methods = Method::NAMES.iter().map(|(_, method)| *method);
    methods.max_by_key(|method| (count(*method), *method == first)).unwrap_or_default()
}

fn persistence(draft: &mut Draft, service: &Virtual, own: &mut Block) {
    let Some(persistence) = &service.persistence else { return };
    let timeout_s = persistence.timeout_s.clamp(1, TIMEOUT_S_MAX);
    if timeout_s != persistence.timeout_s {
        let why = format!("{} s is out of range: 1 to {TIMEOUT_S_MAX}", persistence.timeout_s);
        draft.notes.differs(service.line, "persistence", why, format!("it is {timeout_s} s now"));
    }
    let mut table = Table::new();
    table.insert("timeout_s".to_owned(), i64::from(timeout_s).into());
    if let Some(prefix) = persistence.prefix {
        let v6 = service.vips.iter().filter_map(Host::address).any(|vip| vip.is_ipv6());
        let (key, most) = if v6 { ("ipv6_prefix", 128) } else { ("ipv4_prefix", 32) };
        if (1..=most).contains(&prefix) {
            table.insert(key.to_owned(), i64::from(prefix).into());
        } else {
            let why = format!("a prefix of {prefix} bits is out of range: 1 to {most}");
            draft.notes.differs(service.line, "persistence mask", why, "each client counts by itself now");
        }
    }
    own.set("persistence", table);
}

fn timeouts(service: &Virtual, own: &mut Block) {
    let keys = ["established_s", "fin_s", "udp_s"];
    let table: Table = keys
        .into_iter()
        .zip(service.timeouts)
        .filter(|(_, seconds)| (1..=TIMEOUT_S_MAX).contains(seconds))
        .map(|(key, seconds)| (key.to_owned(), i64::from(seconds).into()))
        .collect();
    if !table.is_empty() {
        own.set("timeouts", table);
    }
}

fn fallback(draft: &mut Draft, service: &Virtual, own: &mut Block) {
    let Some(target) = &service.fallback else { return };
    let what = format!("fallback {}", target.host);
    match &target.host {
        Host::Name(_) => {
            let instead = "write fallback = { address = …, port = …, method = … } with its address into the service";
            draft.notes.fill_in(target.line, what, "a name, and names are not looked up", instead);
        }
        Host::Address(address) if address.is_loopback() => {
            // GAP(peers.md 9, 25): a built-in sorry page.
            let why = "the director itself answered with an emergency page; this box runs no web server for clients";
            draft.notes.left(target.line, what, why, "give another server as fallback = { address = …, method = … }");
        }
        Host::Address(address) => {
            let mut table = Table::new();
            table.insert("address".to_owned(), address.to_string().into());
            if let Some(port) = port(draft, service, target) {
                table.insert("port".to_owned(), i64::from(port).into());
            }
            table.insert("method".to_owned(), target.method.name().into());
            own.set("fallback", table);
        }
    }
}

fn backend(draft: &mut Draft, service: &Virtual, method: Method, names: &mut Names, target: &Target) -> Block {
    let mut block = Block::new(target.line);
    let port = port(draft, service, target);
    let mut name = target.host.to_string();
    if let Some(port) = port {
        name.push_str(&format!("-{port}"));
    }
    block.set("name", names.take(&name));
    block.set("address", target.host.to_string());
    if let Host::Name(name) = &target.host {
        block.leave_out("address to be completed");
        let why = "no address, and names are not looked up";
        let instead = "write its address and remove the # before the backend";
        draft.notes.fill_in(target.line, format!("server {name}"), why, instead);
    }
    if let Some(port) = port {
        block.set("port", i64::from(port));
    }
    if target.method != method {
        block.set("method", target.method.name());
    }
    if target.method == Method::TunnelGue
        && let Some(port) = target.tunnel_port
    {
        block.set("tunnel_port", i64::from(port));
    }
    if target.tunnel_checksum && matches!(target.method, Method::TunnelGue | Method::TunnelGre) {
        block.set("tunnel_checksum", true);
    }
    weight(draft, target, &mut block);
    if target.disabled {
        block.set("state", "disabled");
    }
    thresholds(draft, target, &mut block);
    block
}

/// The port of a backend where it is not the service's.
fn port(draft: &mut Draft, service: &Virtual, target: &Target) -> Option<u16> {
    let what = |port: &dyn std::fmt::Display| format!("port {port} of {}", target.host);
    let port = match &target.port {
        Port::Any => return None,
        Port::Number(port) => *port,
        Port::Name(name) => {
            let why = format!("\"{name}\" is not known as the name of a port");
            draft.notes.fill_in(target.line, what(name), why, "write port = NUMBER where it is not the service's port");
            return None;
        }
    };
    match service.port.as_ref().and_then(Port::number) {
        Some(same) if same == port => None,
        Some(_) if target.method.translates() => Some(port),
        None if service.mark.is_some() && target.method.translates() => Some(port),
        other => {
            let why = match other {
                Some(kept) => format!("{} keeps port {kept}, here as in IPVS", target.method),
                None => "all ports are kept as the client asked for them".to_owned(),
            };
            draft.notes.left(target.line, what(&port), why, "use nat where the port has to change");
            None
        }
    }
}

fn weight(draft: &mut Draft, target: &Target, block: &mut Block) {
    let weight = target.weight.min(WEIGHT_MAX);
    if weight != 1 {
        block.set("weight", i64::from(weight));
    }
    if weight != target.weight {
        let why = format!("a weight is at most {WEIGHT_MAX}");
        draft.notes.differs(target.line, format!("weight {}", target.weight), why, format!("it is {weight} now"));
    }
    if weight == 0 {
        let why = "kept: no new clients, but those with persistence still come, as in IPVS";
        let instead = "to take a backend out there are states: state = \"drain\" (its flows end by themselves) or \
                       \"disabled\"";
        draft.notes.differs(target.line, "weight 0", why, instead);
    }
}

fn thresholds(draft: &mut Draft, target: &Target, block: &mut Block) {
    let Target { line, upper, lower, .. } = *target;
    if upper > 0 {
        block.set("flows_max", i64::from(upper.min(FLOWS_MAX)));
    }
    if lower > 0 && lower < upper.min(FLOWS_MAX) {
        block.set("flows_low", i64::from(lower));
    } else if lower > 0 {
        let why = "it is not below the upper threshold, so there is nothing to resume from";
        draft.notes.left(line, format!("lower threshold {lower} of {}", target.host), why, "");
    }
}

fn checks(draft: &mut Draft, service: &Virtual) -> Vec<Block> {
    let mut names = Names::default();
    if service.checks.len() > CHECKS_MAX {
        let why = format!("a service has at most {CHECKS_MAX} checks");
        draft.notes.left(service.line, format!("{} checks", service.checks.len()), why, "");
    }
    let checks = service.checks.iter().take(CHECKS_MAX).cloned();
    checks.map(|check: Check| check.block(|name| names.take(name))).collect()
}
