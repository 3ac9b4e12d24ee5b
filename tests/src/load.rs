//! Steady load from the client's namespace: every request's fate is noted, with its time.

use crate::Lab;
use crate::command;
use crate::error::{Act, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a client that waits looks whether its time is over.
const LOOK: Duration = Duration::from_millis(50);

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// HTTP, each request on a connection of its own.
    Anew,
    /// HTTP on one connection, which is made anew when it breaks.
    Kept,
    /// UDP echo, from one socket.
    Datagrams,
}

/// A client of the load.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// How it asks.
    pub way: Way,
    /// From where.
    pub source: IpAddr,
    /// Whom.
    pub target: SocketAddr,
    /// Between an answer and the next request.
    pub pause: Duration,
    /// A request without an answer for so long is lost. A kept connection goes on waiting, and loses one more each time.
    pub patience: Duration,
    /// Requests behind which a connection or socket is made anew; 0: never.
    pub renew: u32,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Answered, over HTTP by the server of that name.
    Answered(String),
    /// An error instead of an answer.
    Failed(ErrorKind),
    /// Nothing.
    Silent,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Position of its client.
    pub client: usize,
    /// When it was sent.
    pub begun: Instant,
    /// When that became clear.
    pub ended: Instant,
    /// What became of it.
    pub fate: Fate,
}

impl Asked {
    /// Whether no answer came.
    pub fn is_lost(&self) -> bool {
        !matches!(self.fate, Fate::Answered(_))
    }
}

/// The load, until it is stopped.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    /// Kept connections that have waited longer than their patience.
    waiting: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

impl Load {
    /// Starts all clients, one thread each.
    pub fn start(lab: &Lab, clients: &[Client]) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let owned = clients.to_vec();
        let theirs = shared.clone();
        // A thread begins in the network namespace of the one that starts it.
        let threads = lab.node("client").enter(move || {
            let spawn = |(at, client)| {
                let shared = theirs.clone();
                thread::spawn(move || run(&shared, at, client))
            };
            owned.into_iter().enumerate().map(spawn).collect()
        })?;
        Ok(Self { shared, threads })
    }

    /// All requests whose fate is known by now.
    pub fn so_far(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every kept connection has its answer, or has broken.
    pub fn wait_for_the_silent(&self, limit: Duration) -> Result<()> {
        command::wait_until("kept connections are answered", limit, || self.shared.waiting.load(Relaxed) == 0)
    }

    /// Ends it; requests under way still have their time.
    pub fn stop(mut self) -> Result<Vec<Asked>> {
        self.shared.ended.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| io::Error::other("a client panicked")).act(|| "end the load".into())?;
        }
        Ok(self.so_far())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.ended.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn note(&self, client: usize, begun: Instant, fate: Fate) {
        let asked = Asked { client, begun, ended: Instant::now(), fate };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }

    fn ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
}

/// One client, until the end.
fn run(shared: &Shared, at: usize, client: Client) {
    // Clients that begin at the same moment would ask at the same moment for ever.
    thread::sleep(client.pause * (at as u32 % 7) / 7);
    while !shared.ended() {
        match client.way {
            Way::Anew => {
                let begun = Instant::now();
                let fate = connect(&client).and_then(|stream| ask(shared, at, &client, &stream, begun));
                shared.note(at, begun, fate.unwrap_or_else(failed));
                thread::sleep(client.pause);
            }
            Way::Kept => kept(shared, at, &client),
            Way::Datagrams => datagrams(shared, at, &client),
        }
    }
}

/// Requests on one connection until it breaks, is renewed, or all ends.
fn kept(shared: &Shared, at: usize, client: &Client) {
    let begun = Instant::now();
    let stream = match connect(client) {
        Ok(stream) => stream,
        Err(error) => {
            shared.note(at, begun, failed(error));
            return thread::sleep(client.pause);
        }
    };
    for number in 1.. {
        let begun = Instant::now();
        let fate = ask(shared, at, client, &stream, begun).unwrap_or_else(failed);
        let goes_on = matches!(fate, Fate::Answered(_)) && number != client.renew;
        shared.note(at, begun, fate);
        thread::sleep(client.pause);
        if !goes_on || shared.ended() {
            return;
        }
    }
}

fn connect(client: &Client) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(client.target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_read_timeout(Some(LOOK))?;
    socket.bind(&SocketAddr::new(client.source, 0).into())?;
    socket.connect_timeout(&client.target.into(), client.patience)?;
    Ok(socket)
}

/// One request; the answer is one line, the server's name.
fn ask(shared: &Shared, at: usize, client: &Client, mut stream: &Socket, begun: Instant) -> io::Result<Fate> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")?;
    let (mut answer, mut silent) = (Vec::new(), 0);
    let fate = loop {
        let mut block = [0; 4096];
        match stream.read(&mut block) {
            Ok(0) => break Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => answer.extend_from_slice(&block[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => break Err(error),
        }
        if let Some(name) = body(&answer) {
            break Ok(Fate::Answered(name));
        }
        if begun.elapsed() >= client.patience * (silent + 1) {
            if client.way != Way::Kept || shared.ended() {
                break Ok(Fate::Silent);
            }
            if silent == 0 {
                shared.waiting.fetch_add(1, Relaxed);
            }
            silent += 1;
            shared.note(at, begun, Fate::Silent);
        }
    };
    if silent > 0 {
        shared.waiting.fetch_sub(1, Relaxed);
    }
    fate
}

/// The answer's body without the end of its line, once all of it is there.
fn body(answer: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(answer).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    body.strip_suffix('\n').map(str::to_owned)
}

/// Datagrams from one socket, one after the other; an answer that comes after its time is passed over.
fn datagrams(shared: &Shared, at: usize, client: &Client) {
    let opened = UdpSocket::bind((client.source, 0)).and_then(|socket| {
        socket.set_read_timeout(Some(client.patience))?;
        socket.connect(client.target)?;
        Ok(socket)
    });
    let socket = match opened {
        Ok(socket) => socket,
        Err(error) => return shared.note(at, Instant::now(), failed(error)),
    };
    let mut number = 0u32;
    while !shared.ended() && (number == 0 || number != client.renew) {
        number += 1;
        let begun = Instant::now();
        let fate = datagram(&socket, &number.to_be_bytes()).unwrap_or_else(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Fate::Silent,
            _ => failed(error),
        });
        shared.note(at, begun, fate);
        thread::sleep(client.pause);
    }
}

fn datagram(socket: &UdpSocket, payload: &[u8]) -> io::Result<Fate> {
    socket.send(payload)?;
    let mut answer = [0; 64];
    loop {
        let length = socket.recv(&mut answer)?;
        if answer[..length] == *payload {
            return Ok(Fate::Answered(String::new()));
        }
    }
}

fn failed(error: io::Error) -> Fate {
    match error.kind() {
        // connect_timeout's own end, where the kernel has said nothing.
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Fate::Silent,
        kind => Fate::Failed(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_line() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ns1"), None);
        assert_eq!(body(b"HTTP/1.1 200 OK\r\n\r\ns1\n").as_deref(), Some("s1"));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
