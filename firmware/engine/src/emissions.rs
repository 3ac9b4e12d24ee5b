//! Frames that the engine makes itself: answers, fragments, segments. One arena, filled during a batch, sent at its
//! end, never grown.

use crate::{HEADROOM, Head, NicId, Packet};
use net::offload::Offload;

/// Frames waiting at once: four super-frames of 64 KiB cut into 1,400 byte segments, and answers for a batch.
pub const EMISSIONS_MAX: usize = 512;
/// Bytes of the arena.
pub const EMISSION_BYTES_MAX: usize = 512 * 1024;

/// The arena.
#[derive(Debug)]
pub struct Emissions {
    arena: Box<[u8]>,
    used: usize,
    heads: Vec<Head>,
}

impl Default for Emissions {
    fn default() -> Self {
        Self {
            arena: vec![0; EMISSION_BYTES_MAX].into_boxed_slice(),
            used: 0,
            heads: Vec::with_capacity(EMISSIONS_MAX),
        }
    }
}

impl Emissions {
    /// A new frame of `length` bytes to leave on `nic`, behind [`HEADROOM`], with whatever bytes were there before.
    /// `None` when the arena is full.
    pub fn begin(&mut self, nic: NicId, length: usize) -> Option<Packet<'_>> {
        let start = self.used + HEADROOM;
        let end = start + length;
        if end > self.arena.len() || self.heads.len() == EMISSIONS_MAX {
            return None;
        }
        self.used = end;
        self.heads.push(Head { nic, start: start as u32, end: end as u32, offload: Offload::NONE });
        let head = self.heads.last_mut().expect("pushed above");
        Some(Packet { head, buffer: &mut self.arena[..end] })
    }

    /// Takes back the frame begun last.
    pub fn cancel(&mut self) {
        self.heads.pop();
        self.used = self.heads.last().map_or(0, |head| head.end as usize);
    }

    /// The frames so far: where they leave, their offloads, their bytes.
    pub fn iter(&self) -> impl Iterator<Item = (NicId, Offload, &[u8])> {
        self.heads.iter().map(|head| (head.nic, head.offload, &self.arena[head.start as usize..head.end as usize]))
    }

    /// How many frames wait.
    pub fn count(&self) -> usize {
        self.heads.len()
    }

    /// Whether a super-frame of 64 KiB, cut into the segments of any usual link, would find room.
    pub fn is_roomy(&self) -> bool {
        self.heads.len() <= EMISSIONS_MAX / 2 && self.used <= self.arena.len() / 2
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.used = 0;
        self.heads.clear();
    }
}
