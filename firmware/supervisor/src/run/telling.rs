//! What the box tells people and other machines: alerts, and the log by syslog. A thread of its own with a runtime of its
//! own, so that a mail server that hangs keeps neither packets nor the API waiting. Whoever has something to tell puts it
//! into a bounded queue and goes on; what does not fit is counted.

mod shown;

use super::happenings::Happenings;
use api::{AlertTest, AlertTested, Happening, TestOutcome};
use config::{AlertKind, Alerts, Config, Syslog};
use drivers::clock;
use jiff::Timestamp;
use manage::alerts::message::Message;
use manage::alerts::outbox::{Outbox, Patience};
use manage::alerts::recent::Recent;
use manage::alerts::{Digest, Event, Sending};
use manage::reach::Names;
use manage::syslog::{Backoff, Record, Senders, Severity};
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

/// Events that wait for the thread at most; destinations have queues of their own.
const EVENTS_WAITING_MAX: usize = 1_024;
/// Log lines that wait for the thread at most. Apart from events: a flood of lines pushes no alert out.
const LINES_WAITING_MAX: usize = 4_096;
/// Lines sent before others get their turn.
const LINES_PER_TURN_MAX: usize = 256;
/// Questions that wait for the thread at most.
const QUESTIONS_WAITING_MAX: usize = 16;
/// Tests of destinations at once: each may hold a connection for a minute.
const TESTS_AT_ONCE_MAX: usize = 2;
/// What is being sent gets this long to end when the node stops.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// Who is told what.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wanted {
    alerts: Alerts,
    syslog: Syslog,
    /// What alerts can be about: services, backends and NICs.
    subjects: HashSet<String>,
}

impl Wanted {
    fn of(config: &Config) -> Self {
        let backends = config.services.iter().flat_map(|service| {
            service.backends.iter().map(move |backend| format!("{}/{}", service.name, backend.name))
        });
        let services = config.services.iter().map(|service| service.name.clone());
        let nics = config.nics.iter().map(|nic| nic.name.clone());
        let subjects = backends.chain(services).chain(nics).collect();
        Self { alerts: config.alerts.clone(), syslog: config.syslog.clone(), subjects }
    }
}

/// What became of alerts and lines since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that destinations took.
    pub alerts_sent: u64,
    /// Tries that failed.
    pub alert_tries_failed: u64,
    /// Events that found the queue full, and messages that were not taken in or given up.
    pub alerts_lost: u64,
    /// Lines handed to the network.
    pub lines_sent: u64,
    /// Lines that found a queue full.
    pub lines_lost: u64,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            alerts_sent: self.alerts_sent + other.alerts_sent,
            alert_tries_failed: self.alert_tries_failed + other.alert_tries_failed,
            alerts_lost: self.alerts_lost + other.alerts_lost,
            lines_sent: self.lines_sent + other.lines_sent,
            lines_lost: self.lines_lost + other.lines_lost,
        }
    }

    fn of_outbox(outbox: &Outbox) -> Self {
        outbox.counters().fold(Self::default(), |sum, (_, counters)| Self {
            alerts_sent: sum.alerts_sent + counters.sent.load(Relaxed),
            alert_tries_failed: sum.alert_tries_failed + counters.failed_tries.load(Relaxed),
            alerts_lost: sum.alerts_lost + counters.full.load(Relaxed) + counters.given_up.load(Relaxed),
            ..sum
        })
    }

    fn of_senders(senders: &Senders) -> Self {
        senders.counters().fold(Self::default(), |sum, (_, counters)| Self {
            lines_sent: sum.lines_sent + counters.sent.load(Relaxed),
            lines_lost: sum.lines_lost + counters.lost.load(Relaxed),
            ..sum
        })
    }
}

/// What the thread is asked.
#[derive(Debug)]
enum Question {
    Counts(oneshot::Sender<Counts>),
    Alerts(oneshot::Sender<api::Alerts>),
    Test(AlertTest, oneshot::Sender<Result<AlertTested, Untested>>),
}

/// Why a destination is not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untested {
    /// There is none of this name that can be used.
    Missing,
    /// Others are tested, or the thread does not answer.
    Busy,
}

/// Has something told. Clones feed the same thread; none of the calls waits.
#[derive(Clone, Debug)]
pub struct Teller {
    events: mpsc::Sender<Event>,
    lines: mpsc::Sender<Record>,
    questions: mpsc::Sender<Question>,
    wanted: watch::Sender<Arc<Wanted>>,
    lost: Arc<Lost>,
    happenings: Happenings,
}

#[derive(Debug, Default)]
struct Lost {
    events: AtomicU64,
    lines: AtomicU64,
}

