//! `yrs`: the Rust port of Yjs.

use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, GetString, Map, MapPrelim, MapRef, Out, ReadTxn, StateVector, Transact, Update};

use super::{Engine, Person};

pub struct Yrs {
    doc: Doc,
    map: MapRef,
}

impl Yrs {
    fn person(&self, index: usize) -> MapRef {
        match self.map.get(&self.doc.transact(), &index.to_string()) {
            Some(Out::YMap(map)) => map,
            _ => panic!("a person is a map"),
        }
    }
}

impl Engine for Yrs {
    const NAME: &'static str = "yrs";

    fn new(client: u64) -> Self {
        let doc = Doc::with_client_id(client);
        let map = doc.get_or_insert_map("map");
        Yrs { doc, map }
    }

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

    fn has_number(&mut self) -> bool {
        matches!(self.map.get(&self.doc.transact(), "v"), Some(Out::Any(Any::Number(_))))
    }

    fn has_object(&mut self) -> bool {
        matches!(self.map.get(&self.doc.transact(), "v"), Some(Out::YMap(_)))
    }

    fn apply(&mut self, update: &[u8]) {
        let update = Update::decode_v1(update).expect("an own update");
        self.doc.transact_mut().apply_update(update).expect("an update that fits");
    }

    fn save(&mut self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v1(&StateVector::default())
    }

    fn load(client: u64, saved: &[u8]) -> Self {
        let mut loaded = Self::new(client);
        loaded.apply(saved);
        loaded
    }

    fn add_person(&mut self, index: usize, person: &Person) {
        let fields = MapPrelim::from([("name", &*person.name), ("note", &*person.note), ("city", &*person.city)]);
        self.map.insert(&mut self.doc.transact_mut(), index.to_string(), fields);
    }

    fn edit_note(&mut self, index: usize, note: &str) {
        let person = self.person(index);
        person.insert(&mut self.doc.transact_mut(), "note", note);
    }

    fn delta_for(&mut self, other: &mut Self) -> Vec<u8> {
        let theirs = other.doc.transact().state_vector();
        self.doc.transact().encode_state_as_update_v1(&theirs)
    }

    fn note(&mut self, index: usize) -> String {
        match self.person(index).get(&self.doc.transact(), "note") {
            Some(Out::Any(Any::String(note))) => note.to_string(),
            Some(Out::YText(note)) => note.get_string(&self.doc.transact()),
            _ => panic!("a note is text"),
        }
    }
}
