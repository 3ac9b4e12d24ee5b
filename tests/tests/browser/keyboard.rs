//! The console by keyboard alone: Tab, Enter and Space reach everything, and what has the focus is always to be seen.

use crate::person::{ENTER, Person, TAB};
use crate::stage::Stage;
use lab::Result;
use lab::console::{PASSWORD, expect};
use lab::error::LabError;
use serde_json::Value;

/// Stops until a page must have come round.
const STOPS_MAX: usize = 400;
/// What has the focus: its words, whether it is to be seen, whether it is marked. Nothing at the end of the page.
const FOCUS: &str = "
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const [style, place] = [getComputedStyle(one), one.getBoundingClientRect()];
    const inside = place.width > 0 && place.height > 0 && place.bottom > 0 && place.top < innerHeight
        && place.right > 0 && place.left < innerWidth;
    const marked = one.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const words = one.labels && one.labels.length ? one.labels[0].textContent : one.getAttribute('aria-label') || one.textContent;
    return [words.trim(), inside, marked, one.outerHTML.slice(0, 120)];";
/// What Tab has to reach: of radio buttons, one a group.
const REACHABLE: &str = "
    const groups = new Set();
    return [...document.querySelectorAll('a[href], button, input, select, textarea, [tabindex=\"0\"]')].filter(one => {
        if (one.type === 'hidden' || one.hidden || one.disabled || !one.getClientRects().length) return false;
        if (one.type !== 'radio') return true;
        const known = groups.has(one.name);
        groups.add(one.name);
        return !known;
    }).length;";

pub fn walk(stage: &mut Stage) -> Result<()> {
    drop(stage.signed_in("operator")?);
    let name = stage.name_of("operator")?;
    let person = stage.stranger()?;
    person.open("/login")?;
    types(&person, &name)?;
    person.browser.press(TAB)?;
    types(&person, PASSWORD)?;
    person.browser.press(ENTER)?;
    person.arrives("/")?;
    skips(&person)?;

    for path in ["/", "/backends/web/s3", "/flows", "/configuration", "/history/1", "/password"] {
        person.open(path)?;
        reaches_all(&person, path)?;
    }

    person.open("/")?;
    goes_to(&person, "Backends", ENTER)?;
    person.arrives("/backends")?;
    // The third service's third backend has its name as the others have it: the last one is web's.
    goes_to_the(&person, |place| place.contains("/backends/web/s3"), ENTER)?;
    person.arrives("/backends/web/s3")?;
    goes_to(&person, "Drain", ' ')?;
    person.sees("draining")?;
    goes_to(&person, "Put online", ' ')?;
    person.sees("The backend has its new state.")?;
    person.sees_not("draining")?;
    goes_to(&person, "Sign out", ENTER)?;
    person.arrives("/login")
}

/// The first stop of a page leads past the navigation.
fn skips(person: &Person) -> Result<()> {
    person.browser.press(TAB)?;
    let focus = focus(person)?;
    expect(focus[0] == "Skip to the content" && focus[1] == true, || format!("the first stop is {focus}"))?;
    person.browser.press(ENTER)?;
    let inside = person.browser.run("return document.activeElement.id")?;
    expect(inside == "main", || format!("the skip link leads to {inside}"))?;
    person.browser.press(TAB)?;
    let next = person.browser.run("return document.activeElement.closest('main') !== null")?;
    expect(next == true, || "the stop after it is not in the content".into())
}

/// Goes round a page: every stop is to be seen, and nothing is left out.
fn reaches_all(person: &Person, path: &str) -> Result<()> {
    let reachable = person.browser.run(REACHABLE)?.as_u64().unwrap_or_default();
    for stops in 0..STOPS_MAX as u64 {
        person.browser.press(TAB)?;
        let focus = focus(person)?;
        if focus.is_null() {
            return expect(stops == reachable, || format!("{path}: {stops} stops, {reachable} elements"));
        }
        expect(focus[1] == true && focus[2] == true, || format!("{path}: the focus is not to be seen: {focus}"))?;
    }
    Err(LabError::Answer(format!("{path}: no way round by Tab")))
}

fn goes_to(person: &Person, words: &str, key: char) -> Result<()> {
    goes_to_stop(person, |focus| focus[0] == words, words, key)
}

fn goes_to_the(person: &Person, is_it: impl Fn(&str) -> bool, key: char) -> Result<()> {
    goes_to_stop(person, |focus| focus[3].as_str().is_some_and(&is_it), "the element", key)
}

fn goes_to_stop(person: &Person, is_it: impl Fn(&Value) -> bool, what: &str, key: char) -> Result<()> {
    for _ in 0..STOPS_MAX {
        person.browser.press(TAB)?;
        if is_it(&focus(person)?) {
            return person.browser.press(key);
        }
    }
    Err(LabError::Answer(format!("Tab does not reach {what}: {:?}", person.page())))
}

fn focus(person: &Person) -> Result<Value> {
    person.browser.run(FOCUS)
}

fn types(person: &Person, text: &str) -> Result<()> {
    text.chars().try_for_each(|letter| person.browser.press(letter))
}
