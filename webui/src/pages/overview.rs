//! The node at a glance.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, page};
use api::{Link, Service, Status};
use askama::Template;
use config::Named;

/// Services and drop reasons that the overview lists; the rest is on their own pages.
const SERVICES_SHOWN: usize = 12;
const DROPS_SHOWN: usize = 5;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    t: Text,
    status: Status,
    services: Vec<Service>,
    more_services: usize,
    drops: Vec<(&'static str, api::Drop)>,
}

impl Overview {
    fn link(&self, link: &Link) -> &'static str {
        match link {
            Link::Up => self.t.say("overview.link_up"),
            Link::Down => self.t.say("overview.link_down"),
            Link::Missing => self.t.say("overview.link_missing"),
        }
    }

    /// Room in the flow table that is taken, per cent.
    fn flows_percent(&self) -> u64 {
        self.status.flows.saturating_mul(100) / self.status.flows_max.max(1)
    }
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    show(&signed, None).await
}

pub(super) async fn show(signed: &SignedIn, problem: Option<Problem>) -> Answer {
    let status = signed.client.status().await.map_err(|error| signed.stop(error))?;
    let mut services = signed.client.services().await.map_err(|error| signed.stop(error))?;
    // What is wrong first: the overview may not have room for all.
    services.sort_by_key(|service| (health(service), service.name.clone()));
    let more_services = services.len().saturating_sub(SERVICES_SHOWN);
    services.truncate(SERVICES_SHOWN);
    let mut drops = status.drops.clone();
    drops.sort_by_key(|drop| std::cmp::Reverse((drop.per_s, drop.packets)));
    drops.truncate(DROPS_SHOWN);
    let drops = drops.into_iter().map(|drop| (api::meaning_of_drop(&drop.reason).unwrap_or(""), drop)).collect();
    let code = problem.as_ref().map(|problem| problem.status);
    let frame = signed.frame("overview", problem);
    Ok(page(&Overview { frame, t: signed.t, status, services, more_services, drops }, code))
}

/// How well a service is: 0 is worst.
pub(super) fn health(service: &Service) -> u8 {
    match (service.backends_up, service.backends) {
        (0, _) => 0,
        (up, all) if up < all => 1,
        _ => 2,
    }
}
