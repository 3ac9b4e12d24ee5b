//! A lab: its namespaces, the programs in them, a folder for their files. All of it goes when it is dropped.

use crate::command::{self, SHORT, words};
use crate::error::{Act, LabError, Result};
use crate::leftovers;
use crate::namespace::{Namespace, ip_batch};
use crate::plan::{self, Family};
use crate::process::Daemon;
use crate::shape::{Cable, Shape, cable_line, port_name};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Labs made by this process so far.
static LABS: AtomicU32 = AtomicU32::new(0);
/// Whether labs that end from now on keep their logs.
static KEEP_LOGS: AtomicBool = AtomicBool::new(false);

/// In every namespace: no waiting for duplicate address detection, no filtering of one-sided paths, all ports usable.
const EVERYWHERE: &[&str] = &[
    "ipv6/conf/all/accept_dad=0",
    "ipv6/conf/default/accept_dad=0",
    "ipv6/conf/default/dad_transmits=0",
    "ipv6/conf/all/accept_ra=0",
    "ipv6/conf/default/accept_ra=0",
    "ipv4/conf/all/rp_filter=0",
    "ipv4/conf/default/rp_filter=0",
    "ipv4/ip_local_port_range=1024 65535",
];

/// Who a server sends its answers to, and whether it takes packets for the VIP itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Through the balancer: NAT.
    ThroughBalancer,
    /// Past it, straight to the router, with the VIP on `lo`: direct and tunnels.
    PastBalancer,
    /// To its own subnet only: full NAT must do without any route.
    NearOnly,
}

/// A lab.
#[derive(Debug)]
pub struct Lab {
    prefix: String,
    folder: PathBuf,
    shape: Shape,
    daemons: Vec<Daemon>,
    /// Held as long as the lab lives: two labs at once would take each other's time.
    _alone: Option<File>,
}

impl Lab {
    /// Builds a lab, after sweeping what dead ones left, and waits for its turn first.
    pub fn build(shape: Shape) -> Result<Self> {
        let folder = target_folder().join("lab");
        fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
        let alone = take_turn(&folder)?;
        leftovers::sweep(&folder)?;
        Self::build_beside(shape, Some(alone))
    }

    /// Builds a lab without waiting for others to end.
    pub fn build_beside(shape: Shape, alone: Option<File>) -> Result<Self> {
        let prefix = leftovers::prefix(std::process::id(), LABS.fetch_add(1, Ordering::Relaxed));
        let folder = target_folder().join("lab").join(&prefix);
        fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
        // From here on dropping it cleans up, however far it came.
        let lab = Self { prefix, folder, shape, daemons: Vec::new(), _alone: alone };
        ip_batch(&[], &lab.shape.lines_to_make(&lab.prefix))?;
        for node in lab.shape.nodes.clone() {
            let namespace = lab.node(node);
            namespace.sysctl(EVERYWHERE)?;
            if node == "switch" {
                // A switch has no addresses; and bridged packets must not meet the packet filter.
                namespace.sysctl(&["ipv6/conf/default/disable_ipv6=1", "ipv6/conf/all/disable_ipv6=1"])?;
                let _ = namespace.sysctl(&["bridge/bridge-nf-call-iptables=0", "bridge/bridge-nf-call-ip6tables=0"]);
            }
            if lab.shape.routers.contains(&node) {
                namespace.sysctl(&["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"])?;
            }
            if plan::SERVERS.contains(&node) || plan::TUNNEL_SERVERS.contains(&node) {
                // The VIP on `lo` must stay silent: neither answer ARP for it nor ask with it as the sender.
                namespace.sysctl(&["ipv4/conf/all/arp_ignore=1", "ipv4/conf/all/arp_announce=2"])?;
            }
            namespace.ip(&lab.shape.lines_inside(node))?;
        }
        Ok(lab)
    }

    /// A namespace of it.
    pub fn node(&self, node: &str) -> Namespace {
        Namespace::named(format!("{}{node}", self.prefix))
    }

    /// How the names of its namespaces begin.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Its folder, deleted with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program that runs until the lab ends.
    pub fn start(&mut self, node: &str, name: &str, command: &mut Command) -> Result<u32> {
        let daemon = self.daemon(node, name, command)?;
        let pid = daemon.pid();
        self.daemons.push(daemon);
        Ok(pid)
    }

    /// Starts a program that runs until the caller drops it.
    pub fn daemon(&self, node: &str, name: &str, command: &mut Command) -> Result<Daemon> {
        Daemon::start(&self.node(node), name, command, &self.log(node, name))
    }

    fn log(&self, node: &str, name: &str) -> PathBuf {
        self.folder.join(format!("{node}-{name}.log"))
    }

    /// SIGKILL for a program that [`Lab::start`] started.
    pub fn kill(&mut self, node: &str, name: &str) -> Result<()> {
        let log = self.log(node, name);
        let at = self.daemons.iter().position(|daemon| daemon.log() == log);
        let at = at.ok_or_else(|| LabError::Answer(format!("{name} does not run in {node}")))?;
        self.daemons.remove(at).kill().map(drop)
    }

    /// The first program that has ended although nobody asked it to, with the end of its log.
    pub fn fallen(&mut self) -> Option<String> {
        self.daemons.iter_mut().find_map(|daemon| {
            let status = daemon.ended()?;
            Some(format!("{} ended ({status}): {}", daemon.name(), daemon.said().trim_end()))
        })
    }

