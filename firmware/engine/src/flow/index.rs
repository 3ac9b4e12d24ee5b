//! Keys to references: open addressing with Robin Hood placement and backward-shift deletion.
//!
//! A slot is one word: the tag (high half of the key's hash) and a reference that is not 0; an empty slot is 0. The home
//! of a key follows from its tag by multiply-shift, so any number of slots will do and a key can be moved without
//! looking at what it refers to. Robin Hood placement keeps probes short at high load, for keys that are not there too:
//! a search ends at the first key that is nearer to its home than the searched one would be.

/// Slots read ahead by [`Index::candidate`]: one cache line.
const READ_AHEAD: usize = 8;

/// The half of a hash that the index keeps.
#[inline(always)]
pub(super) const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The index. Duplicate keys are the caller's business: each insertion is found and removed by its reference.
#[derive(Debug)]
pub(super) struct Index {
    slots: Box<[u64]>,
    keys: usize,
    longest_probe: u32,
}

impl Index {
    /// Room for `keys` keys at a load of 0.8. Zeroed by the kernel: slots that are never used are never touched.
    pub(super) fn new(keys: usize) -> Self {
        let slots = (keys + keys.div_ceil(4)).max(16);
        Self { slots: vec![0; slots].into_boxed_slice(), keys: 0, longest_probe: 0 }
    }

    /// The reference under `tag` that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, tag: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(tag);
        for distance in 0..self.slots.len() {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if tag_of(slot) == tag {
                if is_it(slot as u32) {
                    return Some(slot as u32);
                }
            } else if self.distance(slot, at) < distance {
                return None;
            }
            at = self.behind(at);
        }
        None
    }

    /// A reference that is probably the one under `tag`, 0 when none is near its home. Reads one or two cache lines and
    /// takes no branch on what they hold, so that the misses of a whole batch overlap.
    #[inline]
    pub(super) fn candidate(&self, tag: u32) -> u32 {
        let home = self.home(tag);
        let end = self.slots.len().min(home + READ_AHEAD);
        self.slots[home..end].iter().fold(0, |found, slot| if tag_of(*slot) == tag { *slot as u32 } else { found })
    }

    /// Adds a key. The caller keeps within the number of keys given to [`Index::new`].
    pub(super) fn insert(&mut self, tag: u32, reference: u32) {
        debug_assert!(reference != 0 && self.keys < self.slots.len());
        let mut carried = word(tag, reference);
        let mut at = self.home(tag);
        let mut distance = 0;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                self.settle(at, carried, distance);
                self.keys += 1;
                return;
            }
            let resident = self.distance(slot, at);
            if resident < distance {
                self.settle(at, carried, distance);
                (carried, distance) = (slot, resident);
            }
            at = self.behind(at);
            distance += 1;
        }
    }

    /// Removes the key with this tag and reference; `false` when it is not there.
    pub(super) fn remove(&mut self, tag: u32, reference: u32) -> bool {
        let searched = word(tag, reference);
        let mut at = self.home(tag);
        let mut distance = 0;
        while self.slots[at] != searched {
            if self.slots[at] == 0 || self.distance(self.slots[at], at) < distance || distance == self.slots.len() {
                return false;
            }
            at = self.behind(at);
            distance += 1;
        }
        // Everything up to the next key that is at home moves one slot towards its home: no tombstones.
        loop {
            let next = self.behind(at);
            let slot = self.slots[next];
            if slot == 0 || self.distance(slot, next) == 0 {
                self.slots[at] = 0;
                self.keys -= 1;
                return true;
            }
            self.slots[at] = slot;
            at = next;
        }
    }

    /// Keys now.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.keys
    }

    /// Farthest that a key was ever put from its home.
    pub(super) fn longest_probe(&self) -> u32 {
        self.longest_probe
    }

    /// Keys by slots.
    pub(super) fn load(&self) -> f64 {
        self.keys as f64 / self.slots.len() as f64
    }

    /// Memory, bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    #[inline(always)]
    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.slots.len() as u64) >> 32) as usize
    }

    #[inline(always)]
    fn distance(&self, slot: u64, at: usize) -> usize {
        let home = self.home(tag_of(slot));
        if at >= home { at - home } else { at + self.slots.len() - home }
    }

    #[inline(always)]
    fn behind(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    #[inline(always)]
    fn settle(&mut self, at: usize, slot: u64, distance: usize) {
        self.slots[at] = slot;
        self.longest_probe = self.longest_probe.max(distance as u32);
    }
}

#[inline(always)]
const fn word(tag: u32, reference: u32) -> u64 {
    (tag as u64) << 32 | reference as u64
}

#[inline(always)]
const fn tag_of(slot: u64) -> u32 {
    (slot >> 32) as u32
}

#[cfg(test)]
mod tests;
