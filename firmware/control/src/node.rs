//! A node: events in, actions out.

mod judge;
mod links;
mod view;

use crate::announce::Announcer;
use crate::claims;
use crate::compile::{self, AllSlots, Compiled, Inputs, routes};
use crate::drain::{BackendName, Then, Wish, Wishes};
use crate::event::{Action, Event, Published};
use crate::health::{Health, Kept};
use crate::kernel::Kernel;
use crate::local::LocalPlan;
use crate::made::{Asked, Made, OnLink};
use crate::neighbors::Neighbors;
use crate::nics::Nics;
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::retire::Retirement;
use crate::slots::Full;
use config::Config;
use engine::tables::Tables;
use engine::{BackendIndex, NicId};
use links::Open;
use net::siphash::Key;
use net::{Address, Now};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What does not change while a node runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: which of the values that differ between nodes are its own.
    pub name: String,
    /// Workers that share the load.
    pub workers: u8,
    /// The key of hashes, the same on all nodes of a group.
    pub key: Key,
    /// What administrators wished of backends in an earlier run.
    pub wishes: Wishes,
    /// The judgement of health that an earlier run ended with.
    pub health: Kept,
    /// What an earlier run left in the kernel.
    pub made: Made,
}

/// The state of a node.
#[derive(Clone, Debug)]
pub struct Node {
    name: String,
    workers: u8,
    key: Key,
    config: Arc<Config>,
    configured: bool,
    kernel: Kernel,
    nics: Nics,
    open: BTreeMap<NicId, Open>,
    slots: AllSlots,
    tables: Arc<Tables>,
    own: BTreeSet<Address>,
    retries: BTreeMap<NicId, Now>,
    local: LocalPlan,
    made: Made,
    neighbors: Neighbors,
    announcer: Announcer,
    ownership: Ownership,
    wishes: Wishes,
    health: Health,
    retirement: Retirement,
    flows: Vec<u32>,
    warnings: BTreeSet<String>,
}

/// What an event left to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    #[default]
    Nothing,
    /// A neighbour answered: only hops change.
    Hops,
    /// Anything else.
    Tables,
}

impl Node {
    /// A node without a configuration: it does nothing until one is committed.
    pub fn new(settings: Settings) -> Self {
        Self {
            name: settings.name,
            workers: settings.workers.max(1),
            key: settings.key,
            config: Arc::default(),
            configured: false,
            kernel: Kernel::default(),
            nics: Nics::default(),
            open: BTreeMap::new(),
            slots: AllSlots::default(),
            tables: Arc::default(),
            own: BTreeSet::new(),
            retries: BTreeMap::new(),
            local: LocalPlan::default(),
            made: settings.made,
            neighbors: Neighbors::default(),
            announcer: Announcer::default(),
            ownership: Ownership::default(),
            wishes: settings.wishes,
            health: Health::new(settings.health),
            retirement: Retirement::default(),
            flows: Vec::new(),
            warnings: BTreeSet::new(),
        }
    }

    /// Takes an event and whatever is due by `now`; appends what is to be done.
    pub fn handle(&mut self, now: Now, event: Event, actions: &mut Vec<Action>) {
        let mut due = match event {
            Event::ConfigCommitted(config) => {
                let wishes_speak = !self.configured;
                self.commit(now, config, wishes_speak, actions)
            }
            Event::Restored { config, wishes } => {
                self.wishes = wishes;
                actions.push(Action::KeepWishes);
                self.commit(now, config, true, actions)
            }
            Event::Kernel(kernel) => self.learn_kernel(kernel, actions),
            Event::Neighbor { link, address, mac } => match self.nics.on_link(link) {
                Some(nic) if self.neighbors.heard(now, (nic, address), mac) => Due::Hops,
                _ => Due::Nothing,
            },
            Event::NeighborWanted { nic, address } => {
                due_if(self.nics.nic(nic).is_some() && self.neighbors.want_learnt(now, (nic, address)))
            }
            Event::Arp { nic, frame } => {
                if let Some(mac) = self.nics.mac(nic) {
                    self.announcer.handle_arp(now, nic, mac, &frame, actions);
                }
                Due::Nothing
            }
            Event::NicLost { nic } => self.lose_nic(now, nic, actions),
            Event::Conflict { nic, address, mac } => {
                if let Some(own) = self.nics.mac(nic) {
                    self.announcer.handle_conflict(now, nic, own, address, mac, actions);
                }
                Due::Nothing
            }
            Event::Wish { service, backend, wish } => self.wish(now, (service, backend), wish, actions),
            Event::Checked { probe, checked } => {
                self.health.hear(now, probe, checked, actions);
                Due::Nothing
            }
            Event::ProbesLost => {
                self.health.lose_probes(now, actions);
                Due::Nothing
            }
            Event::Traffic { backends } => self.judge_traffic(now, &backends, actions),
            Event::Ownership { vip, owned } => due_if(self.ownership.set(vip, owned)),
            Event::Loads { flows, epoch } => {
                let freed = self.retirement.look(&mut self.slots, &flows, epoch);
                self.flows = flows;
                due_if(freed)
            }
            Event::Tick => Due::Nothing,
        };
        self.expire_drains(now, actions);
        due = due.max(due_if(self.health.tick(now, actions)));
        due = due.max(due_if(self.neighbors.tick(now, actions)));
        due = due.max(due_if(self.retries.values().any(|retry| *retry <= now)));
        match due {
            Due::Tables if self.configured => self.recompile(now, actions),
            Due::Hops => self.republish_hops(actions),
            _ => {}
        }
        let nics = &self.nics;
        self.announcer.tick(now, |nic| nics.mac(nic), actions);
    }

