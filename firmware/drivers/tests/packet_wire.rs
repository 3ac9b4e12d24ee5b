//! The packet wire against a real kernel: client and server namespaces joined by a bridge of packet wires.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use drivers::{Geometry, Handover, NicOptions, OpenError, PacketWire, Taps, Wake, WireCounters, clock, open_nic};
use engine::{BATCH_MAX, NicId, Wire, WorkerId};
use net::offload::{Offload, Segmentation};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use support::bridge::{Bridge, Options, named, wait_until};
use support::{CLIENT, Line, SERVER, is_root, traffic};

const MIB: usize = 1 << 20;

/// One super-frame per slot: what the copies are compared with.
const LARGE_SLOTS: Geometry = Geometry { slots: 64, slot_bytes: 69_632 };

#[test]
fn datagrams_of_all_sizes_pass_both_ways() {
    if !is_root("datagrams_of_all_sizes_pass_both_ways") {
        return;
    }
    for (mtu, geometry) in [(1500, None), (1500, Some(LARGE_SLOTS)), (9000, None), (65_535, None)] {
        let line = Line::new(mtu);
        let bridge = Bridge::start(&line.middle, Options { geometry, ..Options::default() });
        // What the client's stack sent before both NICs were attached had nowhere to go.
        let before = bridge.total("send_down");
        traffic::udp_echo(&line, &[1, 18, 64, 1472, 1473, 8972, 60_000, 65_000]);
        assert_eq!(bridge.total("send_down"), before);
        for name in ["truncated", "ring_full", "send_full", "send_too_long", "send_refused"] {
            assert_eq!(bridge.total(name), 0, "mtu {mtu}: {name}");
        }
    }
}

#[test]
fn tcp_streams_pass_as_super_frames_both_ways() {
    if !is_root("tcp_streams_pass_as_super_frames_both_ways") {
        return;
    }
    for geometry in [None, Some(LARGE_SLOTS)] {
        let line = Line::new(1500);
        let bridge = Bridge::start(&line.middle, Options { geometry, ..Options::default() });
        for family in 0..2 {
            traffic::stream(&line.client, &line.server, SERVER[family], 48 * MIB);
            traffic::stream(&line.server, &line.client, CLIENT[family], 48 * MIB);
        }
        for nic in 0..2 {
            assert!(bridge.count(nic, "super_frames_received") > 100);
            assert!(bridge.count(nic, "super_frames_transmitted") > 100);
            // Far fewer frames than 1,448 byte segments: they were never cut on the way.
            assert!(bridge.count(nic, "transmitted") < (2 * 48 * MIB / 1448) as u64);
        }
        assert_eq!(bridge.total("copied") > 0, geometry.is_none());
        assert_eq!([bridge.total("truncated"), bridge.total("send_refused")], [0, 0]);
    }
}

#[test]
fn no_slot_is_used_again_before_it_was_sent() {
    if !is_root("no_slot_is_used_again_before_it_was_sent") {
        return;
    }
    let line = Line::new(1500);
    // A ring that is as small as one batch: the kernel fills slots the moment they come back.
    let geometry = Some(Geometry { slots: 64, slot_bytes: 2048 });
    let bridge = Bridge::start(&line.middle, Options { geometry, ..Options::default() });
    let received = traffic::udp_flood(&line, 300_000);
    assert!(received > 30_000, "only {received} came through");
    assert!(bridge.count(0, "received") >= received);
}

#[test]
fn a_nic_that_comes_back_is_used_again_while_the_other_stays() {
    if !is_root("a_nic_that_comes_back_is_used_again_while_the_other_stays") {
        return;
    }
    let line = Line::new(1500);
    let bridge = Bridge::start(&line.middle, Options { workers: 2, ..Options::default() });
    traffic::udp_echo(&line, &[64]);
    line.middle.ip("link del near");
    wait_until("both workers lost near", || bridge.count(0, "lost") == 2);
    assert_eq!(bridge.count(1, "lost"), 0);
    line.join(0, 1500);
    bridge.wait_attached(6);
    traffic::udp_echo(&line, &[64, 1472]);
    traffic::stream(&line.client, &line.server, SERVER[0], MIB);
    line.middle.ip("link set far down");
    wait_until("both workers lost far", || bridge.count(1, "lost") == 2);
    line.middle.ip("link set far up");
    bridge.wait_attached(8);
    traffic::udp_echo(&line, &[64, 1472]);
}

