//! How a session begins with what its device has kept, part by part.

use std::time::Duration;

use shared::base::id::{RecordId, ReplicaId};
use shared::replica::io::{Message, Now, Recovered, WriteId};
use shared::replica::{Config, Recovery, Replica, Role, View};
use shared::schema::Schema;

use super::{Disk, Session, replica};
use crate::rows::Records;

/// How far the reading of a device has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many records have been read.
    pub records: u64,
    /// Of all that is to be read.
    pub percent: u32,
}

/// The replica, or as much of it as has been read.
pub(super) enum Core {
    Reading(Box<Recovery>, Progress),
    Whole(Box<Replica>),
}

impl Core {
    pub(super) fn view(&self) -> View<'_> {
        match self {
            Core::Reading(recovery, _) => recovery.view(),
            Core::Whole(replica) => replica.view(),
        }
    }

    pub(super) fn whole(&mut self) -> Option<&mut Replica> {
        match self {
            Core::Reading(..) => None,
            Core::Whole(replica) => Some(replica),
        }
    }

    pub(super) fn as_whole(&self) -> Option<&Replica> {
        match self {
            Core::Reading(..) => None,
            Core::Whole(replica) => Some(replica),
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Core::Reading(..) => None,
            Core::Whole(replica) => replica.deadline(),
        }
    }
}

impl Session {
    /// A replica that lives on this device, and has the first of the records that are there already, or none yet. It links to
    /// nobody and does nothing until [all are read](Self::end_reading).
    #[must_use]
    pub fn read(id: ReplicaId, schema: Schema, recovered: Recovered, now: Now) -> Self {
        let disk = Disk::Device { unwritten: Vec::new(), issued: WriteId(0) };
        let stored = recovered.stored.clone();
        let config = Config { replica: id, schema, role: Role::Tab };
        let progress = Progress { records: recovered.records.len() as u64, percent: 0 };
        let recovery = Recovery::begin(config, recovered, now);
        let mut session = Self::of(Core::Reading(Box::new(recovery), progress), disk);
        session.stored = stored;
        for record in session.view().document().records().collect::<Vec<_>>() {
            session.note_names(record);
        }
        session
    }

    /// How far the reading has come, as long as there is more to read.
    #[must_use]
    pub fn reading(&self) -> Option<Progress> {
        match &self.replica {
            Core::Reading(_, progress) => Some(*progress),
            Core::Whole(_) => None,
        }
    }

    /// Takes in the next records, with which so many percent of everything are there. Returns which they are.
    pub fn read_on(&mut self, now: Now, records: Records, percent: u32) -> Vec<RecordId> {
        let ids: Vec<_> = records.keys().copied().collect();
        if let Core::Reading(recovery, progress) = &mut self.replica {
            for (record, versions) in records {
                recovery.add(now, record, versions);
            }
            *progress = Progress { records: progress.records + ids.len() as u64, percent };
            ids.iter().for_each(|&record| self.note_names(record));
        }
        ids
    }

    /// All records are there. Returns what to send.
    pub fn end_reading(&mut self, now: Now) -> Vec<Message> {
        let blank = replica(self.view().me(), self.view().schema().clone(), Recovered::default(), now);
        let core = std::mem::replace(&mut self.replica, Core::Whole(Box::new(blank)));
        self.replica = match core {
            Core::Reading(recovery, _) => Core::Whole(Box::new(recovery.finish())),
            whole @ Core::Whole(_) => whole,
        };
        // It was not heard before.
        self.set_shown(now, self.shown)
    }
}
