//! Two tabs at one relay, without a network: what they are told, and what their pages show.

#![cfg(target_arch = "wasm32")]

mod net;

use frontend::engine::session::{Action, NumberWish};
use frontend::view_model::{NumberState, Snapshot};
use net::{Net, TAB_A, TAB_B};
use shared::ledger::Wish;
use shared::schema;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn rename(net: &mut Net, tab: usize, name: &str) {
    let record = net.page(tab).people[0].id;
    net.act(tab, Action::Edit { record, field: schema::NAME, value: name.to_owned() });
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
    net.act(TAB_B, Action::Edit { record, field: schema::NOTE, value: "from Tver".to_owned() });
    net.join(TAB_B);
    for (tab, editor) in [(TAB_A, format!("tab {}", net.id(TAB_B))), (TAB_B, "this tab".to_owned())] {
        let page = net.page(tab);
        assert_eq!(names(&page), ["Anna"]);
        assert_eq!(page.people[0].note.shown, "from Tver");
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
