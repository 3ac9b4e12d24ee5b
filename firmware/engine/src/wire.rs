//! The seam between the engine and whatever moves frames: a ring shared with the kernel, or memory.

use crate::{NicId, Tuple, WorkerId};
use net::offload::Offload;

/// Frames handled between two flushes of a wire: parse and prefetch all of them, then handle each.
pub const BATCH_MAX: usize = 64;

/// Room that a wire keeps free before a received frame, for encapsulation: outer IPv6 (40), UDP (8), GUE or GRE (8).
pub const HEADROOM: usize = 64;

/// What is known of a frame beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where it came in.
    pub nic: NicId,
    /// First byte of the Ethernet header in the buffer; at least [`HEADROOM`] as received.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
    /// Open checksum and segmentation; offsets count from `start`.
    pub offload: Offload,
}

/// A frame in a buffer that the wire owns and lends: it comes back by `transmit`, `release` or `hand_over`.
#[derive(Debug)]
pub struct Frame<S> {
    /// The buffer: headroom, frame, and whatever follows.
    pub slot: S,
    /// Where the frame is in it.
    pub head: Head,
}

impl<S: AsMut<[u8]>> Frame<S> {
    /// The view the engine works on.
    pub fn packet(&mut self) -> Packet<'_> {
        Packet { head: &mut self.head, buffer: self.slot.as_mut() }
    }
}

/// A frame while the engine has it: bytes may change, grow into the headroom and shrink.
#[derive(Debug)]
pub struct Packet<'a> {
    /// Where the frame is, and its offloads.
    pub head: &'a mut Head,
    /// The whole buffer.
    pub buffer: &'a mut [u8],
}

impl Packet<'_> {
    /// The frame, from its Ethernet header on.
    #[inline(always)]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.head.start as usize..self.head.end as usize]
    }

    /// The frame, to be changed.
    #[inline(always)]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.head.start as usize..self.head.end as usize]
    }

    /// Bytes of the frame.
    #[inline(always)]
    pub fn length(&self) -> usize {
        (self.head.end - self.head.start) as usize
    }

    /// Moves the start `by` bytes to the front, into the headroom; the bytes won are whatever was there. `false`, and
    /// nothing happens, when the headroom is too small.
    pub fn grow_front(&mut self, by: usize) -> bool {
        match self.head.start.checked_sub(by as u32) {
            Some(start) => {
                self.head.start = start;
                true
            }
            None => false,
        }
    }

    /// Cuts the frame to `length` bytes; longer lengths change nothing.
    pub fn truncate(&mut self, length: usize) {
        self.head.end = self.head.end.min(self.head.start + length as u32);
    }

    /// Replaces `range` (offsets in the frame) by `with`, moving what follows. `false`, and nothing happens, when the
    /// buffer is too small.
    pub fn splice(&mut self, range: std::ops::Range<usize>, with: &[u8]) -> bool {
        let (start, end) = (self.head.start as usize, self.head.end as usize);
        let new_end = end - range.len() + with.len();
        if new_end > self.buffer.len() {
            return false;
        }
        self.buffer.copy_within(start + range.end..end, start + range.start + with.len());
        self.buffer[start + range.start..start + range.start + with.len()].copy_from_slice(with);
        self.head.end = new_end as u32;
        true
    }
}

/// Moves frames between the engine of one worker and its NICs. No call blocks.
pub trait Wire {
    /// A lent buffer.
    type Slot: AsRef<[u8]> + AsMut<[u8]>;

    /// Appends up to [`BATCH_MAX`] received frames to `frames`, which has room for them.
    fn receive(&mut self, frames: &mut Vec<Frame<Self::Slot>>);

    /// Sends the frame on `nic` as it is now; it may wait until `flush`. A full or missing NIC is counted by the wire.
    fn transmit(&mut self, frame: Frame<Self::Slot>, nic: NicId);

    /// Takes a frame back unsent.
    fn release(&mut self, frame: Frame<Self::Slot>);

    /// Passes a frame to another worker's wire. A full queue is counted by the wire.
    fn hand_over(&mut self, frame: Frame<Self::Slot>, worker: WorkerId);

    /// Sends a frame that the engine made: `bytes` from the Ethernet header on are copied.
    fn emit(&mut self, nic: NicId, offload: Offload, bytes: &[u8]);

    /// Everything transmitted or emitted so far leaves.
    fn flush(&mut self);

    /// From now on frames of this tuple (source port 0: any) are ours too. Takes effect before the next `flush`.
    fn claim(&mut self, _replies: &Tuple) {}

    /// Takes [`Wire::claim`] back.
    fn unclaim(&mut self, _replies: &Tuple) {}
}
