//! The engine of one worker: one frame in, one verdict out.

mod admin;
mod adopt;
mod backend_down;
mod balance;
mod claims;
mod deliver;
mod events;
mod explain;
mod export;
mod faults;
mod fragments;
mod ftp_path;
mod housekeeping;
mod icmp;
mod known;
mod new_flow;
mod replies;
mod returning;
mod source_ports;
mod tunnel_paths;
mod turn;

pub use admin::{FlowFilter, FlowView};
pub use events::Event;
pub use explain::Explanation;
pub use turn::{Batch, Turned};

use crate::flow::{FlowChanges, FlowTable, FragmentTable, PersistTable};
use crate::forward::offload;
use crate::ftp::Ftp;
use crate::schedule::{Candidate, Scheduler};
use crate::tables::{SchedulerFlags, SchedulerKind};
use crate::{
    BACKENDS_MAX, DropReason, Emissions, Packet, SERVICES_MAX, Tables, Tuple, Verdict, WorkerCounters, WorkerId,
};
use claims::Claims;
use events::Events;
use housekeeping::Sweep;
use net::ip::protocol;
use net::{Fragment, Malformed, Now, Parsed, icmp as icmp_types};
use replies::ReplyBudget;
use returning::Returning;
use source_ports::SourcePorts;
use std::sync::Arc;
use tunnel_paths::TunnelPaths;

/// Fragments that may wait for their first one, at once.
const FRAGMENTS_PARKED_MAX: usize = 256;

/// Everything one worker knows. Nothing of it is shared but the counters, which only this worker writes.
pub struct Engine {
    worker: WorkerId,
    tables: Arc<Tables>,
    counters: Arc<WorkerCounters>,
    all_counters: Arc<[Arc<WorkerCounters>]>,
    flows: FlowTable,
    persistence: PersistTable,
    fragments: FragmentTable,
    ftp: Ftp,
    /// By service slot.
    schedulers: Vec<Option<(SchedulerOf, Scheduler)>>,
    /// The slot whose scheduler is tidied next.
    scheduler_turn: usize,
    /// Filled anew for each new flow.
    candidates: Vec<Candidate>,
    /// By backend slot: reached `flows_max`, and not yet down at `flows_low` again.
    overloaded: Vec<bool>,
    tunnel_paths: TunnelPaths,
    returning: Returning,
    source_ports: SourcePorts,
    emissions: Emissions,
    replies: ReplyBudget,
    events: Events,
    claims: Claims,
    changes: FlowChanges,
    sweep: Option<Sweep>,
    random: u64,
    identification: u16,
    house_kept: Now,
    /// The last slice of expiry ended flows: the next one may find more.
    more_to_expire: bool,
}

/// What a scheduler was made for: the service's generation, the kind, its flags.
type SchedulerOf = (u32, SchedulerKind, SchedulerFlags);

/// What a frame is to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// TCP or UDP with ports.
    Flow,
    /// A later fragment of TCP or UDP.
    LaterFragment,
    /// An ICMP or ICMPv6 error.
    IcmpError,
    /// An echo request.
    EchoRequest,
    /// Neighbour solicitation or advertisement.
    Neighbor,
    /// Any other ICMP.
    OtherIcmp,
    /// Anything else.
    Unknown,
}

impl Class {
    fn of(parsed: &Parsed) -> Self {
        match (parsed.protocol, parsed.is_later_fragment()) {
            (protocol::TCP | protocol::UDP, false) => Self::Flow,
            (protocol::TCP | protocol::UDP, true) => Self::LaterFragment,
            // Only echoes come in fragments: errors are short by rule (RFC 1812 4.3.2.3, RFC 4443 2.4 c).
            (protocol::ICMP | protocol::ICMPV6, true) => Self::EchoRequest,
            (protocol::ICMP, _) if icmp_types::v4::is_error(parsed.icmp_type()) => Self::IcmpError,
            (protocol::ICMP, _) if parsed.icmp_type() == icmp_types::v4::ECHO_REQUEST => Self::EchoRequest,
            (protocol::ICMPV6, _) if icmp_types::v6::is_error(parsed.icmp_type()) => Self::IcmpError,
            (protocol::ICMPV6, _) => match parsed.icmp_type() {
                icmp_types::v6::ECHO_REQUEST => Self::EchoRequest,
                icmp_types::v6::NEIGHBOR_SOLICITATION | icmp_types::v6::NEIGHBOR_ADVERTISEMENT => Self::Neighbor,
                _ => Self::OtherIcmp,
            },
            (protocol::ICMP, _) => Self::OtherIcmp,
            _ => Self::Unknown,
        }
    }
}

/// When, and by which tables, a frame is decided on.
#[derive(Clone, Copy)]
struct Moment<'a> {
    now: Now,
    tables: &'a Tables,
}

