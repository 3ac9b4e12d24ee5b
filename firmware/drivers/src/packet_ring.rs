//! The receiving side of a packet socket: a TPACKET_V2 ring that the kernel fills and this process reads in place.
//!
//! Ownership of a slot, by the status word at its beginning:
//! - `TP_STATUS_KERNEL`: the kernel's; nobody here touches a byte of it but the status.
//! - `TP_STATUS_USER` read with Acquire, not yet taken: ours; only the ring reads its header.
//! - taken ([`PacketRing::take`] gave its bytes away, `lent` is set): the bytes from [`HEAD_BYTES`] on are the
//!   taker's alone, perhaps lent on to an io_uring send; the ring does not look at the slot, even when its reading
//!   position comes round to it.
//! - given back ([`PacketRing::give_back`]): the taker has no pointer into it any more and no send reads it; KERNEL is
//!   stored with Release and the slot is the kernel's.
//!
//! The mapping outlives every lent slot: a ring that is dropped while slots are lent leaves its memory mapped.

use crate::mmap::{Mapping, prefetch};
use crate::packet_wire::socket::{self, LARGE_FRAME_MAX};
use crate::packet_wire::vnet;
use libc::tpacket2_hdr;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes at the beginning of a slot that are the ring's own: the kernel's header and address, rounded up.
pub(crate) const HEAD_BYTES: usize = 64;
/// `PACKET_RESERVE`. With it the vnet header begins at byte 128 of a slot and the frame at 138, so that vnet,
/// Ethernet, IPv4 and TCP header share one cache line, and 64 bytes of headroom and a vnet header before them fit
/// behind [`HEAD_BYTES`].
const RESERVE: usize = 62;
/// Where the frame begins, as the kernel computes it: header and address (52), 16 for a link header, rounded up to
/// 16; the reserve; the vnet header; less the Ethernet header.
pub(crate) const FRAME_AT: usize = 80 + RESERVE + vnet::BYTES - 14;
/// Blocks of about this size are asked for: the kernel needs them physically contiguous.
const BLOCK_BYTES: usize = 64 * 1024;
const PAGE_BYTES: usize = 4096;

const _: () = assert!(FRAME_AT == 138 && FRAME_AT - vnet::BYTES - engine::HEADROOM >= HEAD_BYTES);
const _: () = assert!(HEAD_BYTES >= libc::TPACKET2_HDRLEN);

/// Number and size of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Slots, a power of two.
    pub slots: u32,
    /// Bytes of each, a multiple of 128. A frame that does not fit comes as a copy.
    pub slot_bytes: u32,
}

impl Geometry {
    /// Slots that hold ordinary frames of a link with this MTU; super-frames come as copies.
    pub const fn for_mtu(mtu: u32) -> Self {
        let needed = FRAME_AT as u32 + 18 + mtu;
        match needed {
            0..=2048 => Self { slots: 1024, slot_bytes: 2048 },
            2049..=4096 => Self { slots: 512, slot_bytes: 4096 },
            _ => Self { slots: 256, slot_bytes: 16 * 1024 },
        }
    }

    /// Bytes of a block: whole pages and whole slots, so that slots lie side by side over the whole ring.
    const fn block_bytes(self) -> usize {
        let mut bytes = self.slot_bytes as usize;
        while !bytes.is_multiple_of(PAGE_BYTES) {
            bytes += self.slot_bytes as usize;
        }
        while bytes * 2 <= BLOCK_BYTES && self.bytes().is_multiple_of(bytes * 2) {
            bytes *= 2;
        }
        bytes
    }

    const fn bytes(self) -> usize {
        self.slots as usize * self.slot_bytes as usize
    }

    fn request(self) -> libc::tpacket_req {
        let block_bytes = self.block_bytes();
        libc::tpacket_req {
            tp_block_size: block_bytes as u32,
            tp_block_nr: (self.bytes() / block_bytes) as u32,
            tp_frame_size: self.slot_bytes,
            tp_frame_nr: self.slots,
        }
    }
}

/// A received frame, still in the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    index: u32,
    status: u32,
    /// Where the frame begins in its slot.
    pub(crate) start: u32,
    /// Bytes of the frame as it came.
    pub(crate) length: u32,
    kept: u32,
}

