//! A new box, step by step: the password was asked for at the first sign-in; here follow its name, what its NICs are for,
//! and the way to its first service.

use super::configuration;
use super::form::{Errors, Look, Rows, Shown};
use super::service_form::{DOCUMENT_NAME, Review};
use crate::draft::{Network, Port, digest};
use crate::language::Text;
use crate::visitor::{Answer, Frame, Problem, SignedIn, Stop, done, page};
use api::{Document, FoundNic, Role, Status, Terms};
use askama::Template;
use axum::Form;
use config::{Named, NicRole};

/// Seconds to confirm: whoever loses the box by a wrong address gets it back.
const CONFIRM_WITHIN_S: &str = "60";

#[derive(Template)]
#[template(path = "setup.html")]
struct Setup {
    frame: Frame,
    t: Text,
    given: Given,
    system: Shown,
    gateways: Shown,
    nics: Rows,
    found: Vec<FoundNic>,
    review: Option<Review>,
    seconds_wrong: bool,
    /// Services that there are.
    services: u32,
    /// A NIC for clients and servers is in use.
    has_data: bool,
}

impl Setup {
    /// What the box has under this name.
    fn found(&self, name: &str) -> Option<&FoundNic> {
        self.found.iter().find(|nic| nic.name == name)
    }
}

struct Given {
    network: Network,
    base_revision: u64,
    reviewed: String,
    comment: String,
    confirm_within_s: String,
    applies: bool,
}

impl Given {
    fn posted(form: &[(String, String)]) -> Self {
        let value = |name: &str| form.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Self {
            network: Network::posted(form),
            base_revision: value("base_revision").and_then(|number| number.parse().ok()).unwrap_or(0),
            reviewed: value("reviewed").unwrap_or_default(),
            comment: value("comment").unwrap_or_default(),
            confirm_within_s: value("confirm_within_s").unwrap_or_else(|| CONFIRM_WITHIN_S.to_owned()),
            applies: value("do").is_some_and(|act| act == "apply"),
        }
    }
}

/// What the form met.
#[derive(Default)]
struct Met {
    problem: Option<Problem>,
    errors: Errors,
    review: Option<Review>,
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    begin(&signed, None).await
}

/// The form as the document and the box have it.
async fn begin(signed: &SignedIn, problem: Option<Problem>) -> Answer {
    signed.needs(Role::Administrator)?;
    let export = signed.client.export().await.map_err(|error| signed.stop(error))?;
    let found = signed.client.links().await.map_err(|error| signed.stop(error))?;
    let port = |nic: &FoundNic| Port { name: nic.name.clone(), addresses: nic.addresses.clone() };
    let ports: Vec<_> = found.iter().map(port).collect();
    let given = Given {
        network: Network::load(&export.toml, &ports).unwrap_or_default(),
        base_revision: export.revision,
        reviewed: String::new(),
        comment: String::new(),
        confirm_within_s: CONFIRM_WITHIN_S.to_owned(),
        applies: false,
    };
    show(signed, given, Met { problem, ..Met::default() }).await
}

pub(crate) async fn post(signed: SignedIn, Form(form): Form<Vec<(String, String)>>) -> Answer {
    signed.needs(Role::Administrator)?;
    let given = Given::posted(&form);
    let base = signed.client.revision(given.base_revision).await.map_err(|error| signed.stop(error))?;
    let Some(toml) = given.network.write(&base.toml) else { return begin(&signed, None).await };
    let within_s = configuration::seconds(&given.confirm_within_s);
    let (Ok(within_s), true) = (within_s, given.applies && given.reviewed == digest(&toml)) else {
        let met = review(&signed, &given, toml).await?;
        return show(&signed, given, met).await;
    };
    match signed.client.apply(&document(&given, toml, within_s)).await {
        Ok(applied) if applied.diff.is_empty() => Ok(done("unchanged", "/setup")),
        Ok(_) => Ok(done("applied", "/setup")),
        Err(error) => {
            let met = refused(&signed, &given, error)?;
            show(&signed, given, met).await
        }
    }
}

async fn review(signed: &SignedIn, given: &Given, toml: String) -> Result<Met, Stop> {
    let digest = digest(&toml);
    match signed.client.diff(&document(given, toml, None)).await {
        Ok(diff) => Ok(Met { review: Some(Review { changes: diff.changes, digest }), ..Met::default() }),
        Err(error) => refused(signed, given, error),
    }
}

fn refused(signed: &SignedIn, given: &Given, error: api::Error) -> Result<Met, Stop> {
    let problem = signed.told(error)?;
    if problem.errors.is_empty() {
        return Ok(Met { problem: Some(problem), ..Met::default() });
    }
    let (errors, others) = given.network.beside_fields(&problem.errors);
    let wrong = Problem::refuse(signed.t.say("form.wrong"));
    let problem = Problem { status: problem.status, errors: others, more: problem.more, ..wrong };
    Ok(Met { problem: Some(problem), errors, ..Met::default() })
}

fn document(given: &Given, toml: String, confirm_within_s: Option<u32>) -> Document {
    let comment = given.comment.trim().to_owned();
    let terms = Terms { comment, confirm_within_s, base_revision: Some(given.base_revision) };
    Document { toml, file_name: DOCUMENT_NAME.to_owned(), terms }
}

async fn show(signed: &SignedIn, given: Given, met: Met) -> Answer {
    let found = signed.client.links().await.map_err(|error| signed.stop(error))?;
    let Status { services, nics, .. } = signed.client.status().await.map_err(|error| signed.stop(error))?;
    let code = met.problem.as_ref().map(|problem| problem.status);
    let (t, network) = (signed.t, &given.network);
    let shown = Setup {
        system: Shown::system(t, &network.system, &met.errors),
        gateways: Shown::gateways(t, &network.gateways, &met.errors),
        nics: Rows::nics(t, &network.nics, &met.errors),
        frame: signed.frame("setup", met.problem),
        t,
        found,
        review: met.review,
        seconds_wrong: configuration::seconds(&given.confirm_within_s).is_err(),
        services,
        has_data: nics.iter().any(|nic| nic.role == NicRole::Data),
        given,
    };
    Ok(page(&shown, code))
}
