//! A configuration taken by difference.

use super::backend::{Backend, Rules};
use super::check::{Check, Verdict};
use super::kept::{KeptBackend, KeptService};
use super::probes::Probes;
use super::service::Service;
use super::{Health, Place, told};
use crate::event::Action;
use config::{Config, Probe};
use net::Now;
use std::collections::BTreeMap;

impl Health {
    /// Takes a configuration. `online` says of a backend, by the names of its service and its own, whether the
    /// administrator lets it take flows.
    pub fn take(
        &mut self,
        now: Now,
        config: &Config,
        online: impl Fn(&config::Service, &config::Backend) -> bool,
        actions: &mut Vec<Action>,
    ) {
        let former = std::mem::take(&mut self.services).into_iter().map(|service| (service.name.clone(), service));
        let mut former: BTreeMap<String, Service> = former.collect();
        let mut kept = std::mem::take(&mut self.kept);
        self.probes.begin();
        self.touched.clear();
        for (at, service) in config.services.iter().enumerate() {
            let former = former.remove(&service.name);
            let kept = kept.services.remove(&service.name);
            let taken = self.take_service(now, (at, service), (former, kept), &online, actions);
            self.services.push(taken);
        }
        self.probes.end(actions);
        self.places = self.services.iter().enumerate().map(|(at, service)| (service.name.clone(), at)).collect();
        self.set_alarms();
    }

    fn take_service(
        &mut self,
        now: Now,
        (at, service): (usize, &config::Service),
        (former, kept): (Option<Service>, Option<KeptService>),
        online: impl Fn(&config::Service, &config::Backend) -> bool,
        actions: &mut Vec<Action>,
    ) -> Service {
        let existed = former.is_some();
        let up = former.as_ref().map(|former| former.up).or(kept.as_ref().map(|kept| kept.up));
        let floor = former.as_ref().map(|former| former.floor);
        let mut known: BTreeMap<String, Backend> =
            former.into_iter().flat_map(|former| former.backends).map(|known| (known.name.clone(), known)).collect();
        let mut kept = kept.map(|kept| kept.backends).unwrap_or_default();
        let mut taken = Service {
            name: service.name.clone(),
            rules: Rules::of(service),
            has_fallback: service.fallback.is_some(),
            backends: Vec::with_capacity(service.backends.len()),
            places: service.backends.iter().enumerate().map(|(at, backend)| (backend.name.clone(), at)).collect(),
            up: up.unwrap_or(false),
            floor: 0,
        };
        let rules = &taken.rules;
        for (index, backend) in service.backends.iter().enumerate() {
            let place = Place { service: at, backend: index };
            let source = Source { service, backend, place, rules };
            let mut next = match known.remove(&backend.name).filter(|known| known.is_same(backend)) {
                Some(known) => source.renew(known, &mut self.probes),
                None => {
                    let kept = kept.remove(&backend.name).filter(|kept| is_same(kept, backend));
                    source.begin(now, kept.as_ref(), existed, &mut self.probes)
                }
            };
            next.set_online(now, online(service, backend));
            if next.judge(now, rules) {
                actions.push(told(&service.name, &next));
                self.pace.judged();
            }
            next.weigh(now, rules);
            taken.backends.push(next);
        }
        match floor {
            // Told where it changes.
            Some(floor) => taken.floor = floor,
            None => taken.begin(),
        }
        self.touched.insert(at);
        taken
    }
}

fn is_same(kept: &KeptBackend, backend: &config::Backend) -> bool {
    kept.address == backend.address && kept.port == backend.port
}

/// Where a backend's judgement comes from.
struct Source<'a> {
    service: &'a config::Service,
    backend: &'a config::Backend,
    place: Place,
    rules: &'a Rules,
}

impl Source<'_> {
    /// A backend that was there before.
    fn renew(&self, mut known: Backend, probes: &mut Probes) -> Backend {
        let mut former: BTreeMap<String, Check> =
            std::mem::take(&mut known.checks).into_iter().map(|check| (check.name.clone(), check)).collect();
        // A new check of a backend that is up must fail before it is down.
        let first = if known.up { Verdict::Passing } else { self.rules.first_verdict() };
        for check in &self.service.checks {
            let probe = Probe::of(self.service, self.backend, check).map(|probe| probes.listen(probe, self.place));
            let next = match former.remove(&check.name) {
                Some(mut same) if same.probe == probe => {
                    same.judge_by(check);
                    same
                }
                other => {
                    let verdict = other.map_or(first, |former| former.verdict);
                    let mut new = Check::new(check, probe, verdict);
                    probes.tell(&mut new);
                    new
                }
            };
            known.checks.push(next);
        }
        (known.priority, known.weight, known.alarm) = (self.backend.priority, self.backend.weight, None);
        known
    }

    /// A backend that is new, or known from an earlier run.
    fn begin(&self, now: Now, kept: Option<&KeptBackend>, joins: bool, probes: &mut Probes) -> Backend {
        let mut new = Backend::new(now, self.backend);
        for check in &self.service.checks {
            let probe = Probe::of(self.service, self.backend, check).map(|probe| probes.listen(probe, self.place));
            let before = kept.and_then(|kept| kept.checks.get(&check.name)).copied();
            let verdict = match (kept, before) {
                (_, Some(true)) => Verdict::Passing,
                (_, Some(false)) => Verdict::Failing,
                (Some(kept), None) if kept.up => Verdict::Passing,
                _ => self.rules.first_verdict(),
            };
            let mut check = Check::new(check, probe, verdict);
            if let (Some(id), Some(_)) = (probe, kept) {
                check.trusted_until = Some(probes.answer_by(id, now));
            }
            probes.tell(&mut check);
            new.checks.push(check);
        }
        new.begin(now, self.rules, joins);
        if let Some(kept) = kept.filter(|kept| kept.up == new.up) {
            new.restore(kept);
        }
        new
    }
}
