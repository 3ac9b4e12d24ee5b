//! The way to one server: connects, writes, notices that the server is gone, and comes back.

use super::line::{Record, line};
use super::{Backoff, Counters};
use crate::reach::{Names, ReachError};
use config::{SyslogServer, SyslogTransport};
use rustls::ClientConfig;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

/// Time for a server to take one line off our hands.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A way that is open.
enum Way {
    Datagrams(UdpSocket),
    Stream(ReadHalf<Box<dyn Stream>>, WriteHalf<Box<dyn Stream>>),
}

/// Sends to one server.
pub(super) struct Sender {
    server: SyslogServer,
    host: String,
    tls: Option<Arc<ClientConfig>>,
    names: Names,
    backoff: Backoff,
    counters: Arc<Counters>,
}

impl Sender {
    pub(super) fn new(
        server: SyslogServer,
        host: String,
        tls: Option<Arc<ClientConfig>>,
        names: Names,
        backoff: Backoff,
        counters: Arc<Counters>,
    ) -> Self {
        Self { server, host, tls, names, backoff, counters }
    }

    /// Sends until nobody has anything to say any more.
    pub(super) async fn run(self, mut waiting: Receiver<Record>) {
        let mut pause = self.backoff.first;
        // The line in hand is sent again on the next connection: it may arrive twice, and is not lost.
        let mut in_hand = None;
        loop {
            // Nothing is opened before there is something to say.
            if in_hand.is_none() {
                in_hand = waiting.recv().await;
            }
            let Some(record) = in_hand.take() else { return };
            let error = match self.open().await {
                Ok(mut way) => {
                    self.counters.connects.fetch_add(1, Ordering::Relaxed);
                    match self.talk(&mut way, record, &mut waiting).await {
                        Ok(()) => return,
                        Err(Parted { error, unsent, talked }) => {
                            in_hand = unsent;
                            if talked {
                                pause = self.backoff.first;
                            }
                            error.to_string()
                        }
                    }
                }
                Err(error) => {
                    in_hand = Some(record);
                    error.to_string()
                }
            };
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            self.counters.latest.failed(&error);
            tracing::debug!(server = self.server.name, error, "syslog server away");
            sleep(pause).await;
            pause = (pause * 2).min(self.backoff.max);
        }
    }

    async fn open(&self) -> Result<Way, ReachError> {
        let SyslogServer { server, port, transport, .. } = &self.server;
        let stream: Box<dyn Stream> = match (transport, &self.tls) {
            (SyslogTransport::Udp, _) => return self.open_datagrams().await,
            (SyslogTransport::Tls, Some(tls)) => Box::new(self.names.connect_tls(server, *port, tls).await?),
            (SyslogTransport::Tcp | SyslogTransport::Tls, _) => Box::new(self.names.connect(server, *port).await?),
        };
        let (read, write) = split(stream);
        Ok(Way::Stream(read, write))
    }

    async fn open_datagrams(&self) -> Result<Way, ReachError> {
        let SyslogServer { server, port, .. } = &self.server;
        let addresses = self.names.addresses(server).await?;
        let address = SocketAddr::new(addresses[0], *port);
        let any = match address.ip() {
            IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let connected = async {
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            Ok(socket)
        };
        let failed = |source| ReachError::Connect { host: server.clone(), address, source };
        connected.await.map(Way::Datagrams).map_err(failed)
    }

    /// Sends `record` and all that follow, until nobody has anything to say or the server is gone.
    async fn talk(&self, way: &mut Way, record: Record, waiting: &mut Receiver<Record>) -> Result<(), Parted> {
        let mut next = Some(record);
        let mut talked = false;
        loop {
            if let Some(record) = next.take() {
                let sent = timeout(WRITE_LIMIT, self.write(way, &record)).await;
                let sent = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                if let Err(error) = sent {
                    return Err(Parted { error, unsent: Some(record), talked });
                }
                self.counters.sent.fetch_add(1, Ordering::Relaxed);
                self.counters.latest.went_well();
                talked = true;
            }
            tokio::select! {
                // A server that has gone is noticed here; a write into its closed connection would still succeed.
                biased;
                error = gone(way) => return Err(Parted { error, unsent: None, talked }),
                record = waiting.recv() => match record {
                    Some(record) => next = Some(record),
                    None => return Ok(()),
                },
            }
        }
    }

    async fn write(&self, way: &mut Way, record: &Record) -> io::Result<()> {
        let line = line(record, self.server.facility, &self.host, std::process::id());
        match way {
            Way::Datagrams(socket) => match socket.send(&line).await {
                // An ICMP error about an earlier line. There is no connection to lose: try with this one.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => socket.send(&line).await.map(|_| ()),
                sent => sent.map(|_| ()),
            },
            Way::Stream(_, write) => {
                // RFC 6587 3.4.1 and RFC 5425 4.3: the length, a blank, and the line.
                let mut counted = format!("{} ", line.len()).into_bytes();
                counted.extend_from_slice(&line);
                write.write_all(&counted).await?;
                write.flush().await
            }
        }
    }
}

/// The connection is over.
struct Parted {
    error: io::Error,
    /// What could not be sent any more.
    unsent: Option<Record>,
    /// Whether anything was.
    talked: bool,
}

/// Waits until the server is gone. Servers say nothing: what they say all the same is dropped.
async fn gone(way: &mut Way) -> io::Error {
    let Way::Stream(read, _) = way else { return std::future::pending().await };
    let mut dropped = [0; 256];
    loop {
        match read.read(&mut dropped).await {
            Ok(0) => return io::ErrorKind::ConnectionReset.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}