/// Where the thread hears from its [`Teller`]s.
#[derive(Debug)]
pub struct Inlets {
    events: mpsc::Receiver<Event>,
    lines: mpsc::Receiver<Record>,
    questions: mpsc::Receiver<Question>,
    wanted: watch::Receiver<Arc<Wanted>>,
}

/// The queues, with nobody to tell yet. What is put in before the thread starts waits for it.
pub fn queues() -> (Teller, Inlets) {
    let (events, events_out) = mpsc::channel(EVENTS_WAITING_MAX);
    let (lines, lines_out) = mpsc::channel(LINES_WAITING_MAX);
    let (questions, questions_out) = mpsc::channel(QUESTIONS_WAITING_MAX);
    let (wanted, wanted_out) = watch::channel(Arc::default());
    let happenings = Happenings::new(clock::unix_s());
    let teller = Teller { events, lines, questions, wanted, lost: Arc::default(), happenings };
    (teller, Inlets { events: events_out, lines: lines_out, questions: questions_out, wanted: wanted_out })
}

impl Teller {
    /// Something happened that people may want to be called for.
    pub fn event(&self, event: Event) {
        self.happened(&event.kind.to_string(), event.subject.clone(), event.cause.clone());
        if self.events.try_send(event).is_err() {
            self.lost.events.fetch_add(1, Relaxed);
        }
    }

    /// Something happened that nobody has to be called for: it is told to those who listen.
    pub fn happened(&self, kind: &str, subject: String, cause: String) {
        self.happenings.add(Happening { unix_s: clock::unix_s(), kind: kind.to_owned(), subject, cause });
    }

    /// What happened of late.
    pub fn happenings(&self) -> &Happenings {
        &self.happenings
    }

    /// Something was logged.
    pub fn line(&self, record: Record) {
        if self.lines.try_send(record).is_err() {
            self.lost.lines.fetch_add(1, Relaxed);
        }
    }

    /// Who is told from now on. What happens after this call is told by these rules.
    pub fn set(&self, config: &Config) {
        let next = Wanted::of(config);
        self.wanted.send_if_modified(|wanted| {
            let changed = **wanted != next;
            if changed {
                *wanted = Arc::new(next);
            }
            changed
        });
    }

    /// What became of what was told so far; `None` when the thread does not answer.
    pub async fn counts(&self) -> Option<Counts> {
        let counts = self.ask(Question::Counts).await?;
        let lost = Counts {
            alerts_lost: self.lost.events.load(Relaxed),
            lines_lost: self.lost.lines.load(Relaxed),
            ..Counts::default()
        };
        Some(counts.plus(lost))
    }

    /// Who is told, and what happened lately; `None` when the thread does not answer.
    pub async fn alerts(&self) -> Option<api::Alerts> {
        self.ask(Question::Alerts).await
    }

    /// Sends a test message. Whoever stops waiting does not stop it.
    pub async fn test(&self, test: AlertTest) -> Result<AlertTested, Untested> {
        self.ask(|reply| Question::Test(test, reply)).await.unwrap_or(Err(Untested::Busy))
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.questions.try_send(question(reply)).ok()?;
        answer.await.ok()
    }
}

/// The thread.
#[derive(Debug)]
pub struct Telling {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Telling {
    /// Tells from now on, as the node called `node` with its files in `data`.
    pub fn start(node: String, data: PathBuf, inlets: Inlets) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("telling".to_owned()).spawn(move || {
            runtime.block_on(async {
                let mut told = Told::new(node, data);
                told.run(inlets, stopped).await;
            });
            runtime.shutdown_timeout(STOP_LIMIT);
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends. What was told in the last moments is given a little time to go out.
    pub fn stop(self) {
        // It may have ended already.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the thread of alerts and syslog ended by a panic");
        }
    }
}

/// What the thread has.
struct Told {
    node: String,
    data: PathBuf,
    names: Names,
    begun: Instant,
    wanted: Arc<Wanted>,
    digest: Digest,
    outbox: Outbox,
    senders: Senders,
    recent: Recent,
    tests: Arc<Semaphore>,
    /// Of outboxes and senders that others took the place of.
    former: Counts,
}

impl Told {
    fn new(node: String, data: PathBuf) -> Self {
        let (names, wanted) = (Names::of_system(), Arc::<Wanted>::default());
        let (outbox, _) = Outbox::start(&wanted.alerts, &node, &data, &names, Patience::default());
        Self {
            digest: Digest::new(node.as_str(), &wanted.alerts),
            begun: Instant::now(),
            senders: Senders::default(),
            recent: Recent::default(),
            tests: Arc::new(Semaphore::new(TESTS_AT_ONCE_MAX)),
            former: Counts::default(),
            node,
            data,
            names,
            wanted,
            outbox,
        }
    }

