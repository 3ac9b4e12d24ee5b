//! Beside the real ldirectord: the same servers, the same failures. Asserted is that both take a server out and in
//! again; how long that takes, and what the watching costs, is reported.

use director::{Director, Manner};
use lab::certificates::{Authority, SERVER_NAME};
use lab::command::wait_until;
use lab::configuration::base;
use lab::error::LabError;
use lab::fault_proxy::{Fault, FaultProxy, Layer};
use lab::plan::{self, Family};
use lab::process::Daemon;
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime};

mod director;

/// Time either has to notice. ldirectord as installed takes up to 40 s to see that a server hangs.
const NOTICE_LIMIT: Duration = Duration::from_secs(120);
/// Where the server that fails is asked: a proxy of faults before its nginx.
const FAULTY_PORT: u16 = 8000;

/// How both ask.
struct Settings {
    name: &'static str,
    director: Manner,
    /// Keys of Suimon's check.
    suimon: &'static str,
}

/// The same for both.
const EQUAL: Settings = Settings {
    name: "every 2 s, deadline 1 s, 3 failures",
    director: Manner { interval_s: 2, timeout_s: 1, failures: 3 },
    suimon: "interval_ms = 2000\ntimeout_ms = 1000\nrise = 1\nfall = 3\n",
};

/// Of each what it does when nothing is said.
const AS_INSTALLED: Settings =
    Settings { name: "each as installed", director: Manner { interval_s: 10, timeout_s: 30, failures: 1 }, suimon: "" };

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        stage,
        vec![
            test("both take a server out and in again", out_and_in),
            test("many servers cost either this much", costs),
        ],
    )
}

/// The lab with its servers; ldirectord is to run where the second balancer would.
fn stage() -> Result<Lab> {
    let lab = trials::full_lab()?;
    lab.node("b").ip("address add 10.2.0.2/16 dev b0\n")?;
    Ok(lab)
}

fn out_and_in(lab: &mut Lab) -> Result<()> {
    println!();
    for settings in plan::size(&[EQUAL][..], &[EQUAL, AS_INSTALLED]) {
        let faulty = SocketAddr::new(plan::server("s2", Family::V4), FAULTY_PORT);
        let proxy = proxy(lab, faulty)?;
        let backends = [SocketAddr::new(plan::server("s1", Family::V4), 80), faulty];
        let both = Both::start(lab, settings, &backends)?;
        for fault in [Fault::Refuse, Fault::Hang] {
            for round in 1..=plan::size(1, 5) {
                // Else every round would begin just after a check.
                thread::sleep(Duration::from_secs(2).mul_f64(f64::from(round) * 0.618 % 1.0));
                proxy.set(fault);
                let [out, out_director] = both.noticed(faulty, false)?;
                proxy.set(Fault::None);
                let [back, back_director] = both.noticed(faulty, true)?;
                println!(
                    "{}, {fault:?}, round {round}: out after {out:.1} s (ldirectord {out_director:.1} s), \
                     in after {back:.1} s (ldirectord {back_director:.1} s)",
                    settings.name
                );
            }
        }
    }
    Ok(())
}

fn proxy(lab: &Lab, listen: SocketAddr) -> Result<FaultProxy> {
    let authority = Authority::new()?;
    let identity = authority.valid(SERVER_NAME)?;
    FaultProxy::start(&lab.node("s2"), listen, SocketAddr::new(listen.ip(), 80), Layer::Tcp, (&authority, &identity))
}

/// Both watching the same servers.
struct Both {
    suimon: Suimon,
    director: Director,
}

impl Both {
    fn start(lab: &Lab, settings: &Settings, backends: &[SocketAddr]) -> Result<Self> {
        let director = Director::start(lab, "b", &settings.director, backends)?;
        let both = Self { suimon: Suimon::start(lab, "a", &document(settings, backends))?, director };
        all_up(&both.suimon, backends.len())?;
        all_taken_in(&both.director, backends.len())?;
        Ok(both)
    }

