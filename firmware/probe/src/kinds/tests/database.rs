//! MySQL and PostgreSQL: servers that check the login as the real ones do.

use super::sql;
use crate::kinds::fake::{LONG_MS, Peer, ask, block_on, login, pattern, reason, tcp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::{Ask, Sql};
use hmac::{Hmac, KeyInit, Mac};
use rsa::pkcs8::EncodePublicKey;
use sha1::Sha1;
use sha2::{Digest, Sha256};

const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";

fn queries() -> Vec<(Sql, Result<(), &'static str>)> {
    let query = |query: &str| Sql { query: Some(query.into()), ..sql() };
    vec![
        (sql(), Ok(())),
        (Sql { query: None, ..sql() }, Ok(())),
        (Sql { expect: pattern("^two$"), ..query("SELECT 1, 'two'") }, Ok(())),
        (Sql { expect: pattern("^3$"), ..query("SELECT 1, 'two'") }, {
            Err("expected a value that matches ^3$, got \"1 | two\"")
        }),
        (query("SELECT nothing"), Err("the query gave no row")),
        (query("DO"), Err("the query gave no row")),
    ]
}

/// How a fake MySQL checks passwords.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Native,
    /// By another plugin than the greeting names.
    Switched,
    Cached,
    /// It has not seen the password since it started.
    Uncached,
    Unsupported,
}

/// The packets of a fake MySQL.
struct Packets(Peer, u8);

impl Packets {
    async fn send(&mut self, payload: impl AsRef<[u8]>) {
        let payload = payload.as_ref();
        let [a, b, ..] = (payload.len() as u32).to_le_bytes();
        self.0.send([&[a, b, 0, self.1], payload].concat()).await;
        self.1 += 1;
    }

    async fn receive(&mut self) -> Vec<u8> {
        let head = self.0.read(4).await;
        if head.len() < 4 {
            return Vec::new();
        }
        assert_eq!(head[3], self.1, "the sequence number");
        self.1 += 1;
        self.0.read(usize::from(head[0]) | usize::from(head[1]) << 8).await
    }
}

async fn mysql(peer: Peer, way: Way) {
    let mut packets = Packets(peer, 0);
    let plugin =
        if matches!(way, Way::Cached | Way::Uncached) { "caching_sha2_password" } else { "mysql_native_password" };
    let greeting = [
        b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xc1\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0",
        plugin.as_bytes(),
        b"\0",
    ];
    packets.send(greeting.concat()).await;
    let response = packets.receive().await;
    if response.is_empty() {
        return;
    }
    assert_eq!(&response[32..35], b"me\0");
    let length = usize::from(response[35]);
    let mut answer = response[36..36 + length].to_vec();
    assert_eq!(&response[36 + length..], [plugin.as_bytes(), b"\0"].concat());
    if way == Way::Unsupported {
        return packets.send(b"\xfeclient_ed25519\0abc").await;
    }
    let way = if way == Way::Switched {
        packets.send([b"\xfecaching_sha2_password\0", &NONCE[..], b"\0"].concat()).await;
        answer = packets.receive().await;
        Way::Cached
    } else {
        way
    };
    if !accepts(&mut packets, way, &answer).await {
        return packets.send(b"\xff\x15\x04#28000Access denied").await;
    }
    packets.send(b"\0\0\0\x02\0\0\0").await;
    mysql_queries(packets).await;
}

async fn accepts(packets: &mut Packets, way: Way, answer: &[u8]) -> bool {
    let unmasked = |mask: &[u8]| answer.iter().zip(mask).map(|(a, b)| a ^ b).collect::<Vec<u8>>();
    let is_right = if way == Way::Native {
        let stored = Sha1::digest(Sha1::digest("secret"));
        Sha1::digest(unmasked(&Sha1::new().chain_update(NONCE).chain_update(stored).finalize())) == stored
    } else {
        let stored = Sha256::digest(Sha256::digest("secret"));
        Sha256::digest(unmasked(&Sha256::new().chain_update(stored).chain_update(NONCE).finalize())) == stored
    };
    if way == Way::Cached && is_right {
        packets.send([1, 3]).await;
    }
    if way != Way::Uncached {
        return is_right;
    }
    packets.send([1, 4]).await;
    assert_eq!(packets.receive().await, [2]);
    let key = rsa::PrivateKey::new(&mut rsa::rand_core::UnwrapErr(getrandom::SysRng), 1024).unwrap();
    let pem = key.to_public_key().to_public_key_pem(Default::default()).unwrap();
    packets.send([b"\x01", pem.as_bytes()].concat()).await;
    let masked = key.decrypt(rsa::Oaep::<Sha1>::new(), &packets.receive().await).unwrap();
    let plain: Vec<u8> = masked.iter().zip(NONCE.iter().cycle()).map(|(a, b)| a ^ b).collect();
    plain == b"secret\0"
}

