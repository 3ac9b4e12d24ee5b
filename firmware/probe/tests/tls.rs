//! Certificates: expired, for another name, of the server's own making; warnings before they end.

mod fake;

use fake::Act::{Say, Tls};
use fake::certificates::{Certificate, certificate, certificate_for_days};
use fake::{probe, server};
use probe::Outcome;

const CONNECT: &str = "kind = \"connect\"\ntls = \"on\"\ntimeout_ms = 10_000";

async fn asked(shown: &Certificate, options: &str) -> Outcome {
    let port = server(vec![Tls(shown.server.clone())]).await;
    probe::run(&probe(&format!("{CONNECT}\n{options}"), port), None).await
}

fn trusting(authority: &Certificate, options: &str) -> String {
    format!("tls_verify = true\n{options}\ntls_ca = \"\"\"\n{}\"\"\"", authority.pem)
}

#[tokio::test]
async fn certificates_are_verified_when_asked() {
    let good = certificate(&["www.example.com", "127.0.0.1"], 2090);
    let other = certificate(&["www.example.net"], 2090);
    let expired = certificate(&["www.example.com"], 2020);
    let name = "sni = \"www.example.com\"";
    for (what, shown, options, reason) in [
        ("own making, not verified", &good, String::new(), "passed"),
        (
            "own making, verified",
            &good,
            format!("tls_verify = true\n{name}"),
            "TLS: invalid peer certificate: UnknownIssuer",
        ),
        ("trusted", &good, trusting(&good, name), "passed"),
        ("trusted, by address", &good, trusting(&good, ""), "passed"),
        // Both are issued under the same name, so that it is the signature that tells.
        ("another is trusted", &good, trusting(&other, name), "TLS: invalid peer certificate: BadSignature"),
        ("expired, not verified", &expired, String::new(), "passed"),
        ("wrong name, not verified", &other, name.to_owned(), "passed"),
    ] {
        let outcome = asked(shown, &options).await;
        assert_eq!(outcome.reason, reason, "{what}\n{}", outcome.transcript);
    }
    for (what, shown, options, begin) in [
        ("expired", &expired, trusting(&expired, name), "TLS: invalid peer certificate: certificate expired"),
        ("wrong name", &other, trusting(&other, name), "TLS: invalid peer certificate: certificate not valid for name"),
        ("by address", &other, trusting(&other, ""), "TLS: invalid peer certificate: certificate not valid for name"),
    ] {
        let outcome = asked(shown, &options).await;
        assert!(!outcome.passed && outcome.reason.starts_with(begin), "{what}: {}", outcome.reason);
    }
}

#[tokio::test]
async fn the_end_of_a_certificate_is_warned_of() {
    let soon = certificate_for_days("www.example.com", 10);
    let expired = certificate(&["www.example.com"], 2020);
    let days = |days: u16| format!("certificate_warning_days = {days}");
    for (shown, options, warning) in [
        (&soon, String::new(), "the certificate ends in 10 days"),
        (&soon, days(10), "the certificate ends in 10 days"),
        (&soon, days(9), ""),
        (&soon, days(0), ""),
        (&expired, days(0), ""),
    ] {
        let outcome = asked(shown, &options).await;
        assert!(outcome.passed);
        assert_eq!(outcome.warnings.concat(), warning, "{options}");
        assert_eq!(outcome.certificate_days, (!warning.is_empty()).then_some(10), "{options}");
    }
    let outcome = asked(&expired, "").await;
    assert!(outcome.passed && outcome.warnings.concat().starts_with("the certificate ended "), "{outcome:?}");
}

#[tokio::test]
async fn noise_is_no_tls() {
    let port = server(vec![Say("220 ready\r\n")]).await;
    let outcome = probe::run(&probe(CONNECT, port), None).await;
    assert_eq!(outcome.reason, "TLS: received corrupt message of type InvalidContentType");
    assert!(!outcome.deadline_passed);
}

/// The transcript tells the version, the name asked for, and whether the certificate was verified.
#[tokio::test]
async fn the_handshake_is_written_down() {
    let shown = certificate(&["www.example.com"], 2090);
    let outcome = asked(&shown, "sni = \"www.example.com\"").await;
    let transcript = outcome.transcript.to_string();
    assert!(transcript.contains("* TLSv1_3 asking for www.example.com, certificate not verified"), "{transcript}");
}
