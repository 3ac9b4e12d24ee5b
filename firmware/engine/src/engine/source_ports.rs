//! Source addresses and ports towards backends: full NAT's, and a client's other port when its own is taken.
//!
//! A port is free when no flow to the same backend endpoint uses it: the flow table itself is the book of record, so
//! nothing can leak. Workers share no port: `port % workers` names the owner, for the kernel's program too.

use super::deliver::Conversation;
use crate::flow::{FlowTable, SNAT_CLIENT};
use crate::tables::{SNAT_PORT_FIRST, Snat};
use crate::{Tables, WorkerId};
use net::Address;

/// Ports tried per source address before the next address: bounds the time a new flow takes when almost all are used.
const TRIES_MAX: u32 = 512;

/// Where the search for a free port goes on.
#[derive(Debug)]
pub(super) struct SourcePorts {
    worker: WorkerId,
    cursor: u16,
}

/// A source for one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Slot in `Tables::snat`, or [`SNAT_CLIENT`].
    pub slot: u8,
    /// The address in it.
    pub address: Address,
    /// The port.
    pub port: u16,
}

impl SourcePorts {
    pub(super) const fn new(worker: WorkerId, seed: u64) -> Self {
        Self { worker, cursor: seed as u16 }
    }

    /// A free source address and port for a full NAT flow. The cursor goes round all ports before one comes again, which
    /// keeps a port away from the server's TIME_WAIT as long as possible (RFC 6056 3.3.4 asks for no more behind a NAT).
    pub(super) fn take(&mut self, tables: &Tables, flows: &FlowTable, conversation: &Conversation) -> Option<Source> {
        let family = conversation.backend.0.family();
        let workers = u32::from(tables.workers.max(1));
        let usable = |snat: &Snat| snat.in_use && snat.address.family() == family;
        tables.snat.iter().enumerate().filter(|(_, snat)| usable(snat)).find_map(|(slot, snat)| {
            let port = self.free_port(tables, flows, conversation, snat.address, workers)?;
            Some(Source { slot: slot as u8, address: snat.address, port })
        })
    }

    /// Another source port for a flow that keeps its client's address. The client is this worker's, so all ports are.
    pub(super) fn take_beside(
        &mut self,
        tables: &Tables,
        flows: &FlowTable,
        conversation: &Conversation,
    ) -> Option<Source> {
        let address = conversation.client.0;
        let port = self.free_port(tables, flows, conversation, address, 1)?;
        Some(Source { slot: SNAT_CLIENT, address, port })
    }

    fn free_port(
        &mut self,
        tables: &Tables,
        flows: &FlowTable,
        conversation: &Conversation,
        address: Address,
        workers: u32,
    ) -> Option<u16> {
        let span = (u32::from(u16::MAX) - u32::from(SNAT_PORT_FIRST) + 1) / workers;
        for _ in 0..TRIES_MAX.min(span) {
            self.cursor = self.cursor.wrapping_add(1);
            let port = self.port(u32::from(self.cursor) % span, workers);
            let tuple = Conversation { snat: Some((address, port)), ..*conversation }.replies();
            if flows.find(&tuple, tuple.hash(tables.key), tables).is_none() {
                return Some(port);
            }
        }
        None
    }

    // The `nth` port that is this worker's: the first at or above SNAT_PORT_FIRST with the right remainder, then every
    // `workers`th.
    fn port(&self, nth: u32, workers: u32) -> u16 {
        let first = u32::from(SNAT_PORT_FIRST);
        let offset = (u32::from(self.worker.0) + workers - first % workers) % workers;
        let port = first + offset + nth * workers;
        if port > u32::from(u16::MAX) { (port - workers) as u16 } else { port as u16 }
    }
}
