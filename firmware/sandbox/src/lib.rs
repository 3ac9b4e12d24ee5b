//! What a role gives up before it reads a byte from strangers.
//!
//! [`enter`] is called once, by the only thread there is, after everything was opened that needs rights and before a
//! runtime starts: Landlock and the filter of system calls bind the calling thread and those it makes later.
//!
//! Four layers, each of which holds when another one fails: a user of its own that owns no file, no capability but the
//! one needed (and no way to get one back), no path of the file system but those named (Landlock), and no system call
//! but those that the role makes (seccomp).

mod calls;
mod files;
mod identity;

pub use identity::{EXTERNAL_USER, PROBE_USER, WEB_USER};

use std::path::PathBuf;

/// What a role keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The user and group it becomes.
    pub user: u32,
    /// Whether it keeps CAP_NET_RAW, for pings and for marks on packets.
    pub net_raw: bool,
    /// What it may ask of the kernel.
    pub calls: Calls,
    /// Files and folders that it may read.
    pub readable: Vec<PathBuf>,
    /// Folders whose programs it may run.
    pub executable: Vec<PathBuf>,
    /// Files that it may write: devices such as `/dev/null`.
    pub writable: Vec<PathBuf>,
}

/// System calls that stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Those of a client of other machines: Internet sockets, no file, no program.
    Client,
    /// Those of a server whose listening sockets are open: it accepts, and connects to unix sockets only.
    Server,
    /// Those of ordinary programs, without what reaches into other processes or the kernel.
    Programs,
}

/// Why a role could not be confined. It must not go on then.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Another thread runs: it would stay free.
    #[error("confine this process: {0} threads run already, and only the calling one would be bound")]
    Threads(usize),
    /// A step that every supported kernel knows failed.
    #[error("{act}: {reason}")]
    Refused {
        /// What was tried.
        act: &'static str,
        /// What the kernel said.
        reason: String,
    },
}

impl SandboxError {
    fn refused(act: &'static str) -> impl FnOnce(&dyn std::fmt::Display) -> Self {
        move |reason| Self::Refused { act, reason: reason.to_string() }
    }
}

/// What the kernel did not know of the layers that depend on its age: sentences for the log.
pub type Shortfalls = Vec<String>;

/// Confines the calling process, for good.
pub fn enter(confinement: &Confinement) -> Result<Shortfalls, SandboxError> {
    only_thread()?;
    identity::become_user(confinement.user, confinement.net_raw)?;
    let shortfalls = files::confine(confinement)?;
    calls::confine(confinement.calls)?;
    Ok(shortfalls)
}

fn only_thread() -> Result<(), SandboxError> {
    let refused = SandboxError::refused("count threads in /proc/self/task");
    match std::fs::read_dir("/proc/self/task").map(Iterator::count) {
        Ok(1) => Ok(()),
        Ok(threads) => Err(SandboxError::Threads(threads)),
        Err(error) => Err(refused(&error)),
    }
}

impl Confinement {
    /// The role that asks servers how they are.
    pub fn probe() -> Self {
        Self {
            user: PROBE_USER,
            net_raw: true,
            calls: Calls::Client,
            readable: Vec::new(),
            executable: Vec::new(),
            writable: Vec::new(),
        }
    }

    /// The role that runs an administrator's own check programs, from `folder`.
    pub fn external(folder: PathBuf) -> Self {
        let system = ["/usr", "/bin", "/sbin", "/lib", "/lib64"].map(PathBuf::from);
        Self {
            user: EXTERNAL_USER,
            net_raw: false,
            calls: Calls::Programs,
            readable: vec!["/etc".into(), "/proc".into(), "/dev/urandom".into(), "/dev/zero".into()],
            executable: system.into_iter().chain([folder]).collect(),
            writable: vec!["/dev/null".into()],
        }
    }

    /// The role that serves the console; `readable` is what its pages are made of, if it is not in the program.
    pub fn web(readable: Vec<PathBuf>) -> Self {
        Self {
            user: WEB_USER,
            net_raw: false,
            calls: Calls::Server,
            readable,
            executable: Vec::new(),
            writable: Vec::new(),
        }
    }
}
