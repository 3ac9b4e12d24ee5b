//! Guessing is slow: failures in a row are answered after a growing delay, and then not at all for a while. Counted per
//! user and per source, so that neither many names from one place nor one name from many places is a way around.

use crate::source::Source;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

/// Failures without any delay: people mistype.
const FAILURES_FREE: u32 = 3;
/// The delay after the first failure that is not free; each further one doubles it.
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// The longest delay before the lock.
const DELAY_MAX: Duration = Duration::from_secs(30);
/// How many more failures a source has than a user: several people may share an address.
const SOURCE_FACTOR: u32 = 3;
/// Failures are forgotten this long after the last one.
const MEMORY: Duration = Duration::from_secs(3_600);
/// Names that are no users, and sources, that are remembered; the one that failed longest ago is forgotten first.
pub const KEYS_MAX: usize = 4_096;

/// When to lock, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Failures of one user until the lock.
    pub failures_max: u32,
    /// How long a lock lasts.
    pub lock: Duration,
}

/// An attempt that is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How long until the next one is.
    pub left: Duration,
    /// Whether this is the lock, and not only the delay.
    pub locked: bool,
}

/// What became locked by an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The user.
    pub user: bool,
    /// The source.
    pub source: bool,
}

/// An attempt that is looked at. It counts as a failure until [`Lockout::succeeded`] or [`Lockout::withdrawn`]: otherwise
/// many attempts at once would all be looked at before the first has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Attempt {
    name: Name,
    source: Source,
    /// What it locks if it fails.
    pub locks: Locked,
}

/// What was done, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Attempts that were looked at.
    pub attempts: u64,
    /// Attempts refused during a delay.
    pub delayed: u64,
    /// Attempts refused during a lock.
    pub refused_locked: u64,
    /// Locks.
    pub locks: u64,
    /// Names and sources that were forgotten for want of room.
    pub forgotten: u64,
}

/// A name that somebody logs in with. Users have places of their own, so that made-up names cannot push them out; from
/// outside both look the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    User(String),
    Unknown(String),
}

/// Who failed how often.
#[derive(Debug)]
pub struct Lockout {
    limits: Limits,
    users: Table<String>,
    unknown: Table<String>,
    sources: Table<Source>,
    counters: Counters,
}

impl Lockout {
    /// Nobody failed yet.
    pub fn new(limits: Limits) -> Self {
        let (users, unknown, sources) = (Table::default(), Table::default(), Table::default());
        Self { limits, users, unknown, sources, counters: Counters::default() }
    }

    /// What was done.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Other limits from now on.
    pub fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether an attempt is looked at. Root on the socket always is.
    pub fn begin(&mut self, now: Duration, name: &str, is_user: bool, source: Source) -> Result<Attempt, Wait> {
        let source = source.counted();
        let name = if is_user { Name::User(name.to_owned()) } else { Name::Unknown(name.to_owned()) };
        let (by_name, key) = self.table(&name);
        let waits = [by_name.wait(now, &key), self.sources.wait(now, &source)];
        let longest = waits.into_iter().flatten().max_by_key(|wait| wait.left);
        if let Some(wait) = longest.filter(|_| !source.is_root()) {
            let counter = if wait.locked { &mut self.counters.refused_locked } else { &mut self.counters.delayed };
            *counter += 1;
            return Err(wait);
        }
        self.counters.attempts += 1;
        let mut locks = Locked { user: false, source: false };
        if !source.is_root() {
            let limits = self.limits;
            let of_source = Limits { failures_max: limits.failures_max.saturating_mul(SOURCE_FACTOR), ..limits };
            let (by_name, key) = self.table(&name);
            let (user, forgotten) = by_name.failed(now, key, limits, FAILURES_FREE);
            let free = FAILURES_FREE * SOURCE_FACTOR;
            let (place, also) = self.sources.failed(now, source, of_source, free);
            locks = Locked { user, source: place };
            self.counters.locks += u64::from(user) + u64::from(place);
            self.counters.forgotten += u64::from(forgotten) + u64::from(also);
        }
        Ok(Attempt { name, source, locks })
    }

