//! FTP through NAT: control connections are followed, the data connections they announce are expected.

use super::deliver::Conversation;
use super::new_flow::Start;
use super::{Engine, Moment};
use crate::flow::Direction;
use crate::ftp::{self, Expectation, FtpAction, Mode, Origin};
use crate::{DropReason, Packet, Tuple, Verdict};
use net::ip::protocol;
use net::tcp::flag as tcp_flag;
use net::{Now, Parsed};

impl Engine {
    /// A segment of a control connection: read, perhaps rewritten, and sent on.
    pub(super) fn deliver_ftp(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        mut parsed: Parsed,
        conversation: &Conversation,
        direction: Direction,
    ) -> Verdict {
        match self.ftp.on_segment(moment.now, direction, packet, &mut parsed, &control(conversation)) {
            FtpAction::Pass => {}
            FtpAction::Expect { expectation, rewritten } => self.expect_data(&expectation, rewritten),
            FtpAction::Full => self.counters.totals.ftp_full.add(1),
            FtpAction::Drop(reason) => return Verdict::Drop(reason),
        }
        self.deliver(moment, packet, &parsed, conversation, direction)
    }

    fn expect_data(&mut self, expectation: &Expectation, rewritten: bool) {
        self.counters.totals.ftp_expectations.add(1);
        if rewritten {
            self.counters.totals.ftp_rewritten.add(1);
        }
        // The VIP is ours anyway; a server's SYN to a client is not, until it is claimed.
        if expectation.mode == Mode::Active {
            self.claims.claim(expectation.tuple());
        }
    }

    /// A SYN that a control connection announced; `None` when there is none to it.
    pub(super) fn handle_expected(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        tuple: &Tuple,
    ) -> Option<Verdict> {
        if tuple.protocol != protocol::TCP || !is_first_syn(parsed) || self.ftp.expectations() == 0 {
            return None;
        }
        let expectation = self.expectation_of(moment.now, tuple)?;
        let verdict = self.start_data(moment, packet, parsed, tuple, &expectation);
        // Whatever became of the SYN: the announcement is used up, and a flow that was made has a claim of its own.
        if expectation.mode == Mode::Active {
            self.claims.unclaim(expectation.tuple());
        }
        Some(verdict)
    }

    fn start_data(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        tuple: &Tuple,
        expectation: &Expectation,
    ) -> Verdict {
        let Origin { service: index, backend, .. } = expectation.origin;
        let Some(service) = moment.tables.service(index) else { return Verdict::Drop(DropReason::NoService) };
        match expectation.mode {
            Mode::Passive => {
                let data = Some(expectation.backend_port);
                self.start_flow(moment, packet, parsed, &Start { index, service, backend, tuple: *tuple, data })
            }
            Mode::Active => {
                let inbound = Tuple {
                    source: expectation.client,
                    destination: expectation.vip,
                    source_port: expectation.client_port,
                    destination_port: tuple.source_port,
                    protocol: protocol::TCP,
                };
                let data = Some(tuple.source_port);
                let start = Start { index, service, backend, tuple: inbound, data };
                self.start_active(moment, packet, parsed, &start, expectation)
            }
        }
    }

    fn expectation_of(&mut self, now: Now, tuple: &Tuple) -> Option<Expectation> {
        self.ftp.expected(now, tuple.source, tuple.destination, tuple.destination_port)
    }

    /// The server connects to the client: the first packet of the flow is a reply.
    fn start_active(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        start: &Start<'_>,
        expectation: &Expectation,
    ) -> Verdict {
        let Some(backend) = moment.tables.backend(start.backend) else {
            return Verdict::Drop(DropReason::NoBackend);
        };
        let mut conversation = match self.plan(moment.tables, start, backend) {
            Ok(conversation) => conversation,
            Err(reason) => return Verdict::Drop(reason),
        };
        // No flow is answered by this packet, but the client may talk to that port of the VIP already.
        if self.flows.find(&start.tuple, start.tuple.hash(moment.tables.key), moment.tables).is_some() {
            return Verdict::Drop(DropReason::FtpRefused);
        }
        let id = match self.make_flow(moment, packet, parsed, start, &conversation) {
            Ok(id) => id,
            Err(reason) => return Verdict::Drop(reason),
        };
        let Origin { client_mac, client_nic, .. } = expectation.origin;
        let flow = self.flows.flow_mut(id);
        (flow.client_mac, flow.client_nic) = (client_mac, client_nic);
        (conversation.client_mac, conversation.client_nic) = (client_mac, client_nic);
        self.deliver_outbound(moment, packet, parsed, &conversation)
    }
}

const fn is_first_syn(parsed: &Parsed) -> bool {
    parsed.tcp_flags & (tcp_flag::SYN | tcp_flag::ACK | tcp_flag::RST | tcp_flag::FIN) == tcp_flag::SYN
}

fn control(conversation: &Conversation) -> ftp::Conversation {
    ftp::Conversation {
        client: conversation.client.0,
        client_port: conversation.client.1,
        vip: conversation.vip.0,
        vip_port: conversation.vip.1,
        backend: conversation.backend.0,
        backend_port: conversation.backend.1,
        origin: Origin {
            service: conversation.service,
            backend: conversation.backend_index,
            client_mac: conversation.client_mac,
            client_nic: conversation.client_nic,
        },
    }
}
