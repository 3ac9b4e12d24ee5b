use super::*;
use crate::alerts::Event;
use crate::clock::tests::at;
use crate::sink::{CA_FILE, Folder, PATIENCE, accept, accept_tls, acceptor, listen};
use config::{AlertFilter, AlertKind, Secret};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

fn settings(url: String) -> AlertWebhook {
    let secret = Some(Secret::new("signs".to_owned()));
    AlertWebhook {
        name: "hook".to_owned(),
        url: Secret::new(url),
        secret,
        ca_file: None,
        filter: AlertFilter::default(),
    }
}

fn message() -> Message {
    Message::new("a", vec![Event::new(AlertKind::ServiceDown, "web", "no backend left", at(0).civil)], 0)
}

/// Takes one request, answers it, and gives head and body.
pub(crate) async fn take(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> (String, String) {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let got = stream.read(&mut part).await.expect("a request");
        read.extend_from_slice(&part[..got]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            if body.len() == length.parse::<usize>().expect("a number") {
                stream.write_all(answer.as_bytes()).await.expect("the client waits");
                return (head.to_owned(), body.to_owned());
            }
        }
        assert!(got > 0, "cut short: {text}");
    }
}

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_else(|| panic!("{name} in {head}"))
}

#[tokio::test]
async fn requests_are_json_and_signed() {
    let (listener, port) = listen().await;
    let webhook =
        Webhook::new(settings(format!("http://127.0.0.1:{port}/hooks/1?room=ops")), Path::new("/")).expect("good");
    let server = tokio::spawn(async move { take(accept(&listener).await, "HTTP/1.1 204 No Content\r\n\r\n").await });
    webhook.send(&Names::of_system(), &message()).await.expect("taken");
    let (head, body) = server.await.expect("no panic");
    assert!(head.starts_with("POST /hooks/1?room=ops HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "host"), format!("127.0.0.1:{port}"));
    assert_eq!(header(&head, "content-type"), "application/json");
    assert_eq!(header(&head, SIGNATURE_HEADER), signature("signs", header(&head, TIME_HEADER), &body));
    assert_eq!(body, message().json());
}

/// RFC 4231 4.3, which has no time and no dot: what is signed here differs by those, and by nothing else.
#[test]
fn signatures() {
    assert_ne!(signature("a", "1", "2"), signature("b", "1", "2"));
    assert_ne!(signature("a", "1", "2"), signature("a", "12", ""));
    let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("any key");
    mac.update(b"what do ya want for nothing?");
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(HEXLOWER.encode(&mac.finalize().into_bytes()), expected, "the library computes what the RFC says");
}

#[tokio::test]
async fn https_trusts_the_file_and_nobody_else() {
    let folder = Folder::new("webhook-tls");
    let acceptor = acceptor(&folder);
    let (listener, port) = listen().await;
    let url = format!("https://127.0.0.1:{port}/");
    let trusting = AlertWebhook { ca_file: Some(CA_FILE.to_owned()), ..settings(url.clone()) };
    let webhook = Webhook::new(trusting, folder.path()).expect("good");
    let names = Names::of_system();
    let message = message();
    let server =
        async { take(accept_tls(&listener, &acceptor).await, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await };
    let (sent, (_, body)) = tokio::join!(webhook.send(&names, &message), server);
    sent.expect("taken");
    assert!(body.contains("\"kind\":\"service-down\""), "{body}");

    let webhook = Webhook::new(settings(url), folder.path()).expect("good");
    let refused = async {
        let stream = accept(&listener).await;
        assert!(acceptor.accept(stream).await.is_err(), "the client hangs up");
    };
    let (sent, ()) = tokio::join!(webhook.send(&names, &message), refused);
    assert!(matches!(sent, Err(WebhookError::Reach(_))), "{sent:?}");
}

#[tokio::test]
async fn answers_are_final_or_not() {
    for (answer, expected) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Some(true)),
        ("HTTP/1.1 301 Moved\r\nlocation: http://example.com/\r\ncontent-length: 0\r\n\r\n", Some(true)),
        ("HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\n\r\n", Some(false)),
        ("HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n", Some(false)),
        ("nonsense\r\n\r\n", Some(false)),
        ("", Some(false)),
        ("HTTP/1.1 202 Accepted\r\ncontent-length: 99999999\r\n\r\nnever comes", None),
    ] {
        let (listener, port) = listen().await;
        let webhook = Webhook::new(settings(format!("http://127.0.0.1:{port}/")), Path::new("/")).expect("good");
        let server = tokio::spawn(async move { take(accept(&listener).await, answer).await });
        let sent = timeout(PATIENCE, webhook.send(&Names::of_system(), &message())).await.expect("in time");
        server.await.expect("no panic");
        assert_eq!(sent.as_ref().err().map(WebhookError::is_permanent), expected, "{answer}: {sent:?}");
    }
}
