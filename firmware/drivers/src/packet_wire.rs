//! One worker's wire: packet rings to receive from, io_uring to send with and to sleep in.
//!
//! Ownership: a frame's slot leaves its ring or pool in `receive` (or `emit`), is the engine's until `transmit`,
//! `release` or `hand_over`, lies in `flights` from the send's preparation to its completion, and only then goes back
//! ([`slot`] and [`crate::packet_ring`] say how). A wire stays on the thread that made it: its io_uring accepts no
//! other.

mod counters;
mod features;
mod handover;
mod nic;
mod receiving;
mod sending;
mod sleep;
mod slot;
pub(crate) mod socket;
pub(crate) mod vnet;
mod waker;

pub use counters::{NIC_IDS_MAX, NicCounters, WireCounters};
pub use handover::Handover;
pub use nic::{NicOptions, OpenError, Queue, Taps, open_nic};
pub use sleep::Wake;
pub use slot::Slot;
pub use waker::Waker;

use crate::packet_ring::{FRAME_AT, HEAD_BYTES, LARGE_BYTES, PacketRing};
use crate::uring::{ENTRIES, File, Ring, RingError};
use engine::{BATCH_MAX, Frame, Head, NicId, Wire, WorkerId};
use features::Features;
use net::offload::Offload;
use slot::{Flights, Home, Pool};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where a frame begins in a slot or buffer as the engine sees it.
const START: usize = FRAME_AT - HEAD_BYTES;
/// Buffers for frames that the engine makes, and for frames from other workers: the largest burst of emissions.
const SMALL_BUFFERS: usize = 512;
const SMALL_BYTES: usize = 2048;
/// Buffers for super-frames.
const LARGE_BUFFERS: usize = 64;
/// Calls of `receive` between two looks for errors on the taps; a worker that never sleeps notices a lost NIC so.
const RECEIVES_PER_CHECK: u32 = 1 << 16;
/// Tags from here on belong to polls, those below to sends.
const POLL_TAG: u64 = 1 << 32;
/// The tag of the poll of the waker's eventfd; taps have those after it.
const WAKER_TAG: u64 = POLL_TAG;

/// Numbers the wires of this process.
static WIRES: AtomicU32 = AtomicU32::new(0);

/// The wire.
pub struct PacketWire {
    /// This wire's number, in every slot that it lends.
    number: u32,
    ring: Ring,
    /// By [`NicId`].
    nics: Vec<Option<Nic>>,
    /// A place is free only when the last lent slot of its ring is back.
    taps: Vec<Option<Tap>>,
    /// The places of the taps that are read.
    serving: Vec<u32>,
    /// Which of them is read first next time.
    first: usize,
    next_tag: u64,
    receives: u32,
    small: Pool,
    large: Pool,
    flights: Flights,
    handover: Handover,
    waker: Waker,
    waker_file: File,
    waker_armed: bool,
    lost: Vec<NicId>,
    counters: Arc<WireCounters>,
    /// Slots are bare pointers, and the ring is one thread's.
    _one_thread: std::marker::PhantomData<*const ()>,
}

struct Nic {
    bypass: Option<File>,
    ordinary: File,
    features: Features,
    lost: bool,
}

struct Tap {
    nic: NicId,
    ring: PacketRing,
    file: File,
    tag: u64,
    armed: bool,
    closed: bool,
}

impl PacketWire {
    /// A wire without NICs, for the calling thread. `counters` are for anybody to read.
    pub fn new(handover: Handover, counters: Arc<WireCounters>) -> Result<Self, RingError> {
        let resources = |act| move |source| RingError::Resources { act, source };
        let mut ring = Ring::new()?;
        let waker = handover.waker();
        let waker_file = ring.register(waker.event())?;
        Ok(Self {
            number: WIRES.fetch_add(1, Ordering::Relaxed),
            ring,
            nics: (0..NIC_IDS_MAX).map(|_| None).collect(),
            taps: Vec::new(),
            serving: Vec::new(),
            first: 0,
            next_tag: WAKER_TAG + 1,
            receives: 0,
            small: Pool::new(SMALL_BUFFERS, SMALL_BYTES).map_err(resources("map buffers"))?,
            large: Pool::new(LARGE_BUFFERS, LARGE_BYTES).map_err(resources("map buffers"))?,
            flights: Flights::new(ENTRIES),
            handover,
            waker,
            waker_file,
            waker_armed: false,
            lost: Vec::with_capacity(NIC_IDS_MAX),
            counters,
            _one_thread: std::marker::PhantomData,
        })
    }

    /// Which worker's wire this is.
    pub fn worker(&self) -> WorkerId {
        self.handover.worker()
    }

    /// Ends this wire's wait from another thread.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Starts to receive from and send on a NIC, in place of the one that had its number before.
    pub fn attach(&mut self, queue: Queue) -> Result<(), RingError> {
        let id = queue.nic;
        assert!(id.at() < NIC_IDS_MAX, "NIC numbers are below {NIC_IDS_MAX}");
        self.detach(id);
        // A loss that nobody has heard of yet was the old one's; told now, it would have the new one opened again.
        self.lost.retain(|&lost| lost != id);
        let bypass = queue.bypass.as_ref().map(|file| self.ring.register(file.as_fd())).transpose()?;
        let ordinary = self.ring.register(queue.ordinary.as_fd())?;
        for ring in queue.taps {
            let file = self.ring.register(ring.socket())?;
            let tap = Tap { nic: id, ring, file, tag: self.next_tag, armed: false, closed: false };
            self.next_tag += 1;
            let place = self.taps.iter().position(Option::is_none).unwrap_or_else(|| {
                self.taps.push(None);
                self.taps.len() - 1
            });
            self.taps[place] = Some(tap);
            self.serving.push(place as u32);
        }
        self.nics[id.at()] = Some(Nic { bypass, ordinary, features: queue.features, lost: false });
        Ok(())
    }

