//! Counters of all workers added up, since a thing has its slot, and per second over the last seconds.

use super::workers::Workers;
use control::health::Seen;
use engine::{BackendIndex, DropReason, Tables, Traffic};
use net::Now;
use std::time::Duration;

/// How often the counters are read. Rates are over one to two of these.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Packets and bytes, all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Flows made.
    pub flows: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Packets to clients.
    pub packets_out: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
}

/// Readings.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    services: Vec<Base>,
    backends: Vec<Base>,
    older: Reading,
    newer: Reading,
}

/// Where a slot's counters stood when it was given to the thing that has it.
#[derive(Clone, Copy, Debug, Default)]
struct Base {
    generation: u32,
    sum: Sum,
}

#[derive(Clone, Debug, Default)]
struct Reading {
    at: Now,
    services: Vec<Sum>,
    backends: Vec<Sum>,
    drops: Vec<u64>,
    frames: Vec<u64>,
}

impl Meters {
    /// New tables: counters of slots that have new things begin at zero.
    pub fn adopt(&mut self, workers: &Workers, tables: &Tables) {
        rebase(
            &mut self.services,
            tables.services.iter().map(|service| service.as_ref().map(|service| service.generation)),
            |slot| service_sum(workers, slot),
        );
        rebase(
            &mut self.backends,
            tables.backends.iter().map(|backend| backend.as_ref().map(|backend| backend.generation)),
            |slot| backend_sum(workers, slot),
        );
    }

    /// Takes a reading.
    pub fn read(&mut self, now: Now, workers: &Workers, tables: &Tables) {
        self.older = std::mem::take(&mut self.newer);
        self.newer = Reading {
            at: now,
            services: (0..tables.services.len()).map(|slot| service_sum(workers, slot)).collect(),
            backends: (0..tables.backends.len()).map(|slot| backend_sum(workers, slot)).collect(),
            drops: DropReason::ALL.iter().map(|reason| drops(workers, *reason)).collect(),
            frames: frames(workers),
        };
    }

    /// Traffic of the service in a slot since it has it.
    pub fn service(&self, workers: &Workers, slot: usize) -> Sum {
        service_sum(workers, slot).less(self.services.get(slot).map_or(Sum::default(), |base| base.sum))
    }

    /// Traffic of the backend in a slot since it has it.
    pub fn backend(&self, workers: &Workers, slot: usize) -> Sum {
        backend_sum(workers, slot).less(self.backends.get(slot).map_or(Sum::default(), |base| base.sum))
    }

    /// Per second, of a service.
    pub fn service_rate(&self, now: Now, workers: &Workers, slot: usize) -> Sum {
        let before = self.older.services.get(slot).copied();
        before.map_or(Sum::default(), |before| service_sum(workers, slot).less(before).per(self.window(now)))
    }

    /// Per second, of a backend.
    pub fn backend_rate(&self, now: Now, workers: &Workers, slot: usize) -> Sum {
        let before = self.older.backends.get(slot).copied();
        before.map_or(Sum::default(), |before| backend_sum(workers, slot).less(before).per(self.window(now)))
    }

    /// Packets dropped for a reason, and per second.
    pub fn drops(&self, now: Now, workers: &Workers, reason: DropReason) -> (u64, u64) {
        let count = drops(workers, reason);
        let before = self.older.drops.get(reason as usize).copied().unwrap_or(count);
        (count, per_second(count - before.min(count), self.window(now)))
    }

    /// Frames per second of a worker.
    pub fn frames_rate(&self, now: Now, workers: &Workers, worker: usize) -> u64 {
        let count = frames(workers).get(worker).copied().unwrap_or(0);
        let before = self.older.frames.get(worker).copied().unwrap_or(count);
        per_second(count - before.min(count), self.window(now))
    }

    fn window(&self, now: Now) -> Duration {
        now.since(self.older.at)
    }
}

