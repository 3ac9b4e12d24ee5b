//! Fragmented datagrams: later fragments have no ports, so they follow what the first one said (RFC 791 3.2, RFC 8200 4.5).
//!
//! Nothing is reassembled. Fragments that come before the first one are copied into a fixed number of buffers and handled
//! when it comes. When there is no room for another datagram the one that would be forgotten next makes room: that is one
//! that waits for its first fragment, if there is any, so that a flood of made-up fragments displaces itself.

use super::index::{Index, tag};
use super::slots::{Linked, Links, Slots};
use crate::{BackendIndex, HEADROOM, Head, NicId, ServiceIndex, Tuple};
use net::offload::Offload;
use net::siphash::Key;
use net::{Address, Now};

/// Seconds that a datagram is followed once its first fragment was seen. RFC 791 3.2 suggests 15 for reassembly, Linux
/// takes 30: no later fragment is of use to anybody after that.
pub const FRAGMENT_LIFETIME_S: u32 = 30;
/// Seconds that fragments wait for their first one. Packets overtake each other by milliseconds; waiting as long as a
/// receiver does would fill the buffers wherever a first fragment is lost now and then.
pub const PARKED_LIFETIME_S: u32 = 2;
/// Bytes of a buffer for a fragment that waits, headroom included: a frame of a 1,500 byte link with tags fits well.
pub const PARK_BYTES_MAX: usize = 2048;
/// Fragments of one datagram that may wait: all but the first of 65,535 bytes over a 1,280 byte link. One sender out of
/// order cannot take every buffer.
pub const PARKED_PER_DATAGRAM_MAX: u8 = 54;

/// No buffer: the end of a list.
const NONE: u16 = u16::MAX;

/// The datagram that a fragment is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FragmentKey {
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Identification of the datagram.
    pub identification: u32,
    /// Upper-layer protocol.
    pub protocol: u8,
}

impl FragmentKey {
    fn hash(&self, key: Key) -> u64 {
        let mut bytes = [0; 37];
        bytes[0..16].copy_from_slice(&self.source.octets());
        bytes[16..32].copy_from_slice(&self.destination.octets());
        bytes[32..36].copy_from_slice(&self.identification.to_be_bytes());
        bytes[36] = self.protocol;
        key.hash(&bytes)
    }
}

/// Where the first fragment went, when its service makes no flows (one packet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The service.
    pub service: ServiceIndex,
    /// The backend.
    pub backend: BackendIndex,
    /// Full NAT: source address and port.
    pub snat: Option<(Address, u16)>,
}

/// What becomes of a later fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    /// The first one was here: this is its tuple.
    Known(Tuple),
    /// A copy waits for the first one.
    Parked,
    /// No room: no buffer is free, this datagram has its share of them, or the fragment is larger than one.
    Full,
}

/// Datagrams of one worker and the fragments that wait: fixed numbers. Nothing is allocated behind
/// [`FragmentTable::new`].
#[derive(Debug)]
pub struct FragmentTable {
    key: Key,
    slots: Slots<Datagram>,
    index: Index,
    pool: Pool,
    /// Fragments that waited in vain, not reported yet.
    orphans: usize,
    recycled: u64,
}

#[derive(Clone, Copy, Debug)]
struct Datagram {
    key: FragmentKey,
    tuple: Option<Tuple>,
    scheduled: Option<Scheduled>,
    /// Fragments that wait, oldest first.
    first_parked: u16,
    last_parked: u16,
    parked: u8,
    links: Links,
}

