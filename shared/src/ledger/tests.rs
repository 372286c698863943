mod keys;
mod reach;
mod settling;

use super::sessions::MAX_OUTCOMES;
use super::*;
use crate::base::dot::Dot;
use crate::base::encoding;
use crate::base::hlc::Stamp;
use crate::schema::MAX_NUMBER;

fn record(counter: u64) -> RecordId {
    RecordId(Dot::new(ReplicaId(1), counter))
}

/// A number that a replica gave to a record by itself.
fn provisional(counter: u64, number: u64) -> UnsettledNumber {
    UnsettledNumber {
        record: record(counter),
        dot: Dot::new(ReplicaId(3), counter),
        stamp: Stamp::default(),
        number,
        leased: false,
        epoch: 0,
    }
}

fn request(seq: u64, operation: Operation) -> Entry {
    by(ReplicaId(9), seq, 0, operation)
}

fn by(replica: ReplicaId, seq: u64, settled: u64, operation: Operation) -> Entry {
    Entry::Command(Request { id: RequestId { replica, seq }, settled, seen: Slot(0), after: None, operation })
}

fn decide(ledger: &mut Ledger, slot: u64, entry: &Entry) -> Outcome {
    let outcome = ledger.apply(Slot(slot), entry).expect("a request has an outcome");
    ledger.assert_invariants();
    outcome
}

#[test]
fn the_first_request_in_log_order_wins_and_the_second_learns_who_has_it() {
    let mut ledger = Ledger::default();
    let won = decide(&mut ledger, 4, &request(1, Operation::Assign { record: record(1), number: 42 }));
    assert_eq!(won, Ok(Granted::Final(Numbered { number: 42, slot: Slot(4) })));
    let lost = decide(&mut ledger, 5, &request(2, Operation::Assign { record: record(2), number: 42 }));
    assert_eq!(lost, Err(Rejection::NumberTaken { number: 42, owner: record(1), slot: Slot(4) }));
}

#[test]
fn a_request_that_is_decided_twice_has_its_effect_once() {
    let mut ledger = Ledger::default();
    let allocate = request(1, Operation::Allocate { record: record(1) });
    let first = decide(&mut ledger, 0, &allocate);
    assert_eq!(decide(&mut ledger, 1, &allocate), first);
    assert_eq!(ledger.highest(), 1);
}

#[test]
fn allocation_goes_above_everything_assigned_raised_or_released() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, Operation::Assign { record: record(1), number: 7 })).unwrap();
    decide(&mut ledger, 1, &request(2, Operation::Release { record: record(1) })).unwrap();
    decide(&mut ledger, 2, &request(3, Operation::Raise { number: 20 })).unwrap();
    let next = decide(&mut ledger, 3, &request(4, Operation::Allocate { record: record(1) }));
    assert_eq!(next, Ok(Granted::Final(Numbered { number: 21, slot: Slot(3) })));
}

#[test]
fn refusals_name_their_reason() {
    let mut ledger = Ledger::default();
    let zero = decide(&mut ledger, 0, &request(1, Operation::Assign { record: record(1), number: 0 }));
    assert_eq!(zero, Err(Rejection::OutOfRange { number: 0 }));
    let none = decide(&mut ledger, 1, &request(2, Operation::Release { record: record(1) }));
    assert_eq!(none, Err(Rejection::NotNumbered));
    decide(&mut ledger, 2, &request(3, Operation::Leap { number: MAX_NUMBER })).unwrap();
    let full = decide(&mut ledger, 3, &request(4, Operation::Allocate { record: record(2) }));
    assert_eq!(full, Err(Rejection::Exhausted));
}

fn number(ledger: &Ledger, record: RecordId) -> Option<u64> {
    ledger.number_of(record).map(|numbered| numbered.number)
}

fn compare_and_set(from: Option<u64>, to: Option<u64>) -> Operation {
    Operation::CompareAndSet { record: record(1), from, to }
}

