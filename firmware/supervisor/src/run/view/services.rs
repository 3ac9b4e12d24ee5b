//! Services and backends, and what administrators ask of them.

use super::super::control::Control;
use super::{method, rates, then};
use api::{Backend, FlowQuery, Problem, Service, StateChange};
use control::Event;
use control::drain::{Then, Wish};
use drivers::clock;
use engine::engine::FlowFilter;
use engine::tables::{self, BackendState};
use engine::{BackendIndex, NicId, ServiceIndex};
use net::Address;
use std::sync::Arc;
use std::time::Duration;

impl Control {
    /// The configuration in use.
    pub fn config(&self) -> &Arc<config::Config> {
        self.node.config()
    }

    /// Services, in the order of the configuration.
    pub fn services(&self) -> Vec<Service> {
        self.services_within(0, usize::MAX)
    }

    /// The same, `limit` of them at most, behind the first `offset`.
    pub fn services_within(&self, offset: usize, limit: usize) -> Vec<Service> {
        let wanted = self.node.config().services.iter().skip(offset).take(limit);
        wanted.filter_map(|service| self.service(service)).collect()
    }

    fn service(&self, service: &config::Service) -> Option<Service> {
        let now = clock::now();
        let index = self.service_index(&service.name)?;
        let tables = self.node.tables();
        let compiled = tables.service(index)?;
        let up = |backend: &&BackendIndex| tables.backend(**backend).is_some_and(tables::Backend::takes_flows);
        let backends_up = compiled.backends.iter().filter(up).count() as u32;
        let (active, inactive) = compiled
            .backends
            .iter()
            .chain(&compiled.fallback)
            .map(|backend| self.workers.load(backend.at()))
            .fold((0, 0), |sum, load| (sum.0 + u64::from(load.0), sum.1 + u64::from(load.1)));
        Some(Service {
            name: service.name.clone(),
            vips: service
                .vip
                .iter()
                .map(|vip| if vip.is_host() { vip.address.to_string() } else { vip.to_string() })
                .collect(),
            protocol: service.protocol,
            ports: service.ports.to_string(),
            scheduler: service.scheduler,
            method: service.method,
            backends: compiled.backends.len() as u32,
            backends_up,
            on_fallback: backends_up == 0 && compiled.fallback.is_some(),
            active,
            inactive,
            traffic: self.meters.service(&self.workers, index.at()).into(),
            rates: rates(self.meters.service_rate(now, &self.workers, index.at())),
        })
    }

    /// Backends, of one service or of all, in the order of the configuration.
    pub fn backends(&self, service: Option<&str>) -> Vec<Backend> {
        self.backends_within(service, 0, usize::MAX)
    }

    /// The same, `limit` of them at most, behind the first `offset`.
    pub fn backends_within(&self, service: Option<&str>, offset: usize, limit: usize) -> Vec<Backend> {
        let wanted = self.backend_places(service).skip(offset).take(limit);
        wanted.filter_map(|(service, backend, fallback)| self.backend(service, backend, fallback)).collect()
    }

    /// How many backends there are, and how many of them take flows; fallbacks aside.
    pub(super) fn backends_counted(&self) -> (u32, u32) {
        let tables = self.node.tables();
        let backends = self.backend_places(None).filter(|(_, _, fallback)| !fallback);
        let known = backends.filter_map(|(_, index, _)| tables.backend(index));
        known.fold((0, 0), |(all, up), backend| {
            (all + 1, up + u32::from(backend.state == BackendState::Online && backend.healthy))
        })
    }

