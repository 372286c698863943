//! Numbers that become final when a tab has them as well.

use std::time::Duration;

use shared::base::id::RecordId;
use shared::ledger::{Entry, Operation, Policy};
use shared::replica::io::Command;

use super::{ELECTION, elected, told_outcome};
use crate::room::{Node, Room};

/// Three relays that want an observer, a record of the first of them, and a tab that is connected to nobody.
fn in_want_of_a_observer(waive_after_ms: u32) -> (Room, RecordId, Node) {
    let mut room = elected(3, 2);
    room.ask(0, Operation::SetPolicy { policy: Policy { observers: 1, waive_after_ms, ..Policy::default() } });
    let anna = room.add(0, "Anna", "");
    room.replies.clear();
    room.ask(0, Operation::Allocate { record: anna });
    (room, anna, 3)
}

/// Whether the record's number is decided, and whether it is final.
fn number(room: &Room, node: Node, record: RecordId) -> (bool, bool) {
    let number = room.record(node, record).expect("the record is there").number;
    (number.unreleased.is_some(), number.held.is_some())
}

const WAITS: (bool, bool) = (true, false);
const FINAL: (bool, bool) = (false, true);

#[test]
fn a_number_is_final_when_a_tab_has_it() {
    let (mut room, anna, tab) = in_want_of_a_observer(0);
    room.pass(ELECTION);
    for relay in 0..3 {
        assert_eq!(number(&room, relay, anna), WAITS, "decided at relay {relay}, and not final");
    }
    assert_eq!(told_outcome(&mut room), None, "nobody is told");
    room.connect(tab, 2);
    for node in 0..4 {
        assert_eq!(number(&room, node, anna), FINAL, "at node {node}");
    }
    assert!(matches!(told_outcome(&mut room), Some(Ok(_))));
}

#[test]
fn a_tab_that_nobody_looks_at_does_not_count() {
    let (mut room, anna, tab) = in_want_of_a_observer(0);
    room.command(tab, Command::Observer { willing: false, durable: false });
    room.connect(tab, 1);
    assert_eq!(number(&room, tab, anna), WAITS);
    assert_eq!(number(&room, 0, anna), WAITS);
    room.command(tab, Command::Observer { willing: true, durable: false });
    assert_eq!(number(&room, tab, anna), FINAL);
    assert_eq!(number(&room, 0, anna), FINAL);
    let bert = room.add(0, "Bert", "");
    room.command(tab, Command::Observer { willing: false, durable: false });
    room.ask(0, Operation::Allocate { record: bert });
    assert_eq!(number(&room, 0, bert), WAITS, "it has resigned");
}

#[test]
fn a_tab_that_is_gone_does_not_count() {
    let (mut room, _, tab) = in_want_of_a_observer(0);
    room.connect(tab, 1);
    room.disconnect(tab);
    let bert = room.add(0, "Bert", "");
    room.ask(0, Operation::Allocate { record: bert });
    assert_eq!(number(&room, 0, bert), WAITS);
}

/// A new leader hears of the observers from all relays.
#[test]
fn a_leader_change_loses_no_observer() {
    let (mut room, anna, tab) = in_want_of_a_observer(0);
    let leader = room.leader().expect("there is one");
    let relay = (leader + 1) % 3;
    room.connect(tab, relay);
    assert_eq!(number(&room, tab, anna), FINAL);
    room.disconnect(leader);
    room.pass(ELECTION);
    let bert = room.add(tab, "Bert", "");
    room.ask(tab, Operation::Allocate { record: bert });
    room.pass(ELECTION);
    assert_eq!(number(&room, tab, bert), FINAL);
}

#[test]
fn what_no_tab_has_acknowledged_is_waived_in_time_and_the_log_says_so() {
    let (mut room, anna, _) = in_want_of_a_observer(20_000);
    room.pass(Duration::from_secs(19));
    assert_eq!(number(&room, 0, anna), WAITS);
    assert_eq!(waivers(&room), 0);
    room.pass(Duration::from_secs(2));
    for relay in 0..3 {
        assert_eq!(number(&room, relay, anna), FINAL, "at relay {relay}");
    }
    assert_eq!(waivers(&room), 1);
    assert!(matches!(told_outcome(&mut room), Some(Ok(_))));
    room.pass(Duration::from_secs(60));
    assert_eq!(waivers(&room), 1, "nothing else waits");
}

/// How many waivers the log holds.
fn waivers(room: &Room) -> usize {
    let log = room.replica(0).view().log();
    let waives = |entry: &Entry| matches!(entry, Entry::Command(request) if request.operation == Operation::Waive);
    log.accepted_from(log.start().slot).filter(|(_, accepted)| waives(&accepted.entry)).count()
}

#[test]
fn who_comes_later_knows_what_is_final() {
    let (mut room, anna, tab) = in_want_of_a_observer(0);
    let late = tab + 1;
    room.connect(tab, 0);
    assert_eq!(number(&room, tab, anna), FINAL);
    room.command(late, Command::Observer { willing: false, durable: false });
    room.connect(late, 1);
    assert_eq!(number(&room, late, anna), FINAL);
    for relay in 0..3 {
        room.restart(relay);
        (0..3).filter(|&other| other != relay).for_each(|other| room.connect(relay, other));
        room.pass(ELECTION);
        assert_eq!(number(&room, relay, anna), FINAL, "at relay {relay} after a restart");
    }
}

/// The observer is at a relay that the leader does not see, and hears of it through another one.
#[test]
fn at_the_far_end_of_a_chain_of_relays_a_tab_is_a_observer_and_knows_what_is_final() {
    let (mut room, anna, tab) = in_want_of_a_observer(0);
    let leader = room.leader().expect("there is one");
    let (middle, end) = ((leader + 1) % 3, (leader + 2) % 3);
    room.disconnect(end);
    room.connect(end, middle);
    room.connect(tab, end);
    room.pass(ELECTION);
    for node in [leader, middle, end, tab] {
        assert_eq!(number(&room, node, anna), FINAL, "at node {node}");
    }
    let bert = room.add(tab, "Bert", "");
    room.ask(tab, Operation::Allocate { record: bert });
    room.pass(ELECTION);
    assert_eq!(number(&room, tab, bert), FINAL);
    assert_eq!(room.leader(), Some(leader));
    room.disconnect(tab);
    let carl = room.add(leader, "Carl", "");
    room.ask(leader, Operation::Allocate { record: carl });
    assert_eq!(number(&room, leader, carl), WAITS, "the leader hears that it is gone");
}
