//! A packet of a known flow.

use super::deliver::Conversation;
use super::{Engine, Moment};
use crate::flow::{Direction, Flow, FlowId, State, flag, next_state};
use crate::{BackendIndex, DropReason, Packet, ServiceIndex, Tuple, Verdict};
use net::ip::protocol;
use net::offload::Segmentation;
use net::{Mac, Parsed, ethernet, fields, tcp};

impl Engine {
    pub(super) fn handle_known(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        id: FlowId,
        direction: Direction,
    ) -> Verdict {
        let flow = self.flows.flow(id);
        if self.starts_anew(flow, parsed, direction) {
            return self.replace_flow(moment, packet, parsed, id);
        }
        if flow.has(flag::KILLED) {
            return Verdict::Drop(DropReason::Killed);
        }
        let index = flow.backend;
        match moment.tables.backend(index) {
            Some(backend) if !backend.is_down() => {}
            _ => {
                if let Some(verdict) = self.handle_backend_down(moment, packet, parsed, id, direction) {
                    return verdict;
                }
            }
        }
        self.advance(moment, packet, parsed, id, direction);
        let conversation = Conversation::of(self.flows.flow(id), moment.tables);
        if conversation.ftp {
            return self.deliver_ftp(moment, packet, *parsed, &conversation, direction);
        }
        self.deliver(moment, packet, parsed, &conversation, direction)
    }

    /// RFC 9293 3.6.1: a client may reuse its port as soon as it likes. A new SYN on a closing flow is a new connection,
    /// scheduled at once: whoever waits for the old flow to time out stalls the client by a second and more.
    fn starts_anew(&self, flow: &Flow, parsed: &Parsed, direction: Direction) -> bool {
        parsed.protocol == protocol::TCP
            && matches!(direction, Direction::Inbound)
            && parsed.tcp_flags & (tcp::flag::SYN | tcp::flag::ACK | tcp::flag::RST | tcp::flag::FIN) == tcp::flag::SYN
            && flow.state.is_closing()
    }

    fn replace_flow(&mut self, moment: Moment<'_>, packet: &mut Packet<'_>, parsed: &Parsed, id: FlowId) -> Verdict {
        self.remove_flow(moment, id);
        self.counters.totals.flows_reused.add(1);
        self.handle_unknown(moment, packet, parsed, &Tuple::of(parsed))
    }

    /// State, time, counters of the flow.
    fn advance(&mut self, moment: Moment<'_>, packet: &Packet<'_>, parsed: &Parsed, id: FlowId, direction: Direction) {
        let (packets, bytes) = weigh(packet, parsed);
        self.note_faults(moment.now, parsed, id, direction);
        let flow = self.flows.flow_mut(id);
        let (old, backend, service) = (flow.state, flow.backend, flow.service);
        if moment.tables.limits.flow_statistics {
            flow.count(direction, packets, bytes);
        }
        if matches!(direction, Direction::Inbound) {
            // Routers of the client's side may take over from each other; replies follow the newest one.
            let mac = ethernet::source(packet.bytes());
            flow.learn_client(mac, packet.head.nic);
        }
        let new = if parsed.protocol == protocol::TCP {
            flow.note_acknowledgement(direction, parsed, packet.bytes());
            next_state(old, flow.view(direction), parsed.tcp_flags)
        } else {
            match direction {
                Direction::Inbound => old,
                Direction::Outbound => State::UdpReplied,
            }
        };
        self.count_traffic(backend, service, direction, packets, bytes);
        if new == old {
            self.flows.seen(id, moment.now);
        } else {
            self.change_state(moment, id, new);
        }
    }

    /// Moves a flow to another state, and its backend's load with it.
    pub(super) fn change_state(&mut self, moment: Moment<'_>, id: FlowId, new: State) {
        let flow = self.flows.flow(id);
        let (old, backend, service) = (flow.state, flow.backend, flow.service);
        let timeouts = moment.tables.service(service).map(|service| service.timeouts).unwrap_or_default();
        if old.is_active() != new.is_active() {
            self.unload(backend, old);
            self.load(backend, new);
        }
        self.flows.set_state(id, moment.now, new, new.timeout_s(&timeouts));
        self.flows.seen(id, moment.now);
        self.export_moved(id);
    }

    /// Counts packets and bytes of a service and a backend.
    pub(super) fn count_traffic(
        &self,
        backend: BackendIndex,
        service: ServiceIndex,
        direction: Direction,
        packets: u64,
        bytes: u64,
    ) {
        for traffic in [&self.counters.services[service.at()], &self.counters.backends[backend.at()]] {
            match direction {
                Direction::Inbound => {
                    traffic.packets_in.add(packets);
                    traffic.bytes_in.add(bytes);
                }
                Direction::Outbound => {
                    traffic.packets_out.add(packets);
                    traffic.bytes_out.add(bytes);
                }
            }
        }
    }
}

/// Packets that a frame stands for on the wire, and the bytes of their IP packets together (headers of further segments
/// of a super-frame not counted).
pub(super) fn weigh(packet: &Packet<'_>, parsed: &Parsed) -> (u64, u64) {
    let bytes = parsed.ip_length();
    let offload = &packet.head.offload;
    let packets = match offload.segmentation {
        Segmentation::None => 1,
        _ => {
            let header = match parsed.protocol {
                protocol::TCP => tcp::header_length(packet.bytes(), usize::from(parsed.l4)),
                _ => net::udp::HEADER,
            };
            let payload = (parsed.end as usize).saturating_sub(usize::from(parsed.l4) + header);
            payload.div_ceil(usize::from(offload.segment_size).max(1)).max(1)
        }
    };
    (packets as u64, bytes as u64)
}

impl Flow {
    /// Counts packets and bytes.
    pub(super) fn count(&mut self, direction: Direction, packets: u64, bytes: u64) {
        match direction {
            Direction::Inbound => {
                self.packets_in = self.packets_in.saturating_add(packets as u32);
                self.bytes_in += bytes;
            }
            Direction::Outbound => {
                self.packets_out = self.packets_out.saturating_add(packets as u32);
                self.bytes_out += bytes;
            }
        }
    }

    /// Notes where the client is reached, when it is reached without a router.
    fn learn_client(&mut self, mac: Mac, nic: crate::NicId) {
        if self.client_mac != mac || self.client_nic != nic {
            self.client_mac = mac;
            self.client_nic = nic;
        }
    }

    /// Of the packet that began the flow, from the client or else the backend: until the other side has acknowledged
    /// something, its sequence number is all that a reset can be made acceptable with (RFC 9293 3.10.7.3).
    pub(super) fn note_first(&mut self, parsed: &Parsed, bytes: &[u8], from_client: bool) {
        if parsed.protocol != protocol::TCP || parsed.tcp_flags & tcp::flag::SYN == 0 {
            return;
        }
        let next = fields::read_u32(bytes, usize::from(parsed.l4) + tcp::SEQUENCE).wrapping_add(1);
        *(if from_client { &mut self.server_next } else { &mut self.client_next }) = next;
    }

    /// Remembers the last acknowledgement: the sequence number a reset towards its sender must have (RFC 5961 3.2).
    pub(super) fn note_acknowledgement(&mut self, direction: Direction, parsed: &Parsed, bytes: &[u8]) {
        if parsed.tcp_flags & tcp::flag::ACK == 0 {
            return;
        }
        let acknowledgement = fields::read_u32(bytes, usize::from(parsed.l4) + tcp::ACKNOWLEDGEMENT);
        match direction {
            Direction::Inbound => self.client_next = acknowledgement,
            Direction::Outbound => self.server_next = acknowledgement,
        }
    }
}
