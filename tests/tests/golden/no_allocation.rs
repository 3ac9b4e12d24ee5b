//! Nothing is allocated per packet. Every turn of every golden case is measured; here they come in thousands and full
//! batches, until the tables are full, and until all of them are forgotten again.

use super::frame::{self, Built};
use super::setting::Setting;
use super::world::World;

/// Flows there is room for: less than what comes.
const FLOWS: u32 = 8_192;
/// Clients of each kind.
const CLIENTS: u32 = 300;

const SERVICES: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("web", "10.1.0.100", "tcp", "80", "nat", "10.2.0.11"),
    ("dns", "10.1.0.100", "udp", "53", "nat", "10.2.0.11"),
    ("ftp", "10.1.0.100", "tcp", "21", "nat", "10.2.0.11"),
    ("full", "10.1.0.101", "tcp", "80", "fullnat", "10.2.0.11"),
    ("direct", "10.1.0.102", "udp", "53", "direct", "10.2.0.11"),
    ("ipip", "10.1.0.103", "tcp", "80", "tunnel-ipip", "10.3.0.11"),
    ("gre", "10.1.0.104", "udp", "53", "tunnel-gre", "10.3.0.11"),
    ("gue", "2001:db8:1::105", "udp", "53", "tunnel-gue", "2001:db8:3::11"),
    ("all", "10.1.0.106", "tcp", "*", "nat", "10.2.0.12"),
];

fn world(schedulers: &[&str]) -> World {
    let mut setting = Setting::default();
    let mut read = |text: &str| text.lines().for_each(|line| setting.read(line).expect("written below"));
    read("world two_arms\nbuffers 6000 5000\nconfig");
    for (at, (name, vip, protocol, ports, method, backend)) in SERVICES.iter().enumerate() {
        let scheduler = schedulers[at % schedulers.len()];
        read(&format!(
            "[[service]]\nname = \"{name}\"\nvip = \"{vip}\"\nprotocol = \"{protocol}\"\nports = \"{ports}\""
        ));
        read(&format!("scheduler = \"{scheduler}\"\nmethod = \"{method}\"\non_backend_down = \"reset\""));
        if *name == "dns" {
            read("persistence = { timeout_s = 60, ipv4_prefix = 32 }");
        }
        read(&format!("[[service.backend]]\nname = \"s1\"\naddress = \"{backend}\""));
    }
    read(&format!("[engine]\nsnat_addresses = [\"10.2.0.250\"]\nflows_max = {FLOWS}\nend"));
    World::new(setting).expect("a configuration that can be used")
}

/// A line for each client: `{c}` becomes its address, `{p}` its port.
fn each(world: &World, line: &str) -> Vec<Built> {
    (0..CLIENTS)
        .map(|client| {
            // Equally long for all, so that the numbers of FTP's segments fit each other.
            let address = format!("10.9.{}.{}", client / 80, client % 80 + 10);
            let comma = address.replace('.', ",");
            let port = (20_000 + client).to_string();
            let line = line.replace("{c}", &address).replace("{cc}", &comma).replace("{p}", &port);
            frame::build(&line, &world.setting.names).unwrap_or_else(|error| panic!("{line}: {error}"))
        })
        .collect()
}

