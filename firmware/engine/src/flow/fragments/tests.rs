use super::*;
use net::ip::protocol::UDP;
use proptest::prelude::*;

const KEY: Key = Key(5, 6);

fn at(seconds: u64) -> Now {
    Now::from_secs(seconds)
}

fn datagram(identification: u32) -> FragmentKey {
    FragmentKey {
        source: Address::v4([10, 1, 0, 1]),
        destination: Address::v4([10, 1, 0, 100]),
        identification,
        protocol: UDP,
    }
}

fn tuple(source_port: u16) -> Tuple {
    let FragmentKey { source, destination, protocol, .. } = datagram(0);
    Tuple { source, destination, source_port, destination_port: 53, protocol }
}

fn head(length: usize) -> Head {
    Head { nic: NicId(3), start: 100, end: 100 + length as u32, offload: Offload::NONE }
}

fn later(table: &mut FragmentTable, now_s: u64, identification: u32, bytes: &[u8]) -> Later {
    table.later(at(now_s), &datagram(identification), &head(bytes.len()), bytes)
}

// What waits for a datagram, in the order it is taken; every buffer is given back.
fn take(table: &mut FragmentTable, identification: u32) -> Vec<Vec<u8>> {
    let mut taken = Vec::new();
    while let Some(buffer) = table.next_parked(&datagram(identification)) {
        let (head, bytes) = table.parked(buffer);
        assert_eq!((head.nic, head.start as usize, bytes.len()), (NicId(3), HEADROOM, PARK_BYTES_MAX));
        taken.push(bytes[head.start as usize..head.end as usize].to_vec());
        table.free_parked(buffer);
    }
    taken
}

// Four fragments in every order: 0 is the first. Later ones before it wait and are taken in the order they came.
#[test]
fn every_order_of_arrival() {
    let mut orders = 0;
    for code in 0..256_u32 {
        let order: Vec<u32> = (0..4).map(|place| code >> (place * 2) & 3).collect();
        if (0..4).any(|fragment| !order.contains(&fragment)) {
            continue;
        }
        orders += 1;
        let mut table = FragmentTable::new(4, KEY, 8);
        let (mut handled, mut expected) = (Vec::new(), Vec::new());
        let first_at = order.iter().position(|fragment| *fragment == 0).unwrap();
        expected.push(0);
        expected.extend(&order[..first_at]);
        expected.extend(&order[first_at + 1..]);
        for fragment in order.iter().copied() {
            if fragment == 0 {
                assert!(table.first(at(0), &datagram(1), tuple(7)));
                handled.push(0);
                handled.extend(take(&mut table, 1).iter().map(|bytes| u32::from(bytes[0])));
                continue;
            }
            match later(&mut table, 0, 1, &[fragment as u8; 60]) {
                Later::Known(found) => {
                    assert_eq!(found, tuple(7));
                    handled.push(fragment);
                }
                Later::Parked => assert!(!handled.contains(&0)),
                Later::Full => panic!("there is room"),
            }
        }
        assert_eq!(handled, expected, "{order:?}");
        assert_eq!((table.len(), table.parked_len()), (1, 0));
        assert_eq!(table.expire(at(FRAGMENT_LIFETIME_S.into()), 8, || panic!("none waits")), 1);
    }
    assert_eq!(orders, 24);
}

#[test]
fn datagrams_are_told_apart_by_every_part_of_the_key() {
    let mut table = FragmentTable::new(8, KEY, 8);
    assert!(table.first(at(0), &datagram(1), tuple(1)));
    let others = [
        FragmentKey { identification: 2, ..datagram(1) },
        FragmentKey { source: Address::v4([10, 1, 0, 2]), ..datagram(1) },
        FragmentKey { destination: Address::v4([10, 1, 0, 2]), ..datagram(1) },
        FragmentKey { protocol: 6, ..datagram(1) },
    ];
    for other in others {
        assert_eq!(table.later(at(0), &other, &head(60), &[0; 60]), Later::Parked, "{other:?}");
    }
    assert_eq!(later(&mut table, 0, 1, &[0; 60]), Later::Known(tuple(1)));
}

#[test]
fn an_identification_that_came_round_follows_the_newest_first() {
    let mut table = FragmentTable::new(8, KEY, 8);
    table.first(at(0), &datagram(1), tuple(1));
    table.first(at(20), &datagram(1), tuple(2));
    assert_eq!(later(&mut table, 21, 1, &[0; 60]), Later::Known(tuple(2)));
    // Its time counts from then.
    assert_eq!((table.expire(at(49), 8, || ()), table.expire(at(50), 8, || ())), (0, 1));
}

