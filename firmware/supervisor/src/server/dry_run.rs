//! Asks servers as a document would, before anything of it is in use.

use super::access::Call;
use super::configuration::refused;
use super::routes::{Answer, Body, Words};
use super::{Core, Refused};
use crate::run::probing::ONCE_MAX;
use crate::run::revisions::Refusal;
use crate::run::view::health::{answer, target};
use api::{CheckState, Document, DryRun, DryRunQuery, Tried};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use config::Probe;
use drivers::clock;
use probe::Outcome;
use tokio::sync::oneshot;

/// Every check of the document, or of one of its services, asks every backend once, all at the same time.
pub(super) async fn run(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Words(query): Words<DryRunQuery>,
    Body(document): Body<Document>,
) -> Answer<DryRun> {
    let config = config::parse(&document.toml, &document.file_name);
    let asked = questions(&config.map_err(|errors| refused(Refusal::Errors(errors)))?, query.service.as_deref());
    if asked.len() > ONCE_MAX {
        let message = format!("{} questions to servers: at most {ONCE_MAX} are possible at once", asked.len());
        return Err(Refused::new(StatusCode::BAD_REQUEST, message));
    }
    call.note(&format!("{} questions to servers", asked.len()));
    let waiting = core.ask(move |control| {
        let mut ask = |(tried, probe)| (tried, control.probing().once(clock::now(), probe));
        asked.into_iter().map(&mut ask).collect::<Vec<_>>()
    });
    let mut tried = Vec::new();
    for (mut question, outcome) in waiting.await? {
        question.check.answer = Some(heard(outcome).await);
        tried.push(question);
    }
    Ok(Json(DryRun { tried }))
}

fn questions(config: &config::Config, only: Option<&str>) -> Vec<(Tried, Probe)> {
    let mut asked = Vec::new();
    for service in config.services.iter().filter(|service| only.is_none_or(|only| service.name == only)) {
        for backend in &service.backends {
            for check in &service.checks {
                let Some(probe) = Probe::of(service, backend, check) else { continue };
                let (name, kind) = (check.name.clone(), check.question.kind());
                let check = CheckState { name, kind, target: target(&probe), answer: None, failure: None };
                asked.push((Tried { service: service.name.clone(), backend: backend.name.clone(), check }, probe));
            }
        }
    }
    asked
}

// A run ends within its own deadline; no answer means that the process which asks was lost or is full.
async fn heard(outcome: oneshot::Receiver<Outcome>) -> api::CheckAnswer {
    match outcome.await {
        Ok(outcome) => answer(clock::now(), &outcome),
        Err(_) => api::CheckAnswer {
            not_asked: true,
            reason: "the process that asks servers is not there just now; try again".to_owned(),
            ..api::CheckAnswer::default()
        },
    }
}
