//! What takes the place of a long log.

use shared::base::dot::Dot;
use shared::base::encoding;
use shared::base::id::{RecordId, ReplicaId};
use shared::consensus::{Configuration, Position, Slot};
use shared::ledger::{Entry, Ledger, Operation, Policy, Request, RequestId};
use shared::replica::Tuning;
use shared::replica::io::{Recovered, Snapshot};

use super::{ELECTION, decided, elected_of, forgetful, outcome_of, raise};
use crate::room::{Node, Room, Setup};

fn log_start(room: &Room, node: Node) -> Slot {
    room.replica(node).view().log().start().slot
}

fn ledger_bytes(room: &Room, node: Node) -> Vec<u8> {
    encoding::encode(room.replica(node).view().ledger())
}

#[test]
fn a_late_tab_gets_a_snapshot_and_what_follows_it() {
    let (mut room, early, late) = (forgetful(2), 3, 4);
    room.connect(early, 0);
    raise(&mut room, early, 21);
    assert!(log_start(&room, 0) > Slot(0), "the relay has let go of the beginning");
    assert_eq!(log_start(&room, early), Slot(0));
    room.connect(late, 0);
    assert_eq!(room.parts, 1);
    assert!(Slot(0) < log_start(&room, late) && log_start(&room, late) < decided(&room, late), "both have arrived");
    assert_eq!(decided(&room, late), decided(&room, 0));
    assert_eq!(ledger_bytes(&room, late), ledger_bytes(&room, early));
    raise(&mut room, late, 1);
    assert_eq!(ledger_bytes(&room, late), ledger_bytes(&room, early), "and it goes on from there");
}

/// A ledger that is longer than one message may be.
fn long_ledger(founders: Configuration) -> (Ledger, Slot) {
    let mut ledger = Ledger::default();
    ledger.apply(Slot(0), &Entry::Configure(founders));
    for seq in 1..=30_000 {
        let operation = Operation::Allocate { record: RecordId(Dot::new(ReplicaId(u64::MAX), seq)) };
        let id = RequestId { replica: ReplicaId(5), seq };
        ledger
            .apply(Slot(seq), &Entry::Command(Request { id, settled: seq - 1, seen: Slot(0), after: None, operation }));
    }
    (ledger, Slot(30_001))
}

/// A relay that has nothing but a long snapshot, and a tab that is not connected to it; and the ledger.
fn room_with_a_long_snapshot() -> (Room, Ledger, usize) {
    let mut room = Room::new(1, 1);
    let (ledger, slot) = long_ledger(Configuration { number: 0, voters: room.relays([0]) });
    let at = Position { slot, chain: 7 };
    let snapshot = Snapshot { at, ledger: encoding::encode(&ledger) };
    let parts = snapshot.ledger.len().div_ceil(256 << 10);
    room.restore(0, Recovered { snapshot: Some(snapshot), log_start: at, decided: slot, ..Recovered::default() });
    (room, ledger, parts)
}

#[test]
fn a_long_snapshot_arrives_in_parts() {
    let (mut room, ledger, parts) = room_with_a_long_snapshot();
    assert!(parts > 1);
    room.connect(1, 0);
    assert_eq!(room.parts, parts);
    assert!(room.replica(1).view().ledger() == &ledger, "the ledger is the one that was sent");
}

#[test]
fn a_snapshot_whose_link_breaks_between_two_parts_arrives_over_the_next() {
    let (mut room, ledger, parts) = room_with_a_long_snapshot();
    room.begin_link(1, 0);
    while room.parts < parts {
        room.steps(1);
    }
    room.disconnect(1);
    assert_eq!(decided(&room, 1), Slot(0), "the last part was lost");
    room.connect(1, 0);
    assert!(room.replica(1).view().ledger() == &ledger);
}

/// What comes of the log, entry by entry as it is decided at a relay.
struct Fold {
    ledger: Ledger,
    until: Slot,
}

impl Fold {
    fn follow(&mut self, room: &Room, node: Node) {
        while let Some(decision) = room.replica(node).view().log().decision(self.until) {
            self.ledger.apply(self.until, &decision.entry);
            self.until = self.until.plus(1);
        }
    }
}

