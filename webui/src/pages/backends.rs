//! Backends: the list, and one with what can be done to it.

use crate::language::Text;
use crate::pager::{Pager, ROWS_MAX, Wanted};
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, Stop, done, page};
use api::{Backend, BackendDetail, BackendName, BackendQuery, CheckAnswer, CheckState, StateChange, Then};
use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use config::{BackendState, Named};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "backends.html")]
struct Backends {
    frame: Frame,
    t: Text,
    backends: Vec<Backend>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "backend.html")]
struct One {
    frame: Frame,
    t: Text,
    backend: Backend,
    /// What its checks met.
    checks: Vec<CheckState>,
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

    /// How a check stands, with a sign that needs no colour.
    fn stands(&self, check: &CheckState) -> &'static str {
        match &check.answer {
            None => self.t.say("checks.none_yet"),
            Some(answer) if answer.not_asked => self.t.say("checks.not_asked"),
            Some(answer) if answer.passed => self.t.say("checks.passed"),
            Some(_) => self.t.say("checks.failed"),
        }
    }

    /// The last failure, when it is not the latest answer anyway.
    fn earlier<'a>(&self, check: &'a CheckState) -> Option<&'a CheckAnswer> {
        let latest_failed = check.answer.as_ref().is_some_and(|answer| !answer.passed);
        check.failure.as_ref().filter(|_| !latest_failed)
    }
}

#[derive(Deserialize)]
pub(crate) struct Change {
    state: String,
    #[serde(default)]
    deadline_s: String,
    #[serde(default)]
    then: String,
}

pub(crate) async fn list(signed: SignedIn, Query(wanted): Query<Wanted>) -> Answer {
    show_list(&signed, wanted, None).await
}

async fn show_list(signed: &SignedIn, Wanted { from }: Wanted, problem: Option<Problem>) -> Answer {
    let query = BackendQuery { service: None, offset: Some(from), limit: Some(ROWS_MAX + 1) };
    let mut backends = signed.client.backends(&query).await.map_err(|error| signed.stop(error))?;
    let pager = Pager::counted("/backends", &[], from, &mut backends);
    let code = problem.as_ref().map(|problem| problem.status);
    Ok(page(&Backends { frame: signed.frame("backends", problem), t: signed.t, backends, pager }, code))
}

pub(crate) async fn one(signed: SignedIn, Path((service, name)): Path<(String, String)>) -> Answer {
    show_one(&signed, &service, &name, String::new(), None).await
}

pub(crate) async fn change(
    signed: SignedIn,
    Path((service, name)): Path<(String, String)>,
    Form(wanted): Form<Change>,
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
    let code = problem.as_ref().map(|problem| problem.status);
    let Some(BackendDetail { backend, checks }) = find(signed, service, name).await? else {
        let gone = Problem { status: StatusCode::NOT_FOUND, ..Problem::refuse(signed.t.say("backends.gone")) };
        return show_list(signed, Wanted::default(), Some(gone)).await;
    };
    let [drains, online, disabled] =
        [BackendState::Drain, BackendState::Online, BackendState::Disabled].map(|state| backend.state == state);
    let frame = signed.frame("backends", problem);
    Ok(page(&One { frame, t: signed.t, backend, checks, drains, online, disabled, deadline_s }, code))
}

/// A backend with what its checks met; a fallback has none.
async fn find(signed: &SignedIn, service: &str, name: &str) -> Result<Option<BackendDetail>, Stop> {
    let query = BackendName { service: service.to_owned(), backend: name.to_owned() };
    match signed.client.backend_detail(&query).await {
        Ok(detail) => return Ok(Some(detail)),
        Err(api::Error::Refused { status: 404, .. }) => {}
        Err(error) => return Err(signed.stop(error)),
    }
    let query = BackendQuery { service: Some(service.to_owned()), ..BackendQuery::default() };
    let backends = match signed.client.backends(&query).await {
        Ok(backends) => backends,
        Err(api::Error::Refused { status: 404, .. }) => Vec::new(),
        Err(error) => return Err(signed.stop(error)),
    };
    let backend = backends.into_iter().find(|backend| backend.name == name);
    Ok(backend.map(|backend| BackendDetail { backend, checks: Vec::new() }))
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

fn why(t: Text, backend: &Backend) -> &'static str {
    match (backend.state, backend.healthy) {
        (BackendState::Disabled, _) => t.say("backends.why_disabled"),
        (_, false) => t.say("backends.why_down"),
        (BackendState::Drain, true) => t.say("backends.why_draining"),
        (BackendState::Online, true) => t.say("backends.why_up"),
    }
}
