//! What lblc and lblcr remember of a destination: a table of fixed size, open addressing, linear probing.

use net::Address;
use net::siphash::Key;

/// Destinations of one service in one worker. The one unused for longest of a few gives way when there are more.
pub const DESTINATIONS_MAX: usize = 4_096;
/// Twice the destinations, so that probes stay short. A power of two.
const SLOTS: usize = DESTINATIONS_MAX * 2;
/// A destination unused for so long is forgotten (IPVS: `lblc_expiration`, a day).
pub const IDLE_MAX_S: u32 = 24 * 60 * 60;
/// The same while the table is full (IPVS: ENTRY_TIMEOUT).
const IDLE_WHEN_FULL_MAX_S: u32 = 6 * 60;
/// Slots looked at in one call of `expire`, and to find one to give way.
const SLOTS_PER_STEP: usize = 64;

/// Destinations with a `V` each.
#[derive(Clone, Debug)]
pub struct Cache<V> {
    slots: Box<[Slot<V>]>,
    used: usize,
    /// Remotes choose destinations, so the hash is keyed: with the random number of the first request.
    key: Key,
    /// Where the next step of `expire` begins.
    rover: usize,
    evicted: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot<V> {
    destination: Address,
    last_used_s: u32,
    value: Option<V>,
}

impl<V: Copy + Default> Default for Cache<V> {
    fn default() -> Self {
        let slots = vec![Slot::default(); SLOTS].into_boxed_slice();
        Self { slots, used: 0, key: Key::default(), rover: 0, evicted: 0 }
    }
}

impl<V: Copy + Default> Cache<V> {
    /// Destinations that gave way to others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is known of `destination`, which counts as used now.
    pub fn find(&mut self, destination: Address, now_s: u32) -> Option<&mut V> {
        let at = self.probe(destination);
        self.slots[at].last_used_s = now_s;
        self.slots[at].value.as_mut()
    }

    /// Puts or replaces what is known of `destination`.
    pub fn put(&mut self, destination: Address, value: V, random: u64, now_s: u32) {
        if self.used == 0 {
            self.key = Key(random, !random);
        }
        let mut at = self.probe(destination);
        if self.slots[at].value.is_none() {
            if self.used == DESTINATIONS_MAX {
                self.make_room(now_s);
                at = self.probe(destination);
            }
            self.used += 1;
        }
        self.slots[at] = Slot { destination, last_used_s: now_s, value: Some(value) };
    }

    /// Forgets idle destinations in the next few slots.
    pub fn expire(&mut self, now_s: u32) {
        let idle_max_s = if self.used < DESTINATIONS_MAX { IDLE_MAX_S } else { IDLE_WHEN_FULL_MAX_S };
        for _ in 0..SLOTS_PER_STEP {
            let slot = &self.slots[self.rover];
            if slot.value.is_some() && now_s.wrapping_sub(slot.last_used_s) >= idle_max_s {
                // Another may move into this slot, so it is looked at again.
                self.remove(self.rover);
            } else {
                self.rover = (self.rover + 1) % SLOTS;
            }
        }
    }

    fn home(&self, destination: Address) -> usize {
        self.key.hash(&destination.octets()) as usize % SLOTS
    }

    /// The slot of `destination`, or the free one where it would go. At most half of the slots are used.
    fn probe(&self, destination: Address) -> usize {
        let mut at = self.home(destination);
        while self.slots[at].value.is_some() && self.slots[at].destination != destination {
            at = (at + 1) % SLOTS;
        }
        at
    }

    /// Removes the longest unused of the next few: not the longest of all, but at a bounded cost.
    fn make_room(&mut self, now_s: u32) {
        let slots = (self.rover..self.rover + SLOTS).map(|at| at % SLOTS);
        let some = slots.filter(|at| self.slots[*at].value.is_some()).take(SLOTS_PER_STEP);
        let oldest = some.max_by_key(|at| now_s.wrapping_sub(self.slots[*at].last_used_s));
        if let Some(oldest) = oldest {
            self.rover = oldest;
            self.evicted += 1;
            self.remove(oldest);
        }
    }

    /// Frees a slot and moves later ones of the run back, so that every probe still ends where it should.
    fn remove(&mut self, mut hole: usize) {
        let mut at = hole;
        loop {
            at = (at + 1) % SLOTS;
            if self.slots[at].value.is_none() {
                break;
            }
            let home = self.home(self.slots[at].destination);
            if (at + SLOTS - home) % SLOTS >= (at + SLOTS - hole) % SLOTS {
                self.slots[hole] = self.slots[at];
                hole = at;
            }
        }
        self.slots[hole].value = None;
        self.used -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_forgets_the_idle_and_finds_the_rest() {
        let address = |n: u32| Address::v4(n.to_be_bytes());
        let mut cache = Cache::<u32>::default();
        for n in 0..DESTINATIONS_MAX as u32 {
            cache.put(address(n), n, 7, n);
        }
        assert_eq!((cache.used, cache.evicted()), (DESTINATIONS_MAX, 0));
        assert!((0..4_096).all(|n| cache.find(address(n), n).copied() == Some(n)));
        for n in 5_000..5_100 {
            cache.put(address(n), n, 7, 4_096);
        }
        assert_eq!((cache.used, cache.evicted()), (DESTINATIONS_MAX, 100));
        assert!((5_000..5_100).all(|n| cache.find(address(n), 4_096).copied() == Some(n)));
        // Full: six idle minutes are enough. Everything but the hundred was used before second 4096.
        for _ in 0..=SLOTS / SLOTS_PER_STEP {
            cache.expire(4_096 + IDLE_WHEN_FULL_MAX_S - 1);
        }
        assert!(cache.used < DESTINATIONS_MAX);
        assert!((5_000..5_100).all(|n| cache.find(address(n), 4_096).copied() == Some(n)));
        // Not full: a day.
        for _ in 0..=SLOTS * 2 / SLOTS_PER_STEP {
            cache.expire(4_096 + IDLE_MAX_S);
        }
        assert_eq!(cache.used, 0);
    }

    #[test]
    fn removing_keeps_every_probe_intact() {
        let address = |n: u32| Address::v4(n.to_be_bytes());
        let mut cache = Cache::<u32>::default();
        (0..4_000).for_each(|n| cache.put(address(n), n, 99, 0));
        for n in (0..4_000).step_by(3) {
            let at = cache.probe(address(n));
            cache.remove(at);
        }
        for n in 0..4_000 {
            let expected = (n % 3 != 0).then_some(n);
            assert_eq!(cache.find(address(n), 0).copied(), expected, "destination {n}");
        }
    }
}
