//! The flow table of a worker: a fixed number of flows, found by either direction's tuple.

use super::generation::Generation;
use super::index::tag;
use super::{Direction, Flow, FlowId, NewFlow, SNAT_NONE, State, flag};
use crate::{BackendIndex, Tables, Tuple};
use net::Now;
use net::siphash::Key;
use std::fmt;

/// Most flows of one table: references keep one bit for the direction, ids one for the generation.
pub const FLOWS_MAX: u32 = 1 << 30;
/// Slots that one search for a half-open flow looks at.
pub const EVICT_SCAN_MAX: u32 = 128;

/// Bit of a [`FlowId`] and of a scan's cursor: the slot is in the table that is being left.
const OLD: u32 = 1 << 31;

/// There is no room for another flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flow table is full")
    }
}

impl std::error::Error for Full {}

/// The table. Nothing is allocated behind [`FlowTable::new`], a rebuild in another size aside.
#[derive(Debug)]
pub struct FlowTable {
    key: Key,
    current: Generation,
    rebuild: Option<Rebuild>,
    /// Size asked for while a rebuild was under way.
    wanted: Option<u32>,
}

/// A table that is being left.
#[derive(Debug)]
struct Rebuild {
    old: Generation,
    cursor: u32,
    /// Half-open flows stay behind in the first pass, so that they are the ones to be lost when room runs out.
    pass: Pass,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Settled,
    HalfOpen,
}

impl FlowTable {
    /// Room for `capacity` flows (at least 1, at most [`FLOWS_MAX`]). `key` is the one that tuples are hashed with.
    pub fn new(capacity: u32, key: Key) -> Self {
        Self { key, current: Generation::new(capacity.clamp(1, FLOWS_MAX)), rebuild: None, wanted: None }
    }

    /// The flow that a packet with this tuple belongs to, and which way it goes. `hash` is the tuple's.
    #[inline]
    pub fn find(&self, tuple: &Tuple, hash: u64, tables: &Tables) -> Option<(FlowId, Direction)> {
        if let Some((slot, direction)) = self.current.find(tuple, hash, tables) {
            return Some((FlowId(slot), direction));
        }
        let (slot, direction) = self.rebuild.as_ref()?.old.find(tuple, hash, tables)?;
        Some((FlowId(slot | OLD), direction))
    }

    /// First pass over a batch: reads the index where `hash` belongs and returns what is probably its flow, for
    /// [`FlowTable::touch_flow`]. Use the value, or the read may be left out.
    #[inline]
    pub fn touch_index(&self, hash: u64) -> u32 {
        self.current.index.candidate(tag(hash))
    }

    /// Second pass over a batch: reads the flow that [`FlowTable::touch_index`] found.
    #[inline]
    pub fn touch_flow(&self, candidate: u32) {
        self.current.touch(candidate);
    }

    /// Makes a flow. The caller has looked for it: two flows with the same tuple would hide each other.
    ///
    /// # Errors
    /// No slot is free; [`FlowTable::evict_half_open`] may make one.
    pub fn insert(&mut self, now: Now, new: &NewFlow) -> Result<FlowId, Full> {
        let mut flow = Flow::new(new, now.secs());
        self.set_outbound(&mut flow, new.outbound.as_ref());
        let inbound_tag = tag(new.inbound().hash(self.key));
        let due_s = now.secs().saturating_add(new.timeout_s);
        self.current.insert(flow, inbound_tag, now.secs(), due_s).map(FlowId).ok_or(Full)
    }

    /// Forgets a flow.
    pub fn remove(&mut self, id: FlowId, _tables: &Tables) -> Flow {
        let key = self.key;
        let (generation, slot) = self.generation_mut(id);
        generation.remove(slot, key)
    }

    /// The flow.
    #[inline(always)]
    pub fn flow(&self, id: FlowId) -> &Flow {
        let (generation, slot) = self.generation(id);
        generation.slots.item(slot)
    }

    /// The flow, to be changed where its fields are public; backend and source NAT only by [`FlowTable::rebind`].
    #[inline(always)]
    pub fn flow_mut(&mut self, id: FlowId) -> &mut Flow {
        let (generation, slot) = self.generation_mut(id);
        generation.slots.item_mut(slot)
    }

