//! Servers for tests, on loopback: each says what its test wants it to.

use crate::{Outcome, run};
use config::{Ask, AskedAddress, Login, Pattern, Probe, Question, Secret};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::sleep;

/// Deadline of dialogues that are to come to an end before it.
pub(super) const LONG_MS: u32 = 20_000;
/// Deadline of those that are not.
pub(super) const SHORT_MS: u32 = 300;

/// A runtime for one test.
pub(super) fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// Asks `server` once.
pub(super) async fn ask(ask: Ask, server: SocketAddr, timeout_ms: u32) -> Outcome {
    let question = Question { ask, port: None, address: AskedAddress::Backend, interval_ms: 1_000, timeout_ms };
    run(&Probe { question, address: server.ip(), port: server.port(), vip: None }, None).await
}

/// The reason of an outcome, which has to be a pass or not as `passes` says.
pub(super) fn reason(outcome: &Outcome, passes: bool) -> &str {
    assert_eq!(outcome.passed, passes, "{}\n{}", outcome.reason, outcome.transcript);
    &outcome.reason
}

pub(super) fn login(name: &str, password: &str) -> Option<Login> {
    Some(Login { login: name.into(), password: Some(Secret::new(password)) })
}

pub(super) fn pattern(text: &str) -> Option<Pattern> {
    Some(Pattern::parse(text).unwrap())
}

/// A server that holds one dialogue after another as `dialogue` says.
pub(super) async fn tcp<F, D>(dialogue: F) -> SocketAddr
where
    F: Fn(Peer) -> D + Send + 'static,
    D: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            dialogue(Peer(stream)).await;
        }
    });
    address
}

/// A server that answers each datagram with those that `answers` makes of it.
pub(super) async fn udp<F>(answers: F) -> SocketAddr
where
    F: Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
{
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut datagram = [0; 4096];
        while let Ok((count, from)) = socket.recv_from(&mut datagram).await {
            for answer in answers(&datagram[..count]) {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    });
    address
}

/// The server's end of a connection. What cannot be sent because the client left is not sent.
pub(super) struct Peer(pub TcpStream);

impl Peer {
    /// Waits for `count` bytes; fewer come when the client leaves.
    pub async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = (&mut self.0).take(count as u64).read_to_end(&mut bytes).await;
        bytes
    }

    /// Waits for a line.
    pub async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            match self.read(1).await[..] {
                [byte] => line.push(byte),
                _ => break,
            }
        }
        String::from_utf8(line).unwrap()
    }

    /// Sends `bytes`.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Sends `bytes` one by one, slower than any deadline of a test.
    pub async fn dribble(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send([*byte]).await;
            sleep(Duration::from_millis(u64::from(SHORT_MS) / 4)).await;
        }
    }

    /// Waits until the client leaves, and gives what it said meanwhile.
    pub async fn hang(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes).await;
        bytes
    }
}
