//! The engine's ways of forwarding, one conversation each.

mod support;

use engine::tables::{BackendState, Method, OnBackendDown, Persistence, SchedulerKind};
use engine::{DropReason, Verdict};
use net::Now;
use support::*;

const CLIENT: (&str, u16) = ("10.9.0.7", 40_000);
const VIP: (&str, u16) = ("10.1.0.100", 80);

fn syn(client: (&str, u16)) -> Vec<u8> {
    tcp(FRONT, client, VIP, "S", (1_000, 0), b"")
}

#[test]
fn nat_replaces_the_destination_and_the_reply_the_source() {
    let mut engine = engine(tables(&[Method::Nat]));
    let inbound = send(&mut engine, FRONT, &syn(CLIENT));
    assert_eq!(inbound.verdict, Verdict::Transmit(BACK));
    let (from, to) = ends(&inbound.frame);
    assert_eq!(from, "10.9.0.7:40000");
    assert!(to.ends_with(":8080"), "{to}");
    let server = to.trim_end_matches(":8080").to_owned();
    let reply = send(&mut engine, BACK, &tcp(BACK, (&server, 8080), CLIENT, "SA", (5_000, 1_001), b""));
    assert_eq!(reply.verdict, Verdict::Transmit(FRONT));
    assert_eq!(ends(&reply.frame), ("10.1.0.100:80".into(), "10.9.0.7:40000".into()));
    assert_eq!(reply.frame[0..6], ROUTER_MAC.0);
}

#[test]
fn full_nat_replaces_both_and_finds_the_way_back() {
    let mut engine = engine(tables(&[Method::FullNat]));
    let inbound = send(&mut engine, FRONT, &syn(CLIENT));
    let (from, to) = ends(&inbound.frame);
    assert!(from.starts_with("10.2.0.250:"), "{from}");
    let port: u16 = from.rsplit_once(':').unwrap().1.parse().unwrap();
    let server = to.trim_end_matches(":8080").to_owned();
    let reply = tcp(BACK, (&server, 8080), ("10.2.0.250", port), "SA", (5_000, 1_001), b"");
    let reply = send(&mut engine, BACK, &reply);
    assert_eq!(ends(&reply.frame), ("10.1.0.100:80".into(), "10.9.0.7:40000".into()));
}

#[test]
fn one_client_port_towards_two_vips_is_two_connections_to_their_server() {
    let mut tables = tables(&[Method::Nat, Method::Nat]);
    for service in [0, 4] {
        change_service(&mut tables, service, |service| service.backends.truncate(1));
    }
    let mut engine = engine(tables);
    let first = send(&mut engine, FRONT, &syn(CLIENT));
    let second = send(&mut engine, FRONT, &tcp(FRONT, CLIENT, ("10.1.0.101", 80), "S", (7_000, 0), b""));
    assert_eq!(ends(&first.frame).1, ends(&second.frame).1, "the same server");
    assert_eq!(ends(&first.frame).0, "10.9.0.7:40000");
    let source = ends(&second.frame).0;
    assert!(source.starts_with("10.9.0.7:") && source != "10.9.0.7:40000", "{source}");
    for (port, vip) in [("40000", "10.1.0.100:80"), (source.rsplit_once(':').unwrap().1, "10.1.0.101:80")] {
        let to = (CLIENT.0, port.parse().unwrap());
        let reply = send(&mut engine, BACK, &tcp(BACK, ("10.2.0.2", 8080), to, "SA", (5_000, 1_001), b""));
        assert_eq!(ends(&reply.frame), (vip.into(), "10.9.0.7:40000".into()));
    }
}

#[test]
fn direct_changes_the_hardware_addresses_only() {
    let mut engine = engine(tables(&[Method::Direct]));
    let inbound = send(&mut engine, FRONT, &syn(CLIENT));
    assert_eq!(inbound.verdict, Verdict::Transmit(BACK));
    assert_eq!(ends(&inbound.frame), ("10.9.0.7:40000".into(), "10.1.0.100:80".into()));
    assert_eq!(inbound.frame[6..12], BACK_MAC.0);
}

