//! The client against a socket that answers as told.

use api::{Client, Error, FlowQuery, Kill, Then};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

/// A socket of its own for each test, and what was sent to it.
struct Fake {
    folder: PathBuf,
    client: Client,
    requests: Receiver<String>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Answers one connection with `answer`, byte by byte as it stands.
fn fake(name: &str, answer: &str) -> Fake {
    let folder = std::env::temp_dir().join(format!("suimon-api-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder in the temporary one");
    let socket = folder.join("core.sock");
    let listener = UnixListener::bind(&socket).expect("a new socket");
    let (sent, requests) = channel();
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut bytes = vec![0; 65_536];
        let length = stream.read(&mut bytes).expect("a request");
        sent.send(String::from_utf8_lossy(&bytes[..length]).into_owned()).expect("the test waits");
        // The client may be gone already when it has seen enough.
        let _ = stream.write_all(answer.as_bytes());
    });
    Fake { folder, client: Client::new(socket), requests }
}

fn json(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn queries_and_answers() {
    let fake = fake("flows", &json("200 OK", r#"{"flows":[],"more":true}"#));
    let query = FlowQuery {
        service: Some("網 1".to_owned()),
        client: Some("2001:db8::1".parse().unwrap()),
        limit: Some(7),
        ..FlowQuery::default()
    };
    assert!(fake.client.flows(&query).await.unwrap().more);
    let request = fake.requests.recv().unwrap();
    let line = request.lines().next().unwrap();
    assert_eq!(line, "GET /api/v1/flows?service=%E7%B6%B2+1&client=2001%3Adb8%3A%3A1&limit=7 HTTP/1.1");
    assert_eq!(serde_urlencoded::from_str::<FlowQuery>(line.split(['?', ' ']).nth(2).unwrap()).unwrap(), query);
}

#[tokio::test]
async fn requests_are_json() {
    let fake = fake("kill", &json("200 OK", r#"{"killed":3}"#));
    let killed = fake.client.kill(&Kill::Client("10.0.0.1".parse().unwrap())).await.unwrap();
    assert_eq!(killed.killed, 3);
    let request = fake.requests.recv().unwrap();
    assert!(request.starts_with("POST /api/v1/flows/kill HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"client\":\"10.0.0.1\"}"), "{request}");
}

#[tokio::test]
async fn refusals_carry_their_reason() {
    let errors = config::parse("version = 1\ncolour = 1\nsize = 2\n", "a.toml").unwrap_err();
    let problem = api::Problem::from(errors.clone());
    let body = serde_json::to_string(&problem).unwrap();
    let fake = fake("refused", &json("422 Unprocessable Entity", &body));
    let document = api::Document { file_name: "a.toml".to_owned(), ..api::Document::default() };
    match fake.client.apply(&document).await.unwrap_err() {
        Error::Refused { status: 422, problem } => {
            assert_eq!(problem.errors, Some(errors));
            assert!(problem.message.starts_with("a.toml:2:1: unknown key \"colour\""), "{}", problem.message);
            assert!(problem.message.ends_with("(and 1 more error)"), "{}", problem.message);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn broken_answers_are_errors() {
    for (name, answer, expected) in [
        ("garbage", "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "talk to"),
        ("cut", json("200 OK", "{}").replace("length: 2", "length: 20"), "talk to"),
        ("other", json("200 OK", r#"{"flow":1}"#), "answer of"),
        ("plain", json("503 Service Unavailable", "busy"), "refused with status 503"),
        ("closed", String::new(), "talk to"),
    ] {
        let fake = fake(name, &answer);
        let error = fake.client.status().await.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{name}: {error}");
    }
    let error = Client::new("/nowhere/core.sock").status().await.unwrap_err().to_string();
    assert_eq!(error, "connect to /nowhere/core.sock: No such file or directory (os error 2); is suimon running?");
}

#[tokio::test]
async fn captures_stream() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    let fake = fake("capture", answer);
    let mut capture = fake.client.capture(&api::CaptureRequest::default()).await.unwrap();
    let mut all = Vec::new();
    while let Some(bytes) = capture.next().await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    assert_eq!(all, b"abcdefg");
}

/// The words on the wire.
#[test]
fn words() {
    let change: api::StateChange =
        serde_json::from_str(r#"{"service":"web","backend":"s1","state":"drain","deadline_s":60,"then":"reset"}"#)
            .unwrap();
    assert_eq!((change.state, change.then), (config::BackendState::Drain, Then::Reset));
    let refused: Result<api::StateChange, _> = serde_json::from_str(r#"{"service":"web","backend":"s1","state":"up"}"#);
    assert!(refused.unwrap_err().to_string().contains("unknown word \"up\""));
    let outcome = api::Outcome::Drop { reason: "no_service".to_owned() };
    assert_eq!(serde_json::to_string(&outcome).unwrap(), r#"{"drop":{"reason":"no_service"}}"#);
}
