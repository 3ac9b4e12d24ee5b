//! Crowds: idle connections by the thousand, and clients that are slow in each way there is.

use super::{Stage, expect};
use lab::Result;
use lab::client::connections;
use lab::console::{ADDRESS, Browser};
use lab::error::{Act, LabError};
use lab::plan::{self, Family, size};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// Idle clients, and those of one address: fewer than one address may have, so that all places are taken.
const IDLE: usize = 1_000;
const PER_ADDRESS: usize = 50;
const SLOW: usize = 50;
/// Between two bytes of a slow client.
const BYTE_PAUSE: Duration = Duration::from_millis(500);
/// How long a client that was sent away stays away, at most.
const AWAY: Duration = Duration::from_secs(2);
/// Between two pages of a person.
const READING: Duration = Duration::from_millis(200);
/// Pages that a person opens meanwhile.
const PAGES: usize = 20;
/// Connections through the engine, before the crowd and during it.
const CONNECTIONS: (u64, u64) = (4_000, 40_000);
/// Descriptors of this process.
const DESCRIPTORS: u64 = 8_192;
/// Descriptors of the web role beside those of clients: its own, and calls to core.
const WEB_DESCRIPTORS_APART: usize = 100;
/// What a slow client gets at most beyond a limit of the console: a byte, and the scheduler of a busy machine.
const GRACE: Duration = Duration::from_secs(5);

/// In which way a client is slow, and how long the console bears it.
#[derive(Clone, Copy, Debug)]
enum Slowness {
    Handshake,
    Head,
    Body,
}

impl Slowness {
    const ALL: [Self; 3] = [Self::Handshake, Self::Head, Self::Body];

    fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Handshake => 10,
            Self::Head => 20,
            Self::Body => 75,
        })
    }
}

