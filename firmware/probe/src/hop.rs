//! One step of the way to an address: a packet that may pass so many routers, and who answered for it. A ping is a step that
//! may pass them all.
//!
//! IP_RECVERR gives what routers say of a packet to the socket that sent it: the kernel reads their ICMP, and nothing but
//! echo replies is read here.

mod said;
mod sent;

use crate::codecs::echo::{self, Family};
use crate::kinds::random;
use crate::{Failure, socket};
use said::Said;
use sent::Sent;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpSocket, UdpSocket};
use tokio::time::{Instant, timeout};

/// Where datagrams go: the first port of those that traceroute uses, which no server listens on.
const DATAGRAM_PORT: u16 = 33_434;
/// Where connections go unless somebody says where.
const CONNECTION_PORT: u16 = 80;

/// What a hop is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopBy {
    /// An ICMP echo.
    Echo,
    /// A UDP datagram to a port where nobody listens.
    Datagram,
    /// The beginning of a TCP connection.
    Connection,
}

/// A step to be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The address at the end of the way.
    pub to: IpAddr,
    /// What is sent.
    pub by: HopBy,
    /// The port; `None`: the usual one. Echoes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Routers that it may reach: the last one of them has to say that it goes no further.
    pub ttl: u8,
    /// Bytes of payload of an echo or a datagram; less than [`echo::COOKIE`] is as much as that.
    pub size: u16,
    /// Whether it may be cut into fragments on the way, or by this box.
    pub fragments: bool,
    /// Deadline, milliseconds.
    pub timeout_ms: u32,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopEnd {
    /// At a router on the way.
    Router,
    /// At the address itself.
    Arrived,
    /// Somebody on the way says that it leads no further.
    Unreachable,
    /// Nobody said anything before the deadline.
    Silent,
    /// This box could not ask.
    NotAsked,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopAnswer {
    /// How it ended.
    pub end: HopEnd,
    /// Who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// Why it leads no further or was not asked, or what else is to be known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Time to the answer, microseconds.
    pub latency_us: u64,
}

impl HopAnswer {
    fn silent(hop: &Hop) -> Self {
        let latency_us = u64::from(hop.timeout_ms) * 1_000;
        Self { end: HopEnd::Silent, from: None, reason: String::new(), latency_us }
    }

    /// This box could not ask.
    pub fn impossible(reason: String) -> Self {
        Self { end: HopEnd::NotAsked, from: None, reason, latency_us: 0 }
    }
}

/// Tries one step. Ends within its deadline.
pub(crate) async fn run(hop: &Hop) -> HopAnswer {
    let started = Instant::now();
    let limit = Duration::from_millis(u64::from(hop.timeout_ms));
    let asked = async {
        match hop.by {
            HopBy::Connection => connect(hop).await.map_err(not_possible),
            HopBy::Echo | HopBy::Datagram => ask(hop).await,
        }
    };
    let ended = match timeout(limit, asked).await {
        Ok(Ok(said)) => HopAnswer { end: said.end, from: said.from, reason: said.reason, latency_us: 0 },
        Ok(Err(failure)) => HopAnswer::impossible(failure.to_string()),
        Err(_) => return HopAnswer::silent(hop),
    };
    HopAnswer { latency_us: started.elapsed().as_micros() as u64, ..ended }
}

fn not_possible(error: io::Error) -> Failure {
    Failure::Impossible(error.to_string())
}

async fn ask(hop: &Hop) -> Result<Said, Failure> {
    let family = if hop.to.is_ipv4() { Family::V4 } else { Family::V6 };
    let (id, cookie) = (u16::from_be_bytes(random::bytes()?), random::bytes()?);
    let socket = match hop.by {
        HopBy::Echo => socket::echoes(family),
        HopBy::Datagram | HopBy::Connection => Socket::new(domain(hop), Type::DGRAM, Some(Protocol::UDP)),
    };
    let socket = socket.map_err(not_possible)?;
    // A raw socket hears of the echoes of others too; to a ping socket the kernel gives its own.
    let is_raw = socket.r#type().map_err(not_possible)? == Type::RAW;
    let (sent, packet) = match hop.by {
        HopBy::Echo => {
            let packet = echo::request(family, id, &cookie, usize::from(hop.size));
            (Sent::Echo { family, id: is_raw.then_some(id), cookie }, packet)
        }
        HopBy::Datagram | HopBy::Connection => (Sent::Datagram, vec![0; usize::from(hop.size).max(echo::COOKIE)]),
    };
    sent::limit(&socket, hop).map_err(not_possible)?;
    if let Err(error) = socket.connect(&SocketAddr::new(hop.to, port(hop)).into()) {
        return Ok(Said::no_way(&error));
    }
    let socket = UdpSocket::from_std(socket.into()).map_err(not_possible)?;
    if let Err(error) = socket.send(&packet).await {
        return Ok(said::next(&socket).ok().flatten().map_or_else(|| Said::no_way(&error), |(said, _)| said));
    }
    let broken = |source| Failure::Broken { act: "waiting for an answer".to_owned(), source };
    loop {
        socket.ready(Interest::READABLE | Interest::ERROR).await.map_err(broken)?;
        // One after the other: tokio takes none of several at once for ready here, and clears none.
        for interest in [Interest::ERROR, Interest::READABLE] {
            let nothing = io::ErrorKind::WouldBlock;
            let taken = socket.try_io(interest, || sent.answer(&socket, hop.to)?.ok_or(nothing.into()));
            match taken {
                Err(error) if error.kind() == nothing => {}
                taken => return taken.map_err(broken),
            }
        }
    }
}

/// Begins a connection, and ends it at once if it comes about.
async fn connect(hop: &Hop) -> io::Result<Said> {
    let socket = Socket::new(domain(hop), Type::STREAM, Some(Protocol::TCP))?;
    sent::limit(&socket, hop)?;
    // Nothing more is to be said: the connection ends by a reset.
    socket.set_linger(Some(Duration::ZERO))?;
    // What routers said is still to be read when the connection has failed.
    let errors = socket.try_clone()?;
    let connecting = TcpSocket::from_std_stream(socket.into()).connect(SocketAddr::new(hop.to, port(hop)));
    match connecting.await {
        Ok(_) => Ok(Said::arrived(hop.to, "")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(Said::arrived(hop.to, "the port is closed"))
        }
        Err(error) => Ok(said::next(&errors)?.map_or_else(|| Said::no_way(&error), |(said, _)| said)),
    }
}

fn domain(hop: &Hop) -> Domain {
    if hop.to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }
}

