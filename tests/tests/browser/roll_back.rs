//! Changes the configuration, finds the revision before in the history, and puts it in use again.

use crate::person::Person;
use crate::stage::Stage;
use lab::Result;
use lab::console::expect;

pub fn walk(stage: &mut Stage) -> Result<()> {
    let person = stage.signed_in("operator")?;
    let before = stage.revision()?;
    let document = stage.document()?;
    changes_document(&person, "scheduler = \"rr\"", "scheduler = \"wlc\"")?;
    person.fills("Comment: why this change", "tried wlc")?;
    person.presses("Check")?;
    person.sees("What would change")?;
    person.sees("wlc")?;
    person.fills("Confirm within, seconds", "")?;
    person.presses("Apply")?;
    person.sees("The configuration is in use.")?;
    expect(stage.revision()? == before + 1, || "no new revision".into())?;

    person.follows("History")?;
    person.sees("tried wlc")?;
    person.follows(&before.to_string())?;
    person.sees(&format!("Revision {before}"))?;
    person.fills("Comment", "wlc was no good")?;
    person.fills("Confirm within, seconds", "60")?;
    person.presses(&format!("Roll back to revision {before}"))?;
    person.follows("Overview")?;
    person.sees(&format!("Revision {} waits for confirmation", before + 2))?;
    person.presses("Keep this revision")?;
    person.sees("The revision stays.")?;
    person.sees_not("waits for confirmation")?;
    expect(stage.document()? == document, || "the document is not the one from before".into())?;
    person.follows("History")?;
    person.sees("wlc was no good")
}

/// Replaces text of the document in its form.
pub fn changes_document(person: &Person, from: &str, to: &str) -> Result<()> {
    person.open("/configuration")?;
    let field = "document.querySelector('textarea[name=toml]')";
    let (from, to) = (serde_json::json!(from), serde_json::json!(to));
    let script =
        format!("const f = {field}; const v = f.value; f.value = v.replaceAll({from}, {to}); return f.value !== v;");
    expect(person.browser.run(&script)? == true, || format!("{from} is not in the document"))
}
