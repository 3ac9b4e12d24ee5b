use super::*;
use crate::forward::oracle::{Bed, address, describe_ip, tcp, udp};

fn outer(method: Method, is_v4: bool, checksum: bool) -> Outer {
    let (source, destination) = if is_v4 { ("10.2.0.1", "10.3.0.2") } else { ("2001:db8:2::1", "2001:db8:3::2") };
    Outer {
        method,
        source: address(source),
        destination: address(destination),
        hop_limit: 64,
        entropy: 50_000,
        port: 6080,
        checksum,
        identification: 0x77,
    }
}

fn inner(is_v4: bool) -> Bed {
    if is_v4 {
        tcp("10.1.0.7:40000", "10.1.0.100:80", "PA", (1, 2), b"hello")
    } else {
        tcp("[2001:db8:1::7]:40000", "[2001:db8:1::100]:80", "PA", (1, 2), b"hello")
    }
}

const INNER_V4: &str = "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | tcp 40000 > 80 PA 1/2 len 5";
const INNER_V6: &str = "2001:db8:1::7 > 2001:db8:1::100 hl 63 | tcp 40000 > 80 PA 1/2 len 5";
const OUTER_V4: &str = "10.2.0.1 > 10.3.0.2 ttl 64 id 0x77 DF";
const OUTER_V6: &str = "2001:db8:2::1 > 2001:db8:3::2 hl 64";

#[test]
fn every_method_in_every_family() {
    // (method, checksum, what is between the headers, bytes over IPv4, over IPv6)
    let methods = [
        (Method::TunnelIpip, false, "ipip", 20, 40),
        (Method::TunnelGre, false, "gre", 24, 44),
        (Method::TunnelGre, true, "gre sum", 28, 48),
        (Method::TunnelGue, false, "udp 50000 > 6080 gue", 32, 52),
        (Method::TunnelGue, true, "udp 50000 > 6080 gue sum", 32, 52),
    ];
    for (method, checksum, shim, over_v4, over_v6) in methods {
        for (outer_v4, outer_text, bytes) in [(true, OUTER_V4, over_v4), (false, OUTER_V6, over_v6)] {
            for (inner_v4, inner_text) in [(true, INNER_V4), (false, INNER_V6)] {
                let untagged = format!("{outer_text} | {shim} | {inner_text}");
                for (bed, expected) in [
                    (inner(inner_v4), untagged.clone()),
                    (inner(inner_v4).partial(), untagged.clone()),
                    (inner(inner_v4).tagged(9), format!("vlan 9 {untagged}")),
                    (inner(inner_v4).partial().tagged(9), format!("vlan 9 {untagged}")),
                ] {
                    let mut bed = bed;
                    let (parsed, before) = (bed.parsed(), bed.frame());
                    let outer = outer(method, outer_v4, checksum);
                    encapsulate(&mut bed.packet(), &parsed, &outer).unwrap();
                    assert_eq!(bed.text(), expected);
                    assert_eq!(bed.frame().len(), before.len() + bytes);
                    assert_eq!(overhead(method, outer.source.family(), checksum), bytes);
                    assert_eq!(bed.frame()[..12], before[..12], "hardware addresses stay");
                    assert_eq!(bed.head.offload, Offload::NONE);
                }
            }
        }
    }
}

#[test]
fn dscp_and_ecn_are_copied_and_padding_is_not() {
    for (outer_v4, inner_v4) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut frame = inner(inner_v4).frame();
        // DSCP 46 (EF), ECN 3 (congestion experienced).
        if inner_v4 {
            frame[15] = 0xbb;
            crate::forward::oracle::write_header_checksum(&mut frame[14..34]);
        } else {
            frame[14..16].copy_from_slice(&[0x6b, 0xb0]);
        }
        let length = frame.len();
        frame.extend([0xee; 7]);
        let mut bed = Bed::new(&frame);
        let parsed = bed.parsed();
        encapsulate(&mut bed.packet(), &parsed, &outer(Method::TunnelIpip, outer_v4, false)).unwrap();
        let found = bed.frame();
        let class = if outer_v4 { found[15] } else { (found[14] & 0x0f) << 4 | found[15] >> 4 };
        assert_eq!((class, found.len()), (0xbb, length + if outer_v4 { 20 } else { 40 }));
        describe_ip(&found[14..]);
    }
}

#[test]
fn what_cannot_be_encapsulated_is_refused() {
    let v4 = outer(Method::TunnelIpip, true, false);
    let refused = |mut bed: Bed, outer: &Outer| {
        let parsed = bed.parsed();
        let before = bed.frame();
        let reason = encapsulate(&mut bed.packet(), &parsed, outer).unwrap_err();
        assert_eq!(bed.frame(), before);
        reason
    };
    let big = tcp("10.1.0.7:1", "10.1.0.100:80", "A", (1, 2), &[0; 5000]).super_frame(1000);
    assert_eq!(refused(big, &v4), DropReason::BadSegmentation);
    assert_eq!(refused(inner(true), &Outer { method: Method::Nat, ..v4 }), DropReason::BadSegmentation);
    assert_eq!(refused(udp("10.1.0.7:1", "10.1.0.100:53", &[0; 65_500]), &v4), DropReason::TooBig);
    let mut tight = inner(true);
    tight.buffer.drain(..45);
    (tight.head.start, tight.head.end) = (tight.head.start - 45, tight.head.end - 45);
    assert_eq!(refused(tight, &v4), DropReason::NoHeadroom);
}

#[test]
fn an_offload_beyond_the_frame_is_harmless() {
    let mut bed = inner(true).partial();
    bed.head.offload.checksum_start = 2000;
    complete_checksum(&mut bed.packet());
    assert!(!bed.head.offload.partial_checksum);
}