impl Engine {
    /// The engine of `worker`, which writes `counters[worker]` and reads all. `seed` feeds every random choice.
    ///
    /// # Panics
    /// When `counters` has no entry for `worker`.
    pub fn new(worker: WorkerId, tables: Arc<Tables>, counters: Arc<[Arc<WorkerCounters>]>, seed: u64) -> Self {
        let limits = tables.limits;
        let key = tables.key;
        let mut engine = Self {
            worker,
            counters: Arc::clone(&counters[worker.at()]),
            all_counters: counters,
            flows: FlowTable::new(limits.flows_max, key),
            persistence: PersistTable::new(limits.persistence_max, key),
            fragments: FragmentTable::new(limits.fragments_max, key, FRAGMENTS_PARKED_MAX),
            ftp: Ftp::new(limits.ftp_max, key),
            schedulers: std::iter::repeat_with(|| None).take(SERVICES_MAX).collect(),
            scheduler_turn: 0,
            candidates: Vec::with_capacity(BACKENDS_MAX),
            overloaded: vec![false; BACKENDS_MAX],
            tunnel_paths: TunnelPaths::default(),
            returning: Returning::default(),
            source_ports: SourcePorts::new(worker, seed),
            emissions: Emissions::default(),
            replies: ReplyBudget::default(),
            events: Events::default(),
            claims: Claims::default(),
            changes: FlowChanges::new(0),
            sweep: None,
            random: seed | 1,
            identification: seed as u16,
            house_kept: Now::default(),
            more_to_expire: false,
            tables: Arc::new(Tables::default()),
        };
        engine.adopt(Now::default(), tables);
        engine
    }

    /// The worker this engine belongs to.
    pub const fn worker(&self) -> WorkerId {
        self.worker
    }

    /// The tables it acts on.
    pub const fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// Its counters.
    pub const fn counters(&self) -> &Arc<WorkerCounters> {
        &self.counters
    }

    /// What happened that others should act on.
    pub fn events(&mut self) -> impl Iterator<Item = Event> {
        self.events.drain()
    }

    /// Flow changes to be shared with other nodes; bounded, off until it is given a capacity.
    pub const fn changes(&mut self) -> &mut FlowChanges {
        &mut self.changes
    }

    /// Frames made while handling others; whoever called [`Engine::handle`] sends them.
    pub const fn emissions(&mut self) -> &mut Emissions {
        &mut self.emissions
    }

    /// Decides on one frame outside a turn (tests, fuzzing): parse, adopt nothing, handle.
    pub fn handle(&mut self, now: Now, packet: &mut Packet<'_>) -> Verdict {
        let tables = Arc::clone(&self.tables);
        let moment = Moment { now, tables: &tables };
        let (parsed, hash) = self.prepare(packet, tables.key);
        self.decide(moment, packet, &parsed, hash)
    }

    /// The way of one frame. `parsed` is the parse of `packet` and `hash` that of its tuple: a turn makes both for a whole
    /// batch first, so that the memory latencies of its frames overlap.
    fn decide(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Result<Parsed, Malformed>,
        hash: u64,
    ) -> Verdict {
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(malformed) => return Verdict::Drop((*malformed).into()),
        };
        // Short frames are padded to 60 bytes by the sender's NIC; nothing behind the IP packet travels on.
        packet.truncate(parsed.end as usize);
        if let Err(reason) = offload::check(packet, parsed) {
            return Verdict::Drop(reason);
        }
        match Class::of(parsed) {
            Class::Flow => self.handle_flow(moment, packet, parsed, hash),
            Class::LaterFragment => self.handle_later_fragment(moment, packet, parsed),
            Class::IcmpError => self.handle_icmp_error(moment, packet, parsed),
            Class::EchoRequest => self.handle_echo_request(moment, packet, parsed),
            Class::Neighbor => self.handle_neighbor(moment, packet, parsed),
            Class::OtherIcmp => Verdict::Drop(DropReason::IcmpIgnored),
            Class::Unknown => Verdict::Drop(DropReason::UnknownProtocol),
        }
    }

    /// TCP and UDP with ports: a known flow goes its way, anything else may become one.
    fn handle_flow(&mut self, moment: Moment<'_>, packet: &mut Packet<'_>, parsed: &Parsed, hash: u64) -> Verdict {
        let tuple = Tuple::of(parsed);
        let found = self.flows.find(&tuple, hash, moment.tables);
        if found.is_none()
            && let Some(owner) = self.foreign_owner(moment.tables, &tuple)
        {
            return Verdict::HandOver(owner);
        }
        if let Fragment::First { identification } = parsed.fragment {
            self.note_first_fragment(moment, &tuple, identification);
        }
        let verdict = match found {
            Some((id, direction)) => self.handle_known(moment, packet, parsed, id, direction),
            None => self.handle_unknown(moment, packet, parsed, &tuple),
        };
        if let Fragment::First { identification } = parsed.fragment {
            self.release_parked(moment, &tuple, identification);
        }
        verdict
    }

    /// The worker that owns packets of `tuple`, when that is not this one.
    fn foreign_owner(&self, tables: &Tables, tuple: &Tuple) -> Option<WorkerId> {
        if tables.workers <= 1 {
            return None;
        }
        let owner = if tables.vips.find(tuple.destination).is_some() {
            tables.worker_of_client(tuple.source)
        } else if tables.snat_slot(tuple.destination).is_some() {
            tables.worker_of_snat_port(tuple.destination_port)
        } else {
            tables.worker_of_client(tuple.destination)
        };
        (owner != self.worker).then_some(owner)
    }

    /// The next pseudo-random number (xorshift64*): shares and tie-breaks only, nothing that must not be guessed.
    const fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
