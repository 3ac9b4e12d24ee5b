//! Real servers, run from the [Debian tree](crate::debian): each in mount and process namespaces of its own, writing to
//! memory, with a configuration of ours under `/lab`.

pub mod bind;
pub mod chrony;
pub mod dovecot;
pub mod freeradius;
pub mod inn;
pub mod kamailio;
pub mod mariadb;
pub mod memcached;
pub mod nginx;
pub mod postfix;
pub mod postgresql;
pub mod redis;
pub mod rsyslog;
pub mod slapd;
pub mod tinyproxy;
pub mod vsftpd;

use crate::certificates::Identity;
use crate::command::{self, Finished};
use crate::error::{Act, LabError, Result};
use crate::lab::{Lab, tool};
use crate::process::Daemon;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The user that every server with users has, and its password.
pub const USER: &str = "probe";
/// Its password. Where a server has no users, it is the server's own.
pub const PASSWORD: &str = "secret";
/// Time a server has to answer after its start.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Time a client may take.
const CLIENT_LIMIT: Duration = Duration::from_secs(15);
/// Where a program's configuration is, as it sees it.
const START: &str = "/lab/start";
/// Programs run inside the tree so far: each has a folder of its own.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// A port that a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Over TCP.
    Tcp(u16),
    /// Over UDP.
    Udp(u16),
}

/// A server as it is to be run.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name in messages and of its log.
    pub name: &'static str,
    /// Files over those of the tree: absolute path, content.
    pub files: Vec<(&'static str, String)>,
    /// Shell lines, the last of which becomes the server, in the foreground.
    pub script: String,
    /// It is ready when it has all of these,
    pub ports: Vec<Port>,
    /// and has said this.
    pub says: Option<&'static str>,
}

/// The files of a TLS identity for a server's `files`.
pub fn tls_files(identity: &Identity) -> [(&'static str, String); 2] {
    [("/lab/tls/cert.pem", identity.certificate.clone()), ("/lab/tls/key.pem", identity.key.clone())]
}

/// Starts `server` in the namespace `node`; [`wait`] tells when it is ready.
pub fn start(lab: &Lab, tree: &Path, node: &str, server: &Server) -> Result<Daemon> {
    let script = [(START, format!("set -e\n{}", server.script))];
    let files: Vec<(&str, &str)> =
        server.files.iter().chain(&script).map(|(path, text)| (*path, text.as_str())).collect();
    let mut command = inside(lab, tree, server.name, &files, &["sh", START])?;
    lab.daemon(node, server.name, &mut command)
}

/// Waits until a server that listens on `address` is ready.
pub fn wait(lab: &Lab, node: &str, address: IpAddr, server: &Server, daemon: &mut Daemon) -> Result<()> {
    let namespace = lab.node(node);
    let mut ended = None;
    command::wait_until(&format!("{} is ready", server.name), READY_LIMIT, || {
        ended = daemon.ended();
        let answers = || server.ports.iter().all(|port| port_is_taken(*port, address));
        let said = || server.says.is_none_or(|words| daemon.said().contains(words));
        ended.is_some() || (said() && namespace.enter(answers).unwrap_or(false))
    })
    .map_err(|error| LabError::Answer(format!("{error}: {}", end_of(&daemon.said()))))?;
    match ended {
        None => Ok(()),
        Some(status) => Err(LabError::Answer(format!("{} ended ({status}): {}", server.name, end_of(&daemon.said())))),
    }
}

/// Runs a client from the tree in the namespace `node`; `files` lie over those of the tree.
pub fn client(lab: &Lab, tree: &Path, node: &str, files: &[(&str, &str)], line: &[&str]) -> Result<Finished> {
    let mut command = inside(lab, tree, "client", files, line)?;
    lab.node(node).run(&mut command, CLIENT_LIMIT)
}

/// The command that runs `line` inside the tree.
fn inside(lab: &Lab, tree: &Path, name: &str, files: &[(&str, &str)], line: &[&str]) -> Result<Command> {
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = lab.folder().join(format!("inside-{run}-{name}"));
    let (layer, scratch) = (folder.join("files"), folder.join("scratch"));
    fs::create_dir_all(&scratch).act(|| format!("make {}", scratch.display()))?;
    // Every program finds its own host's name.
    let hosts = ("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 server.lab.test server\n");
    for (path, text) in files.iter().chain([&hosts]) {
        write(&layer.join(path.trim_start_matches('/')), text)?;
    }
    let mut command = Command::new(tool("inside")?);
    command.arg(scratch).arg(format!("{}:{}", layer.display(), tree.display())).args(line);
    Ok(command)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder: PathBuf = path.parent().unwrap_or(path).into();
    fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
    fs::write(path, text).act(|| format!("write {}", path.display()))
}

/// Whether somebody in this namespace answers at a TCP port, or holds a UDP port.
fn port_is_taken(port: Port, address: IpAddr) -> bool {
    match port {
        Port::Tcp(port) => {
            TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_millis(200)).is_ok()
        }
        Port::Udp(port) => {
            let table = fs::read_to_string("/proc/thread-self/net/udp").unwrap_or_default();
            holds(&table, port)
        }
    }
}

/// proc(5): the second word of a line of `/proc/net/udp` is the local address and port in hexadecimal.
fn holds(table: &str, port: u16) -> bool {
    let end = format!(":{port:04X}");
    table.lines().any(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&end)))
}

/// The last lines of what a program has said.
fn end_of(text: &str) -> &str {
    const BYTES_SHOWN: usize = 2_000;
    let from = text.len().saturating_sub(BYTES_SHOWN);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[from..].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_udp_port_is_found_by_its_local_end() {
        let table = "  sl  local_address rem_address\n 1: 0B00020A:0035 00000000:007B 07\n";
        assert!(holds(table, 53));
        assert!(!holds(table, 123));
    }

    #[test]
    fn the_end_of_a_long_text_begins_at_a_character() {
        let text = "水".repeat(1_000);
        assert!(end_of(&text).chars().all(|c| c == '水'));
        assert_eq!(end_of(" short \n"), "short");
    }
}
