//! What a tab is told of its edits: that they are on the disks of a majority of the voters.

use std::time::Duration;

use shared::base::id::ReplicaId;
use shared::ledger::{Granted, Operation};
use shared::replica::Tuning;
use shared::replica::io::{Command, Message};

use super::{elected, elected_of, outcome_of};
use crate::room::{Node, Room, Setup};

/// Longer than acknowledgements are gathered on the way there and on the way back.
const SOON: Duration = Duration::from_millis(250);

fn not_on_majority(room: &Room, tab: Node) -> u64 {
    room.replica(tab).view().edits_not_on_majority()
}

/// Adds a record in a tab, which its relay stores. Says how many edits are on no majority some time later.
fn left_after_an_edit(room: &mut Room, tab: Node) -> u64 {
    room.add(tab, "Anna", "");
    assert_eq!(room.replica(tab).view().unsaved_edits(), 0, "its relay has it");
    room.pass(SOON);
    not_on_majority(room, tab)
}

#[test]
fn an_edit_is_on_a_majority_when_a_second_of_three_relays_has_acknowledged_it() {
    let mut room = elected(3, 1);
    let tab = 3;
    room.connect(tab, 0);
    room.disconnect(2);
    room.add(tab, "Anna", "");
    assert_eq!(not_on_majority(&room, tab), 1);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 0);
}

#[test]
fn a_relay_alone_is_its_own_majority() {
    let mut room = elected(1, 1);
    room.connect(1, 0);
    room.add(1, "Anna", "");
    assert_eq!(not_on_majority(&room, 1), 0);
}

#[test]
fn an_edit_that_one_relay_has_is_on_a_majority_when_another_has_caught_up() {
    let mut room = elected(3, 1);
    let tab = 3;
    room.disconnect(0);
    room.connect(tab, 0);
    assert_eq!(left_after_an_edit(&mut room, tab), 1);
    room.connect(0, 1);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 0);
}

#[test]
fn a_tab_that_moves_is_told_by_its_new_relay() {
    let mut room = elected(3, 1);
    let tab = 3;
    room.connect(tab, 0);
    room.add(tab, "Anna", "");
    room.disconnect(tab);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 1, "nobody could tell it");
    room.connect(tab, 2);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 0);
}

#[test]
fn relays_without_a_vote_do_not_count() {
    let mut room = elected_of(Setup { voters: 3, relays: 5, tabs: 1, tuning: Tuning::default() });
    let tab = 5;
    room.disconnect(1);
    room.disconnect(2);
    room.connect(tab, 0);
    assert_eq!(left_after_an_edit(&mut room, tab), 1, "of those who have it one votes");
    room.connect(1, 3);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 1, "a second voter has it, and its relay cannot know");
    room.connect(1, 0);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 0);
}

#[test]
fn a_tab_at_a_relay_without_a_vote_is_told_what_the_voters_have() {
    let mut room = elected_of(Setup { voters: 3, relays: 4, tabs: 1, tuning: Tuning::default() });
    let tab = 4;
    room.disconnect(3);
    room.connect(tab, 3);
    room.connect(3, 0);
    assert_eq!(left_after_an_edit(&mut room, tab), 1, "its relay hears of one voter");
    room.connect(3, 1);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 0);
}

#[test]
fn a_wiped_relay_does_not_count_for_what_its_predecessor_held() {
    let mut room = elected(3, 1);
    let tab = 3;
    room.connect(tab, 0);
    room.disconnect(2);
    room.wipe(1, ReplicaId(77));
    room.connect(1, 0);
    assert_eq!(left_after_an_edit(&mut room, tab), 1, "the new database has it, and no vote");
    room.connect(2, 0);
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 0);
}

#[test]
fn after_a_change_of_the_voters_the_new_ones_count() {
    let mut room = elected_of(Setup { voters: 3, relays: 5, tabs: 1, tuning: Tuning::default() });
    let tab = 5;
    room.connect(tab, 0);
    assert_eq!(left_after_an_edit(&mut room, tab), 0);
    let operation = Operation::Reconfigure { from: 0, voters: room.relays(2..5) };
    room.begin(0, [Command::Ask(operation)]);
    while room.replica(tab).view().ledger().configuration().expect("it is founded").number == 0 {
        room.pass(Duration::from_millis(1));
    }
    assert_eq!(not_on_majority(&room, tab), 1, "what the others had says nothing of the new voters");
    room.pass(SOON);
    assert_eq!(not_on_majority(&room, tab), 0);
}

/// While others still speak of the configuration before.
#[test]
fn what_was_told_of_an_earlier_configuration_does_not_count() {
    let mut room = elected_of(Setup { voters: 3, relays: 5, tabs: 1, tuning: Tuning::default() });
    let tab = 5;
    room.connect(tab, 0);
    let operation = Operation::Reconfigure { from: 0, voters: room.relays(0..5) };
    assert_eq!(outcome_of(&mut room, 0, operation), Some(Ok(Granted::Configuration { number: 1 })));
    (1..5).for_each(|relay| room.disconnect(relay));
    assert_eq!(left_after_an_edit(&mut room, tab), 1);
    let context = room.replica(tab).view().document().context().clone();
    room.forge(0, tab, Message::Stored { context: context.clone(), configuration: 0, majority: context });
    assert_eq!(not_on_majority(&room, tab), 1);
}

/// How many messages there are under load that say where edits are, in percent of the others.
#[test]
fn acknowledgements_cost_little_under_load() {
    const ROUNDS: u64 = 100;
    let mut room = elected(3, 6);
    let tabs: Vec<Node> = (3..9).collect();
    tabs.iter().for_each(|&tab| room.connect(tab, tab % 3));
    let people: Vec<_> = tabs.iter().map(|&tab| room.add(tab, "Anna", "")).collect();
    room.pass(SOON);
    let (sent, held, stored) = (room.sent, room.held, room.stored);
    for round in 0..ROUNDS {
        for (&tab, &record) in tabs.iter().zip(&people) {
            room.edit(tab, record, "note", &round.to_string());
        }
        room.pass(Duration::from_millis(20));
    }
    room.pass(SOON);
    assert!(tabs.iter().all(|&tab| not_on_majority(&room, tab) == 0));
    let edits = ROUNDS as usize * tabs.len();
    let more = (room.held - held) + (room.stored - stored - edits);
    let before = room.sent - sent - more;
    println!("{edits} edits, {before} messages, and {more} more to say where they are");
    assert!(more * 100 < before * 5, "{more} more messages than {before}");
}
