//! ICMP echoes.

use super::random;
use crate::codecs::echo::{self, Family};
use crate::transcript::Direction;
use crate::{Dialogue, Failure, socket};
use config::Ping;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Bytes read of a packet: an echo reply with the longest IPv4 header fits.
const PACKET_BYTES_MAX: usize = 512;

pub(super) async fn ask(options: &Ping, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let to = SocketAddr::new(dialogue.server().ip(), 0);
    let family = if to.is_ipv4() { Family::V4 } else { Family::V6 };
    let socket = open(family, to, dialogue.mark())?;
    let (id, cookie) = (u16::from_be_bytes(random::bytes()?), random::bytes()?);
    let request = echo::request(family, id, &cookie, echo::COOKIE);
    let begun = Instant::now();
    let pause = dialogue.deadline().saturating_duration_since(begun) / u32::from(options.count.max(1));
    for number in 1..=u32::from(options.count.max(1)) {
        dialogue.act(format!("waiting for the answer to echo {number}"));
        dialogue.record(Direction::Sent, &request);
        let broken = |act: &str| {
            let act = act.to_owned();
            move |source| Failure::Broken { act, source }
        };
        socket.send(&request).await.map_err(broken("sending an echo"))?;
        let answered = timeout_at(begun + pause * number, reply(&socket, family, &cookie)).await;
        if let Ok(reply) = answered {
            let reply = reply.map_err(broken("waiting for the answer to an echo"))?;
            dialogue.record(Direction::Received, &reply);
            return Ok(());
        }
    }
    // The last pause ends with the deadline, which is the one to be told of.
    sleep_until(dialogue.deadline()).await;
    std::future::pending().await
}

fn open(family: Family, to: SocketAddr, mark: Option<u32>) -> Result<UdpSocket, Failure> {
    let socket = socket::echoes(family).map_err(|error| Failure::Impossible(format!("no socket for ICMP: {error}")))?;
    prepare(socket, to, mark).map_err(|source| Failure::connect(to, source))
}

// A connected socket gets the packets of this server alone, and its ICMP errors. It is no UDP that it sends, but all that
// the type does is to send and receive datagrams.
fn prepare(socket: Socket, to: SocketAddr, mark: Option<u32>) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    if let Some(mark) = mark {
        socket.set_mark(mark)?;
    }
    socket.connect(&to.into())?;
    UdpSocket::from_std(socket.into())
}

async fn reply(socket: &UdpSocket, family: Family, cookie: &[u8; echo::COOKIE]) -> io::Result<Vec<u8>> {
    let mut packet = [0; PACKET_BYTES_MAX];
    loop {
        let count = socket.recv(&mut packet).await?;
        if echo::is_reply(family, &packet[..count], cookie) {
            return Ok(packet[..count].to_vec());
        }
    }
}
