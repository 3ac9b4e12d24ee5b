//! What left, looked at by another implementation (etherparse, strict): every header parses, every checksum is right,
//! fragments make up whole datagrams again, and what is in tunnels is as good as what is not.

use super::script::Frame;
use super::show::Ip;
use super::sums;
use etherparse::{
    Icmpv4Slice, Icmpv6Slice, IpSlice, LinkExtSlice, NetSlice, SlicedPacket, TcpSlice, UdpHeader, UdpSlice,
};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Fragments by case, ends, protocol and identification: place, whether more follow, bytes.
type Parts = BTreeMap<(String, IpAddr, IpAddr, u8, u32), Vec<(usize, bool, Vec<u8>)>>;

/// What is wrong with the frames.
pub fn frames(frames: &[Frame]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut parts = Parts::new();
    for frame in frames {
        complaints.extend(link(frame, &mut parts).err().map(|error| format!("{}: {error}", frame.place)));
    }
    for (key, mut fragments) in parts {
        fragments.sort();
        if let Some(whole) = joined(&fragments)
            && let Err(error) = upper((key.1, key.2), key.3, &whole)
        {
            complaints.push(format!("{}, put together: {error}", key.0));
        }
    }
    complaints
}

/// The frame with its checksum completed, as it would be on a wire.
pub fn completed(frame: &Frame) -> Vec<u8> {
    let mut bytes = frame.bytes.clone();
    if frame.offload.partial_checksum {
        let offload = frame.offload;
        sums::complete(&mut bytes, usize::from(offload.checksum_start), usize::from(offload.checksum_offset));
    }
    bytes
}

fn link(frame: &Frame, parts: &mut Parts) -> Result<(), String> {
    let bytes = completed(frame);
    let sliced = SlicedPacket::from_ethernet(&bytes).map_err(|error| error.to_string())?;
    let tags = sliced.link_exts.iter().filter(|part| matches!(part, LinkExtSlice::Vlan(_))).count();
    match sliced.net {
        Some(NetSlice::Ipv4(_) | NetSlice::Ipv6(_)) => packet(&bytes[14 + tags * 4..], &frame.case, parts),
        other => Err(format!("no IP packet but {other:?}")),
    }
}

fn packet(bytes: &[u8], case: &str, parts: &mut Parts) -> Result<(), String> {
    let ip = IpSlice::from_slice(bytes).map_err(|error| error.to_string())?;
    if let Some(v4) = ip.ipv4() {
        let header = v4.header().to_header();
        if header.calc_header_checksum() != header.header_checksum {
            return Err("IPv4 header checksum".to_owned());
        }
    }
    let ends = (ip.source_addr(), ip.destination_addr());
    let payload = ip.payload();
    if payload.fragmented {
        let read = Ip::read(bytes).ok_or("a fragment that cannot be read")?;
        let (offset, more) = read.fragment.ok_or("a fragment that is none")?;
        let key = (case.to_owned(), ends.0, ends.1, payload.ip_number.0, read.identification);
        parts.entry(key).or_default().push((offset, more, payload.payload.to_vec()));
        return Ok(());
    }
    match (payload.ip_number.0, payload.payload) {
        (4 | 41, inner) => packet(inner, case, parts),
        (47, gre @ [0x80, ..]) => {
            if sums::sum(&[gre]) != 0xffff {
                return Err("GRE checksum".to_owned());
            }
            packet(&gre[8..], case, parts)
        }
        (47, gre) => packet(&gre[4..], case, parts),
        (number, l4) => {
            upper(ends, number, l4)?;
            // GUE, by its port.
            if number == 17 && l4[2..4] == 6080u16.to_be_bytes() { packet(&l4[12..], case, parts) } else { Ok(()) }
        }
    }
}

fn upper(ends: (IpAddr, IpAddr), number: u8, l4: &[u8]) -> Result<(), String> {
    let (held, right) = match number {
        6 => {
            let tcp = TcpSlice::from_slice(l4).map_err(|error| error.to_string())?;
            let right = match ends {
                (IpAddr::V4(from), IpAddr::V4(to)) => tcp.calc_checksum_ipv4(from.octets(), to.octets()),
                (IpAddr::V6(from), IpAddr::V6(to)) => tcp.calc_checksum_ipv6(from.octets(), to.octets()),
                _ => return Err("two families".to_owned()),
            };
            (tcp.checksum(), right.map_err(|error| error.to_string())?)
        }
        17 => {
            let udp = UdpSlice::from_slice(l4).map_err(|error| error.to_string())?;
            if udp.payload().len() + 8 != l4.len() {
                return Err("UDP length".to_owned());
            }
            let header: UdpHeader = udp.to_header();
            let right = match ends {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    header.calc_checksum_ipv4_raw(from.octets(), to.octets(), udp.payload())
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    header.calc_checksum_ipv6_raw(from.octets(), to.octets(), udp.payload())
                }
                _ => return Err("two families".to_owned()),
            };
            let right = right.map_err(|error| error.to_string())?;
            (udp.checksum(), if udp.checksum() == 0 { 0 } else { right })
        }
        1 => {
            let message = Icmpv4Slice::from_slice(l4).map_err(|error| error.to_string())?;
            (message.checksum(), message.icmp_type().calc_checksum(message.payload()))
        }
        58 => {
            let (IpAddr::V6(from), IpAddr::V6(to)) = ends else { return Err("ICMPv6 over IPv4".to_owned()) };
            let message = Icmpv6Slice::from_slice(l4).map_err(|error| error.to_string())?;
            let is_right = message.is_checksum_valid(from.octets(), to.octets());
            (message.checksum(), if is_right { message.checksum() } else { !message.checksum() })
        }
        _ => return Ok(()),
    };
    if held == right {
        Ok(())
    } else {
        Err(format!("checksum {held:#06x} of protocol {number} should be {right:#06x}"))
    }
}

// The datagram, when all of it is there.
fn joined(fragments: &[(usize, bool, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    for (offset, _, bytes) in fragments {
        if *offset != whole.len() {
            return None;
        }
        whole.extend(bytes);
    }
    fragments.last().filter(|(_, more, _)| !more).map(|_| whole)
}
