//! What readers can be sure of.

use std::time::Duration;

use shared::consensus::Slot;
use shared::ledger::Operation;
use shared::replica::Tuning;
use shared::replica::io::{Command, Consistency, Reply};

use super::{ELECTION, decided, elected, elected_of, outcome_of, raise};
use crate::room::{Node, Room, Setup};

/// How far the log was applied when a read was answered, if it was.
fn read(room: &mut Room, node: Node, consistency: Consistency) -> Option<Slot> {
    room.replies.clear();
    room.command(node, Command::Read(consistency));
    told_read(room)
}

fn told_read(room: &mut Room) -> Option<Slot> {
    match room.replies.pop()? {
        Ok(Reply::ReadAt { applied, .. }) => Some(applied),
        other => panic!("a read was answered with {other:?}"),
    }
}

#[test]
fn a_linearizable_read_anywhere_knows_all_that_was_decided() {
    let mut room = elected(3, 1);
    let tab = 3;
    room.connect(tab, 2);
    raise(&mut room, 0, 3);
    for node in 0..4 {
        assert_eq!(read(&mut room, node, Consistency::Linearizable), Some(decided(&room, 0)), "at node {node}");
    }
}

#[test]
fn a_removed_relay_that_is_cut_off_answers_no_linearizable_read() {
    for knows in [true, false] {
        let mut room = elected_of(Setup { voters: 3, relays: 4, tabs: 0, tuning: Tuning::default() });
        let removed = room.leader().expect("there is one");
        let others: Vec<_> = (0..4).filter(|&node| node != removed).collect();
        if !knows {
            room.disconnect(removed);
            room.pass(ELECTION);
        }
        let operation = Operation::Reconfigure { from: 0, voters: room.relays(others.iter().copied()) };
        assert!(matches!(outcome_of(&mut room, others[0], operation), Some(Ok(_))));
        room.disconnect(removed);
        assert_eq!(room.replica(removed).view().is_voter(), !knows);
        raise(&mut room, others[0], 1);
        assert_eq!(read(&mut room, removed, Consistency::Linearizable), None);
        room.pass(ELECTION);
        assert_eq!(told_read(&mut room), None, "nor later");
        let leader = room.leader().expect("the others have one");
        assert_eq!(read(&mut room, leader, Consistency::Linearizable), Some(decided(&room, leader)));
        room.replies.clear();
        room.connect(removed, leader);
        room.pass(ELECTION);
        assert_eq!(told_read(&mut room), Some(decided(&room, leader)), "it is answered when the leader is there again");
    }
}

/// A leader that has lost its majority may be deposed already.
#[test]
fn a_leader_without_a_majority_answers_local_reads_only() {
    let mut room = elected(3, 0);
    let leader = room.leader().expect("there is one");
    room.disconnect(leader);
    assert_eq!(read(&mut room, leader, Consistency::Linearizable), None);
    assert_eq!(read(&mut room, leader, Consistency::Local), Some(decided(&room, leader)));
}

#[test]
fn a_session_read_waits_for_what_its_reader_has_seen() {
    let mut room = elected(3, 1);
    let tab = 3;
    room.connect(tab, 0);
    room.disconnect(tab);
    raise(&mut room, 0, 2);
    let (seen, known) = (decided(&room, 0), decided(&room, tab));
    assert!(known < seen);
    assert_eq!(read(&mut room, tab, Consistency::Session(known)), Some(known));
    assert_eq!(read(&mut room, tab, Consistency::Session(seen)), None);
    room.connect(tab, 1);
    assert_eq!(told_read(&mut room), Some(seen));
}

#[test]
fn a_local_read_tells_how_long_ago_the_leader_was_heard() {
    let mut room = elected(3, 1);
    let tab = 3;
    let ages = |room: &mut Room, node| {
        room.command(node, Command::Read(Consistency::Local));
        match room.replies.pop() {
            Some(Ok(Reply::ReadAt { age, .. })) => age,
            other => panic!("a read was answered with {other:?}"),
        }
    };
    assert_eq!(ages(&mut room, tab), None, "it has never heard of a leader");
    room.connect(tab, 0);
    assert_eq!(ages(&mut room, tab), Some(Duration::ZERO));
    room.disconnect(tab);
    room.pass(Duration::from_secs(5));
    assert_eq!(ages(&mut room, tab), Some(Duration::from_secs(5)));
}

#[test]
fn a_read_of_all_relays_waits_for_what_each_of_them_has() {
    let mut room = elected(3, 0);
    room.part(0, 1);
    room.part(0, 2);
    room.add(1, "Anna", "");
    let boris = room.add(2, "Boris", "");
    raise(&mut room, 1, 1);
    room.begin_link(0, 1);
    room.begin_link(0, 2);
    room.begin(0, [Command::Read(Consistency::OfAllRelays)]);
    room.replies.clear();
    let missing = |room: &Room| room.record(0, boris).is_none() || decided(room, 0) < decided(room, 1);
    assert!(missing(&room));
    while room.replies.is_empty() {
        room.steps(1);
    }
    assert!(!missing(&room) && room.replica(0).view().records().count() == 2);
    assert!(told_read(&mut room) >= Some(decided(&room, 1)));

    room.disconnect(0);
    assert!(read(&mut room, 0, Consistency::OfAllRelays).is_some(), "nobody else is there");
}

#[test]
fn a_read_of_all_relays_does_not_wait_for_one_that_goes_down() {
    let mut room = elected(3, 0);
    room.begin(0, [Command::Read(Consistency::OfAllRelays)]);
    room.steps(1);
    room.replies.clear();
    room.disconnect(1);
    room.pass(ELECTION);
    assert!(told_read(&mut room).is_some());
}
