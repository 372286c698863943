//! The database of a relay: one SQLite file, one writer thread, many batches per commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc as blocking;
use std::thread;

use rusqlite::types::Type;
use rusqlite::{Connection, Transaction, params};
use shared::document::Packed;
use shared::dot::{Dot, MAX_COUNTER};
use shared::id::{RecordId, ReplicaId, VoterId};
use shared::io::{Recovered, WriteBatch, WriteId, WriteOp};
use shared::paxos::{Accepted, Ballot, Slot};
use shared::schema::Schema;
use shared::wire::{self, Room};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::schema::{self, Difference};

const FILE_NAME: &str = "duet.sqlite3";
const LOCK_NAME: &str = "lock";

/// Marks a SQLite file as one of ours ("Duet").
const APPLICATION_ID: i64 = 0x4475_6574;
/// The version of the tables and of what is in them, in `user_version`.
const SCHEMA_VERSION: i64 = 2;

/// Unsigned 64-bit ids and counters are stored as the signed integers of the same bits, which is all SQLite has.
const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE voter (id INTEGER PRIMARY KEY, incarnation INTEGER) STRICT;
CREATE TABLE version (
    room TEXT NOT NULL,
    record_replica INTEGER NOT NULL, record_counter INTEGER NOT NULL,
    replica INTEGER NOT NULL, counter INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (room, record_replica, record_counter, replica, counter)
) STRICT, WITHOUT ROWID;
CREATE TABLE context (
    room TEXT NOT NULL, replica INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (room, replica)
) STRICT, WITHOUT ROWID;
CREATE TABLE promise (room TEXT PRIMARY KEY, round INTEGER NOT NULL, voter INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE log (
    room TEXT NOT NULL, slot INTEGER NOT NULL,
    round INTEGER NOT NULL, voter INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (room, slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE progress (
    room TEXT PRIMARY KEY, decided INTEGER NOT NULL DEFAULT 0, claim_seq INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
";

/// Why a database cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("cannot use the data directory {dir}: {source}: give one that this user may write, with --data-dir")]
    Directory { dir: PathBuf, source: io::Error },
    #[error("another relay is using the data directory {dir}: stop it, or give this one its own with --data-dir")]
    Busy { dir: PathBuf },
    #[error(
        "{file} is not a database of this version of Duet (found version {found}, need {SCHEMA_VERSION}): run the version that wrote it, or give another --data-dir"
    )]
    OtherVersion { file: PathBuf, found: i64 },
    #[error("the database {file} belongs to {theirs}: start it with --id {}, or give another --data-dir", theirs.0)]
    OtherVoter { file: PathBuf, theirs: VoterId },
    #[error(
        "the database {file} was made for the voters {}, and --peers says {}: a majority of the one set could decide what a majority of the other knows nothing of; start it with the same relays, or give another --data-dir", ids(.theirs), ids(.ours)
    )]
    OtherVoters { file: PathBuf, theirs: BTreeSet<VoterId>, ours: BTreeSet<VoterId> },
    #[error(
        "the database {file} was made with another schema: {difference}; start with the --schema that it was made with, which may only grow at its end and by fields that are not required, or give another --data-dir"
    )]
    OtherSchema { file: PathBuf, difference: Difference },
    #[error(
        "the database {file} is broken ({reason}): do not restore an older copy, since a relay must not forget its votes; move the data directories of all relays away to start anew"
    )]
    Broken { file: PathBuf, reason: String },
    #[error(
        "cannot write to the database ({0}): the relay stops, since nothing more can be promised; make room on the disk or repair it, then start again"
    )]
    Write(rusqlite::Error),
    #[error("the writer thread of the database has ended unexpectedly")]
    WriterGone,
}

/// The open database of one relay.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    file: PathBuf,
    replica: ReplicaId,
    met: BTreeMap<VoterId, ReplicaId>,
    /// Held as long as the database is open; the system frees it however the process ends.
    _lock: File,
}

