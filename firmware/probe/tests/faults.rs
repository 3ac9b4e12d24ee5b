//! Every kind that speaks over TCP, against servers that stop, hang, dribble, flood or hang up.

mod fake;

use fake::Act::{Dribble, Flood, Hang};
use fake::{closed_port, probe, server};

/// Kinds, and what they wait for first.
const KINDS: &[(&str, &str)] = &[
    ("kind = \"http\"", "waiting for the page"),
    ("kind = \"http-proxy\"", "waiting for the page"),
    ("kind = \"https\"", "in the TLS handshake"),
    ("kind = \"ftp\"", "waiting for the greeting"),
    ("kind = \"smtp\"", "waiting for the greeting"),
    ("kind = \"submission\"\ntls = \"on\"", "in the TLS handshake"),
    ("kind = \"pop3\"", "waiting for the greeting"),
    ("kind = \"pop3s\"", "in the TLS handshake"),
    ("kind = \"imap\"", "waiting for the greeting"),
    ("kind = \"imaps\"", "in the TLS handshake"),
    ("kind = \"nntp\"", "waiting for the greeting"),
    ("kind = \"connect\"\ntls = \"on\"", "in the TLS handshake"),
    ("kind = \"send-expect\"\nexpect = \"ready\"", "waiting for the answer of step 1"),
    ("kind = \"feedback\"", "waiting for the agent's line"),
];

const TIMEOUT_MS: u32 = 400;

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let hanging = server(vec![Hang]).await;
    let dribbling = server(vec![Dribble("2222222222222222222222222222222222222222")]).await;
    let dribbling_page = server(vec![Dribble("HTTP/1.1 200 OK, but very, very slow")]).await;
    let mut runs = Vec::new();
    for (kind, act) in KINDS {
        // A byte that is no TLS would end the handshake before the deadline.
        let slow = if act.contains("page") { dribbling_page } else { dribbling };
        let slow = Some(slow).filter(|_| !act.contains("TLS"));
        for port in std::iter::once(hanging).chain(slow) {
            let probe = probe(&format!("{kind}\ntimeout_ms = {TIMEOUT_MS}"), port);
            runs.push((kind, act, tokio::spawn(async move { probe::run(&probe, None).await })));
        }
    }
    for (kind, act, run) in runs {
        let outcome = run.await.unwrap();
        let expected = format!("the deadline of {TIMEOUT_MS} ms passed while {act}");
        assert_eq!((outcome.reason.as_str(), outcome.deadline_passed), (expected.as_str(), true), "{kind}");
        assert!(outcome.transcript.to_string().ends_with(&format!("* {expected}\n")), "{}", outcome.transcript);
    }
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let port = server(vec![Flood]).await;
    for (kind, act) in KINDS {
        let outcome = probe::run(&probe(&format!("{kind}\ntimeout_ms = 10_000"), port), None).await;
        assert!(!outcome.passed && !outcome.deadline_passed, "{kind}: {}", outcome.reason);
        if act.contains("greeting") || act.contains("line") {
            assert_eq!(outcome.reason, format!("{act}: more than 8192 bytes came"), "{kind}");
        }
        let kept: usize = outcome.transcript.lines.iter().map(|line| line.text.len()).sum();
        assert!(kept < 16 * 1024, "{kind}: {kept} bytes of transcript");
    }
}

#[tokio::test]
async fn a_stopped_server_is_told_apart_from_one_that_hangs_up() {
    let (closed, hangs_up) = (closed_port().await, server(vec![]).await);
    for (kind, act) in KINDS {
        let outcome = probe::run(&probe(kind, closed), None).await;
        assert_eq!(outcome.reason, format!("connect to 127.0.0.1:{closed}: Connection refused"), "{kind}");
        let outcome = probe::run(&probe(kind, hangs_up), None).await;
        assert!(!outcome.passed && !outcome.deadline_passed, "{kind}: {}", outcome.reason);
        if act.contains("greeting") {
            assert_eq!(outcome.reason, format!("{act}: the server closed the connection"), "{kind}");
        }
    }
}
