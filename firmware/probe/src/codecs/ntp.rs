//! NTP version 4 (RFC 5905): one question of a client, and what the answer says about the server.

use super::Malformed;
use super::reader::Reader;

/// Bytes of a packet without extensions.
pub const PACKET: usize = 48;

/// Leap indicator 3: the clock was never set, or not for too long.
const LEAP_ALARM: u8 = 3;
const VERSION: u8 = 4;
const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;
/// Stratum of a server without time, when a packet says it in words (RFC 5905 figure 11).
const STRATUM_UNSYNCHRONIZED: u8 = 16;

/// What a server says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has the time, from this far away of a clock (1: it has one).
    Synchronized {
        /// Steps to a reference clock.
        stratum: u8,
    },
    /// It has no time.
    Unsynchronized,
    /// "Kiss-o'-death": it wants to be asked less or not at all; the code says why (RFC 5905 7.4).
    Kiss([u8; 4]),
}

/// A question. `cookie` stands where the client's time would: the server returns it, and it tells nobody the time here.
pub fn request(cookie: u64) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = VERSION << 3 | MODE_CLIENT;
    packet[PACKET - 8..].copy_from_slice(&cookie.to_be_bytes());
    packet
}

/// Reads an answer; `None`: it is not to this question, so a late or a forged one.
pub fn parse(cookie: u64, packet: &[u8]) -> Result<Option<Answer>, Malformed> {
    let mut reader = Reader::new(packet);
    let [flags, stratum, _poll, _precision] = reader.array()?;
    let [_root_delay, _root_dispersion] = [reader.u32()?, reader.u32()?];
    let reference: [u8; 4] = reader.array()?;
    let _set_at: [u8; 8] = reader.array()?;
    let originate: [u8; 8] = reader.array()?;
    let _received_at: [u8; 8] = reader.array()?;
    let transmit: [u8; 8] = reader.array()?;
    let (leap, version, mode) = (flags >> 6, flags >> 3 & 7, flags & 7);
    if originate != cookie.to_be_bytes() {
        return Ok(None);
    }
    if mode != MODE_SERVER || version == 0 || version > VERSION {
        return Err(Malformed("an NTP packet is no answer of a server"));
    }
    let is_kiss = stratum == 0 && reference.iter().all(u8::is_ascii_uppercase);
    Ok(Some(match stratum {
        // chrony and ntpd answer with stratum 0 and the alarm before they have the time; INIT and STEP say the same.
        0 if is_kiss && !matches!(&reference, b"INIT" | b"STEP") => Answer::Kiss(reference),
        _ if leap == LEAP_ALARM => Answer::Unsynchronized,
        0 | STRATUM_UNSYNCHRONIZED.. => Answer::Unsynchronized,
        _ if transmit == [0; 8] => return Err(Malformed("an NTP answer has no time")),
        stratum => Answer::Synchronized { stratum },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COOKIE: u64 = 0x0102_0304_0506_0708;

    fn answer(flags: u8, stratum: u8, reference: &[u8; 4]) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[..2].copy_from_slice(&[flags, stratum]);
        packet[12..16].copy_from_slice(reference);
        packet[24..32].copy_from_slice(&COOKIE.to_be_bytes());
        packet[40] = 0xe8;
        packet
    }

    #[test]
    fn a_request() {
        let packet = request(COOKIE);
        assert_eq!((packet[0], &packet[1..40]), (0x23, &[0; 39][..]));
        assert_eq!(packet[40..], [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn answers() {
        let cases = [
            (0x24, 1, *b"GPS\0", Answer::Synchronized { stratum: 1 }),
            (0x1c, 2, [192, 0, 2, 1], Answer::Synchronized { stratum: 2 }),
            (0x64, 15, [192, 0, 2, 1], Answer::Synchronized { stratum: 15 }),
            (0xe4, 2, [192, 0, 2, 1], Answer::Unsynchronized),
            (0x24, 16, [0; 4], Answer::Unsynchronized),
            (0x24, 0, [0; 4], Answer::Unsynchronized),
            (0xe4, 0, [0; 4], Answer::Unsynchronized),
            (0xe4, 0, *b"INIT", Answer::Unsynchronized),
            (0xe4, 0, *b"RATE", Answer::Kiss(*b"RATE")),
            (0x24, 0, *b"DENY", Answer::Kiss(*b"DENY")),
        ];
        for (flags, stratum, reference, expected) in cases {
            let packet = answer(flags, stratum, &reference);
            assert_eq!(parse(COOKIE, &packet), Ok(Some(expected)), "{flags:02x} {stratum}");
        }
    }

    #[test]
    fn what_is_no_answer() {
        let good = answer(0x24, 1, b"GPS\0");
        assert_eq!(parse(COOKIE + 1, &good), Ok(None));
        assert_eq!(parse(COOKIE, &good[..PACKET - 1]), Err(Malformed::SHORT));
        for flags in [0x23, 0x25, 0x04, 0x2c] {
            assert!(parse(COOKIE, &answer(flags, 1, b"GPS\0")).is_err(), "{flags:02x}");
        }
        let mut timeless = good;
        timeless[40] = 0;
        assert_eq!(parse(COOKIE, &timeless), Err(Malformed("an NTP answer has no time")));
    }

    proptest! {
        #[test]
        fn never_panics(mut packet: Vec<u8>, cookie: u64) {
            let _ = parse(cookie, &packet);
            packet.resize(PACKET, 0);
            packet[24..32].copy_from_slice(&cookie.to_be_bytes());
            let _ = parse(cookie, &packet);
        }
    }
}
