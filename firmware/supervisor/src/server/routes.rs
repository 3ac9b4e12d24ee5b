//! Which path does what.

use super::{Core, Refused, capture, configuration, flows};
use api::{Backend, BackendQuery, Counters, Neighbor, Service, StateChange, Status, path};
use axum::extract::connect_info::Connected;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequest, FromRequestParts, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixListener;

/// Bytes of a request at most: a document as JSON text, every character of it escaped.
const REQUEST_BYTES_MAX: usize = 2 * config::DOCUMENT_BYTES_MAX + 4_096;

pub(super) type Answer<T> = Result<Json<T>, Refused>;

/// The whole API.
pub(super) fn router(core: Core) -> Router {
    Router::new()
        .route(path::STATUS, get(status))
        .route(path::SERVICES, get(services))
        .route(path::BACKENDS, get(backends))
        .route(path::BACKEND_STATE, post(change_state))
        .route(path::FLOWS, get(flows::list))
        .route(path::KILL, post(flows::kill))
        .route(path::EXPLAIN, post(flows::explain))
        .route(path::CONFIG, get(configuration::export))
        .route(path::APPLY, post(configuration::apply))
        .route(path::DIFF, post(configuration::diff).get(configuration::diff_revisions))
        .route(path::CONFIRM, post(configuration::confirm))
        .route(path::ROLLBACK, post(configuration::roll_back))
        .route(path::REVISIONS, get(configuration::revisions))
        .route(path::REVISION, get(configuration::revision))
        .route(path::CAPTURE, post(capture::start))
        .route(path::COUNTERS, get(counters))
        .route(path::NEIGHBORS, get(neighbors))
        .fallback(unknown)
        .layer(from_fn(root_only))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(core)
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|peer| peer.uid()) }
    }
}

impl Peer {
    /// What the history calls it: its name on this box, or its number when it has none.
    pub(super) fn author(self) -> String {
        let Some(uid) = self.uid else { return "unknown".to_owned() };
        // Read by hand: the C library would load its name services, which a static binary has not.
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        name_of(uid, &users).map_or_else(|| format!("uid {uid}"), str::to_owned)
    }
}

fn name_of(uid: u32, users: &str) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

// Root is administrator; nobody else has a say yet.
async fn root_only(ConnectInfo(peer): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    if peer.uid == Some(0) {
        return next.run(request).await;
    }
    Refused::new(StatusCode::FORBIDDEN, "only root may use this socket").into_response()
}

async fn unknown() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "there is no such call")
}

async fn status(State(core): State<Core>) -> Answer<Status> {
    core.ask(|control| control.status()).await.map(Json)
}

async fn services(State(core): State<Core>) -> Answer<Vec<Service>> {
    core.ask(|control| control.services()).await.map(Json)
}

async fn backends(State(core): State<Core>, Words(query): Words<BackendQuery>) -> Answer<Vec<Backend>> {
    let found = core.ask(move |control| match &query.service {
        Some(service) if control.has_service(service) => Ok(control.backends(Some(service))),
        Some(service) => Err(format!("there is no service {service}")),
        None => Ok(control.backends(None)),
    });
    found.await?.map(Json).map_err(|message| Refused::new(StatusCode::NOT_FOUND, message))
}

async fn change_state(State(core): State<Core>, Body(change): Body<StateChange>) -> Answer<Backend> {
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

async fn neighbors(State(core): State<Core>) -> Answer<Vec<Neighbor>> {
    core.ask(|control| control.neighbors()).await.map(Json)
}

/// The body of a request, as JSON.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(bad_request(rejection)),
        }
    }
}

/// The query of a request.
pub(super) struct Words<T>(pub T);

impl<T: DeserializeOwned + Serialize, S: Send + Sync> FromRequestParts<S> for Words<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Refused> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(query)| Self(query))
            .map_err(|rejection| Refused::new(StatusCode::BAD_REQUEST, rejection.body_text()))
    }
}

fn bad_request(rejection: JsonRejection) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, rejection.body_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\n# a comment\nada:x:1000:1000::/home/ada:/bin/sh\n";
        let cases = [(0, Some("root")), (1000, Some("ada")), (7, None)];
        for (uid, name) in cases {
            assert_eq!(name_of(uid, users), name);
        }
    }
}
