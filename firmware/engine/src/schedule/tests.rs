//! Small tables: what each scheduler picks, in which situation.

use super::*;

/// `weight:active/inactive`, a `!` behind an overloaded one. Backends 1, 2, 3... in this order.
fn candidates(text: &str) -> Vec<Candidate> {
    let number = |text: &str| text.parse::<u32>().unwrap();
    let one = |(at, word): (usize, &str)| {
        let (weight, load) = word.trim_end_matches('!').split_once(':').unwrap();
        let (active, inactive) = load.split_once('/').unwrap();
        Candidate {
            backend: BackendIndex(at as u16 + 1),
            address: Address::v4([10, 2, 0, at as u8 + 1]),
            port: 80,
            weight: number(weight),
            active: number(active),
            inactive: number(inactive),
            overloaded: word.ends_with('!'),
        }
    };
    text.split_whitespace().enumerate().map(one).collect()
}

fn scheduler(kind: SchedulerKind, candidates: &[Candidate]) -> Scheduler {
    flagged(kind, false, false, candidates)
}

fn flagged(kind: SchedulerKind, fallback: bool, port: bool, candidates: &[Candidate]) -> Scheduler {
    let mut scheduler = Scheduler::new(kind, SchedulerFlags { fallback, port });
    scheduler.adopt(candidates);
    scheduler
}

fn from(client: [u8; 4], client_port: u16) -> Request {
    let vip = Address::v4([10, 9, 0, 1]);
    Request { client: Address::v4(client), client_port, vip, vip_port: 80, tcp: true, random: 1, now_s: 0 }
}

fn to(vip: [u8; 4], now_s: u32) -> Request {
    Request { vip: Address::v4(vip), now_s, ..from([10, 0, 0, 1], 1000) }
}

/// The backends (numbers as in `candidates`, `-` for none) of `times` picks with nothing changing in between.
fn picks(scheduler: &mut Scheduler, candidates: &[Candidate], times: usize) -> String {
    let mut one = || scheduler.pick(&from([10, 0, 0, 1], 1000), candidates);
    (0..times).map(|_| one().map_or("-".into(), |at| candidates[at].backend.to_string())).collect()
}

#[test]
fn one_pick_in_each_situation() {
    use SchedulerKind::*;
    // scheduler, weight:active/inactive, pick
    let table = [
        (Lc, "1:1/0 1:0/255 1:0/254", "3"),
        (Lc, "1:0/1 9:0/1 1:0/1", "1"),
        (Lc, "1:1/0 1:0/256", "2"),
        (Lc, "1:1/0 1:0/257", "1"),
        (Lc, "0:0/0 1:9/0 1:5/0!", "2"),
        (Lc, "0:0/0 1:0/0!", "-"),
        (Wlc, "1:1/0 3:2/0 2:2/0", "2"),
        (Wlc, "1:1/0 2:2/0 3:3/0", "1"),
        (Wlc, "1:0/256 1:1/0 1:0/257", "1"),
        (Wlc, "0:0/0 1:7/0 9:0/0!", "2"),
        (Wlc, "0:0/0 0:0/0", "-"),
        (Sed, "1:0/0 3:1/0 2:0/0", "3"),
        (Sed, "1:0/9 4:3/0 1:0/0", "1"),
        (Sed, "0:0/0 2:0/0! 1:8/0", "3"),
        (Sed, "0:0/0", "-"),
        (Nq, "9:1/0 1:0/5 1:0/0", "2"),
        (Nq, "9:1/0 1:1/0 1:1/0", "1"),
        (Nq, "0:0/0 1:0/0! 2:3/0 3:6/0", "3"),
        (Nq, "0:0/0", "-"),
        (Fo, "1:0/0 3:99/0 3:0/0 2:0/0", "2"),
        (Fo, "1:0/0 3:99/0! 2:0/0", "3"),
        (Fo, "0:0/0 1:0/0!", "-"),
        (Ovf, "3:3/0 2:0/0 1:0/0", "1"),
        (Ovf, "3:4/0 2:0/9 1:0/0", "2"),
        (Ovf, "3:4/0 2:2/0! 1:2/0 0:0/0", "-"),
        (Rr, "0:0/0 1:0/0! 1:0/0", "3"),
        (Rr, "0:0/0 0:0/0", "-"),
        (Wrr, "0:0/0 0:0/0", "-"),
        (Twos, "0:0/0 5:0/0! 1:0/0", "3"),
        (Twos, "0:0/0 5:0/0!", "-"),
    ];
    for (kind, text, expected) in table {
        let candidates = candidates(text);
        assert_eq!(picks(&mut scheduler(kind, &candidates), &candidates, 1), expected, "{kind:?} {text}");
    }
}

