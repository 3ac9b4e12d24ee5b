//! Destination hashing: the address asked for chooses one of 256 slots, dealt out one by one, whatever the weights.

use super::hash::{EMPTY, fold, golden, look_up};
use super::sh::{SLOT_BITS, deal};
use super::{Candidate, Request};

/// Slots and whose they are.
#[derive(Clone, Debug)]
pub struct Dh {
    slots: [u16; 1 << SLOT_BITS],
}

impl Default for Dh {
    fn default() -> Self {
        Self { slots: [EMPTY; 1 << SLOT_BITS] }
    }
}

impl Dh {
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        self.slots = deal(candidates, |_| 1);
    }

    pub fn pick(&self, request: &Request, candidates: &[Candidate]) -> Option<usize> {
        look_up(&self.slots, candidates, false, |_| golden(fold(request.vip), SLOT_BITS))
    }
}
