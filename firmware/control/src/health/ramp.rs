//! Slow start: the part of its weight that a backend gets grows with the time since it came up.

use super::backend::PER_MILLE;
use net::Now;
use std::time::Duration;

/// Steps in which it grows: each is a change of the tables.
const STEPS: u32 = 20;

/// A slow start under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ramp {
    from: Now,
    step: u32,
}

impl Ramp {
    pub fn begin(from: Now) -> Self {
        Self { from, step: 0 }
    }

    /// The part at `now`; the whole when it is over. A backend that is up gets one step at least.
    pub fn per_mille(&mut self, now: Now, whole: Duration) -> u16 {
        let passed = now.since(self.from).min(whole);
        let step = (passed.as_nanos() * u128::from(STEPS)).checked_div(whole.as_nanos());
        self.step = step.map_or(STEPS, |step| step as u32);
        (u32::from(PER_MILLE) * self.step.max(1) / STEPS) as u16
    }

    /// When the part grows next.
    pub fn next_step(&self, whole: Duration) -> Now {
        // The first two steps give the same.
        let step = self.step.max(1) + 1;
        // Rounded up: a nanosecond too early the step would not have come yet.
        self.from + Duration::from_nanos((whole.as_nanos() * u128::from(step)).div_ceil(u128::from(STEPS)) as u64)
    }
}
