//! Bytes as they are kept and sent, which must be read as the values written here: what is kept by this and every later
//! version, frames by this version of them.
//!
//! A vector that is not there yet is written, and the test fails once: look at it, and commit it.

use std::fs;
use std::path::PathBuf;

use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, RelayId, ReplicaId, ReplicaSecret};
use shared::base::room::Room;
use shared::base::sorted::SortedMap;
use shared::consensus::{self, Ballot, Configuration, Position, Slot, Votes};
use shared::ledger::{Accepted, Entry, Key, Keyed, KeyedOperation, Load, Operation, Request, RequestId, Suffix};
use shared::merge::codec::rows;
use shared::merge::crdt::Lattice;
use shared::merge::document::{Delta, Digest, Document, Edit, Liveness, News, Packed};
use shared::protocol::{self, Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES, Relays, Update};
use shared::replica::io::{Message, Violation};
use shared::replica::observation::{End, LinkSeen, Observation};
use shared::replica::presence::{PresenceNews, RelayNews, StatusNews, TabsNews};
use shared::schema::{FieldEdit, FieldId, FieldKind, Op, Schema};

const ALICE: ReplicaId = ReplicaId(0xa11c_e000_0000_0001);
const SECRET: ReplicaSecret = ReplicaSecret::new([7; ReplicaSecret::BYTES]);
const BOB: ReplicaId = ReplicaId(0xb0b0_0000_0000_0002);
const RELAY: ReplicaId = ReplicaId(0x4e1a_0000_0000_0003);
const ANNA: RecordId = RecordId(Dot::new(ALICE, 1));

fn stamp(time: u64) -> Stamp {
    Stamp { wall_ms: 1_750_000_000_000 + time, logical: 0 }
}

fn op(field: u16, kind: FieldKind, edit: FieldEdit) -> Op {
    Op { field: FieldId(field), kind, edit }
}

fn assign(text: &str) -> FieldEdit {
    FieldEdit::Assign(text.to_owned())
}

/// A document with every kind of field and two concurrent versions of a record.
fn document() -> Document {
    let mut alice = Document::default();
    let ops = vec![
        op(0, FieldKind::Mv, assign("Anna")),
        op(1, FieldKind::Lww, assign("likes tea")),
        op(2, FieldKind::Set, FieldEdit::Insert("board".to_owned())),
        op(3, FieldKind::Counter, FieldEdit::Add(5)),
    ];
    alice.edit(ANNA, ANNA.0, stamp(0), ops).expect("it is small");
    let mut bob = alice.clone();
    alice.edit(ANNA, Dot::new(ALICE, 2), stamp(10), vec![op(0, FieldKind::Mv, assign("Anya"))]).expect("it is small");
    let ops = vec![op(0, FieldKind::Mv, assign("Annie")), op(3, FieldKind::Counter, FieldEdit::Add(-2))];
    bob.edit(ANNA, Dot::new(BOB, 1), stamp(20), ops).expect("it is small");
    let bert = Dot::new(BOB, 2);
    bob.edit(RecordId(bert), bert, stamp(30), vec![op(0, FieldKind::Mv, assign("Bert"))]).expect("it is small");
    alice.join(&bob);
    alice
}

/// The same, with the record folded.
fn folded() -> Document {
    let mut document = document();
    document.fold(ANNA, Dot::new(RELAY, 1)).expect("it is small");
    document
}

fn edits() -> Vec<Edit> {
    let ops = vec![
        op(0, FieldKind::Mv, assign("Anna")),
        op(1, FieldKind::Lww, assign("")),
        op(2, FieldKind::Set, FieldEdit::Insert("board".to_owned())),
        op(2, FieldKind::Set, FieldEdit::Remove("choir".to_owned())),
        op(3, FieldKind::Counter, FieldEdit::Add(-7)),
    ];
    let dot = Dot::new(ALICE, 3);
    let base = vec![Dot::new(ALICE, 2), Dot::new(BOB, 1)];
    let edit = |base, superseded, folds, ops| Edit {
        record: ANNA,
        dot,
        stamp: stamp(40),
        base,
        superseded,
        folds,
        result: 0x0123_4567,
        ops,
    };
    vec![
        edit(Vec::new(), DotSet::default(), false, ops.clone()),
        edit(base.clone(), DotSet::default(), true, Vec::new()),
        edit(vec![Dot::new(RELAY, 1)], base.into_iter().collect(), false, ops),
    ]
}

