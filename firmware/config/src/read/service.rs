//! Services and backends.

use super::check::{check, checks_required};
use super::{parse_name, parse_nic_name};
use crate::Named;
use crate::address::{parse_unicast, parse_vip};
use crate::limits::*;
use crate::ranges::Ranges;
use crate::reader::{Reader, Value};
use crate::service::{
    Backend, Fallback, MssClamp, Persistence, Protocol, Scheduler, SchedulerFlags, Service, Timeouts,
};

pub(super) fn service(reader: &mut Reader<'_>) -> Option<Service> {
    let name = reader.required("name", "a name of your choice, as in \"web\"").map(|value| value.parsed(parse_name));
    let vip = reader
        .required("vip", "an address, a list of addresses, or a network, as in \"10.1.0.100\"")
        .map(|value| vips(&value));
    let nic = reader.value("nic").map(|value| value.parsed(parse_nic_name));
    let protocol = reader.named("protocol");
    let ports = reader.required("ports", "as in \"80\", \"80,443\", \"8000-8099\" or \"*\"").map(|value| ports(&value));
    let scheduler = reader.named("scheduler");
    let scheduler_flags = scheduler_flags(reader, scheduler);
    let method = reader.named("method");
    let (tunnel_port, tunnel_checksum) = tunnel(reader);
    let persistence = reader.value("persistence").map(|value| persistence(&value));
    let on_backend_down = reader.named("on_backend_down");
    let timeouts = timeouts(reader);
    let midstream = reader.named("midstream");
    let one_packet = one_packet(reader, protocol);
    let mss_clamp = reader.value("mss_clamp").and_then(|value| mss_clamp(&value)).unwrap_or_default();
    let helper = reader.named("helper");
    let fallback = reader.value("fallback").map(|value| fallback(&value));
    let checks_required = reader.value("checks_required").and_then(|value| checks_required(&value)).unwrap_or_default();
    let checks = reader.things("check", CHECKS_MAX, check);
    let backends = reader.things("backend", BACKENDS_MAX, backend);
    Some(Service {
        name: name??,
        vip: vip?,
        nic: nic.flatten(),
        protocol,
        ports: ports??,
        scheduler,
        scheduler_flags,
        method,
        tunnel_port,
        tunnel_checksum,
        persistence: persistence.flatten(),
        on_backend_down,
        timeouts,
        midstream,
        one_packet,
        mss_clamp,
        helper,
        fallback: fallback.flatten(),
        checks_required,
        checks: checks.into_iter().flatten().collect(),
        backends: backends.into_iter().flatten().collect(),
    })
}

fn vips(value: &Value<'_>) -> Vec<crate::Prefix> {
    if value.is_empty_list() {
        value.error("the list is empty: a service needs at least one VIP");
    }
    value.one_or_list(VIPS_MAX, |value| {
        if value.is_text() { value.parsed(parse_vip) } else { value.unexpected("an address or network in quotes") }
    })
}

fn ports(value: &Value<'_>) -> Option<Ranges> {
    if !value.is_text() {
        return value.unexpected("ports in quotes, as in \"80\", \"80,443\", \"8000-8099\" or \"*\"");
    }
    let ports = value.parsed(Ranges::parse_ports)?;
    if ports.count() > PORT_RANGES_MAX {
        value.error(format!("{} ranges of ports: at most {PORT_RANGES_MAX} are possible", ports.count()));
    }
    Some(ports)
}

fn scheduler_flags(reader: &mut Reader<'_>, scheduler: Scheduler) -> SchedulerFlags {
    let Some(value) = reader.value("scheduler_flags") else { return SchedulerFlags::default() };
    let names = value.list(2, |value| {
        value.parsed(|text| match text {
            "fallback" | "port" => Ok(text.to_owned()),
            _ => Err(format!("\"{text}\" is not possible here: fallback, port")),
        })
    });
    if !names.is_empty() && !matches!(scheduler, Scheduler::Sh | Scheduler::Mh) {
        value.error(format!("the scheduler {} has no flags: sh and mh have", scheduler.name()));
    }
    let has = |flag: &str| names.iter().any(|name| name == flag);
    SchedulerFlags { fallback: has("fallback"), port: has("port") }
}

fn tunnel(reader: &mut Reader<'_>) -> (Option<u16>, Option<bool>) {
    let port = reader.value("tunnel_port").and_then(|value| value.number(1..=u16::MAX));
    let checksum = reader.value("tunnel_checksum").and_then(|value| value.boolean());
    (port, checksum)
}

