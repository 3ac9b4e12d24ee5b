//! What fuzzing and review found: one test per fault.

mod support;

use engine::engine::{Batch, FlowFilter};
use engine::tables::{Method, Midstream, Persistence};
use engine::{BATCH_MAX, DropReason, Engine, Frame, Head, NicId, Tables, Tuple, Verdict, Wire, WorkerId};
use net::Now;
use net::offload::{Offload, Segmentation};
use std::sync::Arc;
use support::*;

const CLIENT: (&str, u16) = ("10.9.0.7", 40_000);
const VIP: (&str, u16) = ("10.1.0.100", 80);
/// A TCP segment of a client in these tables, Ethernet header to payload.
const L4: usize = 34;

/// Gives what it was given, counts what comes back, and keeps what the engine made.
#[derive(Default)]
struct Pipe {
    waiting: Vec<Frame<Vec<u8>>>,
    emitted: Vec<Vec<u8>>,
}

impl Wire for Pipe {
    type Slot = Vec<u8>;

    fn receive(&mut self, frames: &mut Vec<Frame<Vec<u8>>>) {
        let count = self.waiting.len().min(BATCH_MAX);
        frames.extend(self.waiting.drain(..count));
    }

    fn transmit(&mut self, _: Frame<Vec<u8>>, _: NicId) {}

    fn release(&mut self, _: Frame<Vec<u8>>) {}

    fn hand_over(&mut self, _: Frame<Vec<u8>>, _: WorkerId) {}

    fn emit(&mut self, _: NicId, _: Offload, bytes: &[u8]) {
        self.emitted.push(bytes.to_vec());
    }

    fn flush(&mut self) {}
}

fn turn(engine: &mut Engine, seconds: u64, pipe: &mut Pipe, tables: &Arc<Tables>) {
    engine.turn(Now::from_secs(seconds), pipe, &mut Batch::default(), tables);
}

fn drops(engine: &Engine, reason: DropReason) -> u64 {
    engine.counters().drops[reason as usize].value()
}

/// An ICMP error with a right checksum about `quoted`.
fn icmp_error(nic: NicId, from: &str, to: &str, (kind, code): (u8, u8), rest: [u8; 4], quoted: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    builder(nic, from, to).icmpv4_raw(kind, code, rest).write(&mut bytes, quoted).expect("memory takes all");
    bytes
}

/// A UDP datagram to the VIP in two fragments of 1,000 and the rest.
fn fragments(destination: &str, data: usize) -> [Vec<u8>; 2] {
    let whole = udp(FRONT, CLIENT, (destination, 80), &vec![7; data]);
    [(L4, L4 + 1_000, 0x2000u16), (L4 + 1_000, whole.len(), 125)].map(|(from, to, field)| {
        let mut part = whole[..L4].to_vec();
        part[16..18].copy_from_slice(&((20 + to - from) as u16).to_be_bytes());
        part[18..20].copy_from_slice(&[0x12, 0x34]);
        part[20..22].copy_from_slice(&field.to_be_bytes());
        net::ip::write_v4_checksum(&mut part, 14, 20);
        part.extend_from_slice(&whole[from..to]);
        part
    })
}

#[test]
fn a_quoted_length_below_its_header_ends_nothing() {
    let mut engine = engine(tables(&[Method::Nat]));
    send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "S", (1, 0), b""));
    // What a router saw of the reply, with every length up to that of the header, as anybody may claim.
    let reply = tcp(FRONT, VIP, CLIENT, "A", (9, 9), b"data");
    for length in 0..=20u16 {
        let mut quoted = reply[14..].to_vec();
        quoted[2..4].copy_from_slice(&length.to_be_bytes());
        let error = icmp_error(FRONT, "10.8.0.1", VIP.0, (3, 4), [0, 0, 5, 0], &quoted);
        let verdict = send(&mut engine, FRONT, &error).verdict;
        let expected = if length == 20 { Verdict::Drop(DropReason::Truncated) } else { Verdict::Transmit(BACK) };
        assert_eq!(verdict, expected, "length {length}");
    }
}

#[test]
fn a_group_is_no_sender() {
    let mut engine = engine(tables(&[Method::Nat]));
    let mut frame = tcp(FRONT, CLIENT, VIP, "S", (1, 0), b"");
    frame[6] |= 1;
    assert_eq!(send(&mut engine, FRONT, &frame).drop(), Some(DropReason::BadSource));
}

