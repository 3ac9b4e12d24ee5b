//! Shortest expected delay: (active flows + 1) / weight.

use super::Candidate;
use super::load::{delay, least_weighted};

pub fn pick(candidates: &[Candidate]) -> Option<usize> {
    least_weighted(candidates, delay)
}
