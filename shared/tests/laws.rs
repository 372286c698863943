//! The laws of the merge half, over states that replicas can reach.

use std::fmt::Debug;

use proptest::prelude::*;
use shared::crdt::{EditEvent, Field, FieldEdit, FieldKind, FieldName, Lattice, Version};
use shared::document::{Delta, Document};
use shared::dot::{Dot, DotSet};
use shared::hlc::Stamp;
use shared::id::{RecordId, ReplicaId};

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
        edit: usize,
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
        6 => (0..4usize, 0..EDITS).prop_map(|(record, edit)| Act::Edit { record, edit }),
        1 => (0..4usize).prop_map(|record| Act::Remove { record }),
        2 => (0..REPLICAS).prop_map(|with| Act::Sync { with }),
    ]
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    prop::collection::vec((0..REPLICAS, act()), 0..40)
}

/// How many kinds of edits there are.
const EDITS: usize = 5;

/// An edit of each kind, the first two of which every record begins with.
fn edit_number(edit: usize, time: usize) -> (FieldName, FieldKind, FieldEdit) {
    let text = format!("value {}", time % 7);
    let (field, kind, edit) = match edit {
        0 => ("name", FieldKind::Mv, FieldEdit::Assign(text)),
        1 => ("note", FieldKind::Lww, FieldEdit::Assign(text)),
        2 => ("tags", FieldKind::Set, FieldEdit::Insert(text)),
        3 => ("tags", FieldKind::Set, FieldEdit::Remove(text)),
        _ => ("visits", FieldKind::Counter, FieldEdit::Add(time as i64 - 10)),
    };
    (field.to_owned(), kind, edit)
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
        let merged = match act {
            Act::Add => {
                let edits = [edit_number(0, time), edit_number(1, time)].into();
                history.documents[at].edit(RecordId(dot), dot, stamp, edits)
            }
            Act::Edit { record, edit } => match chosen(record) {
                Some(record) => history.documents[at].edit(record, dot, stamp, vec![edit_number(edit, time)]),
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

/// Fields of one kind that a history of edits and joins leaves at each replica.
fn fields(kind: FieldKind) -> impl Strategy<Value = Vec<Field>> {
    let act = (0..REPLICAS, prop::option::of(0..REPLICAS), any::<bool>());
    prop::collection::vec(act, 0..24).prop_map(move |acts| {
        let mut replicas = vec![(Field::new(kind), DotSet::default()); REPLICAS];
        for (time, (at, sync, insert)) in acts.into_iter().enumerate() {
            if let Some(with) = sync {
                let (field, seen) = replicas[with].clone();
                replicas[at].0.join(&field);
                replicas[at].1.join(&seen);
                continue;
            }
            let (field, seen) = &mut replicas[at];
            let replica = ReplicaId(at as u64);
            let dot = Dot::new(replica, seen.highest(replica) + 1);
            let text = format!("{}", time % 3);
            let edit = match kind {
                FieldKind::Lww | FieldKind::Mv => FieldEdit::Assign(text),
                FieldKind::Counter => FieldEdit::Add(time as i64 - 5),
                FieldKind::Set if insert => FieldEdit::Insert(text),
                FieldKind::Set => FieldEdit::Remove(text),
            };
            let stamp = Stamp { wall_ms: time as u64, logical: 0 };
            field.edit(edit, EditEvent { dot, stamp, context: seen }).expect("the edit is for this kind");
            seen.insert(dot);
        }
        replicas.into_iter().map(|(field, _)| field).collect()
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
    fn fields_of_every_kind_merge(
        lww in fields(FieldKind::Lww),
        mv in fields(FieldKind::Mv),
        counter in fields(FieldKind::Counter),
        set in fields(FieldKind::Set),
    ) {
        for fields in [lww, mv, counter, set] {
            prop_assert!(fields.iter().all(Field::is_sound), "{fields:?}");
            check_laws(&fields[0], &fields[1], &fields[2])?;
        }
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
                    prop_assert!(read.fields.get(field).is_some_and(Field::has_value), "{record} has lost its {field}");
                }
            }
        }
    }
}
