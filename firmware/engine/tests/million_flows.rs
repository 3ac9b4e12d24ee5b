//! A full flow table: memory, times, probes. 100,000 flows, a million with `LONG=1`; `--nocapture` shows the figures.
//!
//! Times are printed and not judged: they are the machine's. `cargo test --release` gives those that mean something.

use engine::flow::{Direction, Flow, FlowTable, NewFlow, State, reply_tuple};
use engine::tables::{Backend, BackendState, Method, Tables, Timeouts};
use engine::{BackendIndex, NicId, ServiceIndex, Tuple};
use net::ip::protocol::TCP;
use net::siphash::Key;
use net::{Address, Mac, Now};
use std::hint::black_box;
use std::time::Instant;

const KEY: Key = Key(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
const BATCH: usize = 64;
const BACKENDS: u32 = 64;

fn tables() -> Tables {
    let backend = |number: u32| Backend {
        name: format!("b{number}"),
        service: ServiceIndex(0),
        address: Address::v4([10, 2, 0, number as u8]),
        port: Some(8080),
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
    Tables { key: KEY, backends: (0..BACKENDS).map(|number| Some(backend(number))).collect(), ..Tables::default() }
}

// As a load test makes them: few clients, ports one after the other.
fn new_flow(tables: &Tables, number: u32) -> NewFlow {
    let client = Address::v4((0x0a01_0000 + number / 50_000).to_be_bytes());
    let client_port = (1024 + number % 50_000) as u16;
    let backend = BackendIndex((number % BACKENDS) as u16);
    let found = tables.backend(backend).expect("made above");
    NewFlow {
        client,
        client_port,
        vip: Address::v4([10, 1, 0, 100]),
        vip_port: 80,
        protocol: TCP,
        service: ServiceIndex(0),
        backend,
        outbound: reply_tuple(found, 8080, TCP, (client, client_port), None),
        snat: None,
        state: State::Established,
        client_mac: Mac([2, 0, 0, 0, 0, 1]),
        client_nic: NicId(0),
        timeout_s: 900,
    }
}

// Visits 0..count in an order that caches do not like; 48,271 is prime and divides no count used here.
fn scattered(count: u32) -> impl Iterator<Item = u32> {
    (0..u64::from(count)).map(move |number| (number * 48_271 % u64::from(count)) as u32)
}

fn each(name: &str, count: u32, started: Instant) {
    println!("{name:<28}{:>8.1} ns", started.elapsed().as_nanos() as f64 / f64::from(count));
}

fn timeout_of(flow: &Flow) -> u32 {
    flow.state.timeout_s(&Timeouts::default())
}

#[test]
fn a_full_table_holds_what_it_promises() {
    let count: u32 = if std::env::var_os("LONG").is_some() { 1_000_000 } else { 100_000 };
    let tables = tables();
    let started = Instant::now();
    let mut table = FlowTable::new(count, KEY);
    println!("{count} flows, {} B each, made in {:?}", table.bytes() as f64 / f64::from(count), started.elapsed());
    assert!(table.bytes() <= count as usize * 128);

    let now = Now::from_secs(1000);
    let news: Vec<NewFlow> = (0..count).map(|number| new_flow(&tables, number)).collect();
    let started = Instant::now();
    news.iter().for_each(|new| assert!(table.insert(now, new).is_ok()));
    each("insert", count, started);
    assert!(table.insert(now, &NewFlow { vip_port: 81, ..news[0] }).is_err());
    assert_eq!(table.len(), count as usize);

    let inbound: Vec<Tuple> = scattered(count).map(|number| news[number as usize].inbound()).collect();
    let outbound: Vec<Tuple> =
        scattered(count).map(|number| news[number as usize].outbound.expect("nat sees replies")).collect();
    for (name, tuples, direction) in
        [("find, client", &inbound, Direction::Inbound), ("find, backend", &outbound, Direction::Outbound)]
    {
        let started = Instant::now();
        let found = tuples.iter().filter_map(|tuple| table.find(tuple, tuple.hash(KEY), &tables));
        assert_eq!(found.filter(|(_, found)| *found == direction).count(), count as usize);
        each(name, count, started);
    }
    let started = Instant::now();
    assert_eq!(find_in_batches(&table, &tables, &inbound), count as usize);
    each("find, client, batches of 64", count, started);
    let started = Instant::now();
    let strangers = inbound.iter().map(|tuple| Tuple { destination_port: 81, ..*tuple });
    assert_eq!(strangers.filter(|tuple| table.find(tuple, tuple.hash(KEY), &tables).is_some()).count(), 0);
    each("find, not there", count, started);

    println!("{:<28}{:>8.3}", "load", table.load());
    println!("{:<28}{:>8}", "longest probe", table.longest_probe());
    assert!((0.79..=0.8).contains(&table.load()));
    // Robin Hood at 0.8: the mean is 2, the longest grows with the logarithm of the size.
    assert!(table.longest_probe() < 64, "{}", table.longest_probe());

    // A rebuild in slices, then everything ends in one second.
    let started = Instant::now();
    table.resize(count + count / 2);
    while table.is_rebuilding() {
        table.migrate(256, &tables, |_| panic!("there is room"));
    }
    each("move to a larger table", count, started);
    assert_eq!(table.len(), count as usize);
    let started = Instant::now();
    assert_eq!(table.expire(Now::from_secs(1899), usize::MAX, &tables, timeout_of, |_| ()), 0);
    let mut ended = 0;
    while table.expire(Now::from_secs(1900), 256, &tables, timeout_of, |_| ended += 1) > 0 {}
    each("expire", count, started);
    assert_eq!((ended, table.len(), table.load()), (count, 0, 0.0));
}

// As the packet path does it: read the index for all, read the flows for all, then look.
fn find_in_batches(table: &FlowTable, tables: &Tables, tuples: &[Tuple]) -> usize {
    let mut found = 0;
    for batch in tuples.chunks(BATCH) {
        let mut hashes = [0; BATCH];
        let mut candidates = [0; BATCH];
        for (at, tuple) in batch.iter().enumerate() {
            hashes[at] = tuple.hash(KEY);
            candidates[at] = black_box(table.touch_index(hashes[at]));
        }
        candidates[..batch.len()].iter().for_each(|candidate| table.touch_flow(*candidate));
        let looked_up = batch.iter().zip(hashes).filter_map(|(tuple, hash)| table.find(tuple, hash, tables));
        found += looked_up.count();
    }
    found
}
