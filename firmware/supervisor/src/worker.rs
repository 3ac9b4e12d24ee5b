//! A worker: one thread, one engine, one wire. Turn, answer requests, sleep until something comes.

pub mod wire;

use crate::run::bell::Bell;
use arc_swap::ArcSwap;
use drivers::{Handover, PacketWire, Queue, WireCounters, affinity, clock};
use engine::engine::{Batch, Explanation, FlowFilter, FlowView};
use engine::{Engine, NicId, Tables, Tuple, WorkerCounters, WorkerId};
use net::Now;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;
use tokio::sync::oneshot;
use wire::{Capture, TappedWire};

/// Longest sleep of a worker that has nothing to wait for.
const SLEEP_MAX: Duration = Duration::from_secs(10);
/// How often the kernel is asked what its rings dropped: a system call per socket.
const RING_DROPS_INTERVAL: Duration = Duration::from_secs(1);
/// Flows listed between two turns.
const FLOWS_PER_TURN: usize = 512;

/// What all threads see.
#[derive(Debug)]
pub struct Shared {
    /// The tables in force.
    pub tables: ArcSwap<Tables>,
    /// What workers count.
    pub counters: Arc<[Arc<WorkerCounters>]>,
    /// What their wires count.
    pub wires: Vec<Arc<WireCounters>>,
    /// The epoch that each worker uses.
    pub adopted: Vec<AtomicU64>,
    /// Busy-poll before a worker sleeps, microseconds.
    pub spin_us: AtomicU32,
    /// Wakes the control loop.
    pub bell: Bell,
}

/// Something a worker tells the control loop.
#[derive(Debug)]
pub enum Notice {
    /// The engine's own events.
    Engine(engine::engine::Event),
    /// A NIC cannot be used any more.
    NicLost(NicId),
    /// The worker ended, and should not have.
    Ended {
        /// Which.
        worker: WorkerId,
        /// Why.
        reason: String,
    },
}

/// Something a worker is to do between two turns.
#[derive(Debug)]
pub enum Order {
    /// Use a NIC.
    Attach(Box<Queue>),
    /// Use it no more.
    Detach(NicId),
    /// List flows that match, at most so many, and whether there are more.
    List(FlowFilter, usize, oneshot::Sender<(Vec<FlowView>, bool)>),
    /// End flows that match.
    Kill(FlowFilter, oneshot::Sender<u64>),
    /// End the flow whose [`short_hash`] this is.
    KillNamed(u64, oneshot::Sender<u64>),
    /// Say what would become of a packet.
    Explain(Tuple, oneshot::Sender<Explanation>),
    /// Copy frames from now on; `None`: no more.
    Capture(Option<Capture>),
    /// End.
    Stop,
}

/// What a worker starts with.
pub struct Outfit {
    /// Its number.
    pub worker: WorkerId,
    /// The core it is bound to.
    pub core: Option<usize>,
    /// Seed of its random choices.
    pub seed: u64,
    /// Its end of the queues between workers.
    pub handover: Handover,
    /// Claims flows one by one, where the kernel can.
    pub flow_claims: Option<drivers::claim::FlowClaims>,
    /// What all threads see.
    pub shared: Arc<Shared>,
    /// What it is to do.
    pub orders: Receiver<Order>,
    /// What it has to tell.
    pub notices: SyncSender<Notice>,
}

/// Runs a worker until it is told to stop. `ready` hears once whether it could start.
pub fn run(outfit: Outfit, ready: &SyncSender<Result<(), String>>) {
    let Outfit { worker, core, seed, handover, flow_claims, shared, orders, notices } = outfit;
    settle(worker, core);
    let wire = match PacketWire::new(handover, Arc::clone(&shared.wires[worker.at()])) {
        Ok(wire) => wire,
        Err(error) => {
            let _ = ready.send(Err(format!("worker {worker}: {error}")));
            return;
        }
    };
    let engine = Engine::new(worker, shared.tables.load_full(), Arc::clone(&shared.counters), seed);
    let wire = TappedWire::new(wire, flow_claims);
    // The starter waits for this; that it is gone means that the process is about to end.
    let _ = ready.send(Ok(()));
    let mut worker = Worker {
        id: worker,
        engine,
        wire,
        batch: Batch::default(),
        shared,
        orders,
        notices,
        jobs: VecDeque::new(),
        ring_drops_due: Now::default(),
    };
    worker.work();
}

fn settle(worker: WorkerId, core: Option<usize>) {
    if let Some(core) = core
        && let Err(error) = affinity::pin(core)
    {
        tracing::warn!(%worker, core, %error, "worker not bound to its core");
    }
    if let Err(error) = affinity::nice(affinity::WORKER_NICE) {
        tracing::warn!(%worker, %error, "worker runs at the ordinary priority");
    }
}

struct Worker {
    id: WorkerId,
    engine: Engine,
    wire: TappedWire,
    batch: Batch<drivers::Slot>,
    shared: Arc<Shared>,
    orders: Receiver<Order>,
    notices: SyncSender<Notice>,
    /// Requests that take more than one turn.
    jobs: VecDeque<Job>,
    ring_drops_due: Now,
}

enum Job {
    List {
        filter: FlowFilter,
        cursor: u32,
        limit: usize,
        found: Vec<FlowView>,
        reply: oneshot::Sender<(Vec<FlowView>, bool)>,
    },
    Kill {
        filter: FlowFilter,
        cursor: u32,
        killed: u64,
        reply: oneshot::Sender<u64>,
    },
    KillNamed {
        hash: u64,
        cursor: u32,
        reply: oneshot::Sender<u64>,
    },
}

