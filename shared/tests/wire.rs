//! The decoder against any bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config as ProptestConfig;
use shared::crdt::FieldEdit;
use shared::id::{ReplicaId, VoterId};
use shared::io::{Command, CommandId, Input, Message, Now, PeerId, PeerKind, Recovered};
use shared::replica::{Config, Replica, Role};
use shared::schema::Schema;
use shared::wire::{self, DecodeError, Frame, Room};

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
    let have =
        Message::Have { context: Default::default(), fingerprint: Default::default(), decided: Default::default() };
    let inputs = [
        Input::Command(CommandId(1), add("Anna")),
        Input::PeerUp(peer, PeerKind::Relay(VoterId(1))),
        Input::Receive(peer, have),
        Input::Command(CommandId(2), add("Anton")),
    ];
    let mut inputs = std::collections::VecDeque::from(inputs);
    while let Some(input) = inputs.pop_front() {
        let output = tab.handle(NOW, input);
        inputs.extend(output.write.map(|batch| Input::Persisted(batch.id)));
        frames.extend(output.sends.into_iter().map(|envelope| wire::encode(&Frame::Message(envelope.message))));
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
            bytes[0] = wire::VERSION;
        }
        let _either = wire::decode::<Frame>(&bytes, wire::MAX_FRAME_BYTES);
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
        if let Ok(Frame::Message(message)) = wire::decode::<Frame>(&bytes, wire::MAX_FRAME_BYTES) {
            let addresses = BTreeMap::from([(VoterId(1), "127.0.0.1:5000".to_owned())]);
            let role = Role::Relay { voter: VoterId(1), addresses, seed: 1 };
            let mut relay = Replica::recover(Config { replica: ReplicaId(1), schema: Schema::people(), role }, Recovered::default(), NOW);
            let _ = relay.handle(NOW, Input::PeerUp(PeerId(1), PeerKind::Tab(ReplicaId(77))));
            let _ = relay.handle(NOW, Input::Receive(PeerId(1), message));
            relay.assert_invariants();
        }
    }
}

#[test]
fn what_is_wrong_with_a_frame_is_said() {
    let hello = wire::encode(&Frame::Bye(shared::io::Violation::Stopping));
    assert_eq!(wire::decode::<Frame>(&hello, 1), Err(DecodeError::Oversized { limit: 1 }));
    let mut newer = hello.clone();
    newer[0] = wire::VERSION + 1;
    assert_eq!(wire::decode::<Frame>(&newer, 100), Err(DecodeError::Version { theirs: wire::VERSION + 1 }));
    let mut longer = hello;
    longer.push(0);
    assert!(matches!(wire::decode::<Frame>(&longer, 100), Err(DecodeError::Malformed { .. })));
    assert!(matches!(wire::decode::<Frame>(&[], 100), Err(DecodeError::Malformed { .. })));
}

#[test]
fn names_of_rooms_are_checked() {
    assert!(Room::try_from("people-2026_a".to_owned()).is_ok());
    for name in ["", "a/b", "a b", "ü", &"x".repeat(65)] {
        assert!(Room::try_from(name.to_owned()).is_err(), "{name} is no room");
    }
}
