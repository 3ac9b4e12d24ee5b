//! A service is added on its page: tried on a server that is not there, then on real ones, looked at, put in use, removed.

use crate::examine::examine;
use crate::person::{LIMIT, Person};
use crate::stage::Stage;
use lab::Result;
use lab::client::requests;
use lab::command::wait_until;
use lab::console::expect;
use lab::plan::{self, Family};
use std::net::SocketAddr;

/// An address of the servers' network that nobody has.
const NOBODY: &str = "10.2.0.99";
/// Number of the VIP that no other service has.
const VIP: u16 = 5;

pub fn walk(stage: &mut Stage) -> Result<()> {
    let person = stage.signed_in("operator")?;
    let document = stage.document()?;
    person.follows("Services")?;
    person.follows("Add a service")?;
    let vip = plan::vip_number(Family::V4, VIP);
    let [s1, s2] = ["s1", "s2"].map(|server| plan::server(server, Family::V4).to_string());
    person.clicks("//select[@id='check.0.kind']/option[@value='http']")?;
    person.one("//*[@id='check.0.expect_body']")?;
    for (field, text) in [
        ("service.name", "shop"),
        ("service.vip", &vip.to_string()),
        ("service.ports", "80"),
        ("backend.0.address", &s1),
        ("backend.0.port", "8080"),
        ("backend.1.address", NOBODY),
        ("backend.1.port", "8080"),
        ("check.0.expect_body", "^s[12]"),
    ] {
        person.fills_in(field, text)?;
    }
    person.presses("Try the servers")?;
    person.sees("Not every server answers as it should")?;
    person.fills_in("backend.1.address", &s2)?;
    person.presses("Try the servers")?;
    person.sees("Every server answers as it should")?;
    expect(stage.document()? == document, || "trying changed the document".into())?;

    person.presses("Show what would change")?;
    person.sees("What would change")?;
    examine(&person, "service-review", "en")?;
    person.fills("Confirm within, seconds", "60")?;
    person.presses("Apply")?;
    person.sees("waits for confirmation")?;
    examine(&person, "service-waits", "en")?;
    let asked = |count| requests(&stage.lab, plan::client(Family::V4, 3, 1), SocketAddr::new(vip, 80), count);
    let both = || asked(6).is_ok_and(|who| ["s1", "s2"].iter().all(|server| who.iter().any(|one| one == server)));
    wait_until("both servers answer for the new service", LIMIT, both)?;
    keeps(&person)?;

    person.open("/services/shop/remove")?;
    examine(&person, "service-removal", "en")?;
    person.presses("Remove shop now")?;
    keeps(&person)?;
    expect(asked(1).is_err(), || "the service is still there".into())
}

fn keeps(person: &Person) -> Result<()> {
    person.sees("waits for confirmation")?;
    person.presses("Keep this revision")?;
    person.sees("The revision stays.")
}
