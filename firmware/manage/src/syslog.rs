//! The log, sent to other machines: RFC 5424 lines over UDP, TCP or TLS. A server that is slow or away costs lines, which
//! are counted, and never the box's time.

pub mod line;
mod sender;

pub use line::{Record, Severity};

use crate::latest::Latest;
use crate::reach::{Names, ReachError, tls};
use config::{Syslog, SyslogServer, SyslogSeverity, SyslogTransport};
use sender::Sender;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Sender as Queue, channel};
use tokio::task::JoinHandle;

/// Lines that wait for one server at most.
pub const WAITING_MAX: usize = 2_048;

/// How long a server that is away is left alone.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first failure; each further one doubles it.
    pub first: Duration,
    /// At most.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_secs(60) }
    }
}

/// What became of lines since the start, one server's.
#[derive(Debug, Default)]
pub struct Counters {
    /// Handed to the network.
    pub sent: AtomicU64,
    /// Not taken in, for too many wait.
    pub lost: AtomicU64,
    /// Connections made.
    pub connects: AtomicU64,
    /// Connections that failed or broke.
    pub failures: AtomicU64,
    /// The last line, and the last failure.
    pub latest: Latest,
}

struct Lane {
    name: String,
    severity_max: Severity,
    queue: Queue<Record>,
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

/// All servers.
#[derive(Default)]
pub struct Senders {
    lanes: Vec<Lane>,
}

impl Senders {
    /// Ready for the servers of `syslog`; those that cannot be used are named with the reason. Needs a runtime.
    pub fn start(
        syslog: &Syslog,
        host: &str,
        data: &Path,
        names: &Names,
        backoff: Backoff,
    ) -> (Self, Vec<(String, ReachError)>) {
        let mut senders = Self::default();
        let mut unusable = Vec::new();
        for server in &syslog.servers {
            let ca_file = server.ca_file.as_ref().map(|file| data.join(file));
            let tls = match server.transport {
                SyslogTransport::Tls => tls(ca_file.as_deref()).map(Some),
                SyslogTransport::Udp | SyslogTransport::Tcp => Ok(None),
            };
            match tls {
                Ok(tls) => senders.serve(server, |counters| {
                    Sender::new(server.clone(), host.to_owned(), tls, names.clone(), backoff, counters)
                }),
                Err(error) => unusable.push((server.name.clone(), error)),
            }
        }
        (senders, unusable)
    }

    /// Takes a record in for every server that wants it; never waits.
    pub fn send(&self, record: &Record) {
        for lane in self.lanes.iter().filter(|lane| record.severity <= lane.severity_max) {
            if lane.queue.try_send(record.clone()).is_err() {
                lane.counters.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes a record in for one server, whatever it wants; whether that is possible. Never waits.
    pub fn send_to(&self, name: &str, record: Record) -> bool {
        let lane = self.lanes.iter().find(|lane| lane.name == name);
        lane.is_some_and(|lane| lane.queue.try_send(record).is_ok())
    }

    /// What became of lines, by server.
    pub fn counters(&self) -> impl Iterator<Item = (&str, &Counters)> {
        self.lanes.iter().map(|lane| (lane.name.as_str(), lane.counters.as_ref()))
    }

    fn serve(&mut self, server: &SyslogServer, sender: impl FnOnce(Arc<Counters>) -> Sender) {
        let (queue, waiting) = channel(WAITING_MAX);
        let counters = Arc::new(Counters::default());
        let task = tokio::spawn(sender(Arc::clone(&counters)).run(waiting));
        let severity_max = match server.severity {
            SyslogSeverity::Error => Severity::Error,
            SyslogSeverity::Warning => Severity::Warning,
            SyslogSeverity::Info => Severity::Info,
            SyslogSeverity::Debug => Severity::Debug,
        };
        self.lanes.push(Lane { name: server.name.clone(), severity_max, queue, counters, task });
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.lanes.iter().for_each(|lane| lane.task.abort());
    }
}

#[cfg(test)]
mod tests;
