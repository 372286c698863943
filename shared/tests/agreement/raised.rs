//! The highest number, raised where the log is not asked.

use shared::ledger::{Granted, Level, Load, Operation, Reason, Rejection};
use shared::replica::io::{Command, CommandRejection, Message, Reply, Violation};
use shared::schema::MAX_NUMBER;

use super::dynamic::{by_hand, for_now, number};
use super::{ELECTION, elected, outcome_of};
use crate::room::{Node, Room};

/// The answer of a relay to a command that raises the highest number.
fn raise(room: &mut Room, node: Node, number: u64) -> Result<Reply, CommandRejection> {
    room.replies.clear();
    room.command(node, Command::Raise { number });
    room.pass(ELECTION);
    room.replies.pop().expect("an answer")
}

fn raised(room: &mut Room, node: Node, number: u64) -> u64 {
    match raise(room, node, number) {
        Ok(Reply::Raised { highest }) => highest,
        other => panic!("the log was not to be asked: {other:?}"),
    }
}

fn highest(room: &Room) -> Vec<u64> {
    (0..3).map(|node| room.replica(node).view().highest()).collect()
}

fn settled(room: &Room) -> Vec<u64> {
    (0..3).map(|node| room.replica(node).view().ledger().highest()).collect()
}

fn resume(room: &mut Room) {
    let operation =
        Operation::SetMode { from: None, level: Level::Batching, reason: Reason::Resumed, load: Load::default() };
    assert!(matches!(outcome_of(room, 0, operation), Some(Ok(_))));
    room.pass(ELECTION);
}

#[test]
fn with_the_log_at_hand_it_decides_how_high_the_highest_number_is() {
    let mut room = elected(3, 0);
    for (number, highest) in [(7, 7), (3, 7), (9, 9)] {
        let decided = raise(&mut room, 1, number);
        assert!(matches!(decided, Ok(Reply::Decided(_, Ok(Granted::Highest { number }))) if number == highest));
    }
    assert_eq!(settled(&room), [9; 3]);
}

#[test]
fn in_the_crdt_only_mode_the_highest_number_merges_and_the_log_follows() {
    let mut room = elected(3, 0);
    outcome_of(&mut room, 0, by_hand(Level::Provisional));
    assert_eq!(raised(&mut room, 1, 70), 70);
    assert_eq!(raised(&mut room, 2, 40), 70, "a lower one changes nothing");
    assert_eq!(raised(&mut room, 0, 71), 71);
    assert_eq!((highest(&room), settled(&room)), (vec![71; 3], vec![0; 3]));
    let anna = room.add(0, "Anna", "");
    assert_eq!(for_now(number(&mut room, 0, anna, None)), 72, "the next number is above it");
    resume(&mut room);
    assert!(settled(&room).iter().all(|&number| number >= 72));
}

#[test]
fn relays_that_cannot_reach_one_another_merge_what_they_raised_when_they_can() {
    let mut room = elected(3, 0);
    (0..3).for_each(|node| room.disconnect(node));
    room.pass(ELECTION);
    assert_eq!((raised(&mut room, 0, 5), raised(&mut room, 1, 12), raised(&mut room, 2, 8)), (5, 12, 8));
    assert_eq!(settled(&room), [0; 3]);
    // Only through relay 2.
    room.connect(0, 2);
    room.connect(1, 2);
    room.pass(ELECTION);
    assert_eq!((highest(&room), settled(&room)), (vec![12; 3], vec![12; 3]));
}

#[test]
fn what_was_raised_without_the_log_outlives_the_relay() {
    let mut room = elected(3, 0);
    outcome_of(&mut room, 0, by_hand(Level::Provisional));
    room.disconnect(2);
    room.pass(ELECTION);
    raised(&mut room, 2, 90);
    room.restart(2);
    assert_eq!(highest(&room), [0, 0, 90]);
    room.connect(2, 0);
    room.connect(2, 1);
    room.pass(ELECTION);
    resume(&mut room);
    assert_eq!(settled(&room), [90; 3]);
}

#[test]
fn nobody_raises_it_further_than_the_log_would_and_no_tab_tells_of_a_raise() {
    let mut room = elected(3, 1);
    outcome_of(&mut room, 0, Operation::SetReach { most: 100 });
    outcome_of(&mut room, 0, by_hand(Level::Provisional));
    assert_eq!(raised(&mut room, 0, 100), 100);
    let refused = |answer| match answer {
        Err(CommandRejection::Refused(rejection)) => rejection,
        other => panic!("it was to be refused: {other:?}"),
    };
    let too_far = refused(raise(&mut room, 0, 101));
    assert_eq!(too_far, Rejection::TooFarAhead { number: 101, highest: 0, most: 100 });
    assert_eq!(refused(raise(&mut room, 1, u64::MAX)), Rejection::OutOfRange { number: u64::MAX });
    room.connect(3, 0);
    room.forge(3, 0, Message::Raised { number: 102 });
    assert_eq!(room.cut.pop(), Some((0, Violation::NotForTabs)));
    room.forge(1, 0, Message::Raised { number: MAX_NUMBER + 1 });
    assert!(matches!(room.cut.pop(), Some((0, Violation::Malformed { .. }))));
    assert_eq!(highest(&room), [100; 3]);
}
