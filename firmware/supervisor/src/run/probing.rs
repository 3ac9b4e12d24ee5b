//! Carries out what the node wants to be asked: starts the processes that ask, and starts them again when they end.

mod hops;
mod process;
mod roads;

use super::bell::Bell;
use config::{CheckKind, Probe, Probing as Limits};
use control::health::{Checked, ProbeId};
use hops::Hops;
use net::Now;
use probe::{Hop, HopAnswer, Outcome, Report, Request};
use process::{Heard, Process, Setting, What};
use roads::Road;
pub use roads::Roads;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// Reports that wait for the control loop; more wait in the socket, and then in the process.
const HEARD_MAX: usize = 4_096;
/// Wait before a process that ended is started again: doubled each time, up to the second.
const RESTART_GAP: Duration = Duration::from_millis(200);
const RESTART_GAP_MAX: Duration = Duration::from_secs(10);
/// A process that ran so long is not one that fails to start.
const SETTLED: Duration = Duration::from_secs(30);
/// Numbers of single runs begin here; those of probes stay below.
const ONCE_FROM: u64 = 1 << 63;
/// Single runs under way at once.
pub const ONCE_MAX: usize = 4_096;

/// The two processes: to run a program is a right that whoever reads servers' answers does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Asks,
    RunsPrograms,
}

impl Which {
    fn of(probe: &Probe) -> Self {
        if probe.question.kind() == CheckKind::External { Self::RunsPrograms } else { Self::Asks }
    }
}

/// The latest answers to a probe.
#[derive(Clone, Debug)]
pub struct Answers {
    /// When the last one came.
    pub at: Now,
    /// The last one. Where it repeats the one before but for its time, its transcript is that of the first.
    pub last: Outcome,
    /// The last failure, and when.
    pub failure: Option<(Now, Outcome)>,
}

/// What a step brought to light.
pub enum News {
    /// An answer.
    Checked(ProbeId, Checked),
    /// A process is gone, and the answers with it.
    Lost,
}

/// All that is asked.
#[derive(Debug)]
pub struct Probing {
    wanted: BTreeMap<ProbeId, Arc<Probe>>,
    answers: BTreeMap<ProbeId, Answers>,
    once: BTreeMap<u64, Single>,
    once_next: u64,
    hops: Hops,
    roads: Roads,
    runs: [Runs; 2],
    heard: Receiver<Heard>,
    tell: SyncSender<Heard>,
    bell: Bell,
    seed: u64,
    limits: Limits,
}

/// A single run that somebody waits for.
#[derive(Debug)]
struct Single {
    probe: Arc<Probe>,
    reply: oneshot::Sender<Outcome>,
    /// What was made for it.
    road: Option<Road>,
}

#[derive(Debug)]
struct Runs {
    process: Option<Process>,
    started: u64,
    since: Now,
    /// Not before.
    due: Option<Now>,
    gap: Duration,
}

impl Default for Runs {
    fn default() -> Self {
        Self { process: None, started: 0, since: Now::default(), due: None, gap: RESTART_GAP }
    }
}

impl Probing {
    /// Nothing is asked yet. `bell` is rung for every report.
    pub fn new(bell: Bell, seed: u64, limits: Limits) -> Self {
        let (tell, heard) = sync_channel(HEARD_MAX);
        Self {
            wanted: BTreeMap::new(),
            answers: BTreeMap::new(),
            once: BTreeMap::new(),
            once_next: ONCE_FROM,
            hops: Hops::default(),
            roads: Roads::default(),
            runs: [Runs::default(), Runs::default()],
            heard,
            tell,
            bell,
            seed,
            limits,
        }
    }

    /// Asks from now on; what has the number already is asked anew.
    pub fn start(&mut self, now: Now, id: ProbeId, probe: Arc<Probe>) {
        let which = Which::of(&probe);
        let mark = Road::of(&probe).and_then(|road| self.roads.join(now, road));
        let request = set(id, &probe, mark);
        // Joined before the other leaves: the road may be the same.
        if let Some(road) = self.wanted.insert(id, probe).and_then(|before| Road::of(&before)) {
            self.roads.leave(road);
        }
        self.ask(now, which, request);
    }

