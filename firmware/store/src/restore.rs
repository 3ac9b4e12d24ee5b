//! A backup takes the place of what is kept: the document, those who may call, wishes and files, in one transaction.

use crate::files::{self, KeptFile};
use crate::revisions::{Draft, Revision, running_of, succeed};
use crate::tokens::KeptToken;
use crate::users::KeptUser;
use crate::{KeptWish, Store, StoreError, tokens, users, wishes};
use config::{Named, RevisionState};
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Who may call, and what they wished of backends. Sessions are none of it: they end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// All users, with hashes of their passwords.
    pub users: Vec<KeptUser>,
    /// All tokens, with hashes of their secrets.
    pub tokens: Vec<KeptToken>,
    /// All wishes about backends.
    pub wishes: Vec<KeptWish>,
}

/// What takes the place of what is kept.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// The document that is put in use.
    pub draft: Draft,
    /// Earlier revisions with their documents, oldest first: they become part of this node's history.
    pub history: Vec<(Revision, String)>,
    /// Who may call, and what is wished of backends.
    pub people: People,
    /// Files to be written.
    pub files: Vec<KeptFile>,
    /// What they take the place of.
    pub former_files: Vec<KeptFile>,
}

impl Store {
    /// Puts a backup in use at `now_s`, and does `also` in the same transaction. The number of the revision in use then.
    ///
    /// History is not rewritten: revisions of the backup that are not here yet get numbers of this node.
    pub fn restore(
        &self,
        now_s: u64,
        restored: Restored,
        also: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<u64, StoreError> {
        self.write(move |transaction| {
            let number = bring_history(transaction, running_of(transaction)?.number, &restored.history)? + 1;
            let waits = restored.draft.confirm_within_s.is_some();
            let became = succeed(transaction, number, now_s, &restored.draft)?;
            settle(transaction, became, waits)?;
            if waits {
                keep_former(transaction, &restored.former_files)?;
            }
            replace_people(transaction, &restored.people)?;
            restored.files.iter().try_for_each(|file| files::want(transaction, file))?;
            also(transaction)?;
            Ok(number)
        })
    }

    /// Whether a restored revision waits for confirmation: users, wishes and files come back with the one before.
    pub fn restore_waits(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM former_people)", [], |row| row.get(0))?)
        })
    }
}

/// What a backup took the place of comes back with the revision before it, waits as long as that may return, or is
/// forgotten. `became` is what became of the revision before, `waits` whether the new one may still go.
pub(crate) fn settle(transaction: &Transaction<'_>, became: RevisionState, waits: bool) -> Result<(), StoreError> {
    let returns = became == RevisionState::Returned;
    if waits && !returns {
        return Ok(());
    }
    if returns && let Some(people) = former_people(transaction)? {
        replace_people(transaction, &people)?;
    }
    transaction.execute("DELETE FROM former_people", [])?;
    files::settle(transaction, returns)
}

/// Everybody, as of now.
pub fn people(connection: &Connection) -> Result<People, StoreError> {
    Ok(People { users: users::all(connection)?, tokens: tokens::all(connection)?, wishes: wishes::all(connection)? })
}

/// Of two backups that nobody confirmed, the first took the place of what returns.
fn keep_former(transaction: &Transaction<'_>, former_files: &[KeptFile]) -> Result<(), StoreError> {
    if former_people(transaction)?.is_some() {
        return Ok(());
    }
    let people = serde_json::to_string(&people(transaction)?).expect("a structure of text and numbers");
    transaction.execute("INSERT INTO former_people (content) VALUES (?)", [people])?;
    former_files.iter().try_for_each(|file| files::keep_former(transaction, file))
}

fn former_people(transaction: &Transaction<'_>) -> Result<Option<People>, StoreError> {
    let content = transaction.query_row("SELECT content FROM former_people", [], |row| row.get(0)).optional()?;
    let people = content.map(|content: String| serde_json::from_str(&content)).transpose();
    people
        .map_err(|error| StoreError::Senseless { what: "who might call before the restore", reason: error.to_string() })
}

// Sessions and tokens go with their users.
fn replace_people(transaction: &Transaction<'_>, people: &People) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM users", [])?;
    people.users.iter().try_for_each(|user| users::keep(transaction, user))?;
    people.tokens.iter().try_for_each(|token| tokens::keep(transaction, token))?;
    wishes::replace(transaction, &people.wishes)
}

