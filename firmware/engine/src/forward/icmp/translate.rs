//! ICMP errors about translated packets: both the error and what it quotes are translated (RFC 5508 4.2).

use super::super::nat::Rewrite;
use super::{is_error, is_intact};
use crate::{DropReason, Packet};
use net::checksum::Delta;
use net::fields::{read_u16, write_u16};
use net::ip::{self, protocol};
use net::parse::parse_embedded;
use net::{Family, Fragment, Parsed, icmp, tcp, udp};

/// The packet inside an ICMP error, offsets from the start of the frame. Its end is that of what is quoted.
///
/// # Errors
/// `IcmpIgnored` when this is no error, a fragment, or the quoted packet is of the other family; `BadChecksum`; what is
/// wrong with the quoted packet.
pub fn embedded(packet: &Packet<'_>, parsed: &Parsed) -> Result<Parsed, DropReason> {
    let is_icmp = match parsed.family {
        Family::V4 => parsed.protocol == protocol::ICMP,
        Family::V6 => parsed.protocol == protocol::ICMPV6,
    };
    if !is_icmp || parsed.fragment != Fragment::Whole || !is_error(parsed) || is_redirect(parsed) {
        return Err(DropReason::IcmpIgnored);
    }
    // The checksum is written anew later on, which must not bless a broken message.
    if !is_intact(packet, parsed) {
        return Err(DropReason::BadChecksum);
    }
    let message = &packet.bytes()[..parsed.end as usize];
    let inner = parse_embedded(message, usize::from(parsed.l4) + icmp::HEADER)?;
    if inner.family != parsed.family { Err(DropReason::IcmpIgnored) } else { Ok(inner) }
}

// A redirect is between neighbours and means nothing behind a router.
fn is_redirect(parsed: &Parsed) -> bool {
    match parsed.family {
        Family::V4 => parsed.icmp_type() == icmp::v4::REDIRECT,
        Family::V6 => parsed.icmp_type() == icmp::v6::REDIRECT,
    }
}

/// Translates an ICMP error and the packet it quotes. `parsed` and `inner` (of [`embedded`]) describe the frame as it was
/// before; the ports of `outer` are not used. Checksums inside the quote are changed as far as they are quoted.
pub fn translate_error(packet: &mut Packet<'_>, parsed: &Parsed, inner: &Parsed, outer: &Rewrite, embedded: &Rewrite) {
    let mut translated = *parsed;
    let l3 = usize::from(parsed.l3);
    if let Some((address, _)) = outer.source {
        ip::set_source(packet.bytes_mut(), l3, parsed.source, address);
        translated.source = address;
    }
    if let Some((address, _)) = outer.destination {
        ip::set_destination(packet.bytes_mut(), l3, parsed.destination, address);
        translated.destination = address;
    }
    rewrite_quoted(&mut packet.bytes_mut()[..inner.end as usize], inner, embedded);
    if super::is_partial(packet, parsed) {
        packet.head.offload.partial_checksum = false;
    }
    icmp::write_checksum(packet.bytes_mut(), &translated);
}

fn rewrite_quoted(bytes: &mut [u8], inner: &Parsed, to: &Rewrite) {
    let (l3, l4) = (usize::from(inner.l3), usize::from(inner.l4));
    let has_ports = matches!(inner.protocol, protocol::TCP | protocol::UDP) && !inner.is_later_fragment();
    let mut delta = Delta::NONE;
    if let Some((address, port)) = to.source {
        ip::set_source(bytes, l3, inner.source, address);
        delta = delta.address(inner.source, address);
        if has_ports {
            write_u16(bytes, l4, port);
            delta = delta.word(inner.source_port, port);
        }
    }
    if let Some((address, port)) = to.destination {
        ip::set_destination(bytes, l3, inner.destination, address);
        delta = delta.address(inner.destination, address);
        if has_ports {
            write_u16(bytes, l4 + 2, port);
            delta = delta.word(inner.destination_port, port);
        }
    }
    let field = l4 + if inner.protocol == protocol::TCP { tcp::CHECKSUM } else { udp::CHECKSUM };
    if !has_ports || field + 2 > bytes.len() {
        return;
    }
    let old = read_u16(bytes, field);
    let new = match (inner.protocol, old) {
        (protocol::UDP, 0) => 0,
        (protocol::UDP, old) => super::super::not_zero(delta.apply(old)),
        (_, old) => delta.apply(old),
    };
    write_u16(bytes, field, new);
}
