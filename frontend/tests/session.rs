//! Two tabs at one relay, without a network: what they are told, and what their pages show.

#![cfg(target_arch = "wasm32")]

mod net;

use frontend::engine::session::{Action, NumberWish};
use frontend::view_model::{NumberState, Snapshot};
use net::{Net, TAB_A, TAB_B, TAB_C};
use shared::crdt::FieldEdit;
use shared::ledger::Wish;
use shared::schema;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn rename(net: &mut Net, tab: usize, name: &str) {
    edit(net, tab, schema::NAME, FieldEdit::Assign(name.to_owned()));
}

fn write_note(net: &mut Net, tab: usize, note: &str) {
    edit(net, tab, schema::NOTE, FieldEdit::Assign(note.to_owned()));
}

fn edit(net: &mut Net, tab: usize, field: &'static str, edit: FieldEdit) {
    let record = net.page(tab).people[0].id;
    net.act(tab, Action::Edit { record, field, edit });
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

fn names(page: &Snapshot) -> Vec<String> {
    page.people.iter().map(|person| person.name.shown.clone()).collect()
}

#[wasm_bindgen_test]
fn concurrent_names_stand_side_by_side_until_one_tab_chooses() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.part(TAB_A);
    net.part(TAB_B);
    rename(&mut net, TAB_A, "Anya");
    rename(&mut net, TAB_B, "Annushka");
    assert!(net.page(TAB_A).status.parts[0].starts_with("Offline: 1 edit is kept in this tab only"));
    net.join(TAB_A);
    net.join(TAB_B);
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        let mut choices: Vec<_> = page.people[0].name.choices.iter().map(|choice| choice.value.clone()).collect();
        choices.sort();
        assert_eq!(choices, ["Annushka", "Anya"]);
        let told = &page.story[0].text;
        assert!(told.contains("all names are kept until somebody chooses"), "{told}");
    }
    rename(&mut net, TAB_B, "Anya");
    for tab in [TAB_A, TAB_B] {
        assert_eq!(names(&net.page(tab)), ["Anya"]);
        assert!(net.page(tab).people[0].name.choices.is_empty());
    }
    assert_eq!(net.page(TAB_A).story[0].text, format!("Tab {} settled the name: Anya.", net.id(TAB_B)));
}

#[wasm_bindgen_test]
fn both_tabs_are_told_why_a_removed_person_is_back() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    let record = net.page(TAB_B).people[0].id;
    net.part(TAB_B);
    net.act(TAB_A, Action::Remove { record });
    write_note(&mut net, TAB_B, "from Tver");
    net.join(TAB_B);
    for (tab, editor) in [(TAB_A, format!("tab {}", net.id(TAB_B))), (TAB_B, "this tab".to_owned())] {
        let page = net.page(tab);
        assert_eq!(names(&page), ["Anna"]);
        assert_eq!(page.people[0].note, "from Tver");
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

#[wasm_bindgen_test]
fn the_loser_of_a_number_sees_who_has_it_and_can_ask_for_the_next() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberWish::This(42)));
    net.add(TAB_B, "Boris", Some(NumberWish::This(42)));
    let boris = net.page(TAB_B).people[1].clone();
    assert_eq!(boris.number.state, NumberState::Rejected);
    assert_eq!(boris.number.remark.as_deref(), Some("42 belongs to Anna (relay 1, slot 0)"));
    assert_eq!(boris.number.to_free, None);
    assert_eq!(net.page(TAB_B).story[1].text, "Number 42 went to Anna (relay 1, slot 0).");
    net.act(TAB_B, Action::DismissRefusal { record: boris.id });
    assert_eq!(net.page(TAB_B).people[1].number.state, NumberState::None);
    net.act(TAB_B, Action::Ask(Wish::Allocate { record: boris.id }));
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!((page.people[1].number.text.as_str(), page.people[1].number.state), ("43", NumberState::Final));
        assert_eq!(page.highest, 43);
    }
}

