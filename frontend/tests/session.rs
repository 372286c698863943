//! Two tabs at one relay, without a network: what they are told, and what their pages show.

mod net;

use std::time::Duration;

use client::connection::ConnectionState;
use client::notification::Notification;
use client::session::{Action, NewRecord, NumberOperation, Session};
use frontend::view_model::{Cell, LocalTime, NumberState, PageState, TableRow};
use net::{Net, TAB_A, TAB_B, TAB_C};
use shared::base::dot::Dot;
use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::{Ballot, Slot};
use shared::ledger::{Operation, Policy};
use shared::merge::document::Delta;
use shared::replica::io::{Command, Message, Now, Violation};
use shared::replica::presence::{RelayStatus, Status};
use shared::schema::{self, FieldEdit, FieldKind, FieldSpec, Schema};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn rename(net: &mut Net, tab: usize, name: &str) {
    let title = net.page(tab).layout.title.as_ref().expect("a text").name.clone();
    edit(net, tab, &title, FieldEdit::Assign(name.to_owned()));
}

fn write_note(net: &mut Net, tab: usize, note: &str) {
    edit(net, tab, schema::NOTE, FieldEdit::Assign(note.to_owned()));
}

fn edit(net: &mut Net, tab: usize, field: &str, edit: FieldEdit) {
    let record = net.page(tab).rows[0].id;
    net.act(tab, Action::Edit { record, field: field.to_owned(), edit, seen: None });
}

fn put_tag(net: &mut Net, tab: usize, tag: &str) {
    edit(net, tab, schema::TAGS, FieldEdit::Insert(tag.to_owned()));
}

fn take_tag(net: &mut Net, tab: usize, tag: &str) {
    edit(net, tab, schema::TAGS, FieldEdit::Remove(tag.to_owned()));
}

/// Both tabs write a note at the same time, and the one of tab A, the earlier, is lost.
fn lose_a_note(net: &mut Net, earlier: &str, later: &str) {
    for tab in [TAB_A, TAB_B] {
        net.part(tab);
    }
    write_note(net, TAB_A, earlier);
    write_note(net, TAB_B, later);
    for tab in [TAB_A, TAB_B] {
        net.join(tab);
    }
}

/// The choices of the title.
fn choices(row: &TableRow) -> Vec<String> {
    let Cell::Text(name) = &row.cells[0] else { panic!("a text") };
    let mut choices: Vec<_> = name.choices.iter().map(|choice| choice.value.clone()).collect();
    choices.sort();
    choices
}

fn note(row: &TableRow) -> &str {
    let Cell::Text(note) = &row.cells[1] else { panic!("a text") };
    &note.shown
}

fn tags(row: &TableRow) -> &[String] {
    let Cell::Elements(tags) = &row.cells[2] else { panic!("a set") };
    tags
}

fn names(page: &PageState) -> Vec<String> {
    page.rows.iter().map(|person| person.called.clone()).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn concurrent_names_stand_side_by_side_until_one_tab_chooses() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.part(TAB_A);
    net.part(TAB_B);
    rename(&mut net, TAB_A, "Anya");
    rename(&mut net, TAB_B, "Annushka");
    assert!(net.page(TAB_A).status.parts[0].starts_with("Offline, kept in this tab only: 1 edit"));
    net.join(TAB_A);
    net.join(TAB_B);
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!(choices(&page.rows[0]), ["Annushka", "Anya"]);
        let told = &page.story[0].text;
        assert!(told.contains("all names are kept until somebody chooses"), "{told}");
    }
    rename(&mut net, TAB_B, "Anya");
    for tab in [TAB_A, TAB_B] {
        assert_eq!(names(&net.page(tab)), ["Anya"]);
        assert!(choices(&net.page(tab).rows[0]).is_empty());
    }
    assert_eq!(net.page(TAB_A).story[0].text, format!("Tab {} settled the name: Anya.", net.id(TAB_B)));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_program_does_at_a_relay_is_told_as_its_deed_and_as_that_of_no_tab() {
    let mut net = Net::new();
    let name = |name: &str| (schema::NAME.to_owned(), FieldEdit::Assign(name.to_owned()));
    net.command_at_relay(Command::Add { fields: vec![name("Anna")] });
    let page = net.page(TAB_A);
    assert_eq!(page.story[0].text, "A program at relay 1 added Anna.");
    assert_eq!(page.rows[0].glow.as_ref().map(|glow| glow.cause.as_str()), Some("Changed by a program at relay 1"));
    net.part(TAB_A);
    rename(&mut net, TAB_A, "Anya");
    let record = net.page(TAB_B).rows[0].id;
    net.command_at_relay(Command::Change { record, edits: vec![name("Annushka")] });
    assert_eq!(net.page(TAB_B).story[0].text, "A program at relay 1 renamed Anna to Annushka.");
    net.join(TAB_A);
    let page = net.page(TAB_B);
    let Cell::Text(choices) = &page.rows[0].cells[0] else { panic!("a text") };
    let mut origins: Vec<_> = choices.choices.iter().map(|choice| choice.origin.split(',').next().unwrap()).collect();
    origins.sort_unstable();
    assert_eq!(origins, ["a program at relay 1", "tab aaaa"]);
    net.command_at_relay(Command::Lease { count: 10 });
    let told = &net.page(TAB_A).story[0].text;
    assert!(told.starts_with("Numbers 1 to 10 are leased to relay 1 ("), "{told}");
}

