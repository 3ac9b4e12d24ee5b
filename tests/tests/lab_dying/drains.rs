//! Drains under load.

use crate::scene::{Cell, Scene, expect, is_victim, made_for_victims};
use lab::Result;
use lab::backends::Backend;
use lab::configuration::Method;
use lab::load::{Asked, Client, Fate, Load, Way};
use lab::plan::size;
use lab::suimon::Suimon;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

/// Load before anything happens, and after everything has.
const WARM_UP: Duration = Duration::from_secs(2);
/// From a drain's acceptance to the last new flow.
const SETTLE: Duration = Duration::from_millis(300);
/// Idle flows end soon, so that a server that is drained becomes empty.
const SHORT_LIVED: &str = "timeouts = { fin_s = 1, time_wait_s = 1, close_s = 1, last_ack_s = 1, udp_s = 2 }";
/// Requests behind which a kept connection or socket ends by itself.
const RENEW: u32 = 12;

/// Drains the victims of all services of `cells`.
fn drain(balancer: &Suimon, cells: &[Cell], more: &[&str]) -> Result<()> {
    for cell in cells {
        for (service, ..) in cell.services() {
            let name = format!("{service}/{}", cell.victim());
            balancer.ctl(&[&["drain", &name][..], more].concat())?.success()?;
        }
    }
    Ok(())
}

fn cells_of(mode: &str) -> Vec<Cell> {
    Cell::all().into_iter().filter(|cell| cell.mode == mode).collect()
}

fn lost_of(asked: &[Asked]) -> String {
    let lost: Vec<_> = asked.iter().filter(|asked| asked.is_lost()).map(|asked| (asked.client, &asked.fate)).collect();
    format!("{} of {} requests lost: {lost:?}", lost.len(), asked.len())
}

pub fn loses_nothing(scene: &mut Scene) -> Result<()> {
    let cells = cells_of("reselect");
    let balancer = scene.balance(&cells, &format!("scheduler = \"rr\"\n{SHORT_LIVED}"))?;
    let client = |cell: &Cell, way, number| Client { renew: RENEW, ..cell.client(way, number) };
    let ways = [Way::Anew, Way::Kept, Way::Datagrams];
    let of = |cell| ways.iter().flat_map(move |way| (0..4).map(move |number| client(cell, *way, number)));
    let clients: Vec<Client> = cells.iter().flat_map(of).collect();
    let load = Load::start(&scene.lab, &clients)?;
    thread::sleep(WARM_UP);
    let begun = Instant::now();
    drain(&balancer, &cells, &[])?;
    thread::sleep(SETTLE);
    let before = made_for_victims(&balancer)?;
    let left: u64 = balancer.backends()?.iter().filter(|backend| is_victim(backend)).map(|backend| backend.flows).sum();
    balancer.wait_for("the drained are empty", |all| all.iter().all(|each| !is_victim(each) || each.flows == 0))?;
    let emptied = begun.elapsed();
    thread::sleep(WARM_UP);
    let after = made_for_victims(&balancer)?;
    let asked = load.stop()?;
    println!(
        "\ndrained with {left} flows left, empty after {} ms: {} requests, {} lost",
        emptied.as_millis(),
        asked.len(),
        asked.iter().filter(|asked| asked.is_lost()).count()
    );
    expect(before == after, || format!("new flows for the drained: {before:?}, then {after:?}"))?;
    expect(left > 0, || "the drained had no flows: nothing is shown".into())?;
    expect(!asked.iter().any(Asked::is_lost), || lost_of(&asked))
}

pub fn ends_as_asked(scene: &mut Scene) -> Result<()> {
    let (keeping, resetting) = (cells_of("keep"), cells_of("reset"));
    let cells = [keeping.clone(), resetting.clone()].concat();
    let balancer = scene.balance(&cells, "scheduler = \"rr\"")?;
    let of = |cell: &Cell| {
        let cell = *cell;
        [Way::Kept, Way::Datagrams].into_iter().flat_map(move |way| (0..3).map(move |number| cell.client(way, number)))
    };
    let clients: Vec<Client> = cells.iter().flat_map(of).collect();
    let load = Load::start(&scene.lab, &clients)?;
    thread::sleep(WARM_UP);
    drain(&balancer, &keeping, &["--deadline", "5s", "--then", "keep"])?;
    drain(&balancer, &resetting, &["--deadline", "5s", "--then", "reset"])?;
    let drained = Instant::now();
    thread::sleep(Duration::from_secs(2));
    expect(!load.so_far().iter().any(Asked::is_lost), || lost_of(&load.so_far()))?;
    balancer.wait_for("the deadlines are over", |all| {
        all.iter().all(|backend| !is_victim(backend) || (backend.state == "drain" && backend.drain_left_s.is_none()))
    })?;
    let over = drained.elapsed();
    thread::sleep(WARM_UP);
    let end = Instant::now();
    thread::sleep(WARM_UP);
    let asked = load.stop()?;
    println!("\ndeadlines of 5 s over after {} ms", over.as_millis());
    println!("method       then   connections on it  of them lost still answered lost datagrams");
    let told = Told { clients: &clients, asked: &asked, drained, end };
    cells.iter().try_for_each(|cell| told.judge(cell))
}

