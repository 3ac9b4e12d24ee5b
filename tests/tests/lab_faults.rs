//! What goes wrong in real life: links with a small MTU, NICs that vanish, reloads under load, crashes, clean stops, and
//! one client that uses up all its ports.

use lab::capture::Capture;
use lab::client::{connections, download, requests, shares};
use lab::command::{self, SHORT, words};
use lab::configuration::{Configuration, Method};
use lab::error::{Act, LabError};
use lab::lab::Answers;
use lab::plan::{self, Family, size};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, test};
use lab::{Lab, Result};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// Time the balancer has to take up a returned NIC or a reloaded file.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        trials::full_lab,
        vec![
            test("a small mtu behind the client is learnt by the servers", small_mtu_is_learnt),
            test("a nic taken away and brought back", nic_returns),
            test("a reload under load breaks no connection", reload_under_load),
            test("port reuse: no syn is sent twice", ports_are_reused),
            test("while it is dead nothing of the services leaves", nothing_leaves_the_dead),
            test("a clean stop leaves nothing", clean_stop_leaves_nothing),
            test("run --clean removes what a crash left", clean_after_crash),
            test("an idle balancer sleeps", idle_sleeps),
        ],
    )
}

fn nat(workers: u8, family: Family) -> Configuration {
    Configuration::new(workers, Method::Nat, family)
}

fn start(lab: &Lab, configuration: &Configuration) -> Result<Suimon> {
    lab.answers(configuration.method.servers(), Answers::ThroughBalancer)?;
    Suimon::start(lab, "a", &configuration.toml())
}

fn vip(family: Family, port: u16) -> SocketAddr {
    SocketAddr::new(plan::vip(family), port)
}

fn small_mtu_is_learnt(lab: &mut Lab) -> Result<()> {
    for family in [Family::V4, Family::V6] {
        let balancer = start(lab, &nat(1, family))?;
        lab.node("router").ip("link set clients mtu 1400\n")?;
        let before = balancer.total("icmp_errors_forwarded")?;
        let downloaded = download(lab, plan::client(family, 1, 1), vip(family, 80), "big");
        lab.node("router").ip("link set clients mtu 1500\n")?;
        for server in plan::SERVERS {
            lab.node(server).ip_try("route flush cache\n-6 route flush cache\n")?;
        }
        downloaded?;
        let passed_on = balancer.total("icmp_errors_forwarded")? - before;
        expect(passed_on > 0, || format!("{family:?}: no packet-too-big was passed on"))?;
    }
    Ok(())
}

fn nic_returns(lab: &mut Lab) -> Result<()> {
    let balancer = start(lab, &nat(2, Family::V4))?;
    let source = plan::client(Family::V4, 1, 1);
    for nic in ["b0", "f0"] {
        requests(lab, source, vip(Family::V4, 80), 10)?;
        lab.pull("a", nic)?;
        thread::sleep(Duration::from_millis(500));
        balancer.ctl(&["status"])?.success()?;
        lab.plug("a", nic)?;
        let mut answered = false;
        command::wait_until(&format!("requests after {nic} returned"), NOTICE_LIMIT, || {
            answered = requests(lab, source, vip(Family::V4, 80), 3).is_ok();
            answered
        })?;
    }
    Ok(())
}

fn reload_under_load(lab: &mut Lab) -> Result<()> {
    let first = nat(2, Family::V4);
    let balancer = start(lab, &first)?;
    let mut second = first.clone();
    second.backends[1].1 = 5;
    let client = lab.node("client");
    let seconds = size("4s", "20s");
    let load = thread::spawn(move || {
        let arguments = ["-t1", "-c32", "-d", seconds, "--timeout", "2s", "http://10.1.0.100/"];
        client.output("wrk", &arguments, Duration::from_secs(40))
    });
    while !load.is_finished() {
        balancer.reload(&second)?;
        thread::sleep(Duration::from_millis(400));
        balancer.reload(&first)?;
        thread::sleep(Duration::from_millis(400));
    }
    let report = load.join().expect("output does not panic")?;
    expect(!report.contains("Socket errors") && !report.contains("Non-2xx"), || report.clone())?;
    // The reload has taken effect, too: five of seven.
    balancer.reload(&Configuration { backends: vec![("s2", 1)], ..first })?;
    command::wait_until("the last reload is in force", NOTICE_LIMIT, || {
        requests(lab, plan::client(Family::V4, 1, 1), vip(Family::V4, 80), 12)
            .is_ok_and(|answers| shares(&answers) == [("s2", 12)].into())
    })
}

