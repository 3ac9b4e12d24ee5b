//! Wishes about backends on their way into the store and out of it: a deadline is a time of day there, since it goes on
//! while the node is down.

use config::BackendState;
use control::drain::{Then, Wish, Wishes};
use net::Now;
use std::time::Duration;
use store::KeptWish;

/// Wishes as kept, at `now`, which is `now_s` by the clock on the wall.
pub fn restored(kept: Vec<KeptWish>, now: Now, now_s: u64) -> Wishes {
    Wishes::restored(kept.into_iter().map(|kept| {
        let wish = match kept.state {
            BackendState::Online => Wish::Online,
            BackendState::Disabled => Wish::Disabled,
            BackendState::Drain => Wish::Drain {
                deadline: kept.deadline_s.map(|at| now + Duration::from_secs(at.saturating_sub(now_s))),
                then: if kept.then_reset { Then::Reset } else { Then::Keep },
            },
        };
        ((kept.service, kept.backend), wish)
    }))
}

/// Wishes to keep.
pub fn kept(wishes: &Wishes, now: Now, now_s: u64) -> Vec<KeptWish> {
    let kept = wishes.iter().map(|((service, backend), wish)| {
        let (state, deadline, then) = match wish {
            Wish::Online => (BackendState::Online, None, Then::Keep),
            Wish::Disabled => (BackendState::Disabled, None, Then::Keep),
            Wish::Drain { deadline, then } => (BackendState::Drain, deadline, then),
        };
        KeptWish {
            service: service.clone(),
            backend: backend.clone(),
            state,
            deadline_s: deadline.map(|deadline| now_s + deadline.since(now).as_secs()),
            then_reset: then == Then::Reset,
        }
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Store;

    #[test]
    fn wishes_come_back_with_the_time_that_is_left() {
        let name = |backend: &str| ("web".to_owned(), backend.to_owned());
        let drain = |deadline| Wish::Drain { deadline, then: Then::Reset };
        let at = Now::from_secs;
        let wishes = [
            (name("s1"), Wish::Disabled),
            (name("s2"), drain(Some(at(1_600)))),
            (name("s3"), drain(None)),
            (name("s4"), Wish::Online),
        ];
        let store = Store::in_memory().unwrap();
        store.keep_wishes(kept(&Wishes::restored(wishes), at(1_000), 5_000)).unwrap();
        // The clock since the start counts anew after a restart; the one on the wall went on for 100 s, or for long.
        for (now_s, deadline) in [(5_100, 3 + 500), (9_999, 3)] {
            let back = restored(store.wishes().unwrap(), at(3), now_s);
            assert_eq!(back.of("web", "s1"), Some(Wish::Disabled));
            assert_eq!(back.of("web", "s2"), Some(drain(Some(at(deadline)))));
            assert_eq!(back.of("web", "s3"), Some(drain(None)));
            assert_eq!(back.of("web", "s4"), Some(Wish::Online));
        }
    }
}
