//! Programs of the administrator, and pings.

use crate::kinds::fake::{LONG_MS, SHORT_MS, ask, block_on, reason};
use config::{Ask, External, Ping};
use std::net::SocketAddr;

fn shell(script: &str) -> Ask {
    Ask::External(External { command: "/bin/sh".into(), arguments: vec!["-c".into(), script.into(), "check".into()] })
}

fn server() -> SocketAddr {
    "127.0.0.1:80".parse().unwrap()
}

#[test]
fn the_exit_status_decides() {
    let cases = [
        ("exit 0", Ok("")),
        ("echo \"$0 $1 $2\"; echo more >&2", Ok("check 127.0.0.1 80\\nmore\\n")),
        ("exit 3", Err("/bin/sh ended with exit status: 3")),
        ("kill -9 $$", Err("/bin/sh ended with signal: 9 (SIGKILL)")),
    ];
    block_on(async {
        for (script, expected) in cases {
            let outcome = ask(shell(script), server(), LONG_MS).await;
            let reason = reason(&outcome, expected.is_ok());
            match expected {
                Ok(said) => assert!(outcome.transcript.to_string().contains(said), "{}", outcome.transcript),
                Err(why) => assert_eq!(reason, why),
            }
        }
        let absent = External { command: "/nonexistent".into(), arguments: vec![] };
        let outcome = ask(Ask::External(absent), server(), LONG_MS).await;
        assert!(
            reason(&outcome, false).starts_with("not asked: start /nonexistent: No such file"),
            "{}",
            outcome.reason
        );
    });
}

#[test]
fn a_program_has_no_rights() {
    let script = "grep -E '^(Uid|Groups|Cap(Prm|Eff|Amb)|NoNewPrivs):' /proc/self/status | tr '\\t' ' '; env; pwd";
    block_on(async {
        let outcome = ask(shell(script), server(), LONG_MS).await;
        reason(&outcome, true);
        let transcript = outcome.transcript.to_string();
        let is_root = nix::unistd::Uid::effective().is_root();
        let uid = if is_root { "Uid: 65533 65533 65533 65533\\n" } else { "Uid: " };
        for said in [uid, "CapPrm: 0000000000000000", "CapEff: 0000000000000000", "CapAmb: 0000000000000000"] {
            assert!(transcript.contains(said), "{said}: {transcript}");
        }
        assert!(transcript.contains("NoNewPrivs: 1") && !transcript.contains("CARGO"), "{transcript}");
        assert!(!is_root || transcript.contains("Groups:  \\n"), "{transcript}");
    });
}

#[test]
fn the_deadline_kills_all_that_a_program_started() {
    block_on(async {
        let outcome = ask(shell("echo begun; sleep 1000 & echo \"$!.\"; wait"), server(), SHORT_MS).await;
        assert_eq!(reason(&outcome, false), "the deadline of 300 ms passed while waiting for the end of /bin/sh");
        let transcript = outcome.transcript.to_string();
        let (_, numbers) = transcript.split_once("begun\\n").unwrap();
        let child = numbers.split_once('.').unwrap().0;
        // It is dead at once, but in the table of processes until its new parent notices.
        let is_dead = || match std::fs::read_to_string(format!("/proc/{child}/stat")) {
            Ok(stat) => stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z')),
            Err(_) => true,
        };
        for _ in 0..200 {
            if is_dead() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("process {child} still runs");
    });
}

#[test]
fn much_output_is_cut_and_read_to_its_end() {
    block_on(async {
        let outcome = ask(shell("head -c 1000000 /dev/zero"), server(), LONG_MS).await;
        reason(&outcome, true);
        assert!(outcome.transcript.to_string().len() < 10_000);
        assert!(outcome.transcript.omitted_bytes > 900_000, "{}", outcome.transcript.omitted_bytes);
    });
}

// Needs CAP_NET_RAW or a group that net.ipv4.ping_group_range names.
#[test]
fn loopback_answers_echoes() {
    block_on(async {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let outcome = ask(Ask::Ping(Ping { count: 3 }), address.parse().unwrap(), LONG_MS).await;
            if outcome.reason.contains("Operation not permitted") {
                println!("skipped: no right to open a socket for ICMP");
                return;
            }
            reason(&outcome, true);
        }
    });
}

#[test]
fn what_cannot_be_reached_fails_at_once() {
    block_on(async {
        // The kernel lets nobody ask all neighbours at once who did not say that it is meant.
        let outcome = ask(Ask::Ping(Ping { count: 2 }), "255.255.255.255:0".parse().unwrap(), LONG_MS).await;
        assert!(!outcome.deadline_passed);
        assert_eq!(reason(&outcome, false), "connect to 255.255.255.255:0: Permission denied");
    });
}