impl Sum {
    fn of<'a>(parts: impl Iterator<Item = &'a Traffic>) -> Self {
        parts.fold(Self::default(), |sum, part| Self {
            flows: sum.flows + part.flows.value(),
            packets_in: sum.packets_in + part.packets_in.value(),
            bytes_in: sum.bytes_in + part.bytes_in.value(),
            packets_out: sum.packets_out + part.packets_out.value(),
            bytes_out: sum.bytes_out + part.bytes_out.value(),
        })
    }

    /// Both together.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            flows: self.flows + other.flows,
            packets_in: self.packets_in + other.packets_in,
            bytes_in: self.bytes_in + other.bytes_in,
            packets_out: self.packets_out + other.packets_out,
            bytes_out: self.bytes_out + other.bytes_out,
        }
    }

    const fn less(self, before: Self) -> Self {
        Self {
            flows: self.flows.saturating_sub(before.flows),
            packets_in: self.packets_in.saturating_sub(before.packets_in),
            bytes_in: self.bytes_in.saturating_sub(before.bytes_in),
            packets_out: self.packets_out.saturating_sub(before.packets_out),
            bytes_out: self.bytes_out.saturating_sub(before.bytes_out),
        }
    }

    fn per(self, window: Duration) -> Self {
        Self {
            flows: per_second(self.flows, window),
            packets_in: per_second(self.packets_in, window),
            bytes_in: per_second(self.bytes_in, window),
            packets_out: per_second(self.packets_out, window),
            bytes_out: per_second(self.bytes_out, window),
        }
    }
}

fn rebase(bases: &mut Vec<Base>, generations: impl Iterator<Item = Option<u32>>, sum: impl Fn(usize) -> Sum) {
    for (slot, generation) in generations.enumerate() {
        if bases.len() <= slot {
            bases.resize(slot + 1, Base::default());
        }
        if let Some(generation) = generation
            && bases[slot].generation != generation
        {
            bases[slot] = Base { generation, sum: sum(slot) };
        }
    }
}

fn service_sum(workers: &Workers, slot: usize) -> Sum {
    Sum::of(workers.shared.counters.iter().map(|counters| &counters.services[slot]))
}

fn backend_sum(workers: &Workers, slot: usize) -> Sum {
    Sum::of(workers.shared.counters.iter().map(|counters| &counters.backends[slot]))
}

/// What clients met at each backend since the start, all workers together.
pub fn seen(workers: &Workers, tables: &Tables) -> Vec<(BackendIndex, Seen)> {
    let counted = |slot: usize| {
        workers.shared.counters.iter().fold(Seen::default(), |sum, counters| {
            let faults = &counters.faults[slot];
            Seen {
                flows: sum.flows + counters.backends[slot].flows.value(),
                unanswered: sum.unanswered + faults.unanswered.value(),
                refused: sum.refused + faults.refused.value(),
                one_way: sum.one_way + faults.one_way.value(),
            }
        })
    };
    let taken = tables.backends.iter().enumerate().filter(|(_, backend)| backend.is_some());
    taken.map(|(slot, _)| (BackendIndex(slot as u16), counted(slot))).collect()
}

fn drops(workers: &Workers, reason: DropReason) -> u64 {
    workers.shared.counters.iter().map(|counters| counters.drops[reason as usize].value()).sum()
}

fn frames(workers: &Workers) -> Vec<u64> {
    workers.shared.counters.iter().map(|counters| counters.totals.frames_received.value()).collect()
}

fn per_second(count: u64, window: Duration) -> u64 {
    let ms = window.as_millis().max(1);
    (u128::from(count) * 1_000 / ms) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_whatever_the_window() {
        for (count, ms, expected) in [(0, 2_000, 0), (3_000, 2_000, 1_500), (1, 3_000, 0), (7, 0, 7_000)] {
            assert_eq!(per_second(count, Duration::from_millis(ms)), expected, "{count} in {ms} ms");
        }
    }

    #[test]
    fn a_slot_with_a_new_thing_begins_at_zero() {
        let mut bases = Vec::new();
        let sum = |flows| move |_| Sum { flows, ..Sum::default() };
        rebase(&mut bases, [Some(1)].into_iter(), sum(0));
        rebase(&mut bases, [Some(1)].into_iter(), sum(10));
        assert_eq!(bases[0].sum.flows, 0, "the same thing goes on counting");
        rebase(&mut bases, [None].into_iter(), sum(20));
        rebase(&mut bases, [Some(2)].into_iter(), sum(30));
        assert_eq!(bases[0].sum.flows, 30);
    }
}
