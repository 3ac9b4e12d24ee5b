use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

const KEY: Key = Key(3, 4);

fn client(number: u8) -> PersistKey {
    PersistKey { client: Address::v4([10, 1, number, 0]), group: 1, tcp: true }
}

fn at(seconds: u64) -> Now {
    Now::from_secs(seconds)
}

fn server(number: u16) -> (BackendIndex, Address) {
    (BackendIndex(number), Address::v4([10, 2, 0, number as u8]))
}

fn bind(table: &mut PersistTable, key: &PersistKey, number: u16, now_s: u64) -> bool {
    let (backend, address) = server(number);
    table.bind(key, backend, address, at(now_s), 300)
}

fn backend(table: &PersistTable, key: &PersistKey, now_s: u64) -> Option<u16> {
    let found = table.find(key, at(now_s))?;
    assert_eq!(found.address, server(found.backend.0).1);
    Some(found.backend.0)
}

#[test]
fn clients_groups_and_protocols_are_apart() {
    let mut table = PersistTable::new(8, KEY);
    let keys = [
        client(1),
        client(2),
        PersistKey { group: 2, ..client(1) },
        PersistKey { tcp: false, ..client(1) },
        PersistKey { client: Address::v6([1; 16]), ..client(1) },
    ];
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(backend(&table, key, 0), None);
        assert!(bind(&mut table, key, number as u16, 0));
    }
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(backend(&table, key, 0), Some(number as u16));
    }
    assert_eq!((table.len(), table.capacity()), (5, 8));
}

// Time, what happens, where the client goes then. b bind, u unbind, f forget, x expire, - nothing.
#[test]
fn an_entry_lives_from_the_last_flow_on_and_never_dies_while_it_has_flows() {
    let stories = [
        ("one flow that lasts", "0b5 299x5 300x5 4000x5 100000x5"),
        ("counted from the end", "0b5 1000u5 1299x5 1300x-"),
        ("the longest of three", "0b5 10b5 20b5 30u5 40u5 5000x5 5000u5 5299x5 5300x-"),
        ("a flow in time keeps it", "0b5 10u5 309x5 309b5 400u5 699x5 700x-"),
        ("the newest backend counts", "0b5 10b6 20u6 20u6 319-6 320--"),
        ("forgotten with flows", "0b5 10f- 11x- 12b6 20u6 5000x6 5000u6 5299x6 5300x-"),
        ("forgotten for good", "0b5 10f- 20u- 21x- 22b7 23u7 322x7 323x-"),
        ("forgotten without flows", "0b5 10u5 20f- 21b6"),
        ("ended but not removed yet", "0b5 10u5 310-- 311b6 312-6"),
        ("told twice of an end", "0b5 10u5 11u5 310x5 311x-"),
        ("nobody there", "0u- 0f- 0x-"),
    ];
    for (name, story) in stories {
        let mut table = PersistTable::new(4, KEY);
        let mut next = 0;
        for word in story.split(' ') {
            let split = word.find(|letter: char| !letter.is_ascii_digit()).unwrap();
            let (now_s, act, expected) = (word[..split].parse().unwrap(), &word[split..=split], &word[split + 1..]);
            match act {
                "b" => assert!(bind(&mut table, &client(1), expected.parse().unwrap(), now_s)),
                "u" => table.unbind(&client(1), at(now_s), 300),
                "f" => table.forget(&client(1)),
                "x" => (next..=now_s).for_each(|second| {
                    table.expire(at(second), 8);
                }),
                _ => {}
            }
            next = now_s;
            let shown = backend(&table, &client(1), now_s).map_or("-".to_owned(), |number| number.to_string());
            assert_eq!(shown, expected, "{name}: {word}");
        }
    }
}

#[test]
fn a_forgotten_entry_goes_with_its_last_flow() {
    let mut table = PersistTable::new(2, KEY);
    bind(&mut table, &client(1), 1, 0);
    bind(&mut table, &client(1), 1, 0);
    table.forget(&client(1));
    table.unbind(&client(1), at(10), 300);
    assert_eq!((table.expire(at(10), 8), table.len()), (0, 1));
    table.unbind(&client(1), at(11), 300);
    assert_eq!((table.expire(at(11), 8), table.len()), (1, 0));
}

#[test]
fn a_full_table_says_so_until_something_ends() {
    let mut table = PersistTable::new(2, KEY);
    assert!(bind(&mut table, &client(1), 1, 0) && bind(&mut table, &client(2), 2, 0));
    assert!(!bind(&mut table, &client(3), 3, 0));
    assert_eq!(backend(&table, &client(3), 0), None);
    // Not a new one.
    assert!(bind(&mut table, &client(1), 1, 0));
    table.unbind(&client(2), at(10), 300);
    assert_eq!(table.expire(at(310), 8), 1);
    assert!(bind(&mut table, &client(3), 3, 310));
    assert_eq!(table.len(), 2);
}

#[test]
fn expiry_keeps_to_its_budget() {
    let mut table = PersistTable::new(20, KEY);
    for number in 0..20 {
        bind(&mut table, &client(number), 1, 0);
        table.unbind(&client(number), at(0), 300);
    }
    assert_eq!((0..4).map(|_| table.expire(at(300), 8)).collect::<Vec<_>>(), [8, 8, 4, 0]);
    assert!(table.is_empty());
}

proptest! {
    // Model: backend, flows, end. Every second is expired with a budget that is enough.
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec((0_u8..4, 0_u8..12, 0_u64..400), 1..200)) {
        let mut table = PersistTable::new(8, KEY);
        let mut model: HashMap<u8, (u16, u32, u64)> = HashMap::new();
        let mut now_s = 0;
        for (number, (act, name, seconds)) in steps.into_iter().enumerate() {
            match act {
                0 | 1 => {
                    let done = bind(&mut table, &client(name), number as u16, now_s);
                    prop_assert_eq!(done, model.contains_key(&name) || model.len() < 8);
                    if done {
                        let known = model.entry(name).or_default();
                        *known = (number as u16, known.1 + 1, now_s + 300);
                    }
                }
                2 => {
                    // Only flows that were bound are unbound.
                    if let Some(known) = model.get_mut(&name).filter(|known| known.1 > 0) {
                        table.unbind(&client(name), at(now_s), 300);
                        (known.1, known.2) = (known.1 - 1, now_s + 300);
                    }
                }
                _ => {
                    for _ in 0..seconds {
                        now_s += 1;
                        table.expire(at(now_s), 8);
                    }
                    model.retain(|_, (_, flows, ends_s)| *flows > 0 || *ends_s > now_s);
                }
            }
            prop_assert_eq!(table.len(), model.len());
            for name in 0..12 {
                prop_assert_eq!(backend(&table, &client(name), now_s), model.get(&name).map(|known| known.0));
            }
        }
    }
}
