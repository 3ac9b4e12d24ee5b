//! The audit log: appended to, read, and shortened at its beginning; nothing else is possible.

use crate::StoreError;
use rusqlite::{Connection, OptionalExtension, Row};

/// An act, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAct {
    /// Counted without a hole.
    pub number: u64,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub user: String,
    /// The role's word.
    pub role: Option<String>,
    /// From where.
    pub source: String,
    /// What.
    pub act: String,
    /// The outcome's word.
    pub outcome: String,
    /// What was changed.
    pub detail: String,
    /// Of this record and the one before.
    pub hash: String,
}

/// A place in the log: a record's number and hash.
pub type Place = (u64, String);

/// The place before the first record that is kept, and that of the last one; `None`: nothing was ever written.
pub fn ends(connection: &Connection) -> Result<Option<(Place, Place)>, StoreError> {
    let query = "SELECT before_number, before_hash, last_number, last_hash FROM audit_ends";
    let place =
        |row: &Row<'_>, at: usize| Ok::<_, rusqlite::Error>((row.get::<_, i64>(at)?.cast_unsigned(), row.get(at + 1)?));
    let ends = connection.prepare_cached(query)?.query_row([], |row| Ok((place(row, 0)?, place(row, 2)?)));
    Ok(ends.optional()?)
}

/// Adds a record. `first_hash` is what the first record of all follows.
pub fn append(connection: &Connection, act: &KeptAct, first_hash: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO audit (number, at_ms, user, role, source, act, outcome, detail, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let KeptAct { number, at_ms, user, role, source, act, outcome, detail, hash } = act;
    statement.execute((number.cast_signed(), at_ms, user, role, source, act, outcome, detail, hash))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO audit_ends (one, before_number, before_hash, last_number, last_hash) VALUES (1, 0, ?, ?, ?)
         ON CONFLICT (one) DO UPDATE SET last_number = excluded.last_number, last_hash = excluded.last_hash",
    )?;
    statement.execute((first_hash, number.cast_signed(), hash))?;
    Ok(())
}

/// Removes records up to the one called `number`, itself included. How many went.
pub fn shorten(connection: &Connection, number: u64) -> Result<u64, StoreError> {
    let number = number.cast_signed();
    let hash: Option<String> = connection
        .prepare_cached("SELECT hash FROM audit WHERE number = ?")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    let Some(hash) = hash else { return Ok(0) };
    connection.prepare_cached("UPDATE audit_ends SET before_number = ?, before_hash = ?")?.execute((number, hash))?;
    let gone = connection.prepare_cached("DELETE FROM audit WHERE number <= ?")?.execute([number])?;
    Ok(gone as u64)
}

/// The newest records before the one called `before`, the newest first; of `user` only, when that is given.
pub fn newest(
    connection: &Connection,
    before: Option<u64>,
    user: Option<&str>,
    limit: u32,
) -> Result<Vec<KeptAct>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM audit WHERE number < ?1 AND (?2 IS NULL OR user = ?2) ORDER BY number DESC LIMIT ?3"
    ))?;
    let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
    let rows = statement.query_map((before, user, limit), act)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The oldest records after the one called `after`, the oldest first.
pub fn oldest(connection: &Connection, after: u64, limit: u32) -> Result<Vec<KeptAct>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"))?;
    let rows = statement.query_map((after.cast_signed(), limit), act)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const COLUMNS: &str = "number, at_ms, user, role, source, act, outcome, detail, hash";

fn act(row: &Row<'_>) -> rusqlite::Result<KeptAct> {
    Ok(KeptAct {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        at_ms: row.get(1)?,
        user: row.get(2)?,
        role: row.get(3)?,
        source: row.get(4)?,
        act: row.get(5)?,
        outcome: row.get(6)?,
        detail: row.get(7)?,
        hash: row.get(8)?,
    })
}
