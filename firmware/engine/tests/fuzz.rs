//! Structure-aware fuzzing of the engine: clients, backends and routers that mostly behave, and packets that do not.
//!
//! A run is rounds of their own worlds, each from a seed that follows from the run's. `SEED=n` repeats a run, `LONG=1` makes
//! it ten million frames, `FRAMES=n` any number. What fails is printed with its frame, and kept in the target folder.

#![allow(clippy::unwrap_used)]

#[path = "fuzz/bench.rs"]
mod bench;
#[path = "fuzz/judge.rs"]
mod judge;
#[path = "fuzz/look.rs"]
mod look;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/random.rs"]
mod random;
#[path = "fuzz/shape.rs"]
mod shape;
mod support;
#[path = "fuzz/talks.rs"]
mod talks;
#[path = "fuzz/world.rs"]
mod world;

use bench::{Bench, Histogram};
use random::Random;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Frames in continuous integration, and with `LONG=1`.
const FRAMES: u64 = 300_000;
const FRAMES_LONG: u64 = 10_000_000;
/// Frames of one round.
const ROUND: u64 = 20_000;
/// The seed of a run that asks for none: failures of every run can be repeated, and the next release fuzzes anew.
const SEED: u64 = 20_030_620;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn nothing_that_a_network_can_say_breaks_the_engine() {
    let long = setting("LONG").is_some_and(|long| long > 0);
    let frames = setting("FRAMES").unwrap_or(if long { FRAMES_LONG } else { FRAMES });
    let seed = setting("SEED").unwrap_or(SEED);
    println!("SEED={seed} FRAMES={frames}");
    let mut seeds = Random::new(seed);
    let mut all = Histogram::default();
    while all.frames < frames {
        let round_seed = seeds.next();
        let round = run_round(seed, round_seed, ROUND.min(frames - all.frames));
        all.frames += round.frames;
        all.known += round.known;
        for (verdict, count) in round.verdicts {
            *all.verdicts.entry(verdict).or_default() += count;
        }
    }
    let report = report(seed, &all);
    println!("{report}");
    if long {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/long");
        std::fs::create_dir_all(folder).expect("a folder for the report");
        std::fs::write(format!("{folder}/fuzz.txt"), report).expect("a place for the report");
    }
    assert!(all.known * 2 >= all.frames, "less than half of the frames reach a known flow");
}

// One round; a failure is told with everything that repeats it.
fn run_round(seed: u64, round_seed: u64, frames: u64) -> Histogram {
    let mut bench = Bench::new(round_seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| bench.run(frames)));
    let failure = match outcome {
        Ok(Ok(())) => return bench.histogram,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
        }
    };
    let mut text = format!("{failure}\nSEED={seed}, round {round_seed}, frame {}\n", bench.histogram.frames);
    if let Some(last) = &bench.last {
        writeln!(text, "the last frame, on NIC {}: {:?}", last.nic, last.built.offload).unwrap();
        for line in last.built.bytes.chunks(16) {
            let bytes: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(text, "  {}", bytes.join(" ")).unwrap();
        }
    }
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/fuzz-failure.txt");
    let _ = std::fs::write(path, &text);
    panic!("{text}");
}

fn report(seed: u64, histogram: &Histogram) -> String {
    let share = |count: u64| count as f64 * 100.0 / histogram.frames as f64;
    let mut text = format!("engine fuzzing: {} frames, SEED={seed}\n", histogram.frames);
    writeln!(text, "{:28} {:>9} {:5.1} %", "reach a known flow", histogram.known, share(histogram.known)).unwrap();
    for (verdict, count) in &histogram.verdicts {
        writeln!(text, "{verdict:28} {count:>9} {:5.1} %", share(*count)).unwrap();
    }
    text
}
