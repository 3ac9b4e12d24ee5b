//! Fragmentation (RFC 791 3.2), also of what already is a fragment.

use super::{checksum_field, is_partial, not_zero, seal, segment};
use crate::{DropReason, Emissions, NicId, Packet};
use net::checksum;
use net::fields::{read_u16, write_u16};
use net::ip::{self, protocol};
use net::offload::Segmentation;
use net::{Family, Fragment, Parsed, udp};

/// Bytes of an IPv4 header with all options.
const V4_HEADER_MAX: usize = 60;
/// Bit of an option's kind: it goes into every fragment (RFC 791 3.1).
const OPTION_COPIED: u8 = 0x80;
/// Everything up to the checksum of a TCP header, the longest start that may have to be replaced.
const FRONT_MAX: usize = 20;

/// Cuts an IPv4 packet into fragments of at most `mtu` bytes, IP header included; for tunnels that is the link's MTU less
/// the overhead. An open checksum is completed, a TCP super-frame cut into smaller segments instead, a UDP one into its
/// datagrams first. `each` encapsulates and addresses a fragment. Returns how many frames there are.
///
/// # Errors
/// `TooBig` for IPv6 and for an `mtu` below any use; `BadSegmentation`; `EmissionsFull`; what `each` says.
pub fn fragment(
    packet: &Packet<'_>,
    parsed: &Parsed,
    mtu: usize,
    nic: NicId,
    emissions: &mut Emissions,
    mut each: impl FnMut(&mut Packet<'_>, &Parsed) -> Result<(), DropReason>,
) -> Result<usize, DropReason> {
    let header = usize::from(parsed.l4 - parsed.l3);
    if parsed.family == Family::V6 || mtu < header + 8 {
        return Err(DropReason::TooBig);
    }
    let bytes = packet.bytes();
    let mut cutter = Cutter { link_and_header: &bytes[..usize::from(parsed.l4)], parsed, mtu, nic, emissions };
    match packet.head.offload.segmentation {
        Segmentation::TcpV4 => {
            let start = segment::payload_start(packet, parsed).ok_or(DropReason::BadSegmentation)?;
            let room = mtu.saturating_sub(start - usize::from(parsed.l3));
            let size = room.min(usize::from(packet.head.offload.segment_size));
            segment::cut(packet, parsed, size, nic, cutter.emissions, each)
        }
        Segmentation::TcpV6 => Err(DropReason::BadSegmentation),
        Segmentation::Udp => {
            let start = segment::payload_start(packet, parsed).ok_or(DropReason::BadSegmentation)?;
            let size = usize::from(packet.head.offload.segment_size);
            let mut count = 0;
            for (index, part) in bytes[start..parsed.end as usize].chunks(size).enumerate() {
                let front = udp_header(&bytes[usize::from(parsed.l4)..start], part, parsed);
                count += cutter.cut(index, &front, part, &mut each)?;
            }
            Ok(count)
        }
        Segmentation::None | Segmentation::UdpFragments => {
            let payload = &bytes[usize::from(parsed.l4)..parsed.end as usize];
            let (front, length) = completed_front(packet, parsed, payload);
            cutter.cut(0, &front[..length], &payload[length..], &mut each)
        }
    }
}

// The header of one datagram of a UDP super-frame.
fn udp_header(original: &[u8], payload: &[u8], parsed: &Parsed) -> [u8; udp::HEADER] {
    let mut header = [0; udp::HEADER];
    header.copy_from_slice(original);
    write_u16(&mut header, udp::LENGTH, (udp::HEADER + payload.len()) as u16);
    if read_u16(original, udp::CHECKSUM) != 0 {
        seal(&mut header, payload, parsed);
    }
    header
}

// With an open checksum: the L4 header up to and with the completed one. Otherwise nothing.
fn completed_front(packet: &Packet<'_>, parsed: &Parsed, payload: &[u8]) -> ([u8; FRONT_MAX], usize) {
    let mut front = [0; FRONT_MAX];
    let field = match checksum_field(parsed.protocol) {
        Some(field) if is_partial(packet, parsed) && field + 2 <= payload.len() => field,
        _ => return (front, 0),
    };
    let length = field + 2;
    front[..length].copy_from_slice(&payload[..length]);
    let sum = checksum::of(payload);
    write_u16(&mut front, field, if parsed.protocol == protocol::UDP { not_zero(sum) } else { sum });
    (front, length)
}

struct Cutter<'a> {
    /// The frame up to the end of its IP header.
    link_and_header: &'a [u8],
    parsed: &'a Parsed,
    mtu: usize,
    nic: NicId,
    emissions: &'a mut Emissions,
}

