//! `shared::document`: a map is a record, its values are last-writer-wins registers.

use shared::crdt::{FieldEdit, FieldKind, FieldName};
use shared::document::{Delta, Digest, Document};
use shared::dot::{Dot, DotSet};
use shared::hlc::Hlc;
use shared::id::{RecordId, ReplicaId};
use shared::{crdt::Field, wire};

use super::{Engine, Person};

/// The record that all replicas share without having created it.
const SHARED: RecordId = RecordId(Dot { replica: ReplicaId(0), counter: 1 });

pub struct Duet {
    me: ReplicaId,
    clock: Hlc,
    /// The wall clock, in milliseconds; that of a later client is ahead.
    wall_ms: u64,
    document: Document,
    people: Vec<RecordId>,
}

impl Duet {
    fn edit(&mut self, record: Option<RecordId>, fields: &[(&str, &str)]) -> Vec<u8> {
        let dot = self.document.next_dot(self.me);
        let record = record.unwrap_or_else(|| {
            self.people.push(RecordId(dot));
            RecordId(dot)
        });
        let stamp = self.clock.tick(self.wall_ms);
        let edit = |&(field, text): &(&str, &str)| -> (FieldName, FieldKind, FieldEdit) {
            (field.to_owned(), FieldKind::Lww, FieldEdit::Assign(text.to_owned()))
        };
        let merged = self.document.edit(record, dot, stamp, fields.iter().map(edit).collect());
        wire::encode(&(merged.news.as_slice(), None::<Digest>))
    }
}

impl Engine for Duet {
    const NAME: &'static str = "duet";

    fn new(client: u64) -> Self {
        // As long as real ids, which are random.
        let me = ReplicaId(client.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let wall_ms = 1_700_000_000_000 + client;
        Duet { me, clock: Hlc::default(), wall_ms, document: Document::default(), people: Vec::new() }
    }

    fn set_number(&mut self, number: u64) -> Vec<u8> {
        self.edit(Some(SHARED), &[("v", &number.to_string())])
    }

    fn set_object(&mut self, number: u64) -> Vec<u8> {
        self.edit(Some(SHARED), &[("name", &number.to_string()), ("address", "here")])
    }

    fn has_number(&mut self) -> bool {
        self.document.read(SHARED).is_some_and(|version| version.fields["v"].has_value())
    }

    fn has_object(&mut self) -> bool {
        self.document.read(SHARED).is_some_and(|version| version.fields["address"].has_value())
    }

    fn apply(&mut self, update: &[u8]) {
        let (deltas, digest): (Vec<Delta>, Option<Digest>) = wire::decode(update, usize::MAX).expect("an own update");
        for delta in deltas {
            self.document.merge(delta);
        }
        if let Some(digest) = digest {
            self.document.compare(&digest).expect("everything came before");
        }
    }

    fn save(&mut self) -> Vec<u8> {
        let (deltas, digest) = self.document.missing(&DotSet::default(), None);
        wire::encode(&(deltas, Some(digest)))
    }

    fn load(client: u64, saved: &[u8]) -> Self {
        let mut loaded = Self::new(client);
        loaded.apply(saved);
        loaded.people = loaded.document.records().keys().copied().collect();
        loaded
    }

    fn add_person(&mut self, _index: usize, person: &Person) {
        self.edit(None, &[("name", &person.name), ("note", &person.note), ("city", &person.city)]);
    }

    fn edit_note(&mut self, index: usize, note: &str) {
        self.edit(Some(self.people[index]), &[("note", note)]);
    }

    fn delta_for(&mut self, other: &mut Self) -> Vec<u8> {
        let (deltas, digest) = self.document.missing(other.document.context(), None);
        wire::encode(&(deltas, Some(digest)))
    }

    fn note(&mut self, index: usize) -> String {
        let version = self.document.read(self.people[index]).expect("a person");
        match &version.fields["note"] {
            Field::Lww(register) => register.latest().expect("a note").value.clone(),
            _ => unreachable!("a note is a last-writer-wins register"),
        }
    }
}
