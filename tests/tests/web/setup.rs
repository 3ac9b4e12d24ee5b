//! A new box, from its first password to its network.

use super::Stage;
use lab::Result;
use lab::console::form;
use lab::console::{Console, PASSWORD, expect};
use lab::error::LabError;
use lab::suimon::Suimon;
use std::fs;

/// Names the form by its hidden first button.
const FORM: &str = "value=\"review\" tabindex";

pub(super) fn first_steps(stage: &mut Stage) -> Result<()> {
    let suimon = Suimon::start(&stage.lab, "b", "version = 1\n")?;
    let console = Console::start(&stage.lab, "b", &suimon)?;
    let said = fs::read_to_string(stage.lab.folder().join("b-suimon.log"));
    let said = said.map_err(|error| LabError::Answer(error.to_string()))?;
    let first = said.split("user admin, password ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let first = first.unwrap_or_default();
    let browser = console.stranger("newcomer");
    browser.send("/login", &[("user", "admin"), ("password", first)])?.leads_to("/password")?;
    browser.open("/setup")?.leads_to("/password")?;
    let change = [("old", first), ("new", PASSWORD), ("again", PASSWORD)];
    browser.send("/password", &change)?.leads_to("/setup?done=password")?;
    browser.open("/")?.is(200)?.says("href=\"/setup\"")?;

    let page = browser.open("/setup")?.is(200)?.says("This comes once an interface is in use")?;
    let mut fields = form::fields(&page.body, FORM);
    for nic in ["f0", "b0"] {
        let at = fields.iter().position(|(name, value)| name.ends_with(".name") && value == nic);
        let at = at.ok_or_else(|| LabError::Answer(format!("{nic} is not offered: {fields:?}")))?;
        let begin = fields[at].0.trim_end_matches(".name").to_owned();
        form::set(&mut fields, &format!("{begin}.role"), "data")?;
        let address = if nic == "f0" { "10.1.0.2/16" } else { "10.2.0.2" };
        form::set(&mut fields, &format!("{begin}.addresses"), address)?;
    }
    form::set(&mut fields, "system.hostname", "gate")?;
    let send = |fields: &form::Fields, button: &str| {
        let mut all: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.push(("do", button));
        browser.send("/setup", &all)
    };
    let page = send(&fields, "review")?.is(422)?;
    let (error, _) = page.body.split_once("addresses-error\">").ok_or_else(|| LabError::Answer(page.body.clone()))?;
    expect(!error.is_empty() && form::fields(&page.body, FORM) == fields, || "what was typed is lost".into())?;
    let wrong = fields.iter_mut().find(|(_, value)| value == "10.2.0.2");
    wrong.ok_or_else(|| LabError::Answer("the wrong address is gone".into()))?.1 = "10.2.0.2/16".into();
    let page = send(&fields, "apply")?.is(200)?.says("What would change")?.says("gate")?;
    send(&form::fields(&page.body, FORM), "apply")?.leads_to("/setup?done=applied")?;
    browser.send("/confirm", &[("next", "/setup")])?.leads_to("/setup?done=confirmed")?;
    browser.open("/setup")?.is(200)?.says("class=\"button main\" href=\"/services/new\"")?;
    let export = suimon.ctl(&["export"])?.success()?;
    let config = config::parse(&export, "b").map_err(|error| LabError::Answer(error.to_string()))?;
    expect(config.nics.len() == 2, || export.clone())?;
    let operator = stage.signed_in("operator")?;
    operator.open("/setup")?.is(403)?;
    operator.send("/setup", &[("do", "apply")])?.is(403).map(drop)
}
