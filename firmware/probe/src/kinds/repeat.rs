//! A question in a datagram, sent again until it is answered: one lost packet is no dead server.

use crate::{Dialogue, Failure};
use std::time::Duration;
use tokio::time::timeout;

/// Wait before the first repetition; each later one is twice as long. T1 of SIP (RFC 3261 17.1.2.2), and no server of
/// the other protocols takes it amiss.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A datagram, and what the transcript shows of it.
pub(super) struct Question<'b> {
    pub bytes: &'b [u8],
    pub shown: &'b [u8],
}

impl<'b> Question<'b> {
    /// One without secrets.
    pub fn plain(bytes: &'b [u8]) -> Self {
        Self { bytes, shown: bytes }
    }
}

/// Sends `question` until `parse` finds the answer to it in what comes. `parse` gives `None` for what is not.
pub(super) async fn ask<T>(
    dialogue: &mut Dialogue,
    question: Question<'_>,
    mut parse: impl FnMut(&[u8]) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let mut pause = FIRST_PAUSE;
    loop {
        dialogue.send_datagram_shown_as(question.bytes, question.shown).await?;
        let answered = timeout(pause, answer(dialogue, &mut parse)).await;
        if let Ok(answer) = answered {
            return answer;
        }
        pause *= 2;
    }
}

async fn answer<T>(
    dialogue: &mut Dialogue,
    parse: &mut impl FnMut(&[u8]) -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    loop {
        let datagram = dialogue.receive_datagram().await?;
        match parse(&datagram)? {
            Some(answer) => return Ok(answer),
            None => dialogue.note("that is not the answer to this question"),
        }
    }
}
