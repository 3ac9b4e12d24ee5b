use super::*;
use crate::forward::oracle::{Bed, address, describe, rejoin, tcp, udp};
use net::offload::Offload;
use proptest::prelude::*;

const TO_BACKEND_V4: (&str, u16) = ("10.2.0.2", 8080);
const TO_BACKEND_V6: (&str, u16) = ("2001:db8:2::2", 8080);

fn inbound(bed: &mut Bed) {
    let parsed = bed.parsed();
    let (to, port) = if parsed.source.is_v4() { TO_BACKEND_V4 } else { TO_BACKEND_V6 };
    rewrite(&mut bed.packet(), &parsed, &Rewrite { source: None, destination: Some((address(to), port)) });
}

fn both(bed: &mut Bed) {
    let parsed = bed.parsed();
    let (from, to) =
        if parsed.source.is_v4() { ("10.2.0.250", "10.2.0.2") } else { ("2001:db8:2::250", "2001:db8:2::2") };
    let to = Rewrite { source: Some((address(from), 1024)), destination: Some((address(to), 8080)) };
    rewrite(&mut bed.packet(), &parsed, &to);
}

/// Name, packet, rewrite, what it says afterwards.
type Case = (&'static str, Bed, fn(&mut Bed), String);

#[test]
fn destination_and_source() {
    let v4 = ("10.1.0.7:40000", "10.1.0.100:80");
    let v6 = ("[2001:db8:1::7]:40000", "[2001:db8:1::100]:80");
    let tcp4 = || tcp(v4.0, v4.1, "PA", (1000, 2000), b"hello");
    let tcp6 = || tcp(v6.0, v6.1, "PA", (1000, 2000), b"hello");
    let (udp4, udp6) = (|| udp(v4.0, v4.1, b"hi"), || udp(v6.0, v6.1, b"hi"));
    let big = vec![7; 5000];
    let big4 = || tcp(v4.0, v4.1, "PA", (1000, 2000), &big);
    let big6 = || tcp(v6.0, v6.1, "PA", (1000, 2000), &big);
    let after4 = "10.1.0.7 > 10.2.0.2 ttl 63 id 0x1234 | tcp 40000 > 8080 PA 1000/2000";
    let after6 = "2001:db8:1::7 > 2001:db8:2::2 hl 63 | tcp 40000 > 8080 PA 1000/2000";
    let cases: Vec<Case> = vec![
        ("v4", tcp4(), inbound, format!("{after4} len 5")),
        ("v4 partial", tcp4().partial(), inbound, format!("{after4} len 5")),
        ("v4 super", big4().super_frame(1448), inbound, format!("{after4} len 5000")),
        ("v4 vlan", tcp4().tagged(7), inbound, format!("vlan 7 {after4} len 5")),
        ("v4 vlan partial", tcp4().partial().tagged(7), inbound, format!("vlan 7 {after4} len 5")),
        ("v6", tcp6(), inbound, format!("{after6} len 5")),
        ("v6 partial", tcp6().partial(), inbound, format!("{after6} len 5")),
        ("v6 super", big6().super_frame(1428), inbound, format!("{after6} len 5000")),
        ("v6 vlan", tcp6().tagged(7), inbound, format!("vlan 7 {after6} len 5")),
        ("udp", udp4(), inbound, "10.1.0.7 > 10.2.0.2 ttl 63 id 0x1234 | udp 40000 > 8080 len 2".into()),
        (
            "udp partial",
            udp4().partial(),
            inbound,
            "10.1.0.7 > 10.2.0.2 ttl 63 id 0x1234 | udp 40000 > 8080 len 2".into(),
        ),
        ("udp6", udp6(), inbound, "2001:db8:1::7 > 2001:db8:2::2 hl 63 | udp 40000 > 8080 len 2".into()),
        ("full v4", udp4(), both, "10.2.0.250 > 10.2.0.2 ttl 63 id 0x1234 | udp 1024 > 8080 len 2".into()),
        ("full v6", udp6().partial(), both, "2001:db8:2::250 > 2001:db8:2::2 hl 63 | udp 1024 > 8080 len 2".into()),
    ];
    for (name, mut bed, act, expected) in cases {
        act(&mut bed);
        assert_eq!(bed.text(), expected, "{name}");
    }
}

#[test]
fn fragments_join_to_the_rewritten_datagram() {
    for (bed, expected) in [
        (
            udp("10.1.0.7:40000", "10.1.0.100:53", &[9; 100]),
            "10.2.0.250 > 10.2.0.2 ttl 63 id 0x1234 | udp 1024 > 8080 len 100",
        ),
        (
            udp("[2001:db8:1::7]:40000", "[2001:db8:1::100]:53", &[9; 100]),
            "2001:db8:2::250 > 2001:db8:2::2 hl 63 | udp 1024 > 8080 len 100",
        ),
    ] {
        let frames = bed.fragments(48).map(|mut fragment| {
            both(&mut fragment);
            fragment.frame()
        });
        assert_eq!(describe(&rejoin(&frames), Offload::NONE), expected);
    }
}

#[test]
fn a_udp_checksum_stays_zero_or_becomes_all_ones() {
    let mut none = udp("10.1.0.7:40000", "10.1.0.100:53", b"hi");
    none.packet().bytes_mut()[40..42].fill(0);
    inbound(&mut none);
    assert_eq!(none.text(), "10.1.0.7 > 10.2.0.2 ttl 63 id 0x1234 | udp 40000 > 8080 nosum len 2");

    // The payload is chosen so that the sum after the rewrite is all ones and its complement zero.
    let mut probe = udp("10.1.0.7:40000", "10.1.0.100:53", &[0, 0]);
    inbound(&mut probe);
    let left = probe.frame()[40..42].to_vec();
    let mut zero = udp("10.1.0.7:40000", "10.1.0.100:53", &left);
    inbound(&mut zero);
    assert_eq!(zero.frame()[40..42], [0xff, 0xff]);
    assert_eq!(zero.text(), "10.1.0.7 > 10.2.0.2 ttl 63 id 0x1234 | udp 40000 > 8080 len 2");
}

proptest! {
    #[test]
    fn there_and_back_is_the_identity(
        payload in proptest::collection::vec(any::<u8>(), 0..64), is_v4 in any::<bool>(), is_tcp in any::<bool>(),
        partial in any::<bool>(), ports in any::<(u16, u16)>(), to in any::<(u32, u16, u32, u16)>()
    ) {
        let (from, vip) = if is_v4 { ("10.1.0.7", "10.1.0.100") } else { ("[2001:db8::7]", "[2001:db8::100]") };
        let (from, vip) = (format!("{from}:{}", ports.0), format!("{vip}:{}", ports.1));
        let bed = if is_tcp { tcp(&from, &vip, "A", (1, 2), &payload) } else { udp(&from, &vip, &payload) };
        let mut bed = if partial { bed.partial() } else { bed };
        let before = (bed.frame(), bed.head, bed.parsed());
        let pick = |low: u32| Address(before.2.source.0 & !0xff_ffff | u128::from(low & 0xff_ffff));
        let there = Rewrite { source: Some((pick(to.0), to.1)), destination: Some((pick(to.2), to.3)) };
        let back = Rewrite {
            source: Some((before.2.source, ports.0)),
            destination: Some((before.2.destination, ports.1)),
        };
        rewrite(&mut bed.packet(), &before.2, &there);
        bed.text();
        let parsed = net::parse(&bed.frame(), false).unwrap();
        rewrite(&mut bed.packet(), &parsed, &back);
        prop_assert_eq!(bed.frame(), before.0);
        prop_assert_eq!(bed.head, before.1);
    }
}
