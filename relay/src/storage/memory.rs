//! A store in memory, for tests of what is above the disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::base::room::Room;
use shared::consensus::Ballot;
use shared::replica::io::Recovered;
use shared::replica::rows::{self, Change, Holder, push_changes, tag};

use super::writer::{self, Commit, Reports, Task, Writer};
use super::{About, Storage, StorageError, new_incarnation, new_room};

/// The rows of one room, by key.
type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A disk that forgets nothing as long as it is referred to. A clone is the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<Contents>>);

#[derive(Debug)]
struct Contents {
    about: About,
    rooms: BTreeMap<Room, Rows>,
    is_broken: bool,
}

impl Default for Disk {
    fn default() -> Self {
        let about = About { replica: new_incarnation(), founding: None, relays: BTreeMap::new(), floor: Ballot::ZERO };
        Disk(Arc::new(Mutex::new(Contents { about, rooms: BTreeMap::new(), is_broken: false })))
    }
}

impl Disk {
    /// The store on this disk.
    pub fn open(&self) -> Box<dyn Storage> {
        Box::new(Memory { about: self.contents().about.clone(), disk: self.clone() })
    }

    /// From now on the disk takes no writes.
    pub fn break_down(&self) {
        self.contents().is_broken = true;
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open store on a [`Disk`].
#[derive(Debug)]
struct Memory {
    about: About,
    disk: Disk,
}

impl Storage for Memory {
    fn about(&self) -> &About {
        &self.about
    }

    fn rooms(&self) -> Result<Vec<Room>, StorageError> {
        Ok(self.disk.contents().rooms.keys().cloned().collect())
    }

    fn read(&self, room: &Room) -> Result<Recovered, StorageError> {
        let contents = self.disk.contents();
        let mut recovered = new_room(contents.about.floor);
        for (key, value) in contents.rooms.get(room).into_iter().flatten() {
            recovered.apply(rows::op_of(key, value).map_err(|error| self.broken(error.to_string()))?);
        }
        Ok(recovered)
    }

    fn broken(&self, reason: String) -> StorageError {
        StorageError::Broken { file: "memory".into(), reason }
    }

    fn start(self: Box<Self>) -> (Writer, Reports) {
        writer::start(*self)
    }
}

impl Commit for Memory {
    fn commit(&mut self, tasks: &[Task]) -> Result<(), StorageError> {
        let mut contents = self.disk.contents();
        if contents.is_broken {
            return Err(StorageError::Write("the disk is broken".into()));
        }
        tasks.iter().for_each(|task| contents.carry_out(task));
        Ok(())
    }
}

impl Contents {
    fn carry_out(&mut self, task: &Task) {
        match task {
            Task::Write(room, batch) => {
                let mut changes = Vec::new();
                batch.ops.iter().for_each(|op| push_changes(op, Holder::Relay, &mut changes));
                let rows = self.rooms.entry(room.clone()).or_default();
                changes.into_iter().for_each(|change| apply(rows, change));
                self.rooms.retain(|_, rows| !rows.is_empty());
            }
            Task::Meet(voter, address) => drop(self.about.relays.insert(*voter, address.clone())),
            Task::Found(founding) => self.about.founding = Some(founding.clone()),
            Task::Renew(incarnation) => {
                (self.about.replica, self.about.floor) = (*incarnation, Ballot::ZERO);
                self.rooms.values_mut().for_each(|rows| drop(rows.remove(&[tag::ACCEPTOR_STATE][..])));
            }
            Task::Drop { room, promised } => {
                self.rooms.remove(room);
                self.about.floor = self.about.floor.max(*promised);
            }
            Task::Load(_) | Task::Probe => {}
        }
    }
}

fn apply(rows: &mut Rows, change: Change) {
    match change {
        Change::Put { key, row } => drop(rows.insert(row[..key].to_vec(), row[key..].to_vec())),
        Change::Drop { from, until } => rows.retain(|key, _| !(&from..&until).contains(&key)),
    }
}