/// Frames without anything compressed, in the order in which one link carries them.
fn frames() -> Vec<Frame> {
    let some: DotSet = [Dot::new(ALICE, 1), Dot::new(ALICE, 2), Dot::new(BOB, 7)].into_iter().collect();
    let digest = Digest { context: some.clone(), whole: 0x0fed << 64 | 7, buckets: vec![1, 0xffff_ffff] };
    let liveness = Liveness { context: some.clone(), whole: 1 << 100, of: 2, buckets: vec![1], live: some.clone() };
    let ballot = Ballot { configuration: 1, round: 3, voter: RelayId(2) };
    let mut messages = vec![
        Message::Have {
            context: some.clone(),
            fingerprint: 0x0123_4567_89ab_cdef,
            chain: 0xfe,
            decided: Slot(5),
            restores: Default::default(),
        },
        Message::More,
        Message::Digest(digest),
        Message::AskLiveness { of: 2, buckets: vec![0, 1] },
        Message::Liveness(liveness),
        Message::Want { record: ANNA, dots: some.clone() },
        Message::Stored { context: some.clone(), configuration: 1, majority: some.clone() },
        Message::Held { dots: some },
        Message::Restored { record: ANNA, edit: Dot::new(BOB, 7) },
        Message::Revived { record: ANNA, edit: Dot::new(BOB, 7) },
        Message::Paxos(consensus::Message::Prepare { ballot, decided: Slot(4) }),
        Message::Fetch { first: Slot(300) },
        Message::Propose(request()),
        Message::Propose(request_under_key()),
        Message::Equivocated { dot: Dot::new(ALICE, 7) },
        Message::Raised { number: 300 },
        Message::PresenceNews(PresenceNews { tabs: news_of_tabs(), leader: Some(ballot) }),
        Message::StatusNews(StatusNews { leader: Some(ballot), relays: vec![news_of_relay()] }),
    ];
    messages.extend(about_the_log(ballot));
    messages.extend(edits().into_iter().map(Message::Edit));
    let room = Room::try_from("people".to_owned()).expect("a name of a room");
    let hello = Frame::Hello(Hello::Tab { secret: SECRET, room: "people".to_owned() });
    let relay = Frame::Hello(Hello::Relay { voter: RelayId(2), replica: RELAY, schema: Schema::people() });
    let founding = Configuration { number: 0, voters: SortedMap::from([(RelayId(2), RELAY)]) };
    let addresses = SortedMap::from([(RelayId(2), "127.0.0.1:5002".to_owned())]);
    let relays = Frame::Relays(Relays { founding: Some(founding.into()), addresses });
    let in_room = Frame::InRoom(room.clone(), Message::More);
    let updated = Frame::Updated(room, Update { name: "Anna".to_owned(), number: -7 });
    let bye = Frame::Bye(Violation::Stopping);
    [hello]
        .into_iter()
        .chain(messages.into_iter().map(Frame::Message))
        .chain([relay, relays, in_room, updated, bye])
        .collect()
}

fn news_of_tabs() -> TabsNews {
    TabsNews { came: vec![ALICE], gone: vec![BOB] }
}

fn news_of_relay() -> RelayNews {
    let address = "127.0.0.1:5002".to_owned();
    RelayNews { voter: RelayId(2), address, up: true, votes: false, tabs: news_of_tabs() }
}

/// Entries of the log hold it, too.
fn request_under_key() -> Request {
    let keyed = Keyed { key: Key(*b"a key of 16 byte"), hash: 7, since: Slot(2) };
    Request { operation: Operation::Once { keyed, operation: KeyedOperation::Allocate { record: ANNA } }, ..request() }
}

fn request() -> Request {
    let operation = Operation::Assign { record: ANNA, number: 42 };
    Request {
        id: RequestId { replica: ALICE, seq: 9 },
        settled: 7,
        seen: Slot(300),
        after: Some(Dot::new(ALICE, 2)),
        operation,
    }
}

fn about_the_log(ballot: Ballot) -> Vec<Message> {
    let configuration = Configuration { number: 1, voters: SortedMap::from([(RelayId(2), RELAY)]) };
    let entries = [Entry::Noop, Entry::Configure(configuration), Entry::Command(request())];
    let entries = entries.map(|entry| Accepted { ballot, entry }).into();
    vec![
        Message::Suffix(Suffix { first: Slot(300), chain: 0xfe, entries, decided: Slot(400) }),
        Message::SnapshotPart {
            at: Position { slot: Slot(300), chain: 0xfe },
            length: 5,
            offset: 2,
            bytes: vec![1, 2, 3],
        },
        Message::FetchPart { at: Slot(300), offset: 3 },
        Message::Observer { tab: ALICE, until: Some(Slot(300)), durable: true },
        Message::Observer { tab: ALICE, until: None, durable: false },
        Message::Released { until: Slot(300) },
        Message::Load(Load { window_ms: 1000, asked: 12, waiting_ms: 3, p99_ms: 7, unsettled: 300 }),
        Message::Watch { at: 1_000_000, round_trip_us: Some(700), measures: false },
        Message::Observed(observation(ballot)),
        Message::ReadIndex { id: 7 },
        Message::ReadAt { id: 7, index: Slot(300) },
    ]
}

