//! The rows of a tab's database: [those of every store](shared::replica::rows), and those that only tabs have. Pure.

use shared::base::dot::{Dot, DotSet, MAX_COUNTER};
use shared::base::encoding;
use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::base::sorted::{SortedMap, SortedSet};
use shared::merge::document::{Document, Packed};
use shared::replica::io::{Recovered, WriteOp};
use shared::replica::rows::{self, Holder, drop_one, key, put, tag, take_dot, take_number};
use shared::schema::Schema;

pub use shared::replica::rows::{Change, Unreadable};

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
pub type Records = SortedMap<RecordId, SortedMap<Dot, Packed>>;

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
    let mut shelves = SortedSet::new();
    for op in ops {
        match op {
            WriteOp::PutVersion { record: RecordId(record), .. }
            | WriteOp::DropVersion { record: RecordId(record), .. } => {
                shelves.insert((record.replica(), record.counter() / SHELF));
            }
            op => rows::push_changes(&op, Holder::Tab, &mut changes),
        }
    }
    changes.extend(shelves.into_iter().map(|shelf| put_shelf(shelf, document)));
    changes
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
/// [`Unreadable`] for the first row that no tab has written.
pub fn read<'a>(rows: impl Iterator<Item = &'a [u8]>) -> Result<Kept, Unreadable> {
    let mut kept = Kept::default();
    for row in rows {
        let (key, value) = rows::split(row)?;
        match key[0] {
            tag::SECRET => {
                let bytes = value.try_into().map_err(|_| Unreadable::new("the secret"))?;
                kept.secret = Some(ReplicaSecret::new(bytes));
            }
            tag::SCHEMA => {
                kept.schema = Some(encoding::decode(value).map_err(|_| Unreadable::new("the schema"))?);
            }
            tag::RECORDS => take_shelf(row, &mut kept.recovered.records)?,
            _ => kept.recovered.apply(rows::op_of(key, value)?),
        }
    }
    Ok(kept)
}

/// The records in some rows of [records](RECORDS), as far as a replica with this causal context can have them.
///
/// # Errors
/// [`Unreadable`] for the first row that is none, or if [a replica cannot have](Recovered::check_records) the records.
pub fn read_records(rows: &[Vec<u8>], context: &DotSet) -> Result<Records, Unreadable> {
    let mut records = Records::new();
    for row in rows {
        take_shelf(row, &mut records)?;
    }
    Recovered::check_records(&records, context).map_err(|_| Unreadable::new("a record"))?;
    Ok(records)
}

/// Takes the records that share a row.
fn take_shelf(row: &[u8], records: &mut Records) -> Result<(), Unreadable> {
    let (mut key, mut value) = rows::split(row)?;
    let mut take = || {
        key = key.strip_prefix(&[tag::RECORDS])?;
        let replica = ReplicaId(take_number(&mut key)?);
        while !value.is_empty() {
            take_record(replica, &mut value, records)?;
        }
        Some(())
    };
    take().ok_or(Unreadable::new("a record"))
}

fn take_record(replica: ReplicaId, value: &mut &[u8], records: &mut Records) -> Option<()> {
    let record = RecordId(Dot::try_new(replica, take_number(value)?).ok()?);
    let dot = take_dot(value)?;
    let length = take_number(value)?.try_into().ok()?;
    let (version, rest) = value.split_at_checked(length)?;
    *value = rest;
    records.entry(record).or_default().insert(dot, Packed::from_bytes(record, version).ok()?);
    Some(())
}
