//! A wire in memory: what the engine is tested, fuzzed and measured with.
//!
//! Frames are put in with [`MemoryWire::inject`] and come out in [`MemoryWire::sent`]. Buffers are used again, so a
//! wire that has warmed up allocates nothing.

use engine::{BATCH_MAX, Frame, HEADROOM, Head, NicId, Wire, WorkerId};
use net::offload::Offload;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Frames that wait for one worker at once.
const HANDED_OVER_MAX: usize = 1024;

/// A buffer: headroom, frame, tail room.
#[derive(Debug)]
pub struct Buffer(Vec<u8>);

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// A frame that left.
#[derive(Debug)]
pub struct Sent {
    /// Where it left.
    pub nic: NicId,
    /// How it is to be completed and cut.
    pub offload: Offload,
    /// The engine made it itself.
    pub emitted: bool,
    buffer: Buffer,
    start: usize,
    end: usize,
}

impl Sent {
    /// The frame, from its Ethernet header on.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.0[self.start..self.end]
    }
}

/// Frames for one worker, from any.
type Inbox = Arc<Mutex<VecDeque<Frame<Buffer>>>>;

/// The wire of one worker.
#[derive(Debug)]
pub struct MemoryWire {
    worker: WorkerId,
    /// Bytes of a buffer.
    buffer_bytes: usize,
    pool: Vec<Buffer>,
    inbound: VecDeque<Frame<Buffer>>,
    waiting: Vec<Sent>,
    sent: Vec<Sent>,
    inboxes: Vec<Inbox>,
    released: u64,
    handover_full: u64,
    emit_too_long: u64,
}

impl MemoryWire {
    /// A wire for the only worker. `buffer_bytes` is the room for headroom, frame and growth.
    pub fn new(buffer_bytes: usize) -> Self {
        Self::mesh(1, buffer_bytes).remove(0)
    }

    /// The wires of `workers` workers, joined by hand-over.
    pub fn mesh(workers: usize, buffer_bytes: usize) -> Vec<Self> {
        let inboxes: Vec<Inbox> =
            (0..workers).map(|_| Arc::new(Mutex::new(VecDeque::with_capacity(HANDED_OVER_MAX)))).collect();
        (0..workers)
            .map(|worker| Self {
                worker: WorkerId(worker as u8),
                buffer_bytes,
                pool: Vec::new(),
                inbound: VecDeque::new(),
                waiting: Vec::new(),
                sent: Vec::new(),
                inboxes: inboxes.clone(),
                released: 0,
                handover_full: 0,
                emit_too_long: 0,
            })
            .collect()
    }

    /// Makes `count` buffers in advance, and room for as many frames in every queue.
    pub fn warm_up(&mut self, count: usize) {
        self.inbound.reserve(count);
        self.waiting.reserve(count);
        self.sent.reserve(count);
        self.pool.reserve(count);
        while self.pool.len() < count {
            self.pool.push(Buffer(vec![0; self.buffer_bytes]));
        }
    }

    /// A frame comes in: `bytes` from the Ethernet header on are copied. `false`, and nothing happens, when it does
    /// not fit a buffer.
    pub fn inject(&mut self, nic: NicId, offload: Offload, bytes: &[u8]) -> bool {
        match self.fill(nic, offload, bytes) {
            Some(frame) => {
                self.inbound.push_back(frame);
                true
            }
            None => false,
        }
    }

    /// The frames that left since they were last recycled, in order.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Forgets the frames that left; their buffers are used again.
    pub fn recycle(&mut self) {
        self.pool.extend(self.sent.drain(..).map(|sent| sent.buffer));
    }

    /// Frames that are to be received: put in, or handed over.
    pub fn backlog(&self) -> usize {
        self.inbound.len() + self.inboxes[self.worker.at()].lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Frames taken back unsent.
    pub fn released(&self) -> u64 {
        self.released
    }

    /// Frames that another worker's full queue refused.
    pub fn handover_full(&self) -> u64 {
        self.handover_full
    }

    /// Frames made by the engine that fit no buffer.
    pub fn emit_too_long(&self) -> u64 {
        self.emit_too_long
    }

    fn fill(&mut self, nic: NicId, offload: Offload, bytes: &[u8]) -> Option<Frame<Buffer>> {
        let end = HEADROOM + bytes.len();
        if end > self.buffer_bytes {
            return None;
        }
        let mut slot = self.pool.pop().unwrap_or_else(|| Buffer(vec![0; self.buffer_bytes]));
        slot.0[HEADROOM..end].copy_from_slice(bytes);
        Some(Frame { slot, head: Head { nic, start: HEADROOM as u32, end: end as u32, offload } })
    }

    fn send(&mut self, frame: Frame<Buffer>, nic: NicId, emitted: bool) {
        let Head { start, end, offload, .. } = frame.head;
        let (start, end) = (start as usize, end as usize);
        self.waiting.push(Sent { nic, offload, emitted, buffer: frame.slot, start, end });
    }
}

impl Wire for MemoryWire {
    type Slot = Buffer;

