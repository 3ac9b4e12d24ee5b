//! One case under way: the real node compiles the configuration, the real engine takes the frames. Each turn of the
//! engine must do without an allocation.

use super::frame::Built;
use super::setting::Setting;
use super::show;
use super::tape::{Buffer, Tape};
use super::words::Words;
use allocation_counter::measure;
use control::health::{Checked, ProbeId};
use control::{Action, Event, Node, Settings};
use engine::engine::{Batch, Event as Said, FlowFilter};
use engine::{
    BACKENDS_MAX, BATCH_MAX, DropReason, Engine, NicId, SERVICES_MAX, Tables, Tuple, WorkerCounters, WorkerId,
};
use net::offload::Offload;
use net::siphash::Key;
use net::{Address, Now};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// When a case starts.
const START: Now = Now::from_secs(1_000);
/// Turns of a worker without frames while time passes.
const TURNS_A_SECOND: usize = 2;
/// Turns without a frame after which nothing more is to be done.
const IDLE_TURNS: usize = 32;
/// A change of a backend's health is in the tables by then.
const TAKEN_WITHIN: Duration = Duration::from_millis(100);
/// Decides every random choice, and where counters of ports and identifications start.
const SEED: u64 = 42;

/// A frame that left.
#[derive(Clone, Debug)]
pub struct Left {
    pub nic: String,
    pub bytes: Vec<u8>,
    pub offload: Offload,
}

/// The case.
pub struct World {
    pub setting: Setting,
    node: Node,
    engine: Engine,
    tape: Tape,
    batch: Batch<Buffer>,
    tables: Arc<Tables>,
    now: Now,
    drops: Vec<u64>,
    to_control: u64,
    /// What left in the last step.
    pub left: Vec<Left>,
    /// What the node complained about at the start.
    pub complaints: Vec<String>,
}

impl World {
    pub fn new(setting: Setting) -> Result<Self, String> {
        let key = Key(1, 2);
        let node = Node::new(Settings {
            name: "a".to_owned(),
            workers: setting.workers,
            key,
            wishes: control::drain::Wishes::default(),
            health: control::health::Kept::default(),
            made: control::made::Made::default(),
        });
        let counters: Arc<[Arc<WorkerCounters>]> =
            (0..setting.workers).map(|_| Arc::new(WorkerCounters::new(SERVICES_MAX, BACKENDS_MAX))).collect();
        let unconfigured = Arc::new(Tables { workers: setting.workers, key, ..Tables::default() });
        let mut world = Self {
            node,
            engine: Engine::new(WorkerId(0), Arc::clone(&unconfigured), Arc::clone(&counters), SEED),
            tape: Tape::new(setting.buffer_bytes, setting.buffers),
            batch: Batch::default(),
            tables: unconfigured,
            now: START,
            drops: vec![0; DropReason::COUNT],
            to_control: 0,
            left: Vec::new(),
            complaints: Vec::new(),
            setting,
        };
        world.tell(Event::Kernel(world.setting.kernel()));
        world.complaints = world.commit()?;
        // The engine of a worker is made for the tables it starts with: their sizes are its own.
        world.engine = Engine::new(WorkerId(0), Arc::clone(&world.tables), counters, SEED);
        Ok(world)
    }

    fn commit(&mut self) -> Result<Vec<String>, String> {
        let mut config = config::parse(&self.setting.toml, "golden.toml").map_err(|errors| errors.to_string())?;
        add_checks(&mut config);
        Ok(self.tell(Event::ConfigCommitted(Arc::new(config))).iter().map(|line| format!(": {line}")).collect())
    }

