//! What holds for every page: headers that tell the browser what it must not do, requests of other sites refused, requests
//! of a bounded size and time.

use crate::hear_out::hear_out;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a form: a document of the largest size core takes, percent-encoded.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Time for a request, reading it included; core has 60 s for its answer.
const REQUEST_LIMIT: Duration = Duration::from_secs(75);

/// No Strict-Transport-Security: with a self-signed certificate it would lock people out once the certificate changes.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not "no-referrer": browsers would then say `Origin: null` of our own forms (Fetch, "append a request Origin header").
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// `pages` with all of it around, and `rest`, which knows its own size, time and callers.
pub(crate) fn around(pages: Router, rest: Router) -> Router {
    pages
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(check))
        .merge(rest)
        .layer(from_fn(hear_out))
        .layer(from_fn(add_headers))
}

async fn check(request: Request, next: Next) -> Response {
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reading && !is_of_this_site(request.headers()) {
        return (StatusCode::FORBIDDEN, "This request comes from another site.\n").into_response();
    }
    match timeout(REQUEST_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "This took too long.\n").into_response(),
    }
}

async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages are of one person and one moment; assets say otherwise for themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser says that another site made it ask; programs and people who type an address say nothing.
pub(crate) fn is_of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get(HeaderName::from_static("sec-fetch-site"));
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// Whether a page of ours sent it. Browsers say so in `Sec-Fetch-Site`; older ones in `Origin`. A request that says neither
/// is refused: no browser sends a form so, and programs have the API.
pub(crate) fn is_of_this_site(headers: &HeaderMap) -> bool {
    let word = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let origin = || {
        let host = word(header::HOST).filter(|host| !host.is_empty())?;
        Some(word(header::ORIGIN)?.strip_prefix("https://") == Some(host))
    };
    match word(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => site == "same-origin" && origin() != Some(false),
        None => origin() == Some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_other_sites() {
        let cases: &[(&[(&'static str, &'static str)], bool)] = &[
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://box")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil")], false),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://box")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://box")], true),
            (&[("origin", "http://box")], false),
            (&[("origin", "https://box.evil")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ];
        for (given, expected) in cases {
            let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("box"))]);
            headers.extend(
                given.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))),
            );
            assert_eq!(is_of_this_site(&headers), *expected, "{given:?}");
        }
    }
}