/// What the clients saw of drains with a deadline.
struct Told<'a> {
    clients: &'a [Client],
    asked: &'a [Asked],
    drained: Instant,
    /// All deadlines are over.
    end: Instant,
}

impl Told<'_> {
    fn judge(&self, cell: &Cell) -> Result<()> {
        let before = self.on_the_victim(cell, |asked| asked.ended < self.drained);
        let still = self.on_the_victim(cell, |asked| asked.begun > self.end);
        let (lost, datagrams) = (self.lost(cell, Way::Kept), self.lost(cell, Way::Datagrams).len());
        let (method, then) = (cell.method.name(), cell.mode);
        println!("{method:<12} {then:<6} {:>17} {:>13} {:>14} {datagrams:>14}", before.len(), lost.len(), still.len());
        let said = || {
            let lost = format!("{lost:?} and {datagrams} datagrams");
            format!("{method}, then {then}: {before:?} were on it, {still:?} still are, lost: {lost}")
        };
        expect(!before.is_empty(), said)?;
        if then == "keep" {
            return expect(lost.is_empty() && still == before && datagrams == 0, said);
        }
        let reset = lost.iter().all(|fate| **fate == Fate::Failed(ErrorKind::ConnectionReset));
        // Of UDP no more than an answer that was on its way.
        expect(reset && lost.len() == before.len() && still.is_empty() && datagrams <= 1, said)
    }

    fn lost(&self, cell: &Cell, way: Way) -> Vec<&Fate> {
        let of = |asked: &&Asked| {
            let client = &self.clients[asked.client];
            client.way == way && client.target.ip() == cell.vip && asked.is_lost()
        };
        self.asked.iter().filter(of).map(|asked| &asked.fate).collect()
    }

    /// Clients that the victim answered when `is_then`.
    fn on_the_victim(&self, cell: &Cell, is_then: impl Fn(&Asked) -> bool) -> BTreeSet<usize> {
        let by_victim = Fate::Answered(cell.victim().into());
        let of = |asked: &&Asked| self.clients[asked.client].target.ip() == cell.vip && asked.fate == by_victim;
        self.asked.iter().filter(of).filter(|asked| is_then(asked)).map(|asked| asked.client).collect()
    }
}

/// Flows do not outlive the process; a hash and `adopt` find the same servers for them again. Full NAT's ports cannot be
/// found again, so what is under way breaks there: it is told apart.
pub fn outlives_restarts(scene: &mut Scene) -> Result<()> {
    let cells = cells_of("reselect");
    let more = format!("scheduler = \"mh\"\nmidstream = \"adopt\"\n{SHORT_LIVED}");
    let mut balancer = scene.balance(&cells, &more)?;
    let patience = Duration::from_secs(20);
    let client = |cell: &Cell, way, number| Client { patience, renew: RENEW, ..cell.client(way, number) };
    let of = |cell| [Way::Anew, Way::Kept].into_iter().flat_map(move |way| (0..8).map(move |at| client(cell, way, at)));
    let clients: Vec<Client> = cells.iter().flat_map(of).collect();
    let load = Load::start(&scene.lab, &clients)?;
    thread::sleep(WARM_UP);
    let drained = Instant::now();
    drain(&balancer, &cells, &["--deadline", "60s", "--then", "keep"])?;
    balancer.wait_for("the drained are empty", |all| all.iter().all(|each| !is_victim(each) || each.flows == 0))?;
    let mut away = Vec::new();
    for round in 0..size(2, 6) {
        let gone = Instant::now();
        if round % 2 == 0 {
            balancer.kill()?
        } else {
            balancer.stop().map(drop)?
        }
        balancer.start_again(&scene.lab, "a")?;
        away.push(gone.elapsed().as_millis());
        thread::sleep(WARM_UP);
        let victims: Vec<Backend> = balancer.backends()?.into_iter().filter(is_victim).collect();
        let passed = drained.elapsed().as_secs();
        let goes_on = |backend: &Backend| {
            let left = backend.drain_left_s.unwrap_or(0);
            backend.state == "drain" && backend.made == 0 && (58..=62).contains(&(left + passed))
        };
        let said = || {
            let each = |backend: &Backend| {
                format!("{} {} {:?} {}", backend.service, backend.state, backend.drain_left_s, backend.made)
            };
            format!("after {passed} s: {:?}", victims.iter().map(each).collect::<Vec<_>>())
        };
        expect(victims.iter().all(goes_on), said)?;
    }
    let asked = load.stop()?;
    let is_fullnat = |asked: &&Asked| {
        cells.iter().any(|cell| cell.method == Method::Fullnat && cell.vip == clients[asked.client].target.ip())
    };
    let (fullnat, others): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(is_fullnat);
    let lost = |asked: &[&Asked]| asked.iter().filter(|asked| asked.is_lost()).count();
    println!(
        "\nrestarts of {away:?} ms during a drain: {} requests, {} lost; full NAT: {} requests, {} lost",
        others.len(),
        lost(&others),
        fullnat.len(),
        lost(&fullnat)
    );
    let others: Vec<Asked> = others.into_iter().cloned().collect();
    expect(!others.iter().any(Asked::is_lost), || lost_of(&others))
}
