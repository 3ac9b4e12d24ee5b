//! The control loop: one thread that waits for the kernel, ARP, workers, requests, signals and time, gives each to the
//! node, and carries out what the node wants.

use super::alarms::HistoryTold;
use super::bell::Bell;
use super::console::Console;
use super::data::DataDir;
use super::endings::Endings;
use super::graphs::Graphs;
use super::local::LocalPair;
use super::meters::{self, Meters};
use super::probing::{News, Probing};
use super::revisions::InUse;
use super::shield::Claiming;
use super::telling::Teller;
use super::workers::Workers;
use crate::worker::Notice;
use arc_swap::ArcSwap;
use control::{Event, Node};
use drivers::arp_socket::{ArpSocket, FRAME_MAX};
use drivers::clock;
use drivers::netlink::{self, NeighborLimits, Netlink, Watch};
use engine::NicId;
use net::{Address, Now};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use store::Store;
use store::history::History;

/// How often the kernel is read again without a word from it: changes of routes are not told.
const KERNEL_READ_INTERVAL: Duration = Duration::from_secs(5);
/// How often flows are counted while somebody waits for their end.
const LOADS_INTERVAL: Duration = Duration::from_millis(500);
/// How often the ends of certificates are looked at.
const CERTIFICATES_INTERVAL: Duration = Duration::from_secs(60);
/// ARP frames taken from one NIC before others get their turn.
const ARP_PER_STEP_MAX: usize = 64;
/// Requests and notices taken before others get their turn.
const REQUESTS_PER_STEP_MAX: usize = 64;
/// Answers of servers taken before others get their turn.
const REPORTS_PER_STEP_MAX: usize = 256;

/// Something to be done by the control loop for another thread.
pub type Job = Box<dyn FnOnce(&mut Control) + Send>;

/// Why the loop ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody asked for it.
    Asked,
    /// Nothing can go on.
    Failed(String),
}

/// Everything the loop has.
pub struct Control {
    pub(super) node: Node,
    pub(super) netlink: Netlink,
    pub(super) claiming: Claiming,
    pub(super) workers: Workers,
    pub(super) local: LocalPair,
    pub(super) data: DataDir,
    pub(super) store: Store,
    pub(super) in_use: InUse,
    pub(super) meters: Meters,
    pub(super) probing: Probing,
    pub(super) arp: BTreeMap<NicId, ArpSocket>,
    pub(super) joined: BTreeSet<(NicId, Address)>,
    /// What carrying out something led to.
    pub(super) follow_up: VecDeque<Event>,
    pub(super) neighbors_stale: bool,
    pub(super) neighbor_limits: NeighborLimits,
    /// How long sessions last and when log-ins are locked, as the API's server reads it.
    pub(super) login_rules: Arc<ArcSwap<config::Api>>,
    /// Set when the store has other users, sessions and tokens than the API's server knows.
    pub(super) people_stale: Arc<AtomicBool>,
    /// Alerts and syslog.
    pub(super) teller: Teller,
    pub(super) endings: Endings,
    /// What the web role serves with.
    pub(super) console: Console,
    pub(super) history: History,
    pub(super) history_told: HistoryTold,
    pub(super) graphs: Graphs,
    pub(super) started: Now,
    /// Some sizes are those of the start.
    pub(super) started_with: config::Engine,
    pub(super) config_file: Option<PathBuf>,
    pub(super) inlets: Inlets,
    pub(super) due: Dues,
    /// What ended the loop before it began.
    pub(super) started_badly: Option<Ending>,
}

/// Where things come from.
pub struct Inlets {
    /// The kernel.
    pub watch: Watch,
    /// Other threads.
    pub bell: Bell,
    /// Workers.
    pub notices: Receiver<Notice>,
    /// The socket's server.
    pub jobs: Receiver<Job>,
    /// SIGTERM, SIGINT, SIGHUP.
    pub signals: SignalFd,
}

/// When the loop does something on its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dues {
    kernel: Now,
    loads: Now,
    meters: Now,
    certificates: Now,
}

impl Control {
    /// Runs until something ends it.
    pub fn run(&mut self) -> Ending {
        if let Some(ending) = self.started_badly.take() {
            return ending;
        }
        loop {
            if let Some(ending) = self.step(None) {
                return ending;
            }
        }
    }

