//! What happened, for people to read: facts here, words in the view model.

use std::collections::VecDeque;

use shared::base::hlc::ClockAhead;
use shared::base::id::{RelayId, ReplicaId};
use shared::consensus::Slot;
use shared::ledger::finality::Numbering;
use shared::ledger::{ClaimId, Dynamic, Level, Load, Policy, Range, Reason, Rejection, Resolution};
use shared::merge::document::LostWrite;
use shared::replica::Undoable;
use shared::replica::io::{CommandRejection, Violation};
use shared::schema::FieldName;

use crate::language::Language;

/// How many entries the feed keeps.
const FEED_LENGTH: usize = 50;
/// How many notices wait to be read; older ones stay in the feed.
const MAX_NOTICES: usize = 4;

/// Something that happened. Names are those of the moment: a record may be gone or renamed later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Added {
        by: Option<ReplicaId>,
        name: String,
    },
    AddedMany {
        count: usize,
    },
    /// A file was imported in this tab.
    Imported {
        file: String,
        added: usize,
        refused: usize,
    },
    Renamed {
        by: Option<ReplicaId>,
        from: String,
        to: String,
    },
    /// Concurrent names are kept until somebody chooses.
    NamesParted {
        names: Vec<String>,
    },
    /// Somebody has chosen one of several names.
    Settled {
        by: Option<ReplicaId>,
        name: String,
    },
    Edited {
        by: Option<ReplicaId>,
        name: String,
    },
    /// Edited while somebody else did, too. `from` and `to` are what the record was called before and after.
    Merged {
        by: Option<ReplicaId>,
        from: String,
        to: String,
    },
    Removed {
        name: String,
    },
    /// Removed by one replica while another one edited it.
    Restored {
        by: Option<ReplicaId>,
        name: String,
    },
    /// A write that gave way to another one, made at the same time.
    Lost {
        write: LostWrite,
        field: FieldName,
        name: String,
    },
    Decided(Decided),
    /// This tab has given a number by itself.
    Numbered {
        name: String,
        numbering: Numbering,
    },
    /// The relay has ended the link for cause.
    LinkRefused(Violation),
    /// This tab has ended the link, since the relay broke the protocol.
    LinkCut(Violation),
    /// The words of this language could not be fetched.
    WordsMissing(Language),
    /// This tab keeps nothing beyond its end, since the browser would not.
    InMemoryOnly {
        reason: String,
    },
    /// The page came over plain HTTP from another machine, where browsers give a page less.
    NotSecure,
    /// A relay answers, but takes no connection of this page, whose origin is `page`.
    ClosedDoor {
        address: String,
        page: String,
    },
    /// The device takes writes again.
    DeviceBack,
    /// The device took no more writes: from now on this tab lives in memory.
    DeviceLost {
        reason: String,
    },
    /// The clock of this device is ahead: this tab goes by the relay's.
    WrongClock(ClockAhead),
    /// Relays take nothing more under the id that this tab had, and it has taken a new one.
    NewId(Violation),
    /// What a replica had done and no relay had, this tab has done again under its own id.
    CarriedOver {
        replica: ReplicaId,
        edits: usize,
    },
    /// All relays were restored from a backup. So many numbers that were final are not any more, and are given anew.
    RelaysRestored {
        numbers: usize,
    },
    /// A number out of a lease, which the record cannot keep: the lease belongs to an id that this tab does not have any more.
    LeaseLost {
        name: String,
        number: u64,
    },
    /// The database of an earlier tab cannot be read. It stays as it is.
    LeftAlone {
        replica: ReplicaId,
        reason: String,
    },
    /// What an earlier tab had left to do is done.
    LookedAfter {
        replica: ReplicaId,
    },
    /// The user wants something while this tab still reads what it has kept.
    WaitsForReading,
    /// A command could not be done.
    Impossible(CommandRejection),
    /// A file that was imported here is out again, but for so many records that others have changed.
    ImportUndone {
        file: String,
        changed: usize,
    },
    /// What the user did last about the record of this name is undone, or could not be.
    Undone {
        what: Undoable,
        name: String,
        outcome: Result<(), CommandRejection>,
    },
}

