//! A tab whose id relays refuse goes on under a new one, and what no relay had of its work is there again.

mod net;

use client::session::{Action, NumberOperation, Safety};
use frontend::view_model::NumberState;
use net::{Net, RETIRE_AFTER, TAB_A, TAB_B, TAB_C};
use shared::base::id::RecordId;
use shared::ledger::Operation;
use shared::schema::FieldKind::{Counter, Lww, Set};
use shared::schema::{FieldEdit, FieldSpec, NAME, NOTE, Schema, TAGS};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Anna and Bert, whom the first tab has added, and Cem, whom the second one has; all are on the relay.
fn net() -> Net {
    with_people(Net::new())
}

/// The same, with a first tab that lives on a disk.
fn net_with_disk() -> Net {
    let mut net = Net::new();
    net.give_disk(TAB_A);
    net.join(TAB_A);
    with_people(net)
}

fn with_people(mut net: Net) -> Net {
    net.add(TAB_A, "Anna", None);
    net.add(TAB_A, "Bert", None);
    net.add(TAB_B, "Cem", None);
    net
}

fn names(net: &Net, tab: usize) -> Vec<String> {
    let mut names: Vec<_> = net.page(tab).rows.iter().map(|row| row.called.clone()).collect();
    names.sort();
    names
}

fn record(net: &Net, tab: usize, name: &str) -> RecordId {
    net.page(tab).rows.iter().find(|row| row.called == name).unwrap_or_else(|| panic!("no {name}")).id
}

fn edit(net: &mut Net, tab: usize, name: &str, field: &str, edit: FieldEdit) {
    let record = record(net, tab, name);
    net.act(tab, Action::Edit { record, field: field.to_owned(), edit, seen: None });
}

fn assign(text: &str) -> FieldEdit {
    FieldEdit::Assign(text.to_owned())
}

