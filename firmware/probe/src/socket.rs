//! Sockets towards a server.

use crate::Failure;
use crate::codecs::echo::Family;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// Connects. `mark` (SO_MARK) chooses the route of packets for a VIP on one server.
pub(crate) async fn connect(to: SocketAddr, mark: Option<u32>) -> Result<TcpStream, Failure> {
    let failed = |source| Failure::connect(to, source);
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(failed)?;
    if let Some(mark) = mark {
        setsockopt(&socket, sockopt::Mark, &mark).map_err(|error| failed(error.into()))?;
    }
    let stream = socket.connect(to).await.map_err(failed)?;
    // Every message of a dialogue waits for its answer: holding it back for more bytes only costs time.
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

/// A socket for datagrams to and from one server.
pub(crate) async fn datagrams(to: SocketAddr, mark: Option<u32>) -> Result<UdpSocket, Failure> {
    let failed = |source: io::Error| Failure::connect(to, source);
    let own: SocketAddr =
        if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(own).await.map_err(failed)?;
    if let Some(mark) = mark {
        setsockopt(&socket, sockopt::Mark, &mark).map_err(|error| failed(error.into()))?;
    }
    socket.connect(to).await.map_err(failed)?;
    Ok(socket)
}

/// A socket for ICMP echoes: one for pings, which needs no right but the group's (net.ipv4.ping_group_range); else a raw one
/// (CAP_NET_RAW).
pub(crate) fn echoes(family: Family) -> io::Result<Socket> {
    let (domain, protocol) = match family {
        Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    Socket::new(domain, Type::DGRAM, Some(protocol)).or_else(|_| Socket::new(domain, Type::RAW, Some(protocol)))
}
