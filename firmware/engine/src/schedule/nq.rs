//! Never queue: the first candidate without active flows, else as sed.

use super::{Candidate, sed};

pub fn pick(candidates: &[Candidate]) -> Option<usize> {
    let idle = candidates.iter().position(|candidate| candidate.is_available() && candidate.active == 0);
    idle.or_else(|| sed::pick(candidates))
}
