//! What people see, for answers of every kind: `golden/NAME.txt`.
//!
//! `SUIMON_WRITE_GOLDEN=1 cargo test -p supervisor` rewrites the texts; then read the difference.

use super::TERMINAL_WIDTH as WIDTH;
use super::table::{Align, Table};
use super::*;
use api::{
    Applied, Backend, Drop, Explanation, Flow, Flows, Killed, Link, Nic, Outcome, Rates, Service, Status, Step, Worker,
};
use clap::Parser;
use config::{Diff, Method, NicRole, Protocol, Scheduler};
use std::path::Path;
use unicode_width::UnicodeWidthStr;

/// Compares with a text beside this file, and holds every line to the terminal's width.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ctl/golden").join(name).with_extension("txt");
    if std::env::var_os("SUIMON_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{name}");
    for line in text.lines() {
        assert!(line.width() <= WIDTH, "{name}: {} columns: {line}", line.width());
    }
}

fn rates(scale: u64) -> Rates {
    Rates {
        flows_per_s: 12 * scale,
        packets_in_per_s: 4_520 * scale,
        bits_in_per_s: 3_120_000 * scale,
        packets_out_per_s: 5_130 * scale,
        bits_out_per_s: 29_900_000 * scale,
    }
}

fn worker(id: u8, flows: u64) -> Worker {
    Worker {
        id,
        cpu: Some(u32::from(id) + 1),
        epoch: 7,
        flows,
        flows_max: 500_000,
        load_factor: flows as f64 / 1_048_576.0,
        longest_probe: 6,
        frames_received: 10_000_000,
        frames_per_s: 48_250,
    }
}

fn status() -> Status {
    let nic = |name: &str, role, link, speed_mbps, addresses: &[&str]| Nic {
        name: name.to_owned(),
        role,
        link,
        speed_mbps,
        mtu: 1_500,
        mac: Some("02:00:00:00:00:01".to_owned()),
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        vips: vec![],
        frames_received: 18_250_000,
        frames_sent: 18_240_011,
        frames_missed: 0,
    };
    let drop = |reason: &str, packets, per_s| Drop { reason: reason.to_owned(), packets, per_s };
    Status {
        node: "suimon-a".to_owned(),
        version: "0.1.0".to_owned(),
        uptime_s: 274_000,
        revision: 12,
        confirm_left_s: None,
        epoch: 7,
        workers_adopted: 2,
        workers: vec![worker(0, 6_170), worker(1, 6_175)],
        flows: 12_345,
        flows_max: 1_000_000,
        load_factor: 0.0118,
        longest_probe: 6,
        services: 3,
        services_down: 1,
        backends: 7,
        backends_up: 5,
        rates: rates(10),
        nics: vec![
            nic("f0", NicRole::Data, Link::Up, Some(10_000), &["10.1.0.1/16", "2001:db8:1::1/64"]),
            nic("b0", NicRole::Data, Link::Up, None, &["10.2.0.1/16"]),
            nic("eth7", NicRole::Management, Link::Missing, None, &[]),
        ],
        drops: vec![
            drop("no_service", 1_234_567, 12),
            drop("source_ports_exhausted", 3, 0),
            drop("reason_of_a_newer_node", 1, 0),
        ],
        notes: vec!["health checks of the configuration are not carried out by this version".to_owned()],
    }
}

#[test]
fn status_at_a_glance() {
    golden("status", &status::text(&status(), WIDTH));
    let small = Status {
        workers: vec![Worker { id: 0, flows_max: 1_000_000, ..Worker::default() }],
        workers_adopted: 0,
        flows_max: 1_000_000,
        node: "lb".to_owned(),
        version: "0.1.0".to_owned(),
        ..Status::default()
    };
    golden("status_small", &status::text(&small, WIDTH));
}

