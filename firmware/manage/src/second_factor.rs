//! The second factor: six digits that change every half minute (RFC 6238), and recovery codes for who lost the device.

use crate::random::Random;
use crate::secret::{Hash, hash_of};
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Bytes of the secret: as long as the output of SHA-1 (RFC 4226 4).
pub const SECRET_BYTES: usize = 20;
/// Recovery codes of one enrolment.
pub const RECOVERY_CODES: usize = 10;
/// Characters of a recovery code, 5 bits each: too many to search for even in a stolen database.
const RECOVERY_CHARACTERS: usize = 16;
/// Digits. Authenticators agree on SHA-1, six digits and 30 s; many ignore anything else.
const DIGITS: u8 = 6;
/// Seconds of one step.
const STEP_S: u64 = 30;
/// Steps that a device's clock may be wrong, either way (RFC 6238 5.2).
const SKEW: u16 = 1;

/// A second factor in force.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// What the device knows too.
    pub secret: [u8; SECRET_BYTES],
    /// The last step that was used. RFC 6238 5.2: a code is accepted once.
    pub last_step: u64,
    /// SHA-256 of the recovery codes that are left.
    pub recovery: Vec<Hash>,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecondFactor({} recovery codes left)", self.recovery.len())
    }
}

/// What a user is shown once to set the device up.
pub struct Offer {
    /// The second factor to be.
    pub factor: SecondFactor,
    /// The secret in base32.
    pub secret: String,
    /// The `otpauth:` address.
    pub url: String,
    /// The recovery codes.
    pub recovery_codes: Vec<String>,
}

impl SecondFactor {
    /// A new one for `user` of the box called `box_name`.
    pub fn offer(user: &str, box_name: &str, random: &mut impl Random) -> Offer {
        let secret: [u8; SECRET_BYTES] = random.bytes();
        let recovery_codes: Vec<String> =
            (0..RECOVERY_CODES).map(|_| random.readable(RECOVERY_CHARACTERS, 4)).collect();
        let recovery = recovery_codes.iter().map(|code| hash_of(&plain(code))).collect();
        // A colon parts issuer and account in the address.
        let issuer = format!("Suimon {}", box_name.replace(':', "-"));
        let totp = builder(secret).with_account_name(user.replace(':', "-")).with_issuer(Some(issuer));
        let url = totp.build().and_then(|totp| totp.to_url()).expect("length and names were made to fit");
        let text = Secret::from(secret.to_vec()).to_base32();
        Offer { factor: Self { secret, last_step: 0, recovery }, secret: text, url, recovery_codes }
    }

    /// Whether `code` is right at this time. The answer is the factor as it is afterwards: it must be kept before the
    /// log-in counts, or the same code would serve twice.
    pub fn accept(&self, unix_s: i64, code: &str) -> Option<Self> {
        let code = plain(code);
        if code.len() == usize::from(DIGITS) {
            let step = totp(self.secret).check(&code, u64::try_from(unix_s).ok()?)?;
            return (step > self.last_step).then(|| Self { last_step: step, ..self.clone() });
        }
        let hash = hash_of(&code);
        let used = self.recovery.iter().position(|kept| *kept == hash)?;
        let mut after = self.clone();
        after.recovery.remove(used);
        Some(after)
    }
}

fn builder(secret: [u8; SECRET_BYTES]) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(SKEW)
        .with_step_duration(STEP_S)
        .with_secret(secret.to_vec())
}

fn totp(secret: [u8; SECRET_BYTES]) -> Totp {
    builder(secret).build().expect("digits, step and length of the secret are constants in range")
}

/// A code as it was meant: without the blanks and dashes that people type or leave out.
fn plain(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::tests::seeded;

    /// RFC 6238 appendix B: SHA-1, the last six of its eight digits.
    #[test]
    fn codes_of_the_rfc() {
        let factor = SecondFactor { secret: *b"12345678901234567890", last_step: 0, recovery: Vec::new() };
        for (unix_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let after = factor.accept(unix_s, code).unwrap_or_else(|| panic!("{code} at {unix_s}"));
            assert_eq!(after.last_step, unix_s as u64 / 30);
            assert!(factor.accept(unix_s + 29, code).is_some() || unix_s % 30 != 29, "a slow clock");
            assert!(factor.accept(unix_s + 90, code).is_none(), "too late");
            assert!(factor.accept(unix_s - 90, code).is_none(), "too early");
        }
    }

    #[test]
    fn a_code_serves_once() {
        let factor = SecondFactor { secret: *b"12345678901234567890", last_step: 0, recovery: Vec::new() };
        let after = factor.accept(59, "287 082").expect("right");
        assert_eq!(after.accept(59, "287082"), None);
        assert_eq!(after.accept(61, "287082"), None, "within the skew, but used");
        for wrong in ["", "287083", "28708", "2870820", "abcdef", "２８７０８２"] {
            assert_eq!(factor.accept(59, wrong), None, "{wrong}");
        }
        assert_eq!(factor.accept(-59, "287082"), None);
    }

    #[test]
    fn recovery_codes_serve_once_each() {
        let offer = SecondFactor::offer("hanako", "a", &mut seeded(1));
        assert_eq!(offer.recovery_codes.len(), RECOVERY_CODES);
        let mut factor = offer.factor;
        for (used, code) in offer.recovery_codes.iter().enumerate() {
            let after = factor.accept(0, &code.to_uppercase().replace('-', " ")).expect("right");
            assert_eq!(after.recovery.len(), RECOVERY_CODES - used - 1);
            assert_eq!(after.accept(0, code), None);
            factor = after;
        }
    }

    #[test]
    fn an_offer_says_the_same_thing_twice() {
        let offer = SecondFactor::offer("hana:ko", "node:a", &mut seeded(2));
        let parsed = Totp::from_url(&offer.url).expect("an address that authenticators read");
        assert_eq!(parsed.secret().as_bytes(), offer.factor.secret);
        assert_eq!(parsed.secret().to_base32(), offer.secret);
        assert_eq!((parsed.account_name(), parsed.issuer()), ("hana-ko", Some("Suimon node-a")));
        assert_eq!((parsed.digits(), parsed.step()), (6, 30));
    }
}