#[test]
fn every_scheduler_survives_an_empty_list() {
    use SchedulerKind::*;
    for kind in [Rr, Wrr, Lc, Wlc, Sed, Nq, Lblc, Lblcr, Sh, Dh, Mh, Twos, Fo, Ovf] {
        let mut scheduler = flagged(kind, true, true, &[]);
        assert_eq!(picks(&mut scheduler, &[], 2), "--", "{kind:?}");
        let some = candidates("1:0/0 1:0/0 1:0/0");
        scheduler.adopt(&some);
        assert!(!picks(&mut scheduler, &some, 3).contains('-'), "{kind:?}");
        scheduler.adopt(&[]);
        assert_eq!(picks(&mut scheduler, &[], 2), "--", "{kind:?}");
    }
}

#[test]
fn rr_goes_around_and_keeps_its_place() {
    let all = candidates("1:0/0 9:0/0 0:0/0 1:0/0");
    let mut rr = scheduler(SchedulerKind::Rr, &all);
    assert_eq!(picks(&mut rr, &all, 5), "12412");
    // The one served last leaves: the turn goes on behind it.
    let without: Vec<_> = all.iter().filter(|candidate| candidate.backend.0 != 2).copied().collect();
    rr.adopt(&without);
    assert_eq!(picks(&mut rr, &without, 2), "41");
    let mut first_new = without.clone();
    first_new.insert(0, all[1]);
    rr.adopt(&first_new);
    assert_eq!(picks(&mut rr, &first_new, 3), "421");
}

#[test]
fn wrr_serves_the_heavy_more_often_and_in_between() {
    // The last in the list counts as added first, and the threshold does not rise with later ones: it starts low.
    let table = [
        ("1:0/0 1:0/0 1:0/0", "123123"),
        ("4:0/0 2:0/0 2:0/0", "123112311231"),
        ("3:0/0 2:0/0 1:0/0", "123112123112"),
        ("5:0/0 0:0/0 1:0/0", "1311111311"),
        ("1:0/0! 1:0/0", "222"),
        ("65535:0/0! 1:0/0 2:0/0", "233233"),
        ("65535:0/0! 1:0/0!", "--"),
    ];
    for (text, expected) in table {
        let candidates = candidates(text);
        let mut wrr = scheduler(SchedulerKind::Wrr, &candidates);
        assert_eq!(picks(&mut wrr, &candidates, expected.len()), expected, "{text}");
    }
}

#[test]
fn wrr_shares_are_exact_over_whole_rounds() {
    let all = candidates("5:0/0 3:0/0 2:0/0 7:0/0");
    let mut wrr = scheduler(SchedulerKind::Wrr, &all);
    picks(&mut wrr, &all, 4);
    let served = picks(&mut wrr, &all, 17 * 10);
    for (backend, weight) in [('1', 5), ('2', 3), ('3', 2), ('4', 7)] {
        assert_eq!(served.matches(backend).count(), weight * 10, "backend {backend}");
    }
}

#[test]
fn lblc_stays_until_crowded() {
    let idle = candidates("2:0/0 2:0/0");
    let mut lblc = scheduler(SchedulerKind::Lblc, &idle);
    // destination, candidates, pick
    let table = [
        (1, "2:0/0 2:0/0", Some(0)),
        (2, "2:1/0 2:0/0", Some(1)),
        (1, "2:2/0 2:0/0", Some(0)),
        (1, "2:3/0 2:1/0", Some(0)),
        (1, "2:3/0! 2:1/0", Some(0)),
        (1, "2:3/0 2:0/0", Some(1)),
        (1, "2:0/0 2:2/0", Some(1)),
        (1, "2:3/0! 0:0/0", None),
        (1, "2:3/0 0:0/0", Some(0)),
    ];
    for (step, (destination, text, expected)) in table.into_iter().enumerate() {
        assert_eq!(lblc.pick(&to([10, 9, 0, destination], 0), &candidates(text)), expected, "step {step}");
    }
}

