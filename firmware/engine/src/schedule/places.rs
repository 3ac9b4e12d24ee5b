//! Where each backend is in the list of candidates.

use super::Candidate;
use crate::BackendIndex;

/// Backends and their positions, as of the last `adopt`. State that is kept by backend outlives changes of the list.
#[derive(Clone, Debug, Default)]
pub struct Places(Vec<(BackendIndex, usize)>);

impl Places {
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        self.0.clear();
        self.0.extend(candidates.iter().enumerate().map(|(at, candidate)| (candidate.backend, at)));
        self.0.sort_unstable();
    }

    pub fn find(&self, backend: BackendIndex) -> Option<usize> {
        self.0.binary_search_by_key(&backend, |(backend, _)| *backend).ok().map(|found| self.0[found].1)
    }
}
