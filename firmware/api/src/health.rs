//! What is known of a backend's health.

use config::CheckKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The judgement on a backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Whether it is up.
    pub up: bool,
    /// Why, in a few words.
    pub reason: String,
    /// Seconds since it is so.
    pub since_s: u64,
    /// Thousandths of its weight that it gets: fewer while it starts slowly, or when the server asks for less.
    pub weight_per_mille: u16,
    /// Why it takes no new flows although it is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<String>,
    /// The process that asked it was lost, and the next one has no answer yet.
    #[serde(default)]
    pub stale: bool,
}

/// A backend with all that its checks met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackendDetail {
    /// The backend.
    pub backend: crate::Backend,
    /// Its checks, in the order of the document.
    pub checks: Vec<CheckState>,
}

/// A check of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckState {
    /// Its name.
    pub name: String,
    /// What it asks.
    pub kind: CheckKind,
    /// Where, as address and port.
    pub target: String,
    /// The latest answer; `None`: there is none yet.
    pub answer: Option<CheckAnswer>,
    /// The last failure, which may be older than the latest answer.
    pub failure: Option<CheckAnswer>,
}

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckAnswer {
    /// Seconds since.
    pub ago_s: u64,
    /// Whether it passed.
    pub passed: bool,
    /// Whether this box could not ask: that says nothing about the server.
    #[serde(default)]
    pub not_asked: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// Time it took, microseconds.
    pub latency_us: u64,
    /// What the administrator should know although it passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What was said, one line each: milliseconds, `>` sent, `<` received or `*` happened, text. Without secrets.
    pub transcript: String,
}

/// Which backend, in a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackendName {
    /// Its service.
    pub service: String,
    /// Its name.
    pub backend: String,
}

/// Whose checks are tried, in a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DryRunQuery {
    /// Those of this service only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// What a document's checks meet before it is put in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DryRun {
    /// Each check of each backend, in the order of the document.
    pub tried: Vec<Tried>,
}

/// A check that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// The service.
    pub service: String,
    /// The backend.
    pub backend: String,
    /// The check and its one answer.
    pub check: CheckState,
}
