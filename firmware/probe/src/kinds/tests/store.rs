//! Redis and memcached.

use crate::kinds::fake::{LONG_MS, ask, block_on, pattern, reason, tcp};
use config::{Ask, Memcached, Redis, Secret};

/// A Redis that knows a password, PING, INFO and a command with a nested answer.
async fn redis(options: Redis) -> crate::Outcome {
    let server = tcp(async |mut peer| {
        loop {
            let words: Vec<String> = {
                let count = peer.line().await.trim().strip_prefix('*').and_then(|count| count.parse().ok());
                let mut words = Vec::new();
                for _ in 0..count.unwrap_or(0) {
                    let length: usize = peer.line().await.trim()[1..].parse().unwrap();
                    let word = peer.read(length + 2).await;
                    words.push(String::from_utf8(word[..length].to_vec()).unwrap());
                }
                words
            };
            let answer = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                [] => return,
                ["AUTH", "secret"] | ["AUTH", "me", "secret"] => "+OK\r\n",
                ["AUTH", ..] => "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
                ["PING"] => "+PONG\r\n",
                ["INFO", "replication"] => "$23\r\nrole:master\r\nslaves:0\r\n\r\n",
                ["ROLE"] => "*3\r\n$6\r\nmaster\r\n:17\r\n*1\r\n*1\r\n$-1\r\n",
                ["MANY"] => "*99999999\r\n",
                _ => "-ERR unknown command\r\n",
            };
            peer.send(answer).await;
        }
    })
    .await;
    ask(Ask::Redis(options), server, LONG_MS).await
}

#[test]
fn redis_answers() {
    let options = |login: Option<&str>, password: Option<&str>, command: Option<&str>, expect: Option<&str>| Redis {
        login: login.map(String::from),
        password: password.map(Secret::new),
        command: command.map(String::from),
        expect: expect.and_then(pattern),
        tls: None,
    };
    let cases = [
        (options(None, None, None, None), Ok(())),
        (options(None, Some("secret"), None, None), Ok(())),
        (options(Some("me"), Some("secret"), Some("INFO replication"), Some("(?m)^role:master\r?$")), Ok(())),
        (options(None, None, Some("ROLE"), Some("^master\n17\n$")), Ok(())),
        (options(None, Some("wrong!"), None, None), {
            Err("the server refuses: WRONGPASS invalid username-password pair or user is disabled.")
        }),
        (options(None, None, Some("INFO replication"), Some("role:slave")), {
            Err("expected an answer that matches role:slave, got \"role:master\\r\\nslaves:0\\r\\n\"")
        }),
        (options(None, None, Some("NONE"), None), Err("the server refuses: ERR unknown command")),
        (options(None, None, Some("MANY"), None), Err("the answer has more than 4096 elements")),
    ];
    block_on(async {
        for (options, expected) in cases {
            let outcome = redis(options).await;
            let reason = reason(&outcome, expected.is_ok());
            assert_eq!(expected.err().unwrap_or("passed"), reason);
            let transcript = outcome.transcript.to_string();
            assert!(!transcript.contains("secret") && !transcript.contains("wrong!"), "{transcript}");
        }
    });
}

#[test]
fn a_ping_is_answered_with_a_pong() {
    block_on(async {
        let server = tcp(async |mut peer| {
            peer.send("+OK\r\n").await;
            peer.hang().await;
        })
        .await;
        let outcome = ask(Ask::Redis(Redis::default()), server, LONG_MS).await;
        assert_eq!(reason(&outcome, false), "expected PONG, got \"OK\"");
    });
}

#[test]
fn memcached_answers() {
    let options = |command: Option<&str>, expect: Option<&str>| Memcached {
        command: command.map(String::from),
        expect: expect.and_then(pattern),
        tls: None,
    };
    let cases = [
        (options(None, None), Ok(())),
        (options(None, Some("^1\\.6")), Ok(())),
        (options(Some("stats"), Some("(?m)^STAT pid 1$")), Ok(())),
        (options(Some("get a"), Some("x\r\nEND\r\n")), Ok(())),
        (options(Some("get b"), None), Ok(())),
        (options(Some("verbosity 1"), None), Ok(())),
        (options(None, Some("^2")), Err("expected an answer that matches ^2, got \"1.6.18\"")),
        (options(Some("get b"), Some("VALUE")), Err("expected an answer that matches VALUE, got \"\"")),
        (options(Some("nonsense"), None), Err("the server refuses: ERROR")),
    ];
    block_on(async {
        let server = tcp(async |mut peer| {
            loop {
                let answer = match peer.line().await.trim_end() {
                    "version" => "VERSION 1.6.18\r\n",
                    "stats" => "STAT pid 1\r\nSTAT uptime 7\r\nEND\r\n",
                    // A value may look like the end of the answer.
                    "get a" => "VALUE a 0 8\r\nx\r\nEND\r\n\r\nEND\r\n",
                    "get b" => "END\r\n",
                    "verbosity 1" => "OK\r\n",
                    "quit" | "" => return,
                    _ => "ERROR\r\n",
                };
                peer.send(answer).await;
            }
        })
        .await;
        for (options, expected) in cases {
            let outcome = ask(Ask::Memcached(options), server, LONG_MS).await;
            assert_eq!(expected.err().unwrap_or("passed"), reason(&outcome, expected.is_ok()));
        }
    });
}
