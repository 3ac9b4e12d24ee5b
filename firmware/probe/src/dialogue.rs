//! A dialogue with a server: one connection, plain or with TLS, of which everything is written down.
//!
//! There is one deadline for all of it, kept by [`crate::run`]: it ends whatever a dialogue waits for. So nothing here
//! has a timeout of its own, but everything says with [`Dialogue::act`] what it is about, for the sentence that tells
//! what the deadline found. Every reading has a limit of bytes.

mod connecting;
mod datagram;
mod stream;

use crate::transcript::{Direction, Recorder};
use crate::{Failure, Outcome};
use config::Probe;
use regex::bytes::Regex;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use stream::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;

/// Bytes of one line of an answer, its end included. The longest that a protocol of these kinds asks for is IMAP's
/// with its capabilities (RFC 2683 3.2.1.5: 8000).
pub const LINE_BYTES_MAX: usize = 8 * 1024;
/// Lines of one answer that has several.
pub const ANSWER_LINES_MAX: usize = 256;
/// Bytes searched for an expected text.
pub const EXPECT_BYTES_MAX: usize = 16 * 1024;
/// Bytes received in a whole dialogue, TLS taken off.
pub const RECEIVED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes read at once.
const CHUNK_BYTES: usize = 4 * 1024;

/// A dialogue with a server.
pub struct Dialogue {
    to: SocketAddr,
    mark: Option<u32>,
    started: Instant,
    deadline: Instant,
    timeout_ms: u32,
    stream: Stream,
    datagrams: Option<UdpSocket>,
    /// Received, and not yet read.
    unread: Vec<u8>,
    received_bytes: usize,
    act: String,
    recorder: Recorder,
    warnings: Vec<String>,
    certificate_days: Option<i64>,
    weight_percent: Option<u32>,
}

impl Dialogue {
    /// Begins: the time of its deadline runs from now on.
    pub fn new(probe: &Probe, mark: Option<u32>) -> Self {
        let started = Instant::now();
        let timeout_ms = probe.question.timeout_ms;
        Self {
            to: SocketAddr::new(probe.asked_address(), probe.port),
            mark,
            started,
            deadline: started + Duration::from_millis(u64::from(timeout_ms)),
            timeout_ms,
            stream: Stream::None,
            datagrams: None,
            unread: Vec::new(),
            received_bytes: 0,
            act: "beginning".to_owned(),
            recorder: Recorder::default(),
            warnings: Vec::new(),
            certificate_days: None,
            weight_percent: None,
        }
    }

    /// When everything must be over.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whom it is held with.
    pub fn server(&self) -> SocketAddr {
        self.to
    }

    /// SO_MARK for sockets of the kind's own; see [`crate::Request::Set`].
    pub fn mark(&self) -> Option<u32> {
        self.mark
    }

    /// Says what is being done from now on, as in "waiting for the greeting".
    pub fn act(&mut self, act: impl Into<String>) {
        self.act = act.into();
    }

    /// Hides `secret` in the transcript wherever it is said. Who sends a secret in another form than this uses
    /// [`Dialogue::send_shown_as`] too.
    pub fn hide(&mut self, secret: impl AsRef<[u8]>) {
        self.recorder.hide(secret.as_ref());
    }

    /// Writes down what happened.
    pub fn note(&mut self, text: impl AsRef<str>) {
        self.record(Direction::Note, text.as_ref().as_bytes());
    }

    /// Writes down what a kind with a socket of its own sent or received.
    pub fn record(&mut self, direction: Direction, bytes: &[u8]) {
        self.recorder.add(self.at_ms(), direction, bytes);
    }

    fn at_ms(&self) -> u32 {
        self.started.elapsed().as_millis().min(u128::from(u32::MAX)) as u32
    }