#[test]
fn a_super_frame_ends_where_its_header_says() {
    let mut engine = engine(tables(&[Method::Nat]));
    let datagram = udp(FRONT, CLIENT, VIP, &[7; 100]);
    let segments = Offload { segmentation: Segmentation::Udp, segment_size: 40, ..Offload::NONE };
    let padded = [&datagram[..], &[0; 9]].concat();
    let sent = send_with(&mut engine, Now::from_secs(1), FRONT, &padded, segments);
    assert_eq!((sent.verdict, sent.frame.len()), (Verdict::Transmit(BACK), datagram.len()));
}

#[test]
fn an_offload_that_does_not_fit_is_no_way_through() {
    let mut engine = engine(tables(&[Method::Nat]));
    let syn = tcp(FRONT, CLIENT, VIP, "S", (1, 0), b"");
    let open = |start, offset| Offload {
        partial_checksum: true,
        checksum_start: start,
        checksum_offset: offset,
        ..Offload::NONE
    };
    let cut = |segmentation, segment_size| Offload { segmentation, segment_size, ..Offload::NONE };
    for (offload, expected) in [
        (open(L4 as u16, 16), None),
        (open(0, 12), Some(DropReason::BadChecksum)),
        (open(L4 as u16, 20), Some(DropReason::BadChecksum)),
        (cut(Segmentation::TcpV4, 0), Some(DropReason::BadSegmentation)),
        (cut(Segmentation::TcpV6, 100), Some(DropReason::BadSegmentation)),
        (cut(Segmentation::Udp, 100), Some(DropReason::BadSegmentation)),
    ] {
        assert_eq!(send_with(&mut engine, Now::from_secs(1), FRONT, &syn, offload).drop(), expected, "{offload:?}");
    }
}

#[test]
fn a_killed_flow_stays_dead_although_mid_stream_packets_are_adopted() {
    let mut world = tables(&[Method::Nat]);
    change_service(&mut world, 0, |service| service.midstream = Midstream::Adopt);
    let world = Arc::new(world);
    let mut engine = engine((*world).clone());
    let at = |seconds| Now::from_secs(seconds);
    let straggler = tcp(FRONT, CLIENT, VIP, "A", (2, 2), b"more");
    send_at(&mut engine, at(10), FRONT, &tcp(FRONT, CLIENT, VIP, "S", (1, 0), b""));
    assert_eq!(engine.kill_flows(at(10), &FlowFilter::default(), &mut 0).0, 1);
    assert_eq!(engine.kill_flows(at(10), &FlowFilter::default(), &mut 0).0, 0, "once is enough");
    engine.emissions().clear();
    assert_eq!(send_at(&mut engine, at(11), FRONT, &straggler).drop(), Some(DropReason::Killed));
    let again = tcp(FRONT, CLIENT, VIP, "S", (500, 0), b"");
    assert_eq!(send_at(&mut engine, at(12), FRONT, &again).verdict, Verdict::Transmit(BACK), "a new connection");
    engine.kill_flows(at(13), &FlowFilter::default(), &mut 0);
    // CLOSE lasts ten seconds; stragglers do not prolong it.
    assert_eq!(send_at(&mut engine, at(22), FRONT, &straggler).drop(), Some(DropReason::Killed));
    turn(&mut engine, 24, &mut Pipe::default(), &world);
    assert_eq!(engine.counters().totals.flows.value(), 0);
}

#[test]
fn fragments_of_a_datagram_that_makes_no_flow_go_one_way() {
    let mut world = tables(&[Method::Direct]);
    change_service(&mut world, 1, |service| service.one_packet = true);
    for in_order in [true, false] {
        let mut engine = engine(world.clone());
        let [first, later] = fragments(VIP.0, 1_400);
        let (first, later) = if in_order {
            (send(&mut engine, FRONT, &first).frame, send(&mut engine, FRONT, &later).frame)
        } else {
            assert_eq!(send(&mut engine, FRONT, &later).verdict, Verdict::Consumed);
            let first = send(&mut engine, FRONT, &first);
            (first.frame, first.emitted[0].1.clone())
        };
        // Round robin: what is scheduled by itself goes to the next backend.
        assert_eq!(first[..6], later[..6], "the same backend");
        assert_eq!(engine.counters().totals.flows_created.value(), 0);
    }
}

