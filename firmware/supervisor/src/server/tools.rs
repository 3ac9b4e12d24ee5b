//! Looks at the network from where the box stands. What is said to strangers is said by the process that asks servers;
//! the kernel's table is read here.

use super::access::Call;
use super::routes::{Answer, Body};
use super::{Core, Refused, in_time};
use crate::run::view::health::answer;
use api::{
    CheckAnswer, KernelNeighbor, PING_COUNT_DEFAULT, PING_COUNT_MAX, PING_SIZE_DEFAULT, PING_SIZE_MAX, PING_SIZE_MIN,
    Ping, Pinged, PortProbe, Resolution, StepAnswer, StepEnd, TRACE_HOPS_MAX, TRACE_TRIES, Trace, TraceBy, Traced,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use config::{Ask, AskedAddress, Probe, Question, Tls, TlsConnect, TlsMode};
use drivers::clock;
use drivers::netlink::{self, Netlink, NetlinkError};
use probe::{Hop, HopAnswer, HopBy, HopEnd};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// Deadline of an echo or a step, milliseconds.
const STEP_TIMEOUT_MS: u32 = 1_000;
/// Deadline of a look at a port, milliseconds.
const PORT_TIMEOUT_MS: u32 = 5_000;
/// Time from one echo to the next.
const PING_GAP: Duration = Duration::from_millis(200);
/// Steps tried at once: Linux answers one asker with a burst of 6 ICMP errors (icmp_ratelimit), which is two steps' tries.
const STEPS_AT_ONCE: u8 = 2;
/// Routers that a packet may pass at most: what Linux sends with.
const TTL_MAX: u8 = 64;
/// Says how much longer a certificate is good, whatever that is.
const WARNING_DAYS: u16 = u16::MAX;

pub(super) async fn ping(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(ping): Body<Ping>,
) -> Answer<Pinged> {
    let count = within("count", ping.count.unwrap_or(PING_COUNT_DEFAULT), 1..=PING_COUNT_MAX)?;
    let size = within("size", ping.size.unwrap_or(PING_SIZE_DEFAULT), PING_SIZE_MIN..=PING_SIZE_MAX)?;
    let whole = if ping.dont_fragment { ", not to be cut" } else { "" };
    call.note(&format!("ping {}: {count} of {size} bytes{whole}", ping.address));
    let hop = Hop {
        to: ping.address,
        by: HopBy::Echo,
        port: None,
        ttl: TTL_MAX,
        size,
        fragments: !ping.dont_fragment,
        timeout_ms: STEP_TIMEOUT_MS,
    };
    let mut echoes = Vec::new();
    let mut next = Instant::now();
    for _ in 0..count {
        sleep_until(next).await;
        next = Instant::now() + PING_GAP;
        echoes.extend(steps(&core, vec![hop.clone()]).await?);
    }
    Ok(Json(Pinged { echoes }))
}

pub(super) async fn trace(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(trace): Body<Trace>,
) -> Answer<Traced> {
    let hops_max = within("hops_max", trace.hops_max.unwrap_or(TRACE_HOPS_MAX), 1..=TRACE_HOPS_MAX)?;
    let port = trace.port.map(|port| within("port", port, 1..=u16::MAX)).transpose()?;
    let by = match trace.by {
        TraceBy::Icmp => HopBy::Echo,
        TraceBy::Udp => HopBy::Datagram,
        TraceBy::Tcp => HopBy::Connection,
    };
    if by == HopBy::Echo && port.is_some() {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "ICMP has no ports: port is for udp and tcp"));
    }
    call.note(&format!("trace {}", trace.address));
    let mut traced = Traced::default();
    let to = trace.address;
    let step = |ttl| Hop { to, by, port, ttl, size: 0, fragments: true, timeout_ms: STEP_TIMEOUT_MS };
    let mut first = 1;
    while first <= hops_max {
        let last = hops_max.min(first + STEPS_AT_ONCE - 1);
        let tries = (first..=last).flat_map(|ttl| (0..TRACE_TRIES).map(move |_| ttl)).map(step).collect();
        let answers = steps(&core, tries).await?;
        for tries in answers.chunks(usize::from(TRACE_TRIES)) {
            let ends = |end: StepEnd| tries.iter().any(|one| one.end == end);
            traced.reached = ends(StepEnd::Arrived);
            traced.hops.push(tries.to_vec());
            if traced.reached || ends(StepEnd::Unreachable) || ends(StepEnd::NotAsked) {
                return Ok(Json(traced));
            }
        }
        first = last + 1;
    }
    Ok(Json(traced))
}

