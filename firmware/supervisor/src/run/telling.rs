//! What the box tells people and other machines: alerts, and the log by syslog. A thread of its own with a runtime of its
//! own, so that a mail server that hangs keeps neither packets nor the API waiting. Whoever has something to tell puts it
//! into a bounded queue and goes on; what does not fit is counted.

use super::happenings::Happenings;
use api::Happening;
use config::{Alerts, Config, Syslog};
use drivers::clock;
use manage::alerts::outbox::{Outbox, Patience};
use manage::alerts::{Digest, Event, Sending};
use manage::reach::Names;
use manage::syslog::{Backoff, Record, Senders};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Events that wait for the thread at most; destinations have queues of their own.
const EVENTS_WAITING_MAX: usize = 1_024;
/// Log lines that wait for the thread at most. Apart from events: a flood of lines pushes no alert out.
const LINES_WAITING_MAX: usize = 4_096;
/// Lines sent before others get their turn.
const LINES_PER_TURN_MAX: usize = 256;
/// What is being sent gets this long to end when the node stops.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// Who is told what.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wanted {
    alerts: Alerts,
    syslog: Syslog,
}

impl Wanted {
    fn of(config: &Config) -> Self {
        Self { alerts: config.alerts.clone(), syslog: config.syslog.clone() }
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
        let counters = outbox.counters();
        Self {
            alerts_sent: counters.sent.load(Relaxed),
            alert_tries_failed: counters.failed_tries.load(Relaxed),
            alerts_lost: counters.full.load(Relaxed) + counters.given_up.load(Relaxed),
            ..Self::default()
        }
    }

    fn of_senders(senders: &Senders) -> Self {
        senders.counters().fold(Self::default(), |sum, (_, counters)| Self {
            lines_sent: sum.lines_sent + counters.sent.load(Relaxed),
            lines_lost: sum.lines_lost + counters.lost.load(Relaxed),
            ..sum
        })
    }
}

/// Has something told. Clones feed the same thread; none of the calls waits.
#[derive(Clone, Debug)]
pub struct Teller {
    events: mpsc::Sender<Event>,
    lines: mpsc::Sender<Record>,
    questions: mpsc::Sender<oneshot::Sender<Counts>>,
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
    questions: mpsc::Receiver<oneshot::Sender<Counts>>,
    wanted: watch::Receiver<Arc<Wanted>>,
}

/// The queues, with nobody to tell yet. What is put in before the thread starts waits for it.
pub fn queues() -> (Teller, Inlets) {
    let (events, events_out) = mpsc::channel(EVENTS_WAITING_MAX);
    let (lines, lines_out) = mpsc::channel(LINES_WAITING_MAX);
    let (questions, questions_out) = mpsc::channel(1);
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
        let (reply, answer) = oneshot::channel();
        self.questions.try_send(reply).ok()?;
        let counts = answer.await.ok()?;
        let lost = Counts {
            alerts_lost: self.lost.events.load(Relaxed),
            lines_lost: self.lost.lines.load(Relaxed),
            ..Counts::default()
        };
        Some(counts.plus(lost))
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
                Some(reply) = inlets.questions.recv() => {
                    // Whoever asked may have given up.
                    let _ = reply.send(self.counts());
                }
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
        self.wanted = wanted;
    }

    fn handle(&mut self, event: &Event) {
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