#[test]
fn persistent_clients_of_a_network_share_a_backend() {
    let mut tables = tables(&[Method::Nat]);
    change_service(&mut tables, 0, |service| {
        service.persistence = Some(Persistence { timeout_s: 300, ipv4_prefix: 24, ipv6_prefix: 64, group: 0 });
    });
    let mut engine = engine(tables);
    let chosen: std::collections::HashSet<String> = (1..20)
        .map(|host| ends(&send(&mut engine, FRONT, &syn((&format!("10.9.0.{host}"), 1_000 + host))).frame).1)
        .collect();
    assert_eq!(chosen.len(), 1);
    let other = ends(&send(&mut engine, FRONT, &syn(("10.9.1.1", 1_000))).frame).1;
    assert!(!chosen.contains(&other));
}

#[test]
fn a_syn_on_a_closing_flow_is_scheduled_at_once() {
    let mut engine = engine(tables(&[Method::Nat]));
    let first = ends(&send(&mut engine, FRONT, &syn(CLIENT)).frame).1;
    let server = first.trim_end_matches(":8080").to_owned();
    send(&mut engine, BACK, &tcp(BACK, (&server, 8080), CLIENT, "SA", (5_000, 1_001), b""));
    send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "A", (1_001, 5_001), b""));
    send(&mut engine, BACK, &tcp(BACK, (&server, 8080), CLIENT, "FA", (5_001, 1_001), b""));
    send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "FA", (1_001, 5_002), b""));
    let again = send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "S", (9_000, 0), b""));
    assert_eq!(again.verdict, Verdict::Transmit(BACK));
    assert_ne!(ends(&again.frame).1, first, "round robin goes on");
    assert_eq!(engine.counters().totals.flows_reused.value(), 1);
}

#[test]
fn midstream_without_a_flow_is_reset() {
    let mut engine = engine(tables(&[Method::Nat]));
    let lost = send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "A", (7, 77), b"x"));
    assert_eq!(lost.drop(), Some(DropReason::MidstreamReset));
    let (nic, reset) = &lost.emitted[0];
    assert_eq!(*nic, FRONT);
    assert_eq!(ends(reset), ("10.1.0.100:80".into(), "10.9.0.7:40000".into()));
}

#[test]
fn a_port_that_nobody_serves_is_refused_or_passed_over() {
    let client = ("192.0.2.1", 40_000);
    let asked = |engine: &mut engine::Engine| {
        let tcp = send(engine, FRONT, &tcp(FRONT, client, ("10.1.0.100", 81), "S", (1, 0), b""));
        let udp = send(engine, FRONT, &udp(FRONT, client, ("10.1.0.100", 81), b"?"));
        for outcome in [&tcp, &udp] {
            assert_eq!(outcome.drop(), Some(DropReason::NoService));
        }
        [tcp.emitted.len(), udp.emitted.len()]
    };
    let mut tables = tables(&[Method::Nat]);
    assert_eq!(asked(&mut engine(tables.clone())), [1, 1], "a reset, port unreachable");
    tables.limits.tells_refused = false;
    assert_eq!(asked(&mut engine(tables)), [0, 0]);
}

#[test]
fn a_backend_that_goes_down_resets_its_flows_on_both_sides_without_a_packet() {
    let mut before = tables(&[Method::Nat]);
    change_service(&mut before, 0, |service| service.on_backend_down = OnBackendDown::Reset);
    let mut engine = engine(before.clone());
    let server = ends(&send(&mut engine, FRONT, &syn(CLIENT)).frame).1.trim_end_matches(":8080").to_owned();
    send(&mut engine, BACK, &tcp(BACK, (&server, 8080), CLIENT, "SA", (5_000, 1_001), b""));
    send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "A", (1_001, 5_001), b""));
    let down = (0..3).find(|at| before.backends[*at].as_ref().unwrap().address == address(&server)).unwrap();
    change_backend(&mut before, down, |backend| backend.healthy = false);
    let mut wire = Recorder::default();
    engine.turn(Now::from_secs(101), &mut wire, &mut engine::engine::Batch::default(), &std::sync::Arc::new(before));
    let mut told: Vec<_> = wire.emitted.iter().map(|frame| ends(frame).1).collect();
    told.sort();
    assert_eq!(told, [format!("{server}:8080"), CLIENT.0.to_owned() + ":40000"]);
    assert_eq!(engine.counters().totals.flows.value(), 0);
    assert_eq!(engine.counters().totals.flows_down.value(), 1);
}

