//! Sorted maps and sets beside those of the standard library.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{CHUNK, SortedMap, SortedSet};
use crate::base::encoding::{decode, encode};

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u32),
    Add(u16, u32),
    Remove(u16),
    PopFirst,
    RetainOddOnes,
    Ascend(u16),
}

/// Enough keys for many chunks; the low ones are hit again.
fn key() -> impl Strategy<Value = u16> {
    prop_oneof![0..64_u16, 0..2_000_u16]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => (key(), 0..9_u32).prop_map(|(key, value)| Step::Add(key, value)),
        4 => key().prop_map(Step::Remove),
        1 => Just(Step::PopFirst),
        1 => key().prop_map(Step::Ascend),
        1 => Just(Step::RetainOddOnes),
    ]
}

/// Does the step with both maps, which give the same answer.
fn take(step: Step, map: &mut SortedMap<u16, u32>, plain: &mut BTreeMap<u16, u32>) {
    match step {
        Step::Insert(key, value) => assert_eq!(map.insert(key, value), plain.insert(key, value)),
        Step::Add(key, value) => {
            for sum in [map.entry(key).or_default(), plain.entry(key).or_default()] {
                *sum = sum.wrapping_add(value);
            }
        }
        Step::Remove(key) => assert_eq!(map.remove(&key), plain.remove(&key)),
        Step::PopFirst => assert_eq!(map.pop_first(), plain.pop_first()),
        Step::RetainOddOnes => {
            map.retain(|key, _| key % 2 == 1);
            plain.retain(|key, _| key % 2 == 1);
        }
        Step::Ascend(first) => {
            let keys = (first..).step_by(3).take(CHUNK + 2).map(|key| (key, u32::from(key)));
            map.extend(keys.clone());
            plain.extend(keys);
        }
    }
}

fn assert_chunks<T>(chunks: &[Vec<T>]) {
    assert!(chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
}

proptest! {
    #[test]
    fn a_map_behaves_like_a_plain_one(steps in vec(step(), 0..200), (low, high) in (key(), key())) {
        let (mut map, mut plain) = (SortedMap::new(), BTreeMap::new());
        for step in steps {
            take(step, &mut map, &mut plain);
            assert_eq!((map.len(), map.is_empty()), (plain.len(), plain.is_empty()));
        }
        assert_chunks(map.keys.chunks());
        assert_chunks(&map.values);
        assert!(map.iter().eq(&plain) && map.iter().rev().eq(plain.iter().rev()));
        assert!(map.values().eq(plain.values()) && map.keys().rev().eq(plain.keys().rev()));
        assert_eq!(map.get(&low), plain.get(&low));
        assert_eq!((map.first_key_value(), map.last_key_value()), (plain.first_key_value(), plain.last_key_value()));
        if low < high {
            let bounds = (Bound::Excluded(low), Bound::Included(high));
            let part = map.range(bounds);
            assert_eq!(part.len(), plain.range(bounds).count());
            assert!(part.clone().eq(plain.range(bounds)) && part.rev().eq(plain.range(bounds).rev()));
            assert!(map.range(low..high).eq(plain.range(low..high)));
        }
        assert!(map.into_iter().eq(plain));
    }

    #[test]
    fn a_set_behaves_like_a_plain_one(a in vec(key(), 0..400), b in vec(key(), 0..400), low in key()) {
        let sets = [&a, &b].map(|values| values.iter().copied().collect::<SortedSet<_>>());
        let plain = [&a, &b].map(|values| values.iter().copied().collect::<BTreeSet<_>>());
        let ([set, other], [plain, plain_other]) = (sets, plain);
        assert_chunks(set.chunks());
        assert_eq!((set.len(), set.first(), set.last()), (plain.len(), plain.first(), plain.last()));
        assert_eq!(set.is_subset(&other), plain.is_subset(&plain_other));
        assert_eq!(set.is_disjoint(&other), plain.is_disjoint(&plain_other));
        assert!(set.difference(&other).eq(plain.difference(&plain_other)));
        assert!(set.range(low..).eq(plain.range(low..)) && set.range(..=low).rev().eq(plain.range(..=low).rev()));
        assert_eq!(set.cmp(&other), plain.cmp(&plain_other));
    }

    #[test]
    fn the_bytes_are_those_of_plain_ones(entries in vec((key(), any::<u32>()), 0..300)) {
        let map: SortedMap<_, _> = entries.iter().copied().collect();
        let plain: BTreeMap<_, _> = entries.iter().copied().collect();
        assert_eq!(encode(&map), encode(&plain));
        let keys: SortedSet<_> = map.keys().copied().collect();
        assert_eq!(encode(&keys), encode(&plain.keys().copied().collect::<BTreeSet<_>>()));
        // Keys in any order, and some of them twice: of a stranger, perhaps.
        assert_eq!(decode::<SortedMap<u16, u32>>(&encode(&plain.len())).is_ok(), plain.is_empty());
        let bytes = encode(&entries);
        assert_eq!(decode::<SortedMap<u16, u32>>(&bytes), Ok(map));
        let values: Vec<_> = entries.iter().map(|&(key, _)| key).collect();
        assert_eq!(decode::<SortedSet<u16>>(&encode(&values)), Ok(keys));
    }
}

#[test]
fn maps_of_one_content_are_equal_however_they_came_about() {
    let ascending: SortedMap<_, _> = (0..1_000_u32).map(|key| (key, ())).collect();
    let descending: SortedMap<_, _> = (0..1_000_u32).rev().map(|key| (key, ())).collect();
    assert_ne!(ascending.keys.chunks().len(), descending.keys.chunks().len());
    assert_eq!(ascending, descending);
}

#[test]
fn bounds_the_wrong_way_round_hold_nothing() {
    let set: SortedSet<_> = (0..300).collect();
    let (low, high) = (100, 200);
    assert_eq!(set.range(high..low).count(), 0);
    assert_eq!(set.range(300..).len(), 0);
}
