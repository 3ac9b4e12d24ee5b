//! What the kernel and routers say of a packet that did not arrive.

use super::HopEnd;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};
use std::io::{self, IoSliceMut};
use std::net::IpAddr;
use std::os::fd::AsRawFd;

/// Bytes read of what is repeated of a packet.
const REPEATED_BYTES_MAX: usize = 512;
/// Bytes for one error of the kernel's queue, with the address of who reported it.
const ERROR_BYTES: usize = 128;
const TOO_LARGE: &str = "the packet is too large for the way";

// Who says it (linux/errqueue.h).
const ORIGIN_LOCAL: u8 = 1;
const ORIGIN_ICMP: u8 = 2;
const ORIGIN_ICMP6: u8 = 3;
// RFC 792.
const V4_UNREACHABLE: u8 = 3;
const V4_TIME_EXCEEDED: u8 = 11;
// RFC 4443.
const V6_UNREACHABLE: u8 = 1;
const V6_TOO_BIG: u8 = 2;
const V6_TIME_EXCEEDED: u8 = 3;

/// What was said of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) end: HopEnd,
    pub(super) from: Option<IpAddr>,
    pub(super) reason: String,
}

/// An error as the kernel's queue has it.
#[derive(Clone, Copy, Debug)]
struct Told {
    origin: u8,
    /// Type and code of the ICMP message.
    kind: (u8, u8),
    errno: u32,
    /// The largest packet that goes, where it is about that.
    mtu: u32,
}

impl Said {
    /// By the address itself.
    pub(super) fn arrived(from: IpAddr, reason: &str) -> Self {
        Self { end: HopEnd::Arrived, from: Some(from), reason: reason.to_owned() }
    }

    /// By this box: there is no way.
    pub(super) fn no_way(error: &io::Error) -> Self {
        let reason = match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
            Errno::EINVAL => "this box sends nothing there".to_owned(),
            Errno::EMSGSIZE => TOO_LARGE.to_owned(),
            errno => words_of(errno),
        };
        Self { end: HopEnd::Unreachable, from: None, reason }
    }

    fn of(told: Told, from: Option<IpAddr>) -> Self {
        let too_large = || match told.mtu {
            0 => TOO_LARGE.to_owned(),
            mtu => format!("{TOO_LARGE}: {mtu} bytes fit"),
        };
        let (end, reason) = match (told.origin, told.kind) {
            (ORIGIN_ICMP, (V4_TIME_EXCEEDED, 0)) | (ORIGIN_ICMP6, (V6_TIME_EXCEEDED, 0)) => {
                (HopEnd::Router, String::new())
            }
            // The port is closed: somebody is there to say so.
            (ORIGIN_ICMP, (V4_UNREACHABLE, 3)) | (ORIGIN_ICMP6, (V6_UNREACHABLE, 4)) => {
                (HopEnd::Arrived, String::new())
            }
            (ORIGIN_ICMP, (V4_UNREACHABLE, 4)) | (ORIGIN_ICMP6, (V6_TOO_BIG, _)) => (HopEnd::Unreachable, too_large()),
            (ORIGIN_LOCAL, _) if told.errno == Errno::EMSGSIZE as u32 => (HopEnd::Unreachable, too_large()),
            (ORIGIN_ICMP, (V4_UNREACHABLE, code)) => (HopEnd::Unreachable, v4_reason(code).to_owned()),
            (ORIGIN_ICMP6, (V6_UNREACHABLE, code)) => (HopEnd::Unreachable, v6_reason(code).to_owned()),
            _ => {
                let errno = Errno::from_raw(i32::try_from(told.errno).unwrap_or(0));
                (HopEnd::Unreachable, words_of(errno))
            }
        };
        Self { end, from: from.filter(|_| told.origin != ORIGIN_LOCAL), reason }
    }
}

