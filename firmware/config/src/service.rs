//! The model of a service, its backends, and how flows are treated.

use crate::address::Prefix;
use crate::check::{Check, ChecksRequired};
use crate::export::{is_default, one_or_list};
use crate::health::HealthRules;
use crate::limits::TUNNEL_PORT_DEFAULT;
use crate::names::named;
use crate::ranges::Ranges;
use serde::{Serialize, Serializer};
use std::net::IpAddr;

/// What is served on a VIP, protocol and ports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Virtual addresses; a prefix that is no single address is a network of them (transparent caches).
    #[serde(serialize_with = "one_or_list")]
    pub vip: Vec<Prefix>,
    /// The NIC that announces it; by default the data NIC whose subnet holds the VIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nic: Option<String>,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Ports.
    pub ports: Ranges,
    /// How a backend is chosen for a new flow.
    pub scheduler: Scheduler,
    /// Flags of the hash schedulers.
    #[serde(skip_serializing_if = "is_default")]
    pub scheduler_flags: SchedulerFlags,
    /// How packets reach the backends; a backend may differ (see [`Service::method_of`]).
    pub method: Method,
    /// GUE: destination port of the outer header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_port: Option<u16>,
    /// GUE and GRE: whether the outer header carries a checksum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_checksum: Option<bool>,
    /// Clients that came before go where they went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistence: Option<Persistence>,
    /// What becomes of the flows of a backend that went down.
    pub on_backend_down: OnBackendDown,
    /// Idle times.
    #[serde(skip_serializing_if = "is_default")]
    pub timeouts: Timeouts,
    /// What becomes of a TCP packet in mid-stream that has no flow.
    pub midstream: Midstream,
    /// UDP without flows: each datagram is scheduled by itself.
    #[serde(skip_serializing_if = "is_default")]
    pub one_packet: bool,
    /// Clamp of the TCP maximum segment size.
    pub mss_clamp: MssClamp,
    /// Which helper follows its flows.
    #[serde(skip_serializing_if = "is_default")]
    pub helper: Helper,
    /// Used when no backend is available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// How many of the checks a backend must pass.
    pub checks_required: ChecksRequired,
    /// How their health is judged.
    #[serde(flatten)]
    pub health: HealthRules,
    /// Health checks.
    #[serde(rename = "check", skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Backends, in the order of the document.
    #[serde(rename = "backend", skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<Backend>,
}

impl Service {
    /// The method for one of its backends.
    pub fn method_of(&self, backend: &Backend) -> Method {
        backend.method.unwrap_or(self.method)
    }

    /// The GUE port for one of its backends.
    pub fn tunnel_port_of(&self, backend: &Backend) -> u16 {
        backend.tunnel_port.or(self.tunnel_port).unwrap_or(TUNNEL_PORT_DEFAULT)
    }

    /// Whether the outer header of a tunnel to one of its backends carries a checksum.
    pub fn tunnel_checksum_of(&self, backend: &Backend) -> bool {
        backend.tunnel_checksum.or(self.tunnel_checksum).unwrap_or(false)
    }

    /// Whether FTP control connections are followed: as asked, or on TCP port 21 where a backend uses NAT.
    pub fn follows_ftp(&self) -> bool {
        match self.helper {
            Helper::Ftp => true,
            Helper::Off => false,
            Helper::Auto => self.protocol == Protocol::Tcp && self.ports.only() == Some(21) && self.translates(),
        }
    }

    /// Whether any backend is reached by NAT or full NAT.
    pub fn translates(&self) -> bool {
        self.methods().any(Method::translates)
    }

    /// The methods in use: of each backend, or its own when it has none.
    pub fn methods(&self) -> impl Iterator<Item = Method> {
        let own = self.backends.is_empty().then_some(self.method);
        self.backends.iter().map(|backend| self.method_of(backend)).chain(own)
    }

    /// The backend called `name`.
    pub fn backend(&self, name: &str) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.name == name)
    }
}

named! {
    /// The protocol of a service.
    Protocol {
        /// TCP.
        #[default]
        Tcp => "tcp",
        /// UDP.
        Udp => "udp",
    }
}

named! {
    /// How a backend is chosen for a new flow. Names and semantics are IPVS's.
    Scheduler {
        /// Round robin.
        Rr => "rr",
        /// Weighted round robin.
        Wrr => "wrr",
        /// Least connections.
        Lc => "lc",
        /// Weighted least connections.
        #[default]
        Wlc => "wlc",
        /// Shortest expected delay.
        Sed => "sed",
        /// Never queue.
        Nq => "nq",
        /// Locality-based least connections.
        Lblc => "lblc",
        /// Locality-based least connections with replication.
        Lblcr => "lblcr",
        /// Source hashing.
        Sh => "sh",
        /// Destination hashing.
        Dh => "dh",
        /// Maglev hashing.
        Mh => "mh",
        /// Power of two random choices, weighted.
        Twos => "twos",
        /// Weighted failover.
        Fo => "fo",
        /// Weighted overflow.
        Ovf => "ovf",
    }
}

