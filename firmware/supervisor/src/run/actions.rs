//! Carries out what the node wants. What fails is logged once and stands in the way of nothing else.

use super::control::Control;
use super::wishes;
use crate::worker::Order;
use control::local::ENGINE_END;
use control::{Action, Event, OwnRoute};
use drivers::arp_socket::ArpSocket;
use drivers::netlink::{KernelRoute, Link, NetlinkError, RouteKind};
use drivers::{NicOptions, clock, open_nic};
use engine::NicId;
use engine::engine::FlowFilter;
use net::{Address, Prefix};
use std::collections::BTreeSet;
use tokio::sync::oneshot;

impl Control {
    pub(super) fn carry_out(&mut self, action: Action) {
        match action {
            Action::OpenNic { nic, name, link } => self.open_nic(nic, &name, link),
            Action::CloseNic { nic } => self.close_nic(nic),
            Action::Publish(published) => {
                self.meters.adopt(&self.workers, &published.0);
                self.workers.publish(published.0);
                self.claim();
            }
            Action::Claim { own } => {
                self.claiming.spare(own);
                self.claim();
            }
            Action::SendFrame { nic, bytes } => {
                if let Some(socket) = self.arp.get(&nic)
                    && let Err(error) = socket.send(&bytes)
                {
                    tracing::debug!(%error, "frame not sent");
                }
            }
            Action::Resolve { nic, address } => self.resolve(nic, address),
            Action::ForgetNeighbor { nic, address } => self.forget_neighbor(nic, address),
            Action::AddAddress { link, address, bits } => {
                told(self.netlink.add_address(link, address, bits, false), NetlinkError::is_existing);
            }
            Action::RemoveAddress { link, address, bits } => {
                told(self.netlink.remove_address(link, address, bits), NetlinkError::is_missing);
            }
            Action::AddRoute(route) => told(self.netlink.add_route(&kernel_route(route)), NetlinkError::is_existing),
            Action::RemoveRoute(route) => {
                told(self.netlink.remove_route(&kernel_route(route)), NetlinkError::is_missing)
            }
            Action::SetUp { link } => told(self.netlink.set_link_up(link, true), NetlinkError::is_missing),
            Action::Local(plan) => {
                if let Err(error) = self.local.apply(&mut self.netlink, &plan) {
                    tracing::error!(%error, "backends on the box itself are not reachable");
                }
            }
            Action::KillFlows { backend } => {
                let filter = FlowFilter { backend: Some(backend), ..FlowFilter::default() };
                // Nobody waits for how many they were.
                self.workers.order_all(|| Order::Kill(filter, oneshot::channel().0));
            }
            Action::KeepWishes => {
                let kept = wishes::kept(self.node.wishes(), clock::now(), clock::unix_s());
                if let Err(error) = self.store.keep_wishes(kept) {
                    tracing::error!(%error, "states of backends not kept");
                }
            }
            Action::StartProbe { id, probe } => self.probing.start(clock::now(), id, probe),
            Action::StopProbe { id } => self.probing.stop(clock::now(), id),
            Action::KeepHealth => {
                if let Err(error) = self.data.keep_health(clock::now(), self.node.health().kept()) {
                    tracing::error!(%error, "health of backends not kept");
                }
            }
            Action::Tell(notice) => self.tell(&notice),
            Action::Info(text) => tracing::info!("{text}"),
            Action::Warn(text) => tracing::warn!("{text}"),
        }
    }

    fn claim(&mut self) {
        match self.claiming.apply(&mut self.netlink, self.node.tables()) {
            // Filters of sockets are fixed when they are opened: with classic BPF a new claim needs new sockets.
            Ok(true) if self.claiming.is_classic() => {
                self.follow_up.extend(self.arp.keys().map(|nic| Event::NicLost { nic: *nic }));
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "claim not changed"),
        }
    }