#[wasm_bindgen_test(unsupported = test)]
fn edits_made_at_the_same_time_are_told_as_merged() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    for tab in [TAB_A, TAB_B] {
        net.part(tab);
    }
    put_tag(&mut net, TAB_A, "board");
    put_tag(&mut net, TAB_B, "choir");
    for tab in [TAB_A, TAB_B] {
        net.join(tab);
    }
    for (tab, other) in [(TAB_A, TAB_B), (TAB_B, TAB_A)] {
        let page = net.page(tab);
        assert_eq!(tags(&page.rows[0]), ["board", "choir"]);
        let expected = format!("Tab {} edited Anna while somebody else did, too: both edits are in.", net.id(other));
        assert_eq!(page.story[0].text, expected);
    }
    put_tag(&mut net, TAB_A, "staff");
    let expected = format!("Tab {} edited Anna.", net.id(TAB_A));
    assert_eq!(net.page(TAB_B).story[0].text, expected, "who had seen both merges nothing");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_new_name_that_meets_another_edit_is_told_with_the_old_one() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.part(TAB_B);
    put_tag(&mut net, TAB_B, "choir");
    rename(&mut net, TAB_A, "Anya");
    net.join(TAB_B);
    let expected =
        format!("Tab {} renamed Anna to Anya while somebody else edited the record: both edits are in.", net.id(TAB_A));
    assert_eq!(net.page(TAB_B).story[0].text, expected);
    let expected = format!("Tab {} edited Anya while somebody else did, too: both edits are in.", net.id(TAB_B));
    assert_eq!(net.page(TAB_A).story[0].text, expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn both_tabs_are_told_why_a_removed_person_is_back() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    let record = net.page(TAB_B).rows[0].id;
    net.part(TAB_B);
    net.act(TAB_A, Action::Remove { record });
    write_note(&mut net, TAB_B, "from Tver");
    net.join(TAB_B);
    for (tab, editor) in [(TAB_A, format!("tab {}", net.id(TAB_B))), (TAB_B, "this tab".to_owned())] {
        let page = net.page(tab);
        assert_eq!(names(&page), ["Anna"]);
        assert_eq!(note(&page.rows[0]), "from Tver");
        let expected = format!(
            "Somebody removed Anna while {editor} edited the record: the edit wins, so Anna is back with every field."
        );
        assert_eq!(page.notices.iter().map(|notice| &notice.text).collect::<Vec<_>>(), [&expected]);
        assert_eq!(page.story[0].text, expected);
    }
    let serial = net.page(TAB_A).notices[0].serial;
    net.act(TAB_A, Action::DismissNotice { serial });
    assert!(net.page(TAB_A).notices.is_empty());
}

