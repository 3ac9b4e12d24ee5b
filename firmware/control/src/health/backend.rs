//! The judgement of one backend: its checks together, held down or not, and how much of its weight it gets.

use super::check::{Check, Verdict};
use super::kept::KeptBackend;
use super::passive::{Fault, Window};
use super::ramp::Ramp;
use config::{ChecksRequired, FeedbackUse, HealthRules, StartState};
use net::Now;
use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// The whole weight.
pub const PER_MILLE: u16 = 1_000;

/// Why a backend is up or down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No check asks it.
    Unchecked,
    /// Checks that are needed have no answer yet.
    Untested,
    /// Enough checks pass.
    Passed {
        /// Checks that pass.
        passing: usize,
        /// All checks.
        checks: usize,
    },
    /// A check fails that is needed.
    Failed {
        /// Its name.
        check: String,
        /// What it met.
        text: String,
    },
    /// It passes again a check that is needed, but not often enough yet.
    Rising {
        /// Its name.
        check: String,
        /// Passes in a row.
        passes: u32,
        /// Passes it takes.
        rise: u32,
    },
    /// It went up and down too often, and is held down.
    Flapping {
        /// When it may come up again.
        until: Now,
    },
    /// Clients' own traffic speaks against it, and it is held down.
    Traffic {
        /// What speaks against it.
        fault: Fault,
        /// When it may come up again.
        until: Now,
    },
    /// As an earlier run left it.
    Kept,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchecked => f.write_str("nothing checks it"),
            Self::Untested => f.write_str("it waits for the first answers"),
            Self::Passed { passing, checks } => write!(f, "{passing} of {checks} checks pass"),
            Self::Failed { check, text } if text.is_empty() => write!(f, "{check}: failed"),
            Self::Failed { check, text } => write!(f, "{check}: {text}"),
            Self::Rising { check, passes, rise } => write!(f, "{check}: {passes} of {rise} passes"),
            Self::Flapping { .. } => f.write_str("it went up and down too often and is held down"),
            Self::Traffic { fault, .. } => write!(f, "{fault}"),
            Self::Kept => f.write_str("as before the restart"),
        }
    }
}

/// How backends of a service are judged.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub required: ChecksRequired,
    pub health: HealthRules,
}

impl Rules {
    pub fn of(service: &config::Service) -> Self {
        Self { required: service.checks_required, health: service.health.clone() }
    }

    fn needed(&self, checks: usize) -> usize {
        match self.required {
            ChecksRequired::All => checks,
            ChecksRequired::Any => checks.min(1),
            ChecksRequired::AtLeast(count) => checks.min(usize::from(count)),
        }
    }

    pub fn slow_start(&self) -> Duration {
        Duration::from_secs(self.health.slow_start_s.into())
    }

    /// The verdict of a check without an answer.
    pub fn first_verdict(&self) -> Verdict {
        match self.health.start_state {
            StartState::Down => Verdict::Untested,
            StartState::Up => Verdict::Passing,
        }
    }
}

/// A backend.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    pub name: String,
    pub address: IpAddr,
    pub port: Option<u16>,
    pub priority: u16,
    pub weight: u32,
    /// The administrator lets it take flows.
    pub online: bool,
    pub checks: Vec<Check>,
    pub up: bool,
    pub since: Now,
    pub reason: Reason,
    /// Part of its weight.
    pub per_mille: u16,
    pub traffic: Window,
    /// When time alone changes something.
    pub alarm: Option<Now>,
    held_until: Option<Now>,
    ramp: Option<Ramp>,
    changes: VecDeque<Now>,
}

impl Backend {
    pub fn new(now: Now, backend: &config::Backend) -> Self {
        Self {
            name: backend.name.clone(),
            address: backend.address,
            port: backend.port,
            priority: backend.priority,
            weight: backend.weight,
            online: true,
            checks: Vec::new(),
            up: false,
            since: now,
            reason: Reason::Untested,
            per_mille: PER_MILLE,
            traffic: Window::default(),
            alarm: None,
            held_until: None,
            ramp: None,
            changes: VecDeque::new(),
        }
    }

    /// Whether it is the server that `backend` means, so that what is known of one holds for the other.
    pub fn is_same(&self, backend: &config::Backend) -> bool {
        self.name == backend.name && self.address == backend.address && self.port == backend.port
    }

    /// What an earlier run left of it: as far as nothing is known better.
    pub fn restore(&mut self, kept: &KeptBackend) {
        (self.up, self.since, self.reason) = (kept.up, kept.since, Reason::Kept);
        self.ramp = kept.up.then(|| Ramp::begin(kept.since));
    }

    /// The first judgement of a backend that nothing is known of. `joins`: others take flows already.
    pub fn begin(&mut self, now: Now, rules: &Rules, joins: bool) {
        self.up = self.is_well(rules);
        self.reason = self.reason_of(rules);
        self.ramp = (self.up && joins).then(|| Ramp::begin(now));
    }

    /// Whether it takes new flows, its priority and its service aside.
    pub fn is_available(&self) -> bool {
        self.up && self.online && self.weight > 0 && self.per_mille > 0
    }

    /// Judges anew. `true` when there is something to tell.
    pub fn judge(&mut self, now: Now, rules: &Rules) -> bool {
        let well = self.is_well(rules);
        if well == self.up {
            self.refresh_reason(rules);
            return false;
        }
        if let Some(until) = self.damp(now, rules) {
            self.hold(until);
            self.changes.clear();
            (self.up, self.since, self.reason) = (false, now, Reason::Flapping { until });
            return true;
        }
        (self.up, self.since, self.reason) = (well, now, self.reason_of(rules));
        self.ramp = well.then(|| Ramp::begin(now));
        true
    }

