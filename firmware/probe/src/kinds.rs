//! The kinds of checks: one file each.
//!
//! A kind asks in `ask`, with its own options and the dialogue; it fails with a sentence that says what was expected and
//! what came.

mod connect;
mod feedback;
mod ftp;
mod http;
mod imap;
mod nntp;
mod pop3;
mod reply;
mod send_expect;
mod smtp;

use crate::{Dialogue, Failure};
use config::{Ask, Named, Probe};

/// Asks the server what the probe asks.
pub async fn ask(probe: &Probe, dialogue: &mut Dialogue) -> Result<(), Failure> {
    match &probe.question.ask {
        Ask::None => Ok(()),
        Ask::Connect(options) => connect::ask(options, dialogue).await,
        Ask::Http(options) | Ask::Https(options) => http::ask(options, http::Form::Origin, dialogue).await,
        Ask::HttpProxy(options) => http::ask(options, http::Form::Proxy, dialogue).await,
        Ask::Ftp(options) => ftp::ask(options, dialogue).await,
        Ask::Smtp(options) | Ask::Submission(options) => smtp::ask(options, dialogue).await,
        Ask::Pop3(options) | Ask::Pop3s(options) => pop3::ask(options, dialogue).await,
        Ask::Imap(options) | Ask::Imaps(options) => imap::ask(options, dialogue).await,
        Ask::Nntp(options) => nntp::ask(options, dialogue).await,
        Ask::SendExpect(options) => send_expect::ask(options, dialogue).await,
        Ask::Feedback(options) => feedback::ask(options, dialogue).await,
        other => Err(Failure::Impossible(format!("checks of kind {} are not there yet", other.kind().name()))),
    }
}
