//! What must hold for every page, in every look: axe-core finds nothing serious, nothing is wider than the screen, nobody
//! else is asked for anything, and the browser has nothing to complain about. The policy of the page stays in force.

use crate::person::{Look, Person};
use lab::Result;
use lab::console::expect;
use lab::error::{Act, LabError};
use lab::lab::target_folder;
use serde_json::Value;
use std::fs;
use std::sync::OnceLock;

/// Runs axe-core and keeps what matters. Nothing is preloaded: that would be a request of its own.
const RUN: &str = "
    return axe.run(document, { preload: false, resultTypes: ['violations'] }).then(found => found.violations
        .filter(one => one.impact === 'serious' || one.impact === 'critical')
        .map(one => `${one.id} (${one.impact}): ${one.help}: ${one.nodes.map(node => node.html).join(' | ')}`));";
/// What stands out of the screen, if anything makes the page wider than it.
const WIDER: &str = "
    const width = WIDTH;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll('*')]
        .filter(one => one.getBoundingClientRect().right > width + 1 && !one.parentElement.closest('.scroll'))
        .map(one => one.outerHTML.slice(0, 160));";

/// Looks at the page that is shown in the looks that are tried.
pub fn examine(person: &Person, name: &str, language: &str) -> Result<()> {
    examine_in(person, name, language, Look::tried())
}

/// Looks at the page that is shown, and keeps pictures of it. Returns the person to the wide look.
pub fn examine_in(person: &Person, name: &str, language: &str, looks: &[Look]) -> Result<()> {
    let mut wrong = Vec::new();
    for look in looks {
        person.look(*look)?;
        person.photographs(name, language, *look)?;
        let width = WIDER.replace("WIDTH", &look.width.to_string());
        let found = strings(&person.browser.run(&width)?);
        wrong.extend(found.iter().map(|found| format!("{name}, {look:?}: too wide: {found}")));
        person.browser.run(&format!("if (!window.axe) {{ {} }}", axe()?))?;
        let found = strings(&person.browser.run(RUN)?);
        wrong.extend(found.iter().map(|found| format!("{name}, {look:?}: {found}")));
    }
    person.look(Look::WIDE)?;
    wrong.extend(person.complaints()?.iter().map(|found| format!("{name}: {found}")));
    expect(wrong.is_empty(), || wrong.join("\n"))
}

/// The strings of a list.
pub fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

fn axe() -> Result<&'static str> {
    static AXE: OnceLock<String> = OnceLock::new();
    if let Some(axe) = AXE.get() {
        return Ok(axe);
    }
    let file = target_folder().join("axe.min.js");
    let text = fs::read_to_string(&file).act(|| format!("read {} (tests/axe.sh fetches it)", file.display()))?;
    expect(text.starts_with("/*! axe"), || format!("{} is not axe-core", file.display()))?;
    Ok(AXE.get_or_init(|| text))
}

/// The examination can fail: shown on a page that is broken on purpose.
pub fn finds(person: &Person, spoil: &str, word: &str) -> Result<()> {
    person.open("/login")?;
    person.browser.run(spoil)?;
    let found = examine_in(person, "spoilt", "en", &[Look { width: 390, dark: false }]);
    let told = found.as_ref().err().map(LabError::to_string).unwrap_or_default();
    expect(told.contains(word), || format!("{spoil}: not found: {told}"))
}