    /// Clients' own traffic speaks against it.
    pub fn accuse(&mut self, now: Now, fault: Fault, hold: Duration, rules: &Rules) {
        let until = now + hold;
        self.traffic.clear();
        self.hold(until);
        self.judge(now, rules);
        if !matches!(self.reason, Reason::Flapping { .. }) {
            self.reason = Reason::Traffic { fault, until };
        }
    }

    /// The administrator lets it take flows, or not.
    pub fn set_online(&mut self, now: Now, online: bool) -> bool {
        let changed = std::mem::replace(&mut self.online, online) != online;
        if changed && online && self.up {
            self.ramp = Some(Ramp::begin(now));
        }
        changed
    }

    /// What time alone does. `true` when there is something to tell.
    pub fn pass_time(&mut self, now: Now, rules: &Rules) -> bool {
        if self.held_until.is_some_and(|until| until <= now) {
            self.held_until = None;
            self.checks.iter_mut().for_each(Check::begin_again);
        }
        for check in self.checks.iter_mut().filter(|check| check.trusted_until.is_some_and(|until| until <= now)) {
            (check.trusted_until, check.verdict) = (None, rules.first_verdict());
        }
        self.judge(now, rules)
    }

    /// Sets the part of its weight that it gets. `true` when it is another than before.
    pub fn weigh(&mut self, now: Now, rules: &Rules) -> bool {
        let slow = self.ramp_up(now, rules);
        let asked = match rules.health.feedback {
            FeedbackUse::Apply => self.checks.iter().filter_map(|check| check.weight).min().unwrap_or(100),
            FeedbackUse::Ignore => 100,
        };
        let part = u32::from(slow) * asked / 100;
        // Rounding takes nobody's last flow.
        let per_mille = if asked == 0 { 0 } else { part.max(1) as u16 };
        std::mem::replace(&mut self.per_mille, per_mille) != per_mille
    }

    /// When time alone changes something.
    pub fn next_alarm(&self, rules: &Rules) -> Option<Now> {
        let trust = self.checks.iter().filter_map(|check| check.trusted_until).min();
        let step = self.ramp.map(|ramp| ramp.next_step(rules.slow_start()));
        [self.held_until, trust, step].into_iter().flatten().min()
    }

    pub fn kept(&self) -> KeptBackend {
        let tested = self.checks.iter().filter(|check| check.verdict != Verdict::Untested);
        KeptBackend {
            address: self.address,
            port: self.port,
            up: self.up,
            since: self.since,
            checks: tested.map(|check| (check.name.clone(), check.passes())).collect(),
        }
    }

    fn is_well(&self, rules: &Rules) -> bool {
        self.held_until.is_none() && self.passing() >= rules.needed(self.checks.len())
    }

    fn passing(&self) -> usize {
        self.checks.iter().filter(|check| check.passes()).count()
    }

    // The check to be told of: one that fails, before one that does not pass often enough yet.
    fn worst(&self) -> Option<&Check> {
        let failing = || self.checks.iter().filter(|check| check.verdict == Verdict::Failing);
        failing().find(|check| !check.run.passed).or_else(|| failing().next())
    }

    fn reason_of(&self, rules: &Rules) -> Reason {
        let (passing, checks) = (self.passing(), self.checks.len());
        if checks == 0 {
            return Reason::Unchecked;
        }
        if passing < rules.needed(checks)
            && let Some(failing) = self.worst()
        {
            let check = failing.name.clone();
            return match failing.run {
                run if run.passed => Reason::Rising { check, passes: run.length, rise: failing.rise },
                _ => Reason::Failed { check, text: failing.text.clone() },
            };
        }
        if passing < rules.needed(checks)
            || self.checks.iter().all(|check| check.run.length == 0 && check.probe.is_some())
        {
            return Reason::Untested;
        }
        Reason::Passed { passing, checks }
    }

    // Up or down as before, but perhaps for another reason. Being held down is told until it ends.
    fn refresh_reason(&mut self, rules: &Rules) {
        let answered = self.checks.is_empty() || self.checks.iter().any(|check| check.run.length > 0);
        if self.held_until.is_none() && answered {
            self.reason = self.reason_of(rules);
        }
    }

    // A change happens: until when it is held down, when that is one too many.
    fn damp(&mut self, now: Now, rules: &Rules) -> Option<Now> {
        let flap = rules.health.flap?;
        let window = Duration::from_secs(flap.window_s.into());
        self.changes.push_back(now);
        while self.changes.front().is_some_and(|change| now.since(*change) > window) {
            self.changes.pop_front();
        }
        (self.changes.len() > flap.changes_max as usize).then(|| now + Duration::from_secs(flap.hold_s.into()))
    }

    fn hold(&mut self, until: Now) {
        self.held_until = self.held_until.max(Some(until));
        self.ramp = None;
    }

    fn ramp_up(&mut self, now: Now, rules: &Rules) -> u16 {
        let Some(ramp) = &mut self.ramp else { return PER_MILLE };
        let per_mille = ramp.per_mille(now, rules.slow_start());
        if per_mille == PER_MILLE {
            self.ramp = None;
        }
        per_mille
    }
}
