//! Frames as text, read by code that shares nothing with the engine. A wrong checksum or length is marked `!bad`.

use super::frame::pattern;
use super::sums;
use super::words::{Names, hex};
use net::offload::{Offload, Segmentation};
use std::fmt::Write;
use std::net::IpAddr;

/// Protocol number of ICMP, whose checksum covers no pseudo-header.
pub const ICMP: u8 = 1;
/// Why writing to a string is no question.
pub const FITS: &str = "a string takes everything";

/// The frame as [`build`](super::frame::build) would read it.
pub fn frame(bytes: &[u8], offload: &Offload, names: &Names) -> String {
    if bytes.len() < 14 {
        return format!("hex {}", hex(bytes));
    }
    let mac = |at: usize| names.name(bytes[at..at + 6].try_into().expect("six bytes"));
    let mut text = format!("{}>{}", mac(6), mac(0));
    let mut at = 12;
    let mut kind = word(bytes, at);
    while matches!(kind, 0x8100 | 0x88a8) && bytes.len() >= at + 6 {
        let name = if kind == 0x8100 { "vlan" } else { "svlan" };
        write!(text, " {name} {}", word(bytes, at + 2)).expect(FITS);
        at += 4;
        kind = word(bytes, at);
    }
    if !matches!(kind, 0x0800 | 0x86dd) {
        return format!("{text} type {kind:#06x} {}", hex(&bytes[at + 2..]));
    }
    let l3 = at + 2;
    let Some(ip) = Ip::read(&bytes[l3..]) else { return format!("{text} !bad ip {}", hex(&bytes[l3..])) };
    let end = if offload.is_super_frame() { bytes.len() } else { l3 + ip.length.min(bytes.len() - l3) };
    let partial = offload.partial_checksum.then_some(ip.data);
    write!(text, " {}", ip.show(&bytes[l3..end], names, Sums { quoted: false, partial })).expect(FITS);
    text + &behind(bytes, l3, end, offload, &ip)
}

// Offloads and padding.
fn behind(bytes: &[u8], l3: usize, end: usize, offload: &Offload, ip: &Ip) -> String {
    let mut text = String::new();
    if offload.partial_checksum {
        let (start, field) = (usize::from(offload.checksum_start), usize::from(offload.checksum_offset));
        let pseudo = sums::pseudo_header(ip.ends, ip.protocol, end - start);
        let right = start == l3 + ip.data && sums::field(ip.protocol) == Some(field);
        let held = right.then(|| word(bytes, start + field));
        text += if held == Some(sums::sum(&[&pseudo])) { " partial" } else { " !bad-partial" };
    }
    let name = match offload.segmentation {
        Segmentation::None => "",
        Segmentation::TcpV4 => "tcp4",
        Segmentation::TcpV6 => "tcp6",
        Segmentation::Udp => "udp",
        Segmentation::UdpFragments => "ufo",
    };
    if offload.is_super_frame() {
        write!(text, " gso {name} {}", offload.segment_size).expect(FITS);
    }
    if bytes.len() > end {
        write!(text, " pad {}", bytes.len() - end).expect(FITS);
    }
    if text.is_empty() { text } else { format!(" ;{text}") }
}

/// A packet inside another one, or quoted by an ICMP error: then it may be cut.
pub fn packet(bytes: &[u8], names: &Names, quoted: bool) -> String {
    match Ip::read(bytes) {
        Some(ip) => ip.show(bytes, names, Sums { quoted, partial: None }),
        None => format!("!bad ip {}", hex(bytes)),
    }
}

/// How checksums are to be looked at.
#[derive(Clone, Copy)]
struct Sums {
    quoted: bool,
    /// The L4 header at this offset has an open one.
    partial: Option<usize>,
}

/// What an IP header says.
pub struct Ip {
    pub ends: (IpAddr, IpAddr),
    pub protocol: u8,
    /// Behind all headers.
    pub data: usize,
    /// Of the packet.
    pub length: usize,
    pub identification: u32,
    /// Place and whether more follow, of a fragment.
    pub fragment: Option<(usize, bool)>,
    attributes: String,
}

