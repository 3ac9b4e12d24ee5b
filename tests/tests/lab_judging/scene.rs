//! Servers whose ports can be blocked, and clients that tell who answered.

use lab::backends::Backend;
use lab::command::{SHORT, run_with_input, words};
use lab::configuration::base;
use lab::error::LabError;
use lab::lab::Answers;
use lab::load::{Asked, Client, Fate, Load, Way};
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::{Lab, Result, trials};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// Load before anything happens.
pub const WARM_UP: Duration = Duration::from_millis(1_000);
/// From the judgement to the last flow that does not know of it.
pub const SETTLE: Duration = Duration::from_millis(500);

/// What a packet filter on a server does with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Nothing comes in.
    Drop,
    /// A reset, or port unreachable.
    Reject,
}

/// The lab and its servers.
pub struct Scene {
    pub lab: Lab,
}

impl Scene {
    pub fn build() -> Result<Self> {
        let lab = trials::full_lab()?;
        lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
        Ok(Self { lab })
    }

    /// The files that the servers serve.
    pub fn shared(&self) -> PathBuf {
        self.lab.folder().join("shared")
    }

    /// Blocks ports of a server, and no others.
    pub fn block(&self, server: &str, ports: &[(&str, u16)], block: Block) -> Result<()> {
        let mut rules = String::from("flush ruleset\ntable ip lab {\nchain in {\ntype filter hook input priority 0\n");
        for (protocol, port) in ports {
            let verdict = match (block, *protocol) {
                (Block::Drop, _) => "drop",
                (Block::Reject, "tcp") => "reject with tcp reset",
                (Block::Reject, _) => "reject",
            };
            let _ = writeln!(rules, "{protocol} dport {port} {verdict}");
        }
        rules += "}\n}\n";
        let mut nft = words("ip", ["netns", "exec", self.lab.node(server).name(), "nft", "-f", "-"]);
        run_with_input(&mut nft, &rules, SHORT)?.success().map(drop)
    }

    pub fn unblock(&self, server: &str) -> Result<()> {
        self.lab.node(server).output("nft", &["flush ruleset"], SHORT).map(drop)
    }

    /// Starts the balancer with one service, and waits until `up` servers of it are up.
    pub fn balance(&self, service: &Service, up: usize) -> Result<Suimon> {
        let balancer = Suimon::start(&self.lab, "a", &service.document())?;
        balancer.wait_for("the servers are up", |all| {
            all.iter().filter(|backend| backend.healthy && !is_fallback(backend)).count() == up
        })?;
        Ok(balancer)
    }

    /// Requests, each on a connection of its own, about a hundred a second.
    pub fn load(&self) -> Result<Load> {
        let client = |source| Client {
            way: Way::Anew,
            source,
            target: SocketAddr::new(plan::vip(Family::V4), 80),
            pause: Duration::from_millis(80),
            patience: Duration::from_secs(4),
            renew: 0,
        };
        let clients: Vec<Client> = plan::clients(Family::V4).into_iter().take(10).map(client).collect();
        Load::start(&self.lab, &clients)
    }
}

fn is_fallback(backend: &Backend) -> bool {
    backend.name == "fallback"
}

/// A service as it is configured.
pub struct Service<'a> {
    pub protocol: &'a str,
    pub port: u16,
    /// Keys of the service.
    pub keys: &'a str,
    /// Tables of its checks.
    pub checks: &'a str,
    /// Servers, and keys of each.
    pub backends: &'a [(&'a str, &'a str)],
}

impl Service<'_> {
    fn document(&self) -> String {
        let (vip, Self { protocol, port, keys, checks, .. }) = (plan::vip(Family::V4), self);
        // One worker: with few flows each of several would have a round of its own.
        let mut text = base(1);
        let _ = write!(
            text,
            "\n[[service]]\nname = \"s\"\nvip = \"{vip}\"\nprotocol = \"{protocol}\"\nports = \"{port}\"\n\
             method = \"nat\"\n{keys}\n{checks}"
        );
        for (server, keys) in self.backends {
            let address = plan::server(server, Family::V4);
            let _ = write!(text, "\n[[service.backend]]\nname = \"{server}\"\naddress = \"{address}\"\n{keys}\n");
        }
        text
    }
}

/// All three near servers without keys of their own.
pub const PLAIN: &[(&str, &str)] = &[("s1", ""), ("s2", ""), ("s3", "")];

/// A check of a TCP port every 300 ms, two answers of which are a judgement.
pub fn connect(name: &str, port: u16) -> String {
    let times = "interval_ms = 300\ntimeout_ms = 800\nrise = 2\nfall = 2\n";
    format!("\n[[service.check]]\nname = \"{name}\"\nkind = \"connect\"\nport = {port}\n{times}")
}

/// A backend of the service.
pub fn backend(balancer: &Suimon, name: &str) -> Result<Backend> {
    let found = balancer.backends()?.into_iter().find(|backend| backend.name == name);
    found.ok_or_else(|| LabError::Answer(format!("there is no backend {name}")))
}

/// Waits until a backend is as `question` asks.
pub fn wait(balancer: &Suimon, name: &str, act: &str, question: impl Fn(&Backend) -> bool) -> Result<Backend> {
    balancer.wait_for(act, |all| all.iter().any(|backend| backend.name == name && question(backend)))?;
    backend(balancer, name)
}

/// Who answered the requests that were sent from a moment on, until another.
pub fn shares(asked: &[Asked], from: Instant, until: Instant) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for asked in asked.iter().filter(|asked| asked.begun >= from && asked.begun < until) {
        let who = match &asked.fate {
            Fate::Answered(name) => name.clone(),
            _ => "nobody".into(),
        };
        *shares.entry(who).or_default() += 1;
    }
    shares
}

/// Who answers the requests of the next while, in percent and altogether.
pub fn now(load: &Load, time: Duration) -> BTreeMap<String, usize> {
    thread::sleep(SETTLE);
    let from = Instant::now();
    thread::sleep(time);
    shares(&load.so_far(), from, Instant::now())
}

/// The share of one of them, percent.
pub fn percent(shares: &BTreeMap<String, usize>, name: &str) -> usize {
    let all: usize = shares.values().sum();
    shares.get(name).copied().unwrap_or(0) * 100 / all.max(1)
}

pub fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(LabError::Answer(otherwise())) }
}