fn send(world: &mut World, lines: &[&str]) {
    for line in lines {
        let (nic, text) = line.split_once(' ').expect("NIC FRAME");
        let frames = each(world, text);
        world.burst(nic, &frames).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

const FLOWS_AND_FRAGMENTS: &[&str] = &[
    "f0 router>f0 {c}:{p} > 10.1.0.100:80 tcp S seq 1000 mss 9000",
    "b0 s1>b0 10.2.0.11:80 > {c}:{p} tcp SA seq 5000 ack 1001",
    "f0 router>f0 {c}:{p} > 10.1.0.100:80 tcp A seq 1001 ack 5001",
    "f0 router>f0 {c}:{p} > 10.1.0.100:53 udp len 100",
    "b0 s1>b0 10.2.0.11:53 > {c}:{p} udp len 100",
    "f0 router>f0 {c}:{p} > 10.1.0.101:80 tcp S seq 1000",
    "f0 router>f0 {c}:{p} > 10.1.0.102:53 udp len 100",
    "f0 router>f0 {c}:{p} > 10.1.0.103:80 tcp S seq 1000",
    "f0 router>f0 {c}:{p} > 10.1.0.103:80 df tcp A seq 1001 ack 1 len 4000 ; partial gso tcp4 1400",
    "f0 router>f0 {c}:{p} > 10.1.0.104:53 udp len 1472",
    "f0 router>f0 {c}:{p} > 10.1.0.106:4711 tcp S seq 1000",
    "f0 router>f0 {c} > 10.1.0.100 id 9 frag 1480 udp len 528 from 1472",
    "f0 router>f0 {c}:{p} > 10.1.0.100:53 id 9 frag 0+ udp len 1472 of 2000",
    "f0 router>f0 {c} > 10.1.0.100 id 10 frag 1480 udp len 528 from 1472",
];

const ANSWERS: &[&str] = &[
    "f0 router>f0 10.8.0.1 > 10.1.0.100 icmp too-big mtu 1400 [ 10.1.0.100:80 > {c}:{p} df tcp A seq 5001 ack 1001 len 900 quoted 28 ]",
    "b0 s1>b0 10.2.0.11 > {c} icmp port-unreachable [ {c}:{p} > 10.2.0.11:53 udp len 100 ]",
    "f0 router>f0 {c} > 10.1.0.100 icmp echo-request id 1 seq 1 len 56",
    "f0 router>f0 {c}:{p} > 10.1.0.100:99 tcp S seq 1000",
    "f0 router>f0 {c}:{p} > 10.1.0.100:99 udp len 9",
    "f0 router>f0 {c}:{p} > 10.1.0.100:80 ttl 1 tcp A seq 1001 ack 5001",
    "f0 router>f0 {c}:9 > 10.1.0.100:80 tcp A seq 1001 ack 5001",
];

const FTP: &[&str] = &[
    "f0 router>f0 {c}:{p} > 10.1.0.100:21 tcp S seq 1000",
    "f0 router>f0 {c}:{p} > 10.1.0.100:21 tcp PA seq 1001 ack 5001 \"PORT {cc},195,80\\r\\n\"",
    "b0 s1>b0 10.2.0.11:20 > {c}:50000 tcp S seq 9000",
    "f0 router>f0 {c}:{p} > 10.1.0.100:21 tcp PA seq 1024 ack 5001 \"PASV\\r\\n\"",
    "b0 s1>b0 10.2.0.11:21 > {c}:{p} tcp PA seq 5001 ack 1030 \"227 Passive (10,2,0,11,200,10)\\r\\n\"",
    "f0 router>f0 {c}:40001 > 10.1.0.100:51210 tcp S seq 7000",
    "f0 router>f0 {c}:{p} > 10.1.0.100:21 tcp PA seq 1030 ack 5034 \"PORT {cc},195,81\\r\\n\"",
];

#[test]
fn thousands_of_packets_allocate_nothing() {
    for schedulers in [&["rr", "wlc", "sh"][..], &["mh", "lblc", "lblcr"], &["wrr", "dh", "twos", "ovf"]] {
        let mut world = world(schedulers);
        send(&mut world, FLOWS_AND_FRAGMENTS);
        send(&mut world, ANSWERS);
        send(&mut world, FTP);
        // What is counted now, not in all, is counted by the housekeeping.
        world.wait_until(1.0).expect("housekeeping allocates nothing");
        for (counter, at_least) in [
            ("bytes_received", 5_000 * CLIENTS),
            ("frames_transmitted", 10 * CLIENTS),
            ("frames_emitted", 8 * CLIENTS),
            ("fragments_tracked", CLIENTS),
            ("flows_created", 9 * CLIENTS),
            ("fragments_parked", CLIENTS / 2),
            ("fragments_cut", 2 * CLIENTS),
            ("segments_cut", 3 * CLIENTS),
            ("mss_clamped", CLIENTS),
            ("icmp_errors_forwarded", 2 * CLIENTS),
            ("icmp_errors_sent", 2 * CLIENTS),
            ("echo_replies", CLIENTS),
            ("resets_sent", 2 * CLIENTS),
            ("ftp_expectations", 3 * CLIENTS),
            ("ftp_rewritten", CLIENTS),
            ("persistence_entries", CLIENTS),
        ] {
            assert!(world.count(counter) >= u64::from(at_least), "{counter}: {}", world.count(counter));
        }
        // More than there is room for: half-open flows make way.
        for port in 0..20 {
            send(&mut world, &[&format!("f0 router>f0 {{c}}:{} > 10.1.0.100:80 tcp S seq 1000", 30_000 + port)]);
        }
        world.wait_until(2.0).expect("housekeeping allocates nothing");
        assert!(world.count("flows_evicted") > 0 && world.count("flows") <= u64::from(FLOWS));
        let resets = world.count("resets_sent");
        world.change("backend web/s1 down").expect("the sweep allocates nothing");
        assert!(world.count("resets_sent") > resets + u64::from(CLIENTS));
        world.wait_until(1_000.0).expect("the end of flows allocates nothing");
        assert_eq!(world.count("flows"), 0);
        assert!(world.count("flows_expired") > u64::from(CLIENTS));
    }
}
