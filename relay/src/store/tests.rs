//! The store means by each write what `Recovered::apply` means by it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use shared::base::dot::{Dot, MAX_COUNTER};
use shared::base::hlc::Stamp;
use shared::base::id::RecordId;
use shared::base::room::Room;
use shared::consensus::{AcceptorState, Ballot, Configuration, Position, Slot};
use shared::ledger::{Accepted, Claim, ClaimId, Entry, Ledger, Operation};
use shared::merge::document::Document;
use shared::replica::io::{PendingClaim, Recovered, Snapshot, WriteBatch, WriteId, WriteOp};
use shared::schema::{FieldEdit, MAX_NUMBER, NOTE};

use super::*;

fn for_people() -> Purpose {
    Purpose { voter: RelayId(1), schema: Schema::people() }
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &for_people()).unwrap()
}

fn people() -> Room {
    Room::try_from("people".to_owned()).unwrap()
}

fn configuration() -> Configuration {
    let voters = BTreeMap::from([(RelayId(1), ReplicaId(u64::MAX)), (RelayId(2), ReplicaId(7))]);
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

/// What a document writes when somebody writes a note.
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

fn any_claim() -> impl Strategy<Value = Claim> {
    (number(), any_dot(), number(), any_slot()).prop_map(|(seq, dot, number, seen)| {
        let id = ClaimId { replica: ReplicaId(number), seq };
        let operation = Operation::Assign { record: RecordId(dot), number };
        Claim { id, settled: number, seen, after: Some(dot), operation }
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    prop_oneof![Just(Entry::Noop), Just(Entry::Configure(configuration())), any_claim().prop_map(Entry::Command)]
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
        number().prop_map(WriteOp::ClaimSeq),
        number().prop_map(WriteOp::Raised),
        any_claim().prop_map(|claim| WriteOp::Ask(PendingClaim { claim, is_fixed: true, is_asked: false })),
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
        let dir = tempfile::tempdir().unwrap();
        let mut expected: BTreeMap<Room, Recovered> = BTreeMap::new();
        let mut store = open(dir.path());
        let about = store.about().clone();
        let mut tasks = Vec::new();
        for (number, (room, ops)) in (1..).zip(batches) {
            ops.iter().for_each(|op| expected.entry(room.clone()).or_default().apply(op.clone()));
            tasks.push(Task::Write(room, WriteBatch { id: WriteId(number), ops }));
        }
        tasks.chunks(3).for_each(|tasks| store.commit(tasks).unwrap());
        drop(store);
        let reopened = open(dir.path());
        prop_assert_eq!(reopened.about(), &about);
        let mut loaded = rows::read_back(&reopened.connection, None).unwrap();
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
    let room = people();
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

fn write_and_close(store: Store, give: impl FnOnce(&Writer)) -> Vec<Persisted> {
    let (writer, mut reports) = Writer::start(store);
    give(&writer);
    drop(writer);
    std::iter::from_fn(|| reports.blocking_recv()).map(Result::unwrap).collect()
}

#[test]
fn the_founding_and_the_relays_that_were_met_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let new = store.about().clone();
    assert_eq!((&new.founding, new.relays.len()), (&None, 0));
    let reports = write_and_close(store, |writer| {
        writer.meet(RelayId(2), "before:1".to_owned());
        writer.meet(RelayId(2), "after:1".to_owned());
        writer.found(configuration().into());
    });
    assert!(reports.iter().any(|report| report.founded) && reports.iter().all(|report| report.batches == 0));
    let relays = BTreeMap::from([(RelayId(2), "after:1".to_owned())]);
    assert_eq!(open(dir.path()).about(), &About { founding: Some(configuration().into()), relays, ..new });
}

#[test]
fn a_new_incarnation_has_bound_itself_to_nothing_and_keeps_everything_else() {
    let dir = tempfile::tempdir().unwrap();
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
    write_and_close(open(dir.path()), |writer| {
        writer.found(configuration().into());
        writer.submit(people(), WriteBatch { id: WriteId(1), ops });
        writer.renew(ReplicaId(9));
    });
    let store = open(dir.path());
    assert_eq!((store.about().replica, &store.about().founding), (ReplicaId(9), &Some(configuration().into())));
    assert_eq!(store.load().unwrap(), BTreeMap::from([(people(), expected)]));
}

fn promise(round: u64) -> Ballot {
    Ballot { configuration: 0, round, voter: RelayId(2) }
}

#[test]
fn a_room_that_is_dropped_is_gone_and_a_room_that_begins_later_keeps_its_promise() {
    let dir = tempfile::tempdir().unwrap();
    let other = Room::try_from("other".to_owned()).unwrap();
    let acceptor_state =
        |round| WriteOp::AcceptorState(AcceptorState { promised: promise(round), ..AcceptorState::ZERO });
    let batch = |id, ops| WriteBatch { id: WriteId(id), ops };
    write_and_close(open(dir.path()), |writer| {
        writer.submit(people(), batch(1, vec![acceptor_state(7), WriteOp::ClaimSeq(1)]));
        writer.submit(other.clone(), batch(1, vec![acceptor_state(3), WriteOp::ClaimSeq(2)]));
        writer.drop_room(people(), promise(7));
        writer.drop_room(other.clone(), promise(3));
        // The room is used again before the same commit is over.
        writer.submit(other.clone(), batch(1, vec![WriteOp::ClaimSeq(9)]));
    });
    let store = open(dir.path());
    assert_eq!(store.about().floor, promise(7));
    let rooms = store.load().unwrap();
    assert_eq!(rooms.keys().collect::<Vec<_>>(), [&other]);
    assert_eq!((rooms[&other].claim_seq, rooms[&other].acceptor_state.promised), (9, promise(7)));
    assert_eq!(store.load_room(&people()).unwrap(), new_room(promise(7)));
    // A new incarnation has promised nothing.
    write_and_close(store, |writer| writer.renew(ReplicaId(9)));
    assert_eq!(open(dir.path()).about().floor, Ballot::ZERO);
}

#[test]
fn a_room_is_read_back_after_all_that_was_submitted_before() {
    let dir = tempfile::tempdir().unwrap();
    let reports = write_and_close(open(dir.path()), |writer| {
        for number in 1..=20 {
            writer.submit(people(), WriteBatch { id: WriteId(number), ops: vec![WriteOp::ClaimSeq(number)] });
        }
        writer.load(people());
    });
    let loaded: Vec<_> = reports.into_iter().flat_map(|report| report.loaded).collect();
    let [Loaded { room, outcome: Ok(recovered) }] = &loaded[..] else { panic!("one room is read: {loaded:?}") };
    assert_eq!((room, recovered.claim_seq), (&people(), 20));
}

#[test]
fn a_schema_that_has_grown_is_kept_and_cannot_shrink_again() {
    let dir = tempfile::tempdir().unwrap();
    let with = |more: &str| {
        let text = schema::to_text(&Schema::people()) + more;
        Purpose { schema: schema::from_text(&text).unwrap(), ..for_people() }
    };
    let (phone, email) = ("[[field]]\nname='phone'\nkind='lww'\n", "[[field]]\nname='email'\nkind='lww'\n");
    open(dir.path());
    for grown in [with(phone), with(&[phone, email].concat())] {
        Store::open(dir.path(), &grown).unwrap();
        Store::open(dir.path(), &grown).unwrap();
    }
    for other in [for_people(), with(phone), with(email)] {
        assert!(matches!(Store::open(dir.path(), &other), Err(StoreError::OtherSchema { .. })));
    }
}

#[test]
fn a_write_that_fails_is_reported_and_the_writer_writes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let room = people();
    let store = open(dir.path());
    store.connection.pragma_update(None, "query_only", true).unwrap();
    let (writer, mut reports) = Writer::start(store);
    writer.submit(room.clone(), WriteBatch { id: WriteId(1), ops: vec![WriteOp::ClaimSeq(1)] });
    assert!(matches!(reports.blocking_recv(), Some(Err(StoreError::Write(_)))));
    writer.submit(room, WriteBatch { id: WriteId(2), ops: vec![WriteOp::ClaimSeq(2)] });
    assert!(reports.blocking_recv().is_none());
}

/// The mode of every file and directory in a directory, and of itself, by name.
fn modes(dir: &Path) -> BTreeMap<String, u32> {
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let inside = dir.read_dir().unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), mode(&entry.path()))
    });
    inside.chain([(".".to_owned(), mode(dir))]).collect()
}

