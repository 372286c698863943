//! `shared::merge::document`: a map is a record whose fields are last-writer-wins registers; a map with many keys is a collection
//! of records.

use std::collections::BTreeMap;

use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::Hlc;
use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::base::room::Room;
use shared::consensus::Slot;
use shared::merge::crdt::Field;
use shared::merge::document::{Document, News};
use shared::protocol::{self, Decoder, Encoder, Frame, Hello, MAX_FRAME_BYTES};
use shared::replica::io::Message;
use shared::schema::{FieldEdit, FieldId, FieldKind, Op};

use super::{Engine, Person};
use crate::random::random;

/// Who has created the record that all replicas share.
const CREATOR: u64 = 0;
/// As a relay folds concurrent versions of a record when there are many.
const MANY_VERSIONS: usize = 64;

/// The fields: of the shared map, of an object in it, of an entry of a large map, and of a person.
const NUMBER: FieldId = FieldId(0);
const OBJECT: [FieldId; 2] = [FieldId(0), FieldId(1)];
const ENTRY: [FieldId; 2] = [FieldId(0), FieldId(1)];
const PERSON: [FieldId; 3] = [FieldId(0), FieldId(1), FieldId(2)];
const NOTE: FieldId = FieldId(1);

pub struct Duet {
    me: ReplicaId,
    secret: ReplicaSecret,
    clock: Hlc,
    /// The wall clock, in milliseconds; that of a later client is ahead.
    wall_ms: u64,
    document: Document,
    encoder: Encoder,
    people: Vec<RecordId>,
    /// The records that stand for the keys of a map.
    keys: BTreeMap<String, RecordId>,
}

/// The secret of a client, from which its id follows.
fn secret(client: u64) -> ReplicaSecret {
    let mut bytes = [0; ReplicaSecret::BYTES];
    bytes[..8].copy_from_slice(&random(client).to_be_bytes());
    ReplicaSecret::new(bytes)
}

impl Duet {
    fn empty(client: u64) -> Self {
        Duet {
            me: secret(client).replica(),
            secret: secret(client),
            clock: Hlc::default(),
            wall_ms: 1_700_000_000_000 + client,
            document: Document::default(),
            encoder: Encoder::default(),
            people: Vec::new(),
            keys: BTreeMap::new(),
        }
    }

    /// The record that all replicas share.
    fn shared() -> RecordId {
        RecordId(Dot::new(secret(CREATOR).replica(), 1))
    }

    fn edit(&mut self, record: RecordId, fields: &[(FieldId, &str)]) -> Vec<u8> {
        let dot = self.document.next_dot(self.me).expect("a short history");
        let assign = |&(field, text): &(FieldId, &str)| Op {
            field,
            kind: FieldKind::Lww,
            edit: FieldEdit::Assign(text.to_owned()),
        };
        let stamp = self.clock.tick(self.wall_ms);
        let merged = self.document.edit(record, dot, stamp, fields.iter().map(assign).collect());
        match merged.expect("little texts fit").news {
            Some(News::Edit(edit)) => self.encoder.frame(&Frame::Message(Message::Edit(edit))),
            other => unreachable!("an edit is news as an edit, not {other:?}"),
        }
    }

    fn add(&mut self, fields: &[(FieldId, &str)]) -> (RecordId, Vec<u8>) {
        let record = RecordId(self.document.next_dot(self.me).expect("a short history"));
        (record, self.edit(record, fields))
    }

    fn fold(&mut self, record: RecordId) {
        let dot = self.document.next_dot(self.me).expect("a short history");
        self.document.fold(record, dot).expect("little texts fit");
    }

    fn value(&self, record: RecordId, field: FieldId) -> Option<String> {
        match self.document.read(record)?.field(field)? {
            Field::Lww(register) => register.latest().map(|write| write.value.clone()),
            _ => unreachable!("the field is a last-writer-wins register"),
        }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        for delta in protocol::document_deltas(bytes).expect("own bytes") {
            self.document.merge(delta.expect("own bytes"));
        }
    }
}

impl Engine for Duet {
    const NAME: &'static str = "duet";
    type Link = Decoder;

