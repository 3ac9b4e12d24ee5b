//! A reply in mid-stream that no flow knows: the process that knew it has ended. A client that has been acknowledged waits
//! in silence, so that the server is the only one who still says something.
//!
//! Only for NAT under `midstream = "adopt"`: direct and tunnels never see replies, and full NAT's ports say nothing of the
//! client. Where a server's port stands behind more than one VIP and port the client's side cannot be told: the reply is
//! nobody's then.

use super::new_flow::Start;
use super::{Engine, Moment};
use crate::flow::Direction;
use crate::tables::{Backend, Method, Midstream, Service};
use crate::{BackendIndex, DropReason, Packet, ServiceIndex, Tables, Tuple, Verdict};
use foldhash::fast::FixedState;
use net::ip::protocol;
use net::tcp::flag as tcp_flag;
use net::{Address, Mac, Parsed};
use std::collections::{HashMap, HashSet};

/// Which VIP and port each endpoint of a backend stands behind.
#[derive(Debug, Default)]
pub(super) struct Returning {
    /// `None`: there are several.
    endpoints: HashMap<(Address, u16), Option<Served>, FixedState>,
    /// Servers with all or very many ports behind some VIP.
    wide: HashSet<Address, FixedState>,
}

/// What an endpoint serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Served {
    vip: (Address, u16),
    service: ServiceIndex,
    backend: BackendIndex,
}

impl Returning {
    /// By the services of `tables`.
    pub(super) fn of(tables: &Tables) -> Self {
        let mut returning = Self::default();
        if !tables.services.iter().flatten().any(|service| service.midstream == Midstream::Adopt) {
            return returning;
        }
        for (vip, ports) in &tables.vips.exact {
            for range in &ports.tcp {
                let Some(service) = tables.service(range.service) else { continue };
                // All ports of a wide service are alike.
                let last = if service.claim_flows { range.first } else { range.last };
                for port in range.first..=last {
                    returning.add(tables, (*vip, port), range.service, service);
                }
            }
        }
        returning
    }

    fn add(&mut self, tables: &Tables, vip: (Address, u16), index: ServiceIndex, service: &Service) {
        for slot in service.backends.iter().chain(&service.fallback) {
            let Some(Backend { method: Method::Nat, address, port, .. }) = tables.backend(*slot) else { continue };
            if service.claim_flows && port.is_none() {
                self.wide.insert(*address);
                continue;
            }
            let served = Served { vip, service: index, backend: *slot };
            // A service that adopts nothing makes the endpoint ambiguous all the same.
            let only = (service.midstream == Midstream::Adopt && !service.claim_flows).then_some(served);
            let endpoint = (*address, port.unwrap_or(vip.1));
            self.endpoints.entry(endpoint).and_modify(|known| *known = None).or_insert(only);
        }
    }

    fn find(&self, replies: &Tuple) -> Option<Served> {
        let served = (*self.endpoints.get(&(replies.source, replies.source_port))?)?;
        (!self.wide.contains(&replies.source)).then_some(served)
    }
}

impl Engine {
    /// Makes the flow that a reply belongs to, and sends it to the client.
    pub(super) fn handle_returning(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        replies: &Tuple,
    ) -> Verdict {
        let nobodys = Verdict::Drop(DropReason::NoFlow);
        // Where the client still has to say something, its own packet tells more.
        let says_little = parsed.tcp_flags & (tcp_flag::SYN | tcp_flag::RST) != 0;
        if replies.protocol != protocol::TCP || says_little || moment.tables.is_ours(replies.destination) {
            return nobodys;
        }
        let Some(served) = self.returning.find(replies) else { return nobodys };
        let tables = moment.tables;
        let (Some(service), Some(backend)) = (tables.service(served.service), tables.backend(served.backend)) else {
            return nobodys;
        };
        let tuple = Tuple {
            source: replies.destination,
            destination: served.vip.0,
            source_port: replies.destination_port,
            destination_port: served.vip.1,
            protocol: protocol::TCP,
        };
        // The client may talk to another server under that port by now.
        if backend.is_down() || self.flows.find(&tuple, tuple.hash(tables.key), tables).is_some() {
            return nobodys;
        }
        let start = Start { index: served.service, service, backend: served.backend, tuple, data: None };
        let conversation = match self.plan(tables, &start, backend) {
            Ok(conversation) => conversation,
            Err(reason) => return Verdict::Drop(reason),
        };
        match self.make_flow(moment, packet, parsed, &start, &conversation) {
            Ok(id) => {
                // The server's; the client's is learnt from its next packet.
                self.flows.flow_mut(id).client_mac = Mac::default();
                self.handle_known(moment, packet, parsed, id, Direction::Outbound)
            }
            Err(reason) => Verdict::Drop(reason),
        }
    }
}