    /// The attempt was somebody who may: what the user failed before is forgotten, and this attempt at the source. What
    /// else failed there is not, or one's own account would open the way to guess at others.
    pub fn succeeded(&mut self, attempt: Attempt) {
        let (by_name, key) = self.table(&attempt.name);
        by_name.remove(&key);
        self.sources.withdraw(&attempt.source);
    }

    /// The attempt was neither right nor wrong.
    pub fn withdrawn(&mut self, attempt: Attempt) {
        let (by_name, key) = self.table(&attempt.name);
        by_name.withdraw(&key);
        self.sources.withdraw(&attempt.source);
    }

    /// An administrator lets a user try again.
    pub fn release(&mut self, user: &str) {
        self.users.remove(&user.to_owned());
    }

    fn table(&mut self, name: &Name) -> (&mut Table<String>, String) {
        match name {
            Name::User(name) => (&mut self.users, name.clone()),
            Name::Unknown(name) => (&mut self.unknown, name.clone()),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Duration,
    /// Until when nothing is looked at.
    until: Duration,
    locked: bool,
    /// Its place in the order.
    place: u64,
}

/// Failures by key, bounded. Every key has exactly one place in the order of their last failures.
#[derive(Debug)]
struct Table<K> {
    failures: HashMap<K, Failures>,
    order: BTreeMap<u64, K>,
    places: u64,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { failures: HashMap::new(), order: BTreeMap::new(), places: 0 }
    }
}

impl<K: Hash + Eq + Clone> Table<K> {
    fn wait(&self, now: Duration, key: &K) -> Option<Wait> {
        let failures = self.failures.get(key)?;
        let left = failures.until.checked_sub(now).filter(|left| !left.is_zero())?;
        Some(Wait { left, locked: failures.locked })
    }

    /// Counts a failure: whether it locks, and whether another key was forgotten for it.
    fn failed(&mut self, now: Duration, key: K, limits: Limits, free: u32) -> (bool, bool) {
        self.expire(now);
        let before = self.remove(&key);
        let full = self.failures.len() >= KEYS_MAX;
        if full && let Some((_, oldest)) = self.order.pop_first() {
            self.failures.remove(&oldest);
        }
        // A lock that is over has had its effect: counting begins anew.
        let count = before.filter(|before| !before.locked).map_or(0, |before| before.count).saturating_add(1);
        let locked = count >= limits.failures_max;
        let until = now + if locked { limits.lock } else { delay(count, free) };
        self.places += 1;
        self.order.insert(self.places, key.clone());
        self.failures.insert(key, Failures { count, last: now, until, locked, place: self.places });
        (locked, full)
    }

    fn withdraw(&mut self, key: &K) {
        if let Some(failures) = self.failures.get_mut(key) {
            failures.count = failures.count.saturating_sub(1);
            failures.until = failures.last;
            failures.locked = false;
        }
    }

    fn remove(&mut self, key: &K) -> Option<Failures> {
        let failures = self.failures.remove(key)?;
        self.order.remove(&failures.place);
        Some(failures)
    }

    /// Forgets what is long past.
    fn expire(&mut self, now: Duration) {
        while let Some((_, key)) = self.order.first_key_value() {
            let key = key.clone();
            let past = self.failures.get(&key).is_none_or(|known| known.last + MEMORY <= now && known.until <= now);
            if !past {
                break;
            }
            self.remove(&key);
        }
    }
}

fn delay(count: u32, free: u32) -> Duration {
    match count.checked_sub(free) {
        None | Some(0) => Duration::ZERO,
        Some(over) => DELAY_FIRST.saturating_mul(1 << (over - 1).min(16)).min(DELAY_MAX),
    }
}

#[cfg(test)]
mod tests;
