//! Who is told what happens. The first event is told at once; what follows within a window is gathered and told together,
//! so that a switch that dies with forty backends is two messages and not forty. Recoveries are told the same way.
//!
//! Here are the rules; [`outbox`] hands the messages to [`mail`] and [`webhook`].

pub mod mail;
pub mod message;
pub mod outbox;
pub mod recent;
pub mod webhook;

use config::{AlertFilter, AlertKind, Alerts};
use jiff::Timestamp;
use message::Message;
use std::time::Duration;

/// Events that one digest tells; more are counted.
pub const EVENTS_PER_MESSAGE_MAX: usize = 200;
/// Characters of a cause.
pub const CAUSE_LENGTH_MAX: usize = 1_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: AlertKind,
    /// To what: `web/s1`, `web`, `eth0`, a user.
    pub subject: String,
    /// Why, as far as it is known: what the check got, whose change it was.
    pub cause: String,
    /// When.
    pub at: Timestamp,
}

impl Event {
    /// An event; its cause is cut to what a message may hold, on one line per line.
    pub fn new(kind: AlertKind, subject: impl Into<String>, cause: &str, at: Timestamp) -> Self {
        let printable = cause.chars().filter(|c| !c.is_control() || *c == '\n');
        let cause: String = printable.take(CAUSE_LENGTH_MAX).collect();
        Self { kind, subject: subject.into(), cause: cause.trim().to_owned(), at }
    }

    /// The service that it is about, if it is about one.
    fn service(&self) -> Option<&str> {
        use AlertKind::{BackendDown, BackendUp, ServiceDown, ServiceUp};
        let of_services = matches!(self.kind, BackendDown | BackendUp | ServiceDown | ServiceUp);
        of_services.then(|| self.subject.split('/').next().unwrap_or_default())
    }
}

/// What ends the state that a kind begins, as far as it does.
pub fn recovery_of(kind: AlertKind) -> Option<AlertKind> {
    match kind {
        AlertKind::BackendDown => Some(AlertKind::BackendUp),
        AlertKind::ServiceDown => Some(AlertKind::ServiceUp),
        AlertKind::NicDown => Some(AlertKind::NicUp),
        AlertKind::BackendUp
        | AlertKind::ServiceUp
        | AlertKind::NicUp
        | AlertKind::HaChanged
        | AlertKind::ConfigChanged
        | AlertKind::ConfigReturned
        | AlertKind::LoginLocked
        | AlertKind::CertificateExpires
        | AlertKind::HistoryLost
        | AlertKind::TableFull
        | AlertKind::Started
        | AlertKind::Test => None,
    }
}

/// What is to be sent to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The destination's name.
    pub to: String,
    /// What.
    pub message: Message,
}

/// Gathers events for every destination.
#[derive(Debug)]
pub struct Digest {
    node: String,
    window: Duration,
    destinations: Vec<Destination>,
}

#[derive(Debug)]
struct Destination {
    name: String,
    filter: AlertFilter,
    /// Until when events are gathered; `None`: the next one is told at once.
    until: Option<Duration>,
    gathered: Vec<Event>,
    omitted: u64,
}

impl Destination {
    fn wants(&self, event: &Event) -> bool {
        let AlertFilter { events, services } = &self.filter;
        // Whoever hears that something broke hears that it is whole again.
        let kind = events.is_empty()
            || events.iter().any(|kind| *kind == event.kind || recovery_of(*kind) == Some(event.kind));
        let of_it = |service: &str| services.iter().any(|name| name == service);
        kind && (services.is_empty() || event.service().is_none_or(of_it))
    }
}

impl Digest {
    /// Nothing happened yet. `node` is this box's name in messages.
    pub fn new(node: impl Into<String>, alerts: &Alerts) -> Self {
        let mut digest = Self { node: node.into(), window: Duration::ZERO, destinations: Vec::new() };
        digest.set(alerts);
        digest
    }

    /// Other destinations from now on. What was gathered for one that stays is kept.
    pub fn set(&mut self, alerts: &Alerts) {
        self.window = Duration::from_secs(u64::from(alerts.window_s));
        let mails = alerts.mails.iter().map(|mail| (&mail.name, &mail.filter));
        let webhooks = alerts.webhooks.iter().map(|webhook| (&webhook.name, &webhook.filter));
        let mut before = std::mem::take(&mut self.destinations);
        for (name, filter) in mails.chain(webhooks) {
            let known = before.iter().position(|old| old.name == *name).map(|at| before.swap_remove(at));
            let (until, gathered, omitted) =
                known.map_or((None, Vec::new(), 0), |old| (old.until, old.gathered, old.omitted));
            let (name, filter) = (name.clone(), filter.clone());
            self.destinations.push(Destination { name, filter, until, gathered, omitted });
        }
    }

    /// Something happened: what is to be sent because of it.
    pub fn handle(&mut self, now: Duration, event: &Event, out: &mut Vec<Sending>) {
        for destination in self.destinations.iter_mut().filter(|destination| destination.wants(event)) {
            match destination.until {
                None => {
                    destination.until = Some(now + self.window);
                    let message = Message::new(&self.node, vec![event.clone()], 0);
                    out.push(Sending { to: destination.name.clone(), message });
                }
                Some(_) if destination.gathered.len() < EVENTS_PER_MESSAGE_MAX => {
                    destination.gathered.push(event.clone());
                }
                Some(_) => destination.omitted += 1,
            }
        }
    }

    /// Windows that are over: what was gathered in them.
    pub fn expire(&mut self, now: Duration, out: &mut Vec<Sending>) {
        for destination in &mut self.destinations {
            if destination.until.is_none_or(|until| now < until) {
                continue;
            }
            if destination.gathered.is_empty() {
                destination.until = None;
                continue;
            }
            // It may go on: the next window begins at once.
            destination.until = Some(now + self.window);
            let gathered = std::mem::take(&mut destination.gathered);
            let message = Message::new(&self.node, gathered, std::mem::take(&mut destination.omitted));
            out.push(Sending { to: destination.name.clone(), message });
        }
    }

    /// When the next window is over.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.destinations.iter().filter_map(|destination| destination.until).min()
    }
}

#[cfg(test)]
mod tests;
