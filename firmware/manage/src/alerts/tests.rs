use super::*;
use crate::clock::tests::at;
use config::{AlertMail, AlertWebhook, MailTls, Named, Secret};

fn mail(name: &str, filter: AlertFilter) -> AlertMail {
    AlertMail {
        name: name.to_owned(),
        from: "suimon@example.com".to_owned(),
        to: vec!["ops@example.com".to_owned()],
        server: "mail.example.com".to_owned(),
        port: 25,
        tls: MailTls::None,
        ca_file: None,
        user: None,
        password: None,
        filter,
    }
}

fn alerts(filter: AlertFilter) -> Alerts {
    let webhook = AlertWebhook {
        name: "all".to_owned(),
        url: Secret::new("http://example.com/".to_owned()),
        secret: None,
        ca_file: None,
        filter: AlertFilter::default(),
    };
    Alerts { window_s: 60, mails: vec![mail("some", filter)], webhooks: vec![webhook] }
}

fn event(seconds: u64, kind: AlertKind, subject: &str) -> Event {
    Event::new(kind, subject, "connect: timed out", at(seconds).civil)
}

/// What each destination was sent, as `second destination events+omitted`.
fn play(digest: &mut Digest, events: &[(u64, AlertKind, &str)], until: u64) -> Vec<String> {
    let mut sent = Vec::new();
    for second in 0..=until {
        let mut out = Vec::new();
        digest.expire(Duration::from_secs(second), &mut out);
        for (at, kind, subject) in events.iter().filter(|(at, ..)| *at == second) {
            digest.handle(Duration::from_secs(second), &event(*at, *kind, subject), &mut out);
        }
        sent.extend(out.iter().map(|sending| {
            let Message { events, omitted, .. } = &sending.message;
            format!("{second} {} {}+{omitted}", sending.to, events.len())
        }));
    }
    sent
}

use AlertKind::{BackendDown, BackendUp, ConfigChanged, ServiceDown, ServiceUp};

#[test]
fn the_first_at_once_and_the_rest_together() {
    let mut digest = Digest::new("a", &Alerts { mails: Vec::new(), ..alerts(AlertFilter::default()) });
    let events = [
        (5, BackendDown, "web/s1"),
        (6, BackendDown, "web/s2"),
        (7, ServiceDown, "web"),
        (70, ServiceUp, "web"),
        (200, BackendDown, "web/s3"),
    ];
    let sent = play(&mut digest, &events, 400);
    // The window that told the gathered ones is followed by another; the one after that is empty and ends the row.
    assert_eq!(sent, ["5 all 1+0", "65 all 2+0", "125 all 1+0", "200 all 1+0"]);
    assert_eq!(digest.next_deadline(), None);
}

#[test]
fn destinations_get_what_they_want() {
    let filter = AlertFilter { events: vec![ServiceDown, BackendDown], services: vec!["web".to_owned()] };
    let mut digest = Digest::new("a", &alerts(filter));
    let wanted = |digest: &mut Digest, kind, subject| {
        let mut out = Vec::new();
        digest.set(&Alerts::default());
        let filter = AlertFilter { events: vec![ServiceDown, BackendDown], services: vec!["web".to_owned()] };
        digest.set(&alerts(filter));
        digest.handle(Duration::ZERO, &event(0, kind, subject), &mut out);
        out.iter().map(|sending| sending.to.clone()).collect::<Vec<_>>()
    };
    for (kind, subject, expected) in [
        (BackendDown, "web/s1", &["some", "all"][..]),
        (BackendUp, "web/s1", &["some", "all"]),
        (ServiceDown, "web", &["some", "all"]),
        (BackendDown, "shop/s1", &["all"]),
        (BackendDown, "webshop/s1", &["all"]),
        (ConfigChanged, "7", &["all"]),
    ] {
        assert_eq!(wanted(&mut digest, kind, subject), expected, "{kind} {subject}");
    }
    // A filter by service alone lets through what is about no service.
    let by_service = AlertFilter { events: Vec::new(), services: vec!["web".to_owned()] };
    let mut digest = Digest::new("a", &alerts(by_service));
    let mut out = Vec::new();
    digest.handle(Duration::ZERO, &event(0, ConfigChanged, "7"), &mut out);
    assert_eq!(out.len(), 2);
}

