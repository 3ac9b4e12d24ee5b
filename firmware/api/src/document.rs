//! Configuration documents on their way in and out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds that a revision may wait for confirmation at most: a day.
pub const CONFIRM_WITHIN_MAX_S: u32 = 86_400;
/// Characters of a comment at most.
pub const COMMENT_CHARS_MAX: usize = 1_000;

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The text.
    pub toml: String,
    /// What errors call it.
    #[serde(default)]
    pub file_name: String,
    /// How it is to be put in use; without meaning where nothing is put in use.
    #[serde(default)]
    pub terms: Terms,
}

/// How a document is put in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Why, for whoever reads the history.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Within this many seconds somebody must confirm, or the revision before returns by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within_s: Option<u32>,
    /// The revision that the change was made from: refused when another is in use by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_revision: Option<u64>,
}

/// A document is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    /// Its revision. The one before stays when nothing changed.
    pub revision: u64,
    /// What changed.
    pub diff: config::Diff,
    /// What whoever applied it should know: sentences.
    pub notes: Vec<String>,
    /// Seconds until the revision before returns, unless somebody confirms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within_s: Option<u32>,
}

/// The document in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Export {
    /// Its revision.
    pub revision: u64,
    /// As TOML, as it was given: with its comments.
    pub toml: String,
}