#[test]
fn a_number_is_set_only_if_the_old_one_is_as_the_asker_thinks() {
    let mut ledger = Ledger::default();
    let set = |number, slot| Ok(Granted::Set { number: Some(Numbered { number, slot: Slot(slot) }) });
    assert_eq!(decide(&mut ledger, 0, &request(1, compare_and_set(None, Some(5)))), set(5, 0));
    let now = Some(Numbered { number: 5, slot: Slot(0) });
    for (seq, from) in [(2, None), (3, Some(4))] {
        let refused = decide(&mut ledger, 1, &request(seq, compare_and_set(from, Some(9))));
        assert_eq!(refused, Err(Rejection::Changed { now }));
    }
    assert_eq!(decide(&mut ledger, 2, &request(4, compare_and_set(Some(5), Some(5)))), set(5, 0), "nothing changes");
    assert_eq!(decide(&mut ledger, 3, &request(5, compare_and_set(Some(5), Some(9)))), set(9, 3));
    assert_eq!(ledger.owner_of(5), None, "the old number is free");
    assert_eq!(decide(&mut ledger, 4, &request(6, compare_and_set(Some(9), None))), Ok(Granted::Set { number: None }));
    assert_eq!((ledger.count(), ledger.highest()), (0, 9));
}

#[test]
fn a_number_that_cannot_be_set_leaves_the_old_one() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, Operation::Assign { record: record(2), number: 7 })).unwrap();
    decide(&mut ledger, 1, &request(2, compare_and_set(None, Some(5)))).unwrap();
    let taken = decide(&mut ledger, 2, &request(3, compare_and_set(Some(5), Some(7))));
    assert_eq!(taken, Err(Rejection::NumberTaken { number: 7, owner: record(2), slot: Slot(0) }));
    let zero = decide(&mut ledger, 3, &request(4, compare_and_set(Some(5), Some(0))));
    assert_eq!(zero, Err(Rejection::OutOfRange { number: 0 }));
    assert_eq!(number(&ledger, record(1)), Some(5));
}

const LESSEE: ReplicaId = ReplicaId(7);

fn grant(count: u32) -> Operation {
    Operation::GrantRange { to: LESSEE, count, above: 0 }
}

#[test]
fn what_is_leased_is_never_allocated_and_no_range_overlaps_another() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, Operation::Allocate { record: record(1) })).unwrap();
    let range = |first, last| Ok(Granted::Range(Range { first, last, to: LESSEE }));
    assert_eq!(decide(&mut ledger, 1, &request(2, grant(10))), range(2, 11));
    decide(&mut ledger, 2, &request(3, Operation::Allocate { record: record(2) })).unwrap();
    assert_eq!(number(&ledger, record(2)), Some(12));
    decide(&mut ledger, 3, &request(4, Operation::Raise { number: 20 })).unwrap();
    assert_eq!(decide(&mut ledger, 4, &request(5, grant(1))), range(21, 21));
    assert_eq!(ledger.ranges().map(|range| range.first).collect::<Vec<_>>(), [2, 21]);
}

#[test]
fn a_leased_number_is_given_by_its_lessee_alone() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, grant(10))).unwrap();
    let leased = Err(Rejection::NumberLeased { number: 10, to: LESSEE });
    assert_eq!(decide(&mut ledger, 1, &request(2, Operation::Assign { record: record(1), number: 10 })), leased);
    assert_eq!(decide(&mut ledger, 2, &request(3, compare_and_set(None, Some(10)))), leased);
    decide(&mut ledger, 3, &request(4, Operation::Assign { record: record(1), number: 11 })).unwrap();
    let own = by(LESSEE, 1, 0, Operation::Assign { record: record(2), number: 10 });
    assert_eq!(decide(&mut ledger, 4, &own), leased, "it gives them by itself, and may have given this one already");
    settle(&mut ledger, 5, &[given(LESSEE, 1, record(2), 10, true)]);
    assert_eq!(number(&ledger, record(2)), Some(10));
    settle(&mut ledger, 6, &[given(LESSEE, 2, record(3), 10, true)]);
    let taken = Rejection::NumberTaken { number: 10, owner: record(2), slot: Slot(5) };
    assert_eq!(conflicts(&ledger), [(10, taken, Some(12))], "nor can it give one twice");
}

