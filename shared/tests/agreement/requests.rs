//! Requests on their way, and what comes of them.

use shared::base::dot::Dot;
use shared::base::id::{RecordId, ReplicaId};
use shared::base::sorted::SortedSet;
use shared::consensus::Slot;
use shared::ledger::{Epoch, Granted, Level, Load, Numbered, Operation, Policy, Reason, Request, RequestId};
use shared::replica::Tuning;
use shared::replica::io::{Command, CommandRejection, Message, Reply, Violation};

use super::{ELECTION, elected, outcome_of, told_outcome};
use crate::room::{Room, Setup};

/// The leader reaches one other voter, and that one the third: what is asked there goes the whole way and comes back.
#[test]
fn at_the_far_end_of_a_chain_of_relays_requests_are_decided_and_shown() {
    let mut room = Room::apart(Setup { voters: 3, relays: 3, tabs: 1, tuning: Tuning::default() });
    let (end, tab) = (2, 3);
    room.connect(0, 1);
    room.pass(ELECTION);
    let leader = room.leader().expect("two of three elect one");
    let middle = 1 - leader;
    room.connect(middle, end);
    room.connect(tab, end);
    let anna = room.add(tab, "Anna", "");
    assert!(matches!(outcome_of(&mut room, tab, Operation::Assign { record: anna, number: 7 }), Some(Ok(_))));
    assert_eq!(room.leader(), Some(leader), "who sees no leader does not depose one that others see");
    for node in [leader, middle, end, tab] {
        assert_eq!(
            room.record(node, anna).unwrap().number.held.map(|held| held.get().number),
            Some(7),
            "at node {node}"
        );
    }
}

fn named(seq: u64, operation: Operation) -> Request {
    Request { id: RequestId { replica: ReplicaId(0xc11e), seq }, settled: 0, seen: Slot(0), after: None, operation }
}

/// Wherever the leader is cut off while operations are under way.
#[test]
fn a_operation_is_done_once_through_a_change_of_the_leader() {
    let mut changes = 0;
    for steps in 0..100 {
        let mut room = elected(3, 1);
        let (leader, tab) = (room.leader().expect("there is one"), 3);
        let relay = (leader + 1) % 3;
        room.connect(tab, relay);
        let records: Vec<_> = (0..3).map(|person| room.add(tab, &format!("person {person}"), "")).collect();
        room.replies.clear();
        room.begin(tab, records.iter().map(|&record| Command::Ask(Operation::Allocate { record })));
        room.steps(steps);
        room.disconnect(leader);
        room.pass(ELECTION);
        changes += usize::from(room.leader() != Some(leader));
        (0..3).filter(|&other| other != leader).for_each(|other| room.connect(leader, other));
        room.pass(ELECTION);
        let numbers: SortedSet<_> = std::iter::from_fn(|| told_outcome(&mut room)).map(number).collect();
        assert_eq!(numbers, SortedSet::from([1, 2, 3]), "each operation has one outcome (cut off after {steps} steps)");
        for node in 0..4 {
            assert_eq!(room.replica(node).view().ledger().highest(), 3, "at node {node}, after {steps} steps");
            assert_eq!(room.replica(node).view().pending_operations(), 0);
        }
    }
    assert_eq!(changes, 100, "another one leads while the first is cut off");
}

fn number(outcome: shared::ledger::Outcome) -> u64 {
    match outcome {
        Ok(Granted::Final(Numbered { number, .. })) => number,
        other => panic!("a record was to have a number: {other:?}"),
    }
}

