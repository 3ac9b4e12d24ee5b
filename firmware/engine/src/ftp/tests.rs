use super::*;
use crate::forward::oracle::{Bed, address, tcp, tcp_with};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;

const NOW: Now = Now::from_secs(100);
const CLIENT: &str = "10.1.0.7:40000";
const VIP: &str = "10.1.0.100:21";
const PASV_REPLY: &[u8] = b"227 Entering Passive Mode (10,2,0,2,196,34).\r\n";
const PASV_REWRITTEN: &[u8] = b"227 Entering Passive Mode (10,1,0,100,196,34).\r\n";

fn v4() -> Conversation {
    Conversation {
        client: address("10.1.0.7"),
        client_port: 40000,
        vip: address("10.1.0.100"),
        vip_port: 21,
        backend: address("10.2.0.2"),
        backend_port: 21,
        origin: Origin::default(),
    }
}

fn v6() -> Conversation {
    Conversation {
        client: address("2001:db8:1::7"),
        vip: address("2001:db8:1::100"),
        backend: address("2001:db8:2::2"),
        ..v4()
    }
}

fn ftp() -> Ftp {
    Ftp::new(4, Key(1, 2))
}

fn to_server(conversation: &Conversation, numbers: (u32, u32), payload: &[u8]) -> Bed {
    if conversation.client.is_v4() {
        tcp(CLIENT, VIP, "PA", numbers, payload)
    } else {
        tcp("[2001:db8:1::7]:40000", "[2001:db8:1::100]:21", "PA", numbers, payload)
    }
}

fn to_client(numbers: (u32, u32), payload: &[u8]) -> Bed {
    tcp("10.2.0.2:21", CLIENT, "PA", numbers, payload)
}

// Handles a segment and checks that what is left of it is a valid packet that `parsed` describes.
fn handle(ftp: &mut Ftp, direction: Direction, bed: &mut Bed, conversation: &Conversation) -> FtpAction {
    let mut parsed = bed.parsed();
    let action = ftp.on_segment(NOW, direction, &mut bed.packet(), &mut parsed, conversation);
    bed.text();
    assert_eq!(parsed.end as usize, bed.frame().len());
    assert_eq!(parsed, bed.parsed());
    action
}

fn ask(ftp: &mut Ftp, command: &[u8]) -> FtpAction {
    handle(ftp, Direction::Inbound, &mut to_server(&v4(), (1, 5000), command), &v4())
}

fn numbers(bed: &mut Bed) -> (u32, u32) {
    let l4 = usize::from(bed.parsed().l4);
    (read_u32(&bed.frame(), l4 + tcp::SEQUENCE), read_u32(&bed.frame(), l4 + tcp::ACKNOWLEDGEMENT))
}

fn content(bed: &mut Bed) -> Vec<u8> {
    let parsed = bed.parsed();
    bed.frame()[payload(&bed.packet(), &parsed)].to_vec()
}

fn passive(port: u16) -> Expectation {
    Expectation::passive(&v4(), port)
}

#[test]
fn the_client_offers_a_port() {
    let expect = |conversation: &Conversation| FtpAction::Expect {
        expectation: Expectation::active(conversation, 40004),
        rewritten: false,
    };
    let refused = FtpAction::Drop(DropReason::FtpRefused);
    let cases: [(Conversation, &str, FtpAction); 11] = [
        (v4(), "PORT 10,1,0,7,156,68\r\n", expect(&v4())),
        (v4(), "USER x\r\nPORT 10,1,0,7,156,68\r\n", expect(&v4())),
        (v4(), "EPRT |1|10.1.0.7|40004|\r\n", expect(&v4())),
        (v6(), "EPRT |2|2001:db8:1::7|40004|\r\n", expect(&v6())),
        // Not its own address; a service's port; the other family.
        (v4(), "PORT 10,1,0,8,156,68\r\n", refused),
        (v4(), "EPRT |1|10.1.0.8|40004|\r\n", refused),
        (v6(), "EPRT |2|2001:db8:1::8|40004|\r\n", refused),
        (v4(), "PORT 10,1,0,7,0,22\r\n", refused),
        (v6(), "PORT 10,1,0,7,156,68\r\n", refused),
        (v4(), "PORT nonsense\r\n", FtpAction::Pass),
        // Not yet a whole line.
        (v4(), "PORT 10,1,0,7,156,68", FtpAction::Pass),
    ];
    for (conversation, text, expected) in cases {
        let mut ftp = ftp();
        let mut bed = to_server(&conversation, (1, 5000), text.as_bytes());
        let before = bed.frame();
        assert_eq!(handle(&mut ftp, Direction::Inbound, &mut bed, &conversation), expected, "{text}");
        assert_eq!(bed.frame(), before, "the client's words are never changed");
        let Conversation { client, backend, vip, .. } = conversation;
        let is_expected = matches!(expected, FtpAction::Expect { .. });
        assert_eq!(ftp.expected(NOW, vip, client, 40004), None, "only its own server");
        let found = ftp.expected(NOW, backend, client, 40004);
        assert_eq!(found, is_expected.then(|| Expectation::active(&conversation, 40004)), "{text}");
        assert_eq!(ftp.expected(NOW, backend, client, 40004), None, "once");
    }
}