/// The console answers, packets pass, and the web role holds no more than it may.
pub fn walk(stage: &mut Stage) -> Result<()> {
    let browser = stage.console.signed_in(&stage.suimon, "viewer")?;
    allow_descriptors()?;
    let before = passing(stage)?;
    let config = client_config(stage)?;
    let (done, crowd, slow) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let node = stage.lab.node("a");
    let (times, during, held) = thread::scope(|scope| {
        let idle = scope.spawn(|| node.enter(|| idle(&done, &crowd)));
        let slow_ones = scope.spawn(|| {
            node.enter(|| {
                thread::scope(|scope| {
                    for number in 0..SLOW {
                        let (done, slow, config) = (&done, &slow, config.clone());
                        scope.spawn(move || slowly(done, slow, number, config));
                    }
                });
            })
        });
        let walked = meanwhile(stage, &browser, &crowd, &slow);
        done.store(true, Relaxed);
        let ended = [idle.join(), slow_ones.join()];
        for ended in ended {
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        walked
    })?;
    println!(
        "pages: half of them within {} ms, all within {} ms; packets through the engine: {during:.0} per second, {:.2} of \
         {before:.0} without the crowd; the web role held {held} descriptors",
        times[times.len() / 2].as_millis(),
        times[times.len() - 1].as_millis(),
        during / before,
    );
    expect(held <= 512 + WEB_DESCRIPTORS_APART, || format!("the web role held {held} descriptors"))?;
    let told = stage.console.daemon().said().contains("the oldest stranger's gave way");
    expect(told, || "nobody had to give way".into())?;
    browser.open("/")?.is(200).map(drop)
}

/// What happens while the crowd is there: times of pages, packets per second, descriptors of the web role.
fn meanwhile(
    stage: &Stage,
    browser: &Browser,
    crowd: &AtomicUsize,
    slow: &AtomicUsize,
) -> Result<(Vec<Duration>, f64, usize)> {
    let there = || crowd.load(Relaxed) >= IDLE && slow.load(Relaxed) >= SLOW;
    lab::command::wait_until("the crowd is there", Duration::from_secs(30), there)?;
    thread::scope(|scope| {
        let pages = scope.spawn(|| {
            let mut times = Vec::new();
            for _ in 0..PAGES {
                let began = Instant::now();
                browser.open("/")?.is(200)?;
                times.push(began.elapsed());
                sleep(READING);
            }
            times.sort();
            Ok::<_, LabError>(times)
        });
        let during = passing(stage);
        let times = pages.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let descriptors = format!("/proc/{}/fd", stage.console.daemon().pid());
        let held = std::fs::read_dir(&descriptors).act(|| format!("list {descriptors}"))?.count();
        Ok((times, during?, held))
    })
}

/// Packets per second through the engine, at new connections as fast as they are answered.
fn passing(stage: &Stage) -> Result<f64> {
    let packets = || Ok::<_, LabError>(stage.suimon.total("frames_received")? as f64);
    let (before, count) = (packets()?, size(CONNECTIONS.0, CONNECTIONS.1));
    let vip = SocketAddr::new(plan::vip(Family::V4), 80);
    let made = connections(&stage.lab, &plan::clients(Family::V4), &[vip], count)?;
    expect(made.failed == 0 && made.done == count, || format!("connections through the engine: {made:?}"))?;
    Ok((packets()? - before) / made.seconds)
}

/// Comes to an end, however it is slow: each kind alone, for it alone knows when.
pub fn ends(stage: &mut Stage) -> Result<()> {
    let config = client_config(stage)?;
    let node = stage.lab.node("a");
    let kinds = size(&Slowness::ALL[..2], &Slowness::ALL);
    let lasted = node.enter(|| {
        thread::scope(|scope| {
            let clients = kinds.iter().enumerate().map(|(number, kind)| {
                let config = config.clone();
                scope.spawn(move || {
                    let began = Instant::now();
                    let _ = one_slow(&AtomicBool::new(false), 9_000 + number, *kind, config);
                    (*kind, began.elapsed())
                })
            });
            let clients: Vec<_> = clients.collect();
            clients
                .into_iter()
                .map(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Vec<_>>()
        })
    })?;
    for (kind, lasted) in lasted {
        println!("slow {kind:?}: ended after {:.1} s", lasted.as_secs_f64());
        let limit = kind.limit();
        let kept = lasted + GRACE >= limit && lasted <= limit + GRACE;
        expect(kept, || format!("slow {kind:?} lasted {lasted:?}, the limit is {limit:?}"))?;
    }
    Ok(())
}

/// Keeps idle connections open until all is done; `there` is how many there were at once.
fn idle(done: &AtomicBool, there: &AtomicUsize) {
    let mut crowd: Vec<Option<Socket>> = (0..IDLE).map(|_| None).collect();
    while !done.load(Relaxed) {
        for (number, place) in crowd.iter_mut().enumerate() {
            if place.as_ref().is_none_or(is_over) {
                *place = connect(Ipv4Addr::new(127, 1, 0, 1 + (number / PER_ADDRESS) as u8)).ok();
            }
        }
        there.fetch_max(crowd.iter().flatten().count(), Relaxed);
        sleep(AWAY);
    }
}

fn is_over(socket: &Socket) -> bool {
    let mut byte = [std::mem::MaybeUninit::uninit(); 1];
    let _ = socket.set_nonblocking(true);
    let peeked = socket.peek(&mut byte);
    !matches!(&peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// A slow client, which comes again whenever it is sent away.
fn slowly(done: &AtomicBool, there: &AtomicUsize, number: usize, config: Arc<ClientConfig>) {
    let kind = Slowness::ALL[number % Slowness::ALL.len()];
    there.fetch_add(1, Relaxed);
    while !done.load(Relaxed) {
        let _ = one_slow(done, number, kind, config.clone());
        sleep(AWAY);
    }
}

/// One connection of it, until the console ends it.
fn one_slow(done: &AtomicBool, number: usize, kind: Slowness, config: Arc<ClientConfig>) -> io::Result<()> {
    let socket = connect(Ipv4Addr::new(127, 2, (number / 200) as u8, 1 + (number % 200) as u8))?;
    let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
    let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
    if let Slowness::Handshake = kind {
        return hello(done, socket, tls);
    }
    let mut stream = StreamOwned::new(tls, socket);
    let head = "POST /login HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\n";
    stream.write_all(head.as_bytes())?;
    if let Slowness::Body = kind {
        stream.write_all(b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\n")?;
    }
    while !done.load(Relaxed) {
        sleep(BYTE_PAUSE);
        stream.write_all(b"a")?;
        stream.flush()?;
        if is_over(&stream.sock) {
            // What it says last, if it says something.
            stream.sock.set_nonblocking(false)?;
            return stream.read(&mut [0; 1]).map(drop);
        }
    }
    Ok(())
}

/// The first message of the handshake, a byte at a time.
fn hello(done: &AtomicBool, mut socket: Socket, mut tls: ClientConnection) -> io::Result<()> {
    let mut hello = Vec::new();
    tls.write_tls(&mut hello)?;
    for byte in hello {
        if done.load(Relaxed) || is_over(&socket) {
            return Ok(());
        }
        socket.write_all(&[byte])?;
        sleep(BYTE_PAUSE);
    }
    Ok(())
}

fn connect(source: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddrV4::new(source, 0).into())?;
    let address: SocketAddr = ADDRESS.parse().map_err(io::Error::other)?;
    socket.connect_timeout(&address.into(), Duration::from_secs(5))?;
    Ok(socket)
}

fn client_config(stage: &Stage) -> Result<Arc<ClientConfig>> {
    let file = stage.suimon.file().with_file_name("data").join("web.crt");
    let certificate = CertificateDer::from_pem_file(&file).map_err(|error| LabError::Answer(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(|error| LabError::Answer(error.to_string()))?;
    let config =
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let config = config.map_err(|error| LabError::Answer(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn allow_descriptors() -> Result<()> {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS.min(hard), hard));
    raised.map_err(io::Error::from).act(|| "raise the limit of descriptors".into())
}
