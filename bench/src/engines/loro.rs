//! `loro`.

use loro::{ExportMode, LoroDoc, LoroMap, ValueOrContainer};

use super::{Engine, Person};
use crate::random::random;

pub struct Loro {
    doc: LoroDoc,
    map: LoroMap,
}

impl Loro {
    /// The update that an edit makes.
    fn update(&mut self, edit: impl FnOnce(&LoroMap)) -> Vec<u8> {
        let before = self.doc.oplog_vv();
        edit(&self.map);
        self.doc.commit();
        self.doc.export(ExportMode::updates(&before)).expect("an export")
    }

    fn person(&self, index: usize) -> LoroMap {
        map_in(self.map.get(&index.to_string()).expect("a person"))
    }
}

impl Engine for Loro {
    const NAME: &'static str = "loro";
    type Link = ();

    fn new(client: u64) -> Self {
        let doc = LoroDoc::new();
        doc.set_peer_id(random(client)).expect("a fresh document");
        let map = doc.get_map("map");
        Loro { doc, map }
    }

    fn link(_greeting: &[Vec<u8>]) {}

    fn set_number(&mut self, number: u64) -> Vec<u8> {
        self.update(|map| map.insert("v", number as i64).expect("an edit"))
    }

    fn set_object(&mut self, number: u64) -> Vec<u8> {
        self.update(|map| {
            let object = map.insert_container("v", LoroMap::new()).expect("an edit");
            object.insert("name", number.to_string()).expect("an edit");
            object.insert("address", "here").expect("an edit");
        })
    }

    fn set_key(&mut self, key: &str, value: &str) -> Vec<u8> {
        self.update(|map| map.insert(key, value).expect("an edit"))
    }

    fn key(&mut self, key: &str) -> String {
        text(&self.map, key)
    }

    fn has_object(&mut self) -> bool {
        matches!(self.map.get("v"), Some(ValueOrContainer::Container(_)))
    }

    fn has_number(&mut self) -> bool {
        matches!(self.map.get("v"), Some(ValueOrContainer::Value(_)))
    }

    fn apply(&mut self, (): &mut (), update: &[u8]) {
        self.doc.import(update).expect("an own update");
    }

    fn save(&mut self) -> Vec<u8> {
        self.doc.export(ExportMode::Snapshot).expect("an export")
    }

    fn load(client: u64, saved: &[u8]) -> Self {
        let mut loaded = Self::new(client);
        loaded.apply(&mut (), saved);
        loaded
    }

    fn add_person(&mut self, index: usize, person: &Person) {
        let map = self.map.insert_container(&index.to_string(), LoroMap::new()).expect("an edit");
        for (field, value) in [("name", &person.name), ("note", &person.note), ("city", &person.city)] {
            map.insert(field, value.as_str()).expect("an edit");
        }
        self.doc.commit();
    }

    fn edit_note(&mut self, index: usize, note: &str) {
        self.person(index).insert("note", note).expect("an edit");
        self.doc.commit();
    }

    fn delta_for(&mut self, other: &mut Self) -> Vec<u8> {
        self.doc.export(ExportMode::updates(&other.doc.oplog_vv())).expect("an export")
    }

    fn apply_delta(&mut self, delta: &[u8]) {
        self.apply(&mut (), delta);
    }

    fn note(&mut self, index: usize) -> String {
        text(&self.person(index), "note")
    }

    fn for_each_note(&mut self, mut read: impl FnMut(&str)) {
        self.map.for_each(|_, person| read(&text(&map_in(person), "note")));
    }
}

fn map_in(value: ValueOrContainer) -> LoroMap {
    let container = value.into_container().expect("a container");
    container.into_map().expect("a map")
}

fn text(map: &LoroMap, key: &str) -> String {
    let value = map.get(key).and_then(|value| value.into_value().ok());
    value.and_then(|value| value.into_string().ok()).expect("the value is text").to_string()
}
