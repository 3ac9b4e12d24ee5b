//! Every forwarding method, family and number of workers: real requests, large files both ways, datagrams of all sizes,
//! persistence, FTP, packet-too-big, NICs that go and return. One lab for all of it; each combination is one `apply`, and
//! another number of workers a restart.

use lab::client::{download, echo, ftp, requests, shares, upload};
use lab::command;
use lab::configuration::{Configuration, Method};
use lab::error::LabError;
use lab::lab::Answers;
use lab::plan::{self, Family, size};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, Test, test};
use lab::{Lab, Result, client, programs};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

/// Numbers of workers that everything is tried with.
const WORKERS: [u8; 2] = [1, 4];
/// Time the balancer has to notice that a NIC went or returned.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);
/// What is left of a link that is too small for full packets.
const SMALL_MTU: u16 = 1_400;
/// What every other link has.
const USUAL_MTU: u16 = 1_500;

/// The lab, its balancer, and how that is configured now. Fields end in this order: the balancer before its lab.
struct Bench {
    balancer: Option<Suimon>,
    now: Option<Configuration>,
    lab: Lab,
}

fn main() -> ExitCode {
    let build = || Ok(Bench { balancer: None, now: None, lab: trials::full_lab()? });
    trials::run(Needs::Suimon, build, tests())
}

fn tests() -> Vec<(String, Test<Bench>)> {
    let mut tests = Vec::new();
    for workers in WORKERS {
        for method in Method::ALL {
            for family in [Family::V4, Family::V6] {
                let plain = Configuration::new(workers, method, family);
                if method.is_tunnel() {
                    tests.extend(tests_of(plain.clone().across()));
                }
                tests.extend(tests_of(plain));
            }
        }
    }
    tests
}

/// The tests of one configuration.
fn tests_of(configuration: Configuration) -> Vec<(String, Test<Bench>)> {
    type Body = fn(&mut Bench, &Configuration) -> Result<()>;
    let mut bodies: Vec<(&str, Body)> = vec![
        ("requests reach every server", requests_reach_every_server),
        ("large files arrive unchanged", large_files_arrive),
        ("datagrams of all sizes come back", datagrams_come_back),
        ("a subnet stays with its server", subnet_stays),
    ];
    if configuration.method == Method::Nat {
        bodies.push(("ftp active and passive", ftp_works));
    }
    if is_tried_with_faults(&configuration) {
        bodies.push(("packet-too-big reaches the server", server_learns_of_small_link));
        bodies.push(("packet-too-big reaches the client", client_learns_of_small_link));
        bodies.push(("a nic taken away and brought back", nic_returns));
    }
    let outer = if configuration.outer == configuration.family { "" } else { " across" };
    let workers = configuration.workers;
    let case = format!("{} {}{outer} {workers}w", configuration.method.name(), configuration.family.name());
    bodies
        .into_iter()
        .map(|(name, body)| {
            let configuration = configuration.clone();
            test(format!("{case}: {name}"), move |bench: &mut Bench| {
                bench.use_configuration(&configuration)?;
                body(bench, &configuration)
            })
        })
        .collect()
}

/// Everything in LONG; else each method and family with one number of workers.
fn is_tried_with_faults(configuration: &Configuration) -> bool {
    let is_plain = configuration.outer == configuration.family;
    let place = Method::ALL.iter().position(|method| *method == configuration.method).unwrap_or_default();
    let turn = place + usize::from(configuration.family == Family::V6);
    plan::long() || is_plain && configuration.workers == WORKERS[turn % WORKERS.len()]
}

