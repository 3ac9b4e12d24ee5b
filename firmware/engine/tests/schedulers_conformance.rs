//! The schedulers against recordings of real IPVS (`tests/conformance/schedulers`, its README explains the lines).
//!
//! Each recording is played: arrivals ask `Scheduler`, connections are counted as active or inactive and end by IPVS's
//! timeouts. The backend of every arrival must be the one that IPVS chose, and the counts after every line those that
//! IPVS showed. IPVS walks its newest server first, so a new server goes to the front of the candidates.

#![allow(clippy::unwrap_used, reason = "a recording that cannot be read fails the test")]

use engine::BackendIndex;
use engine::schedule::{Candidate, Request, Scheduler, overloaded};
use engine::tables::{SchedulerFlags, SchedulerKind, Timeouts};
use net::Address;
use std::fmt::Write;
use std::net::SocketAddr;

/// Plays a recording; every choice must be the same.
#[track_caller]
fn replay(name: &str, kind: SchedulerKind, arrivals_min: usize) {
    let mut arrivals = 0;
    for_each_sequence(name, kind, |at, replayed, outcome| {
        let Some((chosen, recorded)) = outcome else { return };
        arrivals += 1;
        assert_eq!(chosen, recorded, "{at}: server chosen here, and by IPVS\nsequence: {}", replayed.about);
    });
    assert!(arrivals >= arrivals_min, "{name}: {arrivals} arrivals, at least {arrivals_min} expected");
}

macro_rules! conformance {
    ($($name:ident $kind:ident $arrivals_min:literal)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name), SchedulerKind::$kind, $arrivals_min);
        })*
    };
}

conformance! {
    rr Rr 600
    wrr Wrr 600
    lc Lc 300
    wlc Wlc 300
    sed Sed 300
    nq Nq 300
    lblc Lblc 300
    lblcr Lblcr 300
    sh Sh 1_000
    dh Dh 250
    mh Mh 1_000
    fo Fo 300
    ovf Ovf 300
}

/// twos draws random numbers, so IPVS's choices cannot be met one by one: shares per sequence are compared.
#[test]
fn twos() {
    type Served = Vec<(String, f64)>;
    let mut shares: Vec<(String, [Served; 2])> = Vec::new();
    for_each_sequence("twos", SchedulerKind::Twos, |_, replayed, outcome| {
        let Some((chosen, recorded)) = outcome else { return };
        if shares.last().is_none_or(|(about, _)| *about != replayed.about) {
            shares.push((replayed.about.clone(), Default::default()));
        }
        let (_, sides) = shares.last_mut().expect("pushed above");
        for (side, server) in sides.iter_mut().zip([chosen, recorded]) {
            match side.iter_mut().find(|(name, _)| name == server) {
                Some((_, count)) => *count += 1.0,
                None => side.push((server.into(), 1.0)),
            }
        }
    });
    assert_eq!(shares.len(), 2);
    for (about, [ours, theirs]) in shares {
        let total: f64 = theirs.iter().map(|(_, count)| count).sum();
        assert!(total >= 800.0 && ours.len() == theirs.len(), "{about}: {ours:?}, IPVS {theirs:?}");
        for (server, count) in &theirs {
            let here = ours.iter().find(|(name, _)| name == server).map_or(0.0, |(_, count)| *count);
            // Standard deviation of a share at 900 draws is at most 1.7 points, of a difference 2.4.
            let apart = (here - count).abs() / total * 100.0;
            assert!(apart < 6.0, "{about}: {server} {here} of {total} here, {count} with IPVS");
        }
    }
}

