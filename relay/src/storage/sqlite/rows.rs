//! The rows of the rooms: what each write does to them, and how they are read back.

use rusqlite::{Connection, Transaction, params};
use shared::base::room::Room;
use shared::consensus::Ballot;
use shared::replica::io::Recovered;
use shared::replica::rows::{self, Change, tag};

use crate::storage::new_room;

/// The table of all rooms' rows. [`shared::replica::rows`] says what keys and values are.
pub(super) const TABLE: &str = "
CREATE TABLE row (
    room TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (room, key)
) STRICT, WITHOUT ROWID;
";

/// The rooms that have rows.
pub(super) fn rooms(connection: &Connection) -> Result<Vec<Room>, String> {
    // It looks for each next name by the key: a DISTINCT would read all rows.
    let names = "WITH RECURSIVE name(room) AS (
            SELECT min(room) FROM row
            UNION ALL SELECT (SELECT min(room) FROM row WHERE row.room > name.room) FROM name WHERE name.room IS NOT NULL
        ) SELECT room FROM name WHERE room IS NOT NULL";
    let mut statement = connection.prepare(names).map_err(text)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(text)?;
    names.map(|name| Room::try_from(name.map_err(text)?).map_err(text)).collect()
}

/// The state of a room as its rows say, consistent or not. If the acceptor state has no row, the room has promised `floor`.
pub(super) fn read_back(connection: &Connection, room: &Room, floor: Ballot) -> Result<Recovered, String> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM row WHERE room = ?1").map_err(text)?;
    let mut found = statement.query([room.as_str()]).map_err(text)?;
    let mut recovered = new_room(floor);
    while let Some(row) = found.next().map_err(text)? {
        let [key, value] = [0, 1].map(|column| row.get_ref(column).and_then(|bytes| Ok(bytes.as_blob()?)));
        recovered.apply(rows::op_of(key.map_err(text)?, value.map_err(text)?).map_err(text)?);
    }
    Ok(recovered)
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
