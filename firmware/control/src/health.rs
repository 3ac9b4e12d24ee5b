//! The judgement of health: answers of probes and clients' own traffic come in, what follows for each backend goes into
//! the tables.
//!
//! A configuration is taken by difference. A probe whose question did not change goes on, with all that is known by it;
//! a check with another question keeps its verdict until the new answers say otherwise, and a check that is new to a
//! backend which is up begins as passed: a change of the configuration takes no server down by itself.

mod backend;
mod check;
mod kept;
mod pace;
mod passive;
mod probes;
mod ramp;
mod service;
mod take;

pub use backend::{PER_MILLE, Reason};
pub use check::{Checked, TEXT_BYTES_MAX};
pub use kept::{Kept, KeptBackend, KeptService};
pub use passive::{Fault, FaultKind, Seen};
pub use probes::ProbeId;

use crate::event::Action;
use crate::notice::Notice;
use backend::Backend;
use config::Probe;
use engine::BackendIndex;
use engine::tables::Standby;
use net::Now;
use pace::Pace;
use probes::Probes;
use service::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A backend by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    service: usize,
    backend: usize,
}

/// The health of all backends.
#[derive(Clone, Debug, Default)]
pub struct Health {
    services: Vec<Service>,
    places: BTreeMap<String, usize>,
    probes: Probes,
    /// Of an earlier run, until there is a configuration.
    kept: Kept,
    /// Backends to which time alone does something.
    alarms: BTreeSet<(Now, Place)>,
    /// Services of which something changed.
    touched: BTreeSet<usize>,
    pace: Pace,
}

/// What is known of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// Whether it is up.
    pub up: bool,
    /// Why.
    pub reason: &'a Reason,
    /// Since when.
    pub since: Now,
    /// The part of its weight that it gets.
    pub per_mille: u16,
    /// Why it takes no new flows although it is up.
    pub standby: Option<Standby>,
    /// The process that asked it is gone, and the next one has no answer yet.
    pub stale: bool,
}

/// What is known of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceJudgement {
    /// Whether it has its quorum.
    pub up: bool,
    /// Backends that take new flows, priority groups aside.
    pub available: usize,
    /// Backends that are up.
    pub healthy: usize,
    /// All backends.
    pub backends: usize,
}

impl Health {
    /// Without a configuration; `kept` is what an earlier run left.
    pub fn new(kept: Kept) -> Self {
        Self { kept, ..Self::default() }
    }

    /// An answer of a probe. Those of probes that were stopped are passed over.
    pub fn hear(&mut self, now: Now, probe: ProbeId, mut checked: Checked, actions: &mut Vec<Action>) {
        for place in self.probes.hear(probe, &mut checked).into_iter().flatten() {
            self.change(now, place, actions, |backend, rules| {
                for check in backend.checks.iter_mut().filter(|check| check.probe == Some(probe)) {
                    check.hear(&checked);
                }
                backend.judge(now, rules)
            });
        }
    }

    /// What the workers count about a backend in a slot.
    pub fn see(
        &mut self,
        now: Now,
        (service, backend): (&str, &str),
        slot: BackendIndex,
        seen: Seen,
        actions: &mut Vec<Action>,
    ) {
        let Some(place) = self.place(service, backend) else { return };
        let service = &mut self.services[place.service];
        let Some(rules) = service.rules.health.passive else { return };
        let may_accuse = service.may_accuse(rules.down_percent_max);
        let backend = &mut service.backends[place.backend];
        backend.traffic.add(now, slot, seen, Duration::from_secs(rules.window_s.into()));
        let Some(fault) = backend.traffic.fault(&rules).filter(|_| backend.up && may_accuse) else { return };
        self.change(now, place, actions, |backend, all| {
            backend.accuse(now, fault, Duration::from_secs(rules.hold_s.into()), all);
            true
        });
    }

    /// Whether somebody waits for [`see`](Self::see).
    pub fn looks_at_traffic(&self) -> bool {
        self.services.iter().any(|service| service.rules.health.passive.is_some())
    }

    /// The process that runs the probes is gone: judgements stay as they are, and all probes start again.
    pub fn lose_probes(&mut self, now: Now, actions: &mut Vec<Action>) {
        if self.probes.len() == 0 {
            return;
        }
        actions.push(Action::Warn(format!("{} probes start again; until then judgements stay", self.probes.len())));
        self.probes.restart(actions);
        let Self { services, probes, .. } = self;
        for check in
            services.iter_mut().flat_map(|service| &mut service.backends).flat_map(|backend| &mut backend.checks)
        {
            if let (Some(id), Some(until)) = (check.probe, &mut check.trusted_until) {
                *until = probes.answer_by(id, now);
            }
        }
        self.set_alarms();
    }

    /// An administrator lets a backend take flows, or not.
    pub fn set_online(&mut self, now: Now, (service, backend): (&str, &str), online: bool, actions: &mut Vec<Action>) {
        if let Some(place) = self.place(service, backend) {
            self.change(now, place, actions, |backend, _| {
                backend.set_online(now, online);
                false
            });
        }
    }

