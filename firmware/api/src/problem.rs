//! Why a request was refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What is wrong, in one line.
    pub message: String,
    /// The errors of a document, when that is what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<config::Errors>,
}

impl Problem {
    /// A problem told in one line.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), errors: None }
    }
}

impl From<config::Errors> for Problem {
    /// The message is the first error; the rest is counted.
    fn from(errors: config::Errors) -> Self {
        let first = errors.errors.first().map(ToString::to_string).unwrap_or_default();
        let message = match errors.errors.len() + errors.more {
            0 | 1 => first,
            2 => format!("{first} (and 1 more error)"),
            count => format!("{first} (and {} more errors)", count - 1),
        };
        Self { message, errors: Some(errors) }
    }
}
