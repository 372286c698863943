//! The dynamic method: numbers by the log, out of leases, and provisional ones that are settled later.

use std::time::Duration;

use shared::base::id::RecordId;
use shared::ledger::finality::Numbering;
use shared::ledger::{
    Conflict, Dynamic, Granted, Level, Load, Mode, OnCollision, Operation, Range, Reason, Rejection, Resolution, Rule,
};
use shared::replica::io::{Command, CommandRejection, Reply};
use shared::schema::FieldEdit;

use super::{ELECTION, elected, forgetful, outcome_of};
use crate::room::{Node, Room};

/// Longer than it takes until an open window is over.
const WINDOW: Duration = Duration::from_millis(1100);

/// What a command about a record's number is answered with, if it is within an election's time.
pub(super) fn number(
    room: &mut Room,
    node: Node,
    record: RecordId,
    number: Option<u64>,
) -> Option<Result<Reply, CommandRejection>> {
    room.replies.clear();
    room.command(node, Command::Number { record, number });
    room.pass(ELECTION);
    room.replies.pop()
}

pub(super) fn finally(answer: Option<Result<Reply, CommandRejection>>) -> u64 {
    match answer {
        Some(Ok(Reply::Numbered(Numbering::Final(number)))) => number.into_inner(),
        other => panic!("the number was to be final: {other:?}"),
    }
}

pub(super) fn for_now(answer: Option<Result<Reply, CommandRejection>>) -> u64 {
    match answer {
        Some(Ok(Reply::Numbered(Numbering::Provisional(number)))) => *number.for_now(),
        other => panic!("the number was to be provisional: {other:?}"),
    }
}

/// The final number of a record, as a replica shows it.
pub(super) fn held(room: &Room, node: Node, record: RecordId) -> Option<u64> {
    room.record(node, record)?.number.held.map(|held| held.get().number)
}

fn unsettled(room: &Room, node: Node) -> usize {
    room.replica(node).view().unsettled_count()
}

pub(super) fn conflicts(room: &Room, node: Node) -> Vec<Conflict> {
    room.replica(node).view().ledger().conflicts().copied().collect()
}

fn level(room: &Room, node: Node) -> Level {
    room.replica(node).view().ledger().epoch().level
}

pub(super) fn by_hand(level: Level) -> Operation {
    Operation::SetMode { from: None, level, reason: Reason::ByHand, load: Load::default() }
}

pub(super) fn set(room: &mut Room, dynamic: Dynamic) {
    assert_eq!(outcome_of(room, 0, Operation::SetDynamic { dynamic }), Some(Ok(Granted::Dynamic(dynamic))));
}

#[test]
fn with_the_log_in_reach_a_number_is_final() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    let (anna, boris) = (room.add(tab, "Anna", ""), room.add(tab, "Boris", ""));
    assert_eq!(finally(number(&mut room, tab, anna, Some(7))), 7);
    assert_eq!(finally(number(&mut room, tab, boris, None)), 8);
    assert_eq!((0..4).map(|node| held(&room, node, anna)).collect::<Vec<_>>(), [Some(7); 4]);
}

#[test]
fn a_number_that_the_log_would_refuse_is_refused_at_once() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    let (anna, boris) = (room.add(tab, "Anna", ""), room.add(tab, "Boris", ""));
    finally(number(&mut room, tab, anna, Some(7)));
    room.disconnect(tab);
    let refused = |answer| match answer {
        Some(Err(CommandRejection::Refused(rejection))) => rejection,
        other => panic!("it was to be refused: {other:?}"),
    };
    let taken = refused(number(&mut room, tab, boris, Some(7)));
    assert!(matches!(taken, Rejection::NumberTaken { number: 7, owner, .. } if owner == anna), "{taken:?}");
    let numbered = refused(number(&mut room, tab, anna, None));
    assert!(matches!(numbered, Rejection::AlreadyNumbered { number: 7, .. }), "{numbered:?}");
    assert_eq!(refused(number(&mut room, tab, boris, Some(0))), Rejection::OutOfRange { number: 0 });
}

#[test]
fn a_number_given_offline_is_provisional_and_becomes_final_when_the_log_is_in_reach() {
    let (mut room, tab) = (elected(3, 2), 3);
    let anna = room.add(tab, "Anna", "");
    assert!(room.replica(tab).view().is_locally_offline());
    assert_eq!(for_now(number(&mut room, tab, anna, None)), 1);
    let shown = room.record(tab, anna).unwrap().number;
    assert_eq!((shown.held, shown.leased, shown.provisional[0].for_now().number), (None, None, 1));
    room.connect(tab, 1);
    room.connect(tab + 1, 2);
    room.pass(ELECTION);
    assert_eq!((0..5).map(|node| held(&room, node, anna)).collect::<Vec<_>>(), [Some(1); 5]);
    assert_eq!((0..5).map(|node| unsettled(&room, node)).collect::<Vec<_>>(), [0; 5]);
    assert!(conflicts(&room, 0).is_empty());
}

