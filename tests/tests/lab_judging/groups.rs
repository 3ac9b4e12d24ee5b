//! Priority groups, and the quorum of a whole service.

use crate::scene::{Block, Scene, Service, WARM_UP, connect, expect, now, wait};
use lab::Result;
use lab::plan::{self, Family};
use std::collections::{BTreeMap, BTreeSet};

fn who(shares: &BTreeMap<String, usize>) -> BTreeSet<&str> {
    shares.keys().map(String::as_str).collect()
}

pub fn priorities(scene: &mut Scene) -> Result<()> {
    let checks = connect("other", 8080);
    let backends = [("s1", "priority = 10"), ("s2", "priority = 10"), ("s3", "")];
    let keys = "scheduler = \"rr\"\nbackends_min = 2";
    let service = Service { protocol: "tcp", port: 80, keys, checks: &checks, backends: &backends };
    let balancer = scene.balance(&service, 3)?;
    let load = scene.load()?;
    let enough = now(&load, WARM_UP);
    scene.block("s1", &[("tcp", 8080)], Block::Reject)?;
    wait(&balancer, "s3", "the next group takes flows", |s3| s3.standby.is_none())?;
    wait(&balancer, "s1", "it is down", |s1| !s1.healthy)?;
    let fewer = now(&load, WARM_UP);
    scene.unblock("s1")?;
    wait(&balancer, "s3", "the next group rests", |s3| s3.standby.is_some())?;
    let again = now(&load, WARM_UP);
    println!("\ntwo of priority 10 up: {enough:?}; one: {fewer:?}; two again: {again:?}");
    expect(who(&enough) == ["s1", "s2"].into(), || format!("{enough:?}"))?;
    expect(who(&fewer) == ["s2", "s3"].into(), || format!("{fewer:?}"))?;
    expect(who(&again) == ["s1", "s2"].into(), || format!("{again:?}"))?;
    load.stop().map(drop)
}

/// Up with two, down below one: in between it stays as it is.
pub fn quorum(scene: &mut Scene) -> Result<()> {
    let checks = connect("other", 8080);
    let fallback = plan::server("s3", Family::V4);
    let keys = format!(
        "scheduler = \"rr\"\nquorum = {{ up = 2, down = 1 }}\nfallback = {{ address = \"{fallback}\", method = \"nat\" }}"
    );
    let backends = [("s1", ""), ("s2", "")];
    let service = Service { protocol: "tcp", port: 80, keys: &keys, checks: &checks, backends: &backends };
    let balancer = scene.balance(&service, 2)?;
    let load = scene.load()?;
    println!();
    let steps: [(&[&str], &[&str]); 5] = [
        (&[], &["s1", "s2"]),
        (&["s1"], &["s2"]),
        (&["s1", "s2"], &["s3"]),
        // One is back: not enough to come up.
        (&["s2"], &["s3"]),
        (&[], &["s1", "s2"]),
    ];
    for (down, serving) in steps {
        for server in ["s1", "s2"] {
            if down.contains(&server) {
                scene.block(server, &[("tcp", 8080)], Block::Reject)?;
            } else {
                scene.unblock(server)?;
            }
        }
        balancer.wait_for("the judgement follows", |all| {
            let mut judged = all.iter().filter(|backend| ["s1", "s2"].contains(&backend.name.as_str()));
            judged.all(|backend| backend.healthy != down.contains(&backend.name.as_str()))
        })?;
        let shares = now(&load, WARM_UP);
        println!("down: {down:?}: answers of {shares:?}");
        expect(who(&shares) == serving.iter().copied().collect(), || format!("down: {down:?}: {shares:?}"))?;
    }
    load.stop().map(drop)
}
