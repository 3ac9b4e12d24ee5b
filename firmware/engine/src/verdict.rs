//! What becomes of a frame.

use crate::{NicId, WorkerId};
use net::Malformed;

/// The engine's word on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it on this NIC, as it is now.
    Transmit(NicId),
    /// It belongs to another worker.
    HandOver(WorkerId),
    /// The engine took what it needed: answered it, cut it into other frames, or parked a copy.
    Consumed,
    /// The control loop wants to see it: somebody else claims one of our addresses.
    ToControl,
    /// Counted, and gone.
    Drop(DropReason),
}

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a packet was dropped. Each is counted and shown under its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum DropReason {
            $($(#[$doc])* $name,)*
        }

        impl DropReason {
            /// All reasons, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in counters, metrics and `ctl`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

drop_reasons! {
    /// Neither IPv4 nor IPv6.
    NotIp => "not_ip",
    /// The frame ends before its headers or its IP length do.
    Truncated => "truncated",
    /// An IP or TCP header with an impossible version or length.
    BadHeader => "bad_header",
    /// The IPv4 header checksum is wrong.
    BadHeaderChecksum => "bad_header_checksum",
    /// Source routing.
    SourceRoute => "source_route",
    /// Too many IPv6 extension headers.
    ExtensionChain => "extension_chain",
    /// A fragment cut inside the L4 header, or made to overwrite it.
    TinyFragment => "tiny_fragment",
    /// A source address that no packet may have.
    BadSource => "bad_source",
    /// To a VIP, from a VIP or a full NAT source: such a packet can only be forged, or come back.
    OwnSource => "own_source",
    /// TTL or hop limit used up; the sender was told.
    HopLimit => "hop_limit",
    /// Nobody serves this protocol or port on the VIP; the sender was told.
    NoService => "no_service",
    /// The protocol is neither TCP, UDP nor ICMP.
    UnknownProtocol => "unknown_protocol",
    /// No backend is online, healthy and below its limit, and there is no fallback; the sender was told.
    NoBackend => "no_backend",
    /// The flow's backend is down and the service says `drop`.
    BackendDown => "backend_down",
    /// The flow's backend is down and the service says `reset`; both sides were told.
    BackendReset => "backend_reset",
    /// A TCP packet in mid-stream without a flow, service says `drop`.
    MidstreamDrop => "midstream_drop",
    /// A TCP packet in mid-stream without a flow, service says `reset`; the sender was told.
    MidstreamReset => "midstream_reset",
    /// TCP flags that no stack sends (SYN with FIN or RST, none at all).
    BadTcpFlags => "bad_tcp_flags",
    /// The flow table is full, and nothing half-open was found to evict.
    FlowTableFull => "flow_table_full",
    /// Full NAT has no free source port for this backend.
    SourcePortsExhausted => "source_ports_exhausted",
    /// The packet does not fit the next link; the sender was told.
    TooBig => "too_big",
    /// No route to the destination.
    NoRoute => "no_route",
    /// The next hop's hardware address is not known (yet).
    NeighborUnresolved => "neighbor_unresolved",
    /// The NIC to send on is gone or down.
    NicDown => "nic_down",
    /// The fragment's first one never came, or came too late.
    FragmentOrphan => "fragment_orphan",
    /// The table of fragmented datagrams, or the room for early fragments, is full.
    FragmentTableFull => "fragment_table_full",
    /// An ICMP error about a packet of no known flow.
    IcmpUnknownFlow => "icmp_unknown_flow",
    /// An ICMP message that the balancer neither answers nor passes on.
    IcmpIgnored => "icmp_ignored",
    /// A checksum was wrong where the engine itself acts on the content, or left open outside the packet.
    BadChecksum => "bad_checksum",
    /// A super-frame that cannot be cut: unknown segmentation, or sizes that do not fit.
    BadSegmentation => "bad_segmentation",
    /// The frame needs more room in its buffer than there is.
    NoHeadroom => "no_headroom",
    /// The room for frames that the engine makes itself is full this turn.
    EmissionsFull => "emissions_full",
    /// From a backend or for a full NAT source, but of no known flow.
    NoFlow => "no_flow",
    /// An answer was due but the limit on answers per second is reached.
    ReplyLimit => "reply_limit",
    /// The flow was killed by an administrator, moments ago.
    Killed => "killed",
    /// Refused by the FTP helper: an address or port in PORT, PASV, EPRT or EPSV that is not the speaker's own.
    FtpRefused => "ftp_refused",
    /// An ARP, neighbour or other link message without use here.
    LinkNoise => "link_noise",
}

impl DropReason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();
}

impl From<Malformed> for DropReason {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::NotIp => Self::NotIp,
            Malformed::Truncated => Self::Truncated,
            Malformed::Header => Self::BadHeader,
            Malformed::HeaderChecksum => Self::BadHeaderChecksum,
            Malformed::SourceRoute => Self::SourceRoute,
            Malformed::ExtensionChain => Self::ExtensionChain,
            Malformed::TinyFragment => Self::TinyFragment,
            Malformed::Source => Self::BadSource,
        }
    }
}
