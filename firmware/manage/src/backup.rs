//! A backup: everything that makes this node what it is, in one encrypted file. [`content`] is what is in it, [`seal`] the
//! file around it, [`restore`] what becomes of it on another box.
//!
//! Graphs, log lines and the audit log are not in it: they tell of the box that made them.

pub mod content;
pub mod restore;
pub mod seal;

pub use content::{Content, ContentError, files_of};
pub use restore::{Fitted, RestoreError, fit, view};
pub use seal::{PASSPHRASE_LENGTH_MAX, PASSPHRASE_LENGTH_MIN, SEALED_BYTES_MAX, SealError};
