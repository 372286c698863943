//! Scenes between the tabs of one browser, with and without a relay.

use std::time::Duration;

use shared::base::encoding;
use shared::base::id::RecordId;
use shared::consensus::Slot;
use shared::replica::Tuning;
use shared::replica::io::{Command, Message, Violation};

use crate::room::{Node, Room, Setup};

const ELECTION: Duration = Duration::from_secs(3);
const RELAY: Node = 0;
const ANNES: Node = 1;
const BERTS: Node = 2;
const CEMS: Node = 3;

/// A relay, and three tabs of one browser that are linked to one another and not to the relay.
fn three_neighbours() -> Room {
    let mut room = Room::new(1, 3);
    room.pass(ELECTION);
    for (a, b) in [(ANNES, BERTS), (BERTS, CEMS), (CEMS, ANNES)] {
        room.connect(a, b);
    }
    room
}

fn all_are_equal(room: &Room) {
    let document = room.replica(RELAY).view().document();
    for tab in [ANNES, BERTS, CEMS] {
        assert!(room.replica(tab).view().document() == document, "node {tab} differs from the relay");
        assert_eq!(room.replica(tab).view().unsaved_edits(), 0, "node {tab}");
    }
}

#[test]
fn without_a_relay_neighbours_merge_and_each_hears_of_an_edit_once() {
    let mut room = three_neighbours();
    let anna = room.add(ANNES, "Anna", "");
    room.edit(BERTS, anna, "note", "likes tea");
    for tab in [ANNES, BERTS, CEMS] {
        assert_eq!(room.values(tab, anna, "name"), ["Anna"], "node {tab}");
        assert_eq!(room.values(tab, anna, "note"), ["likes tea"], "node {tab}");
    }
    assert_eq!([ANNES, BERTS, CEMS].map(|tab| room.events[tab].len()), [1, 1, 2]);
    assert_eq!(room.replica(ANNES).view().unsaved_edits(), 1, "no neighbour makes it safe");
}

#[test]
fn concurrent_names_of_neighbours_stand_side_by_side() {
    let mut room = three_neighbours();
    let anna = room.add(ANNES, "Anna", "");
    room.disconnect(BERTS);
    room.edit(ANNES, anna, "name", "Anya");
    room.edit(BERTS, anna, "name", "Annie");
    room.connect(BERTS, CEMS);
    assert_eq!(room.values(CEMS, anna, "name").len(), 2);
    room.connect(BERTS, ANNES);
    assert_eq!(room.values(ANNES, anna, "name"), room.values(BERTS, anna, "name"));
}

#[test]
fn when_the_relay_is_back_everything_arrives_once_whoever_comes_first() {
    for order in [[ANNES, BERTS, CEMS], [CEMS, BERTS, ANNES], [BERTS, ANNES, CEMS]] {
        let mut room = three_neighbours();
        let anna = room.add(ANNES, "Anna", "");
        room.edit(BERTS, anna, "note", "likes tea");
        room.edit(CEMS, anna, "name", "Anya");
        let bert = room.add(BERTS, "Bert", "");
        room.command(ANNES, Command::Remove { record: bert });
        for tab in order {
            room.connect(tab, RELAY);
        }
        assert_eq!(room.values(RELAY, anna, "name"), ["Anya"], "{order:?}");
        assert_eq!(room.values(RELAY, anna, "note"), ["likes tea"], "{order:?}");
        assert!(room.record(RELAY, bert).is_none(), "{order:?}");
        assert_eq!(room.replica(RELAY).view().records().count(), 1, "{order:?}");
        assert_eq!(room.cut, [], "{order:?}");
        all_are_equal(&room);
    }
}

/// A record that the relay has, and a neighbour's edit of it that has superseded that and is not known there.
fn edited_by_a_neighbour() -> (Room, RecordId) {
    let mut room = three_neighbours();
    room.connect(ANNES, RELAY);
    let anna = room.add(ANNES, "Anna", "");
    room.disconnect(ANNES);
    room.connect(ANNES, BERTS);
    room.edit(BERTS, anna, "name", "Anya");
    (room, anna)
}

#[test]
fn a_relay_keeps_what_was_edited_by_a_tab_that_never_comes_back() {
    let (mut room, anna) = edited_by_a_neighbour();
    room.disconnect(BERTS);
    room.connect(ANNES, RELAY);
    room.connect(CEMS, RELAY);
    assert_eq!(room.values(RELAY, anna, "name"), ["Anna"]);
    assert_eq!(room.values(ANNES, anna, "name"), ["Anya"], "who has heard of the edit goes on with it");
    // Whoever writes on top of it carries it to the relay.
    room.edit(ANNES, anna, "note", "likes tea");
    assert_eq!(room.values(RELAY, anna, "name"), ["Anya"]);
    room.connect(BERTS, RELAY);
    assert_eq!(room.values(RELAY, anna, "note"), ["likes tea"]);
    all_are_equal(&room);
}

#[test]
fn an_own_record_that_a_neighbour_has_edited_is_not_told_to_be_dead() {
    let mut room = three_neighbours();
    let anna = room.add(ANNES, "Anna", "");
    room.edit(BERTS, anna, "name", "Anya");
    room.disconnect(BERTS);
    room.connect(ANNES, RELAY);
    assert_eq!(room.values(RELAY, anna, "name"), ["Anya"], "with the neighbour's edit, who may never come back");
    assert_eq!(room.replica(ANNES).view().unsaved_edits(), 0);
    room.connect(BERTS, RELAY);
    room.connect(CEMS, RELAY);
    assert_eq!(room.values(RELAY, anna, "name"), ["Anya"]);
    all_are_equal(&room);
}

