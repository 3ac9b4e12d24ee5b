//! ICMP: errors about packets of our flows, pings to our addresses, neighbours.

use super::deliver::Conversation;
use super::{Engine, Event, Moment};
use crate::flow::{Direction, flag};
use crate::forward::icmp::{self, Error};
use crate::forward::nat::Rewrite;
use crate::forward::{neighbor, reset};
use crate::tables::Method;
use crate::{DropReason, Packet, Tables, Tuple, Verdict};
use net::{Address, Parsed, ethernet};

impl Engine {
    /// An error travels to whoever sent the packet it is about. Addresses in it are those of the side it came from, so
    /// both its own header and the packet inside are translated.
    pub(super) fn handle_icmp_error(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
    ) -> Verdict {
        let inner = match icmp::embedded(packet, parsed) {
            Ok(inner) => inner,
            Err(reason) => return Verdict::Drop(reason),
        };
        // The packet inside went the other way.
        let tuple = Tuple::of(&inner).reversed();
        let hash = tuple.hash(moment.tables.key);
        let Some((id, direction)) = self.flows.find(&tuple, hash, moment.tables) else {
            if inner.source == parsed.destination && self.tunnel_paths.begin_at(parsed.destination) {
                return self.handle_tunnel_error(moment, packet, parsed, &inner);
            }
            return match self.foreign_owner(moment.tables, &tuple) {
                Some(owner) => Verdict::HandOver(owner),
                None => Verdict::Drop(DropReason::IcmpUnknownFlow),
            };
        };
        let flow = self.flows.flow(id);
        if flow.has(flag::KILLED) {
            return Verdict::Drop(DropReason::Killed);
        }
        let conversation = Conversation::of(flow, moment.tables);
        if parsed.hop_limit <= 1 {
            return Verdict::Drop(DropReason::HopLimit);
        }
        self.counters.totals.icmp_errors_forwarded.add(1);
        match direction {
            Direction::Inbound => self.pass_error_to_backend(moment, packet, parsed, &inner, &conversation),
            Direction::Outbound => {
                self.note_unreachable(parsed, id, conversation.backend.0);
                self.pass_error_to_client(moment, packet, parsed, &inner, &conversation)
            }
        }
    }

    /// From the clients' side, about a reply.
    fn pass_error_to_backend(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        inner: &Parsed,
        conversation: &Conversation,
    ) -> Verdict {
        let method = moment.tables.backend(conversation.backend_index).map(|backend| backend.method);
        let is_nat = method.is_some_and(Method::sees_replies);
        if !is_nat {
            // The server has the VIP itself and sent the packet under it: nothing to translate.
            return self.deliver_inbound(moment, packet, parsed, conversation);
        }
        let exit = match moment
            .tables
            .backend(conversation.backend_index)
            .ok_or(DropReason::BackendDown)
            .and_then(|backend| self.exit_to_backend(moment.tables, backend))
        {
            Ok(exit) => exit,
            Err(reason) => return Verdict::Drop(reason),
        };
        // Full NAT's server never heard of the client: to it the error comes from the source it knows.
        let source = conversation.snat.map(|(address, _)| (address, 0));
        let outer = Rewrite { source, destination: Some((conversation.backend.0, 0)) };
        let embedded = Rewrite { source: Some(conversation.backend), destination: conversation.snat };
        icmp::translate_error(packet, parsed, inner, &outer, &embedded);
        self.send_rewritten(moment, packet, parsed, None, &exit)
    }

    /// From the servers' side, about a request.
    fn pass_error_to_client(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        inner: &Parsed,
        conversation: &Conversation,
    ) -> Verdict {
        let exit = match self.exit_to_client(moment.tables, conversation) {
            Ok(exit) => exit,
            Err(reason) => return Verdict::Drop(reason),
        };
        // Clients know the VIP only, whichever router or server behind it speaks.
        let destination = Some((conversation.client.0, 0));
        let outer = Rewrite { source: Some((conversation.vip.0, 0)), destination };
        let embedded =
            Rewrite { source: conversation.snat.map(|_| conversation.client), destination: Some(conversation.vip) };
        icmp::translate_error(packet, parsed, inner, &outer, &embedded);
        self.send_rewritten(moment, packet, parsed, None, &exit)
    }

    /// From a router between us and a tunnel's end, about our own outer header. What is too big for the path is learnt,
    /// so that the next packet that does not fit is answered (or cut) here; the client is told at once when the error
    /// quotes enough of its packet.
    fn handle_tunnel_error(
        &mut self,
        moment: Moment<'_>,
        packet: &Packet<'_>,
        parsed: &Parsed,
        outer: &Parsed,
    ) -> Verdict {
        let Some(error) = icmp::tunnel_error(packet, parsed, outer) else {
            return Verdict::Drop(DropReason::IcmpUnknownFlow);
        };
        let (Some(path_mtu), Some(inner_mtu)) = (error.path_mtu, error.inner_mtu) else {
            return Verdict::Drop(DropReason::IcmpIgnored);
        };
        if !self.tunnel_paths.learn(moment.tables, (error.backend, error.method), path_mtu, moment.now) {
            return Verdict::Drop(DropReason::IcmpUnknownFlow);
        }
        let Some(inner) = error.inner else { return Verdict::Consumed };
        // The worker whose client it is must learn too, and is the one that knows where to tell it.
        if let Some(owner) = self.foreign_owner(moment.tables, &Tuple::of(&inner)) {
            return Verdict::HandOver(owner);
        }
        self.tell_tunnel_client(moment, packet, &inner, inner_mtu);
        Verdict::Consumed
    }

