//! A server dies: what was lost until the balancer had noticed, and what became of the flows that it had.

use crate::scene::{Cell, Scene, VICTIMS, expect, is_victim, made_for_victims};
use lab::Result;
use lab::load::{Asked, Client, Fate, Load, Way};
use lab::plan::size;
use lab::suimon::Suimon;
use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

/// Load before anything happens.
const WARM_UP: Duration = Duration::from_secs(2);
/// From the judgement to the last packet that does not know of it.
const SETTLE: Duration = Duration::from_millis(500);
/// Time that flows have to come back to a server that has returned.
const RETURN_LIMIT: Duration = Duration::from_secs(40);

/// How a server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Its programs are killed; its kernel refuses everybody.
    Process,
    /// Its NIC is down: silence.
    Nic,
}

impl Death {
    fn strike(self, scene: &mut Scene) -> Result<()> {
        VICTIMS.iter().try_for_each(|victim| match self {
            Self::Process => {
                scene.lab.kill(victim, "nginx")?;
                scene.lab.kill(victim, "echo")
            }
            Self::Nic => scene.lab.node(victim).ip("link set eth0 down\n"),
        })
    }

    fn undo(self, scene: &mut Scene) -> Result<()> {
        VICTIMS.iter().try_for_each(|victim| match self {
            Self::Process => scene.serve(victim),
            Self::Nic => {
                scene.lab.node(victim).ip("link set eth0 up\n")?;
                scene.point(victim)
            }
        })
    }
}

/// What happened when.
struct Times {
    died: Instant,
    removed: Instant,
    /// From here on nobody may notice any more.
    clear: Instant,
    returned: Instant,
}

pub fn dies(scene: &mut Scene, death: Death) -> Result<()> {
    let cells = Cell::all();
    let balancer = scene.balance(&cells, "scheduler = \"rr\"")?;
    let clients: Vec<Client> = cells.iter().flat_map(clients_of).collect();
    let load = Load::start(&scene.lab, &clients)?;
    thread::sleep(WARM_UP);
    let died = Instant::now();
    death.strike(scene)?;
    balancer.wait_for("the dead are down", |all| all.iter().all(|backend| backend.healthy != is_victim(backend)))?;
    let removed = Instant::now();
    thread::sleep(SETTLE);
    let (before, clear) = (made_for_victims(&balancer)?, Instant::now());
    thread::sleep(size(Duration::from_secs(4), Duration::from_secs(20)));
    let after = made_for_victims(&balancer)?;
    let returned = Instant::now();
    death.undo(scene)?;
    balancer.wait_for("all are up again", |all| all.iter().all(|backend| backend.healthy))?;
    load.wait_for_the_silent(RETURN_LIMIT)?;
    thread::sleep(WARM_UP);
    let asked = load.stop()?;
    let times = Times { died, removed, clear, returned };
    report(death, &balancer, &times, &cells, &clients, &asked)?;
    expect(before == after, || format!("new flows for the dead: {before:?}, then {after:?}"))?;
    let dropped = balancer.total("drops.backend_down")?;
    expect(dropped > 0, || "nothing was dropped where that was asked for".into())?;
    cells.iter().try_for_each(|cell| {
        let told = Told { death, times: &times, cell, clients: &clients, asked: &asked };
        told.judge()
    })
}

fn clients_of(cell: &Cell) -> Vec<Client> {
    let ways = [(Way::Anew, 2), (Way::Kept, size(3, 6)), (Way::Datagrams, size(3, 6))];
    ways.iter().flat_map(|(way, count)| (0..*count).map(|number| cell.client(*way, number))).collect()
}

/// What the clients of a cell saw.
struct Told<'a> {
    death: Death,
    times: &'a Times,
    cell: &'a Cell,
    clients: &'a [Client],
    asked: &'a [Asked],
}