    /// When [`handle`](Self::handle) has something to do without an event.
    pub fn next_deadline(&self) -> Option<Now> {
        let retry = self.retries.values().min().copied();
        let parts = [
            self.announcer.next_deadline(),
            self.neighbors.next_deadline(),
            self.wishes.next_deadline(),
            self.health.next_deadline(),
            retry,
        ];
        parts.into_iter().flatten().min()
    }

    /// Whether `config` could be used now: everything it asks for has room.
    pub fn check(&self, config: &Config) -> Result<(), Full> {
        let mut nics = self.nics.clone();
        self.update_nics(config, &mut nics)?;
        let mut slots = self.slots.clone();
        compile::compile(&self.inputs(config, &nics), &mut slots).map(drop)
    }

    /// Takes back everything that was made in the kernel and closes all NICs.
    pub fn stop(&mut self, actions: &mut Vec<Action>) {
        let neighbors = std::mem::take(&mut self.neighbors);
        actions.extend(neighbors.places().map(|(nic, address)| Action::ForgetNeighbor { nic, address }));
        for nic in std::mem::take(&mut self.open).into_keys() {
            actions.push(Action::CloseNic { nic });
        }
        self.made.clear(&self.kernel, actions);
        if self.local.is_needed() {
            self.local = LocalPlan::default();
            actions.push(Action::Local(LocalPlan::default()));
        }
    }

    /// `wishes_speak`: the wishes there are were made for this document.
    fn commit(&mut self, now: Now, config: Arc<Config>, wishes_speak: bool, actions: &mut Vec<Action>) -> Due {
        if let Err(full) = self.check(&config) {
            actions.push(Action::Warn(format!("configuration not used: {full}")));
            return Due::Nothing;
        }
        let former = std::mem::replace(&mut self.config, config);
        self.configured = true;
        // A backend that is gone, or whose state the document now says otherwise, is no longer spoken of by a wish.
        let state = |config: &Config, (service, backend): &BackendName| {
            config.service(service)?.backend(backend).map(|backend| backend.state)
        };
        let config = &self.config;
        let forgotten = self.wishes.retain(|name| {
            let now = state(config, name);
            now.is_some() && (wishes_speak || now == state(&former, name))
        });
        if forgotten {
            actions.push(Action::KeepWishes);
        }
        self.judge_config(now, actions);
        Due::Tables
    }

    fn learn_kernel(&mut self, kernel: Kernel, actions: &mut Vec<Action>) -> Due {
        if kernel == self.kernel {
            return Due::Nothing;
        }
        let former = std::mem::replace(&mut self.kernel, kernel);
        let is_up = |kernel: &Kernel, name: &str| kernel.link(name).is_some_and(|link| link.up);
        for nic in &self.config.nics {
            let (was, up) = (is_up(&former, &nic.name), is_up(&self.kernel, &nic.name));
            if was != up {
                let there = self.kernel.link(&nic.name).is_some();
                actions.push(Action::Tell(Notice::Nic { nic: nic.name.clone(), up, there }));
            }
        }
        Due::Tables
    }

    fn wish(&mut self, now: Now, name: BackendName, wish: Wish, actions: &mut Vec<Action>) -> Due {
        if !self.has_backend(&name.0, &name.1) {
            actions.push(Action::Warn(format!("there is no backend {}/{}", name.0, name.1)));
            return Due::Nothing;
        }
        let online = wish.state() == engine::tables::BackendState::Online;
        self.health.set_online(now, (&name.0, &name.1), online, actions);
        self.wishes.set(name, wish);
        actions.push(Action::KeepWishes);
        Due::Tables
    }

