use super::*;
use etherparse::{Icmpv6Slice, NetSlice, SlicedPacket, TransportSlice};

const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 2]);

fn address(text: &str) -> Address {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

// The ICMPv6 type, after etherparse has verified the checksum.
fn verified(frame: &[u8]) -> u8 {
    let sliced = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(NetSlice::Ipv6(ip)) = sliced.net else { panic!("no IPv6") };
    let Some(TransportSlice::Icmpv6(message)) = sliced.transport else { panic!("no ICMPv6") };
    let message = Icmpv6Slice::from_slice(message.slice()).unwrap();
    assert!(message.is_checksum_valid(ip.header().source(), ip.header().destination()));
    assert_eq!(ip.header().hop_limit(), 255);
    message.type_u8()
}

#[test]
fn groups_of_an_address() {
    let group = solicited_node(address("2001:db8::1:aabb:ccdd"));
    assert_eq!(group, address("ff02::1:ffbb:ccdd"));
    assert_eq!(multicast_mac(group), Mac([0x33, 0x33, 0xff, 0xbb, 0xcc, 0xdd]));
    assert_eq!(multicast_mac(ALL_NODES), ALL_NODES_MAC);
}

#[test]
fn what_is_emitted_is_parsed_and_verifies() {
    let (own, router) = (address("2001:db8::100"), address("2001:db8::1"));
    let asked = solicitation(OURS, own, router, None);
    assert_eq!(verified(&asked), 135);
    let parsed = crate::parse(&asked, false).unwrap();
    assert_eq!(parse_solicitation(&asked, &parsed), Some(Solicitation { target: router, source_mac: Some(OURS) }));
    assert_eq!(parse_advertisement(&asked, &parsed), None);
    assert_eq!(ethernet::destination(&asked), Mac([0x33, 0x33, 0xff, 0, 0, 1]));
    let again = solicitation(OURS, own, router, Some(THEIRS));
    assert_eq!((verified(&again), ethernet::destination(&again)), (135, THEIRS));

    let announced = advertisement(OURS, own);
    assert_eq!(verified(&announced), 136);
    let parsed = crate::parse(&announced, false).unwrap();
    assert_eq!(
        parse_advertisement(&announced, &parsed),
        Some(Advertisement { target: own, target_mac: Some(OURS), flags: flag::OVERRIDE })
    );
    assert_eq!(parsed.destination, address("ff02::1"));
}

#[test]
fn invalid_messages_are_refused() {
    let good = solicitation(OURS, address("2001:db8::100"), address("2001:db8::1"), None);
    // Offset and value that spoil it: hop limit, type, code, multicast target, option of no length, option too long.
    for (at, value) in [(21, 254), (54, 137), (55, 1), (62, 0xff), (79, 0), (79, 2)] {
        let mut bad = good;
        bad[at] = value;
        let parsed = crate::parse(&bad, false).unwrap();
        assert_eq!(parse_solicitation(&bad, &parsed), None, "byte {at} = {value}");
    }
    // A probe for a free address (RFC 4862 5.4.2) must not say where to answer.
    let mut probe = good;
    probe[22..38].fill(0);
    let parsed = crate::parse(&probe, false).unwrap();
    assert_eq!(parse_solicitation(&probe, &parsed), None);
    probe[78] = 14;
    assert_eq!(parse_solicitation(&probe, &parsed).map(|found| found.source_mac), Some(None));
}
