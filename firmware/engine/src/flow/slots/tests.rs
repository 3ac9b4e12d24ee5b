use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Item {
    name: u32,
    links: Links,
}

impl Linked for Item {
    fn links(&self) -> Links {
        self.links
    }

    fn set_links(&mut self, links: Links) {
        self.links = links;
    }
}

fn item(name: u32) -> Item {
    Item { name, links: Links::LOOSE }
}

fn due(slots: &mut Slots<Item>, now_s: u32) -> Vec<u32> {
    let mut names = Vec::new();
    while let Some(slot) = slots.next_due(now_s) {
        names.push(slots.remove(slot).name);
    }
    names
}

#[test]
fn turns_come_in_their_second_and_in_order() {
    let mut slots = Slots::new(8);
    for (name, due_s) in [(1, 105), (2, 101), (3, 105), (4, 100), (5, 99)] {
        slots.insert(item(name), 100, due_s).unwrap();
    }
    // Overdue ones are due at once.
    assert_eq!(due(&mut slots, 100), [4, 5]);
    assert_eq!(due(&mut slots, 104), [2]);
    assert_eq!(due(&mut slots, 105), [1, 3]);
    assert_eq!(slots.len(), 0);
}

#[test]
fn an_older_now_shows_nothing() {
    let mut slots = Slots::new(8);
    slots.insert(item(1), 100, 100).unwrap();
    assert_eq!(slots.next_due(99), None);
    assert_eq!(due(&mut slots, 100), [1]);
}

#[test]
fn far_deadlines_wait_in_the_last_bucket() {
    let mut slots = Slots::new(8);
    let slot = slots.insert(item(1), 0, 1_000_000).unwrap();
    assert_eq!(slots.due_s(slot), BUCKETS - 1);
    assert_eq!(slots.next_due(BUCKETS - 2), None);
    assert_eq!(slots.next_due(BUCKETS - 1), Some(slot));
    slots.postpone(slot, 1_000_000);
    assert_eq!(slots.next_due(BUCKETS - 1), None);
    assert_eq!(slots.due_s(slot), 2 * BUCKETS - 2);
}

#[test]
fn a_long_pause_makes_every_bucket_due_once() {
    let mut slots = Slots::new(2000);
    for name in 0..2000 {
        slots.insert(item(name), 10, 10 + name).unwrap();
    }
    assert_eq!(due(&mut slots, 1_000_000).len(), 2000);
    // And the wheel goes on from there.
    slots.insert(item(1), 1_000_000, 1_000_003).unwrap();
    assert_eq!(due(&mut slots, 1_000_002), []);
    assert_eq!(due(&mut slots, 1_000_003), [1]);
}

#[test]
fn only_earlier_deadlines_move_a_slot() {
    let mut slots = Slots::new(2);
    let slot = slots.insert(item(1), 0, 50).unwrap();
    slots.bring_forward(slot, 60);
    assert_eq!(slots.due_s(slot), 50);
    slots.bring_forward(slot, 20);
    assert_eq!(slots.due_s(slot), 20);
    assert_eq!(slots.earliest(), Some(slot));
}

#[test]
fn room_is_what_was_asked_for_and_is_used_again() {
    let mut slots = Slots::new(2);
    let first = slots.insert(item(1), 0, 1).unwrap();
    let second = slots.insert(item(2), 0, 1).unwrap();
    assert_eq!(slots.insert(item(3), 0, 1), None);
    assert_eq!(slots.remove(first).name, 1);
    assert!(slots.in_use(first).is_none() && slots.in_use(second).is_some() && slots.in_use(2).is_none());
    assert_eq!(slots.insert(item(3), 0, 1), Some(first));
    assert_eq!(slots.used(), 2);
}

proptest! {
    // Against a plain list of (name, second): what is due by then is shown by then, never earlier.
    #[test]
    fn agrees_with_a_list(steps in prop::collection::vec((0_u32..4, 0_u32..40, 0_u32..1500), 1..200)) {
        let mut slots = Slots::new(50);
        let mut model: Vec<(u32, u32, u32)> = Vec::new();
        let mut now_s = 5_u32;
        for (name, (step, pick, seconds)) in steps.into_iter().enumerate() {
            match step {
                0 | 1 => {
                    let due_s = now_s + seconds.min(BUCKETS - 1);
                    match slots.insert(item(name as u32), now_s, due_s) {
                        Some(slot) => model.push((slot, name as u32, due_s)),
                        None => prop_assert_eq!(model.len(), 50),
                    }
                }
                2 if !model.is_empty() => {
                    let (slot, name, _) = model.swap_remove(pick as usize % model.len());
                    prop_assert_eq!(slots.remove(slot).name, name);
                }
                _ => {
                    now_s += seconds % 50;
                    let mut seen = due(&mut slots, now_s);
                    let mut expected: Vec<u32> =
                        model.iter().filter(|(.., due_s)| *due_s <= now_s).map(|(_, name, _)| *name).collect();
                    model.retain(|(.., due_s)| *due_s > now_s);
                    seen.sort();
                    expected.sort();
                    prop_assert_eq!(seen, expected);
                }
            }
            prop_assert_eq!(slots.len() as usize, model.len());
        }
    }
}
