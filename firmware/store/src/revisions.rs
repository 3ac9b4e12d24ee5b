//! Revisions of the configuration: who put which document in use, when, and what became of it.
//!
//! Exactly one revision is in use. It may await confirmation: then it names the confirmed revision whose document takes
//! its place when nobody confirms it in time. Numbers only grow; a return and a rollback are new revisions with an
//! earlier document, so history is never rewritten.

use crate::{KeptWish, Store, StoreError, restore, wishes};
use config::{Named, Origin, RevisionState};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use serde::{Deserialize, Serialize};

/// Revisions that are kept; older ones are forgotten.
pub const REVISIONS_KEPT_MAX: u64 = 1_000;
/// Bytes of all documents that are kept; older ones are forgotten.
pub const DOCUMENTS_KEPT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of one document.
pub const REVISION_BYTES_MAX: usize = config::DOCUMENT_BYTES_MAX;
/// The author of what the node does by itself.
pub const AUTHOR: &str = "suimon";

/// A document that is to be put in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The whole document.
    pub document: String,
    /// Who asks for it.
    pub author: String,
    /// Where it came from.
    pub origin: Origin,
    /// Why, in the author's words.
    pub comment: String,
    /// What it changes, in brief.
    pub changes: String,
    /// The revision that it was made from: refused when another is in use.
    pub base: Option<u64>,
    /// The earlier revision whose document it is.
    pub document_of: Option<u64>,
    /// Ask for confirmation within this many seconds.
    pub confirm_within_s: Option<u32>,
    /// The text is a file's: that file is not imported again until it changes.
    pub imported: bool,
}

impl Draft {
    /// Brings back `document` of the revision `to`, because nobody confirmed the revision `from`.
    pub fn returning(from: u64, to: u64, document: String) -> Self {
        Self {
            document,
            author: AUTHOR.to_owned(),
            origin: Origin::Return,
            comment: format!("nobody confirmed revision {from}"),
            document_of: Some(to),
            ..Self::default()
        }
    }
}

/// What an earlier version of this program kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Number and text of the document in use.
    pub document: Option<(u64, String)>,
    /// Text of the file that was imported last.
    pub imported: Option<String>,
    /// Wishes about backends.
    pub wishes: Vec<KeptWish>,
}

/// A revision as kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// What became of it.
    pub state: RevisionState,
    /// When it was put in use: seconds since 1970.
    pub committed_s: u64,
    /// By whom.
    pub author: String,
    /// Where its document came from.
    pub origin: Origin,
    /// Why, in the author's words.
    pub comment: String,
    /// What it changed, in brief.
    pub changes: String,
    /// The earlier revision whose document it is.
    pub document_of: Option<u64>,
    /// The seconds in which it was to be confirmed, when somebody asked for that.
    pub confirm_within_s: Option<u32>,
    /// The revision that it returns to, while it waits for confirmation.
    pub returns_to: Option<u64>,
    /// Size of its document, in bytes.
    pub bytes: u64,
}

/// The revision in use waits for confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// Its number.
    pub number: u64,
    /// The revision whose document takes its place.
    pub returns_to: u64,
    /// Seconds that are left; zero when the time is over.
    pub left_s: u64,
}

impl Revision {
    /// Whether it waits for confirmation, and how long still at `now_s`.
    pub fn awaiting(&self, now_s: u64) -> Option<Awaiting> {
        let (RevisionState::Awaiting, Some(within), Some(returns_to)) =
            (self.state, self.confirm_within_s, self.returns_to)
        else {
            return None;
        };
        // A clock that was set back, or that starts anew without a battery, must not make the time longer than asked.
        let gone = now_s.saturating_sub(self.committed_s);
        Some(Awaiting { number: self.number, returns_to, left_s: u64::from(within).saturating_sub(gone) })
    }
}

const COLUMNS: &str = "number, state, committed_s, author, origin, comment, changes, document_of, confirm_within_s, \
                       returns_to, bytes";
const IN_USE: &str = "state IN ('running', 'awaiting')";

