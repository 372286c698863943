//! What happened, for people to read: values here, words in the host.

use std::collections::VecDeque;

use shared::base::hlc::ClockAhead;
use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::Slot;
use shared::ledger::finality::Numbering;
use shared::ledger::{Dynamic, Level, Load, Policy, Range, Reason, Rejection, RequestId, Resolution};
use shared::merge::document::LostWrite;
use shared::replica::Undoable;
use shared::replica::io::{CommandRejection, Violation};
use shared::schema::FieldName;

use super::author::Author;
use super::name::Name;
use super::storage_error::StorageError;

/// How many entries the feed keeps.
const FEED_LENGTH: usize = 50;
/// How many notices wait to be read; older ones stay in the feed.
const MAX_NOTICES: usize = 4;

/// Something that happened. Names are those of the moment: a record may be gone or renamed later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// A record was added.
    Added {
        /// Who did it, if it is known.
        by: Option<Author>,
        /// The name of the record.
        name: Name,
    },
    /// Many records were added at once.
    AddedMany {
        /// How many there are.
        count: usize,
    },
    /// A file was imported in this tab.
    Imported {
        /// The name of the file.
        file: String,
        /// How many lines are in.
        added: usize,
        /// How many lines are not in.
        refused: usize,
    },
    /// A record has another name.
    Renamed {
        /// Who did it, if it is known.
        by: Option<Author>,
        /// The name before.
        from: Name,
        /// The name after.
        to: Name,
    },
    /// Concurrent names are kept until somebody chooses.
    NamesParted {
        /// The names of the record.
        names: Vec<Name>,
    },
    /// Somebody has chosen one of several names.
    Settled {
        /// Who did it, if it is known.
        by: Option<Author>,
        /// The name of the record.
        name: Name,
    },
    /// A field other than the title was edited.
    Edited {
        /// Who did it, if it is known.
        by: Option<Author>,
        /// The name of the record.
        name: Name,
    },
    /// Edited while somebody else did, too. `from` and `to` are what the record was called before and after.
    Merged {
        /// Who did it, if it is known.
        by: Option<Author>,
        /// The name before.
        from: Name,
        /// The name after.
        to: Name,
    },
    /// A record was removed.
    Removed {
        /// The name of the record.
        name: Name,
    },
    /// Removed by one replica while another one edited it.
    Restored {
        /// Who did it, if it is known.
        by: Option<Author>,
        /// The name of the record.
        name: Name,
    },
    /// A write that gave way to another one, made at the same time.
    Lost {
        /// The write.
        write: LostWrite,
        /// The field.
        field: FieldName,
        /// The name of the record.
        name: Name,
        /// Who made the write.
        by: Author,
        /// Who made the other one.
        winner: Author,
    },
    /// The log has decided a request.
    Decided(Decided),
    /// This tab has given a number by itself.
    Numbered {
        /// The name of the record.
        name: Name,
        /// The number, and how far it can be trusted.
        numbering: Numbering,
    },
    /// The relay has ended the link for cause.
    LinkRefused(Violation),
    /// This tab has ended the link, since the relay broke the protocol.
    LinkCut(Violation),
    /// Something that the host tells its user. The client does not know the meaning of the code.
    OfHost(&'static str),
    /// This tab keeps nothing beyond its end, since the browser would not.
    InMemoryOnly {
        /// The reason.
        reason: StorageError,
    },
    /// The page came over plain HTTP from another machine, where browsers give a page less.
    NotSecure,
    /// A relay answers, but takes no connection of this page, whose origin is `page`.
    ClosedDoor {
        /// The address of the relay.
        address: String,
        /// The origin of the program.
        page: String,
    },
    /// The device takes writes again.
    DeviceBack,
    /// The device took no more writes: from now on this tab lives in memory.
    DeviceLost {
        /// The reason.
        reason: StorageError,
    },
    /// The clock of this device is ahead: this tab goes by the relay's.
    WrongClock(ClockAhead),
    /// Relays take nothing more under the id that this tab had, and it has taken a new one.
    NewId(Violation),
    /// What a replica had done and no relay had, this tab has done again under its own id.
    CarriedOver {
        /// The replica.
        replica: ReplicaId,
        /// How many edits.
        edits: usize,
    },
    /// All relays were restored from a backup. So many numbers that were final are not any more, and are given anew.
    RelaysRestored {
        /// How many numbers.
        numbers: usize,
    },
    /// A number out of a lease, which the record cannot keep: the lease belongs to an id that this tab does not have any more.
    LeaseLost {
        /// The name of the record.
        name: Name,
        /// The number.
        number: u64,
    },
    /// The database of an earlier tab cannot be read. It stays as it is.
    LeftAlone {
        /// The replica.
        replica: ReplicaId,
        /// The reason.
        reason: StorageError,
    },
    /// What an earlier tab had left to do is done.
    LookedAfter {
        /// The replica.
        replica: ReplicaId,
    },
    /// The user wants something while this tab still reads what it has kept.
    WaitsForReading,
    /// A command could not be done.
    Impossible(CommandRejection),
    /// A file that was imported here is out again, but for so many records that others have changed.
    ImportUndone {
        /// The name of the file.
        file: String,
        /// How many records stay, since others have changed them.
        changed: usize,
    },
    /// The user's last action is undone, or could not be undone.
    Undone {
        /// The action that was undone.
        what: Undoable,
        /// The record or the file.
        about: Subject,
        /// Whether it is undone.
        outcome: Result<(), CommandRejection>,
    },
}

impl Notification {
    /// Whether it is an answer to what the user did just now, of no interest after the next thing.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Notification::Undone { .. } | Notification::ImportUndone { .. } | Notification::WaitsForReading)
    }
}

