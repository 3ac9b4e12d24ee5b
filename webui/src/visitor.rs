//! Who visits: language and session from cookies, and what core says about the session.

use crate::Console;
use crate::language::{Language, Text};
use crate::places::Standing;
use crate::serve::Address;
use api::{Client, Code, Confirmation, Me, Role, Waiting};
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

/// The session. `__Host-`: of this host alone, over TLS only (RFC 6265bis 4.1.3.2).
const SESSION_COOKIE: &str = "__Host-session";
/// The language, kept for a year.
const LANGUAGE_COOKIE: &str = "__Host-language";
const COOKIE_TERMS: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";
const LANGUAGE_MAX_AGE_S: u32 = 31_536_000;

/// Somebody who may not be signed in.
pub(crate) struct Visitor {
    pub t: Text,
    /// Calls core for this visitor, with the session if there is one.
    pub client: Client,
    pub has_session: bool,
}

/// Somebody whom core knows.
pub(crate) struct SignedIn {
    pub t: Text,
    pub me: Me,
    pub client: Client,
    /// The revision in use, and whether it waits for somebody.
    confirmation: Confirmation,
    /// Key of a message about what was done just now.
    done: Option<String>,
    /// Path and query that were asked for; `None`: a form was sent, and the same cannot be asked for again.
    here: Option<String>,
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Infallible> {
        let language = cookie(&parts.headers, LANGUAGE_COOKIE).and_then(Language::from_code);
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|list| list.to_str().ok());
        let language = language.or_else(|| Language::accepted(accepted?)).unwrap_or(Language::English);
        // Every connection has its address; without one core would take the call for web's own.
        let address = parts.extensions.get::<Address>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Address(ip)| *ip);
        let client = console.client().on_behalf_of(address);
        let session = session(&parts.headers);
        Ok(Self {
            t: Text(language),
            has_session: session.is_some(),
            client: match session {
                Some(session) => client.with_secret(session),
                None => client,
            },
        })
    }
}

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Stop> {
        let Ok(Visitor { t, client, has_session }) = Visitor::from_request_parts(parts, console).await;
        if !has_session {
            return Err(Stop::at(to_login(parts.uri.path())));
        }
        let (me, confirmation) = tokio::join!(client.me(), client.confirmation());
        let me = me.map_err(|error| stop(t, parts.uri.path(), error))?;
        if let Some(standing) = parts.extensions.get::<Standing>() {
            standing.is_signed_in();
        }
        if me.must_change_password && parts.uri.path() != "/password" && parts.uri.path() != "/logout" {
            return Err(Stop::at(Redirect::to("/password").into_response()));
        }
        // Whoever has to change the password first is told nothing.
        let confirmation = confirmation.unwrap_or_default();
        let query = parts.uri.query().unwrap_or_default();
        let done = query.split('&').find_map(|pair| pair.strip_prefix("done=")).map(str::to_owned);
        let here = parts.uri.path_and_query().filter(|_| parts.method == Method::GET);
        let here = here.map(|path| without_done(path.as_str()));
        Ok(Self { t, me, client, confirmation, done, here })
    }
}

impl SignedIn {
    /// What all pages show around their own.
    pub(crate) fn frame(&self, page: &'static str, problem: Option<Problem>) -> Frame {
        let mut frame = Frame {
            me: self.me.clone(),
            page,
            // Only words of the catalogue: the address is anybody's to write.
            done: self.done.as_ref().filter(|_| problem.is_none()).and_then(|key| self.t.find(&format!("done.{key}"))),
            here: self.here.clone().unwrap_or_default(),
            revision: self.confirmation.revision,
            waiting: self.confirmation.waiting,
            problem,
        };
        if self.here.is_none() {
            let links = frame.links();
            frame.here = links.iter().find(|(key, _)| *key == page).map_or("/", |(_, path)| path).to_owned();
        }
        frame
    }