    // Tells the node, and does what it wants done. Returns what it complains about.
    fn tell(&mut self, event: Event) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut actions = Vec::new();
            self.node.handle(self.now, event, &mut actions);
            for action in actions {
                match action {
                    Action::Publish(published) => self.tables = published.0,
                    Action::Resolve { nic, address } => events.extend(self.answer(nic, address)),
                    Action::KillFlows { backend } => {
                        let filter = FlowFilter { backend: Some(backend), ..FlowFilter::default() };
                        self.engine.kill_flows(self.now, &filter, &mut 0);
                    }
                    Action::Warn(warning) => complaints.push(warning),
                    _ => {}
                }
            }
        }
        complaints
    }

    fn answer(&self, nic: NicId, address: Address) -> Option<Event> {
        let link = self.setting.links.iter().find(|link| self.nic_name(nic) == link.name)?;
        let mac = self.setting.answer(&link.name, address)?;
        Some(Event::Neighbor { link: link.index, address, mac: Some(mac) })
    }

    fn nic_name(&self, nic: NicId) -> String {
        self.tables.nics.get(nic.at()).map_or_else(|| format!("nic{nic}"), |nic| nic.name.clone())
    }

    /// A frame comes in.
    pub fn receive(&mut self, nic: &str, built: &Built) -> Result<Vec<String>, String> {
        let at = self.tables.nics.iter().position(|known| known.name == nic).ok_or(format!("{nic} is no NIC"))?;
        if !self.tape.wire.inject(NicId(at as u8), built.offload, &built.bytes) {
            return Err("the frame is longer than the buffers".to_owned());
        }
        self.left.clear();
        self.turn()?;
        Ok(self.look())
    }

    /// Frames come in faster than they are handled: full batches.
    pub fn burst(&mut self, nic: &str, frames: &[Built]) -> Result<(), String> {
        let at = self.tables.nics.iter().position(|known| known.name == nic).ok_or(format!("{nic} is no NIC"))?;
        for some in frames.chunks(2 * BATCH_MAX) {
            for built in some {
                self.tape.wire.inject(NicId(at as u8), built.offload, &built.bytes);
            }
            self.turn()?;
            self.left.clear();
            self.look();
        }
        Ok(())
    }

    /// A counter of the engine.
    pub fn count(&self, name: &str) -> u64 {
        let totals = self.engine.counters().totals.list();
        totals.iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| *value)
    }

    /// Many frames come in, one after the other; what came of them is told in numbers.
    pub fn flood(&mut self, nic: &str, frames: impl Iterator<Item = Built>) -> Result<Vec<String>, String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut left = Vec::new();
        for built in frames {
            for line in self.receive(nic, &built)? {
                let what = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
                *counts.entry(what).or_default() += 1;
            }
            left.append(&mut self.left);
        }
        self.left = left;
        Ok(counts.into_iter().map(|(what, count)| format!(": {count} x {what}")).collect())
    }

    /// Time passes.
    pub fn wait_until(&mut self, seconds: f64) -> Result<Vec<String>, String> {
        let until = START + Duration::from_secs_f64(seconds);
        let mut lines = Vec::new();
        self.left.clear();
        while self.now < until {
            self.now = until.min(self.now + Duration::from_secs(1));
            self.tell(Event::Tick);
            for _ in 0..TURNS_A_SECOND {
                self.turn()?;
            }
            lines.extend(self.look());
        }
        self.keep_house()?;
        lines.extend(self.look());
        Ok(lines)
    }

    /// Something about the box changes; after `quickly` the next frame is faster than what has to be done for it.
    pub fn change(&mut self, line: &str) -> Result<Vec<String>, String> {
        let (line, quickly) = line.strip_prefix("quickly ").map_or((line, false), |line| (line, true));
        let mut words = Words::of(line);
        let mut complaints = Vec::new();
        self.left.clear();
        match words.next()?.as_str() {
            "backend" => self.change_backend(&mut words)?,
            "nic" => {
                let name = words.next()?;
                let link = self.setting.links.iter_mut().find(|link| link.name == name).ok_or("no such NIC")?;
                match words.next()?.as_str() {
                    "mtu" => link.mtu = words.number()? as u16,
                    word => link.up = word == "up",
                }
                self.tell(Event::Kernel(self.setting.kernel()));
            }
            "host" => {
                self.setting.host(&mut words)?;
                let host = self.setting.hosts.last().cloned().ok_or("just added")?;
                let link = self.setting.links.iter().find(|link| link.name == host.nic).ok_or("no such NIC")?.index;
                for address in host.addresses {
                    self.tell(Event::Neighbor { link, address, mac: Some(net::Mac(host.mac)) });
                }
            }
            "edit" => {
                let (old, new) = line["edit ".len()..].split_once(" =>").ok_or("edit OLD => NEW")?;
                let new = new.strip_prefix(' ').unwrap_or(new);
                let (old, new) = (old.replace("\\n", "\n"), new.replace("\\n", "\n"));
                if !self.setting.toml.contains(&old) {
                    return Err(format!("the configuration does not have {old}"));
                }
                self.setting.toml = self.setting.toml.replace(&old, &new);
                complaints = self.commit()?;
            }
            "kill" => {
                let client = Some(words.parsed::<IpAddr>()?.into());
                self.engine.kill_flows(self.now, &FlowFilter { client, ..FlowFilter::default() }, &mut 0);
            }
            word => return Err(format!("{word} is no step")),
        }
        if !quickly {
            self.keep_house()?;
        }
        let mut lines = self.look();
        lines.extend(complaints);
        Ok(lines)
    }

    // backend SERVICE/NAME down|up|online|drain|disabled
    fn change_backend(&mut self, words: &mut Words) -> Result<(), String> {
        let name = words.next()?;
        let (service, backend) = name.split_once('/').ok_or("SERVICE/BACKEND")?;
        let (service, backend) = (service.to_owned(), backend.to_owned());
        let wish = match words.next()?.as_str() {
            word @ ("up" | "down") => {
                let checked = Checked { at: self.now, passed: word == "up", ..Checked::default() };
                let probes: Vec<ProbeId> =
                    self.node.health().probes_of(&service, &backend).map(|(_, probe)| probe).collect();
                for probe in probes {
                    self.tell(Event::Checked { probe, checked: checked.clone() });
                }
                // Changes that come fast are taken together: time passes until this one is.
                if let Some(due) = self.node.next_deadline().filter(|due| *due <= self.now + TAKEN_WITHIN) {
                    self.now = self.now.max(due);
                    self.tell(Event::Tick);
                }
                return Ok(());
            }
            "online" => control::drain::Wish::Online,
            "disabled" => control::drain::Wish::Disabled,
            "drain" => {
                let deadline = words.take("reset-after").then(|| words.number()).transpose()?;
                let deadline = deadline.map(|seconds| self.now + Duration::from_secs(u64::from(seconds)));
                control::drain::Wish::Drain { deadline, then: control::drain::Then::Reset }
            }
            word => return Err(format!("{word} is no state of a backend")),
        };
        self.tell(Event::Wish { service, backend, wish });
        Ok(())
    }

    /// What is asked after `?`: flows, or counters.
    pub fn ask(&self, line: &str) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for word in line.split_whitespace() {
            if word == "flows" {
                let (flows, _) = self.engine.list_flows(self.now, &FlowFilter::default(), &mut 0, 100);
                lines.extend(flows.iter().map(|flow| {
                    let backend = self.tables.backend(flow.backend).map_or("?", |backend| backend.name.as_str());
                    let service = self.tables.service(flow.service).map_or("?", |service| service.name.as_str());
                    let to = socket(flow.backend_address.0, flow.backend_address.1);
                    let snat = flow.snat.map(|(address, port)| format!(" from {}", socket(address, port)));
                    let ends = ends(&flow.inbound);
                    let (state, seconds) = (flow.state, flow.timeout_s);
                    format!(": {ends} {service}/{backend} {to}{} {state} {seconds}s", snat.unwrap_or_default())
                }));
                continue;
            }
            let totals = self.engine.counters().totals.list();
            let (name, value) = totals.iter().find(|(name, _)| *name == word).ok_or(format!("no counter {word}"))?;
            lines.push(format!(": {name} {value}"));
        }
        Ok(lines)
    }

    fn keep_house(&mut self) -> Result<(), String> {
        for _ in 0..IDLE_TURNS {
            self.turn()?;
        }
        Ok(())
    }

    // One turn. New tables are taken before, as that may allocate.
    fn turn(&mut self) -> Result<(), String> {
        if self.tables.epoch != self.engine.tables().epoch {
            self.engine.adopt(self.now, Arc::clone(&self.tables));
        }
        let Self { engine, tape, batch, tables, now, .. } = self;
        let counted = measure(|| {
            engine.turn(*now, tape, batch, tables);
        });
        if counted.count_total > 0 {
            return Err(format!("the turn allocated {} times, {} bytes", counted.count_total, counted.bytes_total));
        }
        Ok(())
    }

    // What became of the last step.
    fn look(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for sent in self.tape.wire.sent() {
            let nic = self.nic_name(sent.nic);
            lines.push(format!("< {nic} {}", show::frame(sent.bytes(), &sent.offload, &self.setting.names)));
            self.left.push(Left { nic, bytes: sent.bytes().to_vec(), offload: sent.offload });
        }
        self.tape.wire.recycle();
        let counters = Arc::clone(self.engine.counters());
        for (reason, before) in DropReason::ALL.iter().zip(&mut self.drops) {
            let count = counters.drops[*reason as usize].value();
            for _ in *before..count {
                lines.push(format!("! {}", reason.name()));
            }
            *before = count;
        }
        lines.extend(self.tape.handed_over.drain(..).map(|worker| format!("^ worker {worker}")));
        let to_control = counters.totals.frames_to_control.value();
        if to_control > std::mem::replace(&mut self.to_control, to_control) {
            lines.push("^ control".to_owned());
        }
        for (is_claim, tuple) in self.tape.claims.drain(..) {
            lines.push(format!("~ {} {}", if is_claim { "claim" } else { "unclaim" }, ends(&tuple)));
        }
        let said: Vec<Said> = self.engine.events().collect();
        for event in said {
            match event {
                Said::NeighborWanted { nic, address } => {
                    lines.push(format!("~ wants {} on {}", IpAddr::from(address), self.nic_name(nic)));
                    self.tell(Event::NeighborWanted { nic, address });
                }
                Said::AddressConflict { nic, address, mac } => {
                    let (name, nic_name) = (self.setting.names.name(mac.0), self.nic_name(nic));
                    lines.push(format!("~ conflict {} on {nic_name} by {name}", IpAddr::from(address)));
                }
            }
        }
        lines
    }
}

// One check for each service that only these cases answer, so that each of its backends can be said to be up or down.
fn add_checks(config: &mut config::Config) {
    for (number, service) in (1..).zip(&mut config.services) {
        service.health.start_state = config::StartState::Up;
        let question = config::Question {
            ask: config::Ask::Ping(config::Ping { count: 1 }),
            port: None,
            address: config::AskedAddress::Backend,
            // Services that share a server would share its probe too, were the questions the same.
            interval_ms: number,
            timeout_ms: 1,
        };
        service.checks = vec![config::Check { name: "said".to_owned(), question, rise: 1, fall: 1 }];
    }
}

fn socket(address: Address, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

fn ends(tuple: &Tuple) -> String {
    let (from, to) = (socket(tuple.source, tuple.source_port), socket(tuple.destination, tuple.destination_port));
    format!("{from} > {to} {}", if tuple.protocol == 6 { "tcp" } else { "udp" })
}
