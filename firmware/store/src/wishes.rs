//! What administrators wish of backends beside the document.

use crate::{Store, StoreError};
use config::{BackendState, Named};
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};

/// A wish about one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptWish {
    /// The service.
    pub service: String,
    /// The backend.
    pub backend: String,
    /// What it is to be.
    pub state: BackendState,
    /// When a drain ends: seconds since 1970.
    pub deadline_s: Option<u64>,
    /// Whether the flows left then are reset; else they are kept.
    pub then_reset: bool,
}

impl Store {
    /// All wishes, by service and backend.
    pub fn wishes(&self) -> Result<Vec<KeptWish>, StoreError> {
        self.read(all)
    }

    /// Keeps these wishes in place of all earlier ones.
    pub fn keep_wishes(&self, wishes: Vec<KeptWish>) -> Result<(), StoreError> {
        self.write(move |transaction| replace(transaction, &wishes))
    }
}

/// [`Store::wishes`], for whoever has a connection.
pub(crate) fn all(connection: &Connection) -> Result<Vec<KeptWish>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT service, backend, state, deadline_s, then_reset FROM wishes ORDER BY service, backend",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(KeptWish {
            service: row.get(0)?,
            backend: row.get(1)?,
            state: crate::revisions::word(row, 2)?,
            deadline_s: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
            then_reset: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn replace(transaction: &Transaction<'_>, wishes: &[KeptWish]) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM wishes", [])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO wishes (service, backend, state, deadline_s, then_reset) VALUES (?, ?, ?, ?, ?)",
    )?;
    for wish in wishes {
        let deadline_s = wish.deadline_s.map(u64::cast_signed);
        statement.execute((&wish.service, &wish.backend, wish.state.name(), deadline_s, wish.then_reset))?;
    }
    Ok(())
}
