//! A datagram of the administrator's. Where an answer is described, it has to come; where none is, the port must not be
//! refused.

use crate::{Dialogue, Failure, compiled};
use config::Udp;
use tokio::time::{Instant, timeout_at};

pub(super) async fn ask(options: &Udp, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.act("waiting for an answer");
    dialogue.open_datagrams().await?;
    dialogue.send_datagram(&options.send.bytes()).await?;
    let Some(expected) = options.expect.as_ref().map(compiled).transpose()? else {
        return not_refused(dialogue).await;
    };
    let answer = dialogue.receive_datagram().await?;
    if expected.is_match(&answer) {
        Ok(())
    } else {
        Err(Failure::answer(&format!("an answer that matches {expected}"), answer))
    }
}

// A closed port is told by an ICMP error, which takes no longer than an answer: half of the deadline is enough for it.
async fn not_refused(dialogue: &mut Dialogue) -> Result<(), Failure> {
    let now = Instant::now();
    let until = now + dialogue.deadline().saturating_duration_since(now) / 2;
    match timeout_at(until, dialogue.receive_datagram()).await {
        Ok(answer) => answer.map(drop),
        Err(_) => {
            dialogue.note("no answer, and no refusal of the port either");
            Ok(())
        }
    }
}
