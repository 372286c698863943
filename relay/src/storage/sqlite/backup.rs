//! Copies of a database: made while its relay runs, and taken up again by all relays.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, Transaction, params};
use shared::base::encoding;
use shared::base::id::RelayId;
use shared::base::room::Room;
use shared::consensus::{Configuration, Founding, RestoreId};
use shared::ledger::{Accepted, Entry};
use shared::replica::io::{Recovered, WriteOp};
use shared::replica::rows::{Change, Holder, key, push_changes, tag};

use super::{
    APPLICATION_ID, FILE_NAME, SCHEMA_VERSION, bring_up_to_date, lock, private, read_meta, rows, write_failed,
};
use crate::storage::StorageError;

/// A copy that was made.
#[derive(Debug)]
pub struct BackedUp {
    pub bytes: u64,
    pub rooms: u64,
}

/// A database that was made from a copy.
#[derive(Debug)]
pub struct Restored {
    pub id: RestoreId,
    pub rooms: u64,
    pub records: u64,
    /// Who votes by the copy.
    pub voters: Vec<RelayId>,
    /// Where the database is now that was there before.
    pub moved_to: Option<PathBuf>,
}

/// Copies the database in `dir` as it is at one moment, with what its write-ahead log holds. Its relay may be at work.
///
/// # Errors
/// [`StorageError`], each with what to do about it. Nothing is left of a copy that failed.
pub fn back_up(dir: &Path, to: &Path) -> Result<BackedUp, StorageError> {
    let from = dir.join(FILE_NAME);
    let failed = |error: rusqlite::Error| StorageError::Copy {
        from: from.clone(),
        to: to.to_owned(),
        reason: error.to_string(),
    };
    if to.exists() {
        let reason = "there is a file of this name already".to_owned();
        return Err(StorageError::Copy { from: from.clone(), to: to.to_owned(), reason });
    }
    let rooms = copy(&from, to, |copy| {
        copy.execute("INSERT OR REPLACE INTO meta VALUES ('backup', 1)", []).map_err(failed)?;
        rows::count_rooms(copy).map_err(failed)
    })?;
    let bytes = to.metadata().map(|metadata| metadata.len()).unwrap_or_default();
    Ok(BackedUp { bytes, rooms: rooms as u64 })
}

/// Makes the database in `dir` from a copy, for relay `voter`: the log of each room begins anew where the copy ends it. All
/// relays must be restored from the same copy, as the same restore: `id` is what the first of them has given.
///
/// # Errors
/// [`StorageError`], each with what to do about it. The database that was there stays until the new one is complete, and is
/// then moved aside.
pub fn restore(from: &Path, dir: &Path, voter: RelayId, id: Option<RestoreId>) -> Result<Restored, StorageError> {
    let guard = lock(dir)?;
    let id = id.unwrap_or_else(new_restore);
    let (file, made) = (dir.join(FILE_NAME), dir.join(format!("{FILE_NAME}.restored")));
    let mut restored = copy(from, &made, |connection| begin_anew(connection, from, voter, id))?;
    let moved = move_aside(&file, id).and_then(|moved_to| put(&made, &file).map(|()| moved_to));
    restored.moved_to = moved.map_err(|source| StorageError::Directory { dir: dir.to_owned(), source })?;
    drop(guard);
    Ok(restored)
}

/// Gives a file its name for good.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    // Else a crash could bring the old name back.
    let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}

/// A name for a restore, above those of all earlier ones: the milliseconds since the Unix epoch, and a random number.
fn new_restore() -> RestoreId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let random = getrandom::u64().expect("the system gives random numbers");
    RestoreId((now.as_millis() as u64) << 16 | random & 0xffff)
}

/// Copies a database into a new file, lets `finish` change the copy, and makes it durable.
fn copy<T>(
    from: &Path,
    to: &Path,
    finish: impl FnOnce(&mut Connection) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    let failed = |reason: String| StorageError::Copy { from: from.to_owned(), to: to.to_owned(), reason };
    let sql_failed = |error: rusqlite::Error| failed(error.to_string());
    let part = PathBuf::from(format!("{}.part", to.display()));
    let attempt = || {
        // One that was killed has left.
        let _there_is_none = fs::remove_file(&part);
        // SQLite fills an empty file, and keeps its rights.
        private::create_file(&part).map_err(|error| failed(error.to_string()))?;
        let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql_failed)?;
        let version: i64 = source.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql_failed)?;
        let application: i64 =
            source.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sql_failed)?;
        if application != APPLICATION_ID || !(SCHEMA_VERSION - 1..=SCHEMA_VERSION).contains(&version) {
            return Err(StorageError::OtherVersion { file: from.to_owned(), found: version, need: SCHEMA_VERSION });
        }
        source.execute("VACUUM INTO ?1", [part.to_string_lossy()]).map_err(sql_failed)?;
        let mut copy = Connection::open(&part).map_err(sql_failed)?;
        if version < SCHEMA_VERSION {
            bring_up_to_date(&mut copy, from)?;
        }
        let finished = finish(&mut copy)?;
        copy.close().map_err(|(_, error)| sql_failed(error))?;
        let durable = File::open(&part).and_then(|file| file.sync_all()).and_then(|()| put(&part, to));
        durable.map_err(|error| failed(error.to_string()))?;
        Ok(finished)
    };
    let outcome = attempt();
    if outcome.is_err() {
        let _there_is_none = fs::remove_file(&part);
    }
    outcome
}