#[test]
fn of_two_who_took_a_number_offline_one_is_renumbered_and_everybody_can_see_why() {
    let (mut room, one, two) = (elected(3, 2), 3, 4);
    let (anna, boris) = (room.add(one, "Anna", ""), room.add(two, "Boris", ""));
    for_now(number(&mut room, one, anna, Some(42)));
    for_now(number(&mut room, two, boris, Some(42)));
    room.connect(two, 1);
    room.connect(one, 0);
    room.pass(ELECTION);
    let conflicts = conflicts(&room, one);
    assert_eq!(conflicts.len(), 1);
    assert_eq!((conflicts[0].provisional.record, conflicts[0].provisional.number), (anna, 42));
    assert!(matches!(conflicts[0].because, Rejection::NumberTaken { owner, .. } if owner == boris));
    for node in 0..5 {
        assert_eq!((held(&room, node, boris), held(&room, node, anna)), (Some(42), Some(43)), "at node {node}");
        assert_eq!(self::conflicts(&room, node), conflicts, "at node {node}");
    }
    let undo = Operation::Resolve { conflict: conflicts[0].id, resolution: Resolution::Undone };
    assert_eq!(outcome_of(&mut room, one, undo), Some(Ok(Granted::Resolved(Resolution::Undone))));
    assert_eq!(held(&room, two, anna), None, "the number is free again");
}

#[test]
fn by_policy_the_loser_is_rejected() {
    let (mut room, one, two) = (elected(3, 2), 3, 4);
    set(&mut room, Dynamic { on_collision: OnCollision::Reject, ..Dynamic::default() });
    let (anna, boris) = (room.add(one, "Anna", ""), room.add(two, "Boris", ""));
    for_now(number(&mut room, one, anna, Some(42)));
    for_now(number(&mut room, two, boris, Some(42)));
    room.connect(one, 0);
    room.connect(two, 1);
    room.pass(ELECTION);
    assert_eq!((held(&room, 0, anna), held(&room, 0, boris)), (Some(42), None));
    assert_eq!(conflicts(&room, 0)[0].given, None);
    assert!(room.record(two, boris).unwrap().number.provisional.is_empty(), "it is settled");
}

#[test]
fn a_lease_gives_final_numbers_offline_and_nobody_else_gets_them() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    let to = room.replica(tab).view().me();
    room.replies.clear();
    room.command(tab, Command::Lease { count: 2 });
    room.pass(ELECTION);
    let leased = Range { first: 1, last: 2, to };
    assert!(matches!(room.replies.pop(), Some(Ok(Reply::Decided(_, Ok(Granted::Range(range))))) if range == leased));
    room.disconnect(tab);
    let names = ["Anna", "Boris", "Clara"];
    let records = names.map(|name| room.add(tab, name, ""));
    assert_eq!(finally(number(&mut room, tab, records[0], None)), 1);
    assert_eq!(room.record(tab, records[0]).unwrap().number.leased.map(|number| *number.get()), Some(1));
    assert_eq!(finally(number(&mut room, tab, records[1], None)), 2);
    assert_eq!(for_now(number(&mut room, tab, records[2], None)), 3, "the lease is used up");
    let dora = room.add(0, "Dora", "");
    let refused = outcome_of(&mut room, 0, Operation::Assign { record: dora, number: 2 });
    assert_eq!(refused, Some(Err(Rejection::NumberLeased { number: 2, to })));
    assert_eq!(finally(number(&mut room, 0, dora, None)), 3);
    room.connect(tab, 1);
    room.pass(ELECTION);
    let numbers = records.map(|record| held(&room, 2, record));
    assert_eq!(numbers, [Some(1), Some(2), Some(4)], "only the provisional one gives way");
    assert_eq!(conflicts(&room, 0).len(), 1);
}

#[test]
fn a_tab_that_is_restarted_goes_on_in_its_lease_where_it_was() {
    let (mut room, tab) = (forgetful(1), 3);
    room.connect(tab, 0);
    room.command(tab, Command::Lease { count: 10 });
    room.pass(ELECTION);
    room.disconnect(tab);
    let (anna, boris) = (room.add(tab, "Anna", ""), room.add(tab, "Boris", ""));
    let first = finally(number(&mut room, tab, anna, None));
    room.restart(tab);
    room.connect(tab, 0);
    room.pass(ELECTION);
    super::raise(&mut room, 0, 20); // The lease is in a snapshot by then.
    room.disconnect(tab);
    assert_eq!(finally(number(&mut room, tab, boris, None)), first + 1);
}

