//! Services: the list, and one with its backends.

use crate::language::Text;
use crate::pages::backends;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, Stop, page};
use api::{Backend, BackendQuery, Service};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;

#[derive(Template)]
#[template(path = "services.html")]
struct Services {
    frame: Frame,
    t: Text,
    services: Vec<Service>,
}

#[derive(Template)]
#[template(path = "service.html")]
struct One {
    frame: Frame,
    t: Text,
    service: Service,
    backends: Vec<Backend>,
}

impl One {
    fn state(&self, backend: &Backend) -> &'static str {
        backends::state(self.t, backend)
    }
}

pub(crate) async fn list(signed: SignedIn) -> Answer {
    let services = signed.client.services().await.map_err(|error| signed.stop(error))?;
    Ok(page(&Services { frame: signed.frame("services", None), t: signed.t, services }, None))
}

pub(crate) async fn one(signed: SignedIn, Path(name): Path<String>) -> Answer {
    let Some(service) = find(&signed, &name).await? else { return gone(&signed).await };
    let query = BackendQuery { service: Some(name) };
    let backends = signed.client.backends(&query).await.map_err(|error| signed.stop(error))?;
    Ok(page(&One { frame: signed.frame("services", None), t: signed.t, service, backends }, None))
}

/// The service called `name`.
pub(super) async fn find(signed: &SignedIn, name: &str) -> Result<Option<Service>, Stop> {
    let services = signed.client.services().await.map_err(|error| signed.stop(error))?;
    Ok(services.into_iter().find(|service| service.name == name))
}

/// The list in the place of a service that is not there.
pub(super) async fn gone(signed: &SignedIn) -> Answer {
    let services = signed.client.services().await.map_err(|error| signed.stop(error))?;
    let frame = signed.frame("services", Some(Problem::refuse(signed.t.say("services.gone"))));
    Ok(page(&Services { frame, t: signed.t, services }, Some(StatusCode::NOT_FOUND)))
}
