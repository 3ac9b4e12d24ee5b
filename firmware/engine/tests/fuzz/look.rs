//! A frame as another reader sees it: etherparse says whether it is one, the sums are added up the slow way.

use super::shape::{add, fold, pseudo};
use etherparse::SlicedPacket;
use net::Address;
use net::offload::Offload;

/// What an L4 checksum says of its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Right,
    Wrong,
    /// None was computed, or there is none to this protocol.
    Absent,
    /// It covers more than what is here: a fragment, or a datagram that is cut.
    Unseen,
}

/// Place in a fragmented datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    First,
    Later,
}

/// What a frame says.
#[derive(Clone, Debug)]
pub struct Look {
    /// The frame, an open checksum completed.
    pub bytes: Vec<u8>,
    pub l3: usize,
    pub l4: usize,
    /// Behind the IP packet.
    pub end: usize,
    pub source: Address,
    pub destination: Address,
    pub hop_limit: u8,
    pub protocol: u8,
    pub part: Part,
    pub v4_sum_is_right: bool,
    pub sum: Sum,
    /// Whether etherparse takes it, and every length in it fits.
    pub is_strict: bool,
}

impl Look {
    /// `None` when it is not so much as IP.
    pub fn at_frame(frame: &[u8], offload: &Offload) -> Option<Self> {
        let mut bytes = frame.to_vec();
        let mut l3 = 14;
        let mut ethertype = word(&bytes, 12)?;
        while matches!(ethertype, 0x8100 | 0x88a8) {
            ethertype = word(&bytes, l3 + 2)?;
            l3 += 4;
        }
        let length = match ethertype {
            0x0800 => usize::from(word(&bytes, l3 + 2)?),
            _ => 40 + usize::from(word(&bytes, l3 + 4)?),
        };
        let end = bytes.len().min(l3 + length);
        let (start, field) = (usize::from(offload.checksum_start), usize::from(offload.checksum_offset));
        // Padding is not summed up.
        if offload.partial_checksum && start + field + 2 <= end {
            let mut sum = !fold(add(&bytes[start..end]));
            if field == 6 && sum == 0 {
                sum = 0xffff;
            }
            bytes[start + field..start + field + 2].copy_from_slice(&sum.to_be_bytes());
        }
        let is_strict = SlicedPacket::from_ethernet(&bytes).is_ok();
        let look = match ethertype {
            0x0800 => Self::at_v4(bytes, l3),
            0x86dd => Self::at_v6(bytes, l3),
            _ => None,
        };
        look.map(|look| Self { is_strict: is_strict && look.is_strict, ..look })
    }

    /// The packet behind an outer header.
    pub fn at_packet(packet: &[u8]) -> Option<Self> {
        let is_strict = SlicedPacket::from_ip(packet).is_ok();
        let look = match packet.first()? >> 4 {
            4 => Self::at_v4(packet.to_vec(), 0),
            6 => Self::at_v6(packet.to_vec(), 0),
            _ => None,
        };
        look.map(|look| Self { is_strict: is_strict && look.is_strict, ..look })
    }

    fn at_v4(bytes: Vec<u8>, l3: usize) -> Option<Self> {
        let header = usize::from(bytes.get(l3)? & 15) * 4;
        let length = usize::from(word(&bytes, l3 + 2)?);
        if bytes[l3] >> 4 != 4 || header < 20 || length < header || l3 + length > bytes.len() {
            return None;
        }
        let field = word(&bytes, l3 + 6)?;
        let part = match (field & 0x1fff, field & 0x2000 != 0) {
            (0, false) => Part::Whole,
            (0, true) => Part::First,
            _ => Part::Later,
        };
        let address = |at: usize| Address::v4(bytes[at..at + 4].try_into().expect("four bytes"));
        let look = Self {
            l3,
            l4: l3 + header,
            end: l3 + length,
            source: address(l3 + 12),
            destination: address(l3 + 16),
            hop_limit: bytes[l3 + 8],
            protocol: bytes[l3 + 9],
            part,
            v4_sum_is_right: fold(add(&bytes[l3..l3 + header])) == 0xffff,
            sum: Sum::Unseen,
            is_strict: true,
            bytes,
        };
        Some(look.summed())
    }

