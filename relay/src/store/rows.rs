//! The rows of the rooms: what each write does to them, and how they are read back.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Transaction, params};
use shared::base::dot::Dot;
use shared::base::encoding;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::room::Room;
use shared::consensus::{AcceptorState, Ballot, Position, Slot};
use shared::ledger::Accepted;
use shared::merge::codec::rows::{dot_set_bytes, dot_set_of};
use shared::merge::document::Packed;
use shared::replica::io::{Recovered, Snapshot, WriteOp};

use super::{Store, StoreError};

impl Store {
    /// The durable state of every room, from which a replica can start.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if something cannot be read back, or is what no replica has left.
    pub fn load(&self) -> Result<BTreeMap<Room, Recovered>, StoreError> {
        let broken = |reason| StoreError::Broken { file: self.file.clone(), reason };
        let rooms = read_back(&self.connection, None).map_err(broken)?;
        for (room, recovered) in &rooms {
            recovered.check().map_err(|error| broken(format!("room {}: {error}", room.as_str())))?;
        }
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
        recovered.check().map_err(|error| self.broken(format!("room {}: {error}", room.as_str())))?;
        Ok(recovered)
    }

    fn broken(&self, reason: String) -> StoreError {
        StoreError::Broken { file: self.file.clone(), reason }
    }
}

/// What the rows say, whatever it is.
pub(super) fn read_back(connection: &Connection, only: Option<&Room>) -> Result<BTreeMap<Room, Recovered>, String> {
    let (mut rooms, rows) = (BTreeMap::new(), Rows { connection, only });
    rows.load_document(&mut rooms)?;
    rows.load_log(&mut rooms)?;
    rows.load_progress(&mut rooms)?;
    rows.load_remembered(&mut rooms)?;
    rows.load_distrust(&mut rooms)?;
    rows.load_acceptor_states(&mut rooms)?;
    Ok(rooms)
}

/// The rows of all rooms, or those of one only.
struct Rows<'a> {
    connection: &'a Connection,
    only: Option<&'a Room>,
}

impl Rows<'_> {
    fn load_document(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        self.each("SELECT room, body FROM context", |row| {
            let part = dot_set_of(bytes(row, 1)?).map_err(text)?;
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
        self.each("SELECT room, slot, chain, log_slot, log_chain, ledger FROM snapshot", |row| {
            let (at, log_start) = (position(row, 1)?, position(row, 3)?);
            let snapshot = Snapshot { at, ledger: bytes(row, 5)?.to_vec() };
            room(rooms, row)?.apply(WriteOp::Snapshot { snapshot, log_start });
            Ok(())
        })?;
        self.each("SELECT room, slot, configuration, round, voter, body FROM log", |row| {
            let entry = encoding::decode(bytes(row, 5)?).map_err(text)?;
            let (slot, accepted) = (Slot(unsigned(row, 1)?), Accepted { ballot: ballot(row, 2)?, entry });
            room(rooms, row)?.apply(WriteOp::Accept { slot, accepted });
            Ok(())
        })
    }

    /// To be called last: a room that has other rows and no acceptor state begins at the floor of promises.
    fn load_acceptor_states(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        let of_itself = "SELECT room, promised_configuration, promised_round, promised_voter,
             accepted_configuration, accepted_round, accepted_voter, accepted_slot FROM standing";
        let mut with_row = BTreeSet::new();
        self.each(of_itself, |row| {
            let acceptor_state = acceptor_state(row, 1)?;
            with_row.insert(room_name(row)?);
            room(rooms, row)?.apply(WriteOp::AcceptorState(acceptor_state));
            Ok(())
        })?;
        let floor = super::read_floor(self.connection).map_err(text)?;
        for (_, recovered) in rooms.iter_mut().filter(|(room, _)| !with_row.contains(*room)) {
            recovered.acceptor_state.promised = floor;
        }
        Ok(())
    }

    fn load_remembered(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        let of_others = "SELECT room, id, incarnation, promised_configuration, promised_round, promised_voter,
             accepted_configuration, accepted_round, accepted_voter, accepted_slot FROM remembered";
        self.each(of_others, |row| {
            let (voter, incarnation) = (RelayId(row.get(1).map_err(text)?), ReplicaId(unsigned(row, 2)?));
            let acceptor_state = acceptor_state(row, 3)?;
            room(rooms, row)?.apply(WriteOp::Remember { voter, incarnation, acceptor_state });
            Ok(())
        })
    }

    fn load_distrust(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        self.each("SELECT room, body FROM distrust", |row| {
            let distrust = encoding::decode(bytes(row, 1)?).map_err(text)?;
            room(rooms, row)?.apply(WriteOp::Distrust(distrust));
            Ok(())
        })
    }

    fn load_progress(&self, rooms: &mut BTreeMap<Room, Recovered>) -> Result<(), String> {
        self.each("SELECT room, decided, claim_seq, raised FROM progress", |row| {
            let (decided, claim_seq) = (Slot(unsigned(row, 1)?), unsigned(row, 2)?);
            let recovered = room(rooms, row)?;
            (recovered.decided, recovered.claim_seq, recovered.raised) = (decided, claim_seq, unsigned(row, 3)?);
            Ok(())
        })?;
        self.each("SELECT room, body FROM pending", |row| {
            let pending = encoding::decode(bytes(row, 1)?).map_err(text)?;
            room(rooms, row)?.apply(WriteOp::Ask(pending));
            Ok(())
        })?;
        self.each("SELECT room, first, next FROM cursor", |row| {
            let (first, next) = (unsigned(row, 1)?, unsigned(row, 2)?);
            room(rooms, row)?.apply(WriteOp::Cursor { first, next });
            Ok(())
        })
    }

    /// Takes each row of a table, or those of one room only.
    fn each(&self, query: &str, mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), String>) -> Result<(), String> {
        let filter = if self.only.is_some() { " WHERE room = ?1" } else { "" };
        let mut statement = self.connection.prepare(&format!("{query}{filter}")).map_err(text)?;
        let mut rows = statement.query(rusqlite::params_from_iter(self.only.map(Room::as_str))).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            take(row)?;
        }
        Ok(())
    }
}

