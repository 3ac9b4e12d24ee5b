//! What the API does that is not packets: who may do what, what was done, and who is told.
//!
//! Rules take the time and the randomness they need. What talks to the network is in files of its own: [`reach`],
//! [`alerts::mail`], [`alerts::webhook`] and [`syslog`]; what talks to the disk in [`keep`].

pub mod access;
pub mod alerts;
pub mod audit;
pub mod backup;
pub mod certificate;
pub mod clock;
pub mod keep;
pub mod latest;
pub mod lockout;
pub mod passwords;
mod problems;
pub mod random;
pub mod reach;
pub mod redact;
pub mod roles;
pub mod second_factor;
pub mod secret;
pub mod sessions;
#[cfg(test)]
mod sink;
pub mod source;
pub mod support;
pub mod syslog;
pub mod tokens;
pub mod users;
