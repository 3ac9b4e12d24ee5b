//! Health checks against the real servers: they pass when all is well, fail when the login, the row or the name is
//! wrong, and fail in time when the server hangs, dribbles, talks nonsense or is not there, inside TLS too. All of it by
//! the confined process that asks on a balancer.

use config::Probe;
use lab::command;
use lab::error::Act;
use lab::fault_proxy::{Fault, FaultProxy, Layer};
use lab::plan::Family;
use lab::servers::vsftpd;
use lab::stand::{Stand, address, proxy_address};
use lab::suimon;
use lab::trials::{self, Needs, test};
use lab::{LabError, Result};
use probe::{Direction, Outcome, ProbeId, Report, Request, line_of};
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

mod cases;
mod programs;
mod wire;

use cases::Case;

/// Deadline of every check here, milliseconds.
const TIMEOUT_MS: u32 = 1_500;
/// How late the end of a check may be seen on a machine that has much to do. The deadline itself is the feature.
const LATE_MS_MAX: u32 = 500;
/// Time for a report, the start of the process included.
const REPORT_LIMIT: Duration = Duration::from_secs(20);

/// Cases that are tried over IPv6 too.
const OVER_V6: [&str; 4] = ["http", "smtp", "dns udp", "dns tcp"];

fn main() -> ExitCode {
    let all: Vec<&'static Case> = cases::ALL.iter().copied().flatten().collect();
    let over = |case: &&'static Case, family: Family| {
        let (case, version) = (*case, if family == Family::V6 { " over ipv6" } else { "" });
        test(format!("{}{version}", case.name), move |stand: &mut Stand| check(stand, case, family))
    };
    // Before anybody is treated badly: some servers rest after that.
    let mut tests = vec![test("what passes on the wire is what it claims to be", wire::negotiations)];
    tests.extend(all.iter().map(|case| over(case, Family::V4)));
    tests.extend(all.iter().filter(|case| OVER_V6.contains(&case.name)).map(|case| over(case, Family::V6)));
    tests.push(test("ping", ping));
    tests.push(test("external", programs::run));
    trials::run(Needs::Suimon, Stand::build, tests)
}

fn check(stand: &Stand, case: &Case, family: Family) -> Result<()> {
    let passed = ask(stand, case, case.healthy, address(family))?;
    expect("healthy", passed.passed, &passed)?;
    for (wrong, reason) in case.wrong {
        assert!(!reason.is_empty(), "{}: what is wrong has to be said", case.name);
        let outcome = ask(stand, case, wrong, address(family))?;
        let fits = !outcome.passed && outcome.reason.contains(reason);
        expect(&format!("{wrong}, which says {reason:?}"), fits, &outcome)?;
    }
    match case.layer {
        Some(layer) => behind_proxy(stand, case, family, layer),
        None => behind_datagram_proxy(stand, case, family),
    }
}

/// Without a proxy: nobody answers in another's name.
fn ping(stand: &mut Stand) -> Result<()> {
    let case = &cases::PING;
    let passed = ask(stand, case, case.healthy, address(Family::V4))?;
    expect("healthy", passed.passed, &passed)?;
    let passed = ask(stand, case, case.healthy, address(Family::V6))?;
    expect("healthy over IPv6", passed.passed, &passed)?;
    stand.lab.node("s2").ip("link set eth0 down\n")?;
    let outcome = ask(stand, case, case.healthy, proxy_address(Family::V4))?;
    // The server's address of IPv6 went with its NIC.
    let v6 = proxy_address(Family::V6);
    stand.lab.node("s2").ip(&format!("link set eth0 up\naddress replace {v6}/64 dev eth0 nodad\n"))?;
    expect("its NIC is down", fits(&outcome, false, Some(true)), &outcome)
}

