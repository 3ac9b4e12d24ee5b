//! The tables that workers use, made from the configuration and everything known at run time.
//!
//! A pure function of its inputs and of the slots: the same inputs give the same tables, and what did not change keeps
//! its slot.

mod backends;
mod reply_ports;
pub(crate) mod routes;
mod weights;
mod words;

use crate::drain::Wishes;
use crate::health::Health;
use crate::kernel::Kernel;
use crate::neighbors::{Neighbors, Place};
use crate::nics::Nics;
use crate::ownership::Ownership;
use crate::slots::{Full, Slots};
use config::Config;
use engine::tables::{Hop, Limits, Nic, PortRange, Route, Service, Snat, Spread, Tables, Vip, Vips};
use engine::{BACKENDS_MAX, BackendIndex, HopIndex, SERVICES_MAX, ServiceIndex};
use net::Address;
use net::siphash::Key;
use reply_ports::{ReplyPorts, Span};
use routes::Way;
use std::collections::{BTreeMap, BTreeSet};

/// Next hops at most.
pub const HOPS_MAX: usize = 32_768;
/// Source addresses of full NAT at most, those that still have flows included; a flow names its slot by eight bits.
pub const SNAT_MAX: usize = 254;
/// Names that services share persistence under at most.
const PERSISTENCE_GROUPS_MAX: usize = SERVICES_MAX;

/// Ports of a service up to which replies of backends that keep the client's port are told by each of them.
const REPLY_PORTS_MAX: u32 = 256;

/// A service, as its slot knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceKey {
    /// Its name.
    pub name: String,
    /// TCP, or else UDP.
    pub tcp: bool,
}

/// A backend, as its slot knows it: with another address, port or method it is another backend, and flows of the
/// former one live on there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BackendKey {
    /// Its service.
    pub service: ServiceKey,
    /// Its name; `None`: the service's fallback.
    pub name: Option<String>,
    /// Its address.
    pub address: Address,
    /// Its port.
    pub port: Option<u16>,
    /// How it is reached.
    pub method: engine::tables::Method,
}

/// All slots.
#[derive(Clone, Debug)]
pub struct AllSlots {
    /// Of services.
    pub services: Slots<ServiceKey>,
    /// Of backends.
    pub backends: Slots<BackendKey>,
    /// Of next hops.
    pub hops: Slots<Place>,
    /// Of source addresses of full NAT.
    pub snat: Slots<Address>,
    /// Ports of services that replies are told by.
    pub reply_ports: ReplyPorts,
    groups: Slots<String>,
}

impl Default for AllSlots {
    fn default() -> Self {
        Self {
            services: Slots::new("services", SERVICES_MAX),
            backends: Slots::new("backends", BACKENDS_MAX),
            hops: Slots::new("next hops", HOPS_MAX),
            snat: Slots::new("full NAT source addresses", SNAT_MAX),
            reply_ports: ReplyPorts::default(),
            groups: Slots::new("persistence groups", PERSISTENCE_GROUPS_MAX),
        }
    }
}

/// What tables are made from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The kernel's routes.
    pub kernel: &'a Kernel,
    /// The engine's NICs.
    pub nics: &'a Nics,
    /// What administrators want of backends.
    pub wishes: &'a Wishes,
    /// What is known of the health of backends.
    pub health: &'a Health,
    /// Which VIPs are ours.
    pub ownership: &'a Ownership,
    /// What neighbours said.
    pub neighbors: &'a Neighbors,
    /// The tables in use.
    pub previous: &'a Tables,
    /// Workers that share the load.
    pub workers: u8,
    /// The key of hashes.
    pub key: Key,
}

/// Tables, and what they need.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The tables, with the next epoch.
    pub tables: Tables,
    /// Neighbours to be kept resolved.
    pub neighbors: BTreeSet<Place>,
    /// What is not as it should be.
    pub warnings: BTreeSet<String>,
}

