//! `virtual_server` and `virtual_server_group`.

use super::known::{Known, after};
use super::tree::Statement;
use super::{check, remarks};
use crate::import::address::{Host, Port, mask_bits, range};
use crate::import::check::Check;
use crate::import::draft::Draft;
use crate::import::ipvs::{Persistent, Target, Transport, Virtual};
use crate::import::service;
use crate::limits::{IMPORT_RANGE_MAX, VIPS_MAX};
use crate::report::Error;
use crate::{Method, Quorum};
use std::net::IpAddr;

/// Statements that are carried over.
const VIRTUAL: &[&str] = &[
    "lvs_sched",
    "lb_algo",
    "lvs_method",
    "lb_kind",
    "persistence_timeout",
    "persistence_granularity",
    "nat_mask",
    "protocol",
    "ops",
    "virtualhost",
    "snmp_name",
    "sorry_server",
    "sorry_server_lvs_method",
    "connect_timeout",
    "retry",
    "delay_before_retry",
    "delay_loop",
    "real_server",
    "quorum",
    "hysteresis",
    "alpha",
    "flag-1",
    "flag-2",
    "flag-3",
    "sh-port",
    "sh-fallback",
    "mh-port",
    "mh-fallback",
];
const BACKEND: &[&str] = &[
    "weight",
    "lvs_method",
    "uthreshold",
    "lthreshold",
    "virtualhost",
    "snmp_name",
    "connect_timeout",
    "retry",
    "delay_before_retry",
    "delay_loop",
];
/// What replaces a quorum that is not carried over.
const QUORUM: &str = "quorum = { up = BACKENDS, down = BACKENDS }";
/// Seconds of `persistence_timeout` without a number.
const PERSISTENT_S: u32 = 360;

pub(super) fn read(draft: &mut Draft, known: &Known<'_>, server: &Statement) -> Result<(), Error> {
    if draft.is_full() {
        draft.refuse_service(server.line);
        return Ok(());
    }
    remarks::inside(draft, server, remarks::SERVER, VIRTUAL);
    let base = base(draft, known, server)?;
    let mut served = Vec::new();
    match server.value() {
        "fwmark" => served.push(Served::Mark(mark(known, server, server.word(2))?)),
        "group" => match known.groups.get(server.word(2)) {
            Some(group) => served = group_entries(draft, known, group)?,
            None => return Err(server.error(known.file, "there is no virtual_server_group of that name")),
        },
        address => {
            let port = port(known, server, server.word(2))?;
            served.push(Served::At(port, vec![Host::parse(address)]));
        }
    }
    let several = served.len() > 1;
    for served in served {
        if draft.is_full() {
            break;
        }
        let mut service = base.clone();
        match served {
            Served::Mark(mark) => service.mark = Some(mark),
            Served::At(port, vips) => {
                service.nic = vips.iter().find_map(Host::address).and_then(|vip| known.nic_of(vip)).map(str::to_owned);
                if let Some(nic) = &service.nic {
                    draft.nic(nic, server.line);
                }
                (service.port, service.vips) = (Some(port), vips);
            }
        }
        if several && let Some(name) = &mut service.name {
            let which = match (service.mark, service.port.as_ref().and_then(Port::number)) {
                (Some(mark), _) => format!("-mark-{mark}"),
                (None, Some(port)) => format!("-{port}"),
                (None, None) => String::new(),
            };
            name.push_str(&which);
        }
        service::add(draft, service);
    }
    Ok(())
}

/// What one service of the document serves.
enum Served {
    At(Port, Vec<Host>),
    Mark(u32),
}

