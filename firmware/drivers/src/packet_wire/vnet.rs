//! `struct virtio_net_hdr` (virtio 1.2, 5.1.6) as packet sockets use it: before each frame, in host byte order.

use net::offload::{Offload, Segmentation};

/// Bytes of the header.
pub(crate) const BYTES: usize = size_of::<Header>();

const NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_UDP: u8 = 3;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// The header. Offsets count from the frame behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Header {
    flags: u8,
    gso_type: u8,
    hdr_len: u16,
    gso_size: u16,
    csum_start: u16,
    csum_offset: u16,
}

impl Header {
    /// What the engine is told. An unknown kind of segmentation cannot come: the kernel drops what the header cannot
    /// describe, and the kinds that it can are these.
    #[inline]
    pub(crate) fn offload(self) -> Offload {
        let segmentation = match self.gso_type & !GSO_ECN {
            GSO_TCPV4 => Segmentation::TcpV4,
            GSO_TCPV6 => Segmentation::TcpV6,
            GSO_UDP_L4 => Segmentation::Udp,
            GSO_UDP => Segmentation::UdpFragments,
            _ => Segmentation::None,
        };
        let partial_checksum = self.flags & NEEDS_CSUM != 0;
        Offload {
            partial_checksum,
            checksum_start: if partial_checksum { self.csum_start } else { 0 },
            checksum_offset: if partial_checksum { self.csum_offset } else { 0 },
            segmentation,
            ecn: self.gso_type & GSO_ECN != 0,
            segment_size: self.gso_size,
            header_length: self.hdr_len,
        }
    }

    /// For a frame of `length` bytes. The hint of the header length stays inside the frame: beyond it the kernel
    /// refuses the send.
    #[inline]
    pub(crate) fn new(offload: &Offload, length: usize) -> Self {
        let kind = match offload.segmentation {
            Segmentation::None => GSO_NONE,
            Segmentation::TcpV4 => GSO_TCPV4,
            Segmentation::TcpV6 => GSO_TCPV6,
            Segmentation::Udp => GSO_UDP_L4,
            Segmentation::UdpFragments => GSO_UDP,
        };
        let super_frame = offload.is_super_frame();
        Self {
            flags: if offload.partial_checksum { NEEDS_CSUM } else { 0 },
            gso_type: if super_frame && offload.ecn { kind | GSO_ECN } else { kind },
            hdr_len: usize::from(offload.header_length).min(length) as u16,
            gso_size: if super_frame { offload.segment_size } else { 0 },
            csum_start: offload.checksum_start,
            csum_offset: offload.checksum_offset,
        }
    }

    /// The bytes that go before the frame.
    #[inline]
    pub(crate) fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        (bytes[0], bytes[1]) = (self.flags, self.gso_type);
        let numbers = [self.hdr_len, self.gso_size, self.csum_start, self.csum_offset];
        for (at, number) in bytes[2..].chunks_exact_mut(2).zip(numbers) {
            at.copy_from_slice(&number.to_ne_bytes());
        }
        bytes
    }

    /// From the bytes before a frame that was read from a socket.
    pub(crate) fn parse(bytes: &[u8; BYTES]) -> Self {
        let number = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Self {
            flags: bytes[0],
            gso_type: bytes[1],
            hdr_len: number(2),
            gso_size: number(4),
            csum_start: number(6),
            csum_offset: number(8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_offloads_say_the_same() {
        // flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
        let tso4 = Header { flags: 1, gso_type: 1, hdr_len: 66, gso_size: 1448, csum_start: 34, csum_offset: 16 };
        let tso6_ecn =
            Header { flags: 1, gso_type: 0x84, hdr_len: 86, gso_size: 1428, csum_start: 54, csum_offset: 16 };
        let uso = Header { flags: 1, gso_type: 5, hdr_len: 42, gso_size: 1200, csum_start: 34, csum_offset: 6 };
        let ufo = Header { flags: 1, gso_type: 3, hdr_len: 42, gso_size: 1480, csum_start: 34, csum_offset: 6 };
        let partial = Header { flags: 1, gso_type: 0, hdr_len: 0, gso_size: 0, csum_start: 34, csum_offset: 6 };
        let offload = |segmentation, ecn, header_length, segment_size, checksum_start, checksum_offset| Offload {
            partial_checksum: true,
            checksum_start,
            checksum_offset,
            segmentation,
            ecn,
            segment_size,
            header_length,
        };
        let table = [
            (tso4, offload(Segmentation::TcpV4, false, 66, 1448, 34, 16)),
            (tso6_ecn, offload(Segmentation::TcpV6, true, 86, 1428, 54, 16)),
            (uso, offload(Segmentation::Udp, false, 42, 1200, 34, 6)),
            (ufo, offload(Segmentation::UdpFragments, false, 42, 1480, 34, 6)),
            (partial, offload(Segmentation::None, false, 0, 0, 34, 6)),
            (Header::default(), Offload::NONE),
        ];
        for (header, offload) in table {
            assert_eq!(header.offload(), offload);
            assert_eq!(Header::new(&offload, 65000), header);
            assert_eq!(Header::parse(&header.bytes()), header);
        }
    }

    #[test]
    fn a_verified_checksum_is_not_an_open_one() {
        let data_valid = Header { flags: 2, ..Header::default() };
        assert_eq!(data_valid.offload(), Offload::NONE);
    }

    #[test]
    fn the_hint_stays_inside_the_frame() {
        let offload = Offload { header_length: 900, ..Offload::NONE };
        assert_eq!(Header::new(&offload, 60).hdr_len, 60);
    }
}
