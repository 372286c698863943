//! The laws of the merge half, over states that replicas can reach.

use std::fmt::Debug;

use proptest::prelude::*;
use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, ReplicaId};
use shared::base::sorted::SortedMap;
use shared::merge::crdt::{Field, Lattice, Version};
use shared::merge::document::{Comparison, Delta, Document, Merged, News, NotYet, Unfit};
use shared::schema::{FieldEdit, FieldId, FieldKind, Op};

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
    /// Folds the concurrent versions of a record.
    Fold {
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
        1 => (0..4usize).prop_map(|record| Act::Fold { record }),
        2 => (0..REPLICAS).prop_map(|with| Act::Sync { with }),
    ]
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    prop::collection::vec((0..REPLICAS, act()), 0..40)
}

/// How many kinds of edits there are.
const EDITS: usize = 5;

const NAME: FieldId = FieldId(0);
const NOTE: FieldId = FieldId(1);
const TAGS: FieldId = FieldId(2);
const VISITS: FieldId = FieldId(3);

/// An op of each kind, the first two of which every record begins with.
fn op_number(number: usize, time: usize) -> Op {
    let text = format!("value {}", time % 7);
    let (field, kind, edit) = match number {
        0 => (NAME, FieldKind::Mv, FieldEdit::Assign(text)),
        1 => (NOTE, FieldKind::Lww, FieldEdit::Assign(text)),
        2 => (TAGS, FieldKind::Set, FieldEdit::Insert(text)),
        3 => (TAGS, FieldKind::Set, FieldEdit::Remove(text)),
        _ => (VISITS, FieldKind::Counter, FieldEdit::Add(time as i64 - 10)),
    };
    Op { field, kind, edit }
}

/// The documents that a history leaves, and the news of each act in the order of the acts.
struct History {
    documents: Vec<Document>,
    news: Vec<News>,
}

fn play(acts: &[(usize, Act)]) -> History {
    let mut history = History { documents: vec![Document::default(); REPLICAS], news: Vec::new() };
    for (time, &(at, act)) in acts.iter().enumerate() {
        let Some(merged) = act_at(&mut history.documents, at, act, time) else { continue };
        history.news.push(merged.news.expect("an edit is news"));
        history.documents[at].assert_invariants();
    }
    history
}

fn act_at(documents: &mut [Document], at: usize, act: Act, time: usize) -> Option<Merged> {
    let stamp = Stamp { wall_ms: time as u64, logical: 0 };
    let dot = documents[at].next_dot(ReplicaId(at as u64 + 1)).expect("there are dots left");
    let nth = |document: &Document, record: usize| document.records().nth(record);
    let document = &mut documents[at];
    match act {
        Act::Add => {
            let ops = [op_number(0, time), op_number(1, time)].into();
            document.edit(RecordId(dot), dot, stamp, ops).ok()
        }
        Act::Edit { record, edit } => {
            let record = nth(document, record)?;
            document.edit(record, dot, stamp, vec![op_number(edit, time)]).ok()
        }
        Act::Remove { record } => {
            let record = nth(document, record)?;
            Some(document.remove(record, dot))
        }
        Act::Fold { record } => {
            let record = nth(document, record)?;
            document.fold(record, dot).ok()
        }
        Act::Sync { with } => {
            let other = documents[with].clone();
            documents[at].join(&other);
            None
        }
    }
}

