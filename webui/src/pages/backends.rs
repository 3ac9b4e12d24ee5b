//! Backends: the list, and one with what can be done to it.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{Backend, BackendQuery, StateChange, Then};
use askama::Template;
use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use config::{BackendState, Named};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "backends.html")]
struct Backends {
    frame: Frame,
    t: Text,
    backends: Vec<Backend>,
}

#[derive(Template)]
#[template(path = "backend.html")]
struct One {
    frame: Frame,
    t: Text,
    backend: Backend,
    drains: bool,
    online: bool,
    disabled: bool,
    /// As typed, when it is to be corrected.
    deadline_s: String,
}

impl Backends {
    fn state(&self, backend: &Backend) -> &'static str {
        state(self.t, backend)
    }
}

impl One {
    fn state(&self) -> &'static str {
        state(self.t, &self.backend)
    }

    fn why(&self) -> &'static str {
        why(self.t, &self.backend)
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    state: String,
    #[serde(default)]
    deadline_s: String,
    #[serde(default)]
    then: String,
}

pub(crate) async fn list(signed: SignedIn) -> Answer {
    let backends = signed.client.backends(&BackendQuery::default()).await.map_err(|error| signed.stop(error))?;
    Ok(page(&Backends { frame: signed.frame("backends", None), t: signed.t, backends }, None))
}

pub(crate) async fn one(signed: SignedIn, Path((service, name)): Path<(String, String)>) -> Answer {
    show_one(&signed, &service, &name, String::new(), None).await
}

pub(crate) async fn change(
    signed: SignedIn,
    Path((service, name)): Path<(String, String)>,
    Form(wanted): Form<Wanted>,
) -> Answer {
    let typed = wanted.deadline_s.trim().to_owned();
    let deadline_s = if typed.is_empty() { Ok(None) } else { typed.parse().map(Some) };
    let (Some(state), Ok(deadline_s)) = (BackendState::from_name(&wanted.state), deadline_s) else {
        let problem = Problem::refuse(signed.t.say("backends.deadline_wrong"));
        return show_one(&signed, &service, &name, typed, Some(problem)).await;
    };
    let then = if wanted.then == "reset" { Then::Reset } else { Then::Keep };
    let drains = state == BackendState::Drain;
    let change = StateChange {
        service: service.clone(),
        backend: name.clone(),
        state,
        deadline_s: deadline_s.filter(|_| drains),
        then: if drains { then } else { Then::Keep },
    };
    match signed.client.change_state(&change).await {
        Ok(_) => Ok(done("state", &format!("/backends/{}/{}", show::in_path(&service), show::in_path(&name)))),
        Err(error) => show_one(&signed, &service, &name, typed, Some(signed.told(error)?)).await,
    }
}

async fn show_one(
    signed: &SignedIn,
    service: &str,
    name: &str,
    deadline_s: String,
    problem: Option<Problem>,
) -> Answer {
    let query = BackendQuery { service: Some(service.to_owned()) };
    let mut backends = signed.client.backends(&query).await.map_err(|error| signed.stop(error))?;
    let code = problem.as_ref().map(|problem| problem.status);
    let Some(at) = backends.iter().position(|backend| backend.name == name) else {
        let gone = Problem::refuse(signed.t.say("backends.gone"));
        let frame = signed.frame("backends", Some(gone));
        return Ok(page(&Backends { frame, t: signed.t, backends }, Some(StatusCode::NOT_FOUND)));
    };
    let backend = backends.swap_remove(at);
    let [drains, online, disabled] =
        [BackendState::Drain, BackendState::Online, BackendState::Disabled].map(|state| backend.state == state);
    let frame = signed.frame("backends", problem);
    Ok(page(&One { frame, t: signed.t, backend, drains, online, disabled, deadline_s }, code))
}

/// One word for wish and health together, with a sign that needs no colour.
pub(super) fn state(t: Text, backend: &Backend) -> &'static str {
    match (backend.state, backend.healthy) {
        (BackendState::Disabled, _) => t.say("backends.disabled"),
        (_, false) => t.say("backends.down"),
        (BackendState::Drain, true) => t.say("backends.draining"),
        (BackendState::Online, true) => t.say("backends.up"),
    }
}

// GAP(issue 3): the transcript of the last failed check is not in the API yet.
fn why(t: Text, backend: &Backend) -> &'static str {
    match (backend.state, backend.healthy) {
        (BackendState::Disabled, _) => t.say("backends.why_disabled"),
        (_, false) => t.say("backends.why_down"),
        (BackendState::Drain, true) => t.say("backends.why_draining"),
        (BackendState::Online, true) => t.say("backends.why_up"),
    }
}