fn ports_are_reused(lab: &mut Lab) -> Result<()> {
    let _balancer = start(lab, &nat(1, Family::V4))?;
    let client = lab.node("client");
    let before = client.kernel_counter("TcpExt", "TCPSynRetrans")?;
    let count = size(20_000, 200_000);
    let done = connections(lab, &[plan::client(Family::V4, 1, 1)], &[vip(Family::V4, 80)], count)?;
    let again = client.kernel_counter("TcpExt", "TCPSynRetrans")? - before;
    println!(
        "{count} connections: {:.0}/s in the first quarter, {:.0}/s in the last",
        done.first_quarter, done.last_quarter
    );
    expect(done.failed == 0 && again == 0, || format!("{done:?}, {again} SYNs sent again"))
}

/// Traffic of the services as it would show on the wires behind a balancer that leaks: anything but ARP and ND.
const OF_THE_SERVICES: &str = "(ip or ip6) and not (icmp6 and ip6[40] >= 130) and not (ip6 proto 0)";

fn nothing_leaves_the_dead(lab: &mut Lab) -> Result<()> {
    let configuration = nat(2, Family::V4);
    let mut balancer = start(lab, &configuration)?;
    // The kernel would route everything, were it not kept from it.
    lab.node("a").sysctl(&["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"])?;
    let client = lab.node("client");
    let mut open = client
        .enter(|| TcpStream::connect_timeout(&vip(Family::V4, 80), Duration::from_secs(2)))?
        .act(|| "connect before the crash".into())?;
    open.set_read_timeout(Some(Duration::from_secs(5))).act(|| "set a limit".into())?;
    ask(&mut open)?;
    let front = Capture::start(lab, "switch", "a-f0", OF_THE_SERVICES)?;
    let back = Capture::start(lab, "switch", "a-b0", OF_THE_SERVICES)?;
    let load = thread::spawn(move || {
        let arguments = ["-t1", "-c16", "-d", "5s", "--timeout", "1s", "http://10.1.0.100/"];
        client.output("wrk", &arguments, Duration::from_secs(20))
    });
    thread::sleep(Duration::from_secs(1));
    balancer.kill()?;
    // What was in the wires when it died may still arrive.
    thread::sleep(Duration::from_millis(50));
    let dead = lab::capture::now();
    // Servers and clients both go on: retransmissions, new connections, and a server that talks on its own.
    let _ = requests(lab, plan::client(Family::V4, 2, 1), vip(Family::V4, 80), 1);
    thread::sleep(Duration::from_secs(1));
    let alive = lab::capture::now();
    let (front, back) = (front.stop()?, back.stop()?);
    let before: usize =
        [&front, &back].map(|frames| frames.iter().filter(|frame| frame.time < dead).count()).iter().sum();
    expect(before > 0, || "the capture saw nothing even before the crash".into())?;
    let leaked: Vec<_> = front
        .iter()
        .chain(&back)
        .filter(|frame| frame.time > dead && frame.time < alive)
        .map(|frame| &frame.text)
        .collect();
    expect(leaked.is_empty(), || format!("{} frames left, first: {:?}", leaked.len(), leaked.first()))?;
    balancer.start_again(lab, "a")?;
    requests(lab, plan::client(Family::V4, 3, 1), vip(Family::V4, 80), 20)?;
    let answer = ask(&mut open);
    expect(answer.is_err(), || "midstream = \"reset\", yet the old connection went on".into())?;
    load.join().expect("output does not panic")?;
    lab.node("a").sysctl(&["ipv4/ip_forward=0", "ipv6/conf/all/forwarding=0"])
}

