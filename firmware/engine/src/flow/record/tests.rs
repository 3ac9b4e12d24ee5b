use super::*;
use crate::flow::{Direction, FlowTable};
use crate::tables::{
    Backend, BackendState, Method, Midstream, MssClamp, OnBackendDown, PortRange, SchedulerFlags, SchedulerKind,
    Service, Snat, Timeouts, Vip, Vips,
};
use net::siphash::Key;
use std::sync::Arc;

const KEY: Key = Key(7, 8);
const VIP: Address = Address::v4([10, 1, 0, 100]);
const CLIENT: Address = Address::v4([10, 1, 7, 7]);

fn backend(number: u8, method: Method, port: Option<u16>) -> Backend {
    Backend {
        name: format!("b{number}"),
        service: ServiceIndex(0),
        address: Address::v4([10, 2, 0, number]),
        port,
        method,
        weight: 1,
        state: BackendState::Online,
        healthy: true,
        standby: None,
        flows_max: 0,
        flows_low: 0,
        hop: None,
        tunnel_source: None,
        tunnel_port: 0,
        tunnel_checksum: false,
        generation: 0,
    }
}

fn service(name: &str, backends: Vec<BackendIndex>) -> Service {
    Service {
        name: name.to_owned(),
        tcp: true,
        scheduler: SchedulerKind::Rr,
        scheduler_flags: SchedulerFlags::default(),
        persistence: None,
        on_backend_down: OnBackendDown::Reselect,
        midstream: Midstream::Reset,
        one_packet: false,
        mss_clamp: MssClamp::Auto,
        timeouts: Timeouts::default(),
        ftp: false,
        claim_flows: false,
        reply_ports: Vec::new(),
        backends,
        fallback: None,
        generation: 0,
    }
}

// The same configuration, in other slots: `shift` free ones come before everything.
fn node(shift: usize) -> Tables {
    let index = |number: usize| BackendIndex((shift + number) as u16);
    let web = Service {
        backends: vec![index(0), index(1), index(2), index(3)],
        fallback: Some(index(4)),
        ..service("web", vec![])
    };
    let backends = [
        backend(1, Method::Nat, Some(8080)),
        backend(1, Method::Nat, Some(8081)),
        backend(2, Method::Direct, None),
        backend(3, Method::FullNat, Some(8080)),
        backend(9, Method::Nat, None),
    ];
    let range = PortRange { first: 1, last: 50_000, service: ServiceIndex(shift as u16) };
    let mut vips = Vips::default();
    vips.exact.insert(VIP, Vip { tcp: vec![range], udp: vec![] });
    let free_snat = Snat { address: Address::v4([192, 0, 2, 1]), in_use: false };
    let mut snat = vec![free_snat; shift];
    snat.push(Snat { address: Address::v4([10, 2, 0, 250]), in_use: true });
    Tables {
        epoch: 40 + shift as u64,
        vips: Arc::new(vips),
        services: std::iter::repeat_n(None, shift).chain([Some(web)]).collect(),
        backends: std::iter::repeat_n(None, shift).chain(backends.into_iter().map(Some)).collect(),
        snat: snat.into(),
        ..Tables::default()
    }
}

fn made_on(tables: &Tables, number: u16, vip_port: u16, port: u16, snat: Option<(u8, u16)>) -> NewFlow {
    let found = tables.backend(BackendIndex(number)).unwrap();
    let source = snat.map(|(slot, port)| (tables.snat[usize::from(slot)].address, port));
    NewFlow {
        client: CLIENT,
        client_port: 5555,
        vip: VIP,
        vip_port,
        protocol: protocol::TCP,
        service: ServiceIndex(0),
        backend: BackendIndex(number),
        outbound: reply_tuple(found, port, protocol::TCP, (CLIENT, 5555), source),
        snat,
        state: State::Established,
        client_mac: Mac([2, 0, 0, 0, 0, 9]),
        client_nic: NicId(0),
        timeout_s: 900,
    }
}

