//! Whether a packet fits the link it is to leave on, and what to do if not.

use super::segment::unit_length;
use crate::Packet;
use net::offload::Segmentation;
use net::{Family, Parsed};

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Send it as it is; a super-frame is cut by the kernel or the NIC.
    Fits,
    /// Cut the super-frame here: no offload describes segments in a tunnel.
    Segment,
    /// Cut it into fragments, before encapsulation.
    Fragment,
    /// Tell the sender.
    TooBig,
}

/// Compares the packet with `mtu`, the largest IP packet of the link, after `overhead` bytes of encapsulation. Of a
/// super-frame the packets it stands for count.
pub fn fit(packet: &Packet<'_>, parsed: &Parsed, mtu: usize, overhead: usize, tunnel: bool) -> Fit {
    let offload = &packet.head.offload;
    // A datagram that its sender wants fragmented (UFO): with DF too, which then speaks to the routers behind it.
    let to_be_fragmented = offload.segmentation == Segmentation::UdpFragments;
    let may_fragment = parsed.family == Family::V4 && (to_be_fragmented || !parsed.dont_fragment(packet.bytes()));
    if unit_length(packet, parsed) + overhead <= mtu {
        match (tunnel && offload.is_super_frame(), to_be_fragmented) {
            (false, _) => Fit::Fits,
            (true, false) => Fit::Segment,
            (true, true) if may_fragment => Fit::Fragment,
            // GAP(RFC 8200 4.5): IPv6 datagrams of UFO (virtio guests only) are not fragmented for tunnels; the guest
            // is told the MTU and does it itself.
            (true, true) => Fit::TooBig,
        }
    } else if may_fragment {
        Fit::Fragment
    } else {
        // GAP(RFC 2473 7.1): an IPv6 packet of up to 1,280 bytes should go into a fragmented outer packet when the path of
        // its tunnel carries less than 1,280 and the overhead; its sender is told an MTU that it may ignore.
        Fit::TooBig
    }
}

#[cfg(test)]
mod tests;