fn observation(ballot: Ballot) -> Observation {
    let seen = |to| LinkSeen {
        to,
        sent: 3,
        received: 300,
        round_trip_us: Some(700),
        heard_ms_ago: Some(20),
        acknowledged: Some(Slot(300)),
    };
    Observation {
        by: RelayId(2),
        incarnation: RELAY,
        echo: Some(1_000_000),
        is_recovering: false,
        votes: Some(Votes { ballot, accepted: vec![(RelayId(2), Slot(301))], next: Slot(302) }),
        undecided: vec![(Slot(301), Accepted { ballot, entry: Entry::Command(request()) })],
        links: vec![seen(End::Relay(RelayId(3))), seen(End::Tab(ALICE))],
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The bytes of a vector; those given if there is none yet.
fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|_| {
        fs::write(path(name), written).expect("the folder is there");
        panic!("{name} was not there and has been written: look at it, and commit it");
    })
}

#[test]
fn frames_of_a_link_are_read_and_written_as_ever() {
    let mut encoder = Encoder::default();
    let mut written = Vec::new();
    for bytes in frames().iter().map(|frame| encoder.frame(frame)) {
        written.push(u8::try_from(bytes.len()).expect("the frames are short"));
        written.extend(bytes);
    }
    let kept = golden("frames.bin", &written);
    let (mut rest, mut decoder) = (&kept[..], Decoder::new(MAX_FRAME_BYTES));
    for frame in frames() {
        let (&length, after) = rest.split_first().expect("there is a frame");
        let (bytes, after) = after.split_at(length.into());
        assert_eq!(decoder.frame(bytes), Ok(frame));
        rest = after;
    }
    assert_eq!(kept, written, "the same bytes are written");
}

/// How LZ4 compresses may change; what it means may not.
#[test]
fn documents_are_read_as_ever() {
    for (name, document) in [("document.bin", document()), ("folded.bin", folded())] {
        let kept = golden(name, &protocol::document_bytes(&document, &DotSet::default()));
        let mut read = Document::default();
        for delta in protocol::document_deltas(&kept).expect("a version that can be read") {
            let delta: Delta = delta.expect("a delta");
            read.merge(delta);
        }
        assert_eq!(read, document, "{name}");
    }
}

#[test]
fn versions_and_sets_of_dots_on_disk_are_read_and_written_as_ever() {
    let versions = document().versions(ANNA).into_iter().chain(folded().versions(ANNA));
    for (number, live) in versions.enumerate() {
        let name = format!("version_{number}.bin");
        let kept = golden(&name, Packed::new(ANNA, &live).as_bytes());
        assert_eq!(Packed::from_bytes(ANNA, &kept).expect("a version").unpack(ANNA), live, "{name}");
        assert_eq!(Packed::new(ANNA, &live).as_bytes(), kept, "{name}");
    }
    let kept = golden("dot_set.bin", &rows::dot_set_bytes(document().context()));
    assert_eq!(rows::dot_set_of(&kept).as_ref(), Ok(document().context()));
    assert_eq!(rows::dot_set_bytes(document().context()), kept);
}

/// The examples in `docs/reference/wire-format.md` are true: each block of hex is what is said to be written.
#[test]
fn the_examples_in_the_documentation_are_true() {
    let text = fs::read_to_string(path("../../../docs/reference/wire-format.md")).expect("the documentation is there");
    let blocks: Vec<Vec<u8>> =
        text.split("```hex\n").skip(1).map(|block| bytes_of_hex(block.split("```").next().unwrap())).collect();
    let mut encoder = Encoder::default();
    let told: Vec<_> = frames().iter().map(|frame| encoder.frame(frame)).collect();
    let is_edit = |frame: &Frame| matches!(frame, Frame::Message(Message::Edit(_)));
    let edit = frames().iter().position(is_edit).expect("edits are among the frames");
    let version = Packed::new(ANNA, &document().versions(ANNA)[0]);
    assert_eq!(blocks, [told[0].clone(), told[1].clone(), told[edit].clone(), version.as_bytes().to_vec()]);
}

/// The bytes of lines of hex, each of which may end in a comment after `#`.
fn bytes_of_hex(block: &str) -> Vec<u8> {
    let digits = block.lines().map(|line| line.split('#').next().unwrap_or("")).collect::<String>();
    digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two digits")).collect()
}

#[test]
fn an_edit_that_arrives_twice_is_news_once() {
    let folded = document().fold(ANNA, Dot::new(RELAY, 1)).expect("it is small");
    let Some(News::Edit(edit)) = folded.news else { panic!("a fold is an edit") };
    let mut document = document();
    let first = document.apply(edit.clone()).expect("its base is here");
    assert!(matches!(first.news, Some(News::Edit(_))));
    assert_eq!(document.apply(edit).expect("its base was here").news, None);
}
