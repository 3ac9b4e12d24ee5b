//! Every call passes here: who is it, may they, and what is written down about it. A route without an act cannot be
//! added.

use super::gate::Gate;
use super::openapi::Description;
use super::openapi::parts::{Described, Schemas, Shape};
use super::{Core, Refused};
use api::{AuditOutcome, CLIENT_HEADER, Problem};
use axum::Extension;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use axum::serve::IncomingStream;
use manage::access::{Caller, Refusal};
use manage::audit::Deed;
use manage::roles::Act;
use manage::source::Source;
use sandbox::WEB_USER;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UnixListener;

/// Who is at the other end when the kernel does not tell: nobody.
const UID_UNKNOWN: u32 = u32::MAX;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    uid: u32,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().map_or(UID_UNKNOWN, |peer| peer.uid()) }
    }
}

impl Peer {
    /// Whether the web role calls for itself, and not for somebody else; root may do what it may.
    pub(super) fn is_web_itself(self, headers: &HeaderMap) -> bool {
        (self.uid == 0 || self.uid == WEB_USER) && !headers.contains_key(CLIENT_HEADER)
    }

    /// Where a call with these headers comes from.
    pub(super) fn source(self, headers: &HeaderMap) -> Source {
        let socket = Source::Socket { uid: self.uid };
        let Some(client) = headers.get(CLIENT_HEADER) else { return socket };
        // Believed only from the web role itself, and from root, who could do anything else too.
        if self.uid != 0 && self.uid != WEB_USER {
            return socket;
        }
        let client: Option<IpAddr> = client.to_str().ok().and_then(|client| client.parse().ok());
        // Never root for somebody whose address does not make sense.
        client.map_or(Source::Socket { uid: UID_UNKNOWN }, Source::Network)
    }
}

/// A call that may be made: who makes it, what it does, and what is to be written down.
#[derive(Clone)]
pub(super) struct Call {
    /// Who.
    pub(super) caller: Caller,
    /// What.
    pub(super) act: Act,
    notes: Arc<Notes>,
}

#[derive(Default)]
struct Notes {
    detail: Mutex<String>,
    written: AtomicBool,
}

impl Call {
    fn new(caller: Caller, act: Act) -> Self {
        Self { caller, act, notes: Arc::default() }
    }

    /// What is changed, for the audit log. Secrets are removed here.
    pub(super) fn note(&self, detail: &str) {
        *self.notes.detail.lock().unwrap_or_else(PoisonError::into_inner) = manage::redact::text(detail);
    }

    /// That the record is kept already.
    pub(super) fn is_written_down(&self) {
        self.notes.written.store(true, Ordering::Release);
    }

    /// What is to be written down.
    pub(super) fn deed(&self, outcome: AuditOutcome) -> Deed {
        Deed {
            user: self.caller.user.clone(),
            role: Some(self.caller.role),
            source: self.caller.source,
            act: self.act.name(),
            outcome,
            detail: self.notes.detail.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Whether the caller may do something that only the request itself tells.
    pub(super) fn may(&self, act: Act) -> Result<(), Refused> {
        self.caller.may(act).map_err(refused)
    }
}

/// One thing that can be called.
pub(super) struct Route {
    method: MethodFilter,
    pub(super) path: &'static str,
    /// What it does; `None`: nobody has to be known for it.
    pub(super) act: Option<Act>,
    /// What it takes and gives.
    pub(super) shape: Shape,
}

impl Route {
    /// The word of its method.
    pub(super) fn method(&self) -> &'static str {
        match self.method {
            MethodFilter::GET => "GET",
            MethodFilter::POST => "POST",
            MethodFilter::PATCH => "PATCH",
            MethodFilter::PUT => "PUT",
            MethodFilter::DELETE => "DELETE",
            other => unreachable!("no route is made with {other:?}"),
        }
    }
}

/// The routes, each with its act.
pub(super) struct Routes {
    gate: Gate,
    public: Router<Core>,
    known: Router<Core>,
    listed: Vec<Route>,
    schemas: Schemas,
}

impl Routes {
    pub(super) fn new(gate: Gate) -> Self {
        Self { gate, public: Router::new(), known: Router::new(), listed: Vec::new(), schemas: Schemas::new() }
    }