#[wasm_bindgen_test(unsupported = test)]
fn the_loser_of_a_number_sees_who_has_it_and_can_ask_for_the_next() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
    net.add(TAB_B, "Boris", Some(NumberOperation::This(42)));
    let boris = net.page(TAB_B).rows[1].clone();
    assert_eq!(boris.number.state, NumberState::Rejected);
    assert_eq!(boris.number.remark.as_deref(), Some("42 belongs to Anna (relay 1, slot 1)"));
    assert_eq!(boris.number.to_free, None);
    assert_eq!(net.page(TAB_B).story[0].text, "Number 42 went to Anna (relay 1, slot 1).");
    net.act(TAB_B, Action::DismissRefusal { record: boris.id });
    assert_eq!(net.page(TAB_B).rows[1].number.state, NumberState::None);
    net.act(TAB_B, Action::Number { record: boris.id, number: NumberOperation::Next });
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!((page.rows[1].number.text.as_str(), page.rows[1].number.state), ("43", NumberState::Final));
        assert_eq!(page.highest, 43);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_number_of_a_removed_person_can_be_freed() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
    let anna = net.page(TAB_A).rows[0].id;
    net.act(TAB_A, Action::Remove { record: anna });
    net.add(TAB_B, "Boris", Some(NumberOperation::This(42)));
    let number = net.page(TAB_B).rows[0].number.clone();
    assert!(number.remark.unwrap().starts_with("42 belongs to a removed person, Anna"));
    assert_eq!(number.to_free, Some((anna, 42)));
    net.act(TAB_B, Action::Free { record: anna });
    let boris = net.page(TAB_B).rows[0].clone();
    assert_eq!(boris.number.remark.as_deref(), Some("42 was taken, and is free now"));
    assert_eq!((boris.number.to_free, boris.number.to_take), (None, Some(42)));
    net.act(TAB_B, Action::Number { record: boris.id, number: NumberOperation::This(42) });
    assert_eq!(net.page(TAB_A).rows[0].number.state, NumberState::Final);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_was_there_before_this_tab_is_no_news_to_it() {
    let mut net = Net::new();
    net.part(TAB_B);
    net.add(TAB_A, "Anna", Some(NumberOperation::Next));
    net.replace(TAB_B);
    net.join(TAB_B);
    let page = net.page(TAB_B);
    assert_eq!(names(&page), ["Anna"]);
    assert!(page.story.is_empty() && page.rows[0].glow.is_none());
    net.add(TAB_A, "Boris", None);
    let page = net.page(TAB_B);
    assert_eq!(page.story[0].text, format!("Tab {} added Boris.", net.id(TAB_A)));
    assert!(page.rows[1].glow.is_some());
}

#[wasm_bindgen_test(unsupported = test)]
fn rows_that_did_not_change_keep_their_pointers() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.add(TAB_A, "Boris", None);
    let before = net.page(TAB_B);
    rename(&mut net, TAB_A, "Anya");
    let after = net.page(TAB_B);
    assert!(std::rc::Rc::ptr_eq(&before.rows[1], &after.rows[1]));
    assert!(!std::rc::Rc::ptr_eq(&before.rows[0], &after.rows[0]));
}

