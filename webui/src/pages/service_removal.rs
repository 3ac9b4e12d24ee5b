//! A service is taken out of the document, once somebody has seen what goes with it.

use super::service_form::DOCUMENT_NAME;
use super::services;
use crate::draft;
use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{Document, Export, Service, Terms};
use askama::Template;
use axum::Form;
use axum::extract::Path;
use config::Named;
use serde::Deserialize;

#[derive(Clone, Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    comment: String,
    #[serde(default)]
    confirm_within_s: String,
    base_revision: u64,
}

#[derive(Template)]
#[template(path = "service_removal.html")]
struct Removal {
    frame: Frame,
    t: Text,
    service: Service,
    changes: Vec<config::Change>,
    given: Given,
}

pub(crate) async fn get(signed: SignedIn, Path(name): Path<String>) -> Answer {
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    let given = Given { comment: String::new(), confirm_within_s: "60".to_owned(), base_revision: export.revision };
    show(&signed, &name, given, &export, None).await
}

pub(crate) async fn post(signed: SignedIn, Path(name): Path<String>, Form(given): Form<Given>) -> Answer {
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    let Some(toml) = draft::remove(&export.toml, &name) else { return services::gone(&signed).await };
    let Ok(confirm_within_s) = super::configuration::seconds(&given.confirm_within_s) else {
        let problem = Problem::refuse(signed.t.say("configuration.seconds_wrong"));
        return show(&signed, &name, given, &export, Some(problem)).await;
    };
    match signed.client.apply(&document(toml, &given, confirm_within_s)).await {
        Ok(_) => Ok(done("removed", "/services")),
        Err(error) => {
            let problem = signed.told(error)?;
            // Another revision may be in use by now: what is shown next is what the next click removes.
            let given = Given { base_revision: export.revision, ..given };
            show(&signed, &name, given, &export, Some(problem)).await
        }
    }
}

fn document(toml: String, given: &Given, confirm_within_s: Option<u32>) -> Document {
    let comment = given.comment.trim().to_owned();
    let terms = Terms { comment, confirm_within_s, base_revision: Some(given.base_revision) };
    Document { toml, file_name: DOCUMENT_NAME.to_owned(), terms }
}

async fn show(signed: &SignedIn, name: &str, given: Given, export: &Export, problem: Option<Problem>) -> Answer {
    let (Some(service), Some(toml)) = (services::find(signed, name).await?, draft::remove(&export.toml, name)) else {
        return services::gone(signed).await;
    };
    let (changes, problem) = match (signed.client.diff(&document(toml, &given, None)).await, problem) {
        (Ok(diff), problem) => (diff.changes, problem),
        (Err(_), Some(problem)) => (Vec::new(), Some(problem)),
        (Err(error), None) => (Vec::new(), Some(signed.told(error)?)),
    };
    let code = problem.as_ref().map(|problem| problem.status);
    let frame = signed.frame("services", problem);
    Ok(page(&Removal { frame, t: signed.t, service, changes, given }, code))
}
