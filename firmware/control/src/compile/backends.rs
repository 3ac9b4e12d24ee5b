//! Backends of the tables: where each is, how it is reached, whether it takes flows.

use super::routes;
use super::weights;
use super::words;
use super::{BackendKey, Compiler, ServiceKey};
use crate::health::PER_MILLE;
use crate::slots::{Full, Place as Slot};
use engine::tables::{Backend, BackendState, Method, Service, Standby};
use engine::{BackendIndex, HopIndex, ServiceIndex};
use net::Address;

/// Name of a service's fallback where names of backends are shown.
const FALLBACK_NAME: &str = "fallback";

pub(super) fn key(service_key: &ServiceKey, service: &config::Service, backend: &config::Backend) -> BackendKey {
    BackendKey {
        service: service_key.clone(),
        name: Some(backend.name.clone()),
        address: Address::from(backend.address),
        port: backend.port,
        method: words::method(service.method_of(backend)),
    }
}

pub(super) fn fallback_key(service_key: &ServiceKey, fallback: &config::Fallback) -> BackendKey {
    BackendKey {
        service: service_key.clone(),
        name: None,
        address: Address::from(fallback.address),
        port: fallback.port,
        method: words::method(fallback.method),
    }
}

impl Compiler<'_> {
    /// All slots of backends; those of the configuration are placed already.
    pub(super) fn backends(&mut self, services: &[Option<Service>]) -> Result<Vec<Option<Backend>>, Full> {
        let mut backends = vec![None; self.slots.backends.length()];
        for service in &self.inputs.config.services {
            let service_key = ServiceKey { name: service.name.clone(), tcp: service.protocol == config::Protocol::Tcp };
            let judged = self.judged(service);
            let weights = weights::shared(service, judged.iter().map(|judged| judged.per_mille));
            for ((backend, judged), weight) in service.backends.iter().zip(judged).zip(weights) {
                let key = key(&service_key, service, backend);
                let settings = Settings { weight, ..Settings::of(service, backend, judged, self) };
                let (slot, compiled) = self.backend(&key, settings)?;
                backends[slot.index] = Some(compiled);
            }
            if let Some(fallback) = &service.fallback {
                let key = fallback_key(&service_key, fallback);
                let (slot, compiled) = self.backend(&key, Settings::fallback(service))?;
                backends[slot.index] = Some(compiled);
            }
        }
        let leaving: Vec<usize> = self.slots.backends.leaving().map(|(at, _)| at).collect();
        for at in leaving {
            backends[at] = self.removed(at, services)?;
        }
        Ok(backends)
    }

    // Of a configuration that is only tried nothing is known yet.
    fn judged(&self, service: &config::Service) -> Vec<Judged> {
        let judged = |backend: &config::Backend| {
            self.inputs.health.judgement(&service.name, &backend.name).map_or(
                Judged { up: service.checks.is_empty(), standby: None, per_mille: PER_MILLE },
                |known| Judged { up: known.up, standby: known.standby, per_mille: known.per_mille },
            )
        };
        service.backends.iter().map(judged).collect()
    }

    fn backend(&mut self, key: &BackendKey, settings: Settings) -> Result<(Slot, Backend), Full> {
        let slot = self.slots.backends.find(key).expect("placed with its service");
        let service = self.slots.services.find(&key.service).expect("placed before its backends");
        let hop = self.hop_towards(key.address, key.method)?;
        let tunnel_source = if key.method.is_tunnel() { self.tunnel_source(key) } else { None };
        let backend = Backend {
            name: key.name.clone().unwrap_or_else(|| FALLBACK_NAME.to_owned()),
            service: ServiceIndex(service.index as u16),
            address: key.address,
            port: key.port,
            method: key.method,
            weight: settings.weight,
            state: settings.state,
            healthy: settings.healthy,
            standby: settings.standby,
            flows_max: settings.flows_max,
            flows_low: settings.flows_low,
            hop,
            tunnel_source,
            tunnel_port: settings.tunnel_port,
            tunnel_checksum: settings.tunnel_checksum,
            generation: slot.generation,
        };
        Ok((slot, backend))
    }

    // It left the configuration, but flows may still go there, should the service say `keep`.
    fn removed(&mut self, at: usize, services: &[Option<Service>]) -> Result<Option<Backend>, Full> {
        let Some(previous) = self.inputs.previous.backend(BackendIndex(at as u16)) else { return Ok(None) };
        let mut backend = previous.clone();
        backend.state = BackendState::Removed;
        if services.get(backend.service.at()).is_none_or(Option::is_none) {
            return Ok(None);
        }
        backend.hop = self.hop_towards(backend.address, backend.method)?;
        Ok(Some(backend))
    }

    fn hop_towards(&mut self, address: Address, method: Method) -> Result<Option<HopIndex>, Full> {
        let place = if self.own.contains(&address) {
            match (method, self.inputs.nics.id(crate::local::ENGINE_END)) {
                (Method::Nat, Some(pair)) => (pair, address),
                _ => return Ok(None),
            }
        } else {
            let Some(place) = routes::neighbor(&self.ways, address) else { return Ok(None) };
            if method == Method::Direct && place.1 != address {
                self.warnings.insert(format!("{address} is behind a router: method direct needs it on a link"));
                return Ok(None);
            }
            place
        };
        self.wanted.insert(place);
        self.hop(place).map(Some)
    }

    // The own address on the NIC that leads there: its answers and ICMP errors then come back to this box.
    fn tunnel_source(&mut self, key: &BackendKey) -> Option<Address> {
        let (nic, _) = routes::neighbor(&self.ways, key.address)?;
        let own = self.nics[nic.at()]
            .addresses
            .iter()
            .map(|(own, _)| *own)
            .find(|own| own.family() == key.address.family() && !own.is_link_local_v6());
        if own.is_none() {
            let name = &self.nics[nic.at()].name;
            let family = if key.address.is_v4() { "IPv4" } else { "IPv6" };
            self.warnings
                .insert(format!("the tunnel to {} has no source: give {name} an {family} address", key.address));
        }
        own
    }
}

/// What health says of a backend.
#[derive(Clone, Copy)]
struct Judged {
    up: bool,
    standby: Option<Standby>,
    per_mille: u16,
}

/// What may change of a backend without making it another one.
struct Settings {
    weight: u32,
    state: BackendState,
    healthy: bool,
    standby: Option<Standby>,
    flows_max: u32,
    flows_low: u32,
    tunnel_port: u16,
    tunnel_checksum: bool,
}

impl Settings {
    fn of(service: &config::Service, backend: &config::Backend, judged: Judged, compiler: &Compiler<'_>) -> Self {
        let wish = compiler.inputs.wishes.of(&service.name, &backend.name);
        Self {
            weight: backend.weight,
            state: wish.map_or(words::backend_state(backend.state), |wish| wish.state()),
            healthy: judged.up,
            standby: judged.standby,
            flows_max: backend.flows_max,
            flows_low: backend.flows_resume(),
            tunnel_port: service.tunnel_port_of(backend),
            tunnel_checksum: service.tunnel_checksum_of(backend),
        }
    }

    // A fallback has no weight to share by, no limit, and is not checked.
    fn fallback(service: &config::Service) -> Self {
        Self {
            weight: 1,
            state: BackendState::Online,
            healthy: true,
            standby: None,
            flows_max: 0,
            flows_low: 0,
            tunnel_port: service.tunnel_port.unwrap_or(config::TUNNEL_PORT_DEFAULT),
            tunnel_checksum: service.tunnel_checksum.unwrap_or(false),
        }
    }
}
