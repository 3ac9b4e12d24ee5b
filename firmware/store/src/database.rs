//! Opening a database file: its mode, its settings, whether it is whole, its schema.

use crate::StoreError;
use rusqlite::{Connection, MAIN_DB, OpenFlags};
use rusqlite_migration::{M, Migrations, SchemaVersion};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Marks a file as a database of this program: "Suim".
pub(crate) const APPLICATION_ID: i32 = 0x5375_696d;
/// A lock held by somebody else (a person with the sqlite3 tool) is waited for this long.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// The write-ahead log is cut back to this size when it was longer once, in bytes.
const LOG_KEPT_BYTES: i64 = 4 << 20;

/// How sure a commit is to be there after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// On the disk before it is acknowledged.
    Full,
    /// The latest may be lost; what is there is whole.
    Normal,
}

/// Opens or makes the database at `path`, brought to the schema of `steps`.
pub(crate) fn open(path: &Path, sync: Sync, steps: &[M<'_>]) -> Result<Connection, StoreError> {
    make_private(path)?;
    let mut connection = Connection::open(path).map_err(StoreError::database(format!("open {}", path.display())))?;
    check(&connection, path)?;
    set_up(&connection, sync).map_err(StoreError::database(format!("set up {}", path.display())))?;
    migrate(&mut connection, path, steps)?;
    Ok(connection)
}

/// A second connection that reads only, beside the writing one.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let open = || {
        // Without leave to make it: a file that this made would be readable for all.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_LIMIT)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(StoreError::database(format!("open {} for reading", path.display())))
}

/// A database that lives in memory alone.
pub(crate) fn open_in_memory(steps: &[M<'_>]) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory().map_err(StoreError::database("open a database in memory"))?;
    set_up(&connection, Sync::Full).map_err(StoreError::database("set up a database in memory"))?;
    Migrations::from_slice(steps)
        .to_latest(&mut connection)
        .map_err(|source| StoreError::Schema { path: PathBuf::from(":memory:"), source })?;
    Ok(connection)
}

// SQLite gives its log and shared memory the mode of the database, and would make the database readable for all.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let make = || {
        match File::options().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => file.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(error),
        }
        sync_directory(path)
    };
    make().map_err(|source| StoreError::File { act: "make", path: path.to_owned(), source })
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let damaged = |damage: String| StoreError::Damaged { path: path.to_owned(), damage };
    let read = || -> rusqlite::Result<(i32, i64, String)> {
        Ok((
            connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
            connection.pragma_query_value(None, "quick_check", |row| row.get(0))?,
        ))
    };
    let (application, things, verdict) = read().map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => damaged(error.to_string()),
        _ => StoreError::Database { act: format!("check {}", path.display()), source: error },
    })?;
    if application != APPLICATION_ID && things > 0 {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if verdict == "ok" { Ok(()) } else { Err(damaged(verdict)) }
}

fn set_up(connection: &Connection, sync: Sync) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", if sync == Sync::Full { "full" } else { "normal" })?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT_BYTES)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path, steps: &[M<'_>]) -> Result<(), StoreError> {
    let failed = |source| StoreError::Schema { path: path.to_owned(), source };
    let migrations = Migrations::from_slice(steps);
    let before = migrations.current_version(connection).map_err(failed)?;
    let pending = migrations.pending_migrations(connection).map_err(failed)?;
    if let (SchemaVersion::Inside(version), 1..) = (before, pending) {
        copy(connection, path, version.get())?;
        tracing::info!(database = %path.display(), from = version.get(), steps = pending, "schema brought up to date");
    }
    migrations.to_latest(connection).map_err(failed)
}

/// Where the copy is that was made before a schema of `version` steps was changed.
pub(crate) fn copy_path(path: &Path, version: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".schema-{version}"));
    PathBuf::from(name)
}

// On the disk under its own name before the first step: a copy that is half there is never taken for one.
fn copy(connection: &Connection, path: &Path, version: usize) -> Result<(), StoreError> {
    let target = copy_path(path, version);
    let beside = target.with_extension("new");
    let failed = |source| StoreError::File { act: "copy the database to", path: target.clone(), source };
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    make_private(&beside)?;
    connection
        .backup(MAIN_DB, &beside, None)
        .map_err(StoreError::database(format!("copy the database to {}", target.display())))?;
    let settle = || {
        File::open(&beside)?.sync_all()?;
        fs::rename(&beside, &target)?;
        sync_directory(path)
    };
    settle().map_err(failed)?;
    // One copy is enough to go back by one version of the program.
    for older in 0..version {
        let _ = fs::remove_file(copy_path(path, older));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