pub(super) async fn port(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(asked): Body<PortProbe>,
) -> Answer<CheckAnswer> {
    let port = within("port", asked.port, 1..=u16::MAX)?;
    if asked.name.is_some() && !asked.tls {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "name is for tls"));
    }
    call.note(&format!("{} port {port}{}", asked.address, if asked.tls { " with TLS" } else { "" }));
    let tls = asked.tls.then(|| Tls {
        mode: TlsMode::On,
        sni: asked.name.clone(),
        tls_verify: false,
        tls_ca: None,
        certificate_warning_days: WARNING_DAYS,
    });
    let question = Question {
        ask: Ask::Connect(TlsConnect { tls }),
        port: None,
        address: AskedAddress::Backend,
        interval_ms: PORT_TIMEOUT_MS,
        timeout_ms: PORT_TIMEOUT_MS,
    };
    let probe = Probe { question, address: asked.address, port, vip: None };
    let waiting = core.ask(move |control| control.probing().once(clock::now(), probe)).await?;
    let outcome = in_time(waiting).await?;
    Ok(Json(answer(clock::now(), &outcome)))
}

pub(super) async fn neighbors(State(_): State<Core>) -> Answer<Vec<KernelNeighbor>> {
    let read = tokio::task::spawn_blocking(table).await.map_err(|_| Refused::busy())?;
    read.map(Json).map_err(|error| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn table() -> Result<Vec<KernelNeighbor>, NetlinkError> {
    let mut netlink = Netlink::open()?;
    let links = netlink.links()?;
    let name = |index: u32| links.iter().find(|link| link.index == index).map(|link| link.name.clone());
    let known = netlink.neighbors()?.into_iter().filter_map(|found| {
        let resolution = match found.resolution {
            netlink::Resolution::Reachable => Resolution::Reachable,
            netlink::Resolution::Stale => Resolution::Stale,
            netlink::Resolution::Asked => Resolution::Asked,
            netlink::Resolution::Failed => Resolution::Failed,
            netlink::Resolution::Permanent => Resolution::Permanent,
            netlink::Resolution::NotNeeded => return None,
        };
        let mac = found.mac.map(|mac| mac.to_string());
        Some(KernelNeighbor {
            address: found.address.into(),
            nic: name(found.index)?,
            mac,
            resolution,
            kept: found.ours,
        })
    });
    let mut known: Vec<_> = known.collect();
    known.sort_by(|a, b| (&a.nic, a.address).cmp(&(&b.nic, b.address)));
    Ok(known)
}

/// All of them at the same time; the answers in the order of the steps.
async fn steps(core: &Core, hops: Vec<Hop>) -> Result<Vec<StepAnswer>, Refused> {
    let ask = move |control: &mut crate::run::control::Control| {
        let mut hop = |hop| control.probing().hop(clock::now(), hop);
        hops.into_iter().map(&mut hop).collect::<Vec<oneshot::Receiver<HopAnswer>>>()
    };
    let mut answers = Vec::new();
    for waiting in core.ask(ask).await? {
        answers.push(said(in_time(waiting).await?));
    }
    Ok(answers)
}

fn said(answer: HopAnswer) -> StepAnswer {
    let end = match answer.end {
        HopEnd::Router => StepEnd::Router,
        HopEnd::Arrived => StepEnd::Arrived,
        HopEnd::Unreachable => StepEnd::Unreachable,
        HopEnd::Silent => StepEnd::Silent,
        HopEnd::NotAsked => StepEnd::NotAsked,
    };
    StepAnswer { end, from: answer.from, reason: answer.reason, latency_us: answer.latency_us }
}

/// A number of a request that has bounds.
fn within<T: PartialOrd + Display>(name: &str, number: T, bounds: RangeInclusive<T>) -> Result<T, Refused> {
    if bounds.contains(&number) {
        return Ok(number);
    }
    let message = format!("{name} is {number}: {} to {} are possible", bounds.start(), bounds.end());
    Err(Refused::new(StatusCode::BAD_REQUEST, message))
}
