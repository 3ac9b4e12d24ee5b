//! Internet checksums, summed plainly (RFC 1071): nothing is shared with the code under test.

use std::net::IpAddr;

/// The sum of 16-bit words, folded, not complemented.
pub fn sum(parts: &[&[u8]]) -> u16 {
    let bytes: Vec<u8> = parts.concat();
    let mut sum: u64 = 0;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The bytes of an address.
pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// The pseudo-header (RFC 9293 3.1, RFC 8200 8.1), in a form that sums up right for both families.
pub fn pseudo_header(ends: (IpAddr, IpAddr), protocol: u8, length: usize) -> Vec<u8> {
    let mut bytes = octets(ends.0);
    bytes.extend(octets(ends.1));
    bytes.extend((length as u32).to_be_bytes());
    bytes.extend([0, protocol]);
    bytes
}

/// Whether the checksum of an L4 header with everything behind it is right.
pub fn is_right(ends: (IpAddr, IpAddr), protocol: u8, l4: &[u8]) -> bool {
    let has_pseudo_header = protocol != super::show::ICMP;
    let pseudo = if has_pseudo_header { pseudo_header(ends, protocol, l4.len()) } else { Vec::new() };
    sum(&[&pseudo, l4]) == 0xffff
}

/// Where the checksum is in an L4 header.
pub fn field(protocol: u8) -> Option<usize> {
    match protocol {
        6 => Some(16),
        17 => Some(6),
        1 | 58 => Some(2),
        _ => None,
    }
}

/// Completes a partial checksum as a NIC would: from `start` to the end, into the field at `offset`.
pub fn complete(frame: &mut [u8], start: usize, offset: usize) {
    let sum = !sum(&[&frame[start..]]);
    // RFC 768: zero would say that there is none.
    let sum = if sum == 0 && offset == 6 { 0xffff } else { sum };
    frame[start + offset..start + offset + 2].copy_from_slice(&sum.to_be_bytes());
}
