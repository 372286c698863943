//! `yrs`: the Rust port of Yjs. Of its two formats, version 1 is the shorter one for single edits, version 2 for many.

use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, Map, MapPrelim, MapRef, Out, ReadTxn, StateVector, Transact, Update};

use super::{Engine, Person};
use crate::random::random;

/// How many bits of a client id are random.
const CLIENT_ID_BITS: u32 = 53;

pub struct Yrs {
    doc: Doc,
    map: MapRef,
}

impl Yrs {
    fn person(&self, transaction: &impl ReadTxn, index: usize) -> MapRef {
        map_in(self.map.get(transaction, &index.to_string()).expect("a person"))
    }
}

impl Engine for Yrs {
    const NAME: &'static str = "yrs";
    type Link = ();

    fn new(client: u64) -> Self {
        let doc = Doc::with_client_id(random(client) >> (u64::BITS - CLIENT_ID_BITS));
        let map = doc.get_or_insert_map("map");
        Yrs { doc, map }
    }

    fn link(_greeting: &[Vec<u8>]) {}

    fn set_number(&mut self, number: u64) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        self.map.insert(&mut transaction, "v", number as f64);
        transaction.encode_update_v1()
    }

    fn set_object(&mut self, number: u64) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        let object = MapPrelim::from([("name", number.to_string()), ("address", "here".to_owned())]);
        self.map.insert(&mut transaction, "v", object);
        transaction.encode_update_v1()
    }

    fn set_key(&mut self, key: &str, value: &str) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        self.map.insert(&mut transaction, key, value);
        transaction.encode_update_v1()
    }

    fn key(&mut self, key: &str) -> String {
        text(&self.doc.transact(), &self.map, key)
    }

    fn has_number(&mut self) -> bool {
        matches!(self.map.get(&self.doc.transact(), "v"), Some(Out::Any(Any::Number(_))))
    }

    fn has_object(&mut self) -> bool {
        matches!(self.map.get(&self.doc.transact(), "v"), Some(Out::YMap(_)))
    }

    fn apply(&mut self, (): &mut (), update: &[u8]) {
        let update = Update::decode_v1(update).expect("an own update");
        self.doc.transact_mut().apply_update(update).expect("an update that fits");
    }

    fn save(&mut self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v2(&StateVector::default())
    }

    fn load(client: u64, saved: &[u8]) -> Self {
        let mut loaded = Self::new(client);
        loaded.apply_delta(saved);
        loaded
    }

    fn add_person(&mut self, index: usize, person: &Person) {
        let fields = MapPrelim::from([("name", &*person.name), ("note", &*person.note), ("city", &*person.city)]);
        self.map.insert(&mut self.doc.transact_mut(), index.to_string(), fields);
    }

    fn edit_note(&mut self, index: usize, note: &str) {
        let mut transaction = self.doc.transact_mut();
        let person = self.person(&transaction, index);
        person.insert(&mut transaction, "note", note);
    }

    fn delta_for(&mut self, other: &mut Self) -> Vec<u8> {
        let theirs = other.doc.transact().state_vector();
        self.doc.transact().encode_state_as_update_v2(&theirs)
    }

    fn apply_delta(&mut self, delta: &[u8]) {
        let update = Update::decode_v2(delta).expect("an own update");
        self.doc.transact_mut().apply_update(update).expect("an update that fits");
    }

    fn note(&mut self, index: usize) -> String {
        let transaction = self.doc.transact();
        text(&transaction, &self.person(&transaction, index), "note")
    }

    fn for_each_note(&mut self, mut read: impl FnMut(&str)) {
        let transaction = self.doc.transact();
        for (_, person) in self.map.iter(&transaction) {
            read(&text(&transaction, &map_in(person), "note"));
        }
    }
}

fn map_in(value: Out) -> MapRef {
    match value {
        Out::YMap(map) => map,
        _ => panic!("the value is a map"),
    }
}

fn text(transaction: &impl ReadTxn, map: &MapRef, key: &str) -> String {
    match map.get(transaction, key) {
        Some(Out::Any(Any::String(text))) => text.to_string(),
        _ => panic!("the value is text"),
    }
}
