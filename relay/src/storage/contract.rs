//! The contract of [`Storage`], which every store keeps: it means by each write what [`Recovered::apply`] means by it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shared::base::dot::{Dot, MAX_COUNTER};
use shared::base::hlc::Stamp;
use shared::base::id::RecordId;
use shared::base::sorted::SortedMap;
use shared::consensus::{Configuration, Position, Slot};
use shared::ledger::{Accepted, Entry, Operation, Request, RequestId};
use shared::merge::document::Document;
use shared::replica::io::{PendingRequest, Snapshot, WriteBatch, WriteId, WriteOp};
use shared::schema::{FieldEdit, NOTE};

use super::sqlite::Sqlite;
use super::*;

/// A place where one store is, and is found again.
trait TestStore {
    fn open(&self) -> Box<dyn Storage>;

    /// From now on nothing can be written.
    fn break_down(&self);
}

impl TestStore for tempfile::TempDir {
    fn open(&self) -> Box<dyn Storage> {
        let purpose = Purpose { voter: RelayId(1), schema: Schema::people() };
        Box::new(Sqlite::open(self.path(), &purpose).unwrap())
    }

    fn break_down(&self) {
        let database = rusqlite::Connection::open(self.path().join("duet.sqlite3")).unwrap();
        database.execute_batch("DROP TABLE row").unwrap();
    }
}

impl TestStore for memory::Disk {
    fn open(&self) -> Box<dyn Storage> {
        memory::Disk::open(self)
    }

    fn break_down(&self) {
        memory::Disk::break_down(self);
    }
}

/// An empty place for each kind of store.
fn places() -> [Box<dyn TestStore>; 2] {
    [Box::new(tempfile::tempdir().unwrap()), Box::new(memory::Disk::default())]
}

fn people() -> Room {
    Room::try_from("people".to_owned()).unwrap()
}

fn configuration() -> Configuration {
    let voters = SortedMap::from([(RelayId(1), ReplicaId(u64::MAX)), (RelayId(2), ReplicaId(7))]);
    Configuration { number: 0, voters }
}

/// Few different values, so that writes meet; among them the largest, which do not fit a signed integer.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4u64, Just(u64::MAX), Just(1 << 63)]
}

fn any_dot() -> impl Strategy<Value = Dot> {
    (number(), prop_oneof![1..4u64, Just(MAX_COUNTER)])
        .prop_map(|(replica, counter)| Dot::new(ReplicaId(replica), counter))
}

/// The row that a document writes for an edit of a note.
fn any_version() -> impl Strategy<Value = WriteOp> {
    (any_dot(), any_dot(), number(), ".{0,8}").prop_map(|(record, dot, wall_ms, note)| {
        let op = Schema::people().op(NOTE, FieldEdit::Assign(note)).expect("a note");
        let edited = Document::default().edit(RecordId(record), dot, Stamp { wall_ms, logical: 1 }, vec![op]);
        let mut writes = edited.expect("a short note fits").writes.into_iter().map(WriteOp::from);
        writes.find(|op| matches!(op, WriteOp::PutVersion { .. })).expect("the version is written")
    })
}

fn any_ballot() -> impl Strategy<Value = Ballot> {
    let parts = (any::<u32>(), number(), any::<u16>());
    parts.prop_map(|(configuration, round, voter)| Ballot { configuration, round, voter: RelayId(voter) })
}

/// The log is cut by comparing slots: they are those that fit a signed integer, which is all that any log reaches.
fn any_slot() -> impl Strategy<Value = Slot> {
    prop_oneof![0..6u64, Just(i64::MAX as u64)].prop_map(Slot)
}

fn any_position() -> impl Strategy<Value = Position> {
    (any_slot(), number()).prop_map(|(slot, chain)| Position { slot, chain })
}

fn any_acceptor_state() -> impl Strategy<Value = AcceptorState> {
    let parts = (any_ballot(), any_ballot(), any_slot());
    parts.prop_map(|(promised, ballot, slot)| AcceptorState { promised, accepted: (ballot, slot) })
}

