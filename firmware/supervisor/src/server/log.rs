//! What the program logged.

use super::Core;
use super::routes::{Answer, Words};
use api::{LOG_LINES_DEFAULT, LOG_LINES_MAX, Log, LogLine, LogQuery};
use axum::Json;
use axum::extract::State;
use store::history::{LineKind, LineQuery};

/// Lines of the log.
pub(super) async fn lines(State(core): State<Core>, Words(query): Words<LogQuery>) -> Answer<Log> {
    let limit = query.limit.unwrap_or(LOG_LINES_DEFAULT).min(LOG_LINES_MAX);
    let asked = LineQuery { kind: LineKind::Log, after: query.after, limit };
    let found = core.look_up(move |_, history| Ok((history.lines(asked)?, history.lost())));
    let (kept, lost) = found.await?;
    let lines = kept.into_iter().map(|line| LogLine {
        id: line.id,
        unix_s: line.unix_s,
        level: line.level,
        origin: line.origin,
        text: line.text,
    });
    Ok(Json(Log { lines: lines.collect(), lost }))
}
