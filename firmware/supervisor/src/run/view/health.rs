//! Why backends are up or down, and what their checks met.

use super::super::control::Control;
use api::{BackendDetail, CheckAnswer, CheckState, Health};
use drivers::clock;
use engine::tables::Standby;
use net::Now;
use probe::Outcome;

impl Control {
    /// The judgement on a backend; `None`: there is none.
    pub(super) fn health(&self, service: &str, backend: &str) -> Option<Health> {
        let judgement = self.node.health().judgement(service, backend)?;
        Some(Health {
            up: judgement.up,
            reason: judgement.reason.to_string(),
            since_s: clock::now().since(judgement.since).as_secs(),
            weight_per_mille: judgement.per_mille,
            standby: judgement.standby.map(|standby| words(standby).to_owned()),
            stale: judgement.stale,
        })
    }

    /// What the slowest of a backend's checks took at the last run, microseconds; `None`: none was run yet.
    pub fn check_latency_us(&self, service: &str, name: &str) -> Option<u64> {
        let answers = self.node.health().probes_of(service, name).filter_map(|(_, id)| self.probing.answers(id));
        answers.filter(|answers| !answers.last.not_asked).map(|answers| answers.last.latency_us).max()
    }

    /// A backend with all that its checks met; `None`: there is no such backend.
    pub fn backend_detail(&self, service: &str, name: &str) -> Option<BackendDetail> {
        let named = self.backends(Some(service)).into_iter().find(|backend| backend.name == name && !backend.fallback);
        let checks = &self.node.config().service(service)?.checks;
        let health = self.node.health();
        let check = |check: &config::Check| {
            let id = health.probes_of(service, name).find(|(of, _)| *of == check.name).map(|(_, id)| id);
            let answers = id.and_then(|id| self.probing.answers(id));
            let probe = id.and_then(|id| health.probes().find(|(of, _)| *of == id)).map(|(_, probe)| probe);
            CheckState {
                name: check.name.clone(),
                kind: check.question.kind(),
                target: probe.map_or_else(String::new, |probe| target(probe)),
                answer: answers.map(|answers| answer(answers.at, &answers.last)),
                failure: answers.and_then(|answers| answers.failure.as_ref()).map(|(at, last)| answer(*at, last)),
            }
        };
        Some(BackendDetail { backend: named?, checks: checks.iter().map(check).collect() })
    }

    /// The latest answer of every check that has one, by service, backend and name of the check.
    pub fn latest_answers(&self) -> impl Iterator<Item = ([&str; 3], Now, &Outcome)> {
        let services = self.node.config().services.iter();
        let backends =
            services.flat_map(|service| service.backends.iter().map(|backend| (&*service.name, &*backend.name)));
        backends.flat_map(move |(service, backend)| {
            let probes = self.node.health().probes_of(service, backend);
            probes.filter_map(move |(check, id)| {
                let answers = self.probing.answers(id)?;
                Some(([service, backend, check], answers.at, &answers.last))
            })
        })
    }
}

fn words(standby: Standby) -> &'static str {
    match standby {
        Standby::Priority => "backends of a higher priority are enough",
        Standby::Quorum => "the service has too few backends: its fallback takes the flows",
        Standby::Feedback => "it asks for no flows itself",
    }
}

/// Where a probe goes, as address and port.
pub fn target(probe: &config::Probe) -> String {
    match probe.port {
        0 => probe.asked_address().to_string(),
        port => std::net::SocketAddr::new(probe.asked_address(), port).to_string(),
    }
}

/// What came of a run, as the API says it.
pub fn answer(at: Now, outcome: &Outcome) -> CheckAnswer {
    CheckAnswer {
        ago_s: clock::now().since(at).as_secs(),
        passed: outcome.passed,
        not_asked: outcome.not_asked,
        reason: outcome.reason.clone(),
        latency_us: outcome.latency_us,
        warnings: outcome.warnings.clone(),
        transcript: outcome.transcript.to_string(),
    }
}
