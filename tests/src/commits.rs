//! Commits whose every byte follows from a seed and a number, what a process acknowledges of them, and whether a store
//! holds what it has to after a crash.

use crate::random::Random;
use config::{BackendState, Origin, RevisionState};
use std::path::Path;
use store::{Draft, KeptWish, Store, StoreError};

/// Bytes of a document at most; most are much smaller.
const DOCUMENT_BYTES_MAX: usize = 60_000;
/// Time to confirm: longer than any test.
const CONFIRM_WITHIN_S: u32 = 86_400;

/// The document of revision `number`.
pub fn document(seed: u64, number: u64) -> String {
    let mut random = Random::new(seed ^ number.rotate_left(32));
    let bytes = if random.chance(20) { random.below(DOCUMENT_BYTES_MAX) } else { random.below(4_000) };
    let mut text = format!("# revision {number}\n");
    while text.len() < bytes {
        text.push_str(&format!("# {:016x}\n", random.next()));
    }
    text
}

/// Whether revision `number` asks for confirmation.
pub const fn asks(number: u64) -> bool {
    number.is_multiple_of(5)
}

/// The wishes that are kept after revision `number`, if any are.
pub fn wishes(seed: u64, number: u64) -> Option<Vec<KeptWish>> {
    let mut random = Random::new(seed.wrapping_add(number));
    let wish = |backend: usize, deadline_s| KeptWish {
        service: format!("service-{number}"),
        backend: format!("backend-{backend:03}"),
        state: BackendState::Drain,
        deadline_s: Some(deadline_s),
        then_reset: false,
    };
    let count = 1 + random.below(40);
    (number > 0 && number.is_multiple_of(3))
        .then(|| (0..count).map(|backend| wish(backend, random.next() >> 32)).collect())
}

/// Commits revisions up to `last` and tells of each act when it is done.
pub fn commit(store: &Store, seed: u64, last: u64, mut tell: impl FnMut(Acknowledged)) -> Result<(), StoreError> {
    let running = store.running()?;
    // A former process may have been killed before it came to the end of this one.
    if running.state == RevisionState::Awaiting {
        tell(Acknowledged::Confirm(store.confirm()?));
    }
    keep_wishes(store, seed, running.number, &mut tell)?;
    for number in running.number + 1..=last {
        let draft = Draft {
            document: document(seed, number),
            author: "root".to_owned(),
            origin: Origin::Apply,
            confirm_within_s: asks(number).then_some(CONFIRM_WITHIN_S),
            ..Draft::default()
        };
        tell(Acknowledged::Commit(store.commit(number, draft)?));
        if asks(number) {
            tell(Acknowledged::Confirm(store.confirm()?));
        }
        keep_wishes(store, seed, number, &mut tell)?;
    }
    Ok(())
}

fn keep_wishes(store: &Store, seed: u64, number: u64, tell: &mut impl FnMut(Acknowledged)) -> Result<(), StoreError> {
    if let Some(wishes) = wishes(seed, number) {
        store.keep_wishes(wishes)?;
        tell(Acknowledged::Wishes(number));
    }
    Ok(())
}

/// Something that is on the disk, as a process said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// A revision.
    Commit(u64),
    /// That it was confirmed.
    Confirm(u64),
    /// The wishes after it.
    Wishes(u64),
}

impl Acknowledged {
    /// As a line.
    pub fn line(self) -> String {
        match self {
            Self::Commit(number) => format!("commit {number}\n"),
            Self::Confirm(number) => format!("confirm {number}\n"),
            Self::Wishes(number) => format!("wishes {number}\n"),
        }
    }

    /// From a whole line.
    pub fn parse(line: &str) -> Option<Self> {
        let (what, number) = line.split_once(' ')?;
        let number = number.parse().ok()?;
        match what {
            "commit" => Some(Self::Commit(number)),
            "confirm" => Some(Self::Confirm(number)),
            "wishes" => Some(Self::Wishes(number)),
            _ => None,
        }
    }
}

/// All that was acknowledged: the highest number of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgements {
    /// Revisions.
    pub committed: u64,
    /// Confirmations.
    pub confirmed: u64,
    /// Wishes.
    pub wished: u64,
}

impl Acknowledgements {
    /// One more.
    pub fn add(&mut self, acknowledged: Acknowledged) {
        match acknowledged {
            Acknowledged::Commit(number) => self.committed = self.committed.max(number),
            Acknowledged::Confirm(number) => self.confirmed = self.confirmed.max(number),
            Acknowledged::Wishes(number) => self.wished = self.wished.max(number),
        }
    }

    /// Opens the store and holds it against this: everything acknowledged is there; beyond it at most the one act that
    /// was under way, and that as a whole; and the store goes on working. The revision in use.
    pub fn judge(self, directory: &Path, seed: u64) -> Result<u64, String> {
        let store = Store::open(directory).map_err(|error| error.to_string())?;
        let told = |error: StoreError| error.to_string();
        let revisions = store.revisions(u32::MAX, None).map_err(told)?;
        let running = store.running().map_err(told)?;
        if !(self.committed..=self.committed + 1).contains(&running.number) {
            return Err(format!("revision {} is in use, acknowledged was {}", running.number, self.committed));
        }
        let numbers: Vec<u64> = revisions.iter().rev().map(|revision| revision.number).collect();
        if numbers != (0..=running.number).collect::<Vec<_>>() {
            return Err(format!("revisions {numbers:?} up to {}", running.number));
        }
        for number in 1..=running.number {
            let (revision, kept) = store.revision(number).map_err(told)?;
            if kept != document(seed, number) || revision.committed_s != number {
                return Err(format!("revision {number} is not what was committed"));
            }
            let may_wait = number == running.number && asks(number) && self.confirmed < number;
            let waits = revision.state == RevisionState::Awaiting;
            let replaced = revision.state == RevisionState::Replaced;
            if (waits && !may_wait) || (replaced == (number == running.number)) {
                return Err(format!("revision {number} is {}", revision.state));
            }
        }
        let kept = store.wishes().map_err(told)?;
        let under_way = (self.wished + 1..=running.number).find_map(|number| wishes(seed, number));
        let expected = wishes(seed, self.wished).unwrap_or_default();
        if kept != expected && Some(kept) != under_way {
            return Err(format!("the wishes are not those after revision {}", self.wished));
        }
        store.keep_imported("after the crash".to_owned()).map_err(told)?;
        Ok(running.number)
    }
}