impl Ip {
    /// `None` when it is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::read_v4(bytes),
            6 => Self::read_v6(bytes),
            _ => None,
        }
    }

    fn read_v4(bytes: &[u8]) -> Option<Self> {
        let header = usize::from(bytes[0] & 15) * 4;
        if header < 20 || bytes.len() < header {
            return None;
        }
        let address = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).expect("four bytes"));
        let field = word(bytes, 6);
        let (offset, more) = (usize::from(field & 0x1fff) * 8, field & 0x2000 != 0);
        let mut attributes = format!("ttl {}", bytes[8]);
        attribute(&mut attributes, "tos", u32::from(bytes[1]), true);
        attributes += if field & 0x4000 != 0 { " df" } else { "" };
        attribute(&mut attributes, "id", u32::from(word(bytes, 4)), false);
        let fragment = (offset > 0 || more).then_some((offset, more));
        show_fragment(&mut attributes, fragment);
        if header > 20 {
            write!(attributes, " options {}", hex(&bytes[20..header])).expect(FITS);
        }
        if sums::sum(&[&bytes[..header]]) != 0xffff {
            attributes += " !bad-ip-sum";
        }
        let length = match word(bytes, 2) {
            0 => bytes.len(),
            length => usize::from(length),
        };
        Some(Self {
            ends: (address(12), address(16)),
            protocol: bytes[9],
            data: header,
            length,
            identification: u32::from(word(bytes, 4)),
            fragment,
            attributes,
        })
    }

    fn read_v6(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < 40 {
            return None;
        }
        let address = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&bytes[at..at + 16]).expect("sixteen bytes"));
        let (mut protocol, mut data) = (bytes[6], 40);
        let (mut fragment, mut identification, mut chain) = (None, 0, Vec::new());
        while matches!(protocol, 0 | 43 | 44 | 60) && bytes.len() >= data + 8 {
            let header = &bytes[data..];
            if protocol == 44 {
                fragment = Some((usize::from(word(header, 2) & 0xfff8), header[3] & 1 != 0));
                identification = u32::from(word(header, 4)) << 16 | u32::from(word(header, 6));
                data += 8;
            } else {
                chain.push(protocol.to_string());
                data += 8 + usize::from(header[1]) * 8;
            }
            protocol = header[0];
            if fragment.is_some_and(|(offset, _)| offset > 0) {
                break;
            }
        }
        let mut attributes = format!("ttl {}", bytes[7]);
        let first = u32::from(word(bytes, 0)) << 16 | u32::from(word(bytes, 2));
        attribute(&mut attributes, "tos", first >> 20 & 0xff, true);
        attribute(&mut attributes, "id", identification, false);
        show_fragment(&mut attributes, fragment);
        if !chain.is_empty() {
            write!(attributes, " ext {}", chain.join(",")).expect(FITS);
        }
        attribute(&mut attributes, "label", first & 0xf_ffff, true);
        let length = match word(bytes, 4) {
            0 => bytes.len(),
            length => 40 + usize::from(length),
        };
        Some(Self { ends: (address(8), address(24)), protocol, data, length, identification, fragment, attributes })
    }

    fn show(&self, bytes: &[u8], names: &Names, sums: Sums) -> String {
        let l4 = &bytes[self.data.min(bytes.len())..];
        // What the header says there is; of a super-frame what there is.
        let length = if sums.quoted { self.length.saturating_sub(self.data) } else { l4.len() };
        let is_later = self.fragment.is_some_and(|(offset, _)| offset > 0);
        let has_ports = matches!(self.protocol, 6 | 17) && !is_later && l4.len() >= 4;
        let end = |address: IpAddr, at: usize| match (has_ports, address) {
            (false, _) => address.to_string(),
            (true, IpAddr::V4(v4)) => format!("{v4}:{}", word(l4, at)),
            (true, IpAddr::V6(v6)) => format!("[{v6}]:{}", word(l4, at)),
        };
        let mut text = format!("{} > {} {} ", end(self.ends.0, 0), end(self.ends.1, 2), self.attributes);
        text += &if is_later { name_of(self.protocol) + &content(l4, length) } else { self.upper(l4, length, names) };
        let is_whole = self.fragment.is_none_or(|(offset, more)| offset == 0 && !more) && l4.len() == length;
        let has_sum = sums::field(self.protocol).is_some_and(|field| l4.len() >= field + 2);
        if has_sum && self.protocol == 17 && !is_later && word(l4, 6) == 0 {
            text += " nosum";
        } else if has_sum
            && is_whole
            && sums.partial != Some(self.data)
            && !sums::is_right(self.ends, self.protocol, l4)
        {
            text += " !bad-sum";
        }
        if sums.quoted && bytes.len() < self.length {
            write!(text, " quoted {}", bytes.len()).expect(FITS);
        } else if !sums.quoted && bytes.len() < self.length {
            text += " !bad-length";
        }
        text
    }

    fn upper(&self, l4: &[u8], length: usize, names: &Names) -> String {
        match self.protocol {
            6 => tcp(l4, length),
            17 if word_at(l4, 2) == Some(6080) && l4.len() > 12 => {
                let right = l4[8] == 0 && matches!((l4[9], l4[12] >> 4), (4, 4) | (41, 6)) && l4[10..12] == [0, 0];
                let mark = if right && usize::from(word(l4, 4)) == length { "" } else { "!bad-" };
                format!("{mark}gue [ {} ]", packet(&l4[12..], names, false))
            }
            17 => udp(l4, length),
            1 | 58 => super::icmp::show(l4, length, self.protocol == 58, names),
            47 => gre(l4, names),
            4 => format!("ipip [ {} ]", packet(l4, names, false)),
            41 => format!("ip6ip [ {} ]", packet(l4, names, false)),
            other => name_of(other) + &content(l4, length),
        }
    }
}

fn name_of(protocol: u8) -> String {
    match protocol {
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        1 => "icmp".to_owned(),
        58 => "icmp6".to_owned(),
        other => format!("proto {other}"),
    }
}

