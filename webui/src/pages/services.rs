//! Services: the list, and one with its backends.

use crate::language::Text;
use crate::pager::{Pager, ROWS_MAX, Wanted};
use crate::pages::backends;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, Stop, page};
use api::{Backend, BackendQuery, Service, ServiceQuery};
use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;

#[derive(Template)]
#[template(path = "services.html")]
struct Services {
    frame: Frame,
    t: Text,
    services: Vec<Service>,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "service.html")]
struct One {
    frame: Frame,
    t: Text,
    service: Service,
    backends: Vec<Backend>,
    pager: Pager,
}

impl One {
    fn state(&self, backend: &Backend) -> &'static str {
        backends::state(self.t, backend)
    }
}

pub(crate) async fn list(signed: SignedIn, Query(wanted): Query<Wanted>) -> Answer {
    show_list(&signed, wanted, None).await
}

async fn show_list(signed: &SignedIn, Wanted { from }: Wanted, problem: Option<Problem>) -> Answer {
    let query = ServiceQuery { offset: Some(from), limit: Some(ROWS_MAX + 1) };
    let mut services = signed.client.services_within(&query).await.map_err(|error| signed.stop(error))?;
    let pager = Pager::counted("/services", &[], from, &mut services);
    let code = problem.as_ref().map(|problem| problem.status);
    Ok(page(&Services { frame: signed.frame("services", problem), t: signed.t, services, pager }, code))
}

pub(crate) async fn one(signed: SignedIn, Path(name): Path<String>, Query(Wanted { from }): Query<Wanted>) -> Answer {
    let Some(service) = find(&signed, &name).await? else { return gone(&signed).await };
    let path = format!("/services/{}", show::in_path(&name));
    let query = BackendQuery { service: Some(name), offset: Some(from), limit: Some(ROWS_MAX + 1) };
    let mut backends = signed.client.backends(&query).await.map_err(|error| signed.stop(error))?;
    let pager = Pager::counted(&path, &[], from, &mut backends);
    Ok(page(&One { frame: signed.frame("services", None), t: signed.t, service, backends, pager }, None))
}

/// The service called `name`.
pub(super) async fn find(signed: &SignedIn, name: &str) -> Result<Option<Service>, Stop> {
    let services = signed.client.services().await.map_err(|error| signed.stop(error))?;
    Ok(services.into_iter().find(|service| service.name == name))
}

/// The list in the place of a service that is not there.
pub(super) async fn gone(signed: &SignedIn) -> Answer {
    let gone = Problem { status: StatusCode::NOT_FOUND, ..Problem::refuse(signed.t.say("services.gone")) };
    show_list(signed, Wanted::default(), Some(gone)).await
}
