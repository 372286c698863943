//! The durable state of a relay, behind one trait.

#[cfg(test)]
mod contract;
#[cfg(test)]
pub mod memory;
pub mod sqlite;
mod writer;

pub use writer::{Loaded, Persisted, Reports, Writer, bytes_of};

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::consensus::{AcceptorState, Ballot, Founding};
use shared::replica::io::Recovered;
use shared::schema::Schema;
use thiserror::Error;

use crate::schema::Difference;

/// A store for all rooms of one relay, before its node starts.
///
/// Every store holds the rows of [`shared::replica::rows`], and gives each write the meaning of [`Recovered::apply`].
/// `storage/contract.rs` tests what a node relies on.
pub trait Storage: Debug {
    /// The state of the relay besides its rooms.
    fn about(&self) -> &About;

    /// The rooms that have rows, in any order.
    ///
    /// # Errors
    /// [`StorageError::Broken`] if the list cannot be read.
    fn rooms(&self) -> Result<Vec<Room>, StorageError>;

    /// The state that the rows of a room make, whatever it is. A room without rows is a [new one](new_room).
    ///
    /// # Errors
    /// [`StorageError::Broken`] if a row cannot be read back.
    fn read(&self, room: &Room) -> Result<Recovered, StorageError>;

    /// The error for rows that are not those of a replica.
    fn broken(&self, reason: String) -> StorageError;

    /// Starts to carry out what the writer is given. Nothing that the writer is given waits for the disk; the reports say
    /// what has become durable.
    fn start(self: Box<Self>) -> (Writer, Reports);

    /// The durable state of one room, from which a replica can start.
    ///
    /// # Errors
    /// [`StorageError::Broken`] if something cannot be read back, or is what no replica has left.
    fn load(&self, room: &Room) -> Result<Recovered, StorageError> {
        let recovered = self.read(room)?;
        recovered.check().map_err(|error| self.broken(format!("room {}: {error}", room.as_str())))?;
        Ok(recovered)
    }

    /// The durable state of every room that has rows.
    ///
    /// # Errors
    /// See [`load`](Self::load).
    fn load_all(&self) -> Result<BTreeMap<Room, Recovered>, StorageError> {
        self.rooms()?.into_iter().map(|room| self.load(&room).map(|recovered| (room, recovered))).collect()
    }
}

/// The purpose of a store. It is made for one relay, and for records of one schema.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub voter: RelayId,
    pub schema: Schema,
}

/// The state of a relay besides its rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The incarnation: the store's own id.
    pub replica: ReplicaId,
    /// How every log begins, if the relays have found one another.
    pub founding: Option<Founding>,
    /// Where the other relays that were met are reached: host and port.
    pub relays: BTreeMap<RelayId, String>,
    /// The highest ballot that was promised in a room that is dropped. A room that begins anew begins with this
    /// promise.
    pub floor: Ballot,
}

/// The durable state with which a room begins at a relay that has promised `floor` in a room that is dropped.
///
/// A voter may promise more than it was asked for, and must never promise less than it did. So the highest promise of all
/// dropped rooms stands for the promise of each.
#[must_use]
pub fn new_room(floor: Ballot) -> Recovered {
    Recovered { acceptor_state: AcceptorState { promised: floor, ..AcceptorState::ZERO }, ..Recovered::default() }
}

/// An id for a store that has given no votes.
pub fn new_incarnation() -> ReplicaId {
    ReplicaId(getrandom::u64().expect("the system gives random numbers"))
}

/// Why a database cannot be used.
#[derive(Debug, Error)]
pub enum StorageError {
    #[error("cannot use the data directory {dir}: {source}: give one that this user may write, with --data-dir")]
    Directory { dir: PathBuf, source: io::Error },
    #[error("another relay is using the data directory {dir}: stop it, or give this one its own with --data-dir")]
    Busy { dir: PathBuf },
    #[error(
        "{file} is not a database of this version of Duet (found version {found}, need {need}): run the version that wrote it, or give another --data-dir"
    )]
    OtherVersion { file: PathBuf, found: i64, need: i64 },
    #[error("the database {file} belongs to {theirs}: start it with --id {}, or give another --data-dir", theirs.0)]
    OtherVoter { file: PathBuf, theirs: RelayId },
    #[error(
        "the database {file} was made with another schema: {difference}; start with the --schema that it was made with, which may only grow at its end and by fields that are not required, or give another --data-dir"
    )]
    OtherSchema { file: PathBuf, difference: Difference },
    #[error(
        "the database {file} is broken ({reason}): move it away and start again; this relay comes back without a vote, gets everything from the others, and is then to be admitted with POST /cluster/voters"
    )]
    Broken { file: PathBuf, reason: String },
    #[error(
        "cannot write to the database ({0}): the relay stops, since nothing more can be promised; make room on the disk or repair it, then start again"
    )]
    Write(Box<dyn Error + Send + Sync>),
    #[error(
        "{file} is a backup, and a relay that goes on from it would give numbers to others that tabs know to be final: move it away, and take it up with `relay restore --from`, at all relays"
    )]
    IsBackup { file: PathBuf },
    #[error("cannot copy {from} to {to}: {reason}; check both paths, and that there is room for the copy")]
    Copy { from: PathBuf, to: PathBuf, reason: String },
    #[error(
        "nothing was decided when {file} was made, since its relay had not found the others: start the relays with empty data directories instead"
    )]
    NothingDecided { file: PathBuf },
    #[error("{voter} is none of those that the backup is of, which are {}: give one of these with --id", .voters.iter().map(RelayId::to_string).collect::<Vec<_>>().join(", "))]
    NoVoterOfBackup { voter: RelayId, voters: Vec<RelayId> },
    #[error("the writer thread of the database has ended unexpectedly")]
    WriterGone,
}
