//! Keeps next hops resolved. The kernel asks (ARP, neighbour solicitation) and tells; what to ask for, how often, and
//! what is known is kept here.

use crate::Action;
use engine::NicId;
use net::{Address, Mac, Now};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// First wait before an unanswered question is asked again; doubles up to [`ASK_GAP_MAX`].
const ASK_GAP: Duration = Duration::from_millis(500);
/// Longest wait between two questions for the same unanswered neighbour.
const ASK_GAP_MAX: Duration = Duration::from_secs(8);
/// A resolved neighbour is asked for again this often: raw sends do not refresh the kernel's entry, so without it the
/// entry would go stale and a changed hardware address stay unnoticed.
const REFRESH: Duration = Duration::from_secs(30);
/// Neighbours that the engine asked for on its own are forgotten after this time without another request.
const LEARNT_KEEP: Duration = Duration::from_secs(120);
/// Neighbours that the engine may ask for on its own; more are not resolved.
pub const LEARNT_MAX: usize = 1_024;
/// Questions per call, so that a thousand backends do not ask at once.
const ASKED_PER_STEP_MAX: usize = 128;
/// Wait until the next bunch of questions.
const STEP_GAP: Duration = Duration::from_millis(20);

/// A neighbour's place: NIC and address.
pub type Place = (NicId, Address);

/// What is known of neighbours.
#[derive(Clone, Debug, Default)]
pub struct Neighbors {
    known: BTreeMap<Place, Neighbor>,
}

#[derive(Clone, Copy, Debug)]
struct Neighbor {
    mac: Option<Mac>,
    ask_at: Now,
    gap: Duration,
    /// Asked for by the engine, not by the configuration: kept until then.
    learnt_until: Option<Now>,
}

impl Neighbors {
    /// From now on these are kept resolved, and those that the engine asked for; others are forgotten.
    pub fn want(&mut self, now: Now, wanted: &BTreeSet<Place>, actions: &mut Vec<Action>) {
        self.known.retain(|place, neighbor| {
            let keep = wanted.contains(place) || neighbor.learnt_until.is_some();
            if !keep {
                actions.push(Action::ForgetNeighbor { nic: place.0, address: place.1 });
            }
            keep
        });
        for place in wanted {
            let neighbor = self.known.entry(*place).or_insert(Neighbor::new(now));
            neighbor.learnt_until = None;
        }
        self.ask(now, actions);
    }

    /// The engine has a frame for an address on a link and does not know it. `true` when this is a new neighbour.
    pub fn want_learnt(&mut self, now: Now, place: Place) -> bool {
        if let Some(neighbor) = self.known.get_mut(&place) {
            if neighbor.learnt_until.is_some() {
                neighbor.learnt_until = Some(now + LEARNT_KEEP);
            }
            return false;
        }
        if self.learnt().count() >= LEARNT_MAX {
            return false;
        }
        self.known.insert(place, Neighbor { learnt_until: Some(now + LEARNT_KEEP), ..Neighbor::new(now) });
        true
    }

    /// The kernel knows it: `Some` resolved, `None` it did not answer. `true` when that is news.
    pub fn heard(&mut self, now: Now, place: Place, mac: Option<Mac>) -> bool {
        let Some(neighbor) = self.known.get_mut(&place) else { return false };
        let news = neighbor.mac != mac;
        neighbor.mac = mac;
        if mac.is_some() {
            neighbor.gap = ASK_GAP;
            neighbor.ask_at = now + REFRESH;
        } else if news {
            neighbor.ask_at = now + ASK_GAP;
        }
        news
    }

    /// Everything known on a NIC is void: it went, or came back on another link. Asked again at once.
    pub fn forget_nic(&mut self, now: Now, nic: NicId) -> bool {
        let mut news = false;
        for neighbor in self.known.iter_mut().filter(|(place, _)| place.0 == nic).map(|(_, neighbor)| neighbor) {
            news |= neighbor.mac.is_some();
            *neighbor = Neighbor { learnt_until: neighbor.learnt_until, ..Neighbor::new(now) };
        }
        news
    }

    /// Asks for what is due and forgets what the engine no longer needs. `true` when something was forgotten.
    pub fn tick(&mut self, now: Now, actions: &mut Vec<Action>) -> bool {
        let before = self.known.len();
        self.known.retain(|place, neighbor| {
            let keep = neighbor.learnt_until.is_none_or(|until| until > now);
            if !keep {
                actions.push(Action::ForgetNeighbor { nic: place.0, address: place.1 });
            }
            keep
        });
        self.ask(now, actions);
        self.known.len() != before
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_deadline(&self) -> Option<Now> {
        self.known
            .values()
            .map(|neighbor| neighbor.learnt_until.map_or(neighbor.ask_at, |until| until.min(neighbor.ask_at)))
            .min()
    }

    /// The hardware address of a neighbour.
    pub fn mac(&self, place: Place) -> Option<Mac> {
        self.known.get(&place)?.mac
    }

    /// Whether it was asked more than once and did not answer.
    pub fn has_failed(&self, place: Place) -> bool {
        self.known.get(&place).is_some_and(|neighbor| neighbor.mac.is_none() && neighbor.gap > ASK_GAP * 2)
    }

    /// Whether this neighbour is of interest.
    pub fn knows(&self, place: Place) -> bool {
        self.known.contains_key(&place)
    }

    /// All places of interest.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.known.keys().copied()
    }

    /// Places that the engine asked for.
    pub fn learnt(&self) -> impl Iterator<Item = Place> {
        self.known.iter().filter(|(_, neighbor)| neighbor.learnt_until.is_some()).map(|(place, _)| *place)
    }

    /// Places that do not answer.
    pub fn unresolved(&self) -> impl Iterator<Item = Place> {
        self.known.iter().filter(|(_, neighbor)| neighbor.mac.is_none()).map(|(place, _)| *place)
    }

    fn ask(&mut self, now: Now, actions: &mut Vec<Action>) {
        let mut asked = 0;
        for (place, neighbor) in self.known.iter_mut().filter(|(_, neighbor)| neighbor.ask_at <= now) {
            if asked == ASKED_PER_STEP_MAX {
                neighbor.ask_at = now + STEP_GAP;
                continue;
            }
            asked += 1;
            actions.push(Action::Resolve { nic: place.0, address: place.1 });
            if neighbor.mac.is_some() {
                neighbor.ask_at = now + REFRESH;
            } else {
                neighbor.ask_at = now + neighbor.gap;
                neighbor.gap = (neighbor.gap * 2).min(ASK_GAP_MAX);
            }
        }
    }
}

impl Neighbor {
    const fn new(now: Now) -> Self {
        Self { mac: None, ask_at: now, gap: ASK_GAP, learnt_until: None }
    }
}

#[cfg(test)]
mod tests;