impl Store {
    /// Puts a document in use at `now_s`: one transaction. The revision's number.
    ///
    /// While a revision awaits confirmation, another takes its place only if it asks for confirmation too (both return
    /// to the same), if it brings back the document of the confirmed one, or if it comes from a file.
    pub fn commit(&self, now_s: u64, draft: Draft) -> Result<u64, StoreError> {
        if draft.document.len() > REVISION_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: draft.document.len() });
        }
        self.write(move |transaction| {
            let number = running_of(transaction)?.number + 1;
            let became = succeed(transaction, number, now_s, &draft)?;
            restore::settle(transaction, became, draft.confirm_within_s.is_some())?;
            Ok(number)
        })
    }

    /// Keeps the revision that waits for confirmation. Its number.
    pub fn confirm(&self) -> Result<u64, StoreError> {
        self.write(|transaction| {
            let running = running_of(transaction)?;
            if running.state != RevisionState::Awaiting {
                return Err(StoreError::NothingAwaits);
            }
            transaction
                .execute("UPDATE revisions SET state = 'running', returns_to = NULL WHERE state = 'awaiting'", [])?;
            restore::settle(transaction, RevisionState::Running, false)?;
            Ok(running.number)
        })
    }

    /// The revision in use.
    pub fn running(&self) -> Result<Revision, StoreError> {
        self.read(running_of)
    }

    /// One revision and its document.
    pub fn revision(&self, number: u64) -> Result<(Revision, String), StoreError> {
        self.read(move |connection| revision_of(connection, number))
    }

    /// The newest revisions, newest first: `limit` at most, those before the number `before` only.
    pub fn revisions(&self, limit: u32, before: Option<u64>) -> Result<Vec<Revision>, StoreError> {
        self.read(move |connection| revisions_of(connection, limit, before))
    }

    /// The text of the file that was imported last.
    pub fn imported(&self) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let text = connection.query_row("SELECT text FROM imported", [], |row| row.get(0));
            Ok(text.optional()?)
        })
    }

    /// Keeps the text of a file that was imported and changed nothing.
    pub fn keep_imported(&self, text: String) -> Result<(), StoreError> {
        self.write(move |transaction| keep_imported(transaction, &text))
    }

    /// Whether no document was ever put in use.
    pub fn is_new(&self) -> Result<bool, StoreError> {
        Ok(self.running()?.number == 0)
    }

    /// Takes over what an earlier version of this program kept in files. Only while the store is new.
    pub fn take_over(&self, now_s: u64, earlier: TakenOver) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let running = running_of(transaction)?;
            if running.number != 0 {
                return Err(StoreError::Conflict { expected: 0, running: running.number });
            }
            if let Some((number, document)) = earlier.document {
                transaction.execute("UPDATE revisions SET state = 'replaced'", [])?;
                let draft =
                    Draft { document, author: AUTHOR.to_owned(), origin: Origin::TakenOver, ..Draft::default() };
                insert(transaction, number.max(1), now_s, &draft, None)?;
            }
            wishes::replace(transaction, &earlier.wishes)?;
            earlier.imported.map_or(Ok(()), |text| keep_imported(transaction, &text))
        })
    }
}

/// Puts `draft` in use as revision `number` in place of the one that is. What becomes of that one.
pub(crate) fn succeed(
    transaction: &Transaction<'_>,
    number: u64,
    now_s: u64,
    draft: &Draft,
) -> Result<RevisionState, StoreError> {
    let running = running_of(transaction)?;
    let (former_state, returns_to) = succession(&running, draft)?;
    transaction
        .prepare_cached("UPDATE revisions SET state = ?, returns_to = NULL WHERE number = ?")?
        .execute((former_state.name(), running.number.cast_signed()))?;
    insert(transaction, number, now_s, draft, returns_to)?;
    if draft.imported {
        keep_imported(transaction, &draft.document)?;
    }
    prune(transaction)?;
    Ok(former_state)
}

/// What becomes of the revision in use when `draft` takes its place, and what the new one returns to.
fn succession(running: &Revision, draft: &Draft) -> Result<(RevisionState, Option<u64>), StoreError> {
    if let Some(expected) = draft.base.filter(|base| *base != running.number) {
        return Err(StoreError::Conflict { expected, running: running.number });
    }
    let asks = draft.confirm_within_s.is_some();
    match (running.state, running.returns_to) {
        (RevisionState::Awaiting, Some(confirmed)) => match draft.origin {
            Origin::Return => Ok((RevisionState::Returned, None)),
            Origin::File => Ok((RevisionState::Replaced, None)),
            _ if asks => Ok((RevisionState::Replaced, Some(confirmed))),
            _ if draft.document_of == Some(confirmed) => Ok((RevisionState::Returned, None)),
            _ => Err(StoreError::Unconfirmed(running.number, confirmed)),
        },
        _ => Ok((RevisionState::Replaced, asks.then_some(running.number))),
    }
}

