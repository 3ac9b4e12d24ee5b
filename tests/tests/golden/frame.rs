//! Frames from text. `README.md` beside the golden files has the grammar.

use super::sums::{self, octets};
use super::words::{Names, Words, unhex};
use net::offload::{Offload, Segmentation};
use std::net::{IpAddr, SocketAddr};

/// A frame as it comes in.
#[derive(Clone, Debug)]
pub struct Built {
    pub bytes: Vec<u8>,
    pub offload: Offload,
}

/// An IP packet.
struct Made {
    bytes: Vec<u8>,
    /// Where its L4 header starts.
    l4: usize,
    protocol: u8,
    ends: (IpAddr, IpAddr),
}

/// The frame that `line` describes.
pub fn build(line: &str, names: &Names) -> Result<Built, String> {
    let (frame, changes) = line.split_once(';').unwrap_or((line, ""));
    let mut words = Words::of(frame);
    let macs = words.next()?;
    let (source, destination) = macs.split_once('>').ok_or("hardware addresses are written a>b")?;
    let mut bytes = [names.mac(destination)?, names.mac(source)?].concat();
    for (word, kind) in [("svlan", 0x88a8u16), ("vlan", 0x8100)] {
        if words.take(word) {
            bytes.extend(kind.to_be_bytes());
            bytes.extend((words.number()? as u16).to_be_bytes());
        }
    }
    if words.take("type") {
        bytes.extend((words.number()? as u16).to_be_bytes());
        bytes.extend(unhex(&words.next()?)?);
        words.finish()?;
        return change(Built { bytes, offload: Offload::NONE }, None, changes);
    }
    let made = packet(&mut words)?;
    words.finish()?;
    let family: u16 = if made.ends.0.is_ipv4() { 0x0800 } else { 0x86dd };
    bytes.extend(family.to_be_bytes());
    let l3 = bytes.len();
    bytes.extend(&made.bytes);
    change(Built { bytes, offload: Offload::NONE }, Some((l3, &made)), changes)
}

// What is behind the semicolon: offloads, and damage.
fn change(mut built: Built, made: Option<(usize, &Made)>, changes: &str) -> Result<Built, String> {
    let mut words = Words::of(changes);
    while let Ok(word) = words.next() {
        match (word.as_str(), made) {
            ("partial", Some((l3, made))) => {
                let field = sums::field(made.protocol).ok_or("no checksum to leave open")?;
                let l4 = l3 + made.l4;
                let pseudo = sums::pseudo_header(made.ends, made.protocol, built.bytes.len() - l4);
                let sum = sums::sum(&[&pseudo]).to_be_bytes();
                built.bytes[l4 + field..l4 + field + 2].copy_from_slice(&sum);
                built.offload.partial_checksum = true;
                built.offload.checksum_start = l4 as u16;
                built.offload.checksum_offset = field as u16;
            }
            ("csum", _) => {
                built.offload.partial_checksum = true;
                built.offload.checksum_start = words.number()? as u16;
                built.offload.checksum_offset = words.number()? as u16;
            }
            ("gso", _) => {
                built.offload.segmentation = segmentation(&words.next()?)?;
                built.offload.segment_size = words.number()? as u16;
            }
            ("resum", Some((l3, _))) => sum_v4_header(&mut built.bytes[l3..]),
            ("cut", _) => built.bytes.truncate(words.number()? as usize),
            ("pad", _) => {
                let length = built.bytes.len() + words.number()? as usize;
                built.bytes.resize(length, 0);
            }
            (patch, _) => {
                let (at, digits) =
                    patch.strip_prefix('@').and_then(|patch| patch.split_once('=')).ok_or(format!("{patch}?"))?;
                let at: usize = at.parse().map_err(|_| format!("{at} is no offset"))?;
                let new = unhex(digits)?;
                built.bytes.get_mut(at..at + new.len()).ok_or("a change behind the end")?.copy_from_slice(&new);
            }
        }
    }
    Ok(built)
}

