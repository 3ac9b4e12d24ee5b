//! Lines to a real syslog server: over UDP, TCP and TLS, refused where its certificate is a stranger's, and over a time in
//! which it is away.

use crate::{SINK, fresh_data};
use lab::certificates::Authority;
use lab::command;
use lab::configuration::{Configuration, Method};
use lab::error::{Act, LabError};
use lab::plan::{self, Family};
use lab::process::Daemon;
use lab::servers::{self, rsyslog};
use lab::suimon::Suimon;
use lab::{Lab, Result, debian};
use serde_json::Value;
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

/// Time for a line to arrive: a server that was away is looked for after 1, 2, 4 … s.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);
/// Ways that arrive, and the priority of a warning in the facility of each (RFC 5424 6.2.1): local0, local1, local2.
const WELCOME: [(&str, u8); 3] = [("udp", 132), ("tcp", 140), ("tls", 148)];
/// A way whose server is not believed, and its facility: local3.
const STRANGER: (&str, u8) = ("stranger", 19);

pub fn arrives(lab: &mut Lab) -> Result<()> {
    let (address, tree, authority) = (plan::server(SINK, Family::V4), debian::tree()?, Authority::new()?);
    let data = fresh_data(lab)?;
    for (name, authority) in [("syslog.pem", &authority), ("strange.pem", &Authority::new()?)] {
        fs::write(data.join(name), authority.certificate()).act(|| format!("write {name}"))?;
    }
    let server = rsyslog::server(address, &authority.valid(&address.to_string())?);
    let mut rsyslog = servers::start(lab, &tree, SINK, &server)?;
    servers::wait(lab, SINK, address, &server, &mut rsyslog)?;
    let toml = Configuration::new(1, Method::Nat, Family::V4).toml() + &ways(address);
    let mut balancer = Suimon::start(lab, "a", &toml)?;
    for server in plan::SERVERS {
        balancer.ctl(&["disable", &format!("web/{server}")])?.success()?;
    }
    for (_, priority) in WELCOME {
        wait_for(&rsyslog, priority, "web is down: ")?;
    }
    let told = way(&balancer, STRANGER.0)?;
    let reason = told["last_failure"]["reason"].as_str().unwrap_or_default();
    if told["sent"].as_u64() != Some(0) || !reason.contains("invalid peer certificate") {
        return Err(LabError::Answer(format!("a strange server is believed: {told}")));
    }
    // Lines of a time when nobody listens wait, but for UDP, which cannot know.
    rsyslog.stop()?;
    balancer.ctl(&["online", "web/s2"])?.success()?;
    let noticed = |name| way(&balancer, name).is_ok_and(|way| way["failures"].as_u64() > Some(0));
    command::wait_until("it is missed", ARRIVAL_LIMIT, || noticed("tcp") && noticed("tls"))?;
    let mut rsyslog = servers::start(lab, &tree, SINK, &server)?;
    servers::wait(lab, SINK, address, &server, &mut rsyslog)?;
    for (name, priority) in &WELCOME[1..] {
        // A recovery is no warning but information, two steps down.
        wait_for(&rsyslog, priority + 2, "web is up: ")?;
        let lost = way(&balancer, name)?["lost"].as_u64();
        if lost != Some(0) {
            return Err(LabError::Answer(format!("{name} lost lines: {lost:?}")));
        }
    }
    balancer.stop()?;
    strangers_got_nothing(&rsyslog)
}

fn strangers_got_nothing(rsyslog: &Daemon) -> Result<()> {
    let facility = |line: &str| Some(line.strip_prefix('<')?.split_once('>')?.0.parse::<u8>().ok()? / 8);
    let said = rsyslog.said();
    if said.lines().filter_map(facility).count() == 0 {
        return Err(LabError::Answer("no line is understood".into()));
    }
    match said.lines().find(|line| facility(line) == Some(STRANGER.1)) {
        Some(line) => Err(LabError::Answer(format!("a line for a server that is not believed: {line}"))),
        None => Ok(()),
    }
}

fn ways(address: IpAddr) -> String {
    let each = [
        (WELCOME[0].0, rsyslog::PORT_UDP, "udp", 0, None),
        (WELCOME[1].0, rsyslog::PORT_TCP, "tcp", 1, None),
        (WELCOME[2].0, rsyslog::PORT_TLS, "tls", 2, Some("syslog.pem")),
        (STRANGER.0, rsyslog::PORT_TLS, "tls", 3, Some("strange.pem")),
    ];
    let one = |(name, port, transport, facility, authority): (&str, u16, &str, u8, Option<&str>)| {
        let authority = authority.map_or(String::new(), |file| format!("ca_file = \"{file}\"\n"));
        format!(
            "\n[[syslog.server]]\nname = \"{name}\"\nserver = \"{address}\"\nport = {port}\n\
             transport = \"{transport}\"\nfacility = \"local{facility}\"\n{authority}"
        )
    };
    each.map(one).concat()
}

/// A line of RFC 5424 as it was sent: priority, version, time, host, program, process, and what is said.
fn wait_for(rsyslog: &Daemon, priority: u8, words: &str) -> Result<()> {
    let begin = format!("<{priority}>1 ");
    let as_sent = |line: &str| line.starts_with(&begin) && line.contains(" suimon ") && line.contains(words);
    command::wait_until(&format!("{begin}… {words}"), ARRIVAL_LIMIT, || rsyslog.said().lines().any(as_sent))
        .map_err(|error| LabError::Answer(format!("{error}; it has: {}", rsyslog.said())))
}

fn way(balancer: &Suimon, name: &str) -> Result<Value> {
    let text = balancer.get("/api/v1/alerts")?;
    let all: Value = serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
    let found = all["syslog"].as_array().into_iter().flatten().find(|each| each["name"] == name).cloned();
    found.ok_or_else(|| LabError::Answer(format!("no syslog server {name} in {text}")))
}
