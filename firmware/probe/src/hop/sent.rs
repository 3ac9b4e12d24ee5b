//! What a step sent: how far it may go, and how its answer is known again.

use super::Hop;
use super::said::{self, Said};
use crate::codecs::echo::{self, Family};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::{libc, setsockopt_impl, sockopt_impl};
use socket2::Socket;
use std::io::{self, IoSliceMut};
use std::net::IpAddr;
use std::os::fd::AsRawFd;

/// Bytes read of an answer: as many as tell whose it is.
const PACKET_BYTES_MAX: usize = 512;

sockopt_impl!(
    /// Whether packets may be cut into fragments (ip(7)).
    MtuDiscovery,
    SetOnly,
    libc::IPPROTO_IP,
    libc::IP_MTU_DISCOVER,
    libc::c_int
);

/// What was sent.
pub(super) enum Sent {
    /// An echo; `id`: `None` where the kernel keeps the echoes of sockets apart.
    Echo { family: Family, id: Option<u16>, cookie: [u8; echo::COOKIE] },
    /// Nobody else's packets reach the socket of a datagram.
    Datagram,
}

/// Prepares a socket: how far its packets go, whether they may be cut, and that routers are listened to.
pub(super) fn limit(socket: &Socket, hop: &Hop) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    if hop.to.is_ipv4() {
        socket.set_ttl_v4(u32::from(hop.ttl))?;
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
        let discovery = if hop.fragments { libc::IP_PMTUDISC_DONT } else { libc::IP_PMTUDISC_DO };
        setsockopt(socket, MtuDiscovery, &discovery)?;
    } else {
        socket.set_unicast_hops_v6(u32::from(hop.ttl))?;
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
        setsockopt(socket, sockopt::Ipv6DontFrag, &!hop.fragments)?;
    }
    Ok(())
}

impl Sent {
    /// What is there by now: errors first, then answers.
    pub(super) fn answer(&self, socket: &impl AsRawFd, to: IpAddr) -> io::Result<Option<Said>> {
        while let Some((error, repeated)) = said::next(socket)? {
            if self.is_in(&repeated) {
                return Ok(Some(error));
            }
        }
        loop {
            let mut packet = [0; PACKET_BYTES_MAX];
            let mut parts = [IoSliceMut::new(&mut packet)];
            match recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, None, MsgFlags::MSG_DONTWAIT) {
                Ok(message) => {
                    let count = message.bytes.min(PACKET_BYTES_MAX);
                    if self.is_answered_by(&packet[..count]) {
                        return Ok(Some(Said::arrived(to, "")));
                    }
                }
                Err(nix::errno::Errno::EAGAIN) => return Ok(None),
                // The same error again that stood in the queue: reading takes it away.
                Err(_) => return Ok(said::next(socket)?.map(|(error, _)| error)),
            }
        }
    }

    /// Whether an error is about it, by what it repeats.
    fn is_in(&self, repeated: &[u8]) -> bool {
        let Self::Echo { id: Some(id), .. } = self else { return true };
        // The kernel repeats the message from its own header on, or, on raw sockets of IPv6, from that of IP on.
        [4, 44].iter().any(|at| repeated.get(*at..at + 2) == Some(&id.to_be_bytes()))
    }

    fn is_answered_by(&self, packet: &[u8]) -> bool {
        match self {
            Self::Echo { family, cookie, .. } => echo::is_reply(*family, packet, cookie),
            Self::Datagram => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_about_others_are_none() {
        let echo = |id| Sent::Echo { family: Family::V4, id, cookie: [7; echo::COOKIE] };
        let of = |id| echo::request(Family::V4, id, &[7; echo::COOKIE], 56);
        assert!(echo(Some(0x1234)).is_in(&of(0x1234)));
        assert!(!echo(Some(0x1234)).is_in(&of(0x1235)));
        assert!(echo(Some(0x1234)).is_in(&[vec![0; 40], of(0x1234)].concat()), "behind a header of IPv6");
        assert!(echo(None).is_in(&of(0x1235)), "the kernel has looked already");
        assert!(!echo(Some(0x1234)).is_in(&[]) && Sent::Datagram.is_in(&[]));
    }
}
