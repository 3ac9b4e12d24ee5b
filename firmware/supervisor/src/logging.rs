//! The log: one line per event on stderr, and a copy in the history once there is one. What is there to be said about
//! packets is counted, not logged.

use drivers::clock;
use std::fmt::{Debug, Write};
use std::io::IsTerminal;
use std::sync::OnceLock;
use store::history::{History, LineKind, Record};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Which events are logged; the words of `tracing_subscriber::EnvFilter`.
const VARIABLE: &str = "SUIMON_LOG";

/// Where copies go. The log is one for the whole process, and so is this.
static KEPT_IN: OnceLock<History> = OnceLock::new();

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

struct Keeper;

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(history) = KEPT_IN.get() else { return };
        let mut text = Text::default();
        event.record(&mut text);
        history.record(Record::Line {
            kind: LineKind::Log,
            unix_s: clock::unix_s(),
            level: event.metadata().level().as_str().to_lowercase(),
            origin: event.metadata().target().to_owned(),
            text: text.message + &text.fields,
        });
    }
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
