//! Clocks that are wrong: they cost nobody else anything, and their own users no work.

use std::time::Duration;

use shared::base::hlc::MAX_DRIFT_MS;
use shared::base::id::ReplicaId;
use shared::replica::io::Violation;

use super::room::Room;
use super::{ELECTION, two_tabs};

const TWO_HOURS_MS: u64 = 2 * MAX_DRIFT_MS;
const TEN_YEARS_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;

#[test]
fn an_edit_by_a_relay_whose_clock_is_ahead_locks_nobody_out() {
    let (mut room, one, two) = two_tabs();
    let anna = room.add(one, "Anna", "");
    room.set_clock_ahead(2, TWO_HOURS_MS);
    room.edit(2, anna, "note", "from the future");
    room.edit(one, anna, "name", "Anya");
    let bert = room.add(two, "Bert", "");
    room.edit(two, anna, "note", "from today");
    assert_eq!(room.cut, []);
    for node in [0, 1, one, two] {
        assert_eq!(room.values(node, anna, "name"), ["Anya"], "at node {node}");
        assert_eq!(room.values(node, anna, "note"), ["from today"], "whoever has read it may write over it");
        assert_eq!(room.values(node, bert, "name"), ["Bert"]);
    }
}

#[test]
fn a_tab_that_comes_after_an_edit_by_a_relay_whose_clock_is_ahead_is_not_refused() {
    let mut room = Room::new(3, 3);
    let (one, two, fresh) = (3, 4, 5);
    room.connect(one, 0);
    room.connect(two, 1);
    let anna = room.add(one, "Anna", "");
    room.set_clock_ahead(2, TWO_HOURS_MS);
    room.edit(2, anna, "note", "from the future");
    for relay in [0, 1] {
        room.connect(fresh, relay);
        let bert = room.add(fresh, "Bert", "");
        room.edit(fresh, anna, "note", "from today");
        assert_eq!(room.cut, [], "at relay {relay}");
        for node in [0, 1, 2, one, two] {
            assert_eq!(room.values(node, anna, "note"), ["from today"], "at node {node}");
            assert_eq!(room.values(node, bert, "name"), ["Bert"], "at node {node}");
        }
        room.disconnect(fresh);
        room.restart(fresh);
    }
}

#[test]
fn what_a_relay_stamped_while_its_clock_was_wrong_wins_no_more_once_it_is_right() {
    // More records than a relay looks through in one step.
    const PEOPLE: usize = 300;
    for is_restarted in [false, true] {
        let (mut room, one, two) = two_tabs();
        let people: Vec<_> = (0..PEOPLE).map(|_| room.add(one, "Anna", "")).collect();
        room.disconnect(two);
        room.set_clock_ahead(2, TWO_HOURS_MS);
        people.iter().for_each(|&anna| room.edit(2, anna, "note", "from the future"));
        room.set_clock_ahead(2, 0);
        if is_restarted {
            room.restart(2);
            (0..2).for_each(|other| room.connect(2, other));
            room.pass(ELECTION);
        }
        let edits = |room: &Room| room.replica(2).view().document().context().highest(ReplicaId(3));
        let before = edits(&room);
        room.confirm_clock(2);
        room.pass(Duration::from_millis(1));
        assert_eq!(edits(&room) - before, PEOPLE as u64, "one edit for each record");

        people.iter().for_each(|&anna| room.edit(two, anna, "note", "from today"));
        room.connect(two, 1);
        for node in [0, 1, 2, one, two] {
            let read = people.iter().map(|&anna| room.values(node, anna, "note"));
            assert!(read.into_iter().all(|note| note == ["from today"]), "at node {node}");
        }
        assert_eq!(room.cut, []);
        let before = edits(&room);
        room.confirm_clock(2);
        room.pass(Duration::from_millis(1));
        assert_eq!(edits(&room), before, "there is nothing to be done again");
    }
}

#[test]
fn what_a_tab_did_while_its_clock_was_wrong_is_taken_once_it_is_right() {
    for is_reloaded in [false, true] {
        let (mut room, one, two) = two_tabs();
        let anna = room.add(one, "Anna", "");
        room.disconnect(one);
        room.set_clock_ahead(one, TEN_YEARS_MS);
        room.edit(one, anna, "note", "written in mid-air");
        let bert = room.add(one, "Bert", "likes tea");
        room.connect(one, 0);
        assert!(matches!(room.cut[..], [(0, Violation::Clock(ahead)), ..] if ahead.ahead_ms == TEN_YEARS_MS));
        assert_eq!(room.values(0, anna, "note"), [""], "no relay takes it");
        room.cut.clear();

        room.set_clock_ahead(one, 0);
        if is_reloaded {
            room.restart(one);
        } else {
            room.disconnect(one);
        }
        room.connect(one, 0);
        assert_eq!(room.cut, []);
        room.edit(two, bert, "note", "likes coffee");
        for node in [0, one, two] {
            assert_eq!(room.values(node, anna, "note"), ["written in mid-air"], "at node {node}");
            assert_eq!(room.values(node, bert, "note"), ["likes coffee"], "and the next one may write over it");
        }
    }
}

#[test]
fn a_neighbour_whose_clock_is_wrong_does_not_get_the_other_tabs_refused() {
    let (mut room, one, two) = two_tabs();
    room.disconnect(one);
    room.set_clock_ahead(one, TEN_YEARS_MS);
    room.connect(one, two);
    let anna = room.add(one, "Anna", "from the future");
    room.edit(two, anna, "note", "from today");
    let bert = room.add(two, "Bert", "");
    assert_eq!(room.cut, []);
    assert_eq!(room.values(0, bert, "name"), ["Bert"]);
}

#[test]
fn what_was_stamped_far_ahead_is_written_again_though_others_have_edited_the_record_since() {
    let (mut room, one, two) = two_tabs();
    room.disconnect(one);
    room.disconnect(two);
    room.connect(one, two);
    room.set_clock_ahead(one, 2 * MAX_DRIFT_MS);
    let anna = room.add(one, "Anna", "written in mid-air");
    room.edit(two, anna, "name", "Anya");
    room.set_clock_ahead(one, 0);
    room.restart(one);
    room.connect(one, 0);
    room.edit(one, anna, "name", "Anja");
    assert_eq!(room.cut, []);
    assert_eq!(room.values(0, anna, "note"), ["written in mid-air"]);
}
