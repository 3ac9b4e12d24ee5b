//! The better of two candidates drawn at random by weight (Mitzenmacher's power of two choices).

use super::load::{exceeds, overhead};
use super::{Candidate, Request};

pub fn pick(request: &Request, candidates: &[Candidate]) -> Option<usize> {
    let available = candidates.iter().filter(|candidate| candidate.is_available());
    let total: u64 = available.map(|candidate| u64::from(candidate.weight)).sum();
    let one = drawn(candidates, request.random as u32, total)?;
    let other = drawn(candidates, (request.random >> 32) as u32, total)?;
    let [a, b] = [&candidates[one], &candidates[other]];
    Some(if exceeds(overhead(a), a.weight, overhead(b), b.weight) { other } else { one })
}

/// The candidate in whose share of the weights `random` falls. As in IPVS the range is 0 to `total` inclusive, which
/// gives the first candidate one part more than its weight.
fn drawn(candidates: &[Candidate], random: u32, total: u64) -> Option<usize> {
    let mut rest = ((u128::from(random) * (u128::from(total) + 1)) >> 32) as u64;
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_available()) {
        if rest <= u64::from(candidate.weight) {
            return Some(at);
        }
        rest -= u64::from(candidate.weight);
    }
    None
}
