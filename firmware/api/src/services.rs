//! Services and backends as they run.

use config::{BackendState, Method, Protocol, Scheduler};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Packets and bytes since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// Flows made.
    pub flows: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Packets to clients; 0 where replies do not come through the box.
    pub packets_out: u64,
    /// Bytes to clients; 0 where replies do not come through the box.
    pub bytes_out: u64,
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its virtual addresses, as in the configuration.
    pub vips: Vec<String>,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Its ports, as in the configuration.
    pub ports: String,
    /// How a backend is chosen.
    pub scheduler: Scheduler,
    /// How packets reach the backends, where a backend does not differ.
    pub method: Method,
    /// Backends.
    pub backends: u32,
    /// Backends that take flows.
    pub backends_up: u32,
    /// Whether flows go to the fallback now.
    pub on_fallback: bool,
    /// Flows in the states that IPVS counts as active.
    pub active: u64,
    /// All other flows.
    pub inactive: u64,
    /// Since the start.
    pub traffic: Traffic,
    /// Over the last seconds.
    pub rates: crate::Rates,
}

/// Which services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceQuery {
    /// Without so many from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Which backends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackendQuery {
    /// Those of this service only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Without so many from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backend {
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port; `None`: the port the client asked for.
    pub port: Option<u16>,
    /// How it is reached.
    pub method: Method,
    /// Its share of new flows.
    pub weight: u32,
    /// What the administrator wants.
    pub state: BackendState,
    /// What the health checks say.
    pub healthy: bool,
    /// Why; `None`: it is not judged, as fallbacks are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<crate::Health>,
    /// Whether it stands in when no other backend is available.
    pub fallback: bool,
    /// Seconds left of a drain with a deadline.
    pub drain_left_s: Option<u64>,
    /// What becomes of its flows at that deadline.
    pub then: Option<Then>,
    /// Flows in the states that IPVS counts as active.
    pub active: u64,
    /// All other flows.
    pub inactive: u64,
    /// Flows at which it takes no more; 0: no limit.
    pub flows_max: u32,
    /// Since the start.
    pub traffic: Traffic,
    /// Over the last seconds.
    pub rates: crate::Rates,
}

/// What becomes of the flows that a drained backend still has at its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// They go on.
    #[default]
    Keep,
    /// They are reset.
    Reset,
}

/// What an administrator wants of a backend from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateChange {
    /// Its service.
    pub service: String,
    /// Its name.
    pub backend: String,
    /// The state.
    pub state: BackendState,
    /// Drain only: seconds until `then`; `None`: no deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<u64>,
    /// Drain only: what becomes of the flows that are left at the deadline.
    #[serde(default)]
    pub then: Then,
}
