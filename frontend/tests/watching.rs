//! What the pages Nodes, Agreement and Merges show.

mod net;

use std::time::Duration;

use client::connection::ConnectionState;
use client::session::{Action, NumberOperation};
use frontend::view_model::LocalTime;
use frontend::view_model::agreement::{AgreementView, Kind, Stage};
use frontend::view_model::merges::{MergeFilter, MergesView};
use frontend::view_model::nodes::{NodesView, Part, Presence};
use net::{Net, TAB_A, TAB_B, TAB_C};
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::consensus::{Ballot, Slot, Votes};
use shared::ledger::{Accepted, Entry, Operation, Policy, Request, RequestId};
use shared::replica::io::Message;
use shared::replica::observation::Observation;
use shared::schema::FieldEdit;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const UTC: LocalTime = LocalTime { minutes_ahead_of_utc: 0 };
const TOLD: Duration = Duration::from_secs(2);

fn nodes(net: &Net, tab: usize) -> NodesView {
    let connection = ConnectionState::Connected { address: "localhost:5000".to_owned(), voter: RelayId(1) };
    NodesView::of(&net.session(tab), &connection, UTC)
}

fn agreement(net: &Net, tab: usize) -> AgreementView {
    AgreementView::of(&net.session(tab), UTC)
}

fn merges(net: &Net, tab: usize) -> MergesView {
    MergesView::of(&net.session(tab), MergeFilter::All, None, UTC)
}

fn record(net: &Net, tab: usize) -> RecordId {
    net.session(tab).view().records().next().expect("there is one").id
}

