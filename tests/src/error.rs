//! What can go wrong while a lab is built or used.

use std::io;
use std::time::Duration;

/// Result of everything in this crate.
pub type Result<T> = std::result::Result<T, LabError>;

/// Act, object, reason.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The system refused.
    #[error("{act}: {source}")]
    System {
        /// What was tried, and on what.
        act: String,
        /// Why not.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("{command}: {status}: {stderr}")]
    Program {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it said.
        stderr: String,
    },
    /// Something took longer than it may.
    #[error("{act}: not done within {limit:?}")]
    Late {
        /// What was waited for.
        act: String,
        /// How long.
        limit: Duration,
    },
    /// An answer that makes no sense.
    #[error("{0}")]
    Answer(String),
}

/// Adds the act to a system error.
pub trait Act<T> {
    /// Names what was tried.
    fn act(self, act: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Act<T> for std::result::Result<T, E> {
    fn act(self, act: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| LabError::System { act: act(), source: source.into() })
    }
}
