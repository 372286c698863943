//! What must hold for any bytes: no panic, no broken invariant, and what was read can be written and read again.

use std::time::Duration;

use shared::base::dot::Dot;
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::sorted::SortedMap;
use shared::consensus::Configuration;
use shared::merge::codec::rows;
use shared::merge::document::{Document, Packed};
use shared::protocol::{self, Decoder, Encoder, Frame, MAX_FRAME_BYTES, MAX_TAB_FRAME_BYTES, VERSION};
use shared::replica::io::{Input, Now, PeerId, PeerKind, Recovered};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::{FieldEdit, FieldId, FieldKind, Op, Schema};

const NOW: Now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
/// The tab that the bytes come from.
const TAB: ReplicaId = ReplicaId(7);
/// A record that there is before anything arrives.
const RECORD: RecordId = RecordId(Dot::new(ReplicaId(1), 1));

/// Frames of one link, each after its length in two bytes, to a relay that leads and takes them from a tab.
pub fn frames(mut bytes: &[u8]) {
    let mut relay = relay();
    let peer = PeerId(1);
    let _ = relay.handle(NOW, Input::PeerUp(peer, PeerKind::Tab(TAB)));
    let mut decoder = Decoder::new(MAX_TAB_FRAME_BYTES);
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let (frame, rest) = rest.split_at(rest.len().min(u16::from_le_bytes(*length).into()));
        bytes = rest;
        // The corpus outlives the versions of its frames.
        let Some((_, after_version)) = frame.split_first() else { return };
        let Ok(frame) = decoder.frame(&[&[VERSION], after_version].concat()) else { return };
        let again = Decoder::new(MAX_FRAME_BYTES).frame(&Encoder::default().frame(&frame));
        assert_eq!(again.as_ref(), Ok(&frame), "what was read is written otherwise");
        if let Frame::Message(message) = frame {
            handle(&mut relay, NOW, Input::Receive(peer, message));
            relay.assert_invariants();
        }
    }
}

/// A document's bytes, merged into another document, twice.
pub fn document(bytes: &[u8]) {
    let Ok(deltas) = protocol::document_deltas(bytes) else { return };
    let deltas: Vec<_> = deltas.map_while(Result::ok).collect();
    let mut document = full_document();
    for delta in &deltas {
        document.merge(delta.clone());
        document.assert_invariants();
    }
    let once = document.clone();
    if let [only] = &deltas[..] {
        document.merge(only.clone());
        assert_eq!(document, once, "merging twice is not merging once");
    }
    let mut copy = Document::default();
    for delta in protocol::document_deltas(&protocol::document_bytes(&once, &Default::default())).expect("own bytes") {
        copy.merge(delta.expect("own bytes"));
    }
    assert_eq!(copy, once, "a document is read otherwise than it was written");
}

/// A version as it is on disk.
pub fn packed(bytes: &[u8]) {
    if let Ok(packed) = Packed::from_bytes(RECORD, bytes) {
        assert_eq!(packed.as_bytes(), bytes, "equal versions have equal bytes");
        assert_eq!(
            Packed::new(RECORD, &packed.unpack(RECORD)),
            packed,
            "a version is written otherwise than it was read"
        );
    }
}

/// A set of dots as it is on disk.
pub fn dot_set(bytes: &[u8]) {
    let Ok(set) = rows::dot_set_of(bytes) else { return };
    assert_eq!(rows::dot_set_of(&rows::dot_set_bytes(&set)).as_ref(), Ok(&set));
    assert!(set.difference(&set).is_empty() && set.is_subset(&set));
    let mut joined = set.clone();
    joined.join(&set);
    assert_eq!(joined, set);
    for replica in set.replicas() {
        let last = Dot::new(replica, set.highest(replica));
        let mut less = set.clone();
        less.remove(last);
        assert!(!less.contains(last) && less.is_subset(&set));
        less.insert(last);
        assert_eq!(less, set);
    }
}

fn relay() -> Replica {
    let addresses = SortedMap::from([(RelayId(1), String::new())]);
    let role = Role::Relay { voter: RelayId(1), addresses, seed: 1, tuning: Tuning::default() };
    let document = full_document();
    let versions = document.versions(RECORD).into_iter().map(|live| (live.dot, Packed::new(RECORD, &live)));
    let records = SortedMap::from([(RECORD, versions.collect())]);
    let durable = Recovered { context: document.context().clone(), records, ..Recovered::default() };
    let config = Config { replica: ReplicaId(1), schema: Schema::people(), role };
    let mut relay = Replica::recover(config, durable, NOW);
    let alone = Configuration { number: 0, voters: SortedMap::from([(RelayId(1), ReplicaId(1))]) };
    handle(&mut relay, NOW, Input::Found(alone.into()));
    let elected = Now { monotonic: relay.deadline().expect("a relay alone elects itself"), ..NOW };
    handle(&mut relay, elected, Input::Wake);
    relay
}

/// Takes an input, with a disk that writes at once.
fn handle(relay: &mut Replica, now: Now, input: Input) {
    let mut written = relay.handle(now, input).write;
    while let Some(batch) = written {
        written = relay.handle(now, Input::Persisted(batch.id)).write;
    }
}

/// A document with a record of two concurrent versions.
fn full_document() -> Document {
    let stamp = Stamp { wall_ms: NOW.wall_ms - 5, logical: 0 };
    let name = |text: &str| Op { field: FieldId(0), kind: FieldKind::Mv, edit: FieldEdit::Assign(text.to_owned()) };
    let mut document = Document::default();
    document.edit(RECORD, RECORD.0, stamp, vec![name("Anna")]).expect("it is small");
    let mut other = document.clone();
    document.edit(RECORD, Dot::new(ReplicaId(1), 2), stamp, vec![name("Anya")]).expect("it is small");
    other.edit(RECORD, Dot::new(ReplicaId(2), 1), stamp, vec![name("Annie")]).expect("it is small");
    shared::merge::crdt::Lattice::join(&mut document, &other);
    document
}
