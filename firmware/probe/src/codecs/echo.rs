//! ICMP echo (RFC 792) and its twin in ICMPv6 (RFC 4443 4.1).

/// Bytes of random payload, which tell this echo's answer from everybody else's.
pub const COOKIE: usize = 16;
/// Bytes before the payload (RFC 792).
const HEADER: usize = 8;

/// The types of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ICMP.
    V4,
    /// ICMPv6.
    V6,
}

impl Family {
    const fn request(self) -> u8 {
        match self {
            Self::V4 => 8,
            Self::V6 => 128,
        }
    }

    const fn reply(self) -> u8 {
        match self {
            Self::V4 => 0,
            Self::V6 => 129,
        }
    }
}

/// A request whose payload has `size` bytes, at least those of the cookie. The checksum of ICMPv6 covers addresses that only
/// the kernel knows: it writes that one itself.
pub fn request(family: Family, id: u16, cookie: &[u8; COOKIE], size: usize) -> Vec<u8> {
    let mut message = vec![0; HEADER + size.max(COOKIE)];
    message[0] = family.request();
    message[4..6].copy_from_slice(&id.to_be_bytes());
    message[7] = 1;
    message[HEADER..HEADER + COOKIE].copy_from_slice(cookie);
    if family == Family::V4 {
        let checksum = checksum(&message);
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    message
}

/// Whether `packet` is the reply whose payload begins with this. The identifier is not compared: a ping socket chooses its own.
pub fn is_reply(family: Family, packet: &[u8], cookie: &[u8; COOKIE]) -> bool {
    let message = if family == Family::V4 { behind_ip_header(packet) } else { packet };
    message.get(..2) == Some(&[family.reply(), 0]) && message.get(HEADER..HEADER + COOKIE) == Some(cookie)
}

// A raw socket of IPv4 gives the IP header too, a ping socket does not. No echo begins like a header: 0x45 is no type.
fn behind_ip_header(packet: &[u8]) -> &[u8] {
    match packet.first() {
        Some(first) if first >> 4 == 4 => packet.get(usize::from(first & 15) * 4..).unwrap_or_default(),
        _ => packet,
    }
}

// RFC 1071. An odd byte at the end counts as if a zero followed.
fn checksum(message: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let sum: u32 = message.chunks(2).map(word).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DATA: &[u8; COOKIE] = b"0123456789abcdef";

    #[test]
    fn requests() {
        let v4 = request(Family::V4, 0x1234, DATA, 0);
        assert_eq!(v4[..8], [8, 0, 0xb6, 0x93, 0x12, 0x34, 0, 1]);
        assert_eq!(&v4[8..], DATA);
        let words = v4.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1]));
        assert_eq!(words.sum::<u32>() % 0xffff, 0, "the checksum makes the sum zero");
        let odd = request(Family::V4, 0x1234, DATA, 1_401);
        assert_eq!(
            (odd.len(), &odd[2..4], &odd[24..]),
            (1_409, &[0xb6, 0x93][..], &[0; 1_385][..]),
            "zeros add nothing"
        );
        assert_eq!(request(Family::V6, 0x1234, DATA, 0)[..8], [128, 0, 0, 0, 0x12, 0x34, 0, 1]);
    }

    #[test]
    fn replies() {
        let with = |head: &[u8]| [head, DATA].concat();
        let header = [&[0x46][..], &[0; 23]].concat();
        let cases = [
            (Family::V4, with(&[0, 0, 9, 9, 7, 7, 0, 1]), true),
            (Family::V4, with(&[&header[..], &[0, 0, 9, 9, 7, 7, 0, 1]].concat()), true),
            (Family::V6, with(&[129, 0, 9, 9, 7, 7, 0, 1]), true),
            (Family::V4, with(&[8, 0, 9, 9, 7, 7, 0, 1]), false),
            (Family::V4, with(&[3, 1, 9, 9, 7, 7, 0, 1]), false),
            (Family::V6, with(&[128, 0, 9, 9, 7, 7, 0, 1]), false),
            (Family::V4, [&[0, 0, 9, 9, 7, 7, 0, 1][..], b"another one's data"].concat(), false),
            (Family::V4, vec![0, 0], false),
            (Family::V4, vec![0x4f], false),
        ];
        for (family, packet, expected) in cases {
            assert_eq!(is_reply(family, &packet, DATA), expected, "{packet:02x?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(packet: Vec<u8>) {
            is_reply(Family::V4, &packet, DATA);
            is_reply(Family::V6, &packet, DATA);
        }
    }
}
