//! Bytes of the document, written as text with escapes.

use crate::limits::PAYLOAD_LENGTH_MAX;
use serde::{Deserialize, Serialize};

/// Bytes to send, as text in which `\r`, `\n`, `\t`, `\\` and `\xNN` stand for bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(String);

impl Payload {
    /// Reads text whose escapes are all known.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the text is empty: leave the key out instead".to_owned());
        }
        if text.len() > PAYLOAD_LENGTH_MAX {
            return Err(format!("at most {PAYLOAD_LENGTH_MAX} bytes can be sent"));
        }
        unescape(text).map(|_| Self(text.to_owned()))
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes. An escape that is not known, which no document holds, stands for itself.
    pub fn bytes(&self) -> Vec<u8> {
        unescape(&self.0).unwrap_or_else(|_| self.0.clone().into_bytes())
    }
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let (byte, length) = match escape.bytes().next() {
            Some(b'r') => (b'\r', 1),
            Some(b'n') => (b'\n', 1),
            Some(b't') => (b'\t', 1),
            Some(b'\\') => (b'\\', 1),
            Some(b'x') => (hex(escape.get(1..3).unwrap_or_default())?, 3),
            _ => {
                let shown: String = escape.chars().take(1).collect();
                return Err(format!("\\{shown} is no escape: \\r, \\n, \\t, \\\\ and \\xNN (two hex digits) are"));
            }
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

fn hex(digits: &str) -> Result<u8, String> {
    let good = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16)
        .ok()
        .filter(|_| good)
        .ok_or_else(|| format!("\\x{digits} is no byte: two hex digits follow, as in \\x0d"))
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn escapes_stand_for_bytes() {
        let cases: &[(&str, Result<&[u8], &str>)] = &[
            ("ping", Ok(b"ping")),
            (r"a\r\n\t\\b", Ok(b"a\r\n\t\\b")),
            (r"\x00\xFf\x7e", Ok(b"\x00\xff~")),
            ("é\\x41", Ok("éA".as_bytes())),
            (r"\q", Err(r"\q is no escape: \r, \n, \t, \\ and \xNN (two hex digits) are")),
            ("end\\", Err(r"\ is no escape: \r, \n, \t, \\ and \xNN (two hex digits) are")),
            (r"\x4", Err(r"\x is no byte: two hex digits follow, as in \x0d")),
            (r"\x+4", Err(r"\x+4 is no byte: two hex digits follow, as in \x0d")),
            ("\\xé", Err("\\xé is no byte: two hex digits follow, as in \\x0d")),
            ("", Err("the text is empty: leave the key out instead")),
        ];
        for (text, expected) in cases {
            let found = Payload::parse(text).map(|payload| payload.bytes());
            assert_eq!(found, expected.map(<[u8]>::to_vec).map_err(str::to_owned), "{text}");
        }
    }
}
