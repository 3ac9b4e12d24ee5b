//! Source hashing: the client's address chooses one of 256 slots, slots are dealt out by weight.

use super::hash::{EMPTY, fold, golden, look_up};
use super::{Candidate, Request};
use crate::tables::SchedulerFlags;

/// Slots of sh and dh: 2 to this power (CONFIG_IP_VS_SH_TAB_BITS).
pub const SLOT_BITS: u32 = 8;
const SLOTS: usize = 1 << SLOT_BITS;

/// Slots and whose they are.
#[derive(Clone, Debug)]
pub struct Sh {
    flags: SchedulerFlags,
    slots: [u16; SLOTS],
}

impl Sh {
    pub fn new(flags: SchedulerFlags) -> Self {
        Self { flags, slots: [EMPTY; SLOTS] }
    }

    /// Each candidate gets as many slots in a row as its weight, at least one, around until all are dealt out.
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        self.slots = deal(candidates, |candidate| candidate.weight.max(1));
    }

    pub fn pick(&self, request: &Request, candidates: &[Candidate]) -> Option<usize> {
        let port = if self.flags.port { u32::from(request.client_port) } else { 0 };
        let hash = golden(fold(request.client).wrapping_add(port), SLOT_BITS);
        look_up(&self.slots, candidates, self.flags.fallback, |offset| (hash + offset as usize) % SLOTS)
    }
}

/// Deals out all slots to candidates, around, `share` slots at a time.
pub fn deal(candidates: &[Candidate], share: impl Fn(&Candidate) -> u32) -> [u16; SLOTS] {
    let mut slots = [EMPTY; SLOTS];
    let turns = (0u16..).zip(candidates).map(|(at, candidate)| (at, share(candidate).min(SLOTS as u32)));
    let turns = turns.cycle().flat_map(|(at, share)| (0..share).map(move |_| at));
    for (slot, at) in slots.iter_mut().zip(turns) {
        *slot = at;
    }
    slots
}