    /// Ends the request: core does not answer, or not to this visitor.
    pub(crate) fn stop(&self, error: api::Error) -> Stop {
        stop(self.t, self.here.as_deref().unwrap_or("/"), error)
    }

    /// Whether the visitor may do what takes this role.
    pub(crate) fn may(&self, role: Role) -> bool {
        self.me.role >= role
    }

    /// Ends the request unless the visitor may do what takes this role. Core would refuse it too; this says so before
    /// anything that was sent is looked at.
    pub(crate) fn needs(&self, role: Role) -> Result<(), Stop> {
        if self.may(role) { Ok(()) } else { Err(self.refused(role)) }
    }

    /// Ends the request as core would that takes this role.
    pub(crate) fn refused(&self, role: Role) -> Stop {
        let problem = api::Problem::of(Code::RoleNeeded, format!("this takes the role {role}"), &[&role]);
        self.stop(api::Error::Refused { status: StatusCode::FORBIDDEN.as_u16(), problem })
    }

    /// A refusal to be shown on the page of the act; `Err`: there is no page for it.
    pub(crate) fn told(&self, error: api::Error) -> Result<Problem, Stop> {
        match error {
            api::Error::Refused { status: 401, .. } => Err(self.stop(error)),
            error => Ok(Problem::from(error)),
        }
    }
}

/// Why an act was not done.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub status: StatusCode,
    pub code: Code,
    pub message: String,
    /// What the code leaves open.
    pub values: Vec<String>,
    /// Errors of a document, with their places.
    pub errors: Vec<config::Error>,
    pub more: usize,
}

impl Problem {
    /// A form that makes no sense.
    pub(crate) fn refuse(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message.to_owned())
    }

    /// A problem that is told as it is.
    fn new(status: StatusCode, message: String) -> Self {
        Self { status, code: Code::Other, message, values: Vec::new(), errors: Vec::new(), more: 0 }
    }

    /// In the visitor's language, as far as the catalogue knows the code. Otherwise core's own sentence, which is English,
    /// behind a few words that say whose it is.
    pub(crate) fn said(&self, t: &Text) -> String {
        if self.status == StatusCode::BAD_GATEWAY {
            return t.say("login.no_core").to_owned();
        }
        let Some(text) = t.find(&format!("problem.{}", self.code.name())) else { return self.message.clone() };
        let values = self.values.iter().map(|value| t.word("role", value)).chain([self.message.as_str()]);
        let filled = values.enumerate();
        filled.fold(text.to_owned(), |text, (at, value)| text.replace(&format!("{{{at}}}"), value))
    }
}

impl From<api::Error> for Problem {
    fn from(error: api::Error) -> Self {
        let message = error.to_string();
        match error {
            api::Error::Refused { status, problem } => {
                let api::Problem { code, values, errors, .. } = problem;
                let (errors, more) = errors.map_or((Vec::new(), 0), |found| (found.errors, found.more));
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                Self { status, code, message, values, errors, more }
            }
            _ => {
                tracing::warn!(%message, "core not reached");
                Self::new(StatusCode::BAD_GATEWAY, message)
            }
        }
    }
}

/// What all pages show around their own.
pub(crate) struct Frame {
    pub me: Me,
    pub page: &'static str,
    pub done: Option<&'static str>,
    pub problem: Option<Problem>,
    /// The page itself, to come back to.
    pub here: String,
    /// The revision in use.
    pub revision: u64,
    /// That it goes unless somebody confirms it.
    pub waiting: Option<Waiting>,
}

impl Frame {
    /// Pages that this visitor may open: key and path.
    pub(crate) fn links(&self) -> Vec<(&'static str, &'static str)> {
        let mut links =
            vec![("overview", "/"), ("services", "/services"), ("backends", "/backends"), ("flows", "/flows")];
        links.push(("graphs", "/graphs"));
        links.push(("network", "/network"));
        links.push(("history", "/history"));
        if self.may_operate() {
            links.push(("configuration", "/configuration"));
        }
        if self.is_administrator() {
            links.extend([("people", "/people"), ("audit", "/audit")]);
        }
        links.extend([("alerts", "/alerts"), ("log", "/log"), ("tools", "/tools"), ("system", "/system")]);
        links
    }

