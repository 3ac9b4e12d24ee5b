//! What goes wrong in real life: reloads under load, crashes, clean stops, and one client that uses up all its ports. Small
//! links and NICs that vanish are with the forwarding methods, each of which has to bear them.

use lab::capture::Capture;
use lab::client::{connections, requests, shares};
use lab::command::{self, SHORT, words};
use lab::configuration::{Configuration, Method};
use lab::error::{Act, LabError};
use lab::lab::Answers;
use lab::plan::{self, Family, size};
use lab::suimon::Suimon;
use lab::trials::{self, Needs, Test, test};
use lab::{Lab, Result};
use nix::sys::signal::Signal;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

/// Time the balancer has to take up a returned NIC or a reloaded file.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    trials::run(Needs::Suimon, trials::full_lab, tests())
}

fn tests() -> Vec<(String, Test<Lab>)> {
    let mut tests = vec![
        test("a reload under load breaks no connection", reload_under_load),
        test("what waits for the next start is said", waiting_changes_are_said),
        test("a full neighbour table is announced", full_neighbor_table_is_announced),
        test("port reuse: no syn is sent twice", ports_are_reused),
    ];
    for configuration in crashing() {
        let name = format!("while it is dead nothing of the services leaves: {}", called(&configuration));
        tests.push(test(name, move |lab: &mut Lab| nothing_leaves_the_dead(lab, &configuration)));
    }
    for (method, family) in [(Method::Nat, Family::V4), (Method::Nat, Family::V6), (Method::Direct, Family::V4)] {
        for midstream in ["reset", "adopt", "drop"] {
            // One backend: an adopted connection has to come to the server that it was with.
            let backends = vec![("s1", 1)];
            let configuration = Configuration { midstream, backends, ..Configuration::new(2, method, family) };
            let name = format!("an old connection after a crash: {midstream}, {}", called(&configuration));
            tests.push(test(name, move |lab: &mut Lab| old_connection_meets(lab, &configuration)));
        }
    }
    tests.extend([
        test("a clean stop leaves nothing", clean_stop_leaves_nothing),
        test("run --clean removes what a crash left", clean_after_crash),
        test("an idle balancer sleeps", idle_sleeps),
    ]);
    tests
}

/// What is killed under load: NAT, and then direct, whose packets carry the VIP on both sides of the balancer.
fn crashing() -> Vec<Configuration> {
    let mut crashing = Vec::new();
    for method in [Method::Nat, Method::Direct] {
        for workers in [2, 4] {
            for family in [Family::V4, Family::V6] {
                let is_quick = workers == 2 && (method == Method::Nat || family == Family::V4);
                if is_quick || plan::long() {
                    crashing.push(Configuration::new(workers, method, family));
                }
            }
        }
    }
    crashing
}

fn called(configuration: &Configuration) -> String {
    format!("{} {} {}w", configuration.method.name(), configuration.family.name(), configuration.workers)
}

fn nat(workers: u8, family: Family) -> Configuration {
    Configuration::new(workers, Method::Nat, family)
}

fn start(lab: &Lab, configuration: &Configuration) -> Result<Suimon> {
    let direct = configuration.method == Method::Direct;
    let answers = if direct { Answers::PastBalancer } else { Answers::ThroughBalancer };
    lab.answers(configuration.method.servers(), answers)?;
    Suimon::start(lab, "a", &configuration.toml())
}