#[test]
fn a_leased_number_that_was_freed_is_for_everybody() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, grant(10))).unwrap();
    settle(&mut ledger, 1, &[given(LESSEE, 1, record(2), 10, true)]);
    decide(&mut ledger, 2, &request(2, Operation::Release { record: record(2) })).unwrap();
    decide(&mut ledger, 3, &request(3, Operation::Assign { record: record(1), number: 10 })).unwrap();
    assert_eq!(number(&ledger, record(1)), Some(10));
}

fn given(by: ReplicaId, counter: u64, record: RecordId, number: u64, leased: bool) -> UnsettledNumber {
    UnsettledNumber { record, dot: Dot::new(by, counter), stamp: Stamp::default(), number, leased, epoch: 0 }
}

fn settle(ledger: &mut Ledger, slot: u64, numbers: &[UnsettledNumber]) -> (u32, u32) {
    match decide(
        ledger,
        slot,
        &request(1000 + slot, Operation::Settle { numbers: numbers.to_vec(), after: Vec::new() }),
    ) {
        Ok(Granted::Settled { settled, conflicts }) => (settled, conflicts),
        other => panic!("numbers are settled: {other:?}"),
    }
}

/// Of each conflict what was wanted, why it was not had, and what came in its place.
fn conflicts(ledger: &Ledger) -> Vec<(u64, Rejection, Option<u64>)> {
    let short = |conflict: &Conflict| {
        (conflict.provisional.number, conflict.because, conflict.given.map(|numbered| numbered.number))
    };
    ledger.conflicts().map(short).collect()
}

const TAB: ReplicaId = ReplicaId(21);
const OTHER_TAB: ReplicaId = ReplicaId(22);

#[test]
fn of_two_records_with_one_provisional_number_the_first_in_the_log_has_it_and_the_other_gets_the_next() {
    let mut ledger = Ledger::default();
    let numbers = [given(TAB, 1, record(1), 5, false), given(OTHER_TAB, 1, record(2), 5, false)];
    assert_eq!(settle(&mut ledger, 0, &numbers), (2, 1));
    assert_eq!((number(&ledger, record(1)), number(&ledger, record(2))), (Some(5), Some(6)));
    let taken = Rejection::NumberTaken { number: 5, owner: record(1), slot: Slot(0) };
    assert_eq!(conflicts(&ledger), [(5, taken, Some(6))]);
    assert_eq!(settle(&mut ledger, 1, &numbers), (0, 0), "they may come again, under another name");
    assert_eq!(conflicts(&ledger).len(), 1);
}

#[test]
fn a_loser_is_rejected_if_the_settings_say_so() {
    let mut ledger = Ledger::default();
    let dynamic = Dynamic { on_collision: OnCollision::Reject, ..Dynamic::default() };
    decide(&mut ledger, 0, &request(1, Operation::SetDynamic { dynamic })).unwrap();
    decide(&mut ledger, 1, &request(2, Operation::Assign { record: record(1), number: 5 })).unwrap();
    settle(&mut ledger, 2, &[given(TAB, 1, record(2), 5, false)]);
    assert_eq!(number(&ledger, record(2)), None);
    let taken = Rejection::NumberTaken { number: 5, owner: record(1), slot: Slot(1) };
    assert_eq!(conflicts(&ledger), [(5, taken, None)]);
}

