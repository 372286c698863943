//! The rows of a tab's database: what each write does to them, and how they are read back. Pure.
//!
//! A row is its key, and what follows it. The first byte of a key says what the row is about; numbers in keys have eight
//! bytes, the highest first, so that the order of keys is that of slots.

use std::collections::{BTreeMap, BTreeSet};

use shared::base::dot::{Dot, DotSet, MAX_COUNTER};
use shared::base::encoding;
use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::consensus::{Position, Slot};
use shared::merge::document::{Document, Packed};
use shared::protocol;
use shared::replica::io::{Recovered, Snapshot, WriteOp};
use shared::schema::Schema;
use thiserror::Error;

/// What rows are about. Those of the replica's own doings come first: whoever looks after a replica reads only them.
mod tag {
    pub const SECRET: u8 = 0;
    pub const SCHEMA: u8 = 1;
    pub const CLAIM_SEQ: u8 = 2;
    pub const STORED: u8 = 3;
    pub const PENDING: u8 = 4;
    pub const CURSOR: u8 = 5;
    pub const CONTEXT: u8 = 6;
    pub const DECIDED: u8 = 7;
    pub const SNAPSHOT: u8 = 8;
    pub const LOG: u8 = 9;
    pub const UNATTESTED: u8 = 11;
    pub const RECORDS: u8 = 12;
    pub const REFUSED: u8 = 13;
    pub const RELEASED: u8 = 14;
    pub const DISTRUST: u8 = 15;
    pub const SENT: u8 = 16;
    pub const LOST_NUMBER: u8 = 17;
}

/// So many records that one replica has added one after the other share a row. A row for each would make the writing of a
/// whole document take several times as long; in longer rows one edit would rewrite more.
const SHELF: u64 = 16;

/// The keys of all rows about what the replica itself has done, and how far it is known elsewhere.
pub const OWN_DOINGS: (&[u8], &[u8]) = (&[tag::SECRET], &[tag::DECIDED]);
/// The keys of all rows.
pub const EVERYTHING: (&[u8], &[u8]) = (&[0], &[u8::MAX]);
/// The keys of all rows before those of records.
pub const BEFORE_RECORDS: (&[u8], &[u8]) = (&[0], &[tag::RECORDS]);
/// The keys of the rows of records.
pub const RECORDS: (&[u8], &[u8]) = (&[tag::RECORDS], &[tag::RECORDS + 1]);
/// The keys of all rows behind those of records.
pub const BEHIND_RECORDS: (&[u8], &[u8]) = (&[tag::RECORDS + 1], &[u8::MAX]);

/// How long the key of a row of records is.
pub const KEY_OF_RECORDS: usize = 17;

/// Records with their versions.
pub type Records = BTreeMap<RecordId, BTreeMap<Dot, Packed>>;

/// One change of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// In the place of the row with the same key, which is its first `key` bytes.
    Put {
        /// How many bytes of the row are its key.
        key: usize,
        /// The row.
        row: Vec<u8>,
    },
    /// Of all rows whose keys are in `from..until`.
    Drop {
        /// The first key.
        from: Vec<u8>,
        /// The first key that stays.
        until: Vec<u8>,
    },
}

/// What is in a database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// What proves the replica's id. The first row that is ever written; older databases have none.
    pub secret: Option<ReplicaSecret>,
    /// The schema of the records, if it was written.
    pub schema: Option<Schema>,
    /// The state of the replica, with the records that were read.
    pub recovered: Recovered,
}

/// The rows are not those of a tab.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a row about {about} cannot be read")]
pub struct Unreadable {
    about: &'static str,
}

const fn unreadable(about: &'static str) -> Unreadable {
    Unreadable { about }
}

/// The secret of the replica's id.
#[must_use]
pub fn put_secret(secret: &ReplicaSecret) -> Change {
    put(key(tag::SECRET, &[]), secret.as_bytes())
}

/// The schema that all versions follow.
#[must_use]
pub fn put_schema(schema: &Schema) -> Change {
    put(key(tag::SCHEMA, &[]), &encoding::encode(schema))
}

