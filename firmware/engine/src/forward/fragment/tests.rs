use super::*;
use crate::forward::oracle::{Bed, NIC, describe, emitted, emitted_frames, rejoin, tcp, udp, write_header_checksum};
use net::offload::Offload;
use proptest::prelude::*;

fn cut_all(bed: &mut Bed, mtu: usize) -> (Result<usize, DropReason>, Emissions) {
    let mut emissions = Emissions::default();
    let parsed = bed.parsed();
    let cut = fragment(&bed.packet(), &parsed, mtu, NIC, &mut emissions, |fragment, described| {
        assert!(described.ip_length() <= mtu);
        assert_eq!(net::parse(fragment.bytes(), false), Ok(*described));
        Ok(())
    });
    (cut, emissions)
}

#[test]
fn a_datagram_is_cut_at_multiples_of_eight() {
    let (cut, emissions) = cut_all(&mut udp("10.1.0.7:9", "10.1.0.100:53", &[3; 100]).tagged(7), 70);
    assert_eq!(cut, Ok(3));
    assert_eq!(
        emitted(&emissions),
        [
            "vlan 7 10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 MF frag 0+48 proto 17",
            "vlan 7 10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 MF frag 48+48 proto 17",
            "vlan 7 10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 frag 96+12 proto 17",
        ]
    );
}

#[test]
fn fragments_are_cut_further() {
    let [mut first, mut last] = udp("10.1.0.7:9", "10.1.0.100:53", &[3; 200]).fragments(104);
    let (first, last) = (cut_all(&mut first, 76), cut_all(&mut last, 76));
    assert_eq!((first.0, last.0), (Ok(2), Ok(2)));
    let texts = [emitted(&first.1), emitted(&last.1)].concat();
    assert_eq!(
        texts,
        [
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 MF frag 0+56 proto 17",
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 MF frag 56+48 proto 17",
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 MF frag 104+56 proto 17",
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 frag 160+48 proto 17",
        ]
    );
    let frames = [emitted_frames(&first.1), emitted_frames(&last.1)].concat();
    let joined = describe(&rejoin(&frames), Offload::NONE);
    assert_eq!(joined, "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | udp 9 > 53 len 200");
}

#[test]
fn options_go_where_they_belong() {
    // Record route (7) stays in the first fragment, router alert (148) and the unknown 130 are copied.
    let options = [7, 3, 4, 148, 4, 0, 0, 130, 4, 9, 9, 0];
    let mut frame = udp("10.1.0.7:9", "10.1.0.100:53", &[3; 100]).frame();
    frame.splice(34..34, options);
    frame[14] = 0x48;
    frame[17] += 12;
    write_header_checksum(&mut frame[14..]);
    let (cut, emissions) = cut_all(&mut Bed::new(&frame), 80);
    assert_eq!(cut, Ok(3));
    let frames = emitted_frames(&emissions);
    assert_eq!(frames[0][34..46], options);
    for later in &frames[1..] {
        assert_eq!((later[14], &later[34..42]), (0x47, &[148, 4, 0, 0, 130, 4, 9, 9][..]));
    }
    assert_eq!(emitted(&emissions)[2], "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 frag 96+12 proto 17");
    rejoin(&frames);
}

#[test]
fn an_open_checksum_is_completed() {
    for bed in [
        udp("10.1.0.7:9", "10.1.0.100:53", &[3; 100]).partial(),
        tcp("10.1.0.7:9", "10.1.0.100:53", "PA", (1, 2), &[3; 100]).partial(),
    ] {
        let (cut, emissions) = cut_all(&mut bed.clone(), 68);
        assert_eq!(cut, Ok(3));
        assert_eq!(describe(&rejoin(&emitted_frames(&emissions)), Offload::NONE), bed.text());
    }
}

#[test]
fn super_frames_become_smaller_segments_or_fragmented_datagrams() {
    let mut tso = tcp("10.1.0.7:9", "10.1.0.100:80", "PA", (1, 2), &[3; 100]).super_frame(60);
    let (cut, emissions) = cut_all(&mut tso, 80);
    assert_eq!(cut, Ok(3));
    assert_eq!(emitted(&emissions)[2], "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1236 | tcp 9 > 80 PA 81/2 len 20");

    let mut uso = udp("10.1.0.7:9", "10.1.0.100:53", &[3; 120]).super_frame(60);
    let (cut, emissions) = cut_all(&mut uso, 68);
    assert_eq!(cut, Ok(4));
    for (at, identification) in [(0, "0x1234"), (2, "0x1235")] {
        let datagram = rejoin(&emitted_frames(&emissions)[at..at + 2]);
        let expected = format!("10.1.0.7 > 10.1.0.100 ttl 63 id {identification} | udp 9 > 53 len 60");
        assert_eq!(describe(&datagram, Offload::NONE), expected);
    }

    let mut ufo = udp("10.1.0.7:9", "10.1.0.100:53", &[3; 2000]).super_frame(1480);
    ufo.head.offload.segmentation = Segmentation::UdpFragments;
    let (cut, emissions) = cut_all(&mut ufo, 1480);
    assert_eq!(cut, Ok(2));
    assert_eq!(describe(&rejoin(&emitted_frames(&emissions)), Offload::NONE), ufo.text());
}

#[test]
fn what_cannot_be_fragmented_is_refused() {
    let v6 = udp("[2001:db8::7]:9", "[2001:db8::100]:53", &[3; 100]);
    assert_eq!(cut_all(&mut v6.clone(), 1280).0, Err(DropReason::TooBig));
    assert_eq!(cut_all(&mut udp("10.1.0.7:9", "10.1.0.100:53", &[3; 100]), 27).0, Err(DropReason::TooBig));
    let mut tso = tcp("10.1.0.7:9", "10.1.0.100:80", "PA", (1, 2), &[3; 100]).super_frame(60);
    assert_eq!(cut_all(&mut tso, 40).0, Err(DropReason::BadSegmentation));
}

proptest! {
    #[test]
    fn fragments_join_to_the_datagram(
        payload in proptest::collection::vec(any::<u8>(), 1..4000), mtu in 68usize..1500, partial in any::<bool>()
    ) {
        let bed = udp("10.1.0.7:9", "10.1.0.100:53", &payload);
        let whole = bed.frame();
        let (cut, emissions) = cut_all(&mut if partial { bed.partial() } else { bed }, mtu);
        let frames = emitted_frames(&emissions);
        prop_assert_eq!(cut, Ok(frames.len()));
        emitted(&emissions);
        prop_assert_eq!(rejoin(&frames), whole);
    }
}
