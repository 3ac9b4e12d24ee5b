//! Runs a program inside a tree of files that it may write to as it likes: `inside SCRATCH LAYERS PROGRAM [ARGUMENT…]`.
//! LAYERS are folders for overlayfs, the topmost first, with colons between; what is written goes to memory mounted on
//! the folder SCRATCH, in a mount namespace of its own. The program gets a process namespace of its own too: when it
//! ends, all that it started ends, and when `inside` is killed, so does the program.

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, chdir, chroot};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

/// What all that a program writes may amount to; it is memory, used as it is written.
const SCRATCH_OPTIONS: &str = "size=1g,mode=755";
/// The name of the host that the program sees.
const HOST: &str = "server.lab.test";
/// Tells the second `inside`, process 1 of the new namespace, from the first.
const FIRST: &str = "--first-process";
/// Exit code when the program could not be started at all, as shells have it.
const NOT_STARTED: u8 = 127;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match words.as_slice() {
        [first, scratch, program, arguments @ ..] if first == FIRST => as_first(Path::new(scratch), program, arguments),
        [scratch, layers, program @ ..] if !program.is_empty() => set_up(Path::new(scratch), layers, program),
        _ => Err(io::Error::other("usage: inside SCRATCH LAYERS PROGRAM [ARGUMENT…]")),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("inside: {error}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

/// Makes the namespaces and the tree, then starts this program again as the first process in them.
fn set_up(scratch: &Path, layers: &OsString, program: &[OsString]) -> io::Result<u8> {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC)?;
    // Nothing mounted from here on may be seen outside.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some("tmpfs"), scratch, Some("tmpfs"), MsFlags::empty(), Some(SCRATCH_OPTIONS))?;
    let [upper, work, root] = ["upper", "work", "root"].map(|name| scratch.join(name));
    for folder in [&upper, &work, &root] {
        fs::create_dir(folder)?;
    }
    let (upper, work) = (upper.display(), work.display());
    let options = format!("lowerdir={},upperdir={upper},workdir={work}", layers.to_string_lossy());
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::empty(), Some(options.as_str()))?;
    fs::write("/proc/sys/kernel/hostname", HOST)?;
    attend(Command::new(std::env::current_exe()?).arg(FIRST).arg(&root).args(program))
}

/// Mounts what belongs to the new namespaces, goes into the tree, runs the program, and buries what it leaves orphaned.
fn as_first(root: &Path, program: &OsString, arguments: &[OsString]) -> io::Result<u8> {
    set_pdeathsig(Signal::SIGKILL)?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("proc"), &root.join("proc"), Some("proc"), safe | MsFlags::MS_NOEXEC, None::<&str>)?;
    mount(Some("shm"), &root.join("dev/shm"), Some("tmpfs"), safe, Some("mode=1777"))?;
    chroot(root)?;
    chdir("/")?;
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let environment = [("PATH", path), ("LC_ALL", "C.UTF-8"), ("HOME", "/root")];
    attend(Command::new(program).args(arguments).env_clear().envs(environment))
}

/// Starts a program and stays until it ends: passes signals on to it and buries all children, orphans included.
fn attend(command: &mut Command) -> io::Result<u8> {
    // Before the start, so that its end is not missed. There is no thread for it: a process that has asked for a new
    // process namespace for its children cannot make any.
    let mut signals =
        Signals::new([Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].map(|s| s as i32))?;
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.spawn().map_err(|error| io::Error::new(error.kind(), format!("start {name}: {error}")))?;
    let pid = Pid::from_raw(child.id() as i32);
    for signal in signals.forever().filter_map(|signal| Signal::try_from(signal).ok()) {
        if signal == Signal::SIGCHLD {
            if let Some(code) = bury(pid)? {
                return Ok(code);
            }
        } else {
            // It may have ended by itself in this moment.
            let _ = kill(pid, signal);
        }
    }
    Err(io::Error::other("no more signals"))
}

/// Waits for all children that have ended; the exit code of `pid` if it is among them.
fn bury(pid: Pid) -> io::Result<Option<u8>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(ended, code)) if ended == pid => return Ok(Some(code as u8)),
            Ok(WaitStatus::Signaled(ended, signal, _)) if ended == pid => return Ok(Some(128 + signal as u8)),
            Ok(WaitStatus::StillAlive) => return Ok(None),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
