//! One process that asks: started, written to, listened to, ended.
//!
//! Two threads serve it, so that the control loop never waits for a process that is slow or stuck: one writes what is
//! asked of it, one reads what it reports.

use super::Which;
use crate::run::bell::Bell;
use probe::{Report, Request, line_of};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

/// Requests that wait to be written at once: all probes of the largest configuration, and their removal.
const REQUESTS_MAX: usize = 1 << 18;

/// How processes are started.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) in_flight_max: u32,
    pub(super) seed: u64,
    /// The folder of programs; `None`: servers are asked.
    pub(super) programs: Option<PathBuf>,
}

/// Something heard of a process. `number` tells it from those before.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) which: Which,
    pub(super) number: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Report(Report),
    /// It ended, or said what nobody understands.
    Ended(String),
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) number: u64,
    child: Child,
    socket: UnixStream,
    requests: SyncSender<Request>,
}

impl Process {
    /// Starts one. What it reports goes to `heard`, and then the bell is rung.
    pub(super) fn start(
        which: Which,
        number: u64,
        setting: &Setting,
        heard: SyncSender<Heard>,
        bell: Bell,
    ) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        // The program that runs, even if another one lies at its path by now.
        let mut command = Command::new("/proc/self/exe");
        command.args(["probe", "--in-flight-max", &setting.in_flight_max.to_string()]);
        command.args(["--seed", &setting.seed.to_string()]);
        if let Some(folder) = &setting.programs {
            command.arg("--programs").arg(folder);
        }
        let child = command.stdin(Stdio::from(OwnedFd::from(far))).spawn()?;
        let (requests, wanted) = sync_channel(REQUESTS_MAX);
        let (writing, reading) = (near.try_clone()?, near.try_clone()?);
        thread::Builder::new().name("probe-write".to_owned()).spawn(move || write(writing, &wanted))?;
        thread::Builder::new().name("probe-read".to_owned()).spawn(move || {
            let ended = read(reading, |report| {
                let told = heard.send(Heard { which, number, what: What::Report(report) }).is_ok();
                bell.ring();
                told
            });
            // Whoever would hear it may be gone.
            let _ = heard.send(Heard { which, number, what: What::Ended(ended) });
            bell.ring();
        })?;
        Ok(Self { number, child, socket: near, requests })
    }

    /// Asks something of it. `false`: it does not keep up, and is not to be trusted any more.
    pub(super) fn ask(&self, request: Request) -> bool {
        !matches!(self.requests.try_send(request), Err(TrySendError::Full(_)))
    }

    /// Ends it, and says how it ended.
    pub(super) fn end(mut self) -> String {
        // Without its socket it ends by itself; one that is stuck is killed. It may be gone already.
        let _ = self.socket.shutdown(Shutdown::Both);
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => format!("nobody knows how: {error}"),
        }
    }
}

fn write(mut socket: UnixStream, requests: &Receiver<Request>) {
    while let Ok(request) = requests.recv() {
        if socket.write_all(&line_of(&request)).is_err() {
            // Its reader hears of the end as well.
            return;
        }
    }
}

/// Until the end, and why it is one.
fn read(socket: UnixStream, mut take: impl FnMut(Report) -> bool) -> String {
    let mut reader = BufReader::new(socket);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = probe::MESSAGE_BYTES_MAX as u64 + 1;
        match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) => return "it closed its socket".to_owned(),
            Ok(_) if line.last() != Some(&b'\n') => return "it said a line without an end".to_owned(),
            Ok(_) => {}
            Err(error) => return format!("read from it: {error}"),
        }
        let report = match serde_json::from_slice(&line) {
            Ok(report) => report,
            Err(error) => return format!("understand it: {error}"),
        };
        if !take(report) {
            return "core ends".to_owned();
        }
    }
}