fn base(draft: &mut Draft, known: &Known<'_>, server: &Statement) -> Result<Virtual, Error> {
    let mut service = Virtual { line: server.line, shown: server.shown(), ..Virtual::default() };
    service.name = match (server.text(&["snmp_name"]), server.value()) {
        ("", "group") => Some(server.word(2).to_owned()),
        ("", _) => None,
        (name, _) => Some(name.to_owned()),
    };
    service.scheduler = server.text(&["lvs_sched", "lb_algo"]).to_lowercase();
    service.flags = server
        .inside()
        .iter()
        .map(Statement::key)
        .filter(|key| ["flag-", "sh-", "mh-"].iter().any(|start| key.starts_with(start)))
        .map(str::to_owned)
        .collect();
    service.transport = match server.last(&["protocol"]) {
        None => Transport::Tcp,
        Some(protocol) => match protocol.value().to_ascii_uppercase().as_str() {
            "TCP" => Transport::Tcp,
            "UDP" => Transport::Udp,
            "SCTP" => Transport::Sctp,
            _ => return Err(protocol.error(known.file, "not a protocol: TCP, UDP or SCTP")),
        },
    };
    service.one_packet = server.has("ops");
    service.timeouts = known.timeouts;
    service.persistence = persistence(draft, known, server)?;
    service.start_up = server.flag("alpha") != Some(true);
    let way = method(known, server, &["lvs_method", "lb_kind"])?.unwrap_or_default();
    if let Some(sorry) = server.last(&["sorry_server"]) {
        let way = method(known, server, &["sorry_server_lvs_method"])?.unwrap_or(way);
        service.fallback = Some(way.target(known, sorry)?);
    }
    let mut checks: Vec<Vec<Check>> = Vec::new();
    let defaults = check::defaults(server);
    for backend in server.all("real_server") {
        let known_here = [BACKEND, check::CHECKERS].concat();
        remarks::inside(draft, backend, remarks::SERVER, &known_here);
        let mut target = method(known, backend, &["lvs_method"])?.unwrap_or(way).target(known, backend)?;
        target.weight = number(known, backend, "weight", 1)?;
        target.upper = number(known, backend, "uthreshold", 0)?;
        target.lower = number(known, backend, "lthreshold", 0)?;
        service.backends.push(target);
        checks.push(check::checks(draft, known, &defaults, backend)?);
    }
    service.checks = shared(draft, checks);
    service.quorum = quorum(draft, known, server, &service.backends)?;
    Ok(service)
}

/// keepalived adds up the weights of the servers that are up, the document counts servers: with equal weights one is as
/// good as the other.
fn quorum(
    draft: &mut Draft,
    known: &Known<'_>,
    server: &Statement,
    backends: &[Target],
) -> Result<Option<Quorum>, Error> {
    let (quorum, hysteresis) = (number(known, server, "quorum", 1)?, number(known, server, "hysteresis", 0)?);
    let Some(statement) = server.last(&["quorum", "hysteresis"]) else { return Ok(None) };
    let weight = backends.first().map_or(0, |backend| backend.weight);
    if weight == 0 || backends.iter().any(|backend| backend.weight != weight) {
        let why = "it is a sum of weights, and they differ; here backends are counted";
        draft.notes.left(statement.line, statement.shown(), why, QUORUM);
        return Ok(None);
    }
    let up = quorum.saturating_add(hysteresis).div_ceil(weight).max(1);
    let down = quorum.saturating_sub(hysteresis).div_ceil(weight).max(1);
    if up as usize > backends.len() {
        let why = "its servers never reach it, so that the service would never come up";
        draft.notes.left(statement.line, statement.shown(), why, QUORUM);
        return Ok(None);
    }
    Ok((Quorum { up, down } != Quorum::default()).then_some(Quorum { up, down }))
}

/// The checks that all servers have: a check belongs to the service here.
fn shared(draft: &mut Draft, checks: Vec<Vec<Check>>) -> Vec<Check> {
    let mut lists = checks.into_iter();
    let mut shared = lists.next().unwrap_or_default();
    let mut others = Vec::new();
    for list in lists {
        let (kept, gone): (Vec<_>, Vec<_>) = shared.into_iter().partition(|check| list.contains(check));
        others.extend(list.into_iter().filter(|check| !kept.contains(check) && !gone.contains(check)));
        others.extend(gone);
        shared = kept;
    }
    for check in &others {
        let why = "not all servers of the service are asked so; a check is of the whole service here";
        let instead = "write a check that all of them pass, or a service for this server";
        draft.notes.left(check.line, check.shown.as_str(), why, instead);
    }
    shared
}

fn persistence(draft: &mut Draft, known: &Known<'_>, server: &Statement) -> Result<Option<Persistent>, Error> {
    let Some(statement) = server.last(&["persistence_timeout"]) else { return Ok(None) };
    let timeout_s = if statement.value().is_empty() {
        let why = "without a number keepalived takes 360 s, the document 300 s";
        draft.notes.differs(statement.line, statement.shown(), why, "360 s are written into it");
        PERSISTENT_S
    } else {
        number(known, server, "persistence_timeout", PERSISTENT_S)?
    };
    let prefix = match server.last(&["persistence_granularity"]) {
        None => None,
        Some(mask) => Some(mask_bits(mask.value()).ok_or_else(|| mask.error(known.file, "not a netmask"))?),
    };
    Ok(Some(Persistent { timeout_s, prefix }))
}

/// How servers are reached.
#[derive(Clone, Copy, Default)]
struct Way {
    method: Method,
    port: Option<u16>,
    checksum: bool,
}

impl Way {
    /// The server that a statement names by address and port.
    fn target(self, known: &Known<'_>, statement: &Statement) -> Result<Target, Error> {
        let port = port(known, statement, statement.word(2))?;
        let target = Target::new(statement.line, Host::parse(statement.value()), port, self.method);
        Ok(Target { tunnel_port: self.port, tunnel_checksum: self.checksum, ..target })
    }
}

