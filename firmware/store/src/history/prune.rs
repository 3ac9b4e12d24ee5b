//! What history forgets: what is too old for its resolution, what are too many lines, and the oldest when the file is
//! nearly full.

use super::{LINES_KEPT_MAX, LineKind, RESOLUTIONS};
use rusqlite::{Connection, OptionalExtension, Transaction};

/// Rounds of taking the oldest quarter away, when the file is nearly full.
const ROUNDS_MAX: usize = 32;

/// Bytes in use above which the oldest goes: room is left for what is written until the next look.
pub(super) const fn threshold(bytes_max: u64) -> u64 {
    bytes_max / 10 * 8
}

/// Bytes in use; pages that were freed are used again before the file grows.
pub(super) fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?).cast_unsigned())
}

/// Forgets.
pub(super) fn prune(connection: &mut Connection, now_s: u64, bytes_max: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for resolution in RESOLUTIONS {
        let oldest = now_s.saturating_sub(resolution.kept_s) / resolution.step_s;
        remove_slots(&transaction, resolution.step_s, oldest)?;
    }
    for kind in [LineKind::Log, LineKind::Audit] {
        let query = "SELECT id FROM lines WHERE kind = ? ORDER BY id DESC LIMIT 1 OFFSET ?";
        let last =
            transaction.query_row(query, (kind.name(), LINES_KEPT_MAX.cast_signed()), |row| row.get::<_, i64>(0));
        if let Some(last) = last.optional()? {
            transaction.execute("DELETE FROM lines WHERE kind = ? AND id <= ?", (kind.name(), last))?;
        }
    }
    transaction.commit()?;
    for _ in 0..ROUNDS_MAX {
        if used(connection)? <= threshold(bytes_max) {
            break;
        }
        let transaction = connection.transaction()?;
        remove_oldest_quarter(&transaction)?;
        transaction.commit()?;
    }
    connection
        .execute("DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM samples WHERE samples.series = series.id)", [])?;
    Ok(())
}

// Series by series, as the key is: one walk over the whole table would read all of the file.
fn remove_slots(transaction: &Transaction<'_>, step_s: u64, before: u64) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached("SELECT id FROM series")?;
    let series: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut remove = transaction.prepare_cached("DELETE FROM samples WHERE series = ? AND step_s = ? AND slot < ?")?;
    for id in series {
        remove.execute((id, step_s.cast_signed(), before.cast_signed()))?;
    }
    Ok(())
}

fn remove_oldest_quarter(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    // Above the oldest in any case, or rounds would pass without any effect.
    let cut = |(low, high): (i64, i64)| low + (high - low) / 4 + 1;
    let ends = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?));
    for resolution in RESOLUTIONS {
        let step_s = resolution.step_s.cast_signed();
        let query = "SELECT min(slot), max(slot) FROM samples WHERE step_s = ?";
        if let Some(found) = transaction.query_row(query, [step_s], ends)? {
            transaction.execute("DELETE FROM samples WHERE step_s = ? AND slot < ?", (step_s, cut(found)))?;
        }
    }
    if let Some(found) = transaction.query_row("SELECT min(id), max(id) FROM lines", [], ends)? {
        transaction.execute("DELETE FROM lines WHERE id < ?", [cut(found)])?;
    }
    Ok(())
}