    fn new(client: u64) -> Self {
        let mut creator = Self::empty(CREATOR);
        let shared = Self::shared();
        creator.edit(shared, &[(NUMBER, "0")]);
        Self::load(client, &creator.save())
    }

    fn greeting(&mut self) -> Vec<Vec<u8>> {
        self.encoder = Encoder::default();
        let room = Room::try_from("bench".to_owned()).expect("a name for a room");
        let hello = Hello::Tab { secret: self.secret.clone(), room: room.as_str().to_owned() };
        let context = self.document.context().clone();
        let have = Message::Have {
            context,
            fingerprint: self.document.fingerprint(),
            decided: Slot(0),
            chain: 0,
            restores: Default::default(),
        };
        [Frame::Hello(hello), Frame::Message(have)].iter().map(|frame| self.encoder.frame(frame)).collect()
    }

    fn link(greeting: &[Vec<u8>]) -> Decoder {
        let mut decoder = Decoder::new(MAX_FRAME_BYTES);
        greeting.iter().for_each(|frame| drop(decoder.frame(frame).expect("own bytes")));
        decoder
    }

    fn set_number(&mut self, number: u64) -> Vec<u8> {
        self.edit(Self::shared(), &[(NUMBER, &number.to_string())])
    }

    fn set_object(&mut self, number: u64) -> Vec<u8> {
        self.edit(Self::shared(), &[(OBJECT[0], &number.to_string()), (OBJECT[1], "here")])
    }

    fn set_key(&mut self, key: &str, value: &str) -> Vec<u8> {
        if let Some(&record) = self.keys.get(key) {
            return self.edit(record, &[(ENTRY[1], value)]);
        }
        let (record, update) = self.add(&[(ENTRY[0], key), (ENTRY[1], value)]);
        self.keys.insert(key.to_owned(), record);
        update
    }

    fn key(&mut self, key: &str) -> String {
        self.value(self.keys[key], ENTRY[1]).expect("the key has a value")
    }

    fn has_number(&mut self) -> bool {
        self.value(Self::shared(), NUMBER).is_some_and(|number| number != "0")
    }

    fn has_object(&mut self) -> bool {
        self.value(Self::shared(), OBJECT[1]).is_some()
    }

    fn apply(&mut self, link: &mut Decoder, update: &[u8]) {
        let Frame::Message(Message::Edit(edit)) = link.frame(update).expect("an own update") else {
            unreachable!("updates are edits");
        };
        let record = edit.record;
        self.document.apply(edit).expect("the versions that it builds on are here");
        if self.document.version_count(record) >= MANY_VERSIONS {
            self.fold(record);
        }
    }

    fn save(&mut self) -> Vec<u8> {
        if self.document.version_count(Self::shared()) > 1 {
            self.fold(Self::shared());
        }
        protocol::document_bytes(&self.document, &DotSet::default())
    }

    fn load(client: u64, saved: &[u8]) -> Self {
        let mut loaded = Self::empty(client);
        loaded.take_in(saved);
        let records: Vec<_> = loaded.document.records().filter(|&record| record != Self::shared()).collect();
        if records.len() <= 1000 {
            let keys = records.iter().map(|&record| (loaded.value(record, ENTRY[0]).unwrap_or_default(), record));
            loaded.keys = keys.collect();
        }
        loaded.people = records;
        loaded
    }

    fn add_person(&mut self, _index: usize, person: &Person) {
        let texts = [&person.name, &person.note, &person.city];
        let fields: Vec<_> = PERSON.into_iter().zip(texts.map(String::as_str)).collect();
        let (record, _update) = self.add(&fields);
        self.people.push(record);
    }

    fn edit_note(&mut self, index: usize, note: &str) {
        self.edit(self.people[index], &[(NOTE, note)]);
    }

    fn delta_for(&mut self, other: &mut Self) -> Vec<u8> {
        protocol::document_bytes(&self.document, other.document.context())
    }

    fn apply_delta(&mut self, delta: &[u8]) {
        self.take_in(delta);
    }

    fn note(&mut self, index: usize) -> String {
        self.value(self.people[index], NOTE).expect("every person has a note")
    }

    fn for_each_note(&mut self, mut read: impl FnMut(&str)) {
        for &person in &self.people {
            read(&self.value(person, NOTE).expect("every person has a note"));
        }
    }
}