#[test]
fn a_restored_relay_gives_nothing_out_of_a_lease_even_if_nobody_can_tell_it_that_it_forgot() {
    let mut room = elected(3, 0);
    room.command(1, Command::Lease { count: 10 });
    room.pass(ELECTION);
    room.disconnect(1);
    room.add(1, "Zoe", ""); // With it goes to the disk how far the log is decided.
    let older = room.durable(1).clone();
    let anna = room.add(1, "Anna", "");
    assert_eq!(finally(number(&mut room, 1, anna, None)), 1);
    room.restore(1, older);
    room.pass(ELECTION);
    let boris = room.add(1, "Boris", "");
    assert!(for_now(number(&mut room, 1, boris, None)) > 10);
}

#[test]
fn a_relay_without_a_majority_gives_provisional_numbers() {
    let mut room = elected(3, 0);
    room.disconnect(0);
    assert!(room.replica(0).view().is_locally_offline());
    assert!(!room.replica(1).view().is_locally_offline());
    let (anna, boris) = (room.add(0, "Anna", ""), room.add(1, "Boris", ""));
    assert_eq!(for_now(number(&mut room, 0, anna, None)), 1);
    assert_eq!(finally(number(&mut room, 1, boris, None)), 1);
    [1, 2].into_iter().for_each(|other| room.connect(0, other));
    room.pass(ELECTION);
    assert_eq!((held(&room, 2, boris), held(&room, 2, anna)), (Some(1), Some(2)));
}

#[test]
fn in_crdt_only_everything_is_provisional_until_somebody_goes_back() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    set(&mut room, Dynamic { lease_most: 0, ..Dynamic::default() });
    assert!(matches!(outcome_of(&mut room, tab, by_hand(Level::Provisional)), Some(Ok(_))));
    assert_eq!(room.replica(tab).view().ledger().epoch().mode(), Mode::CrdtOnly);
    let records: Vec<_> = (0..300).map(|at| room.add(at % 4, "Somebody", "")).collect();
    for (at, &record) in records.iter().enumerate() {
        room.command(at % 4, Command::Number { record, number: None });
    }
    room.pass(10 * ELECTION);
    assert_eq!((unsettled(&room, 2), held(&room, tab, records[0])), (300, None), "nothing is settled meanwhile");
    assert!(matches!(outcome_of(&mut room, 1, by_hand(Level::Batching)), Some(Ok(_))));
    room.pass(ELECTION);
    let numbers: std::collections::BTreeSet<_> = records.iter().map(|&record| held(&room, tab, record)).collect();
    assert_eq!(numbers, (1..=300).map(Some).collect(), "all are final, and different");
    assert_eq!((0..4).map(|node| unsettled(&room, node)).collect::<Vec<_>>(), [0; 4]);
}

#[test]
fn a_request_whose_record_is_removed_is_withdrawn() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    outcome_of(&mut room, 0, by_hand(Level::Provisional));
    let (anna, boris) = (room.add(tab, "Anna", ""), room.add(tab, "Boris", ""));
    for_now(number(&mut room, tab, anna, Some(5)));
    for_now(number(&mut room, tab, boris, Some(6)));
    room.command(tab, Command::Remove { record: anna });
    room.command(0, Command::Free { record: boris });
    assert_eq!((0..4).map(|node| unsettled(&room, node)).collect::<Vec<_>>(), [0; 4]);
    outcome_of(&mut room, 0, by_hand(Level::Batching));
    assert_eq!(room.replica(0).view().ledger().count(), 0);
}

