//! The way to a store that is at work, and the thread that writes for the stores that commit in one: it takes everything
//! that waits, makes it durable in one commit, and says so.

use std::collections::BTreeMap;
use std::thread;

use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::consensus::{Ballot, Founding};
use shared::replica::io::{Recovered, WriteBatch, WriteId, WriteOp};
use tokio::sync::mpsc;

use super::{Storage, StorageError};

/// What has become durable by one commit.
#[derive(Debug)]
pub struct Persisted {
    /// For each room the last batch; all before it are durable too.
    pub last: BTreeMap<Room, WriteId>,
    /// How many batches the commit held, and what they took in memory.
    pub batches: usize,
    pub bytes: usize,
    /// Whether the founding is among it.
    pub founded: bool,
    /// Whether a probe is among it.
    pub probed: bool,
    /// The rooms that were asked for. Every batch of such a room that was submitted before is in it.
    pub loaded: Vec<Loaded>,
}

/// What a batch takes in memory, about, in bytes.
pub fn bytes_of(batch: &WriteBatch) -> usize {
    let of_op = |op: &WriteOp| match op {
        WriteOp::PutVersion { version, .. } => version.as_bytes().len(),
        WriteOp::PutContext(dots) => dots.interval_count() * size_of::<(ReplicaId, u64, u64)>(),
        WriteOp::Snapshot { snapshot, .. } => snapshot.ledger.len(),
        _ => 0,
    };
    batch.ops.iter().map(|op| size_of::<WriteOp>() + of_op(op)).sum()
}

/// A room as the disk has it, or why it cannot be read.
#[derive(Debug)]
pub struct Loaded {
    pub room: Room,
    pub outcome: Result<Recovered, StorageError>,
}

impl Persisted {
    /// The report of a commit of `tasks` to a store.
    fn by(tasks: Vec<Task>, storage: &dyn Storage) -> Self {
        let mut persisted = Persisted {
            last: BTreeMap::new(),
            batches: 0,
            bytes: 0,
            founded: false,
            probed: false,
            loaded: Vec::new(),
        };
        for task in tasks {
            match task {
                Task::Write(room, batch) => {
                    persisted.last.insert(room, batch.id);
                    persisted.batches += 1;
                    persisted.bytes += bytes_of(&batch);
                }
                Task::Found(_) => persisted.founded = true,
                Task::Probe => persisted.probed = true,
                Task::Load(room) => {
                    let outcome = storage.load(&room);
                    persisted.loaded.push(Loaded { room, outcome });
                }
                Task::Meet(..) | Task::Renew(_) | Task::Drop { .. } => {}
            }
        }
        persisted
    }
}

/// Something to be made durable, in its turn.
#[derive(Debug)]
pub(super) enum Task {
    Write(Room, WriteBatch),
    /// A relay was met, and is reached at this address.
    Meet(RelayId, String),
    /// The relays have found one another: so every log begins.
    Found(Founding),
    /// The database has forgotten votes: from now on it is this incarnation, which has given none.
    Renew(ReplicaId),
    /// Deletes a room. What its voter has promised goes into the floor of promises.
    Drop {
        room: Room,
        promised: Ballot,
    },
    /// Reads a room back.
    Load(Room),
    /// Writes something that means nothing, to see that the disk writes.
    Probe,
}

/// The reports of a store: the writes that have become durable, in order. An error is the last report, as nothing becomes
/// durable after it. The reports also end when the [`Writer`] is dropped and all that it was given is durable.
pub type Reports = mpsc::UnboundedReceiver<Result<Persisted, StorageError>>;

/// The way to a store that is at work. What is submitted later becomes durable no earlier.
#[derive(Debug)]
pub struct Writer {
    tasks: mpsc::UnboundedSender<Task>,
}

/// A store that makes tasks durable while its caller waits.
pub(super) trait Commit: Storage {
    /// Makes tasks durable in this order, all or nothing. [`Task::Load`] asks for nothing here.
    ///
    /// # Errors
    /// [`StorageError::Write`].
    fn commit(&mut self, tasks: &[Task]) -> Result<(), StorageError>;
}

/// Starts the thread that owns a store from now on.
pub(super) fn start(storage: impl Commit + Send + 'static) -> (Writer, Reports) {
    let (tasks, inbox) = mpsc::unbounded_channel();
    let (reports, outcome) = mpsc::unbounded_channel();
    thread::spawn(move || run(storage, inbox, &reports));
    (Writer { tasks }, outcome)
}

impl Writer {
    pub fn submit(&self, room: Room, batch: WriteBatch) {
        self.give(Task::Write(room, batch));
    }

    pub fn meet(&self, voter: RelayId, address: String) {
        self.give(Task::Meet(voter, address));
    }

    pub fn found(&self, founding: Founding) {
        self.give(Task::Found(founding));
    }

    pub fn renew(&self, incarnation: ReplicaId) {
        self.give(Task::Renew(incarnation));
    }

    pub fn drop_room(&self, room: Room, promised: Ballot) {
        self.give(Task::Drop { room, promised });
    }

    /// Reads a room back once everything submitted before is durable. [`Persisted::loaded`] brings it.
    pub fn load(&self, room: Room) {
        self.give(Task::Load(room));
    }

    /// Writes something that means nothing. [`Persisted::probed`] says when it is durable.
    pub fn probe(&self) {
        self.give(Task::Probe);
    }

    fn give(&self, task: Task) {
        // A thread that has ended has said so in its reports.
        let _ended = self.tasks.send(task);
    }
}

/// Group commit: while one commit syncs the disk, the batches for the next one gather.
fn run(
    mut storage: impl Commit,
    mut inbox: mpsc::UnboundedReceiver<Task>,
    reports: &mpsc::UnboundedSender<Result<Persisted, StorageError>>,
) {
    while let Some(first) = inbox.blocking_recv() {
        let tasks: Vec<_> = std::iter::once(first).chain(std::iter::from_fn(|| inbox.try_recv().ok())).collect();
        let report = storage.commit(&tasks).map(|()| Persisted::by(tasks, &storage));
        let failed = report.is_err();
        if reports.send(report).is_err() || failed {
            return;
        }
    }
}
