//! The role as the core sees it: requests in, reports out.
#![allow(clippy::unwrap_used, reason = "of tests: a failure ends the test")]

mod fake;

use fake::Act::{Hang, Hear, Say};
use fake::{probe, server};
use probe::{Counters, LineReader, MESSAGE_BYTES_MAX, ProbeId, ProtocolError, Report, Request, Settings, line_of};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A bound on every wait: what is waited for here happens at once, or never.
const PATIENCE: Duration = Duration::from_secs(20);

/// The core's side.
struct Core {
    writer: WriteHalf<DuplexStream>,
    reports: LineReader<BufReader<ReadHalf<DuplexStream>>>,
    role: JoinHandle<Result<(), ProtocolError>>,
}

impl Core {
    fn new(in_flight_max: usize) -> Self {
        let (own, other) = duplex(64 * 1024);
        let (reader, writer) = split(other);
        let role = tokio::spawn(probe::serve(reader, writer, Settings { in_flight_max, seed: 7 }));
        let (reader, writer) = split(own);
        Self { writer, reports: LineReader::new(BufReader::new(reader)), role }
    }

    async fn send(&mut self, request: Request) {
        self.writer.write_all(&line_of(&request)).await.unwrap();
    }

    async fn set(&mut self, id: u64, check: &str, port: u16) {
        self.send(Request::Set { id: ProbeId(id), probe: Box::new(probe(check, port)), mark: None }).await;
    }

    async fn once(&mut self, id: u64, check: &str, port: u16) {
        self.send(Request::Once { id: ProbeId(id), probe: Box::new(probe(check, port)), mark: None }).await;
    }

    async fn report(&mut self) -> Report {
        let report = tokio::time::timeout(PATIENCE, self.reports.next()).await;
        report.expect("a report comes").expect("it is one").expect("the role goes on")
    }

    /// The next report, as `id: reason`; the short form is `id: same`.
    async fn told(&mut self) -> String {
        match self.report().await {
            Report::Done { id, outcome } => format!("{}: {}", id.0, outcome.reason),
            Report::Same { id, .. } => format!("{}: same", id.0),
            Report::Hop { .. } => panic!("no step was asked for"),
            Report::Counters(counters) => panic!("counters were not asked for: {counters:?}"),
        }
    }

    async fn counters(&mut self) -> Counters {
        self.send(Request::Count).await;
        match self.report().await {
            Report::Counters(counters) => counters,
            other => panic!("the counters are not the next report: {other:?}"),
        }
    }
}

/// A server that hangs, and counts.
#[derive(Default)]
struct Counted {
    open: AtomicUsize,
    open_most: AtomicUsize,
    total: AtomicUsize,
}

impl Counted {
    async fn serve(self: &Arc<Self>) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let counted = self.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let open = counted.open.fetch_add(1, SeqCst) + 1;
                counted.open_most.fetch_max(open, SeqCst);
                counted.total.fetch_add(1, SeqCst);
                let counted = counted.clone();
                tokio::spawn(async move {
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                    counted.open.fetch_sub(1, SeqCst);
                });
            }
        });
        port
    }

    async fn wait(&self, until: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !until(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.expect("it comes to that");
    }
}

#[tokio::test]
async fn runs_are_concurrent() {
    const RUNS: usize = 50;
    let hanging = Arc::new(Counted::default());
    let port = hanging.serve().await;
    let mut core = Core::new(RUNS);
    for id in 0..RUNS as u64 {
        core.once(id, "kind = \"smtp\"\ntimeout_ms = 3_000", port).await;
    }
    // All are open before the first deadline passes.
    hanging.wait(|hanging| hanging.open.load(SeqCst) == RUNS).await;
    for _ in 0..RUNS {
        assert!(core.told().await.ends_with("the deadline of 3000 ms passed while waiting for the greeting"));
    }
    let counters = core.counters().await;
    assert_eq!(counters, Counters { failed: RUNS as u64, deadlines_passed: RUNS as u64, ..Counters::default() });
}

#[tokio::test]
async fn a_probe_never_runs_twice_at_once() {
    let hanging = Arc::new(Counted::default());
    let port = hanging.serve().await;
    let mut core = Core::new(10);
    core.set(1, "kind = \"smtp\"\ninterval_ms = 100\ntimeout_ms = 250", port).await;
    for _ in 0..3 {
        assert!(core.told().await.starts_with("1: the deadline of 250 ms passed"));
    }
    assert_eq!(hanging.open_most.load(SeqCst), 1);
    // Each run takes the place of the two that were due meanwhile.
    let counters = core.counters().await;
    assert!(counters.missed_late >= 6 && counters.deadlines_passed == 3, "{counters:?}");
}

#[tokio::test]
async fn a_removed_probe_ends_in_mid_run() {
    let hanging = Arc::new(Counted::default());
    let port = hanging.serve().await;
    let mut core = Core::new(10);
    core.set(1, "kind = \"smtp\"\ninterval_ms = 100\ntimeout_ms = 60_000", port).await;
    hanging.wait(|hanging| hanging.open.load(SeqCst) == 1).await;
    core.send(Request::Remove { id: ProbeId(1) }).await;
    hanging.wait(|hanging| hanging.open.load(SeqCst) == 0).await;
    // The counters are the next report: there was none of the run.
    assert_eq!(core.counters().await, Counters::default());
    core.send(Request::Remove { id: ProbeId(1) }).await;
    assert_eq!(core.counters().await.probes, 0);
}

