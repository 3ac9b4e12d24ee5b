//! What every kind must survive: servers that hang, close, talk nonsense, or take their time.

use super::fake::{LONG_MS, SHORT_MS, ask, block_on, login, reason, tcp, udp};
use config::{Ask, Dns, DnsRecord, Ldap, Memcached, Ntp, Payload, Radius, Redis, Secret, Sip, Sql, Transport, Udp};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::UdpSocket;

mod database;
mod datagram;
mod ldap;
mod program;
mod store;

fn sql() -> Sql {
    Sql { login: login("me", "secret"), query: Some("SELECT 1".into()), ..Sql::default() }
}

fn dns(transport: Transport) -> Ask {
    Ask::Dns(Dns { query: "www.example".into(), record: DnsRecord::A, expect: None, transport })
}

/// One question of each kind over TCP, and the beginning of what a server could say to it.
fn streams() -> Vec<(Ask, &'static [u8])> {
    vec![
        (Ask::Ldap(Ldap::default()), b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00"),
        (dns(Transport::Tcp), b"\x00\x1d\x00\x00\x81\x80\x00\x01"),
        (Ask::Mysql(sql()), b"\x4a\x00\x00\x00\x0a8.0.36\0"),
        (Ask::Postgresql(sql()), b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"),
        (Ask::Redis(Redis::default()), b"+PONG\r\n"),
        (Ask::Memcached(Memcached::default()), b"VERSION 1.6.18\r\n"),
        (Ask::Sip(Sip { transport: Transport::Tcp, ..Sip::default() }), b"SIP/2.0 200 OK\r\nVia: "),
    ]
}

/// One question of each kind over UDP.
fn datagrams() -> Vec<Ask> {
    let radius = Radius { login: "me".into(), password: Secret::new("secret"), secret: Secret::new("shared") };
    vec![
        dns(Transport::Udp),
        Ask::Radius(radius),
        Ask::Sip(Sip::default()),
        Ask::Ntp(Ntp { stratum_max: 15 }),
        Ask::Udp(Udp { send: Payload::parse("ping").unwrap(), expect: super::fake::pattern("pong") }),
    ]
}

#[test]
fn a_server_that_says_nothing_fails_at_the_deadline() {
    block_on(async {
        for (question, _) in streams() {
            let server = tcp(async |mut peer| drop(peer.hang().await)).await;
            let outcome = ask(question, server, SHORT_MS).await;
            assert!(outcome.deadline_passed, "{}", reason(&outcome, false));
            assert!(
                outcome.reason.starts_with("the deadline of 300 ms passed while waiting for "),
                "{}",
                outcome.reason
            );
        }
        for question in datagrams() {
            let outcome = ask(question, udp(|_| vec![]).await, SHORT_MS).await;
            assert!(outcome.deadline_passed, "{}", reason(&outcome, false));
            assert!(
                outcome.reason.starts_with("the deadline of 300 ms passed while waiting for "),
                "{}",
                outcome.reason
            );
        }
    });
}

#[test]
fn a_server_that_dribbles_fails_at_the_deadline() {
    block_on(async {
        for (question, beginning) in streams() {
            let server = tcp(move |mut peer| async move { peer.dribble(beginning).await }).await;
            let outcome = ask(question, server, SHORT_MS).await;
            assert!(outcome.deadline_passed, "{}", reason(&outcome, false));
        }
    });
}

#[test]
fn a_server_that_closes_fails_at_once() {
    block_on(async {
        for (question, beginning) in streams() {
            for said in [&[][..], &beginning[..3]] {
                let server = tcp(move |mut peer| async move {
                    peer.send(said).await;
                    // Closing with unread bytes would be a reset, and could lose what was sent.
                    use tokio::io::AsyncWriteExt;
                    let _ = peer.0.shutdown().await;
                    peer.hang().await;
                })
                .await;
                let outcome = ask(question.clone(), server, LONG_MS).await;
                let reason = reason(&outcome, false);
                assert!(reason.ends_with("the server closed the connection"), "{reason}");
            }
        }
    });
}

#[test]
fn a_server_that_talks_nonsense_fails_at_once() {
    let nonsense: [Vec<u8>; 4] = [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        vec![0xff; 70_000],
        vec![0; 20_000],
        b"\r\n\r\n".repeat(5_000),
    ];
    block_on(async {
        for (index, said) in nonsense.iter().enumerate() {
            for (question, _) in streams() {
                // Empty lines are nothing to SIP, and two letters are a length to DNS: both wait for more.
                if matches!((index, &question), (3, Ask::Sip(_)) | (0, Ask::Dns(_))) {
                    continue;
                }
                let kind = question.kind();
                let said = said.clone();
                let server = tcp(move |mut peer| {
                    let said = said.clone();
                    async move {
                        peer.send(said).await;
                        peer.hang().await;
                    }
                })
                .await;
                let outcome = ask(question, server, LONG_MS).await;
                assert!(!outcome.deadline_passed, "{kind:?} and nonsense {index}: {}", reason(&outcome, false));
            }
        }
        for said in [&b""[..], b"?", &[0xff; 600], &[0; 600]] {
            for question in datagrams() {
                reason(&ask(question, udp(move |_| vec![said.to_vec()]).await, SHORT_MS).await, false);
            }
        }
    });
}

#[test]
fn a_closed_port_fails_at_once() {
    block_on(async {
        let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let closed = bound.local_addr().unwrap();
        drop(bound);
        for question in datagrams() {
            let outcome = ask(question, closed, LONG_MS).await;
            assert!(reason(&outcome, false).ends_with("Connection refused"), "{}", outcome.reason);
        }
        // Port 1 of TCP: nothing listens there.
        for (question, _) in streams() {
            let outcome = ask(question, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), LONG_MS).await;
            assert_eq!(reason(&outcome, false), "connect to 127.0.0.1:1: Connection refused");
        }
    });
}
