//! Asks on the links towards the servers who has a VIP, and listens. Nobody should answer but this box, which does not
//! hear itself.

use drivers::arp_socket::{ArpSocket, FRAME_MAX};
use drivers::netlink::{Netlink, NetlinkError};
use net::Address;
use net::arp::{self, Arp, Operation};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

/// Time for answers.
const LISTEN: Duration = Duration::from_millis(700);
/// How often it is looked whether some came.
const LOOK_GAP: Duration = Duration::from_millis(20);

/// Somebody says that a VIP is his.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    pub(super) nic: String,
    pub(super) vip: IpAddr,
    pub(super) mac: String,
}

/// Asks for every IPv4 VIP on its NIC.
///
/// GAP(issue 3, DR doctor): nobody asks for IPv6 VIPs; Linux answers solicitations for addresses of the same NIC alone, so
/// that a VIP on `lo` is quiet.
pub(super) fn claims(places: &BTreeSet<(String, IpAddr)>) -> Result<BTreeSet<Claim>, NetlinkError> {
    let mut netlink = Netlink::open()?;
    let mut sockets = Vec::new();
    for (nic, vip) in places.iter().filter(|(_, vip)| vip.is_ipv4()) {
        let link = netlink.link(nic)?;
        let own = netlink.addresses()?.into_iter().find(|own| own.index == link.index && own.address.is_v4());
        let (Some(mac), Some(own)) = (link.mac, own) else { continue };
        let socket = ArpSocket::open(&link)?;
        socket.send(&arp::request(mac, own.address, Address::from(*vip), None))?;
        sockets.push((nic, *vip, socket));
    }
    let mut claims = BTreeSet::new();
    for _ in 0..LISTEN.as_millis() / LOOK_GAP.as_millis() {
        thread::sleep(LOOK_GAP);
        for (nic, vip, socket) in &sockets {
            let mut buffer = [0; FRAME_MAX];
            while let Some(frame) = socket.receive(&mut buffer)? {
                let answer = Arp::parse(frame).filter(|arp| arp.operation == Operation::Reply);
                let ours = answer.filter(|arp| arp.sender == Address::from(*vip));
                claims.extend(ours.map(|arp| Claim {
                    nic: (*nic).clone(),
                    vip: *vip,
                    mac: arp.sender_mac.to_string(),
                }));
            }
        }
    }
    Ok(claims)
}