async fn mysql_queries(mut packets: Packets) {
    loop {
        packets.1 = 0;
        let command = packets.receive().await;
        let rows: &[&[u8]] = match &command[..] {
            b"" | b"\x01" => return,
            b"\x03SELECT 1" => &[b"\x011"],
            b"\x03SELECT 1, 'two'" => &[b"\x011\x03two", b"\x013\xfb"],
            b"\x03SELECT nothing" => &[],
            _ => {
                packets.send(b"\0\0\0\x02\0\0\0").await;
                continue;
            }
        };
        for payload in [&[b"\x01".as_slice(), b"\x03def", b"\xfe\0\0\x02\0"], rows, &[b"\xfe\0\0\x02\0"]].concat() {
            packets.send(payload).await;
        }
    }
}

#[test]
fn mysql_logins_and_queries() {
    let of = |way: Way| tcp(move |peer| mysql(peer, way));
    block_on(async {
        for way in [Way::Native, Way::Switched, Way::Cached, Way::Uncached] {
            let server = of(way).await;
            for (options, expected) in queries() {
                let outcome = ask(Ask::Mysql(options), server, LONG_MS).await;
                assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
                assert!(!outcome.transcript.to_string().contains("secret"), "{}", outcome.transcript);
            }
            let wrong = Sql { login: login("me", "wrong"), ..sql() };
            reason(&ask(Ask::Mysql(wrong), server, LONG_MS).await, false);
        }
        let outcome = ask(Ask::Mysql(sql()), of(Way::Unsupported).await, LONG_MS).await;
        assert_eq!(
            reason(&outcome, false),
            "the server wants the authentication plugin \"client_ed25519\", which is not supported"
        );
        let outcome = ask(Ask::Mysql(Sql::default()), of(Way::Native).await, LONG_MS).await;
        reason(&outcome, true);
        assert_eq!(outcome.warnings.len(), 1);
    });
}

#[test]
fn mysql_errors_are_told_in_the_servers_words() {
    block_on(async {
        let server = tcp(async |peer| {
            let mut packets = Packets(peer, 0);
            packets.send(b"\xff\x10\x04Too many connections").await;
            packets.0.hang().await;
        });
        let outcome = ask(Ask::Mysql(sql()), server.await, LONG_MS).await;
        assert_eq!(reason(&outcome, false), "server error 1040: Too many connections");
    });
}

/// How a fake PostgreSQL checks passwords.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    Trust,
    Cleartext,
    Md5,
    Scram,
    /// Without the proof that it knows the password too.
    ScramUnproved,
}

async fn message(peer: &mut Peer) -> (u8, Vec<u8>) {
    let head = peer.read(5).await;
    match head[..] {
        [kind, _, _, high, low] => (kind, peer.read(usize::from(u16::from_be_bytes([high, low])) - 4).await),
        _ => (b'X', Vec::new()),
    }
}

async fn say(peer: &mut Peer, kind: u8, body: &[u8]) {
    peer.send([&[kind], &(body.len() as u32 + 4).to_be_bytes()[..], body].concat()).await;
}

async fn postgresql(mut peer: Peer, step: Step) {
    let mut startup = peer.read(8).await;
    if startup == b"\0\0\0\x08\x04\xd2\x16\x2f" {
        peer.send("N").await;
        startup = peer.read(8).await;
    }
    let [_, _, _, length, 0, 3, 0, 0] = startup[..] else { return };
    let parameters = peer.read(usize::from(length) - 8).await;
    assert!(parameters.starts_with(b"user\0me\0"), "{parameters:?}");
    let is_right = match step {
        Step::Trust => true,
        Step::Cleartext => {
            say(&mut peer, b'R', b"\0\0\0\x03").await;
            message(&mut peer).await == (b'p', b"secret\0".to_vec())
        }
        Step::Md5 => {
            say(&mut peer, b'R', b"\0\0\0\x05salt").await;
            let (_, hash) = message(&mut peer).await;
            // The hash that `psql` sends: md5(md5("secretme") "salt").
            hash == b"md541c83370953958037c7298c50b238bda\0"
        }
        Step::Scram | Step::ScramUnproved => scram(&mut peer, step).await,
    };
    if !is_right {
        let error = b"SFATAL\0C28P01\0Mpassword authentication failed for user \"me\"\0\0";
        return say(&mut peer, b'E', error).await;
    }
    say(&mut peer, b'R', &[0; 4]).await;
    say(&mut peer, b'S', b"server_version\x0015.5\0").await;
    say(&mut peer, b'Z', b"I").await;
    postgresql_queries(peer).await;
}

