//! The log: one line per event on stderr, and a copy in the history once there is one. What is there to be said about
//! packets is counted, not logged.

use crate::run::telling::Teller;
use drivers::clock;
use jiff::Timestamp;
use manage::syslog::{self, Severity};
use std::fmt::{Debug, Write};
use std::io::IsTerminal;
use std::sync::OnceLock;
use store::history::{History, LineKind, Record};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Which events are logged; the words of `tracing_subscriber::EnvFilter`.
const VARIABLE: &str = "SUIMON_LOG";

/// Where copies go. The log is one for the whole process, and so is this.
static KEPT_IN: OnceLock<History> = OnceLock::new();

/// Where else they go.
static SENT_BY: OnceLock<Teller> = OnceLock::new();

/// Logs from now on.
pub fn start() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    // Whoever reads a file or a journal has the time from there; a person at a terminal sees it pass.
    tracing_subscriber::registry().with(filter).with(lines.without_time()).with(Keeper).init();
}

/// Keeps a copy of what is logged from now on. Never waits: see [`History::record`].
pub fn keep_in(history: History) {
    // A process has one data directory.
    let _ = KEPT_IN.set(history);
}

/// Sends a copy to the servers of the configuration from now on. Never waits: see [`Teller::line`].
pub fn send_to(teller: Teller) {
    // A process is one node.
    let _ = SENT_BY.set(teller);
}

struct Keeper;

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let text = text.message + &text.fields;
        let (level, origin) = (event.metadata().level(), event.metadata().target());
        if let Some(teller) = SENT_BY.get() {
            let (at, severity, kind) = (Timestamp::now(), severity(*level), part(origin).to_owned());
            teller.line(syslog::Record { at, severity, kind, text: text.clone() });
        }
        if let Some(history) = KEPT_IN.get() {
            let (level, origin) = (level.as_str().to_lowercase(), origin.to_owned());
            history.record(Record::Line { kind: LineKind::Log, unix_s: clock::unix_s(), level, origin, text });
        }
    }
}

const fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        Level::INFO => Severity::Info,
        _ => Severity::Debug,
    }
}

/// Which part of the program it is: the innermost module, as the name of a kind of message has room for 32 characters.
fn part(origin: &str) -> &str {
    origin.rsplit("::").next().unwrap_or(origin)
}

/// A line: the message, then the fields as `name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        written.expect("writing to a string");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::history::LineQuery;

    #[test]
    fn what_is_logged_is_kept() {
        let directory = std::env::temp_dir().join(format!("suimon-logging-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        let history = History::open(&directory).unwrap();
        keep_in(history.clone());
        let logger = tracing_subscriber::registry().with(Keeper);
        tracing::subscriber::with_default(logger, || {
            let error = std::io::Error::other("broken");
            tracing::warn!(revision = 7, name = "web", %error, "something {}", "happened");
        });
        history.flush();
        let query = LineQuery { kind: LineKind::Log, after: None, limit: 100 };
        let lines = history.lines(query).unwrap();
        let line = lines.iter().find(|line| line.origin.ends_with("logging::tests")).unwrap();
        assert_eq!(
            (line.level.as_str(), line.text.as_str()),
            ("warn", "something happened revision=7 name=web error=broken")
        );
        std::fs::remove_dir_all(directory).unwrap();
    }
}