#[test]
fn a_record_that_has_a_number_keeps_it_and_what_it_was_given_besides_is_a_conflict() {
    let mut ledger = Ledger::default();
    let both = [given(TAB, 1, record(1), 5, false), given(OTHER_TAB, 1, record(1), 6, false)];
    settle(&mut ledger, 0, &both);
    assert_eq!(number(&ledger, record(1)), Some(5));
    assert_eq!(conflicts(&ledger), [(6, Rejection::AlreadyNumbered { number: 5, slot: Slot(0) }, None)]);
    let same = given(TAB, 2, record(1), 5, false);
    assert_eq!(settle(&mut ledger, 1, &[same]), (1, 0), "the same number twice is none");
}

#[test]
fn the_number_that_came_of_a_conflict_goes_back_once() {
    let mut ledger = Ledger::default();
    settle(&mut ledger, 0, &[given(TAB, 1, record(1), 5, false), given(OTHER_TAB, 1, record(2), 5, false)]);
    let conflict = ledger.conflicts().next().unwrap().id;
    let undo = Operation::Resolve { conflict, resolution: Resolution::Undone };
    assert_eq!(decide(&mut ledger, 1, &request(1, undo.clone())), Ok(Granted::Resolved(Resolution::Undone)));
    assert_eq!(number(&ledger, record(2)), None);
    decide(&mut ledger, 2, &request(2, Operation::Assign { record: record(3), number: 6 })).unwrap();
    let again = Rejection::ResolvedAlready { resolution: Resolution::Undone };
    assert_eq!(decide(&mut ledger, 3, &request(3, undo)), Err(again));
}

#[test]
fn what_came_of_a_conflict_is_not_undone_if_the_record_has_another_number_by_now() {
    let mut ledger = Ledger::default();
    settle(&mut ledger, 0, &[given(TAB, 1, record(1), 5, false), given(OTHER_TAB, 1, record(2), 5, false)]);
    let conflict = ledger.conflicts().next().unwrap().id;
    let change = Operation::CompareAndSet { record: record(2), from: Some(6), to: Some(9) };
    decide(&mut ledger, 1, &request(1, change)).unwrap();
    let undo = Operation::Resolve { conflict, resolution: Resolution::Undone };
    let now = Some(Numbered { number: 9, slot: Slot(1) });
    assert_eq!(decide(&mut ledger, 2, &request(2, undo)), Err(Rejection::Changed { now }));
    let keep = Operation::Resolve { conflict, resolution: Resolution::Kept };
    assert_eq!(decide(&mut ledger, 3, &request(3, keep)), Ok(Granted::Resolved(Resolution::Kept)));
}

#[test]
fn an_epoch_ends_once() {
    let mut ledger = Ledger::default();
    let switch = |from| Operation::SetMode { from, level: Level::Leases, reason: Reason::Load, load: Load::default() };
    let begun = |number| Ok(Granted::Epoch { number, level: Level::Leases });
    assert_eq!(decide(&mut ledger, 0, &request(1, switch(Some(0)))), begun(1));
    assert_eq!(decide(&mut ledger, 1, &request(2, switch(Some(0)))), Err(Rejection::OtherEpoch { epoch: 1 }));
    assert_eq!(decide(&mut ledger, 2, &request(3, switch(None))), begun(2), "by hand, whichever it is");
    assert_eq!(ledger.epoch().since, Slot(2));
}

#[test]
fn settings_have_bounds() {
    let mut ledger = Ledger::default();
    let wrong = Dynamic { window_ms: 0, ..Dynamic::default() };
    let refused = Rejection::BadSetting { setting: Setting::WindowMs, least: 20, most: 60_000 };
    assert_eq!(decide(&mut ledger, 0, &request(1, Operation::SetDynamic { dynamic: wrong })), Err(refused));
    assert!(!ledger.is_dynamic_set());
    decide(&mut ledger, 1, &request(2, Operation::SetDynamic { dynamic: Dynamic::default() })).unwrap();
    assert!(ledger.is_dynamic_set());
}

