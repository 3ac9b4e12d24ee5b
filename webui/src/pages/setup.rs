//! A new box, step by step: the password was asked for at the first sign-in; here follow its name, what its NICs are for,
//! and the way to its first service.

use super::form::{Look, Rows, Shown};
use super::network_form::{Given, Met, Outcome, act, begin};
use super::service_form::Review;
use crate::language::Text;
use crate::visitor::{Answer, Frame, SignedIn, done, page};
use api::{FoundNic, Status};
use askama::Template;
use axum::Form;
use config::{Named, NicRole};

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
    overtaken: bool,
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

pub(crate) async fn get(signed: SignedIn) -> Answer {
    let given = begin(&signed, false).await?;
    show(&signed, given, Met::default()).await
}

pub(crate) async fn post(signed: SignedIn, Form(form): Form<Vec<(String, String)>>) -> Answer {
    match act(&signed, Given::posted(&form)).await? {
        Outcome::InUse(key) => Ok(done(key, "/setup")),
        Outcome::Shown(given, met) => show(&signed, *given, met).await,
    }
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
        seconds_wrong: given.seconds_wrong(),
        overtaken: met.overtaken,
        services,
        has_data: nics.iter().any(|nic| nic.role == NicRole::Data),
        given,
    };
    Ok(page(&shown, code))
}