#[test]
fn a_ledger_from_a_snapshot_is_the_fold_of_the_log_to_the_byte() {
    let (mut room, tab, late) = (forgetful(2), 3, 4);
    room.connect(tab, 1);
    let mut fold = Fold { ledger: Ledger::default(), until: Slot(0) };
    let records: Vec<_> = (0..6).map(|person| room.add(tab, &format!("person {person}"), "")).collect();
    let of_tab = room.replica(tab).view().me();
    let mut operations: Vec<Operation> = records.iter().map(|&record| Operation::Allocate { record }).collect();
    operations.extend([
        Operation::Assign { record: records[0], number: 4 },
        Operation::GrantRange { to: of_tab, count: 10, above: 0 },
        Operation::Release { record: records[1] },
        Operation::CompareAndSet { record: records[2], from: Some(3), to: Some(9) },
        Operation::Raise { number: 100 },
    ]);
    for operation in operations {
        assert!(outcome_of(&mut room, tab, operation).is_some());
        fold.follow(&room, 0);
    }
    let policy = Policy { observers: 1, waive_after_ms: 500, ..Policy::default() };
    let voters = room.relays(0..3);
    for operation in
        [Operation::SetPolicy { policy }, Operation::Reconfigure { from: 0, voters }, Operation::Raise { number: 200 }]
    {
        assert!(matches!(outcome_of(&mut room, 0, operation), Some(Ok(_))));
        fold.follow(&room, 0);
    }
    room.connect(late, 2);
    room.restart(1);
    [0, 2].into_iter().for_each(|other| room.connect(1, other));
    assert!(log_start(&room, 1) > Slot(0) && log_start(&room, late) > Slot(0), "both came by a snapshot");
    for node in [0, 1, 2, tab, late] {
        assert_eq!(decided(&room, node), fold.until, "node {node} knows the log");
        assert_eq!(ledger_bytes(&room, node), encoding::encode(&fold.ledger), "at node {node}");
    }
}

#[test]
fn a_restarted_relay_goes_on_from_its_snapshot() {
    let mut room = forgetful(0);
    raise(&mut room, 0, 21);
    let (snapshot, start) = (room.replica(1).view().snapshot().cloned(), log_start(&room, 1));
    assert!(start > Slot(0));
    room.restart(1);
    assert_eq!(log_start(&room, 1), start);
    assert_eq!(room.replica(1).view().snapshot(), snapshot.as_ref());
    assert!(decided(&room, 1) >= snapshot.expect("one was taken").at.slot);
    [0, 2].into_iter().for_each(|other| room.connect(1, other));
    assert_eq!(ledger_bytes(&room, 1), ledger_bytes(&room, 0));
    room.disconnect(2);
    raise(&mut room, 0, 1);
    assert_eq!(room.forgot.len(), 0, "it has forgotten nothing, and votes again");
}

/// It may have been away for so long that nobody has the log any more from where it was.
#[test]
fn a_voter_that_was_long_away_catches_up_by_a_snapshot_and_votes() {
    let mut room = forgetful(0);
    room.disconnect(2);
    room.pass(ELECTION);
    raise(&mut room, 0, 21);
    let behind = decided(&room, 2);
    assert!(behind < log_start(&room, 0) && behind < log_start(&room, 1));
    [0, 1].into_iter().for_each(|other| room.connect(2, other));
    assert_eq!(ledger_bytes(&room, 2), ledger_bytes(&room, 0));
    room.disconnect(0);
    raise(&mut room, 2, 1);
    room.restart(2);
    assert!(log_start(&room, 2) > behind, "the snapshot is durable");
    room.connect(2, 1);
    room.pass(ELECTION);
    raise(&mut room, 2, 1);
}

#[test]
fn a_relay_without_a_vote_learns_the_log_and_keeps_a_snapshot() {
    let tuning = Tuning { log_kept: 4, ..Tuning::default() };
    let mut room = elected_of(Setup { voters: 1, relays: 2, tabs: 1, tuning });
    let (reader, tab) = (1, 2);
    raise(&mut room, 0, 20);
    assert!(log_start(&room, reader) > Slot(0));
    room.connect(tab, reader);
    raise(&mut room, tab, 1);
    assert_eq!(ledger_bytes(&room, tab), ledger_bytes(&room, 0));
}
