use super::*;
use crate::forward::oracle::{Bed, NIC, OUR_MAC, THEIR_MAC, address, emitted, emitted_frames, tcp, udp};

const V4: (&str, &str) = ("10.1.0.7:40000", "10.1.0.100:80");
const V6: (&str, &str) = ("[2001:db8::7]:40000", "[2001:db8::100]:80");

fn answer(mut bed: Bed) -> Option<String> {
    let mut emissions = Emissions::default();
    let parsed = bed.parsed();
    let answered = answer_reset(&bed.packet(), &parsed, &mut emissions);
    assert_eq!(emissions.count(), usize::from(answered));
    for (nic, offload, frame) in emissions.iter() {
        assert_eq!((nic, offload), (NIC, net::offload::Offload::NONE));
        assert_eq!((ethernet::destination(frame), ethernet::source(frame)), (THEIR_MAC, OUR_MAC));
    }
    emitted(&emissions).pop()
}

/// Flags, sequence and acknowledgement numbers, payload, what the reset says.
type Case = (&'static str, (u32, u32), usize, Option<&'static str>);

#[test]
fn numbers_are_as_rfc_9293_asks() {
    let back4 = "10.1.0.100 > 10.1.0.7 ttl 64 id 0x0 DF | tcp 80 > 40000";
    let back6 = "2001:db8::100 > 2001:db8::7 hl 64 | tcp 80 > 40000";
    let cases: [Case; 8] = [
        ("S", (1000, 0), 0, Some("RA 0/1001")),
        ("S", (u32::MAX, 0), 0, Some("RA 0/0")),
        ("PA", (1000, 2000), 5, Some("R 2000/0")),
        ("SA", (1000, 2000), 0, Some("R 2000/0")),
        ("FP", (1000, 0), 5, Some("RA 0/1006")),
        ("", (1000, 0), 5, Some("RA 0/1005")),
        ("R", (1000, 0), 0, None),
        ("RA", (1000, 2000), 0, None),
    ];
    for (flags, numbers, payload, expected) in cases {
        let payload = vec![0; payload];
        let expect = |back: &str| expected.map(|expected| format!("{back} {expected} len 0"));
        assert_eq!(answer(tcp(V4.0, V4.1, flags, numbers, &payload)), expect(back4), "{flags}");
        assert_eq!(answer(tcp(V6.0, V6.1, flags, numbers, &payload)), expect(back6), "{flags}");
        assert_eq!(answer(tcp(V4.0, V4.1, flags, numbers, &payload).partial()), expect(back4), "{flags} partial");
        let tagged = expect(back4).map(|text| format!("vlan 5 {text}"));
        assert_eq!(answer(tcp(V4.0, V4.1, flags, numbers, &payload).tagged(5)), tagged, "{flags} tagged");
    }
    let long = tcp(V4.0, V4.1, "FP", (1000, 0), &[0; 5000]).super_frame(1000);
    assert_eq!(answer(long), Some(format!("{back4} RA 0/6001 len 0")));
}

#[test]
fn nobody_is_answered_who_may_not_be() {
    assert_eq!(answer(udp(V4.0, V4.1, b"x")), None);
    assert_eq!(answer(tcp(V4.0, "224.0.0.1:80", "S", (1, 0), b"")), None);
    let mut broadcast = tcp(V4.0, V4.1, "S", (1, 0), b"");
    broadcast.packet().bytes_mut()[..6].fill(0xff);
    assert_eq!(answer(broadcast), None);
    let [_, later] = tcp(V4.0, V4.1, "PA", (1, 0), &[0; 100]).fragments(40);
    assert_eq!(answer(later), None);
}

#[test]
fn a_reset_out_of_nothing() {
    let mut emissions = Emissions::default();
    let tuple = Tuple {
        source: address("2001:db8::100"),
        destination: address("2001:db8::7"),
        source_port: 80,
        destination_port: 40000,
        protocol: 6,
    };
    assert!(emit_reset(&mut emissions, NIC, (THEIR_MAC, OUR_MAC), &tuple, 77, None));
    assert!(emit_reset(&mut emissions, NIC, (THEIR_MAC, OUR_MAC), &tuple, 77, Some(99)));
    assert_eq!(
        emitted(&emissions),
        [
            "2001:db8::100 > 2001:db8::7 hl 64 | tcp 80 > 40000 R 77/0 len 0",
            "2001:db8::100 > 2001:db8::7 hl 64 | tcp 80 > 40000 RA 77/99 len 0",
        ]
    );
    assert_eq!(emitted_frames(&emissions)[0][..12], [THEIR_MAC.0, OUR_MAC.0].concat());
    while emit_reset(&mut emissions, NIC, (THEIR_MAC, OUR_MAC), &tuple, 77, None) {}
    assert_eq!(emissions.count(), crate::emissions::EMISSIONS_MAX);
}
