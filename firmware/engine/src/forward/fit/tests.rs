use super::*;
use crate::forward::oracle::{Bed, tcp, udp};
use Fit::{Fits, Fragment, Segment, TooBig};

fn with_df(bed: Bed) -> Bed {
    let mut frame = bed.frame();
    frame[20] |= 0x40;
    crate::forward::oracle::write_header_checksum(&mut frame[14..34]);
    let mut changed = Bed::new(&frame);
    changed.head.offload = bed.head.offload;
    changed
}

#[test]
fn by_family_kind_and_size() {
    let (v4, v6) = ("10.1.0.100:80", "[2001:db8::100]:80");
    let udp4 = |payload| udp("10.1.0.7:1", v4, &vec![0; payload]);
    let udp6 = |payload| udp("[2001:db8::7]:1", v6, &vec![0; payload]);
    // Headers: 40 over IPv4, 60 over IPv6.
    let tcp4 = |size| tcp("10.1.0.7:1", v4, "A", (1, 2), &[0; 20_000]).super_frame(size);
    let tcp6 = |size| tcp("[2001:db8::7]:1", v6, "A", (1, 2), &[0; 20_000]).super_frame(size);
    let uso4 = |size| udp4(20_000).super_frame(size);
    let ufo4 = || {
        let mut bed = udp4(20_000).super_frame(1480);
        bed.head.offload.segmentation = Segmentation::UdpFragments;
        bed
    };
    let ufo6 = || {
        let mut bed = udp6(20_000).super_frame(1448);
        bed.head.offload.segmentation = Segmentation::UdpFragments;
        bed
    };
    // (packet, plain at 1500, in a tunnel of 20 bytes at 1500)
    let cases = [
        ("udp4 1480", udp4(1452), Fits, Fits),
        ("udp4 1500", udp4(1472), Fits, Fragment),
        ("udp4 1501", udp4(1473), Fragment, Fragment),
        ("udp4 1500 DF", with_df(udp4(1472)), Fits, TooBig),
        ("udp4 1501 DF", with_df(udp4(1473)), TooBig, TooBig),
        ("udp6 1480", udp6(1432), Fits, Fits),
        ("udp6 1500", udp6(1452), Fits, TooBig),
        ("udp6 1501", udp6(1453), TooBig, TooBig),
        ("tso4 1480", with_df(tcp4(1440)), Fits, Segment),
        ("tso4 1500", with_df(tcp4(1460)), Fits, TooBig),
        ("tso4 1500 without DF", tcp4(1460), Fits, Fragment),
        ("tso4 1501", with_df(tcp4(1461)), TooBig, TooBig),
        ("tso6 1480", tcp6(1420), Fits, Segment),
        ("tso6 1500", tcp6(1440), Fits, TooBig),
        ("tso6 1501", tcp6(1441), TooBig, TooBig),
        ("uso4 1480", uso4(1452), Fits, Segment),
        ("uso4 1500", uso4(1472), Fits, Fragment),
        ("ufo4 1500", ufo4(), Fits, Fragment),
        ("ufo4 1500 DF", with_df(ufo4()), Fits, Fragment),
        ("ufo6 1496", ufo6(), Fits, TooBig),
        (
            "a super-frame of one segment",
            with_df(tcp("10.1.0.7:1", v4, "A", (1, 2), &[0; 100]).super_frame(1460)),
            Fits,
            Segment,
        ),
    ];
    for (name, mut bed, plain, tunnel) in cases {
        let parsed = bed.parsed();
        assert_eq!(fit(&bed.packet(), &parsed, 1500, 0, false), plain, "{name}");
        assert_eq!(fit(&bed.packet(), &parsed, 1500, 20, true), tunnel, "{name} in a tunnel");
    }
}
