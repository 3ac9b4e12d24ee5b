//! Programs that run while a lab does. Each is ended by its own process id, with its children's.

use crate::command;
use crate::error::{Act, Result};
use crate::namespace::Namespace;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Time a program has to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// `USER_HZ`: ticks per second of the times in `/proc/PID/stat`, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running program; it ends when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What a program and its children used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time since their start.
    pub cpu_seconds: f64,
    /// Memory now in RAM.
    pub rss_bytes: u64,
}

impl Daemon {
    /// Starts `command` in `namespace`; what it says goes to the file `log`.
    pub fn start(namespace: &Namespace, name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log).act(|| format!("open {}", log.display()))?;
        let copy = file.try_clone().act(|| format!("open {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(copy);
        let child = namespace.spawn(command)?;
        Ok(Self { name: name.into(), child, log: log.into() })
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it writes what it says.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// What it has written so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal to the program itself.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.group(), signal).act(|| format!("send {signal} to {}", self.name))
    }

    /// SIGTERM, and SIGKILL for what is left of its group after a while.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if self.ended().is_none() {
            self.signal(Signal::SIGTERM)?;
            // Late is an answer too: the kill below follows in any case.
            let _ = command::wait_until(&self.name, STOP_LIMIT, || self.child.try_wait().ok().flatten().is_some());
        }
        self.kill()
    }

    /// SIGKILL at once.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        // The group is gone when the program and all its children have ended, which is what is wanted.
        let _ = killpg(self.group(), Signal::SIGKILL);
        self.child.wait().act(|| format!("wait for {}", self.name))
    }

    /// What it and its children use.
    pub fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        for pid in descendants(self.pid()) {
            let one = usage_of(pid).unwrap_or_default();
            sum.cpu_seconds += one.cpu_seconds;
            sum.rss_bytes += one.rss_bytes;
        }
        sum
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{error}");
        }
    }
}

/// A process and all that descend from it.
fn descendants(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    stat_fields(pid)?.get(1)?.parse().ok()
}

fn usage_of(pid: u32) -> Option<Usage> {
    let stat = stat_fields(pid)?;
    let ticks: f64 = stat.get(11)?.parse::<f64>().ok()? + stat.get(12)?.parse::<f64>().ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = rss.split_whitespace().next()?.parse().ok()?;
    Some(Usage { cpu_seconds: ticks / TICKS_PER_SECOND, rss_bytes: kib * 1024 })
}

/// proc(5): the fields of `/proc/PID/stat` from the third (state) on; the name before may hold spaces and brackets.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_usage_and_parent_are_found() {
        let own = std::process::id();
        assert!(usage_of(own).is_some_and(|usage| usage.rss_bytes > 100_000));
        assert_eq!(parent_of(own), Some(nix::unistd::getppid().as_raw() as u32));
        assert!(descendants(own).contains(&own));
    }
}