#[test]
fn a_removal_goes_to_the_relay_also_if_it_removes_what_only_a_neighbour_wrote() {
    let (mut room, anna) = edited_by_a_neighbour();
    room.command(ANNES, Command::Remove { record: anna });
    room.disconnect(BERTS);
    room.connect(ANNES, RELAY);
    assert!(room.record(RELAY, anna).is_none(), "the removal has arrived");
    room.connect(BERTS, RELAY);
    room.connect(CEMS, RELAY);
    assert!(room.record(RELAY, anna).is_none(), "and stands");
    all_are_equal(&room);
}

/// A relay has a record with the number of a tab that is away, from a neighbour who has edited it since.
fn numbered_by_a_neighbour() -> (Room, RecordId) {
    let mut room = three_neighbours();
    let anna = room.add(ANNES, "Anna", "");
    room.command(BERTS, Command::Number { record: anna, number: Some(7) });
    room.edit(ANNES, anna, "note", "likes tea");
    room.disconnect(BERTS);
    room.connect(ANNES, RELAY);
    assert_eq!(room.cut, []);
    (room, anna)
}

/// A relay takes the record, and settles the number when the neighbour has confirmed it.
#[test]
fn a_neighbours_number_is_settled_when_that_neighbour_confirms_it() {
    let (mut room, anna) = numbered_by_a_neighbour();
    room.pass(ELECTION);
    assert_eq!(room.values(RELAY, anna, "note"), ["likes tea"]);
    assert_eq!(room.replica(RELAY).view().ledger().number_of(anna), None, "nobody has confirmed it");
    room.connect(BERTS, RELAY);
    room.connect(CEMS, RELAY);
    room.pass(ELECTION);
    assert_eq!(room.cut, []);
    assert_eq!(room.values(RELAY, anna, "note"), ["likes tea"]);
    assert_eq!(room.replica(RELAY).view().ledger().number_of(anna).map(|numbered| numbered.number), Some(7));
    all_are_equal(&room);
}

#[test]
fn a_neighbours_number_is_settled_all_the_same_if_that_neighbour_never_comes() {
    let (mut room, anna) = numbered_by_a_neighbour();
    room.pass(Duration::from_secs(20));
    assert_eq!(room.cut, []);
    assert_eq!(room.replica(RELAY).view().ledger().number_of(anna).map(|numbered| numbered.number), Some(7));
}

/// Each of them has heard of the other's edit, which the relay has from neither.
#[test]
fn two_neighbours_bring_one_number_of_a_third() {
    let mut room = three_neighbours();
    let anna = room.add(ANNES, "Anna", "");
    room.command(CEMS, Command::Number { record: anna, number: Some(7) });
    room.disconnect(BERTS);
    room.edit(ANNES, anna, "note", "likes tea");
    room.edit(BERTS, anna, "name", "Anya");
    [ANNES, CEMS].into_iter().for_each(|other| room.connect(BERTS, other));
    [ANNES, BERTS, CEMS].into_iter().for_each(|tab| room.connect(tab, RELAY));
    room.pass(ELECTION);
    assert_eq!(room.cut, []);
    assert_eq!(
        (room.values(RELAY, anna, "name"), room.values(RELAY, anna, "note")),
        (vec!["Anya".to_owned()], vec!["likes tea".to_owned()])
    );
    all_are_equal(&room);
}

#[test]
fn a_fresh_tab_learns_final_numbers_from_its_neighbour() {
    for log_kept in [4096, 2] {
        let tuning = Tuning { log_kept, ..Tuning::default() };
        let mut room = Room::with(Setup { voters: 1, relays: 1, tabs: 3, tuning });
        room.pass(ELECTION);
        for name in ["Anna", "Bert", "Cem", "Dora", "Emil", "Fritz", "Gerd"] {
            let record = room.add(RELAY, name, "");
            room.command(RELAY, Command::Number { record, number: None });
            room.pass(ELECTION);
        }
        room.connect(ANNES, RELAY);
        let begins_late = room.replica(ANNES).view().log().start().slot > Slot(0);
        assert_eq!(begins_late, log_kept == 2, "the log came as a snapshot if it was short");
        room.disconnect(ANNES);
        room.connect(BERTS, ANNES);
        let ledger = |node: Node| encoding::encode(room.replica(node).view().ledger());
        assert_eq!(room.replica(BERTS).view().ledger().highest(), 7);
        assert!(ledger(BERTS) == ledger(RELAY), "the ledgers are the same");
    }
}

#[test]
fn what_a_tab_hears_from_its_relay_it_passes_on_to_neighbours_without_one() {
    let mut room = three_neighbours();
    room.connect(ANNES, RELAY);
    let anna = room.add(RELAY, "Anna", "");
    room.command(RELAY, Command::Number { record: anna, number: None });
    for tab in [BERTS, CEMS] {
        assert_eq!(room.values(tab, anna, "name"), ["Anna"]);
        assert_eq!(room.replica(tab).view().ledger().highest(), 1);
    }
}

#[test]
fn a_tab_takes_votes_and_requests_from_no_neighbour() {
    let mut room = three_neighbours();
    room.forge(ANNES, BERTS, Message::Released { until: Slot(9) });
    let observer = Message::Observer { tab: room_id(ANNES), until: Some(Slot(1)), durable: true };
    room.forge(ANNES, CEMS, observer);
    assert_eq!(room.cut, [(BERTS, Violation::NotForTabs), (CEMS, Violation::NotForTabs)]);
}

/// See [`Room::apart`].
fn room_id(tab: Node) -> shared::base::id::ReplicaId {
    shared::base::id::ReplicaId(100 + tab as u64 - 1)
}
