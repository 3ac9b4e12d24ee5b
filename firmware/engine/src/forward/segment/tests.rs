use super::*;
use crate::forward::oracle::{Bed, NIC, address, emitted, emitted_frames, tcp, tcp_with, udp};
use crate::forward::tunnel::{Outer, encapsulate};
use crate::tables::Method;
use proptest::prelude::*;

fn cut_all(bed: &mut Bed) -> (Result<usize, DropReason>, Emissions) {
    let mut emissions = Emissions::default();
    let parsed = bed.parsed();
    let cut = segment(&bed.packet(), &parsed, NicId(5), &mut emissions, |segment, described| {
        assert_eq!(net::parse(segment.bytes(), false), Ok(*described));
        Ok(())
    });
    (cut, emissions)
}

#[test]
fn a_tcp_super_frame_becomes_its_segments() {
    let payload = [1; 25];
    let v4 = tcp("10.1.0.7:40000", "10.1.0.100:80", "FPAC", (u32::MAX - 9, 7), &payload).super_frame(10).tagged(4);
    let (cut, emissions) = cut_all(&mut v4.clone());
    assert_eq!(cut, Ok(3));
    assert_eq!(
        emitted(&emissions),
        [
            "vlan 4 10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | tcp 40000 > 80 AC 4294967286/7 len 10",
            "vlan 4 10.1.0.7 > 10.1.0.100 ttl 63 id 0x1235 | tcp 40000 > 80 A 0/7 len 10",
            "vlan 4 10.1.0.7 > 10.1.0.100 ttl 63 id 0x1236 | tcp 40000 > 80 FPA 10/7 len 5",
        ]
    );
    assert!(emissions.iter().all(|(nic, offload, _)| nic == NicId(5) && offload == net::offload::Offload::NONE));

    let options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    let v6 = tcp_with("[2001:db8::7]:40000", "[2001:db8::100]:80", "PA", (100, 7), &options, &payload);
    let (cut, emissions) = cut_all(&mut v6.super_frame(20));
    assert_eq!(cut, Ok(2));
    assert_eq!(
        emitted(&emissions),
        [
            "2001:db8::7 > 2001:db8::100 hl 63 | tcp 40000 > 80 A 100/7 len 20",
            "2001:db8::7 > 2001:db8::100 hl 63 | tcp 40000 > 80 PA 120/7 len 5",
        ]
    );
    assert!(emitted_frames(&emissions).iter().all(|frame| frame[74..86] == options));
}

#[test]
fn a_udp_super_frame_becomes_its_datagrams() {
    let (cut, emissions) = cut_all(&mut udp("10.1.0.7:9", "10.1.0.100:53", &[3; 25]).super_frame(10));
    assert_eq!(cut, Ok(3));
    assert_eq!(
        emitted(&emissions),
        [
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | udp 9 > 53 len 10",
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1235 | udp 9 > 53 len 10",
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1236 | udp 9 > 53 len 5",
        ]
    );
    let (cut, emissions) = cut_all(&mut udp("[2001:db8::7]:9", "[2001:db8::100]:53", &[3; 20]).super_frame(10));
    assert_eq!(cut, Ok(2));
    assert_eq!(emitted(&emissions), ["2001:db8::7 > 2001:db8::100 hl 63 | udp 9 > 53 len 10"; 2]);
}

#[test]
fn each_may_encapsulate() {
    let mut bed = tcp("10.1.0.7:40000", "10.1.0.100:80", "PA", (1, 2), &[8; 2000]).super_frame(1000);
    let outer = Outer {
        method: Method::TunnelGue,
        source: address("2001:db8::1"),
        destination: address("2001:db8::2"),
        hop_limit: 64,
        entropy: 4096,
        port: 6080,
        checksum: true,
        identification: 0,
    };
    let mut emissions = Emissions::default();
    let parsed = bed.parsed();
    let cut =
        segment(&bed.packet(), &parsed, NIC, &mut emissions, |segment, parsed| encapsulate(segment, parsed, &outer));
    assert_eq!(cut, Ok(2));
    let around = "2001:db8::1 > 2001:db8::2 hl 64 | udp 4096 > 6080 gue sum | 10.1.0.7 > 10.1.0.100 ttl 63";
    assert_eq!(
        emitted(&emissions),
        [
            format!("{around} id 0x1234 | tcp 40000 > 80 A 1/2 len 1000"),
            format!("{around} id 0x1235 | tcp 40000 > 80 PA 1001/2 len 1000"),
        ]
    );
}

#[test]
fn offloads_that_do_not_fit_the_frame() {
    let good = || tcp("10.1.0.7:40000", "10.1.0.100:80", "PA", (1, 2), &[8; 20]).super_frame(10);
    let spoils: [fn(&mut Bed); 4] = [
        |bed| bed.head.offload.segment_size = 0,
        |bed| bed.head.offload.segmentation = Segmentation::TcpV6,
        |bed| bed.head.offload.segmentation = Segmentation::Udp,
        |bed| bed.head.offload.segmentation = Segmentation::None,
    ];
    for spoil in spoils {
        let mut bed = good();
        spoil(&mut bed);
        let (cut, emissions) = cut_all(&mut bed);
        assert_eq!((cut, emissions.count()), (Err(DropReason::BadSegmentation), 0));
    }
    let (cut, _) = cut_all(&mut tcp("10.1.0.7:40000", "10.1.0.100:80", "A", (1, 2), &[]).super_frame(10));
    assert_eq!(cut, Err(DropReason::BadSegmentation));
}

#[test]
fn no_room_and_a_refusal_of_each_end_the_work() {
    let mut bed = tcp("10.1.0.7:40000", "10.1.0.100:80", "PA", (1, 2), &[8; 60_000]).super_frame(100);
    let (cut, emissions) = cut_all(&mut bed);
    assert_eq!((cut, emissions.count()), (Err(DropReason::EmissionsFull), 512));

    let mut emissions = Emissions::default();
    let parsed = bed.parsed();
    let mut seen = 0;
    let cut = segment(&bed.packet(), &parsed, NIC, &mut emissions, |_, _| {
        seen += 1;
        if seen == 3 { Err(DropReason::NoRoute) } else { Ok(()) }
    });
    assert_eq!((cut, emissions.count()), (Err(DropReason::NoRoute), 2));
    // What was refused takes no room.
    for _ in 0..10_000 {
        let refused = segment(&bed.packet(), &parsed, NIC, &mut emissions, |_, _| Err(DropReason::NoRoute));
        assert_eq!(refused, Err(DropReason::NoRoute));
    }
}

proptest! {
    #[test]
    fn segments_join_to_the_payload(
        payload in proptest::collection::vec(any::<u8>(), 1..3000), size in 10u16..1500, is_v4 in any::<bool>()
    ) {
        let (from, to) = if is_v4 { ("10.1.0.7:1", "10.1.0.100:80") } else { ("[2001:db8::7]:1", "[2001:db8::100]:80") };
        let mut bed = tcp(from, to, "PA", (5, 6), &payload).super_frame(size);
        let (cut, emissions) = cut_all(&mut bed);
        prop_assert_eq!(cut, Ok(payload.len().div_ceil(usize::from(size))));
        let headers = if is_v4 { 54 } else { 74 };
        let joined: Vec<u8> = emitted_frames(&emissions).iter().flat_map(|frame| frame[headers..].to_vec()).collect();
        prop_assert_eq!(joined, payload);
        emitted(&emissions);
    }
}
