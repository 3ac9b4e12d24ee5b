//! Flows whose backend went down, as the service says: keep, drop, reset both sides, or choose again.

use super::deliver::Conversation;
use super::{Engine, Moment};
use crate::flow::{Direction, Flow, FlowId};
use crate::forward::reset;
use crate::tables::OnBackendDown;
use crate::{DropReason, Packet, Tables, Tuple, Verdict};
use net::Parsed;
use net::ip::protocol;

/// What becomes of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Drop,
    /// Both sides are told, the flow ends.
    Reset,
    /// The flow ends; its next packet chooses anew.
    ChooseAgain,
}

/// The fate of a flow of a backend that is down.
pub(super) fn fate(flow: &Flow, tables: &Tables) -> Fate {
    // A service that is gone leaves its flows to end by themselves.
    let Some(service) = tables.service(flow.service) else { return Fate::Keep };
    let tcp = flow.protocol == protocol::TCP;
    match service.on_backend_down {
        OnBackendDown::Keep => Fate::Keep,
        OnBackendDown::Drop => Fate::Drop,
        OnBackendDown::Reset | OnBackendDown::Reselect if !tcp => Fate::ChooseAgain,
        OnBackendDown::Reset => Fate::Reset,
        // Before the handshake is over nothing is lost: the client's next SYN finds another backend. After it no other
        // server knows the connection.
        OnBackendDown::Reselect if flow.state.is_half_open() => Fate::ChooseAgain,
        OnBackendDown::Reselect => Fate::Reset,
    }
}

impl Engine {
    /// A packet of a flow whose backend is down; `None` when it goes on as if nothing happened.
    pub(super) fn handle_backend_down(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        id: FlowId,
        direction: Direction,
    ) -> Option<Verdict> {
        match fate(self.flows.flow(id), moment.tables) {
            Fate::Keep => None,
            Fate::Drop => Some(Verdict::Drop(DropReason::BackendDown)),
            Fate::Reset => {
                self.flows.flow_mut(id).note_acknowledgement(direction, parsed, packet.bytes());
                self.reset_flow(moment, id);
                self.counters.totals.flows_down.add(1);
                Some(Verdict::Drop(DropReason::BackendReset))
            }
            Fate::ChooseAgain => {
                self.remove_flow(moment, id);
                self.counters.totals.flows_down.add(1);
                match direction {
                    Direction::Inbound => {
                        self.counters.totals.flows_reselected.add(1);
                        Some(self.handle_unknown(moment, packet, parsed, &Tuple::of(parsed)))
                    }
                    Direction::Outbound => Some(Verdict::Drop(DropReason::BackendDown)),
                }
            }
        }
    }

    /// Tells both sides of a TCP flow that it is over, and forgets it.
    pub(super) fn reset_flow(&mut self, moment: Moment<'_>, id: FlowId) {
        self.tell_both_sides(moment, id);
        self.remove_flow(moment, id);
    }

    /// Resets both sides of a TCP flow.
    pub(super) fn tell_both_sides(&mut self, moment: Moment<'_>, id: FlowId) {
        let flow = *self.flows.flow(id);
        let conversation = Conversation::of(&flow, moment.tables);
        if flow.protocol != protocol::TCP {
            return;
        }
        if let Ok(exit) = self.exit_to_client(moment.tables, &conversation) {
            let to_client = conversation.inbound().reversed();
            let macs = (exit.destination, exit.source);
            // The client takes a reset only with exactly the number it expects next: what it acknowledged last.
            let acknowledgement = (flow.server_next != 0).then_some(flow.server_next);
            if reset::emit_reset(&mut self.emissions, exit.nic, macs, &to_client, flow.client_next, acknowledgement) {
                self.counters.totals.resets_sent.add(1);
            }
        }
        let Some(backend) = moment.tables.backend(flow.backend) else { return };
        // Behind a tunnel or with direct routing the server's numbers were never seen here.
        if !backend.method.sees_replies() {
            return;
        }
        if let Ok(exit) = self.exit_to_backend(moment.tables, backend) {
            let to_backend = conversation.replies().reversed();
            let macs = (exit.destination, exit.source);
            if reset::emit_reset(&mut self.emissions, exit.nic, macs, &to_backend, flow.server_next, None) {
                self.counters.totals.resets_sent.add(1);
            }
        }
    }
}
