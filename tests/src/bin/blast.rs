//! UDP packets as fast as a NIC takes them: `blast SECONDS THREADS NIC ROUTER_MAC SOURCE,… ADDRESS:PORT`. Frames of 64
//! bytes, four flows per source and thread, in batches of one flow. They are sent ready-made, past sockets, routes and
//! queueing discipline, so that the sender is not what limits the rate. Prints how many were sent, and in how many
//! seconds.

use drivers::cbpf::Program;
use drivers::{Handover, NicOptions, PacketWire, Queue, Taps, WireCounters, open_nic};
use engine::{NicId, Wire};
use etherparse::PacketBuilder;
use net::offload::Offload;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// A frame of 64 bytes has 14 of Ethernet, 20 of IPv4 and 8 of UDP before this.
const PAYLOAD: [u8; 22] = [0x55; 22];
/// Packets of one flow before the next one's turn.
const BATCH: usize = 64;
/// Flows per source address in each thread.
const FLOWS_PER_SOURCE: u16 = 4;
/// Source port of the first flow.
const FIRST_PORT: u16 = 20_000;
/// A sender's own hardware address; nobody answers to it.
const OWN_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];
/// The NIC as this program's wires number it.
const NIC: NicId = NicId(0);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = Plan::parse(&arguments) else {
        eprintln!("usage: blast SECONDS THREADS NIC ROUTER_MAC SOURCE,... ADDRESS:PORT");
        return ExitCode::from(2);
    };
    match plan.run() {
        Ok((sent, seconds)) => {
            println!("{sent} {seconds:.3}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("send to {}: {error}", plan.target);
            ExitCode::FAILURE
        }
    }
}

struct Plan {
    time: Duration,
    threads: u16,
    nic: String,
    router: [u8; 6],
    sources: Vec<Ipv4Addr>,
    target: SocketAddrV4,
}

impl Plan {
    fn parse(arguments: &[String]) -> Option<Self> {
        let [seconds, threads, nic, router, sources, target] = arguments else { return None };
        let bytes: Vec<u8> = router.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect::<Option<_>>()?;
        Some(Self {
            time: Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?,
            threads: threads.parse().ok().filter(|threads| (1..=16).contains(threads))?,
            nic: nic.clone(),
            router: bytes.try_into().ok()?,
            sources: sources.split(',').map(|source| source.parse().ok()).collect::<Option<_>>()?,
            target: target.parse().ok()?,
        })
    }

    /// Frames sent, and seconds it took.
    fn run(&self) -> Result<(u64, f64), Failure> {
        // The sockets are opened as a balancer's are; what comes in is nobody's business.
        let taps = Taps::Everything { filter: Program::nothing(), fan_out: Program::nothing() };
        let options = NicOptions { workers: usize::from(self.threads), taps, geometry: None };
        let queues = open_nic(&self.nic, NIC, &options)?;
        let ends = Handover::mesh(queues.len())?;
        let started = Instant::now();
        let sent: Result<u64, Failure> = thread::scope(|scope| {
            let senders: Vec<_> = queues
                .into_iter()
                .zip(ends)
                .zip(0..)
                .map(|((queue, end), thread)| {
                    let frames = self.frames(thread);
                    scope.spawn(move || send(queue, end, &frames, started + self.time))
                })
                .collect();
            senders.into_iter().map(|sender| sender.join().expect("send does not panic")).sum()
        });
        Ok((sent?, started.elapsed().as_secs_f64()))
    }

    /// One frame of each flow of a thread.
    fn frames(&self, thread: u16) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for source in &self.sources {
            for flow in 0..FLOWS_PER_SOURCE {
                let port = FIRST_PORT + thread * FLOWS_PER_SOURCE + flow;
                let builder = PacketBuilder::ethernet2(OWN_MAC, self.router)
                    .ipv4(source.octets(), self.target.ip().octets(), 64)
                    .udp(port, self.target.port());
                let mut frame = Vec::new();
                builder.write(&mut frame, &PAYLOAD).expect("a Vec takes everything, and the payload is short");
                frames.push(frame);
            }
        }
        frames
    }
}

fn send(queue: Queue, end: Handover, frames: &[Vec<u8>], until: Instant) -> Result<u64, Failure> {
    let counters: Arc<WireCounters> = Arc::default();
    let mut wire = PacketWire::new(end, Arc::clone(&counters))?;
    wire.attach(queue)?;
    while Instant::now() < until {
        for frame in frames {
            for _ in 0..BATCH {
                wire.emit(NIC, Offload::default(), frame);
            }
            wire.flush();
        }
    }
    drop(wire);
    let list = counters.nic(NIC).list();
    Ok(list.iter().find(|(name, _)| *name == "transmitted").map_or(0, |(_, count)| *count))
}
