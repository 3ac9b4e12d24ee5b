//! Connections by the thousand: `connect SOURCE,… ADDRESS:PORT,… COUNT`. Each connects, sends a request with
//! `Connection: close`, reads to the end and closes. Prints: done, failed, seconds, connections per second in the first
//! and in the last quarter.

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Connections open at once.
const THREADS: usize = 16;
/// Longer than SYN retries take to show up in the kernel's counter.
const LIMIT: Duration = Duration::from_secs(10);

/// What all threads share.
struct Work {
    sources: Vec<IpAddr>,
    targets: Vec<SocketAddr>,
    count: u64,
    next: AtomicU64,
    failed: AtomicU64,
    started: Instant,
    /// Microseconds since the start at which the first and the third quarter were done.
    first_done: AtomicU64,
    third_done: AtomicU64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(work) = parse(&arguments) else {
        eprintln!("usage: connect SOURCE,... ADDRESS:PORT,... COUNT");
        return ExitCode::from(2);
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| work.run());
        }
    });
    work.report();
    ExitCode::SUCCESS
}

fn parse(arguments: &[String]) -> Option<Work> {
    let [sources, targets, count] = arguments else { return None };
    Some(Work {
        sources: sources.split(',').map(|source| source.parse().ok()).collect::<Option<_>>()?,
        targets: targets.split(',').map(|target| target.parse().ok()).collect::<Option<_>>()?,
        count: count.parse().ok()?,
        next: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        started: Instant::now(),
        first_done: AtomicU64::new(0),
        third_done: AtomicU64::new(0),
    })
}

impl Work {
    fn run(&self) {
        let mut buffer = vec![0; 4096];
        loop {
            let number = self.next.fetch_add(1, Relaxed);
            if number >= self.count {
                return;
            }
            if number == self.count / 4 {
                self.first_done.store(self.started.elapsed().as_micros() as u64, Relaxed);
            }
            if number == self.count / 4 * 3 {
                self.third_done.store(self.started.elapsed().as_micros() as u64, Relaxed);
            }
            let source = self.sources[number as usize % self.sources.len()];
            let target = self.targets[number as usize / self.sources.len() % self.targets.len()];
            if let Err(error) = connect(source, target, &mut buffer)
                && self.failed.fetch_add(1, Relaxed) < 5
            {
                eprintln!("{source} to {target}: {error}");
            }
        }
    }

    fn report(&self) {
        let all = self.started.elapsed().as_secs_f64();
        let failed = self.failed.load(Relaxed);
        let seconds = |value: &AtomicU64| value.load(Relaxed) as f64 / 1e6;
        let quarter = (self.count / 4) as f64;
        let first = quarter / seconds(&self.first_done);
        let last = (self.count - self.count / 4 * 3) as f64 / (all - seconds(&self.third_done));
        println!("{} {failed} {all:.3} {first:.0} {last:.0}", self.count - failed);
    }
}

fn connect(source: IpAddr, target: SocketAddr, buffer: &mut [u8]) -> io::Result<()> {
    let mut socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    // The port is chosen when connecting: it only has to differ per target then.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.set_read_timeout(Some(LIMIT))?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&target.into(), LIMIT)?;
    socket.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")?;
    let mut received = 0;
    loop {
        match socket.read(buffer)? {
            0 if received > 0 => return Ok(()),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received += count,
        }
    }
}
