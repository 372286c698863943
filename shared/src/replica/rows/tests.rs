use super::*;
use crate::base::dot::DotSet;
use crate::base::hlc::Stamp;
use crate::base::sorted::SortedMap;
use crate::consensus::{AcceptorState, Ballot};
use crate::ledger::{Accepted, Entry, Operation, Rejection, Request, RequestId};
use crate::merge::document::Document;
use crate::replica::io::{PendingRequest, Recovered};
use crate::replica::{Distrust, Unattested};
use crate::schema::{FieldEdit, NOTE, Schema};

/// A store in memory, as simple as can be.
#[derive(Default)]
struct Rows(SortedMap<Vec<u8>, Vec<u8>>);

impl Rows {
    fn carry_out(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put { key, row } => drop(self.0.insert(row[..key].to_vec(), row)),
                Change::Drop { from, until } => self.0.retain(|key, _| !(&from..&until).contains(&key)),
            }
        }
    }

    fn read(&self) -> Recovered {
        let mut recovered = Recovered::default();
        for (stored, row) in &self.0 {
            let (key, value) = split(row).expect("a tag that is known");
            assert_eq!(key, stored, "the key is as long as its tag says");
            recovered.apply(op_of(key, value).expect("a row that was written"));
        }
        recovered
    }
}

const RECORD: RecordId = RecordId(Dot::new(ReplicaId(u64::MAX), 3));

fn versions() -> Vec<WriteOp> {
    let op = Schema::people().op(NOTE, FieldEdit::Assign("a note".to_owned())).expect("a note");
    let edited = Document::default().edit(RECORD, RECORD.0, Stamp { wall_ms: 1, logical: 0 }, vec![op]);
    edited.expect("it is short").writes.into_iter().map(WriteOp::from).collect()
}

/// Writes of every kind but deletions, each with values that are not those of an empty state.
fn writes() -> Vec<WriteOp> {
    let ballot = Ballot { configuration: 1, round: u64::MAX, voter: RelayId(7) };
    let acceptor_state = AcceptorState { promised: ballot, accepted: (ballot, Slot(2)) };
    let id = RequestId { replica: ReplicaId(9), seq: 5 };
    let request = Request { id, settled: 0, seen: Slot(0), after: None, operation: Operation::Raise { number: 3 } };
    let at = |slot| Position { slot: Slot(slot), chain: u64::MAX - slot };
    let entry = |slot| WriteOp::Accept { slot: Slot(slot), accepted: Accepted { ballot, entry: Entry::Noop } };
    let mut writes = versions();
    writes.extend([0, 1, 2, 3].map(entry));
    writes.extend([
        WriteOp::Decided(Slot(3)),
        WriteOp::Snapshot { snapshot: Snapshot { at: at(3), ledger: vec![1, 2, 3] }, log_start: at(2) },
        WriteOp::AcceptorState(acceptor_state),
        WriteOp::Remember { voter: RelayId(8), incarnation: ReplicaId(u64::MAX), acceptor_state },
        WriteOp::Raised(99),
        WriteOp::RequestSeq(5),
        WriteOp::Ask(PendingRequest { request, is_fixed: true, is_asked: false }),
        WriteOp::Cursor { first: 10, next: 12 },
        WriteOp::Distrust(Distrust::default()),
        WriteOp::Unattested(Unattested::default()),
        WriteOp::Stored([RECORD.0].into_iter().collect()),
        WriteOp::Sent(4),
        WriteOp::Released(Slot(1)),
        WriteOp::Refused { record: RECORD, rejection: Some(Rejection::NotNumbered) },
        WriteOp::LostNumber { record: RECORD, number: Some(6) },
    ]);
    writes
}

/// The state that the writes make of nothing, without what the holder does not keep.
fn expected(holder: Holder, writes: &[WriteOp]) -> Recovered {
    let mut expected = Recovered::default();
    writes.iter().cloned().for_each(|op| expected.apply(op));
    let nothing = Recovered::default();
    match holder {
        Holder::Relay => Recovered {
            stored: nothing.stored,
            sent: nothing.sent,
            released: nothing.released,
            refused: nothing.refused,
            lost_numbers: nothing.lost_numbers,
            ..expected
        },
        Holder::Tab => Recovered {
            records: nothing.records,
            acceptor_state: nothing.acceptor_state,
            remembered: nothing.remembered,
            raised: nothing.raised,
            ..expected
        },
    }
}

fn changes(holder: Holder, writes: &[WriteOp]) -> Vec<Change> {
    let mut changes = Vec::new();
    writes.iter().for_each(|op| push_changes(op, holder, &mut changes));
    changes
}