    /// Where the backends are in the tables, with their services, and which of them are fallbacks.
    fn backend_places<'a>(
        &'a self,
        service: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a config::Service, BackendIndex, bool)> {
        let tables = self.node.tables();
        let of = move |name: &str| service.is_none_or(|wanted| wanted == name);
        let services = self.node.config().services.iter().filter(move |service| of(&service.name));
        services.filter_map(|service| Some((service, tables.service(self.service_index(&service.name)?)?))).flat_map(
            |(service, compiled)| {
                let fallback = compiled.fallback.map(|backend| (backend, true));
                let all = compiled.backends.iter().map(|backend| (*backend, false)).chain(fallback);
                all.map(move |(backend, fallback)| (service, backend, fallback))
            },
        )
    }

    fn backend(&self, service: &config::Service, index: BackendIndex, fallback: bool) -> Option<Backend> {
        let now = clock::now();
        let backend = self.node.tables().backend(index)?;
        let wish = self.node.wishes().of(&service.name, &backend.name).filter(|_| !fallback);
        let (drain_left_s, after) = match wish {
            Some(Wish::Drain { deadline: Some(deadline), then: after }) => {
                (Some(deadline.since(now).as_millis().div_ceil(1_000) as u64), Some(then(after)))
            }
            _ => (None, None),
        };
        let (active, inactive) = self.workers.load(index.at());
        Some(Backend {
            service: service.name.clone(),
            name: backend.name.clone(),
            address: backend.address.into(),
            port: backend.port,
            method: method(backend.method),
            // Tables have it as it is shared out for now.
            weight: service.backend(&backend.name).filter(|_| !fallback).map_or(backend.weight, |known| known.weight),
            state: match backend.state {
                BackendState::Online => config::BackendState::Online,
                BackendState::Drain => config::BackendState::Drain,
                BackendState::Disabled | BackendState::Removed => config::BackendState::Disabled,
            },
            healthy: backend.healthy,
            health: if fallback { None } else { self.health(&service.name, &backend.name) },
            fallback,
            drain_left_s,
            then: after,
            active: u64::from(active),
            inactive: u64::from(inactive),
            flows_max: backend.flows_max,
            traffic: self.meters.backend(&self.workers, index.at()).into(),
            rates: rates(self.meters.backend_rate(now, &self.workers, index.at())),
        })
    }

    /// Puts a backend online, drains or disables it; `None` when there is no such backend.
    pub fn change_state(&mut self, change: &StateChange) -> Option<Backend> {
        if !self.node.has_backend(&change.service, &change.backend) {
            return None;
        }
        let wish = match change.state {
            config::BackendState::Online => Wish::Online,
            config::BackendState::Disabled => Wish::Disabled,
            config::BackendState::Drain => Wish::Drain {
                deadline: change.deadline_s.map(|seconds| clock::now() + Duration::from_secs(seconds)),
                then: match change.then {
                    api::Then::Keep => Then::Keep,
                    api::Then::Reset => Then::Reset,
                },
            },
        };
        let (service, backend) = (change.service.clone(), change.backend.clone());
        tracing::info!(%service, %backend, state = %change.state, "state of a backend changed");
        let deadline = change.deadline_s.map(|seconds| format!("deadline in {seconds} s")).unwrap_or_default();
        self.teller.happened(&format!("backend-{}", change.state), format!("{service}/{backend}"), deadline);
        self.handle(Event::Wish { service, backend, wish });
        self.backends(Some(&change.service)).into_iter().find(|found| found.name == change.backend && !found.fallback)
    }

    /// Which flows a query means.
    pub fn filter(&self, query: &FlowQuery) -> Result<FlowFilter, Problem> {
        let mut filter = FlowFilter { client: query.client.map(Address::from), ..FlowFilter::default() };
        if let Some(service) = &query.service {
            let index = self.service_index(service);
            filter.service = Some(index.ok_or_else(|| Problem::new(format!("there is no service {service}")))?);
        }
        if let Some(backend) = &query.backend {
            let Some(service) = &query.service else {
                return Err(Problem::new("a backend needs its service: say both"));
            };
            let found = self.node.slots_of(service, backend).next();
            filter.backend =
                Some(found.ok_or_else(|| Problem::new(format!("there is no backend {service}/{backend}")))?);
        }
        Ok(filter)
    }

    /// Whether the configuration has a service of that name.
    pub fn has_service(&self, name: &str) -> bool {
        self.node.config().service(name).is_some()
    }

    /// The engine's number of a NIC.
    pub fn nic_id(&self, name: &str) -> Option<NicId> {
        self.node.nics().id(name)
    }

    fn service_index(&self, name: &str) -> Option<ServiceIndex> {
        let service = self.node.config().service(name)?;
        self.node.service_index(name, service.protocol == config::Protocol::Tcp)
    }
}
