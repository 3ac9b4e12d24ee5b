use super::*;
use crate::clock::tests::at;
use crate::sink::{CA_FILE, Folder, PATIENCE, accept, accept_tls, acceptor, listen, until};
use config::SyslogFacility;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UdpSocket;

const QUICK: Backoff = Backoff { first: Duration::from_millis(10), max: Duration::from_millis(50) };

fn server(port: u16, transport: SyslogTransport) -> SyslogServer {
    SyslogServer {
        name: "sink".to_owned(),
        server: "127.0.0.1".to_owned(),
        port,
        transport,
        ca_file: (transport == SyslogTransport::Tls).then(|| CA_FILE.to_owned()),
        facility: SyslogFacility::Local0,
        severity: SyslogSeverity::Info,
    }
}

fn start(server: SyslogServer, data: &Path) -> Senders {
    let syslog = Syslog { servers: vec![server] };
    let (senders, unusable) = Senders::start(&syslog, "suimon-a", data, &Names::of_system(), QUICK);
    assert!(unusable.is_empty(), "{unusable:?}");
    senders
}

fn record(text: &str) -> Record {
    Record { at: at(0).civil, severity: Severity::Info, kind: "test".to_owned(), text: text.to_owned() }
}

fn counters(senders: &Senders) -> &Counters {
    senders.counters().next().expect("one server").1
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Reads one counted line (RFC 6587 3.4.1).
async fn counted(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let read = async {
        let mut length = 0;
        loop {
            match stream.read_u8().await.expect("a length") {
                b' ' => break,
                digit => length = length * 10 + usize::from(digit - b'0'),
            }
        }
        let mut line = vec![0; length];
        stream.read_exact(&mut line).await.expect("a line");
        String::from_utf8(line).expect("UTF-8")
    };
    tokio::time::timeout(PATIENCE, read).await.expect("in time")
}

fn text(line: &str) -> &str {
    line.rsplit('\u{feff}').next().expect("there is always one")
}

#[tokio::test]
async fn datagrams() {
    let sink = UdpSocket::bind("127.0.0.1:0").await.expect("loopback");
    let senders = start(server(sink.local_addr().expect("bound").port(), SyslogTransport::Udp), Path::new("/"));
    senders.send(&record("one\ntwo"));
    senders.send(&Record { severity: Severity::Debug, ..record("not worth it") });
    senders.send(&record("three"));
    for expected in ["one two", "three"] {
        let mut datagram = [0; 4_096];
        let got = tokio::time::timeout(PATIENCE, sink.recv(&mut datagram)).await.expect("in time").expect("received");
        let line = String::from_utf8(datagram[..got].to_vec()).expect("UTF-8");
        assert!(line.starts_with("<134>1 2026-01-01T00:00:00.000000Z suimon-a suimon "), "{line}");
        assert_eq!(text(&line), expected);
    }
    assert_eq!((count(&counters(&senders).sent), count(&counters(&senders).lost)), (2, 0));
}

#[tokio::test]
async fn counted_lines_in_a_stream() {
    let (listener, port) = listen().await;
    let senders = start(server(port, SyslogTransport::Tcp), Path::new("/"));
    senders.send(&record("first"));
    senders.send(&record("水門"));
    let mut stream = accept(&listener).await;
    assert_eq!(text(&counted(&mut stream).await), "first");
    assert_eq!(text(&counted(&mut stream).await), "水門");
}

#[tokio::test]
async fn inside_tls() {
    let folder = Folder::new("syslog-tls");
    let acceptor = acceptor(&folder);
    let (listener, port) = listen().await;
    let senders = start(server(port, SyslogTransport::Tls), folder.path());
    senders.send(&record("sealed"));
    let mut stream = accept_tls(&listener, &acceptor).await;
    assert_eq!(text(&counted(&mut stream).await), "sealed");
}

#[tokio::test]
async fn a_stranger_s_certificate_gets_nothing() {
    let (folder, other) = (Folder::new("syslog-stranger"), Folder::new("syslog-other"));
    let (stranger, _) = (acceptor(&other), acceptor(&folder));
    let (listener, port) = listen().await;
    let senders = start(server(port, SyslogTransport::Tls), folder.path());
    senders.send(&record("sealed"));
    for _ in 0..2 {
        assert!(stranger.accept(accept(&listener).await).await.is_err());
    }
    until("failures are counted", || count(&counters(&senders).failures) >= 2).await;
    assert_eq!(count(&counters(&senders).sent), 0);
}

/// The server goes away twice, once silently between two lines; what is said meanwhile arrives.
#[tokio::test]
async fn a_server_that_comes_back_gets_the_rest() {
    let (listener, port) = listen().await;
    let senders = start(server(port, SyslogTransport::Tcp), Path::new("/"));
    for text_now in ["one", "two", "three"] {
        senders.send(&record(text_now));
        let mut stream = accept(&listener).await;
        assert_eq!(text(&counted(&mut stream).await), text_now);
        let failures = count(&counters(&senders).failures);
        drop(stream);
        until("the end is noticed", || count(&counters(&senders).failures) > failures).await;
    }
    assert_eq!((count(&counters(&senders).connects), count(&counters(&senders).lost)), (3, 0));
}

#[tokio::test]
async fn a_server_that_is_away_costs_counted_lines() {
    let (listener, port) = listen().await;
    drop(listener);
    let senders = start(server(port, SyslogTransport::Tcp), Path::new("/"));
    // One is in hand, the others wait.
    senders.send(&record("in hand"));
    until("it is tried", || count(&counters(&senders).failures) > 0).await;
    for number in 0..WAITING_MAX + 5 {
        senders.send(&record(&number.to_string()));
    }
    assert_eq!(count(&counters(&senders).lost), 5);
}

#[tokio::test]
async fn certificates_that_are_missing_are_named() {
    let syslog = Syslog { servers: vec![server(1, SyslogTransport::Tls)] };
    let (senders, unusable) = Senders::start(&syslog, "a", Path::new("/nowhere"), &Names::of_system(), QUICK);
    assert_eq!(senders.counters().count(), 0);
    assert_eq!(unusable[0].0, "sink");
}
