//! The file of a relay: its schema, its rights, its versions, and what is not ours in it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use shared::base::dot::Dot;
use shared::base::hlc::Stamp;
use shared::base::id::RecordId;
use shared::base::sorted::SortedMap;
use shared::consensus::{AcceptorState, Configuration, Position, Slot};
use shared::ledger::{Accepted, Entry, Ledger, Operation, Request, RequestId};
use shared::merge::document::Document;
use shared::replica::io::{PendingRequest, Snapshot, WriteOp};
use shared::schema::{FieldEdit, MAX_NUMBER, NOTE};

use super::*;
use crate::storage::new_room;

fn for_people() -> Purpose {
    Purpose { voter: RelayId(1), schema: Schema::people() }
}

fn people() -> Room {
    Room::try_from("people".to_owned()).unwrap()
}

fn configuration() -> Configuration {
    let voters = SortedMap::from([(RelayId(1), ReplicaId(u64::MAX)), (RelayId(2), ReplicaId(7))]);
    Configuration { number: 0, voters }
}

fn promise(round: u64) -> Ballot {
    Ballot { configuration: 0, round, voter: RelayId(2) }
}

fn open(dir: &Path) -> Sqlite {
    Sqlite::open(dir, &for_people()).unwrap()
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
        Sqlite::open(dir.path(), &grown).unwrap();
        Sqlite::open(dir.path(), &grown).unwrap();
    }
    for other in [for_people(), with(phone), with(email)] {
        assert!(matches!(Sqlite::open(dir.path(), &other), Err(StorageError::OtherSchema { .. })));
    }
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
    let put = |store: &Sqlite| store.connection.execute("INSERT INTO relay VALUES (9, 'a:1')", []).unwrap();
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
        ("no room", format!("{:02x}", tag::REQUEST_SEQ), slot(1)),
    ];
    for (room, key, value) in breakages {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let put = format!("INSERT INTO row VALUES ('{room}', x'{key}', x'{value}')");
        store.connection.execute(&put, []).unwrap_or_else(|error| panic!("{put}: {error}"));
        drop(store);
        let loaded = open(dir.path()).load_all();
        assert!(matches!(loaded, Err(StorageError::Broken { .. })), "{put}: {loaded:?}");
    }
    for broken in ["DELETE FROM meta WHERE key = 'replica'", "UPDATE meta SET value = 'nonsense' WHERE key = 'schema'"]
    {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).connection.execute(broken, []).unwrap();
        let opened = Sqlite::open(dir.path(), &for_people());
        assert!(matches!(opened, Err(StorageError::Broken { .. })), "{broken}: {opened:?}");
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
    let id = RequestId { replica: ReplicaId(1), seq: 7 };
    let request = Request { id, settled: 0, seen: Slot(0), after: None, operation: Operation::Raise { number: 3 } };
    let at = Position { slot: Slot(1), chain: u64::MAX - 1 };
    let ledger = encoding::encode(&Ledger::default());
    let entry = Entry::Command(request.clone());
    ops.extend([
        WriteOp::Snapshot { snapshot: Snapshot { at, ledger }, log_start: at },
        WriteOp::Accept { slot: Slot(1), accepted: Accepted { ballot: ballot(8), entry } },
        WriteOp::Decided(Slot(2)),
        WriteOp::AcceptorState(acceptor_state),
        WriteOp::Remember { voter: RelayId(2), incarnation: ReplicaId(u64::MAX), acceptor_state },
        WriteOp::RequestSeq(7),
        WriteOp::Raised(70_000),
        WriteOp::Cursor { first: 100, next: 105 },
        WriteOp::Ask(PendingRequest { request, is_fixed: true, is_asked: false }),
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
        let rooms = store.load_all().unwrap();
        let floor = Ballot { configuration: 0, round: 5, voter: RelayId(1) };
        let other = Recovered { request_seq: 4, ..new_room(floor) };
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
