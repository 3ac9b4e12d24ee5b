//! Choosing a backend for a new flow: persistence first, then the scheduler, then the fallback.

use super::{Engine, Moment};
use crate::flow::{PersistKey, State};
use crate::schedule::{self, Candidate, Request};
use crate::tables::{Backend, Persistence, Service};
use crate::{BackendIndex, DropReason, ServiceIndex, Tables, Tuple};
use std::sync::atomic::Ordering::Relaxed;

impl Engine {
    /// The backend for a new flow of `tuple` (client to VIP).
    pub(super) fn choose(
        &mut self,
        moment: Moment<'_>,
        index: ServiceIndex,
        service: &Service,
        tuple: &Tuple,
    ) -> Result<BackendIndex, DropReason> {
        if let Some(backend) = self.persistent(moment, index, service, tuple) {
            return Ok(backend);
        }
        self.gather(moment.tables, service);
        let request = Request {
            client: tuple.source,
            client_port: tuple.source_port,
            vip: tuple.destination,
            vip_port: tuple.destination_port,
            tcp: service.tcp,
            random: self.random(),
            now_s: moment.now.secs(),
        };
        let picked = self.schedulers[index.at()]
            .as_mut()
            .and_then(|(_, scheduler)| scheduler.pick(&request, &self.candidates))
            .map(|at| self.candidates[at].backend);
        picked.or_else(|| fallback(moment.tables, service)).ok_or(DropReason::NoBackend)
    }

    /// Where this client went before, if that backend still takes its flows.
    fn persistent(
        &self,
        moment: Moment<'_>,
        index: ServiceIndex,
        service: &Service,
        tuple: &Tuple,
    ) -> Option<BackendIndex> {
        let key = persist_key(index, service, tuple)?;
        let entry = self.persistence.find(&key, moment.now)?;
        let usable = |backend: &BackendIndex| moment.tables.backend(*backend).is_some_and(Backend::takes_flows);
        if service.backends.contains(&entry.backend) {
            return Some(entry.backend).filter(usable);
        }
        // Services of one group share entries: the same server is another slot in each of them.
        service
            .backends
            .iter()
            .copied()
            .find(|backend| moment.tables.backend(*backend).is_some_and(|backend| backend.address == entry.address))
            .filter(usable)
    }

    /// Fills `candidates` with the backends that may take a flow, in the order of the configuration.
    pub(super) fn gather(&mut self, tables: &Tables, service: &Service) {
        self.candidates.clear();
        for index in &service.backends {
            let Some(backend) = tables.backend(*index).filter(|backend| backend.takes_flows()) else { continue };
            let (active, inactive) = self.load_of(*index);
            let overloaded = self.is_overloaded(*index, backend, active.saturating_add(inactive));
            self.candidates.push(Candidate {
                backend: *index,
                address: backend.address,
                port: backend.port.unwrap_or(0),
                weight: backend.weight,
                active,
                inactive,
                overloaded,
            });
        }
    }

    /// Flows of a backend over all workers. Others' numbers are as old as their last write: with `n` workers a limit may
    /// be overshot by the flows that the other `n - 1` make within the same few microseconds.
    pub(super) fn load_of(&self, backend: BackendIndex) -> (u32, u32) {
        let mut sum = (0u32, 0u32);
        for counters in self.all_counters.iter() {
            let load = &counters.load[backend.at()];
            sum.0 = sum.0.saturating_add(load.active.load(Relaxed));
            sum.1 = sum.1.saturating_add(load.inactive.load(Relaxed));
        }
        sum
    }

    /// IPVS's thresholds: at `flows_max` a backend is full until it is below `flows_low`.
    fn is_overloaded(&mut self, index: BackendIndex, backend: &Backend, flows: u32) -> bool {
        let overloaded = &mut self.overloaded[index.at()];
        *overloaded = schedule::overloaded(*overloaded, flows, backend.flows_max, backend.flows_low);
        *overloaded
    }

    /// Adds one flow in `state` to the load of `backend`.
    pub(super) fn load(&self, backend: BackendIndex, state: State) {
        let load = &self.counters.load[backend.at()];
        let count = if state.is_active() { &load.active } else { &load.inactive };
        count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Takes one flow in `state` from the load of `backend`.
    pub(super) fn unload(&self, backend: BackendIndex, state: State) {
        unload(&self.counters, backend, state);
    }
}

/// Takes one flow in `state` from the load of `backend`.
pub(super) fn unload(counters: &crate::WorkerCounters, backend: BackendIndex, state: State) {
    let load = &counters.load[backend.at()];
    let count = if state.is_active() { &load.active } else { &load.inactive };
    count.store(count.load(Relaxed).saturating_sub(1), Relaxed);
}

/// The persistence entry that a client's flows to a service share.
pub(super) fn persist_key(index: ServiceIndex, service: &Service, tuple: &Tuple) -> Option<PersistKey> {
    let persistence = service.persistence?;
    let bits = if tuple.source.is_v4() { persistence.ipv4_prefix } else { persistence.ipv6_prefix };
    let tcp = service.tcp || persistence.group != 0;
    Some(PersistKey { client: tuple.source.masked(bits), group: persist_group(index, &persistence), tcp })
}

/// The number under which entries are kept. Groups are numbered from the end of the services' own numbers, so that the
/// two never meet.
pub(super) const fn persist_group(index: ServiceIndex, persistence: &Persistence) -> u16 {
    match persistence.group {
        0 => index.0,
        group => u16::MAX - group,
    }
}

fn fallback(tables: &Tables, service: &Service) -> Option<BackendIndex> {
    service.fallback.filter(|index| tables.backend(*index).is_some_and(Backend::takes_flows))
}
