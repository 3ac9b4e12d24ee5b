//! What the store holds after the process was killed, and after the power was cut, at any time.

mod disk;
mod trace;

use disk::Disk;
use lab::commits::{Acknowledged, Acknowledgements};
use lab::plan::size;
use lab::random::Random;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use trace::Operation;

const COMMITTER: &str = env!("CARGO_BIN_EXE_committer");
/// Commits of the recorded run: enough for the write-ahead log to be copied back more than once.
const RECORDED: u64 = 300;
/// A process is killed this long after its first word at the latest.
const LIFE_MAX_US: usize = 60_000;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("suimon-crash-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder in the temporary one");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn committer(directory: &Path, seed: u64, last: u64) -> Command {
    let mut command = Command::new(COMMITTER);
    command.arg(directory).arg(seed.to_string()).arg(last.to_string()).stdout(Stdio::piped());
    command
}

/// Lets the process live for a while after its first word, kills it, and takes in what it said.
fn kill_after(mut child: Child, life: Duration, acknowledged: &mut Acknowledgements) {
    let mut said = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("text");
    thread::sleep(life);
    child.kill().expect("it runs, or has ended");
    child.wait().expect("it is ours");
    let lines = [Ok(line)].into_iter().chain(said.lines());
    for line in lines.map(|line| line.expect("text")) {
        acknowledged.add(Acknowledged::parse(line.trim_end()).unwrap_or_else(|| panic!("half a line: {line:?}")));
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_time() {
    let (seed, kills) = (20_260, size(20, 200));
    let mut random = Random::new(seed);
    let mut killed_under_way = 0;
    // Few to a folder: checking reads every revision.
    for round in 0..kills / 10 {
        let folder = Folder::new(&format!("kill-{round}"));
        let mut acknowledged = Acknowledgements::default();
        for kill in 0..10 {
            let life = Duration::from_micros(random.below(LIFE_MAX_US) as u64);
            let child = committer(&folder.0, seed, u64::MAX - 1).spawn().expect("it was built");
            kill_after(child, life, &mut acknowledged);
            let running = acknowledged.judge(&folder.0, seed);
            let running = running.unwrap_or_else(|error| panic!("seed {seed}, round {round}, kill {kill}: {error}"));
            killed_under_way += u64::from(running > acknowledged.committed);
            // What was there once stays, acknowledged or not.
            acknowledged.committed = running;
        }
        assert!(acknowledged.committed > 10, "hardly anything was committed");
    }
    println!("{kills} kills with seed {seed}; {killed_under_way} after a commit and before it was acknowledged");
}

fn record(folder: &Folder, seed: u64) -> Vec<Operation> {
    let (directory, log) = (folder.0.join("data"), folder.0.join("trace"));
    fs::create_dir(&directory).expect("a new folder");
    let command = committer(&directory, seed, RECORDED);
    let output = trace::command(&command, &log).output().expect("strace is installed: tests/setup.sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("text");
    let operations = trace::read(&fs::read_to_string(&log).expect("text"), &directory);
    // The recording is complete: all that was said is in it, and played to its end it gives the files that are there.
    let told: String = operations.iter().filter_map(Operation::said).collect();
    assert_eq!(told, said);
    let mut disk = Disk::default();
    operations.iter().for_each(|operation| disk.play(operation));
    for (name, bytes) in disk.whole() {
        assert!(fs::read(directory.join(&name)).expect("a file") == bytes, "{name} differs from its recording");
    }
    operations
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_time() {
    let (seed, states) = (40_520, size(100, 1_000));
    let folder = Folder::new("power");
    let operations = record(&folder, seed);
    let mut random = Random::new(seed);
    let mut cuts: Vec<usize> = (0..states).map(|_| random.below(operations.len() + 1)).collect();
    cuts.sort_unstable();
    let (mut disk, mut acknowledged, mut played) = (Disk::default(), Acknowledgements::default(), 0);
    let mut torn = 0;
    for (state, cut) in cuts.into_iter().enumerate() {
        for operation in &operations[played..cut] {
            disk.play(operation);
            let lines = operation.said().unwrap_or_default();
            lines.lines().filter_map(Acknowledged::parse).for_each(|line| acknowledged.add(line));
        }
        played = cut;
        let directory = folder.0.join(format!("state-{state}"));
        fs::create_dir(&directory).expect("a new folder");
        torn += u64::from(disk.cut(&directory, &mut random).expect("the disk has room"));
        if let Err(error) = acknowledged.judge(&directory, seed) {
            panic!("seed {seed}, state {state}, after {cut} of {} operations: {error}", operations.len());
        }
        fs::remove_dir_all(&directory).expect("it is ours");
    }
    assert!(torn > 0, "no state lacked anything: this test shows nothing");
    println!("{states} power cuts with seed {seed}; {torn} of them lost or tore something that was not flushed");
}

#[test]
fn a_store_that_does_not_flush_is_found_out() {
    let seed = 7;
    let folder = Folder::new("lazy");
    let operations = record(&folder, seed);
    let mut random = Random::new(seed);
    let (mut disk, mut acknowledged) = (Disk::default(), Acknowledgements::default());
    for operation in operations.iter().filter(|operation| !matches!(operation, Operation::Flush { .. })) {
        disk.play(operation);
        let lines = operation.said().unwrap_or_default();
        lines.lines().filter_map(Acknowledged::parse).for_each(|line| acknowledged.add(line));
        if acknowledged.committed > 20 {
            break;
        }
    }
    let found = (0..5).any(|state| {
        let directory = folder.0.join(format!("state-{state}"));
        fs::create_dir(&directory).expect("a new folder");
        disk.cut(&directory, &mut random).expect("the disk has room");
        acknowledged.judge(&directory, seed).is_err()
    });
    assert!(found, "commits without a flush passed");
}