#[test]
fn drain_takes_no_new_flow_but_keeps_the_old() {
    let mut before = tables(&[Method::Nat]);
    change_service(&mut before, 0, |service| service.scheduler = SchedulerKind::Wlc);
    let mut engine = engine(before.clone());
    let first = ends(&send(&mut engine, FRONT, &syn(CLIENT)).frame).1;
    let drained =
        (0..3).find(|at| first.starts_with(&format!("{}:", before.backends[*at].as_ref().unwrap().address))).unwrap();
    change_backend(&mut before, drained, |backend| backend.state = BackendState::Drain);
    engine.adopt(Now::from_secs(101), std::sync::Arc::new(before));
    for port in 1..50 {
        assert_ne!(ends(&send(&mut engine, FRONT, &syn(("10.9.0.8", port))).frame).1, first);
    }
    assert_eq!(ends(&send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "A", (1_001, 1), b"")).frame).1, first);
}

/// A wire that nothing comes from and that keeps what it is given.
#[derive(Default)]
struct Recorder {
    emitted: Vec<Vec<u8>>,
}

impl engine::Wire for Recorder {
    type Slot = Vec<u8>;

    fn receive(&mut self, _: &mut Vec<engine::Frame<Vec<u8>>>) {}
    fn transmit(&mut self, _: engine::Frame<Vec<u8>>, _: engine::NicId) {}
    fn release(&mut self, _: engine::Frame<Vec<u8>>) {}
    fn hand_over(&mut self, _: engine::Frame<Vec<u8>>, _: engine::WorkerId) {}
    fn emit(&mut self, _: engine::NicId, _: net::offload::Offload, bytes: &[u8]) {
        self.emitted.push(bytes.to_vec());
    }
    fn flush(&mut self) {}
}

#[test]
fn what_one_engine_exports_another_learns() {
    let mut first = engine(tables(&[Method::Nat]));
    *first.changes() = engine::flow::FlowChanges::new(8);
    let sent = send(&mut first, FRONT, &syn(CLIENT));
    let Some(engine::flow::FlowChange::Made(record)) = first.changes().pop() else { panic!("a flow was made") };
    let mut second = engine(tables(&[Method::Nat]));
    assert!(second.learn(Now::from_secs(100), &record, FRONT));
    assert_eq!(second.counters().totals.flows_learnt.value(), 1);
    let next = send(&mut second, FRONT, &tcp(FRONT, CLIENT, VIP, "A", (1_001, 5_001), b""));
    assert_eq!(ends(&next.frame).1, ends(&sent.frame).1, "the same backend");
}

#[test]
fn full_tables_are_counted_and_traffic_goes_on() {
    let mut tables = tables(&[Method::Nat]);
    tables.limits.persistence_max = 1;
    tables.limits.ftp_max = 1;
    tables.limits.replies_per_second_max = 1;
    change_service(&mut tables, 0, |service| {
        service.persistence = Some(Persistence { timeout_s: 300, ipv4_prefix: 32, ipv6_prefix: 128, group: 0 });
        service.ftp = true;
    });
    let mut engine = engine(tables);
    for client in [("10.9.0.1", 1_000), ("10.9.0.2", 1_000)] {
        let opened = send(&mut engine, FRONT, &syn(client));
        assert_eq!(opened.verdict, Verdict::Transmit(BACK));
        let command = send(&mut engine, FRONT, &tcp(FRONT, client, VIP, "PA", (1_001, 1), b"NOOP\r\n"));
        assert_eq!(command.verdict, Verdict::Transmit(BACK));
    }
    for port in [1, 2, 3] {
        let refused = send(&mut engine, FRONT, &tcp(FRONT, (CLIENT.0, port), ("10.1.0.100", 99), "S", (1, 0), b""));
        assert_eq!(refused.drop(), Some(DropReason::NoService));
    }
    let totals = &engine.counters().totals;
    assert_eq!((totals.persistence_full.value(), totals.ftp_full.value()), (1, 1));
    assert_eq!((totals.resets_sent.value(), totals.answers_withheld.value()), (1, 2));
}
