//! The commands of a host, and the answers to them.

use std::time::Duration;

use thiserror::Error;

use super::ids::ImportId;
use crate::base::id::{RecordId, ReplicaId};
use crate::consensus::Slot;
use crate::ledger::finality::Numbering;
use crate::ledger::{Keyed, Operation, Outcome, Rejection, RequestId};
use crate::merge::document::{Live, MAX_VERSION_BYTES, OutOfDots};
use crate::schema::{FieldEdit, FieldName, SchemaViolation};

/// The commands of a user, or of a program at a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Adds a record. The fields must include those that the schema requires.
    Add {
        /// The first edit of each field.
        fields: Vec<(FieldName, FieldEdit)>,
    },
    /// Edits one field of a record.
    Edit {
        /// The record to edit.
        record: RecordId,
        /// The field to edit, by its name in the schema.
        field: FieldName,
        /// The edit of the field.
        edit: FieldEdit,
        /// The versions that the user saw when the edit began; `None`: the present ones. Edits by others since then
        /// are concurrent with this edit.
        seen: Option<Vec<Live>>,
    },
    /// Makes several field edits of a record as one edit of the present versions, all or none.
    Change {
        /// The record to edit.
        record: RecordId,
        /// The field edits, each with the name of its field.
        edits: Vec<(FieldName, FieldEdit)>,
    },
    /// Removes a record.
    Remove {
        /// The record to remove.
        record: RecordId,
    },
    /// Undoes the last action of this replica's user, unless somebody has changed its result since. Of an import it
    /// undoes a part, as [`UndoImport`](Self::UndoImport) does.
    Undo,
    /// The record, which was added last, belongs to an import: all records of an import are undone as one.
    JoinImport {
        /// The import, as the host names it.
        import: ImportId,
        /// The record that was added last.
        record: RecordId,
    },
    /// Removes the latest records of an import, except those that others have changed since. It removes a bounded
    /// number at once, so that no relay is flooded. The reply says how many are left.
    UndoImport {
        /// The import, as the host names it.
        import: ImportId,
    },
    /// Gives a record a number: this one, or the next. How, and so whether it is final, depends on the
    /// [epoch](crate::ledger::Epoch), on whether a majority of the voters can be reached, and on this replica's leases.
    Number {
        /// The record that is to have a number.
        record: RecordId,
        /// The number wanted; `None`: the next one.
        number: Option<u64>,
    },
    /// Adds a record with a number. This costs no more than the record alone where the number needs no decision. If
    /// the log refuses the number, a relay removes the record again. In a tab the record stays, for its user to
    /// choose.
    Register {
        /// The first edit of each field, as for [`Add`](Self::Add).
        fields: Vec<(FieldName, FieldEdit)>,
        /// The number wanted; `None`: the next one.
        number: Option<u64>,
    },
    /// Takes a record's number from it, provisional or not.
    Free {
        /// The record that loses its number.
        record: RecordId,
    },
    /// The user has read why a record got no number.
    Dismiss {
        /// The record that got no number.
        record: RecordId,
    },
    /// Raises the highest number; a lower one changes nothing. A relay does not ask the log in the CRDT-only mode or
    /// without a majority. Then the number merges between the relays, and the log follows later.
    Raise {
        /// The new highest number, in `1..=MAX_NUMBER`.
        number: u64,
    },
    /// Leases numbers to this replica, which can then give them while it is offline.
    Lease {
        /// How many numbers to lease, in `1..=MAX_RANGE`.
        count: u32,
    },
    /// Asks the ledger; the reply comes when the log has decided.
    Ask(Operation),
    /// Runs the command of an HTTP request, unless the key was used before. Every repetition gets the answer
    /// of the first one. Only a relay that sees a majority of the voters can do it.
    Once {
        /// The key, with a hash of the HTTP request.
        keyed: Keyed,
        /// The command to run once.
        command: Box<Command>,
    },
    /// Waits until this replica knows enough for a reader.
    Read(Consistency),
    /// Sets whether this tab is an observer. A tab that is hidden should not be one.
    Observer {
        /// True if the tab acknowledges decisions.
        willing: bool,
        /// True if writes that the host reports as persisted survive a crash of the host.
        durable: bool,
    },
    /// Starts or stops watching: while it is true, relays send telemetry to this replica.
    Watch(bool),
}

impl Command {
    /// True if this replica runs the command by itself, at once.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let asks_the_log = match self {
            Command::Read(consistency) => *consistency != Consistency::Local,
            Command::Lease { .. } | Command::Raise { .. } | Command::Ask(_) => true,
            Command::Number { .. } | Command::Register { .. } | Command::Free { .. } => true,
            Command::Once { .. } => true,
            _ => false,
        };
        !asks_the_log
    }

    /// True if the command may change the document by more than the log does.
    pub(crate) fn may_edit(&self) -> bool {
        match self {
            Command::Add { .. }
            | Command::Edit { .. }
            | Command::Change { .. }
            | Command::Once { .. }
            | Command::Remove { .. }
            | Command::Undo
            | Command::UndoImport { .. }
            | Command::Number { .. }
            | Command::Register { .. }
            | Command::Free { .. } => true,
            Command::JoinImport { .. }
            | Command::Dismiss { .. }
            | Command::Raise { .. }
            | Command::Lease { .. }
            | Command::Ask(_)
            | Command::Read(_)
            | Command::Observer { .. }
            | Command::Watch(_) => false,
        }
    }
}