/// What writes do to the rows: the meaning of [`Recovered::apply`]. `document` is as the last of them leaves it.
#[must_use]
pub fn changes_of(ops: impl IntoIterator<Item = WriteOp>, document: &Document) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut shelves = BTreeSet::new();
    for op in ops {
        match op {
            WriteOp::PutVersion { record: RecordId(record), .. }
            | WriteOp::DropVersion { record: RecordId(record), .. } => {
                shelves.insert((record.replica(), record.counter() / SHELF));
            }
            op => change(op, &mut changes),
        }
    }
    changes.extend(shelves.into_iter().map(|shelf| put_shelf(shelf, document)));
    changes
}

/// What a write that is not about a record does.
fn change(op: WriteOp, changes: &mut Vec<Change>) {
    match op {
        WriteOp::PutContext(part) => changes.extend(
            part.replicas()
                .map(|replica| put(key(tag::CONTEXT, &[replica.0]), &protocol::dot_set_bytes(&part.of(replica)))),
        ),
        WriteOp::DropContext(replica) => changes.push(drop_one(key(tag::CONTEXT, &[replica.0]))),
        WriteOp::Snapshot { snapshot, log_start } => {
            let positions =
                [snapshot.at, log_start].map(|at| [at.slot.0.to_be_bytes(), at.chain.to_be_bytes()].concat());
            changes.push(put(key(tag::SNAPSHOT, &[]), &[&positions.concat(), &snapshot.ledger[..]].concat()));
            changes.push(Change::Drop { from: key(tag::LOG, &[]), until: key(tag::LOG, &[log_start.slot.0]) });
        }
        WriteOp::Accept { slot, accepted } => {
            changes.push(put(key(tag::LOG, &[slot.0]), &encoding::encode(&accepted)));
        }
        WriteOp::LogDropped => {
            changes.extend([tag::DECIDED, tag::SNAPSHOT, tag::RELEASED].map(|tag| drop_one(key(tag, &[]))));
            changes.push(Change::Drop { from: key(tag::LOG, &[]), until: key(tag::LOG + 1, &[]) });
        }
        WriteOp::LostNumber { record: RecordId(record), number } => {
            let key = key(tag::LOST_NUMBER, &[record.replica().0, record.counter()]);
            changes.push(number.map_or_else(|| drop_one(key.clone()), |number| put_number(key.clone(), number)));
        }
        WriteOp::Decided(slot) => changes.push(put_number(key(tag::DECIDED, &[]), slot.0)),
        WriteOp::Released(slot) => changes.push(put_number(key(tag::RELEASED, &[]), slot.0)),
        WriteOp::ClaimSeq(seq) => changes.push(put_number(key(tag::CLAIM_SEQ, &[]), seq)),
        WriteOp::Ask(pending) => {
            changes.push(put(key(tag::PENDING, &[pending.claim.id.seq]), &encoding::encode(&pending)));
        }
        WriteOp::Answered(seq) => changes.push(drop_one(key(tag::PENDING, &[seq]))),
        WriteOp::Refused { record: RecordId(record), rejection } => {
            let key = key(tag::REFUSED, &[record.replica().0, record.counter()]);
            changes.push(match rejection {
                Some(rejection) => put(key, &encoding::encode(&rejection)),
                None => drop_one(key),
            });
        }
        WriteOp::Stored(dots) => changes.push(put(key(tag::STORED, &[]), &protocol::dot_set_bytes(&dots))),
        WriteOp::Sent(counter) => changes.push(put_number(key(tag::SENT, &[]), counter)),
        WriteOp::Unattested(unattested) => changes.push(put(key(tag::UNATTESTED, &[]), &encoding::encode(&unattested))),
        WriteOp::Distrust(distrust) => changes.push(put(key(tag::DISTRUST, &[]), &encoding::encode(&distrust))),
        WriteOp::Cursor { first, next } => changes.push(put_number(key(tag::CURSOR, &[first]), next)),
        // Of relays alone.
        WriteOp::AcceptorState(_) | WriteOp::Remember { .. } | WriteOp::Raised(_) => {}
        WriteOp::PutVersion { .. } | WriteOp::DropVersion { .. } => unreachable!("they are about a record"),
    }
}

