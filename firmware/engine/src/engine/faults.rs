//! What clients' own traffic tells about a backend: each flow is counted once at most among its backend's faults.
//!
//! | method | TCP without an answer | TCP refused | UDP without an answer | UDP refused |
//! |---|---|---|---|---|
//! | nat, fullnat | the SYN comes again, or the flow ends | RST before anything else | the client asks again after a silence, or the flow ends | ICMP port unreachable |
//! | direct, tunnels | the SYN comes again | - | - | - |
//!
//! Replies of direct and tunnels do not come through here, so what is counted there may also be a fault of the way back,
//! or two SYNs of somebody who made the source up. With nat a flood of made-up SYNs is answered by the server, and so
//! counts for nothing.

use super::Engine;
use crate::flow::{Direction, Flow, FlowId, State, flag};
use crate::{BackendIndex, WorkerCounters};
use net::ip::protocol;
use net::tcp::flag as tcp_flag;
use net::{Now, Parsed, icmp};

/// Whole seconds of silence behind which a datagram of the client is another try.
const SILENCE_S: u32 = 2;
/// Flows that tell nothing (any more): answered, counted already, or not seen from their beginning.
const TOLD: u16 = flag::ANSWERED | flag::FAULTY | flag::ADOPTED | flag::LEARNT;

/// What a backend did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Unanswered,
    Refused,
    OneWay,
}

impl Engine {
    /// Notes what a packet of a known flow tells about its backend, before the flow itself learns of the packet.
    #[inline]
    pub(super) fn note_faults(&mut self, now: Now, parsed: &Parsed, id: FlowId, direction: Direction) {
        let flow = self.flows.flow_mut(id);
        if flow.flags & TOLD != 0 {
            return;
        }
        let fault = match direction {
            Direction::Inbound => asked_again(flow, now, parsed),
            Direction::Outbound => {
                flow.flags |= flag::ANSWERED;
                let refused = flow.state == State::SynRecv && parsed.tcp_flags & tcp_flag::RST != 0;
                refused.then_some(Fault::Refused)
            }
        };
        if let Some(fault) = fault {
            flow.flags |= flag::FAULTY;
            count(&self.counters, flow.backend, fault);
        }
    }

    /// Notes an ICMP error from the servers' side about a request of a flow: the server itself says that nobody listens.
    pub(super) fn note_unreachable(&mut self, parsed: &Parsed, id: FlowId, server: net::Address) {
        let flow = self.flows.flow_mut(id);
        let code = (parsed.protocol, parsed.icmp_type(), parsed.icmp_code());
        let refused = matches!(
            code,
            (protocol::ICMP, icmp::v4::UNREACHABLE, icmp::v4::PORT)
                | (protocol::ICMPV6, icmp::v6::UNREACHABLE, icmp::v6::PORT)
        );
        if flow.flags & TOLD == 0 && refused && parsed.source == server {
            flow.flags |= flag::FAULTY;
            count(&self.counters, flow.backend, Fault::Refused);
        }
    }
}

/// Counts a flow that ran out of time without an answer.
pub(super) fn note_expired(counters: &WorkerCounters, flow: &Flow) {
    if flow.flags & (TOLD | flag::KILLED) != 0 || !flow.sees_replies() {
        return;
    }
    match flow.state {
        State::SynRecv => count(counters, flow.backend, Fault::Unanswered),
        State::Udp => count(counters, flow.backend, Fault::OneWay),
        _ => {}
    }
}

fn asked_again(flow: &Flow, now: Now, parsed: &Parsed) -> Option<Fault> {
    match flow.state {
        State::SynRecv => {
            let flags = parsed.tcp_flags & (tcp_flag::SYN | tcp_flag::ACK | tcp_flag::RST | tcp_flag::FIN);
            (flags == tcp_flag::SYN).then_some(Fault::Unanswered)
        }
        State::Udp if flow.sees_replies() => {
            (now.secs().saturating_sub(flow.last_seen_s) >= SILENCE_S).then_some(Fault::OneWay)
        }
        _ => None,
    }
}

fn count(counters: &WorkerCounters, backend: BackendIndex, fault: Fault) {
    let faults = &counters.faults[backend.at()];
    match fault {
        Fault::Unanswered => faults.unanswered.add(1),
        Fault::Refused => faults.refused.add(1),
        Fault::OneWay => faults.one_way.add(1),
    }
}