/// The state that a reader wants to see at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// The state of this replica.
    Local,
    /// Everything that the reader has seen: the log below this slot.
    Session(Slot),
    /// Everything that anybody was told before the read began.
    Linearizable,
    /// All edits and decisions that the relays linked to this one have when they are asked.
    OfAllRelays,
}

/// The answer to a command that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The record was added under this id.
    Added(RecordId),
    /// The command is done, and has no result.
    Done,
    /// The last action about this record is undone.
    Undone(RecordId),
    /// A part of an import is undone.
    ImportUndone {
        /// How many records were left as they are, since others have changed them.
        changed: usize,
        /// How many records of the import are not undone yet.
        left: usize,
    },
    /// The record has a number.
    Numbered(Numbering),
    /// The record was added. It has a number, unless the log has refused one.
    Registered(RecordId, Result<Numbering, Rejection>),
    /// The highest number is at least as high as asked for. The log follows.
    Raised {
        /// The highest number, as far as this relay knows.
        highest: u64,
    },
    /// Another relay, or an earlier life of this one, has the key of the HTTP request. It has not reported the result yet.
    UnderWay,
    /// The log has decided, and the decision is visible. A refusal by the ledger is an outcome too.
    Decided(RequestId, Outcome),
    /// The read may look at the state of this replica now.
    ReadAt {
        /// The first slot whose entry is not applied yet.
        applied: Slot,
        /// How long ago this replica was last in touch with the leader; `None` if it never was.
        age: Option<Duration>,
    },
}

/// A command that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandRejection {
    /// The schema does not allow the edit, or does not know the field.
    #[error(transparent)]
    Schema(#[from] SchemaViolation),
    /// The record does not exist here, or was removed.
    #[error("there is no such record any more")]
    UnknownRecord,
    /// This replica has used up its dots.
    #[error(transparent)]
    OutOfDots(#[from] OutOfDots),
    /// The undo stack is empty.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// Somebody has changed the result of the action since.
    #[error("it was changed since: undoing it would take back what others did")]
    ChangedSince,
    /// The version that the edit would make is longer than [`MAX_VERSION_BYTES`].
    #[error("the record would hold more than {MAX_VERSION_BYTES} bytes: make it smaller, or add another one")]
    TooLarge,
    /// Too many operations wait for a decision at this replica.
    #[error("{waiting} operations are waiting already: wait until some are decided")]
    TooManyWaiting {
        /// How many operations are waiting.
        waiting: usize,
    },
    /// A tab asked for an operation that only operators and relays may ask for.
    #[error("only those who run the relays may ask for this")]
    NotForTabs,
    /// The answer that the log would give, as far as this replica knows.
    #[error(transparent)]
    Refused(Rejection),
    /// The degradation level is `Shedding`, so no more numbers are given.
    #[error(
        "{unsettled} provisional numbers are waiting to be settled, and no more are given until then: try again in {retry_after_ms} ms"
    )]
    Shedding {
        /// How many provisional numbers are not settled.
        unsettled: usize,
        /// When to try again, in milliseconds from now.
        retry_after_ms: u32,
    },
    /// This relay sees no majority of the voters, so it cannot run an HTTP request under a key.
    #[error(
        "no majority of the relays is in reach, so nobody can tell whether this key was used before: ask again when they are back, or without a key"
    )]
    NoMajority,
    /// The relays named as the next voters are not up in sufficient number.
    #[error("{up} of the {named} relays named are linked to this one: a majority of them must be, to go on deciding")]
    VotersAway {
        /// How many relays are named.
        named: usize,
        /// How many of them are linked to this relay, or are it.
        up: usize,
    },
    /// All relays were restored from a backup while the command waited.
    #[error(
        "all relays were restored from a backup before this was final: look at the record, a number that is gone is given anew"
    )]
    Restored,
    /// A replica whose edits are unknown here, or still in use, cannot be retired.
    #[error("replica {replica} cannot be retired yet: it has edits that are not known here, or that are still in use")]
    StillInUse {
        /// The replica that was to be retired.
        replica: ReplicaId,
    },
}

impl CommandRejection {
    /// Returns the stable name of the kind, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            CommandRejection::Refused(rejection) => rejection.code(),
            CommandRejection::UnknownRecord => "unknown-record",
            CommandRejection::Schema(_) => "schema-violation",
            CommandRejection::TooLarge => "record-too-large",
            CommandRejection::TooManyWaiting { .. } => "too-many-waiting",
            CommandRejection::Shedding { .. } => "shedding",
            CommandRejection::NoMajority => "no-majority",
            CommandRejection::NotForTabs => "not-allowed",
            CommandRejection::OutOfDots(_)
            | CommandRejection::NothingToUndo
            | CommandRejection::ChangedSince
            | CommandRejection::VotersAway { .. }
            | CommandRejection::Restored
            | CommandRejection::StillInUse { .. } => "refused",
        }
    }
}
