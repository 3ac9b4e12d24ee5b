//! Users.

use crate::StoreError;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

/// A user, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptUser {
    /// The name.
    pub name: String,
    /// The role's word.
    pub role: String,
    /// The password's hash, as PHC text.
    pub password: String,
    /// Whether the next log-in has to set a new password.
    pub must_change_password: bool,
    /// Whether the user may not log in.
    pub disabled: bool,
    /// Since when, milliseconds since 1970.
    pub created_ms: i64,
    /// The last log-in, milliseconds since 1970.
    pub last_login_ms: Option<i64>,
    /// The second factor.
    pub factor: Option<KeptFactor>,
}

/// A second factor, as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptFactor {
    /// The secret.
    pub secret: Vec<u8>,
    /// The step that was used last.
    pub last_step: u64,
    /// Hashes of recovery codes, one after the other.
    pub recovery: Vec<u8>,
}

impl std::fmt::Debug for KeptFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeptFactor(…)")
    }
}

const COLUMNS: &str = "name, role, password, must_change_password, disabled, created_ms, last_login_ms, factor_secret, \
                       factor_last_step, factor_recovery";

/// All users, by name.
pub fn all(connection: &Connection) -> Result<Vec<KeptUser>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM users ORDER BY name"))?;
    let rows = statement.query_map([], user)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a user, in place of the one with this name.
pub fn keep(connection: &Connection, user: &KeptUser) -> Result<(), StoreError> {
    // Not REPLACE: that would remove the row, and with it the user's sessions and tokens.
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO users ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password,
             must_change_password = excluded.must_change_password, disabled = excluded.disabled,
             created_ms = excluded.created_ms, last_login_ms = excluded.last_login_ms,
             factor_secret = excluded.factor_secret, factor_last_step = excluded.factor_last_step,
             factor_recovery = excluded.factor_recovery"
    ))?;
    let factor = user.factor.as_ref();
    statement.execute((
        &user.name,
        &user.role,
        &user.password,
        user.must_change_password,
        user.disabled,
        user.created_ms,
        user.last_login_ms,
        factor.map(|factor| &factor.secret),
        factor.map(|factor| factor.last_step.cast_signed()),
        factor.map(|factor| &factor.recovery),
    ))?;
    Ok(())
}

/// Forgets a user, and with it the user's sessions and tokens.
pub fn forget(connection: &Connection, name: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM users WHERE name = ?")?.execute([name])?;
    Ok(())
}

fn user(row: &Row<'_>) -> rusqlite::Result<KeptUser> {
    let (secret, last_step): (Option<Vec<u8>>, Option<i64>) = (row.get(7)?, row.get(8)?);
    let recovery: Option<Vec<u8>> = row.get(9)?;
    let factor = match (secret, last_step, recovery) {
        (Some(secret), Some(last_step), Some(recovery)) => {
            Some(KeptFactor { secret, last_step: last_step.cast_unsigned(), recovery })
        }
        _ => None,
    };
    Ok(KeptUser {
        name: row.get(0)?,
        role: row.get(1)?,
        password: row.get(2)?,
        must_change_password: row.get(3)?,
        disabled: row.get(4)?,
        created_ms: row.get(5)?,
        last_login_ms: row.get(6)?,
        factor,
    })
}
