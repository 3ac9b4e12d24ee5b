//! Domain names: as text, as labels, and compressed (RFC 1035 4.1.4).

use crate::codecs::Malformed;
use crate::codecs::reader::Reader;
use std::fmt::{self, Write};

/// Bytes of a label (RFC 1035 2.3.4).
const LABEL_MAX: usize = 63;
/// Bytes of a name with the lengths of its labels (RFC 1035 2.3.4).
const NAME_MAX: usize = 255;
/// The two bits that mark a pointer instead of a length.
const POINTER: u8 = 0xc0;

/// A name, as labels each behind its length, the empty one last. Compared without regard to case (RFC 1035 2.3.3).
#[derive(Clone, Debug, Eq)]
pub struct Name {
    wire: Vec<u8>,
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Two dots, or one at the start.
    #[error("a part of the name is empty")]
    EmptyLabel,
    /// More than 63 bytes between dots.
    #[error("a part of the name is longer than {LABEL_MAX} bytes")]
    LongLabel,
    /// More than 255 bytes.
    #[error("the name is longer than {NAME_MAX} bytes")]
    Long,
    /// Not ASCII.
    #[error("the name has a character outside ASCII: write it in its xn-- form")]
    NotAscii,
}

impl Name {
    /// Reads a name as people write it; a dot at its end may be left out.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        if !text.is_ascii() {
            return Err(BadName::NotAscii);
        }
        let mut wire = Vec::new();
        let text = text.strip_suffix('.').unwrap_or(text);
        for label in text.split('.').filter(|_| !text.is_empty()) {
            match label.len() {
                0 => return Err(BadName::EmptyLabel),
                length @ 1..=LABEL_MAX => wire.push(length as u8),
                _ => return Err(BadName::LongLabel),
            }
            wire.extend(label.bytes());
        }
        wire.push(0);
        if wire.len() > NAME_MAX { Err(BadName::Long) } else { Ok(Self { wire }) }
    }

    /// As it travels, without compression.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Reads a name at `reader`, which has to be a reader of `message`.
    pub fn read<'m>(message: &'m [u8], reader: &mut Reader<'m>) -> Result<Self, Malformed> {
        let mut wire = Vec::new();
        let mut jumped;
        let mut labels = reader;
        // Each pointer has to lead in front of the last one, so that none is followed twice: a loop is not possible.
        let mut before = message.len() - labels.rest().len();
        loop {
            let length = labels.byte()?;
            match length & POINTER {
                0 if wire.len() + usize::from(length) + 1 > NAME_MAX => {
                    return Err(Malformed("a DNS name is too long"));
                }
                0 => {
                    wire.push(length);
                    wire.extend(labels.take(usize::from(length))?);
                    if length == 0 {
                        return Ok(Self { wire });
                    }
                }
                POINTER => {
                    let target = usize::from(u16::from_be_bytes([length & !POINTER, labels.byte()?]));
                    if target >= before {
                        return Err(Malformed("a DNS name points forward or to itself"));
                    }
                    before = target;
                    jumped = Reader::new(&message[target..]);
                    labels = &mut jumped;
                }
                _ => return Err(Malformed("a DNS label is of an unknown type")),
            }
        }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.wire.eq_ignore_ascii_case(&other.wire)
    }
}

/// As people write it, without the last dot (the root is one); bytes that would be misread are escaped (RFC 1035 5.1).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.wire[..];
        let mut is_first = true;
        while let [length, labels @ ..] = rest
            && *length != 0
        {
            let (label, behind) = labels.split_at(usize::from(*length));
            if !std::mem::take(&mut is_first) {
                f.write_char('.')?;
            }
            for byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
                    0x21..0x7f => f.write_char(char::from(*byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            rest = behind;
        }
        if is_first { f.write_char('.') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        let long = "a".repeat(63);
        let cases: [(&str, Result<&[u8], BadName>); 9] = [
            ("example.org", Ok(b"\x07example\x03org\x00")),
            ("example.org.", Ok(b"\x07example\x03org\x00")),
            (".", Ok(b"\x00")),
            ("", Ok(b"\x00")),
            ("a..b", Err(BadName::EmptyLabel)),
            (".a", Err(BadName::EmptyLabel)),
            ("水門.example", Err(BadName::NotAscii)),
            (&format!("{long}a"), Err(BadName::LongLabel)),
            (&format!("{long}.{long}.{long}.{long}"), Err(BadName::Long)),
        ];
        for (text, expected) in cases {
            assert_eq!(Name::parse(text).as_ref().map(Name::wire), expected.as_ref().copied(), "{text}");
        }
    }

    #[test]
    fn compressed_names() {
        let cases: [(&[u8], usize, &str); 6] = [
            (b"\x03www\x07example\x00", 0, "www.example"),
            (b"\x07example\x00\x03www\xc0\x00!", 9, "www.example"),
            (b"\x07example\x00\x03www\xc0\x00\xc0\x09", 15, "www.example"),
            (b"\x00", 0, "."),
            (b"\x04a.b\\\x00", 0, "a\\.b\\\\"),
            (b"\x02\x00\xff\x00", 0, "\\000\\255"),
        ];
        for (message, at, expected) in cases {
            let mut reader = Reader::new(&message[at..]);
            assert_eq!(Name::read(message, &mut reader).unwrap().to_string(), expected);
            assert_eq!(reader.rest(), if message.ends_with(b"!") { b"!" } else { &b""[..] }, "{expected}");
        }
    }

    #[test]
    fn pointers_cannot_loop() {
        let forward = Malformed("a DNS name points forward or to itself");
        let mut labels: Vec<u8> = [&[1, b'a'][..]; 200].concat();
        labels.push(0);
        let cases: [(&[u8], usize, Malformed); 7] = [
            (b"\xc0\x00", 0, forward),
            (b"\xc0\x02\xc0\x00", 0, forward),
            (b"\x01a\xc0\x00", 2, Malformed::SHORT),
            (b"\x01a\xc0\x00\xc0\x02", 4, forward),
            (b"\x40a", 0, Malformed("a DNS label is of an unknown type")),
            (b"\xc0", 0, Malformed::SHORT),
            (&labels, 0, Malformed("a DNS name is too long")),
        ];
        for (message, at, expected) in cases {
            let result = Name::read(message, &mut Reader::new(&message[at..]));
            if expected == Malformed::SHORT {
                assert!(result.is_err(), "{message:02x?}");
            } else {
                assert_eq!(result, Err(expected), "{message:02x?}");
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(message: Vec<u8>, at: usize) {
            let at = at % (message.len() + 1);
            if let Ok(name) = Name::read(&message, &mut Reader::new(&message[at..])) {
                prop_assert!(name.wire.len() <= NAME_MAX);
                let _ = name.to_string();
            }
        }

        #[test]
        fn pointers_end(message in proptest::collection::vec(prop_oneof![Just(0xc0_u8), 0_u8..6], 0..60)) {
            for at in 0..message.len() {
                let _ = Name::read(&message, &mut Reader::new(&message[at..]));
            }
        }
    }
}
