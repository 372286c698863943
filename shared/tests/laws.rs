//! The laws of the merge half, over states that replicas can reach.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use shared::crdt::{Lattice, MvRegister, Version};
use shared::document::{Delta, Document};
use shared::dot::{Dot, DotSet};
use shared::hlc::Stamp;
use shared::id::{RecordId, ReplicaId};
use shared::version_vector::VersionVector;

#[cfg(target_family = "wasm")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// How many replicas write the documents of a history.
const REPLICAS: usize = 3;

/// One thing that happens at a replica.
#[derive(Clone, Copy, Debug)]
enum Act {
    Add,
    Edit {
        record: usize,
        field: usize,
    },
    Remove {
        record: usize,
    },
    /// Joins the state of another replica.
    Sync {
        with: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Add),
        5 => (0..4usize, 0..2usize).prop_map(|(record, field)| Act::Edit { record, field }),
        1 => (0..4usize).prop_map(|record| Act::Remove { record }),
        2 => (0..REPLICAS).prop_map(|with| Act::Sync { with }),
    ]
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    prop::collection::vec((0..REPLICAS, act()), 0..40)
}

/// The documents that a history leaves, and the delta of each edit in the order of the edits.
struct History {
    documents: Vec<Document>,
    deltas: Vec<Delta>,
}

fn play(acts: &[(usize, Act)]) -> History {
    let mut history = History { documents: vec![Document::default(); REPLICAS], deltas: Vec::new() };
    for (time, &(at, act)) in acts.iter().enumerate() {
        let replica = ReplicaId(at as u64 + 1);
        let stamp = Stamp { wall_ms: time as u64, logical: 0 };
        let document = &history.documents[at];
        let dot = document.next_dot(replica);
        let chosen = |record: usize| document.records().keys().nth(record).copied();
        let fields = |field: usize| BTreeMap::from([(["name", "note"][field].to_owned(), format!("value {time}"))]);
        let merged = match act {
            Act::Add => {
                let both = fields(0).into_iter().chain(fields(1)).collect();
                history.documents[at].edit(RecordId(dot), dot, stamp, both)
            }
            Act::Edit { record, field } => match chosen(record) {
                Some(record) => history.documents[at].edit(record, dot, stamp, fields(field)),
                None => continue,
            },
            Act::Remove { record } => match chosen(record) {
                Some(record) => history.documents[at].remove(record, dot),
                None => continue,
            },
            Act::Sync { with } => {
                let other = history.documents[with].clone();
                history.documents[at].join(&other);
                continue;
            }
        };
        history.deltas.push(merged.news.expect("an edit is news"));
        history.documents[at].assert_invariants();
    }
    history
}

fn joined<T: Lattice + Clone>(a: &T, b: &T) -> T {
    let mut both = a.clone();
    both.join(b);
    both
}

fn check_laws<T: Lattice + Clone + PartialEq + Debug>(a: &T, b: &T, c: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(joined(a, b), joined(b, a), "join commutes");
    prop_assert_eq!(joined(&joined(a, b), c), joined(a, &joined(b, c)), "join associates");
    prop_assert_eq!(&joined(a, a), a, "join is idempotent");
    Ok(())
}

/// The documents of a history joined into one.
fn total(history: &History) -> Document {
    let mut total = Document::default();
    history.documents.iter().for_each(|document| total.join(document));
    total
}

fn dots() -> impl Strategy<Value = DotSet> {
    prop::collection::vec((0..3u64, 1..20u64), 0..12)
        .prop_map(|dots| dots.into_iter().map(|(r, c)| Dot::new(ReplicaId(r), c)).collect())
}

fn vectors() -> impl Strategy<Value = VersionVector> {
    prop::collection::vec((0..3u64, 1..20u64), 0..6).prop_map(|entries| {
        let mut vector = VersionVector::default();
        entries.into_iter().for_each(|(replica, counter)| vector.raise(ReplicaId(replica), counter));
        vector
    })
}

/// Registers that one history of writes and joins leaves at each replica.
fn registers() -> impl Strategy<Value = Vec<MvRegister>> {
    prop::collection::vec((0..REPLICAS, prop::option::of(0..REPLICAS)), 0..24).prop_map(|acts| {
        let mut replicas = vec![(MvRegister::default(), DotSet::default()); REPLICAS];
        for (time, (at, sync)) in acts.into_iter().enumerate() {
            if let Some(with) = sync {
                let (register, seen) = replicas[with].clone();
                replicas[at].0.join(&register);
                replicas[at].1.join(&seen);
            } else {
                let (register, seen) = &mut replicas[at];
                let replica = ReplicaId(at as u64);
                let dot = Dot::new(replica, seen.highest(replica) + 1);
                register.assign(dot, Stamp { wall_ms: time as u64, logical: 0 }, format!("{time}"), seen);
                seen.insert(dot);
            }
        }
        replicas.into_iter().map(|(register, _)| register).collect()
    })
}

proptest! {
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn dot_sets_merge(a in dots(), b in dots(), c in dots()) {
        check_laws(&a, &b, &c)?;
    }

    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn version_vectors_merge(a in vectors(), b in vectors(), c in vectors()) {
        check_laws(&a, &b, &c)?;
    }

    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn registers_merge(registers in registers()) {
        check_laws(&registers[0], &registers[1], &registers[2])?;
    }

    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn documents_merge(acts in acts()) {
        let history = play(&acts);
        let [a, b, c] = &history.documents[..] else { unreachable!("three replicas") };
        check_laws(a, b, c)?;
    }

    /// Joining the delta of every edit, in any order and some of them twice, gives what joining the states gives.
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn delta_path_is_state_path(acts in acts(), order in prop::collection::vec(any::<prop::sample::Index>(), 80)) {
        let history = play(&acts);
        let mut by_deltas = Document::default();
        let mut waiting = history.deltas.clone();
        for index in &order {
            if waiting.is_empty() {
                break;
            }
            let at = index.index(waiting.len());
            by_deltas.merge(waiting[at].clone());
            if index.index(4) > 0 {
                waiting.swap_remove(at);
            }
        }
        waiting.into_iter().for_each(|delta| { by_deltas.merge(delta); });
        by_deltas.assert_invariants();
        prop_assert_eq!(by_deltas, total(&history));
    }

    /// A resync makes both sides equal, whatever either has seen before, even where live deltas were lost.
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn a_resync_makes_equal(acts in acts(), arrived in prop::collection::vec(any::<bool>(), 40)) {
        let history = play(&acts);
        let expected = total(&history);
        let mut replica = Document::default();
        for (delta, _) in history.deltas.iter().zip(&arrived).filter(|&(_, &arrived)| arrived) {
            replica.merge(delta.clone());
        }
        let (deltas, digest) = expected.missing(replica.context(), None);
        for delta in deltas {
            replica.merge(delta);
        }
        replica.compare(&digest).expect("every version arrived");
        replica.assert_invariants();
        prop_assert_eq!(replica, expected);
    }

    /// A record is on every replica either whole or gone: it never loses a field that all its versions had.
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn no_record_is_ever_a_torso(acts in acts()) {
        let history = play(&acts);
        for document in history.documents.iter().chain([&total(&history)]) {
            for &record in document.records().keys() {
                let read: Version = document.read(record).expect("the record is there");
                for field in ["name", "note"] {
                    let candidates = read.fields.get(field).map(|register| register.candidates().len());
                    prop_assert!(candidates.is_some_and(|count| count > 0), "{record} has lost its {field}");
                }
            }
        }
    }
}
