//! Where tokens, passwords and salts come from. Tests pass a seeded source; what they check is what the box runs.

use sha2::{Digest, Sha256};

/// Letters and digits that nobody mistakes for each other when reading from a screen.
const READABLE: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Bytes that nobody can guess.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);

    /// As many bytes as the array has.
    fn bytes<const N: usize>(&mut self) -> [u8; N]
    where
        Self: Sized,
    {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A text of readable characters, 5 bits each, with a dash after every `group`.
    fn readable(&mut self, characters: usize, group: usize) -> String
    where
        Self: Sized,
    {
        let mut text = String::new();
        for number in 0..characters {
            if number > 0 && number % group == 0 {
                text.push('-');
            }
            // 32 characters divide 256 evenly: every one is as likely as the others.
            let [byte] = self.bytes::<1>();
            text.push(char::from(READABLE[usize::from(byte % 32)]));
        }
        text
    }
}

/// A stream of bytes out of 32 that nobody can guess: SHA-256 over the seed and a counter.
#[derive(Clone)]
pub struct Stream {
    seed: [u8; 32],
    block: u64,
    left: Vec<u8>,
}

impl Stream {
    /// The stream of `seed`, which the caller takes from the kernel and uses for nothing else.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, block: 0, left: Vec::new() }
    }
}

impl Random for Stream {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.left.is_empty() {
                let block = Sha256::new().chain_update(self.seed).chain_update(self.block.to_be_bytes()).finalize();
                self.block += 1;
                self.left.extend_from_slice(&block);
            }
            *byte = self.left.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::HashSet;

    pub(crate) fn seeded(seed: u8) -> Stream {
        Stream::new([seed; 32])
    }

    #[test]
    fn a_stream_does_not_repeat_itself() {
        let mut stream = seeded(1);
        let blocks: HashSet<[u8; 16]> = (0..1_000).map(|_| stream.bytes()).collect();
        assert_eq!(blocks.len(), 1_000);
        assert_ne!(seeded(1).bytes::<16>(), seeded(2).bytes::<16>());
        assert_eq!(seeded(1).bytes::<16>(), seeded(1).bytes::<16>());
    }

    #[test]
    fn readable_texts_use_every_character() {
        let text = seeded(3).readable(4_000, 4);
        assert_eq!(text.len(), 4_000 + 999);
        assert_eq!(text.matches('-').count(), 999);
        let characters: HashSet<char> = text.chars().filter(|c| *c != '-').collect();
        assert_eq!(characters.len(), READABLE.len());
    }
}
