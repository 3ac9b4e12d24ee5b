//! Commit-confirm: what nobody confirms goes by itself, with the browser gone or cut off by the change.

use crate::roll_back::changes_document;
use crate::stage::Stage;
use lab::Result;
use lab::command::{SHORT, wait_until};
use lab::console::expect;
use lab::error::LabError;
use std::thread;
use std::time::Duration;

/// Time to confirm.
const CONFIRM_S: &str = "5";
/// Time in which the return has to be there.
const RETURN_LIMIT: Duration = Duration::from_secs(15);

/// The browser ends while its revision waits.
pub fn unconfirmed(stage: &mut Stage) -> Result<()> {
    let person = stage.signed_in("operator")?;
    let (before, document) = (stage.revision()?, stage.document()?);
    changes_document(&person, "scheduler = \"rr\"", "scheduler = \"wlc\"")?;
    person.fills("Confirm within, seconds", CONFIRM_S)?;
    person.presses("Apply")?;
    person.sees(&format!("Revision {} waits for confirmation", before + 1))?;
    drop(person);
    expect(stage.document()? != document, || "nothing was applied".into())?;
    wait_until("the former revision is back", RETURN_LIMIT, || stage.document().is_ok_and(|now| now == document))?;
    let person = stage.signed_in("operator")?;
    person.follows("History")?;
    person.sees("returned by itself")?;
    person.follows(&(before + 1).to_string())?;
    person.sees("returned from")
}

/// The change takes away the address that the browser talks to.
pub fn cut_off(stage: &mut Stage) -> Result<()> {
    let person = stage.signed_in("administrator")?;
    let document = stage.document()?;
    person.follows("Network")?;
    person.sees("10.1.0.1/16")?;
    person.follows("Change the network")?;
    let typed = person.browser.run("return document.getElementById('nic.0.addresses').value")?;
    let typed = typed.as_str().unwrap_or_default();
    expect(typed.contains("10.1.0.1/16"), || format!("the form has {typed}"))?;
    person.fills_in("nic.0.addresses", "10.1.0.1")?;
    person.presses("Show what would change")?;
    person.sees("has no prefix length")?;
    person.fills_in("nic.0.addresses", &typed.replace("10.1.0.1/16", "10.1.0.7/16"))?;
    person.presses("Show what would change")?;
    person.sees("What would change")?;
    person.fills("Confirm within, seconds", CONFIRM_S)?;
    let node = stage.lab.node("a");
    let has_address = |wanted| {
        node.output("ip", &["-4", "address", "show", "dev", "f0"], SHORT).is_ok_and(|found| found.contains(wanted))
    };
    // The browser waits for an answer that cannot arrive before the address is back, so somebody else has to look.
    let (pressed, gone) = thread::scope(|scope| {
        let watch = || wait_until("the browser's way is gone", RETURN_LIMIT, || has_address("10.1.0.7/16"));
        let watcher = scope.spawn(watch);
        (person.presses("Apply"), watcher.join())
    });
    gone.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .map_err(|error| LabError::Answer(format!("{error}; the press: {pressed:?}; the page: {:?}", person.page())))?;
    wait_until("the former revision is back", RETURN_LIMIT, || stage.document().is_ok_and(|now| now == document))?;
    expect(has_address("10.1.0.1/16"), || "the address is not back".into())?;
    // Still signed in: nothing but the address had gone.
    person.open("/history")?;
    person.sees("returned by itself")
}
