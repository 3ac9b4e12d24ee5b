//! The encrypted file: Argon2id makes a key of the pass phrase (RFC 9106), ChaCha20-Poly1305 encrypts and proves that
//! nothing was changed, the header included (RFC 8439).
//!
//! | bytes | |
//! |---|---|
//! | 8 | `SUIMONBK` |
//! | 2 | version of the format |
//! | 4 | memory of Argon2id, KiB |
//! | 4 | passes of Argon2id |
//! | 16 | salt |
//! | 8 | length of what follows, without the check sum |
//! | … | encrypted, with the tag of 16 bytes |
//! | 32 | SHA-256 of all before |
//!
//! Numbers are big-endian. The check sum tells a damaged stick from a wrong pass phrase; it protects from nobody.

use argon2::{Algorithm, Argon2, Params, Version};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

/// Characters of a pass phrase at least: the file leaves the box, and can be tried without end.
pub const PASSPHRASE_LENGTH_MIN: usize = 12;
/// Characters of a pass phrase at most.
pub const PASSPHRASE_LENGTH_MAX: usize = 256;
/// Bytes of a sealed file at most: as base64 inside JSON it is as large as a request may be.
pub const SEALED_BYTES_MAX: usize = 24 << 20;
/// Bytes of salt (RFC 9106 3.1).
pub const SALT_BYTES: usize = 16;

const MAGIC: &[u8; 8] = b"SUIMONBK";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 8 + 2 + 4 + 4 + SALT_BYTES + 8;
const TAG_BYTES: usize = 16;
const SUM_BYTES: usize = 32;
const KEY_BYTES: usize = 32;
/// RFC 9106 4, the second choice, for a file that is made now and then: about 200 ms of a core.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3 };
/// What a file may ask for: whoever made it decides about this box's memory and time otherwise.
const COST_MAX: Cost = Cost { memory_kib: 256 * 1024, passes: 16 };

/// What computing the key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
}

/// Why a file cannot be opened, or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It begins otherwise.
    #[error("this is no backup of a Suimon")]
    NotABackup,
    /// Of a later program.
    #[error("the backup has format {0}, and this version of the program reads up to {VERSION}: update this box first")]
    TooNew(u16),
    /// The end is missing, or too much follows.
    #[error("the backup is incomplete: {found} bytes of {expected}")]
    Length {
        /// Bytes that are there.
        found: usize,
        /// Bytes that should be.
        expected: usize,
    },
    /// Some bytes are others than were written.
    #[error("the backup is damaged: its check sum is wrong; try another copy of it")]
    Damaged,
    /// It asks for too much.
    #[error("the backup asks for more memory or time than a box gives: it was not made by this program")]
    Costly,
    /// The key is another, or somebody changed the file.
    #[error("the pass phrase is wrong (or somebody changed the file on purpose)")]
    WrongPassphrase,
    /// Nobody could guess it, or everybody.
    #[error(
        "a pass phrase has {PASSPHRASE_LENGTH_MIN} to {PASSPHRASE_LENGTH_MAX} characters: several words are easy to remember"
    )]
    Passphrase,
    /// Too much to keep.
    #[error("the backup would have {0} bytes, and {SEALED_BYTES_MAX} are possible")]
    TooLarge(usize),
}

/// The file with `content` inside. `salt` is fresh: with it, every file has a key of its own, so the nonce may be fixed.
pub fn seal(content: &[u8], passphrase: &str, salt: [u8; SALT_BYTES]) -> Result<Vec<u8>, SealError> {
    check_passphrase(passphrase)?;
    let length = content.len() + TAG_BYTES;
    let total = HEADER_BYTES + length + SUM_BYTES;
    if total > SEALED_BYTES_MAX {
        return Err(SealError::TooLarge(total));
    }
    let mut file = Vec::with_capacity(total);
    file.extend(MAGIC);
    file.extend(VERSION.to_be_bytes());
    file.extend(COST.memory_kib.to_be_bytes());
    file.extend(COST.passes.to_be_bytes());
    file.extend(salt);
    file.extend((length as u64).to_be_bytes());
    let mut body = content.to_vec();
    let sealed = key(passphrase, &salt, COST)?.seal_in_place_append_tag(nonce(), Aad::from(&file), &mut body);
    sealed.map_err(|_| SealError::TooLarge(total))?;
    file.extend(body);
    let sum = Sha256::digest(&file);
    file.extend(sum);
    Ok(file)
}

