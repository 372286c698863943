//! Numbers that tabs give by themselves, what becomes of them, and who decides how: two tabs at one relay.

mod net;

use client::session::{Action, NumberOperation};
use frontend::view_model::{ConflictState, LoadChart, NumberState, PageState, TableRow};
use net::{Net, TAB_A, TAB_B};
use shared::ledger::{Dynamic, Level, Load, OnCollision, Operation, Reason, Resolution, Rule};
use shared::replica::io::Now;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn row(page: &PageState, name: &str) -> TableRow {
    let row = page.rows.iter().find(|row| row.called == name);
    (**row.unwrap_or_else(|| panic!("{name} is on the page"))).clone()
}

fn number(page: &PageState, name: &str) -> (NumberState, String) {
    let number = row(page, name).number;
    (number.state, number.text)
}

fn remark(page: &PageState, name: &str) -> String {
    row(page, name).number.remark.unwrap_or_default()
}

fn is(state: NumberState, digits: &str) -> (NumberState, String) {
    (state, digits.to_owned())
}

fn told(page: &PageState, words: &str) -> bool {
    page.story.iter().any(|item| item.text.contains(words))
}

fn take_level(net: &mut Net, level: Level, reason: Reason) {
    net.ask(TAB_A, Operation::SetMode { from: None, level, reason, load: Load::default() });
}

/// Anna in one tab and Boris in the other were given 42 while both were offline; then both came back.
fn collide(net: &mut Net) {
    [TAB_A, TAB_B].into_iter().for_each(|tab| net.part(tab));
    net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
    net.add(TAB_B, "Boris", Some(NumberOperation::This(42)));
    [TAB_A, TAB_B].into_iter().for_each(|tab| net.join(tab));
}

fn resolve(net: &mut Net, resolution: Resolution) {
    let conflict = net.page(TAB_B).conflicts[0].id;
    net.act(TAB_B, Action::Resolve { conflict, resolution });
}

