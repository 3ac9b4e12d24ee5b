//! Health checks: the dialogues with servers, and what runs them on time.
//!
//! [`serve`] is the whole of the `probe` role: it takes [`Request`]s and gives [`Report`]s, as lines of JSON. [`run`]
//! asks once. A dialogue with a server is a [`Dialogue`]: one connection under one deadline, of which everything is
//! written down. Each kind of check is one file below `kinds`, and one arm of its `match`.
//!
//! What servers send is hostile until shown otherwise: every reading has a limit of bytes, and all of it the deadline.

mod certificate;
mod codecs;
mod dialogue;
mod failure;
mod hop;
pub mod kinds;
mod outcome;
mod patterns;
mod prepare;
mod protocol;
mod run;
mod runner;
mod schedule;
mod socket;
mod tls;
mod transcript;

pub use dialogue::{ANSWER_LINES_MAX, Dialogue, EXPECT_BYTES_MAX, LINE_BYTES_MAX, RECEIVED_BYTES_MAX};
pub use failure::Failure;
pub use hop::{Hop, HopAnswer, HopBy, HopEnd};
pub use outcome::Outcome;
pub use patterns::compiled;
pub use prepare::prepare;
pub use protocol::{Counters, LineReader, MESSAGE_BYTES_MAX, ProbeId, ProtocolError, Report, Request, line_of};
pub use run::run;
pub use runner::{Settings, serve};
pub use transcript::{Direction, Line, Transcript};
