//! Locality-based least connections with replication: a destination has a set of servers; the set grows when they are
//! crowded and loses its most loaded member after a day without a change.

use super::cache::{Cache, IDLE_MAX_S};
use super::load::{exceeds, is_crowded, overhead};
use super::places::Places;
use super::{Candidate, Request, wlc};
use crate::BackendIndex;

/// Servers of one destination. IPVS knows no bound; here the one that joined first gives way.
const REPLICAS_MAX: usize = 16;
/// A set that has not changed for so long loses a member (IPVS: `lblcr_expiration`, a day).
const SHRINK_AFTER_S: u32 = IDLE_MAX_S;

/// Destinations and their sets of servers.
#[derive(Clone, Debug, Default)]
pub struct Lblcr {
    places: Places,
    cache: Cache<Replicas>,
}

impl Lblcr {
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        self.places.adopt(candidates);
    }

    pub fn pick(&mut self, request: &Request, candidates: &[Candidate]) -> Option<usize> {
        let Some(replicas) = self.cache.find(request.vip, request.now_s) else {
            let at = wlc::pick(candidates)?;
            let mut replicas = Replicas::default();
            replicas.join(candidates[at].backend, request.now_s);
            self.cache.put(request.vip, replicas, request.random, request.now_s);
            return Some(at);
        };
        // The answer is found before the set shrinks: the member that leaves may serve this last flow.
        let least = replicas.least(&self.places, candidates);
        if replicas.count > 1 && request.now_s.wrapping_sub(replicas.changed_s) > SHRINK_AFTER_S {
            replicas.shrink(&self.places, candidates, request.now_s);
        }
        if let Some(at) = least.filter(|at| !is_crowded(&candidates[*at], candidates)) {
            return Some(at);
        }
        let at = wlc::pick(candidates)?;
        replicas.join(candidates[at].backend, request.now_s);
        Some(at)
    }

    pub fn expire(&mut self, now_s: u32) {
        self.cache.expire(now_s);
    }

    pub fn evicted(&self) -> u64 {
        self.cache.evicted()
    }
}

/// The servers of one destination, in the order of joining.
#[derive(Clone, Copy, Debug, Default)]
struct Replicas {
    members: [BackendIndex; REPLICAS_MAX],
    count: usize,
    changed_s: u32,
}

impl Replicas {
    /// Positions of the members that are candidates now, the newest member first.
    fn present<'a>(&'a self, places: &'a Places) -> impl Iterator<Item = usize> + 'a {
        self.members[..self.count].iter().rev().filter_map(|backend| places.find(*backend))
    }

    fn least(&self, places: &Places, candidates: &[Candidate]) -> Option<usize> {
        let available = self.present(places).filter(|at| candidates[*at].is_available());
        available.reduce(|least, at| if is_heavier(&candidates[least], &candidates[at]) { at } else { least })
    }

    /// Drops the member with the most load per weight, of those with a weight.
    fn shrink(&mut self, places: &Places, candidates: &[Candidate], now_s: u32) {
        let weighted = self.present(places).filter(|at| candidates[*at].weight > 0);
        let most = weighted.reduce(|most, at| if is_heavier(&candidates[at], &candidates[most]) { at } else { most });
        let Some(most) = most.map(|at| candidates[at].backend) else { return };
        let leaves = self.members[..self.count].iter().position(|backend| *backend == most);
        if let Some(leaves) = leaves {
            self.members.copy_within(leaves + 1..self.count, leaves);
            self.count -= 1;
            self.changed_s = now_s;
        }
    }

    fn join(&mut self, backend: BackendIndex, now_s: u32) {
        if self.members[..self.count].contains(&backend) {
            return;
        }
        if self.count == REPLICAS_MAX {
            self.members.copy_within(1.., 0);
            self.count -= 1;
        }
        self.members[self.count] = backend;
        self.count += 1;
        self.changed_s = now_s;
    }
}

fn is_heavier(candidate: &Candidate, other: &Candidate) -> bool {
    exceeds(overhead(candidate), candidate.weight, overhead(other), other.weight)
}
