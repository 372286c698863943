//! Clocks that are wrong: they cost nobody else anything, and their own users no work.

use super::two_tabs;
use shared::hlc::MAX_DRIFT_MS;
use shared::io::Violation;

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
