//! What clients do: real HTTP, FTP and UDP from the client's namespace.

use crate::command::{Finished, words};
use crate::error::{Act, LabError, Result};
use crate::lab::{Lab, tool};
use crate::plan;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// Time one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// Time one large transfer may take.
const TRANSFER_LIMIT: Duration = Duration::from_secs(60);
/// How long the UDP client waits for an answer, and how often it asks: the first try may meet a smaller path MTU and
/// be answered by an ICMP message only.
const ECHO_WAIT: Duration = Duration::from_millis(500);
const ECHO_TRIES: u32 = 4;

/// Sends `count` HTTP requests from `source`, each on a connection of its own; who answered, in order.
pub fn requests(lab: &Lab, source: IpAddr, target: SocketAddr, count: usize) -> Result<Vec<String>> {
    let url = format!("http://{}:{}/?[1-{count}]", plan::in_url(target.ip()), target.port());
    let limit = Duration::from_secs(5 + count as u64 / 50);
    let output = curl(lab, source, &["-H", "Connection: close", &url], REQUEST_LIMIT, limit)?.success()?;
    let answers: Vec<String> = output.lines().map(str::to_string).collect();
    if answers.len() == count {
        Ok(answers)
    } else {
        Err(LabError::Answer(format!("{count} requests to {target}: {} answers", answers.len())))
    }
}

/// How many answers came from whom.
pub fn shares(answers: &[String]) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for answer in answers {
        *shares.entry(answer.as_str()).or_default() += 1;
    }
    shares
}

/// Downloads `/down/NAME` through `target` and compares it with the file of that name among the shared ones.
pub fn download(lab: &Lab, source: IpAddr, target: SocketAddr, name: &str) -> Result<()> {
    let url = format!("http://{}:{}/down/{name}", plan::in_url(target.ip()), target.port());
    fetch(lab, source, &[&url], name)
}

/// Gets the file over FTP; `options` choose active or passive.
pub fn ftp(lab: &Lab, source: IpAddr, target: IpAddr, name: &str, options: &[&str]) -> Result<()> {
    let url = format!("ftp://{}/{name}", plan::in_url(target));
    fetch(lab, source, &[options, &[url.as_str()]].concat(), name)
}

fn fetch(lab: &Lab, source: IpAddr, arguments: &[&str], name: &str) -> Result<()> {
    let received = lab.folder().join("received");
    let path = received.display().to_string();
    curl(lab, source, &[&["-o", &path], arguments].concat(), TRANSFER_LIMIT, TRANSFER_LIMIT)?.success()?;
    same_content(&received, &lab.folder().join("shared").join(name))
}

/// Uploads the shared file `name` by PUT as `/up/STORED`.
pub fn upload(lab: &Lab, source: IpAddr, target: SocketAddr, name: &str, stored: &str) -> Result<()> {
    let url = format!("http://{}:{}/up/{stored}", plan::in_url(target.ip()), target.port());
    let file = lab.folder().join("shared").join(name).display().to_string();
    curl(lab, source, &["-T", &file, "-H", "Expect:", &url], TRANSFER_LIMIT, TRANSFER_LIMIT)?.success().map(drop)
}

fn curl(lab: &Lab, source: IpAddr, arguments: &[&str], each: Duration, all: Duration) -> Result<Finished> {
    let (source, each) = (source.to_string(), each.as_secs().to_string());
    let fixed = ["-sS", "--fail", "--noproxy", "*", "--interface", &source, "--max-time", &each];
    lab.node("client").run(&mut words("curl", fixed.into_iter().chain(arguments.iter().copied())), all)
}

/// An error unless both files hold the same bytes.
pub fn same_content(one: &Path, other: &Path) -> Result<()> {
    let open = |path: &Path| File::open(path).map(BufReader::new).act(|| format!("open {}", path.display()));
    let (mut left, mut right) = (open(one)?, open(other)?);
    let (mut left_bytes, mut right_bytes) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut position = 0;
    loop {
        let left_count = fill(&mut left, &mut left_bytes).act(|| format!("read {}", one.display()))?;
        let right_count = fill(&mut right, &mut right_bytes).act(|| format!("read {}", other.display()))?;
        if left_bytes[..left_count] != right_bytes[..right_count] {
            let (one, other) = (one.display(), other.display());
            return Err(LabError::Answer(format!("{one} and {other} differ behind byte {position}")));
        }
        if left_count == 0 {
            return Ok(());
        }
        position += left_count;
    }
}