fn segmentation(word: &str) -> Result<Segmentation, String> {
    match word {
        "tcp4" => Ok(Segmentation::TcpV4),
        "tcp6" => Ok(Segmentation::TcpV6),
        "udp" => Ok(Segmentation::Udp),
        "ufo" => Ok(Segmentation::UdpFragments),
        _ => Err(format!("gso {word} is not known")),
    }
}

/// What is between the addresses and the L4 header.
struct Attributes {
    ttl: u8,
    tos: u8,
    dont_fragment: bool,
    identification: u32,
    /// Place, and whether more follow.
    fragment: Option<(u16, bool)>,
    options: Vec<u8>,
    extensions: Vec<u8>,
    flow_label: u32,
    /// Length that an IPv4 header claims, when it is a lie.
    claimed: Option<u16>,
}

impl Attributes {
    fn read(words: &mut Words) -> Result<Self, String> {
        let ttl = words.number_of("ttl", 64)? as u8;
        let tos = words.number_of("tos", 0)? as u8;
        let dont_fragment = words.take("df");
        let identification = words.number_of("id", 0)?;
        let mut fragment = None;
        if words.take("frag") {
            let place = words.next()?;
            let digits = place.trim_end_matches('+');
            let offset = digits.parse().map_err(|_| format!("{place} is no place of a fragment"))?;
            fragment = Some((offset, place.ends_with('+')));
        }
        let mut options = if words.take("options") { unhex(&words.next()?)? } else { Vec::new() };
        options.resize(options.len().next_multiple_of(4), 0);
        let mut extensions = Vec::new();
        if words.take("ext") {
            for number in words.next()?.split(',') {
                extensions.push(number.parse().map_err(|_| format!("{number} is no extension header"))?);
            }
        }
        let flow_label = words.number_of("label", 0)?;
        let claimed = if words.take("claims") { Some(words.number()? as u16) } else { None };
        Ok(Self { ttl, tos, dont_fragment, identification, fragment, options, extensions, flow_label, claimed })
    }

    const fn is_later_fragment(&self) -> bool {
        matches!(self.fragment, Some((offset, _)) if offset > 0)
    }
}

fn packet(words: &mut Words) -> Result<Made, String> {
    let (source, source_port) = end(&words.next()?)?;
    words.expect(">")?;
    let (destination, destination_port) = end(&words.next()?)?;
    let ends = (source, destination);
    let attributes = Attributes::read(words)?;
    let (protocol, mut data) = upper(words, ends, (source_port, destination_port), attributes.is_later_fragment())?;
    let (mut bytes, l4) = match source {
        IpAddr::V4(_) => v4_header(ends, &attributes, protocol, data.len()),
        IpAddr::V6(_) => v6_header(ends, &attributes, protocol, data.len()),
    };
    bytes.append(&mut data);
    if words.take("quoted") {
        bytes.truncate(words.number()? as usize);
    }
    Ok(Made { bytes, l4, protocol, ends })
}

fn v4_header(ends: (IpAddr, IpAddr), it: &Attributes, protocol: u8, length: usize) -> (Vec<u8>, usize) {
    let header = 20 + it.options.len();
    let (offset, more) = it.fragment.unwrap_or_default();
    let field = (u16::from(it.dont_fragment) << 14) | (u16::from(more) << 13) | (offset / 8);
    let mut bytes = vec![0x40 | (header / 4) as u8, it.tos];
    // Above 65,535 bytes the length is 0, as in Linux' own super-frames.
    let length = u16::try_from(header + length).unwrap_or(0);
    bytes.extend(it.claimed.unwrap_or(length).to_be_bytes());
    bytes.extend((it.identification as u16).to_be_bytes());
    bytes.extend(field.to_be_bytes());
    bytes.extend([it.ttl, protocol, 0, 0]);
    bytes.extend(octets(ends.0));
    bytes.extend(octets(ends.1));
    bytes.extend(&it.options);
    sum_v4_header(&mut bytes);
    (bytes, header)
}

fn sum_v4_header(bytes: &mut [u8]) {
    let header = (usize::from(bytes[0] & 15) * 4).min(bytes.len());
    bytes[10..12].fill(0);
    let sum = !sums::sum(&[&bytes[..header]]);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
}

