//! The thread that writes: batches of records, each one transaction.

use super::{LINE_CHARS_MAX, RESOLUTIONS, Record, SERIES_MAX, Told, prune};
use crate::database::{self, Sync};
use crate::{StoreError, migrations};
use rusqlite::{Connection, Transaction};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// Records wait this long for company.
const BATCH_INTERVAL: Duration = Duration::from_secs(2);
/// Records of one transaction.
const BATCH_MAX: usize = 8_192;
/// A database that cannot be opened is tried again after this time.
const OPEN_RETRY: Duration = Duration::from_secs(30);
/// How often what is too old is removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(600);

/// What the thread has.
pub(super) struct Writer {
    path: PathBuf,
    bytes_max: u64,
    lost: Arc<AtomicU64>,
    open: Option<Open>,
    open_after: Option<Instant>,
    // Whether the last batch failed: a lasting failure is told once.
    failing: bool,
}

struct Open {
    connection: Connection,
    series: HashMap<String, i64>,
    prune_after: Instant,
}

impl Writer {
    pub(super) fn new(path: PathBuf, bytes_max: u64, lost: Arc<AtomicU64>) -> Self {
        Self { path, bytes_max, lost, open: None, open_after: None, failing: false }
    }

    /// Writes until nobody records any more.
    pub(super) fn run(mut self, told: &Receiver<Told>) {
        // At once, so that it can be read before anything is recorded.
        self.open_if_due();
        loop {
            let mut batch = Vec::new();
            let (flushed, ended) = gather(told, &mut batch);
            if !batch.is_empty() {
                self.write(&batch);
            }
            if let Some(flushed) = flushed {
                // Whoever asked may be gone.
                let _ = flushed.send(());
            }
            if ended {
                return;
            }
        }
    }

    fn write(&mut self, batch: &[Record]) {
        self.open_if_due();
        let Some(open) = &mut self.open else {
            self.lost.fetch_add(batch.len() as u64, Relaxed);
            return;
        };
        match open.write(batch, self.bytes_max) {
            Ok(refused) => {
                self.lost.fetch_add(refused, Relaxed);
                self.failing = false;
            }
            Err(error) => {
                self.lost.fetch_add(batch.len() as u64, Relaxed);
                self.fail(&error);
            }
        }
    }

    fn open_if_due(&mut self) {
        if self.open.is_some() || self.open_after.is_some_and(|after| Instant::now() < after) {
            return;
        }
        match Open::new(&self.path, self.bytes_max) {
            Ok(open) => self.open = Some(open),
            Err(error) => self.fail(&error),
        }
    }

    // Opened anew after any failure: the first look finds damage, and that is set aside.
    fn fail(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "history is not kept for now");
        }
        self.open = None;
        self.open_after = Some(Instant::now() + OPEN_RETRY);
        if matches!(error, StoreError::Damaged { .. } | StoreError::Foreign(_) | StoreError::Schema { .. })
            && set_aside(&self.path)
        {
            tracing::warn!("{} set aside; history begins anew", self.path.display());
            self.open_after = None;
        }
    }
}

/// Waits for a batch. Whom to tell when it is written, and whether it was the last.
fn gather(told: &Receiver<Told>, batch: &mut Vec<Record>) -> (Option<SyncSender<()>>, bool) {
    let mut deadline = None;
    while batch.len() < BATCH_MAX {
        let next = match deadline {
            None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => told.recv_timeout(Instant::saturating_duration_since(&deadline, Instant::now())),
        };
        match next {
            Ok(Told::Record(record)) => batch.push(record),
            Ok(Told::Flush(done)) => return (Some(done), false),
            Err(RecvTimeoutError::Timeout) => return (None, false),
            Err(RecvTimeoutError::Disconnected) => return (None, true),
        }
        deadline.get_or_insert_with(|| Instant::now() + BATCH_INTERVAL);
    }
    (None, false)
}

fn set_aside(path: &Path) -> bool {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    // Its log belongs to the damaged file: applied to a new one it would damage that too.
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(suffix));
    }
    fs::rename(path, beside(".damaged")).is_ok()
}

impl Open {
    fn new(path: &Path, bytes_max: u64) -> Result<Self, StoreError> {
        let connection = database::open(path, Sync::Normal, migrations::HISTORY)?;
        let read = || {
            // Whatever goes wrong with pruning, the file does not outgrow this.
            let page: u64 =
                connection.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))?.cast_unsigned();
            connection.pragma_update(None, "max_page_count", (bytes_max / page).cast_signed())?;
            known_series(&connection)
        };
        let series = read().map_err(StoreError::database(format!("read {}", path.display())))?;
        Ok(Self { connection, series, prune_after: Instant::now() })
    }

    /// How many records were refused.
    fn write(&mut self, batch: &[Record], bytes_max: u64) -> Result<u64, StoreError> {
        if Instant::now() >= self.prune_after || prune::used(&self.connection)? > prune::threshold(bytes_max) {
            prune::prune(&mut self.connection, newest(batch), bytes_max)?;
            self.prune_after = Instant::now() + PRUNE_INTERVAL;
            self.series = known_series(&self.connection)?;
        }
        let transaction = self.connection.transaction()?;
        let mut refused = 0;
        for record in batch {
            match record {
                Record::Sample { series, unix_s, value } => match series_id(&transaction, &mut self.series, series)? {
                    Some(id) => sample(&transaction, id, *unix_s, *value)?,
                    None => refused += 1,
                },
                Record::Line { kind, unix_s, level, origin, text } => {
                    let text: String = text.chars().take(LINE_CHARS_MAX).collect();
                    transaction
                        .prepare_cached("INSERT INTO lines (kind, unix_s, level, origin, text) VALUES (?, ?, ?, ?, ?)")?
                        .execute((kind.name(), unix_s.cast_signed(), level, origin, text))?;
                }
            }
        }
        transaction.commit()?;
        Ok(refused)
    }
}

fn known_series(connection: &Connection) -> rusqlite::Result<HashMap<String, i64>> {
    let mut statement = connection.prepare_cached("SELECT name, id FROM series")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// What is too old is too old compared to this.
fn newest(batch: &[Record]) -> u64 {
    let times = batch.iter().map(|record| match record {
        Record::Sample { unix_s, .. } | Record::Line { unix_s, .. } => *unix_s,
    });
    times.max().unwrap_or(0)
}

/// `None`: there are too many already.
fn series_id(
    transaction: &Transaction<'_>,
    known: &mut HashMap<String, i64>,
    name: &str,
) -> rusqlite::Result<Option<i64>> {
    if let Some(id) = known.get(name) {
        return Ok(Some(*id));
    }
    if known.len() >= SERIES_MAX {
        return Ok(None);
    }
    transaction.prepare_cached("INSERT INTO series (name) VALUES (?)")?.execute([name])?;
    let id = transaction.last_insert_rowid();
    known.insert(name.to_owned(), id);
    Ok(Some(id))
}

/// Adds a value to its slot at every resolution: a coarse slot needs no fine ones, which are forgotten sooner.
fn sample(transaction: &Transaction<'_>, series: i64, unix_s: u64, value: f64) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO samples (series, step_s, slot, count, sum, low, high) VALUES (?1, ?2, ?3, 1, ?4, ?4, ?4)
         ON CONFLICT DO UPDATE SET count = count + 1, sum = sum + ?4, low = min(low, ?4), high = max(high, ?4)",
    )?;
    for resolution in RESOLUTIONS {
        let slot = (unix_s / resolution.step_s).cast_signed();
        statement.execute((series, resolution.step_s.cast_signed(), slot, value))?;
    }
    Ok(())
}
