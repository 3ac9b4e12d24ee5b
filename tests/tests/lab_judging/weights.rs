//! Weights that grow with time, and weights that a server asks for.

use crate::scene::{Block, PLAIN, Scene, Service, WARM_UP, connect, expect, now, percent, shares, wait};
use lab::Result;
use lab::agent::Agent;
use lab::plan::{self, Family};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Time of a slow start.
const RAMP_S: u64 = 5;

pub fn slow_start(scene: &mut Scene) -> Result<()> {
    let (checks, keys) = (connect("other", 8080), format!("scheduler = \"wrr\"\nslow_start_s = {RAMP_S}"));
    let service = Service { protocol: "tcp", port: 80, keys: &keys, checks: &checks, backends: PLAIN };
    let balancer = scene.balance(&service, 3)?;
    let load = scene.load()?;
    scene.block("s1", &[("tcp", 8080)], Block::Reject)?;
    wait(&balancer, "s1", "it is down", |s1| !s1.healthy)?;
    thread::sleep(WARM_UP);
    scene.unblock("s1")?;
    let s1 = wait(&balancer, "s1", "it is up", |s1| s1.healthy)?;
    let up = Instant::now();
    thread::sleep(Duration::from_secs(RAMP_S + 2));
    let asked = load.stop()?;
    let at = |second: u64| up + Duration::from_secs(second);
    let part = |from: u64, until: u64| percent(&shares(&asked, at(from), at(until)), "s1");
    let over: Vec<usize> = (0..RAMP_S + 2).map(|second| part(second, second + 1)).collect();
    println!("\nslow start of {RAMP_S} s: percent of new connections in each second: {over:?}");
    let (first, last) = (part(0, RAMP_S / 3), part(RAMP_S, RAMP_S + 2));
    expect(s1.weight_per_mille < 1_000, || format!("it came back with {} of 1000", s1.weight_per_mille))?;
    expect(first * 2 < last && last > 25, || format!("{first} % of new connections at first, {last} % at last"))
}

pub fn feedback(scene: &mut Scene) -> Result<()> {
    let at = SocketAddr::new(plan::server("s1", Family::V4), 9000);
    let agent = Agent::start(&scene.lab.node("s1"), at, "100%\n")?;
    // Whole numbers: the others have no agent.
    let times = "interval_ms = 300\ntimeout_ms = 800\nrise = 2\nfall = 2\n";
    let checks = format!("\n[[service.check]]\nname = \"agent\"\nkind = \"feedback\"\nport = 9000\n{times}");
    let backends = [("s1", "weight = 100"), ("s2", "weight = 100"), ("s3", "weight = 100")];
    let keys = "scheduler = \"wrr\"\nchecks_required = 1";
    let checks = checks + &connect("page", 80);
    let service = Service { protocol: "tcp", port: 80, keys, checks: &checks, backends: &backends };
    let balancer = scene.balance(&service, 3)?;
    let load = scene.load()?;
    println!();
    for (word, per_mille, healthy, least, most) in
        [("25%\n", 250, true, 5, 18), ("drain\n", 0, true, 0, 0), ("up\n", 1_000, true, 25, 42)]
    {
        agent.say(word);
        let s1 = wait(&balancer, "s1", &format!("the agent's {word:?} is in force"), |s1| {
            s1.weight_per_mille == per_mille && s1.healthy == healthy
        })?;
        let shares = now(&load, WARM_UP);
        let share = percent(&shares, "s1");
        println!("agent says {:?}: {} of 1000, {share} % of new connections", word.trim(), s1.weight_per_mille);
        expect((least..=most).contains(&share), || format!("{word:?}: {shares:?}"))?;
        expect(!shares.contains_key("nobody"), || format!("{word:?}: {shares:?}"))?;
    }
    load.stop().map(drop)
}