/// The faults of a server over TCP.
fn behind_proxy(stand: &Stand, case: &Case, family: Family, layer: Layer) -> Result<()> {
    let proxy = stand.proxy(family, case.port, layer)?;
    let _data = (case.port == vsftpd::PORT).then(|| stand.proxy(family, vsftpd::PORT_DATA, Layer::Tcp)).transpose()?;
    for (fault, passes, by_deadline, words) in [
        (Fault::None, true, Some(false), "passed"),
        (Fault::Refuse, false, Some(false), "Connection refused"),
        // Some nonsense looks like the beginning of a long answer.
        (Fault::Garble, false, None, ""),
        (Fault::Cut(2), false, Some(false), cut(case)),
        (Fault::Flood, false, None, ""),
    ] {
        proxy.set(fault);
        let outcome = ask(stand, case, case.healthy, proxy_address(family))?;
        let fits = fits(&outcome, passes, by_deadline) && outcome.reason.contains(words);
        expect(&format!("{fault:?}, which says {words:?}"), fits, &outcome)?;
    }
    both_late(stand, case, family, &proxy)
}

/// What is said of an answer that ends after two bytes: to these kinds the end of a connection is the end of an answer.
fn cut(case: &Case) -> &'static str {
    match case.name {
        "send-expect" => "expected a match of ^VERSION, got \"VE\"",
        "feedback" => "expected a weight as in 75%, or up, drain, down or maint, got \"75\"",
        _ => "the server closed the connection",
    }
}

/// A server that hangs and one that dribbles take their time at once: a fault is a connection's from its beginning.
fn both_late(stand: &Stand, case: &Case, family: Family, proxy: &FaultProxy) -> Result<()> {
    let ask = || ask(stand, case, case.healthy, proxy_address(family));
    proxy.set(Fault::Hang);
    let (hangs, dribbles) = thread::scope(|scope| {
        let hangs = scope.spawn(ask);
        thread::sleep(Duration::from_millis(u64::from(TIMEOUT_MS) / 2));
        proxy.set(Fault::Dribble);
        let dribbles = ask();
        (hangs.join().expect("asking does not panic"), dribbles)
    });
    let (hangs, dribbles) = (hangs?, dribbles?);
    for (fault, outcome) in [(Fault::Hang, &hangs), (Fault::Dribble, &dribbles)] {
        expect(&format!("{fault:?}"), fits(outcome, false, Some(true)), outcome)?;
    }
    // A handshake's own bytes are not told of.
    let told = case.name == "connect" || received(&dribbles) > received(&hangs);
    expect("the transcript tells dribbling from hanging", told, &dribbles)
}

/// Letters of the server in a transcript.
fn received(outcome: &Outcome) -> usize {
    let lines = outcome.transcript.lines.iter().filter(|line| line.direction == Direction::Received);
    lines.map(|line| line.text.len()).sum()
}

/// The faults of a server over UDP.
fn behind_datagram_proxy(stand: &Stand, case: &Case, family: Family) -> Result<()> {
    let proxy = stand.datagram_proxy(family, case.port)?;
    for (fault, passes, by_deadline) in
        [(Fault::None, true, Some(false)), (Fault::Hang, false, Some(true)), (Fault::Garble, false, None)]
    {
        proxy.set(fault);
        let outcome = ask(stand, case, case.healthy, proxy_address(family))?;
        expect(&format!("{fault:?}"), fits(&outcome, passes, by_deadline), &outcome)?;
    }
    drop(proxy);
    let outcome = ask(stand, case, case.healthy, proxy_address(family))?;
    expect("nobody there", fits(&outcome, false, Some(false)), &outcome)
}

fn fits(outcome: &Outcome, passes: bool, by_deadline: Option<bool>) -> bool {
    let in_time = outcome.latency_us < u64::from(TIMEOUT_MS + LATE_MS_MAX) * 1_000;
    let told = passes || outcome.transcript.lines.last().is_some_and(|line| line.text == outcome.reason);
    outcome.passed == passes
        && in_time
        && told
        && by_deadline.is_none_or(|expected| outcome.deadline_passed == expected)
}