impl Store {
    /// Opens the database in `dir`, and creates it if there is none.
    ///
    /// # Errors
    /// [`StoreError`], each with what to do about it.
    pub fn open(dir: &Path, purpose: &Purpose) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory { dir: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let lock = File::create(dir.join(LOCK_NAME)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let file = dir.join(FILE_NAME);
        let broken = |error: rusqlite::Error| StoreError::Broken { file: file.clone(), reason: error.to_string() };
        let mut connection = Connection::open(&file).map_err(broken)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(broken)?;
        let application: i64 =
            connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(broken)?;
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(broken)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(broken)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(broken)?;
        if (found, application, tables) == (0, 0, 0) {
            create(&mut connection, purpose).map_err(StoreError::Write)?;
        } else if (found, application) != (SCHEMA_VERSION, APPLICATION_ID) {
            return Err(StoreError::OtherVersion { file, found });
        }
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(broken)?;
        if check != "ok" {
            return Err(StoreError::Broken { file, reason: check });
        }
        let MadeFor { replica, purpose: made_for, met } = MadeFor::read(&connection).map_err(broken)?;
        purpose.check_against(&made_for, &file)?;
        if purpose.schema != made_for.schema {
            put_schema(&connection, &purpose.schema).map_err(StoreError::Write)?;
        }
        Ok(Store { connection, file, replica, met, _lock: lock })
    }

    /// The identity of this database.
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// The incarnations of the other voters that this relay has met: the ids of their databases.
    pub fn met(&self) -> &BTreeMap<VoterId, ReplicaId> {
        &self.met
    }

    /// The durable state of every room.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if something cannot be read back.
    pub fn load(&self) -> Result<BTreeMap<Room, Recovered>, StoreError> {
        let mut rooms = BTreeMap::new();
        self.load_document(&mut rooms)
            .and_then(|()| self.load_log(&mut rooms))
            .and_then(|()| self.load_progress(&mut rooms))
            .map_err(|reason| StoreError::Broken { file: self.file.clone(), reason })?;
        Ok(rooms)
    }

    fn load_document(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        self.each("SELECT room, body FROM context", |row| {
            let part = wire::dot_set_of(bytes(row, 1)?).map_err(text)?;
            room(rooms, row)?.apply(WriteOp::PutContext(part));
            Ok(())
        })?;
        let versions = "SELECT room, record_replica, record_counter, replica, counter, body FROM version";
        self.each(versions, |row| {
            let record = RecordId(dot(row, 1)?);
            let version = Packed::from_bytes(record, bytes(row, 5)?).map_err(text)?;
            room(rooms, row)?.apply(WriteOp::PutVersion { record, dot: dot(row, 3)?, version });
            Ok(())
        })
    }

    fn load_log(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        self.each("SELECT room, round, voter FROM promise", |row| {
            room(rooms, row)?.promised = Some(ballot(row, 1)?);
            Ok(())
        })?;
        self.each("SELECT room, slot, round, voter, body FROM log", |row| {
            let entry = wire::plain_of(bytes(row, 4)?).map_err(text)?;
            let (slot, accepted) = (Slot(unsigned(row, 1)?), Accepted { ballot: ballot(row, 2)?, entry });
            room(rooms, row)?.apply(WriteOp::Accept { slot, accepted });
            Ok(())
        })
    }

    fn load_progress(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        self.each("SELECT room, decided, claim_seq FROM progress", |row| {
            let (decided, claim_seq) = (Slot(unsigned(row, 1)?), unsigned(row, 2)?);
            let recovered = room(rooms, row)?;
            (recovered.decided, recovered.claim_seq) = (decided, claim_seq);
            Ok(())
        })
    }

    fn each(&self, query: &str, mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), String>) -> Result<(), String> {
        let mut statement = self.connection.prepare(query).map_err(text)?;
        let mut rows = statement.query([]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            take(row)?;
        }
        Ok(())
    }

    /// Makes tasks durable, all or nothing.
    fn commit(&mut self, tasks: &[Task]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for task in tasks {
            match task {
                Task::Write(room, batch) => {
                    batch.ops.iter().try_for_each(|op| write(&transaction, room.as_str(), op))?;
                }
                Task::Meet(voter, incarnation) => {
                    let set = "UPDATE voter SET incarnation = ?2 WHERE id = ?1";
                    transaction.execute(set, params![voter.0, incarnation.0 as i64])?;
                }
            }
        }
        transaction.commit()
    }
}

fn create(connection: &mut Connection, Purpose { voter, voters, schema }: &Purpose) -> rusqlite::Result<()> {
    let replica = getrandom::u64().expect("the system gives random numbers");
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    let insert = "INSERT INTO meta VALUES ('replica', ?1), ('voter', ?2)";
    transaction.execute(insert, params![replica as i64, voter.0])?;
    for voter in voters {
        transaction.execute("INSERT INTO voter (id) VALUES (?1)", [voter.0])?;
    }
    put_schema(&transaction, schema)?;
    transaction.commit()
}

