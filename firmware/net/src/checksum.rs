//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

use crate::Address;

/// One's complement sum of `bytes` added to `sum`, not folded. An odd last byte counts as the high half of a word.
pub fn add(sum: u32, bytes: &[u8]) -> u32 {
    let mut wide = u64::from(sum);
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        wide += u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    }
    let rest = words.remainder();
    let mut tail = [0; 4];
    tail[..rest.len()].copy_from_slice(rest);
    wide += u64::from(u32::from_be_bytes(tail));
    // 2^16 = 1 modulo 0xffff, so the four halves may simply be added.
    ((wide & 0xffff) + (wide >> 16 & 0xffff) + (wide >> 32 & 0xffff) + (wide >> 48)) as u32
}

/// Carries folded into 16 bits.
pub const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// The checksum of `bytes`: the complement of their folded sum.
pub fn of(bytes: &[u8]) -> u16 {
    !fold(add(0, bytes))
}

/// Sum of the pseudo-header (RFC 768, RFC 9293 3.1, RFC 8200 8.1), not folded.
pub fn pseudo_header(source: Address, destination: Address, protocol: u8, length: u32) -> u32 {
    let sum = if source.is_v4() {
        add(add(0, &source.octets_v4()), &destination.octets_v4())
    } else {
        add(add(0, &source.octets()), &destination.octets())
    };
    sum + u32::from(protocol) + (length >> 16) + (length & 0xffff)
}

/// What changes in a checksum when words of the packet change; applied once per checksum field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta(u32);

impl Delta {
    /// No change.
    pub const NONE: Self = Self(0);

    /// Adds the replacement of one 16-bit word.
    pub const fn word(self, old: u16, new: u16) -> Self {
        // RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m').
        Self(fold(self.0 + !old as u32 + new as u32) as u32)
    }

    /// Adds the replacement of an address by one of the same family.
    pub fn address(self, old: Address, new: Address) -> Self {
        // Two IPv4 addresses share their upper 96 bits, whose difference is zero: one loop serves both families.
        let words = |a: Address| [(a.0 >> 96) as u32, (a.0 >> 64) as u32, (a.0 >> 32) as u32, a.0 as u32];
        let mut sum = self.0;
        for (old, new) in words(old).into_iter().zip(words(new)) {
            sum += u32::from(!(old >> 16) as u16) + u32::from(!old as u16) + (new >> 16) + (new & 0xffff);
        }
        Self(u32::from(fold(sum)))
    }

    /// Adds the replacement of `old` by `new`, both starting at an even offset of the summed data; an odd length is
    /// padded with zero.
    pub fn bytes(self, old: &[u8], new: &[u8]) -> Self {
        let removed = !fold(add(0, old));
        Self(u32::from(fold(self.0 + u32::from(removed) + u32::from(fold(add(0, new))))))
    }

    /// The checksum field after the change.
    pub const fn apply(self, checksum: u16) -> u16 {
        !fold(!checksum as u32 + self.0)
    }

    /// A partial checksum after the change: the field of a packet whose checksum the NIC completes holds the
    /// pseudo-header's sum, not complemented.
    pub const fn apply_partial(self, sum: u16) -> u16 {
        fold(sum as u32 + self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(fold(add(0, &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
    }

    proptest! {
        #[test]
        fn an_incremental_update_equals_a_new_sum(
            mut data in proptest::collection::vec(any::<u8>(), 4..64), word in any::<u16>(), at in 0usize..30
        ) {
            let at = (at * 2).min(data.len() / 2 * 2 - 2);
            let before = of(&data);
            let old = u16::from_be_bytes([data[at], data[at + 1]]);
            data[at..at + 2].copy_from_slice(&word.to_be_bytes());
            let updated = Delta::NONE.word(old, word).apply(before);
            // 0x0000 and 0xffff are the same number in one's complement.
            let same = |sum: u16| if sum == 0xffff { 0 } else { sum };
            prop_assert_eq!(same(updated), same(of(&data)));
        }

        #[test]
        fn an_address_update_equals_its_words(old in any::<u128>(), new in any::<u128>(), sum in any::<u16>()) {
            let by_address = Delta::NONE.address(Address(old), Address(new));
            let by_bytes = Delta::NONE.bytes(&old.to_be_bytes(), &new.to_be_bytes());
            prop_assert_eq!(by_address.apply(sum) % 0xffff, by_bytes.apply(sum) % 0xffff);
        }
    }
}