    /// A packet was seen. Written only when the second changed: most packets leave the line clean.
    #[inline(always)]
    pub fn seen(&mut self, id: FlowId, now: Now) {
        let flow = self.flow_mut(id);
        if flow.last_seen_s != now.secs() {
            flow.last_seen_s = now.secs();
        }
    }

    /// A packet moved the flow to `state`, in which it may be idle for `timeout_s`. An earlier deadline takes effect at
    /// once; a later one is noticed when the old one is reached.
    #[inline]
    pub fn set_state(&mut self, id: FlowId, now: Now, state: State, timeout_s: u32) {
        let (generation, slot) = self.generation_mut(id);
        let flow = generation.slots.item_mut(slot);
        flow.state = state;
        flow.last_seen_s = now.secs();
        generation.slots.bring_forward(slot, now.secs().saturating_add(timeout_s));
    }

    /// Gives the flow to another backend: replies are `outbound` from now on. The id stays valid.
    pub fn rebind(&mut self, id: FlowId, backend: BackendIndex, outbound: Option<&Tuple>, snat: Option<(u8, u16)>) {
        let mut flow = *self.flow(id);
        let before = flow.sees_replies().then_some(flow.outbound_tag);
        flow.backend = backend;
        (flow.snat, flow.snat_port) = snat.unwrap_or((SNAT_NONE, 0));
        self.set_outbound(&mut flow, outbound);
        let after = flow.sees_replies().then_some(flow.outbound_tag);
        let (generation, slot) = self.generation_mut(id);
        generation.replace_outbound(slot, before, after);
        *generation.slots.item_mut(slot) = flow;
    }

    /// Forgets flows that were idle for longer than `timeout_of` says, and tells `expired` of each. Looks at no more than
    /// `budget` flows; returns how many were forgotten. Seconds are counted whole: a flow last seen at 10.9 s with a
    /// timeout of 5 s ends at 15.0 s.
    pub fn expire(
        &mut self,
        now: Now,
        budget: usize,
        _tables: &Tables,
        timeout_of: impl Fn(&Flow) -> u32,
        mut expired: impl FnMut(&Flow),
    ) -> usize {
        let (spent, ended) = self.current.expire(now.secs(), budget, self.key, &timeout_of, &mut expired);
        let Some(rebuild) = &mut self.rebuild else {
            return ended;
        };
        let rest = budget - spent;
        ended + rebuild.old.expire(now.secs(), rest, self.key, &timeout_of, &mut expired).1
    }

    /// Ends one half-open flow to make room, and tells `expired`. Looks at [`EVICT_SCAN_MAX`] slots, each time at other
    /// ones; `false` when none of them was half-open. Established flows are never ended.
    pub fn evict_half_open(&mut self, _tables: &Tables, mut expired: impl FnMut(&Flow)) -> bool {
        self.current.evict_half_open(self.key, &mut expired)
    }

    /// Begins to rebuild the table with room for `capacity` flows; [`FlowTable::migrate`] does it. Lookups see both
    /// tables meanwhile, new flows go to the new one. While a rebuild is under way the last size asked for waits.
    pub fn resize(&mut self, capacity: u32) {
        let capacity = capacity.clamp(1, FLOWS_MAX);
        if self.rebuild.is_some() {
            self.wanted = Some(capacity);
        } else if capacity != self.capacity() {
            let old = std::mem::replace(&mut self.current, Generation::new(capacity));
            self.rebuild = Some(Rebuild { old, cursor: 0, pass: Pass::Settled });
        }
    }

    /// Whether a rebuild is under way.
    pub fn is_rebuilding(&self) -> bool {
        self.rebuild.is_some()
    }

    /// Goes on with a rebuild: looks at up to `budget` slots of the old table. Flows that find no room are forgotten and
    /// reported to `lost`: half-open ones before others.
    pub fn migrate(&mut self, budget: usize, _tables: &Tables, mut lost: impl FnMut(&Flow)) {
        let Some(rebuild) = &mut self.rebuild else {
            return;
        };
        for _ in 0..budget {
            if rebuild.old.slots.len() == 0 {
                break;
            }
            if rebuild.cursor == rebuild.old.slots.used() {
                (rebuild.cursor, rebuild.pass) = (0, Pass::HalfOpen);
            }
            rebuild.step(&mut self.current, self.key, &mut lost);
        }
        if rebuild.old.slots.len() == 0 {
            self.rebuild = None;
            if let Some(capacity) = self.wanted.take() {
                self.resize(capacity);
            }
        }
    }

