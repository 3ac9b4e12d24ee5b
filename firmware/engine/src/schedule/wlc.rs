//! Weighted least connections: the least load per weight.

use super::Candidate;
use super::load::{least_weighted, overhead};

pub fn pick(candidates: &[Candidate]) -> Option<usize> {
    least_weighted(candidates, overhead)
}
