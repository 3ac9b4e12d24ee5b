//! A service as a form: typed, tried on its servers, looked at, and only then put in use. Without script too: rows come
//! and go by buttons that send the form.

mod given;
mod recipe;

use super::form::{Errors, Look, Rows, Shown};
use crate::draft::{self, Draft, Written};
use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{Document, DryRunQuery, Role, Terms, Tried};
use askama::Template;
use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use config::Named;
use given::{Act, Given};
use recipe::{Recipe, recipes};

/// What errors call the document; the page leaves it out.
pub(super) const DOCUMENT_NAME: &str = "console";

#[derive(Template)]
#[template(path = "service_form.html")]
struct FormPage {
    frame: Frame,
    t: Text,
    /// Its name in the document; empty: it is new.
    was: String,
    given: Given,
    service: Shown,
    checks: Rows,
    backends: Rows,
    recipes: Vec<Recipe>,
    tried: Option<Vec<Tried>>,
    review: Option<Review>,
    seconds_wrong: bool,
    /// Another revision is in use by now.
    overtaken: bool,
}

impl FormPage {
    fn all_passed(&self) -> bool {
        self.tried.iter().flatten().all(passed)
    }

    fn passed(&self, tried: &Tried) -> bool {
        passed(tried)
    }
}

fn passed(tried: &Tried) -> bool {
    tried.check.answer.as_ref().is_some_and(|answer| answer.passed)
}

/// What a form would change.
pub(super) struct Review {
    pub changes: Vec<config::Change>,
    /// What was looked at: the document by its digest.
    pub digest: String,
}

/// What the form met, beside what stands in it.
#[derive(Default)]
struct Met {
    problem: Option<Problem>,
    errors: Errors,
    tried: Option<Vec<Tried>>,
    review: Option<Review>,
    overtaken: bool,
}

pub(crate) async fn new(signed: SignedIn) -> Answer {
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    Ok(show(&signed, "", Given::fresh(Draft::fresh(), export.revision), Met::default()))
}

pub(crate) async fn edit(signed: SignedIn, Path(name): Path<String>) -> Answer {
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    let Some(draft) = draft::load(&export.toml, &name) else { return super::services::gone(&signed).await };
    Ok(show(&signed, &name, Given::fresh(draft, export.revision), Met::default()))
}

pub(crate) async fn add(signed: SignedIn, Form(form): Form<Vec<(String, String)>>) -> Answer {
    act(&signed, "", Given::posted(&form)).await
}

