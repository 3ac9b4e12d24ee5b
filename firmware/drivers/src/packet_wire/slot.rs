//! What the wire lends: a slot of a ring, or a buffer of one of the wire's pools.
//!
//! Ownership: a [`Slot`] is the only way to its bytes while it exists. It is made when a ring's slot is taken or a
//! buffer leaves its pool, and it is consumed when they go back; it cannot be cloned. While an io_uring send reads
//! the bytes, the slot sits untouched in [`Flights`]. Rings and pools keep their memory mapped while anything of
//! theirs is lent, so a slot that is lost leaks memory but never dangles.

use crate::mmap::Mapping;
use engine::NicId;
use std::io;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Where a slot's memory belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// A slot of one of the wire's rings.
    Ring { tap: u32, index: u32 },
    /// A buffer for ordinary frames.
    Small(u32),
    /// A buffer for super-frames.
    Large(u32),
}

/// A lent buffer: headroom, frame, and whatever follows.
#[derive(Debug)]
pub struct Slot {
    pub(super) base: NonNull<u8>,
    pub(super) length: u32,
    /// The wire that lent it: another one must not take it back.
    pub(super) wire: u32,
    pub(super) home: Home,
}

impl AsRef<[u8]> for Slot {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the slot is the only way to these bytes (module documentation), they are mapped as long as it is
        // lent and were initialised by the kernel: by mapping zeroed pages, then by filling them.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.length as usize) }
    }
}

impl AsMut<[u8]> for Slot {
    #[inline(always)]
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_ref`; the exclusive borrow of the only way in makes the bytes exclusive too.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.length as usize) }
    }
}

/// Buffers of one size.
#[derive(Debug)]
pub(super) struct Pool {
    memory: ManuallyDrop<Mapping>,
    buffer_bytes: usize,
    count: usize,
    /// Last in, first out: the buffer used last is still in the cache.
    free: Vec<u32>,
}

impl Pool {
    pub(super) fn new(count: usize, buffer_bytes: usize) -> io::Result<Self> {
        Ok(Self {
            memory: ManuallyDrop::new(Mapping::anonymous(count * buffer_bytes)?),
            buffer_bytes,
            count,
            free: (0..count as u32).rev().collect(),
        })
    }

    /// Bytes of each buffer.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Whether no buffer is left.
    pub(super) fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// A buffer.
    pub(super) fn take(&mut self, wire: u32, home: fn(u32) -> Home) -> Option<Slot> {
        let index = self.free.pop()?;
        let base = self.memory.at(index as usize * self.buffer_bytes);
        Some(Slot { base, length: self.buffer_bytes as u32, wire, home: home(index) })
    }

    /// Takes a buffer of this pool back.
    pub(super) fn give_back(&mut self, slot: Slot) {
        match slot.home {
            Home::Small(index) | Home::Large(index) => self.free.push(index),
            Home::Ring { .. } => unreachable!("rings take their slots back themselves"),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.free.len() == self.count {
            // SAFETY: dropped once, here, and not used after. Every buffer is back, so no slot points into it.
            unsafe { ManuallyDrop::drop(&mut self.memory) };
        }
    }
}

/// A frame that the kernel was asked to send.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) slot: Slot,
    pub(super) nic: NicId,
    /// Of the frame, without its vnet header.
    pub(super) length: u32,
    pub(super) super_frame: bool,
    /// Sent past the queueing discipline.
    pub(super) bypassed: bool,
}

/// The frames whose sends have not completed.
#[derive(Debug)]
pub(super) struct Flights {
    flights: Vec<Option<Flight>>,
    free: Vec<u32>,
}

impl Flights {
    pub(super) fn new(count: u32) -> Self {
        Self { flights: (0..count).map(|_| None).collect(), free: (0..count).rev().collect() }
    }

    /// Whether there is no room.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.flights.len()
    }

    /// Keeps a frame until its send completed; the tag of the send. There must be room.
    #[inline]
    pub(super) fn begin(&mut self, flight: Flight) -> u32 {
        let tag = self.free.pop().expect("the caller looked at is_full");
        self.flights[tag as usize] = Some(flight);
        tag
    }

    /// The frame back, after its send completed or was never made.
    #[inline]
    pub(super) fn end(&mut self, tag: u32) -> Option<Flight> {
        let flight = self.flights.get_mut(tag as usize)?.take()?;
        self.free.push(tag);
        Some(flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_do_not_overlap_and_come_back_last_in_first_out() {
        let mut pool = Pool::new(3, 4096).unwrap();
        let mut slots: Vec<Slot> = (0..3).map(|_| pool.take(1, Home::Small).unwrap()).collect();
        assert!(pool.take(1, Home::Small).is_none() && pool.is_empty());
        for (byte, slot) in slots.iter_mut().enumerate() {
            slot.as_mut().fill(byte as u8);
        }
        for (byte, slot) in slots.iter().enumerate() {
            assert!(slot.as_ref().iter().all(|&b| b == byte as u8));
        }
        let middle = slots.remove(1);
        let home = middle.home;
        pool.give_back(middle);
        assert_eq!(pool.take(1, Home::Small).unwrap().home, home);
    }

    #[test]
    fn a_flight_ends_once() {
        let mut pool = Pool::new(1, 4096).unwrap();
        let mut flights = Flights::new(1);
        let slot = pool.take(1, Home::Large).unwrap();
        let tag = flights.begin(Flight { slot, nic: NicId(0), length: 60, super_frame: false, bypassed: true });
        assert!(flights.is_full());
        assert!(flights.end(tag).is_some() && flights.is_empty());
        assert!(flights.end(tag).is_none());
    }
}