#[test]
fn datagrams_that_make_no_flows_are_persistent_too() {
    let mut world = tables(&[Method::Direct]);
    change_service(&mut world, 1, |service| {
        service.one_packet = true;
        service.persistence = Some(Persistence { timeout_s: 60, ipv4_prefix: 24, ipv6_prefix: 64, group: 0 });
    });
    let world = Arc::new(world);
    let mut engine = engine((*world).clone());
    let datagram = |port| udp(FRONT, ("10.9.0.7", port), VIP, b"x");
    let first = send(&mut engine, FRONT, &datagram(1)).frame;
    for port in 2..9 {
        assert_eq!(send(&mut engine, FRONT, &datagram(port)).frame[..6], first[..6]);
    }
    turn(&mut engine, 100 + 61, &mut Pipe::default(), &world);
    assert_eq!(engine.counters().totals.persistence_entries.value(), 0, "no flow keeps the entry");
}

#[test]
fn new_rules_of_persistence_leave_no_old_entries() {
    let mut world = tables(&[Method::Nat]);
    let rule = |bits| Some(Persistence { timeout_s: 60, ipv4_prefix: bits, ipv6_prefix: 64, group: 0 });
    change_service(&mut world, 0, |service| service.persistence = rule(24));
    let mut engine = engine(world.clone());
    send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "S", (1, 0), b""));
    change_service(&mut world, 0, |service| service.persistence = rule(28));
    let world = Arc::new(world);
    turn(&mut engine, 100, &mut Pipe::default(), &world);
    send(&mut engine, FRONT, &tcp(FRONT, ("10.9.0.8", 1), VIP, "S", (1, 0), b""));
    let mut pipe = Pipe::default();
    for seconds in [2_000, 4_000, 6_000] {
        turn(&mut engine, seconds, &mut pipe, &world);
    }
    let totals = &engine.counters().totals;
    assert_eq!((totals.flows.value(), totals.persistence_entries.value()), (0, 0));
}

/// An error of a router on the way of a tunnel: `mtu` bytes fit, about a packet of `client` as it left.
fn too_big(outer: &[u8], mtu: u16) -> Vec<u8> {
    let [high, low] = mtu.to_be_bytes();
    icmp_error(BACK, "10.2.0.99", "10.2.0.1", (3, 4), [0, 0, high, low], &outer[14..])
}

#[test]
fn what_a_tunnels_path_carries_is_forgotten_after_ten_minutes() {
    let mut engine = engine(tables(&[Method::TunnelIpip]));
    let at = |seconds| Now::from_secs(seconds);
    let data = |engine: &mut Engine, seconds| {
        let mut segment = tcp(FRONT, CLIENT, VIP, "A", (2, 2), &[7; 1_300]);
        segment[20] |= 0x40;
        net::ip::write_v4_checksum(&mut segment, 14, 20);
        send_at(engine, at(seconds), FRONT, &segment)
    };
    send_at(&mut engine, at(1), FRONT, &tcp(FRONT, CLIENT, VIP, "S", (1, 0), b""));
    let outer = data(&mut engine, 1).frame;
    assert_eq!(send_at(&mut engine, at(2), BACK, &too_big(&outer, 1_300)).verdict, Verdict::Consumed);
    assert_eq!(data(&mut engine, 3).drop(), Some(DropReason::TooBig));
    assert_eq!(data(&mut engine, 601).drop(), Some(DropReason::TooBig));
    assert_eq!(data(&mut engine, 602).verdict, Verdict::Transmit(BACK), "the path may be another one by now");
}

#[test]
fn the_worker_whose_client_it_is_learns_what_a_tunnels_path_carries() {
    let mut world = tables(&[Method::TunnelIpip]);
    world.workers = 2;
    let world = Arc::new(world);
    let counters = counters(2);
    let mut workers: Vec<Engine> =
        (0..2u8).map(|worker| Engine::new(WorkerId(worker), Arc::clone(&world), Arc::clone(&counters), 1)).collect();
    let owner = world.worker_of_client(address(CLIENT.0));
    let other = 1 - owner.at();
    let outer = send(&mut workers[owner.at()], FRONT, &tcp(FRONT, CLIENT, VIP, "S", (1, 0), b"")).frame;
    let error = too_big(&outer, 1_000);
    assert_eq!(send(&mut workers[other], BACK, &error).verdict, Verdict::HandOver(owner));
    let told = send(&mut workers[owner.at()], BACK, &error);
    assert_eq!((told.verdict, told.emitted.len()), (Verdict::Consumed, 1), "the client is told");
}