#[test]
fn lblc_gives_a_returning_server_its_destinations_back() {
    let both = candidates("1:0/0 1:0/0");
    let mut lblc = scheduler(SchedulerKind::Lblc, &both);
    assert_eq!(lblc.pick(&to([10, 9, 0, 1], 0), &both), Some(0));
    lblc.adopt(&both[1..]);
    lblc.adopt(&both);
    let loaded = candidates("1:1/0 1:0/0");
    assert_eq!(lblc.pick(&to([10, 9, 0, 1], 0), &loaded), Some(0));
    for _ in 0..1_000 {
        lblc.expire(cache::IDLE_MAX_S);
    }
    assert_eq!(lblc.pick(&to([10, 9, 0, 1], cache::IDLE_MAX_S), &loaded), Some(1));
}

#[test]
fn lblcr_grows_and_after_a_day_shrinks() {
    let mut lblcr = scheduler(SchedulerKind::Lblcr, &candidates("2:0/0 2:0/0 2:0/0"));
    const DAY: u32 = cache::IDLE_MAX_S;
    // second, candidates, pick
    let table = [
        (0, "2:0/0 2:0/0 2:0/0", Some(0)),
        (1, "2:3/0 2:0/0 2:0/0", Some(1)),
        // The set is 1 and 2: the less loaded of them, though 3 is idle.
        (2, "2:2/0 2:1/0 2:0/0", Some(1)),
        (3, "2:1/0 2:2/0 2:0/0", Some(0)),
        // A day after the last change: still served by the set, which loses 1, its most loaded.
        (1 + DAY, "2:2/0 2:1/0 2:0/0", Some(1)),
        (2 + DAY, "2:2/0 2:1/0 2:0/0", Some(1)),
        (3 + DAY, "2:0/0 2:2/0 2:0/0", Some(1)),
    ];
    for (step, (now_s, text, expected)) in table.into_iter().enumerate() {
        assert_eq!(lblcr.pick(&to([10, 9, 0, 1], now_s), &candidates(text)), expected, "step {step}");
    }
}

#[test]
fn lblcr_sets_are_bounded() {
    let text = "1:2/0 ".repeat(40) + "9:0/0";
    let all = candidates(&text);
    let mut lblcr = scheduler(SchedulerKind::Lblcr, &all);
    for n in 0..40 {
        let mut now = all.clone();
        now[n].active = 0;
        now[40].active = 9_000;
        assert_eq!(lblcr.pick(&to([10, 9, 0, 1], 0), &now), Some(n));
    }
}

#[test]
fn dh_deals_slots_one_by_one() {
    let all = candidates("9:0/0 1:0/0 0:0/0 1:0/0!");
    let mut dh = scheduler(SchedulerKind::Dh, &all);
    for n in 0..=255 {
        // hash_32(10.9.0.n) to 8 bits, every fourth slot to the same server; no weight, no fallback.
        let slot = 0x0a09_0000_u32.wrapping_add(n).wrapping_mul(0x61c8_8647) >> 24;
        let expected = [Some(0), Some(1), None, None][slot as usize % 4];
        assert_eq!(dh.pick(&to([10, 9, 0, n as u8], 0), &all), expected, "10.9.0.{n}");
    }
}

#[test]
fn sh_follows_weights_port_and_fallback() {
    let clients = || (0..4_096u16).map(|n| from([10, 0, (n >> 8) as u8, n as u8], 1000 + n));
    let all = candidates("3:0/0 1:0/0");
    let mut sh = scheduler(SchedulerKind::Sh, &all);
    let to_first = clients().filter(|client| sh.pick(client, &all) == Some(0)).count();
    assert!((2_900..3_250).contains(&to_first), "{to_first} of 4096, three quarters expected");

    // A client's port counts only when asked for.
    let mut ports: Vec<_> = (0..100).map(|port| sh.pick(&from([10, 0, 0, 1], port), &all)).collect();
    ports.dedup();
    assert_eq!(ports.len(), 1);
    let mut with_port = flagged(SchedulerKind::Sh, false, true, &all);
    let mut ports: Vec<_> = (0..100).map(|port| with_port.pick(&from([10, 0, 0, 1], port), &all)).collect();
    ports.dedup();
    assert!(ports.len() > 10);

    // Without fallback the clients of an overloaded server get none; with it, the others keep theirs.
    let mut fallback = flagged(SchedulerKind::Sh, true, false, &all);
    let overloaded = candidates("3:0/0! 1:0/0");
    for client in clients() {
        let strict = sh.pick(&client, &overloaded);
        assert_eq!(strict, sh.pick(&client, &all).filter(|at| *at == 1));
        assert_eq!(fallback.pick(&client, &overloaded), Some(1));
    }
}

