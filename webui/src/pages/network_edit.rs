//! The network of the box as a form. An address that cuts the browser off goes by itself: nobody confirms it.

use super::form::{Look, Rows, Shown};
use super::network_form::{Given, Met, Outcome, act, begin};
use super::service_form::Review;
use crate::language::Text;
use crate::visitor::{Answer, Frame, SignedIn, done, page};
use api::FoundNic;
use askama::Template;
use axum::Form;
use config::Named;

#[derive(Template)]
#[template(path = "network_edit.html")]
struct Edit {
    frame: Frame,
    t: Text,
    given: Given,
    system: Shown,
    nics: Rows,
    routes: Rows,
    found: Vec<FoundNic>,
    review: Option<Review>,
    seconds_wrong: bool,
    overtaken: bool,
}

impl Edit {
    /// What the box has under this name.
    fn found(&self, name: &str) -> Option<&FoundNic> {
        self.found.iter().find(|nic| nic.name == name)
    }
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    let given = begin(&signed, true).await?;
    show(&signed, given, Met::default()).await
}

pub(crate) async fn post(signed: SignedIn, Form(form): Form<Vec<(String, String)>>) -> Answer {
    match act(&signed, Given::posted(&form)).await? {
        Outcome::InUse(key) => Ok(done(key, "/network")),
        Outcome::Shown(given, met) => show(&signed, *given, met).await,
    }
}

async fn show(signed: &SignedIn, given: Given, met: Met) -> Answer {
    let found = signed.client.links().await.map_err(|error| signed.stop(error))?;
    let code = met.problem.as_ref().map(|problem| problem.status);
    let (t, network) = (signed.t, &given.network);
    let shown = Edit {
        system: Shown::system(t, &network.system, &met.errors),
        nics: Rows::nics(t, &network.nics, &met.errors),
        routes: Rows::routes(t, &network.routes, &met.errors),
        frame: signed.frame("network", met.problem),
        t,
        found,
        review: met.review,
        seconds_wrong: given.seconds_wrong(),
        overtaken: met.overtaken,
        given,
    };
    Ok(page(&shown, code))
}
