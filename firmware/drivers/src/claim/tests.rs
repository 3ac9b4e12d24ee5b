//! The decision as a table of packets, run through the kernel's own test of the program; then the real thing over veths.

mod kernel;

use super::*;
use crate::mark;
use crate::testbed::{
    attach_filter, fragment, fragment_header, frame, icmp, ip, is_root, options, packet, receive, tcp, udp, udp_with,
};
use aya::programs::{TestRun, TestRunOptions};
use engine::WorkerId;
use engine::tables::Spread;
use net::ip::protocol::{GRE, ICMP, ICMPV6, IPIP, TCP, UDP};
use net::{Address, Mac, Prefix};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

/// The kernel runs a test program as if on its loopback device, whose address this is.
const TO_US: Mac = Mac([0; 6]);
const VIRTUAL: Mac = Mac([0, 0, 0x5e, 0, 1, 51]);
const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 0x77]);

/// Upper bit of the fragment field: more follow.
const MORE: u16 = 0x2000;
const VRRP: u8 = 112;

fn set() -> ClaimSet {
    let endpoint = |address, protocol, port| Endpoint { address: ip(address), protocol, port };
    let tunnel = |end, protocol, port| Tunnel { source: ip("10.2.0.1"), end: ip(end), protocol, port };
    ClaimSet {
        vips: [ip("10.1.0.100"), ip("2001:db8:1::100")].into(),
        vip_prefixes: vec![Prefix::new(ip("10.7.0.0"), 16), Prefix::new(ip("2001:db8:7::"), 48)],
        snat: [ip("10.2.0.250"), ip("2001:db8:2::250")].into(),
        endpoints: [
            endpoint("10.2.0.2", TCP, 8080),
            endpoint("10.2.0.2", UDP, 53),
            endpoint("10.7.0.9", TCP, 80),
            endpoint("2001:db8:2::2", TCP, 8080),
            endpoint("2001:db8:2::2", UDP, 53),
        ]
        .into(),
        backends: [ip("10.2.0.3")].into(),
        own: [ip("10.1.0.1"), ip("10.2.0.1"), ip("10.7.0.1"), ip("2001:db8:2::1")].into(),
        tunnels: [tunnel("10.3.0.5", IPIP, 0), tunnel("10.3.0.5", GRE, 0), tunnel("10.3.0.6", UDP, 6080)].into(),
        macs: [VIRTUAL].into(),
        spread: Spread { ipv4_prefix: 24, ipv6_prefix: 56, seed: 7 },
        workers: 4,
    }
}

