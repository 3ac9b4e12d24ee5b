//! Every call and every form there is: without a session, with one that has ended, and as another site would send it.

use super::{Stage, expect, json};
use lab::console::Browser;
use lab::error::{Act, LabError};
use lab::{Result, console};
use std::collections::BTreeSet;
use std::fs;

const STRANGER: &str = "127.4.0.1";
const EVIL: [&[&str]; 3] = [
    &["-H", "Origin: https://evil.example", "-H", "Sec-Fetch-Site: cross-site"],
    &["-H", "Origin: https://evil.example"],
    &[],
];
/// What a stranger may ask for.
const PUBLIC: &str = "/api/v1/login";
/// Pages to look for forms on, at most.
const PAGES_MAX: usize = 60;

pub fn walk(stage: &mut Stage) -> Result<()> {
    let browser = stage.console.signed_in(&stage.suimon, "administrator")?;
    let (pages, forms) = pages_and_forms(&browser)?;
    let before = state(stage)?;
    let mut wrong = Vec::new();
    for (form, evil) in forms.iter().flat_map(|form| EVIL.map(|evil| (form, evil))) {
        let answer = browser.send_from(evil, form, &[])?;
        if answer.status != 403 {
            wrong.push(format!("from another site: POST {form} with {evil:?}: {}", answer.status));
        }
    }
    let calls = calls(stage)?;
    let kept = fs::read(browser.jar()).act(|| "read the cookies".into())?;
    browser.send("/logout", &[])?.leads_to("/login")?;
    fs::write(browser.jar(), kept).act(|| "put the old cookies back".into())?;
    let stale = browser.jar().display().to_string();
    let nobody = stage.console.stranger("nobody");
    for (who, browser) in [("stale", &browser), ("none", &nobody)] {
        for form in forms.iter().filter(|form| !matches!(form.as_str(), "/login" | "/logout" | "/language")) {
            let answer = browser.send(form, &[])?;
            if answer.status != 303 || !answer.head.contains("\nlocation: /login") {
                wrong.push(format!("session {who}: POST {form}: {}", answer.status));
            }
        }
        for page in &pages {
            let answer = browser.open(page)?;
            if answer.status != 303 || !answer.head.contains("\nlocation: /login") {
                wrong.push(format!("session {who}: GET {page}: {}", answer.status));
            }
        }
    }
    let own = ["-b", &stale, "-H", "Sec-Fetch-Site: same-origin"];
    let token = ["-H", "Authorization: Bearer suimon_t_0000000000000000000000000000000000000000000"];
    for ((method, path), with) in calls.iter().flat_map(|call| [&[][..], &own, &token].map(|with| (call, with))) {
        let body = ["-X", method, "-H", "Content-Type: application/json", "-d", "{}"];
        let answer = stage.call(STRANGER, path, &[if method == "GET" { &[][..] } else { &body }, with].concat())?;
        if answer.status != 401 {
            wrong.push(format!("{method} {path} with {with:?}: {}", answer.status));
        }
    }
    println!("{} pages, {} forms, {} calls", pages.len(), forms.len(), calls.len());
    expect(wrong.is_empty(), || wrong.join("\n"))?;
    expect(pages.len() > 10 && forms.len() > 5 && calls.len() > 40, || format!("{pages:?} {forms:?} {calls:?}"))?;
    let after = state(stage)?;
    expect(after == before, || format!("something was done: {before}\n{after}"))
}

/// What must stay as it is: the document, the users, what is wanted of backends.
fn state(stage: &Stage) -> Result<String> {
    let backends = json(&stage.suimon.get("/api/v1/backends")?)?;
    let states: Vec<_> =
        backends.as_array().into_iter().flatten().map(|backend| backend["state"].to_string()).collect();
    let users = json(&stage.suimon.get("/api/v1/users")?)?;
    let users: Vec<_> =
        users.as_array().into_iter().flatten().map(|user| format!("{}{}", user["name"], user["role"])).collect();
    Ok(format!("{} {states:?} {users:?}", stage.suimon.get("/api/v1/config")?))
}

/// Every call of the API that takes a session or token: method and path.
fn calls(stage: &Stage) -> Result<Vec<(String, String)>> {
    let api = json(&stage.suimon.get("/api/v1/openapi.json")?)?;
    let paths = api["paths"].as_object().cloned().unwrap_or_default();
    let calls = paths.iter().filter(|(path, _)| *path != PUBLIC).flat_map(|(path, methods)| {
        let path = path.replace("{number}", "1").replace("{id}", "1").replace("{name}", "admin");
        let methods = methods.as_object().cloned().unwrap_or_default();
        methods.into_iter().map(move |(method, _)| (method.to_uppercase(), path.clone()))
    });
    Ok(calls.collect())
}

/// Pages that links lead to, and where their forms lead.
fn pages_and_forms(browser: &Browser) -> Result<(Vec<String>, BTreeSet<String>)> {
    let (mut pages, mut forms) = (vec!["/".to_owned()], BTreeSet::new());
    let mut next = 0;
    while next < pages.len() {
        let page = browser.open(&pages[next])?.is(200)?;
        forms.extend(form_paths(&page, &pages[next]));
        for path in values(&page.body, "<a ", "href=\"") {
            let path = path.split(['?', '#']).next().unwrap_or_default().to_owned();
            if path.starts_with('/') && !pages.contains(&path) {
                pages.push(path);
            }
        }
        next += 1;
        expect(pages.len() <= PAGES_MAX, || format!("more than {PAGES_MAX} pages: {pages:?}"))?;
    }
    forms.remove("");
    if forms.is_empty() { Err(LabError::Answer("no forms".into())) } else { Ok((pages, forms)) }
}

/// Where the forms of a page that act lead.
fn form_paths(page: &console::Page, own: &str) -> Vec<String> {
    let forms = page.body.split("<form ").skip(1).filter_map(|rest| {
        let head = rest.split('>').next()?;
        head.contains("method=\"post\"").then(|| {
            head.split_once("action=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default().to_owned()
        })
    });
    // A place on the page ("#checks") is the page's own.
    let paths = forms.chain(values(&page.body, "<button ", "formaction=\""));
    paths.map(|path| if path.is_empty() || path.starts_with('#') { own.to_owned() } else { path }).collect()
}

/// What `attribute` says in each tag that begins so.
fn values(html: &str, tag: &str, attribute: &str) -> Vec<String> {
    let heads = html.split(tag).skip(1).filter_map(|rest| rest.split('>').next());
    heads.filter_map(|head| Some(head.split_once(attribute)?.1.split('"').next()?.replace("&amp;", "&"))).collect()
}
