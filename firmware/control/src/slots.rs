//! Stable slots: a thing keeps its index from epoch to epoch, and an index is given to another thing only after
//! nothing can refer to the former one any more.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Freed slots that rest before any is reused, as long as there are unused ones.
const FREE_SLOTS_MIN: usize = 16;

/// Every slot is taken or still referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {max} slots of {what} are in use or still have flows")]
pub struct Full {
    /// What the slots are for.
    pub what: &'static str,
    /// How many there are.
    pub max: usize,
}

/// Where a thing was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The slot.
    pub index: usize,
    /// Grows each time the slot is given to another thing.
    pub generation: u32,
}

/// Slots for things named by `K`.
#[derive(Clone, Debug)]
pub struct Slots<K> {
    what: &'static str,
    max: usize,
    slots: Vec<Slot<K>>,
    places: HashMap<K, usize>,
    // First freed, first reused: a slot rests as long as possible.
    free: VecDeque<usize>,
}

#[derive(Clone, Debug)]
struct Slot<K> {
    generation: u32,
    held: Option<Held<K>>,
}

#[derive(Clone, Debug)]
struct Held<K> {
    key: K,
    leaving: bool,
}

impl<K: Clone + Eq + Hash> Slots<K> {
    /// No slot taken, room for `max`.
    pub fn new(what: &'static str, max: usize) -> Self {
        Self { what, max, slots: Vec::new(), places: HashMap::new(), free: VecDeque::new() }
    }

    /// Marks everything as leaving; what is [`placed`](Self::place) afterwards stays.
    pub fn begin(&mut self) {
        for held in self.slots.iter_mut().filter_map(|slot| slot.held.as_mut()) {
            held.leaving = true;
        }
    }

    /// The slot of `key`: the one it has, leaving or not, or a free one.
    pub fn place(&mut self, key: &K) -> Result<Place, Full> {
        if let Some(&index) = self.places.get(key) {
            let slot = &mut self.slots[index];
            slot.held.as_mut().expect("a key with a place is held").leaving = false;
            return Ok(Place { index, generation: slot.generation });
        }
        let index = self.unused_slot()?;
        let slot = &mut self.slots[index];
        slot.generation = slot.generation.wrapping_add(1);
        slot.held = Some(Held { key: key.clone(), leaving: false });
        self.places.insert(key.clone(), index);
        Ok(Place { index, generation: slot.generation })
    }

    /// Frees a slot whose thing is leaving; `false` when it is not.
    pub fn release(&mut self, index: usize) -> bool {
        let Some(slot) = self.slots.get_mut(index) else { return false };
        match slot.held.take() {
            Some(held) if held.leaving => {
                self.places.remove(&held.key);
                self.free.push_back(index);
                true
            }
            other => {
                slot.held = other;
                false
            }
        }
    }

    /// Where `key` is, leaving or not.
    pub fn find(&self, key: &K) -> Option<Place> {
        let index = *self.places.get(key)?;
        Some(Place { index, generation: self.slots[index].generation })
    }

    /// Whose slot this is, and whether it is leaving.
    pub fn holder(&self, index: usize) -> Option<(&K, bool)> {
        let held = self.slots.get(index)?.held.as_ref()?;
        Some((&held.key, held.leaving))
    }

    /// Slots of things that are leaving.
    pub fn leaving(&self) -> impl Iterator<Item = (usize, &K)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| match &slot.held {
            Some(held) if held.leaving => Some((index, &held.key)),
            _ => None,
        })
    }

    /// Slots that hold something, leaving or not.
    pub fn held(&self) -> impl Iterator<Item = (usize, &K)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| slot.held.as_ref().map(|held| (index, &held.key)))
    }

    /// Slots ever used: one more than the highest index.
    pub fn length(&self) -> usize {
        self.slots.len()
    }

    fn unused_slot(&mut self) -> Result<usize, Full> {
        if self.slots.len() < self.max && self.free.len() < FREE_SLOTS_MIN {
            self.slots.push(Slot { generation: 0, held: None });
            return Ok(self.slots.len() - 1);
        }
        self.free.pop_front().ok_or(Full { what: self.what, max: self.max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_keeps_its_slot() {
        let mut slots = Slots::new("things", 4);
        let a = slots.place(&"a").unwrap();
        let b = slots.place(&"b").unwrap();
        slots.begin();
        assert_eq!(slots.place(&"b").unwrap(), b);
        assert_eq!(slots.leaving().collect::<Vec<_>>(), [(a.index, &"a")]);
        // It comes back before its slot was freed: same slot, same generation, its flows live on.
        assert_eq!(slots.place(&"a").unwrap(), a);
        assert_eq!(slots.leaving().count(), 0);
    }

    #[test]
    fn a_slot_is_reused_only_after_release() {
        let mut slots = Slots::new("things", 2);
        let a = slots.place(&"a").unwrap();
        slots.place(&"b").unwrap();
        slots.begin();
        slots.place(&"b").unwrap();
        let full = slots.place(&"c").unwrap_err();
        assert_eq!(full.to_string(), "all 2 slots of things are in use or still have flows");
        assert!(slots.release(a.index));
        let c = slots.place(&"c").unwrap();
        assert_eq!(c.index, a.index);
        assert_ne!(c.generation, a.generation);
        assert_eq!(slots.find(&"a"), None);
    }

    #[test]
    fn what_is_in_use_is_not_released() {
        let mut slots = Slots::new("things", 2);
        let a = slots.place(&"a").unwrap();
        assert!(!slots.release(a.index));
        assert!(!slots.release(7));
        assert_eq!(slots.holder(a.index), Some((&"a", false)));
    }

    #[test]
    fn freed_slots_rest() {
        let mut slots = Slots::new("things", 100);
        let a = slots.place(&"a").unwrap();
        slots.begin();
        slots.release(a.index);
        assert_ne!(slots.place(&"b").unwrap().index, a.index);
    }
}
