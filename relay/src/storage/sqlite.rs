//! The database of a relay: one SQLite file, one writer thread, many batches per commit.

mod backup;
mod private;
mod rows;
mod version_7;

pub use backup::{Restored, back_up, restore};

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use shared::base::encoding;
use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::consensus::Ballot;
use shared::replica::io::Recovered;
use shared::replica::rows::{Change, Holder, push_changes, tag, without_overwritten};
use shared::schema::Schema;

use super::writer::{self, Commit, Reports, Task, Writer};
use super::{About, Purpose, Storage, StorageError, new_incarnation};
use crate::schema;

const FILE_NAME: &str = "duet.sqlite3";
const LOCK_NAME: &str = "lock";

/// Marks a SQLite file as one of ours ("Duet").
const APPLICATION_ID: i64 = 0x4475_6574;
/// The version of the tables and of what is in them, in `user_version`.
const SCHEMA_VERSION: i64 = 8;

/// How many pages of 4 KiB the write-ahead log may grow to before it is copied into the file: four times as many as by
/// default, since a commit waits for the copying.
const CHECKPOINT_PAGES: i64 = 4000;
/// How much of the file is kept in memory, in KiB; SQLite takes a negative number for that. Everything is read once, at
/// the start; this is for the pages that are written over and over.
const CACHE_KIB: i64 = 16 << 10;
/// More statements than there are, so that each is compiled once.
const CACHED_STATEMENTS: usize = 32;

/// The tables about the relay. Unsigned 64-bit ids are stored as the signed integers of the same bits, which is all SQLite
/// has.
const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE relay (id INTEGER PRIMARY KEY, address TEXT NOT NULL) STRICT;
";

/// The open database of one relay.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    file: PathBuf,
    about: About,
    /// Held as long as the database is open; the system frees it however the process ends.
    _lock: File,
}

impl Sqlite {
    /// Opens the database in `dir`, and creates it if there is none.
    ///
    /// # Errors
    /// [`StorageError`], each with what to do about it.
    pub fn open(dir: &Path, purpose: &Purpose) -> Result<Self, StorageError> {
        let lock = lock(dir)?;
        let file = dir.join(FILE_NAME);
        private::create_file(&file).map_err(|source| StorageError::Directory { dir: dir.to_owned(), source })?;
        let broken = |error: rusqlite::Error| StorageError::Broken { file: file.clone(), reason: error.to_string() };
        let mut connection = Connection::open(&file).map_err(broken)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(broken)?;
        let application: i64 =
            connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(broken)?;
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(broken)?;
        set_up(&connection).map_err(broken)?;
        if (found, application, tables) == (0, 0, 0) {
            create(&mut connection, purpose).map_err(write_failed)?;
        } else if (found, application) == (SCHEMA_VERSION - 1, APPLICATION_ID) {
            bring_up_to_date(&mut connection, &file)?;
        } else if (found, application) != (SCHEMA_VERSION, APPLICATION_ID) {
            return Err(StorageError::OtherVersion { file, found, need: SCHEMA_VERSION });
        }
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(broken)?;
        if check != "ok" {
            return Err(StorageError::Broken { file, reason: check });
        }
        let is_backup = "SELECT count(*) FROM meta WHERE key = 'backup'";
        if connection.query_row(is_backup, [], |row| row.get::<_, i64>(0)).map_err(broken)? > 0 {
            return Err(StorageError::IsBackup { file });
        }
        let (made_for, about) = read_meta(&connection).map_err(broken)?;
        purpose.check_against(&made_for, &file)?;
        if purpose.schema != made_for.schema {
            put_schema(&connection, &purpose.schema).map_err(write_failed)?;
        }
        Ok(Sqlite { connection, file, about, _lock: lock })
    }
}

impl Storage for Sqlite {
    fn about(&self) -> &About {
        &self.about
    }

    fn rooms(&self) -> Result<Vec<Room>, StorageError> {
        rows::rooms(&self.connection).map_err(|reason| self.broken(reason))
    }

    fn read(&self, room: &Room) -> Result<Recovered, StorageError> {
        let floor = read_floor(&self.connection).map_err(|error| self.broken(error.to_string()))?;
        rows::read_back(&self.connection, room, floor).map_err(|reason| self.broken(reason))
    }

    fn broken(&self, reason: String) -> StorageError {
        StorageError::Broken { file: self.file.clone(), reason }
    }

    fn start(self: Box<Self>) -> (Writer, Reports) {
        writer::start(*self)
    }
}

impl Commit for Sqlite {
    fn commit(&mut self, tasks: &[Task]) -> Result<(), StorageError> {
        let transaction = self.connection.transaction().map_err(write_failed)?;
        // A room may be written to, dropped, and written to again.
        for tasks in tasks.split_inclusive(|task| matches!(task, Task::Drop { .. })) {
            carry_out(&transaction, tasks).map_err(write_failed)?;
        }
        transaction.commit().map_err(write_failed)
    }
}

fn write_failed(error: rusqlite::Error) -> StorageError {
    StorageError::Write(error.into())
}

