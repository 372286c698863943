//! How provisional numbers become final.

use super::*;

/// A batch that was numbered offline: the first of its numbers is taken, the others are not.
#[test]
fn who_loses_a_number_gets_none_that_the_rest_of_the_batch_has() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, Operation::Assign { record: record(9), number: 2 })).unwrap();
    let numbers: Vec<_> = (0..4).map(|n| provisional(1 + n, 2 + n)).collect();
    let settled = decide(&mut ledger, 1, &request(2, Operation::Settle { numbers, after: Vec::new() }));
    assert_eq!(settled, Ok(Granted::Settled { settled: 4, conflicts: 1 }));
    let numbers = [1, 2, 3, 4].map(|counter| number(&ledger, record(counter)));
    assert_eq!(numbers, [Some(6), Some(3), Some(4), Some(5)]);
    let told: Vec<_> = ledger.conflicts().map(|conflict| (conflict.provisional.number, conflict.given)).collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].0, told[0].1.map(|given| given.number)), (2, Some(6)));
}

#[test]
fn several_losers_of_one_batch_get_numbers_in_their_order() {
    let mut ledger = Ledger::default();
    for (seq, taken) in [(1, 1), (2, 2)] {
        decide(&mut ledger, seq, &request(seq, Operation::Assign { record: record(20 + taken), number: taken }))
            .unwrap();
    }
    let numbers = vec![provisional(1, 1), provisional(2, 2), provisional(3, 3)];
    decide(&mut ledger, 3, &request(3, Operation::Settle { numbers, after: Vec::new() })).unwrap();
    assert_eq!([1, 2, 3].map(|counter| number(&ledger, record(counter))), [Some(4), Some(5), Some(3)]);
}
