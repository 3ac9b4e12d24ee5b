//! Fragments follow their flow: the first one has the ports, the later ones are found by the datagram's identification.

use super::deliver::Conversation;
use super::{Engine, Moment};
use crate::flow::{Direction, FragmentKey, Later, PARK_BYTES_MAX, Scheduled, flag};
use crate::{DropReason, Packet, Tuple, Verdict};
use net::{Fragment, Parsed};

impl Engine {
    /// A later fragment goes where its first one went; one that overtook it waits.
    pub(super) fn handle_later_fragment(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
    ) -> Verdict {
        let Fragment::Later { identification, .. } = parsed.fragment else {
            return Verdict::Drop(DropReason::FragmentOrphan);
        };
        let key = fragment_key(&Tuple::of(parsed), identification);
        if !self.fragments.knows(&key) {
            let addresses = Tuple::of(parsed);
            if moment.tables.snat_slot(parsed.destination).is_none()
                && let Some(owner) = self.foreign_owner(moment.tables, &addresses)
            {
                return Verdict::HandOver(owner);
            }
        }
        match self.fragments.later(moment.now, &key, packet.head, packet.bytes()) {
            Later::Known(tuple) => self.follow(moment, packet, parsed, &tuple, &key),
            Later::Parked => {
                self.counters.totals.fragments_parked.add(1);
                Verdict::Consumed
            }
            Later::Full => Verdict::Drop(DropReason::FragmentTableFull),
        }
    }

    /// Sends a later fragment along with the flow of `tuple`, the first one's.
    fn follow(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        tuple: &Tuple,
        key: &FragmentKey,
    ) -> Verdict {
        let hash = tuple.hash(moment.tables.key);
        let Some((id, direction)) = self.flows.find(tuple, hash, moment.tables) else {
            return match self.fragments.scheduled(key) {
                Some(scheduled) => self.follow_scheduled(moment, packet, parsed, tuple, scheduled),
                // The first fragment was refused: the rest is of no use to anybody.
                None => Verdict::Drop(DropReason::FragmentOrphan),
            };
        };
        let flow = self.flows.flow(id);
        if flow.has(flag::KILLED) {
            return Verdict::Drop(DropReason::Killed);
        }
        let (backend, service) = (flow.backend, flow.service);
        let conversation = Conversation::of(flow, moment.tables);
        self.flows.seen(id, moment.now);
        self.count_traffic(backend, service, direction, 1, parsed.ip_length() as u64);
        self.deliver(moment, packet, parsed, &conversation, direction)
    }

    /// Sends a later fragment where the first one went, which left no flow.
    fn follow_scheduled(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        tuple: &Tuple,
        scheduled: Scheduled,
    ) -> Verdict {
        let Scheduled { service, backend, snat } = scheduled;
        let Some(found) = moment.tables.backend(backend) else { return Verdict::Drop(DropReason::BackendDown) };
        let conversation = Conversation {
            client: (tuple.source, tuple.source_port),
            vip: (tuple.destination, tuple.destination_port),
            backend: (found.address, found.port.unwrap_or(tuple.destination_port)),
            snat,
            snat_slot: None,
            backend_index: backend,
            service,
            protocol: tuple.protocol,
            client_mac: net::Mac::default(),
            client_nic: packet.head.nic,
            ftp: false,
        };
        self.count_traffic(backend, service, Direction::Inbound, 1, parsed.ip_length() as u64);
        self.deliver_inbound(moment, packet, parsed, &conversation)
    }

    /// The first fragment went to a backend without leaving a flow.
    pub(super) fn note_scheduled(&mut self, parsed: &Parsed, conversation: &Conversation) {
        if let Fragment::First { identification } = parsed.fragment {
            let Conversation { service, backend_index: backend, snat, .. } = *conversation;
            let key = fragment_key(&conversation.inbound(), identification);
            self.fragments.schedule(&key, Scheduled { service, backend, snat });
        }
    }

    /// From now on later fragments of this datagram are known.
    pub(super) fn note_first_fragment(&mut self, moment: Moment<'_>, tuple: &Tuple, identification: u32) {
        if !self.fragments.first(moment.now, &fragment_key(tuple, identification), *tuple) {
            self.counters.count_drop(DropReason::FragmentTableFull);
        }
    }

    /// Sends the fragments that overtook their first one, which has just been handled.
    pub(super) fn release_parked(&mut self, moment: Moment<'_>, tuple: &Tuple, identification: u32) {
        let key = fragment_key(tuple, identification);
        while let Some(slot) = self.fragments.next_parked(&key) {
            // A copy, so that the engine may work on it while the pool is its own.
            let mut buffer = [0; PARK_BYTES_MAX];
            let (head, parked) = self.fragments.parked(slot);
            buffer.copy_from_slice(parked);
            let mut head = *head;
            self.fragments.free_parked(slot);
            let mut packet = Packet { head: &mut head, buffer: &mut buffer };
            let verdict = match net::parse(packet.bytes(), false) {
                Ok(parsed) => self.follow(moment, &mut packet, &parsed, tuple, &key),
                Err(malformed) => Verdict::Drop(malformed.into()),
            };
            match verdict {
                Verdict::Transmit(nic) => self.emit_copy(nic, &packet),
                Verdict::Drop(reason) => self.counters.count_drop(reason),
                _ => {}
            }
        }
    }

    fn emit_copy(&mut self, nic: crate::NicId, packet: &Packet<'_>) {
        match self.emissions.begin(nic, packet.length()) {
            Some(mut copy) => copy.bytes_mut().copy_from_slice(packet.bytes()),
            None => self.counters.count_drop(DropReason::EmissionsFull),
        }
    }
}

const fn fragment_key(tuple: &Tuple, identification: u32) -> FragmentKey {
    FragmentKey { source: tuple.source, destination: tuple.destination, identification, protocol: tuple.protocol }
}
