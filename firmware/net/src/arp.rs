//! ARP for IPv4 over Ethernet (RFC 826), untagged: what the control loop says and hears on a NIC.

use crate::fields::{read_array, read_u16, write_u16};
use crate::{Address, Mac, ethernet};

/// Bytes of a frame with an ARP message, padding aside.
pub const FRAME: usize = ethernet::HEADER + MESSAGE;

const MESSAGE: usize = 28;
/// Hardware Ethernet, protocol IPv4, address lengths 6 and 4.
const PREAMBLE: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// What a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has its address.
    Reply,
}

/// An ARP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// What it does.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender_mac: Mac,
    /// Address of the sender; 0.0.0.0 in a probe (RFC 5227).
    pub sender: Address,
    /// Hardware address of the target; meaningless in a request.
    pub target_mac: Mac,
    /// Address of the target.
    pub target: Address,
}

impl Arp {
    /// The message in an untagged frame; `None` when it is no ARP for IPv4 over Ethernet or claims a group address.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        if frame.len() < FRAME || read_u16(frame, 12) != ethernet::ARP || frame[14..20] != PREAMBLE {
            return None;
        }
        let operation = match read_u16(frame, 20) {
            1 => Operation::Request,
            2 => Operation::Reply,
            _ => return None,
        };
        let sender_mac = Mac(read_array(frame, 22));
        let sender = Address::v4(read_array(frame, 28));
        if sender_mac.is_group() || sender_mac.is_zero() || sender.is_multicast() || sender.is_broadcast() {
            return None;
        }
        Some(Self {
            operation,
            sender_mac,
            sender,
            target_mac: Mac(read_array(frame, 32)),
            target: Address::v4(read_array(frame, 38)),
        })
    }

    /// Whether the sender announces its own address (RFC 5227 3).
    pub fn is_gratuitous(&self) -> bool {
        self.sender == self.target
    }

    /// The message as a frame to `destination`.
    pub fn emit(&self, destination: Mac) -> [u8; FRAME] {
        let mut frame = [0; FRAME];
        ethernet::set_addresses(&mut frame, destination, self.sender_mac);
        write_u16(&mut frame, 12, ethernet::ARP);
        frame[14..20].copy_from_slice(&PREAMBLE);
        write_u16(&mut frame, 20, if self.operation == Operation::Request { 1 } else { 2 });
        frame[22..28].copy_from_slice(&self.sender_mac.0);
        frame[28..32].copy_from_slice(&self.sender.octets_v4());
        frame[32..38].copy_from_slice(&self.target_mac.0);
        frame[38..42].copy_from_slice(&self.target.octets_v4());
        frame
    }
}

/// Asks for the hardware address of `target`: everybody, or only the one who had it (`known`).
pub fn request(mac: Mac, sender: Address, target: Address, known: Option<Mac>) -> [u8; FRAME] {
    let message = Arp { operation: Operation::Request, sender_mac: mac, sender, target_mac: Mac::default(), target };
    message.emit(known.unwrap_or(Mac::BROADCAST))
}

/// Answers `request`: `mac` has the address it asks for.
pub fn reply(mac: Mac, request: &Arp) -> [u8; FRAME] {
    let message = Arp {
        operation: Operation::Reply,
        sender_mac: mac,
        sender: request.target,
        target_mac: request.sender_mac,
        target: request.sender,
    };
    message.emit(request.sender_mac)
}

/// Announces to everybody that `mac` has `address`. As a request, which more hosts heed than a reply (RFC 5227 3).
pub fn gratuitous(mac: Mac, address: Address) -> [u8; FRAME] {
    request(mac, address, address, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{ArpOperation, LinkSlice, NetSlice, SlicedPacket};

    const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const VIP: Address = Address::v4([10, 1, 0, 100]);
    const CLIENT: Address = Address::v4([10, 1, 0, 7]);

    // (operation, Ethernet destination, sender, target) as etherparse reads them.
    fn read(frame: &[u8]) -> (u16, [u8; 6], Vec<u8>, Vec<u8>) {
        let sliced = SlicedPacket::from_ethernet(frame).unwrap();
        let Some(LinkSlice::Ethernet2(link)) = sliced.link else { panic!("no ethernet") };
        let Some(NetSlice::Arp(arp)) = sliced.net else { panic!("no arp") };
        assert_eq!(link.source(), arp.sender_hw_addr());
        let ArpOperation(operation) = arp.operation();
        (operation, link.destination(), arp.sender_protocol_addr().to_vec(), arp.target_protocol_addr().to_vec())
    }

    #[test]
    fn messages_are_what_another_parser_reads() {
        let asked = request(THEIRS, CLIENT, VIP, None);
        assert_eq!(read(&asked), (1, [0xff; 6], vec![10, 1, 0, 7], vec![10, 1, 0, 100]));
        let answered = reply(OURS, &Arp::parse(&asked).unwrap());
        assert_eq!(read(&answered), (2, THEIRS.0, vec![10, 1, 0, 100], vec![10, 1, 0, 7]));
        let announced = gratuitous(OURS, VIP);
        assert_eq!(read(&announced), (1, [0xff; 6], vec![10, 1, 0, 100], vec![10, 1, 0, 100]));
        assert!(Arp::parse(&announced).unwrap().is_gratuitous() && !Arp::parse(&answered).unwrap().is_gratuitous());
        assert_eq!(read(&request(OURS, VIP, CLIENT, Some(THEIRS))).1, THEIRS.0);
    }

    #[test]
    fn what_is_no_arp_for_ipv4_is_refused() {
        let good = request(THEIRS, CLIENT, VIP, None);
        assert!(Arp::parse(&good).is_some());
        assert!(Arp::parse(&good[..FRAME - 1]).is_none());
        // Offset and value that spoil it: EtherType, hardware, protocol, lengths, operation, group sender.
        for (at, value) in [(13, 0), (15, 6), (16, 0x86), (18, 8), (19, 16), (21, 3), (22, 1), (28, 224)] {
            let mut bad = good;
            bad[at] = value;
            assert!(Arp::parse(&bad).is_none(), "byte {at} = {value}");
        }
    }
}