    fn receive(&mut self, frames: &mut Vec<Frame<Buffer>>) {
        let mut inbox = self.inboxes[self.worker.at()].lock().unwrap_or_else(PoisonError::into_inner);
        let handed_over = inbox.len().min(BATCH_MAX);
        frames.extend(inbox.drain(..handed_over));
        drop(inbox);
        let own = self.inbound.len().min(BATCH_MAX - handed_over);
        frames.extend(self.inbound.drain(..own));
    }

    fn transmit(&mut self, frame: Frame<Buffer>, nic: NicId) {
        self.send(frame, nic, false);
    }

    fn release(&mut self, frame: Frame<Buffer>) {
        self.released += 1;
        self.pool.push(frame.slot);
    }

    fn hand_over(&mut self, frame: Frame<Buffer>, worker: WorkerId) {
        if let Some(inbox) = self.inboxes.get(worker.at()) {
            let mut inbox = inbox.lock().unwrap_or_else(PoisonError::into_inner);
            if inbox.len() < HANDED_OVER_MAX {
                inbox.push_back(frame);
                return;
            }
        }
        self.handover_full += 1;
        self.pool.push(frame.slot);
    }

    fn emit(&mut self, nic: NicId, offload: Offload, bytes: &[u8]) {
        match self.fill(nic, offload, bytes) {
            Some(frame) => self.send(frame, nic, true),
            None => self.emit_too_long += 1,
        }
    }

    fn flush(&mut self) {
        self.sent.append(&mut self.waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(sent: &[Sent]) -> Vec<(u8, &[u8])> {
        sent.iter().map(|sent| (sent.nic.0, sent.bytes())).collect()
    }

    #[test]
    fn frames_come_in_with_headroom_and_leave_at_flush() {
        let mut wire = MemoryWire::new(256);
        assert!(wire.inject(NicId(1), Offload::NONE, b"frame"));
        assert!(!wire.inject(NicId(1), Offload::NONE, &[0; 200]), "too long");
        let mut frames = Vec::with_capacity(BATCH_MAX);
        wire.receive(&mut frames);
        let mut frame = frames.pop().unwrap();
        assert_eq!((frame.head.nic, frame.head.start as usize), (NicId(1), HEADROOM));
        assert!(frame.packet().grow_front(HEADROOM) && !frame.packet().grow_front(1));
        frame.packet().truncate(3);
        frame.packet().bytes_mut().copy_from_slice(b"out");
        wire.transmit(frame, NicId(2));
        wire.emit(NicId(3), Offload::NONE, b"made");
        assert_eq!(bytes(wire.sent()), []);
        wire.flush();
        assert_eq!(bytes(wire.sent()), [(2, &b"out"[..]), (3, b"made")]);
        assert_eq!([wire.sent()[0].emitted, wire.sent()[1].emitted], [false, true]);
        wire.recycle();
        assert_eq!(bytes(wire.sent()), []);
    }

    #[test]
    fn a_batch_is_bounded_and_in_order() {
        let mut wire = MemoryWire::new(128);
        for number in 0..100u8 {
            wire.inject(NicId(0), Offload::NONE, &[number]);
        }
        let mut frames = Vec::with_capacity(BATCH_MAX);
        wire.receive(&mut frames);
        assert_eq!((frames.len(), wire.backlog()), (BATCH_MAX, 100 - BATCH_MAX));
        for (number, mut frame) in frames.into_iter().enumerate() {
            assert_eq!(frame.packet().bytes(), [number as u8]);
            wire.release(frame);
        }
        assert_eq!(wire.released(), 64);
    }

    #[test]
    fn frames_handed_over_arrive_at_the_other_worker_once() {
        let mut wires = MemoryWire::mesh(2, 128);
        wires[0].inject(NicId(4), Offload::NONE, b"yours");
        let mut frames = Vec::with_capacity(BATCH_MAX);
        wires[0].receive(&mut frames);
        let frame = frames.pop().unwrap();
        wires[0].hand_over(frame, WorkerId(1));
        assert_eq!([wires[0].backlog(), wires[1].backlog()], [0, 1]);
        wires[1].receive(&mut frames);
        assert_eq!(frames[0].packet().bytes(), b"yours");
        assert_eq!(frames[0].head.nic, NicId(4));
    }

    #[test]
    fn a_warm_wire_allocates_nothing() {
        let mut wire = MemoryWire::new(128);
        wire.warm_up(4);
        let buffers: Vec<*const u8> = wire.pool.iter().map(|buffer| buffer.0.as_ptr()).collect();
        let mut frames = Vec::with_capacity(BATCH_MAX);
        for _ in 0..10 {
            for _ in 0..4 {
                wire.inject(NicId(0), Offload::NONE, b"x");
            }
            wire.receive(&mut frames);
            for frame in frames.drain(..) {
                wire.transmit(frame, NicId(1));
            }
            wire.flush();
            assert!(wire.sent().iter().all(|sent| buffers.contains(&sent.buffer.0.as_ptr())));
            wire.recycle();
        }
        assert_eq!(wire.pool.len(), 4);
    }
}
