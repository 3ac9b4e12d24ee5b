use super::*;
use crate::alerts::Event;
use crate::alerts::webhook::tests::take;
use crate::clock::tests::at;
use crate::sink::{accept, listen, until};
use config::{AlertFilter, AlertKind, AlertWebhook, Secret};

const QUICK: Patience = Patience { tries: 3, first_pause: Duration::from_millis(10) };

fn alerts(ports: &[u16]) -> Alerts {
    let webhook = |port: &u16| AlertWebhook {
        name: port.to_string(),
        url: Secret::new(format!("http://127.0.0.1:{port}/")),
        secret: None,
        ca_file: None,
        filter: AlertFilter::default(),
    };
    Alerts { window_s: 60, mails: Vec::new(), webhooks: ports.iter().map(webhook).collect() }
}

fn sending(port: u16, subject: &str) -> Sending {
    let event = Event::new(AlertKind::BackendDown, subject, "", at(0).civil);
    Sending { to: port.to_string(), message: Message::new("a", vec![event], 0) }
}

fn start(alerts: &Alerts) -> Outbox {
    let (outbox, unusable) = Outbox::start(alerts, "a", Path::new("/"), &Names::of_system(), QUICK);
    assert!(unusable.is_empty());
    outbox
}

fn of(outbox: &Outbox, port: u16) -> &Counters {
    outbox.counters().find(|(name, _)| *name == port.to_string()).expect("the destination").1
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[tokio::test]
async fn what_fails_is_tried_again() {
    let (listener, port) = listen().await;
    let outbox = start(&alerts(&[port]));
    outbox.send(sending(port, "web/s1"));
    for answer in ["HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] {
        let (_, body) = take(accept(&listener).await, answer).await;
        assert!(body.contains("web/s1"));
    }
    until("it is sent", || count(&of(&outbox, port).sent) == 1).await;
    assert_eq!((count(&of(&outbox, port).failed_tries), count(&of(&outbox, port).given_up)), (1, 0));
}

#[tokio::test]
async fn patience_ends() {
    for (answer, tries) in [
        ("HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n", QUICK.tries),
        ("HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n", 1),
    ] {
        let (listener, port) = listen().await;
        let outbox = start(&alerts(&[port]));
        outbox.send(sending(port, "web/s1"));
        for _ in 0..tries {
            take(accept(&listener).await, answer).await;
        }
        until("it is given up", || count(&of(&outbox, port).given_up) == 1).await;
        assert_eq!(count(&of(&outbox, port).failed_tries), u64::from(tries));
        // The next one has a chance of its own.
        outbox.send(sending(port, "web/s2"));
        take(accept(&listener).await, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        until("it is sent", || count(&of(&outbox, port).sent) == 1).await;
    }
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody_and_is_bounded() {
    let (hanging, hung_port) = listen().await;
    let (listener, port) = listen().await;
    let outbox = start(&alerts(&[hung_port, port]));
    outbox.send(sending(hung_port, "first"));
    let _never_answered = accept(&hanging).await;
    for number in 0..WAITING_MAX + 7 {
        outbox.send(sending(hung_port, &number.to_string()));
    }
    assert_eq!(count(&of(&outbox, hung_port).full), 7);
    outbox.send(sending(port, "other"));
    take(accept(&listener).await, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    until("it is sent", || count(&of(&outbox, port).sent) == 1).await;
}

#[tokio::test]
async fn a_destination_that_cannot_be_used_is_named() {
    let mut alerts = alerts(&[1]);
    alerts.webhooks[0].url = Secret::new("https://127.0.0.1/".to_owned());
    alerts.webhooks[0].ca_file = Some("none.pem".to_owned());
    let (outbox, unusable) = Outbox::start(&alerts, "a", Path::new("/nowhere"), &Names::of_system(), QUICK);
    assert_eq!(unusable.len(), 1);
    assert!(unusable[0].1.to_string().starts_with("read certificates of /nowhere/none.pem"), "{}", unusable[0].1);
    outbox.send(sending(1, "x"));
    assert_eq!(count(&of(&outbox, 1).full), 1);
}

#[tokio::test]
async fn a_test_waits_for_nothing_else() {
    let (hanging, port) = listen().await;
    let outbox = start(&alerts(&[port]));
    outbox.send(sending(port, "first"));
    let _never_answered = accept(&hanging).await;
    for (answer, sent) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n", false),
    ] {
        let attempt = outbox.attempt(sending(port, "test")).expect("a destination");
        let (outcome, _) = tokio::join!(attempt, async { take(accept(&hanging).await, answer).await });
        assert_eq!(outcome.is_ok(), sent, "{outcome:?}");
    }
    let counters = of(&outbox, port);
    assert_eq!((count(&counters.sent), count(&counters.failed_tries)), (1, 1));
    let moments = counters.latest.moments();
    assert!(moments.well.is_some() && moments.failure.is_some_and(|(_, why)| why.contains("400")));
    assert!(outbox.attempt(Sending { to: "none".to_owned(), ..sending(port, "test") }).is_none());
}
