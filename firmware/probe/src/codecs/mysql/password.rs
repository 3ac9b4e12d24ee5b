//! What a client makes of a password, so that it does not travel in the clear.

use super::NONCE;
use rsa::pkcs8::DecodePublicKey;
use rsa::rand_core::CryptoRng;
use rsa::{Oaep, PublicKey};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Asks for the server's public key.
pub const KEY_REQUEST: [u8; 1] = [2];
/// Bytes of the longest public key that is read, as PEM: 16,384 bits take 3 KiB.
pub const KEY_MAX: usize = 4096;

/// Ways to check a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// `mysql_native_password`: SHA-1.
    Native,
    /// `caching_sha2_password`: SHA-256, and the password itself, encrypted, if the server has not seen it since it started.
    Sha2,
}

/// What `caching_sha2_password` says to a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// The server knows it, and it is right: a welcome follows.
    Right,
    /// The server does not remember it and wants the password.
    Unknown,
}

/// The password could not be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// What came is no RSA key as PEM.
    #[error("the server's public key cannot be read")]
    Unreadable,
    /// It is too short for this password.
    #[error("the password does not fit the server's public key")]
    Short,
}

impl Plugin {
    /// As it is called in the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::Sha2 => "caching_sha2_password",
        }
    }

    /// The plugin with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Native, Self::Sha2].into_iter().find(|plugin| plugin.name() == name)
    }

    /// Proves the password for the server's random number; nothing proves the empty one.
    pub fn answer(self, password: &str, nonce: &[u8; NONCE]) -> Vec<u8> {
        match self {
            _ if password.is_empty() => Vec::new(),
            // SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password)))
            Self::Native => {
                let hash = Sha1::digest(password);
                let mask = Sha1::new().chain_update(nonce).chain_update(Sha1::digest(hash)).finalize();
                xor(&hash, &mask)
            }
            // SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce)
            Self::Sha2 => {
                let hash = Sha256::digest(password);
                let mask = Sha256::new().chain_update(Sha256::digest(hash)).chain_update(nonce).finalize();
                xor(&hash, &mask)
            }
        }
    }
}

impl Cached {
    /// Reads what follows the mark of a [`super::Reply::More`].
    pub fn parse(more: &[u8]) -> Option<Self> {
        match more {
            [3] => Some(Self::Right),
            [4] => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// The password as it goes through TLS.
pub fn plain(password: &str) -> Vec<u8> {
    [password.as_bytes(), &[0]].concat()
}

/// The password encrypted for the server, where there is no TLS. Whoever sits between can send a key of its own: this
/// keeps out those who listen, no more.
pub fn encrypted(
    password: &str,
    nonce: &[u8; NONCE],
    key: &[u8],
    random: &mut impl CryptoRng,
) -> Result<Vec<u8>, KeyError> {
    let key = str::from_utf8(key).ok().filter(|key| key.len() <= KEY_MAX).ok_or(KeyError::Unreadable)?;
    let key = PublicKey::from_public_key_pem(key.trim()).map_err(|_| KeyError::Unreadable)?;
    let plain = plain(password);
    let mask: Vec<u8> = nonce.iter().copied().cycle().take(plain.len()).collect();
    key.encrypt(random, Oaep::<Sha1>::new(), &xor(&plain, &mask)).map_err(|_| KeyError::Short)
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}