#[test]
fn the_servers_address_becomes_the_vip() {
    for (name, bed) in [
        ("plain", to_client((9000, 7), PASV_REPLY)),
        ("partial", to_client((9000, 7), PASV_REPLY).partial()),
        ("vlan", to_client((9000, 7), PASV_REPLY).tagged(5)),
        ("vlan, partial", to_client((9000, 7), PASV_REPLY).partial().tagged(5)),
        ("super-frame", to_client((9000, 7), PASV_REPLY).super_frame(30)),
    ] {
        let (mut ftp, mut bed) = (ftp(), bed);
        let offload = bed.head.offload;
        assert_eq!(ask(&mut ftp, b"PASV\r\n"), FtpAction::Pass);
        let action = handle(&mut ftp, Direction::Outbound, &mut bed, &v4());
        assert_eq!(action, FtpAction::Expect { expectation: passive(50210), rewritten: true }, "{name}");
        assert_eq!(content(&mut bed), PASV_REWRITTEN, "{name}");
        assert_eq!((numbers(&mut bed), bed.head.offload), ((9000, 7), offload), "{name}");
        let (client, vip) = (v4().client, v4().vip);
        assert_eq!(ftp.expected(NOW, client, vip, 50211), None);
        assert_eq!(ftp.expected(NOW, client, vip, 50210), Some(passive(50210)));
    }
}

#[test]
fn a_reply_may_need_no_rewriting() {
    let cases: [(&[u8], Option<u16>); 3] = [
        (b"229 Entering Extended Passive Mode (|||50210|)\r\n", Some(50210)),
        (b"227 Entering Passive Mode (10,1,0,100,196,34)\r\n", Some(50210)),
        (b"500 no\r\n", None),
    ];
    for (text, port) in cases {
        let mut ftp = ftp();
        ask(&mut ftp, b"EPSV\r\n");
        let mut bed = to_client((9000, 7), text);
        let before = bed.frame();
        let expected =
            port.map_or(FtpAction::Pass, |port| FtpAction::Expect { expectation: passive(port), rewritten: false });
        assert_eq!(handle(&mut ftp, Direction::Outbound, &mut bed, &v4()), expected);
        assert_eq!(bed.frame(), before);
    }
    let mut ftp = ftp();
    handle(&mut ftp, Direction::Inbound, &mut to_server(&v6(), (1, 1), b"EPSV 2\r\n"), &v6());
    let mut bed = tcp("[2001:db8:2::2]:21", "[2001:db8:1::7]:40000", "PA", (1, 1), b"229 ok (|||50210|)\r\n");
    let expectation = Expectation::passive(&v6(), 50210);
    let action = handle(&mut ftp, Direction::Outbound, &mut bed, &v6());
    assert_eq!(action, FtpAction::Expect { expectation, rewritten: false });
}

