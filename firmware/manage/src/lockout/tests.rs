use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;

const LIMITS: Limits = Limits { failures_max: 10, lock: Duration::from_secs(900) };

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn source(number: u8) -> Source {
    Ipv4Addr::new(192, 0, 2, number).into()
}

/// Failures in a row of one user, each tried as soon as it is looked at: how long each had to wait for it.
#[test]
fn delays_grow_and_then_it_locks() {
    let mut lockout = Lockout::new(LIMITS);
    let (mut now, mut waits, mut locked) = (s(1_000), Vec::new(), Vec::new());
    for number in 0..12 {
        let source = source(number);
        let waited = lockout.begin(now, "hanako", true, source).err().map_or(s(0), |wait| wait.left);
        now += waited;
        waits.push(waited.as_secs());
        if waited > s(0) {
            locked.push(lockout.begin(now, "hanako", true, source).expect("after the delay").locks.user);
        }
    }
    assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 900, 0]);
    assert_eq!(locked, [false, false, false, false, false, true, false]);
    assert_eq!(lockout.counters().locks, 1);
}

#[test]
fn an_attempt_counts_before_it_has_failed() {
    let mut lockout = Lockout::new(LIMITS);
    let at_once = (0..100).filter(|_| lockout.begin(s(1), "hanako", true, source(1)).is_ok()).count();
    assert_eq!(at_once, FAILURES_FREE as usize + 1);
}

#[test]
fn success_forgets_the_user_and_not_the_source() {
    let mut lockout = Lockout::new(Limits { failures_max: 4, lock: s(60) });
    let mut now = s(0);
    let mut locked = None;
    for round in 0..40 {
        now += s(60);
        // Between guesses at others the attacker logs in with an account that is good.
        let victim = format!("victim{round}");
        match lockout.begin(now, &victim, false, source(1)) {
            Ok(attempt) if attempt.locks.source => {
                locked = Some(round);
                break;
            }
            Ok(_) => {}
            Err(wait) => panic!("{wait:?}"),
        }
        now += s(60);
        let attempt = lockout.begin(now, "own", true, source(1)).expect("after the delay");
        lockout.succeeded(attempt);
    }
    assert_eq!(locked, Some(4 * SOURCE_FACTOR - 1));
    assert!(lockout.begin(now, "own", true, source(1)).is_err(), "the source is locked");
    assert!(lockout.begin(now, "own", true, source(2)).is_ok(), "the user is not");
}

#[test]
fn users_and_unknown_names_look_the_same() {
    let answers = |is_user| {
        let mut lockout = Lockout::new(LIMITS);
        (0..200).map(|t| lockout.begin(s(t), "x", is_user, source(1)).map(|attempt| attempt.locks)).collect::<Vec<_>>()
    };
    assert_eq!(answers(true), answers(false));
}

#[test]
fn root_on_the_socket_is_never_locked_out() {
    let mut lockout = Lockout::new(LIMITS);
    let root = Source::Socket { uid: 0 };
    for _ in 0..1_000 {
        assert!(lockout.begin(s(1), "admin", true, root).is_ok());
    }
    while lockout.begin(s(2), "admin", true, source(1)).is_ok() {}
    assert!(lockout.begin(s(2), "admin", true, root).is_ok());
    assert!(lockout.begin(s(2), "admin", true, Source::Socket { uid: 1 }).is_err(), "another uid waits");
}

#[test]
fn an_attacker_cannot_fill_it() {
    let mut lockout = Lockout::new(LIMITS);
    for _ in 0..FAILURES_FREE + 1 {
        let _ = lockout.begin(s(1), "hanako", true, source(1));
    }
    for number in 0..3 * KEYS_MAX as u32 {
        let source = Source::from(Ipv4Addr::from_bits(0x0a00_0000 + number));
        let _ = lockout.begin(s(1), &format!("made up {number}"), false, source);
    }
    assert_eq!(lockout.unknown.failures.len(), KEYS_MAX);
    assert_eq!(lockout.sources.failures.len(), KEYS_MAX);
    assert!(lockout.counters().forgotten > 0);
    assert!(lockout.begin(s(1), "hanako", true, source(9)).is_err(), "a user's failures are not pushed out");
    lockout.release("hanako");
    assert!(lockout.begin(s(1), "hanako", true, source(9)).is_ok());
}

#[test]
fn failures_are_forgotten_with_time() {
    let mut lockout = Lockout::new(LIMITS);
    for _ in 0..4 {
        let _ = lockout.begin(s(1), "hanako", true, source(1));
    }
    let _ = lockout.begin(s(1) + MEMORY, "taro", true, source(2));
    assert_eq!(lockout.users.failures.len(), 1);
}

proptest! {
    /// Whatever happens, memory stays bounded, keys and places agree, and nobody waits longer than the lock.
    #[test]
    fn bounds_hold(acts in prop::collection::vec((0_u8..6, 0_u8..4, 0_u64..100, 0_u8..3), 1..300)) {
        let mut lockout = Lockout::new(LIMITS);
        let mut now = s(0);
        for (name, place, passed, outcome) in acts {
            now += s(passed);
            match lockout.begin(now, &name.to_string(), name % 2 == 0, source(place)) {
                Ok(attempt) if outcome == 0 => lockout.succeeded(attempt),
                Ok(attempt) if outcome == 1 => lockout.withdrawn(attempt),
                Ok(_) => {}
                Err(wait) => prop_assert!(wait.left <= LIMITS.lock),
            }
            for (keys, places) in [
                (lockout.users.failures.len(), lockout.users.order.len()),
                (lockout.unknown.failures.len(), lockout.unknown.order.len()),
                (lockout.sources.failures.len(), lockout.sources.order.len()),
            ] {
                prop_assert_eq!(keys, places);
            }
        }
    }
}