fn method(known: &Known<'_>, owner: &Statement, keys: &[&str]) -> Result<Option<Way>, Error> {
    let Some(statement) = owner.last(keys) else { return Ok(None) };
    let method = match (statement.value().to_ascii_uppercase().as_str(), after(statement, "type")) {
        ("NAT", _) => Method::Nat,
        ("DR", _) => Method::Direct,
        ("TUN", None | Some("ipip")) => Method::TunnelIpip,
        ("TUN", Some("gre")) => Method::TunnelGre,
        ("TUN", Some("gue")) => Method::TunnelGue,
        _ => return Err(statement.error(known.file, "not a method: NAT, DR or TUN with type ipip, gue or gre")),
    };
    let port = match after(statement, "port") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| statement.error(known.file, "its port is not a number"))?),
    };
    Ok(Some(Way { method, port, checksum: statement.words.iter().any(|word| word == "csum") }))
}

/// The entries of a group, put together by port.
fn group_entries(draft: &mut Draft, known: &Known<'_>, group: &Statement) -> Result<Vec<Served>, Error> {
    let mut served: Vec<Served> = Vec::new();
    let mut addresses = 0;
    for entry in group.inside().iter().filter(|entry| entry.condition.is_none()) {
        if entry.key() == "fwmark" {
            served.push(Served::Mark(mark(known, entry, entry.value())?));
            continue;
        }
        let hosts = match hosts(entry.key()) {
            Ok(hosts) if addresses + hosts.len() <= IMPORT_RANGE_MAX => hosts,
            Ok(_) => {
                let why = format!("with it the group has more than {IMPORT_RANGE_MAX} addresses");
                draft.notes.left(entry.line, entry.shown(), why, "a network as vip, as in \"10.1.0.0/16\"");
                continue;
            }
            Err(why) => return Err(entry.error(known.file, &why)),
        };
        addresses += hosts.len();
        let port = port(known, entry, entry.value())?;
        for host in hosts {
            let same = served.iter_mut().find_map(|served| match served {
                Served::At(of, vips) if *of == port && vips.len() < VIPS_MAX => Some(vips),
                _ => None,
            });
            match same {
                Some(vips) if vips.contains(&host) => {}
                Some(vips) => vips.push(host),
                None => served.push(Served::At(port.clone(), vec![host])),
            }
        }
    }
    Ok(served)
}

/// `ADDRESS`, `ADDRESS-LAST_PART`, `ADDRESS-ADDRESS` or `NETWORK/BITS`.
fn hosts(text: &str) -> Result<Vec<Host>, String> {
    let (first, last) = if let Ok(prefix) = crate::address::parse_prefix(text) {
        let first = prefix.network().address;
        (first, last_of(first, prefix.bits))
    } else if let Some((first, last)) = text.split_once('-') {
        let first: IpAddr = first.parse().map_err(|_| format!("{first} is not an address"))?;
        let whole = match last.parse() {
            Ok(last) => last,
            // Only the part behind the last dot or colon is written.
            Err(_) => {
                let shown = first.to_string();
                let kept = shown.rfind(['.', ':']).map_or(0, |at| at + 1);
                format!("{}{last}", &shown[..kept]).parse().map_err(|_| format!("{last} does not end a range"))?
            }
        };
        (first, whole)
    } else {
        return Ok(vec![Host::parse(text)]);
    };
    Ok(range(first, last)?.into_iter().map(Host::Address).collect())
}

fn last_of(first: IpAddr, bits: u8) -> IpAddr {
    match first {
        IpAddr::V4(v4) => {
            let hosts = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            std::net::Ipv4Addr::from(u32::from(v4) | hosts).into()
        }
        IpAddr::V6(v6) => {
            let hosts = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            std::net::Ipv6Addr::from(u128::from(v6) | hosts).into()
        }
    }
}

fn mark(known: &Known<'_>, statement: &Statement, text: &str) -> Result<u32, Error> {
    text.parse().map_err(|_| statement.error(known.file, "a firewall mark is a number"))
}

fn port(known: &Known<'_>, statement: &Statement, text: &str) -> Result<Port, Error> {
    if text.is_empty() {
        return Ok(Port::Any);
    }
    Port::parse(text).ok_or_else(|| statement.error(known.file, &format!("{text} is not a port")))
}

fn number(known: &Known<'_>, owner: &Statement, key: &str, default: u32) -> Result<u32, Error> {
    let Some(statement) = owner.last(&[key]) else { return Ok(default) };
    statement.value().parse().map_err(|_| statement.error(known.file, "not a whole number"))
}
