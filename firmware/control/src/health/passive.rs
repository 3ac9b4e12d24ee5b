//! What clients' own traffic says about a backend, over the last seconds.

use engine::BackendIndex;
use net::Now;
use std::fmt;
use std::time::Duration;

/// What the workers count about a backend, all together, since its slot is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Flows made.
    pub flows: u64,
    /// TCP: SYNs without an answer.
    pub unanswered: u64,
    /// TCP: reset instead of an answer; UDP: port unreachable.
    pub refused: u64,
    /// UDP: without an answer.
    pub one_way: u64,
}

/// Why the traffic speaks against a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What clients met.
    pub kind: FaultKind,
    /// How many of them.
    pub count: u64,
    /// Of how many that began.
    pub flows: u64,
}

/// What clients met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No answer to a SYN.
    Unanswered,
    /// A refusal.
    Refused,
    /// No answer to a datagram.
    OneWay,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, count, flows } = self;
        match kind {
            FaultKind::Unanswered => write!(f, "{count} clients had no answer, {flows} came"),
            FaultKind::Refused => write!(f, "{count} clients were refused, {flows} came"),
            FaultKind::OneWay => write!(f, "{count} clients had no answer over UDP, {flows} came"),
        }
    }
}

/// Counts of the last seconds: of the half of a window under way and the half before it, so that what is counted
/// together is never older than the window.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    slot: Option<BackendIndex>,
    last: Seen,
    begun: Now,
    older: Seen,
    newer: Seen,
}

impl Window {
    /// Another reading. The first one of a slot counts nothing: what it holds may be old.
    pub fn add(&mut self, now: Now, slot: BackendIndex, seen: Seen, window: Duration) {
        if self.slot != Some(slot) || seen.flows < self.last.flows {
            *self = Self { slot: Some(slot), last: seen, begun: now, ..Self::default() };
            return;
        }
        let passed = now.since(self.begun);
        if passed >= window / 2 {
            self.older = if passed >= window { Seen::default() } else { self.newer };
            (self.newer, self.begun) = (Seen::default(), now);
        }
        self.newer = self.newer.plus(seen.less(self.last));
        self.last = seen;
    }

    /// What speaks against the backend.
    pub fn fault(&self, rules: &config::Passive) -> Option<Fault> {
        let Seen { flows, unanswered, refused, one_way } = self.older.plus(self.newer);
        let faults = [
            (FaultKind::Unanswered, unanswered, rules.unanswered_max),
            (FaultKind::Refused, refused, rules.refused_max),
            (FaultKind::OneWay, one_way, rules.one_way_max),
        ];
        let share = |count: u64| count.saturating_mul(100) >= flows.saturating_mul(rules.faulty_percent_min.into());
        faults
            .into_iter()
            .find(|(_, count, max)| *max > 0 && *count >= u64::from(*max) && share(*count))
            .map(|(kind, count, _)| Fault { kind, count, flows })
    }

    /// Forgets what was counted, but not where the counters stand.
    pub fn clear(&mut self) {
        (self.older, self.newer) = Default::default();
    }
}

impl Seen {
    const fn plus(self, other: Self) -> Self {
        Self {
            flows: self.flows + other.flows,
            unanswered: self.unanswered + other.unanswered,
            refused: self.refused + other.refused,
            one_way: self.one_way + other.one_way,
        }
    }

    const fn less(self, before: Self) -> Self {
        Self {
            flows: self.flows.saturating_sub(before.flows),
            unanswered: self.unanswered.saturating_sub(before.unanswered),
            refused: self.refused.saturating_sub(before.refused),
            one_way: self.one_way.saturating_sub(before.one_way),
        }
    }
}