impl FragmentTable {
    /// Room for `capacity` datagrams (at least 1) and `parked_max` fragments that wait (at most 65,535).
    pub fn new(capacity: u32, key: Key, parked_max: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            key,
            slots: Slots::new(capacity),
            index: Index::new(capacity as usize),
            pool: Pool::new(parked_max.min(usize::from(NONE))),
            orphans: 0,
            recycled: 0,
        }
    }

    /// The first fragment was seen: later ones follow `tuple`. Those that wait are now to be taken by
    /// [`FragmentTable::next_parked`]. `false` when no room could be made.
    pub fn first(&mut self, now: Now, key: &FragmentKey, tuple: Tuple) -> bool {
        let Some(slot) = self.slot_or_insert(now, key) else {
            return false;
        };
        // The identification may have come round within the lifetime: the newest first fragment counts.
        let datagram = self.slots.item_mut(slot);
        (datagram.tuple, datagram.scheduled) = (Some(tuple), None);
        self.slots.postpone(slot, now.secs().saturating_add(FRAGMENT_LIFETIME_S));
        true
    }

    /// The first fragment went to a backend without leaving a flow to follow.
    pub fn schedule(&mut self, key: &FragmentKey, scheduled: Scheduled) {
        if let Some(slot) = self.slot(key) {
            self.slots.item_mut(slot).scheduled = Some(scheduled);
        }
    }

    /// Where the first fragment went without leaving a flow.
    pub fn scheduled(&self, key: &FragmentKey) -> Option<Scheduled> {
        self.slots.item(self.slot(key)?).scheduled
    }

    /// Whether anything of the datagram was seen.
    pub fn knows(&self, key: &FragmentKey) -> bool {
        self.slot(key).is_some()
    }

    /// A later fragment was seen: `bytes` from the Ethernet header on.
    pub fn later(&mut self, now: Now, key: &FragmentKey, head: &Head, bytes: &[u8]) -> Later {
        if let Some(tuple) = self.slot(key).and_then(|slot| self.slots.item(slot).tuple) {
            return Later::Known(tuple);
        }
        if bytes.len() > PARK_BYTES_MAX - HEADROOM || self.pool.is_full() {
            return Later::Full;
        }
        let Some(slot) = self.slot_or_insert(now, key) else {
            return Later::Full;
        };
        let datagram = self.slots.item_mut(slot);
        if datagram.parked == PARKED_PER_DATAGRAM_MAX {
            return Later::Full;
        }
        let buffer = self.pool.park(head, bytes).expect("asked above whether there is one");
        if datagram.last_parked == NONE {
            datagram.first_parked = buffer;
        } else {
            self.pool.next[usize::from(datagram.last_parked)] = buffer;
        }
        datagram.last_parked = buffer;
        datagram.parked += 1;
        Later::Parked
    }

    /// Takes a waiting fragment of the datagram, in the order they came. The caller gives the buffer back by
    /// [`FragmentTable::free_parked`].
    pub fn next_parked(&mut self, key: &FragmentKey) -> Option<usize> {
        let slot = self.slot(key)?;
        let buffer = self.slots.item_mut(slot).unpark(&self.pool)?;
        Some(usize::from(buffer))
    }

    /// A waiting fragment: where the frame is, and its buffer with [`HEADROOM`] before the frame.
    pub fn parked(&mut self, buffer: usize) -> (&mut Head, &mut [u8]) {
        (&mut self.pool.heads[buffer], &mut self.pool.bytes[buffer * PARK_BYTES_MAX..(buffer + 1) * PARK_BYTES_MAX])
    }

    /// Gives back a buffer taken by [`FragmentTable::next_parked`].
    pub fn free_parked(&mut self, buffer: usize) {
        self.pool.release(buffer as u16);
    }

    /// Forgets datagrams after [`FRAGMENT_LIFETIME_S`], or [`PARKED_LIFETIME_S`] without a first fragment; `orphan` is told
    /// of each fragment that waited in vain. Looks at no more than `budget` datagrams; returns how many were forgotten.
    pub fn expire(&mut self, now: Now, budget: usize, mut orphan: impl FnMut()) -> usize {
        let mut ended = 0;
        // A turn is set to the second a datagram ends in, so one whose turn has come is due.
        while ended < budget
            && let Some(slot) = self.slots.next_due(now.secs())
        {
            self.remove(slot);
            ended += 1;
        }
        (0..std::mem::take(&mut self.orphans)).for_each(|_| orphan());
        ended
    }

    /// Datagrams now.
    pub fn len(&self) -> usize {
        self.slots.len() as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }

    /// Datagrams there is room for.
    pub fn capacity(&self) -> u32 {
        self.slots.capacity()
    }

    /// Datagrams forgotten early, to make room for others.
    pub fn recycled(&self) -> u64 {
        self.recycled
    }

    /// Buffers in use: fragments that wait, and those taken and not yet given back.
    pub fn parked_len(&self) -> usize {
        self.pool.heads.len() - usize::from(self.pool.free_count)
    }

    /// Memory reserved, all in, bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.slots.bytes() + self.index.bytes() + self.pool.bytes.len()
    }

    fn slot(&self, key: &FragmentKey) -> Option<u32> {
        let found = self.index.find(tag(key.hash(self.key)), |reference| self.slots.item(reference - 1).key == *key);
        found.map(|reference| reference - 1)
    }

    fn slot_or_insert(&mut self, now: Now, key: &FragmentKey) -> Option<u32> {
        if let Some(slot) = self.slot(key) {
            return Some(slot);
        }
        if self.slots.len() == self.slots.capacity() {
            self.remove(self.slots.earliest()?);
            self.recycled += 1;
        }
        let datagram = Datagram {
            key: *key,
            tuple: None,
            scheduled: None,
            first_parked: NONE,
            last_parked: NONE,
            parked: 0,
            links: Links::LOOSE,
        };
        let slot = self.slots.insert(datagram, now.secs(), now.secs().saturating_add(PARKED_LIFETIME_S))?;
        self.index.insert(tag(key.hash(self.key)), slot + 1);
        Some(slot)
    }

    fn remove(&mut self, slot: u32) {
        let mut datagram = self.slots.remove(slot);
        let removed = self.index.remove(tag(datagram.key.hash(self.key)), slot + 1);
        debug_assert!(removed, "a key lives as long as its datagram");
        while let Some(buffer) = datagram.unpark(&self.pool) {
            self.pool.release(buffer);
            self.orphans += 1;
        }
    }
}