#[test]
fn services_as_a_table() {
    let web = Service {
        name: "web".to_owned(),
        vips: vec!["10.1.0.100".to_owned()],
        ports: "80".to_owned(),
        scheduler: Scheduler::Wlc,
        method: Method::Nat,
        backends: 3,
        backends_up: 3,
        active: 11_032,
        inactive: 1_313,
        rates: rates(10),
        ..Service::default()
    };
    let dns = Service {
        name: "網-dns".to_owned(),
        vips: vec!["2001:db8:1::100".to_owned(), "2001:db8:1::101".to_owned(), "2001:db8:1::102".to_owned()],
        protocol: Protocol::Udp,
        ports: "53,5353,8000-8099".to_owned(),
        method: Method::TunnelGue,
        scheduler: Scheduler::Mh,
        backends: 2,
        backends_up: 0,
        on_fallback: true,
        ..Service::default()
    };
    golden("services", &listing::services(&[web.clone(), dns], WIDTH));
    golden("services_one", &listing::services(&[Service { rates: Rates::default(), ..web }], WIDTH));
    golden("services_none", &listing::services(&[], WIDTH));
}

fn backend(name: &str, state: BackendState, healthy: bool) -> Backend {
    Backend {
        service: "web".to_owned(),
        name: name.to_owned(),
        address: "10.2.0.2".parse().unwrap(),
        port: Some(8080),
        method: Method::Nat,
        weight: 1,
        state,
        healthy,
        health: None,
        fallback: false,
        drain_left_s: None,
        then: None,
        active: 3_677,
        inactive: 432,
        flows_max: 0,
        traffic: api::Traffic::default(),
        rates: rates(1),
    }
}

#[test]
fn backends_as_a_table() {
    let drained = Backend {
        drain_left_s: Some(45),
        then: Some(Then::Reset),
        active: 2,
        inactive: 0,
        rates: Rates::default(),
        ..backend("s3", BackendState::Drain, true)
    };
    let sorry = Backend {
        fallback: true,
        address: "2001:db8:2::9".parse().unwrap(),
        method: Method::TunnelIpip,
        port: None,
        flows_max: 5_000,
        ..backend("fallback", BackendState::Online, true)
    };
    let all = [
        backend("s1", BackendState::Online, true),
        backend("s2", BackendState::Online, false),
        drained,
        backend("s4", BackendState::Disabled, true),
        Backend { weight: 0, ..backend("s5", BackendState::Online, true) },
        sorry,
    ];
    golden("backends", &listing::backends(&all, WIDTH));
    assert_eq!(listing::backends(&[], WIDTH), "No backends.\n");
}

#[test]
fn flows_as_a_table() {
    let v4 = Flow {
        id: "0-1a2b".to_owned(),
        service: "web".to_owned(),
        backend: "s1".to_owned(),
        protocol: Protocol::Tcp,
        client: "192.0.2.17:40112".parse().unwrap(),
        vip: "10.1.0.100:80".parse().unwrap(),
        target: "10.2.0.2:8080".parse().unwrap(),
        source: None,
        method: Method::Nat,
        state: "ESTABLISHED".to_owned(),
        idle_s: 3,
        expires_s: 897,
        packets_in: 12,
        bytes_in: 1_204,
        packets_out: 14,
        bytes_out: 1_048_576,
        worker: 0,
    };
    let v6 = Flow {
        id: "3-ffffffff".to_owned(),
        service: "www-example-com".to_owned(),
        client: "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535".parse().unwrap(),
        vip: "[2001:db8:1::100]:443".parse().unwrap(),
        target: "[2001:db8:2::2]:443".parse().unwrap(),
        source: Some("[2001:db8:2::fa]:10017".parse().unwrap()),
        method: Method::FullNat,
        state: "FIN_WAIT".to_owned(),
        ..v4.clone()
    };
    golden("flows", &listing::flows(&Flows { flows: vec![v4.clone()], more: false }, WIDTH));
    golden("flows_wide", &listing::flows(&Flows { flows: vec![v4, v6], more: true }, WIDTH));
    assert_eq!(listing::flows(&Flows::default(), WIDTH), "No flows.\n");
}

#[test]
fn explanations_in_steps() {
    let step = |what: &str, finding: &str| Step { what: what.to_owned(), finding: finding.to_owned() };
    let mut explanation = Explanation {
        steps: vec![
            step("worker", "1 of 4, by the client's address"),
            step("service", "web, 10.1.0.100 port 80/tcp"),
            step("flow", "none yet"),
            step(
                "persistence",
                "192.0.2.0/24 went to s1, 120 s ago; that is remembered for another 180 s, and s1 is up",
            ),
            step("next hop", "10.2.0.2 on b0, 02:00:00:00:02:02"),
        ],
        outcome: Outcome::Backend {
            service: "web".to_owned(),
            backend: "s1".to_owned(),
            target: "10.2.0.2:8080".parse().unwrap(),
            method: Method::Nat,
        },
    };
    golden("explain", &answers::explanation(&explanation, WIDTH));
    explanation.steps.truncate(1);
    explanation.outcome = Outcome::Drop { reason: "no_service".to_owned() };
    golden("explain_drop", &answers::explanation(&explanation, WIDTH));
}

