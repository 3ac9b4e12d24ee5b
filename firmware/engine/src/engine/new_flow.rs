//! A packet that no flow knows: it may begin one.

use super::balance::{persist_key, unload};
use super::deliver::Conversation;
use super::known::weigh;
use super::{Engine, Moment};
use crate::flow::{Direction, Flow, FlowId, NewFlow, State, View, flag, next_state};
use crate::forward::icmp::Error;
use crate::tables::{Backend, Method, Midstream, Service};
use crate::{BackendIndex, DropReason, Packet, ServiceIndex, Tables, Tuple, Verdict};
use net::ip::protocol;
use net::tcp::flag as tcp_flag;
use net::{Address, Parsed, ethernet};

impl Engine {
    pub(super) fn handle_unknown(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        tuple: &Tuple,
    ) -> Verdict {
        if let Some(verdict) = self.handle_expected(moment, packet, parsed, tuple) {
            return verdict;
        }
        let Some(vip) = moment.tables.vips.find(tuple.destination) else {
            return self.handle_returning(moment, packet, parsed, tuple);
        };
        // A reply to it would come to us, not to whoever made this source up.
        if moment.tables.is_ours(tuple.source) {
            return Verdict::Drop(DropReason::OwnSource);
        }
        let tcp = tuple.protocol == protocol::TCP;
        let Some((index, service)) = vip
            .service(tcp, tuple.destination_port)
            .and_then(|index| moment.tables.service(index).map(|service| (index, service)))
        else {
            return self.refuse(moment, packet, parsed, DropReason::NoService);
        };
        if tcp && let Some(verdict) = self.admit_tcp(moment, packet, parsed, service) {
            return verdict;
        }
        let backend = match self.choose(moment, index, service, tuple) {
            Ok(backend) => backend,
            Err(reason) => return self.refuse(moment, packet, parsed, reason),
        };
        self.start_flow(moment, packet, parsed, &Start { index, service, backend, tuple: *tuple, data: None })
    }

    /// Whether a TCP packet without a flow may start one; a verdict when not.
    fn admit_tcp(
        &mut self,
        moment: Moment<'_>,
        packet: &Packet<'_>,
        parsed: &Parsed,
        service: &Service,
    ) -> Option<Verdict> {
        let flags = parsed.tcp_flags & (tcp_flag::SYN | tcp_flag::ACK | tcp_flag::RST | tcp_flag::FIN);
        if flags == tcp_flag::SYN {
            return None;
        }
        // RFC 9293 3.10.7: no stack sends these; scanners do.
        let nonsense = flags == 0 || (flags & tcp_flag::SYN != 0 && flags & (tcp_flag::FIN | tcp_flag::RST) != 0);
        if nonsense {
            return Some(Verdict::Drop(DropReason::BadTcpFlags));
        }
        match service.midstream {
            // A RST ends something; there is nothing to adopt. A SYN with ACK answers nothing of ours.
            Midstream::Adopt if flags & (tcp_flag::RST | tcp_flag::SYN) == 0 => None,
            Midstream::Adopt | Midstream::Drop => Some(Verdict::Drop(DropReason::MidstreamDrop)),
            Midstream::Reset => {
                self.answer_reset(moment, packet, parsed);
                Some(Verdict::Drop(DropReason::MidstreamReset))
            }
        }
    }

    /// Tells the client that nobody serves it, unless it is to hear nothing: RST for TCP, port unreachable for UDP.
    fn refuse(&mut self, moment: Moment<'_>, packet: &Packet<'_>, parsed: &Parsed, reason: DropReason) -> Verdict {
        if !moment.tables.limits.tells_refused {
            // Nothing but the count.
        } else if parsed.protocol == protocol::TCP {
            self.answer_reset(moment, packet, parsed);
        } else {
            self.answer_error(moment, packet, parsed, Error::PortUnreachable);
        }
        Verdict::Drop(reason)
    }