    /// Asks no more.
    pub fn stop(&mut self, now: Now, id: ProbeId) {
        self.answers.remove(&id);
        if let Some(probe) = self.wanted.remove(&id) {
            Road::of(&probe).into_iter().for_each(|road| self.roads.leave(road));
            self.ask(now, Which::of(&probe), Request::Remove { id: probe::ProbeId(id.0) });
        }
    }

    /// Asks once. The receiver hears nothing when too much is asked at once, or the process ends.
    pub fn once(&mut self, now: Now, probe: Probe) -> oneshot::Receiver<Outcome> {
        let (reply, answer) = oneshot::channel();
        // Whoever gave up makes room.
        self.forget_once(|single| single.reply.is_closed());
        if self.once.len() < ONCE_MAX {
            let (id, which, probe) = (self.once_next, Which::of(&probe), Arc::new(probe));
            self.once_next += 1;
            let road = Road::of(&probe);
            let mark = road.and_then(|road| self.roads.join(now, road));
            let request = once(id, &probe, mark);
            self.once.insert(id, Single { probe, reply, road });
            self.ask(now, which, request);
        }
        answer
    }

    /// Tries one step of the way to an address. The receiver hears nothing when the process ends.
    pub fn hop(&mut self, now: Now, hop: Hop) -> oneshot::Receiver<HopAnswer> {
        let (request, answer) = self.hops.add(hop);
        self.ask(now, Which::Asks, request);
        answer
    }

    fn forget_one(&mut self, id: u64) -> Option<oneshot::Sender<Outcome>> {
        let Single { reply, road, .. } = self.once.remove(&id)?;
        road.into_iter().for_each(|road| self.roads.leave(road));
        Some(reply)
    }

    /// What was made for single runs goes with them.
    fn forget_once(&mut self, mut which: impl FnMut(&Single) -> bool) {
        for (_, once) in self.once.extract_if(.., |_, once| which(once)) {
            once.road.into_iter().for_each(|road| self.roads.leave(road));
        }
    }

    /// Takes other limits. Processes that run under the former ones are started anew.
    pub fn set_limits(&mut self, now: Now, limits: &Limits) {
        if *limits == self.limits {
            return;
        }
        self.limits = limits.clone();
        for which in [Which::Asks, Which::RunsPrograms] {
            if self.runs[which as usize].process.is_some() {
                self.end(which);
                self.begin(now, which);
            }
        }
    }

    /// What is known by a probe.
    pub fn answers(&self, id: ProbeId) -> Option<&Answers> {
        self.answers.get(&id)
    }

    /// When a process is to be started again, or something looked after.
    pub fn next_deadline(&self) -> Option<Now> {
        self.runs.iter().filter_map(|runs| runs.due).chain(self.roads.next_deadline()).min()
    }

    /// Starts again what is due.
    pub fn tick(&mut self, now: Now) {
        self.roads.tick(now);
        for which in [Which::Asks, Which::RunsPrograms] {
            if self.runs[which as usize].due.is_some_and(|due| due <= now) {
                self.begin(now, which);
            }
        }
    }

    /// Something that a process reported; `None`: nothing more just now.
    pub fn hear(&mut self, now: Now) -> Option<News> {
        loop {
            let Heard { which, number, what } = self.heard.try_recv().ok()?;
            let runs = &self.runs[which as usize];
            if runs.process.as_ref().is_none_or(|process| process.number != number) {
                continue;
            }
            match what {
                What::Report(report) => {
                    if let Some(news) = self.report(now, report) {
                        return Some(news);
                    }
                }
                What::Ended(how) => {
                    self.lose(now, which, &how);
                    return Some(News::Lost);
                }
            }
        }
    }

    /// Ends all processes.
    pub fn end_all(&mut self) {
        for which in [Which::Asks, Which::RunsPrograms] {
            self.end(which);
        }
    }