    fn at_v6(bytes: Vec<u8>, l3: usize) -> Option<Self> {
        let end = l3 + 40 + usize::from(word(&bytes, l3 + 4)?);
        if bytes[l3] >> 4 != 6 || end > bytes.len() {
            return None;
        }
        let address = |at: usize| Address::v6(bytes[at..at + 16].try_into().expect("sixteen bytes"));
        let (mut at, mut protocol, mut part) = (l3 + 40, bytes[l3 + 6], Part::Whole);
        while part != Part::Later {
            let length = match protocol {
                0 | 43 | 60 => (usize::from(*bytes.get(at + 1)?) + 1) * 8,
                44 => {
                    let field = word(&bytes, at + 2)?;
                    part = match (field & 0xfff8, field & 1) {
                        (0, 0) => Part::Whole,
                        (0, _) => Part::First,
                        _ => Part::Later,
                    };
                    8
                }
                _ => break,
            };
            protocol = bytes[at];
            at += length;
            if at > end {
                return None;
            }
        }
        let look = Self {
            l3,
            l4: at,
            end,
            source: address(l3 + 8),
            destination: address(l3 + 24),
            hop_limit: bytes[l3 + 7],
            protocol,
            part,
            v4_sum_is_right: true,
            sum: Sum::Unseen,
            is_strict: true,
            bytes,
        };
        Some(look.summed())
    }

    // Judges the L4 checksum and the lengths that it goes by.
    fn summed(mut self) -> Self {
        if self.part != Part::Whole {
            return self;
        }
        let body = &self.bytes[self.l4..self.end];
        let pseudo = |length: usize| pseudo(self.source, self.destination, self.protocol, length);
        let of = |sum: u32| if fold(sum) == 0xffff { Sum::Right } else { Sum::Wrong };
        let (sum, fits) = match self.protocol {
            6 if body.len() >= 20 => (of(pseudo(body.len()) + add(body)), true),
            17 if body.len() >= 8 => {
                let length = usize::from(u16::from_be_bytes([body[4], body[5]]));
                let is_open = body[6..8] == [0, 0];
                match length {
                    8.. if length <= body.len() && is_open => (Sum::Absent, length == body.len()),
                    8.. if length <= body.len() => (of(pseudo(length) + add(&body[..length])), length == body.len()),
                    _ => (Sum::Unseen, false),
                }
            }
            1 if body.len() >= 8 && self.source.is_v4() => (of(add(body)), true),
            58 if body.len() >= 8 && !self.source.is_v4() => (of(pseudo(body.len()) + add(body)), true),
            _ => (Sum::Absent, true),
        };
        (self.sum, self.is_strict) = (sum, fits);
        self
    }

    /// Bytes of the IP packet.
    pub fn length(&self) -> usize {
        self.end - self.l3
    }

    /// The IP packet.
    pub fn packet(&self) -> &[u8] {
        &self.bytes[self.l3..self.end]
    }

    /// Behind the IP header.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.l4..self.end]
    }

    /// Addresses and ports, of TCP and UDP with ports.
    pub fn tuple(&self) -> Option<engine::Tuple> {
        let has_ports = matches!(self.protocol, 6 | 17) && self.part != Part::Later && self.l4 + 4 <= self.end;
        has_ports.then(|| engine::Tuple {
            source: self.source,
            destination: self.destination,
            source_port: word(&self.bytes, self.l4).unwrap_or(0),
            destination_port: word(&self.bytes, self.l4 + 2).unwrap_or(0),
            protocol: self.protocol,
        })
    }

    /// Whether this is an ICMP or ICMPv6 error.
    pub fn is_icmp_error(&self) -> bool {
        let kind = self.bytes.get(self.l4).copied().unwrap_or(0);
        match self.protocol {
            1 => self.part == Part::Whole && matches!(kind, 3 | 4 | 5 | 11 | 12),
            58 => self.part == Part::Whole && kind < 128,
            _ => false,
        }
    }

    /// What of the upper layer must come through as it is: everything but ports, checksum and TCP's options.
    pub fn content(&self) -> Vec<u8> {
        let body = self.body();
        match self.protocol {
            _ if self.part == Part::Later => body.to_vec(),
            6 if body.len() >= 20 => {
                let header = (usize::from(body[12] >> 4) * 4).clamp(20, body.len());
                [&body[4..16], &body[18..20], &body[header..]].concat()
            }
            17 if body.len() >= 8 => [&body[4..6], &body[8..]].concat(),
            _ => body.to_vec(),
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}
