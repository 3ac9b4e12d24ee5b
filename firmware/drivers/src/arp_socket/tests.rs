//! Over a veth pair.

use super::*;
use crate::netlink::Netlink;
use crate::testbed::{Namespace, configure, ip, is_root, wait_for};

fn request(source: Mac) -> Vec<u8> {
    let mut frame = [Mac::BROADCAST.0, source.0].concat();
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(source.0);
    frame.extend([10, 9, 0, 1]);
    frame.extend([0; 6]);
    frame.extend([10, 9, 0, 100]);
    frame
}

#[test]
fn arp_goes_through_and_the_kernel_is_silent_for_an_address_that_is_not_its_own() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        let near = configure("suimon0", "10.9.0.1", 24);
        let far = configure("suimon1", "10.8.0.1", 24);
        let (here, there) = (ArpSocket::open(&near).unwrap(), ArpSocket::open(&far).unwrap());
        let frame = request(near.mac.unwrap());
        let mut buffer = [0; FRAME_MAX];
        assert_eq!(there.receive(&mut buffer).unwrap(), None);
        // A veth that has just got its carrier drops for a moment: sent again until it arrives.
        let seen = wait_for(|| {
            here.send(&frame).unwrap();
            there.receive(&mut [0; FRAME_MAX]).unwrap().map(<[u8]>::to_vec).filter(|seen| *seen == frame)
        });
        assert!(seen.is_some());
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(here.receive(&mut buffer).unwrap(), None, "nobody has 10.9.0.100, and own frames are not seen");
    });
}

#[test]
fn a_membership_is_on_the_nic_until_the_socket_goes() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimon0", "suimon1").unwrap();
        let link = configure("suimon0", "10.9.0.1", 24);
        // Not /proc/net: that is the namespace of the process.
        let groups = || std::fs::read_to_string("/proc/thread-self/net/dev_mcast").unwrap();
        let socket = ArpSocket::open(&link).unwrap();
        socket.join(ip("10.9.0.100")).unwrap();
        socket.join(ip("2001:db8:1::12:3456")).unwrap();
        assert!(groups().contains("3333ff123456"), "{}", groups());
        socket.leave(ip("2001:db8:1::12:3456")).unwrap();
        assert!(!groups().contains("3333ff123456"));
        socket.join(ip("2001:db8:1::12:3456")).unwrap();
        drop(socket);
        assert!(wait_for(|| (!groups().contains("3333ff123456")).then_some(())).is_some());
    });
}