/// Makes the copy of a database the one of `voter`, in a new incarnation, with the entry that begins each log anew.
fn begin_anew(
    connection: &mut Connection,
    from: &Path,
    voter: RelayId,
    id: RestoreId,
) -> Result<Restored, StorageError> {
    let broken = |reason: String| StorageError::Broken { file: from.to_owned(), reason };
    let (_, about) = read_meta(connection).map_err(|error| broken(error.to_string()))?;
    let Some(founding) = about.founding else { return Err(StorageError::NothingDecided { file: from.to_owned() }) };
    let mut restored = Vec::new();
    for room in rows::rooms(connection).map_err(broken)? {
        let recovered = rows::read_back(connection, &room, about.floor).map_err(broken)?;
        let anew = recovered.restore(id).map_err(|error| broken(format!("room {}: {error}", room.as_str())))?;
        restored.push((room, anew));
    }
    let records = restored.iter().map(|(_, room)| room.records.len() as u64).sum();
    let count = restored.len() as u64;
    // Rooms that begin later begin with those who vote by now.
    let in_rooms = restored
        .iter()
        .filter_map(|(_, room)| room.log.values().rev().find_map(|accepted| accepted.entry.configuration()));
    let latest = in_rooms.max_by_key(|configuration| configuration.number).unwrap_or(&founding.configuration);
    let voters: Vec<RelayId> = latest.voters.keys().copied().collect();
    if !voters.contains(&voter) {
        return Err(StorageError::NoVoterOfBackup { voter, voters });
    }
    let transaction = connection.transaction().map_err(write_failed)?;
    let of_one_relay = [tag::ACCEPTOR_STATE, tag::REMEMBERED, tag::CURSOR];
    rows::delete_all(&transaction, &of_one_relay).map_err(write_failed)?;
    for (room, restored) in &restored {
        put_log(&transaction, room, restored).map_err(write_failed)?;
    }
    let incarnations = voters.iter().map(|&voter| (voter, id.incarnation_of(voter))).collect();
    let configuration = Configuration { number: founding.configuration.number, voters: incarnations };
    put_meta(&transaction, voter, id, &Founding { configuration, restored: Some(id) }).map_err(write_failed)?;
    transaction.commit().map_err(write_failed)?;
    Ok(Restored { id, rooms: count, records, voters, moved_to: None })
}

/// The end of a room's log, as the restore makes it.
fn put_log(transaction: &Transaction<'_>, room: &Room, restored: &Recovered) -> rusqlite::Result<()> {
    let is_restore = |accepted: &Accepted| matches!(accepted.entry, Entry::Restored { .. });
    let begun = restored.log.iter().rev().find(|(_, accepted)| is_restore(accepted));
    let Some((&first, _)) = begun else { return Ok(()) };
    let mut changes = vec![Change::Drop { from: key(tag::LOG, &[first.0]), until: key(tag::LOG + 1, &[]) }];
    for (&slot, accepted) in restored.log.range(first..) {
        push_changes(&WriteOp::Accept { slot, accepted: accepted.clone() }, Holder::Relay, &mut changes);
    }
    push_changes(&WriteOp::Decided(restored.decided), Holder::Relay, &mut changes);
    changes.iter().try_for_each(|change| rows::write(transaction, room.as_str(), change))
}

fn put_meta(transaction: &Transaction<'_>, voter: RelayId, id: RestoreId, founding: &Founding) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM meta WHERE key IN ('backup', 'promised')", [])?;
    let put = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
    transaction.execute(put, params!["replica", id.incarnation_of(voter).0 as i64])?;
    transaction.execute(put, params!["voter", voter.0])?;
    transaction.execute(put, params!["founding", encoding::encode(founding)])?;
    transaction.execute("DELETE FROM relay WHERE id = ?1", [voter.0]).map(drop)
}

/// Moves the database that is there aside, with the files that belong to it. Gives where it is now.
fn move_aside(file: &Path, id: RestoreId) -> io::Result<Option<PathBuf>> {
    if !file.exists() {
        return Ok(None);
    }
    let aside = file.with_file_name(format!("{FILE_NAME}.before-{id}"));
    for suffix in ["-wal", "-shm", ""] {
        let with_suffix = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if with_suffix(file).exists() {
            fs::rename(with_suffix(file), with_suffix(&aside))?;
        }
    }
    Ok(Some(aside))
}