#[test]
fn other_users_may_not_read_what_a_relay_stores() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data/1");
    let expected = |mode_of_dir, mode| {
        let files = ["duet.sqlite3", "duet.sqlite3-shm", "duet.sqlite3-wal", "lock"];
        let files = files.into_iter().map(|name| (name.to_owned(), mode));
        files.chain([(".".to_owned(), mode_of_dir)]).collect::<BTreeMap<_, _>>()
    };
    let put = |store: &Store| store.connection.execute("INSERT INTO relay VALUES (9, 'a:1')", []).unwrap();
    let store = open(&dir);
    put(&store);
    assert_eq!(modes(&dir), expected(0o700, 0o600));
    assert_eq!(modes(&parent.path().join("data"))["."], 0o700);
    // As earlier versions left them, after a kill.
    let copy = parent.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    for name in expected(0, 0).into_keys().filter(|name| name != ".") {
        std::fs::copy(dir.join(&name), copy.join(&name)).unwrap();
        std::fs::set_permissions(copy.join(&name), Permissions::from_mode(0o644)).unwrap();
    }
    drop(store);
    let store = open(&copy);
    let relays = store.about().relays.len();
    assert_eq!((relays, modes(&copy)), (1, expected(0o700, 0o600)));
}

#[test]
fn what_no_replica_has_left_is_broken_and_no_panic() {
    let slot = |slot: u64| format!("{slot:016x}");
    let ballots = |promised: Ballot, accepted: Ballot| {
        encoding::encode(&AcceptorState { promised, accepted: (accepted, Slot(1)) })
    };
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let raised = hex((MAX_NUMBER + 1).to_be_bytes().to_vec());
    let breakages = [
        ("people", format!("{:02x}", tag::SNAPSHOT), "00".repeat(32) + "ffffffffffffffffff"),
        ("people", format!("{:02x}", tag::SNAPSHOT), "00".repeat(32)),
        ("people", format!("{:02x}", tag::LOG) + &slot(1), "ff".repeat(9)),
        ("people", format!("{:02x}", tag::LOG) + &slot(i64::MAX as u64), "00010100".to_owned()),
        ("people", format!("{:02x}", tag::CONTEXT) + &slot(1), "ff".repeat(9)),
        ("people", format!("{:02x}", tag::VERSION) + &slot(1).repeat(4), "ff".repeat(9)),
        ("people", format!("{:02x}", tag::ACCEPTOR_STATE), hex(ballots(promise(1), promise(2)))),
        ("people", format!("{:02x}", tag::ACCEPTOR_STATE), "ff".repeat(9)),
        ("people", format!("{:02x}", tag::REMEMBERED) + &slot(70_000), "01000101000000".to_owned() + "00"),
        ("people", format!("{:02x}", tag::RAISED), raised),
        ("people", format!("{:02x}", tag::RAISED + 9), "00".to_owned()),
        ("no room", format!("{:02x}", tag::CLAIM_SEQ), slot(1)),
    ];
    for (room, key, value) in breakages {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let put = format!("INSERT INTO row VALUES ('{room}', x'{key}', x'{value}')");
        store.connection.execute(&put, []).unwrap_or_else(|error| panic!("{put}: {error}"));
        drop(store);
        let loaded = open(dir.path()).load();
        assert!(matches!(loaded, Err(StoreError::Broken { .. })), "{put}: {loaded:?}");
    }
    for broken in ["DELETE FROM meta WHERE key = 'replica'", "UPDATE meta SET value = 'nonsense' WHERE key = 'schema'"]
    {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).connection.execute(broken, []).unwrap();
        let opened = Store::open(dir.path(), &for_people());
        assert!(matches!(opened, Err(StoreError::Broken { .. })), "{broken}: {opened:?}");
    }
}

