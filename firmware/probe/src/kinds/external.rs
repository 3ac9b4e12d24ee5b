//! A program on this box, with a uid of its own and no capabilities; it passes with exit status 0.

use crate::transcript::Direction;
use crate::{Dialogue, Failure};
use config::External;
use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, Uid};
use std::io;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// User and group of programs where this process may choose. Nobody else has them: Debian gives out those below 65,000
/// and systemd those below 65,520.
const PROGRAM_ID: u32 = 65_533;
/// Where programs find others; nothing else of this process's environment is theirs.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Bytes read at once.
const CHUNK_BYTES: usize = 4 * 1024;

pub(super) async fn ask(options: &External, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let name = &options.command;
    let server = dialogue.server();
    dialogue.act(format!("waiting for the end of {name}"));
    dialogue.note(format!("starting {name}"));
    let impossible = |error: io::Error| Failure::Impossible(format!("start {name}: {error}"));
    let (output, writer) = io::pipe().map_err(impossible)?;
    let mut command = Command::new(name);
    command.args(&options.arguments).args([server.ip().to_string(), server.port().to_string()]);
    command.env_clear().env("PATH", PATH).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(impossible)?).stderr(writer);
    if Uid::effective().is_root() {
        // With the uid go the groups and, at the change away from root, all capabilities.
        command.uid(PROGRAM_ID).gid(PROGRAM_ID);
    }
    let mut output = Receiver::from_owned_fd(output.into()).map_err(impossible)?;
    let mut child = spawn(command).map_err(impossible)?;
    let _group = Group::of(&child);
    let status = loop {
        let mut chunk = [0; CHUNK_BYTES];
        tokio::select! {
            biased;
            // The transcript keeps the beginning and counts the rest; what the deadline cuts off was written down before.
            Ok(count @ 1..) = output.read(&mut chunk) => dialogue.record(Direction::Received, &chunk[..count]),
            status = child.wait() => break status.map_err(impossible)?,
        }
    };
    if status.success() { Ok(()) } else { Err(Failure::Answer(format!("{name} ended with {status}"))) }
}

// A program with the set-uid bit or file capabilities must not get back what was taken: no_new_privs belongs to the
// thread and is inherited by what it starts, so that a thread of its own has it and ends.
fn spawn(mut command: Command) -> io::Result<Child> {
    let runtime = Handle::current();
    let spawned = std::thread::Builder::new().name("start".into()).spawn(move || {
        let _runtime = runtime.enter();
        prctl::set_no_new_privs()?;
        command.spawn()
    })?;
    spawned.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts programs failed")))
}

/// A program and whatever it started. Killed when the dialogue ends, by its deadline or in any other way.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The number may be free by now if the program ended and left nothing behind. The kernel gives out numbers in
        // turn, so that nobody else has it yet.
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