/// Plays all sequences of a recording. For each line, `check` gets where it is, the state, and for an arrival the
/// server chosen here and the one recorded (`none` for a refusal).
#[track_caller]
fn for_each_sequence(name: &str, kind: SchedulerKind, mut check: impl FnMut(&str, &Replay, Option<(&str, &str)>)) {
    let path = format!("{}/../../tests/conformance/schedulers/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut replay = Replay::new(kind, "");
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(about) = line.strip_prefix("sequence ") {
            replay = Replay::new(kind, about);
            continue;
        }
        let at = format!("{name}.txt:{} `{line}`", number + 1);
        let (line, counts) = line.split_once(" |").map_or((line, None), |(line, counts)| (line, Some(counts)));
        let (command, recorded) = line.split_once(" -> ").map_or((line, None), |(line, chosen)| (line, Some(chosen)));
        let words: Vec<&str> = command.split(' ').collect();
        match words[0] {
            "service" => replay.service(&words),
            "server" | "change" => replay.server(&words),
            "remove" => replay.remove(words[1]),
            "arrive" | "knock" => {
                let recorded = recorded.unwrap_or_else(|| panic!("{at}: no choice recorded"));
                let chosen = replay.arrive(&words, (kind == SchedulerKind::Twos).then_some(recorded));
                check(&at, &replay, Some((&chosen, recorded)));
            }
            "close" => replay.leave(words[1], Timeouts::default().close_s),
            "finish" => replay.leave(words[1], Timeouts::default().close_wait_s),
            "wait" => replay.wait(words[1].parse().unwrap()),
            other => panic!("{at}: `{other}` is not known"),
        }
        if let Some(counts) = counts {
            assert_eq!(replay.counts(), counts, "{at}: active/inactive here, and of IPVS");
        }
        check(&at, &replay, None);
    }
}

/// IPVS, as far as a scheduler can tell.
struct Replay {
    about: String,
    kind: SchedulerKind,
    scheduler: Scheduler,
    vip: Option<SocketAddr>,
    tcp: bool,
    now_s: u32,
    random: u64,
    /// All servers ever seen: IPVS remembers one that left as long as something refers to it.
    servers: Vec<Server>,
    /// Those in the service, newest first: indices of `servers`.
    list: Vec<usize>,
    /// By number of arrival; `None` when refused.
    connections: Vec<Option<Connection>>,
}

struct Server {
    name: String,
    at: SocketAddr,
    weight: u32,
    flows_max: u32,
    flows_low: u32,
    active: u32,
    inactive: u32,
    overloaded: bool,
}

struct Connection {
    server: usize,
    active: bool,
    ends_s: u32,
    ended: bool,
}

impl Replay {
    fn new(kind: SchedulerKind, about: &str) -> Self {
        Self {
            about: about.into(),
            kind,
            scheduler: Scheduler::new(kind, SchedulerFlags::default()),
            vip: None,
            tcp: true,
            now_s: 1_000,
            random: 7,
            servers: Vec::new(),
            list: Vec::new(),
            connections: Vec::new(),
        }
    }

    /// `service tcp|udp ADDRESS:PORT|mark SCHEDULER [FLAGS]`
    fn service(&mut self, words: &[&str]) {
        self.tcp = words[1] == "tcp";
        self.vip = words[2].parse().ok();
        let flags = words.get(4).copied().unwrap_or_default();
        let flags = SchedulerFlags { fallback: flags.contains("-fallback"), port: flags.contains("-port") };
        self.scheduler = Scheduler::new(self.kind, flags);
    }

    /// `server|change NAME ADDRESS:PORT weight W [upper U lower L]`
    fn server(&mut self, words: &[&str]) {
        let number = |at: usize| words.get(at).map_or(0, |word| word.parse().unwrap());
        let (weight, flows_max, flows_low) = (number(4), number(6), number(8));
        let at = self.servers.iter().position(|server| server.name == words[1]).unwrap_or_else(|| {
            let (name, at) = (words[1].into(), words[2].parse().unwrap());
            let (active, inactive, overloaded) = (0, 0, false);
            self.servers.push(Server { name, at, weight, flows_max, flows_low, active, inactive, overloaded });
            self.servers.len() - 1
        });
        let server = &mut self.servers[at];
        (server.weight, server.flows_max, server.flows_low) = (weight, flows_max, flows_low);
        self.look_at_limit(at);
        if words[0] == "server" {
            self.list.insert(0, at);
        }
        self.scheduler.adopt(&self.candidates());
    }