/// Who gets a claimed packet.
#[derive(Clone, Copy)]
enum Worker {
    Of(&'static str),
    Number(u8),
    Nobody,
}
use Worker::{Nobody, Number, Of};

/// A packet, the reason and the worker, and whether classic BPF claims it too.
struct Case {
    name: &'static str,
    packet: Vec<u8>,
    reason: Reason,
    worker: Worker,
    classic: bool,
}

fn case(name: &'static str, packet: Vec<u8>, reason: Reason, worker: Worker) -> Case {
    Case { name, packet, reason, worker, classic: reason.is_claimed() }
}

/// What classic BPF gets wrong, and says so in its GAP.
fn gap(case: Case) -> Case {
    Case { classic: !case.classic, ..case }
}

const C4: &str = "192.0.2.9";
const C6: &str = "2001:db8:c:1::9";

#[rustfmt::skip]
fn by_address_and_port() -> Vec<Case> {
    use Reason::*;
    vec![
        case("client to VIP",                     packet(C4, "10.1.0.100", TCP, &tcp(4000, 80)),        ClaimedVip, Of(C4)),
        case("client to VIP, no service there",   packet(C4, "10.1.0.100", UDP, &udp(4000, 9)),         ClaimedVip, Of(C4)),
        case("ping to VIP",                       packet(C4, "10.1.0.100", ICMP, &icmp(8, 0, b"ping")), ClaimedVip, Of(C4)),
        case("unknown protocol to VIP",           packet(C4, "10.1.0.100", 132, b"sctp"),               ClaimedVip, Of(C4)),
        case("another client to VIP",             packet("198.51.100.1", "10.1.0.100", TCP, &tcp(1, 80)), ClaimedVip, Of("198.51.100.1")),
        case("client to VIP, IPv6",               packet(C6, "2001:db8:1::100", TCP, &tcp(4000, 80)),   ClaimedVip, Of(C6)),
        case("client to a VIP network",           packet(C4, "10.7.200.3", TCP, &tcp(4000, 80)),        ClaimedVip, Of(C4)),
        case("client to a VIP network, IPv6",     packet(C6, "2001:db8:7:9::1", TCP, &tcp(4000, 80)),   ClaimedVip, Of(C6)),
        case("beside the VIP network",            packet(C4, "10.8.0.1", TCP, &tcp(4000, 80)),          Passed, Nobody),
        case("own address in a VIP network",      packet(C4, "10.7.0.1", TCP, &tcp(4000, 22)),          Passed, Nobody),
        case("backend in a VIP network",          packet(C4, "10.7.0.9", TCP, &tcp(4000, 80)),          Passed, Nobody),
        case("reply to full NAT, port % workers", packet("10.2.0.4", "10.2.0.250", TCP, &tcp(80, 1027)), ClaimedSnat, Number(3)),
        case("reply to full NAT, IPv6",           packet("2001:db8:2::4", "2001:db8:2::250", UDP, &udp(53, 1026)), ClaimedSnat, Number(2)),
        case("reply of an endpoint",              packet("10.2.0.2", C4, TCP, &tcp(8080, 4000)),        ClaimedEndpoint, Of(C4)),
        case("reply of an endpoint, IPv6",        packet("2001:db8:2::2", C6, TCP, &tcp(8080, 4000)),   ClaimedEndpoint, Of(C6)),
        case("reply behind six options headers",  packet("2001:db8:2::2", C6, 60, &options(6, TCP, &tcp(8080, 4000))), ClaimedEndpoint, Of(C6)).classic(false),
        case("seven options headers: in doubt",   packet("2001:db8:2::2", C6, 60, &options(7, TCP, &tcp(22, 4000))), ClaimedEndpoint, Of(C6)).classic(false),
        case("backend's other port",              packet("10.2.0.2", C4, TCP, &tcp(22, 4000)),          Passed, Nobody),
        case("backend's port, other protocol",    packet("10.2.0.2", C4, UDP, &udp(8080, 4000)),        Passed, Nobody),
        case("backend with claimed flows only",   packet("10.2.0.3", C4, TCP, &tcp(777, 4000)),         Passed, Nobody),
        case("endpoint to the box: a probe",      packet("10.2.0.2", "10.2.0.1", TCP, &tcp(8080, 39000)), Passed, Nobody),
        case("backend pings the internet",        packet("10.2.0.2", C4, ICMP, &icmp(8, 0, b"ping")),   Passed, Nobody),
        case("TCP header cut off: in doubt",      packet("10.2.0.2", C4, TCP, b"ab"),                   ClaimedEndpoint, Of(C4)).classic(false),
        case("through the box as a router",       packet(C4, "203.0.113.5", TCP, &tcp(4000, 80)),       Passed, Nobody),
        case("management of the box",             packet(C4, "10.1.0.1", TCP, &tcp(4000, 443)),         Passed, Nobody),
        case("VRRP of a peer",                    packet("10.1.0.2", "224.0.0.18", VRRP, b"advert"),    Passed, Nobody),
        case("peer of the box, IPv6",             packet("2001:db8:2::9", "2001:db8:2::1", TCP, &tcp(1, 7946)), Passed, Nobody),
    ]
}

impl Case {
    fn classic(self, classic: bool) -> Self {
        Self { classic, ..self }
    }
}

#[rustfmt::skip]
fn errors() -> Vec<Case> {
    use Reason::*;
    let about = |from: &str, to: &str, protocol, payload: &[u8]| packet(from, to, protocol, payload);
    let unreachable = |to: &str, about: &[u8]| packet("10.9.9.9", to, ICMP, &icmp(3, 4, about));
    let too_big = |to: &str, about: &[u8]| packet("2001:db8:9::9", to, ICMPV6, &icmp(2, 0, about));
    let gre = |inner: &[u8]| [&[0x20, 0, 8, 0, 0, 0, 0, 5][..], inner].concat();
    let gue = |inner: &[u8]| udp_with(50000, 6080, &[&[0, 4, 0, 0][..], inner].concat());
    let inner = packet(C4, "10.1.0.100", TCP, &tcp(4000, 80));
    vec![
        case("a router about VIP to client",      unreachable("10.1.0.100", &about("10.1.0.100", C4, TCP, &tcp(80, 4000))), ClaimedIcmpError, Of(C4)),
        case("the same, IPv6",                    too_big("2001:db8:1::100", &about("2001:db8:1::100", C6, TCP, &tcp(80, 4000))), ClaimedIcmpError, Of(C6)),
        gap(case("about client to backend",       unreachable(C4, &about(C4, "10.2.0.2", TCP, &tcp(4000, 8080))), ClaimedIcmpError, Of(C4))),
        gap(case("the same, IPv6",                too_big(C6, &about(C6, "2001:db8:2::2", TCP, &tcp(4000, 8080))), ClaimedIcmpError, Of(C6))),
        gap(case("about a backend's reply",       unreachable("10.2.0.2", &about("10.2.0.2", C4, TCP, &tcp(8080, 4000))), ClaimedIcmpError, Of(C4))),
        case("about the box's probe",             unreachable("10.2.0.1", &about("10.2.0.1", "10.2.0.2", TCP, &tcp(39000, 8080))), Passed, Nobody),
        case("about full NAT's request",          unreachable("10.2.0.250", &about("10.2.0.250", "10.2.0.4", UDP, &udp(1025, 53))), ClaimedIcmpError, Number(1)),
        case("about somebody else's packet",      unreachable(C4, &about(C4, "203.0.113.5", TCP, &tcp(1, 80))), Passed, Nobody),
        case("about a backend's own connection",  unreachable("10.2.0.2", &about("10.2.0.2", C4, TCP, &tcp(22, 4000))), Passed, Nobody),
        case("to a VIP about nothing known",      unreachable("10.1.0.100", &about("192.0.2.1", "192.0.2.2", TCP, &tcp(1, 2))), ClaimedVip, Of("10.9.9.9")),
        case("cut short, to a VIP",               unreachable("10.1.0.100", b"short"), ClaimedVip, Of("10.9.9.9")),
        gap(case("about our IPIP",                unreachable("10.2.0.1", &about("10.2.0.1", "10.3.0.5", IPIP, &inner)), ClaimedTunnelError, Of(C4))),
        gap(case("about our IPIP, 8 bytes of it", unreachable("10.2.0.1", &about("10.2.0.1", "10.3.0.5", IPIP, &inner[..8])), ClaimedTunnelError, Number(0))),
        gap(case("about our GRE, with a key",     unreachable("10.2.0.1", &about("10.2.0.1", "10.3.0.5", GRE, &gre(&inner))), ClaimedTunnelError, Of(C4))),
        gap(case("about our GUE",                 unreachable("10.2.0.1", &about("10.2.0.1", "10.3.0.6", UDP, &gue(&inner))), ClaimedTunnelError, Of(C4))),
        case("UDP to the tunnel's end, no GUE",   unreachable("10.2.0.1", &about("10.2.0.1", "10.3.0.6", UDP, &udp(50000, 53))), Passed, Nobody),
        case("somebody else's IPIP",              unreachable("10.2.0.1", &about("10.2.0.1", "10.3.0.7", IPIP, &inner)), Passed, Nobody),
    ]
}

#[rustfmt::skip]
fn neighbors() -> Vec<Case> {
    use Reason::*;
    let about = |target: &str| ip(target).octets();
    let solicit = |target: &str| packet(C6, "ff02::1:ff00:100", ICMPV6, &icmp(135, 0, &about(target)));
    let advertise = |target: &str| packet(C6, "ff02::1", ICMPV6, &icmp(136, 0, &about(target)));
    vec![
        case("solicitation for a VIP",            solicit("2001:db8:1::100"),   ClaimedNeighbor, Number(0)),
        case("solicitation in a VIP network",     solicit("2001:db8:7::1"),     ClaimedNeighbor, Number(0)).classic(false),
        case("solicitation for a SNAT address",   solicit("2001:db8:2::250"),   ClaimedNeighbor, Number(0)),
        case("solicitation for the box",          solicit("2001:db8:2::1"),     Passed, Nobody),
        case("solicitation for another",          solicit("2001:db8:1::200"),   Passed, Nobody),
        case("somebody claims the VIP",           advertise("2001:db8:1::100"), ClaimedNeighbor, Number(0)),
        case("router solicitation",               packet(C6, "ff02::2", ICMPV6, &icmp(133, 0, &[])), Passed, Nobody),
    ]
}

/// A loaded program with maps as in [`set`].
fn loaded(set: &ClaimSet) -> Claim {
    let mut claim = Claim::load(ClaimLimits { flows_max: 16 }).unwrap();
    claim.apply(set).unwrap();
    claim
}

/// Runs the program on a frame: why, and the mark the packet had afterwards.
fn decide(claim: &Claim, frame: &[u8]) -> (Option<Reason>, u32) {
    let before = claim.statistics().unwrap();
    let mut context = [0; 192];
    let options = TestRunOptions { data_in: Some(frame), ctx_out: Some(&mut context), ..TestRunOptions::default() };
    let run = claim.program().unwrap().test_run(options).unwrap();
    assert_eq!(run.return_value as i32, -1, "other filters go on");
    let after = claim.statistics().unwrap();
    let mut counted = Reason::ALL.iter().filter(|reason| after.count(**reason) > before.count(**reason));
    let reason = counted.next().copied();
    assert_eq!(counted.next(), None);
    // struct __sk_buff: len, pkt_type, mark.
    (reason, u32::from_ne_bytes(context[8..12].try_into().unwrap()))
}

#[test]
fn the_program_claims_what_the_table_says() {
    if !is_root() {
        return;
    }
    let set = set();
    let claim = loaded(&set);
    for case in by_address_and_port().into_iter().chain(errors()).chain(neighbors()) {
        let mark = match case.worker {
            Nobody => 0,
            Number(worker) => mark::of(WorkerId(worker)),
            Of(client) => mark::of(set.worker(ip(client))),
        };
        let (reason, marked) = decide(&claim, &frame(TO_US, &case.packet));
        assert_eq!((reason, format!("{marked:#x}")), (Some(case.reason), format!("{mark:#x}")), "{}", case.name);
    }
    let statistics = claim.statistics().unwrap();
    assert!(statistics.claimed() > 20 && statistics.passed() > 10);
}

#[test]
fn what_is_no_ip_for_us_is_left_alone() {
    if !is_root() {
        return;
    }
    let claim = loaded(&set());
    let vip = packet(C4, "10.1.0.100", TCP, &tcp(4000, 80));
    let mut arp = frame(TO_US, &vip);
    arp[12..14].copy_from_slice(&[8, 6]);
    let mut tagged = frame(TO_US, &vip);
    tagged.splice(12..12, [0x81, 0, 0, 5]);
    let mut wrong_version = vip.clone();
    wrong_version[0] = 0x65;
    let mut short_header = vip.clone();
    short_header[0] = 0x44;
    let as_v4 = |packet: &[u8]| [&frame(TO_US, &vip)[..14], packet].concat();
    let cases = [
        ("ARP", arp, None),
        ("tagged", tagged, None),
        ("version 6 under the EtherType of 4", as_v4(&wrong_version), Some(Reason::PassedMalformed)),
        ("header length 16", as_v4(&short_header), Some(Reason::PassedMalformed)),
        ("for another station", frame(STRANGER, &vip), Some(Reason::PassedForeign)),
        ("for a virtual address", frame(VIRTUAL, &vip), Some(Reason::ClaimedVip)),
    ];
    for (name, frame, reason) in cases {
        assert_eq!(decide(&claim, &frame).0, reason, "{name}");
    }
}

#[test]
fn later_fragments_follow_their_first() {
    if !is_root() {
        return;
    }
    use Reason::*;
    let set = set();
    let claim = loaded(&set);
    let later = |from: &str, to: &str, id| fragment(from, to, UDP, b"the rest", id, 185);
    let first = |from: &str, to: &str, id, port| fragment(from, to, UDP, &udp(port, 1026), id, MORE);
    let first6 =
        |id, port| packet("2001:db8:2::2", C6, 44, &fragment_header(60, 1, id, &options(1, UDP, &udp(port, 4000))));
    let later6 = |id| packet("2001:db8:2::2", C6, 44, &fragment_header(60, 185 << 3, id, b"the rest"));
    let atomic = packet("2001:db8:2::2", C6, 44, &fragment_header(UDP, 0, 9, &udp(53, 4000)));
    let client = mark::of(set.worker(ip(C4)));
    let client6 = mark::of(set.worker(ip(C6)));
    #[rustfmt::skip]
    let steps = [
        ("to a VIP, no first one seen",       later(C4, "10.1.0.100", 1),              ClaimedVip, client),
        ("through the box",                   later(C4, "203.0.113.5", 1),             Passed, 0),
        ("to the box from a backend",         later("10.2.0.2", "10.2.0.1", 1),        Passed, 0),
        ("of a backend, no first one seen",   later("10.2.0.2", C4, 2),                ClaimedFragment, client),
        ("first of an endpoint",              first("10.2.0.2", C4, 3, 53),            ClaimedEndpoint, client),
        ("later of an endpoint",              later("10.2.0.2", C4, 3),                ClaimedFragment, client),
        ("first of the backend itself",       first("10.2.0.2", C4, 4, 999),           Passed, 0),
        ("later of the backend itself",       later("10.2.0.2", C4, 4),                PassedFragment, 0),
        ("first to full NAT",                 first("10.2.0.4", "10.2.0.250", 5, 53),  ClaimedSnat, mark::of(WorkerId(2))),
        ("later to full NAT",                 later("10.2.0.4", "10.2.0.250", 5),      ClaimedFragment, mark::of(WorkerId(2))),
        ("later to full NAT, no first one",   later("10.2.0.4", "10.2.0.250", 6),      ClaimedFragment, mark::of(WorkerId(0))),
        ("IPv6: first of the backend itself", first6(7, 999),                          Passed, 0),
        ("IPv6: later of the backend itself", later6(7),                               PassedFragment, 0),
        ("IPv6: first of an endpoint",        first6(8, 53),                           ClaimedEndpoint, client6),
        ("IPv6: later of an endpoint",        later6(8),                               ClaimedFragment, client6),
        ("IPv6: atomic of an endpoint",       atomic,                                  ClaimedEndpoint, client6),
    ];
    for (name, packet, reason, mark) in steps {
        assert_eq!(decide(&claim, &frame(TO_US, &packet)), (Some(reason), mark), "{name}");
    }
}

#[test]
fn flows_and_expectations_are_claimed_while_they_last() {
    if !is_root() {
        return;
    }
    let claim = loaded(&set());
    let mut flows = claim.flow_claims().unwrap();
    let reply = |source_port, destination_port| Tuple {
        source: ip("10.2.0.2"),
        destination: ip(C4),
        source_port,
        destination_port,
        protocol: TCP,
    };
    let decide_on = |from, to| decide(&claim, &frame(TO_US, &packet("10.2.0.2", C4, TCP, &tcp(from, to)))).0;
    let refused = packet("10.9.9.9", C4, ICMP, &icmp(3, 1, &packet(C4, "10.2.0.2", TCP, &tcp(5001, 30000))));
    assert_eq!(decide_on(20, 5000), Some(Reason::Passed));
    assert_eq!(decide(&claim, &frame(TO_US, &refused)).0, Some(Reason::Passed));

    let other = packet("10.2.0.3", C4, UDP, &udp(7777, 5000));
    let served = Tuple { source: ip("10.2.0.3"), protocol: UDP, ..reply(7777, 5000) };
    assert_eq!(decide(&claim, &frame(TO_US, &other)).0, Some(Reason::Passed));
    flows.claim_flow(&served).unwrap();
    assert_eq!(decide(&claim, &frame(TO_US, &other)).0, Some(Reason::ClaimedFlow));
    flows.unclaim_flow(&served).unwrap();

    flows.claim_flow(&reply(0, 5000)).unwrap();
    flows.claim_flow(&reply(30000, 5001)).unwrap();
    flows.claim_flow(&reply(30000, 5001)).unwrap();
    for (from, to, reason) in [
        (20, 5000, Reason::ClaimedFlow),
        (2121, 5000, Reason::ClaimedFlow),
        (30000, 5001, Reason::ClaimedFlow),
        (30001, 5001, Reason::Passed),
        (20, 5002, Reason::Passed),
    ] {
        assert_eq!(decide_on(from, to), Some(reason), "{from} to {to}");
    }
    assert_eq!(decide(&claim, &frame(TO_US, &refused)).0, Some(Reason::ClaimedIcmpError));
    flows.unclaim_flow(&reply(0, 5000)).unwrap();
    flows.unclaim_flow(&reply(0, 5000)).unwrap();
    assert_eq!(decide_on(20, 5000), Some(Reason::Passed));

    let full = (0..=16).map(|port| flows.claim_flow(&reply(1, port))).find_map(Result::err).expect("room for 16");
    assert!(full.is_full(), "{full}");
    assert!(full.to_string().starts_with("change claim map flows: "), "{full}");
}

#[test]
fn the_program_spreads_clients_as_the_engine_does() {
    if !is_root() {
        return;
    }
    let mut claim = loaded(&set());
    for spread in [
        Spread::default(),
        Spread { ipv4_prefix: 24, ipv6_prefix: 64, seed: 0x1234_5678 },
        Spread { ipv4_prefix: 0, ipv6_prefix: 0, seed: 1 },
        Spread { ipv4_prefix: 17, ipv6_prefix: 45, seed: u32::MAX },
    ] {
        for workers in [1, 2, 3, 4, 16, 255] {
            claim.apply(&ClaimSet { spread, workers, ..set() }).unwrap();
            for number in 0..60u32 {
                let mixed = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
                let v4 = Address::v4([10, mixed[0], mixed[1], mixed[2]]);
                let v6 = ip("2001:db8:c::").0 | u128::from(u64::from(number) << 40 | u64::from(number)) << 16;
                let cases = [(v4, "10.1.0.100"), (Address(v6), "2001:db8:1::100")];
                for (client, vip) in cases {
                    let packet = packet(&client.to_string(), vip, TCP, &tcp(number as u16, 80));
                    let marked = decide(&claim, &frame(TO_US, &packet)).1;
                    assert_eq!(mark::worker(marked), Some(spread.worker(client, workers)), "{client} of {workers}");
                }
            }
        }
    }
}

#[test]
fn a_spread_has_these_workers() {
    let spread = Spread { ipv4_prefix: 24, ipv6_prefix: 56, seed: 7 };
    let clients = [
        "192.0.2.9",
        "192.0.2.200",
        "192.0.3.9",
        "198.51.100.1",
        "2001:db8:c:1::9",
        "2001:db8:c:ff::1",
        "2001:db8:d::1",
    ];
    let workers: Vec<u8> = clients.iter().map(|client| spread.worker(ip(client), 16).0).collect();
    // Computed independently, by the description in the C source.
    assert_eq!(workers, [5, 5, 8, 1, 4, 4, 6]);
}

/// While the set changes back and forth, what is in both versions is claimed at every moment.
#[test]
fn a_change_leaves_no_gap() {
    if !is_root() {
        return;
    }
    let narrow = set();
    let mut wide = set();
    wide.vips.extend([ip("10.1.0.101"), ip("10.7.5.5")]);
    wide.own.insert(ip("10.1.0.2"));
    wide.endpoints.insert(Endpoint { address: ip("10.2.0.2"), protocol: TCP, port: 8081 });
    wide.vip_prefixes.clear();
    let mut claim = loaded(&narrow);
    let Claim { object, maps, counters, .. } = &mut claim;
    let program: &SchedClassifier = object.program(NAME).unwrap().try_into().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let packets = [
                packet(C4, "10.1.0.100", TCP, &tcp(4000, 80)),
                packet(C4, "10.7.5.5", TCP, &tcp(4000, 80)),
                packet("10.2.0.2", C4, TCP, &tcp(8080, 4000)),
            ];
            let mut runs = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for packet in &packets {
                    let frame = frame(TO_US, packet);
                    let options = TestRunOptions { data_in: Some(&frame), ..TestRunOptions::default() };
                    program.test_run(options).unwrap();
                    runs += 1;
                }
            }
            runs
        });
        for round in 0..10_000 {
            maps.apply(maps::Contents::of(if round % 2 == 0 { &wide } else { &narrow })).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let runs: u64 = watcher.join().unwrap();
        // Nothing but these packets went through this program.
        let statistics = counters.read().unwrap();
        assert_eq!((statistics.claimed(), statistics.passed()), (runs, 0));
    });
    assert_eq!(decide(&claim, &frame(TO_US, &packet(C4, "10.1.0.101", TCP, &tcp(1, 80)))).0, Some(Reason::Passed));
    assert_eq!(decide(&claim, &frame(TO_US, &packet(C4, "10.7.1.1", TCP, &tcp(1, 80)))).0, Some(Reason::ClaimedVip));
}

