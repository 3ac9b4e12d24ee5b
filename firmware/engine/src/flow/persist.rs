//! Persistence: clients that came before go where they went (ipvsadm(8), `-p`).
//!
//! One entry per client network and group. It counts the flows made under it, lives on for a time after the last one
//! ended or was made, and never dies while it has any: a client with an open connection is never split over two backends.

use super::index::{Index, tag};
use super::slots::{Linked, Links, Slots};
use super::{halves, joined};
use crate::BackendIndex;
use net::siphash::Key;
use net::{Address, Now};

/// Who is persistent with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PersistKey {
    /// The client, masked by the service's persistence prefix.
    pub client: Address,
    /// The service's persistence group.
    pub group: u16,
    /// TCP, or else UDP.
    pub tcp: bool,
}

impl PersistKey {
    fn hash(&self, key: Key) -> u64 {
        let mut bytes = [0; 19];
        bytes[0..16].copy_from_slice(&self.client.octets());
        bytes[16..18].copy_from_slice(&self.group.to_be_bytes());
        bytes[18] = u8::from(self.tcp);
        key.hash(&bytes)
    }
}

/// Where a persistent client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persisted {
    /// The backend, of the service that made the entry.
    pub backend: BackendIndex,
    /// Its address: how another service of the group finds its own backend there.
    pub address: Address,
}

/// Entries of one worker: a fixed number. Nothing is allocated behind [`PersistTable::new`].
#[derive(Debug)]
pub struct PersistTable {
    key: Key,
    slots: Slots<Bond>,
    index: Index,
}

/// A key with its backend, its flows and its end.
#[derive(Clone, Copy, Debug)]
struct Bond {
    client: [u64; 2],
    address: [u64; 2],
    flows: u32,
    /// Counts only without flows.
    ends_s: u32,
    next: u32,
    previous: u32,
    bucket: u16,
    backend: BackendIndex,
    group: u16,
    tcp: bool,
    /// The backend is no longer to be used; the entry stays to count the flows that are left.
    forgotten: bool,
}

impl PersistTable {
    /// Room for `capacity` entries, at least 1.
    pub fn new(capacity: u32, key: Key) -> Self {
        let capacity = capacity.max(1);
        Self { key, slots: Slots::new(capacity), index: Index::new(capacity as usize) }
    }

    /// Where the client goes, if it has been here lately.
    pub fn find(&self, key: &PersistKey, now: Now) -> Option<Persisted> {
        let bond = self.slots.item(self.slot(key)?);
        (bond.lives(now.secs()) && !bond.forgotten)
            .then_some(Persisted { backend: bond.backend, address: joined(bond.address) })
    }

    /// A flow was made: the client goes to `backend` from now on, until `timeout_s` after the last flow was made or ended.
    /// `false` when there is no room; such a flow must not be unbound.
    pub fn bind(
        &mut self,
        key: &PersistKey,
        backend: BackendIndex,
        address: Address,
        now: Now,
        timeout_s: u32,
    ) -> bool {
        let ends_s = now.secs().saturating_add(timeout_s);
        let Some(slot) = self.slot(key) else {
            return self.insert(key, backend, address, now.secs(), ends_s);
        };
        let bond = self.slots.item_mut(slot);
        (bond.backend, bond.address, bond.forgotten) = (backend, halves(address), false);
        bond.flows = bond.flows.saturating_add(1);
        bond.ends_s = ends_s;
        true
    }

    /// A flow that was bound ended: the entry lives for another `timeout_s`, longer while it has flows.
    pub fn unbind(&mut self, key: &PersistKey, now: Now, timeout_s: u32) {
        let Some(slot) = self.slot(key) else {
            return;
        };
        let bond = self.slots.item_mut(slot);
        bond.flows = bond.flows.saturating_sub(1);
        bond.ends_s = now.secs().saturating_add(timeout_s);
        if bond.flows == 0 {
            if bond.forgotten {
                bond.ends_s = now.secs();
            }
            let ends_s = bond.ends_s;
            self.slots.bring_forward(slot, ends_s);
        }
    }

    /// The client's next flow is scheduled anew: its backend went away. Flows it has are still counted.
    pub fn forget(&mut self, key: &PersistKey) {
        let Some(slot) = self.slot(key) else {
            return;
        };
        if self.slots.item(slot).flows > 0 {
            self.slots.item_mut(slot).forgotten = true;
        } else {
            self.remove(slot);
        }
    }

    /// Forgets all clients of a group, flows or not. Looks at every slot: once per change of a service's persistence.
    pub fn forget_group(&mut self, group: u16) {
        for slot in 0..self.slots.used() {
            if self.slots.in_use(slot).is_some_and(|bond| bond.group == group) {
                self.remove(slot);
            }
        }
    }

    /// Removes entries that ended. Looks at no more than `budget`; returns how many were removed.
    pub fn expire(&mut self, now: Now, budget: usize) -> usize {
        let mut ended = 0;
        for _ in 0..budget {
            let Some(slot) = self.slots.next_due(now.secs()) else {
                break;
            };
            let bond = *self.slots.item(slot);
            if !bond.lives(now.secs()) {
                self.remove(slot);
                ended += 1;
            } else if bond.flows > 0 {
                // The end of the last flow brings it forward.
                self.slots.postpone(slot, u32::MAX);
            } else {
                self.slots.postpone(slot, bond.ends_s);
            }
        }
        ended
    }

    /// Entries now, those included that ended and were not removed yet.
    pub fn len(&self) -> usize {
        self.slots.len() as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.len() == 0
    }

    /// Entries there is room for.
    pub fn capacity(&self) -> u32 {
        self.slots.capacity()
    }

    /// Memory reserved, all in, bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.slots.bytes() + self.index.bytes()
    }

    fn slot(&self, key: &PersistKey) -> Option<u32> {
        let found = self.index.find(tag(key.hash(self.key)), |reference| self.slots.item(reference - 1).key() == *key);
        found.map(|reference| reference - 1)
    }

    fn insert(&mut self, key: &PersistKey, backend: BackendIndex, address: Address, now_s: u32, ends_s: u32) -> bool {
        let mut bond = Bond {
            client: halves(key.client),
            address: halves(address),
            flows: 1,
            ends_s,
            next: 0,
            previous: 0,
            bucket: 0,
            backend,
            group: key.group,
            tcp: key.tcp,
            forgotten: false,
        };
        bond.set_links(Links::LOOSE);
        let Some(slot) = self.slots.insert(bond, now_s, ends_s) else {
            return false;
        };
        self.index.insert(tag(key.hash(self.key)), slot + 1);
        true
    }

    fn remove(&mut self, slot: u32) {
        let key = self.slots.remove(slot).key();
        let removed = self.index.remove(tag(key.hash(self.key)), slot + 1);
        debug_assert!(removed, "a key lives as long as its entry");
    }
}

impl Bond {
    fn key(&self) -> PersistKey {
        PersistKey { client: joined(self.client), group: self.group, tcp: self.tcp }
    }

    fn lives(&self, now_s: u32) -> bool {
        self.flows > 0 || self.ends_s > now_s
    }
}

impl Linked for Bond {
    fn links(&self) -> Links {
        Links::of(self.next, self.previous, self.bucket)
    }

    fn set_links(&mut self, links: Links) {
        (self.next, self.previous, self.bucket) = links.numbers();
    }
}

#[cfg(test)]
mod tests;
