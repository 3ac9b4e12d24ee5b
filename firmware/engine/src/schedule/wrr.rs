//! Weighted round robin: rounds with a falling threshold; in each, the candidates whose weight reaches it.
//!
//! With weights 4, 2, 2 the thresholds are 3 and 1 (steps of the greatest common divisor): a, then a b c.

use super::Candidate;
use super::places::Places;

/// Where in which round it is.
#[derive(Clone, Debug, Default)]
pub struct Wrr {
    /// Backends and weights at the last `adopt`.
    places: Places,
    weights: Vec<u32>,
    /// Position served last; `None`: before the first.
    last: Option<usize>,
    /// Weight needed in this round. At least 1 when `top` is.
    threshold: u64,
    /// The threshold of the first round: the greatest weight less (step - 1), so that the last round's is 1.
    top: u64,
    /// Difference from round to round: the greatest common divisor of the weights.
    step: u64,
}

impl Wrr {
    /// Any change starts over with the first candidate; the threshold stays when it still can. A list that is the same
    /// as before changes nothing (IPVS starts over then too): another service's change must not favour the first.
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        let weights: Vec<_> = candidates.iter().map(|candidate| candidate.weight).collect();
        let stays: Vec<_> = candidates.iter().map(|candidate| self.places.find(candidate.backend)).collect();
        if weights == self.weights && stays.iter().copied().eq((0..candidates.len()).map(Some)) {
            return;
        }
        let (mut divisor, mut greatest) = (0, 0);
        let mut count = |weight: u32| {
            divisor = shared_divisor(divisor, u64::from(weight));
            greatest = u64::from(weight).max(greatest);
            (divisor, greatest)
        };
        let kept = weights.iter().zip(&stays).filter(|(_, place)| place.is_some());
        let (divisor, greatest) = kept.map(|(weight, _)| count(*weight)).last().unwrap_or_default();
        self.change(divisor, greatest);
        // IPVS knows one change at a time: the threshold depends on the order in which servers were added.
        for (weight, _) in weights.iter().zip(&stays).rev().filter(|(_, place)| place.is_none()) {
            let (divisor, greatest) = count(*weight);
            self.change(divisor, greatest);
        }
        self.places.adopt(candidates);
        self.weights = weights;
    }

    fn change(&mut self, divisor: u64, greatest: u64) {
        self.last = None;
        self.step = divisor.max(1);
        self.top = greatest.saturating_sub(self.step - 1);
        if self.threshold > self.top || self.threshold == 0 {
            self.threshold = self.top;
        } else {
            self.threshold = if self.step > 1 { self.threshold / self.step * self.step + 1 } else { self.threshold };
        }
    }

    pub fn pick(&mut self, candidates: &[Candidate]) -> Option<usize> {
        if self.top == 0 {
            return None;
        }
        let first = self.last;
        let (mut lowest_round, mut wrapped, mut ends_at_first) = (false, false, false);
        let mut places = first.map_or(0, |last| last + 1)..candidates.len();
        loop {
            let reaches = |at: &usize| {
                let candidate = &candidates[*at];
                !candidate.overloaded && u64::from(candidate.weight) >= self.threshold
            };
            if let Some(found) = places.find(reaches) {
                self.last = Some(found);
                return self.last;
            }
            if ends_at_first {
                return None;
            }
            if self.threshold > self.step {
                self.threshold -= self.step;
            } else {
                self.threshold = self.top;
                if lowest_round || first.is_none() {
                    self.last = None;
                    return None;
                }
                wrapped = true;
            }
            self.skip_rounds(candidates);
            lowest_round = self.threshold <= self.step;
            // The lowest round was seen behind `first` only; now it is seen up to there, and that is all there is.
            ends_at_first = lowest_round && wrapped;
            places = 0..first.filter(|_| ends_at_first).map_or(candidates.len(), |first| first + 1);
        }
    }

    /// Leaves out rounds that nobody's weight reaches: one 65535 among ones that is overloaded would cost a round for
    /// each unit.
    fn skip_rounds(&mut self, candidates: &[Candidate]) {
        let reach = candidates.iter().filter(|candidate| !candidate.overloaded).map(|candidate| candidate.weight).max();
        let reach = u64::from(reach.unwrap_or(0)).max(1);
        if self.threshold > reach {
            self.threshold -= (self.threshold - reach).div_ceil(self.step) * self.step;
        }
    }
}

/// Greatest common divisor; 0 counts for nothing.
pub fn shared_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