/// [`Store::revision`], for whoever has a connection.
pub fn revision_of(connection: &Connection, number: u64) -> Result<(Revision, String), StoreError> {
    let query = format!("SELECT {COLUMNS}, document FROM revisions WHERE number = ?");
    let mut statement = connection.prepare_cached(&query)?;
    let found = statement.query_row([number.cast_signed()], |row| Ok((revision(row)?, row.get(11)?)));
    found.optional()?.ok_or(StoreError::NoRevision(number))
}

/// [`Store::revisions`], for whoever has a connection.
pub fn revisions_of(connection: &Connection, limit: u32, before: Option<u64>) -> Result<Vec<Revision>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM revisions WHERE number < ? ORDER BY number DESC LIMIT ?");
    let mut statement = connection.prepare_cached(&query)?;
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let rows = statement.query_map((before, limit), revision)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// [`Store::running`], for whoever has a connection.
pub fn running_of(connection: &Connection) -> Result<Revision, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM revisions WHERE {IN_USE}");
    let mut statement = connection.prepare_cached(&query)?;
    statement.query_row([], revision).map_err(StoreError::database("find the revision in use"))
}

fn insert(
    transaction: &Transaction<'_>,
    number: u64,
    now_s: u64,
    draft: &Draft,
    returns_to: Option<u64>,
) -> Result<(), StoreError> {
    let state = if draft.confirm_within_s.is_some() { RevisionState::Awaiting } else { RevisionState::Running };
    let query = format!("INSERT INTO revisions ({COLUMNS}, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    transaction.prepare_cached(&query)?.execute((
        number.cast_signed(),
        state.name(),
        now_s.cast_signed(),
        &draft.author,
        draft.origin.name(),
        &draft.comment,
        &draft.changes,
        draft.document_of.map(u64::cast_signed),
        draft.confirm_within_s,
        returns_to.map(u64::cast_signed),
        i64::try_from(draft.document.len()).unwrap_or(i64::MAX),
        &draft.document,
    ))?;
    Ok(())
}

fn keep_imported(transaction: &Transaction<'_>, text: &str) -> Result<(), StoreError> {
    transaction.execute("INSERT OR REPLACE INTO imported (one, text) VALUES (1, ?)", [text])?;
    Ok(())
}

// What is in use stays whatever its age, and so does what it may return to.
fn prune(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let query = format!(
        "DELETE FROM revisions WHERE number IN (
            SELECT number FROM (
                SELECT number, row_number() OVER later AS place, sum(bytes) OVER later AS bytes_kept FROM revisions
                WINDOW later AS (ORDER BY number DESC)
            ) WHERE place > ?1 OR bytes_kept > ?2
        )
        AND NOT {IN_USE}
        AND number NOT IN (SELECT returns_to FROM revisions WHERE returns_to IS NOT NULL)"
    );
    let limits = (REVISIONS_KEPT_MAX.cast_signed(), DOCUMENTS_KEPT_BYTES_MAX.cast_signed());
    transaction.prepare_cached(&query)?.execute(limits)?;
    Ok(())
}

fn revision(row: &Row<'_>) -> rusqlite::Result<Revision> {
    let number = |index| row.get::<_, Option<i64>>(index).map(|value| value.map(i64::cast_unsigned));
    Ok(Revision {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        state: word(row, 1)?,
        committed_s: row.get::<_, i64>(2)?.cast_unsigned(),
        author: row.get(3)?,
        origin: word(row, 4)?,
        comment: row.get(5)?,
        changes: row.get(6)?,
        document_of: number(7)?,
        confirm_within_s: row.get(8)?,
        returns_to: number(9)?,
        bytes: row.get::<_, i64>(10)?.cast_unsigned(),
    })
}

/// A column that holds a word.
pub(crate) fn word<T: Named>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let name: String = row.get(index)?;
    let unknown =
        || rusqlite::Error::FromSqlConversionFailure(index, Type::Text, format!("unknown word {name}").into());
    T::from_name(&name).ok_or_else(unknown)
}

#[cfg(test)]
mod tests;
