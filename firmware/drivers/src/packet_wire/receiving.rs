//! From a slot of a ring, a copy or another worker to a frame of the engine.

use super::slot::{Home, Pool, Slot};
use super::{PacketWire, START, vnet};
use crate::packet_ring::{Arrival, HEAD_BYTES, PacketRing};
use engine::{Frame, Head};

/// Super-frames per batch and tap: few enough that the batch is still in the cache when it is sent.
const LARGE_PER_BATCH: u64 = 8;

impl PacketWire {
    /// Frames from other workers, as long as there are buffers for any size.
    pub(super) fn receive_handed_over(&mut self, frames: &mut Vec<Frame<Slot>>, mut room: usize) -> usize {
        while room > 0 && !self.small.is_empty() && !self.large.is_empty() {
            let Some(parcel) = self.handover.receive() else { break };
            if let Some(mut slot) = self.buffer(parcel.bytes.len()) {
                let end = START + parcel.bytes.len();
                slot.as_mut()[START..end].copy_from_slice(&parcel.bytes);
                let head = Head { start: START as u32, end: end as u32, ..parcel.head };
                frames.push(Frame { slot, head });
                room -= 1;
            }
            self.handover.give_back(parcel);
        }
        room
    }

    /// Frames of one tap. How many more fit the batch.
    #[inline]
    pub(super) fn receive_from(&mut self, place: u32, frames: &mut Vec<Frame<Slot>>, mut room: usize) -> usize {
        let Some(tap) = &mut self.taps[place as usize] else { return room };
        let counters = self.counters.nic(tap.nic);
        let (mut count, mut bytes, mut super_frames, mut copied) = (0, 0, 0, 0);
        while room > 0
            && let Some(arrival) = tap.ring.peek()
        {
            let received = if arrival.is_tagged() {
                counters.tagged.add(1);
                tap.ring.skip(arrival);
                None
            } else if arrival.is_whole() {
                let (header, taken) = tap.ring.take(arrival);
                let home = Home::Ring { tap: place, index: taken.index };
                let slot = Slot { base: taken.base, length: taken.length, wire: self.number, home };
                Some((slot, header, arrival.start - HEAD_BYTES as u32))
            } else if copied == LARGE_PER_BATCH || self.large.is_empty() {
                // It stays in the ring until buffers are back.
                break;
            } else {
                let received = receive_copy(&mut tap.ring, arrival, &mut self.large, self.number);
                counters.truncated.add(u64::from(received.is_none()));
                copied += u64::from(received.is_some());
                received.map(|(slot, header)| (slot, header, START as u32))
            };
            let Some((slot, header, start)) = received else { continue };
            let head = Head { nic: tap.nic, start, end: start + arrival.length, offload: header.offload() };
            count += 1;
            bytes += u64::from(arrival.length);
            super_frames += u64::from(head.offload.is_super_frame());
            room -= 1;
            frames.push(Frame { slot, head });
        }
        if count > 0 {
            counters.received.add(count);
            counters.received_bytes.add(bytes);
            counters.super_frames_received.add(super_frames);
            counters.copied.add(copied);
        }
        room
    }
}

/// A frame that did not fit its slot, read from the socket's queue to where a ring would have put it; the slot goes
/// back at once. Nothing when the kernel had no room for a copy, or the frame fits no buffer either.
fn receive_copy(
    ring: &mut PacketRing,
    arrival: Arrival,
    buffers: &mut Pool,
    wire: u32,
) -> Option<(Slot, vnet::Header)> {
    let begin = START - vnet::BYTES;
    let copied = arrival.is_copied();
    let length = arrival.length as usize + vnet::BYTES;
    let mut slot = buffers.take(wire, Home::Large)?;
    let buffer = &mut slot.as_mut()[begin..];
    let read = if copied { ring.read_copy(buffer) } else { None };
    ring.skip(arrival);
    let header = buffer.first_chunk().map(vnet::Header::parse);
    if read == Some(length) && length <= buffer.len() {
        return header.map(|header| (slot, header));
    }
    buffers.give_back(slot);
    None
}