impl Datagram {
    fn unpark(&mut self, pool: &Pool) -> Option<u16> {
        let buffer = self.first_parked;
        if buffer == NONE {
            return None;
        }
        self.first_parked = pool.next[usize::from(buffer)];
        if self.first_parked == NONE {
            self.last_parked = NONE;
        }
        self.parked -= 1;
        Some(buffer)
    }
}

impl Linked for Datagram {
    fn links(&self) -> Links {
        self.links
    }

    fn set_links(&mut self, links: Links) {
        self.links = links;
    }
}

/// Buffers for fragments that wait.
#[derive(Debug)]
struct Pool {
    bytes: Box<[u8]>,
    heads: Box<[Head]>,
    /// Next buffer of the same datagram, or next free one.
    next: Box<[u16]>,
    free: u16,
    free_count: u16,
}

impl Pool {
    fn new(buffers: usize) -> Self {
        let last = buffers.saturating_sub(1);
        Self {
            bytes: vec![0; buffers * PARK_BYTES_MAX].into_boxed_slice(),
            heads: vec![Head { nic: NicId(0), start: 0, end: 0, offload: Offload::NONE }; buffers].into_boxed_slice(),
            next: (0..buffers).map(|at| if at == last { NONE } else { at as u16 + 1 }).collect(),
            free: if buffers == 0 { NONE } else { 0 },
            free_count: buffers as u16,
        }
    }

    fn is_full(&self) -> bool {
        self.free == NONE
    }

    fn park(&mut self, head: &Head, bytes: &[u8]) -> Option<u16> {
        if self.is_full() {
            return None;
        }
        let buffer = self.free;
        let at = usize::from(buffer);
        self.free = std::mem::replace(&mut self.next[at], NONE);
        self.free_count -= 1;
        let start = at * PARK_BYTES_MAX + HEADROOM;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.heads[at] = Head { start: HEADROOM as u32, end: (HEADROOM + bytes.len()) as u32, ..*head };
        Some(buffer)
    }

    fn release(&mut self, buffer: u16) {
        self.next[usize::from(buffer)] = self.free;
        self.free = buffer;
        self.free_count += 1;
    }
}

#[cfg(test)]
mod tests;