    /// Points the servers' answers the way a forwarding method asks for.
    pub fn answers(&self, servers: &[&str], answers: Answers) -> Result<()> {
        let verb = if answers == Answers::PastBalancer { "replace" } else { "delete" };
        let mut vips = String::new();
        for number in 0..plan::VIPS {
            for (family, rest) in [(Family::V4, "/32 dev lo"), (Family::V6, "/128 dev lo nodad")] {
                vips += &format!("address {verb} {}{rest}\n", plan::vip_number(family, number));
            }
        }
        for server in servers {
            let node = self.node(server);
            node.ip_try(&vips)?;
            match gateways(server, answers) {
                Some([v4, v6]) => {
                    node.ip(&format!("route replace default via {v4}\nroute replace default via {v6}\n"))?
                }
                None => node.ip_try("route delete 0.0.0.0/0\nroute delete ::/0\n")?,
            }
        }
        Ok(())
    }

    /// Has everybody but the balancers forget what they have learnt of paths.
    pub fn forget_paths(&self) -> Result<()> {
        for node in self.shape.nodes.iter().filter(|node| !matches!(**node, "a" | "b" | "switch")) {
            for family in ["-4", "-6"] {
                self.node(node).run(&mut words("ip", [family, "route", "flush", "cache"]), SHORT)?.success()?;
            }
        }
        Ok(())
    }

    /// Copies logs and configurations to where the next lab does not sweep them; `lab clean` does.
    fn keep_logs(&self) {
        let kept = failed_folder().join(&self.prefix);
        let mut files = files_below(&self.folder);
        files.retain(|file| file.extension().is_some_and(|kind| kind == "log" || kind == "toml" || kind == "pcap"));
        for file in files {
            let name = file.strip_prefix(&self.folder).unwrap_or(&file).display().to_string().replace('/', "-");
            // Logs are a courtesy: the failure itself has been reported.
            let _ = fs::create_dir_all(&kept).and_then(|()| fs::copy(&file, kept.join(name)));
        }
        eprintln!("logs are kept in {}", kept.display());
    }

    /// Takes a balancer's NIC away, cable and all.
    pub fn pull(&self, node: &str, nic: &str) -> Result<()> {
        self.node(node).ip(&format!("link delete {nic}\n"))
    }

    /// Puts the NIC back where [`Lab::pull`] took it from: a new device under the old name.
    pub fn plug(&self, node: &'static str, nic: &str) -> Result<()> {
        let port = port_name(node, nic);
        let bridge = self
            .shape
            .ports
            .iter()
            .find(|(_, of)| *of == port)
            .map(|(bridge, _)| *bridge)
            .ok_or_else(|| LabError::Answer(format!("no bridge has a port {port}")))?;
        let cable = Cable { near: (node, nic.into()), far: ("switch", port.clone()), mac: None };
        ip_batch(&[], &(cable_line(&self.prefix, &cable) + "\n"))?;
        self.node("switch").ip(&format!("link set {port} master {bridge} up\n"))?;
        self.node(node).ip(&format!("link set {nic} up\n"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.daemons.clear();
        for node in &self.shape.nodes {
            let name = format!("{}{node}", self.prefix);
            if Path::new("/run/netns").join(&name).exists()
                && let Err(error) = leftovers::delete_namespace(&name)
            {
                eprintln!("{error}");
            }
        }
        if KEEP_LOGS.load(Ordering::Relaxed) || std::thread::panicking() {
            self.keep_logs();
        }
        // What cannot be deleted now is swept by the next lab.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A server's default gateways, IPv4 and IPv6; `None`: it gets none.
fn gateways(server: &str, answers: Answers) -> Option<[&'static str; 2]> {
    match answers {
        Answers::ThroughBalancer => Some(["10.2.0.1", "2001:db8:2::1"]),
        Answers::PastBalancer if server.starts_with('t') => Some(["10.5.0.254", "2001:db8:5::fe"]),
        Answers::PastBalancer => Some(["10.2.0.254", "2001:db8:2::fe"]),
        Answers::NearOnly => None,
    }
}

/// From now on labs keep their logs when they end: something has failed.
pub fn keep_logs() {
    KEEP_LOGS.store(true, Ordering::Relaxed);
}

/// Where logs of failed tests are kept.
pub fn failed_folder() -> PathBuf {
    target_folder().join("lab/failed")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    inside.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Waits until no other lab runs.
fn take_turn(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).act(|| format!("open {}", path.display()))?;
    file.lock().act(|| format!("lock {}", path.display()))?;
    Ok(file)
}

/// Why no lab can be built here; `None` when one can.
pub fn obstacle() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("network namespaces need root".into());
    }
    let missing: Vec<&str> = ["ip", "nft", "nginx", "vsftpd", "curl", "wrk", "tcpdump", "iperf3"]
        .into_iter()
        .filter(|program| !command::installed(program))
        .collect();
    if !missing.is_empty() {
        return Some(format!("not installed: {} (tests/setup.sh installs them)", missing.join(", ")));
    }
    let probe = Namespace::named(format!("{}probe", leftovers::prefix(std::process::id(), u32::MAX)));
    let made =
        command::run(&mut words("ip", ["netns", "add", probe.name()]), SHORT).and_then(command::Finished::success);
    // It exists only if it could be made.
    let _ = leftovers::delete_namespace(probe.name());
    made.err().map(|error| error.to_string())
}

/// Cargo's target folder: two levels above the folder (`TARGET/debug`) that this program runs from.
pub fn target_folder() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "x86_64-unknown-linux-gnu"))
        .and_then(Path::parent)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), Path::to_path_buf)
}

/// A program of this crate, built beside the one that runs.
pub fn tool(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().act(|| "find own path".into())?;
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| LabError::Answer(format!("{name} is not built: cargo build -p lab --bins")))
}