fn tcp(l4: &[u8], length: usize) -> String {
    if l4.len() < 20 {
        return format!("tcp ? seq {}", word_at(l4, 6).map_or(0, |low| u32::from(word(l4, 4)) << 16 | u32::from(low)));
    }
    let number = |at: usize| u32::from(word(l4, at)) << 16 | u32::from(word(l4, at + 2));
    let letters: String =
        "FSRPAUEC".chars().enumerate().filter(|(bit, _)| l4[13] >> bit & 1 == 1).map(|it| it.1).collect();
    let letters = if letters.is_empty() { "-".to_owned() } else { letters };
    let mut text = format!("tcp {letters} seq {}", number(4));
    attribute(&mut text, "ack", number(8), false);
    if word(l4, 14) != 65_535 {
        write!(text, " win {}", word(l4, 14)).expect(FITS);
    }
    let header = usize::from(l4[12] >> 4) * 4;
    if header < 20 || header > length {
        return text + " !bad-header";
    }
    text += &tcp_options(&l4[20..header.min(l4.len())]);
    text + &content(&l4[header.min(l4.len())..], length - header)
}

fn tcp_options(mut options: &[u8]) -> String {
    let mut text = String::new();
    let number = |bytes: &[u8], at: usize| u32::from(word(bytes, at)) << 16 | u32::from(word(bytes, at + 2));
    while let Some(kind) = options.first() {
        let length = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(options.get(1).copied().unwrap_or(0)),
        };
        match (kind, length) {
            (1, _) => text.write_str(" nop"),
            (_, length) if length < 2 || length > options.len() => {
                return text + " !bad-options";
            }
            (2, 4) => write!(text, " mss {}", word(options, 2)),
            (3, 3) => write!(text, " wscale {}", options[2]),
            (4, 2) => text.write_str(" sackok"),
            (5, 10) => write!(text, " sack {} {}", number(options, 2), number(options, 6)),
            (8, 10) => write!(text, " ts {} {}", number(options, 2), number(options, 6)),
            _ => write!(text, " option {}", hex(&options[..length])),
        }
        .expect(FITS);
        options = &options[length..];
    }
    text
}

fn udp(l4: &[u8], length: usize) -> String {
    let Some(said) = word_at(l4, 4).map(usize::from) else { return format!("udp !bad {}", hex(l4)) };
    let mut text = format!("udp{}", content(&l4[8.min(l4.len())..], length.saturating_sub(8)));
    if said > length {
        write!(text, " of {}", said - 8).expect(FITS);
    } else if said != length && said != 0 {
        text += " !bad-length";
    }
    text
}

fn gre(l4: &[u8], names: &Names) -> String {
    match word_at(l4, 0) {
        Some(0) if l4.len() > 4 => format!("gre [ {} ]", packet(&l4[4..], names, false)),
        Some(0x8000) if l4.len() > 8 => {
            let mark = if sums::sum(&[l4]) == 0xffff { "" } else { " !bad-gre-sum" };
            format!("gre sum{mark} [ {} ]", packet(&l4[8..], names, false))
        }
        _ => format!("!bad gre {}", hex(l4)),
    }
}

/// Content as [`payload`](super::frame::payload) reads it. `length` is all there was before it was cut for a quote.
pub fn content(bytes: &[u8], length: usize) -> String {
    if length == 0 {
        return String::new();
    }
    let even = bytes.first_chunk().map_or(0, |first| usize::from(u16::from_be_bytes(*first)) * 2);
    let odd = bytes.get(1..3).map_or(0, |pair| (usize::from(word(pair, 0)) * 2).saturating_sub(1));
    // Three bytes or less may be anything.
    let is_pattern = |from: &usize| (*from == 0 || bytes.len() > 3) && pattern(*from, bytes.len()) == bytes;
    if let Some(from) = [even, odd].into_iter().find(is_pattern) {
        let from = if from > 0 { format!(" from {from}") } else { String::new() };
        return format!(" len {length}{from}");
    }
    let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n') && *byte != b'"');
    if is_text {
        let text = String::from_utf8_lossy(bytes).replace('\r', "\\r").replace('\n', "\\n");
        return format!(" \"{text}\"");
    }
    format!(" hex {}", hex(bytes))
}

fn show_fragment(text: &mut String, fragment: Option<(usize, bool)>) {
    if let Some((offset, more)) = fragment {
        write!(text, " frag {offset}{}", if more { "+" } else { "" }).expect(FITS);
    }
}

// A number that is told only when it is not zero.
fn attribute(text: &mut String, name: &str, value: u32, in_hex: bool) {
    match (value, in_hex) {
        (0, _) => Ok(()),
        (value, true) => write!(text, " {name} {value:#x}"),
        (value, false) => write!(text, " {name} {value}"),
    }
    .expect(FITS);
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn word_at(bytes: &[u8], at: usize) -> Option<u16> {
    (bytes.len() >= at + 2).then(|| word(bytes, at))
}
