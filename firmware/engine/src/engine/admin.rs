//! What an administrator may ask of a worker: list flows, kill flows. Runs between turns; may allocate.

use super::deliver::Conversation;
use super::{Engine, Moment};
use crate::flow::{FlowId, State, flag};
use crate::tables::Backend;
use crate::{BackendIndex, ServiceIndex, Tuple};
use net::ip::protocol;
use net::{Address, Now};
use std::sync::Arc;

/// Flows killed or listed per call at most: the worker has packets to handle.
pub const FLOWS_PER_CALL_MAX: usize = 1_000;
/// Slots looked at per call.
const SLOTS_PER_CALL: usize = 65_536;

/// Which flows; an empty filter means all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowFilter {
    /// Of this service.
    pub service: Option<ServiceIndex>,
    /// To this backend.
    pub backend: Option<BackendIndex>,
    /// From this client.
    pub client: Option<Address>,
    /// Exactly this one, client to VIP.
    pub tuple: Option<Tuple>,
}

/// A flow as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowView {
    /// Client to VIP.
    pub inbound: Tuple,
    /// The backend's address and port.
    pub backend_address: (Address, u16),
    /// Full NAT's source.
    pub snat: Option<(Address, u16)>,
    /// Service slot.
    pub service: ServiceIndex,
    /// Backend slot.
    pub backend: BackendIndex,
    /// Name of the state.
    pub state: &'static str,
    /// Seconds since the last packet.
    pub idle_s: u32,
    /// Seconds after which an idle flow in this state ends.
    pub timeout_s: u32,
    /// Packets from and to the client.
    pub packets: (u64, u64),
    /// Bytes from and to the client.
    pub bytes: (u64, u64),
}

impl Engine {
    /// Up to `limit` flows from `cursor` on, which is moved; `true` when all slots have been looked at.
    pub fn list_flows(&self, now: Now, filter: &FlowFilter, cursor: &mut u32, limit: usize) -> (Vec<FlowView>, bool) {
        let mut views = Vec::new();
        let mut ids = Vec::new();
        let done = self.collect(filter, cursor, limit.min(FLOWS_PER_CALL_MAX), &mut ids);
        for id in ids {
            views.push(self.view(now, id));
        }
        (views, done)
    }

    /// Ends the flows that match, up to a bound per call; TCP flows are reset on both sides. Stragglers are dropped until
    /// the flow is forgotten, so that none of them begins it anew; but UDP of a backend that takes no flows chooses
    /// another one at once. Returns how many, and whether all have been looked at.
    pub fn kill_flows(&mut self, now: Now, filter: &FlowFilter, cursor: &mut u32) -> (usize, bool) {
        let tables = Arc::clone(&self.tables);
        let moment = Moment { now, tables: &tables };
        let mut ids = Vec::new();
        // Two resets a flow must fit the arena of frames to send.
        let room = 128;
        let done = self.collect(filter, cursor, room, &mut ids);
        ids.retain(|id| !self.flows.flow(*id).has(flag::KILLED));
        for id in &ids {
            self.counters.totals.flows_killed.add(1);
            let flow = self.flows.flow(*id);
            if flow.protocol == protocol::UDP && !tables.backend(flow.backend).is_some_and(Backend::takes_flows) {
                self.remove_flow(moment, *id);
                continue;
            }
            self.tell_both_sides(moment, *id);
            self.change_state(moment, *id, State::Close);
            self.flows.flow_mut(*id).flags |= flag::KILLED;
        }
        (ids.len(), done)
    }

    fn collect(&self, filter: &FlowFilter, cursor: &mut u32, limit: usize, ids: &mut Vec<FlowId>) -> bool {
        if let Some(tuple) = &filter.tuple {
            ids.extend(self.flows.find(tuple, tuple.hash(self.tables.key), &self.tables).map(|(id, _)| id));
            return true;
        }
        let mut looked_at = 0;
        while looked_at < SLOTS_PER_CALL && ids.len() < limit {
            // Small steps: whatever matches beyond the limit must be found by the next call.
            let step = (limit - ids.len()).min(64);
            self.flows.scan(cursor, step, |id, flow| {
                let matches = filter.service.is_none_or(|service| flow.service == service)
                    && filter.backend.is_none_or(|backend| flow.backend == backend)
                    && filter.client.is_none_or(|client| flow.client() == client);
                if matches {
                    ids.push(id);
                }
            });
            looked_at += step;
            if *cursor == 0 {
                return true;
            }
        }
        false
    }

    fn view(&self, now: Now, id: FlowId) -> FlowView {
        let flow = self.flows.flow(id);
        let conversation = Conversation::of(flow, &self.tables);
        let timeouts = self.tables.service(flow.service).map(|service| service.timeouts).unwrap_or_default();
        FlowView {
            inbound: conversation.inbound(),
            backend_address: conversation.backend,
            snat: conversation.snat,
            service: flow.service,
            backend: flow.backend,
            state: flow.state.name(),
            idle_s: now.secs().saturating_sub(flow.last_seen_s),
            timeout_s: flow.state.timeout_s(&timeouts),
            packets: (u64::from(flow.packets_in), u64::from(flow.packets_out)),
            bytes: (flow.bytes_in, flow.bytes_out),
        }
    }
}