#[test]
fn what_no_server_would_say_is_refused_or_ignored() {
    let refused = FtpAction::Drop(DropReason::FtpRefused);
    // (the client's command, the server's segment, what becomes of it)
    let cases: [(&[u8], &[u8], FtpAction); 6] = [
        (b"PASV\r\n", b"227 Entering Passive Mode (10,2,0,3,196,34).\r\n", refused),
        (b"PASV\r\n", b"227 Entering Passive Mode (10,2,0,2,0,22).\r\n", refused),
        (b"EPSV\r\n", b"229 Entering Extended Passive Mode (|||22|)\r\n", refused),
        (b"STAT\r\n", PASV_REPLY, FtpAction::Pass),
        (b"PASV\r\n", b"211 227 Entering Passive Mode (10,2,0,2,196,34).\r\n", FtpAction::Pass),
        (b"PASV\r\n", b"227 Entering Passive Mode (10,2,0,2,196,34).", FtpAction::Pass),
    ];
    for (command, text, expected) in cases {
        let mut ftp = ftp();
        ask(&mut ftp, command);
        let mut bed = to_client((9000, 7), text);
        let before = bed.frame();
        assert_eq!(handle(&mut ftp, Direction::Outbound, &mut bed, &v4()), expected);
        assert_eq!(bed.frame(), before);
        assert_eq!(ftp.expectations(), 0);
    }
    // A listing whose second segment starts, by an attacker's choice of names, with what looks like a reply.
    let mut ftp = ftp();
    ask(&mut ftp, b"STAT x\r\nPASV\r\n");
    let listing = b"213-Status\r\n -rw-r--r-- name ";
    handle(&mut ftp, Direction::Outbound, &mut to_client((8000, 7), b"220 hello\r\n"), &v4());
    handle(&mut ftp, Direction::Outbound, &mut to_client((8011, 7), listing), &v4());
    let mut forged = to_client((8011 + listing.len() as u32, 7), PASV_REPLY);
    assert_eq!(handle(&mut ftp, Direction::Outbound, &mut forged, &v4()), FtpAction::Pass);
    // Nor when the client makes the server repeat just that part.
    assert_eq!(handle(&mut ftp, Direction::Outbound, &mut forged, &v4()), FtpAction::Pass);
    // The line behind it is a real one.
    let next = 8011 + (listing.len() + PASV_REPLY.len()) as u32;
    let action = handle(&mut ftp, Direction::Outbound, &mut to_client((next, 7), PASV_REPLY), &v4());
    assert_eq!(action, FtpAction::Expect { expectation: passive(50210), rewritten: true });
}

#[test]
fn numbers_follow_the_changed_length() {
    let mut ftp = ftp();
    ask(&mut ftp, b"PASV\r\n");
    handle(&mut ftp, Direction::Outbound, &mut to_client((9000, 7), PASV_REPLY), &v4());
    let (old, new) = (PASV_REPLY.len() as u32, PASV_REWRITTEN.len() as u32);
    assert_eq!((old, new), (46, 48));
    // The client acknowledges all of it; the server has sent 46 bytes. Selective acknowledgements are numbers too.
    let sack = [1, 1, 5, 10, 0, 0, 0x23, 0x58 + 48, 0, 0, 0x23, 0x58 + 58];
    let mut ack = tcp_with(CLIENT, VIP, "A", (7, 9000 + new), &sack, b"");
    assert_eq!(handle(&mut ftp, Direction::Inbound, &mut ack, &v4()), FtpAction::Pass);
    assert_eq!(numbers(&mut ack), (7, 9000 + old));
    assert_eq!(ack.frame()[58..66], [0, 0, 0x23, 0x58 + 46, 0, 0, 0x23, 0x58 + 56]);
    let mut partial = to_server(&v4(), (7, 9000 + new), b"RETR x\r\n").partial();
    handle(&mut ftp, Direction::Inbound, &mut partial, &v4());
    assert_eq!(numbers(&mut partial), (7, 9000 + old));
    let mut next = to_client((9000 + old, 15), b"150 here it comes\r\n");
    handle(&mut ftp, Direction::Outbound, &mut next, &v4());
    assert_eq!(numbers(&mut next), (9000 + new, 15));
    // Again, behind a gap (a segment was lost before it got here): the shifts add up.
    let second = b"227 Entering Passive Mode (10,2,0,2,4,0).\r\n";
    handle(&mut ftp, Direction::Inbound, &mut to_server(&v4(), (15, 9067), b"PASV\r\n"), &v4());
    let mut reply = to_client((9100, 30), second);
    handle(&mut ftp, Direction::Outbound, &mut reply, &v4());
    assert_eq!(numbers(&mut reply), (9102, 30));
    assert_eq!(content(&mut reply), b"227 Entering Passive Mode (10,1,0,100,4,0).\r\n");
    let mut after = to_client((9100 + second.len() as u32, 30), b"226 done\r\n");
    handle(&mut ftp, Direction::Outbound, &mut after, &v4());
    assert_eq!(numbers(&mut after).0, 9104 + second.len() as u32);
}