    pub(crate) fn may_operate(&self) -> bool {
        self.me.role >= Role::Operator
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.me.role >= Role::Administrator
    }
}

/// A page that is shown, or an answer that takes its place.
pub(crate) type Answer = Result<Response, Stop>;

/// An answer that ends the request early: to the sign-in, or with a page that says why.
pub(crate) struct Stop(Box<Response>);

impl Stop {
    fn at(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// A page, with the status of its problem.
pub(crate) fn page(template: &impl Template, problem: Option<StatusCode>) -> Response {
    match template.render() {
        Ok(html) => (problem.unwrap_or(StatusCode::OK), Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "page not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Back to a page that says what was done: a form is not sent again when the page is.
pub(crate) fn done(key: &str, path: &str) -> Response {
    let joint = if path.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{path}{joint}done={key}")).into_response()
}

/// Sets the session's cookie, or removes it.
pub(crate) fn set_session(response: &mut Response, session: Option<&str>) {
    let cookie = match session {
        Some(session) => format!("{SESSION_COOKIE}={session}; {COOKIE_TERMS}"),
        None => format!("{SESSION_COOKIE}=; {COOKIE_TERMS}; Max-Age=0"),
    };
    set_cookie(response, &cookie);
}

/// Sets the language's cookie.
pub(crate) fn set_language(response: &mut Response, language: Language) {
    let code = language.code();
    set_cookie(response, &format!("{LANGUAGE_COOKIE}={code}; {COOKIE_TERMS}; Max-Age={LANGUAGE_MAX_AGE_S}"));
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// A path without the message of what was done there.
fn without_done(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("done=")).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// A path of this site, whatever was asked for: nobody is sent elsewhere by a link.
pub(crate) fn own_path(path: &str) -> &str {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '"' | '<' | '>');
    if path.starts_with('/') && !path.starts_with("//") && path.chars().all(plain) { path } else { "/" }
}

/// The session that a browser says it has.
pub(crate) fn session(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, SESSION_COOKIE).filter(|session| !session.is_empty())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(of, _)| *of == name).map(|(_, value)| value)
}

fn to_login(path: &str) -> Response {
    let next = serde_urlencoded::to_string([("next", path)]).unwrap_or_default();
    Redirect::to(&if path == "/" { "/login".to_owned() } else { format!("/login?{next}") }).into_response()
}

fn stop(t: Text, path: &str, error: api::Error) -> Stop {
    let problem = match error {
        api::Error::Refused { status: 401, .. } => return Stop::at(to_login(path.split('?').next().unwrap_or("/"))),
        error => Problem::from(error),
    };
    let status = problem.status;
    Stop::at(page(&Stopped { t, problem }, Some(status)))
}

#[derive(Template)]
#[template(path = "stopped.html")]
struct Stopped {
    t: Text,
    problem: Problem,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; __Host-session=x=y"));
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-language=ja"));
        for (name, value) in
            [("a", Some("1")), (SESSION_COOKIE, Some("x=y")), (LANGUAGE_COOKIE, Some("ja")), ("b", None)]
        {
            assert_eq!(cookie(&headers, name), value, "{name}");
        }
    }

    #[test]
    fn a_message_is_told_once() {
        for (path, kept) in [("/a", "/a"), ("/a?done=x", "/a"), ("/a?b=1&done=x&c=2", "/a?b=1&c=2")] {
            assert_eq!(without_done(path), kept);
        }
    }

    #[test]
    fn paths_of_this_site() {
        for (given, path) in [
            ("/flows?client=10.0.0.1", "/flows?client=10.0.0.1"),
            ("//evil", "/"),
            ("/\\evil", "/"),
            ("https://evil", "/"),
            ("/a\r\nb", "/"),
            ("", "/"),
        ] {
            assert_eq!(own_path(given), path);
        }
    }
}