/// The server's side of RFC 5802.
async fn scram(peer: &mut Peer, step: Step) -> bool {
    let hmac = |key: &[u8], text: &str| -> [u8; 32] {
        Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().into()
    };
    say(peer, b'R', b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0").await;
    let (_, initial) = message(peer).await;
    let first = str::from_utf8(&initial["SCRAM-SHA-256\0".len() + 4..]).unwrap();
    let bare = first.strip_prefix("n,,").unwrap();
    let nonce = format!("{}server", bare.strip_prefix("n=,r=").unwrap());
    let server_first = format!("r={nonce},s={},i=4096", STANDARD.encode("salt"));
    say(peer, b'R', [b"\0\0\0\x0b", server_first.as_bytes()].concat().as_slice()).await;
    let (_, last) = message(peer).await;
    let (without_proof, proof) = str::from_utf8(&last).unwrap().split_once(",p=").unwrap();
    assert_eq!(without_proof, format!("c=biws,r={nonce}"));
    let mut salted = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(b"secret", b"salt", 4096, &mut salted);
    let spoken = format!("{bare},{server_first},{without_proof}");
    let stored = Sha256::digest(hmac(&salted, "Client Key"));
    let signature = hmac(&stored, &spoken);
    let key: Vec<u8> = STANDARD.decode(proof).unwrap().iter().zip(signature).map(|(a, b)| a ^ b).collect();
    if Sha256::digest(key) != stored {
        return false;
    }
    if step == Step::Scram {
        let proof = STANDARD.encode(hmac(&hmac(&salted, "Server Key"), &spoken));
        say(peer, b'R', format!("\0\0\0\x0cv={proof}").as_bytes()).await;
    }
    true
}

async fn postgresql_queries(mut peer: Peer) {
    loop {
        let (kind, body) = message(&mut peer).await;
        let rows: &[&[u8]] = match (kind, &body[..]) {
            (b'X', _) => return,
            (b'Q', b"SELECT 1\0") => &[b"\0\x01\0\0\0\x011"],
            (b'Q', b"SELECT 1, 'two'\0") => &[b"\0\x02\0\0\0\x011\0\0\0\x03two", b"\0\x02\0\0\0\x013\xff\xff\xff\xff"],
            _ => &[],
        };
        say(&mut peer, b'T', b"\0\0").await;
        for row in rows {
            say(&mut peer, b'D', row).await;
        }
        say(&mut peer, b'C', b"SELECT\0").await;
        say(&mut peer, b'Z', b"I").await;
    }
}

#[test]
fn postgresql_logins_and_queries() {
    let of = |step: Step| tcp(move |peer| postgresql(peer, step));
    block_on(async {
        for step in [Step::Trust, Step::Cleartext, Step::Md5, Step::Scram] {
            let server = of(step).await;
            for (options, expected) in queries() {
                let outcome = ask(Ask::Postgresql(options), server, LONG_MS).await;
                assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
                assert!(!outcome.transcript.to_string().contains("secret"), "{}", outcome.transcript);
            }
            if step != Step::Trust {
                let wrong = Sql { login: login("me", "wrong"), ..sql() };
                let outcome = ask(Ask::Postgresql(wrong), server, LONG_MS).await;
                assert_eq!(reason(&outcome, false), "FATAL 28P01: password authentication failed for user \"me\"");
            }
        }
        let outcome = ask(Ask::Postgresql(sql()), of(Step::ScramUnproved).await, LONG_MS).await;
        assert_eq!(reason(&outcome, false), "the server lets in without a proof that it knows the password");
        reason(&ask(Ask::Postgresql(Sql::default()), of(Step::Trust).await, LONG_MS).await, true);
    });
}
