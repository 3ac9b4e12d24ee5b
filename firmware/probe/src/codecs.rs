//! Protocols as bytes and their meaning. Pure: no I/O, no clock, no panic on any input. What is random (identifiers,
//! nonces) is passed in.

pub mod ber;
pub mod dns;
pub mod echo;
pub mod ldap;
pub mod memcached;
pub mod mysql;
pub mod ntp;
pub mod postgresql;
pub mod radius;
pub mod reader;
pub mod resp;
pub mod scram;
pub mod sip;

/// Bytes that are no message of the protocol; the text says what is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

impl Malformed {
    /// A field reaches behind the end.
    pub const SHORT: Self = Self("it ends in the middle of a field");
}
