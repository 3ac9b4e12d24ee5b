//! Runs probes: each at its interval, never twice at once, no more at once than agreed.

use crate::protocol::{Counters, LineReader, ProbeId, ProtocolError, Report, Request, line_of};
use crate::schedule::{Schedule, first_delay, intervals_since};
use crate::{Hop, HopAnswer, Outcome, hop, run};
use config::Probe;
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Requests read ahead of being carried out.
const REQUESTS_AHEAD_MAX: usize = 1_024;
/// Runs that are begun or reported before requests are looked at again.
const BATCH_MAX: usize = 256;

/// Steps of ways to addresses under way at once.
const HOPS_MAX: usize = 256;

/// Times of removed probes that the schedule may hold beyond as many as there are probes.
const STALE_MAX: usize = 1_024;

/// How probes are run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Runs under way at once. What is due beyond that waits; what has waited for a whole interval is counted.
    pub in_flight_max: usize,
    /// Decides when each probe first runs within its interval.
    pub seed: u64,
}

/// Carries out requests until the other side ends. Everything under way ends with it.
pub async fn serve<R, W>(reader: R, mut writer: W, settings: Settings) -> Result<(), ProtocolError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Unpin,
{
    let (sender, mut requests) = mpsc::channel(REQUESTS_AHEAD_MAX);
    let mut reading = JoinSet::new();
    reading.spawn(read_requests(LineReader::new(BufReader::new(reader)), sender));
    let mut runner = Runner::new(settings);
    loop {
        let due = runner.schedule.next().filter(|_| runner.has_room());
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => runner.handle(request?, Instant::now()),
                None => return Ok(()),
            },
            Some(ended) = runner.runs.join_next_with_id() => runner.ended(ended),
            Some(ended) = runner.hops.join_next() => runner.hop_ended(ended),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        runner.reap();
        runner.start_due(Instant::now());
        if !runner.reports.is_empty() {
            writer.write_all(&runner.reports).await?;
            writer.flush().await?;
            runner.reports.clear();
        }
    }
}

async fn read_requests<R: AsyncRead + Unpin>(
    mut reader: LineReader<BufReader<R>>,
    sender: mpsc::Sender<Result<Request, ProtocolError>>,
) {
    while let Some(request) = reader.next().await.transpose() {
        let failed = request.is_err();
        if sender.send(request).await.is_err() || failed {
            return;
        }
    }
}

struct Runner {
    settings: Settings,
    probes: HashMap<ProbeId, Kept>,
    schedule: Schedule,
    runs: JoinSet<Outcome>,
    /// Whose runs those are.
    running: HashMap<Id, Running>,
    hops: JoinSet<(ProbeId, HopAnswer)>,
    generation: u64,
    counters: Counters,
    reports: Vec<u8>,
}

/// A probe that is run again and again.
struct Kept {
    probe: Box<Probe>,
    mark: Option<u32>,
    generation: u64,
    /// Its run under way.
    run: Option<AbortHandle>,
    /// What it said last.
    last: Option<Outcome>,
}

/// A run under way. Without `due` it is a single one.
#[derive(Clone, Copy)]
struct Running {
    id: ProbeId,
    generation: u64,
    due: Option<Instant>,
}