#[test]
fn a_nic_that_goes_away_under_load_loses_frames_and_nothing_else() {
    if !is_root("a_nic_that_goes_away_under_load_loses_frames_and_nothing_else") {
        return;
    }
    let line = Line::new(1500);
    let bridge = Bridge::start(&line.middle, Options { spin: Duration::from_secs(1), ..Options::default() });
    std::thread::scope(|scope| {
        scope.spawn(|| traffic::udp_flood(&line, 200_000));
        wait_until("traffic", || bridge.count(0, "received") > 1000);
        line.middle.ip("link del far");
        wait_until("far is lost", || bridge.count(1, "lost") == 1);
    });
    assert!(bridge.count(1, "send_down") > 0);
    assert_eq!(bridge.count(0, "lost"), 0);
    line.join(1, 1500);
    bridge.wait_attached(3);
    traffic::udp_echo(&line, &[64, 1472]);
}

#[test]
fn marked_frames_reach_the_worker_that_their_mark_names() {
    if !is_root("marked_frames_reach_the_worker_that_their_mark_names") {
        return;
    }
    const WORKERS: usize = 3;
    const FRAMES: u64 = 20;
    let line = Line::new(1500);
    line.nft(
        "table netdev marks {
            chain near { type filter hook ingress device near priority 0;
                udp dport 7000 meta mark set 0x53750000
                udp dport 7001 meta mark set 0x53750001
                udp dport 7002 meta mark set 0x53750002
                udp dport 7003 meta mark set 0x00000001
            }
        }",
    );
    let options = Options { workers: WORKERS, taps: Taps::Marked, ..Options::default() };
    let bridge = Bridge::start(&line.middle, options);
    let receiver = line.server.spawn(|| {
        let sockets: Vec<_> = (0..4).map(|port| std::net::UdpSocket::bind((SERVER[0], 7000 + port)).unwrap()).collect();
        std::thread::sleep(Duration::from_secs(1));
        sockets
            .iter()
            .map(|socket| {
                socket.set_nonblocking(true).unwrap();
                (0..).take_while(|_| socket.recv(&mut [0; 64]).is_ok()).count() as u64
            })
            .collect::<Vec<u64>>()
    });
    std::thread::sleep(Duration::from_millis(100));
    let sender = line.client.spawn(|| {
        let socket = std::net::UdpSocket::bind((CLIENT[0], 0)).unwrap();
        for number in 0..FRAMES * 4 {
            socket.send_to(b"frame", (SERVER[0], 7000 + (number % 4) as u16)).unwrap();
        }
    });
    sender.join().unwrap();
    assert_eq!(receiver.join().unwrap(), [FRAMES, FRAMES, FRAMES, 0], "what arrived, by port");
    for (worker, counters) in bridge.counters.iter().enumerate() {
        assert_eq!(counters.nic(NicId(0)).received.value(), FRAMES, "worker {worker}");
    }
}

#[test]
fn frames_handed_over_leave_through_the_other_worker() {
    if !is_root("frames_handed_over_leave_through_the_other_worker") {
        return;
    }
    let line = Line::new(1500);
    // The default fan-out sends everything to worker 0.
    let options = Options { workers: 2, hand_to: Some(WorkerId(1)), ..Options::default() };
    let bridge = Bridge::start(&line.middle, options);
    traffic::udp_echo(&line, &[64, 1472, 60_000]);
    traffic::stream(&line.client, &line.server, SERVER[0], 8 * MIB);
    let [zero, one] = [0, 1].map(|worker| &bridge.counters[worker]);
    let both = |counters: &WireCounters, name| -> u64 {
        (0..2).map(|nic| named(&counters.nic(NicId(nic)).list(), name)).sum()
    };
    assert_eq!([both(zero, "transmitted"), both(one, "received")], [0, 0]);
    assert!(both(one, "transmitted") > 100 && both(one, "super_frames_transmitted") > 0);
}

#[test]
fn an_idle_worker_sleeps_and_wakes_when_called() {
    if !is_root("an_idle_worker_sleeps_and_wakes_when_called") {
        return;
    }
    let line = Line::new(1500);
    let bridge = Bridge::start(&line.middle, Options::default());
    traffic::udp_echo(&line, &[64]);
    std::thread::sleep(Duration::from_millis(600));
    let before = bridge.cpu[0].load(Relaxed);
    std::thread::sleep(Duration::from_secs(3));
    let used = Duration::from_nanos(bridge.cpu[0].load(Relaxed) - before);
    assert!(used < Duration::from_millis(30), "an idle worker used {used:?} in 3 s");
    let calls = bridge.calls.load(Relaxed);
    bridge.wakers[0].wake();
    wait_until("the call is noticed", || bridge.calls.load(Relaxed) == calls + 1);
}