#[test]
fn ranges_have_a_length_and_an_end() {
    let mut ledger = Ledger::default();
    for (seq, count) in [(1, 0), (2, MAX_RANGE + 1)] {
        assert_eq!(decide(&mut ledger, seq, &request(seq, grant(count))), Err(Rejection::RangeLength { count }));
    }
    decide(&mut ledger, 3, &request(3, Operation::Leap { number: MAX_NUMBER - 5 })).unwrap();
    assert_eq!(decide(&mut ledger, 4, &request(4, grant(6))), Err(Rejection::Exhausted));
    assert_eq!(ledger.highest(), MAX_NUMBER - 5, "a refusal takes nothing");
    decide(&mut ledger, 5, &request(5, grant(5))).unwrap();
}

fn raise(number: u64) -> Operation {
    Operation::Raise { number }
}

#[test]
fn what_an_asker_has_seen_decided_is_dropped_and_not_done_again() {
    let mut ledger = Ledger::default();
    for seq in 1..=3 {
        decide(&mut ledger, seq, &request(seq, raise(seq))).unwrap();
    }
    decide(&mut ledger, 4, &by(ReplicaId(9), 4, 2, raise(4))).unwrap();
    assert_eq!(decide(&mut ledger, 5, &request(1, raise(90))), Err(Rejection::Forgotten));
    assert_eq!(decide(&mut ledger, 6, &request(2, raise(90))), Err(Rejection::Forgotten));
    assert_eq!(decide(&mut ledger, 7, &request(3, raise(90))), Ok(Granted::Highest { number: 3 }), "this one is kept");
    assert_eq!(ledger.highest(), 4);
}

/// Requests of one replica may be decided in another order than it made them.
#[test]
fn an_earlier_request_that_comes_later_is_done() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(2, raise(20))).unwrap();
    assert_eq!(decide(&mut ledger, 1, &request(1, raise(30))), Ok(Granted::Highest { number: 30 }));
}

#[test]
fn who_says_more_is_settled_than_can_be_loses_its_earlier_outcomes_only() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &by(ReplicaId(9), 1, u64::MAX, raise(5))).unwrap();
    assert_eq!(decide(&mut ledger, 1, &request(1, raise(6))), Ok(Granted::Highest { number: 5 }), "its own is kept");
    assert_eq!(decide(&mut ledger, 2, &request(2, raise(7))), Ok(Granted::Highest { number: 7 }), "the next is done");
}

#[test]
fn of_an_asker_that_settles_nothing_the_last_outcomes_are_kept() {
    let mut ledger = Ledger::default();
    let last = MAX_OUTCOMES as u64 + 1;
    for seq in 1..=last {
        ledger.apply(Slot(seq), &request(seq, raise(seq)));
    }
    assert_eq!(decide(&mut ledger, 5000, &request(1, raise(9000))), Err(Rejection::Forgotten));
    assert_eq!(decide(&mut ledger, 5001, &request(2, raise(9000))), Ok(Granted::Highest { number: 2 }));
    assert_eq!(ledger.highest(), last);
}

/// One request each of more replicas than are remembered, in the slot of the replica's id: of the first it is forgotten.
fn crowded() -> Ledger {
    let mut ledger = Ledger::default();
    let policy = Policy { sessions: 100, ..Policy::default() };
    decide(&mut ledger, 0, &by(ReplicaId(999), 1, 0, Operation::SetPolicy { policy })).unwrap();
    for replica in 1..=101 {
        decide(&mut ledger, replica, &seen_at(replica, 2, replica - 1)).unwrap();
    }
    ledger
}

/// A request of a replica that knows the log so far. The highest number becomes the replica's.
fn seen_at(replica: u64, seq: u64, seen: u64) -> Entry {
    let id = RequestId { replica: ReplicaId(replica), seq };
    Entry::Command(Request { id, settled: 0, seen: Slot(seen), after: None, operation: raise(replica) })
}