    /// Seconds until each has noticed what happens now: Suimon's, ldirectord's.
    fn noticed(&self, server: SocketAddr, up: bool) -> Result<[f64; 2]> {
        let from = SystemTime::now();
        let name = server.to_string();
        let (mut ours, mut theirs) = (None, None);
        wait_until(&format!("both see that {server} is up: {up}"), NOTICE_LIMIT, || {
            let seen =
                || self.suimon.backends().is_ok_and(|all| all.iter().any(|b| b.name == "faulty" && b.healthy == up));
            if ours.is_none() && seen() {
                ours = Some(SystemTime::now());
            }
            let told = || {
                let changes = self.director.changes().unwrap_or_default();
                changes
                    .iter()
                    .find(|change| change.at > from && change.server == name && change.takes_flows == up)
                    .map(|change| change.at)
            };
            theirs = theirs.or_else(told);
            ours.is_some() && theirs.is_some()
        })
        .map_err(|error| LabError::Answer(format!("{error}: Suimon {ours:?}, ldirectord {theirs:?}")))?;
        let after =
            |at: Option<SystemTime>| at.and_then(|at| at.duration_since(from).ok()).unwrap_or_default().as_secs_f64();
        Ok([after(ours), after(theirs)])
    }
}

fn all_up(suimon: &Suimon, count: usize) -> Result<()> {
    suimon.wait_for("all servers are up", |all| all.iter().filter(|backend| backend.healthy).count() == count)
}

fn all_taken_in(director: &Director, count: usize) -> Result<()> {
    wait_until("ldirectord has taken all servers in", NOTICE_LIMIT, || director.up().is_ok_and(|up| up == count))
        .map_err(|error| LabError::Answer(format!("{error}; it said: {}", director.daemon().said())))
}

fn costs(lab: &mut Lab) -> Result<()> {
    let (count, time) = (plan::size(20, 200), Duration::from_secs(plan::size(6, 60)));
    let addresses: Vec<IpAddr> = (1..=count).map(|number| Ipv4Addr::new(10, 2, 3, number).into()).collect();
    let lines: String =
        addresses.iter().fold(String::new(), |lines, address| lines + &format!("address add {address}/16 dev eth0\n"));
    lab.node("s1").ip(&lines)?;
    let backends: Vec<SocketAddr> = addresses.iter().map(|address| SocketAddr::new(*address, 80)).collect();
    println!();
    let suimon = Suimon::start(lab, "a", &document(&EQUAL, &backends))?;
    all_up(&suimon, backends.len())?;
    cost(lab, "suimon", suimon.daemon(), backends.len(), time)?;
    drop(suimon);
    let director = Director::start(lab, "b", &EQUAL.director, &backends)?;
    all_taken_in(&director, backends.len())?;
    cost(lab, "ldirectord", director.daemon(), backends.len(), time)
}

/// What one of them uses while it alone watches.
fn cost(lab: &Lab, name: &str, daemon: &Daemon, servers: usize, time: Duration) -> Result<()> {
    let opened = || lab.node("s1").kernel_counter("Tcp", "PassiveOpens");
    let (checks, cpu) = (opened()?, daemon.usage().cpu_seconds);
    thread::sleep(time);
    let (checks, cpu, seconds) = (opened()? - checks, daemon.usage().cpu_seconds - cpu, time.as_secs_f64());
    println!(
        "{name}: {servers} servers for {seconds} s: {checks} checks, each server every {:.1} s, {:.2} % of a core, {:.2} ms a check",
        servers as f64 * seconds / checks.max(1) as f64,
        cpu / seconds * 100.0,
        cpu * 1_000.0 / checks.max(1) as f64
    );
    let asked = checks >= servers as u64;
    if asked { Ok(()) } else { Err(LabError::Answer(format!("{name} has not asked every server within {seconds} s"))) }
}

/// Suimon's configuration; the last of several servers is the one that fails.
fn document(settings: &Settings, backends: &[SocketAddr]) -> String {
    let mut text = base(1);
    let _ = write!(
        text,
        "\n[[service]]\nname = \"web\"\nvip = \"10.1.0.100\"\nports = \"80\"\nmethod = \"nat\"\n\
         [[service.check]]\nname = \"page\"\nkind = \"http\"\nexpect_body = \"s\"\n{}",
        settings.suimon
    );
    for (number, backend) in backends.iter().enumerate() {
        let name = if backend.port() == FAULTY_PORT { "faulty".to_owned() } else { format!("s{number}") };
        let (address, port) = (backend.ip(), backend.port());
        let _ = write!(text, "\n[[service.backend]]\nname = \"{name}\"\naddress = \"{address}\"\nport = {port}\n");
    }
    text
}
