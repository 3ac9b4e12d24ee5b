//! The console without script: everything but the live parts.

use crate::stage::Stage;
use lab::Result;
use lab::console::expect;
use std::thread::sleep;
use std::time::Duration;

/// Longer than the script of live parts waits.
const LIVE: Duration = Duration::from_millis(3_500);

pub fn walk(stage: &mut Stage) -> Result<()> {
    let person = stage.stranger_without_script()?;
    stage.signs_in(&person, "operator")?;
    person.browser.run("document.querySelector('[data-live]').append('as it was')")?;
    sleep(LIVE);
    person.sees("as it was")?;

    person.follows("Backends")?;
    person.clicks("//a[@href='/backends/web/s2']")?;
    person.fills("Deadline, seconds", "300")?;
    person.presses("Drain")?;
    person.sees("The backend has its new state.")?;
    person.sees("until the deadline")?;
    person.presses("Put online")?;
    person.loses("until the deadline")?;

    let (before, document) = (stage.revision()?, stage.document()?);
    person.follows("Configuration")?;
    person.fills("Document (TOML)", &document.replace("scheduler = \"rr\"", "scheduler = \"wlc\""))?;
    person.presses("Check")?;
    person.sees("What would change")?;
    person.fills("Confirm within, seconds", "60")?;
    person.presses("Apply")?;
    person.sees("waits for confirmation")?;
    person.presses("Keep this revision")?;
    person.sees("The revision stays.")?;
    person.follows("History")?;
    person.follows(&before.to_string())?;
    person.fills("Confirm within, seconds", "")?;
    person.presses(&format!("Roll back to revision {before}"))?;
    person.sees("The earlier document is in use again.")?;
    expect(stage.document()? == document, || "the document is not the one from before".into())?;
    person.presses("Sign out")?;
    person.arrives("/login")
}