    /// What `method` does on `path`, and which act that is.
    pub(super) fn add<H, T, P>(mut self, method: MethodFilter, path: &'static str, act: Act, handler: H) -> Self
    where
        H: Handler<T, Core> + Described<P>,
        T: 'static,
    {
        // On the route alone: a method that the path does not have is nothing that anybody may or may not do.
        let guarded = on(method, handler).route_layer(from_fn_with_state((self.gate.clone(), act), guard));
        self.known = self.known.route(path, guarded);
        self.list::<H, P>(method, path, Some(act))
    }

    /// What `method` does on `path` for everybody, whoever it is.
    pub(super) fn add_public<H, T, P>(mut self, method: MethodFilter, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Core> + Described<P>,
        T: 'static,
    {
        self.public = self.public.route(path, on(method, handler));
        self.list::<H, P>(method, path, None)
    }

    fn list<H: Described<P>, P>(mut self, method: MethodFilter, path: &'static str, act: Option<Act>) -> Self {
        let shape = H::shape(&mut self.schemas);
        self.listed.push(Route { method, path, act, shape });
        self
    }

    /// All of them, the list of them, and their description.
    pub(super) fn finish(self) -> (Router<Core>, Vec<Route>, Description) {
        let known = self.known.method_not_allowed_fallback(no_such_method).fallback(unknown);
        let known = known.layer(from_fn_with_state(self.gate, identify));
        let description = Description::of(&self.listed, self.schemas);
        let public = self.public.method_not_allowed_fallback(no_such_method);
        (public.merge(known), self.listed, description)
    }
}

async fn unknown() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "there is no such call")
}

async fn no_such_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "this call is not made with this method")
}

/// Who calls. Nobody gets further, not even to hear which calls there are.
async fn identify(
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let source = peer.source(request.headers());
    let bearer = match bearer(request.headers()) {
        Ok(bearer) => bearer,
        Err(refused) => return refused.into_response(),
    };
    match gate.identify(source, bearer.as_deref()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refused(refusal).into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let secret = value.to_str().ok().and_then(|value| value.split_once(' '));
    match secret {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(secret.trim().to_owned())),
        _ => Err(Refused::new(StatusCode::UNAUTHORIZED, "expected Authorization: Bearer and a session or token")),
    }
}

/// Whether the caller may, and the record of what came of it.
async fn guard(
    State((gate, act)): State<(Gate, Act)>,
    Extension(caller): Extension<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(refusal) = caller.may(act) {
        gate.write_down_refusal(&caller, act, refusal).await;
        return refused(refusal).into_response();
    }
    let call = Call::new(caller, act);
    request.extensions_mut().insert(call.clone());
    if !act.is_recorded() {
        return next.run(request).await;
    }
    // A caller that hangs up ends neither the act nor its record.
    let carried_out = tokio::spawn(async move {
        let response = next.run(request).await;
        if call.notes.written.load(Ordering::Acquire) {
            return response;
        }
        let outcome = match response.status() {
            StatusCode::FORBIDDEN => AuditOutcome::Refused,
            status if status.is_success() => AuditOutcome::Done,
            _ => AuditOutcome::Failed,
        };
        match gate.write_down(&call, outcome).await {
            Ok(()) => response,
            Err(refused) => refused.into_response(),
        }
    });
    carried_out.await.unwrap_or_else(|_| {
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "a defect in this program stopped the call").into_response()
    })
}

fn refused(refusal: Refusal) -> Refused {
    let status = match refusal {
        Refusal::Anonymous | Refusal::Unknown => StatusCode::UNAUTHORIZED,
        Refusal::PasswordFirst | Refusal::Role { .. } => StatusCode::FORBIDDEN,
    };
    Refused::with(status, Problem::from(&refusal))
}

#[cfg(test)]
mod tests;