/// Something that a user did a thing about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A record, by its name.
    Record(Name),
    /// A file that was imported, by its name.
    File(String),
}

/// The log has decided a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The request.
    pub request: RequestId,
    /// Who asked.
    pub by: Author,
    /// The relay that led.
    pub leader: RelayId,
    /// The slot of the log.
    pub slot: Slot,
    /// The decision.
    pub what: Decision,
}

/// What was decided. `name` is that of the record, if it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A record has a number.
    Given {
        /// The number.
        number: u64,
        /// The name of the record, if it is known here.
        name: Option<Name>,
    },
    /// A number is free again.
    Released {
        /// The number.
        number: u64,
        /// The name of the record, if it is known here.
        name: Option<Name>,
    },
    /// The highest number is higher.
    Raised {
        /// The highest number.
        highest: u64,
    },
    /// How far above the highest number an entry may go from now on.
    Reach {
        /// The limit.
        most: u64,
    },
    /// The record had no number, and was to have none.
    Unchanged {
        /// The name of the record, if it is known here.
        name: Option<Name>,
    },
    /// A replica may give the numbers of a range by itself.
    Leased {
        /// The range.
        range: Range,
        /// The holder.
        to: Author,
    },
    /// Another epoch has begun.
    Epoch {
        /// The level.
        level: Level,
        /// The reason.
        reason: Reason,
        /// What led to it.
        load: Load,
    },
    /// Somebody has changed the settings of the dynamic method.
    Dynamic(Dynamic),
    /// Provisional numbers were settled; some of them their records did not get.
    Settled {
        /// How many were settled.
        settled: u32,
        /// The numbers that their records did not get.
        collisions: Vec<Collision>,
    },
    /// Somebody has seen to a conflict, which is kept no more if there is no collision.
    Resolved {
        /// Whether it was kept or undone.
        resolution: Resolution,
        /// The conflict, if it is kept.
        collision: Option<Collision>,
    },
    /// Another policy of observers.
    Policy(Policy),
    /// The numbers so far are final without observers.
    Waived,
    /// Other relays vote.
    Configuration {
        /// The number of the configuration.
        number: u32,
    },
    /// The past of a replica is forgotten.
    Retired {
        /// The replica.
        replica: ReplicaId,
    },
    /// A request was refused.
    Refused {
        /// The reason.
        rejection: Rejection,
        /// The name of the record, if it is known here.
        name: Option<Name>,
        /// The record that has the number, if that is the reason.
        owner: Owner,
    },
}

/// Both sides of a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// Who gave the number.
    pub by: ReplicaId,
    /// Whom it was given to.
    pub loser: Owner,
    /// The number that both wanted.
    pub wanted: u64,
    /// The reason.
    pub because: Rejection,
    /// Who has the number, if that is the reason.
    pub winner: Owner,
    /// What the loser got in its place.
    pub given: Option<u64>,
    /// Where the winner got the number, or else where the conflict was found.
    pub log_place: LogPlace,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The slot of the log.
    pub slot: Slot,
    /// Under whom it was decided, as long as the log goes back so far.
    pub leader: Option<RelayId>,
}

/// Who has the number that somebody else asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nobody is in the way: the refusal has another reason.
    #[default]
    Nobody,
    /// A record that is there.
    Present {
        /// The name of the record.
        name: Name,
    },
    /// Removed, but the number was not released. The name, if it was ever known here.
    Removed {
        /// The name of the record, if it is known here.
        name: Option<Name>,
    },
    /// The record has not arrived here yet.
    Unknown,
}

/// A notification in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts the notifications of this tab.
    pub serial: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The notification.
    pub notification: Notification,
}

/// What happened lately, newest first.
#[derive(Debug, Default)]
pub struct Feed {
    told: u64,
    entries: VecDeque<Entry>,
    notices: VecDeque<Entry>,
}

impl Feed {
    /// Adds a notification.
    pub fn notify(&mut self, at_ms: u64, notification: Notification) {
        self.push(at_ms, notification);
    }

    /// For what nobody should miss: stands on the page until it is dismissed, too.
    pub fn alert(&mut self, at_ms: u64, notification: Notification) {
        self.notices.retain(|notice| notice.notification != notification);
        let entry = self.push(at_ms, notification);
        self.notices.push_front(entry);
        self.notices.truncate(MAX_NOTICES);
    }

    /// The notice with this serial number has been read.
    pub fn dismiss(&mut self, serial: u64) {
        self.notices.retain(|notice| notice.serial != serial);
    }

    /// The user goes on: answers to what was done before have been read.
    pub fn dismiss_passing(&mut self) {
        self.notices.retain(|notice| !notice.notification.is_passing());
    }

    /// Whether the decision about this request was told lately: a request that went to two leaders is in the log twice.
    #[must_use]
    pub fn knows(&self, request: RequestId) -> bool {
        self.entries
            .iter()
            .any(|entry| matches!(&entry.notification, Notification::Decided(decided) if decided.request == request))
    }

    /// Whether the loss of this write was told lately: it may give way to several others.
    #[must_use]
    pub fn knows_loss(&self, write: &LostWrite) -> bool {
        self.entries.iter().any(|entry| match &entry.notification {
            Notification::Lost { write: told, .. } => LostWrite { winner: write.winner, ..told.clone() } == *write,
            _ => false,
        })
    }

    /// Returns all entries, the newest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Returns the notices that nobody has dismissed, the newest first.
    pub fn notices(&self) -> impl Iterator<Item = &Entry> {
        self.notices.iter()
    }

    fn push(&mut self, at_ms: u64, notification: Notification) -> Entry {
        self.told += 1;
        let entry = Entry { serial: self.told, at_ms, notification };
        self.entries.push_front(entry.clone());
        self.entries.truncate(FEED_LENGTH);
        entry
    }
}