    /// Adds what the administrator should know although the check passes.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        self.note(&warning);
        self.warnings.push(warning);
    }

    /// Says what share of its weight the server asks for.
    pub fn weight_percent(&mut self, percent: u32) {
        self.weight_percent = Some(percent);
    }

    /// Reads a second connection until the server closes it, but no more than `limit` bytes.
    pub async fn read_beside(&mut self, mut stream: TcpStream, limit: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while bytes.len() <= limit {
            let mut chunk = [0; CHUNK_BYTES];
            let broken = |source| Failure::Broken { act: self.act.clone(), source };
            let count = stream.read(&mut chunk).await.map_err(broken)?;
            if count == 0 {
                return Ok(bytes);
            }
            self.record(Direction::Received, &chunk[..count]);
            self.count_received(count)?;
            bytes.extend_from_slice(&chunk[..count]);
        }
        Err(Failure::TooLong { act: self.act.clone(), limit })
    }

    /// The own address of the connection.
    pub fn own_address(&self) -> Option<IpAddr> {
        self.own_endpoint().map(|own| own.ip())
    }

    /// The own address and port, of the connection or else of the datagrams.
    pub fn own_endpoint(&self) -> Option<SocketAddr> {
        let of_datagrams = || self.datagrams.as_ref().and_then(|socket| socket.local_addr().ok());
        self.stream.own_endpoint().or_else(of_datagrams)
    }

    /// Sends `bytes`.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.record(Direction::Sent, bytes.as_ref());
        self.write(bytes.as_ref()).await
    }

    /// Sends `bytes` that hold a secret; the transcript says `shown` instead.
    pub async fn send_shown_as(&mut self, bytes: impl AsRef<[u8]>, shown: &str) -> Result<(), Failure> {
        self.record(Direction::Sent, shown.as_bytes());
        self.write(bytes.as_ref()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        written.await.map_err(|source| Failure::Broken { act: format!("sending while {}", self.act), source })
    }

    /// Sends a line.
    pub async fn send_line(&mut self, line: &str) -> Result<(), Failure> {
        self.send(format!("{line}\r\n")).await
    }

    /// Reads one line, without its end.
    pub async fn read_line(&mut self) -> Result<String, Failure> {
        Ok(without_end(self.read_until(b"\n", LINE_BYTES_MAX).await?))
    }

    /// Reads one line, which may also end with the connection.
    pub async fn read_line_or_end(&mut self) -> Result<String, Failure> {
        match self.read_until(b"\n", LINE_BYTES_MAX).await {
            Err(Failure::Closed { .. }) if !self.unread.is_empty() => Ok(without_end(std::mem::take(&mut self.unread))),
            line => line.map(without_end),
        }
    }

    /// Reads to `end`, which is part of what is given, but no more than `limit` bytes.
    pub async fn read_until(&mut self, end: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
        let mut searched = 0;
        loop {
            let from = usize::saturating_sub(searched, end.len() - 1);
            let found = self.unread[from..].windows(end.len()).position(|window| window == end);
            if let Some(at) = found.map(|at| from + at + end.len()).filter(|at| *at <= limit) {
                return Ok(self.take(at));
            }
            searched = self.unread.len();
            self.fill_below(limit).await?;
        }
    }

    /// Reads exactly `count` bytes, of which there may be no more than `limit`.
    pub async fn read_exact(&mut self, count: usize, limit: usize) -> Result<Vec<u8>, Failure> {
        if count > limit {
            return Err(Failure::TooLong { act: self.act.clone(), limit });
        }
        while self.unread.len() < count {
            self.fill_or_closed().await?;
        }
        Ok(self.take(count))
    }

    /// Reads until `expected` is found in what comes, and takes all of it up to there.
    pub async fn read_matching(&mut self, expected: &Regex) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(found) = expected.find(&self.unread) {
                let end = found.end();
                return Ok(self.take(end));
            }
            if self.unread.len() >= EXPECT_BYTES_MAX || self.fill().await? == 0 {
                let came = std::mem::take(&mut self.unread);
                return Err(Failure::answer(&format!("a match of {expected}"), came));
            }
        }
    }

    /// Reads until the server closes, but no more than `limit` bytes.
    pub async fn read_to_end(&mut self, limit: usize) -> Result<Vec<u8>, Failure> {
        while self.unread.len() <= limit {
            if self.fill().await? == 0 {
                return Ok(std::mem::take(&mut self.unread));
            }
        }
        Err(Failure::TooLong { act: self.act.clone(), limit })
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }

    async fn fill_below(&mut self, limit: usize) -> Result<(), Failure> {
        if self.unread.len() >= limit {
            return Err(Failure::TooLong { act: self.act.clone(), limit });
        }
        self.fill_or_closed().await
    }

    async fn fill_or_closed(&mut self) -> Result<(), Failure> {
        match self.fill().await? {
            0 => Err(Failure::Closed { act: self.act.clone() }),
            _ => Ok(()),
        }
    }

    /// Receives what is there; 0: the server closed.
    async fn fill(&mut self) -> Result<usize, Failure> {
        let mut chunk = [0; CHUNK_BYTES];
        let broken = |source| Failure::Broken { act: self.act.clone(), source };
        let count = self.stream.read(&mut chunk).await.or_else(stream::closed_without_notice).map_err(broken)?;
        self.record(Direction::Received, &chunk[..count]);
        self.unread.extend_from_slice(&chunk[..count]);
        self.count_received(count)?;
        Ok(count)
    }

    fn count_received(&mut self, count: usize) -> Result<(), Failure> {
        self.received_bytes += count;
        if self.received_bytes > RECEIVED_BYTES_MAX {
            return Err(Failure::TooLong { act: self.act.clone(), limit: RECEIVED_BYTES_MAX });
        }
        Ok(())
    }

    /// What came of it.
    pub(crate) fn finish(mut self, result: Option<Result<(), Failure>>) -> Outcome {
        let latency_us = self.started.elapsed().as_micros() as u64;
        let result = result.unwrap_or_else(|| {
            let act = std::mem::take(&mut self.act);
            Err(Failure::Deadline { timeout_ms: self.timeout_ms, act })
        });
        let deadline_passed = matches!(result, Err(Failure::Deadline { .. }));
        let not_asked = matches!(result, Err(Failure::Impossible(_)));
        let reason = match &result {
            Ok(()) => "passed".to_owned(),
            // The reason may repeat what the server sent, and the server what it was sent.
            Err(failure) => self.recorder.hidden_in(&failure.to_string()),
        };
        if result.is_err() {
            self.recorder.conclude(self.at_ms(), &reason);
        }
        Outcome {
            passed: result.is_ok(),
            reason,
            deadline_passed,
            not_asked,
            transcript: self.recorder.finish(),
            latency_us,
            warnings: self.warnings,
            certificate_days: self.certificate_days,
            weight_percent: self.weight_percent,
        }
    }
}

fn without_end(mut line: Vec<u8>) -> String {
    while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        line.pop();
    }
    String::from_utf8_lossy(&line).into_owned()
}
