//! Weighted overflow: the greatest weight takes flows until more are active than its weight; then the next.

use super::{Candidate, fo};

pub fn pick(candidates: &[Candidate]) -> Option<usize> {
    fo::heaviest(candidates, |candidate| candidate.active <= candidate.weight)
}
