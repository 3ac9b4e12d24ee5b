//! A packet as it is meant, and the frames that say it: whole, with open checksums, or in fragments.

use net::offload::{Offload, Segmentation};
use net::{Address, Mac};

/// What is behind the IP header.
#[derive(Clone, Debug)]
pub enum L4 {
    Tcp {
        ports: (u16, u16),
        sequence: u32,
        acknowledgement: u32,
        flags: u8,
        options: Vec<u8>,
    },
    Udp {
        ports: (u16, u16),
    },
    /// ICMP or, in an IPv6 packet, ICMPv6: type, code, the four bytes that depend on them.
    Icmp {
        kind: u8,
        code: u8,
        rest: [u8; 4],
    },
    Other(u8),
}

/// What is done to the L4 checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Right,
    Wrong,
    /// UDP only: none.
    Absent,
    /// Left to the NIC.
    Open,
}

/// A packet as it is meant.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Destination and source.
    pub macs: (Mac, Mac),
    /// EtherTypes and ids of the tags.
    pub tags: Vec<(u16, u16)>,
    pub source: Address,
    pub destination: Address,
    pub hop_limit: u8,
    pub traffic_class: u8,
    pub dont_fragment: bool,
    pub identification: u32,
    /// IPv4, a multiple of four bytes.
    pub options: Vec<u8>,
    /// IPv6: protocol number and content behind the first two bytes, together a multiple of eight.
    pub extensions: Vec<(u8, Vec<u8>)>,
    pub l4: L4,
    pub payload: Vec<u8>,
    pub sum: Sum,
    /// Payload of each segment of a super-frame; 0: none.
    pub segment_size: u16,
    /// Bytes behind the packet.
    pub padding: usize,
}

/// A frame and what travels beside it.
#[derive(Clone, Debug)]
pub struct Built {
    pub bytes: Vec<u8>,
    pub offload: Offload,
}

impl Shape {
    pub fn protocol(&self) -> u8 {
        match self.l4 {
            L4::Tcp { .. } => 6,
            L4::Udp { .. } => 17,
            L4::Icmp { .. } if self.source.is_v4() => 1,
            L4::Icmp { .. } => 58,
            L4::Other(number) => number,
        }
    }

    /// The whole packet.
    pub fn build(&self) -> Built {
        let l4 = self.l4_bytes();
        let mut bytes = self.headers(l4.len(), None);
        let mut offload = Offload::NONE;
        let start = bytes.len() as u16;
        bytes.extend_from_slice(&l4);
        bytes.resize(bytes.len() + if self.segment_size > 0 { 0 } else { self.padding }, 0);
        if self.sum == Sum::Open
            && let Some(field) = self.sum_field()
        {
            offload.partial_checksum = true;
            (offload.checksum_start, offload.checksum_offset) = (start, field as u16);
        }
        if self.segment_size > 0 {
            offload.segment_size = self.segment_size;
            offload.segmentation = match (&self.l4, self.source.is_v4()) {
                (L4::Tcp { .. }, true) => Segmentation::TcpV4,
                (L4::Tcp { .. }, false) => Segmentation::TcpV6,
                _ => Segmentation::Udp,
            };
        }
        Built { bytes, offload }
    }

    /// The packet in fragments that begin at `cuts` (multiples of eight, from 0 on) and are `overlap` bytes longer than
    /// up to the next one.
    pub fn fragments(&self, cuts: &[usize], overlap: usize) -> Vec<Built> {
        let l4 = self.l4_bytes();
        let mut frames = Vec::new();
        for (at, from) in cuts.iter().enumerate() {
            let last = at + 1 == cuts.len();
            let to = if last { l4.len() } else { (cuts[at + 1] + overlap).min(l4.len()) };
            if *from >= to {
                continue;
            }
            let place = (*from as u16, !last);
            let mut bytes = self.headers(to - from, Some(place));
            bytes.extend_from_slice(&l4[*from..to]);
            frames.push(Built { bytes, offload: Offload::NONE });
        }
        frames
    }

    fn sum_field(&self) -> Option<usize> {
        match self.l4 {
            L4::Tcp { .. } => Some(16),
            L4::Udp { .. } => Some(6),
            L4::Icmp { .. } => Some(2),
            L4::Other(_) => None,
        }
    }

