//! The API for programs: each call goes to core as it is, with the caller's own token and address, and the answer comes back
//! as it is. Scripts of the console's own pages may use its cookie instead of a token.

use crate::Console;
use crate::guard::{is_of_another_site, is_of_this_site};
use crate::places::Standing;
use crate::serve::{Address, Lasting};
use crate::visitor::session;
use api::Problem;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use http_body_util::{LengthLimitError, Limited};
use std::error::Error;
use std::time::Duration;
use tokio::time::timeout;

/// Time until core begins to answer, reading the request included; core takes 30 s for any answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(75);
/// Time that an answer may last which is not a document but bytes: a capture, events, the audit log.
const BYTES_LIMIT: Duration = Duration::from_secs(api::CAPTURE_SECONDS_MAX + 60);
/// Heads that core hears of.
const ASKED: [HeaderName; 7] = [
    header::ACCEPT,
    header::AUTHORIZATION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::IF_NONE_MATCH,
    HeaderName::from_static("last-event-id"),
    header::USER_AGENT,
];
/// Heads of answers that callers hear of.
const ANSWERED: [HeaderName; 7] = [
    header::ALLOW,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::ETAG,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
];

/// All of it: core says which paths there are.
pub(crate) fn router(console: Console) -> Router {
    Router::new()
        .route("/api", any(pass))
        .route("/api/", any(pass))
        .route("/api/{*path}", any(pass))
        .route(api::path::METRICS, any(pass))
        .with_state(console)
}

async fn pass(
    State(console): State<Console>,
    Extension(Address(address)): Extension<Address>,
    Extension(lasting): Extension<Lasting>,
    Extension(standing): Extension<Standing>,
    request: Request,
) -> Response {
    let mut client = console.client().on_behalf_of(address);
    let headers = request.headers();
    // A browser sends a cookie with whatever another site makes it ask; a token only a program can add.
    if !headers.contains_key(header::AUTHORIZATION)
        && let Some(session) = session(headers)
    {
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        if if reading { is_of_another_site(headers) } else { !is_of_this_site(headers) } {
            return refuse(StatusCode::FORBIDDEN, "this request comes from another site");
        }
        client = client.with_secret(session);
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > api::REQUEST_BYTES_MAX) {
        return too_large();
    }
    match timeout(ANSWER_LIMIT, client.pass(asked(request))).await {
        Ok(Ok(response)) => {
            // To strangers there is no success but that of a log-in.
            if response.status().is_success() {
                standing.is_signed_in();
            }
            answered(response, &lasting)
        }
        Ok(Err(api::Error::Connection { source, .. })) if is_too_large(&source) => too_large(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "call not passed on");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the node is not running or too busy to answer; try again")
        }
        Err(_) => {
            let message = format!("no answer within {} s, or the request took so long", ANSWER_LIMIT.as_secs());
            refuse(StatusCode::SERVICE_UNAVAILABLE, &message)
        }
    }
}

fn asked(request: Request) -> Request<Limited<Body>> {
    let (mut parts, body) = request.into_parts();
    parts.headers = chosen(&parts.headers, &ASKED);
    parts.extensions.clear();
    // Whatever the caller speaks: the connection to core is another one.
    parts.version = axum::http::Version::HTTP_11;
    Request::from_parts(parts, Limited::new(body, api::REQUEST_BYTES_MAX))
}

fn answered(response: axum::http::Response<hyper::body::Incoming>, lasting: &Lasting) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers = chosen(&parts.headers, &ANSWERED);
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if parts.status.is_success() && kind.is_some_and(|kind| kind != "application/json") {
        lasting.until_after(BYTES_LIMIT);
    }
    Response::from_parts(parts, Body::new(body))
}

fn chosen(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    names.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect()
}

fn is_too_large(error: &hyper::Error) -> bool {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn too_large() -> Response {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("a request has {} bytes at most", api::REQUEST_BYTES_MAX))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(Problem::new(message))).into_response()
}
