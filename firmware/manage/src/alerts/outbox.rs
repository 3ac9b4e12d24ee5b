//! Hands messages to their destinations, each in a task of its own, so that one that hangs does not hold up another.
//! What fails is tried again with a growing pause; what does not fit is counted.

use super::Sending;
use super::mail::{MailError, Mailer};
use super::message::Message;
use super::webhook::{Webhook, WebhookError};
use crate::latest::Latest;
use crate::reach::Names;
use config::Alerts;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Messages that wait for one destination at most.
pub const WAITING_MAX: usize = 64;

/// How long something that fails is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries, the first included.
    pub tries: u32,
    /// The pause after the first; each further one is four times as long.
    pub first_pause: Duration,
}

impl Default for Patience {
    /// About an hour and a half: a mail server that is restarted, or moved, is back.
    fn default() -> Self {
        Self { tries: 7, first_pause: Duration::from_secs(1) }
    }
}

/// What became of messages since the start, one destination's.
#[derive(Debug, Default)]
pub struct Counters {
    /// Taken by the destination.
    pub sent: AtomicU64,
    /// Tries that failed.
    pub failed_tries: AtomicU64,
    /// Given up after all tries, or because the destination said "never".
    pub given_up: AtomicU64,
    /// Not taken in: too many wait, or the destination cannot be used.
    pub full: AtomicU64,
    /// The last of these.
    pub latest: Latest,
}

/// Why a destination cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// By mail.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// By HTTP.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

impl DestinationError {
    fn is_permanent(&self) -> bool {
        match self {
            Self::Mail(error) => error.is_permanent(),
            Self::Webhook(error) => error.is_permanent(),
        }
    }
}

enum Destination {
    Mail(Mailer),
    Webhook(Webhook),
}

impl Destination {
    async fn send(&self, names: &Names, message: &Message) -> Result<(), DestinationError> {
        match self {
            Self::Mail(mailer) => Ok(mailer.send(names, message).await?),
            Self::Webhook(webhook) => Ok(webhook.send(names, message).await?),
        }
    }
}

/// One destination, its counters, and what waits for it.
struct Lane {
    name: String,
    counters: Arc<Counters>,
    /// `None`: it cannot be used.
    work: Option<Work>,
}

struct Work {
    queue: Sender<Message>,
    destination: Arc<Destination>,
    task: JoinHandle<()>,
}

/// All destinations.
pub struct Outbox {
    lanes: Vec<Lane>,
    names: Names,
}

impl Outbox {
    /// Ready for the destinations of `alerts`; those that cannot be used are named with the reason. Needs a runtime.
    pub fn start(
        alerts: &Alerts,
        node: &str,
        data: &Path,
        names: &Names,
        patience: Patience,
    ) -> (Self, Vec<(String, DestinationError)>) {
        let mails = alerts.mails.iter().map(|mail| {
            let mailer = Mailer::new(mail.clone(), node, data).map(Destination::Mail);
            (mail.name.clone(), mailer.map_err(DestinationError::from))
        });
        let webhooks = alerts.webhooks.iter().map(|webhook| {
            let made = Webhook::new(webhook.clone(), data).map(Destination::Webhook);
            (webhook.name.clone(), made.map_err(DestinationError::from))
        });
        let mut outbox = Self { lanes: Vec::new(), names: names.clone() };
        let mut unusable = Vec::new();
        for (name, destination) in mails.chain(webhooks) {
            let counters = Arc::<Counters>::default();
            let work = match destination {
                Ok(destination) => Some(Work::start(&name, destination, names, patience, &counters)),
                Err(error) => {
                    counters.latest.failed(&error);
                    unusable.push((name.clone(), error));
                    None
                }
            };
            outbox.lanes.push(Lane { name, counters, work });
        }
        (outbox, unusable)
    }

    /// Takes a message in; never waits.
    pub fn send(&self, Sending { to, message }: Sending) {
        let Some(lane) = self.lanes.iter().find(|lane| lane.name == to) else { return };
        let taken = lane.work.as_ref().is_some_and(|work| work.queue.try_send(message).is_ok());
        if !taken {
            lane.counters.full.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(destination = to, "alert not sent: too many wait, or the destination cannot be used");
        }
    }

    /// One try, at once: what waits for that destination, perhaps for an hour, is not waited for. `None`: there is no such
    /// destination, or it cannot be used.
    pub fn attempt(
        &self,
        Sending { to, message }: Sending,
    ) -> Option<impl Future<Output = Result<(), DestinationError>> + Send + use<>> {
        let lane = self.lanes.iter().find(|lane| lane.name == to)?;
        let destination = Arc::clone(&lane.work.as_ref()?.destination);
        let (names, counters) = (self.names.clone(), Arc::clone(&lane.counters));
        Some(async move { attempt(&destination, &names, &message, &counters).await })
    }

    /// What became of messages, by destination.
    pub fn counters(&self) -> impl Iterator<Item = (&str, &Counters)> {
        self.lanes.iter().map(|lane| (lane.name.as_str(), lane.counters.as_ref()))
    }
}

impl Work {
    fn start(
        name: &str,
        destination: Destination,
        names: &Names,
        patience: Patience,
        counters: &Arc<Counters>,
    ) -> Self {
        let (queue, waiting) = channel(WAITING_MAX);
        let destination = Arc::new(destination);
        let (sends_to, counters) = (Arc::clone(&destination), Arc::clone(counters));
        let task = tokio::spawn(work(name.to_owned(), sends_to, names.clone(), patience, waiting, counters));
        Self { queue, destination, task }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.lanes.iter().filter_map(|lane| lane.work.as_ref()).for_each(|work| work.task.abort());
    }
}

/// Sends a message once, and counts how that went.
async fn attempt(
    destination: &Destination,
    names: &Names,
    message: &Message,
    counters: &Counters,
) -> Result<(), DestinationError> {
    let sent = destination.send(names, message).await;
    match &sent {
        Ok(()) => {
            counters.sent.fetch_add(1, Ordering::Relaxed);
            counters.latest.went_well();
        }
        Err(error) => {
            counters.failed_tries.fetch_add(1, Ordering::Relaxed);
            counters.latest.failed(error);
        }
    }
    sent
}

async fn work(
    name: String,
    destination: Arc<Destination>,
    names: Names,
    patience: Patience,
    mut waiting: Receiver<Message>,
    counters: Arc<Counters>,
) {
    while let Some(message) = waiting.recv().await {
        let mut pause = patience.first_pause;
        for left in (0..patience.tries).rev() {
            let Err(error) = attempt(&destination, &names, &message, &counters).await else { break };
            if left == 0 || error.is_permanent() {
                counters.given_up.fetch_add(1, Ordering::Relaxed);
                tracing::error!(destination = name, %error, subject = message.subject(), "alert given up");
                break;
            }
            tracing::warn!(destination = name, %error, left, "alert not sent yet");
            sleep(pause).await;
            pause *= 4;
        }
    }
}

#[cfg(test)]
mod tests;