fn port(hop: &Hop) -> u16 {
    match hop.by {
        HopBy::Echo => 0,
        // Some routers answer the same port but so often: each step has its own.
        HopBy::Datagram => hop.port.unwrap_or(DATAGRAM_PORT + u16::from(hop.ttl)),
        HopBy::Connection => hop.port.unwrap_or(CONNECTION_PORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    fn loopback(by: HopBy, to: impl Into<IpAddr>) -> Hop {
        Hop { to: to.into(), by, port: None, ttl: 1, size: 56, fragments: true, timeout_ms: 5_000 }
    }

    #[tokio::test]
    async fn this_box_is_one_step_away() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = Some(listener.local_addr().unwrap().port());
        for hop in [
            loopback(HopBy::Echo, Ipv4Addr::LOCALHOST),
            Hop { size: 8_000, fragments: false, ..loopback(HopBy::Echo, Ipv4Addr::LOCALHOST) },
            loopback(HopBy::Datagram, Ipv4Addr::LOCALHOST),
            loopback(HopBy::Datagram, Ipv6Addr::LOCALHOST),
            Hop { port: open, ..loopback(HopBy::Connection, Ipv4Addr::LOCALHOST) },
            Hop { port: Some(1), ..loopback(HopBy::Connection, Ipv4Addr::LOCALHOST) },
        ] {
            let answer = run(&hop).await;
            assert_eq!((answer.end, answer.from), (HopEnd::Arrived, Some(hop.to)), "{hop:?}: {answer:?}");
            assert_eq!(answer.reason == "the port is closed", hop.port == Some(1), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn what_must_not_be_cut_must_fit() {
        let hop = Hop { size: 65_500, fragments: false, ..loopback(HopBy::Echo, Ipv4Addr::LOCALHOST) };
        // The loopback takes 65,536 bytes; more than IP can say is refused before that is looked at.
        let fits = run(&hop).await;
        assert_eq!(fits.end, HopEnd::Arrived, "{fits:?}");
        let too_large = run(&Hop { size: 65_535, ..hop }).await;
        assert_eq!(too_large.end, HopEnd::Unreachable, "{too_large:?}");
        assert!(too_large.reason.starts_with("the packet is too large"), "{too_large:?}");
    }
}
