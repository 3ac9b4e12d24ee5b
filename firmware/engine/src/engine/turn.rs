//! One turn of a worker: everything that waits on the wire, in batches, then a slice of housekeeping.

use super::{Engine, Moment};
use crate::{BATCH_MAX, Frame, Packet, Tables, Tuple, Verdict, Wire};
use net::ip::protocol;
use net::siphash::Key;
use net::{Malformed, Now, Parsed, parse};
use std::sync::Arc;
use std::time::Duration;

/// Batches handled before the turn ends, so that a flood cannot keep new tables, expiry and requests waiting.
const BATCHES_MAX: usize = 16;
/// How often the housekeeping runs on a busy worker.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_millis(1);
/// How long a worker with flows may sleep: the expiry wheel turns once a second.
const WHEEL_TICK: Duration = Duration::from_secs(1);

/// Room for the frames of one batch, kept from turn to turn.
#[derive(Debug)]
pub struct Batch<S> {
    frames: Vec<Frame<S>>,
    prepared: Vec<Prepared>,
}

impl<S> Default for Batch<S> {
    fn default() -> Self {
        Self { frames: Vec::with_capacity(BATCH_MAX), prepared: Vec::with_capacity(BATCH_MAX) }
    }
}

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turned {
    /// Frames handled.
    pub frames: usize,
    /// When the engine wants the next turn even if no frame comes; `None`: never.
    pub next_deadline: Option<Now>,
}

/// A frame's parse and the hash of its tuple.
type Prepared = (Result<Parsed, Malformed>, u64);

impl Engine {
    /// Adopts `tables` if they are newer, handles what `wire` has, keeps house.
    pub fn turn<W: Wire>(
        &mut self,
        now: Now,
        wire: &mut W,
        batch: &mut Batch<W::Slot>,
        tables: &Arc<Tables>,
    ) -> Turned {
        if tables.epoch != self.tables.epoch {
            self.adopt(now, Arc::clone(tables));
        }
        let moment = Moment { now, tables };
        let mut frames = 0;
        for _ in 0..BATCHES_MAX {
            wire.receive(&mut batch.frames);
            let received = batch.frames.len();
            if received == 0 {
                break;
            }
            self.handle_batch(moment, wire, batch);
            frames += received;
        }
        if frames > 0 {
            self.counters.totals.turns.add(1);
        }
        if frames == 0 || now >= self.house_kept + HOUSEKEEPING_INTERVAL {
            self.house_kept = now;
            self.keep_house(moment);
            self.send_emissions(wire);
        }
        Turned { frames, next_deadline: self.next_deadline(now) }
    }

    /// Parse, hash and touch all; then decide on each.
    fn handle_batch<W: Wire>(&mut self, moment: Moment<'_>, wire: &mut W, batch: &mut Batch<W::Slot>) {
        let key = moment.tables.key;
        let Batch { frames, prepared } = batch;
        prepared.clear();
        prepared.extend(frames.iter_mut().map(|frame| self.prepare(&frame.packet(), key)));
        // Two passes of loads that nothing waits for: the misses of a whole batch overlap (the index, then the flow).
        let mut candidates = [0; BATCH_MAX];
        for ((_, hash), candidate) in prepared.iter().zip(&mut candidates) {
            *candidate = self.flows.touch_index(*hash);
        }
        for candidate in &candidates[..prepared.len()] {
            self.flows.touch_flow(*candidate);
        }
        for (mut frame, (parsed, hash)) in frames.drain(..).zip(prepared.iter()) {
            // A batch of super-frames for tunnels makes more segments than the arena holds.
            if !self.emissions.is_roomy() {
                self.send_emissions(wire);
            }
            let verdict = self.decide(moment, &mut frame.packet(), parsed, *hash);
            self.carry_out(wire, frame, verdict);
        }
        self.send_emissions(wire);
        wire.flush();
    }

    /// Parses a frame and hashes its tuple; the hash is 0 when there is none.
    pub(super) fn prepare(&self, packet: &Packet<'_>, key: Key) -> Prepared {
        let totals = &self.counters.totals;
        let super_frame = packet.head.offload.is_super_frame();
        totals.frames_received.add(1);
        totals.bytes_received.add(packet.length() as u64);
        if super_frame {
            totals.super_frames_received.add(1);
        }
        let parsed = parse(packet.bytes(), super_frame);
        let hash = match &parsed {
            Ok(parsed) if matches!(parsed.protocol, protocol::TCP | protocol::UDP) && !parsed.is_later_fragment() => {
                Tuple::of(parsed).hash(key)
            }
            _ => 0,
        };
        (parsed, hash)
    }

    fn carry_out<W: Wire>(&mut self, wire: &mut W, frame: Frame<W::Slot>, verdict: Verdict) {
        let totals = &self.counters.totals;
        match verdict {
            Verdict::Transmit(nic) => {
                totals.frames_transmitted.add(1);
                wire.transmit(frame, nic);
            }
            Verdict::HandOver(worker) => {
                totals.frames_handed_over.add(1);
                wire.hand_over(frame, worker);
            }
            Verdict::Consumed => {
                totals.frames_consumed.add(1);
                wire.release(frame);
            }
            Verdict::ToControl => {
                totals.frames_to_control.add(1);
                wire.release(frame);
            }
            Verdict::Drop(reason) => {
                self.counters.count_drop(reason);
                wire.release(frame);
            }
        }
    }

    /// Frames made by the engine leave with the batch that caused them; the kernel learns of new replies before that.
    fn send_emissions<W: Wire>(&mut self, wire: &mut W) {
        self.claims.settle(wire);
        if self.emissions.count() == 0 {
            return;
        }
        self.counters.totals.frames_emitted.add(self.emissions.count() as u64);
        for (nic, offload, bytes) in self.emissions.iter() {
            wire.emit(nic, offload, bytes);
        }
        self.emissions.clear();
        wire.flush();
    }

    fn next_deadline(&self, now: Now) -> Option<Now> {
        if self.has_more_housekeeping() {
            return Some(now);
        }
        let idle = self.flows.is_empty() && self.persistence.is_empty() && self.fragments.is_empty();
        (!idle).then(|| now + WHEEL_TICK)
    }
}