#[wasm_bindgen_test(unsupported = test)]
fn of_two_notes_the_later_stands_and_the_author_of_the_other_can_put_it_back() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    lose_a_note(&mut net, "earlier", "later");
    let (a, b) = (net.page(TAB_A), net.page(TAB_B));
    assert_eq!((note(&a.rows[0]), note(&b.rows[0])), ("later", "later"));
    let expected =
        format!("Your note “earlier” for Anna was replaced by tab {}'s, written at the same time.", net.id(TAB_B));
    assert_eq!((a.notices.len(), &a.notices[0].text, a.notices[0].urgent), (1, &expected, false));
    assert_eq!(a.story.iter().filter(|item| item.text == expected).count(), 1);
    let edited = format!("Tab {} edited Anna.", net.id(TAB_B));
    assert!(a.story.iter().any(|item| item.text == edited), "not both edits are in: {:?}", a.story);
    let lost = a.notices[0].put_back.clone().expect("it can be put back");
    assert_eq!((lost.record, lost.text.as_str(), lost.name.as_str()), (a.rows[0].id, "earlier", "Anna"));
    write_note(&mut net, TAB_A, &lost.text);
    assert_eq!(note(&net.page(TAB_B).rows[0]), "earlier");
    assert_eq!(net.page(TAB_A).notices[0].put_back, None, "it is back");
    assert!(net.page(TAB_B).notices.is_empty(), "who had seen the other note has lost nothing");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_note_that_somebody_else_lost_is_told_in_the_feed_only() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    lose_a_note(&mut net, "earlier", "later");
    let page = net.page(TAB_B);
    assert!(page.notices.is_empty());
    let expected = format!(
        "Tab {}'s note “earlier” for Anna was replaced by this tab's, written at the same time.",
        net.id(TAB_A)
    );
    assert_eq!(page.story.iter().filter(|item| item.text == expected).count(), 1);
    net.replace(TAB_B);
    net.join(TAB_B);
    assert!(net.page(TAB_B).story.is_empty(), "to a new tab it is no news");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_lost_note_is_told_once_though_it_gives_way_twice() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    let tabs = [TAB_A, TAB_B, TAB_C];
    net.join(TAB_C);
    tabs.into_iter().for_each(|tab| net.part(tab));
    for (tab, note) in tabs.into_iter().zip(["early", "later", "latest"]) {
        write_note(&mut net, tab, note);
    }
    tabs.into_iter().for_each(|tab| net.join(tab));
    let page = net.page(TAB_A);
    assert_eq!(note(&page.rows[0]), "latest");
    assert_eq!(page.story.iter().filter(|item| item.text.starts_with("Your note “early”")).count(), 1);
    assert_eq!(page.notices.len(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn an_emptied_note_and_a_long_one_are_told_in_other_words() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    write_note(&mut net, TAB_A, "old");
    lose_a_note(&mut net, "", "new");
    let expected =
        format!("You emptied the note of Anna, but tab {} wrote it at the same time, so it stays.", net.id(TAB_B));
    assert_eq!(net.page(TAB_A).notices[0].text, expected);
    lose_a_note(&mut net, &"word ".repeat(100), "short");
    let text = net.page(TAB_A).notices[0].text.clone();
    assert!(text.starts_with("Your note “word word") && text.contains("word …” for Anna"), "{text}");
    assert!(text.chars().count() < 200, "{text}");
}

#[wasm_bindgen_test(unsupported = test)]
fn tags_put_on_and_taken_off_at_the_same_time_merge_and_are_found() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    put_tag(&mut net, TAB_A, "board");
    put_tag(&mut net, TAB_A, "staff");
    net.part(TAB_A);
    net.part(TAB_B);
    put_tag(&mut net, TAB_A, "Choir");
    put_tag(&mut net, TAB_A, "board");
    take_tag(&mut net, TAB_B, "board");
    take_tag(&mut net, TAB_B, "staff");
    net.join(TAB_A);
    net.join(TAB_B);
    for tab in [TAB_A, TAB_B] {
        let anna = net.page(tab).rows[0].clone();
        assert_eq!(tags(&anna), ["Choir", "board"], "what was put on anew stays");
        assert!(anna.matches("choir") && !anna.matches("staff"));
    }
    assert!(net.page(TAB_A).notices.is_empty(), "tags are never lost");
}

