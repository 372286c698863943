//! One record to which two replicas gave a number at a time: one out of a lease, and one provisionally.

use shared::base::id::RecordId;
use shared::ledger::{Dynamic, Level, OnCollision};
use shared::replica::io::Command;

use super::dynamic::{by_hand, conflicts, finally, for_now, held, number, set};
use super::{ELECTION, elected, outcome_of};
use crate::room::Room;

/// A record that got a provisional number, and after that one out of a lease from a replica that had not heard of the
/// first; and the number out of the lease. Both are settled at a time.
fn numbered_twice(on_collision: OnCollision, provisional: u64) -> (Room, RecordId, u64) {
    let (mut room, chooser, lessee) = (elected(3, 2), 3, 4);
    set(&mut room, Dynamic { on_collision, ..Dynamic::default() });
    room.connect(chooser, 0);
    room.connect(lessee, 1);
    room.command(lessee, Command::Lease { count: 10 });
    assert!(matches!(outcome_of(&mut room, 0, by_hand(Level::Provisional)), Some(Ok(_))), "nothing is settled for now");
    let anna = room.add(chooser, "Anna", "");
    room.disconnect(chooser);
    room.disconnect(lessee);
    assert_eq!(for_now(number(&mut room, chooser, anna, Some(provisional))), provisional);
    let leased = finally(number(&mut room, lessee, anna, None));
    room.connect(chooser, 0);
    room.connect(lessee, 1);
    assert!(matches!(outcome_of(&mut room, 0, by_hand(Level::Batching)), Some(Ok(_))), "everything is settled");
    room.pass(ELECTION);
    (room, anna, leased)
}

#[test]
fn what_was_told_to_be_final_stays_whoever_chose_something_else_before() {
    let (room, anna, leased) = numbered_twice(OnCollision::Renumber, 30);
    for node in 0..5 {
        assert_eq!(held(&room, node, anna), Some(leased), "at node {node}");
    }
    let numbers: Vec<u64> = conflicts(&room, 0).iter().map(|conflict| conflict.provisional.number).collect();
    assert_eq!(numbers, [30], "it is the provisional one that gives way");
}

#[test]
fn who_chose_the_number_that_the_lessee_gave_the_same_record_is_in_no_conflict() {
    for on_collision in [OnCollision::Renumber, OnCollision::Reject] {
        let (room, anna, leased) = numbered_twice(on_collision, 1);
        assert_eq!((held(&room, 0, anna), leased), (Some(1), 1));
        assert_eq!(conflicts(&room, 0), [], "{on_collision:?}");
    }
}
