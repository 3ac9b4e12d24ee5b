//! What can go wrong with a database.

use std::io;
use std::path::PathBuf;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file beside or below the database fails.
    #[error("{act} {}: {source}", path.display())]
    File {
        /// What was tried.
        act: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// SQLite fails.
    #[error("{act}: {source}")]
    Database {
        /// What was tried.
        act: String,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The file is no database of this program.
    #[error("open {}: this is a database of another program", .0.display())]
    Foreign(PathBuf),
    /// The file is damaged.
    #[error("open {}: the database is damaged ({damage}): restore a backup, or move the file away to begin anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found first.
        damage: String,
    },
    /// The schema is of a later version of this program, or a step of it failed.
    #[error("bring {} to this version's schema: {source}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite_migration::Error,
    },
    /// What was asked of the writing thread panicked; nothing of it is kept.
    #[error("use the store: a defect in this program stopped it half-way; nothing was kept")]
    Broken,
    /// Somebody else was faster.
    #[error("revision {running} is in use, not {expected}: look at what changed and apply again")]
    Conflict {
        /// The revision that the change was made from.
        expected: u64,
        /// The revision in use.
        running: u64,
    },
    /// Another revision cannot take the place of one that waits for confirmation, unless it waits too.
    #[error("revision {0} waits for confirmation: confirm it, or roll back to {1}, or ask for confirmation again")]
    Unconfirmed(u64, u64),
    /// Nothing waits for confirmation.
    #[error("no revision waits for confirmation")]
    NothingAwaits,
    /// There is no such revision.
    #[error("there is no revision {0} (any more)")]
    NoRevision(u64),
    /// What is there was not written by this program.
    #[error("read {what}: {reason}")]
    Senseless {
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The document is too large.
    #[error("the document has {bytes} bytes, and a revision {REVISION_BYTES_MAX} at most", REVISION_BYTES_MAX = crate::REVISION_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

/// For closures that use SQLite directly.
impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database { act: "use the store".to_owned(), source }
    }
}

impl StoreError {
    pub(crate) fn database(act: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> Self {
        let act = act.into();
        move |source| Self::Database { act, source }
    }
}