/// The end of the status line of a tab whose relay has just said that so many versions are still to come.
fn status_while_loading(remaining: u64) -> String {
    let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
    let (voter, relay) = (RelayId(1), ReplicaId(1));
    let mut session = Session::new(ReplicaId(2), now);
    let _have = session.connected(now, voter, relay, Schema::people()).expect("the same schema");
    let context = [1, 2].map(|counter| Dot::new(relay, counter)).into_iter().collect();
    let seen = [Dot::new(relay, 1)].into_iter().collect();
    for message in [
        Message::Have { context, fingerprint: 1, decided: Slot(0), chain: 0, restores: Default::default() },
        Message::Delta(Delta { context: seen, versions: Vec::new(), remaining }),
    ] {
        let _answer = session.receive(now, message).expect("the relay keeps to the protocol");
    }
    let connection = ConnectionState::Connected { address: "localhost:5000".to_owned(), voter };
    let page = PageState::of(&session, &connection, LocalTime { minutes_ahead_of_utc: 0 }, None);
    page.status.parts.last().cloned().unwrap_or_default()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_load_that_takes_a_while_is_counted_in_the_status_line() {
    assert_eq!(status_while_loading(1_045_000), "loading, 1,045,000 records to come");
    assert_eq!(status_while_loading(1000), "loading, 1,000 records to come");
    assert_eq!(status_while_loading(999), "fetching what it has");
}

/// Two fields, as no built-in schema has them.
fn invoices() -> Schema {
    let field = |name: &str, kind, required| FieldSpec { name: name.to_owned(), kind, required };
    Schema::new(vec![field("title", FieldKind::Mv, true), field("amount", FieldKind::Counter, false)]).unwrap()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_takes_the_schema_of_its_relay_and_speaks_of_records() {
    let mut net = Net::of(invoices());
    net.add(TAB_A, "Roof", Some(NumberOperation::This(7)));
    edit(&mut net, TAB_A, "amount", FieldEdit::Add(5));
    net.part(TAB_A);
    net.part(TAB_B);
    edit(&mut net, TAB_A, "amount", FieldEdit::Add(2));
    edit(&mut net, TAB_B, "amount", FieldEdit::Add(-1));
    rename(&mut net, TAB_A, "Roof repair");
    rename(&mut net, TAB_B, "New roof");
    net.join(TAB_A);
    net.join(TAB_B);
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!(page.rows[0].cells[1], Cell::Count(6));
        assert_eq!(choices(&page.rows[0]), ["New roof", "Roof repair"]);
        assert!(page.rows[0].matches("repair") && page.rows[0].matches("6") && !page.rows[0].matches("60"));
        assert!(page.story[0].text.starts_with("One record was named at the same time "), "{}", page.story[0].text);
    }
    rename(&mut net, TAB_B, "New roof");
    assert_eq!(net.page(TAB_A).story[0].text, format!("Tab {} settled the title: New roof.", net.id(TAB_B)));
    net.add(TAB_B, "Wall", Some(NumberOperation::This(7)));
    let record = net.page(TAB_A).rows[0].id;
    net.act(TAB_A, Action::Remove { record });
    let refusal = net.page(TAB_B).rows[0].number.remark.clone().expect("the number is taken");
    assert!(refusal.starts_with("7 belongs to a removed record, New roof"), "{refusal}");
}

/// A tab that has never been connected, and the page that it shows.
fn lone_tab() -> (Session, Now) {
    let now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_000_000 };
    (Session::new(ReplicaId(2), now), now)
}