impl Told<'_> {
    fn of(&self, way: Way) -> impl Iterator<Item = &Asked> {
        let is_of = move |client: &Client| client.way == way && client.target.ip() == self.cell.vip;
        self.asked.iter().filter(move |asked| is_of(&self.clients[asked.client]))
    }

    fn lost(&self, way: Way, from: Instant, until: Instant) -> usize {
        self.of(way).filter(|asked| asked.is_lost() && asked.begun >= from && asked.begun < until).count()
    }

    fn lost_in_all(&self, way: Way) -> usize {
        self.of(way).filter(|asked| asked.is_lost()).count()
    }

    /// Clients whose last answer before the death was the victim's.
    fn on_the_victim(&self) -> usize {
        let mut last = std::collections::BTreeMap::new();
        for asked in self.of(Way::Kept).filter(|asked| asked.ended < self.times.died) {
            last.insert(asked.client, &asked.fate);
        }
        last.values().filter(|fate| **fate == &Fate::Answered(self.cell.victim().into())).count()
    }

    /// Kept connections that broke until the server returned.
    fn broken(&self) -> Vec<ErrorKind> {
        let until =
            self.of(Way::Kept).filter(|asked| asked.ended > self.times.died && asked.ended < self.times.returned);
        until.filter_map(|asked| if let Fate::Failed(kind) = asked.fate { Some(kind) } else { None }).collect()
    }

    /// Requests that the server answered after its return although they had been sent before.
    fn resumed(&self) -> usize {
        let over = |asked: &&Asked| asked.begun < self.times.returned && asked.ended > self.times.returned;
        let by_victim = Fate::Answered(self.cell.victim().into());
        self.of(Way::Kept).filter(over).filter(|asked| asked.fate == by_victim).count()
    }

    fn judge(&self) -> Result<()> {
        let Times { died, clear, returned, .. } = *self.times;
        let wrong = |what: &str| format!("{:?}, {}, {}: {what}", self.death, self.cell.method.name(), self.cell.mode);
        let late = self.lost(Way::Anew, clear, returned);
        expect(late == 0, || wrong(&format!("{late} new connections lost after the removal")))?;
        expect(self.lost(Way::Kept, died - WARM_UP, died - SETTLE * 3) == 0, || {
            wrong("requests lost before the death")
        })?;
        let (victims, broken, resumed) = (self.on_the_victim(), self.broken(), self.resumed());
        let seen = format!("{victims} connections on the server, {broken:?} broke, {resumed} went on");
        expect(victims > 0, || wrong(&seen))?;
        let ends = matches!(self.cell.mode, "reset" | "reselect");
        if self.death == Death::Process {
            // Its kernel has told the clients; they came to others.
            expect(broken.len() >= victims, || wrong(&seen))?;
            let late = self.lost(Way::Kept, clear, returned);
            expect(late == 0, || wrong(&format!("{late} requests on new kept connections lost")))?;
        } else if ends {
            let all = broken.len() == victims && broken.iter().all(|kind| *kind == ErrorKind::ConnectionReset);
            expect(all && resumed == 0, || wrong(&seen))?;
        } else {
            expect(broken.is_empty() && resumed == victims, || wrong(&seen))?;
        }
        let datagrams = self.lost(Way::Datagrams, clear, returned);
        expect((datagrams == 0) == ends, || wrong(&format!("{datagrams} datagrams lost after the removal")))
    }
}

fn report(
    death: Death,
    balancer: &Suimon,
    times: &Times,
    cells: &[Cell],
    clients: &[Client],
    asked: &[Asked],
) -> Result<()> {
    let removal = times.removed - times.died;
    let what = if death == Death::Process { "processes killed" } else { "NICs down" };
    println!("\n{what}: removed after {} ms; requests asked, lost (of these after the removal)", removal.as_millis());
    let titles = ["method", "mode", "new connections", "kept connections", "on it: broke, went on", "datagrams"];
    let [method, mode, anew, kept, fate, datagrams] = titles;
    println!("{method:<12} {mode:<9} {anew:>17} {kept:>17} {fate:>22} {datagrams:>17}");
    for cell in cells {
        let told = Told { death, times, cell, clients, asked };
        let column = |way: Way| {
            let after = told.lost(way, times.clear, times.returned);
            format!("{:>6} {:>4} ({after:>3})", told.of(way).count(), told.lost_in_all(way))
        };
        let kept = format!("{}: {}, {}", told.on_the_victim(), told.broken().len(), told.resumed());
        let (method, mode) = (cell.method.name(), cell.mode);
        println!(
            "{method:<12} {mode:<9} {:>17} {:>17} {kept:>22} {:>17}",
            column(Way::Anew),
            column(Way::Kept),
            column(Way::Datagrams)
        );
    }
    for counter in ["flows_down", "flows_reselected", "resets_sent", "drops.backend_down"] {
        print!("{counter} {}  ", balancer.total(counter)?);
    }
    println!();
    Ok(())
}