#[test]
fn a_flood_is_counted() {
    let mut digest = Digest::new("a", &Alerts { mails: Vec::new(), ..alerts(AlertFilter::default()) });
    let mut out = Vec::new();
    for number in 0..EVENTS_PER_MESSAGE_MAX + 50 {
        digest.handle(Duration::ZERO, &event(0, BackendDown, &format!("web/s{number}")), &mut out);
    }
    digest.expire(Duration::from_secs(60), &mut out);
    assert_eq!((out[1].message.events.len(), out[1].message.omitted), (EVENTS_PER_MESSAGE_MAX, 49));
    assert_eq!(out[1].message.subject(), "[a] backend web/s1 is down (and 248 more)");
    assert!(out[1].message.text().ends_with("and 49 more: see the log\n"));
}

#[test]
fn what_was_gathered_survives_other_settings() {
    let mut digest = Digest::new("a", &alerts(AlertFilter::default()));
    let mut out = Vec::new();
    for subject in ["web/s1", "web/s2"] {
        digest.handle(Duration::ZERO, &event(0, BackendDown, subject), &mut out);
    }
    out.clear();
    digest.set(&Alerts { mails: Vec::new(), ..alerts(AlertFilter::default()) });
    digest.expire(Duration::from_secs(60), &mut out);
    assert_eq!(out.iter().map(|sending| sending.to.as_str()).collect::<Vec<_>>(), ["all"]);
}

/// Events of one message and its subject: what is broken now comes first.
#[test]
fn subjects_say_what_matters() {
    for (events, subject) in [
        (&[(BackendDown, "web/s1")][..], "[a] backend web/s1 is down"),
        (&[(BackendDown, "web/s1"), (BackendUp, "web/s1")], "[a] backend web/s1 is up again (and 1 more)"),
        (
            &[(BackendDown, "web/s1"), (BackendUp, "web/s1"), (ServiceDown, "shop"), (ConfigChanged, "8")],
            "[a] service shop has no backend left (and 3 more)",
        ),
        (&[(BackendUp, "web/s1"), (BackendDown, "web/s1")], "[a] backend web/s1 is down (and 1 more)"),
    ] {
        let events = events.iter().map(|(kind, subject)| event(0, *kind, subject)).collect();
        assert_eq!(Message::new("a", events, 0).subject(), subject);
    }
}

#[test]
fn texts_have_cause_and_no_secret() {
    let cause = "LDAP bind failed:\npassword = \"hunter2\"\u{1b}[31m";
    let events = vec![Event::new(BackendDown, "web/s1", cause, at(0).civil), event(1, BackendUp, "web/s1")];
    let message = Message::new("a", events, 0);
    assert_eq!(
        message.text(),
        "2026-01-01 00:00:00 UTC  backend web/s1 is down [over]\n    LDAP bind failed:\n    \
         password = \"(secret)\"[31m\n2026-01-01 00:00:01 UTC  backend web/s1 is up again\n    connect: timed out\n"
    );
    let json: serde_json::Value = serde_json::from_str(&message.json()).expect("JSON");
    assert_eq!(json["node"], "a");
    assert_eq!(json["events"][0]["kind"], "backend-down");
    assert_eq!(json["events"][0]["over"], true);
    assert_eq!(json["events"][1]["over"], false);
    assert!(!message.json().contains("hunter2"));
}

#[test]
fn every_kind_has_words() {
    for (name, kind) in AlertKind::NAMES {
        let sentence = message::sentence(&event(0, *kind, "subject"));
        assert!(sentence.contains("subject") && sentence.len() > 15, "{name}: {sentence}");
    }
    assert_eq!(Event::new(BackendDown, "x", &"y".repeat(9_999), at(0).civil).cause.len(), CAUSE_LENGTH_MAX);
}
