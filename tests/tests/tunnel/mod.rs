//! Tunnel packets made by hand.

use etherparse::PacketBuilder;
use lab::error::{Act, LabError};
use lab::plan::{self, Family};
use lab::{Lab, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// How the inner packet is wrapped.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Directly in the outer IP packet.
    Ip,
    /// In GRE (RFC 2784).
    Gre,
    /// In GUE, version 0.
    Gue,
}

/// Sends a wrapped echo request for the VIP to `t1` from the router; the answer has to come from the VIP to the client.
pub fn round_trip(lab: &Lab, inner: Family, outer: Family, kind: Kind) -> Result<()> {
    let client = SocketAddr::new(plan::client(inner, 1, 1), 4_000);
    let vip = SocketAddr::new(plan::vip(inner), 7);
    let payload = b"through a tunnel";
    let socket = lab.node("client").enter(|| UdpSocket::bind(client))?.act(|| "bind the client".into())?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).act(|| "set a limit".into())?;
    let packet = datagram(client, vip, payload);
    let server = plan::server("t1", outer);
    lab.node("router").enter(|| send(kind, inner, server, &packet))?.act(|| format!("send {kind:?}"))?;
    let mut buffer = [0; 100];
    let what = || format!("{kind:?}: answer for {inner:?} in {outer:?}");
    let (length, from) = socket.recv_from(&mut buffer).act(what)?;
    if from == vip && &buffer[..length] == payload { Ok(()) } else { Err(LabError::Answer(what())) }
}

fn datagram(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let builder = match (from.ip(), to.ip()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => PacketBuilder::ipv4(source.octets(), target.octets(), 64),
        (IpAddr::V6(source), IpAddr::V6(target)) => PacketBuilder::ipv6(source.octets(), target.octets(), 64),
        _ => panic!("one family"),
    };
    let builder = builder.udp(from.port(), to.port());
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut packet, payload).expect("a Vec takes everything");
    packet
}

fn send(kind: Kind, inner: Family, server: IpAddr, packet: &[u8]) -> std::io::Result<()> {
    let (protocol, ether_type) = if inner == Family::V4 { (4_u8, 0x0800_u16) } else { (41, 0x86dd) };
    if let Kind::Gue = kind {
        let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
        return socket.send_to(&[&[0, protocol, 0, 0], packet].concat(), (server, 6080)).map(drop);
    }
    let (number, bytes) = match kind {
        Kind::Gre => (47, [&[0, 0], &ether_type.to_be_bytes()[..], packet].concat()),
        _ => (protocol, packet.to_vec()),
    };
    let target = SocketAddr::new(server, 0);
    let socket = Socket::new(Domain::for_address(target), Type::RAW, Some(Protocol::from(i32::from(number))))?;
    socket.send_to(&bytes, &target.into()).map(drop)
}