#[test]
fn what_concerns_the_relays_is_not_for_tabs() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    let policy = Policy { observers: 1, waive_after_ms: 0, ..Policy::default() };
    let operations = [
        Operation::Reconfigure { from: 0, voters: room.relays([0]) },
        Operation::SetPolicy { policy },
        Operation::SetMode { from: None, level: Level::Leases, reason: Reason::Load, load: Load::default() },
        Operation::Settle { numbers: Vec::new(), after: Vec::new() },
        Operation::GrantRange { to: ReplicaId(1), count: 1, above: 0 },
        Operation::Waive,
        Operation::Retire { replica: ReplicaId(1), last: 0 },
    ];
    for (seq, operation) in (1..).zip(operations) {
        room.replies.clear();
        room.ask(tab, operation.clone());
        assert_eq!(room.replies.pop(), Some(Err(CommandRejection::NotForTabs)));
        room.disconnect(tab);
        room.connect(tab, 0);
        let id = RequestId { replica: room.replica(tab).view().me(), seq };
        room.forge(tab, 0, Message::Propose(Request { id, ..named(seq, operation.clone()) }));
        assert_eq!(std::mem::take(&mut room.cut), [(0, Violation::NotForTabs)], "{operation:?}");
    }
    let ledger = room.replica(0).view().ledger();
    assert_eq!((ledger.policy(), ledger.epoch()), (Policy::default(), Epoch::default()));
    assert_eq!(ledger.configuration().map(|configuration| configuration.number), Some(0));
}

#[test]
fn a_operation_about_a_record_that_is_not_known_is_refused_at_once() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    let record = RecordId(Dot::new(ReplicaId(9), 1));
    for node in [tab, 0] {
        room.replies.clear();
        room.ask(node, Operation::Allocate { record });
        assert_eq!(room.replies.pop(), Some(Err::<Reply, _>(CommandRejection::UnknownRecord)));
    }
}

/// A number is decided only where its record is durable, too.
#[test]
fn a_request_waits_for_its_record() {
    let (mut room, tab) = (elected(3, 1), 3);
    let me = room.replica(tab).view().me();
    room.connect(tab, 0);
    let record = RecordId(Dot::new(me, 1));
    let id = RequestId { replica: me, seq: 1 };
    room.forge(tab, 0, Message::Propose(Request { id, ..named(1, Operation::Allocate { record }) }));
    room.pass(ELECTION);
    assert_eq!(room.cut, []);
    assert_eq!(room.replica(0).view().ledger().count(), 0, "nobody knows the record");
    let anna = room.add(tab, "Anna", "");
    assert_eq!(anna, record);
    room.forge(tab, 0, Message::Propose(Request { id, ..named(1, Operation::Allocate { record }) }));
    room.pass(ELECTION);
    assert_eq!(room.record(tab, anna).unwrap().number.held.map(|held| held.get().number), Some(1));
}

/// The record goes before the operation, so that nothing has to be repeated.
#[test]
fn a_operation_about_a_record_made_offline_is_decided_as_soon_as_the_tab_is_back() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    room.disconnect(tab);
    let anna = room.add(tab, "Anna", "");
    room.ask(tab, Operation::Allocate { record: anna });
    room.connect(tab, 1);
    assert_eq!(room.record(tab, anna).unwrap().number.held.map(|held| held.get().number), Some(1));
}

/// A new operation must not be taken for one that was forgotten, though its asker was away for long.
#[test]
fn a_operation_of_a_tab_that_was_long_away_is_not_taken_for_a_forgotten_one() {
    let (mut room, away, tab) = (elected(3, 2), 3, 4);
    room.ask(0, Operation::SetPolicy { policy: Policy { sessions: 1, ..Policy::default() } });
    room.connect(away, 0);
    room.disconnect(away);
    room.connect(tab, 0);
    for (node, number) in [(tab, 5), (0, 6), (tab, 7)] {
        assert!(matches!(outcome_of(&mut room, node, Operation::Raise { number }), Some(Ok(_))));
    }
    room.replies.clear();
    room.ask(away, Operation::Raise { number: 8 });
    room.connect(away, 0);
    assert_eq!(told_outcome(&mut room), Some(Ok(Granted::Highest { number: 8 })));
}
