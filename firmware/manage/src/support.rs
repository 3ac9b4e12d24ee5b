//! A support bundle: what whoever helps needs to see, without secrets. [`clean`] takes out what must not be seen, [`pack`]
//! makes a file of bounded size of the rest, and a list of what is in it and what is not.
//!
//! Secrets go in two ways. The document says which of its values are secret, so they are left out by their place. And
//! whatever was left out there is then searched for in all the other texts: logs, dialogues of checks, the audit log. What
//! only hashes of are kept, or only its owner has, is not read at all: users' passwords, second factors, sessions, tokens.

pub mod clean;
pub mod pack;

pub use clean::Cleaner;
pub use pack::{BUNDLE_BYTES_MAX, Bundle, FILE_BYTES_MAX};