    /// Shows the flows in up to `n` slots, from `cursor` on: 0 begins, and is what it becomes again behind the last slot.
    /// A flow that lives throughout is shown, perhaps twice when a rebuild moves it. A rebuild that begins between two
    /// slices may hide flows from this scan.
    pub fn scan(&self, cursor: &mut u32, n: usize, mut f: impl FnMut(FlowId, &Flow)) {
        // The old table first: what leaves it meanwhile is met in the new one. There the cursor is one ahead of the slot.
        let old_used = self.rebuild.as_ref().map(|rebuild| rebuild.old.slots.used());
        let mut at = if *cursor == 0 { OLD } else { *cursor };
        for _ in 0..n {
            if at & OLD != 0 && old_used.is_none_or(|used| at & !OLD >= used) {
                at = 1;
            }
            let id = if at & OLD != 0 { FlowId(at) } else { FlowId(at - 1) };
            let (generation, slot) = self.generation(id);
            if slot >= generation.slots.used() {
                break;
            }
            if let Some(flow) = generation.slots.in_use(slot) {
                f(id, flow);
            }
            at += 1;
        }
        *cursor = if at & OLD == 0 && at > self.current.slots.used() { 0 } else { at };
    }

    /// Flows now.
    pub fn len(&self) -> usize {
        let old = self.rebuild.as_ref().map_or(0, |rebuild| rebuild.old.slots.len());
        (self.current.slots.len() + old) as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flows there is room for.
    pub fn capacity(&self) -> u32 {
        self.current.slots.capacity()
    }

    /// Farthest that a key was ever put from its home in the index, slots.
    pub fn longest_probe(&self) -> u32 {
        self.current.index.longest_probe()
    }

    /// Keys by slots of the index: 0.8 when full of flows with two keys.
    pub fn load(&self) -> f64 {
        self.current.index.load()
    }

    /// Memory reserved, all in, bytes. What was never used is not resident.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.current.bytes() + self.rebuild.as_ref().map_or(0, |rebuild| rebuild.old.bytes())
    }

    // Backend and source NAT of the flow are set before.
    fn set_outbound(&self, flow: &mut Flow, outbound: Option<&Tuple>) {
        flow.flags &= !(flag::HAS_OUTBOUND | flag::ONE_WAY | flag::VIP_PORT);
        match outbound {
            Some(tuple) => {
                flow.outbound_tag = tag(tuple.hash(self.key));
                flow.flags |= flag::HAS_OUTBOUND;
                if tuple.source_port == flow.vip_port {
                    flow.flags |= flag::VIP_PORT;
                }
            }
            None => flow.flags |= flag::ONE_WAY,
        }
    }

    #[inline(always)]
    fn generation(&self, id: FlowId) -> (&Generation, u32) {
        match &self.rebuild {
            Some(rebuild) if id.0 & OLD != 0 => (&rebuild.old, id.0 & !OLD),
            _ => (&self.current, id.0),
        }
    }

    #[inline(always)]
    fn generation_mut(&mut self, id: FlowId) -> (&mut Generation, u32) {
        match &mut self.rebuild {
            Some(rebuild) if id.0 & OLD != 0 => (&mut rebuild.old, id.0 & !OLD),
            _ => (&mut self.current, id.0),
        }
    }
}

impl Rebuild {
    // Looks at one slot of the old table.
    fn step(&mut self, current: &mut Generation, key: Key, lost: &mut impl FnMut(&Flow)) {
        let slot = self.cursor;
        self.cursor += 1;
        let Some(half_open) = self.old.slots.in_use(slot).map(Flow::is_half_open) else {
            return;
        };
        if half_open && self.pass == Pass::Settled {
            return;
        }
        let due_s = self.old.slots.due_s(slot);
        let flow = self.old.remove(slot, key);
        let inbound_tag = tag(flow.inbound().hash(key));
        let full = current.slots.len() == current.slots.capacity();
        if full && (half_open || !current.evict_half_open(key, lost)) {
            lost(&flow);
            return;
        }
        let inserted = current.insert(flow, inbound_tag, self.old.slots.turn_s(), due_s);
        debug_assert!(inserted.is_some(), "there was room or it was made");
    }
}

#[cfg(test)]
mod tests;
