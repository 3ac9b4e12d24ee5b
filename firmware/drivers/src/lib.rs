//! The only crate with unsafe code: what moves frames between the engine and the kernel, and what tells the kernel
//! which frames are ours.
//!
//! [`PacketWire`] is one worker's wire over AF_PACKET rings and io_uring, [`MemoryWire`] the same seam without a
//! kernel. [`open_nic`] makes the queues that a control loop hands to the workers.

pub mod affinity;
pub mod arp_socket;
pub mod cbpf;
pub mod claim;
pub mod clock;
pub mod mark;
mod memory_wire;
mod mmap;
pub mod netlink;
mod packet_ring;
mod packet_wire;
pub mod residue;
#[cfg(test)]
mod testbed;
mod uring;

pub use memory_wire::{Buffer, MemoryWire, Sent};
pub use packet_ring::Geometry;
pub use packet_wire::{
    Handover, NIC_IDS_MAX, NicCounters, NicOptions, OpenError, PacketWire, Queue, Slot, Taps, Wake, Waker,
    WireCounters, open_nic,
};
pub use uring::RingError;