    /// Waits for something, until `limit` at most, and deals with it.
    pub fn step(&mut self, limit: Option<Now>) -> Option<Ending> {
        let ready = match self.wait(limit) {
            Ok(ready) => ready,
            Err(error) => return Some(Ending::Failed(format!("wait for events: {error}"))),
        };
        if ready.watch
            && let Err(error) = self.hear_kernel()
        {
            return Some(Ending::Failed(error.to_string()));
        }
        for nic in ready.arp {
            self.hear_arp(nic);
        }
        if ready.bell {
            self.inlets.bell.silence();
        }
        if let Some(ending) = self.hear_workers() {
            return Some(ending);
        }
        self.hear_probes();
        self.do_jobs();
        self.do_what_is_due();
        if ready.signal { self.hear_signals() } else { None }
    }

    /// What asks servers.
    pub fn probing(&mut self) -> &mut Probing {
        &mut self.probing
    }

    /// Gives the node an event and carries out what follows.
    pub fn handle(&mut self, event: Event) {
        self.follow_up.push_back(event);
        while let Some(event) = self.follow_up.pop_front() {
            let mut actions = Vec::new();
            self.node.handle(clock::now(), event, &mut actions);
            for action in actions {
                self.carry_out(action);
            }
            if self.follow_up.is_empty() && std::mem::take(&mut self.neighbors_stale) {
                self.read_neighbors();
            }
        }
        self.settle_memberships();
    }

