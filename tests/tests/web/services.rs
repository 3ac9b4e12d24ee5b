//! A service from its form to its removal: tried on real servers, looked at, put in use, confirmed, returned from, edited
//! while somebody else changes the document, and removed.

use super::Stage;
use lab::command::{Finished, words};
use lab::console::form::{self, Fields};
use lab::console::{Browser, Page, expect};
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::{Result, programs};
use std::fs;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);
/// The VIP of the service that comes and goes.
const VIP: &str = "10.1.0.105";
/// Names a form by a button in it.
const TRY: &str = "value=\"try\"";

/// Sends a form with one of its buttons.
fn press(browser: &Browser, path: &str, fields: &Fields, button: &str) -> Result<Page> {
    let mut all: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.push(("do", button));
    browser.send(path, &all)
}

/// A form for the service `shop` with the servers s1 and s2.
fn shop(browser: &Browser) -> Result<Fields> {
    let mut fields = form::fields(&browser.open("/services/new")?.is(200)?.body, TRY);
    let servers = ["s1", "s2"].map(|server| plan::server(server, Family::V4).to_string());
    for (name, value) in [
        ("service.name", "shop"),
        ("service.vip", VIP),
        ("service.ports", "80"),
        ("backend.0.address", &servers[0]),
        ("backend.0.port", "8080"),
        ("backend.1.address", &servers[1]),
        ("backend.1.port", "8080"),
        ("check.0.kind", "http"),
    ] {
        form::set(&mut fields, name, value)?;
    }
    // A page is asked in other ways than a connection: its fields come with the answer.
    let page = press(browser, "/services/new", &fields, "refresh")?.is(200)?;
    let mut fields = form::fields(&page.body, TRY);
    form::set(&mut fields, "check.0.expect_body", "^s[12]")?;
    Ok(fields)
}

/// Looks at what would change, and puts it in use.
fn apply(browser: &Browser, path: &str, fields: &Fields) -> Result<Page> {
    let review = press(browser, path, fields, "review")?.is(200)?.says("What would change")?;
    let mut fields = form::fields(&review.body, "value=\"apply\"");
    form::set(&mut fields, "confirm_within_s", "120")?;
    press(browser, path, &fields, "apply")
}

pub(super) fn wrong(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("operator")?;
    let mut fields = shop(&browser)?;
    form::set(&mut fields, "service.vip", "10.1.0")?;
    form::set(&mut fields, "backend.1.weight", "heavy <1>")?;
    for button in ["try", "review", "apply"] {
        let page = press(&browser, "/services/new", &fields, button)?.is(422)?;
        let page = page.says("id=\"service.vip-error\"")?.says("id=\"backend.1.weight-error\"")?;
        expect(form::fields(&page.body, TRY) == fields, || format!("what was typed is lost: {page:?}"))?;
    }
    browser.open("/services/shop")?.is(404)?;
    let page = press(&browser, "/services/new", &fields, "backend-add")?.is(200)?.says("name=\"backend.2.address\"")?;
    let page = press(&browser, "/services/new", &form::fields(&page.body, TRY), "backend-remove.0")?.is(200)?;
    let left = form::fields(&page.body, TRY);
    let weight = left.iter().find(|(name, _)| name == "backend.0.weight").map(|(_, value)| value.as_str());
    expect(weight == Some("heavy <1>"), || format!("the other row went: {left:?}"))?;
    let seconds = [("base_revision", "1"), ("confirm_within_s", "soon")];
    browser.send("/services/web/remove", &seconds)?.is(400)?.says("must be a number of seconds").map(drop)
}

pub(super) fn tried(stage: &mut Stage) -> Result<()> {
    stage.lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
    let shared = stage.lab.folder().to_owned();
    programs::nginx(&mut stage.lab, "s1", "s1", 1, &shared)?;
    let browser = stage.signed_in("operator")?;
    let fields = shop(&browser)?;
    let page = press(&browser, "/services/new", &fields, "try")?.is(200)?;
    page.says("Not every server answers as it should")?.says("Connection refused")?.says("HTTP/1.1 200")?;
    programs::nginx(&mut stage.lab, "s2", "s2", 1, &shared)?;
    let page = press(&browser, "/services/new", &fields, "try")?.is(200)?;
    page.says("Every server answers as it should")?.says_not("Connection refused")?;
    browser.open("/services/shop")?.is(404).map(drop)
}

