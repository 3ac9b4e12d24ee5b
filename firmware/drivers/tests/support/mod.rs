//! A client and a server in network namespaces, joined by a bridge made of packet wires in a third one.

#![allow(dead_code, reason = "tests and the measuring example use different parts")]

pub mod bridge;
pub mod traffic;

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// The bridge's NICs: towards the client, towards the server.
pub const NICS: [&str; 2] = ["near", "far"];
pub const CLIENT: [&str; 2] = ["10.77.0.1", "fd77::1"];
pub const SERVER: [&str; 2] = ["10.77.0.2", "fd77::2"];
const MACS: [&str; 2] = ["02:00:00:00:77:01", "02:00:00:00:77:02"];

/// Whether the test can run; says so when it cannot.
pub fn is_root(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: {test} needs root for network namespaces");
    }
    root
}

/// A network namespace, deleted when dropped.
pub struct Net {
    name: String,
}

impl Net {
    pub fn new(role: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let net = Self { name: format!("wire-{}-{count}-{role}", std::process::id()) };
        run("ip", &format!("netns add {}", net.name));
        net.ip("link set lo up");
        net
    }

    /// Runs `ip` in the namespace.
    pub fn ip(&self, arguments: &str) {
        run("ip", &format!("-n {} {arguments}", self.name));
    }

    /// Runs a program in the namespace.
    pub fn exec(&self, arguments: &str) {
        run("ip", &format!("netns exec {} {arguments}", self.name));
    }

    /// Runs a thread in the namespace; threads that it starts are there too.
    pub fn spawn<T: Send + 'static>(&self, body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::spawn(move || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            body()
        })
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// Client - near [bridge] far - server.
pub struct Line {
    pub client: Net,
    pub middle: Net,
    pub server: Net,
}

impl Line {
    pub fn new(mtu: u32) -> Self {
        let line = Self { client: Net::new("c"), middle: Net::new("m"), server: Net::new("s") };
        for side in 0..2 {
            line.join(side, mtu);
        }
        line
    }

    /// Makes the veth pair of one side, 0 for the client's.
    pub fn join(&self, side: usize, mtu: u32) {
        let end = [&self.client, &self.server][side];
        let nic = NICS[side];
        let queues = "numtxqueues 2 numrxqueues 2";
        self.middle.ip(&format!(
            "link add {nic} mtu {mtu} {queues} type veth peer name eth0 mtu {mtu} {queues} address {} netns {}",
            MACS[side], end.name
        ));
        self.middle.ip(&format!("link set {nic} addrgenmode none"));
        end.ip("link set eth0 addrgenmode none");
        self.middle.ip(&format!("link set {nic} up"));
        end.ip("link set eth0 up");
        let (own, other) = ([CLIENT, SERVER][side], [SERVER, CLIENT][side]);
        for (address, length) in own.iter().zip([24, 64]) {
            end.ip(&format!("addr add {address}/{length} dev eth0 nodad"));
        }
        for address in other {
            end.ip(&format!("neigh replace {address} lladdr {} dev eth0 nud permanent", MACS[1 - side]));
        }
    }

    /// Loads nftables rules in the bridge's namespace.
    pub fn nft(&self, rules: &str) {
        let path = std::env::temp_dir().join(format!("{}.nft", self.middle.name));
        std::fs::write(&path, rules).unwrap();
        self.middle.exec(&format!("nft -f {}", path.display()));
        std::fs::remove_file(&path).unwrap();
    }
}

fn run(program: &str, arguments: &str) {
    let output = Command::new(program).args(arguments.split_whitespace()).stdin(Stdio::null()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {error}");
}
