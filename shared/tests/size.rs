//! State, not history: what a document takes follows what is in it.

use shared::base::dot::{Dot, DotSet};
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, ReplicaId};
use shared::base::split_mix::SplitMix64;
use shared::merge::crdt::Lattice;
use shared::merge::document::{Document, News};
use shared::protocol;
use shared::schema::{FieldEdit, FieldId, FieldKind, Op};

const WRITERS: u64 = 1540;
/// What a version vector takes for each replica at the least: its id, which is random.
const ID_BYTES: usize = 8;

/// Random ids, as real replicas have them.
fn replicas() -> Vec<ReplicaId> {
    let mut random = SplitMix64::new(7);
    (0..WRITERS).map(|_| ReplicaId(random.draw())).collect()
}

fn note(text: &str) -> Vec<Op> {
    vec![Op { field: FieldId(0), kind: FieldKind::Lww, edit: FieldEdit::Assign(text.to_owned()) }]
}

fn edit(document: &mut Document, record: RecordId, author: ReplicaId, time: u64) -> News {
    let dot = document.next_dot(author).expect("there are dots left");
    let stamp = Stamp { wall_ms: 1_700_000_000_000 + time, logical: 0 };
    let merged = document.edit(record, dot, stamp, note(&format!("note {time}"))).expect("it is small");
    merged.news.expect("an edit is news")
}

fn bytes_of(document: &Document) -> usize {
    protocol::document_bytes(document, &DotSet::default()).len()
}

#[test]
fn a_register_that_many_overwrote_at_one_time_is_as_small_as_one_write() {
    let replicas = replicas();
    let record = RecordId(Dot::new(replicas[0], 1));
    let mut created = Document::default();
    edit(&mut created, record, replicas[0], 0);
    let mut all = created.clone();
    for (time, &replica) in (1..).zip(&replicas) {
        let News::Edit(edit) = edit(&mut created.clone(), record, replica, time) else { panic!("not an edit") };
        all.apply(edit).expect("what it builds on is here");
    }
    assert_eq!(all.version_count(record), replicas.len());
    all.fold(record, Dot::new(replicas[0], 3)).expect("it is small");
    assert_eq!(all.version_count(record), 1);
    let beyond = bytes_of(&all) - ID_BYTES * replicas.len();
    assert!(beyond <= 64 + replicas.len(), "{beyond} bytes beyond the ids");
}

#[test]
fn a_register_that_many_overwrote_one_after_the_other_is_as_small_as_one_write() {
    let replicas = replicas();
    let record = RecordId(Dot::new(replicas[0], 1));
    let mut document = Document::default();
    for round in 0..3 {
        for (time, &replica) in (0..).zip(&replicas) {
            edit(&mut document, record, replica, 10_000 * round + time);
        }
    }
    let beyond = bytes_of(&document) - ID_BYTES * replicas.len();
    assert!(beyond <= 64 + replicas.len(), "{beyond} bytes beyond the ids");
}

#[test]
fn where_everything_was_removed_the_version_vector_is_left_and_nothing_else() {
    let replicas = replicas();
    let mut document = Document::default();
    for (time, &replica) in (0..).zip(&replicas) {
        let record = RecordId(document.next_dot(replica).expect("there are dots left"));
        edit(&mut document, record, replica, time);
        edit(&mut document, record, replica, time + 1);
        document.remove(record, document.next_dot(replica).expect("there are dots left"));
    }
    assert_eq!(document.records().len(), 0);
    assert_eq!(document.context().interval_count(), replicas.len());
    let beyond = bytes_of(&document) - ID_BYTES * replicas.len();
    assert!(beyond <= 64 + replicas.len(), "{beyond} bytes beyond the ids");
    let mut empty = Document::default();
    empty.join(&document);
    assert_eq!(empty, document);
}
