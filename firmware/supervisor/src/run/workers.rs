//! The workers as the control loop and the socket's server have them.

use crate::run::bell::Bell;
use crate::worker::{self, Notice, Order, Outfit, Shared};
use arc_swap::ArcSwap;
use drivers::{Handover, Waker, WireCounters, affinity};
use engine::{BACKENDS_MAX, SERVICES_MAX, Tables, WorkerCounters, WorkerId};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Orders that wait for one worker at most.
const ORDERS_MAX: usize = 256;
/// Notices that wait for the control loop at most.
const NOTICES_MAX: usize = 1_024;
/// Time for a worker to start: its tables may be large.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Why the workers cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// The system refuses threads, queues or cores.
    #[error("start workers: {0}")]
    System(#[from] std::io::Error),
    /// A worker says why.
    #[error("{0}")]
    Worker(String),
}

/// Orders to one worker, from any thread.
#[derive(Clone, Debug)]
pub struct WorkerHandle {
    /// Its number.
    pub id: WorkerId,
    orders: SyncSender<Order>,
    waker: Waker,
}

impl WorkerHandle {
    /// Gives an order. `false` when it has too many already, or is gone.
    pub fn order(&self, order: Order) -> bool {
        match self.orders.try_send(order) {
            Ok(()) => {
                self.waker.wake();
                true
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}

/// All workers.
pub struct Workers {
    /// What all threads see.
    pub shared: Arc<Shared>,
    /// Orders to each.
    pub handles: Vec<WorkerHandle>,
    /// The core of each.
    pub cores: Vec<Option<usize>>,
    threads: Vec<JoinHandle<()>>,
}

/// How many workers `wanted` means on this machine (0: one per core but the control core), and the core of each.
pub fn plan(wanted: u8) -> std::io::Result<Vec<Option<usize>>> {
    let cores = affinity::cores()?;
    let count = match wanted {
        0 => cores.len().saturating_sub(1).clamp(1, usize::from(config::WORKERS_MAX)),
        wanted => usize::from(wanted),
    };
    // The first core is the control loop's as long as there is another.
    let first = usize::from(cores.len() > 1);
    Ok((0..count).map(|worker| cores.get((worker + first) % cores.len().max(1)).copied()).collect())
}

/// What workers are started with.
pub struct Start {
    /// The core of each.
    pub cores: Vec<Option<usize>>,
    /// The tables they begin with.
    pub tables: Arc<Tables>,
    /// Busy-poll, microseconds.
    pub spin_us: u32,
    /// Seed of their random choices.
    pub seed: u64,
    /// Handles to claim single flows, one for each.
    pub flow_claims: Vec<Option<drivers::claim::FlowClaims>>,
    /// Wakes the control loop.
    pub bell: Bell,
}

impl Workers {
    /// Starts all, and waits until each is ready.
    pub fn start(start: Start) -> Result<(Self, Receiver<Notice>), WorkersError> {
        let count = start.cores.len();
        let shared = Arc::new(Shared {
            tables: ArcSwap::new(start.tables),
            counters: (0..count).map(|_| Arc::new(WorkerCounters::new(SERVICES_MAX, BACKENDS_MAX))).collect(),
            wires: (0..count).map(|_| Arc::new(WireCounters::default())).collect(),
            adopted: (0..count).map(|_| AtomicU64::new(0)).collect(),
            spin_us: AtomicU32::new(start.spin_us),
            bell: start.bell,
        });
        let (notices, heard) = sync_channel(NOTICES_MAX);
        let mut workers = Self { shared, handles: Vec::new(), cores: start.cores, threads: Vec::new() };
        let mut waiting = Vec::new();
        for (handover, flow_claims) in Handover::mesh(count)?.into_iter().zip(start.flow_claims) {
            waiting.push(workers.spawn(handover, flow_claims, start.seed, &notices)?);
        }
        for ready in waiting {
            match ready.recv_timeout(START_LIMIT) {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => return Err(WorkersError::Worker(reason)),
                Err(error) => return Err(WorkersError::Worker(format!("a worker did not start: {error}"))),
            }
        }
        Ok((workers, heard))
    }

    fn spawn(
        &mut self,
        handover: Handover,
        flow_claims: Option<drivers::claim::FlowClaims>,
        seed: u64,
        notices: &SyncSender<Notice>,
    ) -> Result<Receiver<Result<(), String>>, WorkersError> {
        let id = handover.worker();
        let (orders, taken) = sync_channel(ORDERS_MAX);
        let (ready, waiting) = sync_channel(1);
        self.handles.push(WorkerHandle { id, orders, waker: handover.waker() });
        let outfit = Outfit {
            worker: id,
            core: self.cores[id.at()],
            seed: seed.wrapping_add(u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            handover,
            flow_claims,
            shared: Arc::clone(&self.shared),
            orders: taken,
            notices: notices.clone(),
        };
        let (notices, bell) = (notices.clone(), self.shared.bell.clone());
        let thread = std::thread::Builder::new().name(format!("worker-{id}")).spawn(move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| worker::run(outfit, &ready))) {
                let _ = notices.send(Notice::Ended { worker: id, reason: words_of(&*panic) });
                bell.ring();
            }
        })?;
        self.threads.push(thread);
        Ok(waiting)
    }

    /// Gives all of them an order each. An order that does not fit is an order lost, and said.
    pub fn order_all(&self, order: impl Fn() -> Order) {
        for handle in &self.handles {
            if !handle.order(order()) {
                tracing::error!(worker = %handle.id, "order lost: the worker has too many, or is gone");
            }
        }
    }

    /// New tables for everybody.
    pub fn publish(&self, tables: Arc<Tables>) {
        self.shared.tables.store(tables);
        self.handles.iter().for_each(|handle| handle.waker.wake());
    }

    /// The oldest epoch in use.
    pub fn oldest_epoch(&self) -> u64 {
        self.shared.adopted.iter().map(|epoch| epoch.load(Relaxed)).min().unwrap_or(0)
    }

    /// Flows by backend slot, up to `slots`, all workers together: active and inactive.
    pub fn load(&self, slot: usize) -> (u32, u32) {
        self.shared.counters.iter().fold((0, 0), |(active, inactive), counters| {
            let load = &counters.load[slot];
            (active.saturating_add(load.active.load(Relaxed)), inactive.saturating_add(load.inactive.load(Relaxed)))
        })
    }

    /// Ends all and waits for them.
    pub fn stop(&mut self) {
        for handle in &self.handles {
            // Blocking: a stop must not be lost, and a worker takes an order every turn.
            if handle.orders.send(Order::Stop).is_ok() {
                handle.waker.wake();
            }
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a worker ended by a panic");
            }
        }
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_leave_the_first_core_to_the_control_loop() {
        let cores = affinity::cores().unwrap();
        let auto = plan(0).unwrap();
        assert_eq!(auto.len(), (cores.len() - 1).max(1));
        if cores.len() > 1 {
            assert!(!auto.contains(&Some(cores[0])));
        }
        let many = plan(7).unwrap();
        assert_eq!(many.len(), 7);
        assert!(many.iter().all(|core| cores.contains(&core.unwrap())));
    }
}
