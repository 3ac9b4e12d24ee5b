//! How fast a packet wire forwards, by ring geometry, side by side.
//!
//! `bridge_rate [ROUNDS] [MILLISECONDS]`, as root, on a quiet machine: a client and a server namespace joined by a bridge
//! of packet wires. Per geometry and round: 64 byte UDP frames from a generator that is a packet wire too (they are
//! addressed to nobody, so the server's stack drops them at once), one TCP stream each way, and round trips of single
//! datagrams. The last lines are medians.

#![allow(clippy::unwrap_used, reason = "a measuring tool: a failure is a failed measurement")]

#[path = "../tests/support/mod.rs"]
mod support;

use drivers::{Geometry, Handover, NicOptions, PacketWire, Taps, WireCounters, affinity, open_nic};
use engine::{NicId, Wire};
use net::offload::Offload;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use support::bridge::{Bridge, Options};
use support::{CLIENT, Line, SERVER, traffic};

const GEOMETRIES: [Geometry; 6] = [
    Geometry { slots: 1024, slot_bytes: 2048 },
    Geometry { slots: 512, slot_bytes: 2048 },
    Geometry { slots: 1024, slot_bytes: 2176 },
    Geometry { slots: 1024, slot_bytes: 4096 },
    Geometry { slots: 256, slot_bytes: 69_632 },
    Geometry { slots: 64, slot_bytes: 69_632 },
];

/// ns/frame and ms/Gb are CPU time: of the worker, and of client, server and worker together.
const COLUMNS: [&str; 9] = ["Mpps", "ns/frame", "lost %", "Gb/s down", "up", "ms/Gb", "worker", "p50 us", "p99 us"];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let (rounds, length) = (arguments.next().unwrap_or(3), arguments.next().unwrap_or(1000));
    let time = Duration::from_millis(length);
    assert!(support::is_root("bridge_rate"), "needs root");
    println!("{:>14} {}", "slots", COLUMNS.map(|column| format!("{column:>10}")).concat());
    let mut rows = vec![Vec::new(); GEOMETRIES.len()];
    for round in 0..rounds as usize {
        for turn in 0..GEOMETRIES.len() {
            // Another one first each round: a machine that slows down must not favour one of them.
            let at = (turn + round) % GEOMETRIES.len();
            let row = measure(GEOMETRIES[at], time);
            print_row(GEOMETRIES[at], &row);
            rows[at].push(row);
        }
    }
    println!("medians of {rounds}:");
    for (geometry, rows) in GEOMETRIES.iter().zip(&rows) {
        let medians = std::array::from_fn(|column| median(rows.iter().map(|row| row[column]).collect()));
        print_row(*geometry, &medians);
    }
}

fn measure(geometry: Geometry, time: Duration) -> [f64; COLUMNS.len()] {
    let line = Line::new(1500);
    let cores = affinity::cores().expect("ask for cores");
    let options = Options {
        geometry: Some(geometry),
        cores: vec![*cores.last().expect("a thread runs somewhere")],
        ..Options::default()
    };
    let bridge = Bridge::start(&line.middle, options);
    let sent = flood(&line, cores[0], Duration::from_millis(200));
    let (cpu, before) = (bridge.cpu[0].load(Relaxed), bridge.count(1, "transmitted"));
    let start = Instant::now();
    let generated = flood(&line, cores[0], time);
    let elapsed = start.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_millis(50));
    let forwarded = (bridge.count(1, "transmitted") - before) as f64;
    let per_frame = (bridge.cpu[0].load(Relaxed) - cpu) as f64 / forwarded;
    assert!(sent > 0);
    let cpu = [process_cpu(), bridge.cpu[0].load(Relaxed) as f64];
    let down = traffic::bulk(&line.server, &line.client, CLIENT[0], time);
    let up = traffic::bulk(&line.client, &line.server, SERVER[0], time);
    let gigabits = (down + up) * time.as_secs_f64();
    let worker = (bridge.cpu[0].load(Relaxed) as f64 - cpu[1]) * 1e-6 / gigabits;
    let all = (process_cpu() - cpu[0]) * 1e-6 / gigabits;
    let [p50, p99] = traffic::ping_pong(&line, 5000).map(|time| time.as_secs_f64() * 1e6);
    let lost = 100.0 * (1.0 - forwarded / generated as f64);
    [forwarded / elapsed / 1e6, per_frame, lost, down, up, all, worker, p50, p99]
}

/// CPU time of this process, in nanoseconds.
fn process_cpu() -> f64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).expect("ask for CPU time");
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    (micros(usage.user_time()) + micros(usage.system_time())) * 1e3
}

/// Sends 64 byte frames for a while; how many the link took.
fn flood(line: &Line, core: usize, time: Duration) -> u64 {
    let counters = Arc::new(WireCounters::default());
    let shared = counters.clone();
    let generator = line.client.spawn(move || {
        affinity::pin(core).expect("pin the generator");
        let options = NicOptions { workers: 1, taps: Taps::Marked, geometry: None };
        let mut wire =
            PacketWire::new(Handover::mesh(1).expect("make a waker").remove(0), shared).expect("make a wire");
        wire.attach(open_nic("eth0", NicId(0), &options).expect("open eth0").remove(0)).expect("attach eth0");
        let mut frame = [0u8; 60];
        frame[..14].copy_from_slice(&[2, 0, 0, 0, 0x77, 0x99, 2, 0, 0, 0, 0x77, 1, 8, 0]);
        frame[14..34].copy_from_slice(&[0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]);
        let start = Instant::now();
        while start.elapsed() < time {
            for _ in 0..64 {
                wire.emit(NicId(0), Offload::NONE, &frame);
            }
            wire.flush();
        }
    });
    generator.join().expect("the generator ran");
    counters.nic(NicId(0)).transmitted.value()
}

fn print_row(geometry: Geometry, row: &[f64; COLUMNS.len()]) {
    let label = format!("{}x{}", geometry.slots, geometry.slot_bytes);
    println!("{label:>14} {}", row.map(|value| format!("{value:>10.2}")).concat());
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
