use super::*;
use crate::flow::reply_tuple;
use crate::tables::{Backend, BackendState, Method, Snat, Timeouts};
use crate::{NicId, ServiceIndex};
use net::ip::protocol::{TCP, UDP};
use net::{Address, Mac};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

const KEY: Key = Key(1, 2);
const T0: Now = Now::from_secs(1000);

fn v4(a: u8, b: u8, c: u8, d: u8) -> Address {
    Address::v4([a, b, c, d])
}

fn backend(number: u8, method: Method, port: Option<u16>) -> Backend {
    Backend {
        name: format!("b{number}"),
        service: ServiceIndex(0),
        address: v4(10, 2, 0, number),
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

// Backends 0: nat to its own port, 1: nat to the port asked for, 2: direct, 3: full NAT.
fn tables() -> Tables {
    Tables {
        key: KEY,
        backends: [
            Some(backend(0, Method::Nat, Some(8080))),
            Some(backend(1, Method::Nat, None)),
            Some(backend(2, Method::Direct, None)),
            Some(backend(3, Method::FullNat, Some(8080))),
        ]
        .into(),
        snat: [Snat { address: v4(10, 2, 0, 250), in_use: true }].into(),
        ..Tables::default()
    }
}

fn new_flow(tables: &Tables, client_port: u16, backend: u16) -> NewFlow {
    let client = v4(10, 1, (client_port >> 8) as u8, 1);
    let found = tables.backend(BackendIndex(backend)).unwrap();
    let snat = (found.method == Method::FullNat).then_some((0, client_port));
    let source = snat.map(|(slot, port)| (tables.snat[usize::from(slot)].address, port));
    NewFlow {
        client,
        client_port,
        vip: v4(10, 1, 0, 100),
        vip_port: 80,
        protocol: TCP,
        service: ServiceIndex(0),
        backend: BackendIndex(backend),
        outbound: reply_tuple(found, found.port.unwrap_or(80), TCP, (client, client_port), source),
        snat,
        state: State::SynRecv,
        client_mac: Mac([2, 0, 0, 0, 0, 1]),
        client_nic: NicId(0),
        timeout_s: 60,
    }
}

fn find(table: &FlowTable, tables: &Tables, tuple: &Tuple) -> Option<(FlowId, Direction)> {
    table.find(tuple, tuple.hash(KEY), tables)
}

fn timeout_of(flow: &Flow) -> u32 {
    flow.state.timeout_s(&Timeouts::default())
}

fn expire(table: &mut FlowTable, tables: &Tables, at_s: u64) -> Vec<u16> {
    let mut ports = Vec::new();
    table.expire(Now::from_secs(at_s), usize::MAX, tables, timeout_of, |flow| ports.push(flow.client_port));
    ports
}

#[test]
fn both_directions_lead_to_the_flow() {
    let tables = tables();
    let mut table = FlowTable::new(10, KEY);
    // Backend, then the tuple of its replies.
    let expected = [
        (0, Some("10.2.0.0:8080 > 10.1.4.1:1024")),
        (1, Some("10.2.0.1:80 > 10.1.4.1:1025")),
        (2, None),
        (3, Some("10.2.0.3:8080 > 10.2.0.250:1027")),
    ];
    for (backend, reply) in expected {
        let new = new_flow(&tables, 1024 + backend, backend);
        let id = table.insert(T0, &new).unwrap();
        let text = |tuple: Tuple| {
            format!("{}:{} > {}:{}", tuple.source, tuple.source_port, tuple.destination, tuple.destination_port)
        };
        assert_eq!(table.flow(id).outbound(&tables).map(text).as_deref(), reply);
        assert_eq!(table.flow(id).outbound(&tables), new.outbound);
        assert_eq!(table.flow(id).inbound(), new.inbound());
        assert_eq!(find(&table, &tables, &new.inbound()), Some((id, Direction::Inbound)));
        if let Some(outbound) = new.outbound {
            assert_eq!(find(&table, &tables, &outbound), Some((id, Direction::Outbound)));
            assert_eq!(find(&table, &tables, &outbound.reversed()), None);
        }
        assert_eq!(find(&table, &tables, &Tuple { protocol: UDP, ..new.inbound() }), None);
    }
    assert_eq!((table.len(), table.capacity()), (4, 10));
}

#[test]
fn a_candidate_is_the_flow_it_promises() {
    let tables = tables();
    let mut table = FlowTable::new(100, KEY);
    let news: Vec<_> = (0..100).map(|port| new_flow(&tables, port, 0)).collect();
    news.iter().for_each(|new| assert!(table.insert(T0, new).is_ok()));
    let touched = news.iter().filter(|new| table.touch_index(new.inbound().hash(KEY)) != 0).count();
    assert!(touched > 90, "{touched} of 100");
    for candidate in [0, 1, 100, 101, OLD, OLD | 1, u32::MAX] {
        table.touch_flow(candidate);
    }
}

#[test]
fn ftp_data_goes_to_the_vips_port_whatever_the_backends_is() {
    let tables = tables();
    let mut table = FlowTable::new(10, KEY);
    let mut new = new_flow(&tables, 1024, 0);
    new.vip_port = 40_000;
    new.outbound = Some(Tuple { source_port: 40_000, ..new.outbound.unwrap() });
    let id = table.insert(T0, &new).unwrap();
    assert!(table.flow(id).has(flag::VIP_PORT | flag::HAS_OUTBOUND));
    assert_eq!(table.flow(id).backend_port(tables.backend(BackendIndex(0)).unwrap()), 40_000);
    assert_eq!(find(&table, &tables, &new.outbound.unwrap()), Some((id, Direction::Outbound)));
}

#[test]
fn a_full_table_says_so_and_loses_nothing() {
    let tables = tables();
    let mut table = FlowTable::new(3, KEY);
    let news: Vec<_> = (0..4).map(|port| new_flow(&tables, port, 0)).collect();
    news[..3].iter().for_each(|new| assert!(table.insert(T0, new).is_ok()));
    assert_eq!(table.insert(T0, &news[3]), Err(Full));
    assert_eq!(find(&table, &tables, &news[3].inbound()), None);
    assert!(news[..3].iter().all(|new| find(&table, &tables, &new.inbound()).is_some()));

    let (id, _) = find(&table, &tables, &news[1].inbound()).unwrap();
    assert_eq!(table.remove(id, &tables).client_port, 1);
    assert_eq!(find(&table, &tables, &news[1].inbound()), None);
    assert_eq!(find(&table, &tables, &news[1].outbound.unwrap()), None);
    assert!(table.insert(T0, &news[3]).is_ok());
}

#[test]
fn replies_with_the_same_tuple_do_not_disturb_each_other() {
    // Two VIPs, one client port, one backend: the replies of both look the same.
    let tables = tables();
    let mut table = FlowTable::new(4, KEY);
    let one = new_flow(&tables, 1024, 0);
    let two = NewFlow { vip: v4(10, 1, 0, 101), ..one };
    table.insert(T0, &one).unwrap();
    table.insert(T0, &two).unwrap();
    let (id, _) = find(&table, &tables, &one.inbound()).unwrap();
    table.remove(id, &tables);
    let (left, _) = find(&table, &tables, &two.inbound()).unwrap();
    assert_eq!(find(&table, &tables, &one.outbound.unwrap()), Some((left, Direction::Outbound)));
}

#[test]
fn rebind_moves_the_replies() {
    let tables = tables();
    let mut table = FlowTable::new(4, KEY);
    let before = new_flow(&tables, 1024, 0);
    let id = table.insert(T0, &before).unwrap();
    for backend in [3, 2, 1, 0] {
        let after = new_flow(&tables, 1024, backend);
        table.rebind(id, after.backend, after.outbound.as_ref(), after.snat);
        assert_eq!(table.flow(id).outbound(&tables), after.outbound);
        assert_eq!(find(&table, &tables, &before.inbound()), Some((id, Direction::Inbound)));
        for other in 0..4 {
            let Some(outbound) = new_flow(&tables, 1024, other).outbound else { continue };
            assert_eq!(find(&table, &tables, &outbound).is_some(), other == backend, "{other} with {backend}");
        }
    }
    table.remove(id, &tables);
    assert_eq!(table.load(), 0.0);
}

#[test]
fn a_flow_ends_in_the_second_its_time_is_up() {
    let tables = tables();
    let mut table = FlowTable::new(4, KEY);
    let id = table.insert(T0, &new_flow(&tables, 1, 0)).unwrap();
    assert_eq!(expire(&mut table, &tables, 1059), []);
    // A packet in the last second: due at 1060, queued again for 1119.
    table.seen(id, Now::from_secs(1059));
    assert_eq!(expire(&mut table, &tables, 1060), []);
    assert_eq!(expire(&mut table, &tables, 1118), []);
    assert_eq!(expire(&mut table, &tables, 1119), [1]);
    assert_eq!(table.len(), 0);
    assert_eq!(table.load(), 0.0);
}

#[test]
fn a_later_deadline_is_noticed_and_an_earlier_one_moves_the_flow() {
    let tables = tables();
    let mut table = FlowTable::new(4, KEY);
    let id = table.insert(T0, &new_flow(&tables, 1, 0)).unwrap();
    // ESTABLISHED: 900 s instead of 60.
    table.set_state(id, Now::from_secs(1001), State::Established, 900);
    assert_eq!(expire(&mut table, &tables, 1900), []);
    table.seen(id, Now::from_secs(1900));
    assert_eq!(expire(&mut table, &tables, 1950), []);
    // Queued for 2800 by now. CLOSE: 10 s.
    table.set_state(id, Now::from_secs(1960), State::Close, 10);
    assert_eq!(expire(&mut table, &tables, 1969), []);
    assert_eq!(expire(&mut table, &tables, 1970), [1]);
}

#[test]
fn timeouts_beyond_the_wheel_hold() {
    let tables = tables();
    let mut table = FlowTable::new(4, KEY);
    table.insert(T0, &NewFlow { timeout_s: 86_400, ..new_flow(&tables, 1, 0) }).unwrap();
    let mut ended_s = None;
    for at_s in 1000..100_000 {
        if table.expire(Now::from_secs(at_s), 10, &tables, |_| 86_400, |_| ()) > 0 {
            ended_s = Some(at_s);
        }
    }
    assert_eq!(ended_s, Some(87_400));
}

#[test]
fn expiry_keeps_to_its_budget_and_comes_back_for_the_rest() {
    let tables = tables();
    let mut table = FlowTable::new(100, KEY);
    (0..100).for_each(|port| assert!(table.insert(T0, &new_flow(&tables, port, 0)).is_ok()));
    let late = Now::from_secs(5000);
    let slices: Vec<usize> = (0..5).map(|_| table.expire(late, 30, &tables, timeout_of, |_| ())).collect();
    assert_eq!(slices, [30, 30, 30, 10, 0]);
}

#[test]
fn last_seen_is_written_once_a_second() {
    let tables = tables();
    let mut table = FlowTable::new(4, KEY);
    let id = table.insert(T0, &new_flow(&tables, 1, 0)).unwrap();
    table.seen(id, T0 + Duration::from_millis(999));
    assert_eq!(table.flow(id).last_seen_s, 1000);
    table.seen(id, T0 + Duration::from_millis(1000));
    assert_eq!(table.flow(id).last_seen_s, 1001);
}

#[test]
fn only_half_open_flows_are_evicted() {
    let tables = tables();
    // Protocol, backend (2: replies are not seen), state, whether it may go.
    let cases = [
        (TCP, 0, State::SynRecv, true),
        (TCP, 2, State::SynRecv, true),
        (TCP, 0, State::SynSent, true),
        (TCP, 0, State::Established, false),
        (TCP, 0, State::FinWait, false),
        (TCP, 0, State::TimeWait, false),
        (UDP, 0, State::Udp, true),
        (UDP, 0, State::UdpReplied, false),
        (UDP, 2, State::Udp, false),
    ];
    for (protocol, backend, state, goes) in cases {
        let mut table = FlowTable::new(1, KEY);
        let new = NewFlow { protocol, state, ..new_flow(&tables, 1, backend) };
        let outbound = new.outbound.map(|tuple| Tuple { protocol, ..tuple });
        table.insert(T0, &NewFlow { outbound, ..new }).unwrap();
        let mut ended = 0;
        assert_eq!(table.evict_half_open(&tables, |_| ended += 1), goes, "{protocol} {backend} {state:?}");
        assert_eq!((ended, table.len()), if goes { (1, 0) } else { (0, 1) });
    }
}

#[test]
fn eviction_looks_at_a_bounded_number_of_slots_and_goes_on_from_there() {
    let tables = tables();
    let flows = EVICT_SCAN_MAX as u16 * 3;
    let mut table = FlowTable::new(u32::from(flows), KEY);
    for port in 0..flows {
        // The only half-open flow is in the second stretch.
        let state = if port == flows / 2 { State::SynRecv } else { State::Established };
        table.insert(T0, &NewFlow { state, ..new_flow(&tables, port, 0) }).unwrap();
    }
    let found: Vec<bool> = (0..4).map(|_| table.evict_half_open(&tables, |_| ())).collect();
    assert_eq!(found, [false, true, false, false]);
}

#[test]
fn a_rebuild_keeps_flows_their_ids_and_their_deadlines() {
    let tables = tables();
    let mut table = FlowTable::new(50, KEY);
    let news: Vec<_> = (0..50).map(|port| new_flow(&tables, port, port % 4)).collect();
    news.iter().for_each(|new| assert!(table.insert(T0, new).is_ok()));
    table.resize(80);
    assert!(table.is_rebuilding());
    assert_eq!((table.len(), table.capacity()), (50, 80));
    let late = new_flow(&tables, 500, 0);
    table.insert(T0, &late).unwrap();
    let mut slices = 0;
    while table.is_rebuilding() {
        table.migrate(7, &tables, |_| panic!("there is room"));
        slices += 1;
        for new in news.iter().chain([&late]) {
            let (id, direction) = find(&table, &tables, &new.inbound()).expect("found in either table");
            assert_eq!((direction, table.flow(id).client_port), (Direction::Inbound, new.client_port));
            assert!(new.outbound.is_none_or(|tuple| find(&table, &tables, &tuple).unwrap().0 == id));
        }
    }
    assert_eq!(slices, 100_usize.div_ceil(7));
    assert_eq!(expire(&mut table, &tables, 1059), []);
    assert_eq!(expire(&mut table, &tables, 1060).len(), 51);
}

#[test]
fn a_smaller_table_loses_half_open_flows_first() {
    let tables = tables();
    let mut table = FlowTable::new(40, KEY);
    for port in 0..40 {
        let state = if port % 2 == 0 { State::SynRecv } else { State::Established };
        table.insert(T0, &NewFlow { state, ..new_flow(&tables, port, 0) }).unwrap();
    }
    table.resize(25);
    let mut lost = Vec::new();
    while table.is_rebuilding() {
        table.migrate(1, &tables, |flow| lost.push(flow.state));
    }
    assert_eq!(lost, [State::SynRecv; 15]);
    assert_eq!(table.len(), 25);

    // And when there are not enough of them, others too.
    table.resize(10);
    lost.clear();
    while table.is_rebuilding() {
        table.migrate(1, &tables, |flow| lost.push(flow.state));
    }
    assert_eq!(lost.iter().filter(|state| **state == State::SynRecv).count(), 5);
    assert_eq!(lost.len(), 15);
}

#[test]
fn established_flows_take_the_place_of_new_half_open_ones() {
    let tables = tables();
    let mut table = FlowTable::new(10, KEY);
    for port in 0..10 {
        table.insert(T0, &NewFlow { state: State::Established, ..new_flow(&tables, port, 0) }).unwrap();
    }
    table.resize(9);
    (100..109).for_each(|port| assert!(table.insert(T0, &new_flow(&tables, port, 0)).is_ok()));
    let mut lost = Vec::new();
    while table.is_rebuilding() {
        table.migrate(3, &tables, |flow| lost.push(flow.state));
    }
    assert_eq!(lost.len(), 10);
    assert_eq!(lost.iter().filter(|state| **state == State::SynRecv).count(), 9);
}

#[test]
fn a_size_asked_for_meanwhile_comes_next() {
    let mut table = FlowTable::new(10, KEY);
    table.resize(10);
    assert!(!table.is_rebuilding());
    table.resize(20);
    table.resize(30);
    table.resize(40);
    let mut sizes = Vec::new();
    while table.is_rebuilding() {
        sizes.push(table.capacity());
        table.migrate(100, &tables(), |_| ());
    }
    assert_eq!((sizes.as_slice(), table.capacity()), ([20, 40].as_slice(), 40));
}

#[test]
fn a_scan_shows_every_flow_also_while_they_move() {
    let tables = tables();
    for slice in [1, 3, 64, 1000] {
        let mut table = FlowTable::new(200, KEY);
        (0..100).for_each(|port| assert!(table.insert(T0, &new_flow(&tables, port, 0)).is_ok()));
        let scan = |table: &RefCell<FlowTable>, between: &dyn Fn()| {
            let mut ports = Vec::new();
            let mut cursor = 0;
            loop {
                let table = table.borrow();
                table.scan(&mut cursor, slice, |id, flow| {
                    assert_eq!(table.flow(id), flow);
                    ports.push(flow.client_port);
                });
                drop(table);
                between();
                if cursor == 0 {
                    break;
                }
            }
            ports.sort();
            ports
        };
        let table = RefCell::new(table);
        assert_eq!(scan(&table, &|| ()), (0..100).collect::<Vec<_>>());
        table.borrow_mut().resize(300);
        assert_eq!(scan(&table, &|| ()), (0..100).collect::<Vec<_>>());
        let mut ports = scan(&table, &|| table.borrow_mut().migrate(5, &tables, |_| ()));
        ports.dedup();
        assert_eq!(ports, (0..100).collect::<Vec<_>>());
    }
    let empty = FlowTable::new(10, KEY);
    let mut cursor = 0;
    empty.scan(&mut cursor, 10, |_, _| panic!("nothing there"));
    assert_eq!(cursor, 0);
}

#[test]
fn memory_stays_within_128_bytes_a_flow() {
    for capacity in [10_000, 65_536, 1_000_000] {
        let table = FlowTable::new(capacity, KEY);
        let each = table.bytes() as f64 / f64::from(capacity);
        assert!((120.0..=128.0).contains(&each), "{each} bytes at {capacity}");
    }
}

/// Client ports in play: more than there is room for at first.
const PORTS: u16 = 24;

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u16),
    Remove(u16),
    Move(u16, State),
    Seen(u16),
    Rebind(u16, u16),
    Wait(u8),
    Resize(u8),
    Migrate(u8),
    Evict,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u16..PORTS, 0_u16..4).prop_map(|(port, backend)| Step::Insert(port, backend)),
        2 => (0_u16..PORTS).prop_map(Step::Remove),
        2 => (0_u16..PORTS).prop_map(|port| Step::Move(port, State::Established)),
        1 => (0_u16..PORTS).prop_map(|port| Step::Move(port, State::Close)),
        1 => (0_u16..PORTS).prop_map(Step::Seen),
        1 => (0_u16..PORTS, 0_u16..4).prop_map(|(port, backend)| Step::Rebind(port, backend)),
        1 => (0_u8..40).prop_map(Step::Wait),
        1 => (1_u8..30).prop_map(Step::Resize),
        3 => (1_u8..20).prop_map(Step::Migrate),
        1 => Just(Step::Evict),
    ]
}

