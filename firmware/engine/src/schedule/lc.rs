//! Least connections: the least loaded candidate, whatever its weight.

use super::Candidate;
use super::load::overhead;

pub fn pick(candidates: &[Candidate]) -> Option<usize> {
    // `min_by_key` returns the first of equals.
    let available = candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_available());
    available.min_by_key(|(_, candidate)| overhead(candidate)).map(|(at, _)| at)
}