#[wasm_bindgen_test]
fn the_number_of_a_removed_person_can_be_freed() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberWish::This(42)));
    let anna = net.page(TAB_A).people[0].id;
    net.act(TAB_A, Action::Remove { record: anna });
    net.add(TAB_B, "Boris", Some(NumberWish::This(42)));
    let number = net.page(TAB_B).people[0].number.clone();
    assert!(number.remark.unwrap().starts_with("42 belongs to a removed person, Anna"));
    assert_eq!(number.to_free, Some((anna, 42)));
    net.act(TAB_B, Action::Ask(Wish::Release { record: anna }));
    let boris = net.page(TAB_B).people[0].clone();
    assert_eq!(boris.number.remark.as_deref(), Some("42 was taken, and is free now"));
    assert_eq!((boris.number.to_free, boris.number.to_take), (None, Some(42)));
    net.act(TAB_B, Action::Ask(NumberWish::This(42).of(boris.id)));
    assert_eq!(net.page(TAB_A).people[0].number.state, NumberState::Final);
}

#[wasm_bindgen_test]
fn a_wish_made_offline_is_pending_until_the_tab_is_back() {
    let mut net = Net::new();
    net.part(TAB_A);
    net.add(TAB_A, "Anna", Some(NumberWish::Next));
    let page = net.page(TAB_A);
    assert_eq!(page.people[0].number.state, NumberState::Pending);
    assert_eq!(page.people[0].number.remark.as_deref(), Some("waits for a relay"));
    assert_eq!(page.status.parts[0], "Offline: 1 edit and 1 wish for a number are kept in this tab only");
    assert!(page.at_risk);
    net.join(TAB_A);
    let page = net.page(TAB_A);
    assert_eq!((page.people[0].number.text.as_str(), page.people[0].number.state), ("1", NumberState::Final));
    assert!(!page.at_risk);
}

#[wasm_bindgen_test]
fn what_was_there_before_this_tab_is_no_news_to_it() {
    let mut net = Net::new();
    net.part(TAB_B);
    net.add(TAB_A, "Anna", Some(NumberWish::Next));
    net.replace(TAB_B);
    net.join(TAB_B);
    let page = net.page(TAB_B);
    assert_eq!(names(&page), ["Anna"]);
    assert!(page.story.is_empty() && page.people[0].glow.is_none());
    net.add(TAB_A, "Boris", None);
    let page = net.page(TAB_B);
    assert_eq!(page.story[0].text, format!("Tab {} added Boris.", net.id(TAB_A)));
    assert!(page.people[1].glow.is_some());
}

#[wasm_bindgen_test]
fn rows_that_did_not_change_keep_their_pointers() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.add(TAB_A, "Boris", None);
    let before = net.page(TAB_B);
    rename(&mut net, TAB_A, "Anya");
    let after = net.page_after(TAB_B, &before);
    assert!(std::rc::Rc::ptr_eq(&before.people[1], &after.people[1]));
    assert!(!std::rc::Rc::ptr_eq(&before.people[0], &after.people[0]));
}

#[wasm_bindgen_test]
fn of_two_notes_the_later_stands_and_the_author_of_the_other_can_put_it_back() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    lose_a_note(&mut net, "earlier", "later");
    let (a, b) = (net.page(TAB_A), net.page(TAB_B));
    assert_eq!((a.people[0].note.as_str(), b.people[0].note.as_str()), ("later", "later"));
    let expected =
        format!("Your note “earlier” for Anna was replaced by tab {}'s, written at the same time.", net.id(TAB_B));
    assert_eq!((a.notices.len(), &a.notices[0].text, a.notices[0].urgent), (1, &expected, false));
    assert_eq!(a.story.iter().filter(|item| item.text == expected).count(), 1);
    let lost = a.notices[0].put_back.clone().expect("it can be put back");
    assert_eq!((lost.record, lost.note.as_str(), lost.name.as_str()), (a.people[0].id, "earlier", "Anna"));
    write_note(&mut net, TAB_A, &lost.note);
    assert_eq!(net.page(TAB_B).people[0].note, "earlier");
    assert_eq!(net.page(TAB_A).notices[0].put_back, None, "it is back");
    assert!(net.page(TAB_B).notices.is_empty(), "who had seen the other note has lost nothing");
}

#[wasm_bindgen_test]
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

#[wasm_bindgen_test]
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
    assert_eq!(page.people[0].note, "latest");
    assert_eq!(page.story.iter().filter(|item| item.text.starts_with("Your note “early”")).count(), 1);
    assert_eq!(page.notices.len(), 1);
}

#[wasm_bindgen_test]
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

#[wasm_bindgen_test]
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
        let anna = net.page(tab).people[0].clone();
        assert_eq!(anna.tags, ["Choir", "board"], "what was put on anew stays");
        assert!(anna.matches("choir") && !anna.matches("staff"));
    }
    assert!(net.page(TAB_A).notices.is_empty(), "tags are never lost");
}
