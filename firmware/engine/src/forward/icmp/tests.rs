use super::*;
use crate::NicId;
use crate::forward::nat::Rewrite;
use crate::forward::oracle::{
    Bed, NIC, OUR_MAC, THEIR_MAC, address, describe_ip, emitted, emitted_frames, icmp as message, rejoin, tcp, udp,
};
use crate::forward::tunnel::{Outer, encapsulate};
use crate::tables::Method;
use net::offload::Offload;
use net::{Fragment, Mac};
use proptest::prelude::*;

const ERRORS: [Error; 4] =
    [Error::TooBig { mtu: 1400 }, Error::HopLimit, Error::PortUnreachable, Error::AdministrativelyProhibited];
const V4: (&str, &str) = ("10.1.0.7:40000", "10.1.0.100:80");
const V6: (&str, &str) = ("[2001:db8:1::7]:40000", "[2001:db8:1::100]:80");

fn answer(bed: &mut Bed, error: Error) -> Option<Vec<u8>> {
    let mut emissions = Emissions::default();
    let parsed = bed.parsed();
    let source = if parsed.source.is_v4() { address("10.1.0.1") } else { address("2001:db8:1::1") };
    let answered = answer_error(&bed.packet(), &parsed, error, source, &mut emissions);
    assert_eq!(emissions.count(), usize::from(answered));
    for (nic, offload, frame) in emissions.iter() {
        assert_eq!((nic, offload), (NIC, Offload::NONE));
        assert_eq!((ethernet::destination(frame), ethernet::source(frame)), (THEIR_MAC, OUR_MAC));
    }
    emitted(&emissions);
    emitted_frames(&emissions).pop()
}

#[test]
fn errors_have_their_types_and_quote_the_packet() {
    let told4 = ["3/4 [00, 00, 05, 78]", "11/0 [00, 00, 00, 00]", "3/3 [00, 00, 00, 00]", "3/13 [00, 00, 00, 00]"];
    let told6 = ["2/0 [00, 00, 05, 78]", "3/0 [00, 00, 00, 00]", "1/4 [00, 00, 00, 00]", "1/1 [00, 00, 00, 00]"];
    for ((error, told4), told6) in ERRORS.into_iter().zip(told4).zip(told6) {
        let mut v4 = tcp(V4.0, V4.1, "PA", (1, 2), b"hello");
        let frame = answer(&mut v4, error).unwrap();
        let text = crate::forward::oracle::describe(&frame, Offload::NONE);
        assert_eq!(text, format!("10.1.0.1 > 10.1.0.7 ttl 64 id 0x0 DF | icmp {told4} len 45"));
        assert_eq!(frame[42..], v4.frame()[14..]);
        let mut v6 = tcp(V6.0, V6.1, "PA", (1, 2), b"hello").tagged(6);
        let frame = answer(&mut v6, error).unwrap();
        let text = crate::forward::oracle::describe(&frame, Offload::NONE);
        assert_eq!(text, format!("vlan 6 2001:db8:1::1 > 2001:db8:1::7 hl 64 | icmp6 {told6} len 65"));
        assert_eq!(frame[66..], v6.frame()[18..]);
    }
}

#[test]
fn as_much_is_quoted_as_fits() {
    let frame = answer(&mut udp(V4.0, V4.1, &[1; 1000]), Error::HopLimit).unwrap();
    assert_eq!(frame.len() - 14, 576);
    let frame = answer(&mut udp(V6.0, V6.1, &[1; 1400]), Error::HopLimit).unwrap();
    assert_eq!(frame.len() - 14, 1280);
}