fn ask(stream: &mut TcpStream) -> Result<()> {
    let mut buffer = [0; 1024];
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n").act(|| "send on the open connection".into())?;
    match stream.read(&mut buffer).act(|| "read from the open connection".into())? {
        0 => Err(LabError::Answer("the open connection was closed".into())),
        _ => Ok(()),
    }
}

fn clean_stop_leaves_nothing(lab: &mut Lab) -> Result<()> {
    let before = traces(lab)?;
    let mut balancer = start(lab, &nat(2, Family::V4))?;
    requests(lab, plan::client(Family::V4, 1, 1), vip(Family::V4, 80), 10)?;
    let during = traces(lab)?;
    expect(during != before, || "a running balancer shows no trace: this test sees nothing".into())?;
    let status = balancer.stop()?;
    expect(status.success(), || format!("it ended with {status}"))?;
    compare(&before, &traces(lab)?)
}

fn clean_after_crash(lab: &mut Lab) -> Result<()> {
    let before = traces(lab)?;
    let mut balancer = start(lab, &nat(2, Family::V4))?;
    balancer.kill()?;
    let crashed = traces(lab)?;
    expect(crashed != before, || "a crash left nothing: the shield is not there".into())?;
    balancer.clean()?;
    compare(&before, &traces(lab)?)
}

/// Everything in `a`'s kernel that a balancer could have left, without counters and times.
fn traces(lab: &Lab) -> Result<String> {
    let node = lab.node("a");
    let mut text = String::new();
    for line in [
        "ip -br address",
        "ip -4 route show table all",
        "ip -6 route show table all",
        "ip -4 rule",
        "ip -6 rule",
        "ip maddress",
        "ip neighbour show nud permanent",
        "ip -d link show dev f0",
        "ip -d link show dev b0",
        "tc qdisc show",
        "tc filter show dev f0 ingress",
        "tc filter show dev b0 ingress",
        "nft list ruleset",
    ] {
        let mut parts = line.split_whitespace();
        let program = parts.next().expect("none of the lines is empty");
        let finished = node.run(&mut words(program, parts), SHORT)?;
        text += &format!("# {line}\n{}", finished.stdout);
    }
    // cgroup and tcx links show here only; ids of programs differ from run to run, names and devices do not.
    if command::installed("bpftool") {
        text += &node.run(&mut words("bpftool", ["net"]), SHORT)?.stdout;
    }
    Ok(text)
}

fn compare(before: &str, after: &str) -> Result<()> {
    let lines = |text: &str| text.lines().map(str::to_string).collect::<Vec<_>>();
    let (old, new) = (lines(before), lines(after));
    let left: Vec<_> = new.iter().filter(|line| !old.contains(line)).collect();
    let gone: Vec<_> = old.iter().filter(|line| !new.contains(line)).collect();
    expect(left.is_empty() && gone.is_empty(), || format!("left behind: {left:#?}; gone: {gone:#?}"))
}

fn idle_sleeps(lab: &mut Lab) -> Result<()> {
    let balancer = start(lab, &nat(2, Family::V4))?;
    requests(lab, plan::client(Family::V4, 1, 1), vip(Family::V4, 80), 3)?;
    thread::sleep(Duration::from_millis(500));
    let (before, started) = (balancer.daemon().usage(), Instant::now());
    thread::sleep(size(Duration::from_secs(4), Duration::from_secs(30)));
    let used = balancer.daemon().usage().cpu_seconds - before.cpu_seconds;
    let share = used / started.elapsed().as_secs_f64();
    // 1 % of a core, and one tick (10 ms) more: that is how fine the kernel counts.
    expect(used <= 0.01 + started.elapsed().as_secs_f64() / 100.0, || format!("{:.1} % of a core", share * 100.0))
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(LabError::Answer(otherwise())) }
}
