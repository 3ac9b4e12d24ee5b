//! The history of the configuration.

use crate::document::Terms;
use config::{Origin, RevisionState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Revisions that are listed when nobody says how many.
pub const REVISIONS_LISTED_DEFAULT: u32 = 20;
/// Revisions that are listed at most.
pub const REVISIONS_LISTED_MAX: u32 = 1_000;

/// Which revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevisionQuery {
    /// At most this many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Those before this number only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// A revision of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// What became of it.
    pub state: RevisionState,
    /// When it was put in use: seconds since 1970.
    pub committed_s: u64,
    /// By whom.
    pub author: String,
    /// Where its document came from.
    pub origin: Origin,
    /// Why, in the author's words.
    pub comment: String,
    /// What it changed, in brief.
    pub changes: String,
    /// The earlier revision whose document it is.
    pub document_of: Option<u64>,
    /// The revision that returns when nobody confirms this one.
    pub returns_to: Option<u64>,
    /// Seconds that are left to confirm it.
    pub confirm_left_s: Option<u64>,
    /// Size of its document, bytes.
    pub bytes: u64,
}

/// The newest revisions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revisions {
    /// The revisions.
    pub revisions: Vec<Revision>,
    /// Whether there are older ones.
    pub more: bool,
}

/// A revision and its document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptRevision {
    /// The revision.
    pub revision: Revision,
    /// Its document, as it was given.
    pub toml: String,
}

/// Which revisions are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffQuery {
    /// The one before.
    pub from: u64,
    /// The one after; `None`: the one in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
}

/// Puts the document of an earlier revision in use again, as a new revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The earlier revision.
    pub revision: u64,
    /// How.
    #[serde(default)]
    pub terms: Terms,
}

/// The revision in use, and whether it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    /// Its number.
    pub revision: u64,
    /// That somebody has to confirm it; `None`: it stays.
    pub waiting: Option<Waiting>,
}

/// What happens unless somebody confirms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// The revision that returns.
    pub returns_to: u64,
    /// Seconds that are left.
    pub left_s: u64,
}

/// The revision that was waiting stays in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmed {
    /// Its number.
    pub revision: u64,
}