pub(super) fn put_in_use(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("operator")?;
    let fields = shop(&browser)?;
    // Applied without a look at it, it is shown instead.
    press(&browser, "/services/new", &fields, "apply")?.is(200)?.says("What would change")?;
    apply(&browser, "/services/new", &fields)?.leads_to("/services/shop?done=applied")?;
    let page = browser.open("/log")?.is(200)?.says("waits for confirmation")?.says("data-left=\"1")?;
    let banner = form::fields(&page.body, "action=\"/return\"");
    expect(banner.is_empty(), || format!("only its button has a value: {banner:?}"))?;
    let returns_to = page.body.split("name=\"returns_to\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    browser.send("/return", &[("returns_to", returns_to.unwrap_or_default())])?.leads_to("/?done=rolled_back")?;
    browser.open("/")?.is(200)?.says_not("waits for confirmation")?;
    browser.open("/services/shop")?.is(404)?;

    apply(&browser, "/services/new", &shop(&browser)?)?.leads_to("/services/shop?done=applied")?;
    browser.send("/confirm", &[("next", "/services/shop")])?.leads_to("/services/shop?done=confirmed")?;
    browser.open("/services/shop")?.is(200)?.says_not("waits for confirmation")?;
    stage.suimon.wait_for("the new service has its servers", |backends| {
        backends.iter().filter(|backend| backend.service == "shop" && backend.healthy).count() == 2
    })?;
    browser.open("/backends/shop/s1")?.is(200)?.says("✓ passes")?.says("http 10.2.0.11:8080")?;
    let mut curl = words("curl", ["-sS", "--max-time", "5", &format!("http://{VIP}/")]);
    let answer = stage.lab.node("client").run(&mut curl, LIMIT).and_then(Finished::success)?;
    expect(["s1", "s2"].contains(&answer.trim()), || format!("nobody of ours answered: {answer}"))
}

pub(super) fn watched(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("viewer")?;
    stage.lab.kill("s2", "nginx")?;
    stage.suimon.wait_for("the server that stopped is down", |backends| {
        backends.iter().any(|backend| backend.service == "shop" && backend.name == "s2" && !backend.healthy)
    })?;
    let page = browser.open("/backends/shop/s2")?.is(200)?.says("✗ fails")?.says("Connection refused")?;
    page.says("What was said")?.says("* connect to 10.2.0.12:8080")?;
    let shared = stage.lab.folder().to_owned();
    programs::nginx(&mut stage.lab, "s2", "s2", 1, &shared)?;
    stage.suimon.wait_for("the server is back", |backends| {
        backends.iter().filter(|backend| backend.service == "shop" && backend.healthy).count() == 2
    })?;
    // The last failure is kept although the server is up again.
    let page = browser.open("/backends/shop/s2")?.is(200)?.says("✓ passes")?.says("Last failure")?;
    page.says("Connection refused").map(drop)
}

pub(super) fn edited(stage: &mut Stage) -> Result<()> {
    let browser = stage.signed_in("operator")?;
    let path = "/services/shop/edit";
    let page = browser.open(path)?.is(200)?.says("value=\"10.1.0.105\"")?;
    let mut fields = form::fields(&page.body, TRY);
    press(&browser, path, &fields, "review")?.is(200)?.says("the same as the document in use")?;
    form::set(&mut fields, "backend.0.weight", "7")?;
    form::set(&mut fields, "service.method", "direct")?;
    form::set(&mut fields, "backend.0.port", "")?;
    form::set(&mut fields, "backend.1.port", "")?;
    let page = press(&browser, path, &fields, "refresh")?.is(200)?;
    page.says("What the servers need")?.says("ip address add 10.1.0.105/32 dev lo")?.says("arp_ignore=1")?;
    form::set(&mut fields, "service.method", "nat")?;

    // Meanwhile somebody else changes the same service, with a comment in the document.
    let export = stage.suimon.ctl(&["export"])?.success()?;
    let (before, shop) = export.split_at(export.find("name = \"shop\"").unwrap_or(0));
    let changed = format!(
        "{before}# Ours.\n{}",
        shop.replacen("ports = \"80\"", "ports = \"80\" # and more\nmidstream = \"drop\"", 1)
    );
    let file = stage.suimon.file().with_file_name("meanwhile.toml");
    fs::write(&file, changed).map_err(|error| lab::error::LabError::Answer(error.to_string()))?;
    stage.suimon.ctl(&["apply", &file.display().to_string()])?.success()?;

    let page = press(&browser, path, &fields, "review")?.is(200)?.says("while you worked on this form")?;
    let page = press(&browser, path, &form::fields(&page.body, TRY), "apply")?.is(409)?;
    let page = press(&browser, path, &form::fields(&page.body, TRY), "carry")?.is(200)?;
    let page = page.says_not("while you worked on this form")?.says_not("midstream</code>")?;
    let fields = form::fields(&page.body, "value=\"apply\"");
    press(&browser, path, &fields, "apply")?.leads_to("/services/shop?done=applied")?;
    browser.send("/confirm", &[])?.leads_to("/?done=confirmed")?;
    let export = stage.suimon.ctl(&["export"])?.success()?;
    for kept in ["# Ours.", "# and more", "midstream = \"drop\"", "weight = 7"] {
        expect(export.contains(kept), || format!("without {kept}: {export}"))?;
    }
    Ok(())
}

pub(super) fn removed(stage: &mut Stage) -> Result<()> {
    let viewer = stage.signed_in("viewer")?;
    for path in ["/services/new", "/services/shop/edit", "/services/shop/remove"] {
        viewer.open(path)?.is(403)?;
        viewer.send(path, &[("base_revision", "1"), ("do", "apply")])?.is(403)?;
    }
    viewer.open("/services/shop")?.is(200)?.says_not("/services/shop/edit")?;
    let browser = stage.signed_in("operator")?;
    let page = browser.open("/services/shop/remove")?.is(200)?.says("shop/s1")?;
    let fields = form::fields(&page.body, "class=\"danger\">Remove shop now");
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.send("/services/shop/remove", &fields)?.leads_to("/services?done=removed")?;
    browser.send("/confirm", &[])?.leads_to("/?done=confirmed")?;
    browser.open("/services/shop/edit")?.is(404)?;
    browser.open("/services/web")?.is(200).map(drop)
}