/// The durable state with which a room begins at a relay that has promised `floor` in a room that is dropped.
///
/// A voter may promise more than it was asked for, and must never promise less than it did. So the highest promise of all
/// dropped rooms stands for the promise of each.
#[must_use]
pub fn new_room(floor: Ballot) -> Recovered {
    Recovered { acceptor_state: AcceptorState { promised: floor, ..AcceptorState::ZERO }, ..Recovered::default() }
}

/// A row that some writes replace, whatever was in it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Context(ReplicaId),
    AcceptorState,
    Cursor(u64),
}

/// The writes of one commit, in order, without those whose rows later ones replace. Under load that is half of them.
pub(super) fn without_overwritten<'a>(
    writes: impl Iterator<Item = (&'a Room, &'a WriteOp)>,
) -> impl Iterator<Item = (&'a Room, &'a WriteOp)> {
    let writes: Vec<_> = writes.collect();
    let (mut kept, mut replaced) = (Vec::with_capacity(writes.len()), BTreeSet::new());
    for (room, op) in writes.into_iter().rev() {
        let rows: Vec<Row> = match op {
            WriteOp::PutContext(part) => part.replicas().map(Row::Context).collect(),
            WriteOp::DropContext(replica) => vec![Row::Context(*replica)],
            WriteOp::AcceptorState(_) => vec![Row::AcceptorState],
            WriteOp::Cursor { first, .. } => vec![Row::Cursor(*first)],
            _ => Vec::new(),
        };
        let replaces_none = rows.is_empty();
        let new: Vec<bool> = rows.into_iter().map(|row| replaced.insert((room, row))).collect();
        if replaces_none || new.contains(&true) {
            kept.push((room, op));
        }
    }
    kept.into_iter().rev()
}

/// Carries out one write: the SQL of what `Recovered::apply` means.
pub(super) fn write(transaction: &Transaction<'_>, room: &str, op: &WriteOp) -> rusqlite::Result<()> {
    match op {
        WriteOp::PutVersion { .. }
        | WriteOp::DropVersion { .. }
        | WriteOp::PutContext(_)
        | WriteOp::DropContext(_)
        | WriteOp::Distrust(_) => write_document(transaction, room, op),
        WriteOp::AcceptorState(_) | WriteOp::Remember { .. } => write_acceptor_state(transaction, room, op),
        WriteOp::Snapshot { .. }
        | WriteOp::Accept { .. }
        | WriteOp::Decided(_)
        | WriteOp::ClaimSeq(_)
        | WriteOp::Raised(_)
        | WriteOp::Ask(_)
        | WriteOp::Answered(_)
        | WriteOp::Cursor { .. } => write_log(transaction, room, op),
        // A relay has no user to tell, nobody stores its edits for it, and it has no neighbours.
        WriteOp::Released(_)
        | WriteOp::Refused { .. }
        | WriteOp::Stored(_)
        | WriteOp::Sent(_)
        | WriteOp::LogDropped
        | WriteOp::LostNumber { .. }
        | WriteOp::Unattested(_) => Ok(()),
    }
}

fn write_document(transaction: &Transaction<'_>, room: &str, op: &WriteOp) -> rusqlite::Result<()> {
    match op {
        WriteOp::PutVersion { record: RecordId(record), dot, version } => execute(
            transaction,
            "INSERT OR REPLACE INTO version (room, record_replica, record_counter, replica, counter, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                room,
                record.replica().0 as i64,
                record.counter() as i64,
                dot.replica().0 as i64,
                dot.counter() as i64,
                version.as_bytes()
            ],
        ),
        WriteOp::DropVersion { record: RecordId(record), dot } => execute(
            transaction,
            "DELETE FROM version
             WHERE room = ?1 AND record_replica = ?2 AND record_counter = ?3 AND replica = ?4 AND counter = ?5",
            params![
                room,
                record.replica().0 as i64,
                record.counter() as i64,
                dot.replica().0 as i64,
                dot.counter() as i64
            ],
        ),
        WriteOp::PutContext(part) => part.replicas().try_for_each(|replica| {
            execute(
                transaction,
                "INSERT OR REPLACE INTO context (room, replica, body) VALUES (?1, ?2, ?3)",
                params![room, replica.0 as i64, dot_set_bytes(&part.of(replica))],
            )
        }),
        WriteOp::DropContext(replica) => execute(
            transaction,
            "DELETE FROM context WHERE room = ?1 AND replica = ?2",
            params![room, replica.0 as i64],
        ),
        WriteOp::Distrust(distrust) => execute(
            transaction,
            "INSERT OR REPLACE INTO distrust (room, body) VALUES (?1, ?2)",
            params![room, encoding::encode(distrust)],
        ),
        _ => unreachable!("dispatched by what it is about"),
    }
}

