//! The rows in which a store keeps the durable state of a replica. Every store of Duet holds these rows, and maps only
//! keys and values: SQLite of a relay, IndexedDB of a tab.
//!
//! The first byte of a key is its [`tag`]. Numbers follow, of eight bytes each, the highest first. So the order of keys
//! is that of slots, and of dots.

use thiserror::Error;

use crate::base::dot::Dot;
use crate::base::encoding;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::base::sorted::SortedSet;
use crate::consensus::{Position, Slot};
use crate::merge::codec::rows::{dot_set_bytes, dot_set_of};
use crate::merge::document::Packed;
use crate::replica::io::{Snapshot, WriteOp};

/// The first byte of a key: the subject of the row.
pub mod tag {
    /// Reserved for the tab: the secret of its id.
    pub const SECRET: u8 = 0;
    /// Reserved for the tab: the schema of its records.
    pub const SCHEMA: u8 = 1;
    /// The number of the last own request.
    pub const REQUEST_SEQ: u8 = 2;
    /// In a tab: the own dots that are durable on a relay.
    pub const STORED: u8 = 3;
    /// A pending request, by its number.
    pub const PENDING: u8 = 4;
    /// The cursor of a lease, by the first number of the lease.
    pub const CURSOR: u8 = 5;
    /// The dots of one replica in the causal context.
    pub const CONTEXT: u8 = 6;
    /// The slot below which the log is decided. A store that looks after a replica for others reads only what is below.
    pub const DECIDED: u8 = 7;
    /// The snapshot, and the start of the log.
    pub const SNAPSHOT: u8 = 8;
    /// An entry of the log, by its slot.
    pub const LOG: u8 = 9;
    /// In a tab: the unattested edits.
    pub const UNATTESTED: u8 = 11;
    /// Reserved for the tab: neighbouring records, which share a row.
    pub const RECORDS: u8 = 12;
    /// In a tab: the reason why a record got no number.
    pub const REFUSED: u8 = 13;
    /// In a tab: the slot below which everything decided is visible.
    pub const RELEASED: u8 = 14;
    /// The numbers and authors that the replica does not believe.
    pub const DISTRUST: u8 = 15;
    /// In a tab: the counter of the last own edit that may have left it.
    pub const SENT: u8 = 16;
    /// In a tab: the number that a record had before a restore.
    pub const LOST_NUMBER: u8 = 17;
    /// In a relay: one version, by its record and its dot.
    pub const VERSION: u8 = 18;
    /// In a relay: its own acceptor state.
    pub const ACCEPTOR_STATE: u8 = 19;
    /// In a relay: the acceptor state of another voter, by its id.
    pub const REMEMBERED: u8 = 20;
    /// In a relay: the number to which the highest number was raised without the log.
    pub const RAISED: u8 = 21;
}

/// The kind of the replica whose state the rows hold. Each kind has writes that only it needs after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A tab. Its host keeps versions in rows of its own, which several records share.
    Tab,
    /// A relay: it has no user to answer, no relay that stores its edits, and no neighbours.
    Relay,
}

/// One change of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes a row, in the place of the row with the same key.
    Put {
        /// The length of the key, in bytes.
        key: usize,
        /// The key, and the value behind it.
        row: Vec<u8>,
    },
    /// Deletes all rows with keys in `from..until`.
    Drop {
        /// The first key.
        from: Vec<u8>,
        /// The first key that stays.
        until: Vec<u8>,
    },
}

/// A row that no replica has written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a row about {about} cannot be read")]
pub struct Unreadable {
    about: &'static str,
}

impl Unreadable {
    /// The error for a row about this subject.
    #[must_use]
    pub const fn new(about: &'static str) -> Self {
        Unreadable { about }
    }
}

