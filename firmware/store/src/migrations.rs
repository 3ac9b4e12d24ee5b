//! The steps of the schema, oldest first. A step that was released is never edited: a new one follows it.

use rusqlite_migration::M;

/// The steps of `config.db`: a new one is a file in `migrations/config/` and a line here.
pub(crate) const CONFIG: &[M<'static>] = &[
    M::up(include_str!("../migrations/config/01-revisions.sql")),
    M::up(include_str!("../migrations/config/02-people.sql")),
    M::up(include_str!("../migrations/config/03-files.sql")),
];

/// The steps of `history.db`, in `migrations/history/`.
pub(crate) const HISTORY: &[M<'static>] = &[M::up(include_str!("../migrations/history/01-history.sql"))];
