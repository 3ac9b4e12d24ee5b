//! Which path does what.

use super::access::{Call, Route, Routes};
use super::gate::Gate;
use super::openapi::Description;
use super::{
    Core, Refused, alerts, backup, capture, configuration, console, doctor, dry_run, events, flows, graphs, log,
    metrics, openapi, people, support, tools,
};
use api::{
    Backend, BackendDetail, BackendName, BackendQuery, Counters, FoundNic, Neighbor, Network, Service, ServiceQuery,
    StateChange, Status, path,
};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, get};
use axum::{Extension, Json, Router};
use manage::roles::Act;
use serde::Serialize;
use serde::de::DeserializeOwned;

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PATCH: MethodFilter = MethodFilter::PATCH;
const DELETE: MethodFilter = MethodFilter::DELETE;

pub(super) type Answer<T> = Result<Json<T>, Refused>;

/// The whole API.
pub(super) fn router(core: Core) -> Router {
    let (router, _, description) = routes(core.gate.clone());
    // No part of the API: the web role passes nothing of it on.
    let router = router.route(path::CONSOLE, get(console::terms));
    let router = router.layer(Extension(description)).layer(DefaultBodyLimit::max(api::REQUEST_BYTES_MAX));
    router.layer(from_fn(webui::hear_out)).with_state(core)
}

/// All routes, the list of them, and their description; what it calls them is in `openapi/words.rs`.
pub(super) fn routes(gate: Gate) -> (Router<Core>, Vec<Route>, Description) {
    let node = Routes::new(gate)
        .add(GET, path::OPENAPI, Act::Description, openapi::document)
        .add(GET, path::STATUS, Act::Status, status)
        .add(GET, path::SERVICES, Act::Status, services)
        .add(GET, path::BACKENDS, Act::Status, backends)
        .add(GET, path::BACKEND_DETAIL, Act::Status, backend_detail)
        .add(POST, path::BACKEND_STATE, Act::BackendState, change_state)
        .add(GET, path::FLOWS, Act::Flows, flows::list)
        .add(POST, path::KILL, Act::Kill, flows::kill)
        .add(POST, path::EXPLAIN, Act::Flows, flows::explain)
        .add(POST, path::DOCTOR, Act::Doctor, doctor::visit)
        .add(POST, path::DRY_RUN, Act::DryRun, dry_run::run)
        .add(GET, path::CONFIG, Act::Export, configuration::export)
        .add(POST, path::APPLY, Act::Apply, configuration::apply)
        .add(POST, path::DIFF, Act::Diff, configuration::diff)
        .add(GET, path::DIFF, Act::Diff, configuration::diff_revisions)
        .add(GET, path::CONFIRM, Act::History, configuration::confirmation)
        .add(POST, path::CONFIRM, Act::Confirm, configuration::confirm)
        .add(POST, path::ROLLBACK, Act::Rollback, configuration::roll_back)
        .add(GET, path::REVISIONS, Act::History, configuration::revisions)
        .add(GET, path::REVISION, Act::Export, configuration::revision)
        .add(POST, path::BACKUP, Act::Backup, backup::make)
        .add(POST, path::RESTORE_LOOK, Act::Restore, backup::look)
        .add(POST, path::RESTORE, Act::Restore, backup::restore)
        .add(POST, path::SUPPORT_BUNDLE, Act::SupportBundle, support::make)
        .add(GET, path::CERTIFICATE, Act::Status, console::certificate)
        .add(POST, path::CERTIFICATE, Act::Certificate, console::set)
        .add(DELETE, path::CERTIFICATE, Act::Certificate, console::renew)
        .add(POST, path::SIGNING_REQUEST, Act::Certificate, console::request)
        .add(DELETE, path::SIGNING_REQUEST, Act::Certificate, console::forget)
        .add(GET, path::ALERTS, Act::Alerts, alerts::look)
        .add(POST, path::ALERT_TEST, Act::TestAlert, alerts::test)
        .add(GET, path::LOG, Act::Log, log::lines)
        .add(GET, path::EVENTS, Act::Events, events::listen)
        .add(POST, path::PING, Act::Tools, tools::ping)
        .add(POST, path::TRACE, Act::Tools, tools::trace)
        .add(POST, path::PORT, Act::Tools, tools::port)
        .add(GET, path::KERNEL_NEIGHBORS, Act::Status, tools::neighbors)
        .add(POST, path::CAPTURE, Act::Capture, capture::start)
        .add(GET, path::GRAPHS, Act::Graphs, graphs::graph)
        .add(GET, path::METRICS, Act::Metrics, metrics::metrics)
        .add(GET, path::COUNTERS, Act::Status, counters)
        .add(GET, path::LINKS, Act::Status, links)
        .add(GET, path::NETWORK, Act::Status, network)
        .add(GET, path::NEIGHBORS, Act::Status, neighbors);
    people_routes(node).finish()
}

