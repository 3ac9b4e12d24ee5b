//! Whether what travels beside a frame fits the frame. The kernel says so of its own frames; a guest behind virtio, or a
//! truncated frame, may say anything, and every later step goes by it.

use super::segment::payload_start;
use crate::{DropReason, Packet};
use net::ip::protocol;
use net::offload::Segmentation;
use net::{Fragment, Parsed};

/// Checks the offload of a packet that ends where its frame does.
///
/// # Errors
/// `BadSegmentation` for a super-frame that cannot be cut, `BadChecksum` for an open checksum that is not behind the IP
/// header and in the packet.
#[inline]
pub fn check(packet: &Packet<'_>, parsed: &Parsed) -> Result<(), DropReason> {
    let offload = &packet.head.offload;
    if offload.partial_checksum {
        let start = usize::from(offload.checksum_start);
        let end = start + usize::from(offload.checksum_offset) + 2;
        if start < usize::from(parsed.l4) || end > parsed.end as usize {
            return Err(DropReason::BadChecksum);
        }
    }
    let can_be_cut = match offload.segmentation {
        Segmentation::None => true,
        Segmentation::UdpFragments => {
            parsed.protocol == protocol::UDP && parsed.fragment == Fragment::Whole && offload.segment_size >= 8
        }
        Segmentation::TcpV4 | Segmentation::TcpV6 | Segmentation::Udp => payload_start(packet, parsed).is_some(),
    };
    if can_be_cut { Ok(()) } else { Err(DropReason::BadSegmentation) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::oracle::{Bed, tcp, udp};
    use net::offload::Offload;

    fn checked(mut bed: Bed, change: impl FnOnce(&mut Offload)) -> Result<(), DropReason> {
        change(&mut bed.head.offload);
        let parsed = bed.parsed();
        check(&bed.packet(), &parsed)
    }

    #[test]
    fn an_offload_outside_its_frame_is_refused() {
        let packet = || tcp("10.9.0.7:4000", "10.1.0.100:80", "A", (1, 1), &[7; 100]).partial();
        // 14 + 20 + 20 + 100 bytes: the last place for a checksum that starts at 34 is 118 bytes behind it.
        for (start, offset, expected) in [
            (34, 16, Ok(())),
            (34, 118, Ok(())),
            (34, 119, Err(DropReason::BadChecksum)),
            (60, 6, Ok(())),
            (33, 16, Err(DropReason::BadChecksum)),
            (0, 0, Err(DropReason::BadChecksum)),
            (u16::MAX, u16::MAX, Err(DropReason::BadChecksum)),
        ] {
            let found = checked(packet(), |offload| {
                (offload.checksum_start, offload.checksum_offset) = (start, offset);
            });
            assert_eq!(found, expected, "{start} + {offset}");
        }
    }

    #[test]
    fn a_fragment_is_no_super_frame() {
        // The later one of a TCP segment has no header that could say how long it is.
        for mut fragment in tcp("10.9.0.7:4000", "10.1.0.100:80", "A", (1, 1), &[7; 100]).fragments(112) {
            let segmented = Offload { segmentation: Segmentation::TcpV4, segment_size: 40, ..Offload::NONE };
            fragment.head.offload = segmented;
            let parsed = fragment.parsed();
            assert_eq!(check(&fragment.packet(), &parsed), Err(DropReason::BadSegmentation));
        }
    }

    #[test]
    fn a_super_frame_that_cannot_be_cut_is_refused() {
        use Segmentation::{TcpV4, TcpV6, Udp, UdpFragments};
        let bad = Err(DropReason::BadSegmentation);
        let stream = || tcp("10.9.0.7:4000", "10.1.0.100:80", "A", (1, 1), &[7; 100]).partial();
        let datagram = || udp("10.9.0.7:4000", "10.1.0.100:80", &[7; 100]).partial();
        for (bed, segmentation, size, expected) in [
            (stream(), TcpV4, 40, Ok(())),
            (stream(), TcpV4, 0, bad),
            (stream(), TcpV6, 40, bad),
            (stream(), Udp, 40, bad),
            (stream(), UdpFragments, 40, bad),
            (datagram(), Udp, 40, Ok(())),
            (datagram(), UdpFragments, 40, Ok(())),
            (datagram(), UdpFragments, 0, bad),
            (datagram(), TcpV4, 40, bad),
        ] {
            let found = checked(bed, |offload| (offload.segmentation, offload.segment_size) = (segmentation, size));
            assert_eq!(found, expected, "{segmentation:?} {size}");
        }
    }
}
