//! The history of the configuration: revisions, what each changed, and back to one of them.

use crate::language::Text;
use crate::pager::{Pager, ROWS_MAX};
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{DiffQuery, Revision, RevisionQuery, Rollback, Terms};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use config::{Named, RevisionState};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    before: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    comment: String,
    #[serde(default)]
    confirm_within_s: String,
}

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    frame: Frame,
    t: Text,
    revisions: Vec<Revision>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "revision.html")]
struct One {
    frame: Frame,
    t: Text,
    revision: Revision,
    changes: Vec<config::Change>,
    in_use: bool,
}

pub(crate) async fn list(signed: SignedIn, Query(wanted): Query<Wanted>) -> Answer {
    show_list(&signed, wanted.before, None).await
}

async fn show_list(signed: &SignedIn, before: Option<u64>, problem: Option<Problem>) -> Answer {
    let query = RevisionQuery { limit: Some(ROWS_MAX), before };
    let found = signed.client.revisions(&query).await.map_err(|error| signed.stop(error))?;
    let oldest = found.revisions.last().filter(|_| found.more).map(|revision| revision.number);
    let code = problem.as_ref().map(|problem| problem.status);
    let pager = Pager::back("/history", &[], before, oldest);
    let frame = signed.frame("history", problem);
    Ok(page(&History { frame, t: signed.t, revisions: found.revisions, pager }, code))
}

pub(crate) async fn one(signed: SignedIn, Path(number): Path<u64>) -> Answer {
    show_one(&signed, number, None).await
}

async fn show_one(signed: &SignedIn, number: u64, problem: Option<Problem>) -> Answer {
    let query = RevisionQuery { limit: Some(1), before: number.checked_add(1) };
    let found = signed.client.revisions(&query).await.map_err(|error| signed.stop(error))?;
    let Some(revision) = found.revisions.into_iter().find(|revision| revision.number == number) else {
        let gone = Problem { status: StatusCode::NOT_FOUND, ..Problem::refuse(signed.t.say("history.gone")) };
        return show_list(signed, None, Some(gone)).await;
    };
    // The one before may have been forgotten; then there is nothing to compare with.
    let changes = match number.checked_sub(1).filter(|before| *before > 0) {
        Some(from) => signed.client.diff_revisions(&DiffQuery { from, to: Some(number) }).await,
        None => Ok(config::Diff::default()),
    };
    let changes = changes.map(|diff| diff.changes).unwrap_or_default();
    let in_use = matches!(revision.state, RevisionState::Running | RevisionState::Awaiting);
    let code = problem.as_ref().map(|problem| problem.status);
    let frame = signed.frame("history", problem);
    Ok(page(&One { frame, t: signed.t, revision, changes, in_use }, code))
}

pub(crate) async fn roll_back(signed: SignedIn, Path(number): Path<u64>, Form(given): Form<Given>) -> Answer {
    let Ok(confirm_within_s) = super::configuration::seconds(&given.confirm_within_s) else {
        let problem = Problem::refuse(signed.t.say("configuration.seconds_wrong"));
        return show_one(&signed, number, Some(problem)).await;
    };
    let terms = Terms { comment: given.comment, confirm_within_s, base_revision: None };
    match signed.client.roll_back(&Rollback { revision: number, terms }).await {
        Ok(_) => Ok(done("rolled_back", "/")),
        Err(error) => show_one(&signed, number, Some(signed.told(error)?)).await,
    }
}
