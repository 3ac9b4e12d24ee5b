//! Behind `new`, flows, persistence and fragments allocate nothing: counted by the allocator of this test.

use allocation_counter::measure;
use engine::flow::{
    FlowChange, FlowChanges, FlowTable, FragmentKey, FragmentTable, Later, NewFlow, PersistKey, PersistTable, State,
    reply_tuple,
};
use engine::tables::{Backend, BackendState, Method, Tables, Timeouts};
use engine::{BackendIndex, HEADROOM, Head, NicId, ServiceIndex, Tuple};
use net::ip::protocol::UDP;
use net::offload::Offload;
use net::siphash::Key;
use net::{Address, Mac, Now};

const KEY: Key = Key(1, 2);
const FLOWS: u16 = 1000;

fn assert_silent(name: &str, work: impl FnOnce()) {
    let counted = measure(work);
    assert_eq!(counted.count_total, 0, "{name} allocated {} bytes", counted.bytes_total);
}

fn tables() -> Tables {
    let backend = Backend {
        name: "s1".to_owned(),
        service: ServiceIndex(0),
        address: Address::v4([10, 2, 0, 1]),
        port: Some(5353),
        method: Method::Nat,
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
    };
    Tables { key: KEY, backends: [Some(backend)].into(), ..Tables::default() }
}

fn new_flow(tables: &Tables, client_port: u16) -> NewFlow {
    let client = Address::v4([10, 1, 0, 1]);
    let backend = tables.backend(BackendIndex(0)).expect("made above");
    NewFlow {
        client,
        client_port,
        vip: Address::v4([10, 1, 0, 100]),
        vip_port: 53,
        protocol: UDP,
        service: ServiceIndex(0),
        backend: BackendIndex(0),
        outbound: reply_tuple(backend, 5353, UDP, (client, client_port), None),
        snat: None,
        state: State::Udp,
        client_mac: Mac::default(),
        client_nic: NicId(0),
        timeout_s: 300,
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(Box::new(1))).count_total, 1);
}

#[test]
fn flows() {
    let tables = tables();
    let mut table = FlowTable::new(u32::from(FLOWS), KEY);
    let now = Now::from_secs(1);
    assert_silent("insert and find", || {
        for port in 0..FLOWS + 10 {
            let new = new_flow(&tables, port);
            assert_eq!(table.insert(now, &new).is_ok(), port < FLOWS);
            let tuple = new.inbound();
            assert_eq!(table.find(&tuple, tuple.hash(KEY), &tables).is_some(), port < FLOWS);
        }
    });
    assert_silent("states, eviction and removal", || {
        for port in 0..FLOWS / 2 {
            let tuple = new_flow(&tables, port).inbound();
            let (id, _) = table.find(&tuple, tuple.hash(KEY), &tables).expect("inserted above");
            table.set_state(id, now, State::UdpReplied, 200);
            if port % 2 == 0 {
                table.remove(id, &tables);
            }
        }
        assert!((0..FLOWS).any(|_| table.evict_half_open(&tables, |_| ())));
    });
    assert_silent("expiry", || {
        let timeout_of = |flow: &engine::flow::Flow| flow.state.timeout_s(&Timeouts::default());
        while table.expire(Now::from_secs(10_000), 64, &tables, timeout_of, |_| ()) > 0 {}
        assert!(table.is_empty());
    });
    assert_silent("a second life", || {
        (0..FLOWS).for_each(|port| assert!(table.insert(Now::from_secs(10_001), &new_flow(&tables, port)).is_ok()));
    });
    table.resize(u32::from(FLOWS) * 2);
    assert_silent("a rebuild under way", || table.migrate(usize::from(FLOWS) - 1, &tables, |_| ()));
    assert!(table.is_rebuilding());
}

#[test]
fn persistence() {
    let mut table = PersistTable::new(100, KEY);
    let key = |number: u8| PersistKey { client: Address::v4([10, number, 0, 0]), group: 0, tcp: true };
    assert_silent("persistence", || {
        for round in 0..10 {
            for number in 0..=u8::MAX {
                let now = Now::from_secs(round * 1000);
                let bound = table.bind(&key(number), BackendIndex(0), Address::v4([10, 2, 0, 1]), now, 300);
                assert_eq!(bound, number < 100);
                table.unbind(&key(number), now, 300);
                table.find(&key(number), now);
            }
            table.forget(&key(0));
            assert_eq!(table.expire(Now::from_secs(round * 1000 + 500), 1000), 99);
        }
    });
}

#[test]
fn fragments() {
    let mut table = FragmentTable::new(100, KEY, 20);
    let tuple = new_flow(&tables(), 1).inbound();
    let key = |identification: u32| {
        let Tuple { source, destination, protocol, .. } = tuple;
        FragmentKey { source, destination, identification, protocol }
    };
    let head = Head { nic: NicId(0), start: HEADROOM as u32, end: (HEADROOM + 1400) as u32, offload: Offload::NONE };
    assert_silent("fragments", || {
        for number in 0..1000 {
            let now = Now::from_secs(u64::from(number / 10));
            let parked = table.later(now, &key(number), &head, &[7; 1400]);
            assert!(matches!(parked, Later::Parked | Later::Full));
            if number % 2 == 0 {
                table.first(now, &key(number), tuple);
                while let Some(buffer) = table.next_parked(&key(number)) {
                    table.parked(buffer);
                    table.free_parked(buffer);
                }
            }
            table.expire(now, 8, || ());
        }
    });
}

#[test]
fn changes() {
    let mut changes = FlowChanges::new(64);
    let change = FlowChange::Gone { inbound: new_flow(&tables(), 1).inbound() };
    assert_silent("flow changes", || {
        for round in 0..200 {
            changes.push(change);
            if round % 2 == 0 {
                changes.pop();
            }
        }
    });
}