    fn expire_drains(&mut self, now: Now, actions: &mut Vec<Action>) {
        for ((service, backend), then) in self.wishes.expire(now) {
            actions.push(Action::KeepWishes);
            let slots: Vec<BackendIndex> = self.slots_of(&service, &backend).collect();
            let flows: u32 = slots.iter().map(|slot| self.flows_of(*slot)).sum();
            actions.push(Action::Tell(Notice::DrainEnded { service, backend, flows, then }));
            if then == Then::Reset {
                actions.extend(slots.into_iter().map(|backend| Action::KillFlows { backend }));
            }
        }
    }

    fn recompile(&mut self, now: Now, actions: &mut Vec<Action>) {
        let config = Arc::clone(&self.config);
        let mut nics = self.nics.clone();
        let mut slots = self.slots.clone();
        let compiled = self
            .update_nics(&config, &mut nics)
            .and_then(|()| compile::compile(&self.inputs(&config, &nics), &mut slots));
        let Compiled { tables, neighbors, warnings } = match compiled {
            Ok(compiled) => compiled,
            Err(full) => {
                actions.push(Action::Warn(format!("tables not renewed: {full}")));
                return;
            }
        };
        (self.nics, self.slots) = (nics, slots);
        for warning in warnings.difference(&self.warnings) {
            actions.push(Action::Warn(warning.clone()));
        }
        self.warnings = warnings;
        self.retirement.update(&self.slots, tables.epoch);
        self.settle_kernel(&config, &tables, actions);
        self.close_nics(now, actions);
        self.publish(tables, actions);
        let own = claims::own_addresses(&self.tables.vips, &self.nics, &self.kernel);
        if own != self.own {
            self.own = own;
            actions.push(Action::Claim { own: self.own.clone() });
        }
        self.open_nics(now, actions);
        self.neighbors.want(now, &neighbors, actions);
        self.republish_hops(actions);
        self.announcer.set(now, &self.announced(&config));
    }

    fn announced(&self, config: &Config) -> BTreeSet<(NicId, Address)> {
        let hosts = compile::hosts(config);
        let snat = config.engine.snat_addresses.iter().map(|address| Address::from(*address));
        // What is an address of the kernel's as well is answered by the kernel.
        let snat = snat.filter(|address| !self.kernel.has_address(*address)).map(|address| (address, None));
        self.ownership.announced(hosts.into_iter().chain(snat), &self.nics)
    }

    fn settle_kernel(&mut self, config: &Config, tables: &Tables, actions: &mut Vec<Action>) {
        let mut asked = Asked {
            links: config.nics.iter().map(|nic| nic.name.clone()).collect(),
            routes: routes::asked(config, &self.name, &self.nics).collect(),
            ..Asked::default()
        };
        for nic in &config.nics {
            asked.addresses.extend(nic.addresses_on(&self.name).iter().map(|own| OnLink {
                link: nic.name.clone(),
                address: Address::from(own.address),
                bits: own.bits,
            }));
        }
        self.made.settle(&asked, &self.kernel, actions);
        let local = LocalPlan::of(tables, |address| self.is_own(address));
        if local != self.local {
            self.local = local;
            actions.push(Action::Local(self.local.clone()));
        }
    }

    fn publish(&mut self, mut tables: Tables, actions: &mut Vec<Action>) {
        // Neighbours on NICs that came or went were forgotten after the tables were made.
        tables.hops = compile::hops(&self.slots.hops, &self.neighbors).into();
        if same(&tables, &self.tables) {
            return;
        }
        self.tables = Arc::new(tables);
        actions.push(Action::Publish(Published(Arc::clone(&self.tables))));
    }

    fn republish_hops(&mut self, actions: &mut Vec<Action>) {
        let tables = Tables { epoch: self.tables.epoch + 1, ..Tables::clone(&self.tables) };
        self.publish(tables, actions);
    }

    fn inputs<'a>(&'a self, config: &'a Config, nics: &'a Nics) -> Inputs<'a> {
        Inputs {
            config,
            kernel: &self.kernel,
            nics,
            wishes: &self.wishes,
            health: &self.health,
            ownership: &self.ownership,
            neighbors: &self.neighbors,
            previous: &self.tables,
            workers: self.workers,
            key: self.key,
        }
    }
}

fn due_if(changed: bool) -> Due {
    if changed { Due::Tables } else { Due::Nothing }
}

// Whether two versions say the same, their epochs aside.
fn same(a: &Tables, b: &Tables) -> bool {
    a.workers == b.workers
        && a.key == b.key
        && a.limits == b.limits
        && a.spread == b.spread
        && a.nics == b.nics
        && a.routes == b.routes
        && a.hops == b.hops
        && a.vips.exact == b.vips.exact
        && a.vips.prefixes == b.vips.prefixes
        && a.services == b.services
        && a.backends == b.backends
        && a.snat == b.snat
}

#[cfg(test)]
mod tests;
