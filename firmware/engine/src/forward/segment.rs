//! Super-frames cut into the packets they stand for, as a NIC would do (TSO, USO).

use super::seal;
use crate::{DropReason, Emissions, NicId, Packet};
use net::fields::{read_u16, read_u32, write_u16, write_u32};
use net::ip::{self, protocol};
use net::offload::Segmentation;
use net::{Family, Fragment, Parsed, tcp, udp};

/// Where the payload of a super-frame starts, when its offload and its headers agree.
pub(super) fn payload_start(packet: &Packet<'_>, parsed: &Parsed) -> Option<usize> {
    let l4 = usize::from(parsed.l4);
    let offload = &packet.head.offload;
    // A later fragment has no L4 header to be read.
    if parsed.fragment != Fragment::Whole || parsed.fragment_header != 0 {
        return None;
    }
    let header = match (offload.segmentation, parsed.family, parsed.protocol) {
        (Segmentation::TcpV4, Family::V4, protocol::TCP) | (Segmentation::TcpV6, Family::V6, protocol::TCP) => {
            tcp::header_length(packet.bytes(), l4)
        }
        (Segmentation::Udp, _, protocol::UDP) => udp::HEADER,
        _ => return None,
    };
    let is_sound = offload.segment_size > 0 && l4 + header < parsed.end as usize;
    is_sound.then_some(l4 + header)
}

/// Bytes of the longest IP packet that leaves for this frame, header included.
pub(super) fn unit_length(packet: &Packet<'_>, parsed: &Parsed) -> usize {
    let size = usize::from(packet.head.offload.segment_size);
    let headers = match (payload_start(packet, parsed), packet.head.offload.segmentation) {
        (Some(start), _) => start - usize::from(parsed.l3),
        (None, Segmentation::UdpFragments) => match parsed.family {
            Family::V4 => usize::from(parsed.l4 - parsed.l3),
            Family::V6 => usize::from(parsed.l4 - parsed.l3) + ip::V6_FRAGMENT_HEADER,
        },
        (None, _) => return parsed.ip_length(),
    };
    parsed.ip_length().min(headers + size)
}

/// Cuts a TCP or UDP super-frame. Every segment has its own sequence number, identification, lengths, flags and complete
/// checksums and the link header of the super-frame; `each` encapsulates and addresses it. Returns how many there are.
///
/// # Errors
/// `BadSegmentation` when the offload does not fit the frame; `EmissionsFull`; what `each` says. Segments before the
/// failing one stay: TCP asks again for the rest, UDP loses as on any link.
pub fn segment(
    packet: &Packet<'_>,
    parsed: &Parsed,
    nic: NicId,
    emissions: &mut Emissions,
    each: impl FnMut(&mut Packet<'_>, &Parsed) -> Result<(), DropReason>,
) -> Result<usize, DropReason> {
    cut(packet, parsed, usize::from(packet.head.offload.segment_size), nic, emissions, each)
}

/// [`segment`] with a segment size of the caller's.
pub(super) fn cut(
    packet: &Packet<'_>,
    parsed: &Parsed,
    size: usize,
    nic: NicId,
    emissions: &mut Emissions,
    mut each: impl FnMut(&mut Packet<'_>, &Parsed) -> Result<(), DropReason>,
) -> Result<usize, DropReason> {
    let start = payload_start(packet, parsed).filter(|_| size > 0).ok_or(DropReason::BadSegmentation)?;
    let bytes = packet.bytes();
    let payload = &bytes[start..parsed.end as usize];
    let count = payload.len().div_ceil(size);
    for (index, part) in payload.chunks(size).enumerate() {
        let end = start + part.len();
        let mut segment = emissions.begin(nic, end).ok_or(DropReason::EmissionsFull)?;
        let frame = segment.bytes_mut();
        frame[..start].copy_from_slice(&bytes[..start]);
        frame[start..].copy_from_slice(part);
        let place = Place { index, offset: index * size, is_last: index + 1 == count };
        let (headers, part) = frame.split_at_mut(start);
        let described = finish(headers, part, parsed, &place);
        if let Err(reason) = each(&mut segment, &described) {
            emissions.cancel();
            return Err(reason);
        }
    }
    Ok(count)
}

/// Which segment of a super-frame.
pub(super) struct Place {
    pub index: usize,
    /// Of its payload in the super-frame's.
    pub offset: usize,
    pub is_last: bool,
}

/// Turns the headers of a super-frame into those of one segment with `payload`; returns the segment's description.
pub(super) fn finish(headers: &mut [u8], payload: &[u8], parsed: &Parsed, place: &Place) -> Parsed {
    let (l3, l4) = (usize::from(parsed.l3), usize::from(parsed.l4));
    let end = headers.len() + payload.len();
    super::set_ip_length(headers, l3, parsed.family, end - l3);
    if parsed.family == Family::V4 {
        // One identification each, as the sender would have counted them.
        let identification = read_u16(headers, l3 + 4).wrapping_add(place.index as u16);
        ip::set_v4_word(headers, l3, 4, identification);
    }
    let mut segment = Parsed { end: end as u32, ..*parsed };
    let header = &mut headers[l4..];
    if parsed.protocol == protocol::TCP {
        let sequence = read_u32(header, tcp::SEQUENCE).wrapping_add(place.offset as u32);
        write_u32(header, tcp::SEQUENCE, sequence);
        if !place.is_last {
            header[tcp::FLAGS] &= !(tcp::flag::FIN | tcp::flag::PSH);
        }
        if place.index > 0 {
            // RFC 3168 6.1.2: the window was reduced once, and is said so once.
            header[tcp::FLAGS] &= !tcp::flag::CWR;
        }
        segment.tcp_flags = header[tcp::FLAGS];
        seal(header, payload, parsed);
    } else {
        let had_checksum = read_u16(header, udp::CHECKSUM) != 0;
        write_u16(header, udp::LENGTH, (udp::HEADER + payload.len()) as u16);
        if had_checksum {
            seal(header, payload, parsed);
        }
    }
    segment
}

#[cfg(test)]
mod tests;
