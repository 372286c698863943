//! `automerge`.

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc};

use super::{Engine, Person};

pub struct Automerge {
    doc: AutoCommit,
}

impl Automerge {
    fn person(&self, index: usize) -> ObjId {
        self.doc.get(ROOT, index.to_string()).expect("a document").expect("a person").1
    }
}

impl Engine for Automerge {
    const NAME: &'static str = "automerge";

    fn new(client: u64) -> Self {
        Automerge { doc: AutoCommit::new().with_actor(ActorId::from(client.to_be_bytes())) }
    }

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

    fn has_number(&mut self) -> bool {
        self.doc.get(ROOT, "v").expect("a document").is_some_and(|(value, _)| value.is_scalar())
    }

    fn has_object(&mut self) -> bool {
        self.doc.get(ROOT, "v").expect("a document").is_some_and(|(value, _)| value.is_object())
    }

    fn apply(&mut self, update: &[u8]) {
        self.doc.load_incremental(update).expect("an own update");
    }

    fn save(&mut self) -> Vec<u8> {
        self.doc.save()
    }

    fn load(client: u64, saved: &[u8]) -> Self {
        let doc = AutoCommit::load(saved).expect("an own document");
        Automerge { doc: doc.with_actor(ActorId::from(client.to_be_bytes())) }
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

    fn note(&mut self, index: usize) -> String {
        let person = self.person(index);
        let (value, _) = self.doc.get(&person, "note").expect("a document").expect("a note");
        value.as_str().expect("a note is text").to_owned()
    }
}
