//! A box that knows nothing but its address, as DHCP gives it one: from the first password through the network to a client
//! that is served.

use crate::examine::examine;
use crate::person::{LIMIT, Person};
use crate::stage::{LISTEN, Stage, chooses_password_first};
use lab::Result;
use lab::client::requests;
use lab::command::wait_until;
use lab::console::{Console, expect};
use lab::error::{Act, LabError};
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use std::fs;
use std::net::SocketAddr;

/// The new box.
const BOX: &str = "b";
const SITE: &str = "https://10.1.0.9:8443";
/// What DHCP would have done, and what undoes it.
const LEASE: &str = "address add 10.1.0.9/16 dev f0\nroute add default via 10.1.0.254\n";
const LEASE_ENDS: &str = "address flush dev f0\n";
/// The servers whose answers go through the new box.
const SERVERS: [&str; 2] = ["s2", "s3"];
/// Number of the VIP that no other service has.
const VIP: u16 = 6;

pub fn walk(stage: &mut Stage) -> Result<()> {
    let lab = &stage.lab;
    lab.node(BOX).ip(LEASE)?;
    let suimon = Suimon::start(lab, BOX, "version = 1\n")?;
    let _console = Console::start_on(lab, BOX, &suimon, LISTEN)?;
    let person = stage.visitor(SITE)?;
    person.open("/")?;
    person.arrives("/login")?;
    let first = first_password(stage)?;
    stage.enters(&person, "admin", &first)?;
    chooses_password_first(&person, &first)?;
    person.arrives("/setup")?;
    person.sees("This comes once an interface is in use")?;
    examine(&person, "setup-new", "en")?;
    network(&person)?;
    let route = |to: &str| {
        let command = format!("route replace default via {to}\n");
        SERVERS.iter().try_for_each(|server| lab.node(server).ip(&command))
    };
    let served = route("10.2.0.2").and_then(|()| first_service(stage, &person));
    route("10.2.0.1")?;
    served?;
    drop(suimon);
    lab.node(BOX).ip(LEASE_ENDS)
}

/// As the serial console shows it.
fn first_password(stage: &Stage) -> Result<String> {
    let log = stage.lab.folder().join("b-suimon.log");
    let said = fs::read_to_string(&log).act(|| format!("read {}", log.display()))?;
    let password = said.split("user admin, password ").nth(1).and_then(|rest| rest.split_whitespace().next());
    password.map(str::to_owned).ok_or_else(|| LabError::Answer(format!("no first password in {said}")))
}

fn network(person: &Person) -> Result<()> {
    person.writes("//*[@id='system.hostname']", "gate")?;
    person.writes("//*[@id='gateway.ipv4']", "10.1.0.254")?;
    for (nic, address) in [("f0", None), ("b0", Some("10.2.0.2"))] {
        person.clicks(&field(nic, "role", "/option[@value='data']"))?;
        if let Some(address) = address {
            person.writes(&field(nic, "addresses", ""), address)?;
        }
    }
    person.presses("Show what would change")?;
    person.one(&format!("{}[@aria-invalid='true']", field("b0", "addresses", "")))?;
    examine(person, "setup-wrong", "en")?;
    person.writes(&field("b0", "addresses", ""), "10.2.0.2/16")?;
    person.presses("Show what would change")?;
    person.sees("What would change")?;
    examine(person, "setup-review", "en")?;
    person.presses("Apply")?;
    keeps(person)?;
    person.arrives("/setup")
}

/// A field of a NIC, found by the NIC's name.
fn field(nic: &str, key: &str, more: &str) -> String {
    let set = format!("//fieldset[.//input[contains(@name, '.name')][@value='{nic}']]");
    format!("{set}//*[substring(@id, string-length(@id) - {}) = '.{key}']{more}", key.len())
}

fn first_service(stage: &Stage, person: &Person) -> Result<()> {
    person.follows("Add a service")?;
    let vip = plan::vip_number(Family::V4, VIP);
    let servers = SERVERS.map(|server| plan::server(server, Family::V4).to_string());
    for (field, text) in [
        ("service.name", "first"),
        ("service.vip", &vip.to_string()),
        ("service.ports", "80"),
        ("backend.0.address", &servers[0]),
        ("backend.0.port", "8080"),
        ("backend.1.address", &servers[1]),
        ("backend.1.port", "8080"),
    ] {
        person.fills_in(field, text)?;
    }
    person.presses("Try the servers")?;
    person.sees("Every server answers as it should")?;
    person.presses("Show what would change")?;
    person.sees("What would change")?;
    person.presses("Apply")?;
    keeps(person)?;
    let asked = || requests(&stage.lab, plan::client(Family::V4, 2, 1), SocketAddr::new(vip, 80), 4);
    let served = || asked().is_ok_and(|who| SERVERS.iter().all(|server| who.iter().any(|one| one == server)));
    wait_until("a client is served by the new box", LIMIT, served)?;
    person.open("/setup")?;
    let page = person.page()?;
    expect(!page.contains("This comes once"), || format!("it is not done: {page}"))?;
    examine(person, "setup-done", "en")
}

fn keeps(person: &Person) -> Result<()> {
    person.sees("waits for confirmation")?;
    person.presses("Keep this revision")?;
    person.sees("The revision stays.")
}
