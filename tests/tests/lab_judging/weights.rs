//! Weights that grow with time, and weights that a server asks for.

use crate::scene::{Block, PLAIN, Scene, Service, WARM_UP, connect, expect, now, percent, shares, wait};
use lab::Result;
use lab::error::Act;
use lab::plan::{self, Family};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
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
    let agent = Agent::start(scene)?;
    // Whole numbers: the others have no agent.
    let times = "interval_ms = 300\ntimeout_ms = 800\nrise = 2\nfall = 2\n";
    let checks = format!("\n[[service.check]]\nname = \"agent\"\nkind = \"feedback\"\nport = 9000\n{times}");
    let backends = [("s1", "weight = 100"), ("s2", "weight = 100"), ("s3", "weight = 100")];
    let keys = "scheduler = \"wrr\"\nchecks_required = 1";
    let checks = checks + &connect("page", 80);
    let service = Service { protocol: "tcp", port: 80, keys, checks: &checks, backends: &backends };
    agent.say("100%\n");
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

/// An agent on `s1` that says one line to everybody who connects.
struct Agent {
    line: Arc<Mutex<&'static str>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    fn start(scene: &Scene) -> Result<Self> {
        let at = SocketAddr::new(plan::server("s1", Family::V4), 9000);
        let listener = scene.lab.node("s1").enter(|| TcpListener::bind(at))?.act(|| format!("listen on {at}"))?;
        listener.set_nonblocking(true).act(|| "set up the agent".into())?;
        let (line, ended) = (Arc::new(Mutex::new("")), Arc::new(AtomicBool::new(false)));
        let (said, over) = (line.clone(), ended.clone());
        let thread = thread::spawn(move || {
            while !over.load(Relaxed) {
                match listener.accept() {
                    // Whoever has gone before the answer needs none.
                    Ok((mut client, _)) => drop(client.write_all(locked(&said).as_bytes())),
                    Err(_) => thread::sleep(Duration::from_millis(10)),
                }
            }
        });
        Ok(Self { line, ended, thread: Some(thread) })
    }

    fn say(&self, line: &'static str) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }
}

fn locked(line: &Mutex<&'static str>) -> &'static str {
    *line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            let _ = thread.join();
        }
    }
}
