//! A viewer: sees no form that acts, and every act of others is refused, in the pages and by core itself.

use crate::pages;
use crate::person::Person;
use crate::stage::Stage;
use lab::Result;
use lab::console::expect;
use lab::error::LabError;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a viewer may send: all of it is about the viewer alone.
const OWN_FORMS: &[&str] = &["/language", "/logout", "/password", "/account"];
/// What a viewer may call. Everything else in the description of the API has to be refused, and what is added to it has to
/// be added here before a viewer may.
const OWN_CALLS: &[&str] = &[
    "GET /api/v1/openapi.json",
    "GET /api/v1/status",
    "GET /api/v1/services",
    "GET /api/v1/backends",
    "GET /api/v1/backends/detail",
    "GET /api/v1/flows",
    "POST /api/v1/explain",
    "GET /api/v1/config/diff",
    "GET /api/v1/config/confirm",
    "GET /api/v1/config/revisions",
    "GET /api/v1/log",
    "GET /api/v1/certificate",
    "GET /api/v1/graphs",
    "GET /api/v1/alerts",
    "GET /api/v1/events",
    "GET /metrics",
    "GET /api/v1/counters",
    "GET /api/v1/links",
    "GET /api/v1/network",
    "GET /api/v1/neighbors",
    "GET /api/v1/tools/neighbors",
    "POST /api/v1/login",
    "POST /api/v1/logout",
    "GET /api/v1/me",
    "POST /api/v1/me/password",
    "POST /api/v1/me/second-factor",
    "POST /api/v1/me/second-factor/code",
    "POST /api/v1/me/second-factor/remove",
    "GET /api/v1/me/sessions",
    "DELETE /api/v1/me/sessions/{id}",
    "GET /api/v1/me/tokens",
    "POST /api/v1/me/tokens",
    "DELETE /api/v1/me/tokens/{id}",
];
/// Where every form of the page leads, and what it would send: once for each of its buttons.
const FORMS: &str = "
    return [...document.querySelectorAll('form')].filter(form => form.method === 'post').flatMap(form =>
        [...form.querySelectorAll('button')].map(button => [
            new URL(button.getAttribute('formaction') || form.getAttribute('action') || '', location.href).pathname,
            new URLSearchParams(new FormData(form, button)).toString(),
        ]));";

pub fn walk(stage: &mut Stage) -> Result<()> {
    let administrator = stage.signed_in("administrator")?;
    let mut acts = BTreeMap::new();
    let paths = pages::all(&administrator)?;
    for (_, path) in &paths {
        administrator.open(path)?;
        acts.extend(forms(&administrator)?);
    }
    expect(acts.len() > 10, || format!("these are not all forms: {acts:?}"))?;
    drop(administrator);

    let viewer = stage.signed_in("viewer")?;
    for (_, path) in pages::all(&viewer)?.iter().chain(&paths) {
        viewer.open(path)?;
        let shown = forms(&viewer)?;
        expect(shown.is_empty(), || format!("{path} offers a viewer {shown:?}"))?;
    }
    let (revision, document) = (stage.revision()?, stage.document()?);
    viewer.open("/")?;
    let mut accepted = Vec::new();
    for (path, fields) in &acts {
        let status = sent(&viewer, path, fields)?;
        if status != 403 {
            accepted.push(format!("POST {path} {fields}: {status}"));
        }
    }
    expect(accepted.is_empty(), || accepted.join("\n"))?;
    expect(stage.revision()? == revision && stage.document()? == document, || "a viewer changed something".into())
}

/// Every call of the API with a viewer's session.
pub fn calls(stage: &mut Stage) -> Result<()> {
    drop(stage.signed_in("viewer")?);
    let secret = stage.secret("viewer")?;
    let (_, text) = stage.call("GET", "/api/v1/openapi.json", Some(&secret), "")?;
    let api: Value = serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("{error}: {text}")))?;
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for method in methods.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()) {
            let call = format!("{method} {path}");
            if OWN_CALLS.contains(&call.as_str()) {
                continue;
            }
            let named = path.replace("{number}", "1").replace("{id}", "1").replace("{name}", "admin");
            let body = if method == "GET" { "" } else { "{}" };
            let (status, answer) = stage.call(&method, &named, Some(&secret), body)?;
            if status == 403 {
                refused += 1;
            } else {
                wrong.push(format!("{call}: {status} {answer}"));
            }
        }
    }
    expect(wrong.is_empty(), || wrong.join("\n"))?;
    expect(refused > 20, || format!("only {refused} calls were refused"))
}

/// Acts of the page that are not the visitor's own: path, and an example of what is sent.
fn forms(person: &Person) -> Result<BTreeMap<String, String>> {
    let found = person.browser.run(FORMS)?;
    let found = found.as_array().into_iter().flatten();
    let found = found.filter_map(|form| Some((form[0].as_str()?.to_owned(), form[1].as_str()?.to_owned())));
    Ok(found.filter(|(path, _)| !OWN_FORMS.iter().any(|own| path.starts_with(own))).collect())
}

/// Sends a form the way a page of the console would; the status.
fn sent(person: &Person, path: &str, fields: &str) -> Result<u64> {
    let (path, fields) = (json!(path), json!(fields));
    let script = format!(
        "return fetch({path}, {{ method: 'POST', redirect: 'manual', body: new URLSearchParams({fields}) }}).then(a => a.status);"
    );
    let status = person.browser.run(&script)?;
    status.as_u64().ok_or_else(|| LabError::Answer(format!("{path}: {status}")))
}