#[test]
fn super_frames_pass_nics_that_cannot_cut_them() {
    if !is_root("super_frames_pass_nics_that_cannot_cut_them") {
        return;
    }
    // Switched off before the NIC is opened, and while it is open.
    for before in [true, false] {
        let line = Line::new(1500);
        let off = || line.middle.exec("ethtool -K far tso off gso off");
        if before {
            off();
        }
        let bridge = Bridge::start(&line.middle, Options::default());
        if !before {
            traffic::stream(&line.client, &line.server, SERVER[0], MIB);
            off();
        }
        traffic::stream(&line.client, &line.server, SERVER[0], 16 * MIB);
        assert!(bridge.count(1, "super_frames_transmitted") > 0);
    }
}

#[test]
fn frames_without_room_for_a_copy_are_counted() {
    if !is_root("frames_without_room_for_a_copy_are_counted") {
        return;
    }
    let line = Line::new(65_535);
    let counters = Arc::new(WireCounters::default());
    let shared = counters.clone();
    let options = NicOptions {
        workers: 1,
        taps: Options::default().taps,
        geometry: Some(Geometry { slots: 1024, slot_bytes: 2048 }),
    };
    let (open, is_open) = std::sync::mpsc::channel();
    let (sent, is_sent) = std::sync::mpsc::channel::<()>();
    let reader = line.middle.spawn(move || {
        let end = Handover::mesh(1).unwrap().remove(0);
        let mut wire = PacketWire::new(end, shared).unwrap();
        wire.attach(open_nic("near", NicId(0), &options).unwrap().remove(0)).unwrap();
        open.send(()).unwrap();
        is_sent.recv().unwrap();
        let mut frames = Vec::with_capacity(BATCH_MAX);
        loop {
            wire.receive(&mut frames);
            if frames.is_empty() {
                break;
            }
            frames.drain(..).for_each(|frame| wire.release(frame));
        }
        wire.count_ring_drops();
    });
    is_open.recv().unwrap();
    let sender = line.client.spawn(|| {
        let socket = std::net::UdpSocket::bind((CLIENT[0], 0)).unwrap();
        for _ in 0..1200 {
            socket.send_to(&[0; 60_000], (SERVER[0], 9)).unwrap();
        }
    });
    sender.join().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    sent.send(()).unwrap();
    reader.join().unwrap();
    let nic = counters.nic(NicId(0));
    let (copied, truncated, full) = (nic.copied.value(), nic.truncated.value(), nic.ring_full.value());
    assert!(copied > 100 && truncated > 100, "{copied} copied, {truncated} truncated");
    assert_eq!(nic.received.value() + truncated, 1024, "every slot was one or the other");
    assert!((176..200).contains(&full), "the kernel counted {full} of 176 datagrams, and noise, without a slot");
}

#[test]
fn sends_that_fail_are_counted_by_their_kind() {
    if !is_root("sends_that_fail_are_counted_by_their_kind") {
        return;
    }
    let line = Line::new(1500);
    let counters = Arc::new(WireCounters::default());
    let shared = counters.clone();
    let sender = line.middle.spawn(move || {
        let options = NicOptions { workers: 1, taps: Taps::Marked, geometry: None };
        let end = Handover::mesh(1).unwrap().remove(0);
        let mut wire = PacketWire::new(end, shared).unwrap();
        wire.attach(open_nic("near", NicId(0), &options).unwrap().remove(0)).unwrap();
        let beyond = Offload { partial_checksum: true, checksum_start: 2000, checksum_offset: 16, ..Offload::NONE };
        let no_size = Offload { segmentation: Segmentation::TcpV4, ..Offload::NONE };
        wire.emit(NicId(0), Offload::NONE, &[0; 60]);
        wire.emit(NicId(0), Offload::NONE, &[0; 1600]);
        wire.emit(NicId(0), beyond, &[0; 60]);
        wire.emit(NicId(0), no_size, &[0; 60]);
        wire.emit(NicId(7), Offload::NONE, &[0; 60]);
        wire.emit(NicId(0), Offload::NONE, &vec![0; 80_000]);
        for _ in 0..1000 {
            wire.emit(NicId(0), Offload::NONE, &[0; 60]);
        }
        wire.flush();
        assert!(matches!(open_nic("nowhere", NicId(1), &options), Err(OpenError::Missing(_))));
        assert!(matches!(open_nic("lo", NicId(1), &options), Err(OpenError::NotEthernet(_))));
    });
    sender.join().unwrap();
    let list = counters.nic(NicId(0)).list();
    let table = [("transmitted", 1001), ("send_too_long", 1), ("send_refused", 2), ("emit_full", 1)];
    for (name, expected) in table {
        assert_eq!(named(&list, name), expected, "{name}");
    }
    assert_eq!(counters.nic(NicId(7)).send_down.value(), 1);
    line.middle.ip("link set near down");
    let options = NicOptions { workers: 1, taps: Taps::Marked, geometry: None };
    let down = line.middle.spawn(move || open_nic("near", NicId(0), &options).err());
    assert!(matches!(down.join().unwrap(), Some(OpenError::Down(_))));
}

