//! What the engine knows of the world: immutable, with an epoch, made by `control::compile`.
//!
//! A worker adopts a new epoch at the start of a turn and nowhere else. Slots of services and backends are stable: a
//! flow refers to them by index, so a slot is reused only when no flow can refer to it any more.

mod backend;
mod limits;
mod service;

pub use backend::{Backend, BackendState, Method, Standby};
pub use limits::Limits;
pub use service::{Midstream, MssClamp, OnBackendDown, Persistence, SchedulerFlags, SchedulerKind, Service, Timeouts};

use crate::{BackendIndex, HopIndex, NicId, ServiceIndex, WorkerId};
use foldhash::fast::FixedState;
use net::siphash::Key;
use net::{Address, Family, Mac, Prefix};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything a worker needs to decide on a frame.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Number of this version; grows by one with each.
    pub epoch: u64,
    /// Workers that share the load; at least 1.
    pub workers: u8,
    /// Key of the flow hash; the same on all nodes.
    pub key: Key,
    /// Sizes and rates.
    pub limits: Limits,
    /// How clients are spread over workers.
    pub spread: Spread,
    /// NICs, by [`NicId`].
    pub nics: Arc<[Nic]>,
    /// Routes, longest prefix first.
    pub routes: Arc<[Route]>,
    /// Next hops, by [`HopIndex`].
    pub hops: Arc<[Hop]>,
    /// Addresses that the engine owns.
    pub vips: Arc<Vips>,
    /// Services, by [`ServiceIndex`]; `None` is a free slot.
    pub services: Arc<[Option<Service>]>,
    /// Backends of all services, by [`BackendIndex`]; `None` is a free slot.
    pub backends: Arc<[Option<Backend>]>,
    /// Source addresses of full NAT; a slot keeps its address while flows may use it.
    pub snat: Arc<[Snat]>,
}

/// How clients are spread over workers: by address, masked by the shortest persistence prefix in use, never by port.
/// The program in the kernel computes the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Leading bits of an IPv4 client address that count.
    pub ipv4_prefix: u8,
    /// Leading bits of an IPv6 client address that count.
    pub ipv6_prefix: u8,
    /// Start value of the mix.
    pub seed: u32,
}

impl Default for Spread {
    fn default() -> Self {
        Self { ipv4_prefix: 32, ipv6_prefix: 128, seed: 0 }
    }
}

impl Spread {
    /// The worker of a client among `workers`. Kept in step with `worker_of_client` in `claim.bpf.c`.
    pub fn worker(&self, client: Address, workers: u8) -> WorkerId {
        if workers <= 1 {
            return WorkerId(0);
        }
        let bits = if client.is_v4() { self.ipv4_prefix } else { self.ipv6_prefix };
        let masked = client.masked(bits).0;
        let mut mix = self.seed;
        for word in [(masked >> 96) as u32, (masked >> 64) as u32, (masked >> 32) as u32, masked as u32] {
            mix = (mix ^ word).wrapping_mul(0x9e37_79b1);
            mix ^= mix >> 15;
        }
        WorkerId(((u64::from(mix) * u64::from(workers)) >> 32) as u8)
    }
}

/// A NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Name in the configuration and in the kernel.
    pub name: String,
    /// Hardware address; source of what is sent.
    pub mac: Mac,
    /// Largest IP packet, bytes.
    pub mtu: u16,
    /// Whether it is there and up.
    pub up: bool,
    /// The box's own addresses on it, with their networks.
    pub addresses: Vec<(Address, Prefix)>,
}

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Destinations.
    pub to: Prefix,
    /// Where it leaves.
    pub nic: NicId,
    /// The router, or `None` when destinations are on the link.
    pub via: Option<HopIndex>,
}

/// A next hop: a router, a backend, or a tunnel's far end on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its address.
    pub address: Address,
    /// Where it is reached.
    pub nic: NicId,
    /// Its hardware address, once resolved.
    pub mac: Option<Mac>,
}

/// The addresses that the engine owns and what it serves on them.
#[derive(Clone, Debug, Default)]
pub struct Vips {
    /// Single addresses.
    pub exact: HashMap<Address, Vip, FixedState>,
    /// Whole networks (transparent caches), longest prefix first.
    pub prefixes: Vec<(Prefix, Vip)>,
}

impl Vips {
    /// The VIP that holds `address`.
    pub fn find(&self, address: Address) -> Option<&Vip> {
        self.exact
            .get(&address)
            .or_else(|| self.prefixes.iter().find(|(prefix, _)| prefix.contains(address)).map(|(_, vip)| vip))
    }
}

/// What is served on one VIP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vip {
    /// TCP port ranges, ascending, disjoint.
    pub tcp: Vec<PortRange>,
    /// UDP port ranges, ascending, disjoint.
    pub udp: Vec<PortRange>,
}

/// A range of ports of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
    /// Who serves it.
    pub service: ServiceIndex,
}

impl Vip {
    /// The service on `port`; `tcp` or else UDP.
    pub fn service(&self, tcp: bool, port: u16) -> Option<ServiceIndex> {
        let ranges = if tcp { &self.tcp } else { &self.udp };
        let at = ranges.partition_point(|range| range.last < port);
        ranges.get(at).filter(|range| range.first <= port).map(|range| range.service)
    }
}

/// A source address of full NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snat {
    /// The address.
    pub address: Address,
    /// Whether new flows may use it.
    pub in_use: bool,
}

/// First source port of full NAT: below are the well-known ports.
pub const SNAT_PORT_FIRST: u16 = 1024;

impl Tables {
    /// The service in a slot.
    #[inline]
    pub fn service(&self, index: ServiceIndex) -> Option<&Service> {
        self.services.get(index.at())?.as_ref()
    }

    /// The backend in a slot.
    #[inline]
    pub fn backend(&self, index: BackendIndex) -> Option<&Backend> {
        self.backends.get(index.at())?.as_ref()
    }

    /// The worker that owns a client's flows.
    #[inline]
    pub fn worker_of_client(&self, client: Address) -> WorkerId {
        self.spread.worker(client, self.workers)
    }

    /// The worker that owns a full NAT source port.
    #[inline]
    pub fn worker_of_snat_port(&self, port: u16) -> WorkerId {
        WorkerId((port % u16::from(self.workers.max(1))) as u8)
    }

    /// The slot of a full NAT source address.
    pub fn snat_slot(&self, address: Address) -> Option<u8> {
        self.snat.iter().position(|snat| snat.address == address).map(|slot| slot as u8)
    }

    /// The route towards `destination`: longest prefix.
    pub fn route(&self, destination: Address) -> Option<&Route> {
        self.routes.iter().find(|route| route.to.contains(destination))
    }

    /// The box's own address to use as a source on `nic` towards a destination of `family`.
    pub fn own_address(&self, nic: NicId, family: Family) -> Option<Address> {
        let nic = self.nics.get(nic.at())?;
        nic.addresses
            .iter()
            .map(|(address, _)| *address)
            .find(|address| address.family() == family && !address.is_link_local_v6())
    }

    /// Whether `address` is one that the engine speaks under: a VIP, a source of full NAT, or one of the box's own. Whole
    /// networks of VIPs (transparent caches) are other people's addresses.
    pub fn is_ours(&self, address: Address) -> bool {
        self.vips.exact.contains_key(&address) || self.snat_slot(address).is_some() || self.is_own(address)
    }

    /// Whether `address` is one of the box's own.
    pub fn is_own(&self, address: Address) -> bool {
        self.nics.iter().any(|nic| nic.addresses.iter().any(|(own, _)| *own == address))
    }
}