/// Asks once, from the client's namespace.
fn ask(stand: &Stand, case: &Case, options: &str, server: IpAddr) -> Result<Outcome> {
    stand_ask(stand, &asked_of(stand, case, options, server, None)?, &Role::Servers)
}

/// The question of a check with these options, as the configuration says it.
fn asked_of(stand: &Stand, case: &Case, options: &str, server: IpAddr, programs: Option<&Path>) -> Result<Probe> {
    let options = options.replace("CA", &format!("\"\"\"\n{}\"\"\"", stand.authority.certificate()));
    let folder = programs.map(|folder| format!("[probe]\nprograms_folder = \"{}\"\n", folder.display()));
    // A check that is to fail may ask another port.
    let port =
        if case.port == 0 || options.contains("\nport =") { String::new() } else { format!("port = {}\n", case.port) };
    let text = format!(
        "version = 1\n{}[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n[[service]]\nname = \"s\"\n\
         vip = \"10.1.0.100\"\nports = \"80\"\n[[service.check]]\nname = \"c\"\n{port}timeout_ms = {TIMEOUT_MS}\n\
         {options}\n[[service.backend]]\nname = \"s1\"\naddress = \"10.1.0.2\"\n",
        folder.unwrap_or_default()
    );
    let config = config::parse(&text, "check").map_err(|errors| LabError::Answer(format!("{errors}\n{text}")))?;
    let service = &config.services[0];
    let asked = Probe::of(service, &service.backends[0], &service.checks[0]).expect("it asks something");
    Ok(Probe { address: server, ..asked })
}

/// Which of the two processes asks.
enum Role {
    Servers,
    Programs(PathBuf),
}

fn stand_ask(stand: &Stand, asked: &Probe, role: &Role) -> Result<Outcome> {
    stand.lab.node("client").enter(|| ask_by_role(asked, role))?
}

/// Asks as core does: by the role `probe`, a process that is confined before it hears the question.
fn ask_by_role(asked: &Probe, role: &Role) -> Result<Outcome> {
    let suimon = suimon::binary().ok_or_else(|| LabError::Answer("suimon is not built".into()))?;
    let (near, far) = UnixStream::pair().act(|| "make a pair of sockets".into())?;
    let mut command = command::words(&suimon.display().to_string(), ["probe", "--in-flight-max", "4", "--seed", "1"]);
    if let Role::Programs(folder) = role {
        command.arg("--programs").arg(folder);
    }
    let mut process = command.stdin(OwnedFd::from(far)).spawn().act(|| "start suimon probe".into())?;
    drop(command);
    near.set_read_timeout(Some(REPORT_LIMIT)).act(|| "set a limit".into())?;
    let request = Request::Once { id: ProbeId(7), probe: Box::new(asked.clone()), mark: None };
    (&near).write_all(&line_of(&request)).act(|| "ask suimon probe".into())?;
    let mut line = String::new();
    BufReader::new(&near).read_line(&mut line).act(|| "hear suimon probe".into())?;
    drop(near);
    process.wait().act(|| "wait for suimon probe".into())?;
    match serde_json::from_str(&line) {
        Ok(Report::Done { id: ProbeId(7), outcome }) => Ok(*outcome),
        other => Err(LabError::Answer(format!("suimon probe said {line:?}: {other:?}"))),
    }
}

fn expect(what: &str, fits: bool, outcome: &Outcome) -> Result<()> {
    if fits {
        return Ok(());
    }
    let lines: Vec<String> = outcome
        .transcript
        .lines
        .iter()
        .map(|line| format!("  {} ms {:?} {}", line.at_ms, line.direction, line.text))
        .collect();
    let (passed, late) = (outcome.passed, outcome.deadline_passed);
    let said = format!("passed {passed}, deadline passed {late}: {}", outcome.reason);
    Err(LabError::Answer(format!("{what}: {said}\n{}", lines.join("\n"))))
}
