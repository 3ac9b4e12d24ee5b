//! Secrets that say who calls: 256 random bits. At rest there is only their SHA-256, which is enough for something that
//! cannot be guessed.

use crate::random::Random;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

/// Bytes of randomness.
const SECRET_BYTES: usize = 32;
/// Bytes of a name for something that has a secret.
const ID_BYTES: usize = 6;
/// Characters of a secret's random part that lists show.
const PREFIX_LENGTH: usize = 6;
/// Characters of a secret at most: no longer text is looked at.
const TEXT_LENGTH_MAX: usize = 64;

/// SHA-256 of a secret.
pub type Hash = [u8; 32];

/// What a secret is for: its text says so, for scanners that look for leaked ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person's log-in.
    Session,
    /// A program's token.
    Token,
}

impl Kind {
    fn mark(self) -> &'static str {
        match self {
            Self::Session => "suimon_s_",
            Self::Token => "suimon_t_",
        }
    }

    /// The kind of a secret, by how it begins; `None`: it is none.
    pub fn of(text: &str) -> Option<Self> {
        let kinds = [Self::Session, Self::Token];
        kinds.into_iter().find(|kind| text.len() <= TEXT_LENGTH_MAX && text.starts_with(kind.mark()))
    }
}

/// A secret on its way to the caller, and never again.
pub struct Secret {
    /// The text.
    pub text: String,
    /// What is kept.
    pub hash: Hash,
    /// How it begins, to recognise it.
    pub prefix: String,
}

impl Secret {
    /// A new one.
    pub fn new(kind: Kind, random: &mut impl Random) -> Self {
        let text = format!("{}{}", kind.mark(), BASE64URL_NOPAD.encode(&random.bytes::<SECRET_BYTES>()));
        let prefix = text[..kind.mark().len() + PREFIX_LENGTH].to_owned();
        Self { hash: hash_of(&text), text, prefix }
    }
}

/// SHA-256 of a text.
pub fn hash_of(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// A new name for something.
pub(crate) fn new_id(random: &mut impl Random) -> String {
    HEXLOWER.encode(&random.bytes::<ID_BYTES>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::tests::seeded;

    #[test]
    fn secrets_say_what_they_are() {
        let mut random = seeded(1);
        for kind in [Kind::Session, Kind::Token] {
            let secret = Secret::new(kind, &mut random);
            assert_eq!(secret.text.len(), 9 + 43);
            assert_eq!(Kind::of(&secret.text), Some(kind));
            assert!(secret.text.starts_with(&secret.prefix) && secret.prefix.len() == 9 + PREFIX_LENGTH);
            assert_eq!(secret.hash, hash_of(&secret.text));
        }
        assert_eq!(Kind::of("suimon_x_"), None);
        assert_eq!(Kind::of(&format!("suimon_s_{}", "a".repeat(100))), None);
        assert_eq!(new_id(&mut random).len(), 12);
    }
}