#[test]
fn a_reply_that_comes_again_is_rewritten_again() {
    let mut ftp = ftp();
    ask(&mut ftp, b"PASV\r\n");
    let expected = FtpAction::Expect { expectation: passive(50210), rewritten: true };
    for payload in [PASV_REPLY.to_vec(), PASV_REPLY.to_vec(), [PASV_REPLY, b"150 here it comes\r\n"].concat()] {
        let mut bed = to_client((9000, 7), &payload);
        assert_eq!(handle(&mut ftp, Direction::Outbound, &mut bed, &v4()), expected);
        assert_eq!(numbers(&mut bed), (9000, 7));
        assert_eq!(content(&mut bed), [PASV_REWRITTEN, &payload[PASV_REPLY.len()..]].concat());
    }
    // With what was sent before it, which may have been lost too.
    let mut bed = to_client((8992, 7), &[b"200 ok\r\n", PASV_REPLY].concat());
    assert_eq!(handle(&mut ftp, Direction::Outbound, &mut bed, &v4()), expected);
    assert_eq!((numbers(&mut bed).0, content(&mut bed)), (8992, [b"200 ok\r\n", PASV_REWRITTEN].concat()));
    // A second reply that nobody asked for is not one.
    let mut bed = to_client((9200, 7), PASV_REPLY);
    assert_eq!(handle(&mut ftp, Direction::Outbound, &mut bed, &v4()), FtpAction::Pass);
}

#[test]
fn there_is_room_for_so_many() {
    let mut ftp = ftp();
    let numbered = |port: u16| Conversation { client_port: port, ..v4() };
    let speak = |ftp: &mut Ftp, port: u16| {
        let mut bed = tcp(&format!("10.1.0.7:{port}"), VIP, "PA", (1, 1), b"PASV\r\n");
        handle(ftp, Direction::Inbound, &mut bed, &numbered(port))
    };
    // Neither SYNs nor what a server says takes room.
    let mut syn = tcp(CLIENT, VIP, "S", (1, 0), b"");
    handle(&mut ftp, Direction::Inbound, &mut syn, &v4());
    handle(&mut ftp, Direction::Outbound, &mut to_client((1, 1), b"220 hello\r\n"), &v4());
    assert_eq!(ftp.controls(), 0);
    for port in 1..=4 {
        assert_eq!(speak(&mut ftp, port), FtpAction::Pass);
    }
    assert_eq!(speak(&mut ftp, 5), FtpAction::Full);
    ftp.forget(&tuple(&numbered(2)));
    assert_eq!((speak(&mut ftp, 5), ftp.controls()), (FtpAction::Pass, 4));
    // The same port again is another connection.
    let mut syn = tcp("10.1.0.7:3", VIP, "S", (1, 0), b"");
    handle(&mut ftp, Direction::Inbound, &mut syn, &numbered(3));
    assert_eq!(ftp.controls(), 3);

    // Expectations: the oldest makes room.
    for port in 50_000..50_006 {
        let expectation = passive(port);
        assert!(ftp.expectations.insert(NOW, expectation));
    }
    assert_eq!((ftp.expectations(), ftp.expectations_evicted()), (4, 2));
    let mut gone = Vec::new();
    ftp.expire(NOW, |expectation| gone.push(expectation.vip_port));
    assert_eq!(gone, [50_000, 50_001], "evicted ones are told of");
    assert_eq!(ftp.expected(NOW, v4().client, v4().vip, 50_001), None);
    assert_eq!(ftp.expected(NOW, v4().client, v4().vip, 50_002), Some(passive(50_002)));
}

#[test]
fn expectations_end() {
    let mut ftp = ftp();
    let later = |seconds| NOW + Duration::from_secs(seconds);
    let (client, vip) = (v4().client, v4().vip);
    assert!(ftp.expectations.insert(NOW, passive(50_000)));
    assert!(ftp.expectations.insert(NOW, passive(50_001)));
    // The same again lives longer; for another backend it must wait.
    assert!(ftp.expectations.insert(later(30), passive(50_000)));
    let other = Expectation { backend: address("10.2.0.3"), ..passive(50_000) };
    assert!(!ftp.expectations.insert(later(30), other));
    assert_eq!(ftp.expected(later(60), client, vip, 50_001), None);
    let mut gone = Vec::new();
    ftp.expire(later(89), |expectation| gone.push(expectation.vip_port));
    assert_eq!(gone, [50_001], "asked for too late, told of once; the renewed one lives");
    assert_eq!(ftp.expectations(), 1);
    assert!(ftp.expectations.insert(later(90), other));
    assert_eq!(ftp.expected(later(91), client, vip, 50_000), Some(other));
    ftp.expire(later(1000), |_| ());
    assert_eq!((ftp.expectations(), ftp.expectations_evicted()), (0, 0));
}