    async fn run(&mut self, mut inlets: Inlets, mut stopped: oneshot::Receiver<()>) {
        self.renew(inlets.wanted.borrow_and_update().clone());
        let mut lines = Vec::new();
        loop {
            let deadline = self.digest.next_deadline().map(|due| self.begun + due);
            tokio::select! {
                // Settings first: what happened after a change is told by its rules.
                biased;
                Ok(()) = inlets.wanted.changed() => {
                    let wanted = inlets.wanted.borrow_and_update().clone();
                    self.renew(wanted);
                }
                Some(event) = inlets.events.recv() => self.handle(&event),
                () = at(deadline) => self.expire(),
                Some(question) = inlets.questions.recv() => self.answer(question),
                1.. = inlets.lines.recv_many(&mut lines, LINES_PER_TURN_MAX) => {
                    lines.drain(..).for_each(|line| self.senders.send(&line));
                }
                _ = &mut stopped => break,
            }
        }
        self.finish().await;
    }

    fn renew(&mut self, wanted: Arc<Wanted>) {
        let (node, data, names) = (&self.node, &self.data, &self.names);
        if wanted.alerts != self.wanted.alerts {
            let (outbox, unusable) = Outbox::start(&wanted.alerts, node, data, names, Patience::default());
            for (destination, error) in unusable {
                tracing::error!(destination, %error, "no alerts go there");
            }
            let former = std::mem::replace(&mut self.outbox, outbox);
            self.former = self.former.plus(Counts::of_outbox(&former));
            self.digest.set(&wanted.alerts);
        }
        if wanted.syslog != self.wanted.syslog {
            let (senders, unusable) = Senders::start(&wanted.syslog, node, data, names, Backoff::default());
            for (server, error) in unusable {
                tracing::error!(server, %error, "no syslog goes there");
            }
            let former = std::mem::replace(&mut self.senders, senders);
            self.former = self.former.plus(Counts::of_senders(&former));
        }
        self.recent.keep(|subject| wanted.subjects.contains(subject));
        self.wanted = wanted;
    }

    // Whoever asked may have given up.
    fn answer(&self, question: Question) {
        match question {
            Question::Counts(reply) => drop(reply.send(self.counts())),
            Question::Alerts(reply) => {
                let _ = reply.send(shown::alerts(&self.wanted, &self.outbox, &self.senders, &self.recent));
            }
            Question::Test(AlertTest::Alert(name), reply) => self.test_alert(name, reply),
            Question::Test(AlertTest::Syslog(name), reply) => {
                let text = format!("this is a test for {name}: nothing happened");
                let record = Record { at: Timestamp::now(), severity: Severity::Info, kind: "test".to_owned(), text };
                let taken = self.senders.send_to(&name, record);
                let _ = reply.send(if taken { Ok(AlertTested::default()) } else { Err(Untested::Missing) });
            }
        }
    }

    fn test_alert(&self, name: String, reply: oneshot::Sender<Result<AlertTested, Untested>>) {
        let event =
            Event::new(AlertKind::Test, name.as_str(), "somebody tries whether alerts arrive", Timestamp::now());
        let message = Message::new(&self.node, vec![event], 0);
        let Some(attempt) = self.outbox.attempt(Sending { to: name, message }) else {
            let _ = reply.send(Err(Untested::Missing));
            return;
        };
        let Ok(place) = Arc::clone(&self.tests).try_acquire_owned() else {
            let _ = reply.send(Err(Untested::Busy));
            return;
        };
        tokio::spawn(async move {
            let tested = match attempt.await {
                Ok(()) => AlertTested { outcome: TestOutcome::Sent, reason: None },
                Err(error) => {
                    let reason = Some(manage::redact::text(&error.to_string()));
                    AlertTested { outcome: TestOutcome::Failed, reason }
                }
            };
            let _ = reply.send(Ok(tested));
            drop(place);
        });
    }

    fn handle(&mut self, event: &Event) {
        self.recent.push(event);
        let mut due = Vec::new();
        self.digest.handle(self.begun.elapsed(), event, &mut due);
        self.send(due);
    }

    fn expire(&mut self) {
        let mut due = Vec::new();
        self.digest.expire(self.begun.elapsed(), &mut due);
        self.send(due);
    }

    fn send(&self, due: Vec<Sending>) {
        due.into_iter().for_each(|sending| self.outbox.send(sending));
    }

    fn counts(&self) -> Counts {
        self.former.plus(Counts::of_outbox(&self.outbox)).plus(Counts::of_senders(&self.senders))
    }

    /// Servers that are there take what is in their queues within milliseconds; others are not waited for.
    async fn finish(&mut self) {
        tokio::time::sleep(if self.wanted.is_nobody() { Duration::ZERO } else { STOP_LIMIT }).await;
    }
}

impl Wanted {
    fn is_nobody(&self) -> bool {
        self.alerts.mails.is_empty() && self.alerts.webhooks.is_empty() && self.syslog.servers.is_empty()
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