#[wasm_bindgen_test(unsupported = test)]
fn edits_of_a_refused_id_that_no_relay_had_are_there_again_under_the_new_id() {
    let mut net = net();
    edit(&mut net, TAB_B, "Cem", TAGS, FieldEdit::Insert("board".to_owned()));
    net.part(TAB_A);
    edit(&mut net, TAB_A, "Anna", NAME, assign("Anya"));
    edit(&mut net, TAB_A, "Bert", NOTE, assign("sings"));
    edit(&mut net, TAB_A, "Cem", TAGS, FieldEdit::Insert("choir".to_owned()));
    edit(&mut net, TAB_A, "Cem", TAGS, FieldEdit::Remove("board".to_owned()));
    net.add(TAB_A, "Dora", None);
    edit(&mut net, TAB_A, "Dora", TAGS, FieldEdit::Insert("new".to_owned()));
    assert_eq!(net.renew(TAB_A), 5);
    for tab in [TAB_A, TAB_B] {
        assert_eq!(names(&net, tab), ["Anya", "Bert", "Cem", "Dora"]);
        let read = |name| {
            let record = record(&net, TAB_B, name);
            net.session(tab).view().record(record).expect("it is there")
        };
        assert_eq!(read("Bert").shown(NOTE), "sings");
        assert_eq!(read("Cem").elements(TAGS), ["choir"]);
        assert_eq!(read("Dora").elements(TAGS), ["new"]);
    }
    assert_eq!(record(&net, TAB_B, "Dora").0.replica(), net.id(TAB_A));
    assert_eq!(net.session(TAB_A).safety(), Safety::Relay);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_removal_that_no_relay_had_is_done_again() {
    let mut net = net();
    net.part(TAB_A);
    let cem = record(&net, TAB_A, "Cem");
    net.act(TAB_A, Action::Remove { record: cem });
    assert_eq!(net.renew(TAB_A), 1);
    assert_eq!(names(&net, TAB_B), ["Anna", "Bert"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn nothing_that_a_relay_has_is_done_twice() {
    let mut net = net();
    edit(&mut net, TAB_A, "Cem", NOTE, assign("drums"));
    edit(&mut net, TAB_B, "Anna", NAME, assign("Anya"));
    let bert = record(&net, TAB_B, "Bert");
    net.act(TAB_B, Action::Remove { record: bert });
    assert_eq!(net.renew(TAB_A), 0);
    assert_eq!(names(&net, TAB_B), ["Anya", "Cem"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_others_did_meanwhile_stays() {
    let mut net = net();
    net.part(TAB_A);
    net.add(TAB_A, "Dora", None);
    net.add(TAB_B, "Emil", None);
    edit(&mut net, TAB_B, "Anna", NOTE, assign("plays"));
    assert_eq!(net.renew(TAB_A), 1);
    assert_eq!(names(&net, TAB_A), ["Anna", "Bert", "Cem", "Dora", "Emil"]);
    assert_eq!(net.page(TAB_A).rows[0].called, "Anna");
}

#[wasm_bindgen_test(unsupported = test)]
fn an_edit_of_a_record_that_was_removed_meanwhile_brings_the_record_back() {
    let mut net = net();
    net.part(TAB_A);
    edit(&mut net, TAB_A, "Bert", NOTE, assign("sings"));
    let bert = record(&net, TAB_B, "Bert");
    net.act(TAB_B, Action::Remove { record: bert });
    assert_eq!(net.renew(TAB_A), 1);
    assert_eq!(names(&net, TAB_B), ["Anna", "Bert", "Cem"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_text_that_somebody_else_wrote_at_the_same_time_stays_and_the_own_one_can_be_put_back() {
    let mut net = net();
    net.part(TAB_A);
    edit(&mut net, TAB_A, "Anna", NAME, assign("Anya"));
    edit(&mut net, TAB_B, "Anna", NAME, assign("Annie"));
    net.renew(TAB_A);
    assert_eq!(names(&net, TAB_A), ["Annie", "Bert", "Cem"]);
    let page = net.page(TAB_A);
    let lost = page.notices.iter().find_map(|notice| notice.put_back.as_ref()).expect("it is told");
    assert_eq!(lost.text, "Anya");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_counter_counts_what_no_relay_had_once() {
    let field = |name: &str, kind, required| FieldSpec { name: name.to_owned(), kind, required };
    let fields = vec![field("title", Lww, true), field("likes", Counter, false), field("marks", Set, false)];
    let mut net = Net::of(Schema::new(fields).unwrap());
    net.add(TAB_A, "Song", None);
    edit(&mut net, TAB_A, "Song", "likes", FieldEdit::Add(3));
    net.part(TAB_A);
    edit(&mut net, TAB_A, "Song", "likes", FieldEdit::Add(4));
    edit(&mut net, TAB_B, "Song", "likes", FieldEdit::Add(10));
    net.renew(TAB_A);
    let song = record(&net, TAB_B, "Song");
    let likes = net.session(TAB_B).view().record(song).unwrap().fields["likes"].clone();
    assert_eq!(likes, shared::replica::FieldView::Counter(17));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_number_given_while_offline_is_given_again_and_what_was_leased_is_given_up() {
    let mut net = net();
    net.act(TAB_A, Action::Lease { count: 5 });
    net.part(TAB_A);
    let [anna, bert] = ["Anna", "Bert"].map(|name| record(&net, TAB_A, name));
    net.act(TAB_A, Action::Number { record: anna, number: NumberOperation::Next });
    net.act(TAB_A, Action::Number { record: bert, number: NumberOperation::This(42) });
    net.add(TAB_A, "Dora", Some(NumberOperation::This(43)));
    net.renew(TAB_A);
    net.settle(TAB_A);
    let page = net.page(TAB_B);
    let of = |name: &str| page.rows.iter().find(|row| row.called == name).expect("it is there").number.clone();
    for (name, number) in [("Bert", "42"), ("Dora", "43")] {
        assert_eq!((of(name).state, of(name).text.as_str()), (NumberState::Final, number), "{name}");
    }
    let anna = of("Anna");
    assert!(matches!(anna.state, NumberState::Final | NumberState::Renumbered), "{anna:?}");
    assert!(anna.text.parse::<u64>().unwrap() > 5, "the first five are leased to the old id: {anna:?}");
    assert_eq!(net.session(TAB_A).view().leased(), 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_operation_that_nobody_has_decided_is_asked_again() {
    let mut net = net();
    net.part(TAB_A);
    let anna = record(&net, TAB_A, "Anna");
    net.ask(TAB_A, Operation::Assign { record: anna, number: 7 });
    net.add(TAB_A, "Dora", None);
    let dora = record(&net, TAB_A, "Dora");
    net.ask(TAB_A, Operation::Assign { record: dora, number: 8 });
    net.renew(TAB_A);
    let numbers: Vec<_> = net.relay().view().ledger().numbers().collect();
    assert_eq!(numbers, [(7, anna), (8, record(&net, TAB_B, "Dora"))]);
}

#[wasm_bindgen_test(unsupported = test)]
fn two_copies_of_a_profile_lose_nothing_of_each_other() {
    let mut net = net_with_disk();
    net.copy_disk(TAB_A, TAB_C);
    net.part(TAB_A);
    // The same dots, for different edits.
    net.add(TAB_A, "Dora", None);
    edit(&mut net, TAB_A, "Anna", NOTE, assign("of the first"));
    net.add(TAB_C, "Emil", None);
    edit(&mut net, TAB_C, "Bert", NOTE, assign("of the copy"));
    net.join(TAB_A);
    net.join(TAB_C);
    assert_eq!([net.is_copied(TAB_A), net.is_copied(TAB_C)], [false, true], "the later one learns of the other");
    assert_eq!(names(&net, TAB_B), ["Anna", "Bert", "Cem", "Dora"], "and nothing of it has left it");
    net.renew(TAB_C);
    assert_eq!(names(&net, TAB_B), ["Anna", "Bert", "Cem", "Dora", "Emil"]);
    assert!(!net.is_copied(TAB_A));
    let note = |name| {
        let record = record(&net, TAB_B, name);
        net.session(TAB_B).view().record(record).expect("it is there").shown(NOTE).to_owned()
    };
    assert_eq!([note("Anna"), note("Bert")], ["of the first", "of the copy"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_copy_whose_record_was_made_by_a_dot_that_is_dead_on_the_relay_loses_it_not() {
    let mut net = net_with_disk();
    net.copy_disk(TAB_A, TAB_C);
    net.add(TAB_C, "Emil", None);
    net.part(TAB_A);
    net.add(TAB_A, "Dora", None);
    net.join(TAB_A);
    // The dot that made both records lives nowhere any more but in the copy.
    edit(&mut net, TAB_B, "Dora", NOTE, assign("sings"));
    net.join(TAB_C);
    assert!(net.is_copied(TAB_C));
    net.renew(TAB_C);
    for tab in [TAB_A, TAB_B, TAB_C] {
        assert_eq!(names(&net, tab), ["Anna", "Bert", "Cem", "Dora", "Emil"]);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn two_copies_with_one_lease_show_no_final_number_twice_once_they_have_met_a_relay() {
    let mut net = net_with_disk();
    net.act(TAB_A, Action::Lease { count: 5 });
    net.copy_disk(TAB_A, TAB_C);
    net.part(TAB_A);
    net.add(TAB_A, "Dora", Some(NumberOperation::Next));
    net.add(TAB_C, "Emil", Some(NumberOperation::Next));
    net.join(TAB_A);
    net.join(TAB_C);
    assert!(net.is_copied(TAB_C));
    net.renew(TAB_C);
    net.settle(TAB_C);
    let page = net.page(TAB_C);
    let of = |name: &str| page.rows.iter().find(|row| row.called == name).expect("it is there").number.clone();
    assert_eq!((of("Dora").state, of("Dora").text.as_str()), (NumberState::Final, "1"));
    assert!(matches!(of("Emil").state, NumberState::Final | NumberState::Renumbered), "{:?}", of("Emil"));
    assert_ne!(of("Emil").text, "1");
    let told = page.notices.iter().any(|notice| notice.text.starts_with("Number 1 of Emil was out of a lease"));
    assert!(told, "{:?}", page.notices);
    assert_eq!(net.session(TAB_C).view().leased(), 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_profile_that_comes_back_out_of_a_backup_takes_a_new_id_at_its_first_word_with_a_relay() {
    let mut net = net_with_disk();
    net.copy_disk(TAB_A, TAB_C);
    net.add(TAB_A, "Dora", None);
    let dora = record(&net, TAB_A, "Dora");
    net.ask(TAB_A, Operation::Assign { record: dora, number: 7 });
    net.part(TAB_A);
    net.join(TAB_C);
    assert!(net.is_copied(TAB_C));
    assert_eq!(net.renew(TAB_C), 0);
    assert_eq!(names(&net, TAB_C), ["Anna", "Bert", "Cem", "Dora"]);
    assert_eq!(
        net.page(TAB_C).rows.iter().find(|row| row.called == "Dora").map(|row| row.number.text.clone()),
        Some("7".to_owned())
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_request_of_another_copy_that_the_log_has_decided_tells_of_it() {
    let mut net = net_with_disk();
    net.copy_disk(TAB_A, TAB_C);
    let [anna, bert] = ["Anna", "Bert"].map(|name| record(&net, TAB_A, name));
    net.ask(TAB_C, Operation::Assign { record: bert, number: 8 });
    net.ask(TAB_A, Operation::Assign { record: anna, number: 7 });
    net.part(TAB_A);
    net.join(TAB_C);
    assert!(net.is_copied(TAB_C), "one request under one name, for two things");
    net.renew(TAB_C);
    let numbers: Vec<_> = net.relay().view().ledger().numbers().collect();
    assert_eq!(numbers, [(7, anna), (8, bert)]);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_page_goes_on_with_what_it_has_told() {
    let mut net = net();
    edit(&mut net, TAB_B, "Anna", NAME, assign("Anya"));
    let told = net.page(TAB_A).story.len();
    assert!(told > 0);
    net.renew(TAB_A);
    assert!(net.page(TAB_A).story.len() >= told);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_that_comes_back_after_it_was_retired_keeps_its_id_and_loses_nothing() {
    let mut net = Net::new();
    net.give_disk(TAB_A);
    net.join(TAB_A);
    net.add(TAB_A, "Anna", None);
    edit(&mut net, TAB_B, "Anna", NAME, assign("Anya"));
    let me = net.id(TAB_A);
    net.part(TAB_A);
    net.pass(2 * RETIRE_AFTER);
    assert_eq!(net.relay().view().document().retired_up_to(me), 1, "it is retired");
    net.reopen(TAB_A);
    net.add(TAB_A, "Bert", Some(NumberOperation::Next));
    edit(&mut net, TAB_A, "Anya", NOTE, assign("sings"));
    net.join(TAB_A);
    net.settle(TAB_A);
    net.add(TAB_A, "Cem", None);
    assert!(!net.is_copied(TAB_A), "it is no copy of itself");
    assert_eq!(net.id(TAB_A), me);
    for tab in [TAB_A, TAB_B] {
        assert_eq!(names(&net, tab), ["Anya", "Bert", "Cem"], "tab {tab}");
        let bert = record(&net, tab, "Bert");
        let numbered = net.relay().view().ledger().number_of(bert);
        assert_eq!(numbered.map(|numbered| numbered.number), Some(1));
    }
    assert_eq!(net.session(TAB_A).view().unsaved_edits(), 0);
    assert_eq!(net.session(TAB_A).view().edits_not_on_majority(), 0);
}