/// What the model knows of a flow: backend, state, last packet.
type Model = HashMap<u16, (u16, State, u32)>;

fn assert_agrees(table: &FlowTable, tables: &Tables, model: &Model) {
    assert_eq!(table.len(), model.len());
    for port in 0..PORTS {
        let known = model.get(&port);
        let inbound = new_flow(tables, port, 0).inbound();
        let found = find(table, tables, &inbound);
        assert_eq!(found.is_some(), known.is_some(), "inbound of {port}");
        for backend in 0..4 {
            let Some(outbound) = new_flow(tables, port, backend).outbound else { continue };
            let expected =
                known.filter(|(own, ..)| *own == backend).and(found).map(|(id, _)| (id, Direction::Outbound));
            assert_eq!(find(table, tables, &outbound), expected, "outbound of {port} from {backend}");
        }
        if let (Some((id, direction)), Some((backend, state, last_seen_s))) = (found, known) {
            let flow = table.flow(id);
            assert_eq!(direction, Direction::Inbound);
            assert_eq!(
                (flow.client_port, flow.backend.0, flow.state, flow.last_seen_s),
                (port, *backend, *state, *last_seen_s)
            );
        }
    }
}

proptest! {
    // Against a HashMap: rebuilds in slices between everything else.
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec(step(), 1..200)) {
        let tables = tables();
        let mut table = FlowTable::new(16, KEY);
        let mut model = Model::new();
        let mut now_s = 1000_u32;
        for step in steps {
            let now = Now::from_secs(u64::from(now_s));
            let id_of = |table: &FlowTable, port| find(table, &tables, &new_flow(&tables, port, 0).inbound()).map(|(id, _)| id);
            match step {
                Step::Insert(port, backend) if !model.contains_key(&port) => {
                    if table.insert(now, &new_flow(&tables, port, backend)).is_ok() {
                        model.insert(port, (backend, State::SynRecv, now_s));
                    } else {
                        prop_assert!(model.len() >= table.capacity() as usize);
                    }
                }
                Step::Insert(port, _) | Step::Remove(port) => {
                    let removed = id_of(&table, port).map(|id| table.remove(id, &tables).client_port);
                    prop_assert_eq!(removed, model.remove(&port).map(|_| port));
                }
                Step::Move(port, state) => if let Some(id) = id_of(&table, port) {
                    table.set_state(id, now, state, state.timeout_s(&Timeouts::default()));
                    let known = model.get_mut(&port).unwrap();
                    (known.1, known.2) = (state, now_s);
                },
                Step::Seen(port) => if let Some(id) = id_of(&table, port) {
                    table.seen(id, now);
                    model.get_mut(&port).unwrap().2 = now_s;
                },
                Step::Rebind(port, backend) => if let Some(id) = id_of(&table, port) {
                    let new = new_flow(&tables, port, backend);
                    table.rebind(id, new.backend, new.outbound.as_ref(), new.snat);
                    model.get_mut(&port).unwrap().0 = backend;
                },
                Step::Wait(seconds) => {
                    now_s += u32::from(seconds);
                    let mut ended = expire(&mut table, &tables, u64::from(now_s));
                    let is_due = |(_, state, last_seen_s): &(u16, State, u32)| {
                        last_seen_s + state.timeout_s(&Timeouts::default()) <= now_s
                    };
                    let mut expected: Vec<u16> = model.iter().filter(|(_, known)| is_due(known)).map(|(port, _)| *port).collect();
                    model.retain(|_, known| !is_due(known));
                    ended.sort();
                    expected.sort();
                    prop_assert_eq!(ended, expected);
                }
                Step::Resize(capacity) => table.resize(u32::from(capacity)),
                Step::Migrate(budget) => table.migrate(usize::from(budget), &tables, |flow| {
                    assert!(model.remove(&flow.client_port).is_some(), "lost twice");
                }),
                Step::Evict => {
                    let mut gone = None;
                    table.evict_half_open(&tables, |flow| gone = Some(flow.client_port));
                    if let Some(port) = gone {
                        prop_assert_eq!(model.remove(&port).map(|known| known.1), Some(State::SynRecv));
                    }
                }
            }
            assert_agrees(&table, &tables, &model);
        }
    }
}