fn fill(file: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Sends one datagram of each size and expects each back unchanged.
pub fn echo(lab: &Lab, source: IpAddr, target: SocketAddr, sizes: &[usize]) -> Result<()> {
    lab.node("client").enter(|| datagrams(source, target, sizes))?
}

/// The same, in the namespace of the caller.
pub fn datagrams(source: IpAddr, target: SocketAddr, sizes: &[usize]) -> Result<()> {
    let socket = UdpSocket::bind((source, 0)).act(|| format!("bind {source}"))?;
    socket.set_read_timeout(Some(ECHO_WAIT)).act(|| "set a read limit".into())?;
    socket.connect(target).act(|| format!("connect to {target}"))?;
    sizes.iter().try_for_each(|size| echo_one(&socket, target, *size))
}

fn echo_one(socket: &UdpSocket, target: SocketAddr, size: usize) -> Result<()> {
    let payload: Vec<u8> = (0..size).map(|at| (at * 31 + size) as u8).collect();
    let mut buffer = vec![0; 65_535];
    for _ in 0..ECHO_TRIES {
        match socket.send(&payload) {
            Ok(_) => {}
            // Linux, EMSGSIZE: the path MTU has just been learnt; the next try is cut to it.
            Err(error) if error.raw_os_error() == Some(nix::libc::EMSGSIZE) => continue,
            Err(error) => return Err(error).act(|| format!("send {size} bytes to {target}")),
        }
        match socket.recv(&mut buffer) {
            // The answer to an earlier try of another size may come late.
            Ok(length) if length != size => {}
            Ok(_) if buffer[..size] == payload => return Ok(()),
            Ok(_) => return Err(LabError::Answer(format!("{size} bytes from {target} came back changed"))),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.raw_os_error() == Some(nix::libc::EMSGSIZE) => {}
            Err(error) => return Err(error).act(|| format!("receive {size} bytes from {target}")),
        }
    }
    Err(LabError::Answer(format!("{size} bytes to {target}: no answer to {ECHO_TRIES} tries")))
}

/// What the connection client measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connections {
    /// Connections that were answered.
    pub done: u64,
    /// Connections that failed.
    pub failed: u64,
    /// Seconds it all took.
    pub seconds: f64,
    /// Connections per second in the first quarter.
    pub first_quarter: f64,
    /// Connections per second in the last quarter.
    pub last_quarter: f64,
}

/// Opens `count` connections, one after the other in each of a few threads: request, answer, close.
pub fn connections(lab: &Lab, sources: &[IpAddr], targets: &[SocketAddr], count: u64) -> Result<Connections> {
    let list = |items: &[String]| items.join(",");
    let sources = list(&sources.iter().map(ToString::to_string).collect::<Vec<_>>());
    let targets = list(&targets.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut command = words(&tool("connect")?.display().to_string(), [sources, targets, count.to_string()]);
    let limit = Duration::from_secs(30 + count / 1_000);
    let output = lab.node("client").run(&mut command, limit)?.success()?;
    let numbers: Vec<f64> = output.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [done, failed, seconds, first_quarter, last_quarter] => {
            Ok(Connections { done: done as u64, failed: failed as u64, seconds, first_quarter, last_quarter })
        }
        _ => Err(LabError::Answer(format!("connect said: {output}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_found() {
        let folder = std::env::temp_dir().join(format!("same-content-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let (one, other) = (folder.join("one"), folder.join("other"));
        let mut bytes = vec![7; 3 << 20];
        std::fs::write(&one, &bytes).expect("write");
        std::fs::write(&other, &bytes).expect("write");
        assert!(same_content(&one, &other).is_ok());
        bytes[(2 << 20) + 5] = 8;
        std::fs::write(&other, &bytes).expect("write");
        assert!(same_content(&one, &other).is_err());
        bytes.pop();
        std::fs::write(&one, &bytes).expect("write");
        assert!(same_content(&one, &other).is_err());
        std::fs::remove_dir_all(&folder).expect("it is there");
    }

    #[test]
    fn shares_count_by_name() {
        let answers = ["s1", "s2", "s1"].map(String::from);
        assert_eq!(shares(&answers), BTreeMap::from([("s1", 2), ("s2", 1)]));
    }
}
