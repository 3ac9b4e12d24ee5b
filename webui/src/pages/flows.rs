//! Flows: looked up by service and client, and ended.

use crate::language::Text;
use crate::pager::{Pager, ROWS_MAX};
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{Flow, FlowQuery, Kill};
use askama::Template;
use axum::Form;
use axum::extract::Query;
use serde::Deserialize;

/// Flows that can be leafed through; beyond them the search is to be narrowed.
const FLOWS_LEAFED_MAX: u32 = 5_000;

#[derive(Clone, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    service: String,
    #[serde(default)]
    client: String,
    #[serde(default, deserialize_with = "crate::pager::number")]
    from: u32,
}

#[derive(Deserialize)]
pub(crate) struct Doomed {
    #[serde(default)]
    id: String,
    #[serde(default)]
    client: String,
}

#[derive(Template)]
#[template(path = "flows.html")]
struct FlowsPage {
    frame: Frame,
    t: Text,
    wanted: Wanted,
    client_wrong: bool,
    services: Vec<String>,
    flows: Vec<Flow>,
    pager: Pager,
    /// There are more than anybody can leaf through.
    more: bool,
}

pub(crate) async fn get(signed: SignedIn, Query(wanted): Query<Wanted>) -> Answer {
    show(&signed, wanted, None).await
}

pub(crate) async fn kill(signed: SignedIn, Form(doomed): Form<Doomed>) -> Answer {
    let wanted = Wanted { client: doomed.client.clone(), ..Wanted::default() };
    let kill = match (doomed.id.is_empty(), doomed.client.trim().parse()) {
        (false, _) => Kill::Flow(doomed.id),
        (true, Ok(client)) => Kill::Client(client),
        (true, Err(_)) => return show(&signed, wanted, None).await,
    };
    match signed.client.kill(&kill).await {
        Ok(killed) if killed.killed == 0 => Ok(done("killed_none", "/flows")),
        Ok(_) => Ok(done("killed", "/flows")),
        Err(error) => show(&signed, Wanted::default(), Some(signed.told(error)?)).await,
    }
}

async fn show(signed: &SignedIn, wanted: Wanted, problem: Option<Problem>) -> Answer {
    let services = signed.client.services().await.map_err(|error| signed.stop(error))?;
    let typed = wanted.client.trim();
    let client = if typed.is_empty() { Ok(None) } else { config::parse_address(typed).map(Some) };
    let client_wrong = client.is_err();
    let query = FlowQuery {
        service: Some(wanted.service.clone()).filter(|service| !service.is_empty()),
        backend: None,
        client: client.unwrap_or_default(),
        // Core lists them in the order of its tables: a page is what lies behind those before it.
        limit: Some(wanted.from.saturating_add(ROWS_MAX + 1).min(FLOWS_LEAFED_MAX)),
    };
    let mut found = match client_wrong {
        true => api::Flows::default(),
        false => signed.client.flows(&query).await.map_err(|error| signed.stop(error))?,
    };
    let mut flows: Vec<_> = found.flows.drain(..).skip(wanted.from as usize).collect();
    let words = [("service", wanted.service.as_str()), ("client", typed)];
    let pager = Pager::counted("/flows", &words, wanted.from, &mut flows);
    let more = found.more && pager.after.is_none();
    let code = problem.as_ref().map(|problem| problem.status);
    let services = services.into_iter().map(|service| service.name).collect();
    let frame = signed.frame("flows", problem);
    let shown = FlowsPage { frame, t: signed.t, wanted, client_wrong, services, flows, pager, more };
    Ok(page(&shown, code))
}
