//! `config.db`: one thread owns the writing connection, so writers wait in one line and commit one by one.

use crate::database::{self, Sync};
use crate::{StoreError, migrations};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Writes that wait for the thread at most; whoever comes then waits until one is done.
pub const WRITES_WAITING_MAX: usize = 256;
/// Name of the file in the data directory.
const FILE: &str = "config.db";

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// What must be there after a power cut. Clones share one database; the last one to go closes it.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // Some until dropped.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Sees what is committed, and never waits for a disk that is busy with a commit. None: in memory.
    reader: Option<Mutex<Connection>>,
}

impl Store {
    /// Opens or makes the database in the data directory `directory`.
    ///
    /// Fails when it is damaged, of another program or of a later version: nothing is repaired in silence.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let writer = database::open(&path, Sync::Full, migrations::CONFIG)?;
        Self::start(writer, Some(database::open_reader(&path)?))
    }

    /// A store that is forgotten when it is dropped.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::start(database::open_in_memory(migrations::CONFIG)?, None)
    }

    fn start(writer: Connection, reader: Option<Connection>) -> Result<Self, StoreError> {
        let (jobs, inbox) = sync_channel(WRITES_WAITING_MAX);
        let thread = thread::Builder::new().name("store".to_owned()).spawn(move || work(writer, &inbox));
        let thread =
            thread.map_err(|source| StoreError::File { act: "start the thread of", path: FILE.into(), source })?;
        let inner = Inner { jobs: Some(jobs), thread: Some(thread), reader: reader.map(Mutex::new) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `act` in one transaction and waits for it. `Ok` means that it is on the disk; on `Err` nothing of it is
    /// kept.
    ///
    /// Waits for the disk: async code calls it from a thread where waiting is allowed. `act` has the transaction and does
    /// not call the store, which would wait for itself.
    pub fn write<T, E, F>(&self, act: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.ask(move |connection| {
            let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let transaction = begun.map_err(StoreError::database("begin a transaction"))?;
            let value = act(&transaction)?;
            transaction.commit().map_err(StoreError::database("commit"))?;
            Ok(value)
        })
    }

    /// Runs `look`, which sees all that is committed and can change nothing.
    pub fn read<T, E, F>(&self, look: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        match &self.inner.reader {
            // A reader that panicked left no transaction behind: there is nothing to mistrust.
            Some(reader) => look(&reader.lock().unwrap_or_else(PoisonError::into_inner)),
            None => self.ask(|connection| look(connection)),
        }
    }

    fn ask<T, E, F>(&self, act: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = sync_channel(1);
        let job: Job = Box::new(move |connection| {
            // Whoever asked may be gone.
            let _ = answer.send(act(connection));
        });
        let jobs = self.inner.jobs.as_ref().expect("there until dropped");
        jobs.send(job).map_err(|_| StoreError::Broken)?;
        answered.recv().unwrap_or_else(|_| Err(StoreError::Broken.into()))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reader = None;
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was told to whoever asked.
            let _ = thread.join();
        }
    }
}

fn work(mut connection: Connection, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        // A transaction is rolled back when it is dropped, so the next job finds the connection in order.
        if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
            tracing::error!("a job of the store panicked; nothing of it was kept");
        }
    }
}

#[cfg(test)]
mod tests;
