//! Data connections that were announced and have not come yet.

use super::{Conversation, Origin};
use crate::Tuple;
use foldhash::fast::FixedState;
use net::ip::protocol;
use net::siphash::Key;
use net::{Address, Now};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Seconds for which an announced data connection is expected.
pub const EXPECTATION_S: u64 = 60;

/// Who opens the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server, towards the client.
    Active,
    /// The client, towards the VIP.
    Passive,
}

/// An announced data connection. The port of whoever opens it is free, and 0 here; ports of VIP and backend are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Who opens it.
    pub mode: Mode,
    /// The client.
    pub client: Address,
    /// Active: where the client listens.
    pub client_port: u16,
    /// What the client sees.
    pub vip: Address,
    /// Passive: where the client connects to. Active: the port that the backend's SYN comes from.
    pub vip_port: u16,
    /// The server.
    pub backend: Address,
    /// Passive: where the server listens.
    pub backend_port: u16,
    /// Whose control connection announced it.
    pub origin: Origin,
}

impl Expectation {
    pub(super) fn active(conversation: &Conversation, client_port: u16) -> Self {
        let Conversation { client, vip, backend, origin, .. } = *conversation;
        Self { mode: Mode::Active, client, client_port, vip, vip_port: 0, backend, backend_port: 0, origin }
    }

    pub(super) fn passive(conversation: &Conversation, port: u16) -> Self {
        let Conversation { client, vip, backend, origin, .. } = *conversation;
        Self { mode: Mode::Passive, client, client_port: 0, vip, vip_port: port, backend, backend_port: port, origin }
    }

    /// What its SYN looks like; the source port is 0: any.
    pub const fn tuple(&self) -> Tuple {
        match self.mode {
            Mode::Active => tuple(self.backend, self.client, self.client_port),
            Mode::Passive => tuple(self.client, self.vip, self.vip_port),
        }
    }
}

const fn tuple(source: Address, destination: Address, destination_port: u16) -> Tuple {
    Tuple { source, destination, source_port: 0, destination_port, protocol: protocol::TCP }
}

#[derive(Debug)]
struct Pending {
    expectation: Expectation,
    expires: Now,
}

/// A bounded table. All live equally long, so their order is that of their ends.
#[derive(Debug)]
pub(super) struct Expectations {
    key: Key,
    max: usize,
    pending: HashMap<u64, Pending, FixedState>,
    /// Ends in order. One that no longer fits its entry belongs to an expectation that was met or renewed.
    order: VecDeque<(u64, Now)>,
    /// Evicted, and not yet told of; as many as there is room for, the rest is forgotten in silence.
    lost: VecDeque<Expectation>,
    evicted: u64,
}

impl Expectations {
    pub(super) fn new(max: usize, key: Key) -> Self {
        Self {
            key,
            max,
            // Twice the room, as for control connections; and as many stale ends as live ones.
            pending: HashMap::with_capacity_and_hasher(max * 2, FixedState::default()),
            order: VecDeque::with_capacity(max * 2),
            lost: VecDeque::with_capacity(max),
            evicted: 0,
        }
    }

    /// Expects it from now on, instead of the oldest one when there is no room. `false` when the client is already told to
    /// come to the same place for another backend.
    pub(super) fn insert(&mut self, now: Now, expectation: Expectation) -> bool {
        let at = expectation.tuple().hash(self.key);
        let live = self.pending.get(&at).filter(|pending| pending.expires > now);
        if live.is_some_and(|live| live.expectation.backend != expectation.backend) || self.max == 0 {
            return false;
        }
        while self.order.len() >= self.max * 2 || (self.pending.len() >= self.max && !self.pending.contains_key(&at)) {
            // Those of active mode are claimed, and must be told of or their claims would outlive them.
            if self.lost.len() == self.max && self.lost.pop_front_if(|lost| lost.mode == Mode::Passive).is_none() {
                return false;
            }
            if let Some(pending) = self.forget_oldest() {
                self.evicted += u64::from(pending.expires > now);
                self.lost.push_back(pending.expectation);
            }
        }
        let expires = now + Duration::from_secs(EXPECTATION_S);
        self.pending.insert(at, Pending { expectation, expires });
        self.order.push_back((at, expires));
        true
    }

    /// Takes out what a SYN fulfils.
    pub(super) fn take(
        &mut self,
        now: Now,
        source: Address,
        destination: Address,
        destination_port: u16,
    ) -> Option<Expectation> {
        let tuple = tuple(source, destination, destination_port);
        let at = tuple.hash(self.key);
        let found = self.pending.get(&at).filter(|found| found.expectation.tuple() == tuple)?;
        // One whose time is over stays for `expire`, which tells of it.
        let taken = (found.expires > now).then_some(found.expectation)?;
        self.pending.remove(&at);
        Some(taken)
    }

    /// Forgets up to `budget` ends that have come; `gone` is told of each expectation that nobody met, evicted
    /// ones included.
    pub(super) fn expire(&mut self, now: Now, budget: usize, mut gone: impl FnMut(&Expectation)) {
        for expectation in self.lost.drain(..) {
            gone(&expectation);
        }
        for _ in 0..budget {
            if self.order.front().is_none_or(|(_, expires)| *expires > now) {
                return;
            }
            if let Some(pending) = self.forget_oldest() {
                gone(&pending.expectation);
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    // The expectation that was forgotten, when there was one to the oldest end.
    fn forget_oldest(&mut self) -> Option<Pending> {
        let (at, expires) = self.order.pop_front()?;
        self.pending.get(&at).filter(|pending| pending.expires == expires)?;
        self.pending.remove(&at)
    }
}