/// The state of the room in `version_7.sql`, which a relay of that version has written.
fn of_version_7() -> Recovered {
    let ballot = |round| Ballot { configuration: 0, round, voter: RelayId(1) };
    let author = ReplicaId(u64::MAX - 1);
    let record = RecordId(Dot::new(author, 1));
    let op = Schema::people().op(NOTE, FieldEdit::Assign("hello".to_owned())).expect("a note");
    let edited = Document::default().edit(record, record.0, Stamp { wall_ms: 7, logical: 1 }, vec![op]);
    let mut ops: Vec<WriteOp> = edited.expect("a short note fits").writes.into_iter().map(WriteOp::from).collect();
    let acceptor_state = AcceptorState { promised: ballot(9), accepted: (ballot(8), Slot(2)) };
    let id = ClaimId { replica: ReplicaId(1), seq: 7 };
    let claim = Claim { id, settled: 0, seen: Slot(0), after: None, operation: Operation::Raise { number: 3 } };
    let at = Position { slot: Slot(1), chain: u64::MAX - 1 };
    let ledger = encoding::encode(&Ledger::default());
    let entry = Entry::Command(claim.clone());
    ops.extend([
        WriteOp::Snapshot { snapshot: Snapshot { at, ledger }, log_start: at },
        WriteOp::Accept { slot: Slot(1), accepted: Accepted { ballot: ballot(8), entry } },
        WriteOp::Decided(Slot(2)),
        WriteOp::AcceptorState(acceptor_state),
        WriteOp::Remember { voter: RelayId(2), incarnation: ReplicaId(u64::MAX), acceptor_state },
        WriteOp::ClaimSeq(7),
        WriteOp::Raised(70_000),
        WriteOp::Cursor { first: 100, next: 105 },
        WriteOp::Ask(PendingClaim { claim, is_fixed: true, is_asked: false }),
    ]);
    let mut recovered = Recovered::default();
    ops.into_iter().for_each(|op| recovered.apply(op));
    recovered
}

