//! Every page there is: found by following links from the overview, so that no new one is forgotten.

use crate::examine::{examine, finds};
use crate::person::{Person, SITE};
use crate::stage::Stage;
use lab::Result;
use lab::client::requests;
use lab::error::LabError;
use lab::plan::{self, Family};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Pages that no link leads to, or that are another page with this query.
const MORE: &[&str] = &[
    "/flows/explain?client=10.8.1.1:40000&vip=10.1.0.100:80&protocol=tcp",
    "/flows/explain?client=x&vip=y&protocol=tcp",
    "/flows?client=x",
    "/services/none",
    "/?done=confirmed",
];
/// Pages of one shape that are looked at: `/services/…`, `/backends/…/…`.
const ALIKE_MAX: usize = 2;

/// Name and path of every page, for whoever is signed in.
pub fn all(person: &Person) -> Result<Vec<(String, String)>> {
    let mut paths = vec!["/".to_owned()];
    let mut shapes: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let mut next = 0;
    while next < paths.len() {
        person.open(&paths[next])?;
        for path in links(person)? {
            let shape = (path.split('/').nth(1).unwrap_or_default().to_owned(), path.matches('/').count());
            let alike = shapes.entry(shape).or_default();
            if !paths.contains(&path) && *alike < ALIKE_MAX {
                *alike += 1;
                paths.push(path);
            }
        }
        next += 1;
    }
    paths.extend(MORE.iter().map(|path| path.to_string()));
    Ok(paths.into_iter().map(|path| (name(&path), path)).collect())
}

/// Paths of this site that the page links to, without their queries, in order.
fn links(person: &Person) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('a[href]')].map(a => a.href.split(/[?#]/)[0]);";
    let links = person.browser.run(script)?;
    let links = links.as_array().into_iter().flatten().filter_map(|link| link.as_str()?.strip_prefix(SITE));
    Ok(links.map(str::to_owned).collect())
}

/// As a file can be called.
fn name(path: &str) -> String {
    let words: Vec<&str> = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "overview".into() } else { words.join("-").chars().take(60).collect() }
}

/// Every page in every look that is tried.
pub fn walk(stage: &mut Stage) -> Result<()> {
    let vip = SocketAddr::new(plan::vip(Family::V4), 80);
    requests(&stage.lab, plan::client(Family::V4, 1, 1), vip, 20)?;
    let stranger = stage.stranger()?;
    stranger.open("/login")?;
    examine(&stranger, "login", "en")?;
    let (user, first) = stage.newcomer("viewer")?;
    stage.enters(&stranger, &user, &first)?;
    stranger.arrives("/password")?;
    examine(&stranger, "password-first", "en")?;
    drop(stranger);

    let person = stage.signed_in("administrator")?;
    let mut wrong = Vec::new();
    for (name, path) in all(&person)? {
        person.open(&path)?;
        if let Err(error) = examine(&person, &name, "en") {
            wrong.push(error.to_string());
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(LabError::Answer(wrong.join("\n"))) }
}

/// The examination sees what it is there for.
pub fn examination(stage: &mut Stage) -> Result<()> {
    let person = stage.stranger()?;
    for (spoil, word) in [
        ("document.querySelector('label').replaceWith(document.querySelector('label input'))", "label (critical)"),
        ("document.querySelector('h1').style.color = '#ccc'", "color-contrast (serious)"),
        ("document.querySelector('h1').style.minWidth = '500px'", "too wide"),
        (
            "document.body.insertAdjacentHTML('beforeend', '<img src=\"https://192.0.2.1/a.png\" alt=\"\">')",
            "192.0.2.1",
        ),
        ("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">a</p>')", "Content Security Policy"),
    ] {
        finds(&person, spoil, word)?;
    }
    Ok(())
}
