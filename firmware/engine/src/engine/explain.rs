//! Why a client's packet goes where it goes, or why it is dropped: the decision, without acting on it.

use super::Engine;
use super::balance::persist_key;
use crate::tables::{Backend, BackendState, Standby};
use crate::{BackendIndex, DropReason, ServiceIndex, Tuple};
use net::Now;
use net::ip::protocol;

/// The steps of a decision, as sentences, and where it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Each step.
    pub steps: Vec<String>,
    /// The service, when one was found.
    pub service: Option<ServiceIndex>,
    /// The backend, when one was found.
    pub backend: Option<BackendIndex>,
    /// The reason, when the packet would be dropped.
    pub drop: Option<DropReason>,
}

impl Explanation {
    fn say(&mut self, step: impl Into<String>) {
        self.steps.push(step.into());
    }

    fn ends(mut self, reason: DropReason, step: impl Into<String>) -> Self {
        self.say(step);
        self.drop = Some(reason);
        self
    }
}

impl Engine {
    /// What would become of a packet of `tuple` (client to VIP; for TCP, a SYN). The scheduler is asked on a copy.
    pub fn explain(&mut self, now: Now, tuple: &Tuple) -> Explanation {
        let tables = std::sync::Arc::clone(&self.tables);
        let mut told = Explanation::default();
        if let Some((id, _)) = self.flows.find(tuple, tuple.hash(tables.key), &tables) {
            let flow = self.flows.flow(id);
            told.service = Some(flow.service);
            told.backend = Some(flow.backend);
            told.say(format!(
                "an existing flow in state {}, last packet {} s ago, belongs to it",
                flow.state.name(),
                now.secs().saturating_sub(flow.last_seen_s)
            ));
            let name = tables.backend(flow.backend).map_or("?", |backend| &backend.name);
            told.say(format!("its backend is {name}"));
            return told;
        }
        told.say("no existing flow");
        let Some(vip) = tables.vips.find(tuple.destination) else {
            return told.ends(DropReason::NoFlow, format!("{} is not one of our service addresses", tuple.destination));
        };
        let tcp = tuple.protocol == protocol::TCP;
        let Some((index, service)) = vip
            .service(tcp, tuple.destination_port)
            .and_then(|index| tables.service(index).map(|service| (index, service)))
        else {
            let protocol = if tcp { "TCP" } else { "UDP" };
            return told
                .ends(DropReason::NoService, format!("no service on {protocol} port {}", tuple.destination_port));
        };
        told.service = Some(index);
        told.say(format!("service {}", service.name));
        if let Some(key) = persist_key(index, service, tuple) {
            match self.persistence.find(&key, now) {
                Some(entry) => told.say(format!("a persistence entry of {} points to {}", key.client, entry.address)),
                None => told.say(format!("no persistence entry of {}", key.client)),
            }
        }
        for backend in &service.backends {
            let Some(backend) = tables.backend(*backend) else { continue };
            if let Some(why) = unavailable(backend) {
                told.say(format!("{} takes no new flows: {why}", backend.name));
            }
        }
        self.explain_choice(now, told, index, tuple)
    }

    fn explain_choice(&mut self, now: Now, mut told: Explanation, index: ServiceIndex, tuple: &Tuple) -> Explanation {
        let tables = std::sync::Arc::clone(&self.tables);
        let Some(service) = tables.service(index) else { return told };
        let scheduler = self.schedulers[index.at()].clone();
        let moment = super::Moment { now, tables: &tables };
        let choice = self.choose(moment, index, service, tuple);
        self.schedulers[index.at()] = scheduler;
        for candidate in &self.candidates {
            if candidate.overloaded {
                let name = tables.backend(candidate.backend).map_or("?", |backend| &backend.name);
                told.say(format!("{name} is full: {} flows", candidate.active + candidate.inactive));
            }
        }
        match choice {
            Ok(backend) => {
                told.backend = Some(backend);
                let name = tables.backend(backend).map_or("?", |backend| &backend.name);
                let how = if service.fallback == Some(backend) {
                    "the fallback".into()
                } else {
                    format!("{:?}", service.scheduler).to_lowercase()
                };
                told.say(format!("{how} chooses {name}"));
                told
            }
            Err(reason) => {
                told.ends(reason, "no backend is online, healthy and below its limit, and there is no fallback")
            }
        }
    }
}

fn unavailable(backend: &Backend) -> Option<&'static str> {
    match backend.state {
        BackendState::Drain => Some("it is draining"),
        BackendState::Disabled => Some("it is disabled"),
        BackendState::Removed => Some("it was removed from the configuration"),
        BackendState::Online if !backend.healthy => Some("its health checks fail"),
        BackendState::Online if let Some(standby) = backend.standby => Some(match standby {
            Standby::Priority => "backends of a higher priority are enough",
            Standby::Quorum => "too few backends are healthy, so the fallback takes the flows",
            Standby::Feedback => "it asks for none itself",
        }),
        BackendState::Online if backend.weight == 0 => Some("its weight is 0"),
        BackendState::Online => None,
    }
}