/// The row of a shelf as it reads now.
fn put_shelf((replica, number): (ReplicaId, u64), document: &Document) -> Change {
    let id = |counter: u64| RecordId(Dot::new(replica, counter.clamp(1, MAX_COUNTER)));
    let first = number * SHELF;
    let mut body = Vec::new();
    for (RecordId(record), dot, version) in document.packed(id(first)..=id(first + SHELF - 1)) {
        let length = version.as_bytes().len() as u64;
        [record.counter(), dot.replica().0, dot.counter(), length].iter().for_each(|n| body.extend(n.to_be_bytes()));
        body.extend(version.as_bytes());
    }
    let key = key(tag::RECORDS, &[replica.0, number]);
    if body.is_empty() { drop_one(key) } else { put(key, &body) }
}

/// What rows hold.
///
/// # Errors
/// [`Unreadable`] for the first row that is none.
pub fn read<'a>(rows: impl Iterator<Item = &'a [u8]>) -> Result<Kept, Unreadable> {
    let mut kept = Kept::default();
    let mut decided = Slot(0);
    for row in rows {
        let (&tag, mut body) = row.split_first().ok_or(unreadable("nothing"))?;
        match tag {
            tag::SECRET => {
                let bytes = body.try_into().map_err(|_| unreadable("the secret"))?;
                kept.secret = Some(ReplicaSecret::new(bytes));
            }
            tag::SCHEMA => kept.schema = Some(encoding::decode(body).map_err(|_| unreadable("the schema"))?),
            tag::DECIDED => decided = Slot(take_number(&mut body).ok_or(unreadable("the log"))?),
            tag::RECORDS => take_shelf(&mut body, &mut kept.recovered.records).ok_or(unreadable("a record"))?,
            _ => kept.recovered.apply(op_of(tag, body)?),
        }
    }
    // After a snapshot, which may be ahead of it.
    kept.recovered.decided = kept.recovered.decided.max(decided);
    Ok(kept)
}

/// The records in some rows of [records](RECORDS), as far as a replica with this causal context can have them.
///
/// # Errors
/// [`Unreadable`] for the first row that is none, or if a version was never seen.
pub fn read_records(rows: &[Vec<u8>], context: &DotSet) -> Result<Records, Unreadable> {
    let mut records = Records::new();
    for row in rows {
        let (_, mut body) = row.split_first().ok_or(unreadable("nothing"))?;
        take_shelf(&mut body, &mut records).ok_or(unreadable("a record"))?;
    }
    check_records(&records, context)?;
    Ok(records)
}

fn check_records(records: &Records, context: &DotSet) -> Result<(), Unreadable> {
    let is_known = |dot: &Dot| context.contains(*dot);
    let is_sound = records.values().all(|versions| versions.keys().all(is_known));
    if is_sound { Ok(()) } else { Err(unreadable("the causal context")) }
}

/// Refuses what no replica can have written, and none could start from.
///
/// # Errors
/// [`Unreadable`] if rows contradict one another.
pub fn check(kept: &Kept) -> Result<(), Unreadable> {
    let Recovered { context, records, snapshot, log_start, log, .. } = &kept.recovered;
    check_records(records, context)?;
    let end = log_start.slot.0.saturating_add(log.len() as u64);
    let follows = (log_start.slot.0..end).eq(log.keys().map(|slot| slot.0));
    let reaches = snapshot.as_ref().is_none_or(|snapshot| (log_start.slot.0..=end).contains(&snapshot.at.slot.0));
    if !follows || !reaches {
        return Err(unreadable("the log"));
    }
    match snapshot {
        Some(snapshot) if snapshot.read().is_err() => Err(unreadable("the ledger")),
        _ => Ok(()),
    }
}

