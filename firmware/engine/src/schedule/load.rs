//! How loaded a candidate is, and comparisons of load per weight without division.

use super::Candidate;

/// An active flow weighs as much as 257 inactive ones (`ip_vs_dest_conn_overhead`): 256, and once more because the
/// other term is all flows in the kernels recorded (Debian's 6.1.192). In older ones it was the inactive ones: 256.
const ACTIVE_WEIGHT: u64 = 257;

/// The load that lc, wlc, lblc, lblcr and twos compare.
#[inline]
pub fn overhead(candidate: &Candidate) -> u64 {
    u64::from(candidate.active) * ACTIVE_WEIGHT + u64::from(candidate.inactive)
}

/// The load that sed and nq compare: what would be active with the new flow.
#[inline]
pub fn delay(candidate: &Candidate) -> u64 {
    u64::from(candidate.active) + 1
}

/// Whether `load / weight` is greater than `other_load / other_weight`, weights cross-multiplied. With
/// `other_weight` = 0 the answer is no, as in IPVS: a quiesced server never beats a chosen one.
#[inline]
pub fn exceeds(load: u64, weight: u32, other_load: u64, other_weight: u32) -> bool {
    u128::from(load) * u128::from(other_weight) > u128::from(other_load) * u128::from(weight)
}

/// The available candidate with the least `load` per weight; the first of equals.
#[inline]
pub fn least_weighted(candidates: &[Candidate], load: impl Fn(&Candidate) -> u64) -> Option<usize> {
    let mut least: Option<(usize, u64)> = None;
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.is_available()) {
        let its = load(candidate);
        if least.is_none_or(|(best, lowest)| exceeds(lowest, candidates[best].weight, its, candidate.weight)) {
            least = Some((at, its));
        }
    }
    least.map(|(at, _)| at)
}

/// lblc's and lblcr's reason to leave a cached server: it has more active flows than its weight while some server
/// has less than half of its own (`is_overloaded` in ip_vs_lblc.c; every server is asked, overloaded ones too).
pub fn is_crowded(candidate: &Candidate, candidates: &[Candidate]) -> bool {
    candidate.active > candidate.weight
        && candidates.iter().any(|other| u64::from(other.active) * 2 < u64::from(other.weight))
}
