//! Locality-based least connections: a destination stays with its server (a cache) until that one is crowded or gone.

use super::cache::Cache;
use super::load::is_crowded;
use super::places::Places;
use super::{Candidate, Request, wlc};
use crate::BackendIndex;

/// Destinations and their servers.
#[derive(Clone, Debug, Default)]
pub struct Lblc {
    places: Places,
    cache: Cache<BackendIndex>,
}

impl Lblc {
    pub fn adopt(&mut self, candidates: &[Candidate]) {
        self.places.adopt(candidates);
    }

    pub fn pick(&mut self, request: &Request, candidates: &[Candidate]) -> Option<usize> {
        let cached = self.cache.find(request.vip, request.now_s).and_then(|backend| self.places.find(*backend));
        // An overloaded server (flow limit) keeps its destinations: IPVS asks for the weight only.
        let fits = |at: &usize| candidates[*at].weight > 0 && !is_crowded(&candidates[*at], candidates);
        if let Some(at) = cached.filter(fits) {
            return Some(at);
        }
        let at = wlc::pick(candidates)?;
        self.cache.put(request.vip, candidates[at].backend, request.random, request.now_s);
        Some(at)
    }

    pub fn expire(&mut self, now_s: u32) {
        self.cache.expire(now_s);
    }

    pub fn evicted(&self) -> u64 {
        self.cache.evicted()
    }
}