fn people_routes(routes: Routes) -> Routes {
    routes
        .add_public(POST, path::LOGIN, people::login)
        .add(POST, path::LOGOUT, Act::Logout, people::logout)
        .add(GET, path::ME, Act::Me, people::me)
        .add(POST, path::OWN_PASSWORD, Act::OwnPassword, people::own_password)
        .add(POST, path::OWN_SECOND_FACTOR, Act::OwnSecondFactor, people::offer_second_factor)
        .add(POST, path::OWN_SECOND_FACTOR_CODE, Act::OwnSecondFactor, people::confirm_second_factor)
        .add(POST, path::OWN_SECOND_FACTOR_REMOVE, Act::OwnSecondFactor, people::remove_second_factor)
        .add(GET, path::OWN_SESSIONS, Act::OwnSessions, people::own_logins)
        .add(DELETE, path::OWN_SESSION, Act::EndOwnSessions, people::end_own_login)
        .add(GET, path::OWN_TOKENS, Act::OwnTokens, people::own_tokens)
        .add(POST, path::OWN_TOKENS, Act::MakeToken, people::make_own_token)
        .add(DELETE, path::OWN_TOKEN, Act::RevokeToken, people::revoke_own_token)
        .add(GET, path::USERS, Act::Users, people::users)
        .add(POST, path::USERS, Act::ChangeUsers, people::add_user)
        .add(PATCH, path::USER, Act::ChangeUsers, people::change_user)
        .add(DELETE, path::USER, Act::ChangeUsers, people::remove_user)
        .add(POST, path::USER_PASSWORD, Act::ChangeUsers, people::set_password)
        .add(DELETE, path::USER_SESSIONS, Act::EndSessions, people::end_logins_of)
        .add(GET, path::SESSIONS, Act::Sessions, people::all_logins)
        .add(DELETE, path::SESSION, Act::EndSessions, people::end_any_login)
        .add(GET, path::TOKENS, Act::Tokens, people::all_tokens)
        .add(POST, path::TOKENS, Act::ChangeTokens, people::make_any_token)
        .add(DELETE, path::TOKEN, Act::ChangeTokens, people::revoke_any_token)
        .add(GET, path::AUDIT, Act::Audit, people::audit)
        .add(GET, path::AUDIT_EXPORT, Act::Audit, people::audit_export)
        .add(GET, path::AUDIT_CHECK, Act::Audit, people::audit_check)
}

async fn status(State(core): State<Core>) -> Answer<Status> {
    core.ask(|control| control.status()).await.map(Json)
}

async fn services(State(core): State<Core>, Words(query): Words<ServiceQuery>) -> Answer<Vec<Service>> {
    let (offset, limit) = (at(query.offset, 0), at(query.limit, usize::MAX));
    core.ask(move |control| control.services_within(offset, limit)).await.map(Json)
}

/// A number of a query, which may be missing.
fn at(number: Option<u32>, otherwise: usize) -> usize {
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or(otherwise)
}

async fn backends(State(core): State<Core>, Words(query): Words<BackendQuery>) -> Answer<Vec<Backend>> {
    let (offset, limit) = (at(query.offset, 0), at(query.limit, usize::MAX));
    let found = core.ask(move |control| match &query.service {
        Some(service) if control.has_service(service) => Ok(control.backends_within(Some(service), offset, limit)),
        Some(service) => Err(format!("there is no service {service}")),
        None => Ok(control.backends_within(None, offset, limit)),
    });
    found.await?.map(Json).map_err(|message| Refused::new(StatusCode::NOT_FOUND, message))
}

async fn backend_detail(State(core): State<Core>, Words(name): Words<BackendName>) -> Answer<BackendDetail> {
    let missing = format!("there is no backend {}/{}", name.service, name.backend);
    let found = core.ask(move |control| control.backend_detail(&name.service, &name.backend)).await?;
    found.map(Json).ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, missing))
}

async fn change_state(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(change): Body<StateChange>,
) -> Answer<Backend> {
    call.note(&format!("{}/{}: {}", change.service, change.backend, change.state));
    let missing = format!("there is no backend {}/{}", change.service, change.backend);
    if change.deadline_s.is_some() && change.state != config::BackendState::Drain {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "only a drain has a deadline"));
    }
    let changed = core.ask(move |control| control.change_state(&change)).await?;
    changed.map(Json).ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, missing))
}

async fn counters(State(core): State<Core>) -> Answer<Counters> {
    core.ask(|control| control.counters()).await.map(Json)
}

async fn links(State(core): State<Core>) -> Answer<Vec<FoundNic>> {
    core.ask(|control| control.links()).await.map(Json)
}

async fn network(State(core): State<Core>) -> Answer<Network> {
    core.ask(|control| control.network()).await.map(Json)
}

async fn neighbors(State(core): State<Core>) -> Answer<Vec<Neighbor>> {
    core.ask(|control| control.neighbors()).await.map(Json)
}

/// The body of a request, as JSON.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        Json::from_request(request, state).await.map(|Json(body)| Self(body)).map_err(|rejection: JsonRejection| {
            let status = match rejection.status() {
                status @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE) => status,
                // 422 is for documents whose errors have places.
                _ => StatusCode::BAD_REQUEST,
            };
            Refused::new(status, rejection.body_text())
        })
    }
}

/// The query of a request.
pub(super) struct Words<T>(pub T);

impl<T: DeserializeOwned + Serialize, S: Send + Sync> FromRequestParts<S> for Words<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(query)| Self(query))
            .map_err(|rejection| Refused::new(StatusCode::BAD_REQUEST, rejection.body_text()))
    }
}

/// What the path names.
pub(super) struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let name: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name))
            .map_err(|rejection| Refused::new(StatusCode::BAD_REQUEST, rejection.body_text()))
    }
}
