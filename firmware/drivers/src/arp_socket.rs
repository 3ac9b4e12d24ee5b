//! ARP for the addresses that the engine owns: one small socket per NIC for the control loop.
//!
//! It receives ARP only, and sends whole Ethernet frames of any kind (unsolicited neighbour advertisements too).

use crate::netlink::{Link, NetlinkError};
use net::{Address, Family, Mac};
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// An ARP frame is 42 bytes, padded to 60 on the wire; anything longer is no ARP for Ethernet and IPv4.
pub const FRAME_MAX: usize = 128;

/// An AF_PACKET socket on ETH_P_ARP, bound to one NIC. Memberships end with it.
#[derive(Debug)]
pub struct ArpSocket {
    socket: OwnedFd,
    index: u32,
    name: String,
}

impl ArpSocket {
    /// Opens it in the namespace of the calling thread. It does not block.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn open(link: &Link) -> Result<Self, NetlinkError> {
        let failed = |source| NetlinkError::new(format!("open arp socket on {}", link.name), source);
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // Protocol 0: nothing is received before the socket is bound to its NIC.
        // SAFETY: plain numbers in, a descriptor or -1 out.
        let socket = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }).map_err(failed)?;
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        // SAFETY: all fields of sockaddr_ll are numbers, for which zero bytes are values.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ARP as u16).to_be();
        address.sll_ifindex = link.index as i32;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the address is a sockaddr_ll of the length given and outlives the call.
        checked(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) }).map_err(failed)?;
        Ok(Self { socket, index: link.index, name: link.name.clone() })
    }

    /// The NIC it is bound to.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The next frame, from its Ethernet header on, in `buffer`; `None` when none waits. Frames that this box sends
    /// are not seen.
    ///
    /// # Errors
    /// When the NIC is down or gone.
    pub fn receive<'a>(&self, buffer: &'a mut [u8; FRAME_MAX]) -> Result<Option<&'a [u8]>, NetlinkError> {
        // SAFETY: the kernel writes at most the buffer's length into it, and the buffer is borrowed for the call.
        let length = unsafe { libc::recv(self.socket.as_raw_fd(), buffer.as_mut_ptr().cast(), FRAME_MAX, 0) };
        match usize::try_from(length) {
            Ok(length) => Ok(Some(&buffer[..length.min(FRAME_MAX)])),
            Err(_) => match io::Error::last_os_error() {
                error if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
                error => Err(NetlinkError::new(format!("receive arp on {}", self.name), error)),
            },
        }
    }

    /// Sends a frame, from its Ethernet header on.
    ///
    /// # Errors
    /// When the NIC is down or gone, its queue full, or the frame too long for it.
    pub fn send(&self, frame: &[u8]) -> Result<(), NetlinkError> {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the kernel reads the slice's length from it, and the slice is borrowed for the call.
        let sent = unsafe { libc::send(self.socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), flags) };
        if sent < 0 {
            let error = io::Error::last_os_error();
            return Err(NetlinkError::new(format!("send frame on {}", self.name), error));
        }
        Ok(())
    }

    /// Has the NIC take the neighbour solicitations for an IPv6 address that the kernel does not have: their
    /// destination is a multicast group of its last 24 bits (RFC 4291 2.7.1). Nothing for IPv4.
    ///
    /// GAP(RFC 4861 7.2.1): no MLD report goes out, so a switch that snoops MLD without a querier's flooding of
    /// solicited-node groups keeps solicitations away.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn join(&self, address: Address) -> Result<(), NetlinkError> {
        self.membership(address, libc::PACKET_ADD_MEMBERSHIP, "join")
    }

    /// Undoes one [`ArpSocket::join`].
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn leave(&self, address: Address) -> Result<(), NetlinkError> {
        self.membership(address, libc::PACKET_DROP_MEMBERSHIP, "leave")
    }

    fn membership(&self, address: Address, option: i32, act: &str) -> Result<(), NetlinkError> {
        if address.family() == Family::V4 {
            return Ok(());
        }
        let mut group = [0; 8];
        group[..6].copy_from_slice(&solicited_node_mac(address).0);
        let request = libc::packet_mreq {
            mr_ifindex: self.index as i32,
            mr_type: libc::PACKET_MR_MULTICAST as u16,
            mr_alen: 6,
            mr_address: group,
        };
        let length = size_of::<libc::packet_mreq>() as libc::socklen_t;
        // SAFETY: the value is a packet_mreq of the length given and outlives the call.
        let done = unsafe {
            let value = (&raw const request).cast();
            libc::setsockopt(self.socket.as_raw_fd(), libc::SOL_PACKET, option, value, length)
        };
        let failed = |source| NetlinkError::new(format!("{act} group of {address} on {}", self.name), source);
        checked(done).map(drop).map_err(failed)
    }
}

impl AsFd for ArpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

// RFC 4291 2.7.1 and RFC 2464 7.
fn solicited_node_mac(address: Address) -> Mac {
    let [.., a, b, c] = address.octets();
    Mac([0x33, 0x33, 0xff, a, b, c])
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests;
