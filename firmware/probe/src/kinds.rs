//! The kinds of checks: one file each.
//!
//! A kind asks in `ask`, with its own options and the dialogue; it fails with a sentence that says what was expected and
//! what came.

mod connect;
mod send_expect;

use crate::{Dialogue, Failure};
use config::{Ask, Named, Probe};

/// Asks the server what the probe asks.
pub async fn ask(probe: &Probe, dialogue: &mut Dialogue) -> Result<(), Failure> {
    match &probe.question.ask {
        Ask::None => Ok(()),
        Ask::Connect(options) => connect::ask(options, dialogue).await,
        Ask::SendExpect(options) => send_expect::ask(options, dialogue).await,
        other => Err(Failure::Impossible(format!("checks of kind {} are not there yet", other.kind().name()))),
    }
}
