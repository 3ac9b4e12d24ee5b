//! The judgement of one service: which priority groups take flows, and whether it has its quorum.

use super::backend::{Backend, Rules};
use super::kept::KeptService;
use config::Quorum;
use engine::tables::Standby;
use std::collections::BTreeMap;

/// A service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub name: String,
    pub rules: Rules,
    pub has_fallback: bool,
    pub backends: Vec<Backend>,
    pub places: BTreeMap<String, usize>,
    /// It has its quorum.
    pub up: bool,
    /// Backends of this priority and above take flows.
    pub floor: u16,
}

/// What changed of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// It came up or went down.
    pub quorum: bool,
    /// Other priority groups take flows.
    pub floor: bool,
}

impl Service {
    /// Backends that take new flows, priority groups aside.
    pub fn available(&self) -> usize {
        self.backends.iter().filter(|backend| backend.is_available()).count()
    }

    /// The first judgement, of which there is nothing to tell.
    pub fn begin(&mut self) {
        self.settle();
    }

    /// Judges the service by what its backends are now.
    pub fn settle(&mut self) -> Change {
        let available = self.available();
        let Quorum { up, down } = self.rules.health.quorum;
        let bound = if self.up { down } else { up };
        let up = available >= bound as usize;
        let floor = self.lowest_needed();
        Change {
            quorum: std::mem::replace(&mut self.up, up) != up,
            floor: std::mem::replace(&mut self.floor, floor) != floor,
        }
    }

    /// Why a backend takes no new flows although it is up.
    pub fn standby(&self, backend: &Backend) -> Option<Standby> {
        if !backend.up {
            return None;
        }
        if !self.up && self.has_fallback {
            return Some(Standby::Quorum);
        }
        if backend.per_mille == 0 {
            return Some(Standby::Feedback);
        }
        (backend.priority < self.floor).then_some(Standby::Priority)
    }

    pub fn kept(&self) -> KeptService {
        let backends = self.backends.iter().map(|backend| (backend.name.clone(), backend.kept())).collect();
        KeptService { up: self.up, backends }
    }

    /// Whether one more backend may be down, for its traffic.
    pub fn may_accuse(&self, percent_max: u8) -> bool {
        let down = self.backends.iter().filter(|backend| !backend.up).count();
        (down + 1) * 100 <= self.backends.len() * usize::from(percent_max)
    }

    // From the highest priority down, until enough backends are available; all of them when there never are.
    fn lowest_needed(&self) -> u16 {
        let mut groups: BTreeMap<u16, usize> = BTreeMap::new();
        for backend in &self.backends {
            *groups.entry(backend.priority).or_default() += usize::from(backend.is_available());
        }
        let mut sum = 0;
        for (priority, available) in groups.iter().rev() {
            sum += available;
            if sum >= self.rules.health.backends_min as usize {
                return *priority;
            }
        }
        groups.keys().next().copied().unwrap_or_default()
    }
}
