//! Graphs: what was measured, over time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Points of one line at most; a span that has more at the finest resolution is given at a coarser one.
pub const GRAPH_POINTS_MAX: u64 = 1_000;
/// Points of one line when nobody says how far apart they should be.
pub const GRAPH_POINTS_DEFAULT: u64 = 300;
/// The span when nobody says since when, seconds.
pub const GRAPH_SPAN_DEFAULT_S: u64 = 3_600;

/// Which graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GraphQuery {
    /// Of what: `service/NAME`, `backend/SERVICE/NAME`, `nic/NAME` or `node`.
    pub of: String,
    /// Since when: seconds since 1970; `None`: [`GRAPH_SPAN_DEFAULT_S`] before `to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Until when: seconds since 1970; `None`: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// Points no closer than this, seconds; `None`: as close as [`GRAPH_POINTS_DEFAULT`] allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
}

/// A graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Graph {
    /// Of what.
    pub of: String,
    /// Since when: seconds since 1970.
    pub from: u64,
    /// Until when: seconds since 1970.
    pub to: u64,
    /// Seconds that a point stands for.
    pub step: u64,
    /// What was measured.
    pub lines: Vec<GraphLine>,
}

/// A line of a graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GraphLine {
    /// What, with its unit: `packets_in_per_s`.
    pub name: String,
    /// Points, oldest first. Where nothing was measured there is none.
    pub points: Vec<GraphPoint>,
}

/// What was measured in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GraphPoint {
    /// Its begin: seconds since 1970.
    pub unix_s: u64,
    /// The mean.
    pub mean: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}