impl Arrival {
    /// All of it is in the slot.
    pub(crate) fn is_whole(&self) -> bool {
        self.kept == self.length
    }

    /// The whole frame waits in the socket's queue.
    pub(crate) fn is_copied(&self) -> bool {
        self.status & libc::TP_STATUS_COPY != 0
    }

    /// It came with a VLAN tag, which is in the slot's header and not in the frame.
    pub(crate) fn is_tagged(&self) -> bool {
        self.status & libc::TP_STATUS_VLAN_VALID != 0
    }
}

/// The bytes of a taken slot.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The first byte behind [`HEAD_BYTES`].
    pub(crate) base: NonNull<u8>,
    /// From there to the end of the slot.
    pub(crate) length: u32,
    /// For `give_back`.
    pub(crate) index: u32,
}

/// A packet socket with its ring.
#[derive(Debug)]
pub(crate) struct PacketRing {
    socket: OwnedFd,
    mapping: ManuallyDrop<Mapping>,
    geometry: Geometry,
    next: u32,
    lent: Box<[bool]>,
    lent_count: u32,
}

impl PacketRing {
    /// Makes the ring of a socket that is not bound yet.
    pub(crate) fn new(socket: OwnedFd, geometry: Geometry) -> Result<Self, (&'static str, io::Error)> {
        assert!(geometry.slots.is_power_of_two() && geometry.slot_bytes.is_multiple_of(128));
        let file = socket.as_fd();
        let act = |act: &'static str| move |error| (act, error);
        let version = libc::tpacket_versions::TPACKET_V2 as i32;
        socket::set(file, libc::PACKET_VERSION, &version).map_err(act("choose TPACKET_V2"))?;
        socket::set(file, libc::PACKET_VNET_HDR, &1i32).map_err(act("ask for vnet headers"))?;
        socket::set(file, libc::PACKET_RESERVE, &(RESERVE as i32)).map_err(act("reserve headroom"))?;
        // Any value above 0 asks for copies of what does not fit its slot; how many wait is the receive buffer's.
        socket::set(file, libc::PACKET_COPY_THRESH, &1i32).map_err(act("ask for copies of large frames"))?;
        socket::set(file, libc::PACKET_RX_RING, &geometry.request()).map_err(act("make the ring"))?;
        let mapping = Mapping::shared(file, geometry.bytes()).map_err(act("map the ring"))?;
        Ok(Self {
            socket,
            mapping: ManuallyDrop::new(mapping),
            geometry,
            next: 0,
            lent: vec![false; geometry.slots as usize].into(),
            lent_count: 0,
        })
    }

    /// The socket.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Slots that were taken and not given back.
    pub(crate) fn lent(&self) -> u32 {
        self.lent_count
    }

