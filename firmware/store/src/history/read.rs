//! Looking back.

use super::{History, LineKind, RESOLUTIONS, Resolution};
use crate::{StoreError, database};

/// A point of a graph: what was measured in one slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Begin of the slot: seconds since 1970.
    pub unix_s: u64,
    /// The mean of its values.
    pub mean: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// Which lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineQuery {
    /// Of this kind.
    pub kind: LineKind,
    /// Those after this one, oldest first; `None`: the newest.
    pub after: Option<u64>,
    /// At most this many.
    pub limit: u32,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number: later lines have higher ones.
    pub id: u64,
    /// When: seconds since 1970.
    pub unix_s: u64,
    /// How bad: a word.
    pub level: String,
    /// Which part of the program, or who.
    pub origin: String,
    /// What happened.
    pub text: String,
}

/// The finest resolution that still reaches back to `from_s` and gives no more than `points_max` points; the coarsest
/// when none does.
pub fn resolution(from_s: u64, to_s: u64, now_s: u64, points_max: u64) -> Resolution {
    let fits = |resolution: &&Resolution| {
        now_s.saturating_sub(from_s) <= resolution.kept_s
            && to_s.saturating_sub(from_s) / resolution.step_s <= points_max
    };
    *RESOLUTIONS.iter().find(fits).unwrap_or(&RESOLUTIONS[RESOLUTIONS.len() - 1])
}

// A connection for each question: the file may have been set aside since the last one.
impl History {
    /// A series between two times, oldest first, at a resolution that [`resolution`] gives.
    pub fn samples(
        &self,
        series: &str,
        from_s: u64,
        to_s: u64,
        resolution: Resolution,
    ) -> Result<Vec<Point>, StoreError> {
        let connection = database::open_reader(&self.inner.path)?;
        let step_s = resolution.step_s;
        let mut statement = connection.prepare(
            "SELECT slot, sum / count, low, high FROM samples
             WHERE series = (SELECT id FROM series WHERE name = ?) AND step_s = ? AND slot BETWEEN ? AND ?
             ORDER BY slot",
        )?;
        let slots = ((from_s / step_s).cast_signed(), (to_s / step_s).cast_signed());
        let rows = statement.query_map((series, step_s.cast_signed(), slots.0, slots.1), |row| {
            let unix_s = row.get::<_, i64>(0)?.cast_unsigned() * step_s;
            Ok(Point { unix_s, mean: row.get(1)?, low: row.get(2)?, high: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lines, oldest first.
    pub fn lines(&self, query: LineQuery) -> Result<Vec<Line>, StoreError> {
        let connection = database::open_reader(&self.inner.path)?;
        let order = if query.after.is_some() { "ASC" } else { "DESC" };
        let mut statement = connection.prepare(&format!(
            "SELECT id, unix_s, level, origin, text FROM lines WHERE kind = ? AND id > ? ORDER BY id {order} LIMIT ?"
        ))?;
        let after = query.after.map_or(0, |after| i64::try_from(after).unwrap_or(i64::MAX));
        let rows = statement.query_map((query.kind.name(), after, query.limit), |row| {
            Ok(Line {
                id: row.get::<_, i64>(0)?.cast_unsigned(),
                unix_s: row.get::<_, i64>(1)?.cast_unsigned(),
                level: row.get(2)?,
                origin: row.get(3)?,
                text: row.get(4)?,
            })
        })?;
        let mut lines: Vec<Line> = rows.collect::<Result<_, _>>()?;
        if query.after.is_none() {
            lines.reverse();
        }
        Ok(lines)
    }
}