#[test]
fn the_quote_is_of_a_packet_that_could_have_been_on_a_wire() {
    // (packet as received, the quoted packet)
    let cases = [
        (
            tcp(V4.0, V4.1, "PA", (1, 2), b"hello").partial(),
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | tcp 40000 > 80 PA 1/2 len 5",
        ),
        (udp(V4.0, V4.1, b"hello").partial(), "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | udp 40000 > 80 len 5"),
        (
            tcp(V4.0, V4.1, "FPAC", (1, 2), &[9; 900]).super_frame(400),
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | tcp 40000 > 80 AC 1/2 len 400",
        ),
        (
            tcp(V4.0, V4.1, "FPAC", (1, 2), &[9; 300]).super_frame(400),
            "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | tcp 40000 > 80 FPAC 1/2 len 300",
        ),
        (
            tcp(V6.0, V6.1, "PA", (1, 2), &[9; 3000]).super_frame(1000),
            "2001:db8:1::7 > 2001:db8:1::100 hl 63 | tcp 40000 > 80 A 1/2 len 1000",
        ),
        (
            udp(V6.0, V6.1, &[9; 3000]).super_frame(1000).tagged(2),
            "2001:db8:1::7 > 2001:db8:1::100 hl 63 | udp 40000 > 80 len 1000",
        ),
    ];
    for (mut bed, expected) in cases {
        let frame = answer(&mut bed, Error::PortUnreachable).unwrap();
        let parsed = bed.parsed();
        let quote = usize::from(parsed.l3) + if parsed.source.is_v4() { 28 } else { 48 };
        // Cases are short enough to be quoted whole.
        assert_eq!(describe_ip(&frame[quote..]), expected);
    }
    // Too long to be quoted whole: the checksum is still that of the whole first segment.
    let big = tcp(V4.0, V4.1, "PA", (1, 2), &[9; 3000]);
    let alone = tcp(V4.0, V4.1, "A", (1, 2), &[9; 1460]);
    let frame = answer(&mut big.super_frame(1460), Error::TooBig { mtu: 1400 }).unwrap();
    assert_eq!(frame[42..], alone.frame()[14..14 + 548]);
}

#[test]
fn nobody_is_told_who_may_not_be() {
    let mut silent: Vec<(&str, Bed)> = ["3", "4", "5", "11", "12"]
        .into_iter()
        .map(|kind| ("an error", message("10.1.0.7", "10.1.0.100", kind.parse().unwrap(), 0, [0; 4], &[0; 28])))
        .collect();
    silent.push(("an error", message("2001:db8::7", "2001:db8::100", 1, 0, [0; 4], &[0; 48])));
    silent.push(("a redirect", message("2001:db8::7", "2001:db8::100", 137, 0, [0; 4], &[0; 48])));
    silent.push(("multicast", udp(V4.0, "239.1.1.1:80", b"")));
    silent.push(("broadcast", udp(V4.0, "255.255.255.255:80", b"")));
    silent.push(("multicast", udp(V6.0, "[ff02::1]:80", b"")));
    silent.push(("class E", udp("240.0.0.1:1", V4.1, b"")));
    silent.push(("nobody", message("::", "2001:db8::100", 128, 0, [0; 4], &[])));
    let mut group = udp(V4.0, V4.1, b"");
    group.packet().bytes_mut()[0] |= 1;
    silent.push(("a group frame", group));
    for (fragments, name) in [(udp(V4.0, V4.1, &[0; 100]), "later"), (udp(V6.0, V6.1, &[0; 100]), "later")] {
        let [mut first, later] = fragments.fragments(48);
        assert!(answer(&mut first, Error::HopLimit).is_some());
        silent.push((name, later));
    }
    for (name, mut bed) in silent {
        for error in ERRORS {
            assert_eq!(answer(&mut bed, error), None, "{name}");
        }
    }
    let echo = message("10.1.0.7", "10.1.0.100", 8, 0, [0; 4], b"");
    assert!(answer(&mut echo.clone(), Error::HopLimit).is_some());
}

#[test]
fn echo_is_answered_in_place() {
    let v4 = || message("10.1.0.7", "10.1.0.100", 8, 0, [0x12, 0x34, 0, 1], b"ping!");
    let v6 = || message("2001:db8::7", "2001:db8::100", 128, 0, [0x12, 0x34, 0, 1], b"ping!");
    let reply4 = "10.1.0.100 > 10.1.0.7 ttl 64 id 0x1234 | icmp 0/0 [12, 34, 00, 01] len 5";
    let reply6 = "2001:db8::100 > 2001:db8::7 hl 64 | icmp6 129/0 [12, 34, 00, 01] len 5";
    for (mut bed, expected) in [
        (v4(), reply4.to_string()),
        (v4().tagged(2), format!("vlan 2 {reply4}")),
        (v6(), reply6.to_string()),
        (v6().tagged(2), format!("vlan 2 {reply6}")),
    ] {
        let parsed = bed.parsed();
        echo_reply(&mut bed.packet(), &parsed).unwrap();
        assert_eq!(bed.text(), expected);
        assert_eq!((ethernet::destination(&bed.frame()), ethernet::source(&bed.frame())), (THEIR_MAC, OUR_MAC));
        // A reply is not answered again.
        let parsed = bed.parsed();
        assert_eq!(echo_reply(&mut bed.packet(), &parsed), Err(DropReason::IcmpIgnored));
    }
    let mut broken = v4();
    broken.packet().bytes_mut()[44] ^= 1;
    let parsed = broken.parsed();
    echo_reply(&mut broken.packet(), &parsed).unwrap();
    assert!(!icmp::is_checksum_right(broken.packet().bytes(), &parsed), "a broken request gets a broken reply");
}

