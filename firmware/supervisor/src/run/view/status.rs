//! Status, counters and neighbours.

use super::super::control::Control;
use super::super::meters::Sum;
use super::network::is_inner;
use super::rates;
use api::{Counters, Drop, FoundNic, Link, Neighbor, NeighborState, Nic, Status, Worker};
use drivers::clock;
use engine::{DropReason, NicId};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// Load of a flow table's index when the table is full (`engine::flow`).
const INDEX_LOAD_FULL: f64 = 0.8;

impl Control {
    /// The node at a glance.
    pub fn status(&self) -> Status {
        let now = clock::now();
        let workers: Vec<Worker> = (0..self.workers.handles.len()).map(|worker| self.worker(worker)).collect();
        let services = self.services();
        let (backends, backends_up) = self.backends_counted();
        let slots = 0..self.node.tables().services.len();
        let total =
            slots.map(|slot| self.meters.service_rate(now, &self.workers, slot)).fold(Sum::default(), Sum::plus);
        let epoch = self.node.tables().epoch;
        Status {
            node: self.node.name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: now.since(self.started).as_secs(),
            revision: self.in_use.revision,
            confirm_left_s: self.confirm_left_s(),
            epoch,
            workers_adopted: workers.iter().filter(|worker| worker.epoch == epoch).count() as u32,
            flows: workers.iter().map(|worker| worker.flows).sum(),
            flows_max: workers.iter().map(|worker| worker.flows_max).sum(),
            load_factor: workers.iter().map(|worker| worker.load_factor).fold(0.0, f64::max),
            longest_probe: workers.iter().map(|worker| worker.longest_probe).max().unwrap_or(0),
            services: services.len() as u32,
            services_down: services.iter().filter(|service| service.backends_up == 0).count() as u32,
            backends,
            backends_up,
            rates: rates(total),
            nics: self.nics(),
            drops: self.drops(),
            notes: self.notes(),
            workers,
        }
    }

    fn worker(&self, worker: usize) -> Worker {
        let totals = &self.workers.shared.counters[worker].totals;
        let (flows, flows_max) = (totals.flows.value(), totals.flows_max.value());
        Worker {
            id: worker as u8,
            cpu: self.workers.cores[worker].map(|core| core as u32),
            epoch: self.workers.shared.adopted[worker].load(Relaxed),
            flows,
            flows_max,
            load_factor: if flows_max == 0 { 0.0 } else { flows as f64 / flows_max as f64 * INDEX_LOAD_FULL },
            longest_probe: totals.longest_probe.value(),
            frames_received: totals.frames_received.value(),
            frames_per_s: self.meters.frames_rate(clock::now(), &self.workers, worker),
        }
    }

    fn nics(&self) -> Vec<Nic> {
        self.node.config().nics.iter().map(|nic| self.nic(nic)).collect()
    }

    fn nic(&self, nic: &config::Nic) -> Nic {
        let link = self.node.kernel().link(&nic.name);
        let id = self.node.nics().id(&nic.name);
        let wires = || self.workers.shared.wires.iter();
        let sum = |count: fn(&drivers::NicCounters) -> u64| {
            id.map_or(0, |id: NicId| wires().map(|wire| count(wire.nic(id))).sum())
        };
        Nic {
            name: nic.name.clone(),
            role: nic.role,
            link: match link {
                None => Link::Missing,
                Some(link) if link.up => Link::Up,
                Some(_) => Link::Down,
            },
            speed_mbps: speed_mbps(&nic.name),
            mtu: link.map_or(0, |link| u32::from(link.mtu)),
            mac: link.map(|link| link.mac.to_string()),
            addresses: link
                .map(|link| self.node.kernel().addresses_of(link.index))
                .into_iter()
                .flatten()
                .map(|found| format!("{}/{}", found.address, found.bits))
                .collect(),
            vips: self
                .node
                .announcer()
                .places()
                .filter(|(place, _)| Some(*place) == id)
                .map(|(_, vip)| vip.to_string())
                .collect(),
            frames_received: sum(|nic| nic.received.value()),
            frames_sent: sum(|nic| nic.transmitted.value()),
            frames_missed: sum(|nic| nic.ring_full.value()),
        }
    }

    fn drops(&self) -> Vec<Drop> {
        let now = clock::now();
        let counted = DropReason::ALL.iter().map(|reason| (reason, self.meters.drops(now, &self.workers, *reason)));
        counted
            .filter(|(_, (packets, _))| *packets > 0)
            .map(|(reason, (packets, per_s))| Drop { reason: reason.name().to_owned(), packets, per_s })
            .collect()
    }

    /// Every counter by its full name.
    pub fn counters(&self) -> Counters {
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        for counters in self.workers.shared.counters.iter() {
            for (name, value) in counters.totals.list() {
                *all.entry(name.to_owned()).or_default() += value;
            }
            for reason in DropReason::ALL {
                *all.entry(format!("drops.{}", reason.name())).or_default() += counters.drops[*reason as usize].value();
            }
        }
        for wire in &self.workers.shared.wires {
            for (name, value) in [
                ("handover_full", &wire.handover_full),
                ("sleeps", &wire.sleeps),
                ("submits_failed", &wire.submits_failed),
            ] {
                *all.entry(format!("wire.{name}")).or_default() += value.value();
            }
            for (id, nic) in self.node.nics().iter() {
                for (name, value) in wire.nic(id).list() {
                    *all.entry(format!("nics.{}.{name}", nic.name)).or_default() += value;
                }
            }
        }
        for (reason, count) in self.claiming.statistics().iter() {
            all.insert(format!("claim.{}", reason.name()), count);
        }
        all.insert("arp.answered".to_owned(), self.node.announcer().answered);
        all.insert("arp.conflicts".to_owned(), self.node.announcer().conflicts_seen);
        Counters(all)
    }

    /// NICs that the box has.
    pub fn links(&self) -> Vec<FoundNic> {
        let kernel = self.node.kernel();
        let links = kernel.links.iter().filter(|link| !is_inner(&link.name));
        let mut found: Vec<_> = links
            .map(|link| FoundNic {
                name: link.name.clone(),
                mac: link.mac.to_string(),
                up: link.up,
                speed_mbps: speed_mbps(&link.name),
                addresses: kernel
                    .addresses_of(link.index)
                    .filter(|found| !found.address.is_link_local_v6())
                    .map(|found| format!("{}/{}", found.address, found.bits))
                    .collect(),
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Next hops.
    pub fn neighbors(&self) -> Vec<Neighbor> {
        let known = self.node.neighbors();
        let nics = self.node.nics();
        known
            .places()
            .map(|place| {
                let mac = known.mac(place);
                Neighbor {
                    address: place.1.into(),
                    nic: nics.nic(place.0).map_or_else(String::new, |nic| nic.name.clone()),
                    mac: mac.map(|mac| mac.to_string()),
                    state: match mac {
                        Some(_) => NeighborState::Reachable,
                        None if known.has_failed(place) => NeighborState::Failed,
                        None => NeighborState::Asked,
                    },
                }
            })
            .collect()
    }
}

// Virtual NICs tell no speed, or -1.
pub(super) fn speed_mbps(nic: &str) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{nic}/speed")).ok()?;
    text.trim().parse().ok()
}
