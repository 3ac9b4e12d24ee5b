//! One network namespace. A thread that is in it stays in it, so every entry is a thread of its own.

use crate::command::{self, Finished, SHORT};
use crate::error::{Act, LabError, Result};
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// A namespace under its name; it lives until somebody deletes that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// The namespace called `name`, which `ip netns add` has made or will make.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Its name for `ip netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for it.
    pub fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }

    /// Does `work` on a thread inside. Sockets opened there belong to the namespace for good.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let file = File::open(self.path()).act(|| format!("open namespace {}", self.name))?;
        std::thread::scope(|scope| {
            let inside = scope.spawn(move || -> Result<T> {
                setns(&file, CloneFlags::CLONE_NEWNET).act(|| format!("enter namespace {}", self.name))?;
                Ok(work())
            });
            match inside.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Starts a program inside, in a process group of its own: a Ctrl-C is for the lab alone, which then ends it.
    pub fn spawn(&self, command: &mut Command) -> Result<Child> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.process_group(0);
        self.enter(|| command.spawn())?.act(|| format!("start {program} in {}", self.name))
    }

    /// Runs a program inside to its end.
    pub fn run(&self, command: &mut Command, limit: Duration) -> Result<Finished> {
        command.process_group(0);
        self.enter(|| command::run(command, limit))?
    }

    /// Runs a program inside that has to succeed; its output.
    pub fn output(&self, program: &str, arguments: &[&str], limit: Duration) -> Result<String> {
        self.run(&mut command::words(program, arguments), limit)?.success()
    }

    /// Lines for `ip`, all of which have to succeed.
    pub fn ip(&self, lines: &str) -> Result<()> {
        ip_batch(&["-n", &self.name], lines)
    }

    /// Lines for `ip` that may fail one by one: what is to be deleted may be gone already.
    pub fn ip_try(&self, lines: &str) -> Result<()> {
        let mut ip = command::words("ip", ["-n", &self.name, "-force", "-batch", "-"]);
        command::run_with_input(&mut ip, lines, SHORT).map(drop)
    }

    /// Sets `net.…` sysctls, as `ipv4/ip_forward=1`.
    pub fn sysctl(&self, settings: &[&str]) -> Result<()> {
        self.enter(|| {
            for setting in settings {
                let (key, value) = setting
                    .split_once('=')
                    .ok_or_else(|| LabError::Answer(format!("sysctl {setting}: no value given")))?;
                let path = Path::new("/proc/sys/net").join(key);
                std::fs::write(&path, value).act(|| format!("set {setting} in {}", self.name))?;
            }
            Ok(())
        })?
    }

    /// A number of `/proc/net/snmp` or `/proc/net/netstat`: `("Udp", "InDatagrams")`, `("TcpExt", "TCPSynRetrans")`.
    pub fn kernel_counter(&self, protocol: &str, name: &str) -> Result<u64> {
        let file = if protocol.ends_with("Ext") { "netstat" } else { "snmp" };
        let text = self
            .enter(|| std::fs::read_to_string(Path::new("/proc/thread-self/net").join(file)))?
            .act(|| format!("read /proc/net/{file} in {}", self.name))?;
        table_value(&text, protocol, name)
            .ok_or_else(|| LabError::Answer(format!("/proc/net/{file} has no {protocol} {name}")))
    }
}

/// Lines for `ip -batch`; `options` come before it.
pub fn ip_batch(options: &[&str], lines: &str) -> Result<()> {
    let mut ip = command::words("ip", options.iter().copied().chain(["-batch", "-"]));
    command::run_with_input(&mut ip, lines, SHORT)?.success().map(drop)
}

/// These files come in pairs of lines: `Proto: name name`, `Proto: number number`.
fn table_value(text: &str, protocol: &str, name: &str) -> Option<u64> {
    let mut rows = text.lines().filter(|line| line.split(':').next() == Some(protocol));
    let (names, numbers) = (rows.next()?, rows.next()?);
    let column = names.split_whitespace().position(|word| word == name)?;
    numbers.split_whitespace().nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_tables_are_read_by_name() {
        let text = "Ip: Forwarding DefaultTTL\nIp: 1 64\nUdp: InDatagrams NoPorts\nUdp: 17 4\n";
        assert_eq!(table_value(text, "Udp", "NoPorts"), Some(4));
        assert_eq!(table_value(text, "Ip", "DefaultTTL"), Some(64));
        assert_eq!(table_value(text, "Udp", "Nothing"), None);
        assert_eq!(table_value(text, "UdpLite", "InDatagrams"), None);
    }
}
