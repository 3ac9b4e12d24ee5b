//! Several checks of one server, and servers that come and go.

use crate::scene::{Block, PLAIN, Scene, Service, WARM_UP, backend, connect, expect, now, wait};
use lab::{Result, programs};
use std::thread;
use std::time::{Duration, Instant};

pub fn two_of_three(scene: &mut Scene) -> Result<()> {
    let checks = connect("page", 80) + &connect("other", 8080) + &connect("files", 21);
    let keys = "scheduler = \"rr\"\nchecks_required = 2";
    let service = Service { protocol: "tcp", port: 80, keys, checks: &checks, backends: PLAIN };
    let balancer = scene.balance(&service, 3)?;
    let load = scene.load()?;
    // One of three fails: its own program is gone.
    scene.lab.kill("s1", "vsftpd")?;
    let passing = wait(&balancer, "s1", "one check fails", |s1| s1.reason == "2 of 3 checks pass")?;
    let two = now(&load, WARM_UP);
    // Two of three.
    scene.block("s1", &[("tcp", 8080)], Block::Reject)?;
    let failing = wait(&balancer, "s1", "two checks fail", |s1| !s1.healthy)?;
    let one = now(&load, WARM_UP);
    scene.unblock("s1")?;
    wait(&balancer, "s1", "it is up with two of three", |s1| s1.healthy)?;
    let shared = scene.shared();
    programs::vsftpd(&mut scene.lab, "s1", &shared)?;
    let lost = load.stop()?.iter().filter(|asked| asked.is_lost()).count();
    println!("\n{}: answers of {two:?}; {}: answers of {one:?}; {lost} lost", passing.reason, failing.reason);
    let serves = |shares: &std::collections::BTreeMap<String, usize>| shares.get("s1").copied().unwrap_or(0);
    expect(passing.healthy && serves(&two) > 0, || format!("two of three pass, yet {two:?}"))?;
    expect(serves(&one) == 0, || format!("one of three passes, yet {one:?}"))?;
    expect(lost == 0, || format!("{lost} requests lost, although the page was always there"))
}

pub fn flapping(scene: &mut Scene) -> Result<()> {
    let check = "\n[[service.check]]\nname = \"other\"\nkind = \"connect\"\nport = 8080\ninterval_ms = 200\n\
                 timeout_ms = 800\nrise = 1\nfall = 1\n";
    let keys = "scheduler = \"rr\"\nflap = { changes_max = 3, window_s = 60, hold_s = 4 }";
    let service = Service { protocol: "tcp", port: 80, keys, checks: check, backends: PLAIN };
    let balancer = scene.balance(&service, 3)?;
    let load = scene.load()?;
    let mut changes = 0;
    let held = loop {
        scene.block("s1", &[("tcp", 8080)], Block::Reject)?;
        let down = wait(&balancer, "s1", "it is down", |s1| !s1.healthy)?;
        changes += 1;
        scene.unblock("s1")?;
        if down.reason.contains("too often") {
            break down;
        }
        expect(changes < 10, || format!("it is not held down after {changes} times"))?;
        let up = wait(&balancer, "s1", "it is up, or held", |s1| s1.healthy || s1.reason.contains("too often"))?;
        if !up.healthy {
            break up;
        }
    };
    let begun = Instant::now();
    let shares = now(&load, Duration::from_secs(2));
    let still = backend(&balancer, "s1")?;
    wait(&balancer, "s1", "it is up again", |s1| s1.healthy)?;
    let after = begun.elapsed();
    thread::sleep(WARM_UP / 3);
    let back = now(&load, WARM_UP);
    println!(
        "\nheld down behind its {changes}. failure for {} ms: answers of {shares:?}, then {back:?}",
        after.as_millis()
    );
    // The check has long passed again.
    expect(!still.healthy && still.reason == held.reason, || format!("{still:?}"))?;
    expect(!shares.contains_key("s1") && !shares.contains_key("nobody"), || format!("held down, yet {shares:?}"))?;
    expect(back.contains_key("s1"), || format!("up again, yet {back:?}"))?;
    load.stop().map(drop)
}