#[wasm_bindgen_test(unsupported = test)]
fn a_number_given_offline_is_provisional_at_once_and_final_when_the_tab_is_back() {
    let mut net = Net::new();
    net.part(TAB_A);
    net.add(TAB_A, "Anna", Some(NumberOperation::Next));
    let page = net.page(TAB_A);
    assert_eq!(number(&page, "Anna"), is(NumberState::Provisional, "1"));
    assert_eq!(remark(&page, "Anna"), "the relays decide when they can be reached");
    assert_eq!(
        page.status.parts,
        ["Offline, kept in this tab only: 2 edits", "new numbers are provisional"],
        "the number is an edit"
    );
    assert!(told(&page, "Anna has number 1 for now: the relays have not been asked."), "{:?}", page.story);
    assert_eq!((page.dynamic.unsettled, page.at_risk), (1, true));
    net.join(TAB_A);
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!(number(&page, "Anna"), is(NumberState::Final, "1"));
        assert!(told(&page, "1 provisional number is final now"), "{:?}", page.story);
        assert_eq!((page.dynamic.unsettled, page.open_conflicts()), (0, 0));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_provisional_number_can_be_taken_back_before_anybody_decides() {
    let mut net = Net::new();
    net.part(TAB_A);
    net.add(TAB_A, "Anna", Some(NumberOperation::This(7)));
    let record = row(&net.page(TAB_A), "Anna").id;
    net.act(TAB_A, Action::Free { record });
    assert_eq!(number(&net.page(TAB_A), "Anna"), is(NumberState::None, ""));
    net.join(TAB_A);
    assert_eq!(number(&net.page(TAB_B), "Anna"), is(NumberState::None, ""));
    assert_eq!(net.page(TAB_B).highest, 0);
}

#[wasm_bindgen_test(unsupported = test)]
fn of_two_who_gave_one_number_offline_the_first_keeps_it_and_the_other_says_what_happened() {
    let mut net = Net::new();
    collide(&mut net);
    for (tab, loser) in [(TAB_A, "Boris"), (TAB_B, "Yours")] {
        let page = net.page(tab);
        assert_eq!(number(&page, "Anna"), is(NumberState::Final, "42"));
        assert_eq!(number(&page, "Boris"), is(NumberState::Renumbered, "43"));
        let remark = remark(&page, "Boris");
        assert!(remark.starts_with("Number 42 went to Anna (relay 1, slot "), "{remark}");
        assert!(remark.ends_with(&format!("). {loser} became 43.")), "{remark}");
        assert_eq!(page.open_conflicts(), 1);
        let item = &page.conflicts[0];
        assert_eq!((item.loser.as_str(), item.wanted, item.given), ("Boris", 42, Some(43)));
        assert_eq!((item.winner.as_deref(), item.state), (Some("Anna"), ConflictState::Open { undoable: true }));
        assert!(item.matches("anna") && item.matches("43") && !item.matches("cem"));
    }
    assert!(net.page(TAB_A).notices.is_empty(), "the winner need not be told aloud");
    let page = net.page(TAB_B);
    assert_eq!(page.notices[0].text, remark(&page, "Boris"), "the loser is told the same aloud");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_conflict_that_is_undone_frees_the_number_that_was_given_instead() {
    let mut net = Net::new();
    collide(&mut net);
    resolve(&mut net, Resolution::Undone);
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!(number(&page, "Boris"), is(NumberState::None, ""));
        assert_eq!((page.conflicts[0].state, page.open_conflicts()), (ConflictState::Undone, 0));
        assert!(told(&page, "Undone: number 43 of Boris is free again"), "{:?}", page.story);
    }
    let record = row(&net.page(TAB_A), "Anna").id;
    net.act(TAB_A, Action::Free { record });
    net.act(TAB_A, Action::Number { record, number: NumberOperation::This(43) });
    assert_eq!(number(&net.page(TAB_B), "Anna"), is(NumberState::Final, "43"), "anybody can have it");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_conflict_that_is_kept_leaves_a_final_number() {
    let mut net = Net::new();
    collide(&mut net);
    resolve(&mut net, Resolution::Kept);
    for tab in [TAB_A, TAB_B] {
        let page = net.page(tab);
        assert_eq!(number(&page, "Boris"), is(NumberState::Final, "43"));
        assert_eq!((remark(&page, "Boris").as_str(), page.conflicts[0].state), ("", ConflictState::Kept));
        assert!(told(&page, "Boris keeps 43 in place of 42"), "{:?}", page.story);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_loser_is_rejected_where_the_settings_say_so_and_can_ask_again() {
    let mut net = Net::new();
    let dynamic = Dynamic { on_collision: OnCollision::Reject, ..Dynamic::default() };
    net.act(TAB_A, Action::SetDynamic(dynamic));
    assert!(told(&net.page(TAB_B), "New settings of the dynamic method: load decides, step by step"));
    collide(&mut net);
    let page = net.page(TAB_B);
    assert_eq!(number(&page, "Boris"), is(NumberState::Rejected, "42"));
    assert!(remark(&page, "Boris").ends_with("Yours was rejected: ask for another number."));
    assert_eq!(page.conflicts[0].state, ConflictState::Open { undoable: false });
    let record = row(&page, "Boris").id;
    net.act(TAB_B, Action::Number { record, number: NumberOperation::Next });
    assert_eq!(number(&net.page(TAB_A), "Boris"), is(NumberState::Final, "43"));
    assert_eq!(net.page(TAB_A).open_conflicts(), 1, "until somebody has seen it");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_refused_to_a_closed_tab_is_told_by_the_page_that_looks_after_it() {
    for is_looked_after in [false, true] {
        let mut net = Net::new();
        net.part(TAB_B);
        net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
        net.add(TAB_B, "Boris", Some(NumberOperation::This(42)));
        let closed = net.id(TAB_B);
        if is_looked_after {
            net.drive(TAB_A, |session, _| {
                session.look_after(closed);
                (Vec::new(), None)
            });
        }
        net.join(TAB_B);
        let told = net.page(TAB_A).notices.iter().any(|notice| notice.text.contains("Boris"));
        assert_eq!(told, is_looked_after);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn numbers_taken_along_are_final_at_once_also_offline() {
    let mut net = Net::new();
    net.act(TAB_A, Action::Lease { count: 10 });
    let page = net.page(TAB_B);
    let lease = &page.dynamic.leases[0];
    assert_eq!((lease.is_this, lease.ranges.as_str(), lease.count), (false, "1 to 10", 10));
    assert_eq!(net.page(TAB_A).dynamic.left, 10);
    net.part(TAB_A);
    net.add(TAB_A, "Anna", Some(NumberOperation::Next));
    let page = net.page(TAB_A);
    assert_eq!(number(&page, "Anna"), is(NumberState::Leased, "1"));
    assert_eq!(NumberState::Leased.word(), "final, from this tab's lease");
    assert_eq!(page.status.parts[1], "9 numbers left in this tab's lease");
    let alone = page.dynamic.alone.clone().expect("it reaches no majority");
    assert!(alone.contains("the next 9 numbers are final"), "{alone}");
    assert!(told(&page, "Number 1 went to Anna, out of this tab's lease: it is final."));
    net.join(TAB_A);
    assert_eq!(number(&net.page(TAB_B), "Anna"), is(NumberState::Final, "1"));
    assert_eq!(net.page(TAB_A).dynamic.alone, None);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_level_taken_by_hand_makes_numbers_provisional_until_load_decides_again() {
    let mut net = Net::new();
    assert_eq!(net.page(TAB_B).dynamic.why, "It has been so since the room was founded.");
    take_level(&mut net, Level::Provisional, Reason::ByHand);
    net.add(TAB_B, "Boris", Some(NumberOperation::This(7)));
    let page = net.page(TAB_B);
    assert_eq!(
        (page.dynamic.mode.as_str(), page.dynamic.level, page.dynamic.by_hand),
        ("CRDT only", Level::Provisional, true)
    );
    assert!(
        page.dynamic.why.contains("by hand") && page.dynamic.why.contains("Epoch 1 began at relay 1, slot "),
        "{page:?}"
    );
    assert_eq!(page.status.parts[0], "CRDT only: new numbers are provisional");
    assert_eq!(number(&page, "Boris").0, NumberState::Provisional);
    assert_eq!(remark(&page, "Boris"), "the relays decide when there is less to do");
    assert!(told(&page, "New numbers are provisional until there is less to do, since somebody wanted it so"));
    take_level(&mut net, Level::Batching, Reason::ByHand);
    take_level(&mut net, Level::Batching, Reason::Resumed);
    let page = net.page(TAB_B);
    assert_eq!((page.dynamic.mode.as_str(), page.dynamic.by_hand), ("Hybrid", false));
    assert_eq!(number(&page, "Boris").0, NumberState::Final);
}

#[wasm_bindgen_test(unsupported = test)]
fn no_numbers_are_given_while_provisional_ones_are_shed_and_the_reason_is_told() {
    let mut net = Net::new();
    let dynamic = Dynamic { rule: Rule::Hand, ..Dynamic::default() };
    net.act(TAB_A, Action::SetDynamic(dynamic));
    take_level(&mut net, Level::Shedding, Reason::ByHand);
    net.add(TAB_B, "Boris", Some(NumberOperation::Next));
    let page = net.page(TAB_B);
    assert_eq!(number(&page, "Boris").0, NumberState::None);
    assert!(page.notices[0].text.contains("no more are given until then"), "{:?}", page.notices);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_the_leader_measures_is_in_the_chart_and_in_the_status_line() {
    let mut net = Net::new();
    for name in ["Anna", "Boris", "Cem"] {
        net.add(TAB_A, name, Some(NumberOperation::Next));
    }
    net.let_a_window_pass();
    let page = net.page(TAB_B);
    assert_eq!(page.status.parts[3], "3 requests/s of 50");
    let chart = LoadChart::of(&page.load, page.dynamic.threshold, later(net.now()));
    let requests: f64 = chart.seconds.iter().sum();
    assert!((requests - 3.0).abs() < 0.01, "{requests}");
    assert_eq!(chart.bands.last().map(|band| band.level), Some(Level::Batching));
}

/// When the second is over in which something was measured.
fn later(now: Now) -> std::time::Duration {
    now.monotonic + std::time::Duration::from_secs(1)
}
