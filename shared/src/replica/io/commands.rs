//! The commands of a host, and the answers to them.

use std::time::Duration;

use thiserror::Error;

use super::ImportId;
use crate::base::id::{RecordId, ReplicaId};
use crate::consensus::Slot;
use crate::ledger::finality::Numbering;
use crate::ledger::{ClaimId, Keyed, Operation, Outcome, Rejection};
use crate::merge::document::{Live, MAX_VERSION_BYTES, OutOfDots};
use crate::schema::{FieldEdit, FieldName, SchemaViolation};

/// What a user may want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new record. The fields must include those that the schema requires.
    Add {
        fields: Vec<(FieldName, FieldEdit)>,
    },
    Edit {
        record: RecordId,
        field: FieldName,
        edit: FieldEdit,
        /// The versions that the user saw when the edit began; `None` for those that are here now. What others have done
        /// since is concurrent with the edit.
        seen: Option<Vec<Live>>,
    },
    /// Several edits of a record, all or none, as one edit of what is here now.
    Change {
        record: RecordId,
        edits: Vec<(FieldName, FieldEdit)>,
    },
    Remove {
        record: RecordId,
    },
    /// Undoes what this replica's user did last, as far as nobody has changed it since. Of an import it undoes a part, as
    /// [`UndoImport`](Self::UndoImport) does.
    Undo,
    /// The record, which was added last, belongs to an import: all records of an import are undone as one.
    JoinImport {
        import: ImportId,
        record: RecordId,
    },
    /// Removes the latest records of an import, as far as nobody has changed them since. It takes so many at once that a
    /// relay is not flooded; the reply says how many are left.
    UndoImport {
        import: ImportId,
    },
    /// Gives a record a number: this one, or the next. How, and so whether it is final, depends on the
    /// [epoch](crate::ledger::Epoch), on whether a majority of the voters can be reached, and on this replica's leases.
    Number {
        record: RecordId,
        number: Option<u64>,
    },
    /// A new record with a number: this one, or the next. Costs no more than the record alone where the number needs no
    /// decision. Where the log refuses the number, a relay takes the record back; in a tab it stays, for its user to choose.
    Register {
        fields: Vec<(FieldName, FieldEdit)>,
        number: Option<u64>,
    },
    /// Takes a record's number from it, provisional or not.
    Free {
        record: RecordId,
    },
    /// The user has read why a record got no number.
    Dismiss {
        record: RecordId,
    },
    /// Raises the highest number to this one; a lower one changes nothing. At a relay the log is not asked for it in the
    /// CRDT-only mode or without a majority: then it merges between the relays, and the log follows later.
    Raise {
        number: u64,
    },
    /// Leases so many numbers to this replica, which can then give them while it is offline.
    Lease {
        count: u32,
    },
    /// Asks the ledger; the reply comes when the log has decided.
    Ask(Operation),
    /// Does what a request from outside wants, unless a relay has done it under the same key before. It is answered as
    /// `command` is, each time in the same way. Only a relay that sees a majority of the voters can do it.
    Once {
        keyed: Keyed,
        command: Box<Command>,
    },
    /// Waits until this replica knows enough for a reader.
    Read(Consistency),
    /// Whether this tab acknowledges what is decided. One that nobody looks at should not.
    Witness {
        willing: bool,
        /// Whether what its host says to be persisted survives a crash of the host.
        durable: bool,
    },
    /// Whether this replica is to be told what the relays see of the agreement and of their links.
    Watch(bool),
}

impl Command {
    /// Whether this replica does it by itself, at once: nobody else is asked.
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

    /// Whether the document may change by it, and not only through the log.
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
            | Command::Witness { .. }
            | Command::Watch(_) => false,
        }
    }
}

/// What a reader wants to be sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// What is known here.
    Local,
    /// All that the reader has seen, which is the log below this slot.
    Session(Slot),
    /// All that anybody was told before the read began.
    Linearizable,
    /// All that the relays linked to this one have when they are asked, edits and log.
    OfAllRelays,
}

/// A command that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Added(RecordId),
    Done,
    /// What was done last about this record is undone.
    Undone(RecordId),
    /// A part of an import is undone.
    ImportUndone {
        /// So many records were left as they are, since others have changed them.
        changed: usize,
        /// So many records have yet to be looked at.
        left: usize,
    },
    /// The record has a number.
    Numbered(Numbering),
    /// The record was added; and it has a number, unless the log has refused it.
    Registered(RecordId, Result<Numbering, Rejection>),
    /// The highest number is at least what was asked for: `highest`, as far as this relay knows, and the log follows.
    Raised {
        highest: u64,
    },
    /// Another relay, or an earlier life of this one, has the key of the request, and has not said yet what came of it.
    UnderWay,
    /// The log has decided, and it is released. A refusal by the ledger is an outcome too.
    Decided(ClaimId, Outcome),
    /// The log is applied below `applied`; a replica that leads, or is linked to the leader, was in touch with it so
    /// long ago.
    ReadAt {
        applied: Slot,
        age: Option<Duration>,
    },
}

/// A command that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandRejection {
    #[error(transparent)]
    Schema(#[from] SchemaViolation),
    #[error("there is no such record any more")]
    UnknownRecord,
    #[error(transparent)]
    OutOfDots(#[from] OutOfDots),
    #[error("there is nothing to undo")]
    NothingToUndo,
    #[error("it was changed since: undoing it would take back what others did")]
    ChangedSince,
    #[error("the record would hold more than {MAX_VERSION_BYTES} bytes: make it smaller, or add another one")]
    TooLarge,
    #[error("{waiting} operations are waiting already: wait until some are decided")]
    TooManyWaiting { waiting: usize },
    #[error("only those who run the relays may ask for this")]
    NotForTabs,
    /// What the log would answer, as far as is known here.
    #[error(transparent)]
    Refused(Rejection),
    #[error(
        "{unsettled} provisional numbers are waiting to be settled, and no more are given until then: try again in {retry_after_ms} ms"
    )]
    Shedding { unsettled: usize, retry_after_ms: u32 },
    #[error(
        "no majority of the relays is in reach, so nobody can tell whether this key was used before: ask again when they are back, or without a key"
    )]
    NoMajority,
    #[error("{up} of the {named} relays named are linked to this one: a majority of them must be, to go on deciding")]
    VotersAway { named: usize, up: usize },
    #[error(
        "all relays were restored from a backup before this was final: look at the record, a number that is gone is given anew"
    )]
    Restored,
    #[error("replica {replica} cannot be retired yet: it has edits that are not known here, or that are still in use")]
    StillInUse { replica: ReplicaId },
}