    fn wait(&self, limit: Option<Now>) -> nix::Result<Ready> {
        let confirm_by = self.in_use.confirm.map(|confirm| confirm.by);
        let regular = [Some(self.due.kernel), Some(self.due.meters), self.loads_due()];
        let deadline =
            [self.node.next_deadline(), self.probing.next_deadline(), limit, confirm_by].into_iter().chain(regular);
        let deadline = deadline.flatten().min().unwrap_or_default();
        let mut fds: Vec<PollFd<'_>> =
            [self.inlets.watch.as_fd(), self.inlets.bell.as_fd(), self.inlets.signals.as_fd()]
                .into_iter()
                .chain(self.arp.values().map(ArpSocket::as_fd))
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
                .collect();
        // Rounded up: a poll that ends just before the deadline would be repeated at once.
        let timeout = deadline.since(clock::now()) + Duration::from_micros(999);
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(false));
        let mut next = || ready.next().unwrap_or(false);
        let (watch, bell, signal) = (next(), next(), next());
        let arp = self.arp.keys().copied().filter(|_| next()).collect();
        Ok(Ready { watch, bell, signal, arp })
    }

    fn loads_due(&self) -> Option<Now> {
        self.node.awaits_loads().then_some(self.due.loads)
    }

    fn hear_kernel(&mut self) -> Result<(), netlink::NetlinkError> {
        let mut events = Vec::new();
        self.inlets.watch.receive(&mut events)?;
        let mut read_again = false;
        for event in events {
            match event {
                netlink::Event::Neighbor(neighbor) => {
                    self.handle(Event::Neighbor { link: neighbor.index, address: neighbor.address, mac: neighbor.mac })
                }
                netlink::Event::Overflow => {
                    read_again = true;
                    self.neighbors_stale = true;
                }
                _ => read_again = true,
            }
        }
        if read_again {
            self.read_kernel();
        }
        Ok(())
    }

    /// Reads links, addresses and routes and tells the node.
    pub(super) fn read_kernel(&mut self) {
        self.due.kernel = clock::now() + KERNEL_READ_INTERVAL;
        match super::kernel::read(&mut self.netlink) {
            Ok(kernel) => self.handle(Event::Kernel(kernel)),
            // It will be read again; what is known stays in force.
            Err(error) => tracing::warn!(%error, "kernel not read"),
        }
        self.read_neighbor_limits();
    }

    /// Nobody tells of changed sysctls.
    pub(super) fn read_neighbor_limits(&mut self) {
        match self.netlink.neighbor_limits() {
            Ok(limits) => self.neighbor_limits = limits,
            Err(error) => tracing::warn!(%error, "size of the neighbour tables not read"),
        }
    }

    // A neighbour that the kernel knew before we asked is no news to it, so it tells nothing.
    fn read_neighbors(&mut self) {
        match self.netlink.neighbors() {
            Ok(neighbors) => self.follow_up.extend(
                neighbors.into_iter().filter(|found| found.mac.is_some()).map(|found| Event::Neighbor {
                    link: found.index,
                    address: found.address,
                    mac: found.mac,
                }),
            ),
            Err(error) => tracing::warn!(%error, "neighbours not read"),
        }
    }

    fn hear_arp(&mut self, nic: NicId) {
        let mut buffer = [0; FRAME_MAX];
        for _ in 0..ARP_PER_STEP_MAX {
            let Some(socket) = self.arp.get(&nic) else { return };
            match socket.receive(&mut buffer) {
                Ok(Some(frame)) => {
                    let frame = frame.to_vec();
                    self.handle(Event::Arp { nic, frame });
                }
                Ok(None) => return,
                // The link is down or gone: the kernel says so too, and the NIC is closed then. The error itself is
                // taken from the socket by reading it.
                Err(error) => {
                    tracing::debug!(%error, %nic, "arp");
                    return;
                }
            }
        }
    }

    fn hear_workers(&mut self) -> Option<Ending> {
        for _ in 0..REQUESTS_PER_STEP_MAX {
            match self.inlets.notices.try_recv().ok()? {
                Notice::Engine(engine::engine::Event::NeighborWanted { nic, address }) => {
                    self.handle(Event::NeighborWanted { nic, address });
                }
                Notice::Engine(engine::engine::Event::AddressConflict { nic, address, mac }) => {
                    self.handle(Event::Conflict { nic, address, mac });
                }
                Notice::NicLost(nic) => self.handle(Event::NicLost { nic }),
                Notice::Ended { worker, reason } => {
                    return Some(Ending::Failed(format!("worker {worker} ended: {reason}")));
                }
            }
        }
        self.inlets.bell.ring();
        None
    }

    fn hear_probes(&mut self) {
        for _ in 0..REPORTS_PER_STEP_MAX {
            match self.probing.hear(clock::now()) {
                Some(News::Checked(probe, checked)) => self.handle(Event::Checked { probe, checked }),
                Some(News::Lost) => self.handle(Event::ProbesLost),
                None => return,
            }
        }
        self.inlets.bell.ring();
    }

    fn do_jobs(&mut self) {
        for _ in 0..REQUESTS_PER_STEP_MAX {
            match self.inlets.jobs.try_recv() {
                Ok(job) => job(self),
                Err(_) => return,
            }
        }
        self.inlets.bell.ring();
    }

    fn do_what_is_due(&mut self) {
        let now = clock::now();
        if now >= self.due.kernel {
            self.read_kernel();
        }
        if now >= self.due.meters {
            self.due.meters = now + meters::INTERVAL;
            self.meters.read(now, &self.workers, self.node.tables());
            self.tell_lost_history(now);
            self.record_graphs(now);
            if self.node.health().looks_at_traffic() {
                let backends = meters::seen(&self.workers, self.node.tables());
                self.handle(Event::Traffic { backends });
            }
        }
        if now >= self.due.certificates {
            self.due.certificates = now + CERTIFICATES_INTERVAL;
            self.tell_endings();
        }
        if self.loads_due().is_some_and(|due| now >= due) {
            self.due.loads = now + LOADS_INTERVAL;
            let slots = self.node.tables().backends.len();
            let flows =
                (0..slots).map(|slot| self.workers.load(slot)).map(|(active, idle)| active.saturating_add(idle));
            let event = Event::Loads { flows: flows.collect(), epoch: self.workers.oldest_epoch() };
            self.handle(event);
        }
        self.return_if_due(now);
        self.probing.tick(now);
        if self.node.next_deadline().is_some_and(|due| now >= due) {
            self.handle(Event::Tick);
        }
    }

    fn hear_signals(&mut self) -> Option<Ending> {
        while let Ok(Some(signal)) = self.inlets.signals.read_signal() {
            match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGHUP) => self.reload(),
                Ok(signal) => {
                    tracing::info!(%signal, "stopping");
                    return Some(Ending::Asked);
                }
                Err(_) => {}
            }
        }
        None
    }
}

struct Ready {
    watch: bool,
    bell: bool,
    signal: bool,
    arp: Vec<NicId>,
}