#[test]
fn a_fragmented_echo_is_answered_fragment_by_fragment() {
    for (bed, expected) in [
        (
            message("10.1.0.7", "10.1.0.100", 8, 0, [0; 4], &[5; 100]),
            "10.1.0.100 > 10.1.0.7 ttl 64 id 0x1234 | icmp 0/0 [00, 00, 00, 00] len 100",
        ),
        (
            message("2001:db8::7", "2001:db8::100", 128, 0, [0; 4], &[5; 100]),
            "2001:db8::100 > 2001:db8::7 hl 64 | icmp6 129/0 [00, 00, 00, 00] len 100",
        ),
    ] {
        let replies = bed.fragments(48).map(|mut fragment| {
            let parsed = fragment.parsed();
            echo_reply(&mut fragment.packet(), &parsed).unwrap();
            fragment.frame()
        });
        assert_eq!(crate::forward::oracle::describe(&rejoin(&replies), Offload::NONE), expected);
    }
}

// The error a router at `router` sends to `to` about `about`, quoting `bytes` of it.
fn error_about(router: &str, to: &str, kind: (u8, u8), rest: [u8; 4], about: &Bed, bytes: usize) -> Bed {
    let frame = about.frame();
    let quoted = &frame[14..(14 + bytes).min(frame.len())];
    message(router, to, kind.0, kind.1, rest, quoted)
}

#[test]
fn an_error_and_its_quote_are_translated() {
    // The backend's reply, as the client got it from the VIP, met a router with a smaller MTU; and so on.
    let reply4 = tcp("10.1.0.100:80", V4.0, "PA", (1, 2), &[7; 200]);
    let reply6 = tcp("[2001:db8:1::100]:80", V6.0, "PA", (1, 2), &[7; 200]);
    let backend4 = (address("10.2.0.2"), 8080);
    let backend6 = (address("2001:db8:2::2"), 8080);
    // Bytes quoted: the TCP checksum is not, half, and all among them.
    for quoted in [28, 36, 37, 38, 40, 100, 240] {
        let mut bed = error_about("10.9.0.1", "10.1.0.100", (3, 4), [0, 0, 5, 0], &reply4, quoted);
        let parsed = bed.parsed();
        let inner = embedded(&bed.packet(), &parsed).unwrap();
        assert_eq!((inner.source_port, inner.destination_port, inner.l3), (80, 40000, 42));
        let outer = Rewrite { source: None, destination: Some(backend4) };
        let quote = Rewrite { source: Some(backend4), destination: None };
        translate_error(&mut bed.packet(), &parsed, &inner, &outer, &quote);
        assert_eq!(
            bed.text(),
            format!("10.9.0.1 > 10.2.0.2 ttl 63 id 0x1234 | icmp 3/4 [00, 00, 05, 00] len {quoted}")
        );
        let expected = tcp("10.2.0.2:8080", V4.0, "PA", (1, 2), &[7; 200]);
        // Half a checksum cannot be changed.
        let compared = if quoted == 37 { 36 } else { quoted };
        assert_eq!(bed.frame()[42..42 + compared], expected.frame()[14..14 + compared]);
    }
    for quoted in [48, 60, 260] {
        let mut bed = error_about("2001:db8:9::1", "2001:db8:1::100", (2, 0), [0, 0, 5, 0], &reply6, quoted).tagged(3);
        let parsed = bed.parsed();
        let inner = embedded(&bed.packet(), &parsed).unwrap();
        let outer = Rewrite { source: None, destination: Some(backend6) };
        let quote = Rewrite { source: Some(backend6), destination: None };
        translate_error(&mut bed.packet(), &parsed, &inner, &outer, &quote);
        let text = "vlan 3 2001:db8:9::1 > 2001:db8:2::2 hl 63 | icmp6 2/0 [00, 00, 05, 00] len";
        assert_eq!(bed.text(), format!("{text} {quoted}"));
        let expected = tcp("[2001:db8:2::2]:8080", V6.0, "PA", (1, 2), &[7; 200]);
        assert_eq!(bed.frame()[66..], expected.frame()[14..14 + quoted]);
    }
    // The backend itself has no such port: the error passes from it to the client, whose datagram it quotes.
    let mut bed = error_about("10.2.0.2", "10.1.0.7", (3, 3), [0; 4], &udp(V4.0, "10.2.0.2:8080", b"hi"), 30);
    let parsed = bed.parsed();
    let inner = embedded(&bed.packet(), &parsed).unwrap();
    let vip = (address("10.1.0.100"), 80);
    let (outer, quote) =
        (Rewrite { source: Some(vip), destination: None }, Rewrite { source: None, destination: Some(vip) });
    translate_error(&mut bed.packet(), &parsed, &inner, &outer, &quote);
    assert_eq!(bed.text(), "10.1.0.100 > 10.1.0.7 ttl 63 id 0x1234 | icmp 3/3 [00, 00, 00, 00] len 30");
    assert_eq!(describe_ip(&bed.frame()[42..]), "10.1.0.7 > 10.1.0.100 ttl 63 id 0x1234 | udp 40000 > 80 len 2");
}

