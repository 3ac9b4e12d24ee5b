//! When probes are due. Pure: the time is passed in.

use crate::ProbeId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use tokio::time::Instant;

/// Probes by the time of their next run.
#[derive(Default)]
pub(crate) struct Schedule {
    due: BinaryHeap<Reverse<(Instant, ProbeId, u64)>>,
}

impl Schedule {
    /// Puts a probe on the schedule. `generation` tells it from a former probe of the same name.
    pub(crate) fn add(&mut self, at: Instant, id: ProbeId, generation: u64) {
        self.due.push(Reverse((at, id, generation)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _, _))| *at)
    }

    /// How many there are, of removed probes too.
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }

    /// All that are due by `now`, in no order.
    pub(crate) fn due(&self, now: Instant) -> impl Iterator<Item = (Instant, ProbeId, u64)> {
        self.due.iter().map(|Reverse(due)| *due).filter(move |(at, _, _)| *at <= now)
    }

    /// Keeps those of probes that are still there.
    pub(crate) fn keep(&mut self, is_there: impl Fn(ProbeId, u64) -> bool) {
        self.due.retain(|Reverse((_, id, generation))| is_there(*id, *generation));
    }

    /// One that is due by `now`.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(Instant, ProbeId, u64)> {
        self.next().filter(|at| *at <= now)?;
        self.due.pop().map(|Reverse(due)| due)
    }
}

/// How long after its beginning a probe is first due: somewhere in its interval, so that probes set together do not run
/// together. The same for the same `seed`.
pub(crate) fn first_delay(id: ProbeId, seed: u64, interval: Duration) -> Duration {
    let interval_us = (interval.as_micros() as u64).max(1);
    Duration::from_micros(mixed(id.0 ^ mixed(seed)) % interval_us)
}

/// How many whole intervals lie between `due` and `now`: so many runs can no longer be on time.
pub(crate) fn intervals_since(due: Instant, interval: Duration, now: Instant) -> u32 {
    let intervals = now.saturating_duration_since(due).as_micros() / interval.as_micros().max(1);
    u32::try_from(intervals).unwrap_or(u32::MAX - 1)
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of `value`.
fn mixed(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::{ProbeId, Schedule, first_delay, intervals_since};
    use std::time::Duration;
    use tokio::time::Instant;

    const INTERVAL: Duration = Duration::from_millis(2_000);

    /// 1,000 probes in ten parts of the interval: about 100 in each.
    #[test]
    fn first_runs_are_spread() {
        let mut parts = [0; 10];
        for id in 0..1_000 {
            let delay = first_delay(ProbeId(id), 7, INTERVAL);
            assert!(delay < INTERVAL);
            assert_eq!(delay, first_delay(ProbeId(id), 7, INTERVAL));
            parts[(delay.as_millis() / 200) as usize] += 1;
        }
        assert!(parts.iter().all(|count| (60..140).contains(count)), "{parts:?}");
        assert_ne!(first_delay(ProbeId(1), 7, INTERVAL), first_delay(ProbeId(1), 8, INTERVAL));
    }

    #[test]
    fn runs_stay_on_their_grid() {
        let due = Instant::now();
        for (late_ms, missed) in [(0, 0), (1_999, 0), (2_000, 1), (2_001, 1), (9_000, 4)] {
            assert_eq!(
                intervals_since(due, INTERVAL, due + Duration::from_millis(late_ms)),
                missed,
                "{late_ms} ms late"
            );
        }
        assert_eq!(intervals_since(due + INTERVAL, INTERVAL, due), 0);
    }

    #[test]
    fn probes_are_taken_in_order() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        for (ms, id) in [(30, 3), (10, 1), (20, 2)] {
            schedule.add(now + Duration::from_millis(ms), ProbeId(id), 0);
        }
        assert_eq!(schedule.due(now + Duration::from_millis(20)).count(), 2);
        let mut taken = Vec::new();
        while let Some((_, id, _)) = schedule.take(now + Duration::from_millis(20)) {
            taken.push(id.0);
        }
        assert_eq!(taken, [1, 2]);
        assert_eq!(schedule.next(), Some(now + Duration::from_millis(30)));
        schedule.keep(|id, generation| (id, generation) != (ProbeId(3), 0));
        assert_eq!(schedule.len(), 0);
    }
}
