//! A fixed number of slots with a timer each: a slab with a free list, and a wheel with one bucket per second.
//!
//! The wheel is lazy: a deadline that moves to later is noticed when its bucket's turn comes, so a packet of a living flow
//! costs nothing here. Deadlines beyond the wheel wait in its last bucket and are queued again. Slots are appended on
//! first use into memory reserved at the start: what is never used is never touched, and nothing is allocated later.

/// Buckets of the wheel, one per second: more than IPVS's longest default timeout (900 s). A power of two.
pub(super) const BUCKETS: u32 = 1024;

/// No slot: the end of a list.
const NONE: u32 = u32::MAX;
/// Bucket number of a slot that is not in use.
const FREE: u16 = u16::MAX;

/// Where a slot is in the wheel, or in the free list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Links {
    next: u32,
    previous: u32,
    bucket: u16,
}

impl Links {
    /// Not linked yet.
    pub(super) const LOOSE: Self = Self { next: NONE, previous: NONE, bucket: FREE };

    /// From the numbers that [`Links::numbers`] gave.
    #[inline(always)]
    pub(super) const fn of(next: u32, previous: u32, bucket: u16) -> Self {
        Self { next, previous, bucket }
    }

    /// As numbers, for items that store them where they have room: next, previous, bucket.
    #[inline(always)]
    pub(super) const fn numbers(self) -> (u32, u32, u16) {
        (self.next, self.previous, self.bucket)
    }
}

/// What can be kept in [`Slots`]: it has room for its links.
pub(super) trait Linked: Copy {
    /// The links as last set.
    fn links(&self) -> Links;
    /// Replaces them.
    fn set_links(&mut self, links: Links);
}

/// The slots.
#[derive(Debug)]
pub(super) struct Slots<T> {
    items: Vec<T>,
    capacity: u32,
    len: u32,
    free: u32,
    /// First and last slot of each bucket: what came first is looked at first.
    ends: Box<[[u32; 2]]>,
    /// The second whose bucket is worked on: all earlier ones are empty.
    turn_s: u32,
}

impl<T: Linked> Slots<T> {
    /// At most `capacity` items.
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            items: Vec::with_capacity(capacity as usize),
            capacity,
            len: 0,
            free: NONE,
            ends: vec![[NONE; 2]; BUCKETS as usize].into_boxed_slice(),
            turn_s: 0,
        }
    }

    /// Puts an item into a slot, to be looked at in second `due_s`. `None` when all slots are taken.
    pub(super) fn insert(&mut self, item: T, now_s: u32, due_s: u32) -> Option<u32> {
        let slot = if self.free != NONE {
            let slot = self.free;
            self.free = self.items[slot as usize].links().next;
            self.items[slot as usize] = item;
            slot
        } else if (self.items.len() as u32) < self.capacity {
            self.items.push(item);
            self.items.len() as u32 - 1
        } else {
            return None;
        };
        if self.len == 0 {
            self.turn_s = now_s;
        }
        self.len += 1;
        self.link(slot, due_s);
        Some(slot)
    }

    /// Empties a slot in use.
    pub(super) fn remove(&mut self, slot: u32) -> T {
        self.unlink(slot);
        let item = self.items[slot as usize];
        self.items[slot as usize].set_links(Links { next: self.free, previous: NONE, bucket: FREE });
        self.free = slot;
        self.len -= 1;
        item
    }

    /// The item in a slot that is known to be in use.
    #[inline(always)]
    pub(super) fn item(&self, slot: u32) -> &T {
        &self.items[slot as usize]
    }

    /// The item in a slot that is known to be in use.
    #[inline(always)]
    pub(super) fn item_mut(&mut self, slot: u32) -> &mut T {
        &mut self.items[slot as usize]
    }

    /// The item in a slot, if it is in use.
    #[inline]
    pub(super) fn in_use(&self, slot: u32) -> Option<&T> {
        self.items.get(slot as usize).filter(|item| item.links().bucket != FREE)
    }

    /// Slots that were ever used: [`Slots::in_use`] is `None` from here on.
    pub(super) fn used(&self) -> u32 {
        self.items.len() as u32
    }

    /// Items now.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Most items.
    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Memory, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.items.capacity() * size_of::<T>() + size_of_val(&*self.ends)
    }

    /// The second whose bucket is worked on.
    pub(super) fn turn_s(&self) -> u32 {
        self.turn_s
    }

    /// The second in which a slot's turn comes.
    pub(super) fn due_s(&self, slot: u32) -> u32 {
        let bucket = u32::from(self.items[slot as usize].links().bucket);
        self.turn_s.saturating_add(bucket.wrapping_sub(self.turn_s) % BUCKETS)
    }

    /// Moves a slot's turn to `due_s` if that is earlier than it is now.
    #[inline]
    pub(super) fn bring_forward(&mut self, slot: u32, due_s: u32) {
        if due_s < self.due_s(slot) {
            self.postpone(slot, due_s);
        }
    }

    /// Moves a slot's turn to `due_s`.
    pub(super) fn postpone(&mut self, slot: u32, due_s: u32) {
        self.unlink(slot);
        self.link(slot, due_s);
    }

    /// A slot whose turn has come. The caller removes it or postpones it to later than `now_s` before it asks again.
    pub(super) fn next_due(&mut self, now_s: u32) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        // After a pause longer than the wheel every bucket is due, once.
        self.turn_s = self.turn_s.max(now_s.saturating_sub(BUCKETS - 1));
        loop {
            let [first, _] = self.ends[(self.turn_s % BUCKETS) as usize];
            if first != NONE && self.turn_s <= now_s {
                return Some(first);
            }
            if self.turn_s >= now_s {
                return None;
            }
            self.turn_s += 1;
        }
    }

    /// The slot whose turn comes first, whenever that is.
    pub(super) fn earliest(&self) -> Option<u32> {
        let buckets = (0..BUCKETS).map(|ahead| self.ends[(self.turn_s.wrapping_add(ahead) % BUCKETS) as usize]);
        buckets.map(|[first, _]| first).find(|first| *first != NONE)
    }

    fn link(&mut self, slot: u32, due_s: u32) {
        let ahead = due_s.saturating_sub(self.turn_s).min(BUCKETS - 1);
        let bucket = self.turn_s.wrapping_add(ahead) % BUCKETS;
        let [first, last] = self.ends[bucket as usize];
        self.items[slot as usize].set_links(Links { next: NONE, previous: last, bucket: bucket as u16 });
        if last != NONE {
            self.change_links(last, |links| links.next = slot);
        }
        self.ends[bucket as usize] = [if first == NONE { slot } else { first }, slot];
    }

    fn unlink(&mut self, slot: u32) {
        let Links { next, previous, bucket } = self.items[slot as usize].links();
        debug_assert!(bucket != FREE, "the slot is in use");
        if next != NONE {
            self.change_links(next, |links| links.previous = previous);
        } else {
            self.ends[usize::from(bucket)][1] = previous;
        }
        if previous != NONE {
            self.change_links(previous, |links| links.next = next);
        } else {
            self.ends[usize::from(bucket)][0] = next;
        }
    }

    fn change_links(&mut self, slot: u32, change: impl FnOnce(&mut Links)) {
        let item = &mut self.items[slot as usize];
        let mut links = item.links();
        change(&mut links);
        item.set_links(links);
    }
}

#[cfg(test)]
mod tests;
