//! Encapsulation: IP in IP (RFC 2003, RFC 2473, RFC 4213), GRE (RFC 2784) and GUE (draft-ietf-intarea-gue-09).

use super::{ethertype, not_zero};
use crate::tables::Method;
use crate::{DropReason, Packet};
use net::checksum;
use net::fields::{read_u16, write_u16};
use net::ip::{self, protocol};
use net::offload::Offload;
use net::{Address, Family, Parsed, udp};

/// Bytes of a GRE header without checksum (RFC 2784 2.1).
pub const GRE_HEADER: usize = 4;
/// Bytes of the checksum and the reserved field behind it.
pub const GRE_CHECKSUM: usize = 4;
/// First bit of a GRE header: a checksum is present.
pub const GRE_CHECKSUM_PRESENT: u16 = 0x8000;
/// Bytes of a GUE header of variant 0 without private data.
pub const GUE_HEADER: usize = 4;

/// Largest IP packet there is, for both families (an IPv6 payload may be 40 bytes longer, but no tunnel needs that).
const PACKET_MAX: usize = 65_535;

/// The outer header of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// One of the tunnel methods.
    pub method: Method,
    /// This end.
    pub source: Address,
    /// The backend; of the same family.
    pub destination: Address,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// The same for all packets of a flow: GUE source port, IPv6 flow label (RFC 6438).
    pub entropy: u16,
    /// GUE destination port.
    pub port: u16,
    /// GRE and GUE: whether the outer header carries a checksum.
    pub checksum: bool,
    /// IPv4 identification. DF is set, so it need not be unique (RFC 6864 4.1).
    pub identification: u16,
}

/// Bytes that encapsulation adds to an IP packet; 0 for methods that are no tunnels.
pub const fn overhead(method: Method, outer: Family, checksum: bool) -> usize {
    let header = match outer {
        Family::V4 => ip::V4_HEADER,
        Family::V6 => ip::V6_HEADER,
    };
    match method {
        Method::TunnelIpip => header,
        Method::TunnelGre if checksum => header + GRE_HEADER + GRE_CHECKSUM,
        Method::TunnelGre => header + GRE_HEADER,
        Method::TunnelGue => header + udp::HEADER + GUE_HEADER,
        Method::Nat | Method::Direct | Method::FullNat => 0,
    }
}

/// Puts the IP packet into an outer one, behind the link header with its tags, whose hardware addresses stay as they
/// are. The packet has complete checksums afterwards; padding is gone.
///
/// # Errors
/// `BadSegmentation` for a super-frame, which must be cut first; `TooBig`; `NoHeadroom`.
pub fn encapsulate(packet: &mut Packet<'_>, parsed: &Parsed, outer: &Outer) -> Result<(), DropReason> {
    if packet.head.offload.is_super_frame() || !outer.method.is_tunnel() {
        return Err(DropReason::BadSegmentation);
    }
    let family = outer.destination.family();
    let added = overhead(outer.method, family, outer.checksum);
    if parsed.ip_length() + added > PACKET_MAX {
        return Err(DropReason::TooBig);
    }
    packet.truncate(parsed.end as usize);
    // No offload describes a checksum or a segment behind an outer header.
    complete_checksum(packet);
    if !packet.grow_front(added) {
        return Err(DropReason::NoHeadroom);
    }
    packet.head.offload = Offload::NONE;
    let l3 = usize::from(parsed.l3);
    let bytes = packet.bytes_mut();
    bytes.copy_within(added..added + l3, 0);
    write_u16(bytes, l3 - 2, ethertype(family));
    let inner = l3 + added;
    let header = ip::Header {
        source: outer.source,
        destination: outer.destination,
        protocol: match outer.method {
            Method::TunnelGre => protocol::GRE,
            Method::TunnelGue => protocol::UDP,
            _ => number(parsed.family),
        },
        hop_limit: outer.hop_limit,
        // RFC 6040 4.1 (normal mode) and RFC 2983 3.1 (uniform model): both ECN and DSCP are copied.
        traffic_class: traffic_class(bytes, inner, parsed.family),
        payload_length: bytes.len() - l3 - overhead(Method::TunnelIpip, family, false),
        identification: outer.identification,
        flags_and_offset: ip::V4_DONT_FRAGMENT,
        flow_label: u32::from(outer.entropy),
    };
    let shim = l3 + header.emit(&mut bytes[l3..]);
    match outer.method {
        Method::TunnelGre => write_gre(&mut bytes[shim..], parsed.family, outer.checksum),
        Method::TunnelGue => write_gue(&mut bytes[shim..], parsed.family, outer),
        _ => {}
    }
    Ok(())
}

/// Completes an open checksum, as a NIC would. An offload that does not fit the frame is dropped unheeded.
pub fn complete_checksum(packet: &mut Packet<'_>) {
    let offload = packet.head.offload;
    if !offload.partial_checksum {
        return;
    }
    packet.head.offload.partial_checksum = false;
    let start = usize::from(offload.checksum_start);
    let field = start + usize::from(offload.checksum_offset);
    let bytes = packet.bytes_mut();
    if field + 2 > bytes.len() {
        return;
    }
    let sum = checksum::of(&bytes[start..]);
    let is_udp = usize::from(offload.checksum_offset) == udp::CHECKSUM;
    write_u16(bytes, field, if is_udp { not_zero(sum) } else { sum });
}

/// The protocol number of an IP packet of `family` inside another.
const fn number(family: Family) -> u8 {
    match family {
        Family::V4 => protocol::IPIP,
        Family::V6 => protocol::IPV6,
    }
}

fn traffic_class(bytes: &[u8], at: usize, family: Family) -> u8 {
    match family {
        Family::V4 => bytes[at + 1],
        Family::V6 => (read_u16(bytes, at) >> 4) as u8,
    }
}

// `bytes` is the GRE header and everything behind it, which its checksum covers (RFC 2784 2.4).
fn write_gre(bytes: &mut [u8], inner: Family, with_checksum: bool) {
    write_u16(bytes, 0, if with_checksum { GRE_CHECKSUM_PRESENT } else { 0 });
    write_u16(bytes, 2, ethertype(inner));
    if with_checksum {
        bytes[GRE_HEADER..GRE_HEADER + GRE_CHECKSUM].fill(0);
        let sum = checksum::of(bytes);
        write_u16(bytes, GRE_HEADER, sum);
    }
}

// `bytes` is the UDP header and everything behind it.
fn write_gue(bytes: &mut [u8], inner: Family, outer: &Outer) {
    write_u16(bytes, 0, outer.entropy);
    write_u16(bytes, 2, outer.port);
    write_u16(bytes, udp::LENGTH, bytes.len() as u16);
    // Zero is allowed over IPv6 too: RFC 6935 for tunnels, under RFC 6936's conditions.
    write_u16(bytes, udp::CHECKSUM, 0);
    // Variant 0, a data message, no extension fields: the protocol number says what follows.
    bytes[udp::HEADER..udp::HEADER + GUE_HEADER].copy_from_slice(&[0, number(inner), 0, 0]);
    if outer.checksum {
        let pseudo = checksum::pseudo_header(outer.source, outer.destination, protocol::UDP, bytes.len() as u32);
        let sum = !checksum::fold(checksum::add(pseudo, bytes));
        write_u16(bytes, udp::CHECKSUM, not_zero(sum));
    }
}

#[cfg(test)]
mod tests;
