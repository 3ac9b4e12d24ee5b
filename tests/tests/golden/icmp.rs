//! ICMP and ICMPv6 messages: from text, and as text.

use super::frame::{inner, payload};
use super::show::{self, content};
use super::sums::octets;
use super::words::{Names, Words, hex, mac, unhex};
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

/// Errors by family (IPv6?), type and code.
const ERRORS: &[(bool, u8, u8, &str)] = &[
    (false, 3, 0, "net-unreachable"),
    (false, 3, 1, "host-unreachable"),
    (false, 3, 2, "protocol-unreachable"),
    (false, 3, 3, "port-unreachable"),
    (false, 3, 4, "too-big"),
    (false, 3, 13, "prohibited"),
    (false, 4, 0, "source-quench"),
    (false, 5, 1, "redirect"),
    (false, 11, 0, "ttl-exceeded"),
    (false, 11, 1, "reassembly-timeout"),
    (false, 12, 0, "parameter-problem"),
    (true, 1, 0, "no-route"),
    (true, 1, 1, "prohibited"),
    (true, 1, 3, "address-unreachable"),
    (true, 1, 4, "port-unreachable"),
    (true, 2, 0, "too-big"),
    (true, 3, 0, "ttl-exceeded"),
    (true, 3, 1, "reassembly-timeout"),
    (true, 4, 0, "parameter-problem"),
];

const ADVERTISEMENT_FLAGS: [(u8, &str); 3] = [(0x80, "router"), (0x40, "solicited"), (0x20, "override")];

/// The message with an empty checksum, and how much of it belongs into a first fragment.
pub fn build(words: &mut Words, v6: bool) -> Result<(Vec<u8>, Option<usize>), String> {
    let word = words.next()?;
    if let Some((_, kind, code, _)) = ERRORS.iter().find(|error| error.0 == v6 && error.3 == word) {
        // The MTU is 16 bits of a field of 32 in ICMP, 32 in ICMPv6.
        let rest = words.number_of("mtu", 0)?;
        let mut bytes = vec![*kind, *code, 0, 0];
        bytes.extend(rest.to_be_bytes());
        bytes.extend(inner(words)?);
        return Ok((bytes, None));
    }
    let (kind, code, rest) = match (word.as_str(), v6) {
        ("echo-request", false) => (8, 0, echo(words)?),
        ("echo-reply", false) => (0, 0, echo(words)?),
        ("echo-request", true) => (128, 0, echo(words)?),
        ("echo-reply", true) => (129, 0, echo(words)?),
        ("solicit", true) => return solicit(words),
        ("advertise", true) => return advertise(words),
        ("type", _) => {
            let kind = words.number()? as u8;
            (kind, words.number_of("code", 0)? as u8, words.number_of("rest", 0)?)
        }
        _ => return Err(format!("{word} is no ICMP message")),
    };
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(rest.to_be_bytes());
    let (data, length) = payload(words)?;
    bytes.extend(data);
    Ok((bytes, length.map(|length| 8 + length)))
}

fn echo(words: &mut Words) -> Result<u32, String> {
    Ok(words.number_of("id", 0)? << 16 | words.number_of("seq", 0)?)
}

fn solicit(words: &mut Words) -> Result<(Vec<u8>, Option<usize>), String> {
    let target: Ipv6Addr = words.parsed()?;
    let from = if words.take("from") { Some((1, mac(&words.next()?)?)) } else { None };
    Ok((neighbor(135, 0, target, from), None))
}

fn advertise(words: &mut Words) -> Result<(Vec<u8>, Option<usize>), String> {
    let target: Ipv6Addr = words.parsed()?;
    let mut flags = 0;
    for (bit, name) in ADVERTISEMENT_FLAGS {
        flags |= if words.take(name) { bit } else { 0 };
    }
    let at = if words.take("at") { Some((2, mac(&words.next()?)?)) } else { None };
    Ok((neighbor(136, flags, target, at), None))
}

fn neighbor(kind: u8, flags: u8, target: Ipv6Addr, option: Option<(u8, [u8; 6])>) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0, flags, 0, 0, 0];
    bytes.extend(target.octets());
    if let Some((option, mac)) = option {
        bytes.extend([option, 1]);
        bytes.extend(mac);
    }
    bytes
}

/// The message as text; `length` is what the IP header says it has, of which `bytes` may be the beginning.
pub fn show(bytes: &[u8], length: usize, v6: bool, names: &Names) -> String {
    let mut text = String::from(if v6 { "icmp6" } else { "icmp" });
    let [kind, code, _, _, a, b, c, d, rest @ ..] = bytes else {
        return format!("{text} hex {}", hex(bytes));
    };
    let number = u32::from_be_bytes([*a, *b, *c, *d]);
    if let Some((.., word)) = ERRORS.iter().find(|error| (error.0, error.1, error.2) == (v6, *kind, *code)) {
        write!(text, " {word}").expect(show::FITS);
        if number != 0 {
            write!(text, " mtu {number}").expect(show::FITS);
        }
        write!(text, " [ {} ]", show::packet(rest, names, true)).expect(show::FITS);
        return text;
    }
    match (*kind, *code, v6) {
        (8, 0, false) | (128, 0, true) => write!(text, " echo-request id {} seq {}", number >> 16, number & 0xffff),
        (0, 0, false) | (129, 0, true) => write!(text, " echo-reply id {} seq {}", number >> 16, number & 0xffff),
        (135 | 136, 0, true) if rest.len() >= 16 => {
            text += &show_neighbor(*kind, *a, rest);
            return text;
        }
        _ => write!(text, " type {kind} code {code} rest {number:#x}"),
    }
    .expect(show::FITS);
    text + &content(rest, length.saturating_sub(8))
}

fn show_neighbor(kind: u8, flags: u8, rest: &[u8]) -> String {
    let target: [u8; 16] = rest[..16].try_into().expect("the caller looked");
    let mut text = format!(" {} {}", if kind == 135 { "solicit" } else { "advertise" }, Ipv6Addr::from(target));
    for (_, name) in ADVERTISEMENT_FLAGS.iter().filter(|(bit, _)| flags & bit != 0) {
        write!(text, " {name}").expect(show::FITS);
    }
    match (kind, &rest[16..]) {
        (135, [1, 1, mac @ ..]) => write!(text, " from {}", Names::default().name(mac.try_into().unwrap_or_default())),
        (136, [2, 1, mac @ ..]) => write!(text, " at {}", Names::default().name(mac.try_into().unwrap_or_default())),
        (_, []) => Ok(()),
        (_, other) => write!(text, " hex {}", hex(other)),
    }
    .expect(show::FITS);
    text
}

#[test]
fn words_are_unique() {
    for (at, error) in ERRORS.iter().enumerate() {
        assert!(!ERRORS[..at].iter().any(|other| other.0 == error.0 && other.3 == error.3), "{}", error.3);
    }
    assert!(unhex("0g").is_err() && octets(IpAddr::from([1, 2, 3, 4])) == [1, 2, 3, 4]);
}
