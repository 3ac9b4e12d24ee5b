//! The keyed hash for everything a remote chooses or all nodes must agree on: SipHash-1-3.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// The key: the same on all nodes of a group, unknown to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key(pub u64, pub u64);

impl Key {
    /// The hash of `bytes`.
    #[inline]
    pub fn hash(self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(bytes);
        hasher.finish()
    }
}
