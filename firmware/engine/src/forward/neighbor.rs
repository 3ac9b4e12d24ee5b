//! Neighbour discovery as the packet path meets it (RFC 4861): our addresses are asked for, next hops answer.

use super::is_partial;
use crate::{DropReason, Packet};
use net::fields::write_u16;
use net::icmp::{self, v6};
use net::ip::{self, protocol};
use net::nd::{self, Advertisement, flag, option};
use net::offload::Offload;
use net::{Address, Mac, Parsed, ethernet};

/// The address that a valid neighbour solicitation asks for.
pub fn solicited(packet: &Packet<'_>, parsed: &Parsed) -> Option<Address> {
    let solicitation = nd::parse_solicitation(packet.bytes(), parsed)?;
    is_intact(packet, parsed).then_some(solicitation.target)
}

/// The content of a valid neighbour advertisement.
pub fn advertised(packet: &Packet<'_>, parsed: &Parsed) -> Option<Advertisement> {
    let advertisement = nd::parse_advertisement(packet.bytes(), parsed)?;
    is_intact(packet, parsed).then_some(advertisement)
}

fn is_intact(packet: &Packet<'_>, parsed: &Parsed) -> bool {
    is_partial(packet, parsed) || icmp::is_checksum_right(packet.bytes(), parsed)
}

/// Turns a solicitation for `target` into the advertisement that `mac` has it, in place (RFC 4861 7.2.4). Who only asks
/// whether the address is free is told as everybody is: at all nodes.
///
/// # Errors
/// `LinkNoise` when it is no valid solicitation for `target`; `BadChecksum`; `NoHeadroom` when the buffer is too small.
pub fn advertise(packet: &mut Packet<'_>, parsed: &Parsed, target: Address, mac: Mac) -> Result<(), DropReason> {
    let solicitation = nd::parse_solicitation(packet.bytes(), parsed)
        .filter(|solicitation| solicitation.target == target)
        .ok_or(DropReason::LinkNoise)?;
    if !is_intact(packet, parsed) {
        return Err(DropReason::BadChecksum);
    }
    let (l3, l4) = (usize::from(parsed.l3), usize::from(parsed.l3) + ip::V6_HEADER);
    let asker = solicitation.source_mac.unwrap_or(ethernet::source(packet.bytes()));
    let is_probe = parsed.source == Address::UNSPECIFIED;
    let (to, destination, flags) = if is_probe {
        (nd::ALL_NODES_MAC, nd::ALL_NODES, flag::OVERRIDE)
    } else {
        (asker, parsed.source, flag::SOLICITED | flag::OVERRIDE)
    };
    // Whatever is behind the IPv6 header, extension headers and options included, makes place for one message.
    let length = packet.length();
    if !packet.splice(l4..length, &[0; nd::MESSAGE + nd::MAC_OPTION]) {
        return Err(DropReason::NoHeadroom);
    }
    packet.head.offload = Offload::NONE;
    let bytes = packet.bytes_mut();
    ethernet::set_addresses(bytes, to, mac);
    let header = ip::Header {
        source: target,
        destination,
        protocol: protocol::ICMPV6,
        hop_limit: nd::HOP_LIMIT,
        traffic_class: 0,
        payload_length: nd::MESSAGE + nd::MAC_OPTION,
        identification: 0,
        flags_and_offset: 0,
        flow_label: 0,
    };
    header.emit(&mut bytes[l3..]);
    nd::write_message(&mut bytes[l4..], v6::NEIGHBOR_ADVERTISEMENT, flags, target, option::TARGET_MAC, mac);
    write_u16(bytes, l4 + icmp::CHECKSUM, 0);
    let described =
        Parsed { l4: l4 as u16, end: bytes.len() as u32, source: target, destination, fragment_header: 0, ..*parsed };
    icmp::write_checksum(bytes, &described);
    Ok(())
}

#[cfg(test)]
mod tests;
