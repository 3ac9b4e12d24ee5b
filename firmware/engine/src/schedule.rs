//! Which backend a new flow goes to: the fourteen schedulers of IPVS, with its answers.
//!
//! Order: IPVS puts a new server at the head of its list and walks from there, so it serves the newest first. Here
//! candidates are walked in the order of the configuration. The two meet when the candidate list is IPVS's list:
//! the server added last comes first. The conformance replay maps it that way, and where IPVS's state depends on the
//! servers having been added one by one (wrr), the last candidate counts as the one added first.
//!
//! Facts are from net/netfilter/ipvs/ip_vs_*.c of Linux 6.1; `tests/conformance/schedulers` holds what that kernel
//! chose, and a test replays it.

mod cache;
mod dh;
mod fo;
mod hash;
mod lblc;
mod lblcr;
mod lc;
mod load;
mod mh;
mod nq;
mod ovf;
mod places;
mod rr;
mod sed;
mod sh;
mod twos;
mod wlc;
mod wrr;

use crate::BackendIndex;
use crate::tables::{SchedulerFlags, SchedulerKind};
use net::Address;

/// A backend that a flow may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub backend: BackendIndex,
    /// Its address.
    pub address: Address,
    /// Its port.
    pub port: u16,
    /// Its share; 0: takes no new flows but keeps its place in hash tables.
    pub weight: u32,
    /// Flows in the states that count as active.
    pub active: u32,
    /// All other flows.
    pub inactive: u32,
    /// It reached its limit of flows and has not yet fallen below the lower mark ([`overloaded`]).
    pub overloaded: bool,
}

/// The flow that needs a backend, and what a pure function cannot find out for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Client's address.
    pub client: Address,
    /// Client's port.
    pub client_port: u16,
    /// Address the client asked for.
    pub vip: Address,
    /// Port the client asked for.
    pub vip_port: u16,
    /// TCP, or else UDP.
    pub tcp: bool,
    /// A random number, new for each request; unknown to clients.
    pub random: u64,
    /// Seconds of the monotonic clock.
    pub now_s: u32,
}

/// The scheduler of one service in one worker, with its state.
#[derive(Clone, Debug)]
pub struct Scheduler(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Rr(rr::Rr),
    Wrr(wrr::Wrr),
    Lc,
    Wlc,
    Sed,
    Nq,
    Lblc(Box<lblc::Lblc>),
    Lblcr(Box<lblcr::Lblcr>),
    Sh(Box<sh::Sh>),
    Dh(Box<dh::Dh>),
    Mh(Box<mh::Mh>),
    Twos,
    Fo,
    Ovf,
}

impl Scheduler {
    /// A scheduler without candidates. `flags` matter to sh and mh only.
    pub fn new(kind: SchedulerKind, flags: SchedulerFlags) -> Self {
        Self(match kind {
            SchedulerKind::Rr => Kind::Rr(rr::Rr::default()),
            SchedulerKind::Wrr => Kind::Wrr(wrr::Wrr::default()),
            SchedulerKind::Lc => Kind::Lc,
            SchedulerKind::Wlc => Kind::Wlc,
            SchedulerKind::Sed => Kind::Sed,
            SchedulerKind::Nq => Kind::Nq,
            SchedulerKind::Lblc => Kind::Lblc(Box::default()),
            SchedulerKind::Lblcr => Kind::Lblcr(Box::default()),
            SchedulerKind::Sh => Kind::Sh(Box::new(sh::Sh::new(flags))),
            SchedulerKind::Dh => Kind::Dh(Box::default()),
            SchedulerKind::Mh => Kind::Mh(Box::new(mh::Mh::new(flags))),
            SchedulerKind::Twos => Kind::Twos,
            SchedulerKind::Fo => Kind::Fo,
            SchedulerKind::Ovf => Kind::Ovf,
        })
    }

    /// Takes over a new list of candidates: the set, the weights or the order changed. State that still applies is
    /// kept. May allocate; loads and `overloaded` are not looked at.
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        match &mut self.0 {
            Kind::Rr(rr) => rr.adopt(candidates),
            Kind::Wrr(wrr) => wrr.adopt(candidates),
            Kind::Lblc(lblc) => lblc.adopt(candidates),
            Kind::Lblcr(lblcr) => lblcr.adopt(candidates),
            Kind::Sh(sh) => sh.adopt(candidates),
            Kind::Dh(dh) => dh.adopt(candidates),
            Kind::Mh(mh) => mh.adopt(candidates),
            Kind::Lc | Kind::Wlc | Kind::Sed | Kind::Nq | Kind::Twos | Kind::Fo | Kind::Ovf => {}
        }
    }

    /// The position of the chosen candidate, or `None` when none may take the flow. `candidates` holds the same
    /// backends with the same weights in the same order as at the last [`Self::adopt`].
    pub fn pick(&mut self, request: &Request, candidates: &[Candidate]) -> Option<usize> {
        match &mut self.0 {
            Kind::Rr(rr) => rr.pick(candidates),
            Kind::Wrr(wrr) => wrr.pick(candidates),
            Kind::Lc => lc::pick(candidates),
            Kind::Wlc => wlc::pick(candidates),
            Kind::Sed => sed::pick(candidates),
            Kind::Nq => nq::pick(candidates),
            Kind::Lblc(lblc) => lblc.pick(request, candidates),
            Kind::Lblcr(lblcr) => lblcr.pick(request, candidates),
            Kind::Sh(sh) => sh.pick(request, candidates),
            Kind::Dh(dh) => dh.pick(request, candidates),
            Kind::Mh(mh) => mh.pick(request, candidates),
            Kind::Twos => twos::pick(request, candidates),
            Kind::Fo => fo::pick(candidates),
            Kind::Ovf => ovf::pick(candidates),
        }
    }

    /// Forgets destinations that lblc and lblcr have not seen for long. Call about once a second: each call looks at
    /// a bounded number of entries.
    pub fn expire(&mut self, now_s: u32) {
        match &mut self.0 {
            Kind::Lblc(lblc) => lblc.expire(now_s),
            Kind::Lblcr(lblcr) => lblcr.expire(now_s),
            _ => {}
        }
    }

    /// Destinations that lblc or lblcr forgot early because there was no room for all.
    pub fn destinations_evicted(&self) -> u64 {
        match &self.0 {
            Kind::Lblc(lblc) => lblc.evicted(),
            Kind::Lblcr(lblcr) => lblcr.evicted(),
            _ => 0,
        }
    }
}

impl Candidate {
    /// Whether a new flow may go there at all.
    #[inline]
    pub(crate) const fn is_available(&self) -> bool {
        self.weight > 0 && !self.overloaded
    }
}

/// Whether a backend with `flows` flows (active and inactive) takes no more: from `flows_max` on, until it has fallen
/// below `flows_low`, or below three quarters of `flows_max` when `flows_low` is 0. No limit when `flows_max` is 0.
pub const fn overloaded(was: bool, flows: u32, flows_max: u32, flows_low: u32) -> bool {
    if flows_max == 0 {
        false
    } else if flows >= flows_max {
        true
    } else if flows_low != 0 {
        was && flows >= flows_low
    } else {
        was && flows as u64 * 4 >= flows_max as u64 * 3
    }
}

#[cfg(test)]
mod tests;