fn persistence(value: &Value<'_>) -> Option<Persistence> {
    let mut reader = value.reader("a table, as in { timeout_s = 300, ipv4_prefix = 24 }")?;
    let persistence = Persistence {
        timeout_s: reader.number("timeout_s", 1..=TIMEOUT_S_MAX, 300),
        ipv4_prefix: reader.number("ipv4_prefix", 1..=32, 32),
        ipv6_prefix: reader.number("ipv6_prefix", 1..=128, 128),
        group: reader.value("group").and_then(|value| value.parsed(parse_name)),
    };
    reader.finish().then_some(persistence)
}

fn timeouts(reader: &mut Reader<'_>) -> Timeouts {
    let mut timeouts = Timeouts::default();
    let what = "a table, as in { established_s = 900 }";
    let Some(mut reader) = reader.value("timeouts").and_then(|value| value.reader(what)) else { return timeouts };
    for (key, timeout) in [
        ("established_s", &mut timeouts.established_s),
        ("syn_sent_s", &mut timeouts.syn_sent_s),
        ("syn_recv_s", &mut timeouts.syn_recv_s),
        ("fin_s", &mut timeouts.fin_s),
        ("time_wait_s", &mut timeouts.time_wait_s),
        ("close_s", &mut timeouts.close_s),
        ("close_wait_s", &mut timeouts.close_wait_s),
        ("last_ack_s", &mut timeouts.last_ack_s),
        ("synack_s", &mut timeouts.synack_s),
        ("udp_s", &mut timeouts.udp_s),
    ] {
        *timeout = reader.number(key, 1..=TIMEOUT_S_MAX, *timeout);
    }
    reader.finish();
    timeouts
}

fn one_packet(reader: &mut Reader<'_>, protocol: Protocol) -> bool {
    let Some(value) = reader.value("one_packet") else { return false };
    let one_packet = value.boolean().unwrap_or(false);
    if one_packet && protocol == Protocol::Tcp {
        value.error("one_packet is for UDP: packets of a TCP connection must all reach the same backend");
    }
    one_packet
}

fn mss_clamp(value: &Value<'_>) -> Option<MssClamp> {
    if !value.is_text() {
        return value.number(MSS_MIN..=MSS_MAX).map(MssClamp::Bytes);
    }
    value.parsed(|text| match text {
        "auto" => Ok(MssClamp::Auto),
        "off" => Ok(MssClamp::Off),
        _ => Err(format!("\"{text}\" is not possible here: \"auto\", \"off\" or a number of bytes")),
    })
}

fn fallback(value: &Value<'_>) -> Option<Fallback> {
    let mut reader = value.reader("a table, as in { address = \"10.2.0.9\", port = 80, method = \"nat\" }")?;
    let address = reader.required("address", "the address of the server").map(|value| value.parsed(parse_unicast));
    let port = reader.value("port").and_then(|value| value.number(1..=u16::MAX));
    let method = reader.named("method");
    reader.finish().then_some(Fallback { address: address??, port, method })
}

fn backend(reader: &mut Reader<'_>) -> Option<Backend> {
    let name = reader.required("name", "a name of your choice, as in \"s1\"").map(|value| value.parsed(parse_name));
    let address = reader.required("address", "the address of the server").map(|value| value.parsed(parse_unicast));
    let port = reader.value("port").and_then(|value| value.number(1..=u16::MAX));
    let method = reader.value("method").and_then(|value| value.named());
    let (tunnel_port, tunnel_checksum) = tunnel(reader);
    let weight = reader.number("weight", 0..=WEIGHT_MAX, 1);
    let state = reader.named("state");
    let flows_max = reader.number("flows_max", 0..=FLOWS_MAX, 0);
    let flows_low = reader.value("flows_low").and_then(|value| flows_low(&value, flows_max));
    let (name, address) = (name??, address??);
    Some(Backend { name, address, port, method, tunnel_port, tunnel_checksum, weight, state, flows_max, flows_low })
}

fn flows_low(value: &Value<'_>, flows_max: u32) -> Option<u32> {
    let low: u32 = value.number(0..=FLOWS_MAX)?;
    if flows_max == 0 {
        value.error("flows_low without flows_max: there is no limit to resume from");
    } else if low >= flows_max {
        value.error(format!("{low} is not below flows_max, which is {flows_max}"));
    }
    Some(low)
}
