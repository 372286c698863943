//! Keys of HTTP requests.

use super::*;

fn keyed(key: u8) -> Keyed {
    Keyed { key: Key([key; 16]), hash: 1, since: Slot(0) }
}

fn raise(key: Keyed, number: u64) -> Operation {
    Operation::Once { keyed: key, operation: KeyedOperation::Raise { number } }
}

#[test]
fn the_first_entry_has_the_key_and_a_later_one_changes_nothing() {
    let mut ledger = Ledger::default();
    assert_eq!(decide(&mut ledger, 0, &request(1, raise(keyed(1), 5))), Ok(Granted::Highest { number: 5 }));
    assert_eq!(decide(&mut ledger, 1, &request(2, raise(keyed(1), 9))), Err(Rejection::Repeated));
    let other = Keyed { hash: 2, ..keyed(1) };
    assert_eq!(decide(&mut ledger, 2, &request(3, raise(other, 9))), Err(Rejection::KeyUsedOtherwise));
    // The same request once more is no other one.
    assert_eq!(decide(&mut ledger, 3, &request(1, raise(keyed(1), 5))), Ok(Granted::Highest { number: 5 }));
    assert_eq!(ledger.highest(), 5);
}

#[test]
fn what_was_refused_under_a_key_stays_refused() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, Operation::Assign { record: record(1), number: 7 })).unwrap();
    let operation =
        Operation::Once { keyed: keyed(1), operation: KeyedOperation::Assign { record: record(2), number: 7 } };
    let taken = Err(Rejection::NumberTaken { number: 7, owner: record(1), slot: Slot(0) });
    assert_eq!(decide(&mut ledger, 1, &request(2, operation.clone())), taken);
    decide(&mut ledger, 2, &request(3, Operation::Release { record: record(1) })).unwrap();
    assert_eq!(decide(&mut ledger, 3, &request(4, operation)), Err(Rejection::Repeated));
    assert_eq!(ledger.key_use(keyed(1).key).and_then(|used| used.end).map(|end| end.outcome), Some(taken));
}

#[test]
fn the_oldest_keys_are_forgotten_and_their_http_requests_refused_if_the_client_knew_the_log_no_further() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, Operation::SetPolicy { policy: Policy { sessions: 2, ..Policy::default() } }))
        .unwrap();
    for key in 1..=3 {
        decide(&mut ledger, u64::from(key), &request(1 + u64::from(key), raise(keyed(key), 10 * u64::from(key))))
            .unwrap();
    }
    assert!(ledger.key_use(keyed(1).key).is_none() && ledger.key_use(keyed(2).key).is_some());
    assert_eq!(decide(&mut ledger, 4, &request(5, raise(keyed(1), 10))), Err(Rejection::Forgotten));
    assert_eq!(decide(&mut ledger, 5, &request(6, raise(keyed(9), 10))), Err(Rejection::Forgotten));
    let anew = Keyed { since: Slot(2), ..keyed(1) };
    assert_eq!(decide(&mut ledger, 6, &request(7, raise(anew, 40))), Ok(Granted::Highest { number: 40 }));
}

#[test]
fn a_key_that_was_begun_is_free_again_when_its_asker_has_not_done_it_and_nobody_else_can_free_it() {
    let mut ledger = Ledger::default();
    let begin = |key| Operation::Once { keyed: key, operation: KeyedOperation::Begin };
    let finish = |seq, made| {
        let by = RequestId { replica: ReplicaId(9), seq };
        Operation::Finish { key: keyed(1).key, by, made }
    };
    assert_eq!(decide(&mut ledger, 0, &request(1, begin(keyed(1)))), Ok(Granted::Begun));
    assert_eq!(decide(&mut ledger, 1, &request(2, begin(keyed(1)))), Err(Rejection::Repeated));
    decide(&mut ledger, 2, &request(3, finish(2, None))).unwrap();
    assert!(ledger.key_use(keyed(1).key).is_some(), "the request 2 does not have it");
    decide(&mut ledger, 3, &request(4, finish(1, None))).unwrap();
    assert_eq!(decide(&mut ledger, 4, &request(5, begin(keyed(1)))), Ok(Granted::Begun));
    let made = Some(Made { record: Some(record(1)) });
    decide(&mut ledger, 5, &request(6, finish(5, made))).unwrap();
    decide(&mut ledger, 6, &request(7, finish(5, None))).unwrap();
    let end = ledger.key_use(keyed(1).key).and_then(|used| used.end).expect("it is done");
    assert_eq!((end.record, end.outcome), (Some(record(1)), Ok(Granted::Done)));
}

#[test]
fn two_entries_with_one_key_are_no_ledger() {
    let mut ledger = Ledger::default();
    decide(&mut ledger, 0, &request(1, raise(keyed(1), 5))).unwrap();
    decide(&mut ledger, 1, &request(2, raise(keyed(2), 6))).unwrap();
    let mut bytes = encoding::encode(&ledger);
    let two = bytes.windows(16).position(|window| window == [2; 16]).expect("the key is written as it is");
    bytes[two..two + 16].fill(1);
    let read: Ledger = encoding::decode(&bytes).expect("it can be read");
    assert!(read.check().is_err());
}