/// Flags of the schedulers `sh` and `mh`; written as a list, `["fallback", "port"]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SchedulerFlags {
    /// Look for another backend when the hashed one is not available.
    pub fallback: bool,
    /// The client's port is part of the hash.
    pub port: bool,
}

impl Serialize for SchedulerFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flags = [(self.fallback, "fallback"), (self.port, "port")];
        serializer.collect_seq(flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name))
    }
}

named! {
    /// How a packet reaches its backend.
    Method {
        /// Destination address and port are replaced; replies come back through the box.
        #[default]
        Nat => "nat",
        /// Only the hardware address is replaced; replies go straight to the client.
        Direct => "direct",
        /// IP in IP.
        TunnelIpip => "tunnel-ipip",
        /// GRE.
        TunnelGre => "tunnel-gre",
        /// Generic UDP encapsulation.
        TunnelGue => "tunnel-gue",
        /// Source address and port are replaced too.
        FullNat => "fullnat",
    }
}

impl Method {
    /// Whether destination address and port are replaced.
    pub fn translates(self) -> bool {
        matches!(self, Self::Nat | Self::FullNat)
    }

    /// Whether packets are encapsulated.
    pub fn is_tunnel(self) -> bool {
        matches!(self, Self::TunnelIpip | Self::TunnelGre | Self::TunnelGue)
    }
}

/// Clients that came before go where they went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Persistence {
    /// Seconds after the last flow ended or was made.
    pub timeout_s: u32,
    /// Leading bits of an IPv4 client that count.
    pub ipv4_prefix: u8,
    /// Leading bits of an IPv6 client that count.
    pub ipv6_prefix: u8,
    /// Services with the same group share what they remember.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

named! {
    /// What becomes of the flows of a backend that went down.
    OnBackendDown {
        /// Go on sending to it.
        Keep => "keep",
        /// Drop their packets.
        Drop => "drop",
        /// Reset both sides.
        Reset => "reset",
        /// Choose another backend: UDP and TCP not yet established at once; established TCP is reset.
        #[default]
        Reselect => "reselect",
    }
}

named! {
    /// What becomes of a TCP packet in mid-stream that has no flow.
    Midstream {
        /// Answer with RST.
        #[default]
        Reset => "reset",
        /// Make a flow for it.
        Adopt => "adopt",
        /// Drop it.
        Drop => "drop",
    }
}

named! {
    /// Which helper follows the flows of a service.
    Helper {
        /// FTP on TCP port 21 with NAT, else none.
        #[default]
        Auto => "auto",
        /// FTP.
        Ftp => "ftp",
        /// None.
        Off => "off",
    }
}

/// Idle times after which a flow is forgotten, seconds. Defaults are IPVS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Timeouts {
    /// ESTABLISHED.
    pub established_s: u32,
    /// SYN_SENT.
    pub syn_sent_s: u32,
    /// SYN_RECV.
    pub syn_recv_s: u32,
    /// FIN_WAIT.
    pub fin_s: u32,
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
            fin_s: 120,
            time_wait_s: 120,
            close_s: 10,
            close_wait_s: 60,
            last_ack_s: 30,
            synack_s: 120,
            udp_s: 300,
        }
    }
}

/// Clamp of the TCP maximum segment size on SYN; written `"auto"`, `"off"` or a number of bytes.
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

impl Serialize for MssClamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Off => serializer.serialize_str("off"),
            Self::Bytes(bytes) => serializer.serialize_u16(*bytes),
        }
    }
}

/// Where flows go when no backend is available.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// Its address.
    pub address: IpAddr,
    /// Its port; `None`: the port the client asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How it is reached.
    pub method: Method,
}

named! {
    /// What the administrator wants of a backend.
    BackendState {
        /// Takes flows.
        #[default]
        Online => "online",
        /// No new flows; those it has go on.
        Drain => "drain",
        /// No flows: as if down.
        Disabled => "disabled",
    }
}

/// A server of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backend {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port; `None`: the port the client asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How it is reached, where that differs from its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// GUE: destination port of the outer header, where that differs from its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_port: Option<u16>,
    /// GUE and GRE: whether the outer header carries a checksum, where that differs from its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_checksum: Option<bool>,
    /// Share of new flows; 0: none, but persistent clients still come.
    pub weight: u32,
    /// Its priority group: higher ones take flows first (see [`HealthRules::backends_min`]).
    #[serde(skip_serializing_if = "is_default")]
    pub priority: u16,
    /// What the administrator wants.
    pub state: BackendState,
    /// Flows at which it takes no more; 0: no limit.
    pub flows_max: u32,
    /// Flows at which it takes them again; `None`: three quarters of `flows_max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows_low: Option<u32>,
}

impl Backend {
    /// Flows at which it takes them again after `flows_max` was reached.
    pub fn flows_resume(&self) -> u32 {
        self.flows_low.unwrap_or((u64::from(self.flows_max) * 3 / 4) as u32)
    }
}
