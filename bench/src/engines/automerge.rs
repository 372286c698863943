//! `automerge`.

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc};

use super::{Engine, Person};
use crate::random::random;

pub struct Automerge {
    doc: AutoCommit,
}

impl Automerge {
    fn person(&self, index: usize) -> ObjId {
        self.doc.get(ROOT, index.to_string()).expect("a document").expect("a person").1
    }

    fn text(&self, map: &ObjId, key: &str) -> String {
        let (value, _) = self.doc.get(map, key).expect("a document").expect("a value");
        value.as_str().expect("the value is text").to_owned()
    }
}

impl Engine for Automerge {
    const NAME: &'static str = "automerge";
    type Link = ();

    fn new(client: u64) -> Self {
        Automerge { doc: AutoCommit::new().with_actor(actor(client)) }
    }

    fn link(_greeting: &[Vec<u8>]) {}

    fn set_number(&mut self, number: u64) -> Vec<u8> {
        self.doc.put(ROOT, "v", number).expect("an edit");
        self.doc.get_last_local_change().expect("the change").raw_bytes().to_vec()
    }

    fn set_object(&mut self, number: u64) -> Vec<u8> {
        let object = self.doc.put_object(ROOT, "v", ObjType::Map).expect("an edit");
        self.doc.put(&object, "name", number.to_string()).expect("an edit");
        self.doc.put(&object, "address", "here").expect("an edit");
        self.doc.get_last_local_change().expect("the change").raw_bytes().to_vec()
    }

    fn set_key(&mut self, key: &str, value: &str) -> Vec<u8> {
        self.doc.put(ROOT, key, value).expect("an edit");
        self.doc.get_last_local_change().expect("the change").raw_bytes().to_vec()
    }

    fn key(&mut self, key: &str) -> String {
        self.text(&ROOT, key)
    }

    fn has_number(&mut self) -> bool {
        self.doc.get(ROOT, "v").expect("a document").is_some_and(|(value, _)| value.is_scalar())
    }

    fn has_object(&mut self) -> bool {
        self.doc.get(ROOT, "v").expect("a document").is_some_and(|(value, _)| value.is_object())
    }

    fn apply(&mut self, (): &mut (), update: &[u8]) {
        self.doc.load_incremental(update).expect("an own update");
    }

    fn save(&mut self) -> Vec<u8> {
        self.doc.save()
    }

    fn load(client: u64, saved: &[u8]) -> Self {
        let doc = AutoCommit::load(saved).expect("an own document");
        Automerge { doc: doc.with_actor(actor(client)) }
    }

    fn add_person(&mut self, index: usize, person: &Person) {
        let map = self.doc.put_object(ROOT, index.to_string(), ObjType::Map).expect("an edit");
        for (field, value) in [("name", &person.name), ("note", &person.note), ("city", &person.city)] {
            self.doc.put(&map, field, value.as_str()).expect("an edit");
        }
        self.doc.commit();
    }

    fn edit_note(&mut self, index: usize, note: &str) {
        let person = self.person(index);
        self.doc.put(&person, "note", note).expect("an edit");
        self.doc.commit();
    }

    fn delta_for(&mut self, other: &mut Self) -> Vec<u8> {
        let heads = other.doc.get_heads();
        self.doc.save_after(&heads)
    }

    fn apply_delta(&mut self, delta: &[u8]) {
        self.apply(&mut (), delta);
    }

    fn note(&mut self, index: usize) -> String {
        self.text(&self.person(index), "note")
    }

    fn for_each_note(&mut self, mut read: impl FnMut(&str)) {
        for person in self.doc.map_range(ROOT, ..) {
            read(&self.text(&person.id(), "note"));
        }
    }
}

/// An actor id is 16 random bytes.
fn actor(client: u64) -> ActorId {
    let halves = [random(2 * client), random(2 * client + 1)].map(u64::to_be_bytes);
    ActorId::from(halves.as_flattened())
}
