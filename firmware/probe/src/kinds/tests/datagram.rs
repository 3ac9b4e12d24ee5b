//! DNS, RADIUS, SIP, NTP, and datagrams of the administrator's.

use super::dns;
use crate::kinds::fake::{LONG_MS, SHORT_MS, ask, block_on, pattern, reason, tcp, udp};
use config::{Ask, Dns, DnsRecord, Ntp, Payload, Radius, Ranges, Secret, Sip, Transport, Udp};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The response to a DNS query: its flags and its records, each a type and data.
fn response(query: &[u8], flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = query.to_vec();
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[7] = records.len() as u8;
    for (kind, data) in records {
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        bytes.extend(*data);
    }
    bytes
}

const A: u16 = 1;

#[test]
fn dns_answers() {
    let expecting = |expect: &str| {
        let Ask::Dns(options) = dns(Transport::Udp) else { unreachable!() };
        Ask::Dns(Dns { expect: pattern(expect), ..options })
    };
    let named = |query: &str| {
        Ask::Dns(Dns { query: query.into(), record: DnsRecord::A, expect: None, transport: Transport::Udp })
    };
    type Records = &'static [(u16, &'static [u8])];
    let address: Records = &[(A, &[192, 0, 2, 7])];
    let cases: [(Ask, u16, Records, Result<(), &str>); 7] = [
        (dns(Transport::Udp), 0x8180, address, Ok(())),
        (expecting("^192\\.0\\.2\\.7$"), 0x8180, address, Ok(())),
        (expecting("^192\\.0\\.2\\.8$"), 0x8180, address, {
            Err("expected a record that matches ^192\\.0\\.2\\.8$, got \"192.0.2.7\"")
        }),
        (dns(Transport::Udp), 0x8180, &[], Err("the answer has no a record for www.example")),
        (dns(Transport::Udp), 0x8183, &[], Err("the server answers code 3 (NXDOMAIN, no such name)")),
        (dns(Transport::Udp), 0x8182, &[], Err("the server answers code 2 (SERVFAIL, server failure)")),
        (named("a..b"), 0x8180, address, Err("not asked: \"a..b\" cannot be asked for: a part of the name is empty")),
    ];
    block_on(async {
        for (question, flags, records, expected) in cases {
            let server = udp(move |query| {
                // A forged answer first: with another identifier.
                let mut forged = response(query, 0x8180, &[(A, &[203, 0, 113, 1])]);
                forged[0] ^= 1;
                vec![forged, response(query, flags, records)]
            });
            let outcome = ask(question, server.await, LONG_MS).await;
            assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
        }
    });
}

#[test]
fn a_truncated_answer_is_asked_for_over_tcp() {
    block_on(async {
        // Both listen on one port.
        let server = tcp(async |mut peer| {
            let length = peer.read(2).await;
            let query = peer.read(usize::from(length[1])).await;
            let answer = response(&query, 0x8180, &[(A, &[192, 0, 2, 7])]);
            peer.send([&[0, answer.len() as u8], &answer[..]].concat()).await;
        })
        .await;
        let datagrams = tokio::net::UdpSocket::bind(server).await.unwrap();
        tokio::spawn(async move {
            let mut query = [0; 512];
            let (count, from) = datagrams.recv_from(&mut query).await.unwrap();
            datagrams.send_to(&response(&query[..count], 0x8380, &[]), from).await.unwrap();
        });
        for transport in [Transport::Udp, Transport::Tcp] {
            let outcome = ask(dns(transport), server, LONG_MS).await;
            reason(&outcome, true);
            let is_told = outcome.transcript.to_string().contains("asking again over TCP");
            assert_eq!(is_told, transport == Transport::Udp);
        }
    });
}

#[test]
fn a_lost_question_is_asked_again() {
    block_on(async {
        let count = AtomicUsize::new(0);
        let server = udp(move |query| match count.fetch_add(1, Ordering::Relaxed) {
            0 => vec![],
            _ => vec![response(query, 0x8180, &[(A, &[192, 0, 2, 7])])],
        });
        reason(&ask(dns(Transport::Udp), server.await, LONG_MS).await, true);
    });
}

/// A RADIUS server with one user, whose secret is "shared" and whose answers are made with `secret`.
fn radius(packet: &[u8], code: u8, secret: &str) -> Vec<Vec<u8>> {
    // RFC 3579 3.2: what is not signed with the server's secret is dropped.
    let mut unsigned = packet.to_vec();
    unsigned[22..38].fill(0);
    let mac = Hmac::<Md5>::new_from_slice(b"shared").unwrap().chain_update(&unsigned);
    if mac.verify_slice(&packet[22..38]).is_err() {
        return vec![];
    }
    let message = b"\x12\x07hello";
    let head = [code, packet[1], 0, 27];
    let hash = Md5::new().chain_update(head).chain_update(&packet[4..20]).chain_update(message).chain_update(secret);
    vec![[&head[..], &hash.finalize(), message].concat()]
}