/// Makes tables. On an error the slots are not to be used any more: work on a copy.
pub fn compile(inputs: &Inputs<'_>, slots: &mut AllSlots) -> Result<Compiled, Full> {
    let ways = routes::ways(inputs.config, inputs.nics, inputs.kernel);
    let mut compiler = Compiler {
        inputs,
        own: inputs.nics.iter().flat_map(|(_, nic)| nic.addresses.iter().map(|(own, _)| *own)).collect(),
        slots,
        nics: inputs.nics.compiled(),
        ways,
        wanted: BTreeSet::new(),
        warnings: BTreeSet::new(),
    };
    compiler.compile()
}

struct Compiler<'a> {
    inputs: &'a Inputs<'a>,
    slots: &'a mut AllSlots,
    nics: Vec<Nic>,
    own: BTreeSet<Address>,
    ways: Vec<Way>,
    wanted: BTreeSet<Place>,
    warnings: BTreeSet<String>,
}

impl Compiler<'_> {
    fn compile(&mut self) -> Result<Compiled, Full> {
        self.slots.hops.begin();
        let (services, vips) = self.services()?;
        let backends = self.backends(&services)?;
        let snat = self.snat()?;
        let routes = self.routes()?;
        for place in self.inputs.neighbors.learnt() {
            self.hop(place)?;
        }
        let tables = Tables {
            epoch: self.inputs.previous.epoch + 1,
            workers: self.inputs.workers,
            key: self.inputs.key,
            limits: limits(&self.inputs.config.engine, self.inputs.workers),
            spread: spread(self.inputs.config, self.inputs.key),
            nics: std::mem::take(&mut self.nics).into(),
            routes: routes.into(),
            hops: hops(&self.slots.hops, self.inputs.neighbors).into(),
            vips: vips.into(),
            services: services.into(),
            backends: backends.into(),
            snat: snat.into(),
        };
        Ok(Compiled {
            tables,
            neighbors: std::mem::take(&mut self.wanted),
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    fn services(&mut self) -> Result<(Vec<Option<Service>>, Vips), Full> {
        self.slots.services.begin();
        self.slots.backends.begin();
        self.slots.groups.begin();
        let config = self.inputs.config;
        let mut services: Vec<Option<Service>> = Vec::new();
        let mut vips = Vips::default();
        for service in &config.services {
            let (index, compiled) = self.service(service)?;
            if services.len() <= index.at() {
                services.resize(index.at() + 1, None);
            }
            services[index.at()] = Some(compiled);
            self.add_to_vips(service, index, &mut vips);
        }
        sort_vips(&mut vips);
        services.resize(self.slots.services.length(), None);
        // What left the configuration stays for the flows that it has.
        for (at, _) in self.slots.services.leaving() {
            services[at] = self.inputs.previous.service(ServiceIndex(at as u16)).cloned().map(|mut gone| {
                gone.backends.clear();
                gone.fallback = None;
                gone
            });
        }
        Ok((services, vips))
    }

    fn service(&mut self, service: &config::Service) -> Result<(ServiceIndex, Service), Full> {
        let tcp = service.protocol == config::Protocol::Tcp;
        let key = ServiceKey { name: service.name.clone(), tcp };
        let place = self.slots.services.place(&key)?;
        let index = ServiceIndex(place.index as u16);
        let mut backends = Vec::with_capacity(service.backends.len());
        for backend in &service.backends {
            let key = backends::key(&key, service, backend);
            backends.push(BackendIndex(self.slots.backends.place(&key)?.index as u16));
        }
        let fallback = match &service.fallback {
            Some(fallback) => {
                let key = backends::fallback_key(&key, fallback);
                Some(BackendIndex(self.slots.backends.place(&key)?.index as u16))
            }
            None => None,
        };
        let flags = service.scheduler_flags;
        let compiled = Service {
            name: service.name.clone(),
            tcp,
            scheduler: words::scheduler(service.scheduler),
            scheduler_flags: engine::tables::SchedulerFlags { fallback: flags.fallback, port: flags.port },
            persistence: self.persistence(service)?,
            on_backend_down: words::on_backend_down(service.on_backend_down),
            midstream: words::midstream(service.midstream),
            one_packet: service.one_packet,
            mss_clamp: words::mss_clamp(service.mss_clamp),
            timeouts: words::timeouts(service.timeouts),
            ftp: service.follows_ftp(),
            claim_flows: claims_flows(service),
            reply_ports: self.slots.reply_ports.serve(place.index, reply_ports(service)),
            backends,
            fallback,
            generation: place.generation,
        };
        Ok((index, compiled))
    }

    fn persistence(&mut self, service: &config::Service) -> Result<Option<engine::tables::Persistence>, Full> {
        let Some(persistence) = &service.persistence else { return Ok(None) };
        // 0: shared with nobody.
        let group = match &persistence.group {
            None => 0,
            Some(name) => self.slots.groups.place(name)?.index as u16 + 1,
        };
        Ok(Some(engine::tables::Persistence {
            timeout_s: persistence.timeout_s,
            ipv4_prefix: persistence.ipv4_prefix,
            ipv6_prefix: persistence.ipv6_prefix,
            group,
        }))
    }

    fn add_to_vips(&mut self, service: &config::Service, index: ServiceIndex, vips: &mut Vips) {
        for vip in &service.vip {
            let prefix = words::prefix(vip);
            if vip.is_host() && !self.inputs.ownership.owns(prefix.network) {
                continue;
            }
            let served = if vip.is_host() {
                vips.exact.entry(prefix.network).or_default()
            } else {
                let at = vips.prefixes.iter().position(|(known, _)| *known == prefix).unwrap_or_else(|| {
                    vips.prefixes.push((prefix, Vip::default()));
                    vips.prefixes.len() - 1
                });
                &mut vips.prefixes[at].1
            };
            let ranges = match service.protocol {
                config::Protocol::Tcp => &mut served.tcp,
                config::Protocol::Udp => &mut served.udp,
            };
            ranges.extend(service.ports.iter().map(|range| PortRange {
                first: range.first,
                last: range.last,
                service: index,
            }));
            if self.inputs.kernel.has_address(prefix.network) && vip.is_host() {
                self.warnings.insert(format!(
                    "{} is a VIP of service {} and also an address of this box: remove it from its NIC",
                    vip.address, service.name
                ));
            }
        }
    }

    fn snat(&mut self) -> Result<Vec<Snat>, Full> {
        self.slots.snat.begin();
        for address in &self.inputs.config.engine.snat_addresses {
            let address = Address::from(*address);
            if self.inputs.ownership.owns(address) {
                self.slots.snat.place(&address)?;
            }
        }
        // Flows name a source address by its slot and nobody counts them, so a slot keeps its address for good.
        let mut snat = vec![Snat { address: Address::UNSPECIFIED, in_use: false }; self.slots.snat.length()];
        for (at, address) in self.slots.snat.held() {
            let in_use = self.slots.snat.holder(at).is_some_and(|(_, leaving)| !leaving);
            snat[at] = Snat { address: *address, in_use };
        }
        Ok(snat)
    }

    fn routes(&mut self) -> Result<Vec<Route>, Full> {
        let ways = std::mem::take(&mut self.ways);
        let mut routes = Vec::with_capacity(ways.len());
        for way in &ways {
            let via = match way.via {
                Some(router) => {
                    self.wanted.insert((way.nic, router));
                    Some(self.hop((way.nic, router))?)
                }
                None => None,
            };
            routes.push(Route { to: way.to, nic: way.nic, via });
        }
        self.ways = ways;
        Ok(routes)
    }

    fn hop(&mut self, place: Place) -> Result<HopIndex, Full> {
        if let Ok(slot) = self.slots.hops.place(&place) {
            return Ok(HopIndex(slot.index as u16));
        }
        // Slots of hops that nobody needs are given away only when no other is left: old flows may name them.
        let gone: Vec<usize> = self.slots.hops.leaving().map(|(at, _)| at).collect();
        for at in gone {
            self.slots.hops.release(at);
        }
        self.slots.hops.place(&place).map(|slot| HopIndex(slot.index as u16))
    }
}

/// The hops with what neighbours said last: all that changes when one answers.
pub fn hops(slots: &Slots<Place>, neighbors: &Neighbors) -> Vec<Hop> {
    let unused = Hop { address: Address::UNSPECIFIED, nic: engine::NicId(0), mac: None };
    let mut hops = vec![unused; slots.length()];
    for (at, place) in slots.held() {
        hops[at] = Hop { address: place.1, nic: place.0, mac: neighbors.mac(*place) };
    }
    hops
}

fn limits(engine: &config::Engine, workers: u8) -> Limits {
    let share = |total: u32| total.div_ceil(u32::from(workers.max(1))).max(1);
    Limits {
        flows_max: share(engine.flows_max),
        persistence_max: share(engine.persistence_max),
        fragments_max: share(engine.fragments_max),
        ftp_max: share(engine.ftp_max),
        replies_per_second_max: share(engine.replies_per_second_max),
        tells_refused: engine.reject == config::Reject::Answer,
        flow_statistics: engine.flow_statistics,
    }
}

// Whether the replies of some backend come from too many ports to tell them by those.
fn claims_flows(service: &config::Service) -> bool {
    let ports: u32 = service.ports.iter().map(|range| u32::from(range.last - range.first) + 1).sum();
    ports > REPLY_PORTS_MAX && keeps_ports(service)
}

fn reply_ports(service: &config::Service) -> Vec<Span> {
    if claims_flows(service) || !keeps_ports(service) {
        return Vec::new();
    }
    service.ports.iter().map(|range| (range.first, range.last)).collect()
}

// Whether some backend's replies come from the port that the client asked for.
fn keeps_ports(service: &config::Service) -> bool {
    let keeps = |backend: &config::Backend| service.method_of(backend) == config::Method::Nat && backend.port.is_none();
    let fallback = service.fallback.as_ref();
    service.backends.iter().any(keeps)
        || fallback.is_some_and(|fallback| fallback.method == config::Method::Nat && fallback.port.is_none())
}

// Clients that one persistence entry covers must meet in one worker.
fn spread(config: &Config, key: Key) -> Spread {
    let persistences = || config.services.iter().filter_map(|service| service.persistence.as_ref());
    let Spread { ipv4_prefix, ipv6_prefix, .. } = Spread::default();
    Spread {
        ipv4_prefix: persistences().map(|persistence| persistence.ipv4_prefix).fold(ipv4_prefix, u8::min),
        ipv6_prefix: persistences().map(|persistence| persistence.ipv6_prefix).fold(ipv6_prefix, u8::min),
        // Seen by the kernel's program only; the same on all nodes with the same key.
        seed: key.hash(b"spread") as u32,
    }
}

fn sort_vips(vips: &mut Vips) {
    vips.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.bits));
    for vip in vips.exact.values_mut().chain(vips.prefixes.iter_mut().map(|(_, vip)| vip)) {
        vip.tcp.sort_by_key(|range| range.first);
        vip.udp.sort_by_key(|range| range.first);
    }
}

/// VIPs of a configuration that are single addresses, each with the NIC that announces it where one is named.
pub(crate) fn hosts(config: &Config) -> BTreeMap<Address, Option<&str>> {
    let mut hosts = BTreeMap::new();
    for service in &config.services {
        for vip in service.vip.iter().filter(|vip| vip.is_host()) {
            let nic = hosts.entry(Address::from(vip.address)).or_insert(None);
            *nic = nic.or(service.nic.as_deref());
        }
    }
    hosts
}
