//! Weighted failover: the greatest weight takes everything; the first of equals.

use super::Candidate;

pub fn pick(candidates: &[Candidate]) -> Option<usize> {
    heaviest(candidates, |_| true)
}

/// The available candidate with the greatest weight among those that `may`; the first of equals.
pub fn heaviest(candidates: &[Candidate], may: impl Fn(&Candidate) -> bool) -> Option<usize> {
    let mut heaviest: Option<usize> = None;
    for (at, candidate) in candidates.iter().enumerate() {
        let heavier = heaviest.is_none_or(|best| candidate.weight > candidates[best].weight);
        if heavier && candidate.is_available() && may(candidate) {
            heaviest = Some(at);
        }
    }
    heaviest
}
