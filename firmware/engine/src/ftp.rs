//! FTP through NAT (RFC 959, RFC 2428): the control connection names addresses and ports, which must be those that the
//! other side can reach, and data connections come that no service knows.
//!
//! With the method `nat` the client keeps its address, so only what the server says is ever rewritten: the address in its
//! reply to PASV becomes the VIP. Ports stay the same on both sides of the engine. Sequence numbers of the server's
//! direction shift when the reply changes its length.

// GAP(RFC 959 5.3): a command or reply that is spread over two segments, or comes behind the first 4 KiB of one, is not
// recognised.
// GAP(RFC 4217): nothing is recognised in a TLS connection.

mod dialogue;
mod expectations;
mod lines;
mod shift;

pub use expectations::{EXPECTATION_S, Expectation, Mode};

use crate::flow::Direction;
use crate::forward::{changed, overwrite, patch_l4, set_ip_length};
use crate::{BackendIndex, DropReason, NicId, Packet, ServiceIndex, Tuple};
use dialogue::{Command, Endpoint, Reply};
use expectations::Expectations;
use foldhash::fast::FixedState;
use lines::Lines;
use net::checksum::{self, Delta};
use net::fields::read_u32;
use net::ip::protocol;
use net::siphash::Key;
use net::tcp::{self, flag, option};
use net::{Address, Fragment, Mac, Now, Parsed};
use shift::Shift;
use std::collections::HashMap;
use std::ops::Range;

/// Announcements forgotten in one go.
const EXPIRE_MAX: usize = 64;
/// Lowest port of a data connection: below are services, and a way to attack them (RFC 2577 3).
const DATA_PORT_MIN: u16 = 1024;

/// The ends of a control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The client.
    pub client: Address,
    /// Its port.
    pub client_port: u16,
    /// What it connected to.
    pub vip: Address,
    /// The port it connected to.
    pub vip_port: u16,
    /// Who serves it.
    pub backend: Address,
    /// On which port.
    pub backend_port: u16,
    /// What its data connections inherit.
    pub origin: Origin,
}

/// What a data connection inherits from its control connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The service.
    pub service: ServiceIndex,
    /// The backend.
    pub backend: BackendIndex,
    /// Where the client's packets come from.
    pub client_mac: Mac,
    /// Where they come in.
    pub client_nic: NicId,
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FtpAction {
    /// Nothing that matters; sequence numbers are right.
    Pass,
    /// A data connection was announced and is now expected.
    Expect {
        /// Which.
        expectation: Expectation,
        /// Whether the segment's content changed.
        rewritten: bool,
    },
    /// The segment must not pass: `FtpRefused`, or `NoHeadroom` when its buffer cannot hold the longer address.
    Drop(DropReason),
    /// There is no room to follow this connection; the segment passes as it is.
    Full,
}

/// The control connections of one worker and the data connections they announced. Allocated once.
#[derive(Debug)]
pub struct Ftp {
    key: Key,
    controls: HashMap<u64, Control, FixedState>,
    controls_max: usize,
    expectations: Expectations,
}

/// What is known of one control connection.
#[derive(Debug)]
struct Control {
    tuple: Tuple,
    client_lines: Lines,
    server_lines: Lines,
    /// PASV and EPSV commands not yet answered.
    passive_asked: u8,
    /// Place of the reply that was recognised last, in the server's own numbers.
    answered: Option<u32>,
    shift: Option<Shift>,
}

impl Ftp {
    /// Room for `controls_max` connections and as many announcements. `key` as for flows.
    pub fn new(controls_max: u32, key: Key) -> Self {
        let controls_max = controls_max as usize;
        Self {
            key,
            // Twice the room: a table never more than half full cleans up deletions in place instead of growing.
            controls: HashMap::with_capacity_and_hasher(controls_max * 2, FixedState::default()),
            controls_max,
            expectations: Expectations::new(controls_max, key),
        }
    }

    /// Handles one segment of a control connection, before or after its addresses are translated; `parsed` describes it
    /// now, and still does afterwards.
    pub fn on_segment(
        &mut self,
        now: Now,
        direction: Direction,
        packet: &mut Packet<'_>,
        parsed: &mut Parsed,
        conversation: &Conversation,
    ) -> FtpAction {
        if parsed.protocol != protocol::TCP || parsed.is_later_fragment() {
            return FtpAction::Pass;
        }
        let tuple = tuple(conversation);
        let at = tuple.hash(self.key);
        if direction == Direction::Inbound && parsed.tcp_flags & flag::SYN != 0 {
            // The client uses its port again: another connection, with other numbers.
            self.controls.remove(&at);
            return FtpAction::Pass;
        }
        let payload = payload(packet, parsed);
        if !self.controls.contains_key(&at) {
            // A connection is followed from the client's first command on: a flood of SYNs takes no room.
            if direction == Direction::Outbound || payload.is_empty() {
                return FtpAction::Pass;
            }
            if self.controls.len() >= self.controls_max {
                return FtpAction::Full;
            }
            self.controls.insert(at, Control::new(tuple));
        }
        let Some(control) = self.controls.get_mut(&at).filter(|control| control.tuple == tuple) else {
            return FtpAction::Full;
        };
        let expectations = &mut self.expectations;
        match direction {
            Direction::Inbound => control.inbound(now, packet, parsed, payload, conversation, expectations),
            Direction::Outbound => control.outbound(now, packet, parsed, payload, conversation, expectations),
        }
    }