/// Adds the changes by which a store carries out a write: the meaning of
/// [`Recovered::apply`](crate::replica::io::Recovered::apply). A write that the holder does not need adds none.
pub fn push_changes(op: &WriteOp, holder: Holder, changes: &mut Vec<Change>) {
    match op {
        WriteOp::PutContext(part) => changes.extend(
            part.replicas().map(|replica| put(key(tag::CONTEXT, &[replica.0]), &dot_set_bytes(&part.of(replica)))),
        ),
        WriteOp::DropContext(replica) => changes.push(drop_one(key(tag::CONTEXT, &[replica.0]))),
        WriteOp::Snapshot { snapshot, log_start } => {
            let positions =
                [snapshot.at, *log_start].map(|at| [at.slot.0.to_be_bytes(), at.chain.to_be_bytes()].concat());
            changes.push(put(key(tag::SNAPSHOT, &[]), &[&positions.concat(), &snapshot.ledger[..]].concat()));
            changes.push(Change::Drop { from: key(tag::LOG, &[]), until: key(tag::LOG, &[log_start.slot.0]) });
        }
        WriteOp::Accept { slot, accepted } => {
            changes.push(put(key(tag::LOG, &[slot.0]), &encoding::encode(accepted)));
        }
        WriteOp::Decided(slot) => changes.push(put_number(key(tag::DECIDED, &[]), slot.0)),
        WriteOp::RequestSeq(seq) => changes.push(put_number(key(tag::REQUEST_SEQ, &[]), *seq)),
        WriteOp::Ask(pending) => {
            changes.push(put(key(tag::PENDING, &[pending.request.id.seq]), &encoding::encode(pending)));
        }
        WriteOp::Answered(seq) => changes.push(drop_one(key(tag::PENDING, &[*seq]))),
        WriteOp::Distrust(distrust) => changes.push(put(key(tag::DISTRUST, &[]), &encoding::encode(distrust))),
        WriteOp::Cursor { first, next } => changes.push(put_number(key(tag::CURSOR, &[*first]), *next)),
        WriteOp::PutVersion { .. }
        | WriteOp::DropVersion { .. }
        | WriteOp::AcceptorState(_)
        | WriteOp::Remember { .. }
        | WriteOp::Raised(_) => {
            if holder == Holder::Relay {
                changes.extend(change_of_relay(op));
            }
        }
        WriteOp::LogDropped
        | WriteOp::LostNumber { .. }
        | WriteOp::Released(_)
        | WriteOp::Refused { .. }
        | WriteOp::Stored(_)
        | WriteOp::Sent(_)
        | WriteOp::Unattested(_) => {
            if holder == Holder::Tab {
                push_changes_of_tab(op, changes);
            }
        }
    }
}

/// The change by a write that only relays need.
fn change_of_relay(op: &WriteOp) -> Option<Change> {
    let version = |record: &RecordId, dot: &Dot| {
        let numbers = [record.0.replica().0, record.0.counter(), dot.replica().0, dot.counter()];
        key(tag::VERSION, &numbers)
    };
    match op {
        WriteOp::PutVersion { record, dot, version: packed } => Some(put(version(record, dot), packed.as_bytes())),
        WriteOp::DropVersion { record, dot } => Some(drop_one(version(record, dot))),
        WriteOp::AcceptorState(state) => Some(put(key(tag::ACCEPTOR_STATE, &[]), &encoding::encode(state))),
        WriteOp::Remember { voter, incarnation, acceptor_state } => {
            let value = encoding::encode(&(incarnation, acceptor_state));
            Some(put(key(tag::REMEMBERED, &[voter.0.into()]), &value))
        }
        WriteOp::Raised(number) => Some(put_number(key(tag::RAISED, &[]), *number)),
        _ => None,
    }
}

