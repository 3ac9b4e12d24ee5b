//! What a node keeps over a restart.
//!
//! - [`Store`] is `config.db`: revisions of the configuration, wishes about backends, and what other crates add by a
//!   migration. What it acknowledged is on the disk.
//! - [`History`](history::History) is `history.db`: graphs, log lines, copies of the audit log. Batched, limited, apart.

pub mod audit;
mod database;
mod error;
mod files;
pub mod history;
mod migrations;
mod restore;
mod revisions;
pub mod sessions;
mod store;
pub mod tokens;
pub mod users;
mod wishes;

pub use error::StoreError;
pub use files::KeptFile;
pub use restore::{People, Restored, people};
pub use revisions::{
    AUTHOR, Awaiting, DOCUMENTS_KEPT_BYTES_MAX, Draft, REVISION_BYTES_MAX, REVISIONS_KEPT_MAX, Revision, TakenOver,
    revision_of, revisions_of, running_of,
};
pub use store::{Store, WRITES_WAITING_MAX};
pub use wishes::KeptWish;

/// What closures of [`Store::write`] and [`Store::read`] work with.
pub use rusqlite;
