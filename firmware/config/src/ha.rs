//! The model of high availability: virtual routers and flow synchronisation.

use crate::model::PerNode;
use crate::names::named;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};

/// High availability. Kept and checked here; see [`crate::Config::not_carried_out`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ha {
    /// Virtual routers (VRRPv3).
    #[serde(rename = "router", skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<VirtualRouter>,
    /// Flow synchronisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<FlowSync>,
}

named! {
    /// Whether a node with a higher priority takes over from a working one.
    Preempt {
        /// Never.
        Never => "never",
        /// At once.
        Always => "always",
        /// Once it has the other's flows.
        #[default]
        WhenSynced => "when-synced",
    }
}

named! {
    /// How the VRRP checksum over IPv4 is made.
    ChecksumMode {
        /// As the peer does.
        #[default]
        Auto => "auto",
        /// Without the pseudo-header (RFC 9568 5.2.8).
        Rfc9568 => "rfc9568",
        /// With the pseudo-header, as older keepalived versions do.
        PseudoHeader => "pseudo-header",
    }
}

/// A virtual router.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VirtualRouter {
    /// VRID.
    pub id: u8,
    /// The NIC it speaks on.
    pub nic: String,
    /// Priority by node.
    pub priority: PerNode<u8>,
    /// Advertisement interval, milliseconds.
    pub advert_ms: u32,
    /// Whether it takes over from a working node.
    pub preempt: Preempt,
    /// Addresses that move with it; one family.
    pub vips: Vec<IpAddr>,
    /// Whether it uses the MAC of RFC 9568 7.3.
    pub virtual_mac: bool,
    /// How the checksum over IPv4 is made.
    pub checksum: ChecksumMode,
    /// What lowers its priority.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub track: Vec<Track>,
    /// Routers of one group move together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Something whose failure lowers a router's priority.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Track {
    /// The link of a NIC.
    Nic {
        /// Its name.
        nic: String,
        /// Added to the priority; `None`: the router gives up.
        #[serde(skip_serializing_if = "Option::is_none")]
        weight: Option<i32>,
    },
    /// An address that must answer to ping.
    Ping {
        /// The address.
        ping: IpAddr,
        /// Added to the priority; `None`: the router gives up.
        #[serde(skip_serializing_if = "Option::is_none")]
        weight: Option<i32>,
    },
    /// The healthy share of a service's backends.
    HealthyShare {
        /// The service.
        healthy_share: String,
        /// The share below which it counts as failed.
        below: f64,
        /// Added to the priority; `None`: the router gives up.
        #[serde(skip_serializing_if = "Option::is_none")]
        weight: Option<i32>,
    },
}

/// Flow synchronisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowSync {
    /// Where each node listens; a node's peers are the others.
    pub listen: PerNode<SocketAddr>,
    /// File in the data directory with the shared key.
    pub key_file: String,
}
