//! Tokens for programs. Only hashes of their secrets are here.

use crate::StoreError;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// A token, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptToken {
    /// Its id.
    pub id: String,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// What it is for.
    pub name: String,
    /// Whose it is.
    pub user: String,
    /// The role's word.
    pub role: String,
    /// How the secret begins.
    pub prefix: String,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
    /// When it ends, milliseconds since 1970.
    pub expires_ms: i64,
    /// When it was used last, milliseconds since 1970.
    pub last_use_ms: Option<i64>,
}

/// All tokens.
pub fn all(connection: &Connection) -> Result<Vec<KeptToken>, StoreError> {
    let query =
        "SELECT id, hash, name, user, role, prefix, created_ms, expires_ms, last_use_ms FROM tokens ORDER BY id";
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([], |row| {
        Ok(KeptToken {
            id: row.get(0)?,
            hash: row.get(1)?,
            name: row.get(2)?,
            user: row.get(3)?,
            role: row.get(4)?,
            prefix: row.get(5)?,
            created_ms: row.get(6)?,
            expires_ms: row.get(7)?,
            last_use_ms: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a token, in place of the one with this id.
pub fn keep(connection: &Connection, token: &KeptToken) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO tokens (id, hash, name, user, role, prefix, created_ms, expires_ms, last_use_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let KeptToken { id, hash, name, user, role, prefix, created_ms, expires_ms, last_use_ms } = token;
    statement.execute((id, hash, name, user, role, prefix, created_ms, expires_ms, last_use_ms))?;
    Ok(())
}

/// Forgets the token called `id`.
pub fn forget(connection: &Connection, id: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM tokens WHERE id = ?")?.execute([id])?;
    Ok(())
}
