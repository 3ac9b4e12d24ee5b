//! Replies that the kernel must be told are ours, flow by flow: they cannot be told by their source address and port.

use crate::{Tuple, Wire};

/// Claims that wait for the end of a batch: each frame of it makes one at most, and expiry is bounded besides.
const PENDING_MAX: usize = 4_096;

/// Claims made during a batch.
#[derive(Debug)]
pub(super) struct Claims {
    pending: Vec<(Change, Tuple)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Claim,
    Unclaim,
}

impl Default for Claims {
    fn default() -> Self {
        Self { pending: Vec::with_capacity(PENDING_MAX) }
    }
}

impl Claims {
    pub(super) fn claim(&mut self, replies: Tuple) {
        self.push(Change::Claim, replies);
    }

    pub(super) fn unclaim(&mut self, replies: Tuple) {
        self.push(Change::Unclaim, replies);
    }

    /// Hands them to the wire, oldest first.
    pub(super) fn settle(&mut self, wire: &mut impl Wire) {
        for (change, replies) in self.pending.drain(..) {
            match change {
                Change::Claim => wire.claim(&replies),
                Change::Unclaim => wire.unclaim(&replies),
            }
        }
    }

    /// Room for at least as many changes as a batch or a slice of expiry makes.
    pub(super) fn has_room(&self) -> bool {
        self.pending.len() + 2 * crate::BATCH_MAX < PENDING_MAX
    }

    fn push(&mut self, change: Change, replies: Tuple) {
        if self.pending.len() < PENDING_MAX {
            self.pending.push((change, replies));
        }
    }
}
