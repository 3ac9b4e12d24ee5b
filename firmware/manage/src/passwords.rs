//! Passwords: how they are kept, which are refused, and the first one.

use crate::random::Random;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Characters of a password at least.
pub const PASSWORD_LENGTH_MIN: usize = 10;
/// Characters of a password at most. It bounds the work of a request, not the strength.
pub const PASSWORD_LENGTH_MAX: usize = 256;
/// Different characters of a password at least.
pub const PASSWORD_CHARACTERS_MIN: usize = 5;

/// Memory of one Argon2id computation, KiB. With [`PASSES`] and [`LANES`] it is the first choice of RFC 9106 scaled to a
/// box whose memory belongs to its flow table: about 20 ms of one core.
const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Lanes: one core.
const LANES: u32 = 1;
/// Bytes of salt (RFC 9106 3.1).
const SALT_BYTES: usize = 16;
/// Characters of a password that the box makes up, 5 bits each.
const MADE_UP_CHARACTERS: usize = 16;

/// Passwords that are long enough and that everybody tries first, in lower case.
const WORST: &[&str] = &[
    "0123456789",
    "0987654321",
    "1122334455",
    "1234567890",
    "12345678910",
    "123456789a",
    "1234567891",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "9876543210",
    "abc1234567",
    "abcd123456",
    "abcdefghij",
    "admin12345",
    "admin123456",
    "administrator",
    "basketball",
    "changeme123",
    "changemenow",
    "computer123",
    "football123",
    "iloveyou123",
    "letmein123",
    "letmeinnow",
    "loadbalancer",
    "p@ssw0rd123",
    "p@ssword123",
    "pass123456",
    "passw0rd123",
    "password01",
    "password11",
    "password12",
    "password123",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "princess123",
    "q1w2e3r4t5",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qwerty1234",
    "qwerty12345",
    "qwerty123456",
    "qwertyuiop",
    "qwertyuiop123",
    "suimon12345",
    "suimonsuimon",
    "sunshine123",
    "superman123",
    "test123456",
    "ultramonkey",
    "welcome123",
    "welcome1234",
    "zaq12wsxcde3",
    "zxcvbnm123",
];

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short.
    #[error("a password has at least {PASSWORD_LENGTH_MIN} characters")]
    Short,
    /// Too long.
    #[error("a password has at most {PASSWORD_LENGTH_MAX} characters")]
    Long,
    /// Too few different characters.
    #[error("a password has at least {PASSWORD_CHARACTERS_MIN} different characters")]
    Monotonous,
    /// The user's name, or that with something around it.
    #[error("the password is made from the user's name")]
    UserName,
    /// Everybody tries it first.
    #[error("this password is among those that are tried first")]
    Common,
}

/// Whether `user` may have this password.
pub fn check(user: &str, password: &str) -> Result<(), WeakPassword> {
    let length = password.chars().count();
    if length < PASSWORD_LENGTH_MIN {
        return Err(WeakPassword::Short);
    }
    if length > PASSWORD_LENGTH_MAX {
        return Err(WeakPassword::Long);
    }
    let different: std::collections::HashSet<char> = password.chars().collect();
    if different.len() < PASSWORD_CHARACTERS_MIN {
        return Err(WeakPassword::Monotonous);
    }
    let (password, user) = (password.to_lowercase(), user.to_lowercase());
    let rest: String = password.replace(&user, "").chars().filter(|c| c.is_alphabetic()).collect();
    // "takeshi-2026!" and "takeshitakeshi" say no more than "takeshi".
    if password.contains(&user) && rest.is_empty() {
        return Err(WeakPassword::UserName);
    }
    if WORST.contains(&password.as_str()) { Err(WeakPassword::Common) } else { Ok(()) }
}

/// A password that nobody can guess, easy to read from a screen: for the first log-in.
pub fn made_up(random: &mut impl Random) -> String {
    random.readable(MADE_UP_CHARACTERS, 4)
}

/// A password as it is kept: Argon2id with its salt and parameters, as PHC text.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl PasswordHash {
    /// Of `password`. Takes tens of milliseconds and [`MEMORY_KIB`]: not for the thread that serves requests.
    pub fn new(password: &str, salt: [u8; SALT_BYTES]) -> Self {
        let phc = argon2().hash_password_with_salt(password.as_bytes(), &salt);
        Self(phc.expect("the parameters and the length of the salt are constants in range").to_string())
    }

    /// A salt for [`PasswordHash::new`].
    pub fn salt(random: &mut impl Random) -> [u8; SALT_BYTES] {
        random.bytes()
    }

    /// From what was kept.
    pub fn from_kept(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// To be kept.
    pub fn as_kept(&self) -> &str {
        &self.0
    }

    /// Whether `password` is this one. Takes as long as [`PasswordHash::new`], whether it is or not.
    pub fn matches(&self, password: &str) -> bool {
        Phc::new(&self.0).is_ok_and(|phc| argon2().verify_password(password.as_bytes(), &phc).is_ok())
    }
}

fn argon2() -> Argon2<'static> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are constants in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::tests::seeded;

    #[test]
    fn rules() {
        for (user, password, expected) in [
            ("takeshi", "short", Err(WeakPassword::Short)),
            ("takeshi", "ninechars", Err(WeakPassword::Short)),
            ("takeshi", "tenletters", Ok(())),
            ("takeshi", "水門水門水門水門水門", Err(WeakPassword::Monotonous)),
            ("takeshi", "春は曙やうやう白くなり", Ok(())),
            ("takeshi", "aaaaaaaaaaaaaa", Err(WeakPassword::Monotonous)),
            ("takeshi", "takeshitakeshi", Err(WeakPassword::UserName)),
            ("takeshi", "Takeshi-2026!", Err(WeakPassword::UserName)),
            ("takeshi", "takeshi likes tea", Ok(())),
            ("takeshi", "Password123", Err(WeakPassword::Common)),
            ("takeshi", "qwertyuiop", Err(WeakPassword::Common)),
            ("a", "correct horse battery staple", Ok(())),
        ] {
            assert_eq!(check(user, password), expected, "{password}");
        }
        assert_eq!(check("a", &"xyzabc".repeat(43)), Err(WeakPassword::Long));
        assert_eq!(check("b", &format!("{}wxyz", "xyzabc".repeat(42))), Ok(()));
        for worst in WORST {
            assert!(worst.len() >= PASSWORD_LENGTH_MIN, "{worst} is refused for its length already");
            assert_eq!(*worst, worst.to_lowercase());
        }
    }

    #[test]
    fn hashes_tell_passwords_apart() {
        let mut random = seeded(1);
        let hash = PasswordHash::new("correct horse", PasswordHash::salt(&mut random));
        assert!(hash.as_kept().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_kept());
        let kept = PasswordHash::from_kept(hash.as_kept());
        assert!(kept.matches("correct horse"));
        assert!(!kept.matches("Correct horse") && !kept.matches(""));
        let other = PasswordHash::new("correct horse", PasswordHash::salt(&mut random));
        assert_ne!(hash, other, "salted");
        assert!(!PasswordHash::from_kept("damaged").matches("damaged"));
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }

    #[test]
    fn made_up_passwords_pass_the_rules() {
        let mut random = seeded(2);
        for _ in 0..100 {
            let password = made_up(&mut random);
            assert_eq!(password.len(), MADE_UP_CHARACTERS + 3);
            assert_eq!(check("admin", &password), Ok(()), "{password}");
        }
    }
}
