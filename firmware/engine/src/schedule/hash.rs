//! What the hash schedulers share: IPVS's folding and hashing of addresses, and its way around unavailable servers.

use super::Candidate;
use net::Address;

/// Position in a hash table that has no backend.
pub const EMPTY: u16 = u16::MAX;

/// An address in 32 bits: IPv4 as it is, IPv6 as the exclusive or of its four words.
#[inline]
pub fn fold(address: Address) -> u32 {
    if address.is_v4() {
        return address.0 as u32;
    }
    let bits = address.0;
    (bits >> 96) as u32 ^ (bits >> 64) as u32 ^ (bits >> 32) as u32 ^ bits as u32
}

/// The top `bits` bits of the product with the golden ratio (`hash_32` in linux/hash.h).
#[inline]
pub const fn golden(value: u32, bits: u32) -> usize {
    (value.wrapping_mul(0x61c8_8647) >> (32 - bits)) as usize
}

/// The available candidate in slot `slot_of(0)` of `table`. With `fallback` and that one unavailable: as many further
/// slots as the table has, `slot_of(n)` with n from the first slot on, around.
#[inline]
pub fn look_up(
    table: &[u16],
    candidates: &[Candidate],
    fallback: bool,
    slot_of: impl Fn(u32) -> usize,
) -> Option<usize> {
    let first = slot_of(0);
    let offsets = if fallback { table.len() } else { 0 };
    let others = (0..offsets).map(|step| slot_of(((first + step) % table.len()) as u32));
    for slot in std::iter::once(first).chain(others) {
        // A table is empty throughout or not at all.
        let at = usize::from(table[slot]);
        if candidates.get(at)?.is_available() {
            return Some(at);
        }
    }
    None
}
