//! Regular expressions of the document.

use crate::limits::{PATTERN_COMPILED_BYTES_MAX, PATTERN_LENGTH_MAX};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// A regular expression in the syntax of the `regex` crate. It is searched for anywhere in the answer; matching takes
/// time linear in the answer, whatever the expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Reads an expression that is well-formed and within the bounds.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the text is empty: leave the key out instead".to_owned());
        }
        if text.len() > PATTERN_LENGTH_MAX {
            return Err(format!("a regular expression has at most {PATTERN_LENGTH_MAX} bytes"));
        }
        let pattern = Self(text.to_owned());
        pattern.compile().map(|_| pattern)
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The expression ready for use. A `Pattern` that was read from a document compiles.
    pub fn compile(&self) -> Result<Regex, String> {
        RegexBuilder::new(&self.0).size_limit(PATTERN_COMPILED_BYTES_MAX).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!(
                    "the regular expression needs more than {limit} bytes when compiled: make its repetitions smaller"
                )
            }
            // The message draws the expression over several lines; the last one says what is wrong.
            other => {
                let shown = other.to_string();
                let reason = shown.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                format!("not a regular expression: {reason}")
            }
        })
    }
}
