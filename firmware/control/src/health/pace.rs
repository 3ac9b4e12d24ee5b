//! How often what is judged is made into tables and kept: changes that come fast are taken together.

use net::Now;
use std::time::Duration;

/// Between two tables for backends that came up or went down. Many may do so within a moment.
const JUDGED_GAP: Duration = Duration::from_millis(50);
/// Between two tables for weights alone, and between two writings of what is kept.
const WEIGHED_GAP: Duration = Duration::from_secs(1);

/// What is due, and since when nothing was done about it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    judged: bool,
    weighed: bool,
    unkept: bool,
    published: Option<Now>,
    kept: Option<Now>,
}

impl Pace {
    /// A backend or a service came up or went down.
    pub fn judged(&mut self) {
        (self.judged, self.unkept) = (true, true);
    }

    /// A backend gets another part of its weight.
    pub fn weighed(&mut self) {
        self.weighed = true;
    }

    /// Whether tables are due; then they are made.
    pub fn publishes(&mut self, now: Now) -> bool {
        let due = self.publish_at().is_some_and(|at| at <= now);
        if due {
            (self.judged, self.weighed, self.published) = (false, false, Some(now));
        }
        due
    }

    /// Whether it is time to keep the judgement; then it is kept.
    pub fn keeps(&mut self, now: Now) -> bool {
        let due = self.keep_at().is_some_and(|at| at <= now);
        if due {
            (self.unkept, self.kept) = (false, Some(now));
        }
        due
    }

    pub fn next_deadline(&self) -> Option<Now> {
        [self.publish_at(), self.keep_at()].into_iter().flatten().min()
    }

    fn publish_at(&self) -> Option<Now> {
        let gap = match (self.judged, self.weighed) {
            (true, _) => JUDGED_GAP,
            (false, true) => WEIGHED_GAP,
            (false, false) => return None,
        };
        Some(self.published.map_or(Now::default(), |at| at + gap))
    }

    fn keep_at(&self) -> Option<Now> {
        self.unkept.then(|| self.kept.map_or(Now::default(), |at| at + WEIGHED_GAP))
    }
}