#[test]
fn radius_answers() {
    let cases = [
        (2, "shared", "shared", Ok(())),
        (3, "shared", "shared", Err("Access-Reject: hello")),
        (11, "shared", "shared", Err("Access-Challenge, which a check cannot answer: hello")),
        (2, "shared", "other", {
            Err("the answer cannot be believed: it was made with another secret, or changed on its way: its \
                 Response Authenticator is wrong")
        }),
        (2, "others", "shared", {
            Err(
                "the deadline of 300 ms passed while waiting for the answer to Access-Request (a server that has another \
                 secret gives none)",
            )
        }),
    ];
    block_on(async {
        for (code, mine, its, expected) in cases {
            let options = Radius { login: "me".into(), password: Secret::new("password"), secret: Secret::new(mine) };
            let server = udp(move |packet| radius(packet, code, its)).await;
            let timeout_ms = if mine == "others" { SHORT_MS } else { LONG_MS };
            let outcome = ask(Ask::Radius(options), server, timeout_ms).await;
            assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
        }
    });
}

/// The response to a SIP request: the headers that a server repeats, under another first line.
fn sip(request: &[u8], status: &str) -> Vec<u8> {
    let text = str::from_utf8(request).unwrap();
    let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let lines = text.lines().filter(|line| kept.iter().any(|name| line.starts_with(name)));
    let headers: String = lines.map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 {status}\r\n{headers}Content-Length: 4\r\n\r\nbody").into_bytes()
}

#[test]
fn sip_answers() {
    let statuses: Ranges = serde_json::from_str("\"200,404\"").unwrap();
    let cases: [(Sip, &str, Result<(), &str>); 4] = [
        (Sip::default(), "200 OK", Ok(())),
        (
            Sip { uri: Some("sip:ping@example".into()), expect_status: Some(statuses), ..Sip::default() },
            "404 Not Found",
            Ok(()),
        ),
        (Sip::default(), "404 Not Found", Err("expected status 200, got \"404 Not Found\"")),
        (Sip::default(), "503 Overloaded", Err("expected status 200, got \"503 Overloaded\"")),
    ];
    block_on(async {
        for (options, status, expected) in cases {
            let over_udp = udp(move |request| {
                let of_another = String::from_utf8(sip(request, "200 OK")).unwrap().replace("Call-ID: ", "Call-ID: 0");
                vec![of_another.into_bytes(), sip(request, "100 Trying"), sip(request, status)]
            });
            let over_tcp = tcp(move |mut peer| async move {
                let mut request = String::new();
                while !request.ends_with("\r\n\r\n") {
                    request += &peer.line().await;
                }
                let said =
                    [b"\r\n\r\n".to_vec(), sip(request.as_bytes(), "100 Trying"), sip(request.as_bytes(), status)];
                peer.send(said.concat()).await;
                peer.hang().await;
            });
            let (over_udp, over_tcp) = (over_udp.await, over_tcp.await);
            for (server, transport) in [(over_udp, Transport::Udp), (over_tcp, Transport::Tcp)] {
                let options = Sip { transport, ..options.clone() };
                let outcome = ask(Ask::Sip(options), server, LONG_MS).await;
                assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
            }
        }
    });
}

#[test]
fn ntp_answers() {
    let cases = [
        (0x24, 2, b"\xc0\0\x02\x01", Ok(())),
        (0x24, 4, b"\xc0\0\x02\x01", Err("the server is of stratum 4, 3 is allowed")),
        (0xe4, 2, b"\xc0\0\x02\x01", Err("the server's clock is not synchronised")),
        (0xe4, 0, b"RATE", Err("kiss-o'-death RATE: the server wants to be asked less often")),
    ];
    block_on(async {
        for (flags, stratum, reference, expected) in cases {
            let server = udp(move |request| {
                assert_eq!((request.len(), request[0]), (48, 0x23));
                let mut answer = vec![0; 48];
                answer[..2].copy_from_slice(&[flags, stratum]);
                answer[12..16].copy_from_slice(reference);
                answer[24..32].copy_from_slice(&request[40..]);
                answer[40] = 0xe8;
                let mut forged = answer.clone();
                forged[24] ^= 1;
                vec![forged, answer]
            });
            let outcome = ask(Ask::Ntp(Ntp { stratum_max: 3 }), server.await, LONG_MS).await;
            assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
        }
    });
}

#[test]
fn datagrams_of_the_administrators() {
    let options = |expect: Option<&str>| {
        Ask::Udp(Udp { send: Payload::parse("ping\\x00").unwrap(), expect: expect.and_then(pattern) })
    };
    let echo = |datagram: &[u8]| vec![[b"re:", datagram].concat()];
    block_on(async {
        reason(&ask(options(Some("^re:ping\\x00$")), udp(echo).await, LONG_MS).await, true);
        reason(&ask(options(None), udp(echo).await, LONG_MS).await, true);
        let outcome = ask(options(Some("pong")), udp(echo).await, LONG_MS).await;
        assert_eq!(reason(&outcome, false), "expected an answer that matches pong, got \"re:ping\\x00\"");
        // Silence is no refusal, but no answer either.
        reason(&ask(options(None), udp(|_| vec![]).await, SHORT_MS).await, true);
        reason(&ask(options(Some("pong")), udp(|_| vec![]).await, SHORT_MS).await, false);
        let bound = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let closed = bound.local_addr().unwrap();
        drop(bound);
        let outcome = ask(options(None), closed, LONG_MS).await;
        assert_eq!(reason(&outcome, false), "waiting for an answer: Connection refused");
    });
}
