//! Configuration documents on their way in and out.

use serde::{Deserialize, Serialize};

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The text.
    pub toml: String,
    /// What errors call it.
    #[serde(default)]
    pub file_name: String,
}

/// A document is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its revision. The one before stays when nothing changed.
    pub revision: u64,
    /// What changed.
    pub diff: config::Diff,
    /// What whoever applied it should know: sentences.
    pub notes: Vec<String>,
}

/// The document in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its revision.
    pub revision: u64,
    /// As TOML.
    pub toml: String,
}
