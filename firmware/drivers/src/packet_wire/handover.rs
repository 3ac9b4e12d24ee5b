//! Frames that came to the wrong worker: bounded queues between workers. The bytes are copied into the sender's
//! buffers and from them into the receiver's, so that no worker ever holds memory of another one's rings; rare
//! enough that two copies do not matter. Buffers go home after use.

use super::waker::Waker;
use engine::{Head, WorkerId};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Frames that wait for one worker at once, and buffers that one worker owns.
pub(super) const PARCELS_MAX: usize = 256;

/// A frame under way to another worker.
pub(super) struct Parcel {
    from: u8,
    /// Its offsets are those in the sender's slot; the receiver puts the frame where it has room.
    pub(super) head: Head,
    pub(super) bytes: Vec<u8>,
}

/// One worker's end of all queues; made for all workers at once and given to each one's wire.
pub struct Handover {
    worker: WorkerId,
    waker: Waker,
    inbox: Receiver<Parcel>,
    outboxes: Vec<(SyncSender<Parcel>, Waker)>,
    /// Empty buffers coming home.
    returned: Receiver<Vec<u8>>,
    homes: Vec<SyncSender<Vec<u8>>>,
    buffers: Vec<Vec<u8>>,
    buffers_made: usize,
    /// Workers to wake at the next flush.
    unflushed: Vec<bool>,
}

impl Handover {
    /// The ends for `workers` workers, in their order.
    pub fn mesh(workers: usize) -> io::Result<Vec<Self>> {
        let wakers = (0..workers).map(|_| Waker::new()).collect::<io::Result<Vec<_>>>()?;
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(PARCELS_MAX)).unzip();
        let (homes, returned): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(PARCELS_MAX)).unzip();
        let outboxes: Vec<_> = senders.into_iter().zip(wakers.iter().cloned()).collect();
        let ends = wakers.into_iter().zip(inboxes).zip(returned).enumerate();
        Ok(ends
            .map(|(worker, ((waker, inbox), returned))| Self {
                worker: WorkerId(worker as u8),
                waker,
                inbox,
                outboxes: outboxes.clone(),
                returned,
                homes: homes.clone(),
                buffers: Vec::with_capacity(PARCELS_MAX),
                buffers_made: 0,
                unflushed: vec![false; workers],
            })
            .collect())
    }

    /// Whose end this is.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Wakes this worker.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Copies a frame to another worker's queue. `false` when that is full, nobody's, or no buffer is left.
    pub(super) fn send(&mut self, head: Head, frame: &[u8], to: WorkerId) -> bool {
        let Some(mut bytes) = self.buffer() else { return false };
        bytes.clear();
        bytes.extend_from_slice(frame);
        let parcel = Parcel { from: self.worker.0, head, bytes };
        let refused = match self.outboxes.get(to.at()) {
            Some((outbox, _)) => outbox.try_send(parcel).err().map(|error| match error {
                std::sync::mpsc::TrySendError::Full(parcel) => parcel,
                std::sync::mpsc::TrySendError::Disconnected(parcel) => parcel,
            }),
            None => Some(parcel),
        };
        match refused {
            None => self.unflushed[to.at()] = true,
            Some(parcel) => {
                self.buffers.push(parcel.bytes);
                return false;
            }
        }
        true
    }

    /// Wakes those who were sent frames.
    pub(super) fn flush(&mut self) {
        for (worker, unflushed) in self.unflushed.iter_mut().enumerate() {
            if std::mem::take(unflushed) {
                self.outboxes[worker].1.wake();
            }
        }
    }

    /// A frame from another worker.
    #[inline]
    pub(super) fn receive(&mut self) -> Option<Parcel> {
        if self.outboxes.len() < 2 { None } else { self.inbox.try_recv().ok() }
    }

    /// Sends a parcel's buffer home.
    pub(super) fn give_back(&mut self, parcel: Parcel) {
        // Each home has room for every buffer its worker ever made; if the worker is gone, so is the need.
        let _ = self.homes[usize::from(parcel.from)].try_send(parcel.bytes);
    }

    /// An empty buffer: one at hand, one that came home, or a new one up to the limit.
    fn buffer(&mut self) -> Option<Vec<u8>> {
        if let Some(buffer) = self.buffers.pop() {
            return Some(buffer);
        }
        if let Ok(buffer) = self.returned.try_recv() {
            return Some(buffer);
        }
        if self.buffers_made == PARCELS_MAX {
            return None;
        }
        self.buffers_made += 1;
        Some(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::NicId;
    use net::offload::Offload;

    #[test]
    fn frames_reach_their_worker_and_a_full_queue_says_so() {
        let mut ends = Handover::mesh(2).unwrap();
        let (mut two, mut one) = (ends.pop().unwrap(), ends.pop().unwrap());
        let head = Head { nic: NicId(3), start: 74, end: 77, offload: Offload::NONE };
        for number in 0..PARCELS_MAX {
            assert!(one.send(head, &[number as u8; 3], WorkerId(1)));
        }
        assert!(!one.send(head, b"one", WorkerId(1)), "full");
        assert!(!one.send(head, b"one", WorkerId(2)), "nobody");
        one.flush();
        assert!(two.waker.take() && !two.waker.take() && !one.waker.take());
        for number in 0..PARCELS_MAX {
            let parcel = two.receive().unwrap();
            assert_eq!((parcel.head, &parcel.bytes[..]), (head, &[number as u8; 3][..]));
            two.give_back(parcel);
        }
        assert!(two.receive().is_none());
        for _ in 0..PARCELS_MAX {
            assert!(one.send(head, b"two", WorkerId(1)), "the buffers came home");
        }
    }
}