    /// The data connection that a SYN from `source` to `destination` opens, if it was announced; it is then no longer
    /// expected. The sender's port is free: the client's is any, and servers do not always use port 20.
    pub fn expected(
        &mut self,
        now: Now,
        source: Address,
        destination: Address,
        destination_port: u16,
    ) -> Option<Expectation> {
        self.expectations.take(now, source, destination, destination_port)
    }

    /// The control connection from client to VIP is over: its flow was removed.
    pub fn forget(&mut self, inbound: &Tuple) {
        self.controls.remove(&inbound.hash(self.key));
    }

    /// Forgets announcements that nobody came for, a few at a time; `gone` is told of each.
    pub fn expire(&mut self, now: Now, gone: impl FnMut(&Expectation)) {
        self.expectations.expire(now, EXPIRE_MAX, gone);
    }

    /// Control connections followed now.
    pub fn controls(&self) -> usize {
        self.controls.len()
    }

    /// Data connections expected now.
    pub fn expectations(&self) -> usize {
        self.expectations.count()
    }

    /// Announcements forgotten before their time because there was no room.
    pub fn expectations_evicted(&self) -> u64 {
        self.expectations.evicted()
    }
}

impl Control {
    fn new(tuple: Tuple) -> Self {
        Self {
            tuple,
            client_lines: Lines::default(),
            server_lines: Lines::default(),
            passive_asked: 0,
            answered: None,
            shift: None,
        }
    }

    // From the client: its commands are read, what it acknowledges is put into the server's numbers.
    fn inbound(
        &mut self,
        now: Now,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        payload: Range<usize>,
        conversation: &Conversation,
        expectations: &mut Expectations,
    ) -> FtpAction {
        let mut action = FtpAction::Pass;
        if parsed.fragment == Fragment::Whole {
            let bytes = packet.bytes();
            let sequence = read_u32(bytes, usize::from(parsed.l4) + tcp::SEQUENCE);
            for line in self.client_lines.of(bytes, payload, sequence) {
                match dialogue::command(&bytes[line]) {
                    Command::Passive => self.passive_asked = self.passive_asked.saturating_add(1),
                    Command::Active(endpoint) => {
                        let expectation = Expectation::active(conversation, endpoint.port);
                        // RFC 2577 3: a server must not be made to connect to somebody else.
                        let is_own = endpoint.address == conversation.client && endpoint.port >= DATA_PORT_MIN;
                        if !is_own || !expectations.insert(now, expectation) {
                            return FtpAction::Drop(DropReason::FtpRefused);
                        }
                        action = FtpAction::Expect { expectation, rewritten: false };
                    }
                    Command::Other => {}
                }
            }
        }
        if let Some(shift) = &self.shift {
            unshift_acknowledgements(packet, parsed, shift);
        }
        action
    }

    // From the server: its replies to PASV and EPSV are read, and the address in them replaced.
    fn outbound(
        &mut self,
        now: Now,
        packet: &mut Packet<'_>,
        parsed: &mut Parsed,
        payload: Range<usize>,
        conversation: &Conversation,
        expectations: &mut Expectations,
    ) -> FtpAction {
        let mut action = FtpAction::Pass;
        if parsed.fragment == Fragment::Whole {
            let bytes = packet.bytes();
            let sequence = read_u32(bytes, usize::from(parsed.l4) + tcp::SEQUENCE);
            let found = self.server_lines.of(bytes, payload.clone(), sequence).find_map(|line| {
                let reply = dialogue::reply(&bytes[line.clone()]);
                let at = sequence.wrapping_add((line.start - payload.start) as u32);
                (reply != Reply::Other && (self.passive_asked > 0 || self.answered == Some(at)))
                    .then_some((line, at, reply))
            });
            // GAP(RFC 959 4.1.2): of several such replies in one segment only the first is handled.
            if let Some((line, at, reply)) = found {
                action = self.on_reply(now, packet, parsed, (line, at, reply), conversation, expectations);
                if matches!(action, FtpAction::Drop(_)) {
                    return action;
                }
            }
        }
        if let Some(shift) = &self.shift {
            let field = usize::from(parsed.l4) + tcp::SEQUENCE;
            let bytes = packet.bytes_mut();
            let shifted = shift.sequence(read_u32(bytes, field)).to_be_bytes();
            let content = overwrite(bytes, usize::from(parsed.l4), field, &shifted, Delta::NONE);
            patch_l4(packet, parsed, Delta::NONE, content);
        }
        action
    }

