//! Real databases in a real browser.

#![cfg(target_arch = "wasm32")]

use client::rows::{self, Change};
use client::web;
use client::web::store::{self, Store};
use shared::base::id::ReplicaId;
use shared::base::room::Room;
use shared::merge::document::Document;
use shared::replica::io::{Command, CommandId, Input, WriteOp};
use shared::replica::{Config, Replica, Role};
use shared::schema::{FieldEdit, NAME, Schema};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn name_in(room: &str) -> (Room, String) {
    let room = Room::try_from(room.to_owned()).unwrap();
    let name = store::name_of(&room, ReplicaId(0xabc));
    (room, name)
}

async fn fresh(name: &str) -> Store {
    assert!(store::delete(name).await);
    Store::open(name).await.unwrap()
}

#[wasm_bindgen_test]
async fn what_is_committed_is_found_again_and_what_is_dropped_is_not() {
    let (room, name) = name_in("found-again");
    let cursor = |first, next| WriteOp::Cursor { first, next };
    let changes = rows::changes_of([cursor(1, 2), cursor(9, 9), WriteOp::RequestSeq(3)], &Document::default());
    let first = fresh(&name).await;
    first.commit(changes).await.unwrap();
    let lease = |first: u64| [&[5], &first.to_be_bytes()[..]].concat();
    first.commit(vec![Change::Drop { from: lease(0), until: lease(9) }]).await.unwrap();
    drop(first);
    let again = Store::open(&name).await.unwrap();
    let all = again.rows(rows::EVERYTHING).await.unwrap();
    let kept = rows::read(all.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(kept.recovered.request_seq, 3);
    assert_eq!(kept.recovered.cursors, [(9, 9)].into_iter().collect());
    assert_eq!(store::replicas(&room).await, [ReplicaId(0xabc)]);
    drop(again);
    assert!(store::delete(&name).await);
    assert_eq!(store::replicas(&room).await, []);
}

#[wasm_bindgen_test]
async fn a_commit_that_fails_leaves_nothing_of_itself() {
    let (_, name) = name_in("all-or-none");
    let store = fresh(&name).await;
    // No range ends before it begins.
    let bad = vec![Change::Put { key: 1, row: vec![9, 9] }, Change::Drop { from: vec![2], until: vec![1] }];
    assert!(store.commit(bad).await.is_err());
    let good = vec![Change::Put { key: 1, row: vec![2, 0, 0, 0, 0, 0, 0, 0, 7] }];
    store.commit(good).await.unwrap();
    let all = store.rows(rows::EVERYTHING).await.unwrap();
    assert_eq!(all, [[2, 0, 0, 0, 0, 0, 0, 0, 7]], "of the failed one nothing");
}

/// The writes of a replica with so many records.
fn people(count: u64) -> Vec<Change> {
    let now = web::now();
    let config = Config { replica: ReplicaId(0xabc), schema: Schema::people(), role: Role::Tab };
    let mut replica = Replica::recover(config, Default::default(), now);
    let mut ops = Vec::new();
    for number in 1..=count {
        let fields = vec![(NAME.to_owned(), FieldEdit::Assign(format!("Person {number}")))];
        let output = replica.handle(now, Input::Command(CommandId(number), Command::Add { fields }));
        ops.extend(output.write.unwrap().ops);
    }
    rows::changes_of(ops, replica.view().document())
}

#[wasm_bindgen_test]
async fn ten_thousand_records_are_back_and_it_is_said_how_long_that_took() {
    let (_, name) = name_in("many");
    let store = fresh(&name).await;
    store.commit(people(10_000)).await.unwrap();
    let began = web::now().monotonic;
    let all = store.rows(rows::EVERYTHING).await.unwrap();
    let read = web::now().monotonic;
    let kept = rows::read(all.iter().map(Vec::as_slice)).unwrap();
    kept.recovered.check().unwrap();
    let config = Config { replica: ReplicaId(0xabc), schema: Schema::people(), role: Role::Tab };
    let replica = Replica::recover(config, kept.recovered, web::now());
    let done = web::now().monotonic;
    console_log!(
        "10,000 records: {:?} out of the database, {:?} until the replica has them",
        read - began,
        done - read
    );
    assert_eq!(replica.view().document().records().len(), 10_000);
}
