//! A process that is confined as a role is, and tries what it must not be able to do. The test starts itself anew: to be
//! confined is for good.

#![allow(clippy::unwrap_used)]

use libtest_mimic::{Arguments, Failed, Trial};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::ptrace;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{Pid, Uid, getppid};
use sandbox::{Calls, Confinement};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, Stdio};

/// What is tried: name, and whether it succeeds when nothing confines (root), as `probe`, as `web`, as `external`.
const TRIED: &[(&str, [bool; 4])] = &[
    ("open /etc/shadow", [true, false, false, false]),
    ("read /etc/passwd", [true, false, false, true]),
    ("list /proc", [true, false, false, true]),
    ("make a file in /tmp", [true, false, false, false]),
    ("write /dev/null", [true, false, false, true]),
    ("connect to another port", [true, true, false, true]),
    ("make a udp socket", [true, true, false, true]),
    ("make a packet socket", [true, false, false, false]),
    ("pair of unix sockets", [true, false, false, true]),
    ("run a program", [true, false, false, true]),
    ("trace the parent", [true, false, false, false]),
    ("new user namespace", [true, false, false, false]),
    ("new network namespace", [true, false, false, false]),
    ("ask bpf", [true, false, false, false]),
    ("become root again", [true, false, false, false]),
    ("start a thread", [true, true, true, true]),
];

const KINDS: [&str; 4] = ["free", "probe", "web", "external"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mark, kind, port] = &arguments[..]
        && mark == "--as"
    {
        try_all(kind, port.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let root = Uid::effective().is_root();
    let trials = KINDS
        .iter()
        .enumerate()
        .map(|(at, kind)| Trial::test(format!("as {kind}"), move || check(at, kind)).with_ignored_flag(!root));
    let threads = Trial::test("two threads are not confined", refuses_threads).with_ignored_flag(!root);
    libtest_mimic::run(&Arguments::from_args(), trials.chain([threads]).collect()).exit_code()
}

fn confinement(kind: &str) -> Option<Confinement> {
    match kind {
        "probe" => Some(Confinement::probe()),
        "web" => Some(Confinement::web(Vec::new())),
        "external" => Some(Confinement::external("/usr/lib".into())),
        _ => None,
    }
}

/// The child: is confined, tries, waits until it was looked at.
fn try_all(kind: &str, port: u16) {
    if let Some(confinement) = confinement(kind) {
        let shortfalls = sandbox::enter(&confinement).unwrap();
        assert_eq!(shortfalls, Vec::<String>::new(), "this kernel is new enough");
    }
    let worker = std::thread::spawn(std::thread::park);
    for (name, _) in TRIED {
        println!("{name}: {}", attempt(name, port));
    }
    println!("done");
    // The parent looks at the threads meanwhile.
    let _ = std::io::stdin().read(&mut [0]);
    drop(worker);
}

fn attempt(name: &str, port: u16) -> bool {
    match name {
        "open /etc/shadow" => fs::File::open("/etc/shadow").is_ok(),
        "read /etc/passwd" => fs::read("/etc/passwd").is_ok(),
        "list /proc" => fs::read_dir("/proc").is_ok(),
        "make a file in /tmp" => {
            let path = format!("/tmp/suimon-confined-{}", std::process::id());
            let made = fs::write(&path, "x").is_ok();
            let _ = fs::remove_file(path);
            made
        }
        "write /dev/null" => fs::File::options().write(true).open("/dev/null").is_ok(),
        "connect to another port" => TcpStream::connect(("127.0.0.1", port)).is_ok(),
        "make a udp socket" => UdpSocket::bind("127.0.0.1:0").is_ok(),
        "make a packet socket" => socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None).is_ok(),
        "pair of unix sockets" => UnixStream::pair().is_ok(),
        "run a program" => Command::new("/usr/bin/true").status().is_ok_and(|status| status.success()),
        "trace the parent" => trace(getppid()),
        "new user namespace" => in_thread(|| unshare(CloneFlags::CLONE_NEWUSER)),
        "new network namespace" => in_thread(|| unshare(CloneFlags::CLONE_NEWNET)),
        "ask bpf" => aya::sys::is_map_supported(aya::maps::MapType::Array).unwrap_or(false),
        "become root again" => nix::unistd::setuid(Uid::from_raw(0)).is_ok(),
        "start a thread" => std::thread::spawn(|| true).join().unwrap(),
        _ => unreachable!("{name}"),
    }
}

fn trace(process: Pid) -> bool {
    let seized = ptrace::seize(process, ptrace::Options::empty());
    if seized.is_ok() {
        let _ = ptrace::detach(process, None);
    }
    seized.is_ok()
}

// A process of several threads cannot make a user namespace; EINVAL then means that it was allowed to ask.
fn in_thread(act: impl FnOnce() -> nix::Result<()> + Send + 'static) -> bool {
    matches!(std::thread::spawn(act).join().unwrap(), Ok(()) | Err(Errno::EINVAL))
}

fn start(kind: &str, port: u16) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--as", kind, &port.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn check(at: usize, kind: &str) -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = start(kind, listener.local_addr().unwrap().port());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = BTreeMap::new();
    for line in lines.by_ref().map_while(Result::ok).take_while(|line| line != "done") {
        let (name, outcome) = line.split_once(": ").unwrap();
        seen.insert(name.to_owned(), outcome == "true");
    }
    let states = thread_states(child.id());
    let _ = child.stdin.take().unwrap().write_all(b"x");
    child.wait().unwrap();
    for (name, expected) in TRIED {
        if seen.get(*name) != Some(&expected[at]) {
            return Err(format!("{name}: {:?}, expected {}", seen.get(*name), expected[at]).into());
        }
    }
    match confinement(kind) {
        Some(confinement) => check_threads(&confinement, &states),
        None => Ok(()),
    }
}

/// `/proc/PID/task/*/status` of every thread.
fn thread_states(process: u32) -> Vec<BTreeMap<String, String>> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let fields = status.lines().filter_map(|line| line.split_once(":\t"));
            fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
        })
        .collect()
}

fn check_threads(confinement: &Confinement, states: &[BTreeMap<String, String>]) -> Result<(), Failed> {
    assert!(states.len() >= 2, "the child has a second thread");
    // capabilities(7): CAP_NET_RAW is bit 13.
    let kept = if confinement.net_raw { "0000000000002000" } else { "0000000000000000" };
    let none = "0000000000000000";
    let user = [confinement.user.to_string().as_str(); 4].join("\t");
    let expected = [
        ("Seccomp", "2"),
        ("NoNewPrivs", "1"),
        ("Uid", &user),
        ("Gid", &user),
        ("Groups", ""),
        ("CapInh", none),
        ("CapPrm", kept),
        ("CapEff", kept),
        ("CapBnd", kept),
        ("CapAmb", none),
    ];
    for state in states {
        for (field, value) in expected {
            if state.get(field).map(String::as_str) != Some(value) {
                return Err(format!("{field} is {:?}, expected {value}", state.get(field)).into());
            }
        }
    }
    Ok(())
}

fn refuses_threads() -> Result<(), Failed> {
    let confinement = Confinement { calls: Calls::Client, ..Confinement::probe() };
    match sandbox::enter(&confinement) {
        Err(sandbox::SandboxError::Threads(threads)) if threads > 1 => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