    /// Lets go of a NIC: its sockets close, frames in its rings are lost. Frames that are lent stay valid.
    pub fn detach(&mut self, nic: NicId) {
        let Some(gone) = self.nics.get_mut(nic.at()).and_then(Option::take) else { return };
        self.submit();
        for file in gone.bypass.into_iter().chain([gone.ordinary]) {
            self.ring.unregister(file);
        }
        for place in 0..self.taps.len() {
            let Some(tap) = &mut self.taps[place] else { continue };
            if tap.nic == nic && !tap.closed {
                tap.closed = true;
                self.ring.unregister(tap.file);
                self.serving.retain(|&served| served != place as u32);
                self.free_if_unused(place);
            }
        }
        self.reap();
    }

    /// Whether a NIC is attached.
    pub fn is_attached(&self, nic: NicId) -> bool {
        self.nics.get(nic.at()).is_some_and(Option::is_some)
    }

    /// A NIC that went down or away and was let go. It is to be opened again, for all workers, when it is back.
    pub fn take_lost(&mut self) -> Option<NicId> {
        self.lost.pop()
    }

    /// Adds what the kernel dropped because rings were full to the counters: a system call per socket, so about once
    /// a second.
    pub fn count_ring_drops(&mut self) {
        for tap in self.taps.iter().flatten().filter(|tap| !tap.closed) {
            let drops = socket::drops(tap.ring.socket()).unwrap_or(0);
            self.counters.nic(tap.nic).ring_full.add(u64::from(drops));
        }
    }

    fn submit(&mut self) {
        if self.ring.submit().is_err() {
            self.counters.submits_failed.add(1);
        }
        self.reap();
    }

    fn reap(&mut self) {
        while let Some((tag, result)) = self.ring.completion() {
            match tag {
                ..POLL_TAG => self.landed(tag as u32, result),
                WAKER_TAG => {
                    self.waker_armed = false;
                    self.waker.drain();
                }
                _ => self.polled(tag, result),
            }
        }
    }

    /// A slot goes home.
    #[inline]
    fn take_back(&mut self, slot: Slot) {
        assert_eq!(slot.wire, self.number, "the slot is another wire's");
        match slot.home {
            Home::Small(_) => self.small.give_back(slot),
            Home::Large(_) => self.large.give_back(slot),
            Home::Ring { tap: place, index } => {
                let tap = self.taps[place as usize].as_mut().expect("a tap stays while a slot of it is lent");
                tap.ring.give_back(index);
                if tap.closed {
                    self.free_if_unused(place as usize);
                }
            }
        }
    }

    fn free_if_unused(&mut self, place: usize) {
        if self.taps[place].as_ref().is_some_and(|tap| tap.closed && tap.ring.lent() == 0) {
            self.taps[place] = None;
        }
    }

    /// A buffer for a frame of `length` bytes with headroom and a vnet header.
    fn buffer(&mut self, length: usize) -> Option<Slot> {
        match START + length {
            needed if needed <= self.small.buffer_bytes() => self.small.take(self.number, Home::Small),
            needed if needed <= self.large.buffer_bytes() => self.large.take(self.number, Home::Large),
            _ => None,
        }
    }
}

impl Wire for PacketWire {
    type Slot = Slot;

    #[inline]
    fn receive(&mut self, frames: &mut Vec<Frame<Slot>>) {
        self.receives = self.receives.wrapping_add(1);
        if self.receives.is_multiple_of(RECEIVES_PER_CHECK) {
            self.check_taps();
            self.drop_lost();
        }
        let mut room = self.receive_handed_over(frames, BATCH_MAX);
        let count = self.serving.len();
        for turn in 0..count {
            if room == 0 {
                break;
            }
            // Another tap is first each time, so that a flood on one does not starve the others.
            let place = self.serving[(self.first + turn) % count];
            room = self.receive_from(place, frames, room);
        }
        self.first = self.first.wrapping_add(1);
    }

    #[inline]
    fn transmit(&mut self, frame: Frame<Slot>, nic: NicId) {
        self.send(frame, nic);
    }

    #[inline]
    fn release(&mut self, frame: Frame<Slot>) {
        self.take_back(frame.slot);
    }

    fn hand_over(&mut self, mut frame: Frame<Slot>, worker: WorkerId) {
        let head = frame.head;
        if !self.handover.send(head, frame.packet().bytes(), worker) {
            self.counters.handover_full.add(1);
        }
        self.take_back(frame.slot);
    }

    fn emit(&mut self, nic: NicId, offload: Offload, bytes: &[u8]) {
        let mut slot = self.buffer(bytes.len());
        if slot.is_none() && !self.flights.is_empty() {
            self.submit();
            slot = self.buffer(bytes.len());
        }
        let Some(mut slot) = slot else {
            self.counters.nic(nic).emit_full.add(1);
            return;
        };
        let end = START + bytes.len();
        slot.as_mut()[START..end].copy_from_slice(bytes);
        self.send(Frame { slot, head: Head { nic, start: START as u32, end: end as u32, offload } }, nic);
    }

    #[inline]
    fn flush(&mut self) {
        if !self.flights.is_empty() {
            self.submit();
            self.drop_lost();
        }
        self.handover.flush();
    }
}

impl Drop for PacketWire {
    fn drop(&mut self) {
        for id in 0..self.nics.len() {
            self.detach(NicId(id as u8));
        }
    }
}