    fn l4_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.payload.len() + 60);
        match &self.l4 {
            L4::Tcp { ports, sequence, acknowledgement, flags, options } => {
                bytes.extend(ports.0.to_be_bytes());
                bytes.extend(ports.1.to_be_bytes());
                bytes.extend(sequence.to_be_bytes());
                bytes.extend(acknowledgement.to_be_bytes());
                bytes.extend([(((20 + options.len()) / 4) << 4) as u8, *flags, 0xfa, 0, 0, 0, 0, 0]);
                bytes.extend_from_slice(options);
            }
            L4::Udp { ports } => {
                bytes.extend(ports.0.to_be_bytes());
                bytes.extend(ports.1.to_be_bytes());
                bytes.extend(((8 + self.payload.len()) as u16).to_be_bytes());
                bytes.extend([0, 0]);
            }
            L4::Icmp { kind, code, rest } => {
                bytes.extend([*kind, *code, 0, 0]);
                bytes.extend(rest);
            }
            L4::Other(_) => {}
        }
        bytes.extend_from_slice(&self.payload);
        if let Some(field) = self.sum_field() {
            let sum = self.sum_of(&bytes);
            bytes[field..field + 2].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    fn sum_of(&self, bytes: &[u8]) -> u16 {
        let pseudo = match self.l4 {
            L4::Icmp { .. } if self.source.is_v4() => 0,
            _ => pseudo(self.source, self.destination, self.protocol(), bytes.len()),
        };
        let sum = !fold(pseudo + add(bytes));
        let is_udp = matches!(self.l4, L4::Udp { .. });
        match self.sum {
            Sum::Open => fold(pseudo),
            Sum::Absent if is_udp => 0,
            Sum::Right | Sum::Absent if is_udp && sum == 0 => 0xffff,
            Sum::Right | Sum::Absent => sum,
            // Never 0, which means none to UDP, and never another way to write the right one.
            Sum::Wrong => [0x1234, 0x4321].into_iter().find(|wrong| *wrong != sum).unwrap_or(1),
        }
    }

    // Link and IP headers in front of `length` bytes; `place` is offset and "more" of a fragment.
    fn headers(&self, length: usize, place: Option<(u16, bool)>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 128);
        bytes.extend(self.macs.0.0);
        bytes.extend(self.macs.1.0);
        for (ethertype, id) in &self.tags {
            bytes.extend(ethertype.to_be_bytes());
            bytes.extend(id.to_be_bytes());
        }
        if self.source.is_v4() {
            bytes.extend([8, 0]);
            self.v4_header(&mut bytes, length, place);
        } else {
            bytes.extend([0x86, 0xdd]);
            self.v6_header(&mut bytes, length, place);
        }
        bytes
    }

    fn v4_header(&self, bytes: &mut Vec<u8>, length: usize, place: Option<(u16, bool)>) {
        let at = bytes.len();
        let header = 20 + self.options.len();
        let field = match place {
            Some((offset, more)) => (offset / 8) | if more { 0x2000 } else { 0 },
            None if self.dont_fragment => 0x4000,
            None => 0,
        };
        bytes.extend([0x40 | (header / 4) as u8, self.traffic_class]);
        bytes.extend(((header + length) as u16).to_be_bytes());
        bytes.extend((self.identification as u16).to_be_bytes());
        bytes.extend(field.to_be_bytes());
        bytes.extend([self.hop_limit, self.protocol(), 0, 0]);
        bytes.extend(self.source.octets_v4());
        bytes.extend(self.destination.octets_v4());
        bytes.extend_from_slice(&self.options);
        write_v4_sum(bytes, at);
    }

    fn v6_header(&self, bytes: &mut Vec<u8>, length: usize, place: Option<(u16, bool)>) {
        let mut chain: Vec<(u8, Vec<u8>)> = self.extensions.clone();
        if let Some((offset, more)) = place {
            let mut content = (offset | u16::from(more)).to_be_bytes().to_vec();
            content.extend(self.identification.to_be_bytes());
            chain.push((44, content));
        }
        let extra: usize = chain.iter().map(|(_, content)| content.len() + 2).sum();
        bytes.extend((6 << 28 | u32::from(self.traffic_class) << 20).to_be_bytes());
        bytes.extend(((length + extra) as u16).to_be_bytes());
        bytes.extend([chain.first().map_or(self.protocol(), |(number, _)| *number), self.hop_limit]);
        bytes.extend(self.source.octets());
        bytes.extend(self.destination.octets());
        for (at, (number, content)) in chain.iter().enumerate() {
            let next = chain.get(at + 1).map_or(self.protocol(), |(number, _)| *number);
            let units = if *number == 44 { 0 } else { (content.len() + 2) / 8 - 1 };
            bytes.extend([next, units as u8]);
            bytes.extend_from_slice(content);
        }
    }
}

/// Writes the checksum of the IPv4 header at `at`, if there is one that is long enough.
pub fn write_v4_sum(bytes: &mut [u8], at: usize) {
    let Some(length) = bytes.get(at).map(|first| usize::from(first & 15) * 4) else { return };
    if length < 20 || at + length > bytes.len() {
        return;
    }
    bytes[at + 10..at + 12].fill(0);
    let sum = !fold(add(&bytes[at..at + length]));
    bytes[at + 10..at + 12].copy_from_slice(&sum.to_be_bytes());
}

/// The sum of the pseudo-header.
pub fn pseudo(source: Address, destination: Address, protocol: u8, length: usize) -> u32 {
    let half = |address: Address| {
        if address.is_v4() { add(&address.octets_v4()) } else { add(&address.octets()) }
    };
    half(source) + half(destination) + u32::from(protocol) + length as u32
}

/// The sum of 16-bit words, an odd byte the high half of the last one.
pub fn add(bytes: &[u8]) -> u32 {
    let mut sum = 0;
    let mut at = 0;
    while at + 1 < bytes.len() {
        sum += u32::from(bytes[at]) << 8 | u32::from(bytes[at + 1]);
        at += 2;
    }
    if at < bytes.len() { sum + (u32::from(bytes[at]) << 8) } else { sum }
}

pub fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
