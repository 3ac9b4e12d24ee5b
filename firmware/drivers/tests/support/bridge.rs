//! The simplest thing a wire can serve: what comes in on one NIC leaves on the other.

use super::{NICS, Net};
use drivers::{
    Geometry, Handover, NicOptions, PacketWire, Queue, Taps, Wake, Waker, WireCounters, affinity, cbpf::Program, clock,
    open_nic,
};
use engine::{BATCH_MAX, NicId, Wire, WorkerId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a bridge is made.
#[derive(Clone)]
pub struct Options {
    pub workers: usize,
    pub taps: Taps,
    pub geometry: Option<Geometry>,
    pub spin: Duration,
    /// Frames that worker 0 receives are handed to this one.
    pub hand_to: Option<WorkerId>,
    /// Cores of the workers.
    pub cores: Vec<usize>,
}

impl Default for Options {
    fn default() -> Self {
        let everything = Taps::Everything {
            filter: Program::new(vec![drivers::cbpf::statement(libc::BPF_RET, u32::MAX)]),
            fan_out: Program::new(vec![drivers::cbpf::statement(libc::BPF_RET, 0)]),
        };
        Self { workers: 1, taps: everything, geometry: None, spin: Duration::ZERO, hand_to: None, cores: Vec::new() }
    }
}

/// A running bridge.
pub struct Bridge {
    pub counters: Vec<Arc<WireCounters>>,
    /// CPU time of each worker, in nanoseconds.
    pub cpu: Vec<Arc<AtomicU64>>,
    /// Waits that ended because somebody called.
    pub calls: Arc<AtomicU64>,
    /// NICs that workers have attached so far.
    pub attached: Arc<AtomicU64>,
    pub wakers: Vec<Waker>,
    stop: Arc<AtomicBool>,
    control: Option<JoinHandle<()>>,
}

struct Worker {
    options: Options,
    counters: Arc<WireCounters>,
    cpu: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
    attached: Arc<AtomicU64>,
    queues: Receiver<Queue>,
    lost: Sender<NicId>,
    stop: Arc<AtomicBool>,
}

impl Bridge {
    /// Starts a bridge in a namespace and returns when it forwards.
    pub fn start(net: &Net, options: Options) -> Self {
        let mut bridge = Self {
            counters: (0..options.workers).map(|_| Arc::default()).collect(),
            cpu: (0..options.workers).map(|_| Arc::default()).collect(),
            calls: Arc::default(),
            attached: Arc::default(),
            wakers: Vec::new(),
            stop: Arc::default(),
            control: None,
        };
        let ends = Handover::mesh(options.workers).unwrap();
        bridge.wakers = ends.iter().map(Handover::waker).collect();
        let (lost, lost_nics) = channel();
        let (ready, is_ready) = channel();
        let mut workers = Vec::new();
        let mut to_workers = Vec::new();
        for (at, end) in ends.into_iter().enumerate() {
            let (queue, queues) = channel();
            to_workers.push((queue, end.waker()));
            let worker = Worker {
                options: options.clone(),
                counters: bridge.counters[at].clone(),
                cpu: bridge.cpu[at].clone(),
                calls: bridge.calls.clone(),
                attached: bridge.attached.clone(),
                queues,
                lost: lost.clone(),
                stop: bridge.stop.clone(),
            };
            workers.push((worker, end));
        }
        let stop = bridge.stop.clone();
        bridge.control = Some(net.spawn(move || {
            let threads: Vec<_> =
                workers.into_iter().map(|(worker, end)| std::thread::spawn(move || worker.run(end))).collect();
            for (nic, name) in NICS.iter().enumerate() {
                assert!(open(nic, &options, &to_workers), "open {name}");
            }
            ready.send(()).unwrap();
            control(&options, &to_workers, &lost_nics, &stop);
            for thread in threads {
                thread.join().unwrap();
            }
        }));
        is_ready.recv().unwrap();
        bridge.wait_attached(NICS.len() * bridge.counters.len());
        bridge
    }

    /// Waits until workers have attached NICs so many times.
    pub fn wait_attached(&self, times: usize) {
        wait_until("NICs are attached", || self.attached.load(Relaxed) as usize >= times);
    }

    /// A counter of a NIC over all workers.
    pub fn count(&self, nic: usize, name: &str) -> u64 {
        self.counters.iter().map(|counters| named(&counters.nic(NicId(nic as u8)).list(), name)).sum()
    }

    /// A counter over both NICs and all workers.
    pub fn total(&self, name: &str) -> u64 {
        self.count(0, name) + self.count(1, name)
    }
}

pub fn named(list: &[(&'static str, u64)], name: &str) -> u64 {
    list.iter().find(|(listed, _)| *listed == name).unwrap_or_else(|| panic!("no counter {name}")).1
}

/// Waits for something that must come soon.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.wakers.iter().for_each(Waker::wake);
        let result = self.control.take().unwrap().join();
        if !std::thread::panicking() {
            result.unwrap();
        }
    }
}

/// Opens a NIC again, for all workers, when all of them have lost it and it is back.
fn control(options: &Options, workers: &[(Sender<Queue>, Waker)], lost: &Receiver<NicId>, stop: &AtomicBool) {
    let mut losses = [0; NICS.len()];
    while !stop.load(Relaxed) {
        if let Ok(nic) = lost.recv_timeout(Duration::from_millis(20)) {
            losses[nic.at()] += 1;
        }
        for (nic, losses) in losses.iter_mut().enumerate() {
            if *losses == workers.len() && open(nic, options, workers) {
                *losses = 0;
            }
        }
    }
}

fn open(nic: usize, options: &Options, workers: &[(Sender<Queue>, Waker)]) -> bool {
    let nic_options = NicOptions { workers: options.workers, taps: options.taps.clone(), geometry: options.geometry };
    let Ok(queues) = open_nic(NICS[nic], NicId(nic as u8), &nic_options) else { return false };
    for (queue, (worker, waker)) in queues.into_iter().zip(workers) {
        worker.send(queue).unwrap();
        waker.wake();
    }
    true
}

impl Worker {
    fn run(self, end: Handover) {
        let at = end.worker();
        if let Some(&core) = self.options.cores.get(at.at()) {
            affinity::pin(core).unwrap();
        }
        let mut wire = PacketWire::new(end, self.counters.clone()).unwrap();
        let hand_to = self.options.hand_to.filter(|&to| to != at);
        let mut frames = Vec::with_capacity(BATCH_MAX);
        let mut turns = 0u64;
        while !self.stop.load(Relaxed) {
            wire.receive(&mut frames);
            let idle = frames.is_empty();
            for mut frame in frames.drain(..) {
                touch(frame.packet().bytes_mut());
                let out = NicId(1 - frame.head.nic.0);
                match hand_to {
                    Some(to) => wire.hand_over(frame, to),
                    None => wire.transmit(frame, out),
                }
            }
            wire.flush();
            if !idle {
                turns += 1;
                if turns.is_multiple_of(1024) {
                    self.cpu.store(thread_cpu(), Relaxed);
                }
                continue;
            }
            while let Ok(queue) = self.queues.try_recv() {
                wire.attach(queue).unwrap();
                self.attached.fetch_add(1, Relaxed);
            }
            while let Some(nic) = wire.take_lost() {
                self.lost.send(nic).unwrap();
            }
            wire.count_ring_drops();
            self.cpu.store(thread_cpu(), Relaxed);
            let woken = wire.wait(clock::now() + Duration::from_millis(500), self.options.spin);
            self.calls.fetch_add(u64::from(woken == Wake::Control), Relaxed);
        }
        self.cpu.store(thread_cpu(), Relaxed);
    }
}

/// Rewrites the addresses with what they were: the least that a balancer does to a frame.
fn touch(frame: &mut [u8]) {
    if let Some(addresses) = frame.first_chunk_mut::<12>() {
        *addresses = std::hint::black_box(*addresses);
    }
}

/// CPU time of the calling thread, in nanoseconds.
pub fn thread_cpu() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the kernel to write.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
