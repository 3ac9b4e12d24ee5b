//! What travels beside a frame: the part of `struct virtio_net_hdr` that matters (virtio 1.2, 5.1.6).
//!
//! On veth and virtio a frame may be a super-frame of up to 64 KiB, and its checksum may still be open.

/// How a super-frame is to be cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segmentation {
    /// One packet.
    #[default]
    None,
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP datagrams of equal size (USO).
    Udp,
    /// One UDP datagram, to be fragmented (UFO).
    UdpFragments,
}

/// The offloads of one frame. Offsets are from the start of the Ethernet frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// The checksum field holds the pseudo-header's sum only; whoever sends completes it from `checksum_start` on.
    pub partial_checksum: bool,
    /// Where summing starts: the L4 header.
    pub checksum_start: u16,
    /// The checksum field, from `checksum_start`.
    pub checksum_offset: u16,
    /// How to cut.
    pub segmentation: Segmentation,
    /// TCP with ECN: CWR belongs to the first segment only.
    pub ecn: bool,
    /// Payload bytes of each segment; 0 without segmentation.
    pub segment_size: u16,
    /// Bytes of all headers, as the sender of the frame said; a hint.
    pub header_length: u16,
}

impl Offload {
    /// A plain packet with complete checksums.
    pub const NONE: Self = Self {
        partial_checksum: false,
        checksum_start: 0,
        checksum_offset: 0,
        segmentation: Segmentation::None,
        ecn: false,
        segment_size: 0,
        header_length: 0,
    };

    /// Whether the frame stands for several packets on the wire.
    pub const fn is_super_frame(&self) -> bool {
        !matches!(self.segmentation, Segmentation::None)
    }
}