/// Bits of the hash that names a flow to people: few enough to type, enough that no two flows share it.
const SHORT_HASH_BITS: u32 = 48;

/// What names a flow beside its worker.
pub fn short_hash(tuple: &Tuple, tables: &Tables) -> u64 {
    tuple.hash(tables.key) >> (u64::BITS - SHORT_HASH_BITS)
}

impl Worker {
    fn work(&mut self) {
        loop {
            // One clock read per turn, not per frame: a read costs about 20 ns and expiry needs 1 s.
            let now = clock::now();
            let tables = self.shared.tables.load();
            self.wire.begin(now);
            let turned = self.engine.turn(now, &mut self.wire, &mut self.batch, &tables);
            drop(tables);
            self.shared.adopted[self.id.at()].store(self.engine.tables().epoch, Relaxed);
            self.tell();
            if now >= self.ring_drops_due {
                self.ring_drops_due = now + RING_DROPS_INTERVAL;
                self.wire.inner().count_ring_drops();
            }
            if !self.obey(now) {
                return;
            }
            if turned.frames == 0 && self.jobs.is_empty() {
                let deadline = turned.next_deadline.unwrap_or(now + SLEEP_MAX).min(now + SLEEP_MAX);
                let spin = Duration::from_micros(u64::from(self.shared.spin_us.load(Relaxed)));
                self.wire.inner().wait(deadline, spin);
            }
        }
    }

    fn tell(&mut self) {
        let mut told = false;
        // A full queue loses nothing for good: whatever the engine says it says again while its cause lasts, and a
        // lost NIC is found lost by the other workers too.
        for event in self.engine.events() {
            told |= self.notices.try_send(Notice::Engine(event)).is_ok();
        }
        while let Some(nic) = self.wire.inner().take_lost() {
            told |= self.notices.try_send(Notice::NicLost(nic)).is_ok();
        }
        if told {
            self.shared.bell.ring();
        }
    }

    // One order and one step of a job a turn: packets do not wait for administrators.
    fn obey(&mut self, now: Now) -> bool {
        match self.orders.try_recv() {
            Ok(Order::Stop) => return false,
            Ok(order) => {
                self.carry_out(now, order);
                // There may be more; the next turn looks again instead of sleeping.
                self.wire.inner().waker().wake();
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
        }
        if let Some(job) = self.jobs.pop_front()
            && let Some(job) = self.step(now, job)
        {
            self.jobs.push_back(job);
        }
        true
    }

    fn carry_out(&mut self, now: Now, order: Order) {
        match order {
            Order::Attach(queue) => {
                let nic = queue.nic();
                if let Err(error) = self.wire.inner().attach(*queue) {
                    tracing::error!(worker = %self.id, %nic, %error, "nic not attached");
                    let _ = self.notices.try_send(Notice::NicLost(nic));
                    self.shared.bell.ring();
                }
            }
            Order::Detach(nic) => self.wire.inner().detach(nic),
            Order::List(filter, limit, reply) => {
                self.jobs.push_back(Job::List { filter, cursor: 0, limit, found: Vec::new(), reply });
            }
            Order::Kill(filter, reply) => {
                self.jobs.push_back(Job::Kill { filter, cursor: 0, killed: 0, reply });
            }
            Order::KillNamed(hash, reply) => self.jobs.push_back(Job::KillNamed { hash, cursor: 0, reply }),
            Order::Explain(tuple, reply) => {
                // Whoever asked may have given up.
                let _ = reply.send(self.engine.explain(now, &tuple));
            }
            Order::Capture(capture) => self.wire.capture(capture),
            Order::Stop => {}
        }
    }

    // Whoever asked may have given up: then the rest of a list is not worth its time, that of a kill is.
    fn step(&mut self, now: Now, job: Job) -> Option<Job> {
        match job {
            Job::List { filter, mut cursor, limit, mut found, reply } => {
                if reply.is_closed() {
                    return None;
                }
                // One more than asked for, to know whether there are more.
                let room = (limit + 1 - found.len()).min(FLOWS_PER_TURN);
                let (views, done) = self.engine.list_flows(now, &filter, &mut cursor, room);
                found.extend(views);
                if done || found.len() > limit {
                    let more = found.len() > limit;
                    found.truncate(limit);
                    let _ = reply.send((found, more));
                    return None;
                }
                Some(Job::List { filter, cursor, limit, found, reply })
            }
            Job::KillNamed { hash, mut cursor, reply } => {
                let (views, done) = self.engine.list_flows(now, &FlowFilter::default(), &mut cursor, FLOWS_PER_TURN);
                let tables = self.engine.tables();
                let found = views.iter().map(|view| view.inbound).find(|tuple| short_hash(tuple, tables) == hash);
                match found {
                    Some(tuple) => {
                        let filter = FlowFilter { tuple: Some(tuple), ..FlowFilter::default() };
                        Some(Job::Kill { filter, cursor: 0, killed: 0, reply })
                    }
                    None if done => {
                        let _ = reply.send(0);
                        None
                    }
                    None => Some(Job::KillNamed { hash, cursor, reply }),
                }
            }
            Job::Kill { filter, mut cursor, killed, reply } => {
                let (count, done) = self.engine.kill_flows(now, &filter, &mut cursor);
                let killed = killed + count as u64;
                if !done {
                    return Some(Job::Kill { filter, cursor, killed, reply });
                }
                let _ = reply.send(killed);
                None
            }
        }
    }
}
