//! TCP resets (RFC 9293 3.10.7.1).

use super::{Start, is_answerable, seal};
use crate::{Emissions, NicId, Packet, Tuple};
use net::fields::{read_u32, write_u16, write_u32};
use net::ip::protocol;
use net::tcp::{self, flag};
use net::{Mac, Parsed, ethernet};

/// Answers a TCP packet with a reset, out of the NIC it came in by. `false` when it is itself a reset, nobody may be
/// answered, or there is no room.
pub fn answer_reset(packet: &Packet<'_>, parsed: &Parsed, emissions: &mut Emissions) -> bool {
    if parsed.protocol != protocol::TCP || parsed.tcp_flags & flag::RST != 0 || !is_answerable(packet, parsed) {
        return false;
    }
    let bytes = packet.bytes();
    let l4 = usize::from(parsed.l4);
    let start = Start {
        nic: packet.head.nic,
        link: Some(&bytes[..usize::from(parsed.l3)]),
        macs: (ethernet::source(bytes), ethernet::destination(bytes)),
        source: parsed.destination,
        destination: parsed.source,
        protocol: protocol::TCP,
        traffic_class: 0,
        payload_length: tcp::HEADER,
    };
    let (sequence, acknowledgement) = if parsed.tcp_flags & flag::ACK != 0 {
        (read_u32(bytes, l4 + tcp::ACKNOWLEDGEMENT), None)
    } else {
        (0, Some(read_u32(bytes, l4 + tcp::SEQUENCE).wrapping_add(segment_length(bytes, parsed))))
    };
    let ports = (parsed.destination_port, parsed.source_port);
    emit(emissions, &start, ports, sequence, acknowledgement)
}

/// SEG.LEN: the sequence numbers that a segment takes; SYN and FIN take one each (RFC 9293 3.4).
pub fn segment_length(bytes: &[u8], parsed: &Parsed) -> u32 {
    let data = usize::from(parsed.l4) + tcp::header_length(bytes, usize::from(parsed.l4));
    let flags = parsed.tcp_flags;
    (parsed.end as usize - data) as u32 + u32::from(flags & flag::SYN != 0) + u32::from(flags & flag::FIN != 0)
}

/// A reset out of nothing, from the tuple's source to its destination, out of `nic` to `macs` (destination and source).
/// `false` when there is no room.
pub fn emit_reset(
    emissions: &mut Emissions,
    nic: NicId,
    macs: (Mac, Mac),
    tuple: &Tuple,
    sequence: u32,
    acknowledgement: Option<u32>,
) -> bool {
    let start = Start {
        nic,
        link: None,
        macs,
        source: tuple.source,
        destination: tuple.destination,
        protocol: protocol::TCP,
        traffic_class: 0,
        payload_length: tcp::HEADER,
    };
    emit(emissions, &start, (tuple.source_port, tuple.destination_port), sequence, acknowledgement)
}

fn emit(
    emissions: &mut Emissions,
    start: &Start<'_>,
    ports: (u16, u16),
    sequence: u32,
    acknowledgement: Option<u32>,
) -> bool {
    let Some((mut reset, described)) = start.begin(emissions) else { return false };
    let header = &mut reset.bytes_mut()[usize::from(described.l4)..];
    header.fill(0);
    write_u16(header, 0, ports.0);
    write_u16(header, 2, ports.1);
    write_u32(header, tcp::SEQUENCE, sequence);
    write_u32(header, tcp::ACKNOWLEDGEMENT, acknowledgement.unwrap_or(0));
    header[12] = ((tcp::HEADER / 4) << 4) as u8;
    header[tcp::FLAGS] = if acknowledgement.is_some() { flag::RST | flag::ACK } else { flag::RST };
    seal(header, &[], &described);
    true
}

#[cfg(test)]
mod tests;
