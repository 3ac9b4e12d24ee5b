//! Signing in, in one step or two, and out.

use crate::Console;
use crate::language::Text;
use crate::visitor::{Problem, Visitor, own_path, page, set_session};
use api::{Code, LoggedIn, Login};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct Given {
    user: String,
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct GivenCode {
    ticket: String,
    code: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct SignIn {
    t: Text,
    user: String,
    next: String,
    /// Whether something went wrong, and what.
    message: Option<String>,
}

/// The second step.
#[derive(Template)]
#[template(path = "login_code.html")]
struct SecondStep {
    t: Text,
    user: String,
    ticket: String,
    next: String,
    message: Option<String>,
}

pub(crate) async fn get(visitor: Visitor, Query(wanted): Query<Wanted>) -> Response {
    let next = own_path(&wanted.next).to_owned();
    page(&SignIn { t: visitor.t, user: String::new(), next, message: None }, None)
}

pub(crate) async fn post(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Response {
    let Given { user, password, next } = given;
    let next = own_path(&next).to_owned();
    let login = Login { user: user.clone(), password: password.clone(), code: None, agent: agent(&headers) };
    let problem = match visitor.client.login(&login).await {
        Ok(logged_in) => return enter(&logged_in, &next),
        Err(error) => Problem::from(error),
    };
    if problem.code == Code::CodeNeeded {
        let ticket = console.tickets.seal(&user, &password);
        return page(&SecondStep { t: visitor.t, user, ticket, next, message: None }, None);
    }
    let message = Some(problem.said(&visitor.t));
    page(&SignIn { t: visitor.t, user, next, message }, Some(problem.status))
}

pub(crate) async fn code(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(given): Form<GivenCode>,
) -> Response {
    let GivenCode { ticket, code, next } = given;
    let (t, next) = (visitor.t, own_path(&next).to_owned());
    let Some((user, password)) = console.tickets.open(&ticket) else {
        let message = Some(t.say("login.too_late").to_owned());
        return page(&SignIn { t, user: String::new(), next, message }, Some(StatusCode::UNAUTHORIZED));
    };
    let login = Login { user: user.clone(), password, code: Some(code.trim().to_owned()), agent: agent(&headers) };
    let problem = match visitor.client.login(&login).await {
        Ok(logged_in) => return enter(&logged_in, &next),
        Err(error) => Problem::from(error),
    };
    let message = Some(problem.said(&t));
    // Only a wrong code is typed again; whatever else is wrong needs a new beginning.
    match problem.code {
        Code::CodeWrong => page(&SecondStep { t, user, ticket, next, message }, Some(problem.status)),
        _ => page(&SignIn { t, user, next, message }, Some(problem.status)),
    }
}

pub(crate) async fn logout(visitor: Visitor) -> Response {
    if visitor.has_session
        && let Err(error) = visitor.client.logout().await
    {
        // The cookie goes all the same; a session that core still has ends by its own time.
        tracing::info!(%error, "session not ended");
    }
    let mut response = Redirect::to("/login").into_response();
    set_session(&mut response, None);
    response
}

fn enter(logged_in: &LoggedIn, next: &str) -> Response {
    let next = if logged_in.me.must_change_password { "/password" } else { next };
    let mut response = Redirect::to(next).into_response();
    set_session(&mut response, Some(&logged_in.token));
    response
}

fn agent(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned)
}
