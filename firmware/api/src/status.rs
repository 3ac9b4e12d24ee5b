//! What a node is and does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A node at a glance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Its name.
    pub node: String,
    /// Version of the program.
    pub version: String,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// The revision of the configuration that was committed last.
    pub revision: u64,
    /// Seconds until the revision before returns, unless somebody confirms this one.
    #[serde(default)]
    pub confirm_left_s: Option<u64>,
    /// The tables published last.
    pub epoch: u64,
    /// How many workers use these tables.
    pub workers_adopted: u32,
    /// The workers.
    pub workers: Vec<Worker>,
    /// Flows now.
    pub flows: u64,
    /// Flows there is room for.
    pub flows_max: u64,
    /// Share of the flow index in use, 0 to 1; the fullest worker's.
    pub load_factor: f64,
    /// Longest search in a flow index so far, slots.
    pub longest_probe: u64,
    /// Services.
    pub services: u32,
    /// Services without a backend that takes flows.
    pub services_down: u32,
    /// Backends.
    pub backends: u32,
    /// Backends that take flows.
    pub backends_up: u32,
    /// What goes through, all services together.
    pub rates: Rates,
    /// NICs of the configuration.
    pub nics: Vec<Nic>,
    /// Packets dropped, by reason, without the reasons that never occurred.
    pub drops: Vec<Drop>,
    /// What whoever runs this node should know: sentences.
    pub notes: Vec<String>,
}

/// One worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Worker {
    /// Its number.
    pub id: u8,
    /// The CPU it is bound to.
    pub cpu: Option<u32>,
    /// The tables it uses.
    pub epoch: u64,
    /// Flows now.
    pub flows: u64,
    /// Flows there is room for.
    pub flows_max: u64,
    /// Share of its flow index in use, 0 to 1.
    pub load_factor: f64,
    /// Longest search in its flow index so far, slots.
    pub longest_probe: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Frames received per second.
    pub frames_per_s: u64,
}

/// Rates over the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// New flows per second.
    pub flows_per_s: u64,
    /// Packets from clients per second.
    pub packets_in_per_s: u64,
    /// Bits from clients per second.
    pub bits_in_per_s: u64,
    /// Packets to clients per second.
    pub packets_out_per_s: u64,
    /// Bits to clients per second.
    pub bits_out_per_s: u64,
}

/// Whether a NIC can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// It has a link.
    Up,
    /// It has none.
    Down,
    /// The kernel has no such NIC.
    #[default]
    Missing,
}

/// A NIC of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nic {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: config::NicRole,
    /// Whether it can be used.
    pub link: Link,
    /// Speed, Mbit/s, where the driver tells.
    pub speed_mbps: Option<u32>,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// Hardware address, as in `02:00:00:00:00:01`.
    pub mac: Option<String>,
    /// The box's own addresses on it, as in `10.1.0.1/16`.
    pub addresses: Vec<String>,
    /// VIPs that it announces.
    pub vips: Vec<String>,
    /// Frames that the engine received on it.
    pub frames_received: u64,
    /// Frames that the engine sent on it.
    pub frames_sent: u64,
    /// Frames that the kernel received and the engine never saw, for want of room in the ring.
    pub frames_missed: u64,
}

/// A NIC that the box has, whether the configuration names it or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundNic {
    /// Its name.
    pub name: String,
    /// Hardware address.
    pub mac: String,
    /// Whether it has a link.
    pub up: bool,
    /// Speed, Mbit/s, where the driver tells.
    pub speed_mbps: Option<u32>,
    /// The addresses it has, whoever set them, as in `10.1.0.1/16`; those of the link alone aside.
    pub addresses: Vec<String>,
}

/// Packets dropped for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drop {
    /// The reason's name; [`crate::meaning_of_drop`] says it in words.
    pub reason: String,
    /// How many since the start.
    pub packets: u64,
    /// How many per second over the last seconds.
    pub per_s: u64,
}

/// Every counter of the node, all workers added up, by its full name (`flows_created`, `drops.no_service`,
/// `nics.eth0.frames_received`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counters(pub BTreeMap<String, u64>);

/// What is known of a next hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NeighborState {
    /// It answered.
    Reachable,
    /// It was asked and has not answered yet.
    Asked,
    /// It does not answer.
    #[default]
    Failed,
}

/// A next hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbor {
    /// Its address.
    pub address: IpAddr,
    /// The NIC towards it.
    pub nic: String,
    /// Its hardware address, once known.
    pub mac: Option<String>,
    /// What is known.
    pub state: NeighborState,
}
