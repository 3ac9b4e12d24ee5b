//! The visitor's own password; at the first log-in it has to be changed.

use crate::language::Text;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{PasswordChange, Role};
use askama::Template;
use axum::Form;
use axum::response::Response;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Given {
    old: String,
    new: String,
    again: String,
}

#[derive(Template)]
#[template(path = "password.html")]
struct Password {
    frame: Frame,
    t: Text,
}

pub(crate) async fn get(signed: SignedIn) -> Response {
    show(&signed, None)
}

pub(crate) async fn post(signed: SignedIn, Form(given): Form<Given>) -> Answer {
    if given.new != given.again {
        return Ok(show(&signed, Some(Problem::refuse(signed.t.say("password.differ")))));
    }
    match signed.client.change_password(&PasswordChange { old: given.old, new: given.new }).await {
        Ok(_) => Ok(done("password", next(&signed).await)),
        // A wrong old password is answered as a failed log-in is; the session itself was looked at before.
        Err(error) => Ok(show(&signed, Some(Problem::from(error)))),
    }
}

/// Whoever chose the first password of a box that is not set up yet goes on with that.
async fn next(signed: &SignedIn) -> &'static str {
    if !signed.me.must_change_password || !signed.may(Role::Administrator) {
        return "/";
    }
    match signed.client.status().await {
        Ok(status) if status.nics.is_empty() => "/setup",
        _ => "/",
    }
}

fn show(signed: &SignedIn, problem: Option<Problem>) -> Response {
    let status = problem.as_ref().map(|problem| problem.status);
    page(&Password { frame: signed.frame("password", problem), t: signed.t }, status)
}