    fn tell_tunnel_client(&mut self, moment: Moment<'_>, packet: &Packet<'_>, inner: &Parsed, mtu: u16) {
        let tuple = Tuple::of(inner);
        let hash = tuple.hash(moment.tables.key);
        let Some((id, _)) = self.flows.find(&tuple, hash, moment.tables) else { return };
        let conversation = Conversation::of(self.flows.flow(id), moment.tables);
        let Ok(exit) = self.exit_to_client(moment.tables, &conversation) else { return };
        if !self.replies.take(moment.now, moment.tables.limits.replies_per_second_max) {
            self.counters.totals.answers_withheld.add(1);
            return;
        }
        let macs = (exit.destination, exit.source);
        let error = Error::TooBig { mtu };
        if icmp::relay_error(packet, inner, error, conversation.vip.0, exit.nic, macs, &mut self.emissions) {
            self.counters.totals.icmp_errors_sent.add(1);
        }
    }

    pub(super) fn handle_echo_request(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
    ) -> Verdict {
        // A whole network of VIPs (a transparent cache) is other people's hosts: they answer for themselves.
        if !moment.tables.vips.exact.contains_key(&parsed.destination) {
            return Verdict::Drop(DropReason::IcmpIgnored);
        }
        if !self.replies.take(moment.now, moment.tables.limits.replies_per_second_max) {
            return Verdict::Drop(DropReason::ReplyLimit);
        }
        match icmp::echo_reply(packet, parsed) {
            Ok(()) => {
                self.counters.totals.echo_replies.add(1);
                Verdict::Transmit(packet.head.nic)
            }
            Err(reason) => Verdict::Drop(reason),
        }
    }

    pub(super) fn handle_neighbor(&mut self, moment: Moment<'_>, packet: &mut Packet<'_>, parsed: &Parsed) -> Verdict {
        let tables = moment.tables;
        let nic = packet.head.nic;
        if let Some(told) = neighbor::advertised(packet, parsed) {
            let ours = tables.nics.get(nic.at()).map(|nic| nic.mac);
            if answers_for(tables, told.target) && told.target_mac != ours {
                let mac = told.target_mac.unwrap_or(ethernet::source(packet.bytes()));
                self.events.push(Event::AddressConflict { nic, address: told.target, mac });
                return Verdict::ToControl;
            }
            return Verdict::Drop(DropReason::LinkNoise);
        }
        let target = neighbor::solicited(packet, parsed).filter(|target| answers_for(tables, *target));
        let (Some(target), Some(mac)) = (target, tables.nics.get(nic.at()).map(|nic| nic.mac)) else {
            return Verdict::Drop(DropReason::LinkNoise);
        };
        match neighbor::advertise(packet, parsed, target, mac) {
            Ok(()) => {
                self.counters.totals.solicitations_answered.add(1);
                Verdict::Transmit(nic)
            }
            Err(reason) => Verdict::Drop(reason),
        }
    }

    /// Sends an ICMP error to the sender of `packet`, within the limit.
    pub(super) fn answer_error(&mut self, moment: Moment<'_>, packet: &Packet<'_>, parsed: &Parsed, error: Error) {
        let Some(source) = self.speaker(moment, packet, parsed) else { return };
        if !self.replies.take(moment.now, moment.tables.limits.replies_per_second_max) {
            self.counters.totals.answers_withheld.add(1);
            return;
        }
        if icmp::answer_error(packet, parsed, error, source, &mut self.emissions) {
            self.counters.totals.icmp_errors_sent.add(1);
        }
    }

    /// Sends a RST to the sender of `packet`, within the limit.
    pub(super) fn answer_reset(&mut self, moment: Moment<'_>, packet: &Packet<'_>, parsed: &Parsed) {
        if !self.replies.take(moment.now, moment.tables.limits.replies_per_second_max) {
            self.counters.totals.answers_withheld.add(1);
            return;
        }
        if reset::answer_reset(packet, parsed, &mut self.emissions) {
            self.counters.totals.resets_sent.add(1);
        }
    }

    /// The address we speak under to the sender of `packet`: the VIP it asked, or our own on that side.
    fn speaker(&self, moment: Moment<'_>, packet: &Packet<'_>, parsed: &Parsed) -> Option<Address> {
        if moment.tables.vips.exact.contains_key(&parsed.destination) {
            return Some(parsed.destination);
        }
        moment.tables.own_address(packet.head.nic, parsed.family)
    }
}

/// Whether the engine answers for `address` on the link: VIPs and full NAT's sources are not addresses of the kernel.
fn answers_for(tables: &Tables, address: Address) -> bool {
    tables.vips.exact.contains_key(&address) || tables.snat_slot(address).is_some()
}