/// Adds the changes by a write that only tabs need.
fn push_changes_of_tab(op: &WriteOp, changes: &mut Vec<Change>) {
    let of_record = |tag, record: &RecordId| key(tag, &[record.0.replica().0, record.0.counter()]);
    match op {
        WriteOp::LogDropped => {
            changes.extend([tag::DECIDED, tag::SNAPSHOT, tag::RELEASED].map(|tag| drop_one(key(tag, &[]))));
            changes.push(Change::Drop { from: key(tag::LOG, &[]), until: key(tag::LOG + 1, &[]) });
        }
        WriteOp::LostNumber { record, number } => {
            let key = of_record(tag::LOST_NUMBER, record);
            changes.push(match number {
                Some(number) => put_number(key, *number),
                None => drop_one(key),
            });
        }
        WriteOp::Refused { record, rejection } => {
            let key = of_record(tag::REFUSED, record);
            changes.push(match rejection {
                Some(rejection) => put(key, &encoding::encode(rejection)),
                None => drop_one(key),
            });
        }
        WriteOp::Released(slot) => changes.push(put_number(key(tag::RELEASED, &[]), slot.0)),
        WriteOp::Stored(dots) => changes.push(put(key(tag::STORED, &[]), &dot_set_bytes(dots))),
        WriteOp::Sent(counter) => changes.push(put_number(key(tag::SENT, &[]), *counter)),
        WriteOp::Unattested(edits) => changes.push(put(key(tag::UNATTESTED, &[]), &encoding::encode(edits))),
        _ => {}
    }
}

/// The same changes without those rows that a later change writes again. Under load that is half of them.
#[must_use]
pub fn without_overwritten(changes: Vec<Change>) -> Vec<Change> {
    let mut written = SortedSet::new();
    let mut is_last: Vec<bool> = changes
        .iter()
        .rev()
        .map(|change| match change {
            Change::Put { key, row } => written.insert(&row[..*key]),
            Change::Drop { .. } => true,
        })
        .collect();
    changes.into_iter().filter(|_| is_last.pop().unwrap_or(true)).collect()
}

/// Splits a row into its key and its value.
///
/// # Errors
/// [`Unreadable`] if the row has a tag that this version does not know, or is too short.
pub fn split(row: &[u8]) -> Result<(&[u8], &[u8]), Unreadable> {
    let numbers = match *row.first().ok_or(Unreadable::new("nothing"))? {
        tag::VERSION => 4,
        tag::RECORDS | tag::REFUSED | tag::LOST_NUMBER => 2,
        tag::PENDING | tag::CURSOR | tag::CONTEXT | tag::LOG | tag::REMEMBERED => 1,
        tag::SECRET..=tag::RAISED => 0,
        _ => return Err(Unreadable::new("something newer")),
    };
    row.split_at_checked(1 + NUMBER * numbers).ok_or(Unreadable::new("too little"))
}

/// The write that has left a row with this key and this value.
///
/// # Errors
/// [`Unreadable`] if no replica has written the row.
pub fn op_of(key: &[u8], value: &[u8]) -> Result<WriteOp, Unreadable> {
    let (&tag, numbers) = key.split_first().ok_or(Unreadable::new("nothing"))?;
    match tag {
        tag::REQUEST_SEQ => one(value).map(WriteOp::RequestSeq).ok_or(Unreadable::new("requests")),
        tag::STORED => dot_set_of(value).map(WriteOp::Stored).map_err(|_| Unreadable::new("edits on relays")),
        tag::PENDING => decoded(value, "a request").map(WriteOp::Ask),
        tag::CURSOR => cursor_of(numbers, value).ok_or(Unreadable::new("a lease")),
        tag::CONTEXT => dot_set_of(value).map(WriteOp::PutContext).map_err(|_| Unreadable::new("the causal context")),
        tag::DECIDED => one(value).map(|slot| WriteOp::Decided(Slot(slot))).ok_or(Unreadable::new("the log")),
        tag::SNAPSHOT => snapshot_of(value).ok_or(Unreadable::new("the snapshot")),
        tag::LOG => {
            let slot = Slot(one(numbers).ok_or(Unreadable::new("the log"))?);
            Ok(WriteOp::Accept { slot, accepted: decoded(value, "the log")? })
        }
        tag::UNATTESTED => decoded(value, "other tabs").map(WriteOp::Unattested),
        tag::REFUSED => {
            let record = RecordId(dot(numbers).ok_or(Unreadable::new("a refusal"))?);
            Ok(WriteOp::Refused { record, rejection: Some(decoded(value, "a refusal")?) })
        }
        tag::RELEASED => {
            one(value).map(|slot| WriteOp::Released(Slot(slot))).ok_or(Unreadable::new("what is released"))
        }
        tag::DISTRUST => decoded(value, "numbers under its edits").map(WriteOp::Distrust),
        tag::SENT => one(value).map(WriteOp::Sent).ok_or(Unreadable::new("edits on their way")),
        tag::LOST_NUMBER => lost_number_of(numbers, value).ok_or(Unreadable::new("a number before a restore")),
        tag::VERSION => version_of(numbers, value).ok_or(Unreadable::new("a record")),
        tag::ACCEPTOR_STATE => decoded(value, "promises").map(WriteOp::AcceptorState),
        tag::REMEMBERED => {
            let voter = one(numbers).and_then(|voter| u16::try_from(voter).ok());
            let voter = RelayId(voter.ok_or(Unreadable::new("another voter"))?);
            let (incarnation, acceptor_state) = decoded(value, "another voter")?;
            Ok(WriteOp::Remember { voter, incarnation, acceptor_state })
        }
        tag::RAISED => one(value).map(WriteOp::Raised).ok_or(Unreadable::new("the highest number")),
        _ => Err(Unreadable::new("something newer")),
    }
}

