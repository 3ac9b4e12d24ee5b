//! Flow changes as another node can understand them: addresses instead of indices, ages instead of clocks.

use super::{Flow, NewFlow, SNAT_CLIENT, SNAT_NONE, State, flag, reply_tuple};
use crate::{BackendIndex, NicId, ServiceIndex, Tables, Tuple};
use net::ip::protocol;
use net::{Address, Mac, Now};
use std::collections::VecDeque;

/// A flow, complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// Epoch of the tables it was written under: how old the writer's view was.
    pub epoch: u64,
    /// Tuple of the client's packets.
    pub inbound: Tuple,
    /// The backend's address.
    pub backend: Address,
    /// Where the backend listens for this flow.
    pub backend_port: u16,
    /// Full NAT: source address and port towards the backend.
    pub snat: Option<(Address, u16)>,
    /// State.
    pub state: State,
    /// Bits of [`flag`].
    pub flags: u16,
    /// Hardware address that the client's packets come from. It is good on the same link only.
    pub client_mac: Mac,
    /// Seconds since the last packet.
    pub idle_s: u32,
    /// TCP: last acknowledgement number of the client.
    pub client_next: u32,
    /// TCP: last acknowledgement number of the backend.
    pub server_next: u32,
    /// Packets from and to the client.
    pub packets: (u32, u32),
    /// Bytes from and to the client.
    pub bytes: (u64, u64),
}

impl FlowRecord {
    /// Writes down a flow. `None` when the tables no longer know its backend or source address: nobody could use it.
    pub fn of(flow: &Flow, now: Now, tables: &Tables) -> Option<Self> {
        let backend = tables.backend(flow.backend)?;
        let snat = match flow.snat {
            SNAT_NONE => None,
            _ => Some(flow.source(tables)?),
        };
        Some(Self {
            epoch: tables.epoch,
            inbound: flow.inbound(),
            backend: backend.address,
            backend_port: flow.backend_port(backend),
            snat,
            state: flow.state,
            flags: flow.flags,
            client_mac: flow.client_mac,
            idle_s: now.secs().saturating_sub(flow.last_seen_s),
            client_next: flow.client_next,
            server_next: flow.server_next,
            packets: (flow.packets_in, flow.packets_out),
            bytes: (flow.bytes_in, flow.bytes_out),
        })
    }

    /// The same flow under this node's tables, for packets of the client that come in on `client_nic`. `None` when they
    /// have no such service, backend or source address. The rest is for [`FlowRecord::fill`] once the flow is made.
    pub fn resolve(&self, tables: &Tables, client_nic: NicId) -> Option<NewFlow> {
        let (service, backend) = self.find(tables)?;
        let snat = match self.snat {
            Some((address, port)) if address == self.inbound.source => Some((SNAT_CLIENT, port)),
            Some((address, port)) => Some((tables.snat_slot(address)?, port)),
            None => None,
        };
        let client = (self.inbound.source, self.inbound.source_port);
        let found = tables.backend(backend)?;
        let timeout_s = self.state.timeout_s(&tables.service(service)?.timeouts);
        Some(NewFlow {
            client: client.0,
            client_port: client.1,
            vip: self.inbound.destination,
            vip_port: self.inbound.destination_port,
            protocol: self.inbound.protocol,
            service,
            backend,
            outbound: reply_tuple(found, self.backend_port, self.inbound.protocol, client, self.snat),
            snat,
            state: self.state,
            client_mac: self.client_mac,
            client_nic,
            timeout_s: timeout_s.saturating_sub(self.idle_s).max(1),
        })
    }

    /// Copies into a flow made from this record what [`NewFlow`] has no place for.
    pub fn fill(&self, flow: &mut Flow, now: Now) {
        flow.last_seen_s = now.secs().saturating_sub(self.idle_s);
        flow.flags |= flag::LEARNT | self.flags & (flag::STATISTICS | flag::ADOPTED | flag::KILLED | flag::FTP);
        (flow.client_next, flow.server_next) = (self.client_next, self.server_next);
        (flow.packets_in, flow.packets_out) = self.packets;
        (flow.bytes_in, flow.bytes_out) = self.bytes;
    }

    // A service may have an address twice, with different ports: then the port decides. FTP data goes to the VIP's port,
    // whatever the backend's is.
    fn find(&self, tables: &Tables) -> Option<(ServiceIndex, BackendIndex)> {
        let tcp = self.inbound.protocol == protocol::TCP;
        let vip = tables.vips.find(self.inbound.destination)?;
        let index = vip.service(tcp, self.inbound.destination_port)?;
        let service = tables.service(index)?;
        let mut best = None;
        for backend in service.backends.iter().chain(&service.fallback) {
            let Some(found) = tables.backend(*backend).filter(|found| found.address == self.backend) else {
                continue;
            };
            if found.port.unwrap_or(self.inbound.destination_port) == self.backend_port {
                return Some((index, *backend));
            }
            if self.backend_port == self.inbound.destination_port {
                best = best.or(Some((index, *backend)));
            }
        }
        best
    }
}

/// What happened to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowChange {
    /// It was made, or given to another backend.
    Made(FlowRecord),
    /// Its state changed.
    Moved {
        /// Tuple of the client's packets.
        inbound: Tuple,
        /// The new state.
        state: State,
        /// TCP: last acknowledgement number of the client.
        client_next: u32,
        /// TCP: last acknowledgement number of the backend.
        server_next: u32,
    },
    /// It was forgotten.
    Gone {
        /// Tuple of the client's packets.
        inbound: Tuple,
    },
}

/// Changes that wait to be sent, in order: a fixed number.
#[derive(Debug)]
pub struct FlowChanges {
    changes: VecDeque<FlowChange>,
    capacity: usize,
}

impl FlowChanges {
    /// Room for `capacity` changes; 0: nobody listens.
    pub fn new(capacity: usize) -> Self {
        Self { changes: VecDeque::with_capacity(capacity), capacity }
    }

    /// Whether anybody listens: otherwise no change need be written down.
    pub fn is_on(&self) -> bool {
        self.capacity > 0
    }

    /// Adds a change; `false` when it is lost because there is no room. When nobody listens nothing is lost.
    pub fn push(&mut self, change: FlowChange) -> bool {
        if self.changes.len() == self.capacity {
            return !self.is_on();
        }
        self.changes.push_back(change);
        true
    }

    /// Takes the oldest change.
    pub fn pop(&mut self) -> Option<FlowChange> {
        self.changes.pop_front()
    }

    /// Changes that wait.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

#[cfg(test)]
mod tests;
