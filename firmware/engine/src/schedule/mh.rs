//! Maglev hashing (NSDI 2016, 3.4): the client's address chooses one of 4093 slots; each backend takes slots in an order
//! of its own, in turns by weight, so that a backend that comes or goes moves few slots of the others.
//!
//! IPVS hashes with fixed keys, so its table can be reproduced, slot by slot.

use super::hash::{EMPTY, fold, look_up};
use super::places::Places;
use super::wrr::shared_divisor;
use super::{Candidate, Request};
use crate::tables::SchedulerFlags;
use net::siphash::Key;

/// Slots; a prime (CONFIG_IP_VS_MH_TAB_INDEX = 12).
const SLOTS: usize = 4_093;
/// Turns of a backend in one round are shifted down to this many bits.
const TURN_BITS: u32 = 6;
/// Key of the slot of a client and of a backend's first slot.
const FIRST: Key = Key(2_654_435_761, 2_654_435_761);
/// Key of the distance from one of a backend's slots to the next.
const SKIP: Key = Key(2_654_446_892, 2_654_446_892);

/// Slots and whose they are.
#[derive(Clone, Debug)]
pub struct Mh {
    flags: SchedulerFlags,
    places: Places,
    /// By place: the last weight that was not 0.
    weights: Vec<u32>,
    slots: Box<[u16]>,
}

impl Mh {
    pub fn new(flags: SchedulerFlags) -> Self {
        Self { flags, places: Places::default(), weights: Vec::new(), slots: vec![EMPTY; SLOTS].into_boxed_slice() }
    }

    /// A backend whose weight became 0 keeps its slots: its clients come back to it when it returns.
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        let former = |candidate: &Candidate| self.places.find(candidate.backend).map_or(0, |at| self.weights[at]);
        let lasting = |candidate: &Candidate| if candidate.weight > 0 { candidate.weight } else { former(candidate) };
        self.weights = candidates.iter().map(lasting).collect();
        self.places.adopt(candidates);
        self.fill(candidates);
    }

    pub fn pick(&self, request: &Request, candidates: &[Candidate]) -> Option<usize> {
        let port = if self.flags.port { request.client_port } else { 0 };
        let value = fold(request.client).wrapping_add(u32::from(port));
        look_up(&self.slots, candidates, self.flags.fallback, |offset| hash(FIRST, value.wrapping_add(offset)))
    }

    fn fill(&mut self, candidates: &[Candidate]) {
        self.slots.fill(EMPTY);
        let divisor = self.weights.iter().fold(0, |divisor, weight| shared_divisor(divisor, u64::from(*weight)));
        if divisor == 0 {
            return;
        }
        let greatest = self.weights.iter().map(|weight| u64::from(*weight) / divisor).max().unwrap_or(0);
        let shift = (u64::BITS - greatest.leading_zeros()).saturating_sub(TURN_BITS);
        let mut backends: Vec<_> = (0u16..)
            .zip(candidates)
            .zip(&self.weights)
            .filter(|(_, weight)| **weight > 0)
            .map(|((at, candidate), weight)| {
                let turns = ((u64::from(*weight) / divisor) >> shift).max(1);
                Preference::new(at, candidate, turns)
            })
            .collect();
        let mut free = SLOTS;
        loop {
            for backend in &mut backends {
                for _ in 0..backend.turns {
                    backend.take(&mut self.slots);
                    free -= 1;
                    if free == 0 {
                        return;
                    }
                }
            }
        }
    }
}

/// The order in which a backend wants slots.
struct Preference {
    at: u16,
    next: usize,
    skip: usize,
    turns: u64,
}

impl Preference {
    fn new(at: u16, candidate: &Candidate, turns: u64) -> Self {
        let value = fold(candidate.address).wrapping_add(u32::from(candidate.port));
        Self { at, next: hash(FIRST, value), skip: skip(value), turns }
    }

    fn take(&mut self, slots: &mut [u16]) {
        // The number of slots is a prime, so every slot is reached; the caller stops when none is free.
        while slots[self.next] != EMPTY {
            self.next = (self.next + self.skip) % SLOTS;
        }
        slots[self.next] = self.at;
    }
}

/// The kernel's `hsiphash` on 64-bit machines: the low half of SipHash-1-3.
fn hash32(key: Key, value: u32) -> usize {
    (key.hash(&value.to_le_bytes()) as u32) as usize
}

fn hash(key: Key, value: u32) -> usize {
    hash32(key, value) % SLOTS
}

fn skip(value: u32) -> usize {
    hash32(SKIP, value) % (SLOTS - 1) + 1
}
