//! What the engine tells the control loop.

use crate::NicId;
use net::{Address, Mac};
use std::collections::VecDeque;

/// Events that wait at most; more are lost, as each repeats while its cause lasts.
const EVENTS_MAX: usize = 256;

/// Something the control loop should act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A packet waits for the hardware address of this neighbour.
    NeighborWanted {
        /// Where it is.
        nic: NicId,
        /// Its address.
        address: Address,
    },
    /// Another host claims one of our addresses.
    AddressConflict {
        /// Where it was seen.
        nic: NicId,
        /// The address.
        address: Address,
        /// The other host.
        mac: Mac,
    },
}

/// The bounded queue.
#[derive(Debug)]
pub(super) struct Events(VecDeque<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(VecDeque::with_capacity(EVENTS_MAX))
    }
}

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        // The same neighbour is wanted by every packet until it is resolved: one event of a kind in a row is enough.
        if self.0.len() < EVENTS_MAX && self.0.back() != Some(&event) {
            self.0.push_back(event);
        }
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Event> {
        self.0.drain(..)
    }
}