    fn open_nic(&mut self, nic: NicId, name: &str, index: u32) {
        match self.try_open_nic(nic, name, index) {
            Ok(()) => tracing::info!(nic = name, "nic open"),
            Err(error) => {
                tracing::warn!(nic = name, %error, "nic not open; it will be tried again");
                self.follow_up.push_back(Event::NicLost { nic });
            }
        }
    }

    fn try_open_nic(&mut self, nic: NicId, name: &str, index: u32) -> Result<(), Box<dyn std::error::Error>> {
        let link: Link = self.netlink.link(name)?;
        if link.index != index {
            return Err(format!("{name} is another link now").into());
        }
        self.claiming.attach(&mut self.netlink, &link)?;
        self.arp.insert(nic, ArpSocket::open(&link)?);
        let workers = self.workers.handles.len();
        let options = NicOptions { workers, taps: self.claiming.taps()?, geometry: None };
        let queues = open_nic(name, nic, &options)?;
        for (handle, queue) in self.workers.handles.iter().zip(queues) {
            if !handle.order(Order::Attach(Box::new(queue))) {
                return Err(format!("worker {} does not take orders", handle.id).into());
            }
        }
        Ok(())
    }

    fn close_nic(&mut self, nic: NicId) {
        self.workers.order_all(|| Order::Detach(nic));
        self.joined.retain(|(on, _)| *on != nic);
        let Some(socket) = self.arp.remove(&nic) else { return };
        // A link that is only down keeps its filter: claimed packets stay dropped until the NIC is open again.
        let index = socket.index();
        if self.node.nics().on_link(index) != Some(nic) {
            self.claiming.detach(&mut self.netlink, index);
        }
    }

    fn resolve(&mut self, nic: NicId, address: Address) {
        let Some((name, index)) = self
            .node
            .nics()
            .nic(nic)
            .and_then(|nic| Some((nic.name.as_str(), nic.link.as_ref().filter(|link| link.enabled)?.index)))
        else {
            return;
        };
        if name == ENGINE_END {
            let mac = self.local.kernel_end();
            self.follow_up.push_back(Event::Neighbor { link: index, address, mac });
            return;
        }
        match self.netlink.keep_neighbor(index, address) {
            Ok(_) => self.neighbors_stale = true,
            Err(error) if error.is_missing() => {}
            Err(error) => tracing::debug!(%error, "neighbour not asked for"),
        }
    }

    fn forget_neighbor(&mut self, nic: NicId, address: Address) {
        let link = self.node.nics().nic(nic).and_then(|nic| nic.link.as_ref());
        if let Some(link) = link.filter(|link| link.name != ENGINE_END) {
            told(self.netlink.remove_neighbor(link.index, address), NetlinkError::is_missing);
        }
    }

    /// Has each NIC take neighbour solicitations for the IPv6 addresses that it announces.
    pub(super) fn settle_memberships(&mut self) {
        let wanted: BTreeSet<(NicId, Address)> = self
            .node
            .announcer()
            .places()
            .filter(|(nic, address)| !address.is_v4() && self.arp.contains_key(nic))
            .collect();
        if wanted == self.joined {
            return;
        }
        for (nic, address) in wanted.difference(&self.joined) {
            if let Some(socket) = self.arp.get(nic) {
                told(socket.join(*address), |_| false);
            }
        }
        for (nic, address) in self.joined.difference(&wanted) {
            if let Some(socket) = self.arp.get(nic) {
                told(socket.leave(*address), NetlinkError::is_missing);
            }
        }
        self.joined = wanted;
    }
}

fn kernel_route(route: OwnRoute) -> KernelRoute {
    let to = Prefix::new(route.to.network, route.to.bits);
    let base = KernelRoute::blackhole(to).with_kind(RouteKind::Unicast);
    KernelRoute { via: route.via, index: Some(route.link), ..base }
}

fn told(result: Result<(), NetlinkError>, fine: impl Fn(&NetlinkError) -> bool) {
    if let Err(error) = result
        && !fine(&error)
    {
        tracing::warn!("{error}");
    }
}
