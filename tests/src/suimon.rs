//! The balancer under test, as its users have it: a process, a configuration file, a socket, `ctl`.

use crate::command::{self, Finished, words};
use crate::configuration::Configuration;
use crate::error::{Act, LabError, Result};
use crate::lab::{Lab, target_folder};
use crate::namespace::Namespace;
use crate::process::Daemon;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Time from the start until the socket answers.
const READY_LIMIT: Duration = Duration::from_secs(15);
/// Time one `ctl` command may take.
const CTL_LIMIT: Duration = Duration::from_secs(15);
/// Where the counters are.
const COUNTERS: &str = "/api/v1/counters";

/// Where the binary is, if it has been built: `SUIMON`, or the release build of this workspace.
pub fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("SUIMON").map(PathBuf::from);
    let path = named.unwrap_or_else(|| target_folder().join("x86_64-unknown-linux-gnu/release/suimon"));
    path.is_file().then_some(path)
}

/// A running balancer.
#[derive(Debug)]
pub struct Suimon {
    namespace: Namespace,
    binary: PathBuf,
    folder: PathBuf,
    daemon: Daemon,
}

impl Suimon {
    /// Starts it in `node` with `toml` as its file and waits until it is ready.
    pub fn start(lab: &Lab, node: &str, toml: &str) -> Result<Self> {
        let binary = binary().ok_or_else(|| {
            LabError::Answer("suimon is not built: cargo build --release --bin suimon (or set SUIMON)".into())
        })?;
        let folder = lab.folder().join(format!("{node}-suimon"));
        fs::create_dir_all(folder.join("data")).act(|| format!("make {}", folder.display()))?;
        fs::write(folder.join("suimon.toml"), toml).act(|| "write suimon.toml".into())?;
        let daemon = lab.daemon(node, "suimon", &mut run_command(&binary, &folder))?;
        let mut suimon = Self { namespace: lab.node(node), binary, folder, daemon };
        suimon.wait_until_ready()?;
        Ok(suimon)
    }

    /// Starts it again after it has ended, with the data it had.
    pub fn start_again(&mut self, lab: &Lab, node: &str) -> Result<()> {
        self.daemon = lab.daemon(node, "suimon", &mut run_command(&self.binary, &self.folder))?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let mut fallen = None;
        command::wait_until("suimon is ready", READY_LIMIT, || {
            fallen = self.daemon.ended();
            fallen.is_some() || self.ctl(&["status"]).is_ok_and(|finished| finished.status.success())
        })
        .and_then(|()| match fallen {
            None => Ok(()),
            Some(status) => Err(LabError::Answer(format!("suimon ended ({status})"))),
        })
        .map_err(|error| LabError::Answer(format!("{error}; it said: {}", self.daemon.said().trim_end())))
    }

    /// The configuration file.
    pub fn file(&self) -> PathBuf {
        self.folder.join("suimon.toml")
    }

    /// Replaces the file and asks the process to read it.
    pub fn reload(&self, configuration: &Configuration) -> Result<()> {
        let file = self.file();
        fs::write(&file, configuration.toml()).act(|| format!("write {}", file.display()))?;
        self.daemon.signal(Signal::SIGHUP)
    }

    /// Applies a configuration; it is in force when this returns.
    pub fn apply(&self, configuration: &Configuration) -> Result<()> {
        let file = self.folder.join("applied.toml");
        fs::write(&file, configuration.toml()).act(|| format!("write {}", file.display()))?;
        self.ctl(&["apply", &file.display().to_string()])?.success().map(drop)
    }

    /// Runs `suimon ctl`.
    pub fn ctl(&self, arguments: &[&str]) -> Result<Finished> {
        let socket = self.folder.join("socket").display().to_string();
        let fixed = ["ctl", "--socket", &socket];
        let mut ctl = words(&self.binary.display().to_string(), fixed.into_iter().chain(arguments.iter().copied()));
        self.namespace.run(&mut ctl, CTL_LIMIT)
    }

    /// What the API answers to root for a path, over the unix socket.
    pub fn get(&self, path: &str) -> Result<String> {
        let (socket, url) = (self.folder.join("socket").display().to_string(), format!("http://suimon{path}"));
        let arguments = ["-sS", "--fail", "--max-time", "10", "--unix-socket", &socket, &url];
        self.namespace.output("curl", &arguments, CTL_LIMIT)
    }

    /// What the API answers to root for JSON that is sent to a path.
    pub fn post(&self, path: &str, json: &str) -> Result<String> {
        let (socket, url) = (self.folder.join("socket").display().to_string(), format!("http://suimon{path}"));
        let fixed = ["-sS", "--fail", "--max-time", "30", "-H", "content-type: application/json", "-d", json];
        self.namespace.output("curl", &[&fixed[..], &["--unix-socket", &socket, &url]].concat(), CTL_LIMIT)
    }

    /// One of the engine's counters, all workers added up: `super_frames_transmitted`, `drops.no_route`.
    pub fn total(&self, name: &str) -> Result<u64> {
        let text = self.get(COUNTERS)?;
        let counters: Value =
            serde_json::from_str(&text).map_err(|error| LabError::Answer(format!("counters: {error}: {text}")))?;
        // A reason for which nothing was ever dropped may be left out; a total may not.
        match counters.get(name).and_then(Value::as_u64) {
            None if name.starts_with("drops.") => Ok(0),
            number => number.ok_or_else(|| LabError::Answer(format!("no counter is called {name}: {text}"))),
        }
    }

    /// SIGTERM; how it ended.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.daemon.stop()
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill().map(drop)
    }

    /// `run --clean`: what a crash left in the kernel goes.
    pub fn clean(&self) -> Result<()> {
        let mut clean = run_command(&self.binary, &self.folder);
        clean.arg("--clean");
        self.namespace.run(&mut clean, CTL_LIMIT)?.success().map(drop)
    }

    /// The process.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }
}

fn run_command(binary: &Path, folder: &Path) -> std::process::Command {
    let mut command = words(&binary.display().to_string(), ["run"]);
    command.arg("--data").arg(folder.join("data"));
    command.arg("--config").arg(folder.join("suimon.toml"));
    command.arg("--socket").arg(folder.join("socket"));
    command
}