    fn report(&mut self, now: Now, report: Report) -> Option<News> {
        match report {
            Report::Done { id, outcome } if id.0 >= ONCE_FROM => {
                if let Some(reply) = self.forget_one(id.0) {
                    // Whoever asked may have given up.
                    let _ = reply.send(*outcome);
                }
                None
            }
            Report::Done { id, outcome } => self.answered(now, ProbeId(id.0), *outcome),
            Report::Same { id, latency_us } => {
                let last = self.answers.get(&ProbeId(id.0))?.last.clone();
                self.answered(now, ProbeId(id.0), Outcome { latency_us, ..last })
            }
            Report::Hop { id, answer } => {
                self.hops.ended(id, answer);
                None
            }
            Report::Counters(_) => None,
        }
    }

    fn answered(&mut self, now: Now, id: ProbeId, outcome: Outcome) -> Option<News> {
        // It may have been on its way when the probe was stopped.
        if !self.wanted.contains_key(&id) {
            return None;
        }
        let failure = if outcome.passed {
            self.answers.remove(&id).and_then(|answers| answers.failure)
        } else {
            Some((now, outcome.clone()))
        };
        // That this box could not ask says nothing about the server.
        let news = (!outcome.not_asked).then(|| {
            let text = if outcome.passed { String::new() } else { outcome.reason.clone() };
            News::Checked(id, Checked { at: now, passed: outcome.passed, weight: outcome.weight_percent, text })
        });
        self.answers.insert(id, Answers { at: now, last: outcome, failure });
        news
    }

    fn ask(&mut self, now: Now, which: Which, request: Request) {
        let runs = &mut self.runs[which as usize];
        match &runs.process {
            Some(process) if process.ask(request) => {}
            Some(_) => self.lose(now, which, "it does not keep up with what is asked of it"),
            // It is asked everything that is wanted when it starts, single runs included.
            None if runs.due.is_some() => {}
            None => self.begin(now, which),
        }
    }

    fn begin(&mut self, now: Now, which: Which) {
        let programs = self.limits.programs_folder.as_ref().map(PathBuf::from);
        let setting = Setting {
            in_flight_max: self.limits.in_flight_max,
            seed: self.seed,
            programs: programs.filter(|_| which == Which::RunsPrograms),
        };
        let runs = &mut self.runs[which as usize];
        runs.due = None;
        runs.started += 1;
        runs.since = now;
        match Process::start(which, runs.started, &setting, self.tell.clone(), self.bell.clone()) {
            Ok(process) => {
                for (id, probe) in self.wanted.iter().filter(|(_, probe)| Which::of(probe) == which) {
                    let mark = Road::of(probe).and_then(|road| self.roads.mark(road));
                    process.ask(set(*id, probe, mark));
                }
                for (id, single) in self.once.iter().filter(|(_, single)| Which::of(&single.probe) == which) {
                    let mark = single.road.and_then(|road| self.roads.mark(road));
                    process.ask(once(*id, &single.probe, mark));
                }
                if which == Which::Asks {
                    for request in self.hops.requests() {
                        process.ask(request);
                    }
                }
                runs.process = Some(process);
            }
            Err(error) => {
                tracing::error!(%error, "the process that asks servers does not start");
                self.begin_later(now, which);
            }
        }
    }

    fn lose(&mut self, now: Now, which: Which, why: &str) {
        let how = self.end(which);
        tracing::error!(why, how, "the process that asks servers is lost");
        self.begin_later(now, which);
    }

    fn begin_later(&mut self, now: Now, which: Which) {
        let runs = &mut self.runs[which as usize];
        if now.since(runs.since) >= SETTLED {
            runs.gap = RESTART_GAP;
        }
        runs.due = Some(now + runs.gap);
        runs.gap = (runs.gap * 2).min(RESTART_GAP_MAX);
    }

    fn end(&mut self, which: Which) -> String {
        // Whoever waits for a single run hears that there will be no answer.
        self.forget_once(|_| true);
        if which == Which::Asks {
            self.hops.forget();
        }
        self.runs[which as usize].process.take().map(Process::end).unwrap_or_default()
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.end_all();
    }
}

fn once(id: u64, probe: &Arc<Probe>, mark: Option<u32>) -> Request {
    Request::Once { id: probe::ProbeId(id), probe: Box::new(Probe::clone(probe)), mark }
}

fn set(id: ProbeId, probe: &Arc<Probe>, mark: Option<u32>) -> Request {
    Request::Set { id: probe::ProbeId(id.0), probe: Box::new(Probe::clone(probe)), mark }
}