fn any_request() -> impl Strategy<Value = Request> {
    (number(), any_dot(), number(), any_slot()).prop_map(|(seq, dot, number, seen)| {
        let id = RequestId { replica: ReplicaId(number), seq };
        let operation = Operation::Assign { record: RecordId(dot), number };
        Request { id, settled: number, seen, after: Some(dot), operation }
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    prop_oneof![Just(Entry::Noop), Just(Entry::Configure(configuration())), any_request().prop_map(Entry::Command)]
}

fn any_snapshot() -> impl Strategy<Value = WriteOp> {
    let parts = (any_position(), prop::collection::vec(any::<u8>(), 0..8), any_position());
    parts.prop_map(|(at, ledger, log_start)| WriteOp::Snapshot { snapshot: Snapshot { at, ledger }, log_start })
}

fn any_op() -> impl Strategy<Value = WriteOp> {
    prop_oneof![
        any_version(),
        (any_dot(), any_dot()).prop_map(|(record, dot)| WriteOp::DropVersion { record: RecordId(record), dot }),
        prop::collection::vec(any_dot(), 0..6).prop_map(|dots| WriteOp::PutContext(dots.into_iter().collect())),
        any_acceptor_state().prop_map(WriteOp::AcceptorState),
        (1..4u16, number(), any_acceptor_state()).prop_map(|(voter, incarnation, acceptor_state)| WriteOp::Remember {
            voter: RelayId(voter),
            incarnation: ReplicaId(incarnation),
            acceptor_state
        }),
        (number(), number()).prop_map(|(first, next)| WriteOp::Cursor { first, next }),
        any_snapshot(),
        (any_slot(), any_ballot(), any_entry())
            .prop_map(|(slot, ballot, entry)| WriteOp::Accept { slot, accepted: Accepted { ballot, entry } }),
        any_slot().prop_map(WriteOp::Decided),
        number().prop_map(WriteOp::RequestSeq),
        number().prop_map(WriteOp::Raised),
        any_request().prop_map(|request| WriteOp::Ask(PendingRequest { request, is_fixed: true, is_asked: false })),
        number().prop_map(WriteOp::Answered),
    ]
}

fn any_batches() -> impl Strategy<Value = Vec<(Room, Vec<WriteOp>)>> {
    let room = prop_oneof![Just("people"), Just("other")].prop_map(|name| Room::try_from(name.to_owned()).unwrap());
    prop::collection::vec((room, prop::collection::vec(any_op(), 1..12)), 0..8).prop_map(|mut batches| {
        // No snapshot of a room is at a lower slot than the one before.
        let mut reached: BTreeMap<Room, Slot> = BTreeMap::new();
        for (room, op) in batches.iter_mut().flat_map(|(room, ops)| ops.iter_mut().map(|op| (&*room, op))) {
            if let WriteOp::Snapshot { snapshot, .. } = op {
                let reached = reached.entry(room.clone()).or_default();
                *reached = snapshot.at.slot.max(*reached);
                snapshot.at.slot = *reached;
            }
        }
        batches
    })
}

proptest! {
    // Each case syncs a real file.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_loaded_is_what_apply_makes_of_the_writes(batches in any_batches()) {
        let mut expected: BTreeMap<Room, Recovered> = BTreeMap::new();
        for (room, ops) in &batches {
            ops.iter().for_each(|op| expected.entry(room.clone()).or_default().apply(op.clone()));
        }
        for place in places() {
            let store = place.open();
            let about = store.about().clone();
            write_and_close(store, |writer| {
                for (number, (room, ops)) in (1..).zip(batches.clone()) {
                    writer.submit(room, WriteBatch { id: WriteId(number), ops });
                }
            });
            let reopened = place.open();
            prop_assert_eq!(reopened.about(), &about);
            // A room in which nothing is left has no row.
            prop_assert!(reopened.rooms().unwrap().iter().all(|room| expected.contains_key(room)));
            for (room, expected) in &expected {
                prop_assert_eq!(&reopened.read(room).unwrap(), expected);
            }
        }
    }
}

#[test]
fn the_writer_reports_the_last_batch_of_each_room_and_ends_when_it_is_let_go() {
    for place in places() {
        let room = people();
        let (writer, mut reports) = place.open().start();
        for number in 1..=100 {
            writer.submit(room.clone(), WriteBatch { id: WriteId(number), ops: vec![WriteOp::RequestSeq(number)] });
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
        let store = place.open();
        assert_eq!(store.load_all().unwrap()[&room].request_seq, 100);
    }
}

fn write_and_close(store: Box<dyn Storage>, give: impl FnOnce(&Writer)) -> Vec<Persisted> {
    let (writer, mut reports) = store.start();
    give(&writer);
    drop(writer);
    std::iter::from_fn(|| reports.blocking_recv()).map(Result::unwrap).collect()
}

#[test]
fn the_founding_and_the_relays_that_were_met_are_remembered() {
    for place in places() {
        let store = place.open();
        let new = store.about().clone();
        assert_eq!((&new.founding, new.relays.len()), (&None, 0));
        let reports = write_and_close(store, |writer| {
            writer.meet(RelayId(2), "before:1".to_owned());
            writer.meet(RelayId(2), "after:1".to_owned());
            writer.found(configuration().into());
        });
        assert!(reports.iter().any(|report| report.founded) && reports.iter().all(|report| report.batches == 0));
        let relays = BTreeMap::from([(RelayId(2), "after:1".to_owned())]);
        assert_eq!(place.open().about(), &About { founding: Some(configuration().into()), relays, ..new });
    }
}

#[test]
fn a_new_incarnation_has_bound_itself_to_nothing_and_keeps_everything_else() {
    for place in places() {
        let ballot = Ballot { configuration: 0, round: 1, voter: RelayId(1) };
        let acceptor_state = AcceptorState { promised: ballot, accepted: (ballot, Slot(1)) };
        let ops = vec![
            WriteOp::AcceptorState(acceptor_state),
            WriteOp::Remember { voter: RelayId(2), incarnation: ReplicaId(7), acceptor_state },
            WriteOp::Accept { slot: Slot(0), accepted: Accepted { ballot, entry: Entry::Noop } },
            WriteOp::Decided(Slot(1)),
        ];
        let mut expected = Recovered::default();
        ops.iter().cloned().for_each(|op| expected.apply(op));
        expected.acceptor_state = AcceptorState::ZERO;
        write_and_close(place.open(), |writer| {
            writer.found(configuration().into());
            writer.submit(people(), WriteBatch { id: WriteId(1), ops: ops.clone() });
            writer.renew(ReplicaId(9));
        });
        let store = place.open();
        assert_eq!((store.about().replica, &store.about().founding), (ReplicaId(9), &Some(configuration().into())));
        assert_eq!(store.load_all().unwrap(), BTreeMap::from([(people(), expected)]));
    }
}

fn promise(round: u64) -> Ballot {
    Ballot { configuration: 0, round, voter: RelayId(2) }
}

#[test]
fn a_room_that_is_dropped_is_gone_and_a_room_that_begins_later_keeps_its_promise() {
    for place in places() {
        let other = Room::try_from("other".to_owned()).unwrap();
        let acceptor_state =
            |round| WriteOp::AcceptorState(AcceptorState { promised: promise(round), ..AcceptorState::ZERO });
        let batch = |id, ops| WriteBatch { id: WriteId(id), ops };
        write_and_close(place.open(), |writer| {
            writer.submit(people(), batch(1, vec![acceptor_state(7), WriteOp::RequestSeq(1)]));
            writer.submit(other.clone(), batch(1, vec![acceptor_state(3), WriteOp::RequestSeq(2)]));
            writer.drop_room(people(), promise(7));
            writer.drop_room(other.clone(), promise(3));
            // The room is used again before the same commit is over.
            writer.submit(other.clone(), batch(1, vec![WriteOp::RequestSeq(9)]));
        });
        let store = place.open();
        assert_eq!(store.about().floor, promise(7));
        let rooms = store.load_all().unwrap();
        assert_eq!(rooms.keys().collect::<Vec<_>>(), [&other]);
        assert_eq!((rooms[&other].request_seq, rooms[&other].acceptor_state.promised), (9, promise(7)));
        assert_eq!(store.load(&people()).unwrap(), new_room(promise(7)));
        // A new incarnation has promised nothing.
        write_and_close(store, |writer| writer.renew(ReplicaId(9)));
        assert_eq!(place.open().about().floor, Ballot::ZERO);
    }
}

#[test]
fn a_room_is_read_back_after_all_that_was_submitted_before() {
    for place in places() {
        let reports = write_and_close(place.open(), |writer| {
            for number in 1..=20 {
                writer.submit(people(), WriteBatch { id: WriteId(number), ops: vec![WriteOp::RequestSeq(number)] });
            }
            writer.load(people());
        });
        let loaded: Vec<_> = reports.into_iter().flat_map(|report| report.loaded).collect();
        let [Loaded { room, outcome: Ok(recovered) }] = &loaded[..] else { panic!("one room is read: {loaded:?}") };
        assert_eq!((room, recovered.request_seq), (&people(), 20));
    }
}

#[test]
fn a_write_that_fails_is_reported_and_the_writer_writes_nothing_more() {
    for place in places() {
        let room = people();
        let (writer, mut reports) = place.open().start();
        place.break_down();
        writer.submit(room.clone(), WriteBatch { id: WriteId(1), ops: vec![WriteOp::RequestSeq(1)] });
        assert!(matches!(reports.blocking_recv(), Some(Err(StorageError::Write(_)))));
        writer.submit(room, WriteBatch { id: WriteId(2), ops: vec![WriteOp::RequestSeq(2)] });
        assert!(reports.blocking_recv().is_none());
    }
}

#[test]
fn a_probe_is_reported_once_the_disk_has_written_it_and_changes_nothing() {
    for place in places() {
        let about = place.open().about().clone();
        let reports = write_and_close(place.open(), |writer| {
            writer.probe();
            writer.probe();
        });
        assert!(reports.iter().all(|report| report.probed) && !reports.is_empty());
        let store = place.open();
        assert_eq!((store.load_all().unwrap(), store.about()), (BTreeMap::new(), &about));
    }
}