#[test]
fn what_waits_in_vain_is_reported() {
    let mut table = FragmentTable::new(8, KEY, 8);
    (0..3).for_each(|_| assert_eq!(later(&mut table, 10, 1, &[0; 60]), Later::Parked));
    assert_eq!(later(&mut table, 11, 2, &[0; 60]), Later::Parked);
    table.first(at(11), &datagram(3), tuple(3));
    let mut ends = Vec::new();
    for now_s in 10..=50 {
        let mut orphans = 0;
        let ended = table.expire(at(now_s), 8, || orphans += 1);
        if ended > 0 {
            ends.push((now_s, ended, orphans));
        }
    }
    // Second, datagrams forgotten, fragments that waited.
    assert_eq!(ends, [(12, 1, 3), (13, 1, 1), (41, 1, 0)]);
    assert_eq!((table.len(), table.parked_len()), (0, 0));
}

#[test]
fn limits_are_kept_and_said() {
    // Buffers over all.
    let mut table = FragmentTable::new(8, KEY, 2);
    let found: Vec<_> = (0..3).map(|number| later(&mut table, 0, number, &[0; 60])).collect();
    assert_eq!(found, [Later::Parked, Later::Parked, Later::Full]);
    assert_eq!(table.len(), 2);
    assert_eq!(take(&mut table, 0).len(), 1);
    assert_eq!(later(&mut table, 0, 0, &[0; 60]), Later::Parked);
    assert_eq!(take(&mut table, 0).len(), 1);
    assert_eq!(later(&mut table, 0, 2, &[0; 60]), Later::Parked);

    // Buffers for one datagram.
    let mut table = FragmentTable::new(8, KEY, 256);
    let parked = (0..256).filter(|_| later(&mut table, 0, 1, &[0; 60]) == Later::Parked).count();
    assert_eq!(parked, usize::from(PARKED_PER_DATAGRAM_MAX));

    // Size, and no buffers at all.
    let mut table = FragmentTable::new(8, KEY, 2);
    assert_eq!(later(&mut table, 0, 1, &[0; PARK_BYTES_MAX - HEADROOM + 1]), Later::Full);
    assert_eq!(table.len(), 0);
    assert_eq!(later(&mut table, 0, 1, &[9; PARK_BYTES_MAX - HEADROOM]), Later::Parked);
    assert_eq!(take(&mut table, 1), [vec![9; PARK_BYTES_MAX - HEADROOM]]);
    let mut table = FragmentTable::new(8, KEY, 0);
    assert_eq!(later(&mut table, 0, 1, &[0; 60]), Later::Full);
}

#[test]
fn the_datagram_that_would_end_next_makes_room() {
    let mut table = FragmentTable::new(3, KEY, 8);
    table.first(at(0), &datagram(1), tuple(1));
    table.first(at(0), &datagram(2), tuple(2));
    // Made-up fragments displace each other, not what is known.
    for identification in 100..110 {
        assert_eq!(later(&mut table, 0, identification, &[0; 60]), Later::Parked);
    }
    assert_eq!((table.len(), table.parked_len(), table.recycled()), (3, 1, 9));
    assert_eq!(later(&mut table, 0, 1, &[0; 60]), Later::Known(tuple(1)));
    // Then the oldest one that is known.
    table.first(at(0), &datagram(3), tuple(3));
    table.first(at(0), &datagram(4), tuple(4));
    let known: Vec<bool> = (1..=4).map(|number| table.slot(&datagram(number)).is_some()).collect();
    assert_eq!(known, [false, true, true, true]);
    // Those displaced are reported with the next that end.
    let mut orphans = 0;
    table.expire(at(0), 8, || orphans += 1);
    assert_eq!(orphans, 10);
}

proptest! {
    // Buffers are neither lost nor given twice, whatever the order of events.
    #[test]
    fn buffers_are_accounted_for(steps in prop::collection::vec((0_u8..8, 0_u32..6, 0_u64..3), 1..300)) {
        let mut table = FragmentTable::new(4, KEY, 10);
        let (mut now_s, mut parked, mut taken, mut orphans) = (0, 0, 0, 0);
        for (act, identification, seconds) in steps {
            match act {
                0..5 => parked += usize::from(later(&mut table, now_s, identification, &[act; 100]) == Later::Parked),
                5 => {
                    prop_assert!(table.first(at(now_s), &datagram(identification), tuple(1)));
                    taken += take(&mut table, identification).len();
                }
                _ => {
                    now_s += seconds;
                    table.expire(at(now_s), 8, || orphans += 1);
                }
            }
            prop_assert!(table.len() <= 4 && table.parked_len() <= 10);
        }
        table.expire(at(now_s + 100), 8, || orphans += 1);
        prop_assert_eq!((table.len(), table.parked_len()), (0, 0));
        prop_assert_eq!(parked, taken + orphans);
    }
}
