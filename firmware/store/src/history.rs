//! `history.db`: graphs, log lines and copies of the audit log. Apart from `config.db`, so that neither fills, slows or
//! breaks the other.
//!
//! Recording never waits and never fails: what does not fit the queue, or cannot be written, is counted as lost. A
//! database that is damaged is set aside and a new one begun. What was recorded in the last seconds before a power cut
//! may be missing.

mod prune;
mod read;
mod writer;

pub use read::{Line, LineQuery, Point, resolution};

use crate::StoreError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use writer::Writer;

/// Records that wait for the writer at most.
pub const RECORDS_WAITING_MAX: usize = 65_536;
/// Bytes of the file at most; the oldest goes first.
pub const HISTORY_BYTES_MAX: u64 = 256 << 20;
/// Series of samples at most.
pub const SERIES_MAX: usize = 50_000;
/// Characters of a line that are kept.
pub const LINE_CHARS_MAX: usize = 4_096;
/// Lines of one kind that are kept.
pub const LINES_KEPT_MAX: u64 = 200_000;
/// Name of the file in the data directory.
const FILE: &str = "history.db";

/// A resolution of graphs: a slot's length and how long slots are kept, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Seconds of a slot.
    pub step_s: u64,
    /// Seconds for which slots are kept.
    pub kept_s: u64,
}

/// Finest first: three hours, two days, a month, two years.
pub const RESOLUTIONS: [Resolution; 4] = [
    Resolution { step_s: 10, kept_s: 3 * 3_600 },
    Resolution { step_s: 120, kept_s: 2 * 86_400 },
    Resolution { step_s: 1_800, kept_s: 31 * 86_400 },
    Resolution { step_s: 21_600, kept_s: 2 * 366 * 86_400 },
];

/// Which lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Of the log.
    Log,
    /// Copies of the audit log; the original is in `config.db`.
    Audit,
}

impl LineKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Audit => "audit",
        }
    }
}

/// Something to remember.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A value of a graph.
    Sample {
        /// What was measured: `service.web.packets_in`.
        series: String,
        /// When: seconds since 1970.
        unix_s: u64,
        /// How much.
        value: f64,
    },
    /// A line.
    Line {
        /// Of what.
        kind: LineKind,
        /// When: seconds since 1970.
        unix_s: u64,
        /// How bad: a word.
        level: String,
        /// Which part of the program, or who.
        origin: String,
        /// What happened.
        text: String,
    },
}

/// What the thread is told.
enum Told {
    Record(Record),
    /// Write what there is, and say so.
    Flush(SyncSender<()>),
}

/// The history. Clones share one database.
#[derive(Clone, Debug)]
pub struct History {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // Some until dropped.
    queue: Option<SyncSender<Told>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
    path: PathBuf,
}

impl History {
    /// The history in the data directory `directory`.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, HISTORY_BYTES_MAX, RECORDS_WAITING_MAX)
    }

    /// The same with other limits. Fails only when no thread can be had: a database that cannot be opened is tried again
    /// later, and what is recorded until then is lost.
    pub fn open_with(directory: &Path, bytes_max: u64, waiting_max: usize) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let lost = Arc::new(AtomicU64::new(0));
        let (queue, told) = sync_channel(waiting_max);
        let writer = Writer::new(path.clone(), bytes_max, Arc::clone(&lost));
        let thread = thread::Builder::new().name("history".to_owned()).spawn(move || writer.run(&told));
        let failed = |source| StoreError::File { act: "start the thread of", path: path.clone(), source };
        let thread = Some(thread.map_err(failed)?);
        Ok(Self { inner: Arc::new(Inner { queue: Some(queue), thread, lost, path }) })
    }

    /// Remembers something, soon. Never waits.
    pub fn record(&self, record: Record) {
        let queue = self.inner.queue.as_ref().expect("there until dropped");
        if queue.try_send(Told::Record(record)).is_err() {
            self.inner.lost.fetch_add(1, Relaxed);
        }
    }

    /// Records that were lost since the start: the queue was full, or the database could not be written.
    pub fn lost(&self) -> u64 {
        self.inner.lost.load(Relaxed)
    }

    /// Waits until everything recorded so far is written, or lost.
    pub fn flush(&self) {
        let queue = self.inner.queue.as_ref().expect("there until dropped");
        let (done, wait): (_, Receiver<()>) = sync_channel(1);
        if queue.send(Told::Flush(done)).is_ok() {
            // An error says that the thread is gone: nothing will be written any more.
            let _ = wait.recv();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the runtime.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
