//! Health checks against the real servers: they pass when all is well, fail when the login, the row or the name is
//! wrong, and fail in time when the server hangs, dribbles, talks nonsense or is not there, inside TLS too. All of it by
//! the confined process that asks on a balancer.

use config::Probe;
use lab::command;
use lab::error::Act;
use lab::fault_proxy::{Fault, Layer};
use lab::servers::vsftpd;
use lab::stand::{Stand, address, proxy_address};
use lab::suimon;
use lab::trials::{self, Needs, test};
use lab::{LabError, Result};
use probe::{Outcome, ProbeId, Report, Request, line_of};
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

mod cases;

use cases::Case;

/// Deadline of every check here, milliseconds.
const TIMEOUT_MS: u32 = 1_500;
/// Time for a report, the start of the process included.
const REPORT_LIMIT: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let all = cases::ALL.iter().flat_map(|family| family.iter());
    let tests = all.map(|case| test(case.name, move |stand: &mut Stand| check(stand, case))).collect();
    trials::run(Needs::Suimon, Stand::build, tests)
}

fn check(stand: &Stand, case: &Case) -> Result<()> {
    let passed = ask(stand, case, case.healthy, address())?;
    expect("healthy", passed.passed, &passed)?;
    for (wrong, reason) in case.wrong {
        let outcome = ask(stand, case, wrong, address())?;
        let fits = !outcome.passed && !outcome.deadline_passed && outcome.reason.contains(reason);
        expect(&format!("{wrong}, which says {reason:?}"), fits, &outcome)?;
    }
    match case.layer {
        Some(layer) => behind_proxy(stand, case, layer),
        None => behind_datagram_proxy(stand, case),
    }
}

/// The faults of a server over TCP.
fn behind_proxy(stand: &Stand, case: &Case, layer: Layer) -> Result<()> {
    let proxy = stand.proxy(case.port, layer)?;
    let _data = (case.port == vsftpd::PORT).then(|| stand.proxy(vsftpd::PORT_DATA, Layer::Tcp)).transpose()?;
    for (fault, passes, by_deadline) in [
        (Fault::None, true, Some(false)),
        (Fault::Refuse, false, Some(false)),
        (Fault::Hang, false, Some(true)),
        (Fault::Dribble, false, Some(true)),
        // Some nonsense looks like the beginning of a long answer.
        (Fault::Garble, false, None),
    ] {
        proxy.set(fault);
        let outcome = ask(stand, case, case.healthy, proxy_address())?;
        expect(&format!("{fault:?}"), fits(&outcome, passes, by_deadline), &outcome)?;
    }
    Ok(())
}

/// The faults of a server over UDP.
fn behind_datagram_proxy(stand: &Stand, case: &Case) -> Result<()> {
    let proxy = stand.datagram_proxy(case.port)?;
    for (fault, passes, by_deadline) in
        [(Fault::None, true, Some(false)), (Fault::Hang, false, Some(true)), (Fault::Garble, false, None)]
    {
        proxy.set(fault);
        let outcome = ask(stand, case, case.healthy, proxy_address())?;
        expect(&format!("{fault:?}"), fits(&outcome, passes, by_deadline), &outcome)?;
    }
    drop(proxy);
    let outcome = ask(stand, case, case.healthy, proxy_address())?;
    expect("nobody there", fits(&outcome, false, Some(false)), &outcome)
}

fn fits(outcome: &Outcome, passes: bool, by_deadline: Option<bool>) -> bool {
    outcome.passed == passes && by_deadline.is_none_or(|expected| outcome.deadline_passed == expected)
}

/// Asks once, from the client's namespace.
fn ask(stand: &Stand, case: &Case, options: &str, server: IpAddr) -> Result<Outcome> {
    let options = options.replace("CA", &format!("\"\"\"\n{}\"\"\"", stand.authority.certificate()));
    let text = format!(
        "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n[[service]]\nname = \"s\"\n\
         vip = \"10.1.0.100\"\nports = \"80\"\n[[service.check]]\nname = \"c\"\nport = {}\ntimeout_ms = {TIMEOUT_MS}\n\
         {options}\n[[service.backend]]\nname = \"s1\"\naddress = \"10.1.0.2\"\n",
        case.port
    );
    let config = config::parse(&text, "check").map_err(|errors| LabError::Answer(format!("{errors}\n{text}")))?;
    let service = &config.services[0];
    let asked = Probe::of(service, &service.backends[0], &service.checks[0]).expect("it asks something");
    let asked = Probe { address: server, ..asked };
    stand.lab.node("client").enter(|| ask_by_role(&asked))?
}

/// Asks as core does: by the role `probe`, a process that is confined before it hears the question.
fn ask_by_role(asked: &Probe) -> Result<Outcome> {
    let suimon = suimon::binary().ok_or_else(|| LabError::Answer("suimon is not built".into()))?;
    let (near, far) = UnixStream::pair().act(|| "make a pair of sockets".into())?;
    let mut command = command::words(&suimon.display().to_string(), ["probe", "--in-flight-max", "4", "--seed", "1"]);
    let mut role = command.stdin(OwnedFd::from(far)).spawn().act(|| "start suimon probe".into())?;
    drop(command);
    near.set_read_timeout(Some(REPORT_LIMIT)).act(|| "set a limit".into())?;
    let request = Request::Once { id: ProbeId(7), probe: Box::new(asked.clone()), mark: None };
    (&near).write_all(&line_of(&request)).act(|| "ask suimon probe".into())?;
    let mut line = String::new();
    BufReader::new(&near).read_line(&mut line).act(|| "hear suimon probe".into())?;
    drop(near);
    role.wait().act(|| "wait for suimon probe".into())?;
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