#[test]
fn a_batch_of_super_frames_finds_room_in_the_tunnel() {
    let world = Arc::new(tables(&[Method::TunnelIpip]));
    let mut engine = engine((*world).clone());
    let mut pipe = Pipe::default();
    send(&mut engine, FRONT, &tcp(FRONT, CLIENT, VIP, "S", (1, 0), b""));
    let segment = tcp(FRONT, CLIENT, VIP, "A", (2, 2), &vec![7; 60_000]);
    let offload = Offload {
        partial_checksum: true,
        checksum_start: L4 as u16,
        checksum_offset: 16,
        segmentation: Segmentation::TcpV4,
        segment_size: 1_400,
        ..Offload::NONE
    };
    for _ in 0..BATCH_MAX {
        let (slot, head): (Vec<u8>, Head) = send_buffer(FRONT, &segment, offload, 0);
        pipe.waiting.push(Frame { slot, head });
    }
    turn(&mut engine, 100, &mut pipe, &world);
    assert_eq!(drops(&engine, DropReason::EmissionsFull), 0);
    assert_eq!(pipe.emitted.len(), BATCH_MAX * 60_000usize.div_ceil(1_400));
}

#[test]
fn the_counters_know_of_each_frame_once() {
    let mut world = tables(&[Method::Nat]);
    world.limits.replies_per_second_max = 1;
    let world = Arc::new(world);
    let mut engine = engine((*world).clone());
    let mut pipe = Pipe::default();
    for port in 0..10 {
        let frame = tcp(FRONT, ("10.9.0.7", 1_000 + port), (VIP.0, 81), "S", (1, 0), b"");
        let (slot, head) = send_buffer(FRONT, &frame, Offload::NONE, 0);
        pipe.waiting.push(Frame { slot, head });
    }
    turn(&mut engine, 100, &mut pipe, &world);
    let all: u64 = engine.counters().drops.iter().map(|count| count.value()).sum();
    let totals = &engine.counters().totals;
    assert_eq!((totals.frames_received.value(), all), (10, 10));
    assert_eq!((totals.resets_sent.value(), totals.answers_withheld.value()), (1, 9));
}

#[test]
fn a_servers_data_connection_does_not_hide_a_flow_of_its_client() {
    let mut world = tables(&[Method::Nat]);
    change_service(&mut world, 0, |service| service.ftp = true);
    let mut vips = (*world.vips).clone();
    let vip = vips.exact.get_mut(&address(VIP.0)).unwrap();
    (vip.tcp[0].first, vip.tcp[0].last) = (0, u16::MAX);
    world.vips = Arc::new(vips);
    let mut engine = engine(world);
    let to = |port| (VIP.0, port);
    let control = send(&mut engine, FRONT, &tcp(FRONT, CLIENT, to(21), "S", (1, 0), b""));
    let server = ends(&control.frame).1.rsplit_once(':').unwrap().0.to_owned();
    // The client already talks to the VIP between the two ports that the server will connect.
    send(&mut engine, FRONT, &tcp(FRONT, (CLIENT.0, 50_000), to(20), "S", (1, 0), b""));
    let port = tcp(FRONT, CLIENT, to(21), "PA", (2, 2), b"PORT 10,9,0,7,195,80\r\n");
    assert_eq!(send(&mut engine, FRONT, &port).verdict, Verdict::Transmit(BACK));
    let data = send(&mut engine, BACK, &tcp(BACK, (&server, 20), (CLIENT.0, 50_000), "S", (1, 0), b""));
    assert_eq!(data.drop(), Some(DropReason::FtpRefused));
    let inbound = Tuple {
        source: address(CLIENT.0),
        destination: address(VIP.0),
        source_port: 50_000,
        destination_port: 20,
        protocol: 6,
    };
    let filter = FlowFilter { tuple: Some(inbound), ..FlowFilter::default() };
    assert_eq!(engine.list_flows(Now::from_secs(100), &filter, &mut 0, 10).0.len(), 1);
}
