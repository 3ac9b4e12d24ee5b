//! `ldirectord.cf`: directives `key = value`, of which the indented ones belong to the `virtual` above them.

mod check;
mod lines;
mod remarks;
mod server;

use super::address::{Host, Port, endpoint, mask_bits};
use super::draft::Draft;
use super::ipvs::{Persistent, Target, Transport, Virtual};
use super::service;
use super::text::Text;
use crate::Method;
use crate::report::Error;
use lines::Section;

/// Seconds between checks, between their begin and their end, as ldirectord has them by default.
const INTERVAL_S: u64 = 10;
const CONNECT_TIMEOUT_S: u64 = 5;
const NEGOTIATE_TIMEOUT_S: u64 = 30;

/// What holds where a virtual service says nothing.
struct Globals<'t> {
    section: &'t Section<'t>,
    /// A process per virtual service, which makes their own check intervals count.
    forks: bool,
}

pub(super) fn read(text: &Text<'_>, draft: &mut Draft) -> Result<(), Error> {
    let (globals, sections) = lines::sections(text)?;
    for directive in &globals.directives {
        remarks::remark(draft, directive)?;
    }
    let forks = globals.last("fork").is_some_and(|fork| fork.value == "yes");
    let globals = Globals { section: &globals, forks };
    for section in &sections {
        for directive in &section.directives {
            remarks::remark(draft, directive)?;
        }
        if let Some(directive) = section.last("checkinterval").filter(|_| !forks) {
            let why = "ldirectord ignores it in a virtual service unless fork=yes; so the global value is used";
            draft.notes.left(directive.line.number, directive.shown(), why, "set interval_ms of the service's check");
        }
        if draft.is_full() {
            draft.refuse_service(section.head().line.number);
            continue;
        }
        let service = virtual_service(draft, &globals, section)?;
        service::add(draft, service);
    }
    Ok(())
}

fn virtual_service(draft: &mut Draft, globals: &Globals<'_>, section: &Section<'_>) -> Result<Virtual, Error> {
    let head = section.head();
    let v6 = head.key == "virtual6";
    let mut service = Virtual { line: head.line.number, shown: head.shown(), ..Virtual::default() };
    if !head.value.is_empty() && head.value.bytes().all(|byte| byte.is_ascii_digit()) {
        service.mark = Some(head.number("a firewall mark")? as u32);
    } else {
        let Some((host, port)) = endpoint(head.value) else {
            return Err(head.error("is neither an address with port, as in 10.0.0.1:80, nor a firewall mark"));
        };
        service.transport = transport(section, &port)?;
        service.vips.push(host);
        service.port = Some(port);
    }
    service.name = section.last("servicename").map(|name| name.value.to_lowercase());
    service.comments.extend(section.last("comment").map(|comment| comment.value.to_owned()));
    service.scheduler = section.last("scheduler").map_or("wrr", |scheduler| scheduler.value).to_owned();
    if let Some(flags) = section.last("schedflags") {
        service.flags = flags.value.split(',').map(|flag| flag.trim().to_owned()).collect();
    }
    service.one_packet = section.last("ops").is_some_and(|ops| ops.value == "yes");
    service.persistence = persistence(section)?;
    for directive in section.all("real", "real6") {
        // One more than possible is enough to be refused.
        let room = (draft.backends_left() + 1).saturating_sub(service.backends.len());
        let servers = server::servers(draft, directive, &service)?;
        service.backends.extend(servers.take(room));
    }
    service.fallback = fallback(globals, section, v6)?;
    service.checks = check::checks(draft, globals, section, &mut service)?;
    Ok(service)
}

fn transport(section: &Section<'_>, port: &Port) -> Result<Transport, Error> {
    match section.last("protocol") {
        None if port.number() == Some(53) => Ok(Transport::Udp),
        None => Ok(Transport::Tcp),
        Some(directive) => match directive.value {
            "tcp" => Ok(Transport::Tcp),
            "udp" => Ok(Transport::Udp),
            _ => Err(directive.error("is no protocol of an address with port: tcp or udp")),
        },
    }
}

fn persistence(section: &Section<'_>) -> Result<Option<Persistent>, Error> {
    let Some(directive) = section.last("persistent") else { return Ok(None) };
    let timeout_s = directive.number("a number of seconds")?.min(u64::from(u32::MAX)) as u32;
    let prefix = match section.last("netmask") {
        None => None,
        Some(mask) => Some(mask_bits(mask.value).ok_or_else(|| mask.error("is no netmask"))?),
    };
    Ok(Some(Persistent { timeout_s, prefix }))
}

/// The fallback of the service or, without one, the global one of its family.
fn fallback(globals: &Globals<'_>, section: &Section<'_>, v6: bool) -> Result<Option<Target>, Error> {
    let key = if v6 { "fallback6" } else { "fallback" };
    let Some(directive) = section.last(key).or_else(|| globals.section.last(key)) else { return Ok(None) };
    let mut words = directive.value.split_whitespace();
    let Some((host, port)) = words.next().and_then(endpoint) else {
        return Err(directive.error("is no address with port, as in 10.0.0.1:80"));
    };
    let method = match words.next() {
        None => Method::Direct,
        Some(word) => server::method(word).ok_or_else(|| directive.error("ends in no method: gate, masq or ipip"))?,
    };
    Ok(Some(Target::new(directive.line.number, host, port, method)))
}

/// Whether a DNS request asks for the name of an address.
fn is_address(text: &str) -> bool {
    matches!(Host::parse(text), Host::Address(_))
}
