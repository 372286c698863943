//! How far one entry may raise the highest number.

use super::*;
use crate::schema::MAX_NUMBER;

fn too_far(number: u64, highest: u64) -> Outcome {
    Err(Rejection::TooFarAhead { number, highest, most: highest + DEFAULT_REACH })
}

fn highest(number: u64) -> Outcome {
    Ok(Granted::Highest { number })
}

#[test]
fn no_operation_raises_the_highest_number_further_than_the_reach() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, Operation::Assign { record: record(1), number: 7 })).unwrap();
    let far = 7 + DEFAULT_REACH + 1;
    let operations = [
        Operation::Raise { number: far },
        Operation::Assign { record: record(2), number: far },
        Operation::CompareAndSet { record: record(1), from: Some(7), to: Some(far) },
        Operation::CompareAndSet { record: record(2), from: None, to: Some(far) },
    ];
    for (seq, operation) in (2..).zip(operations) {
        assert_eq!(decide(&mut ledger, seq, &request(seq, operation)), too_far(far, 7));
    }
    assert_eq!((ledger.highest(), number(&ledger, record(1))), (7, Some(7)), "a refusal changes nothing");
    assert_eq!(decide(&mut ledger, 9, &request(9, Operation::Raise { number: far - 1 })), highest(far - 1));
    // From there the next step counts.
    assert_eq!(decide(&mut ledger, 10, &request(10, Operation::Raise { number: far })), highest(far));
}

#[test]
fn lease_above_a_number_that_is_too_far_begins_within_the_reach() {
    let mut ledger = Ledger::default();
    let operation = |above| Operation::GrantRange { to: ReplicaId(5), count: 10, above };
    let range = |first| Ok(Granted::Range(Range { first, last: first + 9, to: ReplicaId(5) }));
    assert_eq!(decide(&mut ledger, 0, &request(1, operation(20))), range(21));
    assert_eq!(decide(&mut ledger, 1, &request(2, operation(MAX_NUMBER))), range(30 + DEFAULT_REACH - 9));
    assert_eq!(ledger.highest(), 30 + DEFAULT_REACH);
}

#[test]
fn provisional_number_that_is_too_far_is_a_conflict_and_renumbered_or_rejected() {
    for (on_collision, given) in [(OnCollision::Renumber, Some(901)), (OnCollision::Reject, None)] {
        let mut ledger = Ledger::default();
        let dynamic = Dynamic { on_collision, ..Dynamic::default() };
        decide(&mut ledger, 0, &request(1, Operation::SetDynamic { dynamic })).unwrap();
        // The first does not make room for the second: both are of one entry.
        let numbers = vec![provisional(1, 900), provisional(2, DEFAULT_REACH + 1)];
        let settled = decide(&mut ledger, 1, &request(2, Operation::Settle { numbers, after: Vec::new() }));
        assert_eq!(settled, Ok(Granted::Settled { settled: 2, conflicts: 1 }));
        assert_eq!((number(&ledger, record(1)), number(&ledger, record(2))), (Some(900), given));
        let conflict = ledger.conflicts().next().expect("it is kept for people to see");
        assert!(matches!(conflict.because, Rejection::TooFarAhead { most: DEFAULT_REACH, .. }), "{conflict:?}");
    }
}

#[test]
fn operators_set_the_reach_and_leap_beyond_it() {
    let mut ledger = Ledger::default();
    assert_eq!(decide(&mut ledger, 0, &request(1, Operation::SetReach { most: 5 })), Ok(Granted::Reach { most: 5 }));
    let refused = Err(Rejection::TooFarAhead { number: 6, highest: 0, most: 5 });
    assert_eq!(decide(&mut ledger, 1, &request(2, Operation::Raise { number: 6 })), refused);
    assert_eq!(
        decide(&mut ledger, 2, &request(3, Operation::Leap { number: MAX_NUMBER - 1 })),
        highest(MAX_NUMBER - 1)
    );
    decide(&mut ledger, 3, &request(4, Operation::Allocate { record: record(1) })).unwrap();
    for most in [0, MAX_NUMBER + 1] {
        let out = decide(&mut ledger, 4 + most, &request(5 + most, Operation::SetReach { most }));
        assert_eq!(out, Err(Rejection::OutOfRange { number: most }));
    }
    assert_eq!(ledger.reach(), 5);
}