#[test]
fn a_burst_takes_the_levels_up_and_calm_takes_it_down() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    let settings = Dynamic { high_request: 10, dwell: 3, ..Dynamic::default() };
    set(&mut room, settings);
    let records: Vec<_> = (0..120).map(|_| room.add(tab, "Somebody", "")).collect();
    room.replies.clear();
    for &record in &records[..60] {
        room.command(tab, Command::Number { record, number: None });
    }
    assert_eq!(level(&room, tab), Level::Leases, "two windows were bad as soon as they had eleven requests");
    for &record in &records[60..] {
        room.command(tab, Command::Number { record, number: None });
    }
    assert!(room.replica(tab).view().ledger().ranges().count() > 0, "the tab has leased what it needs");
    assert!(room.replies.drain(..).all(|reply| matches!(reply, Ok(Reply::Numbered(Numbering::Final(_))))));
    let epoch = room.replica(tab).view().ledger().epoch();
    assert_eq!((epoch.number, epoch.reason), (1, Reason::Load));
    assert!(epoch.load.asked > 10, "{:?}", epoch.load);
    room.pass(3 * WINDOW);
    assert_eq!(level(&room, tab), Level::Leases, "that was the window of the burst, and two calm ones");
    room.pass(2 * WINDOW);
    let epoch = room.replica(tab).view().ledger().epoch();
    assert_eq!((epoch.level, epoch.reason), (Level::Batching, Reason::Calm));
    assert_eq!(unsettled(&room, tab), 0);
    let held: std::collections::BTreeSet<_> = records.iter().map(|&record| held(&room, 0, record).unwrap()).collect();
    assert_eq!(held.len(), 120, "all are different");
    assert!(conflicts(&room, 0).is_empty());
}

#[test]
fn an_idle_room_has_nothing_to_wake_for() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    let anna = room.add(tab, "Anna", "");
    finally(number(&mut room, tab, anna, None));
    room.pass(2 * WINDOW);
    // Once after something has changed, relays look who is away.
    room.pass(shared::replica::Tuning::default().retire_after / 8);
    assert_eq!((0..4).map(|node| room.replica(node).deadline()).collect::<Vec<_>>(), [None; 4]);
    assert_eq!(room.replica(tab).view().load().map(|load| load.asked), Some(0), "everybody knows that it is idle");
}

#[test]
fn by_the_rule_of_the_thesis_there_is_no_way_back() {
    let mut room = elected(3, 0);
    set(&mut room, Dynamic { rule: Rule::Counter, high_request: 5, ..Dynamic::default() });
    let records: Vec<_> = (0..8).map(|_| room.add(0, "Somebody", "")).collect();
    for &record in &records {
        number(&mut room, 0, record, None);
    }
    assert_eq!(level(&room, 2), Level::Batching, "the counter does not go by numbers, but by requests");
    room.count_calls(1, 5);
    assert_eq!(level(&room, 2), Level::Batching);
    room.count_calls(1, 6);
    room.pass(ELECTION);
    assert_eq!(level(&room, 2), Level::Provisional);
    room.pass(100 * WINDOW);
    assert_eq!(level(&room, 2), Level::Provisional);
}

#[test]
fn the_counter_begins_anew_with_each_epoch_and_where_the_host_says_so() {
    let mut room = elected(3, 0);
    set(&mut room, Dynamic { rule: Rule::Counter, high_request: 5, ..Dynamic::default() });
    room.count_calls(1, 9);
    room.pass(ELECTION);
    assert_eq!(level(&room, 0), Level::Provisional);
    let resumed =
        Operation::SetMode { from: None, level: Level::Batching, reason: Reason::Resumed, load: Load::default() };
    outcome_of(&mut room, 0, resumed);
    room.count_calls(1, 14);
    room.pass(ELECTION);
    assert_eq!(level(&room, 0), Level::Batching, "five in this epoch");
    room.count_calls(1, 5);
    room.pass(ELECTION);
    assert_eq!(level(&room, 0), Level::Batching, "five since the count has begun anew");
    room.count_calls(1, 6);
    room.pass(ELECTION);
    assert_eq!(level(&room, 0), Level::Provisional);
    outcome_of(&mut room, 0, by_hand(Level::Batching));
    room.count_calls(1, 1000);
    room.pass(ELECTION);
    assert_eq!(level(&room, 0), Level::Batching, "a hand has the last word");
}

#[test]
fn what_was_set_by_hand_load_does_not_change() {
    let mut room = elected(3, 0);
    set(&mut room, Dynamic { high_request: 1, ..Dynamic::default() });
    outcome_of(&mut room, 0, by_hand(Level::Batching));
    let records: Vec<_> = (0..20).map(|_| room.add(0, "Somebody", "")).collect();
    for &record in &records {
        room.command(0, Command::Number { record, number: None });
    }
    room.pass(WINDOW);
    assert_eq!(room.replica(0).view().ledger().epoch().number, 1);
    let resumed =
        Operation::SetMode { from: None, level: Level::Batching, reason: Reason::Resumed, load: Load::default() };
    outcome_of(&mut room, 0, resumed);
    let more: Vec<_> = (0..20).map(|_| room.add(0, "Somebody", "")).collect();
    for &record in &more {
        room.command(0, Command::Number { record, number: None });
    }
    assert!(level(&room, 0) > Level::Batching);
}

