//! Round robin: the next available candidate after the one served last.

use super::Candidate;
use super::places::Places;
use crate::BackendIndex;

/// Whom it served last, in what order.
#[derive(Clone, Debug, Default)]
pub struct Rr {
    /// Backends at the last `adopt`.
    order: Vec<BackendIndex>,
    /// Position served last; `None`: start with the first.
    last: Option<usize>,
}

impl Rr {
    /// The position stays with its backend. If that one is gone, the one before it takes its place, so that the turn
    /// goes on with the one after it.
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        let mut places = Places::default();
        places.adopt(candidates);
        let served = self.last.map_or(&[][..], |last| &self.order[..=last]);
        self.last = served.iter().rev().find_map(|backend| places.find(*backend));
        self.order.clear();
        self.order.extend(candidates.iter().map(|candidate| candidate.backend));
    }

    pub fn pick(&mut self, candidates: &[Candidate]) -> Option<usize> {
        let start = self.last.map_or(0, |last| last + 1);
        let found = (start..candidates.len()).chain(0..start).find(|&at| candidates[at].is_available())?;
        self.last = Some(found);
        Some(found)
    }
}