/// Adds revisions that are not here, after the number `last`. The last number then.
fn bring_history(
    transaction: &Transaction<'_>,
    mut last: u64,
    history: &[(Revision, String)],
) -> Result<u64, StoreError> {
    let mut numbers: HashMap<u64, u64> = HashMap::new();
    for (revision, document) in history {
        let known: bool = transaction
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM revisions WHERE committed_s = ? AND author = ? AND document = ?)",
            )?
            .query_row((revision.committed_s.cast_signed(), &revision.author, document), |row| row.get(0))?;
        if known {
            continue;
        }
        last += 1;
        numbers.insert(revision.number, last);
        let of = revision.document_of.and_then(|of| numbers.get(&of)).map(|of| of.cast_signed());
        transaction
            .prepare_cached(
                "INSERT INTO revisions (number, state, committed_s, author, origin, comment, changes, document_of,
                     confirm_within_s, returns_to, bytes, document)
                 VALUES (?, 'replaced', ?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?)",
            )?
            .execute((
                last.cast_signed(),
                revision.committed_s.cast_signed(),
                &revision.author,
                revision.origin.name(),
                &revision.comment,
                &revision.changes,
                of,
                i64::try_from(document.len()).unwrap_or(i64::MAX),
                document,
            ))?;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::{Origin, RevisionState};

    fn draft(text: &str, confirm_within_s: Option<u32>) -> Draft {
        Draft { document: text.to_owned(), confirm_within_s, origin: Origin::Restore, ..Draft::default() }
    }

    fn user(name: &str) -> KeptUser {
        KeptUser {
            name: name.to_owned(),
            role: "viewer".to_owned(),
            password: "hash".to_owned(),
            must_change_password: false,
            disabled: false,
            created_ms: 0,
            last_login_ms: None,
            factor: None,
        }
    }

    fn file(content: &str) -> KeptFile {
        KeptFile { name: "node".to_owned(), content: Some(content.as_bytes().to_vec()) }
    }

    fn restored(confirm_within_s: Option<u32>) -> Restored {
        let past = |number, document_of| Revision { number, document_of, committed_s: number, ..Revision::default() };
        Restored {
            draft: draft("new", confirm_within_s),
            history: vec![(past(7, None), "seven".into()), (past(9, Some(7)), "nine".into())],
            people: People { users: vec![user("other")], ..People::default() },
            files: vec![file("b")],
            former_files: vec![file("a")],
        }
    }

    #[test]
    fn all_of_it_or_nothing() {
        let store = Store::in_memory().unwrap();
        store.commit(1, draft("old", None)).unwrap();
        store.write(|transaction| users::keep(transaction, &user("own"))).unwrap();
        let names = || store.read(users::all).unwrap();
        let failed = store.restore(5, restored(None), |_| Err(StoreError::Broken));
        assert!(failed.is_err());
        assert_eq!((store.running().unwrap().number, names()[0].name.as_str()), (1, "own"));
        assert!(store.wanted_files().unwrap().is_empty());

        assert_eq!(store.restore(5, restored(None), |_| Ok(())).unwrap(), 4);
        assert_eq!(names().iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["other"]);
        let (of, text) = store.revision(3).unwrap();
        assert_eq!((of.state, of.document_of, text.as_str()), (RevisionState::Replaced, Some(2), "nine"));
        assert_eq!(store.wanted_files().unwrap(), [file("b")]);
        store.files_are_written().unwrap();
        assert_eq!(
            store.restore(6, restored(None), |_| Ok(())).unwrap(),
            5,
            "history that is known is not added again"
        );
    }

    /// Confirmed, returned by itself, rolled back by hand, and after a second restore on top: what is in force then.
    #[test]
    fn what_nobody_confirms_returns_with_its_people_and_files() {
        for (how, returns) in [("nobody", true), ("confirm", false), ("roll back", true), ("twice", true)] {
            let store = Store::in_memory().unwrap();
            store.write(|transaction| users::keep(transaction, &user("own"))).unwrap();
            let number = store.restore(5, restored(Some(60)), |_| Ok(())).unwrap();
            store.files_are_written().unwrap();
            match how {
                "confirm" => drop(store.confirm().unwrap()),
                "twice" => drop(store.restore(6, restored(Some(60)), |_| Ok(())).unwrap()),
                _ => {}
            }
            store.files_are_written().unwrap();
            let returning = match how {
                "roll back" => Draft { document_of: Some(0), ..draft("version = 1\n", None) },
                _ => Draft::returning(number, 0, "version = 1\n".into()),
            };
            store.commit(9, returning).unwrap();
            let (name, wanted) = if returns { ("own", vec![file("a")]) } else { ("other", vec![]) };
            let users = store.read(users::all).unwrap();
            assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), [name], "{how}");
            assert_eq!(store.wanted_files().unwrap(), wanted, "{how}");
        }
    }

    #[test]
    fn another_change_that_waits_too_leaves_what_returns() {
        let store = Store::in_memory().unwrap();
        store.write(|transaction| users::keep(transaction, &user("own"))).unwrap();
        let number = store.restore(5, restored(Some(60)), |_| Ok(())).unwrap();
        store.commit(6, draft("newer", Some(60))).unwrap();
        store.commit(9, Draft::returning(number, 0, "version = 1\n".into())).unwrap();
        let users = store.read(users::all).unwrap();
        assert_eq!(users[0].name, "own");
    }
}