/// Takes in what happened elsewhere. Where an edit builds on what is not here, the versions come whole from `source`.
fn take_in(document: &mut Document, news: News, source: &Document) {
    match news {
        News::Delta(delta) => {
            document.merge(delta);
        }
        News::Edit(edit) => {
            if let Err(Unfit::MissingBase { record, dots }) = document.apply(edit) {
                document.merge(source.whole(&SortedMap::from([(record, dots)]), None));
            }
        }
    }
    document.assert_invariants();
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

/// Gives `replica` all that `source` has, as two replicas would that meet.
fn resync(replica: &mut Document, source: &Document) {
    let (deltas, is_all) = source.missing(replica.context(), None);
    for delta in deltas {
        replica.merge(delta);
    }
    assert!(is_all, "there is little to send");
    match replica.compare(&source.digest()) {
        Comparison::Equal => {}
        Comparison::Incomplete => panic!("every delta arrived"),
        Comparison::Differs { of, buckets } => {
            let liveness = source.liveness(of, buckets);
            replica.drop_dead(&liveness).expect("every version arrived");
        }
    }
    replica.assert_invariants();
}

/// Two documents exchange all they have, as two replicas would.
fn meet(documents: &mut [Document], one: usize, two: usize) {
    for (from, to) in [(one, two), (two, one)] {
        let source = documents[from].clone();
        let mut stale = SortedMap::new();
        for delta in source.parts(documents[to].context()) {
            stale.extend(documents[to].merge(delta).stale);
        }
        let answer = documents[to].whole(&stale, None);
        documents[from].merge(answer);
        if let Comparison::Differs { of, buckets } = documents[to].compare(&documents[from].digest()) {
            let liveness = documents[from].liveness(of, buckets);
            documents[to].drop_dead(&liveness);
            let retired = documents[to].retired_live(&liveness);
            documents[from].merge(Delta { context: retired, ..Delta::default() });
        }
    }
}

/// Makes all documents equal, and brings what lives by the dots of one replica under the name of another.
fn adopt_all(documents: &mut [Document], gone: ReplicaId) {
    let mut all = Document::default();
    documents.iter().for_each(|document| all.join(document));
    documents[0].join(&all);
    if let Err(NotYet::Live(records)) = documents[0].check_retirement(gone, all.context().highest(gone)) {
        for record in records {
            let dot = documents[0].next_dot(ReplicaId(1)).expect("there are dots left");
            documents[0].edit(record, dot, Stamp { wall_ms: 999, logical: 0 }, Vec::new()).expect("it is small");
        }
    }
}

fn dots() -> impl Strategy<Value = DotSet> {
    prop::collection::vec((0..3u64, 1..20u64), 0..12)
        .prop_map(|dots| dots.into_iter().map(|(r, c)| Dot::new(ReplicaId(r), c)).collect())
}

/// Versions with one field of one kind, as a history of edits and joins leaves them at each replica.
fn versions(kind: FieldKind) -> impl Strategy<Value = Vec<Version>> {
    let act = (0..REPLICAS, prop::option::of(0..REPLICAS), any::<bool>());
    prop::collection::vec(act, 0..24).prop_map(move |acts| {
        let mut replicas = vec![Version::default(); REPLICAS];
        let mut counters = [0; REPLICAS];
        for (time, (at, sync, insert)) in acts.into_iter().enumerate() {
            if let Some(with) = sync {
                let other = replicas[with].clone();
                replicas[at].join(&other);
                continue;
            }
            let text = format!("{}", time % 3);
            let edit = match kind {
                FieldKind::Lww | FieldKind::Mv => FieldEdit::Assign(text),
                FieldKind::Counter => FieldEdit::Add(time as i64 - 5),
                FieldKind::Set if insert => FieldEdit::Insert(text),
                FieldKind::Set => FieldEdit::Remove(text),
            };
            counters[at] += 1;
            let dot = Dot::new(ReplicaId(at as u64), counters[at]);
            let stamp = Stamp { wall_ms: time as u64, logical: 0 };
            replicas[at].edit(dot, stamp, [Op { field: NAME, kind, edit }]);
        }
        replicas
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
        lww in versions(FieldKind::Lww),
        mv in versions(FieldKind::Mv),
        counter in versions(FieldKind::Counter),
        set in versions(FieldKind::Set),
    ) {
        for versions in [lww, mv, counter, set] {
            check_laws(&versions[0], &versions[1], &versions[2])?;
        }
    }

    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn documents_merge(acts in acts()) {
        let history = play(&acts);
        let [a, b, c] = &history.documents[..] else { unreachable!("three replicas") };
        check_laws(a, b, c)?;
    }

    /// Taking in every edit, in any order and some of them twice, gives what joining the states gives.
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn op_path_is_state_path(acts in acts(), order in prop::collection::vec(any::<prop::sample::Index>(), 80)) {
        let history = play(&acts);
        let expected = total(&history);
        let mut by_ops = Document::default();
        let mut waiting = history.news;
        for index in &order {
            if waiting.is_empty() {
                break;
            }
            let at = index.index(waiting.len());
            let news = if index.index(4) > 0 { waiting.swap_remove(at) } else { waiting[at].clone() };
            take_in(&mut by_ops, news, &expected);
        }
        waiting.into_iter().for_each(|news| take_in(&mut by_ops, news, &expected));
        prop_assert_eq!(by_ops, expected);
    }

    /// A resync makes both sides equal, whatever either has seen before, even where live edits were lost.
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn delta_path_is_state_path(acts in acts(), arrived in prop::collection::vec(any::<bool>(), 40)) {
        let history = play(&acts);
        let expected = total(&history);
        let mut replica = Document::default();
        for (news, _) in history.news.iter().zip(&arrived).filter(|&(_, &arrived)| arrived) {
            take_in(&mut replica, news.clone(), &history.documents[0]);
        }
        resync(&mut replica, &expected);
        prop_assert_eq!(replica, expected);
    }

    /// Documents that retire a replica, each at its own time, become the same as if they had never done so, but for its
    /// entry in the context.
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn retiring_a_replica_changes_nothing_but_its_entry(before in acts(), after in acts()) {
        let gone = ReplicaId(REPLICAS as u64);
        let mut documents = play(&before).documents;
        let last = documents[REPLICAS - 1].context().highest(gone);
        adopt_all(&mut documents, gone);
        let mut retiring = documents.clone();
        let mut has_learnt = [true, false, false];
        prop_assert_eq!(retiring[0].check_retirement(gone, last), Ok(()), "it has seen all, and nothing lives by it");
        retiring[0].retire(gone, last);
        prop_assert_eq!(retiring[0].context().highest(gone), 0, "the entry is gone");
        for (time, (at, act)) in after.into_iter().enumerate() {
            // The one that is gone writes no more.
            let at = at % (REPLICAS - 1);
            if let Act::Sync { with } = act {
                // The log comes first.
                for (one, other) in [(at, with), (with, at)] {
                    if has_learnt[other] && !has_learnt[one] {
                        retiring[one].retire(gone, last);
                        has_learnt[one] = true;
                    }
                }
                meet(&mut documents, at, with);
                meet(&mut retiring, at, with);
            } else {
                act_at(&mut documents, at, act, 1000 + time);
                act_at(&mut retiring, at, act, 1000 + time);
            }
        }
        for (document, _) in retiring.iter_mut().zip(has_learnt).filter(|(_, has_learnt)| !has_learnt) {
            document.retire(gone, last);
        }
        for with in (0..REPLICAS).cycle().take(2 * REPLICAS) {
            meet(&mut documents, with, (with + 1) % REPLICAS);
            meet(&mut retiring, with, (with + 1) % REPLICAS);
        }
        for (plain, retired) in documents.into_iter().zip(retiring) {
            retired.assert_invariants();
            let mut context = plain.context().clone();
            context.drop_replica(gone);
            prop_assert_eq!(retired.context(), &context);
            prop_assert!(retired.records().eq(plain.records()));
            for record in plain.records() {
                prop_assert_eq!(retired.versions(record), plain.versions(record));
            }
        }
    }

    /// A record is on every replica either whole or gone: it never loses a field that all its versions had.
    #[cfg_attr(not(target_family = "wasm"), test)]
    #[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
    fn no_record_is_ever_a_torso(acts in acts()) {
        let history = play(&acts);
        for document in history.documents.iter().chain([&total(&history)]) {
            for record in document.records() {
                let read: Version = document.read(record).expect("the record is there");
                for field in [NAME, NOTE] {
                    prop_assert!(read.field(field).is_some_and(Field::has_value), "{record} has lost {field:?}");
                }
            }
        }
    }
}
