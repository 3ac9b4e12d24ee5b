use super::*;
use crate::forward::oracle::{Bed, OUR_MAC, THEIR_MAC, address};
use net::ip::V6_HEADER;

const ROUTER: &str = "2001:db8::1";
const VIP: &str = "2001:db8::100";

fn asked() -> Bed {
    Bed::new(&nd::solicitation(THEIR_MAC, address(ROUTER), address(VIP), None))
}

// Without the option, from nobody: duplicate address detection.
fn probed() -> Bed {
    let mut frame = nd::solicitation(THEIR_MAC, address(ROUTER), address(VIP), None)[..78].to_vec();
    frame[18..20].copy_from_slice(&24u16.to_be_bytes());
    frame[22..38].fill(0);
    let mut bed = Bed::new(&frame);
    let parsed = bed.parsed();
    icmp::write_checksum(bed.packet().bytes_mut(), &parsed);
    bed
}

#[test]
fn a_solicitation_becomes_the_advertisement() {
    let padded = {
        let mut frame = asked().frame();
        frame.extend([0; 9]);
        Bed::new(&frame)
    };
    let told = "2001:db8::100 > 2001:db8::1 hl 255 | icmp6 136/0 [60, 00, 00, 00] len 24";
    let told_all = "2001:db8::100 > ff02::1 hl 255 | icmp6 136/0 [20, 00, 00, 00] len 24";
    for (bed, expected, to) in [
        (asked(), told.to_string(), THEIR_MAC),
        (padded, told.to_string(), THEIR_MAC),
        (asked().tagged(8), format!("vlan 8 {told}"), THEIR_MAC),
        (probed(), told_all.to_string(), nd::ALL_NODES_MAC),
    ] {
        let mut bed = bed;
        let parsed = bed.parsed();
        assert_eq!(solicited(&bed.packet(), &parsed), Some(address(VIP)));
        advertise(&mut bed.packet(), &parsed, address(VIP), OUR_MAC).unwrap();
        assert_eq!(bed.text(), expected);
        let parsed = bed.parsed();
        let found = advertised(&bed.packet(), &parsed).unwrap();
        assert_eq!((found.target, found.target_mac), (address(VIP), Some(OUR_MAC)));
        assert_eq!((ethernet::destination(&bed.frame()), ethernet::source(&bed.frame())), (to, OUR_MAC));
    }
}

#[test]
fn bad_solicitations_are_not_answered() {
    let refused = |mut bed: Bed, target: &str| {
        let parsed = bed.parsed();
        advertise(&mut bed.packet(), &parsed, address(target), OUR_MAC).unwrap_err()
    };
    assert_eq!(refused(asked(), "2001:db8::101"), DropReason::LinkNoise);
    let spoiled = |at: usize, value: u8| {
        let mut frame = asked().frame();
        frame[at] = value;
        Bed::new(&frame)
    };
    let checksum = 14 + V6_HEADER + icmp::CHECKSUM;
    let mut wrong = spoiled(checksum, 0x5a);
    let parsed = wrong.parsed();
    assert_eq!(solicited(&wrong.packet(), &parsed), None);
    assert_eq!(refused(wrong, VIP), DropReason::BadChecksum);
    assert_eq!(refused(spoiled(21, 64), VIP), DropReason::LinkNoise);
    let mut tight = probed();
    tight.buffer.truncate(tight.head.end as usize);
    assert_eq!(refused(tight, VIP), DropReason::NoHeadroom);
}
