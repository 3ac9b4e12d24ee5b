use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

// Whether every key is where a search would look for it: no empty slot between home and place, and nobody nearer to his
// home before it. Returns the longest distance.
fn assert_ordered(index: &Index) -> usize {
    let (mut keys, mut longest) = (0, 0);
    for (at, slot) in index.slots.iter().enumerate().filter(|(_, slot)| **slot != 0) {
        keys += 1;
        let distance = index.distance(*slot, at);
        longest = longest.max(distance);
        if distance > 0 {
            let before = if at == 0 { index.slots.len() - 1 } else { at - 1 };
            assert_ne!(index.slots[before], 0, "a gap before slot {at}");
            assert!(index.distance(index.slots[before], before) + 1 >= distance, "out of order at slot {at}");
        }
    }
    assert_eq!(keys, index.len());
    longest
}

proptest! {
    // Few tags, all over the range and at its end, so that runs collide, grow together and wrap.
    #[test]
    fn agrees_with_a_map(
        keys in 1_usize..60,
        steps in prop::collection::vec((any::<bool>(), prop_oneof![0_u32..4, 0xffff_fff0..=u32::MAX, any::<u32>()], 1_u32..80), 0..400),
    ) {
        let mut index = Index::new(keys);
        let mut model: HashMap<u32, u32> = HashMap::new();
        let mut longest = 0;
        for (insert, tag, reference) in steps {
            if insert && model.len() < keys && !model.contains_key(&reference) {
                index.insert(tag, reference);
                model.insert(reference, tag);
            } else if let Some(tag) = model.remove(&reference) {
                prop_assert!(!index.remove(tag ^ 1, reference), "not under that tag");
                prop_assert!(index.remove(tag, reference));
                prop_assert!(!index.remove(tag, reference), "only once");
            }
            longest = longest.max(assert_ordered(&index));
            prop_assert_eq!(index.longest_probe() as usize, longest);
            for (reference, tag) in &model {
                prop_assert_eq!(index.find(*tag, |found| found == *reference), Some(*reference));
            }
            prop_assert_eq!(index.find(tag, |_| false), None);
        }
    }
}

#[test]
fn a_full_load_of_equal_tags_is_slow_but_right() {
    let mut index = Index::new(100);
    (1..=100).for_each(|reference| index.insert(u32::MAX, reference));
    assert_eq!(index.longest_probe(), 99);
    assert_eq!(index.find(u32::MAX, |reference| reference == 100), Some(100));
    assert_eq!(index.find(0, |_| true), None);
    assert!((1..=100).rev().all(|reference| index.remove(u32::MAX, reference)));
    assert_eq!(index.len(), 0);
    assert!(index.slots.iter().all(|slot| *slot == 0));
}

#[test]
fn a_candidate_is_usually_the_key() {
    let mut index = Index::new(20_000);
    // Odd multipliers spread consecutive numbers over all tags.
    let tag_of = |reference: u32| reference.wrapping_mul(0x9e37_79b1);
    (1..=20_000).for_each(|reference| index.insert(tag_of(reference), reference));
    assert!((0.79..0.81).contains(&index.load()), "{}", index.load());
    let right = (1..=20_000).filter(|reference| index.candidate(tag_of(*reference)) == *reference).count();
    assert!(right > 18_000, "{right} of 20000");
    assert_eq!(Index::new(8).candidate(u32::MAX), 0);
}
