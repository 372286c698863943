//! The rows of the rooms: what each write does to them, and how they are read back.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};
use shared::base::room::Room;
use shared::consensus::{AcceptorState, Ballot};
use shared::replica::io::Recovered;
use shared::replica::rows::{self, Change, tag};

use super::{Store, StoreError};

/// The table of all rooms' rows. [`shared::replica::rows`] says what keys and values are.
pub(super) const TABLE: &str = "
CREATE TABLE row (
    room TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (room, key)
) STRICT, WITHOUT ROWID;
";

impl Store {
    /// The durable state of every room, from which a replica can start.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if something cannot be read back, or is what no replica has left.
    pub fn load(&self) -> Result<BTreeMap<Room, Recovered>, StoreError> {
        let rooms = read_back(&self.connection, None).map_err(|reason| self.broken(reason))?;
        rooms.iter().try_for_each(|(room, recovered)| self.check(room, recovered))?;
        Ok(rooms)
    }

    /// The durable state of one room, from which a replica can start. A room without rows is a new one.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if something cannot be read back, or is what no replica has left.
    pub fn load_room(&self, room: &Room) -> Result<Recovered, StoreError> {
        let mut rooms = read_back(&self.connection, Some(room)).map_err(|reason| self.broken(reason))?;
        let recovered = match rooms.remove(room) {
            Some(recovered) => recovered,
            None => new_room(super::read_floor(&self.connection).map_err(|error| self.broken(text(error)))?),
        };
        self.check(room, &recovered)?;
        Ok(recovered)
    }

    fn check(&self, room: &Room, recovered: &Recovered) -> Result<(), StoreError> {
        recovered.check().map_err(|error| self.broken(format!("room {}: {error}", room.as_str())))
    }

    fn broken(&self, reason: String) -> StoreError {
        StoreError::Broken { file: self.file.clone(), reason }
    }
}

/// What the rows say, whatever it is: those of all rooms, or of one only.
pub(super) fn read_back(connection: &Connection, only: Option<&Room>) -> Result<BTreeMap<Room, Recovered>, String> {
    let floor = super::read_floor(connection).map_err(text)?;
    let filter = if only.is_some() { " WHERE room = ?1" } else { "" };
    let mut statement = connection.prepare(&format!("SELECT room, key, value FROM row{filter}")).map_err(text)?;
    let mut found = statement.query(rusqlite::params_from_iter(only.map(Room::as_str))).map_err(text)?;
    let mut rooms: BTreeMap<Room, Recovered> = BTreeMap::new();
    while let Some(row) = found.next().map_err(text)? {
        let name: String = row.get(0).map_err(text)?;
        let room = Room::try_from(name).map_err(text)?;
        let [key, value] = [1, 2].map(|column| row.get_ref(column).and_then(|bytes| Ok(bytes.as_blob()?)));
        let op = rows::op_of(key.map_err(text)?, value.map_err(text)?).map_err(text)?;
        // A row of the acceptor state replaces the floor of promises.
        rooms.entry(room).or_insert_with(|| new_room(floor)).apply(op);
    }
    Ok(rooms)
}

/// The durable state with which a room begins at a relay that has promised `floor` in a room that is dropped.
///
/// A voter may promise more than it was asked for, and must never promise less than it did. So the highest promise of all
/// dropped rooms stands for the promise of each.
#[must_use]
pub fn new_room(floor: Ballot) -> Recovered {
    Recovered { acceptor_state: AcceptorState { promised: floor, ..AcceptorState::ZERO }, ..Recovered::default() }
}

/// Carries out one change of a room's rows.
pub(super) fn write(transaction: &Transaction<'_>, room: &str, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Put { key, row } => {
            let (key, value) = row.split_at(*key);
            let put = "INSERT OR REPLACE INTO row (room, key, value) VALUES (?1, ?2, ?3)";
            transaction.prepare_cached(put)?.execute(params![room, key, value]).map(drop)
        }
        Change::Drop { from, until } => {
            let drop_range = "DELETE FROM row WHERE room = ?1 AND key >= ?2 AND key < ?3";
            transaction.prepare_cached(drop_range)?.execute(params![room, from, until]).map(drop)
        }
    }
}

/// Deletes the rows with one of these tags in all rooms.
pub(super) fn delete_all(transaction: &Transaction<'_>, tags: &[u8]) -> rusqlite::Result<()> {
    tags.iter().try_for_each(|&tag| {
        let delete = "DELETE FROM row WHERE key >= ?1 AND key < ?2";
        transaction.execute(delete, params![rows::key(tag, &[]), rows::key(tag + 1, &[])]).map(drop)
    })
}

/// How many rooms have documents.
pub(super) fn count_rooms(connection: &Connection) -> rusqlite::Result<i64> {
    let count = "SELECT count(DISTINCT room) FROM row WHERE key >= ?1 AND key < ?2";
    let [from, until] = [tag::CONTEXT, tag::CONTEXT + 1].map(|tag| rows::key(tag, &[]));
    connection.query_row(count, params![from, until], |row| row.get(0))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