#[test]
fn what_is_no_usable_error_is_refused() {
    let about = udp(V4.0, V4.1, b"hi");
    let refused = |mut bed: Bed| {
        let parsed = bed.parsed();
        embedded(&bed.packet(), &parsed).unwrap_err()
    };
    let error = |kind, bytes| error_about("10.9.0.1", "10.1.0.7", kind, [0; 4], &about, bytes);
    assert_eq!(refused(error((8, 0), 30)), DropReason::IcmpIgnored);
    assert_eq!(refused(error((5, 1), 30)), DropReason::IcmpIgnored);
    assert_eq!(refused(error((3, 3), 19)), DropReason::Truncated);
    assert_eq!(refused(error((3, 3), 0)), DropReason::Truncated);
    assert_eq!(refused(about.clone()), DropReason::IcmpIgnored);
    let six = udp(V6.0, V6.1, b"hi");
    assert_eq!(refused(error_about("10.9.0.1", "10.1.0.7", (3, 3), [0; 4], &six, 60)), DropReason::IcmpIgnored);
    let mut broken = error((3, 3), 30);
    broken.packet().bytes_mut()[50] ^= 1;
    assert_eq!(refused(broken), DropReason::BadChecksum);
    let [first, _] = error((3, 3), 30).fragments(16);
    assert_eq!(refused(first), DropReason::IcmpIgnored);
}

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
        identification: 0,
    }
}

#[test]
fn an_error_from_a_tunnels_path_is_understood() {
    // (method, checksum, bytes over IPv4)
    let methods = [
        (Method::TunnelIpip, false, 20),
        (Method::TunnelGre, false, 24),
        (Method::TunnelGre, true, 28),
        (Method::TunnelGue, true, 32),
    ];
    for (method, checksum, over) in methods {
        for is_v4 in [true, false] {
            let mut carried = tcp(V4.0, V4.1, "PA", (1, 2), &[7; 1400]);
            let parsed = carried.parsed();
            let outer = outer(method, is_v4, checksum);
            encapsulate(&mut carried.packet(), &parsed, &outer).unwrap();
            let over = if is_v4 { over } else { over + 20 };
            let mut bed = if is_v4 {
                error_about("10.9.0.1", "10.2.0.1", (3, 4), [0, 0, 5, 0x64], &carried, 548)
            } else {
                error_about("2001:db8:9::1", "2001:db8:2::1", (2, 0), [0, 0, 5, 0x64], &carried, 1232)
            };
            let parsed = bed.parsed();
            let quoted = embedded(&bed.packet(), &parsed).unwrap();
            let found = tunnel_error(&bed.packet(), &parsed, &quoted).unwrap();
            assert_eq!((found.method, found.source, found.backend), (method, outer.source, outer.destination));
            assert_eq!(found.port, if method == Method::TunnelGue { 6080 } else { 0 });
            assert_eq!((found.path_mtu, found.inner_mtu), (Some(1380), Some(1380 - over)));
            let inner = found.inner.unwrap();
            assert_eq!((inner.source, inner.source_port, inner.destination_port), (address("10.1.0.7"), 40000, 80));

            let mut emissions = Emissions::default();
            let macs = (Mac([2, 0, 0, 0, 0, 9]), OUR_MAC);
            let error = Error::TooBig { mtu: 1360 };
            assert!(relay_error(&bed.packet(), &inner, error, address("10.1.0.1"), NicId(1), macs, &mut emissions));
            let text = emitted(&emissions).pop().unwrap();
            assert!(text.starts_with("10.1.0.1 > 10.1.0.7 ttl 64 id 0x0 DF | icmp 3/4 [00, 00, 05, 50] len"), "{text}");
        }
    }
}