#[test]
fn maglev_shares_follow_weights_and_little_moves() {
    let all = candidates("1:0/0 1:0/0 2:0/0 1:0/0 1:0/0 1:0/0 1:0/0 1:0/0 1:0/0 0:0/0");
    let clients: Vec<_> = (0..20_000u16).map(|n| from([10, 0, (n >> 8) as u8, n as u8], 1)).collect();
    let chosen = |mh: &mut Scheduler, list: &[Candidate]| -> Vec<Option<BackendIndex>> {
        clients.iter().map(|client| mh.pick(client, list).map(|at| list[at].backend)).collect()
    };
    let mut mh = scheduler(SchedulerKind::Mh, &all);
    let before = chosen(&mut mh, &all);
    for candidate in &all {
        let count = before.iter().filter(|backend| **backend == Some(candidate.backend)).count();
        let fair = 2_000 * candidate.weight as usize;
        assert!(count.abs_diff(fair) <= fair / 8, "backend {}: {count}, fair is {fair}", candidate.backend);
    }
    // One of nine leaves: its tenth of the clients move, and few others.
    let without: Vec<_> = all.iter().filter(|candidate| candidate.backend.0 != 5).copied().collect();
    mh.adopt(&without);
    let after = chosen(&mut mh, &without);
    let moved = before.iter().zip(&after).filter(|(a, b)| a != b && **a != Some(BackendIndex(5))).count();
    assert!(moved < 1_000, "{moved} of 18000 clients moved that had no need to");
    mh.adopt(&all);
    assert_eq!(chosen(&mut mh, &all), before);
}

#[test]
fn maglev_keeps_the_slots_of_a_quiesced_backend() {
    let clients: Vec<_> = (0..1_000u16).map(|n| from([10, 0, (n >> 8) as u8, n as u8], n)).collect();
    let (all, quiesced) = (candidates("2:0/0 1:0/0 1:0/0"), candidates("2:0/0 0:0/0 1:0/0"));
    let mut strict = scheduler(SchedulerKind::Mh, &all);
    let mut fallback = flagged(SchedulerKind::Mh, true, false, &all);
    let before: Vec<_> = clients.iter().map(|client| strict.pick(client, &all)).collect();
    strict.adopt(&quiesced);
    fallback.adopt(&quiesced);
    for (client, before) in clients.iter().zip(&before) {
        assert_eq!(strict.pick(client, &quiesced), before.filter(|at| *at != 1));
        let now = fallback.pick(client, &quiesced);
        assert!(now.is_some_and(|at| at != 1) && (*before == Some(1) || now == *before));
    }
}

#[test]
fn twos_shares_follow_weights_and_prefer_the_idle() {
    let mut random = 1u64;
    let mut shares = |text: &str| {
        let candidates = candidates(text);
        let mut twos = scheduler(SchedulerKind::Twos, &candidates);
        let mut counts = vec![0u32; candidates.len()];
        for _ in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let request = Request { random: random ^ random >> 29, ..from([10, 0, 0, 1], 1) };
            counts[twos.pick(&request, &candidates).unwrap()] += 1;
        }
        counts
    };
    // Of equals the first drawn is served; the range 0 to 6 inclusive gives 1 two parts of 7, 2 two, 3 three.
    for (count, expected) in shares("1:0/0 2:0/0 3:0/0").into_iter().zip([28_571, 28_571, 42_857]) {
        assert!(count.abs_diff(expected) < 1_000, "{count}, expected about {expected}");
    }
    // The loaded one is served only when both draws fall on it, 5 parts of 11 each.
    let counts = shares("1:0/0 4:0/0 5:9/0");
    assert!(counts[2].abs_diff(20_661) < 1_000, "{} of 100000", counts[2]);
}

#[test]
fn overload_has_a_lower_mark() {
    // was, flows, flows_max, flows_low, is
    let table = [
        (false, 9, 0, 0, false),
        (true, 9, 0, 0, false),
        (false, 7, 8, 0, false),
        (false, 8, 8, 0, true),
        (true, 6, 8, 0, true),
        (true, 5, 8, 0, false),
        (true, 4, 8, 3, true),
        (true, 3, 8, 3, true),
        (true, 2, 8, 3, false),
        (false, 4, 8, 3, false),
    ];
    for (was, flows, max, low, expected) in table {
        assert_eq!(overloaded(was, flows, max, low), expected, "{was} {flows} {max} {low}");
    }
}