#[test]
fn acts_are_confirmed() {
    let online = backend("s1", BackendState::Online, true);
    let drain = |left, then| Backend { drain_left_s: left, then, ..backend("s1", BackendState::Drain, true) };
    for (backend, expected) in [
        (online.clone(), "web/s1 takes new flows.\n"),
        (Backend { healthy: false, ..online }, "web/s1 takes new flows once it is healthy: down.\n"),
        (backend("s1", BackendState::Disabled, true), "web/s1 is disabled; it had 4,109 flows.\n"),
        (drain(None, None), "web/s1 takes no new flows; 4,109 flows may go on as long as they last.\n"),
        (
            drain(Some(60), Some(Then::Reset)),
            "web/s1 takes no new flows; 4,109 flows may go on for 60 s, then they are reset.\n",
        ),
        (
            drain(Some(300), Some(Then::Keep)),
            "web/s1 takes no new flows; 4,109 flows may go on; after 5 min they are left alone.\n",
        ),
    ] {
        assert_eq!(answers::state_changed(&backend), expected);
    }
    for (killed, expected) in [(0, "No flow to end.\n"), (1, "1 flow ended.\n"), (1_000, "1,000 flows ended.\n")] {
        assert_eq!(answers::killed(&Killed { killed }), expected);
    }
}

#[test]
fn changes_are_listed() {
    let document = |weight: u32| {
        let text = format!(
            "version = 1\n[[service]]\nname = \"web\"\nvip = \"10.1.0.100\"\nports = \"80\"\nnic = \"f0\"\n\
             [[service.backend]]\nname = \"s1\"\naddress = \"10.2.0.2\"\nweight = {weight}\n[[nic]]\nname = \"f0\"\n"
        );
        config::parse(&text, "test").unwrap()
    };
    let diff = Diff::between(&document(1), &document(5));
    let notes = vec!["ha is not carried out by this version".to_owned()];
    golden("applied", &answers::applied(&Applied { revision: 13, diff: diff.clone(), notes, ..Applied::default() }));
    assert_eq!(
        answers::applied(&Applied { revision: 12, ..Applied::default() }),
        "Nothing changed: revision 12 stays in use.\n"
    );
    assert_eq!(answers::diff(&diff), "~ backend web/s1\n    weight: 1 -> 5\n");
    assert_eq!(answers::diff(&Diff::default()), "No difference.\n");
}

#[test]
fn imports_are_listed() {
    let content = b"autoreload=yes\nsmtp=mail\nvirtual=10.1.0.100:80\n real=10.2.0.2:8080 masq\n real=s2:8080 masq\n";
    let file = config::ForeignFile { name: "ldirectord.cf", content };
    let imported = config::import(config::Foreign::Ldirectord, file, None).unwrap();
    golden("import", &import::list(&imported));
    let nothing = config::ForeignFile { content: b"", ..file };
    let imported = config::import(config::Foreign::Ldirectord, nothing, None).unwrap();
    assert_eq!(import::list(&imported), "Nothing could be carried over.\n");
}

#[test]
fn refusals_show_what_one_line_cannot() {
    let problem = |text: &str| Problem::from(config::parse(text, "a.toml").unwrap_err());
    assert_eq!(refusal(&problem("version = 1\ncolour = 1\n"), false), "");
    let two = problem("version = 1\ncolour = 1\nsize = 1\n");
    let text = refusal(&two, false);
    assert_eq!(text.lines().count(), 2);
    assert!(text.starts_with("a.toml:2:1: unknown key \"colour\""));
    assert_eq!(serde_json::from_str::<Problem>(&refusal(&two, true)).unwrap(), two);
}

#[test]
fn every_drop_reason_has_words() {
    let mute: Vec<_> = engine::DropReason::ALL
        .iter()
        .map(|reason| reason.name())
        .filter(|name| api::meaning_of_drop(name).is_none())
        .collect();
    assert_eq!(mute, Vec::<&str>::new());
    // Short enough to stand beside its name and its count.
    for reason in engine::DropReason::ALL {
        assert!(api::meaning_of_drop(reason.name()).is_none_or(|words| words.len() <= 38), "{}", reason.name());
    }
}