fn decoded<T: serde::de::DeserializeOwned>(value: &[u8], about: &'static str) -> Result<T, Unreadable> {
    encoding::decode(value).map_err(|_| Unreadable::new(about))
}

fn cursor_of(numbers: &[u8], value: &[u8]) -> Option<WriteOp> {
    Some(WriteOp::Cursor { first: one(numbers)?, next: one(value)? })
}

fn lost_number_of(numbers: &[u8], value: &[u8]) -> Option<WriteOp> {
    Some(WriteOp::LostNumber { record: RecordId(dot(numbers)?), number: Some(one(value)?) })
}

fn version_of(mut numbers: &[u8], value: &[u8]) -> Option<WriteOp> {
    let record = RecordId(take_dot(&mut numbers)?);
    Some(WriteOp::PutVersion { record, dot: dot(numbers)?, version: Packed::from_bytes(record, value).ok()? })
}

fn snapshot_of(mut value: &[u8]) -> Option<WriteOp> {
    let [at, log_start] = [take_position(&mut value)?, take_position(&mut value)?];
    Some(WriteOp::Snapshot { snapshot: Snapshot { at, ledger: value.to_vec() }, log_start })
}

fn take_position(bytes: &mut &[u8]) -> Option<Position> {
    Some(Position { slot: Slot(take_number(bytes)?), chain: take_number(bytes)? })
}

/// The dot that these bytes are, and no more.
fn dot(mut bytes: &[u8]) -> Option<Dot> {
    take_dot(&mut bytes).filter(|_| bytes.is_empty())
}

/// The number that these bytes are, and no more.
fn one(mut bytes: &[u8]) -> Option<u64> {
    take_number(&mut bytes).filter(|_| bytes.is_empty())
}

/// The length of a number in a row, in bytes.
const NUMBER: usize = size_of::<u64>();

/// Takes a dot from the front of `bytes`: the replica, and the counter.
pub fn take_dot(bytes: &mut &[u8]) -> Option<Dot> {
    Dot::try_new(ReplicaId(take_number(bytes)?), take_number(bytes)?).ok()
}

/// Takes a number from the front of `bytes`.
pub fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*number))
}

/// The key of a [`tag`] and of numbers.
#[must_use]
pub fn key(tag: u8, numbers: &[u64]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + NUMBER * numbers.len());
    key.push(tag);
    numbers.iter().for_each(|number| key.extend(number.to_be_bytes()));
    key
}

/// The change that writes one row.
#[must_use]
pub fn put(mut key: Vec<u8>, value: &[u8]) -> Change {
    let length = key.len();
    key.extend(value);
    Change::Put { key: length, row: key }
}

fn put_number(key: Vec<u8>, number: u64) -> Change {
    put(key, &number.to_be_bytes())
}

/// The change that deletes one row.
#[must_use]
pub fn drop_one(key: Vec<u8>) -> Change {
    let mut until = key.clone();
    until.push(0);
    Change::Drop { from: key, until }
}

#[cfg(test)]
mod tests;
