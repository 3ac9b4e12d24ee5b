//! Documents in and out, and their history.

use super::routes::{Answer, Body, Peer, Words};
use super::{Core, Refused};
use crate::run::revisions::Refusal;
use api::{
    Applied, COMMENT_CHARS_MAX, CONFIRM_WITHIN_MAX_S, Confirmed, DiffQuery, Document, Export, KeptRevision, Problem,
    REVISIONS_LISTED_DEFAULT, REVISIONS_LISTED_MAX, Revision, RevisionQuery, Revisions, Rollback, Terms,
};
use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use config::{Config, Diff};
use drivers::clock;
use store::{Store, StoreError};

/// The document in use.
pub(super) async fn export(State(core): State<Core>) -> Answer<Export> {
    let kept = core.look_up(|store| store.revision(store.running()?.number));
    let (revision, toml) = kept.await?;
    Ok(Json(Export { revision: revision.number, toml }))
}

/// Puts a document in use.
pub(super) async fn apply(
    State(core): State<Core>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(document): Body<Document>,
) -> Answer<Applied> {
    check(&document.terms)?;
    let applied = core.ask(move |control| control.apply(document, peer.author())).await?;
    applied.map(Json).map_err(refused)
}

/// Puts an earlier document in use again.
pub(super) async fn roll_back(
    State(core): State<Core>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Body(rollback): Body<Rollback>,
) -> Answer<Applied> {
    check(&rollback.terms)?;
    let applied = core.ask(move |control| control.roll_back(rollback, peer.author())).await?;
    applied.map(Json).map_err(refused)
}

/// Keeps the revision that waits for confirmation.
pub(super) async fn confirm(State(core): State<Core>, ConnectInfo(peer): ConnectInfo<Peer>) -> Answer<Confirmed> {
    core.ask(move |control| control.confirm(&peer.author())).await?.map(Json).map_err(refused)
}

/// What a document would change.
pub(super) async fn diff(State(core): State<Core>, Body(document): Body<Document>) -> Answer<Diff> {
    let diff = core.ask(move |control| control.diff(&document.toml, &document.file_name)).await?;
    diff.map(Json).map_err(refused)
}

/// What changed from one revision to another.
pub(super) async fn diff_revisions(State(core): State<Core>, Words(query): Words<DiffQuery>) -> Answer<Diff> {
    let documents = core.look_up(move |store| {
        let to = query.to.map_or_else(|| store.running().map(|running| running.number), Ok)?;
        Ok([(query.from, store.revision(query.from)?.1), (to, store.revision(to)?.1)])
    });
    let [before, after] = documents.await?.map(|(number, document)| read(number, &document));
    Ok(Json(Diff::between(&before?, &after?)))
}

// A version of this program with other rules may not read what an earlier one wrote.
fn read(number: u64, document: &str) -> Result<Config, Refused> {
    config::parse(document, &format!("revision {number}")).map_err(|errors| refused(Refusal::Errors(errors)))
}

/// The history.
pub(super) async fn revisions(State(core): State<Core>, Words(query): Words<RevisionQuery>) -> Answer<Revisions> {
    let limit = query.limit.unwrap_or(REVISIONS_LISTED_DEFAULT).min(REVISIONS_LISTED_MAX);
    // One more than asked for: then there are more.
    let mut found = core.look_up(move |store: &Store| store.revisions(limit + 1, query.before)).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let now_s = clock::unix_s();
    Ok(Json(Revisions { revisions: found.into_iter().map(|kept| shown(kept, now_s)).collect(), more }))
}

/// One revision and its document.
pub(super) async fn revision(State(core): State<Core>, Path(number): Path<String>) -> Answer<KeptRevision> {
    let missing = || Refused::new(StatusCode::NOT_FOUND, format!("{number} is no revision's number"));
    let number: u64 = number.parse().map_err(|_| missing())?;
    let (kept, toml) = core.look_up(move |store| store.revision(number)).await?;
    Ok(Json(KeptRevision { revision: shown(kept, clock::unix_s()), toml }))
}

fn shown(kept: store::Revision, now_s: u64) -> Revision {
    Revision {
        confirm_left_s: kept.awaiting(now_s).map(|awaiting| awaiting.left_s),
        number: kept.number,
        state: kept.state,
        committed_s: kept.committed_s,
        author: kept.author,
        origin: kept.origin,
        comment: kept.comment,
        changes: kept.changes,
        document_of: kept.document_of,
        returns_to: kept.returns_to,
        bytes: kept.bytes,
    }
}

fn check(terms: &Terms) -> Result<(), Refused> {
    let refuse = |message: String| Err(Refused::new(StatusCode::BAD_REQUEST, message));
    if terms.confirm_within_s.is_some_and(|within| !(1..=CONFIRM_WITHIN_MAX_S).contains(&within)) {
        return refuse(format!("the time to confirm is 1 to {CONFIRM_WITHIN_MAX_S} seconds"));
    }
    if terms.comment.chars().count() > COMMENT_CHARS_MAX || terms.comment.chars().any(char::is_control) {
        return refuse(format!("a comment is one line of {COMMENT_CHARS_MAX} characters at most"));
    }
    Ok(())
}

fn refused(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Store(error) => refused_by_store(error),
        Refusal::Errors(_) => Refused(StatusCode::UNPROCESSABLE_ENTITY, Problem::from(refusal)),
        Refusal::Impossible(_) => Refused(StatusCode::CONFLICT, Problem::from(refusal)),
    }
}

/// The answer when the store refuses, or fails.
pub(super) fn refused_by_store(error: StoreError) -> Refused {
    let status = match error {
        StoreError::NoRevision(_) => StatusCode::NOT_FOUND,
        StoreError::Conflict { .. } | StoreError::Unconfirmed(..) | StoreError::NothingAwaits => StatusCode::CONFLICT,
        StoreError::TooLarge { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => {
            tracing::error!(%error, "store");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    Refused::new(status, error.to_string())
}
