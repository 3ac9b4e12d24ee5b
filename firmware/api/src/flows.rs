//! Flows as they are, and their end.

use config::{Method, Protocol};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Flows listed when nobody says how many.
pub const FLOWS_LISTED_DEFAULT: u32 = 100;
/// Flows listed at most.
pub const FLOWS_LISTED_MAX: u32 = 100_000;

/// Which flows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlowQuery {
    /// Those of this service only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Those to this backend only; needs `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Those of this client only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// At most this many; by default [`FLOWS_LISTED_DEFAULT`], at most [`FLOWS_LISTED_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Flows, as many as were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flows {
    /// The flows.
    pub flows: Vec<Flow>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// Names it in [`Kill::Flow`] as long as it lives, and nothing else afterwards.
    pub id: String,
    /// Its service.
    pub service: String,
    /// Its backend.
    pub backend: String,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The client.
    pub client: SocketAddr,
    /// What the client asked for.
    pub vip: SocketAddr,
    /// Where it goes.
    pub target: SocketAddr,
    /// Full NAT: the source that the backend sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SocketAddr>,
    /// How it is reached.
    pub method: Method,
    /// State, as IPVS names it: `ESTABLISHED`, `UDP`.
    pub state: String,
    /// Seconds since its last packet.
    pub idle_s: u64,
    /// Seconds until it is forgotten if nothing comes.
    pub expires_s: u64,
    /// Packets from the client; 0 without flow statistics.
    pub packets_in: u64,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Packets to the client.
    pub packets_out: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    /// The worker that has it.
    pub worker: u8,
}

/// Which flows to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kill {
    /// The flow with this id.
    Flow(String),
    /// All flows of this client.
    Client(IpAddr),
}

/// What was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Killed {
    /// How many flows.
    pub killed: u64,
}