#[test]
fn with_too_much_unsettled_no_more_numbers_are_given_until_there_is_less() {
    let mut room = elected(3, 0);
    let settings = Dynamic { high_request: 2, shed_above: 10, dwell: 2, ..Dynamic::default() };
    set(&mut room, settings);
    let switch =
        Operation::SetMode { from: None, level: Level::Provisional, reason: Reason::Resumed, load: Load::default() };
    room.ask(0, switch);
    let records: Vec<_> = (0..12).map(|_| room.add(0, "Somebody", "")).collect();
    for &record in &records {
        room.command(0, Command::Number { record, number: Some(100 + record.0.counter()) });
    }
    room.pass(2 * WINDOW);
    let epoch = room.replica(0).view().ledger().epoch();
    assert_eq!((epoch.level, epoch.reason, epoch.load.unsettled), (Level::Shedding, Reason::Load, 12));
    let late = room.add(1, "Late", "");
    let shed = number(&mut room, 1, late, None);
    assert!(matches!(shed, Some(Err(CommandRejection::Shedding { .. }))), "{shed:?}");
    room.pass(20 * WINDOW);
    assert_eq!((level(&room, 0), unsettled(&room, 0)), (Level::Batching, 0), "it came back by itself");
    assert!(records.iter().all(|&record| held(&room, 2, record).is_some()));
}

#[test]
fn a_record_that_is_registered_has_its_number_in_the_same_edit_where_the_log_is_not_asked() {
    let (mut room, tab) = (elected(3, 1), 3);
    let fields = || vec![("name".to_owned(), FieldEdit::Assign("Anna".to_owned()))];
    room.command(tab, Command::Register { fields: fields(), number: Some(7) });
    let Some(Ok(Reply::Registered(anna, Ok(numbering)))) = room.replies.pop() else { panic!("she was registered") };
    assert!(matches!(numbering, Numbering::Provisional(number) if *number.for_now() == 7));
    assert_eq!(room.replica(tab).view().document().context().highest(anna.0.replica()), 1, "it was one edit");
    room.connect(tab, 0);
    room.pass(ELECTION);
    assert_eq!(held(&room, 0, anna), Some(7));
    room.command(tab, Command::Register { fields: fields(), number: None });
    let Some(Ok(Reply::Registered(_, Ok(Numbering::Final(number))))) = room.replies.pop() else { panic!("by the log") };
    assert_eq!(number.into_inner(), 8);
}

#[test]
fn a_lease_begins_above_the_provisional_numbers_that_its_holder_knows() {
    let mut room = elected(3, 0);
    outcome_of(&mut room, 0, by_hand(Level::Provisional));
    let records = ["Anna", "Boris", "Clara"].map(|name| room.add(1, name, ""));
    assert_eq!(for_now(number(&mut room, 1, records[0], Some(50))), 50);
    assert_eq!(for_now(number(&mut room, 1, records[1], None)), 51, "there is no lease yet");
    assert!(finally(number(&mut room, 1, records[2], None)) > 51);
    outcome_of(&mut room, 0, by_hand(Level::Batching));
    assert_eq!(records.map(|record| held(&room, 2, record)), [Some(50), Some(51), Some(52)]);
    assert!(conflicts(&room, 0).is_empty());
}

#[test]
fn what_was_freed_stays_free_though_it_was_on_its_way_to_the_log() {
    let mut room = elected(3, 0);
    outcome_of(&mut room, 0, by_hand(Level::Provisional));
    let anna = room.add(0, "Anna", "");
    for_now(number(&mut room, 0, anna, Some(5)));
    room.begin(0, [Command::Ask(by_hand(Level::Batching)), Command::Free { record: anna }]);
    room.pass(ELECTION);
    let leader = room.leader().unwrap();
    assert_eq!((held(&room, leader, anna), unsettled(&room, leader)), (None, 0));
}

#[test]
fn a_record_whose_number_the_log_was_asked_for_gets_no_other_one_offline() {
    let (mut room, tab) = (elected(3, 1), 3);
    room.connect(tab, 0);
    room.command(tab, Command::Lease { count: 10 });
    room.pass(ELECTION);
    let anna = room.add(tab, "Anna", "");
    room.begin(tab, [Command::Number { record: anna, number: None }]);
    room.steps(1);
    room.disconnect(tab);
    assert_eq!(number(&mut room, tab, anna, None), None, "it is asked for");
    room.connect(tab, 1);
    room.pass(ELECTION);
    assert_eq!((held(&room, tab, anna), conflicts(&room, tab).len()), (Some(11), 0));
}
