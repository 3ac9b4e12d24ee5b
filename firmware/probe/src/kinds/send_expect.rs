//! Steps that the administrator wrote: something is sent, something is awaited.

use crate::{Dialogue, Failure, compiled};
use config::SendExpect;

pub(super) async fn ask(options: &SendExpect, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await?;
    for (index, step) in options.steps.iter().enumerate() {
        let number = index + 1;
        if let Some(payload) = &step.send {
            dialogue.act(format!("sending step {number}"));
            dialogue.send(payload.bytes()).await?;
        }
        if let Some(pattern) = &step.expect {
            dialogue.act(format!("waiting for the answer of step {number}"));
            dialogue.read_matching(&compiled(pattern)?).await?;
        }
    }
    Ok(())
}
