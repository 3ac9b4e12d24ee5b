//! Packets as pcap.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Packets of one capture at most.
pub const CAPTURE_PACKETS_MAX: u64 = 10_000_000;
/// Longest capture, seconds.
pub const CAPTURE_SECONDS_MAX: u64 = 3_600;

/// What to capture. The answer is a pcap file that grows while the capture runs; closing the connection ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptureRequest {
    /// The NIC.
    pub nic: String,
    /// Which packets, in tcpdump's words as far as the node knows them; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Ends after this many packets; at most [`CAPTURE_PACKETS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Ends after this time; at most [`CAPTURE_SECONDS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}