impl Bench {
    /// Brings balancer and servers to `wanted`, starting or restarting the balancer where it has to be.
    fn use_configuration(&mut self, wanted: &Configuration) -> Result<()> {
        let text = wanted.toml();
        if self.now.as_ref().is_some_and(|now| now.toml() == text) {
            return Ok(());
        }
        let same_workers = self.now.as_ref().is_some_and(|now| now.workers == wanted.workers);
        self.now = None;
        self.lab.answers(wanted.method.servers(), answers_for(wanted.method))?;
        match &self.balancer {
            Some(balancer) if same_workers => balancer.apply(wanted)?,
            _ => {
                self.balancer = None;
                self.balancer = Some(Suimon::start(&self.lab, "a", &text)?);
            }
        }
        self.now = Some(wanted.clone());
        Ok(())
    }

    fn balancer(&self) -> &Suimon {
        self.balancer.as_ref().expect("use_configuration has started it")
    }

    fn total(&self, name: &str) -> Result<u64> {
        self.balancer().total(name)
    }

    /// Does `work` while a link is small, with nobody knowing so beforehand.
    fn with_small_link(&self, node: &str, nic: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.lab.forget_paths()?;
        let resize = |mtu: u16| self.lab.node(node).ip(&format!("link set {nic} mtu {mtu}\n"));
        resize(SMALL_MTU)?;
        let done = work();
        resize(USUAL_MTU)?;
        done
    }

