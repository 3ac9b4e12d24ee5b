//! What health checks met. A check without an answer has no series; one that this box could not ask has neither result nor
//! time, since that says nothing about the server.

use super::{Labels, Page};
use crate::run::control::Control;
use drivers::clock;
use net::Now;
use prometheus_client::registry::Unit;
use std::time::Duration;

/// The latest answer of a check.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub labels: Labels,
    pub age: Duration,
    /// Whether it passed, and the time it took; `None`: this box could not ask.
    pub result: Option<(bool, Duration)>,
}

impl Answered {
    /// Of all checks.
    pub fn all(control: &Control) -> Vec<Self> {
        let now = clock::now();
        let answered = |(names, at, outcome): ([&str; 3], Now, &probe::Outcome)| Self {
            labels: ["service", "backend", "check"].into_iter().zip(names.map(str::to_owned)).collect(),
            age: now.since(at),
            result: (!outcome.not_asked).then_some((outcome.passed, Duration::from_micros(outcome.latency_us))),
        };
        control.latest_answers().map(answered).collect()
    }
}

impl Page {
    pub(super) fn checks(&mut self, checks: &[Answered]) {
        let ages = checks.iter().map(|of| (of.labels.clone(), of.age.as_secs_f64()));
        self.gauge("check_age", "Since the latest answer of the check", Some(Unit::Seconds), ages);
        let asked = checks.iter().map(|of| (of.labels.clone(), f64::from(of.result.is_some())));
        self.gauge("check_asked", "Whether this box could ask", None, asked);
        let results = || checks.iter().filter_map(|of| Some((of.labels.clone(), of.result?)));
        let passed = results().map(|(labels, (passed, _))| (labels, f64::from(passed)));
        self.gauge("check_passed", "Whether the latest answer was as it should be", None, passed);
        let times = results().map(|(labels, (_, took))| (labels, took.as_secs_f64()));
        self.gauge("check_latency", "Time that the latest answer took", Some(Unit::Seconds), times);
    }
}
