//! Every change of a flow is put into the bounded queue that other nodes are told from, and theirs are learnt.

use super::{Engine, Moment};
use crate::flow::{Flow, FlowChange, FlowChanges, FlowId, FlowRecord};
use crate::{NicId, WorkerCounters};
use net::Now;
use std::sync::Arc;

impl Engine {
    /// Tells the others that a flow was made or given to another backend.
    pub(super) fn export_made(&mut self, moment: Moment<'_>, id: FlowId) {
        if !self.changes.is_on() {
            return;
        }
        if let Some(record) = FlowRecord::of(self.flows.flow(id), moment.now, moment.tables) {
            push(&mut self.changes, &self.counters, FlowChange::Made(record));
        }
    }

    /// Tells the others that a flow's state changed.
    pub(super) fn export_moved(&mut self, id: FlowId) {
        if !self.changes.is_on() {
            return;
        }
        let flow = self.flows.flow(id);
        let change = FlowChange::Moved {
            inbound: flow.inbound(),
            state: flow.state,
            client_next: flow.client_next,
            server_next: flow.server_next,
        };
        push(&mut self.changes, &self.counters, change);
    }

    /// Takes over a flow that another node made, for packets of the client that come in on `client_nic`. A flow that is
    /// known already gets the record's state. `false` when its service or backend is unknown here, or there is no room.
    pub fn learn(&mut self, now: Now, record: &FlowRecord, client_nic: NicId) -> bool {
        let tables = Arc::clone(&self.tables);
        let moment = Moment { now, tables: &tables };
        let Some(new) = record.resolve(&tables, client_nic) else { return false };
        if let Some((id, _)) = self.flows.find(&record.inbound, record.inbound.hash(tables.key), &tables) {
            self.change_state(moment, id, new.state);
            return true;
        }
        let Ok(id) = self.flows.insert(now, &new) else { return false };
        record.fill(self.flows.flow_mut(id), now);
        self.load(new.backend, new.state);
        self.counters.totals.flows_learnt.add(1);
        true
    }
}

/// Tells the others that a flow has gone.
pub(super) fn gone(changes: &mut FlowChanges, counters: &WorkerCounters, flow: &Flow) {
    if changes.is_on() {
        push(changes, counters, FlowChange::Gone { inbound: flow.inbound() });
    }
}

fn push(changes: &mut FlowChanges, counters: &WorkerCounters, change: FlowChange) {
    if !changes.push(change) {
        counters.totals.flow_changes_lost.add(1);
    }
}
