//! What administrators want of backends, beside the configuration: online, disabled, or drained, with a deadline.

use engine::tables::BackendState;
use net::Now;
use std::collections::BTreeMap;

/// What becomes of the flows that a drained backend still has at its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// They go on.
    #[default]
    Keep,
    /// They are reset.
    Reset,
}

/// What an administrator wants of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Takes flows.
    Online,
    /// No new flows.
    Drain {
        /// When to stop waiting for those it has.
        deadline: Option<Now>,
        /// What becomes of them then.
        then: Then,
    },
    /// No flows at all.
    Disabled,
}

impl Wish {
    /// The backend's state in the tables.
    pub const fn state(self) -> BackendState {
        match self {
            Self::Online => BackendState::Online,
            Self::Drain { .. } => BackendState::Drain,
            Self::Disabled => BackendState::Disabled,
        }
    }
}

/// A backend, by the names of its service and its own.
pub type BackendName = (String, String);

/// Wishes that differ from the configuration or were made beside it.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    wishes: BTreeMap<BackendName, Wish>,
}

impl Wishes {
    /// Kept from an earlier run.
    pub fn restored(wishes: impl IntoIterator<Item = (BackendName, Wish)>) -> Self {
        Self { wishes: wishes.into_iter().collect() }
    }

    /// The wish about a backend, if there is one.
    pub fn of(&self, service: &str, backend: &str) -> Option<Wish> {
        // A lookup by borrowed pair needs an owned key; wishes are few and this is not the packet path.
        self.wishes.get(&(service.to_owned(), backend.to_owned())).copied()
    }

    /// A new wish; it replaces a former one.
    pub fn set(&mut self, name: BackendName, wish: Wish) {
        self.wishes.insert(name, wish);
    }

    /// Forgets the wishes about backends for which `keep` is false. `true` when there were any.
    pub fn retain(&mut self, keep: impl Fn(&BackendName) -> bool) -> bool {
        let before = self.wishes.len();
        self.wishes.retain(|name, _| keep(name));
        self.wishes.len() != before
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&BackendName, Wish)> {
        self.wishes.iter().map(|(name, wish)| (name, *wish))
    }

    /// Backends whose deadline has passed, with what becomes of their flows. Each is named once.
    pub fn expire(&mut self, now: Now) -> Vec<(BackendName, Then)> {
        let mut expired = Vec::new();
        for (name, wish) in &mut self.wishes {
            if let Wish::Drain { deadline: deadline @ Some(_), then } = wish
                && deadline.is_some_and(|deadline| deadline <= now)
            {
                *deadline = None;
                expired.push((name.clone(), *then));
            }
        }
        expired
    }

    /// When [`expire`](Self::expire) has something to do.
    pub fn next_deadline(&self) -> Option<Now> {
        self.wishes
            .values()
            .filter_map(|wish| match wish {
                Wish::Drain { deadline, .. } => *deadline,
                _ => None,
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(backend: &str) -> BackendName {
        ("web".to_owned(), backend.to_owned())
    }

    #[test]
    fn a_deadline_passes_once() {
        let mut wishes = Wishes::default();
        let drain = Wish::Drain { deadline: Some(Now::from_secs(60)), then: Then::Reset };
        wishes.set(name("s1"), drain);
        wishes.set(name("s2"), Wish::Drain { deadline: None, then: Then::Reset });
        assert_eq!(wishes.next_deadline(), Some(Now::from_secs(60)));
        assert_eq!(wishes.expire(Now::from_secs(59)), []);
        assert_eq!(wishes.expire(Now::from_secs(60)), [(name("s1"), Then::Reset)]);
        assert_eq!(wishes.expire(Now::from_secs(61)), []);
        assert_eq!(wishes.next_deadline(), None);
        // It stays drained.
        assert_eq!(wishes.of("web", "s1").unwrap().state(), BackendState::Drain);
    }

    #[test]
    fn the_last_wish_counts() {
        let mut wishes = Wishes::default();
        wishes.set(name("s1"), Wish::Disabled);
        wishes.set(name("s1"), Wish::Online);
        assert_eq!(wishes.of("web", "s1"), Some(Wish::Online));
        assert_eq!(wishes.of("web", "s2"), None);
        assert!(wishes.retain(|(_, backend)| backend == "s2"));
        assert_eq!(wishes.of("web", "s1"), None);
    }
}
