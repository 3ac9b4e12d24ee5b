//! Documents in and out, and their history.

use super::access::Call;
use super::routes::{Answer, Body, Named, Words};
use super::{Core, Refused};
use crate::run::revisions::Refusal;
use api::{
    Applied, COMMENT_CHARS_MAX, CONFIRM_WITHIN_MAX_S, Code, Confirmation, Confirmed, DiffQuery, Document, Export,
    KeptRevision, Problem, REVISIONS_LISTED_DEFAULT, REVISIONS_LISTED_MAX, Revision, RevisionQuery, Revisions,
    Rollback, Terms,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use config::{Config, Diff};
use drivers::clock;
use manage::redact;
use manage::roles::Act;
use store::StoreError;

/// The document in use.
pub(super) async fn export(State(core): State<Core>) -> Answer<Export> {
    let kept = core.look_up(|store, _| store.revision(store.running()?.number));
    let (revision, toml) = kept.await?;
    Ok(Json(Export { revision: revision.number, toml }))
}

/// Puts a document in use.
pub(super) async fn apply(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(document): Body<Document>,
) -> Answer<Applied> {
    check(&document.terms)?;
    let (may, author) = (call.clone(), call.caller.user.clone());
    // Looked at and applied in one go: nothing changes in between.
    let applied = core.ask(move |control| {
        let diff = control.diff(&document.toml, &document.file_name).map_err(refused)?;
        may.may(Act::of_document(&diff))?;
        control.apply(document, author).map_err(refused)
    });
    let applied = applied.await??;
    note(&call, &applied);
    Ok(Json(applied))
}

/// Puts an earlier document in use again.
pub(super) async fn roll_back(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(rollback): Body<Rollback>,
) -> Answer<Applied> {
    check(&rollback.terms)?;
    let number = rollback.revision;
    call.note(&format!("to revision {number}"));
    let (_, document) = core.look_up(move |store, _| store.revision(number)).await?;
    let (may, author) = (call.clone(), call.caller.user.clone());
    let applied = core.ask(move |control| {
        let diff = control.diff(&document, &format!("revision {number}")).map_err(refused)?;
        may.may(Act::of_document(&diff))?;
        control.roll_back(rollback, author).map_err(refused)
    });
    let applied = applied.await??;
    note(&call, &applied);
    Ok(Json(applied))
}

/// Whether the revision in use waits for confirmation.
pub(super) async fn confirmation(State(core): State<Core>) -> Answer<Confirmation> {
    core.ask(|control| control.confirmation()).await.map(Json)
}

/// Keeps the revision that waits for confirmation.
pub(super) async fn confirm(State(core): State<Core>, Extension(call): Extension<Call>) -> Answer<Confirmed> {
    let author = call.caller.user.clone();
    let confirmed = core.ask(move |control| control.confirm(&author)).await?.map_err(refused)?;
    call.note(&format!("revision {}", confirmed.revision));
    Ok(Json(confirmed))
}

/// What a document changed, for the audit log.
fn note(call: &Call, applied: &Applied) {
    call.note(&format!("revision {}\n{}", applied.revision, redact::diff(&applied.diff)));
}

/// What a document would change.
pub(super) async fn diff(State(core): State<Core>, Body(document): Body<Document>) -> Answer<Diff> {
    let diff = core.ask(move |control| control.diff(&document.toml, &document.file_name)).await?;
    diff.map(Json).map_err(refused)
}

/// What changed from one revision to another.
pub(super) async fn diff_revisions(State(core): State<Core>, Words(query): Words<DiffQuery>) -> Answer<Diff> {
    let documents = core.look_up(move |store, _| {
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
    let mut found = core.look_up(move |store, _| store.revisions(limit + 1, query.before)).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let now_s = clock::unix_s();
    Ok(Json(Revisions { revisions: found.into_iter().map(|kept| shown(kept, now_s)).collect(), more }))
}

/// One revision and its document.
pub(super) async fn revision(State(core): State<Core>, Named(number): Named) -> Answer<KeptRevision> {
    let missing = || Refused::new(StatusCode::NOT_FOUND, format!("{number} is no revision's number"));
    let number: u64 = number.parse().map_err(|_| missing())?;
    let (kept, toml) = core.look_up(move |store, _| store.revision(number)).await?;
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

pub(super) fn check(terms: &Terms) -> Result<(), Refused> {
    let refuse = |message: String| Err(Refused::new(StatusCode::BAD_REQUEST, message));
    if terms.confirm_within_s.is_some_and(|within| !(1..=CONFIRM_WITHIN_MAX_S).contains(&within)) {
        return refuse(format!("the time to confirm is 1 to {CONFIRM_WITHIN_MAX_S} seconds"));
    }
    if terms.comment.chars().count() > COMMENT_CHARS_MAX || terms.comment.chars().any(char::is_control) {
        return refuse(format!("a comment is one line of {COMMENT_CHARS_MAX} characters at most"));
    }
    Ok(())
}

pub(super) fn refused(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Store(error) => refused_by_store(error),
        Refusal::Errors(_) => Refused::with(StatusCode::UNPROCESSABLE_ENTITY, Problem::from(refusal)),
        Refusal::Impossible(reason) => Refused::new(StatusCode::CONFLICT, reason),
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
    let problem = match error {
        StoreError::NoRevision(number) => Problem::of(Code::RevisionMissing, error.to_string(), &[&number]),
        StoreError::Conflict { running, .. } => Problem::of(Code::RevisionChanged, error.to_string(), &[&running]),
        StoreError::Unconfirmed(waiting, before) => {
            Problem::of(Code::Unconfirmed, error.to_string(), &[&waiting, &before])
        }
        StoreError::NothingAwaits => Problem::of(Code::NothingAwaits, error.to_string(), &[]),
        StoreError::TooLarge { bytes } => Problem::of(Code::DocumentTooLarge, error.to_string(), &[&bytes]),
        _ => Problem::of(Code::Failed, error.to_string(), &[]),
    };
    Refused::with(status, problem)
}
