//! The thread that writes: it takes everything that waits, makes it durable in one commit, and says so.

use std::collections::BTreeMap;
use std::sync::mpsc as blocking;
use std::thread;

use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::consensus::{Ballot, Founding};
use shared::replica::io::{Recovered, WriteBatch, WriteId, WriteOp};
use tokio::sync::mpsc;

use super::{Store, StoreError};

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
    pub outcome: Result<Recovered, StoreError>,
}

impl Persisted {
    fn by(tasks: Vec<Task>, store: &Store) -> Self {
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
                    let outcome = store.load_room(&room);
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

/// The way to the writer thread. What is submitted later becomes durable no earlier. The thread ends when this is
/// dropped and everything given to it is durable.
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
    mut store: Store,
    inbox: &blocking::Receiver<Task>,
    reports: &mpsc::UnboundedSender<Result<Persisted, StoreError>>,
) {
    while let Ok(first) = inbox.recv() {
        let tasks: Vec<_> = std::iter::once(first).chain(inbox.try_iter()).collect();
        let report = store.commit(&tasks).map_err(StoreError::Write).map(|()| Persisted::by(tasks, &store));
        let failed = report.is_err();
        if reports.send(report).is_err() || failed {
            return;
        }
    }
}