    /// Does what is due, and tells whether tables are: changes that come fast are taken together.
    pub fn tick(&mut self, now: Now, actions: &mut Vec<Action>) -> bool {
        while let Some((at, place)) = self.alarms.first().copied().filter(|(at, _)| *at <= now) {
            self.alarms.remove(&(at, place));
            self.change(now, place, actions, |backend, rules| backend.pass_time(now, rules));
        }
        for at in std::mem::take(&mut self.touched) {
            self.settle(at, actions);
        }
        if self.pace.keeps(now) {
            actions.push(Action::KeepHealth);
        }
        self.pace.publishes(now)
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_deadline(&self) -> Option<Now> {
        self.alarms.first().map(|(at, _)| *at).into_iter().chain(self.pace.next_deadline()).min()
    }

    /// What is known of a backend.
    pub fn judgement(&self, service: &str, backend: &str) -> Option<Judgement<'_>> {
        let place = self.place(service, backend)?;
        let service = &self.services[place.service];
        let backend = &service.backends[place.backend];
        let mut probes = backend.checks.iter().filter_map(|check| check.probe);
        Some(Judgement {
            up: backend.up,
            reason: &backend.reason,
            since: backend.since,
            per_mille: backend.per_mille,
            standby: service.standby(backend),
            stale: probes.any(|id| self.probes.is_stale(id)),
        })
    }

    /// What is known of a service.
    pub fn service(&self, name: &str) -> Option<ServiceJudgement> {
        let service = &self.services[*self.places.get(name)?];
        Some(ServiceJudgement {
            up: service.up,
            available: service.available(),
            healthy: service.backends.iter().filter(|backend| backend.up).count(),
            backends: service.backends.len(),
        })
    }

    /// Probes that run.
    pub fn probes(&self) -> impl Iterator<Item = (ProbeId, &Arc<Probe>)> {
        self.probes.iter()
    }

    /// The probes of a backend, by the names of its checks.
    pub fn probes_of(&self, service: &str, backend: &str) -> impl Iterator<Item = (&str, ProbeId)> {
        let backend = self.place(service, backend).map(|place| &self.services[place.service].backends[place.backend]);
        let checks = backend.into_iter().flat_map(|backend| &backend.checks);
        checks.filter_map(|check| Some((check.name.as_str(), check.probe?)))
    }

    /// The judgement as a later run may begin with it.
    pub fn kept(&self) -> Kept {
        Kept { services: self.services.iter().map(|service| (service.name.clone(), service.kept())).collect() }
    }

    fn place(&self, service: &str, backend: &str) -> Option<Place> {
        let at = *self.places.get(service)?;
        Some(Place { service: at, backend: *self.services[at].places.get(backend)? })
    }

    /// Changes a backend, tells of it where `change` says so, and sees to what follows.
    fn change(
        &mut self,
        now: Now,
        place: Place,
        actions: &mut Vec<Action>,
        change: impl FnOnce(&mut Backend, &backend::Rules) -> bool,
    ) {
        let service = &mut self.services[place.service];
        let backend = &mut service.backends[place.backend];
        let was_available = backend.is_available();
        if change(backend, &service.rules) {
            actions.push(told(&service.name, backend));
            self.pace.judged();
        }
        if backend.weigh(now, &service.rules) {
            self.pace.weighed();
        }
        if backend.is_available() != was_available {
            self.touched.insert(place.service);
        }
        let alarm = backend.next_alarm(&service.rules);
        set_alarm(&mut self.alarms, place, &mut backend.alarm, alarm);
    }

    fn settle(&mut self, at: usize, actions: &mut Vec<Action>) {
        let service = &mut self.services[at];
        let change = service.settle();
        let (name, available, all) = (&service.name, service.available(), service.backends.len());
        if change.quorum {
            let (service, up) = (name.clone(), service.up);
            actions.push(Action::Tell(Notice::Service { service, up, available, backends: all }));
        }
        if change.floor {
            let floor = service.floor;
            actions.push(Action::Info(format!("{name}: backends of priority {floor} and above take flows")));
        }
        if change != service::Change::default() {
            self.pace.judged();
        }
    }

    fn set_alarms(&mut self) {
        self.alarms.clear();
        for (at, service) in self.services.iter_mut().enumerate() {
            for (index, backend) in service.backends.iter_mut().enumerate() {
                backend.alarm = backend.next_alarm(&service.rules);
                self.alarms.extend(backend.alarm.map(|alarm| (alarm, Place { service: at, backend: index })));
            }
        }
    }
}

fn set_alarm(alarms: &mut BTreeSet<(Now, Place)>, place: Place, current: &mut Option<Now>, next: Option<Now>) {
    if let Some(at) = std::mem::replace(current, next) {
        alarms.remove(&(at, place));
    }
    alarms.extend(next.map(|at| (at, place)));
}

fn told(service: &str, backend: &Backend) -> Action {
    Action::Tell(Notice::Backend {
        service: service.to_owned(),
        backend: backend.name.clone(),
        up: backend.up,
        reason: backend.reason.to_string(),
    })
}
