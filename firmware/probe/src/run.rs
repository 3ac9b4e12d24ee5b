//! One run of a check.

use crate::{Dialogue, Failure, Outcome, kinds};
use config::Probe;

/// Asks once. Ends within the probe's deadline, whatever the server does. `mark`: see [`crate::Request::Set`].
pub async fn run(probe: &Probe, mark: Option<u32>) -> Outcome {
    let mut dialogue = Dialogue::new(probe, mark);
    if probe.vip.is_some() && mark.is_none() {
        let reason = "there is no route to the VIP on this server".to_owned();
        return dialogue.finish(Some(Err(Failure::Impossible(reason))));
    }
    let deadline = dialogue.deadline();
    let result = tokio::time::timeout_at(deadline, kinds::ask(probe, &mut dialogue)).await;
    dialogue.finish(result.ok())
}
