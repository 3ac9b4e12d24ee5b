//! Files of the data directory that must change together with the configuration: what is wanted stands in the database
//! until it is written. Who is stopped in between writes it at the next start, so there is never one without the other.

use crate::{Store, StoreError};
use rusqlite::Connection;

/// A file, as it is to be. Without content it is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name in the data directory.
    pub name: String,
    /// What is in it.
    pub content: Option<Vec<u8>>,
}

impl Store {
    /// Files that are to be written.
    pub fn wanted_files(&self) -> Result<Vec<KeptFile>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT name, content FROM files WHERE state = 'wanted' ORDER BY name")?;
            let rows = statement.query_map([], |row| Ok(KeptFile { name: row.get(0)?, content: row.get(1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// That all files which were wanted are written.
    pub fn files_are_written(&self) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM files WHERE state = 'wanted'", [])?;
            Ok(())
        })
    }
}

/// Wants a file.
pub fn want(connection: &Connection, file: &KeptFile) -> Result<(), StoreError> {
    keep(connection, "wanted", file)
}

/// Keeps what a wanted file takes the place of, for as long as the revision that came with it waits for confirmation.
pub fn keep_former(connection: &Connection, file: &KeptFile) -> Result<(), StoreError> {
    keep(connection, "former", file)
}

fn keep(connection: &Connection, state: &str, file: &KeptFile) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO files (name, state, content) VALUES (?, ?, ?)")?;
    statement.execute((&file.name, state, &file.content))?;
    Ok(())
}

/// Forgets the former files; if `they_return`, they are wanted again.
pub(crate) fn settle(connection: &Connection, they_return: bool) -> Result<(), StoreError> {
    if they_return {
        connection.execute(
            "INSERT OR REPLACE INTO files (name, state, content)
             SELECT name, 'wanted', content FROM files WHERE state = 'former'",
            [],
        )?;
    }
    connection.execute("DELETE FROM files WHERE state = 'former'", [])?;
    Ok(())
}