/// What is inside `file`.
pub fn open(file: &[u8], passphrase: &str) -> Result<Vec<u8>, SealError> {
    let mut fields = Fields(file);
    if fields.take::<8>().is_none_or(|magic| magic != *MAGIC) {
        return Err(SealError::NotABackup);
    }
    let short = SealError::Length { found: file.len(), expected: HEADER_BYTES + TAG_BYTES + SUM_BYTES };
    // What follows may have another shape in another version.
    match fields.take().map(u16::from_be_bytes).ok_or(short.clone())? {
        VERSION => {}
        version => return Err(SealError::TooNew(version)),
    }
    let header = (|| Some((fields.number()?, fields.number()?, fields.take::<SALT_BYTES>()?, fields.take::<8>()?)))();
    let (memory_kib, passes, salt, length) = header.ok_or(short)?;
    let length = usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX);
    let expected = HEADER_BYTES.saturating_add(length).saturating_add(SUM_BYTES);
    if file.len() != expected || length < TAG_BYTES {
        return Err(SealError::Length { found: file.len(), expected });
    }
    let (summed, sum) = file.split_at(file.len() - SUM_BYTES);
    if Sha256::digest(summed)[..] != *sum {
        return Err(SealError::Damaged);
    }
    let cost = Cost { memory_kib, passes };
    if cost.memory_kib > COST_MAX.memory_kib || cost.passes > COST_MAX.passes {
        return Err(SealError::Costly);
    }
    let (header, body) = summed.split_at(HEADER_BYTES);
    let mut body = body.to_vec();
    let opened = key(passphrase, &salt, cost)?.open_in_place(nonce(), Aad::from(header), &mut body);
    let length = opened.map_err(|_| SealError::WrongPassphrase)?.len();
    body.truncate(length);
    Ok(body)
}

/// Whether a file may be sealed with `passphrase`.
pub fn check_passphrase(passphrase: &str) -> Result<(), SealError> {
    let length = passphrase.chars().count();
    let good = (PASSPHRASE_LENGTH_MIN..=PASSPHRASE_LENGTH_MAX).contains(&length);
    if good { Ok(()) } else { Err(SealError::Passphrase) }
}

fn key(passphrase: &str, salt: &[u8], cost: Cost) -> Result<LessSafeKey, SealError> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(KEY_BYTES)).map_err(|_| SealError::Costly)?;
    let mut key = [0; KEY_BYTES];
    let made = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        passphrase.as_bytes(),
        salt,
        &mut key,
    );
    made.map_err(|_| SealError::Costly)?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("the key has the cipher's length");
    Ok(LessSafeKey::new(key))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Fields of a header, from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASE: &str = "open the water gate";

    /// The check sum of a file that somebody changed and then summed again.
    fn summed_again(mut file: Vec<u8>) -> Vec<u8> {
        file.truncate(file.len() - SUM_BYTES);
        let sum = Sha256::digest(&file);
        file.extend(sum);
        file
    }

    #[test]
    fn what_goes_in_comes_out() {
        let file = seal(b"everything", PHRASE, [7; 16]).unwrap();
        assert_eq!(open(&file, PHRASE).unwrap(), b"everything");
        assert!(!file.windows(10).any(|bytes| bytes == b"everything"));
        assert_ne!(file, seal(b"everything", PHRASE, [8; 16]).unwrap(), "another salt, another file");
        assert_eq!(open(&file, "open the water gato"), Err(SealError::WrongPassphrase));
        assert_eq!(seal(b"", "short", [7; 16]), Err(SealError::Passphrase));
    }

    /// Every length and every byte: none is accepted, and none is taken for a wrong pass phrase.
    #[test]
    fn no_damage_goes_unnoticed() {
        let file = seal(b"everything", PHRASE, [7; 16]).unwrap();
        for length in 0..file.len() {
            let error = open(&file[..length], PHRASE).unwrap_err();
            let expected = if length < 8 {
                matches!(error, SealError::NotABackup)
            } else {
                matches!(error, SealError::Length { .. })
            };
            assert!(expected, "{length} bytes: {error}");
        }
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut flipped = file.clone();
                flipped[at] ^= 1 << bit;
                let error = open(&flipped, PHRASE).unwrap_err();
                assert_ne!(error, SealError::WrongPassphrase, "byte {at} bit {bit}");
            }
        }
        assert!(matches!(open(&[file, vec![0]].concat(), PHRASE), Err(SealError::Length { .. })));
    }

    /// Somebody who changes the file and sums it again: the tag covers all of it.
    #[test]
    fn the_whole_file_is_authenticated() {
        let file = seal(b"everything", PHRASE, [7; 16]).unwrap();
        let change = |at: usize| {
            let mut changed = file.clone();
            changed[at] ^= 1;
            open(&summed_again(changed), PHRASE)
        };
        // Of the header: passes, salt; then the content and the tag. Memory and length are told apart before.
        for at in [17, 18, 33, HEADER_BYTES, HEADER_BYTES + 9, HEADER_BYTES + 10, HEADER_BYTES + 25] {
            assert_eq!(change(at), Err(SealError::WrongPassphrase), "byte {at}");
        }
        assert_eq!(change(9), Err(SealError::TooNew(0)));
        let mut newer = file.clone();
        newer[9] = 2;
        assert_eq!(open(&summed_again(newer), PHRASE), Err(SealError::TooNew(2)));
        let mut greedy = file.clone();
        greedy[10] = 1;
        assert_eq!(open(&summed_again(greedy), PHRASE), Err(SealError::Costly));
    }
}
