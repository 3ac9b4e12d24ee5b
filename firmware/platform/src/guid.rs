//! Names of disks and partitions, as GPT keeps them.

use std::fmt;
use std::str::FromStr;

/// Bytes of a GUID.
pub const GUID_BYTES: usize = 16;
/// Bytes of its groups as they are written: `4-2-2-2-6`.
const GROUPS: [usize; 5] = [4, 2, 2, 2, 6];

/// A GUID in the order of its bytes on the disk: the first three groups are little endian (UEFI 2.10, appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guid(pub [u8; GUID_BYTES]);

impl Guid {
    /// One of 128 bits that nobody else has, marked as random (RFC 9562 5.4).
    pub fn random(mut bits: [u8; GUID_BYTES]) -> Self {
        bits[7] = bits[7] & 0x0f | 0x40;
        bits[8] = bits[8] & 0x3f | 0x80;
        Self(bits)
    }

    /// Its bytes as they are written.
    fn written(self) -> [u8; GUID_BYTES] {
        let mut bytes = self.0;
        bytes[0..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
        bytes
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.written();
        let mut at = 0;
        for (group, length) in GROUPS.into_iter().enumerate() {
            if group > 0 {
                f.write_str("-")?;
            }
            for byte in &bytes[at..at + length] {
                write!(f, "{byte:02x}")?;
            }
            at += length;
        }
        Ok(())
    }
}

/// A text that is no GUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no GUID: 32 hexadecimal digits in groups of 8-4-4-4-12")]
pub struct GuidError(String);

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        let wrong = || GuidError(text.to_owned());
        let groups: Vec<&str> = text.split('-').collect();
        if groups.len() != GROUPS.len() || groups.iter().zip(GROUPS).any(|(group, bytes)| group.len() != 2 * bytes) {
            return Err(wrong());
        }
        let digits = groups.concat();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let number = u128::from_str_radix(&digits, 16).map_err(|_| wrong())?;
        // Written and kept differ by an exchange that undoes itself.
        Ok(Self(Self(number.to_be_bytes()).written()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_with_three_groups_turned_round() {
        let text = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
        let guid: Guid = text.parse().unwrap();
        assert_eq!(guid.0[..4], [0x28, 0x73, 0x2a, 0xc1]);
        assert_eq!(guid.to_string(), text);
        assert_eq!("C12A7328-F81F-11D2-BA4B-00A0C93EC93B".parse(), Ok(guid));
        for wrong in ["", "c12a7328", "c12a7328-f81f-11d2-ba4b-00a0c93ec93", "+12a7328-f81f-11d2-ba4b-00a0c93ec93b"] {
            assert!(wrong.parse::<Guid>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_random_one_says_so() {
        let text = Guid::random([0xff; 16]).to_string();
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