    /// Uploads the big file and compares what arrived.
    fn upload(&self, configuration: &Configuration) -> Result<()> {
        let stored = format!("{}-{}", configuration.method.name(), configuration.family.name());
        upload(&self.lab, first_client(configuration), vip(configuration, 80), "big", &stored)?;
        let uploaded: Vec<_> = configuration
            .backends
            .iter()
            .map(|(server, _)| programs::uploaded(&self.lab, server, &stored))
            .filter(|path| path.exists())
            .collect();
        expect(!uploaded.is_empty(), || "no server has the uploaded file".into())?;
        for path in uploaded {
            client::same_content(&path, &self.lab.folder().join("shared/big"))?;
            // The next upload must not find this one's file.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }
}

fn answers_for(method: Method) -> Answers {
    match method {
        Method::Nat => Answers::ThroughBalancer,
        Method::Fullnat => Answers::NearOnly,
        _ => Answers::PastBalancer,
    }
}

fn vip(configuration: &Configuration, port: u16) -> SocketAddr {
    SocketAddr::new(plan::vip(configuration.family), port)
}

fn first_client(configuration: &Configuration) -> IpAddr {
    plan::client(configuration.family, 1, 1)
}

fn requests_reach_every_server(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let each = size(100, 1_000) / 4;
    for subnet in 1..=4 {
        let source = plan::client(configuration.family, subnet, 1);
        let answers = requests(&bench.lab, source, vip(configuration, 80), each)?;
        let shares = shares(&answers);
        // Round robin: each server has its share, give or take the one that the count does not divide into, and one
        // for each other worker that turned the wheel.
        for (server, _) in &configuration.backends {
            let share = shares.get(server).copied().unwrap_or_default();
            let fair = each / configuration.backends.len();
            let slack = 1 + usize::from(configuration.workers);
            expect(share.abs_diff(fair) <= slack, || {
                format!("{source}: {server} answered {share} of {each}: {shares:?}")
            })?;
        }
    }
    Ok(())
}

fn large_files_arrive(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let before = bench.total("super_frames_received")?;
    let (source, target) = (first_client(configuration), vip(configuration, 80));
    download(&bench.lab, source, target, "big")?;
    bench.upload(configuration)?;
    let through = bench.total("super_frames_received")? - before;
    expect(through > 0, || "no super-frame went through".into())?;
    let name = if configuration.method.is_tunnel() { "segments_cut" } else { "super_frames_transmitted" };
    let sent = bench.total(name)?;
    expect(sent > 0, || format!("{name} is 0"))
}

fn datagrams_come_back(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let ci =
        vec![1, 2, 3, 64, 1_400, 1_424, 1_432, 1_448, 1_452, 1_453, 1_472, 1_473, 2_000, 4_444, 9_000, 30_001, 60_000];
    let full = (1..=60_000).step_by(61).chain(ci.clone()).collect();
    echo(&bench.lab, first_client(configuration), vip(configuration, 7), &size(ci, full))
}

fn subnet_stays(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let target = vip(configuration, configuration.sticky_port());
    let mut servers = Vec::new();
    for subnet in 1..=plan::CLIENT_SUBNETS {
        let mut answers = Vec::new();
        for number in 1..=plan::CLIENTS_PER_SUBNET {
            let source = plan::client(configuration.family, subnet, number);
            answers.extend(requests(&bench.lab, source, target, 5)?);
        }
        let shares = shares(&answers);
        expect(shares.len() == 1, || format!("subnet {subnet} was answered by {shares:?}"))?;
        servers.extend(answers.into_iter().take(1));
    }
    let all = shares(&servers);
    expect(all.len() > 1, || format!("all subnets were answered by {all:?}"))
}

fn ftp_works(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let (source, target) = (first_client(configuration), plan::vip(configuration.family));
    let mut ways = vec![&["--ftp-pasv"][..], &["--ftp-port", "-"]];
    if configuration.family == Family::V4 {
        // PASV and PORT instead of EPSV and EPRT; the address in the answer to PASV has to be the VIP.
        ways.push(&["--disable-epsv", "--no-ftp-skip-pasv-ip"]);
        ways.push(&["--ftp-port", "-", "--disable-eprt"]);
    }
    for way in ways {
        ftp(&bench.lab, source, target, "small", way)
            .map_err(|error| LabError::Answer(format!("{}: {error}", way.join(" "))))?;
    }
    Ok(())
}

// The clients' link is small: its router answers the servers' packets, which carry the VIP or, to full NAT's servers, a
// source of the balancer's. Whatever the method, that answer comes to the balancer, which knows the server it is for.
fn server_learns_of_small_link(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let unclamped = Configuration { mss_clamp: "off", ..configuration.clone() };
    bench.use_configuration(&unclamped)?;
    let before = bench.total("icmp_errors_forwarded")?;
    bench.with_small_link("router", "clients", || {
        download(&bench.lab, first_client(configuration), vip(configuration, 80), "big")
    })?;
    let passed_on = bench.total("icmp_errors_forwarded")? - before;
    expect(passed_on > 0, || "no packet-too-big was passed on".into())
}

// What the client sends does not fit behind the balancer, which says so itself: its link to the servers is small, or, for
// tunnels, one on the way to them, whose router tells the balancer of it.
fn client_learns_of_small_link(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let unclamped = Configuration { mss_clamp: "off", ..configuration.clone() };
    bench.use_configuration(&unclamped)?;
    let counters = ["drops.too_big", "icmp_errors_sent"];
    let before = counters.map(|name| bench.total(name));
    if configuration.method.is_tunnel() {
        // Full packets do not even fit into the tunnel.
        bench.with_small_link("router2", "far", || bench.upload(configuration))?;
    } else {
        bench.with_small_link("a", "b0", || bench.upload(configuration))?;
    }
    for (name, before) in counters.into_iter().zip(before) {
        let told = bench.total(name)? - before?;
        expect(told > 0, || format!("{name} did not change: no packet was too big"))?;
    }
    Ok(())
}

fn nic_returns(bench: &mut Bench, configuration: &Configuration) -> Result<()> {
    let (source, target) = (first_client(configuration), vip(configuration, 80));
    for nic in ["b0", "f0"] {
        requests(&bench.lab, source, target, 10)?;
        bench.lab.pull("a", nic)?;
        let note = format!("there is no NIC {nic}");
        let says_so = || bench.balancer().ctl(&["status"]).is_ok_and(|status| status.stdout.contains(&note));
        command::wait_until(&format!("a note about {nic}"), NOTICE_LIMIT, says_so)?;
        bench.lab.plug("a", nic)?;
        let answers = || requests(&bench.lab, source, target, 3).is_ok();
        command::wait_until(&format!("requests after {nic} returned"), NOTICE_LIMIT, answers)?;
    }
    Ok(())
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(LabError::Answer(otherwise())) }
}
