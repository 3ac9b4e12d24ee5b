//! An alert as text and as JSON.

use super::{Event, recovery_of};
use crate::redact;
use config::AlertKind;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

/// One message: one event, or those of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The box.
    pub node: String,
    /// What happened, the oldest first.
    pub events: Vec<Event>,
    /// How many more there were.
    pub omitted: u64,
}

/// How a webhook gets it.
#[derive(Serialize)]
struct Body<'m> {
    node: &'m str,
    summary: String,
    events: Vec<EventBody<'m>>,
    omitted: u64,
}

#[derive(Serialize)]
struct EventBody<'m> {
    kind: AlertKind,
    subject: &'m str,
    cause: String,
    at: String,
    /// Whether it was over before the message was sent.
    over: bool,
}

impl Message {
    /// Of events in their order.
    pub fn new(node: &str, events: Vec<Event>, omitted: u64) -> Self {
        Self { node: node.to_owned(), events, omitted }
    }

    /// One line that says what matters: what is broken now, or else what happened last.
    pub fn subject(&self) -> String {
        let over = self.over();
        let broken: Vec<&Event> = self
            .events
            .iter()
            .enumerate()
            .filter(|(at, event)| recovery_of(event.kind).is_some() && !over.contains(at))
            .map(|(_, event)| event)
            .collect();
        let told = broken.first().copied().or(self.events.last());
        let Some(first) = told else { return format!("[{}] nothing", self.node) };
        let more = (self.events.len() as u64 - 1) + self.omitted;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        format!("[{}] {}{more}", self.node, sentence(first))
    }

    /// Everything, for people.
    pub fn text(&self) -> String {
        let over = self.over();
        let mut text = String::new();
        for (at, event) in self.events.iter().enumerate() {
            let over = if over.contains(&at) { " [over]" } else { "" };
            writeln!(text, "{}  {}{over}", shown_time(event), sentence(event)).expect("writing to a string");
            for line in redact::text(&event.cause).lines() {
                writeln!(text, "    {line}").expect("writing to a string");
            }
        }
        if self.omitted > 0 {
            writeln!(text, "and {} more: see the log", self.omitted).expect("writing to a string");
        }
        text
    }

    /// Everything, for programs.
    pub fn json(&self) -> String {
        let over = self.over();
        let events = self.events.iter().enumerate().map(|(at, event)| EventBody {
            kind: event.kind,
            subject: &event.subject,
            cause: redact::text(&event.cause),
            at: event.at.to_string(),
            over: over.contains(&at),
        });
        let (events, summary) = (events.collect(), self.subject());
        let body = Body { node: &self.node, summary, events, omitted: self.omitted };
        serde_json::to_string(&body).expect("messages are text and numbers")
    }

    /// Which events were over when the message was made: their recovery is in it too.
    fn over(&self) -> HashSet<usize> {
        let mut open: HashMap<(AlertKind, &str), Vec<usize>> = HashMap::new();
        let mut over = HashSet::new();
        for (at, event) in self.events.iter().enumerate() {
            if let Some(recovery) = recovery_of(event.kind) {
                open.entry((recovery, &event.subject)).or_default().push(at);
            }
            over.extend(open.remove(&(event.kind, event.subject.as_str())).into_iter().flatten());
        }
        over
    }
}

fn shown_time(event: &Event) -> String {
    event.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What happened, in words.
pub fn sentence(event: &Event) -> String {
    let subject = &event.subject;
    match event.kind {
        AlertKind::BackendDown => format!("backend {subject} is down"),
        AlertKind::BackendUp => format!("backend {subject} is up again"),
        AlertKind::ServiceDown => format!("service {subject} has no backend left"),
        AlertKind::ServiceUp => format!("service {subject} has backends again"),
        AlertKind::NicDown => format!("{subject} has no link"),
        AlertKind::NicUp => format!("{subject} has a link again"),
        AlertKind::HaChanged => format!("this node is {subject} now"),
        AlertKind::ConfigChanged => format!("configuration revision {subject} is in use"),
        AlertKind::ConfigReturned => {
            format!("nobody confirmed in time: configuration revision {subject} is in use again")
        }
        AlertKind::LoginLocked => format!("log-in locked for {subject} after too many failures"),
        AlertKind::CertificateExpires => format!("the certificate of {subject} expires soon"),
        AlertKind::HistoryLost => format!("history was lost: {subject}"),
        AlertKind::TableFull => format!("the table of {subject} is full"),
        AlertKind::Started => format!("the box has started: {subject}"),
        AlertKind::Test => format!("this is a test for {subject}: nothing happened"),
    }
}