#[test]
fn lent_frames_outlive_their_nic_and_tagged_frames_are_refused() {
    if !is_root("lent_frames_outlive_their_nic_and_tagged_frames_are_refused") {
        return;
    }
    let line = Line::new(1500);
    let marked = || NicOptions { workers: 1, taps: Taps::Marked, geometry: None };
    let counters = Arc::new(WireCounters::default());
    let shared = counters.clone();
    let (open, is_open) = std::sync::mpsc::channel();
    let receiver = line.middle.spawn(move || {
        let everything = NicOptions { taps: Options::default().taps, ..marked() };
        let mut wire = PacketWire::new(Handover::mesh(1).unwrap().remove(0), shared).unwrap();
        wire.attach(open_nic("near", NicId(0), &everything).unwrap().remove(0)).unwrap();
        open.send(()).unwrap();
        let (mut frames, mut kept) = (Vec::with_capacity(BATCH_MAX), Vec::new());
        while kept.len() < 2 {
            wire.wait(clock::now() + Duration::from_secs(5), Duration::ZERO);
            wire.receive(&mut frames);
            for mut frame in frames.drain(..) {
                // The client's stack says something of its own now and then.
                match frame.packet().bytes()[12..14] {
                    [0x88, 0xb5] => kept.push(frame),
                    _ => wire.release(frame),
                }
            }
        }
        wire.detach(NicId(0));
        assert!(!wire.is_attached(NicId(0)));
        let (mut second, mut first) = (kept.remove(1), kept.remove(0));
        assert_eq!(first.packet().bytes()[14..], [1; 46]);
        wire.release(first);
        drop(wire);
        assert_eq!(second.packet().bytes()[14..], [1; 46]);
    });
    is_open.recv().unwrap();
    let sender = line.client.spawn(move || {
        let mut wire = PacketWire::new(Handover::mesh(1).unwrap().remove(0), Arc::default()).unwrap();
        wire.attach(open_nic("eth0", NicId(0), &marked()).unwrap().remove(0)).unwrap();
        let mut frame = [1; 60];
        // An 802.1Q tag, then experimental frames without one.
        frame[12..14].copy_from_slice(&[0x81, 0]);
        wire.emit(NicId(0), Offload::NONE, &frame);
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        wire.emit(NicId(0), Offload::NONE, &frame);
        wire.emit(NicId(0), Offload::NONE, &frame);
        wire.flush();
    });
    sender.join().unwrap();
    receiver.join().unwrap();
    assert_eq!(counters.nic(NicId(0)).tagged.value(), 1);
}

#[test]
fn a_wait_ends_at_its_deadline_and_a_spinning_one_does_not_sleep() {
    let counters = Arc::new(WireCounters::default());
    let end = Handover::mesh(1).unwrap().remove(0);
    let mut wire = PacketWire::new(end, counters.clone()).unwrap();
    let start = Instant::now();
    assert_eq!(wire.wait(clock::now() + Duration::from_millis(30), Duration::ZERO), Wake::Deadline);
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(counters.sleeps.value(), 1);
    let start = Instant::now();
    assert_eq!(wire.wait(clock::now() + Duration::from_millis(30), Duration::from_secs(1)), Wake::Deadline);
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(counters.sleeps.value(), 1, "it spun");
    wire.waker().wake();
    assert_eq!(wire.wait(clock::now() + Duration::from_secs(60), Duration::ZERO), Wake::Control);
}