fn vip(family: Family, port: u16) -> SocketAddr {
    SocketAddr::new(plan::vip(family), port)
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

fn waiting_changes_are_said(lab: &mut Lab) -> Result<()> {
    let configuration = nat(2, Family::V4);
    let mut balancer = start(lab, &configuration)?;
    let status = |balancer: &Suimon| balancer.ctl(&["status"])?.success();
    expect(!status(&balancer)?.contains("next start"), || "a note before anything has changed".into())?;
    let file = balancer.file();
    let text = std::fs::read_to_string(&file).act(|| format!("read {}", file.display()))?;
    let sizes = "persistence_max = 70000\nfragments_max = 700\nftp_max = 70\nworkers = 1\n";
    let changed = text.replace("workers = 2\n", sizes);
    std::fs::write(&file, changed).act(|| format!("write {}", file.display()))?;
    balancer.daemon().signal(Signal::SIGHUP)?;
    let notes = [
        "persistence_max stays 131072 until the next start, and is 70000 then",
        "fragments_max stays 4096 until the next start, and is 700 then",
        "ftp_max stays 4096 until the next start, and is 70 then",
        "2 workers run until the next start",
    ];
    let says = |balancer: &Suimon| status(balancer).is_ok_and(|said| notes.iter().all(|note| said.contains(note)));
    command::wait_until("notes about the next start in status", NOTICE_LIMIT, || says(&balancer))?;
    let log = balancer.daemon().said();
    expect(notes.iter().all(|note| log.contains(note)), || format!("the log does not say so: {log}"))?;
    balancer.stop()?;
    balancer.start_again(lab, "a")?;
    let said = status(&balancer)?;
    expect(!said.contains("next start"), || format!("after the next start: {said}"))
}

/// A NIC that is not there: its neighbours are wanted, and counted, but never asked for. The kernel's table is one for the
/// whole machine, so filling it would disturb everybody on it.
const ABSENT_NIC: &str = "\n[[nic]]\nname = \"x9\"\naddresses = [\"10.77.0.1/16\"]\n";

fn full_neighbor_table_is_announced(lab: &mut Lab) -> Result<()> {
    let tables = lab.node("a").output("ip", &["ntable", "show", "name", "arp_cache"], SHORT)?;
    let mut words = tables.split_whitespace().skip_while(|word| *word != "thresh3").skip(1);
    let bound = words.next().and_then(|word| word.parse::<u32>().ok());
    let bound = bound.ok_or_else(|| LabError::Answer(format!("no thresh3 in {tables}")))?;
    let configuration = nat(1, Family::V4);
    let service = "\n[[service]]\nname = \"many\"\nvip = \"10.1.0.107\"\nprotocol = \"tcp\"\nports = \"80\"\n\
                   scheduler = \"rr\"\n";
    for (backends, is_noted) in [(bound / 2, false), (bound + 1, true)] {
        let mut text = configuration.toml() + ABSENT_NIC + service;
        for number in 0..backends {
            let address = format!("10.77.{}.{}", 1 + number / 250, 1 + number % 250);
            text += &format!("[[service.backend]]\nname = \"m{number}\"\naddress = \"{address}\"\n");
        }
        lab.answers(configuration.method.servers(), Answers::ThroughBalancer)?;
        let balancer = Suimon::start(lab, "a", &text)?;
        let status = balancer.ctl(&["status"])?.success()?;
        let note = format!("the kernel keeps {bound} at most: set the sysctl net.ipv4.neigh.default.gc_thresh3 to ");
        expect(status.contains(&note) == is_noted, || format!("{backends} backends, {bound} fit: {status}"))?;
        requests(lab, plan::client(Family::V4, 1, 1), vip(Family::V4, 80), 3)?;
    }
    Ok(())
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

/// Traffic of the services as it would show on the wires behind a balancer that leaks: anything but ARP and ND. Servers still
/// repeat what they said in an earlier case, for services that this balancer was never told of: those of another family, or
/// from the port that only NAT translates to.
fn of_the_services(configuration: &Configuration) -> String {
    let family = match configuration.family {
        Family::V4 => "ip",
        Family::V6 => "ip6 and not (icmp6 and ip6[40] >= 130) and not (ip6 proto 0)",
    };
    let others = if configuration.method.translates_ports() { "" } else { " and not port 8080" };
    format!("{family}{others}")
}

fn nothing_leaves_the_dead(lab: &mut Lab, configuration: &Configuration) -> Result<()> {
    let (family, target) = (configuration.family, vip(configuration.family, 80));
    let mut balancer = start(lab, configuration)?;
    // The kernel would route everything, were it not kept from it.
    lab.node("a").sysctl(&["ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"])?;
    let client = lab.node("client");
    let mut open = connect(lab, target)?;
    ask(&mut open).act(|| "ask before the crash".into())?;
    let filter = of_the_services(configuration);
    let front = Capture::start(lab, "switch", "a-f0", &filter)?;
    let back = Capture::start(lab, "switch", "a-b0", &filter)?;
    let load = thread::spawn(move || {
        let url = format!("http://{}/", plan::in_url(target.ip()));
        let arguments = ["-t1", "-c16", "-d", "5s", "--timeout", "1s", &url];
        client.output("wrk", &arguments, Duration::from_secs(20))
    });
    thread::sleep(Duration::from_secs(1));
    balancer.kill()?;
    // What was in the wires when it died may still arrive.
    thread::sleep(Duration::from_millis(50));
    let dead = lab::capture::now();
    // Servers and clients both go on: retransmissions, new connections, and a server that talks on its own.
    let _ = requests(lab, plan::client(family, 2, 1), target, 1);
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
    requests(lab, plan::client(family, 3, 1), target, 20)?;
    let answer = ask(&mut open);
    expect(answer.is_err(), || "midstream = \"reset\", yet the old connection went on".into())?;
    load.join().expect("output does not panic")?;
    lab.node("a").sysctl(&["ipv4/ip_forward=0", "ipv6/conf/all/forwarding=0"])
}

fn old_connection_meets(lab: &mut Lab, configuration: &Configuration) -> Result<()> {
    let mut balancer = start(lab, configuration)?;
    let mut open = connect(lab, vip(configuration.family, 80))?;
    ask(&mut open).act(|| "ask before the crash".into())?;
    balancer.kill()?;
    balancer.start_again(lab, "a")?;
    let answer = ask(&mut open).map_err(|error| error.kind());
    let (expected, counter) = match configuration.midstream {
        "reset" => (Err(ErrorKind::ConnectionReset), "resets_sent"),
        "adopt" => (Ok(()), "flows_adopted"),
        // The read limit: nobody answers.
        _ => (Err(ErrorKind::WouldBlock), "drops.midstream_drop"),
    };
    expect(answer == expected, || format!("{answer:?} instead of {expected:?}"))?;
    let count = balancer.total(counter)?;
    expect(count > 0, || format!("{counter} is 0"))
}

/// A connection that stays open, from the client.
fn connect(lab: &Lab, target: SocketAddr) -> Result<TcpStream> {
    let open = || TcpStream::connect_timeout(&target, Duration::from_secs(2));
    let stream = lab.node("client").enter(open)?.act(|| format!("connect to {target}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).act(|| "set a limit".into())?;
    Ok(stream)
}

fn ask(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    stream.write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")?;
    match stream.read(&mut buffer)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
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
    // What a start leaves to do is done by then: announcements, the first log-in's password, the history's first batch.
    thread::sleep(Duration::from_secs(3));
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
