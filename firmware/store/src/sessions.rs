//! Sessions: who is logged in. Only hashes of their secrets are here.

use crate::StoreError;
use rusqlite::Connection;

/// A session, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSession {
    /// Its name.
    pub id: String,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// Whose it is.
    pub user: String,
    /// Where it was begun.
    pub source: String,
    /// What the caller said to run.
    pub agent: String,
    /// When it was begun, milliseconds since 1970.
    pub created_ms: i64,
    /// When it was used last, milliseconds since 1970.
    pub last_use_ms: i64,
}

/// All sessions.
pub fn all(connection: &Connection) -> Result<Vec<KeptSession>, StoreError> {
    let query = "SELECT id, hash, user, source, agent, created_ms, last_use_ms FROM sessions ORDER BY id";
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([], |row| {
        Ok(KeptSession {
            id: row.get(0)?,
            hash: row.get(1)?,
            user: row.get(2)?,
            source: row.get(3)?,
            agent: row.get(4)?,
            created_ms: row.get(5)?,
            last_use_ms: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a session, in place of the one with this id.
pub fn keep(connection: &Connection, session: &KeptSession) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO sessions (id, hash, user, source, agent, created_ms, last_use_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let KeptSession { id, hash, user, source, agent, created_ms, last_use_ms } = session;
    statement.execute((id, hash, user, source, agent, created_ms, last_use_ms))?;
    Ok(())
}

/// Forgets the session called `id`.
pub fn forget(connection: &Connection, id: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM sessions WHERE id = ?")?.execute([id])?;
    Ok(())
}
