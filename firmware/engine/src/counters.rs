//! Counters of one worker. Written by that worker alone, read by anybody at any time.

use crate::DropReason;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A number that one thread adds to and others read: a plain load and store, no locked instruction.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `n`. Only the owning worker may call this.
    #[inline(always)]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Replaces the value. Only the owning worker may call this.
    #[inline(always)]
    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    /// The value.
    #[inline(always)]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What one worker counts, drops aside.
        #[derive(Debug, Default)]
        pub struct Totals {
            $($(#[$doc])* pub $name: Count,)*
        }

        impl Totals {
            /// All of them, by name.
            pub fn list(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.value()),)*]
            }
        }
    };
}

counters! {
    /// Turns that handled at least one frame.
    turns,
    /// Frames received.
    frames_received,
    /// Bytes received.
    bytes_received,
    /// Frames whose verdict was to send them on.
    frames_transmitted,
    /// Super-frames (segment size above 0) received.
    super_frames_received,
    /// Super-frames sent on whole.
    super_frames_transmitted,
    /// Frames the engine made itself: fragments, segments, answers.
    frames_emitted,
    /// Segments cut from super-frames for tunnels.
    segments_cut,
    /// Fragments made before encapsulation.
    fragments_cut,
    /// Frames that ended here: answered, cut into others, or kept until their first fragment comes.
    frames_consumed,
    /// Frames that belonged to another worker.
    frames_handed_over,
    /// Frames shown to the control loop.
    frames_to_control,
    /// Flows made.
    flows_created,
    /// Flows that ran out of time.
    flows_expired,
    /// Flows ended early: evicted when full.
    flows_evicted,
    /// Flows killed by an administrator.
    flows_killed,
    /// Flows moved to another backend because theirs went down.
    flows_reselected,
    /// Flows ended because their backend was down; those that choose again are counted as reselected too.
    flows_down,
    /// Flows made for a new SYN on a closing flow.
    flows_reused,
    /// Flows adopted in mid-stream.
    flows_adopted,
    /// Flows learnt from another node.
    flows_learnt,
    /// Flow changes that did not fit the export queue.
    flow_changes_lost,
    /// Flows now.
    flows,
    /// Flows there is room for.
    flows_max,
    /// Longest probe of the flow index so far.
    longest_probe,
    /// Persistence entries now.
    persistence_entries,
    /// Persistence entries that found no room.
    persistence_full,
    /// Fragmented datagrams tracked now.
    fragments_tracked,
    /// Fragments that waited for their first one.
    fragments_parked,
    /// Echo requests to a VIP answered.
    echo_replies,
    /// ICMP errors sent.
    icmp_errors_sent,
    /// ICMP errors translated and passed on.
    icmp_errors_forwarded,
    /// TCP resets sent.
    resets_sent,
    /// Answers (ICMP errors, resets) not given: the limit on answers per second was reached.
    answers_withheld,
    /// Neighbour solicitations answered.
    solicitations_answered,
    /// SYN options changed.
    mss_clamped,
    /// FTP commands or replies rewritten.
    ftp_rewritten,
    /// FTP data connections expected.
    ftp_expectations,
    /// FTP control connections that found no room.
    ftp_full,
}

/// Packets and bytes of one service or backend in one worker.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Flows made.
    pub flows: Count,
    /// Packets from clients.
    pub packets_in: Count,
    /// Bytes from clients.
    pub bytes_in: Count,
    /// Packets to clients.
    pub packets_out: Count,
    /// Bytes to clients.
    pub bytes_out: Count,
}

/// Flows that one backend in one worker left without what they came for; each counts once. Which methods show what is
/// told in `engine/faults.rs`.
#[derive(Debug, Default)]
pub struct Faults {
    /// TCP: the SYN was not answered.
    pub unanswered: Count,
    /// TCP: reset before anything else; UDP: port unreachable.
    pub refused: Count,
    /// UDP: no answer.
    pub one_way: Count,
}

/// Flows of one backend in one worker: what schedulers and limits look at.
#[derive(Debug, Default)]
pub struct Load {
    /// Flows in the states that IPVS counts as active.
    pub active: AtomicU32,
    /// All others.
    pub inactive: AtomicU32,
}

/// Slots of services and backends; a bound of the configuration.
pub const SERVICES_MAX: usize = 4_096;
/// Slots of backends over all services; a bound of the configuration.
pub const BACKENDS_MAX: usize = 16_384;

/// Everything one worker publishes.
#[derive(Debug)]
pub struct WorkerCounters {
    /// Totals.
    pub totals: Totals,
    /// Drops by reason.
    pub drops: [Count; DropReason::COUNT],
    /// By service slot.
    pub services: Box<[Traffic]>,
    /// By backend slot.
    pub backends: Box<[Traffic]>,
    /// Faults by backend slot.
    pub faults: Box<[Faults]>,
    /// Flows by backend slot; every worker reads everybody's.
    pub load: Box<[Load]>,
}

impl WorkerCounters {
    /// Zeroed, for `services` and `backends` slots.
    pub fn new(services: usize, backends: usize) -> Self {
        Self {
            totals: Totals::default(),
            drops: std::array::from_fn(|_| Count::default()),
            services: (0..services).map(|_| Traffic::default()).collect(),
            backends: (0..backends).map(|_| Traffic::default()).collect(),
            faults: (0..backends).map(|_| Faults::default()).collect(),
            load: (0..backends).map(|_| Load::default()).collect(),
        }
    }

    /// Counts a drop.
    #[inline]
    pub fn count_drop(&self, reason: DropReason) {
        self.drops[reason as usize].add(1);
    }
}
