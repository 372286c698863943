//! Tabs that live on a disk: what a reload, a crash and a broken disk leave of what their users did.

mod net;

use std::time::Duration;

use client::rows::{self, Change};
use client::session::{Action, NewRecord, NumberOperation, Safety, Session};
use frontend::view_model::NumberState;
use net::{Net, TAB_A, TAB_B};
use shared::base::id::{ReplicaId, ReplicaSecret};
use shared::ledger::{Operation, Policy};
use shared::merge::document::Document;
use shared::replica::io::{Now, Recovered, WriteOp};
use shared::schema::{FieldEdit, NAME, Schema};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Two tabs at one relay, the first on a disk.
fn net() -> Net {
    let mut net = Net::new();
    net.give_disk(TAB_A);
    net.join(TAB_A);
    net
}

fn names(net: &Net, tab: usize) -> Vec<String> {
    net.page(tab).rows.iter().map(|row| row.called.clone()).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_that_is_loaded_anew_has_everything_before_it_reaches_a_relay() {
    let mut net = net();
    net.add(TAB_A, "Anna", Some(NumberOperation::This(7)));
    net.add(TAB_B, "Bert", None);
    net.reopen(TAB_A);
    let page = net.page(TAB_A);
    assert_eq!(names(&net, TAB_A), ["Anna", "Bert"]);
    assert_eq!(page.rows[0].number.state, NumberState::Final);
    assert_eq!((page.highest, page.at_risk), (7, false));
    assert_eq!(page.status.parts[0], "Offline: what you edit is kept on this device until you are back");
    assert_eq!(net.session(TAB_A).safety(), Safety::Relay, "it remembers what the relay has");
}

#[wasm_bindgen_test(unsupported = test)]
fn an_edit_is_seen_at_once_leaves_when_it_is_on_disk_and_is_told_where_it_is() {
    let mut net = net();
    net.set_stuck(TAB_A, true);
    net.add(TAB_A, "Anna", None);
    assert_eq!(names(&net, TAB_A), ["Anna"]);
    assert_eq!(names(&net, TAB_B), [""; 0], "nothing leaves that a crash would take back");
    assert_eq!(net.session(TAB_A).safety(), Safety::Memory);
    assert!(net.page(TAB_A).at_risk);
    net.part(TAB_A);
    assert_eq!(net.page(TAB_A).status.parts[0], "Offline, kept in this tab only: 1 edit");
    net.set_stuck(TAB_A, false);
    assert_eq!(net.session(TAB_A).safety(), Safety::Device);
    assert_eq!(net.page(TAB_A).status.parts[0], "Offline, kept on this device: 1 edit");
    assert!(!net.page(TAB_A).at_risk, "the page can be closed");
    net.join(TAB_A);
    assert_eq!(names(&net, TAB_B), ["Anna"]);
    assert_eq!(net.session(TAB_A).safety(), Safety::Relay);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_not_on_disk_was_never_sent_and_its_dot_may_be_issued_again() {
    let mut net = net();
    net.set_stuck(TAB_A, true);
    net.add(TAB_A, "Anna", None);
    net.reopen(TAB_A);
    net.join(TAB_A);
    net.add(TAB_A, "Anya", None);
    for tab in [TAB_A, TAB_B] {
        assert_eq!(names(&net, tab), ["Anya"]);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_operation_made_apart_is_granted_once_after_two_reloads() {
    let mut net = net();
    net.add(TAB_A, "Anna", None);
    let record = net.page(TAB_A).rows[0].id;
    net.part(TAB_A);
    net.ask(TAB_A, Operation::Allocate { record });
    for _ in 0..2 {
        net.reopen(TAB_A);
        assert_eq!(net.page(TAB_A).status.parts[0], "Offline, kept on this device: 1 request for a number");
    }
    net.join(TAB_A);
    assert_eq!((net.page(TAB_B).highest, net.session(TAB_A).safety()), (1, Safety::Relay));
    net.reopen(TAB_A);
    net.join(TAB_A);
    assert_eq!(net.page(TAB_B).highest, 1, "it was not asked again");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_refusal_stays_over_reloads_until_somebody_has_read_it() {
    let mut net = net();
    net.add(TAB_B, "Anna", Some(NumberOperation::This(7)));
    net.add(TAB_A, "Bert", None);
    let bert = net.page(TAB_A).rows.iter().find(|row| row.called == "Bert").expect("he was added").id;
    net.part(TAB_A);
    net.ask(TAB_A, Operation::Assign { record: bert, number: 7 });
    net.reopen(TAB_A);
    net.join(TAB_A);
    let remark = |net: &Net| {
        let page = net.page(TAB_A);
        page.rows.iter().find(|row| row.id == bert).and_then(|row| row.number.remark.clone())
    };
    let said = remark(&net).expect("the number is Anna's");
    assert!(said.contains("Anna"), "{said}");
    net.reopen(TAB_A);
    assert_eq!(remark(&net), Some(said));
    net.act(TAB_A, Action::DismissRefusal { record: bert });
    assert_eq!(remark(&net), None);
    net.reopen(TAB_A);
    assert_eq!(remark(&net), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_number_that_was_final_is_final_after_a_reload_without_a_relay() {
    let mut net = net();
    net.ask_at_relay(Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    net.add(TAB_A, "Anna", Some(NumberOperation::Next));
    assert_eq!(net.page(TAB_A).rows[0].number.state, NumberState::Final);
    net.part(TAB_A);
    net.reopen(TAB_A);
    assert_eq!(net.page(TAB_A).rows[0].number.state, NumberState::Final);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_leased_number_is_shown_when_it_cannot_be_given_again() {
    let mut net = net();
    for name in ["Anna", "Bert"] {
        net.add(TAB_A, name, None);
    }
    net.act(TAB_A, Action::Lease { count: 5 });
    net.part(TAB_A);
    net.set_stuck(TAB_A, true);
    let records: Vec<_> = net.page(TAB_A).rows.iter().map(|row| row.id).collect();
    net.act(TAB_A, Action::Number { record: records[0], number: NumberOperation::Next });
    assert_eq!(net.page(TAB_A).rows[0].number.state, NumberState::Pending, "a crash would give it again");
    net.set_stuck(TAB_A, false);
    assert_eq!(net.page(TAB_A).rows[0].number.state, NumberState::Leased);
    net.reopen(TAB_A);
    net.act(TAB_A, Action::Number { record: records[1], number: NumberOperation::Next });
    let numbers: Vec<_> = net.page(TAB_A).rows.iter().map(|row| row.number.text.clone()).collect();
    assert_eq!(numbers, ["1", "2"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_whose_disk_fails_goes_on_in_memory_and_says_so() {
    let mut net = net();
    net.ask_at_relay(Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    let durable = |net: &Net| net.relay().view().observers()[&net.id(TAB_A)].durable;
    net.show(TAB_A, true);
    assert!(durable(&net), "what it observers is on its disk");
    net.set_stuck(TAB_A, true);
    net.add(TAB_A, "Anna", None);
    net.lose_disk(TAB_A);
    assert_eq!(names(&net, TAB_B), ["Anna"]);
    assert!(!durable(&net));
    net.part(TAB_A);
    net.add(TAB_A, "Bert", None);
    assert_eq!(net.page(TAB_A).status.parts[0], "Offline, kept in this tab only: 1 edit");
    assert!(net.page(TAB_A).at_risk);
}

/// Nobody knows whether the disk has the number: after a crash the tab might give it again.
#[wasm_bindgen_test(unsupported = test)]
fn after_a_failed_write_no_leased_number_is_final_before_a_relay_has_it() {
    let mut net = net();
    net.add(TAB_A, "Anna", None);
    net.act(TAB_A, Action::Lease { count: 5 });
    net.part(TAB_A);
    net.set_stuck(TAB_A, true);
    let record = net.page(TAB_A).rows[0].id;
    net.act(TAB_A, Action::Number { record, number: NumberOperation::Next });
    net.lose_disk(TAB_A);
    let number = net.page(TAB_A).rows[0].number.clone();
    assert_eq!((number.state, number.text.as_str()), (NumberState::Pending, "1"));
    assert_eq!(number.remark.as_deref(), Some("final when a relay has it: this device keeps nothing"));
    net.join(TAB_A);
    assert_eq!(net.page(TAB_A).rows[0].number.state, NumberState::Final);
}

#[wasm_bindgen_test(unsupported = test)]
fn an_undo_is_answered_when_it_is_on_disk() {
    let mut net = net();
    net.add(TAB_A, "Anna", None);
    net.set_stuck(TAB_A, true);
    net.act(TAB_A, Action::Undo);
    assert!(net.page(TAB_A).rows.is_empty(), "it is done at once");
    net.set_stuck(TAB_A, false);
    assert_eq!(net.page(TAB_A).toasts[0].text, "Undone: adding Anna.");
}

#[wasm_bindgen_test(unsupported = test)]
fn rows_that_no_tab_wrote_are_refused_in_words() {
    let ops = [WriteOp::RequestSeq(7), WriteOp::Cursor { first: 1, next: 2 }];
    let mut changes = rows::changes_of(ops, &Document::default());
    changes.push(rows::put_schema(&Schema::people()));
    for change in changes {
        let Change::Put { mut row, .. } = change else { panic!("a row") };
        assert!(rows::read([&row[..]].into_iter()).is_ok());
        row.pop();
        assert!(rows::read([&row[..]].into_iter()).is_err(), "{row:?}");
    }
    let newer = rows::read([&[77, 0][..]].into_iter()).unwrap_err();
    assert_eq!(newer.to_string(), "a row about something newer cannot be read");
    assert!(rows::read([&[][..]].into_iter()).is_err());
}

#[wasm_bindgen_test(unsupported = test)]
fn the_secret_of_an_id_is_kept_in_the_rows_of_its_replica() {
    let secret = ReplicaSecret::new([7; 32]);
    let Change::Put { key: 1, mut row } = rows::put_secret(&secret) else { panic!("a row by itself") };
    let own = rows::OWN_DOINGS;
    assert!(own.0 <= &row[..1] && &row[..1] < own.1, "those that look after a replica read it");
    assert_eq!(rows::read([&row[..]].into_iter()).unwrap().secret, Some(secret));
    row.pop();
    assert!(rows::read([&row[..]].into_iter()).is_err());
    assert_eq!(rows::read([].into_iter()).unwrap().secret, None);
}

#[wasm_bindgen_test(unsupported = test)]
fn version_in_the_place_of_another_one_is_refused_in_whole_databases_and_in_parts() {
    let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
    let mut session = Session::recover(ReplicaId(7), Schema::people(), Recovered::default(), now);
    for name in ["Anna", "Bert"] {
        let fields = vec![(NAME.to_owned(), FieldEdit::Assign(name.to_owned()))];
        let _no_link = session.act(now, Action::Add(NewRecord { fields, number: None }));
    }
    let ops = session.take_writes().into_iter().flat_map(|batch| batch.ops);
    let changes = rows::changes_of(ops, session.view().document()).into_iter();
    let mut all: Vec<Vec<u8>> =
        changes.filter_map(|change| if let Change::Put { row, .. } = change { Some(row) } else { None }).collect();
    let context = session.view().document().context().clone();
    let is_sound = |all: &[Vec<u8>]| {
        let records: Vec<_> = all.iter().filter(|row| row[0] == rows::RECORDS.0[0]).cloned().collect();
        let whole = rows::read(all.iter().map(Vec::as_slice)).unwrap().recovered.check().is_ok();
        (whole, rows::read_records(&records, &context).is_ok())
    };
    assert_eq!(is_sound(&all), (true, true));
    // The last byte of the counter of Anna's version, behind the key, the counter of her record and the replica.
    let shelf = all.iter_mut().find(|row| row[0] == rows::RECORDS.0[0]).expect("a row of records");
    shelf[rows::KEY_OF_RECORDS + 23] = 2;
    assert_eq!(is_sound(&all), (false, false));
}
