//! ICMP errors from the path of a tunnel: about our outer header, of use to the client whose packet is inside
//! (RFC 2003 4, RFC 2473 8, RFC 4459 3.1).

use super::super::tunnel::{GRE_CHECKSUM, GRE_CHECKSUM_PRESENT, GRE_HEADER, GUE_HEADER};
use super::{Error, Told};
use crate::tables::Method;
use crate::{Emissions, NicId, Packet};
use net::fields::{read_u16, read_u32};
use net::icmp::{self, v4, v6};
use net::ip::{self, protocol};
use net::parse::parse_embedded;
use net::{Address, Family, Fragment, Mac, Parsed, udp};

/// Smallest path MTU believed over IPv4. Any host on the path can lie; this bounds the harm (Linux' `min_pmtu`).
pub const PATH_MTU_MIN_V4: u16 = 552;

/// MTUs found in the world, for routers that tell none (RFC 1191 7.1).
const PLATEAUS: [u16; 8] = [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006];

/// What an error about an outer header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelError {
    /// How the packet was encapsulated.
    pub method: Method,
    /// Our end of the tunnel. The caller checks that it is.
    pub source: Address,
    /// The far end: the backend.
    pub backend: Address,
    /// GUE: destination port of the outer header; else 0.
    pub port: u16,
    /// The path carries packets of this size, outer header included; `None` when the error is another one.
    pub path_mtu: Option<u16>,
    /// What of it is left for the packet inside.
    pub inner_mtu: Option<u16>,
    /// The packet inside, as far as it is quoted; most IPv4 routers quote too little.
    pub inner: Option<Parsed>,
}

/// Reads an error whose quoted packet, `outer` as of [`embedded`](super::embedded), may be one of our encapsulated ones.
/// `None` when it is none: neither IP in IP, GRE nor GUE, or not its start.
pub fn tunnel_error(packet: &Packet<'_>, parsed: &Parsed, outer: &Parsed) -> Option<TunnelError> {
    let message = &packet.bytes()[..parsed.end as usize];
    if outer.is_later_fragment() {
        return None;
    }
    let at = usize::from(outer.l4);
    let (method, shim, port) = match outer.protocol {
        protocol::IPIP | protocol::IPV6 => (Method::TunnelIpip, 0, 0),
        protocol::GRE if at + 2 <= message.len() => {
            let with_checksum = read_u16(message, at) & GRE_CHECKSUM_PRESENT != 0;
            (Method::TunnelGre, if with_checksum { GRE_HEADER + GRE_CHECKSUM } else { GRE_HEADER }, 0)
        }
        protocol::UDP => (Method::TunnelGue, udp::HEADER + GUE_HEADER, outer.destination_port),
        _ => return None,
    };
    let overhead = at + shim - usize::from(outer.l3);
    let path_mtu = path_mtu(message, parsed, outer);
    Some(TunnelError {
        method,
        source: outer.source,
        backend: outer.destination,
        port,
        path_mtu,
        inner_mtu: path_mtu.map(|mtu| mtu.saturating_sub(overhead as u16)),
        inner: parse_embedded(message, at + shim).ok().filter(|inner| inner.fragment == Fragment::Whole),
    })
}

// The MTU an error tells, kept above the least that is believed.
fn path_mtu(message: &[u8], parsed: &Parsed, outer: &Parsed) -> Option<u16> {
    let l4 = usize::from(parsed.l4);
    match parsed.family {
        Family::V4 if (parsed.icmp_type(), parsed.icmp_code()) == (v4::UNREACHABLE, v4::FRAGMENTATION_NEEDED) => {
            let sent = read_u16(message, usize::from(outer.l3) + 2);
            let told = match read_u16(message, l4 + icmp::REST + 2) {
                0 => PLATEAUS.into_iter().find(|plateau| *plateau < sent).unwrap_or(PATH_MTU_MIN_V4),
                told => told,
            };
            Some(told.max(PATH_MTU_MIN_V4))
        }
        Family::V6 if parsed.icmp_type() == v6::PACKET_TOO_BIG => {
            let told = read_u32(message, l4 + icmp::REST);
            Some(u16::try_from(told).unwrap_or(u16::MAX).max(ip::V6_MTU_MIN))
        }
        _ => None,
    }
}

/// Tells the sender of the packet inside, as far as it is quoted, out of `nic` to `macs` (destination and source), in the
/// name of `source` (of the packet's family). `false` when nobody may be told or there is no room.
pub fn relay_error(
    packet: &Packet<'_>,
    inner: &Parsed,
    error: Error,
    source: Address,
    nic: NicId,
    macs: (Mac, Mac),
    emissions: &mut Emissions,
) -> bool {
    let is_one_host = !inner.source.is_multicast() && inner.source != Address::UNSPECIFIED;
    if super::is_error(inner) || !is_one_host || source.family() != inner.family {
        return false;
    }
    let about = &packet.bytes()[usize::from(inner.l3)..inner.end as usize];
    Told { nic, link: None, macs, source, destination: inner.source, error }.emit(about, emissions, |_| {})
}