fn v6_header(ends: (IpAddr, IpAddr), it: &Attributes, protocol: u8, length: usize) -> (Vec<u8>, usize) {
    let mut chain = it.extensions.clone();
    chain.extend(it.fragment.map(|_| 44));
    let behind = chain.len() * 8;
    let first = 6 << 28 | u32::from(it.tos) << 20 | it.flow_label;
    let mut bytes = first.to_be_bytes().to_vec();
    bytes.extend(u16::try_from(behind + length).unwrap_or(0).to_be_bytes());
    bytes.extend([chain.first().copied().unwrap_or(protocol), it.ttl]);
    bytes.extend(octets(ends.0));
    bytes.extend(octets(ends.1));
    for (at, kind) in chain.iter().enumerate() {
        let next = chain.get(at + 1).copied().unwrap_or(protocol);
        match (kind, it.fragment) {
            (44, Some((offset, more))) => {
                bytes.extend([next, 0]);
                bytes.extend((offset | u16::from(more)).to_be_bytes());
                bytes.extend(it.identification.to_be_bytes());
            }
            // Padding: one option PadN over the rest.
            _ => bytes.extend([next, 0, 1, 4, 0, 0, 0, 0]),
        }
    }
    let l4 = bytes.len();
    (bytes, l4)
}

// The upper layer: its number, and its bytes with a complete checksum.
fn upper(words: &mut Words, ends: (IpAddr, IpAddr), ports: (u16, u16), later: bool) -> Result<(u8, Vec<u8>), String> {
    let kind = words.next()?;
    let protocol = match kind.as_str() {
        "tcp" => 6,
        "udp" | "gue" => 17,
        "icmp" => 1,
        "icmp6" => 58,
        "gre" => 47,
        "ipip" => 4,
        "ip6ip" => 41,
        "proto" => words.number()? as u8,
        _ => return Err(format!("{kind} is no upper layer")),
    };
    if later {
        return Ok((protocol, payload(words)?.0));
    }
    let (mut bytes, length) = match kind.as_str() {
        "tcp" => tcp(words, ports)?,
        "udp" => udp(words, ports)?,
        "gue" => (gue(words, ports)?, None),
        "icmp" | "icmp6" => super::icmp::build(words, protocol == 58)?,
        "gre" => (gre(words)?, None),
        "ipip" | "ip6ip" => (inner(words)?, None),
        _ => payload(words)?,
    };
    let no_sum = words.take("nosum");
    if let Some(field) = sums::field(protocol).filter(|field| field + 2 <= bytes.len())
        && !no_sum
    {
        let has_pseudo_header = protocol != 1;
        let pseudo = if has_pseudo_header { sums::pseudo_header(ends, protocol, bytes.len()) } else { Vec::new() };
        let sum = !sums::sum(&[&pseudo, &bytes]);
        let sum = if sum == 0 && protocol == 17 { 0xffff } else { sum };
        bytes[field..field + 2].copy_from_slice(&sum.to_be_bytes());
    }
    // A first fragment has the checksum of the whole datagram.
    bytes.truncate(length.unwrap_or(bytes.len()));
    Ok((protocol, bytes))
}

