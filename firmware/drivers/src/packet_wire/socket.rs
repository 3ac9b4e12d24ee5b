//! Packet sockets: options, binding, fan-out, and the few ioctls that ask what a NIC is.
//!
//! Ownership: every call lends the kernel memory for its own duration only; a socket is closed by its `OwnedFd`.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The largest frame: 64 KiB of IP behind an Ethernet header with a tag, and its vnet header.
pub(crate) const LARGE_FRAME_MAX: usize = 65_535 + 18 + super::vnet::BYTES;
/// Room for frames that wait as copies, or that were sent and not yet taken off by the link: the windows of a few
/// fast TCP streams. Doubled by the kernel for its own overhead.
const BUFFER_BYTES: i32 = 16 * 1024 * 1024;

/// A raw packet socket that receives nothing until it is bound to a protocol.
pub(crate) fn open() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain numbers.
    let file = check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
    // SAFETY: the kernel just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

/// Sets an option of SOL_PACKET.
pub(crate) fn set<T>(socket: BorrowedFd<'_>, option: i32, value: &T) -> io::Result<()> {
    set_at(socket, libc::SOL_PACKET, option, value)
}

/// Lets the socket queue more than the system's limit for unprivileged sockets.
pub(crate) fn enlarge(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_at(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &BUFFER_BYTES)?;
    set_at(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &BUFFER_BYTES)
}

fn set_at<T>(socket: BorrowedFd<'_>, level: i32, option: i32, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `length` readable bytes for the duration of the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const *value).cast(), length) }).map(drop)
}

/// Binds to a NIC and a protocol (host order; 0: for sending only).
pub(crate) fn bind(socket: BorrowedFd<'_>, nic: i32, protocol: u16) -> io::Result<()> {
    // SAFETY: sockaddr_ll is plain numbers; all zero is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = nic;
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is a whole sockaddr_ll for the duration of the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) }).map(drop)
}

/// Joins a fan-out group whose members are chosen by a classic BPF program; without `group`, makes a new one with an
/// id that nobody uses. The group's id.
pub(crate) fn join(socket: BorrowedFd<'_>, group: Option<u16>, flags: u32) -> io::Result<u16> {
    let kind = libc::PACKET_FANOUT_CBPF | flags;
    let argument = match group {
        Some(id) => u32::from(id) | kind << 16,
        None => (kind | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
    };
    set(socket, libc::PACKET_FANOUT, &argument)?;
    match group {
        Some(id) => Ok(id),
        None => read::<u32>(socket, libc::SOL_PACKET, libc::PACKET_FANOUT).map(|value| value as u16),
    }
}

/// Frames that found the ring full since the last call.
pub(crate) fn drops(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // The kernel clears its numbers as it tells them.
    read::<libc::tpacket_stats>(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS).map(|stats| stats.tp_drops)
}

/// The error that waits on a socket, if any; it is cleared.
pub(crate) fn pending_error(socket: BorrowedFd<'_>) -> Option<i32> {
    match read::<i32>(socket, libc::SOL_SOCKET, libc::SO_ERROR) {
        Ok(0) | Err(_) => None,
        Ok(errno) => Some(errno),
    }
}

fn read<T: Copy>(socket: BorrowedFd<'_>, level: i32, option: i32) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `length` writable bytes for the duration of the call.
    check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, value.as_mut_ptr().cast(), &mut length) })?;
    // SAFETY: the callers above ask for integers and a struct of integers: any bytes, zeroed or written, are valid.
    Ok(unsafe { value.assume_init() })
}

/// Reads one frame that waits in the socket's queue: its whole length, even when `buffer` is shorter.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Option<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: `buffer` is writable for its length for the duration of the call.
    let length = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), flags) };
    usize::try_from(length).ok()
}

/// What a NIC is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) index: i32,
    pub(crate) mtu: u32,
    pub(crate) up: bool,
    pub(crate) ethernet: bool,
}

/// Asks for index, MTU, state and kind of the NIC called `name`.
pub(crate) fn link(socket: BorrowedFd<'_>, name: &str) -> io::Result<Link> {
    let mut request = named(name)?;
    ioctl(socket, libc::SIOCGIFINDEX, &mut request)?;
    // SAFETY: each SIOCGIF* call wrote the member of the union that is read after it; all are plain numbers.
    let index = unsafe { request.ifr_ifru.ifru_ifindex };
    ioctl(socket, libc::SIOCGIFMTU, &mut request)?;
    // SAFETY: as above.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    ioctl(socket, libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: as above.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    ioctl(socket, libc::SIOCGIFHWADDR, &mut request)?;
    // SAFETY: as above.
    let kind = unsafe { request.ifr_ifru.ifru_hwaddr.sa_family };
    Ok(Link { index, mtu: mtu as u32, up: i32::from(flags) & libc::IFF_UP != 0, ethernet: kind == libc::ARPHRD_ETHER })
}

/// An interface request that names a NIC.
pub(crate) fn named(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: ifreq is a name and a union of plain numbers and pointers; all zero is a valid value.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    if name.len() >= request.ifr_name.len() || name.bytes().any(|byte| byte == 0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

fn ioctl(socket: BorrowedFd<'_>, code: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: every SIOCGIF* call used here reads and writes one ifreq, which `request` is.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), code as _, &raw mut *request) }).map(drop)
}

/// An errno instead of -1.
pub(crate) fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