    fn on_reply(
        &mut self,
        now: Now,
        packet: &mut Packet<'_>,
        parsed: &mut Parsed,
        (line, at, reply): (Range<usize>, u32, Reply),
        conversation: &Conversation,
        expectations: &mut Expectations,
    ) -> FtpAction {
        let (Endpoint { address, port }, text) = match reply {
            Reply::Passive { endpoint, text } => (endpoint, text),
            Reply::ExtendedPassive { port } => (Endpoint { address: conversation.vip, port }, 0..0),
            Reply::Other => return FtpAction::Pass,
        };
        let is_own = address == conversation.backend || address == conversation.vip;
        if !is_own || port < DATA_PORT_MIN {
            return FtpAction::Drop(DropReason::FtpRefused);
        }
        let expectation = Expectation::passive(conversation, port);
        // Taken by another backend's reply to the same client: the server repeats the segment when that one is done.
        if !expectations.insert(now, expectation) {
            return FtpAction::Drop(DropReason::FtpRefused);
        }
        let rewritten = address != conversation.vip;
        if rewritten {
            let (new, length) = dialogue::host_port(conversation.vip, port);
            let place = at.wrapping_add(text.start as u32);
            let lengths = (text.len() as u16, length as u16);
            let text = line.start + text.start..line.start + text.end;
            if !replace(packet, parsed, text, &new[..length]) {
                return FtpAction::Drop(DropReason::NoHeadroom);
            }
            self.shift = Some(Shift::advance(self.shift, place, lengths));
        }
        if self.answered != Some(at) {
            self.answered = Some(at);
            self.passive_asked = self.passive_asked.saturating_sub(1);
        }
        FtpAction::Expect { expectation, rewritten }
    }
}

fn tuple(conversation: &Conversation) -> Tuple {
    Tuple {
        source: conversation.client,
        destination: conversation.vip,
        source_port: conversation.client_port,
        destination_port: conversation.vip_port,
        protocol: protocol::TCP,
    }
}

fn payload(packet: &Packet<'_>, parsed: &Parsed) -> Range<usize> {
    let l4 = usize::from(parsed.l4);
    l4 + tcp::header_length(packet.bytes(), l4)..parsed.end as usize
}

// Puts the client's acknowledgements, selective ones too, into the server's own numbers.
fn unshift_acknowledgements(packet: &mut Packet<'_>, parsed: &Parsed, shift: &Shift) {
    let l4 = usize::from(parsed.l4);
    let bytes = packet.bytes_mut();
    let mut content = Delta::NONE;
    if parsed.tcp_flags & flag::ACK != 0 {
        let field = l4 + tcp::ACKNOWLEDGEMENT;
        let unshifted = shift.acknowledgement(read_u32(bytes, field)).to_be_bytes();
        content = overwrite(bytes, l4, field, &unshifted, content);
    }
    if let Some(edges) = tcp::option_value(bytes, l4, option::SACK) {
        for field in edges.clone().step_by(4).filter(|field| field + 4 <= edges.end) {
            let unshifted = shift.acknowledgement(read_u32(bytes, field)).to_be_bytes();
            content = overwrite(bytes, l4, field, &unshifted, content);
        }
    }
    patch_l4(packet, parsed, Delta::NONE, content);
}

// Replaces text of the payload; lengths and checksums follow. `false`, and nothing happens, without room.
fn replace(packet: &mut Packet<'_>, parsed: &mut Parsed, text: Range<usize>, new: &[u8]) -> bool {
    let l4 = usize::from(parsed.l4);
    let tail_sum = |packet: &Packet<'_>| checksum::fold(checksum::add(0, &packet.bytes()[text.start..]));
    packet.truncate(parsed.end as usize);
    let old_sum = tail_sum(packet);
    let old_length = parsed.end - u32::from(parsed.l4);
    if !packet.splice(text.clone(), new) {
        return false;
    }
    parsed.end = packet.length() as u32;
    let new_length = parsed.end - u32::from(parsed.l4);
    let content = changed(Delta::NONE, l4, text.start, old_sum, tail_sum(packet));
    let pseudo = Delta::NONE
        .word(old_length as u16, new_length as u16)
        .word((old_length >> 16) as u16, (new_length >> 16) as u16);
    let (l3, family, length) = (usize::from(parsed.l3), parsed.family, parsed.ip_length());
    set_ip_length(packet.bytes_mut(), l3, family, length);
    patch_l4(packet, parsed, pseudo, content);
    true
}

#[cfg(test)]
mod tests;