#[test]
fn two_servers_may_not_send_one_client_to_the_same_place() {
    let mut ftp = ftp();
    let other = Conversation { client_port: 40001, backend: address("10.2.0.3"), ..v4() };
    ask(&mut ftp, b"PASV\r\n");
    let mut bed = tcp("10.1.0.7:40001", VIP, "PA", (1, 1), b"PASV\r\n");
    handle(&mut ftp, Direction::Inbound, &mut bed, &other);
    handle(&mut ftp, Direction::Outbound, &mut to_client((9000, 7), PASV_REPLY), &v4());
    let theirs = b"227 Entering Passive Mode (10,2,0,3,196,34).\r\n";
    let reply = || tcp("10.2.0.3:21", "10.1.0.7:40001", "PA", (5, 5), theirs);
    let refused = FtpAction::Drop(DropReason::FtpRefused);
    assert_eq!(handle(&mut ftp, Direction::Outbound, &mut reply(), &other), refused);
    // The first data connection came; the second server repeats its reply.
    assert!(ftp.expected(NOW, v4().client, v4().vip, 50210).is_some());
    let action = handle(&mut ftp, Direction::Outbound, &mut reply(), &other);
    let expectation = Expectation::passive(&other, 50210);
    assert_eq!(action, FtpAction::Expect { expectation, rewritten: true });
}

#[test]
fn a_full_buffer_is_a_drop() {
    let mut ftp = ftp();
    ask(&mut ftp, b"PASV\r\n");
    let mut bed = to_client((9000, 7), PASV_REPLY);
    bed.buffer.truncate(bed.head.end as usize + 1);
    let before = bed.frame();
    let dropped = FtpAction::Drop(DropReason::NoHeadroom);
    assert_eq!(handle(&mut ftp, Direction::Outbound, &mut bed, &v4()), dropped);
    assert_eq!(bed.frame(), before);
}

proptest! {
    // A server's stream of lines, cut into segments at line ends, some of them sent twice: the client sees one stream
    // without gaps, and its acknowledgements of whole segments are the server's own numbers.
    #[test]
    fn both_sides_see_streams_without_gaps(
        lines in proptest::collection::vec((0u8..3, 1024u16..), 1..20), start in any::<u32>(), again in any::<u32>()
    ) {
        let mut ftp = ftp();
        let mut sent = start;
        let mut stream: Vec<u8> = Vec::new();
        let mut expected: Vec<u8> = Vec::new();
        let mut unacknowledged = VecDeque::new();
        for (index, (kind, port)) in lines.iter().enumerate() {
            let line = |of: Address| match kind {
                0 => {
                    let (text, length) = dialogue::host_port(of, *port);
                    [b"227 Entering Passive Mode (", &text[..length], b").\r\n"].concat()
                }
                1 => format!("229 Extended (|||{port}|)\r\n").into_bytes(),
                _ => format!("200 line {port}\r\n").into_bytes(),
            };
            if *kind < 2 {
                ask(&mut ftp, if *kind == 0 { b"PASV\r\n" } else { b"EPSV\r\n" });
            }
            let (said, heard) = (line(v4().backend), line(v4().vip));
            unacknowledged.push_back((sent, said.clone()));
            for _ in 0..1 + (again >> index & 1) {
                let (sequence, payload) = unacknowledged.back().expect("pushed above");
                let mut bed = to_client((*sequence, 1), payload);
                let action = handle(&mut ftp, Direction::Outbound, &mut bed, &v4());
                prop_assert_eq!(matches!(action, FtpAction::Expect { .. }), *kind < 2);
                let at = numbers(&mut bed).0.wrapping_sub(start) as usize;
                prop_assert!(at <= stream.len(), "a gap");
                stream.truncate(at);
                stream.extend(content(&mut bed));
            }
            expected.extend(&heard);
            prop_assert_eq!(&stream, &expected);
            sent = sent.wrapping_add(said.len() as u32);
            let mut ack = to_server(&v4(), (1, start.wrapping_add(stream.len() as u32)), b"");
            handle(&mut ftp, Direction::Inbound, &mut ack, &v4());
            prop_assert_eq!(numbers(&mut ack).1, sent);
        }
    }

    #[test]
    fn any_text_is_harmless(
        texts in proptest::collection::vec((any::<bool>(), "(PASV|EPSV|PORT |EPRT |227 |229 |[|(,]|10,2,0,2,|[0-9]{1,6}|\\|1\\||\r\n|\n| |.){0,12}"), 1..12)
    ) {
        let mut ftp = ftp();
        let (mut client, mut server) = (1u32, 1u32);
        for (is_client, text) in texts {
            let (direction, mut bed) = if is_client {
                (Direction::Inbound, to_server(&v4(), (client, server), text.as_bytes()))
            } else {
                (Direction::Outbound, to_client((server, client), text.as_bytes()))
            };
            handle(&mut ftp, direction, &mut bed, &v4());
            let sent = if is_client { &mut client } else { &mut server };
            *sent += text.len() as u32;
        }
    }
}
