//! The decoder against any bytes.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config as ProptestConfig;
use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, RelayId, ReplicaId, ReplicaSecret};
use shared::base::room::Room;
use shared::base::sorted::SortedMap;
use shared::merge::document::{Delta, Document, Edit};
use shared::protocol::{
    DecodeError, Decoder, Encoder, Frame, MAX_FRAME_BYTES, MAX_TAB_FRAME_BYTES, VERSION, bytes_to_decode,
};
use shared::replica::io::{Command, CommandId, Input, Message, Now, PeerId, PeerKind, Recovered};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::{FieldEdit, FieldId, FieldKind, Op, Schema};

const NOW: Now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };

/// Real frames: those of a tab that adds people and meets a relay.
fn real_frames() -> Vec<Vec<u8>> {
    let mut tab = Replica::recover(
        Config { replica: ReplicaId(77), schema: Schema::people(), role: Role::Tab },
        Recovered::default(),
        NOW,
    );
    let mut frames = Vec::new();
    let peer = PeerId(1);
    let assign = |name: &str| ("name".to_owned(), FieldEdit::Assign(name.to_owned()));
    let tag = ("tags".to_owned(), FieldEdit::Insert("board".to_owned()));
    let add = |name: &str| Command::Add { fields: vec![assign(name), tag.clone()] };
    let have = Message::Have {
        context: Default::default(),
        fingerprint: 0,
        decided: Default::default(),
        chain: 0,
        restores: Default::default(),
    };
    let inputs = [
        Input::Command(CommandId(1), add("Anna")),
        Input::PeerUp(peer, PeerKind::Relay(RelayId(1), ReplicaId(1))),
        Input::Receive(peer, have),
        Input::Command(CommandId(2), add("Anton")),
    ];
    let mut inputs = std::collections::VecDeque::from(inputs);
    while let Some(input) = inputs.pop_front() {
        let output = tab.handle(NOW, input);
        inputs.extend(output.write.map(|batch| Input::Persisted(batch.id)));
        frames.extend(
            output.sends.into_iter().map(|envelope| Encoder::default().frame(&Frame::Message(envelope.message))),
        );
    }
    assert!(frames.len() >= 4, "have, two deltas and a digest at least");
    frames
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    /// Any bytes are a value or an error.
    #[test]
    fn any_bytes_are_a_value_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..200), versioned in any::<bool>()) {
        if versioned && !bytes.is_empty() {
            bytes[0] = VERSION;
        }
        let _either = Decoder::new(MAX_FRAME_BYTES).frame(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Real frames with some bytes changed or cut off are a value or an error, and a relay survives the value.
    #[test]
    fn a_relay_survives_damaged_frames(
        frame in any::<prop::sample::Index>(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let frames = real_frames();
        let mut bytes = frames[frame.index(frames.len())].clone();
        for (at, byte) in damages {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(Frame::Message(message)) = Decoder::new(MAX_FRAME_BYTES).frame(&bytes) {
            let addresses = SortedMap::from([(RelayId(1), "127.0.0.1:5000".to_owned())]);
            let role = Role::Relay { voter: RelayId(1), addresses, seed: 1, tuning: Tuning::default() };
            let mut relay = Replica::recover(Config { replica: ReplicaId(1), schema: Schema::people(), role }, Recovered::default(), NOW);
            let _ = relay.handle(NOW, Input::PeerUp(PeerId(1), PeerKind::Tab(ReplicaId(77))));
            let _ = relay.handle(NOW, Input::Receive(PeerId(1), message));
            relay.assert_invariants();
        }
    }
}

#[test]
fn what_is_wrong_with_a_frame_is_said() {
    let read = |bytes: &[u8], limit| Decoder::new(limit).frame(bytes);
    let bye = Encoder::default().frame(&Frame::Bye(shared::replica::io::Violation::Stopping));
    assert_eq!(read(&bye, 1), Err(DecodeError::Oversized { limit: 1 }));
    let mut newer = bye.clone();
    newer[0] = VERSION + 1;
    assert_eq!(read(&newer, 100), Err(DecodeError::Version { ours: VERSION, theirs: VERSION + 1 }));
    let mut longer = bye;
    longer.push(0);
    assert!(matches!(read(&longer, 100), Err(DecodeError::Malformed { .. })));
    assert!(matches!(read(&[], 100), Err(DecodeError::Malformed { .. })));
}

#[test]
fn names_of_rooms_are_checked() {
    assert!(Room::try_from("people-2026_a".to_owned()).is_ok());
    for name in ["", "a/b", "a b", "ü", &"x".repeat(65)] {
        assert!(Room::try_from(name.to_owned()).is_err(), "{name} is no room");
    }
}

/// A link remembers replicas, but not more and more of them.
#[test]
fn a_table_that_is_full_begins_anew_and_a_goodbye_is_read_at_any_time() {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new(MAX_FRAME_BYTES));
    let have = |first: u64| {
        let context = (first..first + 40_000).map(|id| Dot::new(ReplicaId(id << 32), 1)).collect();
        Frame::Message(Message::Have {
            context,
            fingerprint: 0,
            decided: Default::default(),
            chain: 0,
            restores: Default::default(),
        })
    };
    let mut lengths = Vec::new();
    for frame in [have(0), have(0), have(20_000), have(20_000)] {
        let bytes = encoder.frame(&frame);
        lengths.push(bytes.len());
        assert_eq!(decoder.frame(&bytes), Ok(frame));
    }
    assert_eq!(lengths[0], lengths[1], "the table began anew, since it was full");
    let bye = Frame::Bye(shared::replica::io::Violation::Stopping);
    assert_eq!(decoder.frame(&Encoder::default().frame(&bye)), Ok(bye), "also one that has overtaken other frames");
}

/// What a small edit takes on a link that is up.
#[test]
fn an_edit_of_a_short_field_takes_28_bytes_at_the_most() {
    let secret = ReplicaSecret::new([7; ReplicaSecret::BYTES]);
    let (me, other) = (secret.replica(), ReplicaId(0x0fed_cba9_8765_4321));
    let mut encoder = Encoder::default();
    let hello = Frame::Hello(shared::protocol::Hello::Tab { secret, room: "room".to_owned() });
    let context = [Dot::new(me, 40), Dot::new(other, 100_000)].into_iter().collect();
    let have = Frame::Message(Message::Have {
        context,
        fingerprint: 0,
        decided: Default::default(),
        chain: 0,
        restores: Default::default(),
    });
    let _ = [encoder.frame(&hello), encoder.frame(&have)];
    let edit = |counter, base, value: &str| {
        let op = Op { field: FieldId(1), kind: FieldKind::Lww, edit: FieldEdit::Assign(value.to_owned()) };
        Frame::Message(Message::Edit(Edit {
            record: RecordId(Dot::new(other, 100_001)),
            dot: Dot::new(me, counter),
            stamp: Stamp { wall_ms: 1_790_000_000_000 + 700 * counter, logical: 0 },
            base: vec![base],
            superseded: DotSet::default(),
            folds: false,
            result: 0x0fff_ffff,
            ops: vec![op],
        }))
    };
    let first = encoder.frame(&edit(41, Dot::new(other, 100_001), "12345"));
    assert!(first.len() <= 28, "the first edit of a link takes {} bytes", first.len());
    let next = encoder.frame(&edit(42, Dot::new(me, 41), "12346"));
    assert!(next.len() <= 24, "the next takes {} bytes", next.len());
}

#[test]
fn relays_tell_that_a_room_is_opened_or_closed_by_its_name_alone() {
    let room = Room::try_from("people".to_owned()).expect("the name of a room");
    for (tag, frame) in [(40, Frame::Opened(room.clone())), (41, Frame::Closed(room))] {
        let bytes = Encoder::default().frame(&frame);
        assert_eq!(bytes, [&[VERSION, tag, 6][..], b"people"].concat());
        assert_eq!(Decoder::new(MAX_FRAME_BYTES).frame(&bytes), Ok(frame));
        assert!(Decoder::new(MAX_FRAME_BYTES).frame(&bytes[..5]).is_err());
        assert!(Decoder::new(MAX_FRAME_BYTES).frame(&[VERSION, tag, 1, b'/']).is_err());
    }
}

#[test]
fn a_ping_is_read_whatever_went_before() {
    let bytes = Encoder::default().frame(&Frame::Ping);
    assert_eq!(bytes, [VERSION, 43]);
    assert_eq!(Decoder::new(MAX_FRAME_BYTES).frame(&bytes), Ok(Frame::Ping));
    assert!(Decoder::new(MAX_FRAME_BYTES).frame(&[VERSION, 43, 0]).is_err());
}

/// Many records with one long text: a few bytes on the wire, and as long as they are in memory.
fn alike(count: u64, text_bytes: usize) -> Frame {
    let me = ReplicaId(7);
    let mut document = Document::default();
    for counter in 1..=count {
        let op = Op { field: FieldId(1), kind: FieldKind::Lww, edit: FieldEdit::Assign("x".repeat(text_bytes)) };
        let (dot, stamp) = (Dot::new(me, counter), Stamp { wall_ms: 1_790_000_000_000, logical: 0 });
        let _written = document.edit(RecordId(dot), dot, stamp, vec![op]).expect("it fits");
    }
    let versions = document.parts(&DotSet::default()).flat_map(|delta| delta.versions).collect();
    Frame::Message(Message::Delta(Delta { context: DotSet::default(), versions, remaining: 0 }))
}

#[test]
fn a_short_frame_of_a_tab_cannot_stand_for_more_than_its_decoder_allows() {
    let decoded = |frame: &Frame, limit| {
        let bytes = Encoder::default().frame(frame);
        assert!(bytes.len() < 64 << 10, "it is short: {} bytes", bytes.len());
        Decoder::new(limit).frame(&bytes).map(|_| bytes_to_decode(&bytes, limit))
    };
    let much_text = alike(700, 4000);
    assert!(decoded(&much_text, MAX_FRAME_BYTES).is_ok());
    assert!(decoded(&much_text, MAX_TAB_FRAME_BYTES).is_err());
    let fits = decoded(&alike(400, 4000), MAX_TAB_FRAME_BYTES).expect("it fits");
    assert!(fits >= 400 * 4000, "it is known before how much memory it takes: {fits}");
    let many = alike(17_000, 1);
    assert!(decoded(&many, MAX_TAB_FRAME_BYTES).is_err());
    assert!(decoded(&alike(15_500, 1), MAX_TAB_FRAME_BYTES).is_ok());
}
