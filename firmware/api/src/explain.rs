//! Why a packet goes where it goes.

use config::{Method, Protocol};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A packet that could come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// From.
    pub client: SocketAddr,
    /// To.
    pub vip: SocketAddr,
    /// TCP (a SYN) or UDP.
    pub protocol: Protocol,
}

/// What would become of it, if it came now. Nothing is changed by asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// What was looked at, in order.
    pub steps: Vec<Step>,
    /// What would become of it.
    pub outcome: Outcome,
}

/// One step of the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What was looked at: `worker`, `service`, `flow`, `persistence`, `scheduler`, `next hop`.
    pub what: String,
    /// What was found, in words.
    pub finding: String,
}

/// What would become of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It goes to a backend.
    Backend {
        /// The service.
        service: String,
        /// The backend.
        backend: String,
        /// Where it goes.
        target: SocketAddr,
        /// How.
        method: Method,
    },
    /// It is dropped.
    Drop {
        /// The reason's name.
        reason: String,
    },
    /// It is not for a VIP: the kernel has it.
    Kernel,
}
