//! Looking at the network from where the box stands: pings, ways, ports, neighbours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Echoes of one ping at most.
pub const PING_COUNT_MAX: u8 = 20;
/// Echoes of a ping unless somebody says how many.
pub const PING_COUNT_DEFAULT: u8 = 4;
/// Bytes of payload of an echo at most: what IPv4 can carry, less the headers.
pub const PING_SIZE_MAX: u16 = 65_507;
/// Bytes of payload at least: what tells an answer from everybody else's.
pub const PING_SIZE_MIN: u16 = 16;
/// Bytes of payload unless somebody says how many.
pub const PING_SIZE_DEFAULT: u16 = 56;
/// Steps of a way at most.
pub const TRACE_HOPS_MAX: u8 = 30;
/// How often each step is tried.
pub const TRACE_TRIES: u8 = 3;

/// Echoes to send to an address, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// Whereto.
    pub address: IpAddr,
    /// How many; 1 to [`PING_COUNT_MAX`], [`PING_COUNT_DEFAULT`] if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u8>,
    /// Bytes of payload; [`PING_SIZE_MIN`] to [`PING_SIZE_MAX`], [`PING_SIZE_DEFAULT`] if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u16>,
    /// Whether nobody may cut them into fragments: shows how large packets may be.
    #[serde(default)]
    pub dont_fragment: bool,
}

/// What came of a ping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pinged {
    /// The echoes, in their order.
    pub echoes: Vec<StepAnswer>,
}

/// What the way to an address is asked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TraceBy {
    /// ICMP echoes.
    Icmp,
    /// UDP datagrams to ports where nobody listens.
    #[default]
    Udp,
    /// Beginnings of TCP connections: they pass filters that others do not.
    Tcp,
}

/// An address whose way is to be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// Whereto.
    pub address: IpAddr,
    /// With what.
    #[serde(default)]
    pub by: TraceBy,
    /// The port of TCP (80 if left out) or UDP (33434 and the following, as traceroute does).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Steps at most; 1 to [`TRACE_HOPS_MAX`], which it is if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops_max: Option<u8>,
}

/// The way to an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traced {
    /// Its steps: who answered at each of [`TRACE_TRIES`] tries.
    pub hops: Vec<Vec<StepAnswer>>,
    /// Whether the last of them is the address.
    pub reached: bool,
}

/// How a step, or an echo, ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnd {
    /// At a router on the way.
    Router,
    /// At the address itself.
    Arrived,
    /// Somebody says that the way leads no further.
    Unreachable,
    /// Nobody answered in time.
    #[default]
    Silent,
    /// This box could not ask.
    NotAsked,
}

/// What came of a step, or of an echo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepAnswer {
    /// How it ended.
    pub end: StepEnd,
    /// Who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// Why it went no further, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Time to the answer, microseconds.
    pub latency_us: u64,
}

/// A port to be looked at. The answer is that of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortProbe {
    /// Whose port.
    pub address: IpAddr,
    /// The TCP port; at least 1.
    pub port: u16,
    /// Whether to go on with TLS, and say what its certificate is.
    #[serde(default)]
    pub tls: bool,
    /// The name to ask TLS for; the address if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What the kernel knows of a neighbour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// It answered lately.
    Reachable,
    /// It answered once; it is asked again when it is needed.
    Stale,
    /// It is asked just now.
    Asked,
    /// It does not answer.
    #[default]
    Failed,
    /// Somebody set it for good.
    Permanent,
}

/// A neighbour in the kernel's table of ARP (IPv4) or neighbour discovery (IPv6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KernelNeighbor {
    /// Its address.
    pub address: IpAddr,
    /// The NIC it is on.
    pub nic: String,
    /// Its hardware address, once known.
    pub mac: Option<String>,
    /// What is known.
    pub resolution: Resolution,
    /// Whether this program has the kernel keep it, as a next hop.
    pub kept: bool,
}
