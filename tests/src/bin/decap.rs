//! The server's end of tunnels, on kernels without tunnel devices: takes IP-in-IP, 6-in-4, GRE and GUE packets of both
//! families from raw sockets and gives the inner packet to the kernel again, as if a tunnel device had received it.
//! The inner destination has to be an address of this machine (the VIP on `lo`); everything else is ignored.

use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// IP protocol numbers (IANA).
const IPV4_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
const RAW: i32 = 255;
/// GUE's UDP port (IANA).
const GUE_PORT: u16 = 6080;
/// Largest IP packet without jumbograms, with an outer header before it.
const PACKET_MAX: usize = 65_535 + 100;

/// Where inner packets go: raw sockets that take whole packets.
struct Inside {
    v4: Socket,
    v6: Socket,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let inside = Arc::new(Inside { v4: injector(Domain::IPV4)?, v6: injector(Domain::IPV6)? });
    let mut threads = Vec::new();
    for (domain, protocols) in
        [(Domain::IPV4, [IPV4_IN_IP, IPV6_IN_IP, GRE]), (Domain::IPV6, [IPV4_IN_IP, IPV6_IN_IP, GRE])]
    {
        for protocol in protocols {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(i32::from(protocol))))?;
            socket.set_recv_buffer_size(8 << 20)?;
            let inside = inside.clone();
            threads.push(thread::spawn(move || {
                take(socket, |packet| {
                    let outer = if domain == Domain::IPV4 { header_length_v4(packet) } else { Some(0) };
                    let payload = packet.get(outer?..)?;
                    if protocol == GRE { inside.give(gre_payload(payload)?) } else { inside.give(payload) }
                });
            }));
        }
    }
    for address in [SocketAddr::from((Ipv4Addr::UNSPECIFIED, GUE_PORT)), (Ipv6Addr::UNSPECIFIED, GUE_PORT).into()] {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_recv_buffer_size(8 << 20)?;
        socket.bind(&address.into())?;
        let inside = inside.clone();
        threads.push(thread::spawn(move || take_datagrams(&socket.into(), &inside)));
    }
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

/// A raw socket whose packets bring their own IP header.
fn injector(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(RAW)))?;
    if domain == Domain::IPV4 {
        socket.set_header_included_v4(true)?;
    } else {
        socket.set_header_included_v6(true)?;
    }
    socket.set_send_buffer_size(8 << 20)?;
    Ok(socket)
}

fn take(mut socket: Socket, handle: impl Fn(&[u8]) -> Option<()>) {
    let mut buffer = vec![0; PACKET_MAX];
    loop {
        // What cannot be read or understood is ignored, like everything that is not a tunnel packet.
        if let Ok(length) = socket.read(&mut buffer) {
            let _ = handle(&buffer[..length]);
        }
    }
}

fn take_datagrams(socket: &UdpSocket, inside: &Inside) {
    let mut buffer = vec![0; PACKET_MAX];
    loop {
        if let Ok((length, _)) = socket.recv_from(&mut buffer)
            && let Some(inner) = gue_payload(&buffer[..length])
        {
            let _ = inside.give(inner);
        }
    }
}

impl Inside {
    /// Sends the packet to its own destination, which the kernel finds to be itself.
    fn give(&self, packet: &[u8]) -> Option<()> {
        let sent = match packet.first()? >> 4 {
            4 => {
                let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
                self.v4.send_to(packet, &SocketAddr::from((to, 0)).into())
            }
            6 => {
                let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
                self.v6.send_to(packet, &SocketAddr::from((to, 0)).into())
            }
            _ => return None,
        };
        if let Err(error) = sent {
            eprintln!("inner packet of {} bytes: {error}", packet.len());
        }
        Some(())
    }
}

fn header_length_v4(packet: &[u8]) -> Option<usize> {
    Some(usize::from(packet.first()? & 0x0f) * 4)
}

/// RFC 2784 2 and RFC 2890 2: flags, protocol type, then checksum, key and sequence number where their flags are set.
fn gre_payload(packet: &[u8]) -> Option<&[u8]> {
    let flags = *packet.first()?;
    let optional = [0x80, 0x20, 0x10].iter().filter(|flag| flags & **flag != 0).count() * 4;
    packet.get(4 + optional..)
}

/// draft-ietf-intarea-gue 3: version 0 has a header with its length in words; version 1 is the inner packet itself, whose
/// version nibble reads as one.
fn gue_payload(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    match first >> 6 {
        0 if first & 0x20 == 0 => packet.get(4 + usize::from(first & 0x1f) * 4..),
        1 => Some(packet),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_skipped() {
        for (bytes, expected) in [
            (&[0, 0, 8, 0, 0x45][..], Some(&[0x45][..])),
            (&[0x80, 0, 8, 0, 1, 2, 0, 0, 0x45], Some(&[0x45])),
            (&[0xb0, 0, 0x86, 0xdd, 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3, 0x60], Some(&[0x60])),
            (&[0x80, 0, 8], None),
        ] {
            assert_eq!(gre_payload(bytes), expected, "{bytes:02x?}");
        }
        for (bytes, expected) in [
            (&[0, 4, 0, 0, 0x45][..], Some(&[0x45][..])),
            (&[1, 4, 0, 0, 9, 9, 9, 9, 0x45], Some(&[0x45])),
            (&[0x45, 0, 0], Some(&[0x45, 0, 0])),
            (&[0x20, 4, 0, 0, 0x45], None),
            (&[0x80, 0, 0, 0], None),
        ] {
            assert_eq!(gue_payload(bytes), expected, "{bytes:02x?}");
        }
    }
}