fn write_acceptor_state(transaction: &Transaction<'_>, room: &str, op: &WriteOp) -> rusqlite::Result<()> {
    match op {
        WriteOp::AcceptorState(AcceptorState { promised, accepted: (ballot, slot) }) => execute(
            transaction,
            "INSERT OR REPLACE INTO standing (room, promised_configuration, promised_round, promised_voter,
             accepted_configuration, accepted_round, accepted_voter, accepted_slot)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                room,
                promised.configuration,
                promised.round as i64,
                promised.voter.0,
                ballot.configuration,
                ballot.round as i64,
                ballot.voter.0,
                slot.0 as i64
            ],
        ),
        WriteOp::Remember {
            voter,
            incarnation,
            acceptor_state: AcceptorState { promised, accepted: (ballot, slot) },
        } => execute(
            transaction,
            "INSERT OR REPLACE INTO remembered (room, id, incarnation, promised_configuration, promised_round,
             promised_voter, accepted_configuration, accepted_round, accepted_voter, accepted_slot)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                room,
                voter.0,
                incarnation.0 as i64,
                promised.configuration,
                promised.round as i64,
                promised.voter.0,
                ballot.configuration,
                ballot.round as i64,
                ballot.voter.0,
                slot.0 as i64
            ],
        ),
        _ => unreachable!("dispatched by what it is about"),
    }
}

fn write_log(transaction: &Transaction<'_>, room: &str, op: &WriteOp) -> rusqlite::Result<()> {
    match op {
        WriteOp::Snapshot { snapshot: Snapshot { at, ledger }, log_start } => {
            execute(
                transaction,
                "INSERT OR REPLACE INTO snapshot (room, slot, chain, log_slot, log_chain, ledger)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    room,
                    at.slot.0 as i64,
                    at.chain as i64,
                    log_start.slot.0 as i64,
                    log_start.chain as i64,
                    ledger
                ],
            )?;
            let covered = params![room, log_start.slot.0 as i64];
            execute(transaction, "DELETE FROM log WHERE room = ?1 AND slot < ?2", covered)?;
            execute(
                transaction,
                "INSERT INTO progress (room, decided) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET decided = max(decided, ?2)",
                params![room, at.slot.0 as i64],
            )
        }
        WriteOp::Accept { slot, accepted: Accepted { ballot, entry } } => execute(
            transaction,
            "INSERT OR REPLACE INTO log (room, slot, configuration, round, voter, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                room,
                slot.0 as i64,
                ballot.configuration,
                ballot.round as i64,
                ballot.voter.0,
                encoding::encode(entry)
            ],
        ),
        WriteOp::Decided(slot) => execute(
            transaction,
            "INSERT INTO progress (room, decided) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET decided = ?2",
            params![room, slot.0 as i64],
        ),
        WriteOp::ClaimSeq(seq) => execute(
            transaction,
            "INSERT INTO progress (room, claim_seq) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET claim_seq = ?2",
            params![room, *seq as i64],
        ),
        WriteOp::Raised(number) => execute(
            transaction,
            "INSERT INTO progress (room, raised) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET raised = ?2",
            params![room, *number as i64],
        ),
        WriteOp::Ask(pending) => execute(
            transaction,
            "INSERT OR REPLACE INTO pending (room, seq, body) VALUES (?1, ?2, ?3)",
            params![room, pending.claim.id.seq as i64, encoding::encode(pending)],
        ),
        WriteOp::Answered(seq) => {
            execute(transaction, "DELETE FROM pending WHERE room = ?1 AND seq = ?2", params![room, *seq as i64])
        }
        WriteOp::Cursor { first, next } => execute(
            transaction,
            "INSERT OR REPLACE INTO cursor (room, first, next) VALUES (?1, ?2, ?3)",
            params![room, *first as i64, *next as i64],
        ),
        _ => unreachable!("dispatched by what it is about"),
    }
}

fn execute(transaction: &Transaction<'_>, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<()> {
    transaction.prepare_cached(sql)?.execute(values).map(drop)
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

/// The state of the room that the first column of a row names.
fn room<'a>(rooms: &'a mut BTreeMap<Room, Recovered>, row: &rusqlite::Row<'_>) -> Result<&'a mut Recovered, String> {
    Ok(rooms.entry(room_name(row)?).or_default())
}

fn room_name(row: &rusqlite::Row<'_>) -> Result<Room, String> {
    let name: String = row.get(0).map_err(text)?;
    Room::try_from(name).map_err(text)
}