/// The kernel runs a socket filter on any datagram: a local pair of sockets is enough.
#[test]
fn classic_bpf_claims_the_same_but_for_its_gaps() {
    let program = classic::program(&set(), classic::Verdicts::SOCKET).unwrap();
    let (from, to) = UnixDatagram::pair().unwrap();
    let to = OwnedFd::from(to);
    attach_filter(&to, &program);
    let is_claimed = |frame: &[u8]| {
        // A frame that the filter refuses is taken, and gone.
        from.send(frame).unwrap();
        receive(&to).is_some()
    };
    for case in by_address_and_port().into_iter().chain(errors()).chain(neighbors()) {
        assert_eq!(is_claimed(&frame(TO_US, &case.packet)), case.classic, "{}", case.name);
    }
    let later = fragment("10.2.0.2", C4, UDP, b"the rest", 1, 185);
    assert!(is_claimed(&frame(TO_US, &later)));
    assert!(!is_claimed(&frame(TO_US, &fragment(C4, "203.0.113.5", UDP, b"the rest", 1, 185))));
    let mut arp = frame(TO_US, &later);
    arp[12..14].copy_from_slice(&[8, 6]);
    assert!(!is_claimed(&arp));
}

/// Addresses that share words with others, at every depth; neighbours of theirs are nobody's.
#[test]
fn classic_bpf_tells_many_addresses_apart() {
    let v4 = (100..150).map(|host| format!("10.1.0.{host}"));
    let v6 = (100..150).map(|host| format!("2001:db8:{}::{}:{host}", host % 3, host % 2));
    let vips: Vec<String> = v4.chain(v6).collect();
    let set = ClaimSet { vips: vips.iter().map(|vip| ip(vip)).collect(), vip_prefixes: Vec::new(), ..set() };
    let program = classic::program(&set, classic::Verdicts::SOCKET).unwrap();
    let loads = program.iter().filter(|code| u32::from(code.code) & 0x07 == libc::BPF_LD).count();
    // Kernels before 6.8 give a socket 20 KB for its filter; a load takes about 64 bytes of it.
    assert!(loads < 100, "{loads} loads");
    let (from, to) = UnixDatagram::pair().unwrap();
    let to = OwnedFd::from(to);
    attach_filter(&to, &program);
    let is_claimed = |to_address: &str| {
        let client = if to_address.contains(':') { C6 } else { C4 };
        from.send(&frame(TO_US, &packet(client, to_address, TCP, &tcp(4000, 80)))).unwrap();
        receive(&to).is_some()
    };
    for vip in &vips {
        assert!(is_claimed(vip), "{vip}");
    }
    for other in
        ["10.1.0.99", "10.1.0.150", "10.1.1.100", "2001:db8:0::0:102", "2001:db8:3::1:101", "2001:db8:1::1:100"]
    {
        assert!(set.vips.contains(&ip(other)) == is_claimed(other), "{other}");
    }
    assert!(!set.vips.contains(&ip("2001:db8:1::1:100")) && !is_claimed("2001:db9:1::0:100"));
}