#[test]
fn a_request_of_a_forgotten_replica_is_not_done_twice() {
    let mut ledger = crowded();
    let before = ledger.highest();
    assert_eq!(decide(&mut ledger, 20_000, &seen_at(1, 2, 0)), Err(Rejection::Forgotten));
    assert_eq!(ledger.highest(), before);
    let fresh = decide(&mut ledger, 20_001, &seen_at(1, 3, 20_000));
    assert_eq!(fresh, Ok(Granted::Highest { number: before }), "one that it makes after that is");
}

#[test]
fn of_too_many_replicas_the_quietest_is_forgotten() {
    let mut ledger = crowded();
    let remembered = Ok(Granted::Highest { number: 2 });
    assert_eq!(decide(&mut ledger, 20_000, &seen_at(2, 2, 1)), remembered, "it is remembered");
    decide(&mut ledger, 20_001, &seen_at(2, 3, 102)).unwrap();
    decide(&mut ledger, 20_002, &seen_at(90_000, 1, 20_000)).unwrap();
    assert_eq!(decide(&mut ledger, 20_003, &seen_at(2, 2, 1)), remembered, "it asked lately");
    assert_eq!(decide(&mut ledger, 20_004, &seen_at(3, 2, 2)), Err(Rejection::Forgotten));
}

/// Also if it has asked for something else since, and so is remembered anew.
#[test]
fn a_forgotten_request_stays_forgotten_when_its_replica_is_back() {
    let mut ledger = crowded();
    decide(&mut ledger, 20_000, &seen_at(1, 3, 20_000)).unwrap();
    assert_eq!(decide(&mut ledger, 20_001, &seen_at(1, 2, 0)), Err(Rejection::Forgotten));
    assert_eq!(decide(&mut ledger, 20_002, &seen_at(1, 1, 0)), Err(Rejection::Forgotten));
}

/// Whoever continues from a snapshot must forget the same.
#[test]
fn a_ledger_that_was_written_and_read_goes_on_alike() {
    let mut ledger = crowded();
    let mut read: Ledger = encoding::decode(&encoding::encode(&ledger)).expect("it reads as written");
    read.assert_invariants();
    assert_eq!(read, ledger);
    for (slot, entry) in (30_000..).zip([seen_at(1, 2, 0), seen_at(90_000, 1, 20_000), seen_at(3, 2, 2)]) {
        assert_eq!(decide(&mut read, slot, &entry), decide(&mut ledger, slot, &entry));
    }
    assert_eq!(encoding::encode(&read), encoding::encode(&ledger));
}

#[test]
fn configurations_follow_one_another_one_by_one() {
    let mut ledger = Ledger::default();
    let voters = |ids: &[u16]| ids.iter().map(|&id| (RelayId(id), ReplicaId(id.into()))).collect::<SortedMap<_, _>>();
    let founders = Configuration { number: 0, voters: voters(&[1]) };
    ledger.apply(Slot(0), &Entry::Configure(founders));
    let change = |from, ids: &[u16]| Operation::Reconfigure { from, voters: voters(ids) };
    let granted = decide(&mut ledger, 1, &request(1, change(0, &[1, 2, 3])));
    assert_eq!(granted, Ok(Granted::Configuration { number: 1 }));
    let under_way = decide(&mut ledger, 2, &request(2, change(0, &[2])));
    assert_eq!(under_way, Err(Rejection::ReconfigurationUnderWay { number: 1 }));
    let next = ledger.next_configuration().expect("it is to come").clone();
    ledger.apply(Slot(3), &Entry::Configure(next.clone()));
    assert_eq!((ledger.configuration(), ledger.next_configuration()), (Some(&next), None));
    let stale = decide(&mut ledger, 4, &request(3, change(0, &[2])));
    assert_eq!(stale, Err(Rejection::OtherConfiguration { number: 1 }));
}