fn rename(net: &mut Net, tab: usize, name: &str) {
    let record = record(net, tab);
    net.act(
        tab,
        Action::Edit { record, field: "name".to_owned(), edit: FieldEdit::Assign(name.to_owned()), seen: None },
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_slot_says_what_was_asked_what_came_of_it_and_who_voted() {
    let mut net = Net::new();
    net.watch(TAB_B, true);
    net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
    net.pass(TOLD);
    let view = agreement(&net, TAB_B);
    let slot = &view.slots[0];
    assert_eq!((slot.kind, slot.command.as_str()), (Kind::Numbers, "Assign 42 to Anna"));
    assert_eq!(
        slot.result.as_ref().map(|result| (result.is_refused, result.text.as_str())),
        Some((false, "number 42"))
    );
    assert_eq!(slot.by.as_deref(), Some("tab aaaa"));
    assert_eq!(slot.votes_in_words, "1 of 1 votes: relay 1");
    assert!(slot.stage == Stage::Released && slot.votes.iter().all(|vote| vote.voted));
    assert_eq!((view.highest, view.in_flight, view.chosen), (42, 0, slot.slot.map_or(0, |slot| slot + 1)));
    assert_eq!(view.leader.as_deref(), Some("relay 1"));
    assert_eq!(
        agreement(&net, TAB_A).slots[0].votes_in_words,
        "Not told to this tab who has voted",
        "it does not watch"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_refused_operation_says_why() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
    net.part(TAB_B);
    net.add(TAB_B, "Bert", None);
    net.join(TAB_B);
    let bert = net.session(TAB_B).view().records().last().expect("added above").id;
    net.ask_at_relay(Operation::Assign { record: bert, number: 42 });
    let view = agreement(&net, TAB_B);
    let result = view.slots[0].result.as_ref().expect("it was refused");
    assert_eq!((result.is_refused, result.text.as_str()), (true, "42 is taken"));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_slot_that_waits_for_observers_is_chosen_and_not_released() {
    let mut net = Net::new();
    for tab in [TAB_A, TAB_B] {
        net.show(tab, false);
    }
    net.ask_at_relay(Operation::SetPolicy { policy: Policy { observers: 1, ..Policy::default() } });
    net.ask_at_relay(Operation::Raise { number: 7 });
    let view = agreement(&net, TAB_A);
    assert!(view.slots[0].stage == Stage::Chosen && view.released < view.chosen);
    net.show(TAB_B, true);
    let view = agreement(&net, TAB_A);
    assert!(view.slots[0].stage == Stage::Released && view.released == view.chosen);
    net.watch(TAB_A, true);
    net.show(TAB_A, true);
    net.pass(TOLD);
    assert!(nodes(&net, TAB_A).nodes.iter().any(|node| node.parts.contains(&Part::Observers)));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_relays_have_accepted_and_nobody_knows_to_be_decided_is_proposed_with_the_votes_for_its_highest_ballot() {
    let mut net = Net::new();
    net.watch(TAB_A, true);
    net.ask_at_relay(Operation::Raise { number: 7 });
    let next = net.session(TAB_A).view().log().decided();
    let ballot = |round| Ballot { configuration: 1, round, voter: RelayId(2) };
    let accepted = |round, number| {
        let id = RequestId { replica: net.id(TAB_B), seq: 1 };
        let request = Request { id, settled: 0, seen: Slot(0), after: None, operation: Operation::Raise { number } };
        Accepted { ballot: ballot(round), entry: Entry::Command(request) }
    };
    let votes = Votes { ballot: ballot(2), accepted: vec![(RelayId(1), next.plus(1))], next: next.plus(1) };
    let old = vec![(Slot(0), accepted(1, 6)), (next, accepted(1, 8))];
    for (by, undecided, votes) in [(3, old, None), (2, vec![(next, accepted(2, 9))], Some(votes))] {
        let (by, incarnation) = (RelayId(by), ReplicaId(u64::from(by)));
        let observation =
            Observation { by, incarnation, echo: None, is_recovering: false, votes, undecided, links: Vec::new() };
        net.tell(TAB_A, Message::Observed(observation));
    }
    let view = agreement(&net, TAB_A);
    let proposed: Vec<_> = view.slots.iter().filter(|item| item.stage == Stage::Proposed).collect();
    let [item] = &proposed[..] else { panic!("one: {proposed:?}") };
    assert_eq!((item.slot, item.ballot.as_str()), (Some(next.0), ballot(2).to_string().as_str()));
    assert_eq!((item.command.as_str(), item.by.as_deref()), ("Raise the highest number to 9", Some("tab bbbb")));
    assert_eq!(item.votes_in_words, "1 of 1 votes: relay 1");
    assert_eq!(view.in_flight, 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn without_a_majority_a_operation_waits_and_the_page_says_why() {
    assert_eq!(agreement(&Net::new(), TAB_A).missing, None);
    let mut net = Net::without_majority();
    net.act(TAB_A, Action::Raise { number: 7 });
    let view = agreement(&net, TAB_A);
    let item = &view.slots[0];
    assert_eq!((item.stage, item.slot, item.command.as_str()), (Stage::Asked, None, "Raise the highest number to 7"));
    assert_eq!(item.by.as_deref(), Some("this tab"));
    assert!(view.missing.is_some_and(|words| words.starts_with("A majority of the voters is missing: 1 of 3 are up.")));
    net.part(TAB_A);
    assert!(agreement(&net, TAB_A).missing.is_some_and(|words| words.starts_with("This tab sees no relay")));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_log_keeps_its_last_slots_only() {
    let mut net = Net::new();
    for number in 1..=400 {
        net.ask_at_relay(Operation::Raise { number });
    }
    let view = agreement(&net, TAB_A);
    assert_eq!(view.slots.len(), 300);
    assert_eq!(view.slots[0].slot, Some(view.chosen - 1));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_network_has_every_relay_and_tab_with_its_part() {
    let mut net = Net::new();
    net.watch(TAB_A, true);
    net.pass(TOLD);
    net.add(TAB_B, "Anna", None);
    net.pass(TOLD);
    let view = nodes(&net, TAB_A);
    let named: Vec<_> = view.nodes.iter().map(|node| (node.name.as_str(), node.presence)).collect();
    assert_eq!(named, [("Relay 1", Presence::Up), ("Tab aaaa", Presence::Up), ("Tab bbbb", Presence::Up)]);
    let [relay, mine, other] = &view.nodes[..] else { panic!("three, as above") };
    assert_eq!(relay.parts, [Part::Leads, Part::Votes]);
    assert_eq!(relay.incarnation.as_deref(), Some("0000000000000001"));
    assert_eq!(relay.round_trips, ["0.0 ms to this tab"]);
    assert_eq!((&mine.parts[..], &other.parts[..]), (&[Part::ThisTab][..], &[][..]));
    assert_eq!((relay.seen.as_str(), other.address.as_str()), ("now", "at relay 1"));
    assert!(view.moving.iter().any(|moving| Some(moving.from) == other.place && Some(moving.to) == relay.place));
    assert!(view.summary.starts_with("1 of 1 relays are up, with 2 tabs. Relay 1 leads, under ballot 0."));
}

#[wasm_bindgen_test(unsupported = test)]
fn messages_are_shown_to_move_a_few_at_a_time() {
    let mut net = Net::new();
    net.watch(TAB_A, true);
    for _ in 0..100 {
        net.add(TAB_B, "Anna", None);
        net.pass(Duration::from_millis(200));
    }
    assert_eq!(nodes(&net, TAB_A).moving.len(), 24);
    net.watch(TAB_A, false);
    assert!(nodes(&net, TAB_A).moving.is_empty(), "when the page is opened again, nothing old moves");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tab_that_is_offline_shows_itself_and_the_relays_that_it_knows_of() {
    let mut net = Net::new();
    net.part(TAB_A);
    let view = NodesView::of(&net.session(TAB_A), &ConnectionState::Offline, UTC);
    let named: Vec<_> = view.nodes.iter().map(|node| (node.name.as_str(), node.presence)).collect();
    assert_eq!(named, [("Relay 1", Presence::Unknown), ("Tab aaaa", Presence::Up)]);
    assert_eq!(view.summary, "This tab is offline by choice: it sees nobody until it is back.");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_merge_says_which_field_was_what_before_and_is_what_now() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    rename(&mut net, TAB_A, "Anya");
    let view = merges(&net, TAB_B);
    let [renamed, added] = &view.shown[..] else { panic!("two: {:?}", view.shown) };
    assert_eq!((added.change.as_str(), added.name.as_str(), added.by.as_str()), ("added", "Anna", "tab aaaa"));
    assert!(!renamed.is_concurrent && renamed.change == "edited");
    assert_eq!(renamed.fields[0].label, "Name");
    assert_eq!(
        (&renamed.fields[0].before[..], &renamed.fields[0].after[..]),
        (&["Anna".to_owned()][..], &["Anya".to_owned()][..])
    );
    assert_eq!(renamed.dot.as_deref(), Some("aaaa.2"));
    assert!(renamed.stamp.as_ref().is_some_and(|stamp| stamp.starts_with("22:13:2")), "{:?}", renamed.stamp);
    assert!(merges(&net, TAB_A).shown.is_empty(), "what this tab writes is no merge here");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_concurrent_rename_is_shown_as_such_with_both_names() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.part(TAB_B);
    rename(&mut net, TAB_A, "Anya");
    rename(&mut net, TAB_B, "Annie");
    net.join(TAB_B);
    for (tab, own) in [(TAB_A, "Anya"), (TAB_B, "Annie")] {
        let merge = &merges(&net, tab).shown[0];
        assert!(merge.is_concurrent, "{merge:?}");
        assert_eq!(merge.fields[0].before, [own]);
        let mut after = merge.fields[0].after.clone();
        after.sort();
        assert_eq!(after, ["Annie", "Anya"]);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_note_that_gave_way_is_told() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.part(TAB_B);
    let record = record(&net, TAB_A);
    for (tab, note) in [(TAB_A, "early"), (TAB_B, "late")] {
        let edit = FieldEdit::Assign(note.to_owned());
        net.act(tab, Action::Edit { record, field: "note".to_owned(), edit, seen: None });
    }
    net.join(TAB_B);
    let merge = &merges(&net, TAB_A).shown[0];
    assert_eq!((merge.fields[0].label.as_str(), merge.fields[0].lost.as_deref()), ("Note", Some("early")));
    assert_eq!(merge.fields[0].after, ["late"]);
}

#[wasm_bindgen_test(unsupported = test)]
fn while_paused_merges_wait_and_a_step_shows_one() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    let before = merges(&net, TAB_B);
    let paused = Some(before.latest);
    for name in ["Bert", "Cem", "Dora"] {
        net.add(TAB_A, name, None);
    }
    let view = |pause, filter| MergesView::of(&net.session(TAB_B), filter, pause, UTC);
    let waiting = view(paused, MergeFilter::All);
    assert_eq!((waiting.shown.len(), waiting.waiting), (1, 3));
    let stepped = view(waiting.next, MergeFilter::All);
    assert_eq!((stepped.shown[0].name.as_str(), stepped.waiting), ("Bert", 2));
    assert_eq!(view(None, MergeFilter::All).shown.len(), 4);
    assert_eq!(view(None, MergeFilter::Concurrent).shown.len(), 0);
    assert_eq!(view(None, MergeFilter::Added).shown.len(), 4);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_comes_with_the_first_load_is_no_merge() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    net.join(TAB_C);
    assert!(merges(&net, TAB_C).shown.is_empty());
    rename(&mut net, TAB_A, "Anya");
    assert_eq!(merges(&net, TAB_C).shown.len(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_feed_of_merges_is_bounded() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", None);
    let paused = Some(merges(&net, TAB_B).latest);
    for turn in 0..400 {
        rename(&mut net, TAB_A, &turn.to_string());
    }
    let view = MergesView::of(&net.session(TAB_B), MergeFilter::All, paused, UTC);
    assert_eq!((view.shown.len(), view.waiting), (0, 300));
    assert_eq!(merges(&net, TAB_B).shown.len(), 100);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_tab_does_not_remember_is_not_told_to_be_refused() {
    let mut net = Net::new();
    net.add(TAB_A, "Anna", Some(NumberOperation::This(42)));
    for number in 43..60 {
        net.act(TAB_A, Action::Raise { number });
    }
    net.join(TAB_C);
    let view = agreement(&net, TAB_C);
    let results = || view.slots.iter().filter_map(|slot| slot.result.as_ref());
    assert!(view.slots.len() > 10, "{} slots", view.slots.len());
    assert!(results().all(|result| !result.is_refused), "{:?}", results().collect::<Vec<_>>());
    assert!(results().any(|result| result.text == "number 42"), "the ledger has the number still");
}