    /// Makes the flow and sends its first packet.
    pub(super) fn start_flow(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        start: &Start<'_>,
    ) -> Verdict {
        let tables = moment.tables;
        let Some(backend) = tables.backend(start.backend) else { return Verdict::Drop(DropReason::NoBackend) };
        let conversation = match self.plan(tables, start, backend) {
            Ok(conversation) => conversation,
            Err(reason) => return Verdict::Drop(reason),
        };
        let traffic = weigh(packet, parsed);
        self.counters.services[start.index.at()].flows.add(1);
        self.counters.backends[start.backend.at()].flows.add(1);
        if start.service.one_packet && !start.service.tcp {
            self.count_traffic(start.backend, start.index, Direction::Inbound, traffic.0, traffic.1);
            self.touch_persistence(moment, start, conversation.backend.0);
            self.note_scheduled(parsed, &conversation);
            return self.deliver_inbound(moment, packet, parsed, &conversation);
        }
        match self.make_flow(moment, packet, parsed, start, &conversation) {
            Ok(id) => {
                if tables.limits.flow_statistics {
                    self.flows.flow_mut(id).count(Direction::Inbound, traffic.0, traffic.1);
                }
                self.count_traffic(start.backend, start.index, Direction::Inbound, traffic.0, traffic.1);
                self.deliver_inbound(moment, packet, parsed, &conversation)
            }
            Err(reason) => Verdict::Drop(reason),
        }
    }

    /// Who talks to whom, the source towards the backend chosen.
    pub(super) fn plan(
        &mut self,
        tables: &Tables,
        start: &Start<'_>,
        backend: &Backend,
    ) -> Result<Conversation, DropReason> {
        let backend_port = start.data.or(backend.port).unwrap_or(start.tuple.destination_port);
        let plain = Conversation {
            client: (start.tuple.source, start.tuple.source_port),
            vip: (start.tuple.destination, start.tuple.destination_port),
            backend: (backend.address, backend_port),
            snat: None,
            snat_slot: None,
            backend_index: start.backend,
            service: start.index,
            protocol: start.tuple.protocol,
            client_mac: net::Mac::default(),
            client_nic: crate::NicId(0),
            ftp: start.service.ftp && start.data.is_none() && matches!(backend.method, Method::Nat),
        };
        let source = match backend.method {
            Method::FullNat => Some(self.source_ports.take(tables, &self.flows, &plain)),
            // The same client port towards two VIPs with one server behind both: to the server, one connection.
            Method::Nat if self.is_taken(tables, &plain.replies()) => {
                Some(self.source_ports.take_beside(tables, &self.flows, &plain))
            }
            _ => None,
        };
        match source {
            None => Ok(plain),
            Some(Some(source)) => {
                let snat = Some((source.address, source.port));
                Ok(Conversation { snat, snat_slot: Some(source.slot), ..plain })
            }
            Some(None) => Err(DropReason::SourcePortsExhausted),
        }
    }

    fn is_taken(&self, tables: &Tables, replies: &Tuple) -> bool {
        self.flows.find(replies, replies.hash(tables.key), tables).is_some()
    }

    pub(super) fn make_flow(
        &mut self,
        moment: Moment<'_>,
        packet: &Packet<'_>,
        parsed: &Parsed,
        start: &Start<'_>,
        conversation: &Conversation,
    ) -> Result<FlowId, DropReason> {
        let method = moment.tables.backend(start.backend).map_or(Method::Nat, |backend| backend.method);
        let from_client = start.tuple.source == parsed.source;
        let state = first_state(parsed, method, from_client);
        let new = NewFlow {
            client: start.tuple.source,
            client_port: start.tuple.source_port,
            vip: start.tuple.destination,
            vip_port: start.tuple.destination_port,
            protocol: start.tuple.protocol,
            service: start.index,
            backend: start.backend,
            outbound: method.sees_replies().then(|| conversation.replies()),
            snat: conversation.snat_slot.zip(conversation.snat.map(|(_, port)| port)),
            state,
            client_mac: ethernet::source(packet.bytes()),
            client_nic: packet.head.nic,
            timeout_s: state.timeout_s(&start.service.timeouts),
        };
        let id = match self.flows.insert(moment.now, &new) {
            Ok(id) => id,
            Err(_) => {
                if !self.evict(moment) {
                    return Err(DropReason::FlowTableFull);
                }
                self.flows.insert(moment.now, &new).map_err(|_| DropReason::FlowTableFull)?
            }
        };
        self.counters.totals.flows_created.add(1);
        self.load(start.backend, state);
        let mut flags = self.bind_persistence(moment, start, conversation.backend.0);
        if parsed.protocol == protocol::TCP && parsed.tcp_flags & tcp_flag::SYN == 0 {
            self.counters.totals.flows_adopted.add(1);
            flags |= flag::ADOPTED;
        }
        if start.data.is_some() || (start.service.claim_flows && method.sees_replies()) {
            self.claims.claim(conversation.replies());
            flags |= flag::CLAIMED;
        }
        if conversation.ftp {
            flags |= flag::FTP;
        }
        let flow = self.flows.flow_mut(id);
        flow.flags |= flags;
        flow.note_first(parsed, packet.bytes(), from_client);
        self.export_made(moment, id);
        Ok(id)
    }