impl Fact {
    /// Whether it is an answer to what the user did just now, of no interest after the next thing.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Fact::Undone { .. } | Fact::ImportUndone { .. } | Fact::WaitsForReading)
    }
}

/// The log has decided a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub claim: ClaimId,
    pub leader: RelayId,
    pub slot: Slot,
    pub what: Decision,
}

/// What was decided. `name` is that of the record, if it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Given {
        number: u64,
        name: Option<String>,
    },
    Released {
        number: u64,
        name: Option<String>,
    },
    Raised {
        highest: u64,
    },
    /// How far above the highest number an entry may go from now on.
    Reach {
        most: u64,
    },
    /// The record had no number, and was to have none.
    Unchanged {
        name: Option<String>,
    },
    Leased(Range),
    /// Another epoch has begun.
    Epoch {
        level: Level,
        reason: Reason,
        /// What led to it.
        load: Load,
    },
    /// Somebody has changed the settings of the dynamic method.
    Dynamic(Dynamic),
    /// Provisional claims were settled; these of them did not get what they wanted.
    Settled {
        settled: u32,
        collisions: Vec<Collision>,
    },
    /// Somebody has seen to a conflict, which is kept no more if there is no collision.
    Resolved {
        resolution: Resolution,
        collision: Option<Collision>,
    },
    Policy(Policy),
    Waived,
    Configuration {
        number: u32,
    },
    Retired {
        replica: ReplicaId,
    },
    Refused {
        rejection: Rejection,
        name: Option<String>,
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
    pub wanted: u64,
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
    Present {
        name: String,
    },
    /// Removed, but the number was not released. The name, if it was ever known here.
    Removed {
        name: Option<String>,
    },
    /// The record has not arrived here yet.
    Unknown,
}

/// A fact in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts the facts of this tab.
    pub serial: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    pub fact: Fact,
}

/// What happened lately, newest first.
#[derive(Debug, Default)]
pub struct Feed {
    told: u64,
    entries: VecDeque<Entry>,
    notices: VecDeque<Entry>,
}

impl Feed {
    pub fn tell(&mut self, at_ms: u64, fact: Fact) {
        self.push(at_ms, fact);
    }

    /// For what nobody should miss: stands on the page until it is dismissed, too.
    pub fn tell_aloud(&mut self, at_ms: u64, fact: Fact) {
        self.notices.retain(|notice| notice.fact != fact);
        let entry = self.push(at_ms, fact);
        self.notices.push_front(entry);
        self.notices.truncate(MAX_NOTICES);
    }

    pub fn dismiss(&mut self, serial: u64) {
        self.notices.retain(|notice| notice.serial != serial);
    }

    /// The user goes on: answers to what was done before have been read.
    pub fn dismiss_passing(&mut self) {
        self.notices.retain(|notice| !notice.fact.is_passing());
    }

    /// Whether the decision about this claim was told lately: a claim that went to two leaders is in the log twice.
    #[must_use]
    pub fn knows(&self, claim: ClaimId) -> bool {
        self.entries.iter().any(|entry| matches!(&entry.fact, Fact::Decided(decided) if decided.claim == claim))
    }

    /// Whether the loss of this write was told lately: it may give way to several others.
    #[must_use]
    pub fn knows_loss(&self, write: &LostWrite) -> bool {
        self.entries.iter().any(|entry| match &entry.fact {
            Fact::Lost { write: told, .. } => LostWrite { winner: write.winner, ..told.clone() } == *write,
            _ => false,
        })
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub fn notices(&self) -> impl Iterator<Item = &Entry> {
        self.notices.iter()
    }

    fn push(&mut self, at_ms: u64, fact: Fact) -> Entry {
        self.told += 1;
        let entry = Entry { serial: self.told, at_ms, fact };
        self.entries.push_front(entry.clone());
        self.entries.truncate(FEED_LENGTH);
        entry
    }
}
