//! One generation of the flow table: slots of a fixed number and the index to them. There are two while the table is
//! being rebuilt in another size.

use super::index::{Index, tag};
use super::slots::Slots;
use super::table::EVICT_SCAN_MAX;
use super::{Direction, Flow};
use crate::{Tables, Tuple};
use net::siphash::Key;
use std::hint::black_box;

/// Bit of an index reference: the key is that of replies. The rest is the slot's number plus one.
const OUTBOUND: u32 = 1 << 31;

/// Slots and index. Both keys of a flow are inserted and removed together.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) slots: Slots<Flow>,
    pub(super) index: Index,
    /// Where the search for a half-open flow goes on.
    hand: u32,
}

impl Generation {
    pub(super) fn new(capacity: u32) -> Self {
        Self { slots: Slots::new(capacity), index: Index::new(capacity as usize * 2), hand: 0 }
    }

    /// The slot and direction of a tuple.
    #[inline]
    pub(super) fn find(&self, tuple: &Tuple, hash: u64, tables: &Tables) -> Option<(u32, Direction)> {
        let reference = self.index.find(tag(hash), |reference| {
            let flow = self.slots.item(slot_of(reference));
            if reference & OUTBOUND == 0 { flow.is_inbound(tuple) } else { flow.is_outbound(tuple, tables) }
        })?;
        let direction = if reference & OUTBOUND == 0 { Direction::Inbound } else { Direction::Outbound };
        Some((slot_of(reference), direction))
    }

    /// Reads the lines of a slot that a lookup and its packet will need.
    #[inline]
    pub(super) fn touch(&self, reference: u32) {
        if let Some(flow) = self.slots.in_use(slot_of(reference)) {
            black_box((flow.client[0], flow.last_seen_s, flow.bytes_out));
        }
    }

    /// Adds a flow whose `outbound_tag` counts if it sees replies. `None` when there is no room.
    pub(super) fn insert(&mut self, flow: Flow, inbound_tag: u32, now_s: u32, due_s: u32) -> Option<u32> {
        let slot = self.slots.insert(flow, now_s, due_s)?;
        self.index.insert(inbound_tag, slot + 1);
        if flow.sees_replies() {
            self.index.insert(flow.outbound_tag, (slot + 1) | OUTBOUND);
        }
        Some(slot)
    }

    /// Removes a flow and its keys.
    pub(super) fn remove(&mut self, slot: u32, key: Key) -> Flow {
        let flow = self.slots.remove(slot);
        let removed = self.index.remove(tag(flow.inbound().hash(key)), slot + 1);
        debug_assert!(removed, "an inbound key lives as long as its flow");
        if flow.sees_replies() {
            self.remove_outbound(slot, flow.outbound_tag);
        }
        flow
    }

    /// Replaces the key of replies: `before` and `after` are tags, `None` without such a key.
    pub(super) fn replace_outbound(&mut self, slot: u32, before: Option<u32>, after: Option<u32>) {
        if let Some(before) = before {
            self.remove_outbound(slot, before);
        }
        if let Some(after) = after {
            self.index.insert(after, (slot + 1) | OUTBOUND);
        }
    }

    /// Looks at up to `budget` slots whose turn has come. Returns how many it looked at and how many flows ended.
    pub(super) fn expire(
        &mut self,
        now_s: u32,
        budget: usize,
        key: Key,
        timeout_of: &impl Fn(&Flow) -> u32,
        expired: &mut impl FnMut(&Flow),
    ) -> (usize, usize) {
        let mut ended = 0;
        for spent in 0..budget {
            let Some(slot) = self.slots.next_due(now_s) else {
                return (spent, ended);
            };
            let flow = self.slots.item(slot);
            let due_s = flow.last_seen_s.saturating_add(timeout_of(flow));
            if due_s > now_s {
                self.slots.postpone(slot, due_s);
            } else {
                expired(&self.remove(slot, key));
                ended += 1;
            }
        }
        (budget, ended)
    }

    /// Ends one half-open flow, if the next [`EVICT_SCAN_MAX`] slots hold one.
    pub(super) fn evict_half_open(&mut self, key: Key, expired: &mut impl FnMut(&Flow)) -> bool {
        for _ in 0..EVICT_SCAN_MAX.min(self.slots.used()) {
            let slot = if self.hand < self.slots.used() { self.hand } else { 0 };
            self.hand = slot + 1;
            if self.slots.in_use(slot).is_some_and(Flow::is_half_open) {
                expired(&self.remove(slot, key));
                return true;
            }
        }
        false
    }

    pub(super) fn bytes(&self) -> usize {
        self.slots.bytes() + self.index.bytes()
    }

    fn remove_outbound(&mut self, slot: u32, tag: u32) {
        let removed = self.index.remove(tag, (slot + 1) | OUTBOUND);
        debug_assert!(removed, "an outbound key lives as long as its flow");
    }
}

#[inline(always)]
const fn slot_of(reference: u32) -> u32 {
    (reference & !OUTBOUND).wrapping_sub(1)
}
