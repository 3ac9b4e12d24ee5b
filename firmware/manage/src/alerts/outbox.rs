//! Hands messages to their destinations, each in a task of its own, so that one that hangs does not hold up another.
//! What fails is tried again with a growing pause; what does not fit is counted.

use super::Sending;
use super::mail::{MailError, Mailer};
use super::message::Message;
use super::webhook::{Webhook, WebhookError};
use crate::reach::Names;
use config::Alerts;
use std::collections::HashMap;
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

/// What became of messages since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Taken by the destination.
    pub sent: AtomicU64,
    /// Tries that failed.
    pub failed_tries: AtomicU64,
    /// Given up after all tries, or because the destination said "never".
    pub given_up: AtomicU64,
    /// Not taken in, for too many wait.
    pub full: AtomicU64,
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

/// All destinations.
pub struct Outbox {
    queues: HashMap<String, Sender<Message>>,
    tasks: Vec<JoinHandle<()>>,
    counters: Arc<Counters>,
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
        let mut outbox = Self { queues: HashMap::new(), tasks: Vec::new(), counters: Arc::default() };
        let mut unusable = Vec::new();
        for (name, destination) in mails.chain(webhooks) {
            match destination {
                Ok(destination) => outbox.serve(name, destination, names.clone(), patience),
                Err(error) => unusable.push((name, error)),
            }
        }
        (outbox, unusable)
    }

    /// Takes a message in; never waits.
    pub fn send(&self, Sending { to, message }: Sending) {
        let taken = self.queues.get(&to).is_some_and(|queue| queue.try_send(message).is_ok());
        if !taken {
            self.counters.full.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(destination = to, "alert not sent: too many wait, or the destination cannot be used");
        }
    }

    /// What became of messages.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn serve(&mut self, name: String, destination: Destination, names: Names, patience: Patience) {
        let (queue, waiting) = channel(WAITING_MAX);
        let counters = Arc::clone(&self.counters);
        self.tasks.push(tokio::spawn(work(name.clone(), destination, names, patience, waiting, counters)));
        self.queues.insert(name, queue);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn work(
    name: String,
    destination: Destination,
    names: Names,
    patience: Patience,
    mut waiting: Receiver<Message>,
    counters: Arc<Counters>,
) {
    while let Some(message) = waiting.recv().await {
        let mut pause = patience.first_pause;
        for left in (0..patience.tries).rev() {
            let Err(error) = destination.send(&names, &message).await else {
                counters.sent.fetch_add(1, Ordering::Relaxed);
                break;
            };
            counters.failed_tries.fetch_add(1, Ordering::Relaxed);
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
