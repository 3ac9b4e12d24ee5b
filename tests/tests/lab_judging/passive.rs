//! What clients meet counts before the next check asks: the checks here ask another port, once in a minute.

use crate::scene::{Block, PLAIN, SETTLE, Scene, Service, WARM_UP, backend, expect, now, wait};
use lab::Result;
use lab::load::{Client, Load, Way};
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Keys of a service whose check comes too late for anything.
const RULES: &str = "scheduler = \"rr\"\nstart_state = \"up\"\n\
     passive = { unanswered_max = 5, refused_max = 5, one_way_max = 5, faulty_percent_min = 50, window_s = 4, hold_s = 30 }\n\
     timeouts = { udp_s = 2 }";
const SELDOM: &str = "\n[[service.check]]\nname = \"seldom\"\nkind = \"connect\"\nport = 8080\n\
     interval_ms = 60000\ntimeout_ms = 1000\n";

/// What is seen between a fault and its end.
fn heard(scene: &Scene, balancer: &Suimon, words: &str, fault: impl FnOnce() -> Result<()>) -> Result<Duration> {
    thread::sleep(WARM_UP);
    fault()?;
    let begun = Instant::now();
    let s1 = wait(balancer, "s1", "clients are heard", |s1| !s1.healthy)?;
    let time = begun.elapsed();
    thread::sleep(SETTLE);
    let before = backend(balancer, "s1")?.made;
    thread::sleep(WARM_UP);
    let after = backend(balancer, "s1")?.made;
    let others: Vec<_> = balancer.backends()?.into_iter().filter(|backend| backend.name != "s1").collect();
    scene.unblock("s1")?;
    println!("\ndown after {} ms, the check asks every 60 s: {}", time.as_millis(), s1.reason);
    expect(s1.reason.contains(words), || format!("no {words:?} in {:?}", s1.reason))?;
    expect(before == after, || format!("{} new flows for it", after - before))?;
    expect(others.iter().all(|backend| backend.healthy), || format!("others went with it: {others:?}"))?;
    Ok(time)
}

fn web(scene: &Scene, block: Block, words: &str) -> Result<()> {
    // Of UDP nothing is asked here: the document would be refused.
    let keys = RULES.replace(" one_way_max = 5,", "");
    let service = Service { protocol: "tcp", port: 80, keys: &keys, checks: SELDOM, backends: PLAIN };
    let balancer = scene.balance(&service, 3)?;
    let load = scene.load()?;
    heard(scene, &balancer, words, || scene.block("s1", &[("tcp", 80)], block))?;
    let shares = now(&load, WARM_UP);
    expect(!shares.contains_key("nobody"), || format!("requests are still lost: {shares:?}"))?;
    load.stop().map(drop)
}

pub fn unanswered(scene: &mut Scene) -> Result<()> {
    web(scene, Block::Drop, "clients had no answer")
}

pub fn refused(scene: &mut Scene) -> Result<()> {
    web(scene, Block::Reject, "clients were refused")
}

pub fn one_way(scene: &mut Scene) -> Result<()> {
    let service = Service { protocol: "udp", port: 7, keys: RULES, checks: SELDOM, backends: PLAIN };
    let balancer = scene.balance(&service, 3)?;
    let client = |source| Client {
        way: Way::Datagrams,
        source,
        target: SocketAddr::new(plan::vip(Family::V4), 7),
        pause: Duration::from_millis(80),
        patience: Duration::from_millis(500),
        renew: 1,
    };
    let clients: Vec<Client> = plan::clients(Family::V4).into_iter().take(10).map(client).collect();
    let load = Load::start(&scene.lab, &clients)?;
    heard(scene, &balancer, "no answer over UDP", || scene.block("s1", &[("udp", 7)], Block::Drop))?;
    load.stop().map(drop)
}
