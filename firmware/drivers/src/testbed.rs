//! For tests: network namespaces that end with the test, raw sockets, frames.

use crate::netlink::{Link, Netlink};
use net::ip::{Header, protocol};
use net::{Address, Family, Mac};
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// Whether the test can run here. Says so when not.
pub fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

/// A network namespace without a name: gone when nobody holds it.
pub struct Namespace(File);

impl Namespace {
    pub fn new() -> Self {
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                unshare(CloneFlags::CLONE_NEWNET).unwrap();
                Self(File::open("/proc/thread-self/ns/net").unwrap())
            });
            made.join().unwrap()
        })
    }

    /// Runs `what` inside, on a thread of its own.
    pub fn run<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let run = scope.spawn(|| {
                setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
                what()
            });
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves a device of the calling thread's namespace in here, and sets it up with an address.
    pub fn take(&self, name: &str, address: &str, bits: u8) {
        let mut netlink = Netlink::open().unwrap();
        let mut message = LinkMessage::default();
        message.header.index = netlink.link(name).unwrap().index;
        message.attributes.push(LinkAttribute::NetNsFd(self.0.as_raw_fd()));
        netlink.set_link(message).unwrap();
        self.run(|| configure(name, address, bits));
    }
}

/// Sets a device up with an address.
pub fn configure(name: &str, address: &str, bits: u8) -> Link {
    let mut netlink = Netlink::open().unwrap();
    let link = netlink.link(name).unwrap();
    netlink.set_link_up(link.index, true).unwrap();
    netlink.add_address(link.index, ip(address), bits, true).unwrap();
    netlink.link(name).unwrap()
}

/// Asks until there is an answer, for at most five seconds.
pub fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let answer = ask();
        if answer.is_some() || Instant::now() > deadline {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A packet socket on one device.
pub struct Tap(OwnedFd);

impl Tap {
    /// `ethertype` in host order; ETH_P_IP and ETH_P_IPV6 are behind tc, ETH_P_ALL before.
    pub fn open(link: &Link, ethertype: i32) -> Self {
        let ethertype = (ethertype as u16).to_be();
        // SAFETY: plain numbers in, a descriptor out; it is ours alone.
        let socket = unsafe {
            let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
            assert!(socket >= 0);
            OwnedFd::from_raw_fd(socket)
        };
        // SAFETY: zero bytes are a sockaddr_ll, and the kernel reads one from the address given.
        unsafe {
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = ethertype;
            address.sll_ifindex = link.index as i32;
            let length = size_of::<libc::sockaddr_ll>() as u32;
            assert_eq!(libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length), 0);
        }
        Self(socket)
    }

    /// Only frames that `filter` accepts from now on.
    pub fn filter(&self, filter: &[libc::sock_filter]) {
        attach_filter(&self.0, filter);
    }

    pub fn send(&self, frame: &[u8]) {
        // SAFETY: the kernel reads the slice.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(sent, frame.len() as isize, "{}", std::io::Error::last_os_error());
    }

    /// The next frame that `wanted` says yes to, if it comes within `patience`.
    pub fn next(&self, patience: Duration, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            match receive(&self.0) {
                Some(frame) if wanted(&frame) => return Some(frame),
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        None
    }
}

/// Sets a socket filter.
pub fn attach_filter(socket: &OwnedFd, filter: &[libc::sock_filter]) {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the kernel copies `len` instructions from the slice, which outlives the call.
    let done = unsafe {
        let (value, length) = ((&raw const program).cast(), size_of::<libc::sock_fprog>() as u32);
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, length)
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// A waiting message, if any.
pub fn receive(socket: &OwnedFd) -> Option<Vec<u8>> {
    let mut frame = vec![0; 4096];
    // SAFETY: the kernel writes at most the vector's length into it.
    let length = unsafe { libc::recv(socket.as_raw_fd(), frame.as_mut_ptr().cast(), frame.len(), libc::MSG_DONTWAIT) };
    frame.truncate(usize::try_from(length).ok()?);
    Some(frame)
}

pub fn ip(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap().into()
}

/// An IP packet.
pub fn packet(source: &str, destination: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    fragment(source, destination, protocol, payload, 0x1111, 0)
}

/// An IPv4 packet with identification, flags and offset; for IPv6 the two mean nothing.
pub fn fragment(from: &str, to: &str, protocol: u8, payload: &[u8], identification: u16, place: u16) -> Vec<u8> {
    let header = Header {
        source: ip(from),
        destination: ip(to),
        protocol,
        hop_limit: 64,
        traffic_class: 0,
        payload_length: payload.len(),
        identification,
        flags_and_offset: place,
        flow_label: 0,
    };
    let mut bytes = vec![0; header.length()];
    header.emit(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

/// An IPv6 fragment header and what follows it.
pub fn fragment_header(next: u8, place: u16, identification: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![next, 0];
    bytes.extend(place.to_be_bytes());
    bytes.extend(identification.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `count` empty destination option headers of IPv6, and what follows them.
pub fn options(count: usize, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for left in (0..count).rev() {
        let next = if left == 0 { next } else { protocol::DESTINATION_OPTIONS };
        bytes.extend([next, 0, 1, 4, 0, 0, 0, 0]);
    }
    bytes.extend(payload);
    bytes
}

pub fn tcp(source_port: u16, destination_port: u16) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    bytes[0..2].copy_from_slice(&source_port.to_be_bytes());
    bytes[2..4].copy_from_slice(&destination_port.to_be_bytes());
    bytes[12] = 0x50;
    bytes[13] = 0x10;
    bytes
}

/// A datagram of eight bytes: checksum off, which IPv4 allows.
pub fn udp(source_port: u16, destination_port: u16) -> Vec<u8> {
    udp_with(source_port, destination_port, b"abcdefgh")
}

pub fn udp_with(source_port: u16, destination_port: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(source_port.to_be_bytes());
    bytes.extend(destination_port.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// An ICMP or ICMPv6 message.
pub fn icmp(kind: u8, code: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 0];
    bytes.extend(payload);
    bytes
}

/// An Ethernet frame around an IP packet.
pub fn frame(destination: Mac, packet: &[u8]) -> Vec<u8> {
    let ethertype = if packet[0] >> 4 == 4 { net::ethernet::IPV4 } else { net::ethernet::IPV6 };
    let mut bytes = destination.0.to_vec();
    bytes.extend([2, 0, 0, 0, 0, 9]);
    bytes.extend(ethertype.to_be_bytes());
    bytes.extend(packet);
    bytes
}

/// Whether a frame carries an IP packet from one address to another.
pub fn is_between(frame: &[u8], source: &str, destination: &str) -> bool {
    let (source, destination) = (ip(source), ip(destination));
    let at = match source.family() {
        Family::V4 => 14 + 12,
        Family::V6 => 14 + 8,
    };
    let addresses = match source.family() {
        Family::V4 => [source.octets_v4(), destination.octets_v4()].concat(),
        Family::V6 => [source.octets(), destination.octets()].concat(),
    };
    frame.get(at..at + addresses.len()) == Some(&addresses[..])
}
