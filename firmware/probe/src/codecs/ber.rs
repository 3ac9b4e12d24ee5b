//! The part of BER (X.690) that LDAP uses: tags of one byte, definite lengths (RFC 4511 5.1).

use super::Malformed;
use super::reader::Reader;

/// Universal tags.
pub mod tag {
    /// True or false.
    pub const BOOLEAN: u8 = 0x01;
    /// A whole number.
    pub const INTEGER: u8 = 0x02;
    /// Bytes.
    pub const OCTET_STRING: u8 = 0x04;
    /// One of a list of numbers.
    pub const ENUMERATED: u8 = 0x0a;
    /// Elements in order.
    pub const SEQUENCE: u8 = 0x30;
}

/// Bytes of a length in the long form. Four say 4 GiB, more than anybody reads.
const LENGTH_BYTES_MAX: usize = 4;
/// Bytes of a number.
const INTEGER_BYTES_MAX: usize = 8;

/// What the first byte of a length says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The length itself.
    Short(usize),
    /// So many bytes of length follow.
    Long(usize),
}

impl Length {
    /// Reads the byte behind the tag.
    pub fn parse(byte: u8) -> Result<Self, Malformed> {
        match usize::from(byte) {
            short @ 0..=0x7f => Ok(Self::Short(short)),
            0x80 => Err(Malformed("a BER length is indefinite")),
            long if long - 0x80 <= LENGTH_BYTES_MAX => Ok(Self::Long(long - 0x80)),
            _ => Err(Malformed("a BER length is too long")),
        }
    }
}

/// The number in the bytes of a long length; those beyond four were refused by [`Length::parse`].
pub fn long_length(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
}

/// One element: its tag and its content.
pub fn element<'b>(reader: &mut Reader<'b>) -> Result<(u8, &'b [u8]), Malformed> {
    let tag = reader.byte()?;
    let length = match Length::parse(reader.byte()?)? {
        Length::Short(length) => length,
        Length::Long(bytes) => long_length(reader.take(bytes)?),
    };
    Ok((tag, reader.take(length)?))
}

/// The content of the next element, which has to have this tag.
pub fn content<'b>(reader: &mut Reader<'b>, wanted: u8) -> Result<&'b [u8], Malformed> {
    match element(reader)? {
        (tag, content) if tag == wanted => Ok(content),
        _ => Err(Malformed("a BER element of another type was to come")),
    }
}

/// The number in the next element, which has to have this tag.
pub fn integer(reader: &mut Reader<'_>, wanted: u8) -> Result<i64, Malformed> {
    let content = content(reader, wanted)?;
    let (Some(first), true) = (content.first(), content.len() <= INTEGER_BYTES_MAX) else {
        return Err(Malformed("a BER number is empty or too long"));
    };
    // Two's complement: the first bit is the sign.
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(content.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
}

/// An element as bytes.
pub fn emit(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    match content.len() {
        0..=0x7f => bytes.push(content.len() as u8),
        _ => {
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            bytes.push(0x80 | (length.len() - zeros) as u8);
            bytes.extend(&length[zeros..]);
        }
    }
    bytes.extend(content);
    bytes
}

/// A number as an element, in as few bytes as it takes.
pub fn emit_integer(tag: u8, number: i32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let spare = (0..bytes.len() - 1)
        .take_while(|at| matches!((bytes[*at], bytes[at + 1] & 0x80), (0, 0) | (0xff, 0x80)))
        .count();
    emit(tag, &bytes[spare..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers() {
        let cases: [(i32, &[u8]); 9] = [
            (0, &[2, 1, 0]),
            (3, &[2, 1, 3]),
            (127, &[2, 1, 0x7f]),
            (128, &[2, 2, 0, 0x80]),
            (256, &[2, 2, 1, 0]),
            (-1, &[2, 1, 0xff]),
            (-128, &[2, 1, 0x80]),
            (-129, &[2, 2, 0xff, 0x7f]),
            (i32::MAX, &[2, 4, 0x7f, 0xff, 0xff, 0xff]),
        ];
        for (number, bytes) in cases {
            assert_eq!(emit_integer(tag::INTEGER, number), bytes, "{number}");
            assert_eq!(integer(&mut Reader::new(bytes), tag::INTEGER), Ok(i64::from(number)), "{number}");
        }
    }

    #[test]
    fn lengths() {
        for (length, head) in [
            (0, &[4, 0][..]),
            (127, &[4, 0x7f]),
            (128, &[4, 0x81, 0x80]),
            (256, &[4, 0x82, 1, 0]),
            (65536, &[4, 0x83, 1, 0, 0]),
        ] {
            let content = vec![7; length];
            let bytes = emit(tag::OCTET_STRING, &content);
            assert_eq!(bytes, [head, &content].concat(), "{length}");
            assert_eq!(element(&mut Reader::new(&bytes)), Ok((tag::OCTET_STRING, &content[..])), "{length}");
        }
    }

    #[test]
    fn what_is_no_element() {
        let cases: [(&[u8], Malformed); 6] = [
            (&[], Malformed::SHORT),
            (&[4], Malformed::SHORT),
            (&[4, 2, 0], Malformed::SHORT),
            (&[4, 0x82, 1], Malformed::SHORT),
            (&[4, 0x80, 0, 0], Malformed("a BER length is indefinite")),
            (&[4, 0x85, 0, 0, 0, 0, 1, 7], Malformed("a BER length is too long")),
        ];
        for (bytes, expected) in cases {
            assert_eq!(element(&mut Reader::new(bytes)), Err(expected), "{bytes:02x?}");
        }
        let cases: [&[u8]; 3] = [&[2, 0], &[2, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[4, 1, 1]];
        for bytes in cases {
            assert!(integer(&mut Reader::new(bytes), tag::INTEGER).is_err(), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = element(&mut Reader::new(&bytes));
            let _ = integer(&mut Reader::new(&bytes), tag::INTEGER);
        }

        #[test]
        fn numbers_come_back(number: i32) {
            let bytes = emit_integer(tag::INTEGER, number);
            prop_assert_eq!(integer(&mut Reader::new(&bytes), tag::INTEGER), Ok(i64::from(number)));
        }
    }
}
