use super::*;
use config::{AlertFilter, AlertKind, AlertWebhook, Secret};
use config::{SyslogFacility, SyslogServer, SyslogSeverity, SyslogTransport};
use jiff::Timestamp;
use manage::syslog::Severity;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};

/// Time for what a test waits for; when all is well it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that tells, until the test ends.
struct Case {
    teller: Teller,
    telling: Option<Telling>,
}

impl Case {
    fn start() -> Self {
        let (teller, inlets) = queues();
        let telling = Telling::start("a".to_owned(), "/nowhere".into(), inlets).unwrap();
        Self { teller, telling: Some(telling) }
    }

    fn counts(&self) -> Counts {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.teller.counts()).unwrap()
    }

    fn until(&self, what: &str, so: impl Fn(Counts) -> bool) {
        let begun = std::time::Instant::now();
        while !so(self.counts()) {
            assert!(begun.elapsed() < PATIENCE, "not in time: {what}: {:?}", self.counts());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(&mut self) {
        self.telling.take().unwrap().stop();
    }
}

// Made by hand: a document with addresses of loopback is refused.
fn webhook(name: &str, port: u16) -> Config {
    let webhook = AlertWebhook {
        name: name.to_owned(),
        url: Secret::new(format!("http://127.0.0.1:{port}/")),
        secret: None,
        ca_file: None,
        filter: AlertFilter::default(),
    };
    let alerts = Alerts { webhooks: vec![webhook], ..Alerts::default() };
    Config { alerts, ..Config::default() }
}

fn syslog(port: u16) -> Config {
    let server = SyslogServer {
        name: "sink".to_owned(),
        server: "127.0.0.1".to_owned(),
        port,
        transport: SyslogTransport::Udp,
        ca_file: None,
        facility: SyslogFacility::Local0,
        severity: SyslogSeverity::Info,
    };
    Config { syslog: Syslog { servers: vec![server] }, ..Config::default() }
}

fn event(subject: &str) -> Event {
    Event::new(AlertKind::BackendDown, subject, "page: connection refused", Timestamp::UNIX_EPOCH)
}

/// Takes one request and says that it is well: its body.
fn take(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    String::from_utf8(body).unwrap()
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn an_alert_goes_where_the_configuration_in_use_says() {
    let mut case = Case::start();
    case.teller.event(event("web/nobody-listens"));
    // Questions come behind events: with the answer the event has been dealt with.
    assert_eq!(case.counts(), Counts::default());
    let ((first, first_port), (second, second_port)) = (listener(), listener());
    case.teller.set(&webhook("first", first_port));
    case.teller.event(event("web/s1"));
    let body = take(&first);
    assert!(body.contains("\"kind\":\"backend-down\"") && body.contains("web/s1"), "{body}");
    assert!(body.contains("page: connection refused"), "{body}");
    case.until("the first is counted", |counts| counts.alerts_sent == 1);

    // One with another name has a window of its own, so that its first event goes at once.
    case.teller.set(&webhook("second", second_port));
    case.teller.event(event("web/s2"));
    assert!(take(&second).contains("web/s2"));
    case.until("both are counted", |counts| counts.alerts_sent == 2);
    case.stop();
}

#[test]
fn lines_go_to_the_server_of_the_configuration_in_use() {
    let mut case = Case::start();
    let sink = UdpSocket::bind("127.0.0.1:0").unwrap();
    sink.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = sink.local_addr().unwrap().port();
    case.teller.set(&syslog(port));
    let line = |text: &str| Record {
        at: Timestamp::UNIX_EPOCH,
        severity: Severity::Warning,
        kind: "health".to_owned(),
        text: text.to_owned(),
    };
    case.teller.line(line("web/s1 is down"));
    let mut datagram = [0; 2_048];
    let length = sink.recv(&mut datagram).unwrap();
    let text = String::from_utf8(datagram[..length].to_vec()).unwrap();
    assert!(text.starts_with("<132>1 1970-01-01T00:00:00.000000Z a suimon "), "{text}");
    assert!(text.ends_with("web/s1 is down"), "{text}");
    case.until("it is counted", |counts| counts.lines_sent == 1);
    // What is told before the end goes out.
    case.teller.line(line("stopping"));
    case.stop();
    let length = sink.recv(&mut datagram).unwrap();
    assert!(datagram[..length].ends_with(b"stopping"));
}

#[test]
fn what_does_not_fit_is_counted() {
    let (teller, inlets) = queues();
    for _ in 0..EVENTS_WAITING_MAX + 3 {
        teller.event(event("web/s1"));
    }
    let line = Record { at: Timestamp::UNIX_EPOCH, severity: Severity::Info, kind: String::new(), text: String::new() };
    for _ in 0..LINES_WAITING_MAX + 2 {
        teller.line(line.clone());
    }
    let telling = Some(Telling::start("a".to_owned(), "/nowhere".into(), inlets).unwrap());
    let mut case = Case { teller, telling };
    case.until("it is counted", |counts| (counts.alerts_lost, counts.lines_lost) == (3, 2));
    case.stop();
}
