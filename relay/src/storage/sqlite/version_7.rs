//! The tables of a database of version 7, and how they become rows of this version.

use rusqlite::{Connection, Transaction};
use shared::base::dot::Dot;
use shared::base::encoding;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::room::Room;
use shared::consensus::{AcceptorState, Ballot, Position, Slot};
use shared::ledger::Accepted;
use shared::merge::codec::rows::dot_set_of;
use shared::merge::document::Packed;
use shared::replica::io::{Snapshot, WriteOp};
use shared::replica::rows::{Holder, push_changes};

use super::rows;

/// The tables that this version does not have.
const TABLES: [&str; 10] =
    ["version", "context", "distrust", "standing", "remembered", "log", "snapshot", "cursor", "progress", "pending"];

/// Writes each row of the tables as this version does, and drops the tables.
///
/// # Errors
/// The reason why a row cannot be read or written.
pub(super) fn bring_up_to_date(transaction: &Transaction<'_>) -> Result<(), String> {
    transaction.execute_batch(rows::TABLE).map_err(text)?;
    let mut changes = Vec::new();
    let mut take = |room: Room, op: WriteOp| {
        push_changes(&op, Holder::Relay, &mut changes);
        changes.drain(..).try_for_each(|change| rows::write(transaction, room.as_str(), &change)).map_err(text)
    };
    let tables = Tables(transaction);
    tables.read_document(&mut take)?;
    // Before the log, which a snapshot cuts.
    tables.read_snapshots(&mut take)?;
    tables.read_log(&mut take)?;
    tables.read_acceptor_states(&mut take)?;
    tables.read_progress(&mut take)?;
    tables.read_bodies(&mut take)?;
    TABLES.iter().try_for_each(|table| transaction.execute_batch(&format!("DROP TABLE {table}"))).map_err(text)
}

/// Takes the write that has left a row of a room.
type Take<'a> = dyn FnMut(Room, WriteOp) -> Result<(), String> + 'a;

struct Tables<'a>(&'a Connection);

impl Tables<'_> {
    fn read_document(&self, take: &mut Take<'_>) -> Result<(), String> {
        self.each("SELECT room, body FROM context", |row| {
            let part = dot_set_of(bytes(row, 1)?).map_err(text)?;
            take(room_name(row)?, WriteOp::PutContext(part))
        })?;
        let versions = "SELECT room, record_replica, record_counter, replica, counter, body FROM version";
        self.each(versions, |row| {
            let record = RecordId(dot(row, 1)?);
            let version = Packed::from_bytes(record, bytes(row, 5)?).map_err(text)?;
            take(room_name(row)?, WriteOp::PutVersion { record, dot: dot(row, 3)?, version })
        })
    }

    fn read_snapshots(&self, take: &mut Take<'_>) -> Result<(), String> {
        self.each("SELECT room, slot, chain, log_slot, log_chain, ledger FROM snapshot", |row| {
            let (at, log_start) = (position(row, 1)?, position(row, 3)?);
            let snapshot = Snapshot { at, ledger: bytes(row, 5)?.to_vec() };
            take(room_name(row)?, WriteOp::Snapshot { snapshot, log_start })
        })
    }

    fn read_log(&self, take: &mut Take<'_>) -> Result<(), String> {
        self.each("SELECT room, slot, configuration, round, voter, body FROM log", |row| {
            let entry = encoding::decode(bytes(row, 5)?).map_err(text)?;
            let accepted = Accepted { ballot: ballot(row, 2)?, entry };
            take(room_name(row)?, WriteOp::Accept { slot: Slot(unsigned(row, 1)?), accepted })
        })
    }

    fn read_acceptor_states(&self, take: &mut Take<'_>) -> Result<(), String> {
        let own = "SELECT room, promised_configuration, promised_round, promised_voter,
             accepted_configuration, accepted_round, accepted_voter, accepted_slot FROM standing";
        self.each(own, |row| take(room_name(row)?, WriteOp::AcceptorState(acceptor_state(row, 1)?)))?;
        let of_others = "SELECT room, id, incarnation, promised_configuration, promised_round, promised_voter,
             accepted_configuration, accepted_round, accepted_voter, accepted_slot FROM remembered";
        self.each(of_others, |row| {
            let (voter, incarnation) = (RelayId(row.get(1).map_err(text)?), ReplicaId(unsigned(row, 2)?));
            let acceptor_state = acceptor_state(row, 3)?;
            take(room_name(row)?, WriteOp::Remember { voter, incarnation, acceptor_state })
        })
    }

    fn read_progress(&self, take: &mut Take<'_>) -> Result<(), String> {
        self.each("SELECT room, decided, claim_seq, raised FROM progress", |row| {
            let room = room_name(row)?;
            take(room.clone(), WriteOp::Decided(Slot(unsigned(row, 1)?)))?;
            take(room.clone(), WriteOp::RequestSeq(unsigned(row, 2)?))?;
            take(room, WriteOp::Raised(unsigned(row, 3)?))
        })?;
        self.each("SELECT room, first, next FROM cursor", |row| {
            let (first, next) = (unsigned(row, 1)?, unsigned(row, 2)?);
            take(room_name(row)?, WriteOp::Cursor { first, next })
        })
    }

    fn read_bodies(&self, take: &mut Take<'_>) -> Result<(), String> {
        self.each("SELECT room, body FROM distrust", |row| {
            take(room_name(row)?, WriteOp::Distrust(encoding::decode(bytes(row, 1)?).map_err(text)?))
        })?;
        self.each("SELECT room, body FROM pending", |row| {
            take(room_name(row)?, WriteOp::Ask(encoding::decode(bytes(row, 1)?).map_err(text)?))
        })
    }

    fn each(&self, query: &str, mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), String>) -> Result<(), String> {
        let mut statement = self.0.prepare(query).map_err(text)?;
        let mut rows = statement.query([]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            take(row)?;
        }
        Ok(())
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
    Dot::try_new(replica, counter).map_err(|_| format!("no dot has the counter {counter}"))
}

fn ballot(row: &rusqlite::Row<'_>, column: usize) -> Result<Ballot, String> {
    let configuration = row.get(column).map_err(text)?;
    Ok(Ballot { configuration, round: unsigned(row, column + 1)?, voter: RelayId(row.get(column + 2).map_err(text)?) })
}

fn acceptor_state(row: &rusqlite::Row<'_>, column: usize) -> Result<AcceptorState, String> {
    let accepted = (ballot(row, column + 3)?, Slot(unsigned(row, column + 6)?));
    Ok(AcceptorState { promised: ballot(row, column)?, accepted })
}

fn position(row: &rusqlite::Row<'_>, column: usize) -> Result<Position, String> {
    Ok(Position { slot: Slot(unsigned(row, column)?), chain: unsigned(row, column + 1)? })
}

fn bytes<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> Result<&'a [u8], String> {
    row.get_ref(column).map_err(text)?.as_blob().map_err(text)
}

fn room_name(row: &rusqlite::Row<'_>) -> Result<Room, String> {
    let name: String = row.get(0).map_err(text)?;
    Room::try_from(name).map_err(text)
}