/// The next error that the kernel has for the socket, and what it repeats of the packet.
pub(super) fn next(socket: &impl AsRawFd) -> io::Result<Option<(Said, Vec<u8>)>> {
    let (mut packet, mut control) = ([0; REPEATED_BYTES_MAX], nix::cmsg_space!([u8; ERROR_BYTES]));
    let mut parts = [IoSliceMut::new(&mut packet)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = match recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
        Ok(message) => message,
        Err(Errno::EAGAIN) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let count = message.bytes.min(REPEATED_BYTES_MAX);
    let said = message.cmsgs()?.find_map(|part| {
        let (error, from) = match part {
            ControlMessageOwned::Ipv4RecvErr(error, from) => {
                (error, from.map(|from| IpAddr::from(u32::from_be(from.sin_addr.s_addr).to_be_bytes())))
            }
            ControlMessageOwned::Ipv6RecvErr(error, from) => {
                (error, from.map(|from| IpAddr::from(from.sin6_addr.s6_addr)))
            }
            _ => return None,
        };
        let kind = (error.ee_type, error.ee_code);
        let told = Told { origin: error.ee_origin, kind, errno: error.ee_errno, mtu: error.ee_info };
        Some(Said::of(told, from))
    });
    let said = said.unwrap_or_else(|| Said::no_way(&io::ErrorKind::InvalidData.into()));
    Ok(Some((said, packet[..count].to_vec())))
}

fn words_of(errno: Errno) -> String {
    let mut words = errno.desc().to_owned();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    words
}

// RFC 792, RFC 1812 5.2.7.1.
fn v4_reason(code: u8) -> &'static str {
    match code {
        0 | 6 | 11 => "no route to the network",
        1 | 7 | 8 | 12 => "the host does not answer",
        2 => "the host does not know this protocol",
        9 | 10 | 13 => "forbidden by a filter",
        _ => "unreachable",
    }
}

// RFC 4443 3.1.
fn v6_reason(code: u8) -> &'static str {
    match code {
        0 | 6 => "no route to the network",
        1 | 5 => "forbidden by a filter",
        3 => "the host does not answer",
        _ => "unreachable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HopEnd::{Arrived, Router, Unreachable};

    #[test]
    fn what_is_said() {
        let from = Some(IpAddr::from([10, 0, 0, 1]));
        for (origin, kind, end, reason) in [
            (ORIGIN_ICMP, (11, 0), Router, ""),
            (ORIGIN_ICMP6, (3, 0), Router, ""),
            (ORIGIN_ICMP, (3, 3), Arrived, ""),
            (ORIGIN_ICMP6, (1, 4), Arrived, ""),
            (ORIGIN_ICMP, (3, 4), Unreachable, "the packet is too large for the way: 1400 bytes fit"),
            (ORIGIN_ICMP6, (2, 0), Unreachable, "the packet is too large for the way: 1400 bytes fit"),
            (ORIGIN_ICMP, (3, 13), Unreachable, "forbidden by a filter"),
            (ORIGIN_ICMP6, (1, 1), Unreachable, "forbidden by a filter"),
            (ORIGIN_ICMP, (3, 1), Unreachable, "the host does not answer"),
            (ORIGIN_ICMP6, (1, 0), Unreachable, "no route to the network"),
            (ORIGIN_ICMP, (12, 0), Unreachable, "no route to host"),
        ] {
            let told = Told { origin, kind, errno: Errno::EHOSTUNREACH as u32, mtu: 1_400 };
            assert_eq!(Said::of(told, from), Said { end, from, reason: reason.to_owned() }, "{origin} {kind:?}");
        }
        let local = Told { origin: ORIGIN_LOCAL, kind: (0, 0), errno: Errno::EMSGSIZE as u32, mtu: 0 };
        assert_eq!(Said::of(local, from), Said { end: Unreachable, from: None, reason: TOO_LARGE.to_owned() });
        assert_eq!(Said::no_way(&Errno::EINVAL.into()).reason, "this box sends nothing there");
        assert_eq!(Said::no_way(&Errno::ENETUNREACH.into()).reason, "network is unreachable");
    }
}