#[test]
fn a_flow_survives_the_way_to_another_node() {
    let (here, there) = (node(0), node(3));
    // Backend here, port asked for, where the backend listens, source address and port.
    let cases = [
        (0, 80, 8080, None),
        (1, 80, 8081, None),
        (2, 80, 80, None),
        (3, 80, 8080, Some((0, 2000))),
        (4, 80, 80, None),
        // FTP data.
        (0, 40_000, 40_000, None),
    ];
    for (number, vip_port, port, snat) in cases {
        let mut table = FlowTable::new(4, KEY);
        let id = table.insert(Now::from_secs(100), &made_on(&here, number, vip_port, port, snat)).unwrap();
        let flow = table.flow_mut(id);
        (flow.client_next, flow.server_next, flow.packets_in, flow.bytes_out) = (11, 22, 33, 44);
        flow.flags |= flag::FTP | flag::PERSISTENT;
        let record = FlowRecord::of(table.flow(id), Now::from_secs(160), &here).unwrap();
        assert_eq!((record.epoch, record.idle_s, record.backend_port), (40, 60, port));

        // There the clock is another one, too.
        let mut table = FlowTable::new(4, KEY);
        let now = Now::from_secs(5000);
        let new = record.resolve(&there, NicId(7)).unwrap();
        assert_eq!((new.service, new.backend), (ServiceIndex(3), BackendIndex(number + 3)));
        assert_eq!((new.snat, new.timeout_s), (snat.map(|(slot, port)| (slot + 3, port)), 840));
        let id = table.insert(now, &new).unwrap();
        record.fill(table.flow_mut(id), now);
        let flow = *table.flow(id);
        assert_eq!((flow.client_next, flow.server_next, flow.packets_in, flow.bytes_out), (11, 22, 33, 44));
        assert_eq!((flow.last_seen_s, flow.client_nic), (4940, NicId(7)));
        assert!(flow.has(flag::LEARNT | flag::FTP) && !flow.has(flag::PERSISTENT), "persistence is the node's own");
        if let Some(outbound) = flow.outbound(&there) {
            assert_eq!(table.find(&outbound, outbound.hash(KEY), &there), Some((id, Direction::Outbound)));
        }
        let again = FlowRecord::of(&flow, now, &there).unwrap();
        assert_eq!(again.flags & !flag::LEARNT, record.flags & !flag::PERSISTENT);
        assert_eq!(FlowRecord { epoch: 40, flags: record.flags, ..again }, record);
    }
}

#[test]
fn what_another_node_does_not_know_is_not_learnt() {
    let here = node(0);
    let mut table = FlowTable::new(4, KEY);
    let id = table.insert(Now::from_secs(100), &made_on(&here, 3, 80, 8080, Some((0, 2000)))).unwrap();
    let record = FlowRecord::of(table.flow(id), Now::from_secs(100), &here).unwrap();
    assert!(record.resolve(&here, NicId(0)).is_some());
    let unknown = Address::v4([10, 9, 9, 9]);
    let strangers = [
        ("vip", FlowRecord { inbound: Tuple { destination: unknown, ..record.inbound }, ..record }),
        ("port", FlowRecord { inbound: Tuple { destination_port: 60_000, ..record.inbound }, ..record }),
        ("protocol", FlowRecord { inbound: Tuple { protocol: protocol::UDP, ..record.inbound }, ..record }),
        ("backend", FlowRecord { backend: unknown, ..record }),
        ("backend's port", FlowRecord { backend_port: 9999, ..record }),
        ("source address", FlowRecord { snat: Some((unknown, 2000)), ..record }),
    ];
    for (name, stranger) in strangers {
        assert_eq!(stranger.resolve(&here, NicId(0)), None, "{name}");
    }
    assert_eq!(FlowRecord::of(table.flow(id), Now::from_secs(100), &Tables::default()), None);
}

#[test]
fn changes_come_out_in_order_and_stop_when_full() {
    let gone = |port| FlowChange::Gone {
        inbound: Tuple {
            source: CLIENT,
            destination: VIP,
            source_port: port,
            destination_port: 80,
            protocol: protocol::TCP,
        },
    };
    let mut changes = FlowChanges::new(2);
    assert!(changes.is_on() && changes.is_empty());
    assert_eq!([1, 2, 3].map(|port| changes.push(gone(port))), [true, true, false]);
    assert_eq!((changes.len(), changes.pop()), (2, Some(gone(1))));
    assert!(changes.push(gone(4)));
    assert_eq!([changes.pop(), changes.pop(), changes.pop()], [Some(gone(2)), Some(gone(4)), None]);

    let mut off = FlowChanges::new(0);
    assert!(!off.is_on() && off.push(gone(1)), "nobody listens, nothing is lost");
    assert_eq!(off.pop(), None);
}