fn tcp(words: &mut Words, ports: (u16, u16)) -> Result<(Vec<u8>, Option<usize>), String> {
    let mut flags = 0;
    for letter in words.next()?.chars().filter(|letter| !matches!(letter, '-' | '?')) {
        flags |= 1 << "FSRPAUEC".find(letter).ok_or(format!("{letter} is no TCP flag"))?;
    }
    words.expect("seq")?;
    let sequence = words.number()?;
    let acknowledgement = words.number_of("ack", 0)?;
    let window = words.number_of("win", 65_535)? as u16;
    let mut options = Vec::new();
    loop {
        if words.take("mss") {
            options.extend([2, 4]);
            options.extend((words.number()? as u16).to_be_bytes());
        } else if words.take("wscale") {
            options.extend([3, 3, words.number()? as u8]);
        } else if words.take("sackok") {
            options.extend([4, 2]);
        } else if words.take("nop") {
            options.push(1);
        } else if words.take("sack") {
            options.extend([5, 10]);
            options.extend(words.number()?.to_be_bytes());
            options.extend(words.number()?.to_be_bytes());
        } else if words.take("ts") {
            options.extend([8, 10]);
            options.extend(words.number()?.to_be_bytes());
            options.extend(words.number()?.to_be_bytes());
        } else {
            break;
        }
    }
    options.resize(options.len().next_multiple_of(4), 0);
    let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(acknowledgement.to_be_bytes());
    bytes.extend([((5 + options.len() / 4) << 4) as u8, flags]);
    bytes.extend(window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(options);
    let header = bytes.len();
    let (data, length) = payload(words)?;
    bytes.extend(data);
    Ok((bytes, length.map(|length| header + length)))
}

fn udp(words: &mut Words, ports: (u16, u16)) -> Result<(Vec<u8>, Option<usize>), String> {
    let (data, length) = payload(words)?;
    Ok((udp_around(ports, &data), length.map(|length| 8 + length)))
}

fn udp_around(ports: (u16, u16), data: &[u8]) -> Vec<u8> {
    let mut bytes = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    bytes.extend(u16::try_from(8 + data.len()).unwrap_or(0).to_be_bytes());
    bytes.extend([0; 2]);
    bytes.extend(data);
    bytes
}

fn gue(words: &mut Words, ports: (u16, u16)) -> Result<Vec<u8>, String> {
    let packet = inner(words)?;
    let number = if packet[0] >> 4 == 4 { 4 } else { 41 };
    Ok(udp_around(ports, &[&[0, number, 0, 0], packet.as_slice()].concat()))
}

fn gre(words: &mut Words) -> Result<Vec<u8>, String> {
    let with_sum = words.take("sum");
    let packet = inner(words)?;
    let kind: u16 = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let mut bytes = vec![if with_sum { 0x80 } else { 0 }, 0];
    bytes.extend(kind.to_be_bytes());
    bytes.extend(vec![0; if with_sum { 4 } else { 0 }]);
    bytes.extend(packet);
    if with_sum {
        let sum = !sums::sum(&[&bytes]);
        bytes[4..6].copy_from_slice(&sum.to_be_bytes());
    }
    Ok(bytes)
}

/// A packet in brackets.
pub fn inner(words: &mut Words) -> Result<Vec<u8>, String> {
    words.expect("[")?;
    let made = packet(words)?;
    words.expect("]")?;
    Ok(made.bytes)
}

/// Content: nothing, text in quotes, digits, or so many bytes of a pattern that tells its place. With `of`, the rest of
/// the datagram is made too, and how much of it belongs here is returned.
pub fn payload(words: &mut Words) -> Result<(Vec<u8>, Option<usize>), String> {
    if words.take("len") {
        let length = words.number()? as usize;
        let from = words.number_of("from", 0)? as usize;
        let whole = words.number_of("of", length as u32)? as usize;
        return Ok((pattern(from, whole), (whole > length).then_some(length)));
    }
    if words.take("hex") {
        return Ok((unhex(&words.next()?)?, None));
    }
    match words.peek().and_then(|word| word.strip_prefix('"')?.strip_suffix('"')) {
        Some(text) => {
            let text = text.replace("\\r", "\r").replace("\\n", "\n");
            words.next()?;
            Ok((text.into_bytes(), None))
        }
        None => Ok((Vec::new(), None)),
    }
}

/// Bytes of the pattern from `from` on: each pair of bytes says which pair it is.
pub fn pattern(from: usize, length: usize) -> Vec<u8> {
    (from..from + length).map(|at| ((at / 2) as u16).to_be_bytes()[at % 2]).collect()
}

/// An address, or an address and a port.
fn end(word: &str) -> Result<(IpAddr, u16), String> {
    if let Ok(address) = word.parse() {
        return Ok((address, 0));
    }
    let end: SocketAddr = word.parse().map_err(|_| format!("{word} is no address"))?;
    Ok((end.ip(), end.port()))
}
