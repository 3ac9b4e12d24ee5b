//! A new epoch of the tables: taken at the start of a turn, by difference.

use super::balance::persist_group;
use super::housekeeping::Sweep;
use super::returning::Returning;
use super::{Engine, Moment};
use crate::schedule::{Candidate, Scheduler};
use crate::tables::{Backend, Service};
use crate::{ServiceIndex, Tables};
use net::Now;
use std::sync::Arc;

impl Engine {
    /// Makes `tables` the ones in force. Flows, persistence and the schedulers' positions stay. This is the one place
    /// that may allocate after the start, and it runs once per change of the configuration, not per packet.
    pub fn adopt(&mut self, now: Now, tables: Arc<Tables>) {
        let old = std::mem::replace(&mut self.tables, Arc::clone(&tables));
        let moment = Moment { now, tables: &tables };
        if old.limits.flows_max != tables.limits.flows_max {
            self.flows.resize(tables.limits.flows_max);
        }
        self.tunnel_paths.adopt(&tables);
        self.forget_old_persistence(&old, &tables);
        let same_backends = Arc::ptr_eq(&old.backends, &tables.backends);
        if !same_backends {
            self.start_sweep_if_down(&old, &tables);
            self.forget_reused_slots(&old, &tables);
        }
        if !same_backends || !Arc::ptr_eq(&old.services, &tables.services) {
            self.adopt_schedulers(moment);
            self.returning = Returning::of(&tables);
        }
    }

    fn start_sweep_if_down(&mut self, old: &Tables, new: &Tables) {
        let went_down = new.backends.iter().enumerate().any(|(at, backend)| {
            let was_down = old.backends.get(at).is_none_or(|old| old.as_ref().is_none_or(Backend::is_down));
            backend.as_ref().is_none_or(Backend::is_down) && !was_down
        });
        if went_down {
            self.sweep = Some(Sweep::default());
        }
    }

    /// What was learnt of a slot's former backend says nothing of the one that is in it now.
    fn forget_reused_slots(&mut self, old: &Tables, new: &Tables) {
        for (at, backend) in new.backends.iter().enumerate() {
            let generation = |tables: &Tables| tables.backends.get(at)?.as_ref().map(|backend| backend.generation);
            if generation(old) != backend.as_ref().map(|backend| backend.generation) {
                self.overloaded[at] = false;
                self.tunnel_paths.forget(at);
            }
        }
    }

    /// Entries under other rules than today's would be looked for under other keys, and never end.
    fn forget_old_persistence(&mut self, old: &Tables, new: &Tables) {
        if Arc::ptr_eq(&old.services, &new.services) {
            return;
        }
        for at in 0..old.services.len() {
            let index = ServiceIndex(at as u16);
            let rules = |tables: &Tables| {
                let service = tables.service(index)?;
                let persistence = service.persistence?;
                let bits = (persistence.ipv4_prefix, persistence.ipv6_prefix);
                Some((persist_group(index, &persistence), bits, service.generation, service.tcp))
            };
            if let Some((group, ..)) = rules(old)
                && rules(new) != rules(old)
            {
                self.persistence.forget_group(group);
            }
        }
    }

    fn adopt_schedulers(&mut self, moment: Moment<'_>) {
        for at in 0..self.schedulers.len() {
            let index = ServiceIndex(at as u16);
            match moment.tables.service(index) {
                None => self.schedulers[at] = None,
                Some(service) => self.adopt_scheduler(moment.tables, at, service),
            }
        }
    }

    fn adopt_scheduler(&mut self, tables: &Tables, at: usize, service: &Service) {
        let kind = (service.generation, service.scheduler, service.scheduler_flags);
        let mut scheduler = match self.schedulers[at].take() {
            Some((made_for, scheduler)) if made_for == kind => scheduler,
            _ => Scheduler::new(service.scheduler, service.scheduler_flags),
        };
        self.gather(tables, service);
        let candidates: &[Candidate] = &self.candidates;
        scheduler.adopt(candidates);
        self.schedulers[at] = Some((kind, scheduler));
    }
}
