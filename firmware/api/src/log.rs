//! The log of the program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lines that are given when nobody says how many.
pub const LOG_LINES_DEFAULT: u32 = 100;
/// Lines that are given at most.
pub const LOG_LINES_MAX: u32 = 10_000;

/// Which lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogQuery {
    /// Those after the line with this number, oldest first; `None`: the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Its number: later lines have higher ones.
    pub id: u64,
    /// When: seconds since 1970.
    pub unix_s: u64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Which part of the program.
    pub origin: String,
    /// What happened.
    pub text: String,
}

/// Lines of the log, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Log {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// What could not be kept since the start: lines and values of graphs.
    pub lost: u64,
}