impl Runner {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            probes: HashMap::new(),
            schedule: Schedule::default(),
            runs: JoinSet::new(),
            running: HashMap::new(),
            hops: JoinSet::new(),
            generation: 0,
            counters: Counters::default(),
            reports: Vec::new(),
        }
    }

    fn handle(&mut self, request: Request, now: Instant) {
        match request {
            Request::Set { id, probe, mark } => self.set(id, probe, mark, now),
            Request::Remove { id } => self.remove(id),
            Request::Once { id, probe, mark } => self.once(id, probe, mark),
            Request::Hop { id, hop } => self.hop(id, hop),
            Request::Count => self.report(&Report::Counters(self.counted(now))),
        }
    }

    fn set(&mut self, id: ProbeId, probe: Box<Probe>, mark: Option<u32>, now: Instant) {
        if self.probes.get(&id).is_some_and(|kept| kept.probe == probe && kept.mark == mark) {
            return;
        }
        self.remove(id);
        self.generation += 1;
        let generation = self.generation;
        let delay = first_delay(id, self.settings.seed, interval(&probe));
        self.probes.insert(id, Kept { probe, mark, generation, run: None, last: None });
        self.schedule.add(now + delay, id, generation);
        if self.schedule.len() > 2 * self.probes.len() + STALE_MAX {
            let probes = &self.probes;
            self.schedule.keep(|id, generation| probes.get(&id).is_some_and(|kept| kept.generation == generation));
        }
    }

    fn remove(&mut self, id: ProbeId) {
        if let Some(run) = self.probes.remove(&id).and_then(|kept| kept.run) {
            run.abort();
        }
    }

    fn once(&mut self, id: ProbeId, probe: Box<Probe>, mark: Option<u32>) {
        if !self.has_room() {
            self.counters.missed_busy += 1;
            let reason = format!("not asked: {} checks are under way already", self.running.len());
            self.report(&Report::Done { id, outcome: Box::new(Outcome::impossible(reason)) });
            return;
        }
        let run = self.runs.spawn(async move { run(&probe, mark).await });
        self.running.insert(run.id(), Running { id, generation: 0, due: None });
    }

    fn hop(&mut self, id: ProbeId, hop: Hop) {
        if self.hops.len() >= HOPS_MAX {
            let answer = HopAnswer::impossible(format!("{HOPS_MAX} steps are under way already"));
            self.report(&Report::Hop { id, answer });
            return;
        }
        self.hops.spawn(async move { (id, hop::run(&hop).await) });
    }

    fn hop_ended(&mut self, ended: Result<(ProbeId, HopAnswer), JoinError>) {
        match ended {
            Ok((id, answer)) => self.report(&Report::Hop { id, answer }),
            // Whoever waits for it hears of no answer when its time is over.
            Err(_) => self.counters.broken += 1,
        }
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.settings.in_flight_max
    }

    /// Begins what is due, what has waited longest first.
    fn start_due(&mut self, now: Instant) {
        for _ in 0..BATCH_MAX {
            if !self.has_room() {
                return;
            }
            let Some((due, id, generation)) = self.schedule.take(now) else { return };
            let Some(kept) = self.probes.get_mut(&id).filter(|kept| kept.generation == generation) else { continue };
            let missed = intervals_since(due, interval(&kept.probe), now);
            self.counters.missed_busy += u64::from(missed);
            let due = due + interval(&kept.probe) * missed;
            let (probe, mark) = (kept.probe.clone(), kept.mark);
            let task = self.runs.spawn(async move { run(&probe, mark).await });
            self.running.insert(task.id(), Running { id, generation, due: Some(due) });
            kept.run = Some(task);
        }
    }

    /// The counters, with the runs missed so far by probes that wait for room.
    fn counted(&self, now: Instant) -> Counters {
        let waiting = self.schedule.due(now).filter_map(|(due, id, generation)| {
            let kept = self.probes.get(&id).filter(|kept| kept.generation == generation)?;
            Some(u64::from(intervals_since(due, interval(&kept.probe), now)))
        });
        Counters {
            missed_busy: self.counters.missed_busy + waiting.sum::<u64>(),
            in_flight: self.running.len() as u64,
            probes: self.probes.len() as u64,
            ..self.counters
        }
    }

    /// Reports the runs that ended meanwhile.
    fn reap(&mut self) {
        for _ in 0..BATCH_MAX {
            let Some(ended) = self.runs.try_join_next_with_id() else { return };
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (task, outcome) = match ended {
            Ok((task, outcome)) => (task, Some(outcome)),
            Err(error) if error.is_cancelled() => (error.id(), None),
            Err(error) => {
                self.counters.broken += 1;
                (error.id(), Some(Outcome::impossible("an error of this program ended the check".to_owned())))
            }
        };
        let Some(running) = self.running.remove(&task) else { return };
        let Some(outcome) = outcome else { return };
        self.count(&outcome);
        match running.due {
            None => self.report(&Report::Done { id: running.id, outcome: Box::new(outcome) }),
            Some(due) => self.done(running, due, outcome),
        }
    }

    fn count(&mut self, outcome: &Outcome) {
        *(if outcome.passed { &mut self.counters.passed } else { &mut self.counters.failed }) += 1;
        self.counters.deadlines_passed += u64::from(outcome.deadline_passed);
        self.counters.not_asked += u64::from(outcome.not_asked);
    }

    fn done(&mut self, running: Running, due: Instant, outcome: Outcome) {
        let Running { id, generation, .. } = running;
        // It may have been removed or replaced after it ended and before it was joined.
        let Some(kept) = self.probes.get_mut(&id).filter(|kept| kept.generation == generation) else { return };
        kept.run = None;
        let missed = intervals_since(due, interval(&kept.probe), Instant::now());
        self.counters.missed_late += u64::from(missed);
        self.schedule.add(due + interval(&kept.probe) * (missed + 1), id, generation);
        let same = outcome.passed && kept.last.as_ref().is_some_and(|last| last.says_the_same(&outcome));
        let report = if same {
            Report::Same { id, latency_us: outcome.latency_us }
        } else {
            kept.last = Some(outcome.clone());
            Report::Done { id, outcome: Box::new(outcome) }
        };
        self.report(&report);
    }

    fn report(&mut self, report: &Report) {
        self.reports.extend_from_slice(&line_of(report));
    }
}

fn interval(probe: &Probe) -> Duration {
    Duration::from_millis(u64::from(probe.question.interval_ms))
}
