//! Numbers that a tab brings under edits of others.

use std::time::Duration;

use super::{delta_of, with_number};
use crate::room::{Node, Room, Setup};
use shared::base::dot::Dot;
use shared::base::id::{RecordId, ReplicaId};
use shared::ledger::{Level, Load, Operation, Reason};
use shared::replica::Tuning;
use shared::replica::io::{Command, Violation};

const RELAY: Node = 0;
const LESSEE: Node = 3;
const ATTACKER: Node = 4;
const SETTLED: Duration = Duration::from_secs(4);

/// Three relays and two tabs, of which one has leased numbers and is offline, so that it gives them by itself.
fn leased() -> (Room, RecordId) {
    let mut room = Room::new(3, 2);
    room.pass(SETTLED);
    room.connect(LESSEE, RELAY);
    room.connect(ATTACKER, RELAY);
    let anna = room.add(LESSEE, "Anna", "");
    room.command(LESSEE, Command::Lease { count: 5 });
    room.pass(SETTLED);
    assert_eq!(room.replica(LESSEE).view().leased(), 5);
    (room, anna)
}

fn id_of(room: &Room, node: Node) -> ReplicaId {
    room.replica(node).view().me()
}

fn number_of(room: &Room, record: RecordId) -> Option<u64> {
    room.replica(RELAY).view().ledger().number_of(record).map(|numbered| numbered.number)
}

/// The attacker puts the first leased number into a record of its own, under an edit that the lessee made.
fn forge(room: &mut Room, lessees_edit: Dot, number: &str) -> RecordId {
    let own = Dot::new(id_of(room, ATTACKER), 1);
    room.forge(ATTACKER, RELAY, delta_of(&[with_number(own, lessees_edit, number)]));
    RecordId(own)
}

#[test]
fn a_leased_number_cannot_be_taken_under_an_old_edit_of_the_lessee() {
    let (mut room, anna) = leased();
    let eve = forge(&mut room, anna.0, "1 0 leased");
    room.pass(SETTLED);
    assert_eq!(room.cut, []);
    assert_eq!(number_of(&room, eve), None, "nobody has confirmed it");
    assert_eq!(room.record(LESSEE, eve).expect("it was merged").number.leased, None, "nor does the lessee show it");
    room.disconnect(LESSEE);
    room.command(LESSEE, Command::Number { record: anna, number: None });
    assert!(room.record(LESSEE, anna).expect("she is there").number.leased.is_some(), "it is final at once");
    room.connect(LESSEE, 1);
    room.pass(SETTLED);
    assert_eq!((number_of(&room, anna), number_of(&room, eve)), (Some(1), None));
    assert_eq!(room.replica(RELAY).view().ledger().conflicts().count(), 0);
}

/// The lessee itself edits the forged record: that confirms nothing.
#[test]
fn who_edits_a_record_with_a_forged_number_does_not_confirm_it() {
    let (mut room, anna) = leased();
    let eve = forge(&mut room, anna.0, "1 0 leased");
    room.edit(LESSEE, eve, "note", "who is this?");
    room.disconnect(LESSEE);
    room.edit(LESSEE, eve, "note", "really?");
    room.connect(LESSEE, 2);
    room.pass(SETTLED);
    assert_eq!((room.values(2, eve, "note"), number_of(&room, eve)), (vec!["really?".to_owned()], None));
}

/// The forged number stands under the very edit that the lessee makes next, in the same record.
#[test]
fn an_edit_that_gives_no_number_confirms_none_that_was_forged_under_it() {
    for is_sent_live in [true, false] {
        let (mut room, anna) = leased();
        room.disconnect(LESSEE);
        room.connect(LESSEE, 1);
        let next = Dot::new(id_of(&room, LESSEE), anna.0.counter() + 1);
        let eve = forge(&mut room, next, "1 0 leased");
        room.pass(SETTLED);
        if is_sent_live {
            room.edit(LESSEE, eve, "note", "who is this?");
        } else {
            room.disconnect(LESSEE);
            room.edit(LESSEE, eve, "note", "who is this?");
            room.restart(LESSEE);
            room.connect(LESSEE, 2);
        }
        room.pass(SETTLED);
        assert_eq!((room.values(2, eve, "note"), number_of(&room, eve)), (vec!["who is this?".to_owned()], None));
        room.disconnect(LESSEE);
        room.command(LESSEE, Command::Number { record: anna, number: None });
        room.connect(LESSEE, 1);
        room.pass(SETTLED);
        assert_eq!((number_of(&room, anna), number_of(&room, eve)), (Some(1), None));
    }
}