fn put_schema(connection: &Connection, schema: &Schema) -> rusqlite::Result<()> {
    let put = "INSERT OR REPLACE INTO meta VALUES ('schema', ?1)";
    connection.execute(put, [schema::to_text(schema)]).map(drop)
}

/// What a database is for.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub voter: VoterId,
    /// All voters, this one among them.
    pub voters: BTreeSet<VoterId>,
    pub schema: Schema,
}

impl Purpose {
    /// Whether the database in `file` can be used, which was made for `theirs`.
    fn check_against(&self, theirs: &Purpose, file: &Path) -> Result<(), StoreError> {
        let file = file.to_owned();
        if theirs.voter != self.voter {
            return Err(StoreError::OtherVoter { file, theirs: theirs.voter });
        }
        if theirs.voters != self.voters {
            return Err(StoreError::OtherVoters { file, theirs: theirs.voters.clone(), ours: self.voters.clone() });
        }
        match schema::difference(&theirs.schema, &self.schema) {
            Some(difference) => Err(StoreError::OtherSchema { file, difference }),
            None => Ok(()),
        }
    }
}

/// Whose database it is, and what it was made for.
struct MadeFor {
    replica: ReplicaId,
    purpose: Purpose,
    met: BTreeMap<VoterId, ReplicaId>,
}

impl MadeFor {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let get = "SELECT value FROM meta WHERE key = ?1";
        let replica: i64 = connection.query_row(get, ["replica"], |row| row.get(0))?;
        let voter = VoterId(connection.query_row(get, ["voter"], |row| row.get(0))?);
        let schema = connection.query_row(get, ["schema"], |row| {
            schema::from_text(row.get_ref(0)?.as_str()?)
                .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))
        })?;
        let purpose = Purpose { voter, voters: BTreeSet::new(), schema };
        let mut made_for = MadeFor { replica: ReplicaId(replica as u64), purpose, met: BTreeMap::new() };
        let mut statement = connection.prepare("SELECT id, incarnation FROM voter")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (voter, incarnation) = (VoterId(row.get(0)?), row.get::<_, Option<i64>>(1)?);
            made_for.purpose.voters.insert(voter);
            made_for.met.extend(incarnation.map(|id| (voter, ReplicaId(id as u64))));
        }
        Ok(made_for)
    }
}

fn ids(voters: &BTreeSet<VoterId>) -> String {
    voters.iter().map(|voter| voter.0.to_string()).collect::<Vec<_>>().join(", ")
}

/// Carries out one write: the SQL of what `Recovered::apply` means.
fn write(transaction: &Transaction<'_>, room: &str, op: &WriteOp) -> rusqlite::Result<()> {
    let execute =
        |sql: &str, values: &[&dyn rusqlite::ToSql]| transaction.prepare_cached(sql)?.execute(values).map(drop);
    match op {
        WriteOp::PutVersion { record: RecordId(record), dot, version } => execute(
            "INSERT OR REPLACE INTO version (room, record_replica, record_counter, replica, counter, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                room,
                record.replica.0 as i64,
                record.counter as i64,
                dot.replica.0 as i64,
                dot.counter as i64,
                version.as_bytes()
            ],
        ),
        WriteOp::DropVersion { record: RecordId(record), dot } => execute(
            "DELETE FROM version
             WHERE room = ?1 AND record_replica = ?2 AND record_counter = ?3 AND replica = ?4 AND counter = ?5",
            params![room, record.replica.0 as i64, record.counter as i64, dot.replica.0 as i64, dot.counter as i64],
        ),
        WriteOp::PutContext(part) => part.replicas().try_for_each(|replica| {
            execute(
                "INSERT OR REPLACE INTO context (room, replica, body) VALUES (?1, ?2, ?3)",
                params![room, replica.0 as i64, wire::dot_set_bytes(&part.of(replica))],
            )
        }),
        WriteOp::Promise(ballot) => execute(
            "INSERT OR REPLACE INTO promise (room, round, voter) VALUES (?1, ?2, ?3)",
            params![room, ballot.round as i64, ballot.voter.0],
        ),
        WriteOp::Accept { slot, accepted: Accepted { ballot, entry } } => execute(
            "INSERT OR REPLACE INTO log (room, slot, round, voter, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![room, slot.0 as i64, ballot.round as i64, ballot.voter.0, wire::plain_bytes(entry)],
        ),
        WriteOp::Decided(slot) => execute(
            "INSERT INTO progress (room, decided) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET decided = ?2",
            params![room, slot.0 as i64],
        ),
        WriteOp::ClaimSeq(seq) => execute(
            "INSERT INTO progress (room, claim_seq) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET claim_seq = ?2",
            params![room, *seq as i64],
        ),
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> Result<u64, String> {
    row.get::<_, i64>(column).map(|signed| signed as u64).map_err(text)
}

fn dot(row: &rusqlite::Row<'_>, column: usize) -> Result<Dot, String> {
    let (replica, counter) = (ReplicaId(unsigned(row, column)?), unsigned(row, column + 1)?);
    if (1..=MAX_COUNTER).contains(&counter) {
        Ok(Dot { replica, counter })
    } else {
        Err(format!("no dot has the counter {counter}"))
    }
}

fn ballot(row: &rusqlite::Row<'_>, column: usize) -> Result<Ballot, String> {
    Ok(Ballot { round: unsigned(row, column)?, voter: VoterId(row.get(column + 1).map_err(text)?) })
}

fn bytes<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> Result<&'a [u8], String> {
    row.get_ref(column).map_err(text)?.as_blob().map_err(text)
}