#[test]
fn a_classic_program_that_is_too_large_is_an_error() {
    let mut set = set();
    set.vips = (0..3_000).map(|number: u32| Address::v4((0x0a00_0000 + number).to_be_bytes())).collect();
    let error = classic::program(&set, classic::Verdicts::DROP).unwrap_err();
    assert!(error.to_string().ends_with("the kernel takes 4096"), "{error}");
}

#[test]
fn the_tables_say_what_is_claimed() {
    use engine::tables::{Backend, BackendState, Method, PortRange, Service, Tables, Vip, Vips};
    use engine::{BackendIndex, ServiceIndex};
    let service = |name: &str| Service {
        name: name.to_owned(),
        tcp: true,
        scheduler: engine::tables::SchedulerKind::Rr,
        scheduler_flags: engine::tables::SchedulerFlags::default(),
        persistence: None,
        on_backend_down: engine::tables::OnBackendDown::default(),
        midstream: engine::tables::Midstream::default(),
        one_packet: false,
        mss_clamp: engine::tables::MssClamp::default(),
        timeouts: engine::tables::Timeouts::default(),
        ftp: false,
        backends: vec![BackendIndex(0)],
        fallback: None,
        claim_flows: name == "all",
        // 8088 was served before.
        reply_ports: if name == "web" { vec![(80, 81), (8088, 8088)] } else { vec![] },
        generation: 0,
    };
    let backend = |service, address: &str, port, method| {
        Some(Backend {
            name: address.to_owned(),
            service: ServiceIndex(service),
            address: ip(address),
            port,
            method,
            weight: 1,
            state: BackendState::Removed,
            healthy: true,
            standby: None,
            flows_max: 0,
            flows_low: 0,
            hop: None,
            tunnel_source: method.is_tunnel().then(|| ip("10.2.0.1")),
            tunnel_port: 6080,
            tunnel_checksum: false,
            generation: 0,
        })
    };
    let range = |first, last, service| PortRange { first, last, service: ServiceIndex(service) };
    let vip = Vip { tcp: vec![range(80, 81, 0), range(1000, 9000, 1)], udp: vec![] };
    let mut vips = Vips::default();
    vips.exact.insert(ip("10.1.0.100"), vip);
    let tables = Tables {
        vips: vips.into(),
        services: [Some(service("web")), Some(service("all"))].into(),
        backends: [
            backend(0, "10.2.0.2", Some(8080), Method::Nat),
            backend(0, "10.2.0.3", None, Method::Nat),
            backend(1, "10.2.0.4", None, Method::Nat),
            backend(0, "10.2.0.5", None, Method::FullNat),
            backend(0, "10.3.0.5", None, Method::TunnelIpip),
            backend(0, "10.3.0.6", None, Method::TunnelGue),
            None,
        ]
        .into(),
        ..Tables::default()
    };
    let set = ClaimSet::of(&tables);
    let endpoint = |address, port| Endpoint { address: ip(address), protocol: TCP, port };
    let endpoints = [8080, 80, 81, 8088].map(|port| endpoint(if port == 8080 { "10.2.0.2" } else { "10.2.0.3" }, port));
    assert_eq!(set.endpoints, endpoints.into());
    assert_eq!(set.backends, [ip("10.2.0.4")].into());
    let tunnels: Vec<_> = set.tunnels.iter().map(|tunnel| (tunnel.end, tunnel.protocol, tunnel.port)).collect();
    assert_eq!(tunnels, [(ip("10.3.0.5"), 4, 0), (ip("10.3.0.5"), 41, 0), (ip("10.3.0.6"), UDP, 6080)]);
    assert_eq!(set.vips, [ip("10.1.0.100")].into());
}

/// The committed object is what the committed source compiles to.
#[test]
fn the_object_is_built_from_its_source() {
    /// Another compiler may choose other instructions.
    const COMPILER: &str = "clang version 14.";
    let version = std::process::Command::new("clang").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if !version.contains(COMPILER) {
        eprintln!("skipped: needs {COMPILER}x, found {:?}", version.lines().next());
        return;
    }
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bpf");
    let output = std::env::temp_dir().join(format!("claim-{}.bpf.o", std::process::id()));
    let status = std::process::Command::new(directory.join("build.sh")).arg(&output).status().unwrap();
    assert!(status.success());
    let built = std::fs::read(&output).unwrap();
    std::fs::remove_file(&output).unwrap();
    assert!(built == OBJECT, "claim.bpf.o is not built from claim.bpf.c: run firmware/drivers/src/bpf/build.sh");
}