#[test]
fn a_number_under_an_edit_that_is_yet_to_be_made_is_not_settled() {
    let (mut room, anna) = leased();
    let relay = id_of(&room, 1);
    let eve = forge(&mut room, Dot::new(relay, 40), "9 0");
    room.pass(SETTLED);
    assert_eq!((room.cut.len(), number_of(&room, eve)), (0, None));
    room.edit(1, anna, "name", "Anya");
    room.pass(SETTLED);
    assert_eq!(number_of(&room, eve), None);
}

fn settle_later(room: &mut Room) {
    let (level, reason) = (Level::Provisional, Reason::ByHand);
    room.ask(RELAY, Operation::SetMode { from: None, level, reason, load: Load::default() });
}

/// A relay doubts a number, asks another relay in vain, and the author then brings it to that other one.
#[test]
fn a_relay_that_could_not_attest_a_number_does_so_when_its_author_comes() {
    let mut room = Room::with(Setup { voters: 1, relays: 2, tabs: 2, tuning: Tuning::default() });
    let (second, author, other) = (1, 2, 3);
    room.pass(SETTLED);
    settle_later(&mut room);
    room.connect(author, other);
    let anna = room.add(author, "Anna", "");
    room.command(author, Command::Number { record: anna, number: Some(7) });
    room.disconnect(author);
    room.part(RELAY, second);
    room.edit(other, anna, "note", "likes tea");
    room.connect(other, RELAY);
    room.disconnect(other);
    assert_eq!(room.replica(RELAY).view().unsettled_count(), 0, "the number is doubted");
    room.edit(author, anna, "name", "Anya");
    room.begin_link(RELAY, second);
    room.connect(author, second);
    assert_eq!(room.replica(RELAY).view().unsettled_count(), 1);
}

/// A relay has lost what a tab gave, and another tab brings it back: it counts when its author comes.
#[test]
fn a_number_that_another_tab_brings_back_is_settled_when_its_author_returns() {
    let mut room = Room::new(1, 2);
    let (author, other) = (1, 2);
    room.pass(SETTLED);
    settle_later(&mut room);
    room.connect(author, RELAY);
    room.connect(other, RELAY);
    let anna = room.add(author, "Anna", "");
    let before = room.durable(RELAY).clone();
    room.command(author, Command::Number { record: anna, number: Some(7) });
    room.edit(other, anna, "note", "likes tea");
    room.disconnect(author);
    let mut restored = room.durable(RELAY).clone();
    (restored.context, restored.records) = (before.context, before.records);
    room.restore(RELAY, restored);
    room.connect(other, RELAY);
    assert_eq!(room.values(RELAY, anna, "note"), ["likes tea"], "nothing is lost");
    assert_eq!(room.replica(RELAY).view().unsettled_count(), 0, "and the number is doubted");
    room.connect(author, RELAY);
    assert_eq!(room.replica(RELAY).view().unsettled_count(), 1);
    room.restart(RELAY);
    assert_eq!(room.replica(RELAY).view().unsettled_count(), 1, "which is durable");
}

#[test]
fn an_author_about_whom_many_lie_keeps_its_link() {
    let mut room = Room::new(1, 3);
    let (author, liars) = (1, [2, 3]);
    room.pass(SETTLED);
    [author, 2, 3].into_iter().for_each(|tab| room.connect(tab, RELAY));
    let anna = room.add(author, "Anna", "");
    for liar in liars {
        let id = id_of(&room, liar);
        let lies: Vec<_> = (1..=200).map(|n| with_number(Dot::new(id, n), anna.0, &format!("{n} 0"))).collect();
        room.forge(liar, RELAY, delta_of(&lies));
    }
    room.pass(SETTLED);
    assert_eq!(room.cut, []);
    room.edit(author, anna, "note", "still here");
    assert_eq!(room.values(RELAY, anna, "note"), ["still here"]);
}

#[test]
fn a_tab_that_brings_too_many_numbers_of_others_is_refused() {
    let (mut room, anna) = leased();
    let attacker = id_of(&room, ATTACKER);
    let versions: Vec<_> =
        (1..=300).map(|counter| with_number(Dot::new(attacker, counter), anna.0, &format!("{counter} 0"))).collect();
    room.forge(ATTACKER, RELAY, delta_of(&versions));
    assert!(matches!(room.cut[..], [(RELAY, Violation::UnknownNumber { .. })]), "{:?}", room.cut);
}