/// Carries out tasks of which only the last one may drop a room.
fn carry_out(transaction: &Transaction<'_>, tasks: &[Task]) -> rusqlite::Result<()> {
    let mut changes: BTreeMap<&Room, Vec<Change>> = BTreeMap::new();
    for task in tasks {
        if let Task::Write(room, batch) = task {
            let of_room = changes.entry(room).or_default();
            batch.ops.iter().for_each(|op| push_changes(op, Holder::Relay, of_room));
        }
    }
    for (room, changes) in changes {
        without_overwritten(changes).iter().try_for_each(|change| rows::write(transaction, room.as_str(), change))?;
    }
    for task in tasks {
        match task {
            Task::Write(..) | Task::Load(_) => {}
            Task::Meet(voter, address) => {
                let put = "INSERT OR REPLACE INTO relay (id, address) VALUES (?1, ?2)";
                transaction.execute(put, params![voter.0, address])?;
            }
            Task::Probe => {
                let put = "INSERT INTO meta VALUES ('probe', 1) ON CONFLICT DO UPDATE SET value = value + 1";
                transaction.execute(put, [])?;
            }
            Task::Found(founding) => {
                let put = "INSERT INTO meta VALUES ('founding', ?1)";
                transaction.execute(put, [encoding::encode(founding)])?;
            }
            Task::Renew(incarnation) => {
                let put = "UPDATE meta SET value = ?1 WHERE key = 'replica'";
                transaction.execute(put, [incarnation.0 as i64])?;
                rows::delete_all(transaction, &[tag::ACCEPTOR_STATE])?;
                transaction.execute("DELETE FROM meta WHERE key = 'promised'", [])?;
            }
            Task::Drop { room, promised } => {
                transaction.execute("DELETE FROM row WHERE room = ?1", [room.as_str()])?;
                let floor = read_floor(transaction)?.max(*promised);
                let put = "INSERT OR REPLACE INTO meta VALUES ('promised', ?1)";
                transaction.execute(put, [encoding::encode(&floor)])?;
            }
        }
    }
    Ok(())
}

/// The highest ballot that was promised in a room that is dropped.
fn read_floor(connection: &Connection) -> rusqlite::Result<Ballot> {
    let floor = connection.query_row("SELECT value FROM meta WHERE key = 'promised'", [], |row| {
        encoding::decode(row.get_ref(0)?.as_blob()?).map_err(|error| unreadable(Type::Blob, error.into()))
    });
    Ok(floor.optional()?.unwrap_or(Ballot::ZERO))
}

fn unreadable(kind: Type, error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, kind, error)
}

/// Keeps other processes out of the directory, which is created if it is missing.
fn lock(dir: &Path) -> Result<File, StorageError> {
    let unusable = |source| StorageError::Directory { dir: dir.to_owned(), source };
    private::create_dir(dir).map_err(unusable)?;
    let lock = private::create_file(&dir.join(LOCK_NAME)).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => {
            // Those of the database, its write-ahead log and its index, as earlier versions or an operator left them.
            private::close_files(dir).map_err(unusable)?;
            Ok(lock)
        }
        Err(TryLockError::WouldBlock) => Err(StorageError::Busy { dir: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(())
}

fn create(connection: &mut Connection, Purpose { voter, schema }: &Purpose) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute_batch(rows::TABLE)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    let insert = "INSERT INTO meta VALUES ('replica', ?1), ('voter', ?2)";
    transaction.execute(insert, params![new_incarnation().0 as i64, voter.0])?;
    put_schema(&transaction, schema)?;
    transaction.commit()?;
    // Whoever loses the write-ahead log later is still the same incarnation, and can be told what it has forgotten.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Makes the database of the version before in `file` one of this version.
fn bring_up_to_date(connection: &mut Connection, file: &Path) -> Result<(), StorageError> {
    let transaction = connection.transaction().map_err(write_failed)?;
    let broken = |reason| StorageError::Broken { file: file.to_owned(), reason };
    version_7::bring_up_to_date(&transaction).map_err(broken)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(write_failed)?;
    transaction.commit().map_err(write_failed)
}

fn put_schema(connection: &Connection, schema: &Schema) -> rusqlite::Result<()> {
    let put = "INSERT OR REPLACE INTO meta VALUES ('schema', ?1)";
    connection.execute(put, [schema::to_text(schema)]).map(drop)
}

impl Purpose {
    /// Whether the database in `file` can be used, which was made for `theirs`.
    fn check_against(&self, theirs: &Purpose, file: &Path) -> Result<(), StorageError> {
        let file = file.to_owned();
        if theirs.voter != self.voter {
            return Err(StorageError::OtherVoter { file, theirs: theirs.voter });
        }
        match schema::difference(&theirs.schema, &self.schema) {
            Some(difference) => Err(StorageError::OtherSchema { file, difference }),
            None => Ok(()),
        }
    }
}

fn read_meta(connection: &Connection) -> rusqlite::Result<(Purpose, About)> {
    let get = "SELECT value FROM meta WHERE key = ?1";
    let replica: i64 = connection.query_row(get, ["replica"], |row| row.get(0))?;
    let voter = RelayId(connection.query_row(get, ["voter"], |row| row.get(0))?);
    let schema = connection.query_row(get, ["schema"], |row| {
        schema::from_text(row.get_ref(0)?.as_str()?).map_err(|error| unreadable(Type::Text, error.into()))
    })?;
    let founding = connection.query_row(get, ["founding"], |row| {
        encoding::decode(row.get_ref(0)?.as_blob()?).map_err(|error| unreadable(Type::Blob, error.into()))
    });
    let mut statement = connection.prepare("SELECT id, address FROM relay")?;
    let relays = statement.query_map([], |row| Ok((RelayId(row.get(0)?), row.get(1)?)))?.collect::<Result<_, _>>()?;
    let about = About {
        replica: ReplicaId(replica as u64),
        founding: founding.optional()?,
        relays,
        floor: read_floor(connection)?,
    };
    Ok((Purpose { voter, schema }, about))
}

#[cfg(test)]
mod tests;