#[tokio::test]
async fn runs_under_way_are_bounded() {
    let hanging = Arc::new(Counted::default());
    let port = hanging.serve().await;
    let mut core = Core::new(2);
    for id in 1..=3 {
        core.once(id, "kind = \"smtp\"\ntimeout_ms = 60_000", port).await;
    }
    assert_eq!(core.told().await, "3: not asked: 2 checks are under way already");
    hanging.wait(|hanging| hanging.open.load(SeqCst) == 2).await;
    let counters = core.counters().await;
    assert_eq!(counters, Counters { missed_busy: 1, in_flight: 2, ..Counters::default() });
    // One that is due waits for room, and is counted for each interval that it waits.
    core.set(4, "kind = \"smtp\"\ninterval_ms = 100\ntimeout_ms = 100", port).await;
    let waited = tokio::time::timeout(PATIENCE, async { while core.counters().await.missed_busy < 4 {} });
    waited.await.expect("it is counted");
    assert_eq!(hanging.total.load(SeqCst), 2);
    // A run that ends makes room.
    let mut core = Core::new(1);
    core.once(1, "kind = \"smtp\"\ntimeout_ms = 500", port).await;
    core.set(2, "kind = \"smtp\"\ninterval_ms = 100\ntimeout_ms = 100", port).await;
    assert!(core.told().await.starts_with("1: "));
    assert!(core.told().await.starts_with("2: "));
}

#[tokio::test]
async fn what_stays_the_same_is_told_in_short() {
    // Passes three times, then fails.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for greeting in ["+OK a\r\n", "+OK b\r\n", "+OK c\r\n", "-ERR d\r\n", "-ERR d\r\n", "+OK e\r\n", "+OK f\r\n"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(greeting.as_bytes()).await.unwrap();
        }
    });
    let mut core = Core::new(10);
    let check = "kind = \"send-expect\"\nexpect = '^\\+OK.*\\n'\ninterval_ms = 100\ntimeout_ms = 10_000";
    core.set(1, check, port).await;
    let failed = "1: expected a match of ^\\+OK.*\\n, got \"-ERR d\\r\\n\"";
    for expected in ["1: passed", "1: same", "1: same", failed, failed, "1: passed", "1: same"] {
        assert_eq!(core.told().await, expected);
    }
}

#[tokio::test]
async fn setting_again_changes_only_what_differs() {
    let port = server(vec![Say("+OK\r\n"), Hear("QUIT"), Say("+OK\r\n")]).await;
    let mut core = Core::new(10);
    let check = "kind = \"pop3\"\ninterval_ms = 100\ntimeout_ms = 10_000";
    core.set(1, check, port).await;
    assert_eq!(core.told().await, "1: passed");
    core.set(1, check, port).await;
    assert_eq!(core.told().await, "1: same");
    core.set(1, "kind = \"connect\"\ninterval_ms = 100", port).await;
    // Runs that ended before the request came may still be told.
    let waited = tokio::time::timeout(PATIENCE, async { while core.told().await != "1: passed" {} });
    waited.await.expect("what was replaced begins anew");
    assert_eq!(core.counters().await.probes, 1);
}

#[tokio::test]
async fn the_role_ends_with_the_core_and_with_nonsense() {
    let hanging = server(vec![Hang]).await;
    let mut core = Core::new(10);
    core.once(1, "kind = \"smtp\"\ntimeout_ms = 60_000", hanging).await;
    core.writer.shutdown().await.unwrap();
    assert!(core.role.await.unwrap().is_ok());

    let mut core = Core::new(10);
    core.writer.write_all(b"{\"set\":{\"id\":1}}\n").await.unwrap();
    assert!(matches!(core.role.await.unwrap(), Err(ProtocolError::Malformed(_))));

    let mut core = Core::new(10);
    let _ = core.writer.write_all(&vec![b'x'; MESSAGE_BYTES_MAX + 1]).await;
    assert!(matches!(core.role.await.unwrap(), Err(ProtocolError::TooLong)));
}

/// A VIP is asked on one server by a mark that leads there; without one the answer might be any server's.
#[tokio::test]
async fn a_vip_needs_a_mark() {
    let port = server(vec![Say("+OK\r\n"), Hear("QUIT")]).await;
    let mut probe = probe("kind = \"pop3\"", port);
    probe.vip = Some(probe.address);
    probe.address = Ipv4Addr::new(192, 0, 2, 1).into();
    let outcome = probe::run(&probe, None).await;
    assert_eq!(outcome.reason, "not asked: there is no route to the VIP on this server");
    let outcome = probe::run(&probe, Some(7)).await;
    assert_eq!(outcome.reason, "passed");
}

#[test]
fn messages_survive_the_way() {
    let probe = Box::new(probe("kind = \"https\"\nexpect_body = 'a\\n\"b'", 443));
    for request in [
        Request::Set { id: ProbeId(1), probe: probe.clone(), mark: Some(5) },
        Request::Once { id: ProbeId(u64::MAX), probe, mark: None },
        Request::Remove { id: ProbeId(2) },
        Request::Count,
    ] {
        let line = line_of(&request);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Request>(&line).unwrap(), request);
    }
}
