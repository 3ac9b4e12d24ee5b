//! UDP packets as fast as the kernel takes them: `blast SECONDS THREADS SOURCE,… ADDRESS:PORT`. Frames of 64 bytes, four
//! flows per source and thread, in batches that change the flow. Prints how many packets were sent, and in how many
//! seconds.

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// A frame of 64 bytes has 14 of Ethernet, 20 of IPv4 and 8 of UDP before this.
const PAYLOAD: [u8; 22] = [0x55; 22];
/// Packets per system call.
const BATCH: usize = 64;
/// Flows per source address in each thread.
const FLOWS_PER_SOURCE: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((seconds, threads, sources, target)) = parse(&arguments) else {
        eprintln!("usage: blast SECONDS THREADS SOURCE,... ADDRESS:PORT");
        return ExitCode::from(2);
    };
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(seconds);
    let sent: io::Result<u64> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| send(&sources, target, end))).collect();
        running.into_iter().map(|thread| thread.join().expect("send does not panic")).sum()
    });
    match sent {
        Ok(sent) => {
            println!("{sent} {:.3}", started.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("send to {target}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<(f64, usize, Vec<IpAddr>, SocketAddr)> {
    let [seconds, threads, sources, target] = arguments else { return None };
    let sources = sources.split(',').map(|source| source.parse().ok()).collect::<Option<_>>()?;
    Some((seconds.parse().ok()?, threads.parse().ok()?, sources, target.parse().ok()?))
}

fn send(sources: &[IpAddr], target: SocketAddr, end: Instant) -> io::Result<u64> {
    let mut sockets = Vec::new();
    for source in sources {
        for _ in 0..FLOWS_PER_SOURCE {
            let socket = UdpSocket::bind((*source, 0))?;
            socket.connect(target)?;
            sockets.push(socket);
        }
    }
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let slices: Vec<[IoSlice<'_>; 1]> = (0..BATCH).map(|_| [IoSlice::new(&PAYLOAD)]).collect();
    let addresses = [None; BATCH];
    let mut sent = 0;
    while Instant::now() < end {
        for socket in &sockets {
            let batch = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, addresses, [], MsgFlags::empty());
            match batch {
                Ok(results) => sent += results.count() as u64,
                // The kernel's word on an earlier packet, or no room just now: the next batch is as good.
                Err(nix::Error::ECONNREFUSED | nix::Error::ENOBUFS | nix::Error::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(sent)
}