/// The state of the room that the first column of a row names.
fn room<'a>(rooms: &'a mut BTreeMap<Room, Recovered>, row: &rusqlite::Row<'_>) -> Result<&'a mut Recovered, String> {
    let name: String = row.get(0).map_err(text)?;
    Ok(rooms.entry(Room::try_from(name).map_err(text)?).or_default())
}

/// What has become durable by one commit.
#[derive(Debug)]
pub struct Persisted {
    /// For each room the last batch; all before it are durable too.
    pub last: BTreeMap<Room, WriteId>,
    /// How many batches the commit held.
    pub batches: usize,
}

impl Persisted {
    fn by(tasks: Vec<Task>) -> Self {
        let mut persisted = Persisted { last: BTreeMap::new(), batches: 0 };
        for task in tasks {
            if let Task::Write(room, batch) = task {
                persisted.last.insert(room, batch.id);
                persisted.batches += 1;
            }
        }
        persisted
    }
}

/// Something to be made durable, in its turn.
#[derive(Debug)]
enum Task {
    Write(Room, WriteBatch),
    /// A voter was met for the first time, in this incarnation.
    Meet(VoterId, ReplicaId),
}

/// The way to the writer thread. The thread ends when this is dropped and everything given to it is durable.
#[derive(Debug)]
pub struct Writer {
    tasks: blocking::Sender<Task>,
}

impl Writer {
    /// Starts the thread that owns the database from now on. It reports each commit, or the failure after which it
    /// writes nothing more; the reports end when it has.
    pub fn start(store: Store) -> (Self, mpsc::UnboundedReceiver<Result<Persisted, StoreError>>) {
        let (tasks, inbox) = blocking::channel();
        let (reports, outcome) = mpsc::unbounded_channel();
        thread::spawn(move || run(store, &inbox, &reports));
        (Writer { tasks }, outcome)
    }

    /// Gives a batch to the thread. A thread that has ended says so in its reports.
    pub fn submit(&self, room: Room, batch: WriteBatch) {
        let _ended = self.tasks.send(Task::Write(room, batch));
    }

    /// Remembers a voter that was met for the first time. What is submitted later becomes durable no earlier.
    pub fn meet(&self, voter: VoterId, incarnation: ReplicaId) {
        let _ended = self.tasks.send(Task::Meet(voter, incarnation));
    }
}

/// Group commit: while one commit syncs the disk, the batches for the next one gather.
fn run(
    mut store: Store,
    inbox: &blocking::Receiver<Task>,
    reports: &mpsc::UnboundedSender<Result<Persisted, StoreError>>,
) {
    while let Ok(first) = inbox.recv() {
        let tasks: Vec<_> = std::iter::once(first).chain(inbox.try_iter()).collect();
        let report = store.commit(&tasks).map_err(StoreError::Write).map(|()| Persisted::by(tasks));
        let failed = report.is_err();
        if reports.send(report).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