pub(crate) async fn change(
    signed: SignedIn,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Answer {
    act(&signed, &name, Given::posted(&form)).await
}

async fn act(signed: &SignedIn, was: &str, mut given: Given) -> Answer {
    match given.act {
        // Nothing is asked of core yet.
        Act::Rows(_) if !signed.may(Role::Operator) => return Err(signed.refused(Role::Operator)),
        Act::Rows(rows) => {
            given.draft.change_rows(rows);
            return Ok(show(signed, was, given, Met::default()));
        }
        Act::Carry => return carry(signed, was, given).await,
        _ => {}
    }
    let base = signed.client.revision(given.base_revision).await.map_err(|error| signed.stop(error))?;
    let Some(written) = draft::write(&base.toml, was, &given.draft) else { return super::services::gone(signed).await };
    let confirm_within_s = super::configuration::seconds(&given.confirm_within_s);
    let met = match (given.act, confirm_within_s) {
        (Act::Try, _) => try_out(signed, &given, &written).await?,
        (Act::Apply, Ok(within_s)) if given.reviewed == written.digest() => {
            let document = document(&given, &written, within_s);
            match signed.client.apply(&document).await {
                Ok(applied) => {
                    let key = if applied.diff.is_empty() { "unchanged" } else { "applied" };
                    let name = given.draft.service.value("name").trim();
                    return Ok(done(key, &format!("/services/{}", show::in_path(name))));
                }
                Err(error) => refused(signed, &given, &written, error)?,
            }
        }
        (Act::Apply, Err(_)) => {
            let problem = Problem::refuse(signed.t.say("configuration.seconds_wrong"));
            Met { problem: Some(problem), ..review(signed, &given, &written).await? }
        }
        // What was changed after it was looked at is looked at again.
        _ => review(signed, &given, &written).await?,
    };
    Ok(show(signed, was, given, met))
}

/// Asks the servers as this service would.
async fn try_out(signed: &SignedIn, given: &Given, written: &Written) -> Result<Met, crate::visitor::Stop> {
    let query = DryRunQuery { service: Some(given.draft.service.value("name").trim().to_owned()) };
    match signed.client.dry_run(&document(given, written, None), &query).await {
        Ok(run) => Ok(Met { tried: Some(run.tried), ..Met::default() }),
        Err(error) => refused(signed, given, written, error),
    }
}

async fn review(signed: &SignedIn, given: &Given, written: &Written) -> Result<Met, crate::visitor::Stop> {
    match signed.client.diff(&document(given, written, None)).await {
        Ok(diff) => {
            let overtaken = !is_running(signed, given.base_revision).await?;
            let review = Review { changes: diff.changes, digest: written.digest() };
            Ok(Met { review: Some(review), overtaken, ..Met::default() })
        }
        Err(error) => refused(signed, given, written, error),
    }
}

async fn is_running(signed: &SignedIn, revision: u64) -> Result<bool, crate::visitor::Stop> {
    let status = signed.client.status().await.map_err(|error| signed.stop(error))?;
    Ok(status.revision == revision)
}

/// Typed into the document in use now, which is not the one that the form began with.
async fn carry(signed: &SignedIn, was: &str, mut given: Given) -> Answer {
    let base = signed.client.revision(given.base_revision).await.map_err(|error| signed.stop(error))?;
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    if !was.is_empty() {
        let (Some(before), Some(now)) = (draft::load(&base.toml, was), draft::load(&export.toml, was)) else {
            return super::services::gone(signed).await;
        };
        given.draft = draft::carry(&before, &given.draft, &now);
    }
    given.base_revision = export.revision;
    let Some(written) = draft::write(&export.toml, was, &given.draft) else {
        return super::services::gone(signed).await;
    };
    let met = review(signed, &given, &written).await?;
    Ok(show(signed, was, given, met))
}

/// Errors of the document beside the fields they are about.
fn refused(
    signed: &SignedIn,
    given: &Given,
    written: &Written,
    error: api::Error,
) -> Result<Met, crate::visitor::Stop> {
    let problem = signed.told(error)?;
    let overtaken = problem.status == StatusCode::CONFLICT;
    if problem.errors.is_empty() {
        return Ok(Met { problem: Some(problem), overtaken, ..Met::default() });
    }
    let (errors, others) = draft::beside_fields(&given.draft, written.index, &problem.errors);
    let wrong = Problem::refuse(signed.t.say("form.wrong"));
    let problem = Problem { status: problem.status, errors: others, more: problem.more, ..wrong };
    Ok(Met { problem: Some(problem), errors, ..Met::default() })
}

fn document(given: &Given, written: &Written, confirm_within_s: Option<u32>) -> Document {
    Document {
        toml: written.toml.clone(),
        file_name: DOCUMENT_NAME.to_owned(),
        terms: Terms {
            comment: given.comment.trim().to_owned(),
            confirm_within_s,
            base_revision: Some(given.base_revision),
        },
    }
}

fn show(signed: &SignedIn, was: &str, given: Given, met: Met) -> axum::response::Response {
    let t = signed.t;
    let code = met.problem.as_ref().map(|problem| problem.status);
    let shown = FormPage {
        frame: signed.frame("services", met.problem),
        t,
        was: was.to_owned(),
        service: Shown::service(t, &given.draft.service, &met.errors),
        checks: Rows::checks(t, &given.draft.checks, &met.errors),
        backends: Rows::backends(t, &given.draft.backends, &met.errors),
        recipes: recipes(&given.draft),
        tried: met.tried,
        review: met.review,
        seconds_wrong: super::configuration::seconds(&given.confirm_within_s).is_err(),
        overtaken: met.overtaken,
        given,
    };
    page(&shown, code)
}
