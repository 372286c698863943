//! The store means by each write what `Recovered::apply` means by it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shared::crdt::FieldEdit;
use shared::document::Document;
use shared::hlc::Stamp;
use shared::ledger::{Claim, ClaimId, Wish};
use shared::paxos::Entry;
use shared::schema::NOTE;

use super::*;

/// For people, and with no other relay.
fn alone() -> Purpose {
    Purpose { voter: VoterId(1), voters: BTreeSet::from([VoterId(1)]), schema: Schema::people() }
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &alone()).unwrap()
}

/// Few different values, so that writes meet; among them the largest, which do not fit a signed integer.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4u64, Just(u64::MAX), Just(1 << 63)]
}

fn any_dot() -> impl Strategy<Value = Dot> {
    (number(), prop_oneof![1..4u64, Just(MAX_COUNTER)])
        .prop_map(|(replica, counter)| Dot::new(ReplicaId(replica), counter))
}

/// What a document writes when somebody writes a note.
fn any_version() -> impl Strategy<Value = WriteOp> {
    (any_dot(), any_dot(), number(), ".{0,8}").prop_map(|(record, dot, wall_ms, note)| {
        let op = Schema::people().op(NOTE, FieldEdit::Assign(note)).expect("a note");
        let edited = Document::default().edit(RecordId(record), dot, Stamp { wall_ms, logical: 1 }, vec![op]);
        let mut writes = edited.expect("a short note fits").writes.into_iter();
        writes.find(|op| matches!(op, WriteOp::PutVersion { .. })).expect("the version is written")
    })
}

fn any_ballot() -> impl Strategy<Value = Ballot> {
    (number(), any::<u16>()).prop_map(|(round, voter)| Ballot { round, voter: VoterId(voter) })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let claim = (number(), any_dot(), number()).prop_map(|(seq, dot, number)| {
        let id = ClaimId { replica: ReplicaId(number), seq };
        Entry::Claim(Claim { id, wish: Wish::Claim { record: RecordId(dot), number } })
    });
    prop_oneof![Just(Entry::Noop), claim]
}

fn any_op() -> impl Strategy<Value = WriteOp> {
    prop_oneof![
        any_version(),
        (any_dot(), any_dot()).prop_map(|(record, dot)| WriteOp::DropVersion { record: RecordId(record), dot }),
        prop::collection::vec(any_dot(), 0..6).prop_map(|dots| WriteOp::PutContext(dots.into_iter().collect())),
        any_ballot().prop_map(WriteOp::Promise),
        (number(), any_ballot(), any_entry()).prop_map(|(slot, ballot, entry)| WriteOp::Accept {
            slot: Slot(slot),
            accepted: Accepted { ballot, entry }
        }),
        number().prop_map(|slot| WriteOp::Decided(Slot(slot))),
        number().prop_map(WriteOp::ClaimSeq),
    ]
}

fn any_batches() -> impl Strategy<Value = Vec<(Room, Vec<WriteOp>)>> {
    let room = prop_oneof![Just("people"), Just("other")].prop_map(|name| Room::try_from(name.to_owned()).unwrap());
    prop::collection::vec((room, prop::collection::vec(any_op(), 1..12)), 0..8)
}

proptest! {
    // Each case syncs a real file.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_loaded_is_what_apply_makes_of_the_writes(batches in any_batches()) {
        let dir = tempfile::tempdir().unwrap();
        let mut expected: BTreeMap<Room, Recovered> = BTreeMap::new();
        let mut store = open(dir.path());
        let replica = store.replica();
        for (number, (room, ops)) in (1..).zip(batches) {
            ops.iter().for_each(|op| expected.entry(room.clone()).or_default().apply(op.clone()));
            store.commit(&[Task::Write(room, WriteBatch { id: WriteId(number), ops })]).unwrap();
        }
        drop(store);
        let reopened = open(dir.path());
        prop_assert_eq!(reopened.replica(), replica);
        let mut loaded = reopened.load().unwrap();
        // A room in which nothing is left has no row.
        for room in expected.keys() {
            loaded.entry(room.clone()).or_default();
        }
        prop_assert_eq!(loaded, expected);
    }
}

#[test]
fn the_writer_reports_the_last_batch_of_each_room_and_ends_when_it_is_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let room = Room::try_from("people".to_owned()).unwrap();
    let (writer, mut reports) = Writer::start(open(dir.path()));
    for number in 1..=100 {
        writer.submit(room.clone(), WriteBatch { id: WriteId(number), ops: vec![WriteOp::ClaimSeq(number)] });
    }
    drop(writer);
    let mut batches = 0;
    let mut last = WriteId(0);
    while let Some(report) = reports.blocking_recv() {
        let persisted = report.unwrap();
        batches += persisted.batches;
        assert!(persisted.last[&room] > last);
        last = persisted.last[&room];
    }
    assert_eq!((batches, last), (100, WriteId(100)));
    let store = open(dir.path());
    assert_eq!(store.load().unwrap()[&room].claim_seq, 100);
}

#[test]
fn a_voter_that_was_met_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let voters = BTreeSet::from([VoterId(1), VoterId(2)]);
    let purpose = Purpose { voters, ..alone() };
    let store = Store::open(dir.path(), &purpose).unwrap();
    assert!(store.met().is_empty());
    let (writer, mut reports) = Writer::start(store);
    writer.meet(VoterId(2), ReplicaId(u64::MAX));
    drop(writer);
    while let Some(report) = reports.blocking_recv() {
        assert_eq!(report.unwrap().batches, 0);
    }
    let store = Store::open(dir.path(), &purpose).unwrap();
    assert_eq!(store.met(), &BTreeMap::from([(VoterId(2), ReplicaId(u64::MAX))]));
}

#[test]
fn a_schema_that_has_grown_is_kept_and_cannot_shrink_again() {
    let dir = tempfile::tempdir().unwrap();
    let with = |more: &str| {
        let text = schema::to_text(&Schema::people()) + more;
        Purpose { schema: schema::from_text(&text).unwrap(), ..alone() }
    };
    let (phone, email) = ("[[field]]\nname='phone'\nkind='lww'\n", "[[field]]\nname='email'\nkind='lww'\n");
    open(dir.path());
    for grown in [with(phone), with(&[phone, email].concat())] {
        Store::open(dir.path(), &grown).unwrap();
        Store::open(dir.path(), &grown).unwrap();
    }
    for other in [alone(), with(phone), with(email)] {
        assert!(matches!(Store::open(dir.path(), &other), Err(StoreError::OtherSchema { .. })));
    }
}

#[test]
fn a_write_that_fails_is_reported_and_the_writer_writes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let room = Room::try_from("people".to_owned()).unwrap();
    let store = open(dir.path());
    store.connection.pragma_update(None, "query_only", true).unwrap();
    let (writer, mut reports) = Writer::start(store);
    writer.submit(room.clone(), WriteBatch { id: WriteId(1), ops: vec![WriteOp::ClaimSeq(1)] });
    assert!(matches!(reports.blocking_recv(), Some(Err(StoreError::Write(_)))));
    writer.submit(room, WriteBatch { id: WriteId(2), ops: vec![WriteOp::ClaimSeq(2)] });
    assert!(reports.blocking_recv().is_none());
}