#[test]
fn numbers_in_words() {
    for (number, expected) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00 k"),
        (9_994, "9.99 k"),
        (9_995, "10.0 k"),
        (99_960, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (u64::MAX, "18446744 T"),
    ] {
        assert_eq!(words::short(number), expected);
    }
    for (number, expected) in [(0, "0 B"), (1, "1 B"), (1_500, "1.50 kB")] {
        assert_eq!(words::bytes(number), expected);
    }
    for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(words::count(number), expected);
    }
    for (seconds, expected) in
        [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3_599, "59 min"), (3_660, "1 h 1 min"), (274_000, "3 d 4 h")]
    {
        assert_eq!(words::duration(seconds), expected);
    }
    for (share, expected) in [(0.0, "0 %"), (0.001_23, "0.12 %"), (0.012_3, "1.2 %"), (0.987, "98.7 %"), (1.0, "100 %")]
    {
        assert_eq!(words::percent(share), expected);
    }
}

#[test]
fn wide_rows_are_folded() {
    let mut table = Table::new(&[("A", Align::Left), ("B", Align::Right), ("C", Align::Left)]);
    table.row(vec!["one".to_owned(), "1".to_owned(), "x".repeat(12)]);
    table.row(vec!["網".to_owned(), "22".to_owned(), "y".to_owned()]);
    assert_eq!(table.text(80), "A     B  C\none   1  xxxxxxxxxxxx\n網   22  y\n");
    assert_eq!(table.text(16), "A     B\n    C\none   1\n    xxxxxxxxxxxx\n網   22\n    y\n");
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// Command lines, and whether they are understood.
#[test]
fn command_lines() {
    for (line, good) in [
        ("status", true),
        ("status --json --socket /tmp/x", true),
        ("--socket /tmp/x services", true),
        ("backends --service web", true),
        ("flows --client 10.0.0.1 --limit 5", true),
        ("flows --limit 0", false),
        ("flows --client ten", false),
        ("kill 0-1a2b", true),
        ("kill --client 10.0.0.1", true),
        ("kill", false),
        ("kill 0-1a2b --client 10.0.0.1", false),
        ("explain 192.0.2.1:40000 10.1.0.100:80/tcp", true),
        ("explain [2001:db8::1]:40000 [2001:db8::2]:53/udp", true),
        ("explain 192.0.2.1 10.1.0.100:80/tcp", false),
        ("explain 192.0.2.1:40000 10.1.0.100:80/sctp", false),
        ("drain web/s1", true),
        ("drain web/s1 --deadline 60s --then reset", true),
        ("drain web/s1 --deadline 1w", false),
        ("drain web/s1 --then reset", false),
        ("drain web", false),
        ("online web/s1", true),
        ("disable web/s1/x", false),
        ("apply suimon.toml", true),
        ("apply suimon.toml --confirm 60s --expect 7 --comment x", true),
        ("apply suimon.toml --confirm 2d", false),
        ("apply suimon.toml --confirm 0s", false),
        ("apply", false),
        ("confirm", true),
        ("diff -", true),
        ("diff --from 3", true),
        ("diff --from 3 --to 4", true),
        ("diff --to 4", false),
        ("diff - --from 3", false),
        ("diff", false),
        ("history", true),
        ("history 7", true),
        ("history --limit 5 --before 7", true),
        ("history 7 --limit 5", false),
        ("history --limit 0", false),
        ("rollback 7 --confirm 5m", true),
        ("rollback", false),
        ("log --limit 5 --follow", true),
        ("log --limit 0", false),
        ("export", true),
        ("export 7", true),
        ("capture f0 out.pcap --filter tcp --count 10", true),
        ("capture f0", false),
        ("capture f0 out.pcap --count 0", false),
        ("import --from keepalived keepalived.conf", true),
        ("import --from haresources --ha-cf /etc/ha.d/ha.cf haresources", true),
        ("import keepalived.conf", false),
        ("import --from haproxy haproxy.cfg", false),
        ("users list", true),
        ("users add hanako operator", true),
        ("users add hanako", false),
        ("users add hanako king", false),
        ("users role hanako viewer", true),
        ("users password hanako --password-file -", true),
        ("users disable hanako --json", true),
        ("users remove", false),
        ("token list", true),
        ("token make prometheus --role viewer --days 30 --user vera", true),
        ("token make", false),
        ("token revoke 0a1b2c --token-file t", true),
        ("audit --limit 5 --before 9 --user hanako", true),
        ("audit --check", true),
        ("audit --check --before 9", false),
        ("audit --limit 0", false),
        ("reset-password", true),
        ("reset-password hanako", true),
        ("ha status", false),
    ] {
        let parsed = Line::try_parse_from(["ctl"].into_iter().chain(line.split(' ')));
        assert_eq!(parsed.is_ok(), good, "{line}");
        if let Err(error) = parsed {
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
    for (text, expected) in
        [("60", Some(60)), ("60s", Some(60)), ("5m", Some(300)), ("1h", Some(3_600)), ("2d", Some(172_800))]
    {
        assert_eq!(duration_s(text).ok(), expected);
    }
    for text in ["", "s", "-1s", "1.5s", "1 s", "99999999999999999999d", "18446744073709551615d"] {
        assert!(duration_s(text).is_err(), "{text}");
    }
}

fn revision(number: u64, state: config::RevisionState, changes: &str) -> api::Revision {
    api::Revision {
        number,
        state,
        committed_s: 1_764_000_000 + number * 3_600,
        author: "root".to_owned(),
        origin: config::Origin::Apply,
        changes: changes.to_owned(),
        bytes: 4_812,
        ..api::Revision::default()
    }
}

#[test]
fn history_as_a_table() {
    use config::{Origin, RevisionState};
    let awaiting = api::Revision {
        comment: "second server".to_owned(),
        confirm_left_s: Some(42),
        returns_to: Some(13),
        ..revision(14, RevisionState::Awaiting, "+ backend web/s2")
    };
    let returned = api::Revision {
        author: "suimon".to_owned(),
        origin: Origin::Return,
        document_of: Some(11),
        comment: "nobody confirmed revision 12".to_owned(),
        ..revision(13, RevisionState::Replaced, "~ service web")
    };
    let revisions = vec![
        awaiting.clone(),
        returned.clone(),
        revision(12, RevisionState::Returned, "~ service web"),
        api::Revision { origin: Origin::File, ..revision(11, RevisionState::Replaced, "+ service web, 7 more") },
    ];
    golden("history", &history::table(&api::Revisions { revisions: revisions.clone(), more: true }, WIDTH));
    let wide = history::table(&api::Revisions { revisions, more: false }, usize::MAX);
    assert_eq!(wide.lines().count(), 5, "{wide}");
    assert_eq!(history::table(&api::Revisions::default(), WIDTH), "No revisions.\n");

    let before = config::parse("version = 1\n", "a").unwrap();
    let after = config::parse("version = 1\n[system]\nhostname = \"lb\"\n", "b").unwrap();
    let shown = |revision, diff| history::one(&configuration::Shown { revision, diff });
    golden("history_one", &shown(awaiting, Some(Diff::between(&before, &after))));
    golden("history_returned", &shown(returned, Some(Diff::default())));
}

#[test]
fn log_lines_are_lines() {
    let line = |unix_s, level: &str, text: &str| api::LogLine {
        unix_s,
        level: level.to_owned(),
        text: text.to_owned(),
        ..api::LogLine::default()
    };
    let lines = vec![line(1_764_000_000, "info", "ready revision=12"), line(1_764_000_061, "warn", "two\nlines")];
    golden("log", &log::text(&api::Log { lines, lost: 0 }));
}

#[test]
fn what_waits_for_confirmation_says_so() {
    let applied = Applied { revision: 14, confirm_within_s: Some(60), ..Applied::default() };
    assert_eq!(
        answers::applied(&applied),
        "Nothing changed: revision 14 stays in use.\n\
         Within 60 s: suimon ctl confirm. Else the revision before returns by itself.\n"
    );
    assert_eq!(answers::confirmed(&api::Confirmed { revision: 14 }), "Revision 14 is confirmed and stays in use.\n");
    let text = status::text(&Status { confirm_left_s: Some(42), revision: 14, ..status() }, WIDTH);
    assert!(text.contains("revision 14, in use by 2 of 2 workers; 42 s left to confirm it\n"), "{text}");
}