fn page_of(session: &Session) -> PageState {
    PageState::of(session, &ConnectionState::Offline, LocalTime { minutes_ahead_of_utc: 0 }, None)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_that_has_something_already_refuses_a_relay_with_another_schema() {
    let anna = NewRecord { fields: vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))], number: None };
    for action in [Action::Add(anna), Action::Raise { number: 9 }] {
        let (mut session, now) = lone_tab();
        let _nowhere_to_send = session.act(now, action);
        assert_eq!(session.connected(now, RelayId(1), ReplicaId(1), invoices()), Err(Violation::OtherSchema));
        assert!(!session.view().is_connected());
        assert!(session.connected(now, RelayId(1), ReplicaId(1), Schema::people()).is_ok());
    }
    let (mut session, now) = lone_tab();
    session.alert(now, Notification::LinkCut(Violation::OtherSchema));
    let expected = "The relay keeps other fields than this tab, which has people already: copy what you need, then reload the page.";
    assert_eq!(page_of(&session).notices[0].text, expected);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_in_which_nothing_was_done_takes_any_schema() {
    let (mut session, now) = lone_tab();
    assert_eq!(page_of(&session).layout.nouns.many, "people");
    for schema in [Schema::people(), invoices(), Schema::people(), invoices()] {
        assert!(session.connected(now, RelayId(1), ReplicaId(1), schema.clone()).is_ok());
        assert!(page_of(&session).layout.is_of(&schema));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn undo_takes_back_what_this_tab_did_last_and_says_so_until_the_next_deed() {
    let mut net = Net::new();
    assert_eq!(net.page(TAB_A).undo, None);
    net.add(TAB_A, "Anna", None);
    net.add(TAB_B, "Boris", None);
    write_note(&mut net, TAB_A, "from Tver");
    assert_eq!(net.page(TAB_A).undo.as_deref(), Some("the change to the note of Anna"));
    net.act(TAB_A, Action::Undo);
    assert_eq!(note(&net.page(TAB_B).rows[0]), "");
    let page = net.page(TAB_A);
    assert_eq!(
        (page.toasts[0].text.as_str(), page.toasts[0].urgent),
        ("Undone: the change to the note of Anna.", false)
    );
    assert!(page.notices.is_empty());
    assert_eq!(page.undo.as_deref(), Some("adding Anna"));
    net.act(TAB_A, Action::Undo);
    let page = net.page(TAB_A);
    assert_eq!((names(&page).as_slice(), page.undo.clone()), (&["Boris".to_owned()][..], None));
    assert_eq!((page.toasts.len(), page.toasts[0].text.as_str()), (1, "Undone: adding Anna."));
    net.act(TAB_A, Action::Undo);
    assert!(net.page(TAB_A).toasts.is_empty(), "there was nothing to undo");
    let record = net.page(TAB_B).rows[0].id;
    net.act(TAB_B, Action::Remove { record });
    net.act(TAB_B, Action::Undo);
    assert_eq!(names(&net.page(TAB_A)), ["Boris"]);
    assert_eq!(net.page(TAB_B).toasts[0].text, "Undone: removing Boris.");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_others_have_changed_since_is_not_undone_and_the_reason_is_told() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    write_note(&mut net, TAB_A, "from Tver");
    write_note(&mut net, TAB_B, "from Omsk");
    net.act(TAB_A, Action::Undo);
    let toast = net.page(TAB_A).toasts[0].clone();
    let expected = "Not undone: the change to the note of Anna. Somebody has changed it since, and undoing it would take that back.";
    assert_eq!((toast.text.as_str(), toast.urgent), (expected, true));
    assert_eq!(note(&net.page(TAB_A).rows[0]), "from Omsk");
    net.act(TAB_A, Action::DismissNotice { serial: toast.serial });
    assert!(net.page(TAB_A).toasts.is_empty());
}

#[wasm_bindgen_test(unsupported = test)]
fn a_number_waits_for_observers_and_is_final_when_a_page_that_is_seen_has_it() {
    let mut net = Net::new();
    net.ask_at_relay(Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    assert!(net.page(TAB_A).story[0].text.starts_with("A number is final when a tab has it, too"));
    [TAB_A, TAB_B].into_iter().for_each(|tab| net.show(tab, false));
    net.add(TAB_A, "Anna", Some(NumberOperation::Next));
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        let number = &page.rows[0].number;
        assert_eq!((number.state, number.text.as_str(), number.releasable), (NumberState::Unreleased, "1", false));
        assert!(page.story.iter().all(|item| !item.text.starts_with("Number 1 went to Anna")), "nobody is told yet");
    }
    net.show(TAB_B, true);
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!((page.rows[0].number.state, page.rows[0].number.releasable), (NumberState::Final, true));
        assert!(page.story[0].text.starts_with("Number 1 went to Anna"));
    }
}

/// Also where the tab has taken the schema of its relay only then.
#[wasm_bindgen_test(unsupported = test)]
fn a_page_that_was_hidden_before_it_was_connected_is_no_observer() {
    let mut net = Net::of(invoices());
    net.ask_at_relay(Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    [TAB_A, TAB_B].into_iter().for_each(|tab| net.part(tab));
    net.show(TAB_C, false);
    net.join(TAB_C);
    net.add(TAB_C, "Roof", Some(NumberOperation::Next));
    assert_eq!(net.page(TAB_C).rows[0].number.state, NumberState::Unreleased);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_relay_without_a_vote_is_shown_as_such_and_makes_up_no_majority() {
    let (mut session, now) = lone_tab();
    let voter = RelayId(1);
    let _have = session.connected(now, voter, ReplicaId(1), Schema::people()).expect("the same schema");
    let relay = |id, up, votes| RelayStatus {
        voter: RelayId(id),
        address: format!("localhost:500{id}"),
        up,
        votes,
        tabs: Vec::new(),
    };
    let relays = vec![relay(1, true, true), relay(2, false, true), relay(3, false, true), relay(4, true, false)];
    let status = Status { me: voter, leader: Some(Ballot::ZERO), relays };
    let _answer = session.receive(now, Message::Status(status)).expect("the relay keeps to the protocol");
    let connection = ConnectionState::Connected { address: "localhost:5001".to_owned(), voter };
    let page = PageState::of(&session, &connection, LocalTime { minutes_ahead_of_utc: 0 }, None);
    assert_eq!(page.relays.iter().map(|relay| relay.votes).collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(
        page.status.parts[0],
        "No majority of relays, so this tab is locally offline: new numbers are provisional, edits go on"
    );
    assert!(page.status.parts.contains(&"2 of 4 relays, 0 tabs".to_owned()), "{:?}", page.status.parts);
}