#[test]
fn rows_say_what_apply_makes_of_the_writes() {
    let mut writes = writes();
    for holder in [Holder::Relay, Holder::Tab] {
        let mut rows = Rows::default();
        rows.carry_out(changes(holder, &writes));
        assert_eq!(rows.read(), expected(holder, &writes), "{holder:?}");
    }
    writes.extend([
        WriteOp::DropVersion { record: RECORD, dot: RECORD.0 },
        WriteOp::DropContext(RECORD.0.replica()),
        WriteOp::Answered(5),
        WriteOp::Refused { record: RECORD, rejection: None },
        WriteOp::LostNumber { record: RECORD, number: None },
    ]);
    for holder in [Holder::Relay, Holder::Tab] {
        let mut rows = Rows::default();
        rows.carry_out(changes(holder, &writes));
        let read = rows.read();
        assert_eq!(read, expected(holder, &writes), "{holder:?}");
        assert!(read.records.is_empty() && read.context == DotSet::default() && read.pending.is_empty());
    }
}

#[test]
fn log_that_is_dropped_leaves_no_row_of_itself() {
    let mut writes = writes();
    writes.push(WriteOp::LogDropped);
    let mut rows = Rows::default();
    rows.carry_out(changes(Holder::Tab, &writes));
    assert_eq!(rows.read(), expected(Holder::Tab, &writes));
}

#[test]
fn row_that_is_written_again_is_written_once() {
    let seq = |seq| put_number(key(tag::REQUEST_SEQ, &[]), seq);
    let lease = |first| drop_one(key(tag::CURSOR, &[first]));
    let all = vec![seq(1), lease(1), seq(2), lease(1), put_number(key(tag::SENT, &[]), 1), seq(3)];
    let kept = without_overwritten(all.clone());
    assert_eq!(kept, [&all[1], &all[3], &all[4], &all[5]].map(Clone::clone));
    let [mut with_all, mut with_kept] = [Rows::default(), Rows::default()];
    with_all.carry_out(all);
    with_kept.carry_out(kept);
    assert_eq!(with_all.0, with_kept.0);
}

#[test]
fn order_of_keys_is_that_of_slots() {
    let mut slots = [1, 255, 256, 70_000, u64::MAX].map(|slot| key(tag::LOG, &[slot]));
    let ascending = slots.clone();
    slots.sort();
    assert_eq!(slots, ascending);
}

#[test]
fn rows_that_no_replica_has_written_are_refused() {
    for holder in [Holder::Relay, Holder::Tab] {
        for change in changes(holder, &writes()) {
            let Change::Put { key, row } = change else { continue };
            assert!(op_of(&row[..key], &row[key..]).is_ok());
            assert!(split(&row[..key - 1]).is_err() || key == 1, "{row:?}");
            let longer = [&row[..key], &[0]].concat();
            let is_of_one = matches!(row[0], tag::CONTEXT | tag::PENDING) || key == 1;
            assert!(is_of_one || op_of(&longer, &row[key..]).is_err(), "{row:?}");
        }
    }
    for (key, value) in [
        (&[] as &[u8], &[] as &[u8]),
        (&[77], &[]),
        (&[tag::VERSION], &[1]),
        (&[tag::REQUEST_SEQ], &[1; 7]),
        (&[tag::REQUEST_SEQ], &[1; 9]),
        (&key(tag::REMEMBERED, &[1 << 16]), &encoding::encode(&(ReplicaId(1), AcceptorState::ZERO))),
        (&key(tag::LOST_NUMBER, &[1, 0]), &[0; 8]),
    ] {
        assert!(op_of(key, value).is_err(), "{key:?}");
    }
}

#[test]
fn damaged_row_is_read_or_refused() {
    for holder in [Holder::Relay, Holder::Tab] {
        for change in changes(holder, &writes()) {
            let Change::Put { row, .. } = change else { continue };
            for (at, byte) in (0..row.len()).flat_map(|at| [0, 1, 0x7f, 0x80, 0xff].map(|byte| (at, byte))) {
                let mut damaged = row.clone();
                damaged[at] = byte;
                for damaged in [&damaged[..], &damaged[..at]] {
                    let Ok((key, value)) = split(damaged) else { continue };
                    let Ok(op) = op_of(key, value) else { continue };
                    Recovered::default().apply(op.clone());
                    // A row that can be read can be written.
                    push_changes(&op, holder, &mut Vec::new());
                }
            }
        }
    }
}