/// The write that has left a row.
fn op_of(tag: u8, mut body: &[u8]) -> Result<WriteOp, Unreadable> {
    let body = &mut body;
    match tag {
        tag::CLAIM_SEQ => take_number(body).map(WriteOp::ClaimSeq).ok_or(unreadable("claims")),
        tag::STORED => protocol::dot_set_of(body).map(WriteOp::Stored).map_err(|_| unreadable("edits on relays")),
        tag::PENDING => {
            take_number(body);
            encoding::decode(body).map(WriteOp::Ask).map_err(|_| unreadable("a claim"))
        }
        tag::SENT => take_number(body).map(WriteOp::Sent).ok_or(unreadable("edits on their way")),
        tag::CURSOR => cursor_of(body).ok_or(unreadable("a lease")),
        tag::CONTEXT => {
            take_number(body);
            protocol::dot_set_of(body).map(WriteOp::PutContext).map_err(|_| unreadable("the causal context"))
        }
        tag::SNAPSHOT => snapshot_of(body).ok_or(unreadable("the snapshot")),
        tag::LOG => {
            let slot = Slot(take_number(body).ok_or(unreadable("the log"))?);
            let accepted = encoding::decode(body).map_err(|_| unreadable("the log"))?;
            Ok(WriteOp::Accept { slot, accepted })
        }
        tag::RELEASED => {
            take_number(body).map(|slot| WriteOp::Released(Slot(slot))).ok_or(unreadable("what is released"))
        }
        tag::LOST_NUMBER => lost_number_of(body).ok_or(unreadable("a number before a restore")),
        tag::REFUSED => refusal_of(body).ok_or(unreadable("a refusal")),
        tag::DISTRUST => {
            encoding::decode(body).map(WriteOp::Distrust).map_err(|_| unreadable("numbers under its edits"))
        }
        tag::UNATTESTED => encoding::decode(body).map(WriteOp::Unattested).map_err(|_| unreadable("other tabs")),
        _ => Err(unreadable("something newer")),
    }
}

fn cursor_of(body: &mut &[u8]) -> Option<WriteOp> {
    Some(WriteOp::Cursor { first: take_number(body)?, next: take_number(body)? })
}

fn refusal_of(body: &mut &[u8]) -> Option<WriteOp> {
    let record = RecordId(take_dot(body)?);
    Some(WriteOp::Refused { record, rejection: Some(encoding::decode(body).ok()?) })
}

fn lost_number_of(body: &mut &[u8]) -> Option<WriteOp> {
    let record = RecordId(take_dot(body)?);
    Some(WriteOp::LostNumber { record, number: Some(take_number(body)?) })
}

fn snapshot_of(body: &mut &[u8]) -> Option<WriteOp> {
    let [at, log_start] = [take_position(body)?, take_position(body)?];
    Some(WriteOp::Snapshot { snapshot: Snapshot { at, ledger: body.to_vec() }, log_start })
}

fn take_shelf(body: &mut &[u8], records: &mut Records) -> Option<()> {
    let (replica, _number) = (ReplicaId(take_number(body)?), take_number(body)?);
    while !body.is_empty() {
        let record = RecordId(Dot::try_new(replica, take_number(body)?).ok()?);
        let dot = take_dot(body)?;
        let length = take_number(body)?.try_into().ok()?;
        let (version, rest) = body.split_at_checked(length)?;
        *body = rest;
        let version = Packed::from_bytes(record, version).ok()?;
        records.entry(record).or_default().insert(dot, version);
    }
    Some(())
}

fn take_dot(body: &mut &[u8]) -> Option<Dot> {
    Dot::try_new(ReplicaId(take_number(body)?), take_number(body)?).ok()
}

fn take_position(body: &mut &[u8]) -> Option<Position> {
    Some(Position { slot: Slot(take_number(body)?), chain: take_number(body)? })
}

fn take_number(body: &mut &[u8]) -> Option<u64> {
    let (number, rest) = body.split_first_chunk()?;
    *body = rest;
    Some(u64::from_be_bytes(*number))
}

fn key(tag: u8, numbers: &[u64]) -> Vec<u8> {
    let mut key = vec![tag];
    numbers.iter().for_each(|number| key.extend(number.to_be_bytes()));
    key
}

fn put(mut key: Vec<u8>, body: &[u8]) -> Change {
    let length = key.len();
    key.extend(body);
    Change::Put { key: length, row: key }
}

fn put_number(key: Vec<u8>, number: u64) -> Change {
    put(key, &number.to_be_bytes())
}

fn drop_one(key: Vec<u8>) -> Change {
    let mut until = key.clone();
    until.push(0);
    Change::Drop { from: key, until }
}