    /// Binds the client to its backend; returns the flow's flags for it.
    fn bind_persistence(&mut self, moment: Moment<'_>, start: &Start<'_>, address: Address) -> u16 {
        let Some(key) = persist_key(start.index, start.service, &start.tuple) else { return 0 };
        let timeout_s = start.service.persistence.map_or(0, |persistence| persistence.timeout_s);
        if !self.persistence.bind(&key, start.backend, address, moment.now, timeout_s) {
            self.counters.totals.persistence_full.add(1);
            return 0;
        }
        flag::PERSISTENT
    }

    /// Binds the client for the time after a datagram that makes no flow.
    fn touch_persistence(&mut self, moment: Moment<'_>, start: &Start<'_>, address: Address) {
        let flags = self.bind_persistence(moment, start, address);
        if flags & flag::PERSISTENT != 0
            && let Some(key) = persist_key(start.index, start.service, &start.tuple)
        {
            let timeout_s = start.service.persistence.map_or(0, |persistence| persistence.timeout_s);
            self.persistence.unbind(&key, moment.now, timeout_s);
        }
    }

    /// Makes room by ending a half-open flow.
    fn evict(&mut self, moment: Moment<'_>) -> bool {
        let Self { flows, persistence, counters, claims, ftp, changes, .. } = self;
        let mut gone = Gone { moment, persistence, counters, claims, ftp, changes };
        let evicted = flows.evict_half_open(moment.tables, |flow| gone.flow(flow));
        if evicted {
            self.counters.totals.flows_evicted.add(1);
        }
        evicted
    }

    /// Ends a flow.
    pub(super) fn remove_flow(&mut self, moment: Moment<'_>, id: FlowId) {
        let flow = self.flows.remove(id, moment.tables);
        let Self { persistence, counters, claims, ftp, changes, .. } = self;
        Gone { moment, persistence, counters, claims, ftp, changes }.flow(&flow);
    }
}

/// A flow about to be made.
pub(super) struct Start<'a> {
    pub index: ServiceIndex,
    pub service: &'a Service,
    pub backend: BackendIndex,
    /// Client to VIP.
    pub tuple: Tuple,
    /// An FTP data connection: the backend's port, which is also the VIP's.
    pub data: Option<u16>,
}

/// What else must forget a flow that has gone.
pub(super) struct Gone<'a> {
    pub moment: Moment<'a>,
    pub persistence: &'a mut crate::flow::PersistTable,
    pub counters: &'a crate::WorkerCounters,
    pub claims: &'a mut super::claims::Claims,
    pub ftp: &'a mut crate::ftp::Ftp,
    pub changes: &'a mut crate::flow::FlowChanges,
}

impl Gone<'_> {
    pub(super) fn flow(&mut self, flow: &Flow) {
        let tables = self.moment.tables;
        unload(self.counters, flow.backend, flow.state);
        let conversation = Conversation::of(flow, tables);
        let inbound = conversation.inbound();
        if conversation.ftp {
            self.ftp.forget(&inbound);
        }
        if flow.has(flag::PERSISTENT)
            && let Some(service) = tables.service(flow.service)
            && let Some(key) = persist_key(flow.service, service, &inbound)
        {
            let timeout_s = service.persistence.map_or(0, |persistence| persistence.timeout_s);
            self.persistence.unbind(&key, self.moment.now, timeout_s);
        }
        if flow.has(flag::CLAIMED) {
            self.claims.unclaim(conversation.replies());
        }
        super::export::gone(self.changes, self.counters, flow);
    }
}

fn first_state(parsed: &Parsed, method: Method, from_client: bool) -> State {
    if parsed.protocol != protocol::TCP {
        return State::Udp;
    }
    let view = if method.sees_replies() { View::Inbound } else { View::InboundOnly };
    if parsed.tcp_flags & tcp_flag::SYN != 0 {
        next_state(State::None, view, parsed.tcp_flags)
    } else {
        // Adopted in mid-stream: the handshake is long over, whatever this packet is.
        let view = if from_client { view } else { View::Outbound };
        next_state(State::Established, view, parsed.tcp_flags)
    }
}
