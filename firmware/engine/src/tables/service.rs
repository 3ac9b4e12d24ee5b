//! A service, and how its flows are treated.

use crate::BackendIndex;

/// A service: VIP, protocol and ports, and how its flows are treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Name in the configuration.
    pub name: String,
    /// TCP, or else UDP.
    pub tcp: bool,
    /// How a backend is chosen.
    pub scheduler: SchedulerKind,
    /// Flags of the hash schedulers.
    pub scheduler_flags: SchedulerFlags,
    /// Persistence, if any.
    pub persistence: Option<Persistence>,
    /// Flows of a backend that went down.
    pub on_backend_down: OnBackendDown,
    /// TCP packets without a flow.
    pub midstream: Midstream,
    /// UDP without flows: each datagram is scheduled by itself.
    pub one_packet: bool,
    /// Clamp of the maximum segment size.
    pub mss_clamp: MssClamp,
    /// Idle times.
    pub timeouts: Timeouts,
    /// Follow FTP control connections.
    pub ftp: bool,
    /// Replies cannot be told by their source address and port (all ports, long ranges), so the kernel is shown each flow.
    pub claim_flows: bool,
    /// Ports, first and last, that replies of backends come from which keep the port the client asked for. Those it
    /// served before are among them while there may be flows on them; those with `claim_flows` are not.
    pub reply_ports: Vec<(u16, u16)>,
    /// In the order of the configuration.
    pub backends: Vec<BackendIndex>,
    /// Used when no other backend is available; not in `backends`.
    pub fallback: Option<BackendIndex>,
    /// Changes when the slot is given to another service.
    pub generation: u32,
}

/// How a backend is chosen for a new flow. Names and semantics are IPVS's (ipvsadm(8)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchedulerKind {
    /// Round robin.
    Rr,
    /// Weighted round robin.
    Wrr,
    /// Least connections.
    Lc,
    /// Weighted least connections.
    Wlc,
    /// Shortest expected delay.
    Sed,
    /// Never queue.
    Nq,
    /// Locality-based least connections.
    Lblc,
    /// Locality-based least connections with replication.
    Lblcr,
    /// Source hashing.
    Sh,
    /// Destination hashing.
    Dh,
    /// Maglev hashing.
    Mh,
    /// Power of two random choices, weighted.
    Twos,
    /// Weighted failover.
    Fo,
    /// Weighted overflow.
    Ovf,
}

/// Flags of the hash schedulers (`sh-fallback`, `sh-port`, `mh-fallback`, `mh-port`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SchedulerFlags {
    /// Look for another backend when the hashed one is not available.
    pub fallback: bool,
    /// The client's port is part of the hash.
    pub port: bool,
}

/// What becomes of the flows of a backend that went down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnBackendDown {
    /// Go on sending to it.
    Keep,
    /// Drop their packets.
    Drop,
    /// Reset both sides (TCP); UDP flows are forgotten.
    Reset,
    /// Choose another backend: UDP and TCP not yet established at once; established TCP is reset.
    #[default]
    Reselect,
}

/// What becomes of a TCP packet in mid-stream that has no flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Midstream {
    /// Answer with RST.
    #[default]
    Reset,
    /// Make a flow for it.
    Adopt,
    /// Drop it.
    Drop,
}

/// Clamp of the TCP maximum segment size on SYN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MssClamp {
    /// To what the path through this box carries.
    #[default]
    Auto,
    /// Never.
    Off,
    /// To this many bytes.
    Bytes(u16),
}

/// Clients that came before go where they went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Persistence {
    /// Seconds after the last flow ended or was made.
    pub timeout_s: u32,
    /// Leading bits of an IPv4 client that count.
    pub ipv4_prefix: u8,
    /// Leading bits of an IPv6 client that count.
    pub ipv6_prefix: u8,
    /// Services with the same number share their entries (matched to backends by address).
    pub group: u16,
}

/// Idle times after which a flow is forgotten, seconds. Defaults are IPVS's (ip_vs_proto_tcp.c, ip_vs_proto_udp.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// ESTABLISHED.
    pub established_s: u32,
    /// SYN_SENT.
    pub syn_sent_s: u32,
    /// SYN_RECV.
    pub syn_recv_s: u32,
    /// FIN_WAIT.
    pub fin_wait_s: u32,
    /// TIME_WAIT.
    pub time_wait_s: u32,
    /// CLOSE.
    pub close_s: u32,
    /// CLOSE_WAIT.
    pub close_wait_s: u32,
    /// LAST_ACK.
    pub last_ack_s: u32,
    /// SYNACK.
    pub synack_s: u32,
    /// UDP.
    pub udp_s: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            established_s: 900,
            syn_sent_s: 120,
            syn_recv_s: 60,
            fin_wait_s: 120,
            time_wait_s: 120,
            close_s: 10,
            close_wait_s: 60,
            last_ack_s: 30,
            synack_s: 120,
            udp_s: 300,
        }
    }
}