    /// Whether a frame waits.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.peek().is_some()
    }

    /// The next frame; it stays next until `take` or `skip`.
    #[inline]
    pub(crate) fn peek(&self) -> Option<Arrival> {
        // A slot that is still lent shows its old status: not a new frame.
        if self.lent[self.next as usize] {
            return None;
        }
        let status = self.status(self.next).load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: TP_STATUS_USER was read with Acquire, so the kernel has released this slot and does not write it
        // until KERNEL is stored, and nobody here has taken it. Slots are aligned to 128 bytes and in the mapping.
        let header = unsafe { self.slot(self.next).cast::<tpacket2_hdr>().read() };
        let start = u32::from(header.tp_mac);
        // What the kernel says is kept inside the slot, whatever it says.
        let room = self.geometry.slot_bytes.saturating_sub(start);
        let start = start.clamp((HEAD_BYTES + vnet::BYTES) as u32, self.geometry.slot_bytes);
        Some(Arrival { index: self.next, status, start, length: header.tp_len, kept: header.tp_snaplen.min(room) })
    }

    /// The vnet header and the bytes of a frame that `peek` showed and that is whole. The slot is lent from now on.
    #[inline]
    pub(crate) fn take(&mut self, arrival: Arrival) -> (vnet::Header, Taken) {
        assert!(arrival.index == self.next && !self.lent[self.next as usize]);
        let slot = self.slot(arrival.index);
        self.lent[arrival.index as usize] = true;
        self.lent_count += 1;
        self.advance();
        // SAFETY: the slot is ours as in `peek`; the vnet header lies directly before the frame, whose start was kept
        // behind HEAD_BYTES and a vnet header, and before the end of the slot.
        let header = unsafe { slot.add(arrival.start as usize - vnet::BYTES).cast::<vnet::Header>().read_unaligned() };
        // SAFETY: HEAD_BYTES is less than a slot, so the result is inside the slot.
        let base = unsafe { slot.add(HEAD_BYTES) };
        (header, Taken { base, length: self.geometry.slot_bytes - HEAD_BYTES as u32, index: arrival.index })
    }

    /// Gives the frame that `peek` showed back to the kernel unread.
    pub(crate) fn skip(&mut self, arrival: Arrival) {
        assert!(arrival.index == self.next && !self.lent[self.next as usize]);
        self.advance();
        self.status(arrival.index).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }

    /// Reads the copy of a frame that did not fit its slot, vnet header first. The whole length, even when `buffer`
    /// is shorter; nothing when there is no copy.
    pub(crate) fn read_copy(&self, buffer: &mut [u8]) -> Option<usize> {
        socket::receive(self.socket.as_fd(), buffer)
    }

    /// The slot is the kernel's again. The caller gives `Taken` up with this call: nothing reads the slot any more.
    #[inline]
    pub(crate) fn give_back(&mut self, index: u32) {
        assert!(std::mem::take(&mut self.lent[index as usize]), "slot {index} was not lent");
        self.lent_count -= 1;
        self.status(index).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }

    #[inline]
    fn advance(&mut self) {
        self.next = (self.next + 1) & (self.geometry.slots - 1);
        let slot = self.slot(self.next).as_ptr();
        prefetch(slot);
        prefetch(slot.wrapping_add(FRAME_AT));
    }

    #[inline]
    fn slot(&self, index: u32) -> NonNull<u8> {
        self.mapping.at(index as usize * self.geometry.slot_bytes as usize)
    }

    #[inline]
    fn status(&self, index: u32) -> &AtomicU32 {
        // SAFETY: the slot begins with its status word, aligned and inside the mapping, which lives as long as self;
        // the kernel accesses it atomically, and so does everything here.
        unsafe { AtomicU32::from_ptr(self.slot(index).cast::<u32>().as_ptr()) }
    }
}

impl Drop for PacketRing {
    fn drop(&mut self) {
        if self.lent_count == 0 {
            // SAFETY: dropped once, here, and not used after. No slot is lent, so no pointer into it is left.
            unsafe { ManuallyDrop::drop(&mut self.mapping) };
        }
    }
}

/// Bytes of a buffer for a frame that fits no slot: as a slot, with room for the largest frame.
pub(crate) const LARGE_BYTES: usize = (FRAME_AT - HEAD_BYTES + LARGE_FRAME_MAX).next_multiple_of(PAGE_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_hold_the_mtu_and_blocks_hold_whole_slots() {
        // mtu, slots, bytes of a slot, bytes of a block
        let table = [
            (1500, 1024, 2048, 65536),
            (1892, 1024, 2048, 65536),
            (1893, 512, 4096, 65536),
            (3940, 512, 4096, 65536),
            (9000, 256, 16384, 65536),
            (65535, 256, 16384, 65536),
        ];
        for (mtu, slots, slot_bytes, block_bytes) in table {
            let geometry = Geometry::for_mtu(mtu);
            assert_eq!(geometry, Geometry { slots, slot_bytes }, "mtu {mtu}");
            assert_eq!(geometry.block_bytes(), block_bytes, "mtu {mtu}");
        }
        for (slots, slot_bytes) in [(1024, 2176), (256, 69632), (64, 69632), (1024, 2048)] {
            let geometry = Geometry { slots, slot_bytes };
            let request = geometry.request();
            assert_eq!(request.tp_block_size % slot_bytes, 0);
            assert_eq!(request.tp_block_size as usize % PAGE_BYTES, 0);
            assert_eq!(request.tp_block_nr * (request.tp_block_size / slot_bytes), slots);
        }
    }
}