impl Cutter<'_> {
    // Cuts the datagram number `index` of the frame: its data is `front` and then `body`.
    fn cut(
        &mut self,
        index: usize,
        front: &[u8],
        body: &[u8],
        each: &mut impl FnMut(&mut Packet<'_>, &Parsed) -> Result<(), DropReason>,
    ) -> Result<usize, DropReason> {
        let l3 = usize::from(self.parsed.l3);
        let first_header = &self.link_and_header[l3..];
        let (later_header, later_length) = header_of_later_fragments(first_header);
        let field = read_u16(first_header, 6);
        // Of a fragment: its own place, and whether more follow it.
        let base = usize::from(field & ip::V4_OFFSET_MASK) * 8;
        let identification = read_u16(first_header, 4).wrapping_add(index as u16);
        let length = front.len() + body.len();
        let (mut at, mut count) = (0, 0);
        while at < length {
            let header = if at == 0 { first_header } else { &later_header[..later_length] };
            let room = (self.mtu - header.len()) & !7;
            let whole_rest = length - at <= self.mtu - header.len();
            let size = if whole_rest { length - at } else { room };
            let l4 = l3 + header.len();
            let mut fragment = self.emissions.begin(self.nic, l4 + size).ok_or(DropReason::EmissionsFull)?;
            let frame = fragment.bytes_mut();
            frame[..l3].copy_from_slice(&self.link_and_header[..l3]);
            frame[l3..l4].copy_from_slice(header);
            copy_joined(front, body, at, &mut frame[l4..]);
            let more = !whole_rest || field & ip::V4_MORE_FRAGMENTS != 0;
            let flags = (field & ip::V4_DONT_FRAGMENT) | if more { ip::V4_MORE_FRAGMENTS } else { 0 };
            write_u16(frame, l3 + 2, (header.len() + size) as u16);
            write_u16(frame, l3 + 4, identification);
            write_u16(frame, l3 + 6, flags | ((base + at) / 8) as u16);
            ip::write_v4_checksum(frame, l3, header.len());
            let described = describe(self.parsed, l4, size, base + at, more, identification);
            if let Err(reason) = each(&mut fragment, &described) {
                self.emissions.cancel();
                return Err(reason);
            }
            at += size;
            count += 1;
        }
        Ok(count)
    }
}

fn describe(parsed: &Parsed, l4: usize, size: usize, offset: usize, more: bool, identification: u16) -> Parsed {
    let identification = u32::from(identification);
    let mut described = Parsed { l4: l4 as u16, end: (l4 + size) as u32, ..*parsed };
    described.fragment = match (offset, more) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First { identification },
        (offset, _) => Fragment::Later { identification, offset: offset as u16 },
    };
    if described.is_later_fragment() {
        (described.source_port, described.destination_port, described.tcp_flags) = (0, 0, 0);
    }
    described
}

// RFC 791 3.2: later fragments have only the options that say so. Returns the header and its length.
fn header_of_later_fragments(header: &[u8]) -> ([u8; V4_HEADER_MAX], usize) {
    let mut copy = [0; V4_HEADER_MAX];
    copy[..ip::V4_HEADER].copy_from_slice(&header[..ip::V4_HEADER]);
    let mut length = ip::V4_HEADER;
    let mut options = &header[ip::V4_HEADER..];
    while let Some(&kind) = options.first() {
        let size = match kind {
            0 => break,
            1 => 1,
            _ => match options.get(1).map(|size| usize::from(*size)) {
                Some(size) if size >= 2 && size <= options.len() => size,
                _ => break,
            },
        };
        if kind & OPTION_COPIED != 0 {
            copy[length..length + size].copy_from_slice(&options[..size]);
            length += size;
        }
        options = &options[size..];
    }
    // The rest of the last word is zero: end of options.
    let length = length.next_multiple_of(4);
    copy[0] = 0x40 | (length / 4) as u8;
    (copy, length)
}

// Fills `to` with what is at `at` in `front` followed by `body`.
fn copy_joined(front: &[u8], body: &[u8], at: usize, to: &mut [u8]) {
    let from_front = front.len().saturating_sub(at).min(to.len());
    if from_front > 0 {
        to[..from_front].copy_from_slice(&front[at..at + from_front]);
    }
    let rest = &mut to[from_front..];
    let start = (at + from_front).saturating_sub(front.len());
    rest.copy_from_slice(&body[start..start + rest.len()]);
}

#[cfg(test)]
mod tests;