    fn remove(&mut self, name: &str) {
        self.list.retain(|at| self.servers[*at].name != name);
        self.scheduler.adopt(&self.candidates());
    }

    /// `arrive|knock CLIENT:PORT [to VIP:PORT]`; the connection goes to the server named in `forced` if there is one.
    fn arrive(&mut self, words: &[&str], forced: Option<&str>) -> String {
        let client: SocketAddr = words[1].parse().unwrap();
        let vip = words.get(3).map(|vip| vip.parse().unwrap()).or(self.vip).expect("a mark needs `to`");
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let request = Request {
            client: client.ip().into(),
            client_port: client.port(),
            vip: vip.ip().into(),
            vip_port: vip.port(),
            tcp: self.tcp,
            random: self.random ^ self.random >> 31,
            now_s: self.now_s,
        };
        let candidates = self.candidates();
        let chosen = self.scheduler.pick(&request, &candidates).map(|at| self.list[at]);
        let name = chosen.map_or("none".into(), |server| self.servers[server].name.clone());
        let server = match forced {
            Some(forced) => self.servers.iter().position(|server| server.name == forced),
            None => chosen,
        };
        let timeouts = Timeouts::default();
        let idle_s = match (self.tcp, words[0]) {
            (false, _) => timeouts.udp_s,
            (true, "knock") => timeouts.syn_recv_s,
            (true, _) => timeouts.established_s,
        };
        self.connections.push(server.map(|server| Connection {
            server,
            active: self.tcp,
            ends_s: self.now_s + idle_s,
            ended: false,
        }));
        if let Some(server) = server {
            *self.counter(server, self.tcp) += 1;
            self.look_at_limit(server);
        }
        name
    }

    fn leave(&mut self, number: &str, lingers_s: u32) {
        let number: usize = number.parse().unwrap();
        let ends_s = self.now_s + lingers_s;
        let Some(connection) = self.connections[number - 1].as_mut().filter(|connection| !connection.ended) else {
            return;
        };
        connection.ends_s = ends_s;
        let (server, was_active) = (connection.server, std::mem::replace(&mut connection.active, false));
        *self.counter(server, was_active) -= 1;
        *self.counter(server, false) += 1;
    }

    fn wait(&mut self, seconds: u32) {
        self.now_s += seconds;
        let now_s = self.now_s;
        let mut ended = Vec::new();
        for connection in self.connections.iter_mut().flatten().filter(|connection| !connection.ended) {
            connection.ended = connection.ends_s <= now_s;
            if connection.ended {
                ended.push((connection.server, connection.active));
            }
        }
        for (server, active) in ended {
            *self.counter(server, active) -= 1;
            self.look_at_limit(server);
        }
        self.scheduler.expire(now_s);
    }

    fn counter(&mut self, server: usize, active: bool) -> &mut u32 {
        let server = &mut self.servers[server];
        if active { &mut server.active } else { &mut server.inactive }
    }

    /// A connection began or ended, or the limit changed.
    fn look_at_limit(&mut self, server: usize) {
        let server = &mut self.servers[server];
        let flows = server.active + server.inactive;
        server.overloaded = overloaded(server.overloaded, flows, server.flows_max, server.flows_low);
    }

    fn candidates(&self) -> Vec<Candidate> {
        let candidate = |at: &usize| {
            let server = &self.servers[*at];
            Candidate {
                backend: BackendIndex(*at as u16),
                address: Address::from(server.at.ip()),
                port: server.at.port(),
                weight: server.weight,
                active: server.active,
                inactive: server.inactive,
                overloaded: server.overloaded,
            }
        };
        self.list.iter().map(candidate).collect()
    }

    /// As recorded: ` s2 0/0 s1 1/2`.
    fn counts(&self) -> String {
        self.list.iter().fold(String::new(), |mut text, at| {
            let Server { name, active, inactive, .. } = &self.servers[*at];
            write!(text, " {name} {active}/{inactive}").unwrap();
            text
        })
    }
}