#[test]
fn path_mtus_are_believed_within_reason() {
    let mut carried = tcp(V4.0, V4.1, "PA", (1, 2), &[7; 1400]);
    let parsed = carried.parsed();
    encapsulate(&mut carried.packet(), &parsed, &outer(Method::TunnelIpip, true, false)).unwrap();
    let found = |kind: (u8, u8), told: u16, quoted: usize| {
        let [high, low] = told.to_be_bytes();
        let mut bed = error_about("10.9.0.1", "10.2.0.1", kind, [0, 0, high, low], &carried, quoted);
        let parsed = bed.parsed();
        let outer = embedded(&bed.packet(), &parsed).unwrap();
        let found = tunnel_error(&bed.packet(), &parsed, &outer).unwrap();
        (found.path_mtu, found.inner.is_some())
    };
    assert_eq!(found((3, 4), 1400, 548), (Some(1400), true));
    assert_eq!(found((3, 4), 68, 548), (Some(552), true));
    // RFC 1191 5: a router that tells none. 1,460 bytes were sent.
    assert_eq!(found((3, 4), 0, 548), (Some(1006), true));
    assert_eq!(found((3, 1), 0, 548), (None, true));
    // RFC 792: eight bytes behind the header are not enough to know whose packet was inside.
    assert_eq!(found((3, 4), 1400, 28), (Some(1400), false));

    let mut other = error_about("10.9.0.1", "10.1.0.7", (3, 4), [0; 4], &tcp(V4.0, V4.1, "A", (1, 2), b""), 40);
    let parsed = other.parsed();
    let inner = embedded(&other.packet(), &parsed).unwrap();
    assert_eq!(tunnel_error(&other.packet(), &parsed, &inner), None);
}

proptest! {
    #[test]
    fn any_quoted_bytes_are_harmless(
        quote in proptest::collection::vec(any::<u8>(), 0..120), first in 0u8..4, next in any::<u8>(), is_v4 in any::<bool>(),
        kind in prop::sample::select(vec![(3u8, 4u8), (3, 3), (2, 0), (1, 4), (11, 0)])
    ) {
        let mut quote = quote;
        if let Some(byte) = quote.first_mut() {
            *byte = [0x45, 0x4f, 0x60, *byte][usize::from(first)];
        }
        // Make protocols with an inside likely.
        let (at, likely) = (if is_v4 { 9 } else { 6 }, [6, 17, 4, 41, 47, 1, 58, 44, 0, 60]);
        if let Some(byte) = quote.get_mut(at) {
            *byte = likely[usize::from(next) % likely.len()];
        }
        let (router, to) = if is_v4 { ("10.9.0.1", "10.1.0.100") } else { ("2001:db8::9", "2001:db8::100") };
        let mut bed = message(router, to, kind.0, kind.1, [0, 0, 5, 0], &quote);
        let parsed = bed.parsed();
        let Ok(inner) = embedded(&bed.packet(), &parsed) else { return Ok(()) };
        prop_assert!(inner.end <= parsed.end);
        if let Some(found) = tunnel_error(&bed.packet(), &parsed, &inner)
            && let Some(carried) = found.inner
        {
            let source = if carried.source.is_v4() { address("10.1.0.1") } else { address("2001:db8::1") };
            let mut emissions = Emissions::default();
            relay_error(&bed.packet(), &carried, Error::HopLimit, source, NIC, (THEIR_MAC, OUR_MAC), &mut emissions);
            emitted(&emissions);
        }
        let new = (address(if is_v4 { "10.2.0.2" } else { "2001:db8:2::2" }), 8080);
        let to = Rewrite { source: Some(new), destination: Some(new) };
        let outer = Rewrite { source: None, destination: Some(new) };
        translate_error(&mut bed.packet(), &parsed, &inner, &outer, &to);
        let parsed = bed.parsed();
        prop_assert!(parsed.destination == new.0 && parsed.fragment == Fragment::Whole);
        bed.text();
    }
}