#[test]
fn a_database_of_the_version_before_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE_NAME);
    Connection::open(&file).unwrap().execute_batch(include_str!("version_7.sql")).unwrap();
    // A backup of that version, too.
    let backup = dir.path().join("backup");
    back_up(dir.path(), &backup).unwrap();
    for _ in 0..2 {
        let store = open(dir.path());
        let rooms = store.load().unwrap();
        let floor = Ballot { configuration: 0, round: 5, voter: RelayId(1) };
        let other = Recovered { claim_seq: 4, ..new_room(floor) };
        let other_name = Room::try_from("other".to_owned()).unwrap();
        assert_eq!(rooms, BTreeMap::from([(people(), of_version_7()), (other_name, other)]));
        let relays = BTreeMap::from([(RelayId(2), "there:1".to_owned())]);
        let replica = ReplicaId(7_767_811_821_444_978_078);
        assert_eq!(store.about(), &About { replica, founding: Some(configuration().into()), relays, floor });
        let tables = "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema ORDER BY name)";
        let tables: String = store.connection.query_row(tables, [], |row| row.get(0)).unwrap();
        assert_eq!(tables, "meta relay row");
    }
    let restored = restore(&backup, &dir.path().join("restored"), RelayId(1), None).unwrap();
    assert_eq!((restored.rooms, restored.records), (2, 1));
}

#[test]
fn a_probe_is_reported_once_the_disk_has_written_it_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let about = open(dir.path()).about().clone();
    let reports = write_and_close(open(dir.path()), |writer| {
        writer.probe();
        writer.probe();
    });
    assert!(reports.iter().all(|report| report.probed) && !reports.is_empty());
    let store = open(dir.path());
    assert_eq!((store.load().unwrap(), store.about()), (BTreeMap::new(), &about));
}
