//! HTTP requests under keys: a relay does each once, whichever relay it is asked of, and however often.
//!
//! An operation that the log does by itself takes one entry, which holds the key and the operation. A new record with
//! a number takes one entry, too. The record is added before, and taken back if another relay has the key or the
//! number is refused. Other edits take two entries. The first takes the key, then the relay makes the edits, and the
//! second reports it. A relay that is killed between the two frees the key when it is back, unless its edits are on
//! its disk.

use crate::base::id::RecordId;
use crate::base::sorted::SortedMap;
use crate::ledger::finality::{Final, Numbering};
use crate::ledger::{Key, KeyEnd, Keyed, Rejection, RequestId};
use crate::replica::io::{Command, CommandId, CommandRejection, Reply};
use crate::schema::{FieldEdit, FieldName};

/// How many commands at the most wait for the answer under one key.
const MAX_WAITING: usize = 64;

/// The HTTP requests under keys that this relay is at.
#[derive(Debug, Default)]
pub(super) struct Onces {
    pub(super) waiting: SortedMap<Key, Waiting>,
    /// The edits to be made when the log has given a key to this relay, by the request for it.
    pub(super) edits: SortedMap<RequestId, KeyedEdits>,
}

/// The edits of an HTTP request under a key: those that the log does not make.
#[derive(Debug)]
pub(super) enum KeyedEdits {
    Add {
        fields: Vec<(FieldName, FieldEdit)>,
    },
    Change {
        record: RecordId,
        edits: Vec<(FieldName, FieldEdit)>,
    },
    Remove {
        record: RecordId,
    },
    /// Takes numbers from a record that are not settled.
    Withdraw {
        record: RecordId,
    },
}

/// The commands that wait for the result of an HTTP request.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) hash: u64,
    pub(super) commands: Vec<(CommandId, Form)>,
}

/// How a command is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Added,
    Registered,
    Numbered,
    Decided,
    Done,
}

impl Form {
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::Add { .. } => Form::Added,
            Command::Register { .. } => Form::Registered,
            Command::Number { .. } => Form::Numbered,
            Command::Ask(_) => Form::Decided,
            _ => Form::Done,
        }
    }

    /// The answer to an HTTP request, whose key the request `by` had.
    pub(super) fn reply(self, by: RequestId, end: &KeyEnd) -> Reply {
        let numbering = end.number().map(|number| Numbering::Final(Final::new(number)));
        match (self, end.record, end.outcome) {
            (Form::Added, Some(record), Ok(_)) => Reply::Added(record),
            (Form::Registered, Some(record), Err(rejection)) => Reply::Registered(record, Err(rejection)),
            (Form::Registered, Some(record), Ok(_)) if let Some(numbering) = numbering => {
                Reply::Registered(record, Ok(numbering))
            }
            (Form::Numbered, _, Ok(_)) if let Some(numbering) = numbering => Reply::Numbered(numbering),
            (Form::Done, _, Ok(_)) => Reply::Done,
            (_, _, outcome) => Reply::Decided(by, outcome),
        }
    }
}

impl Onces {
    /// One more command waits for what comes of an HTTP request. Returns false if this relay is at none under this key.
    pub(super) fn join(&mut self, keyed: &Keyed, command: (CommandId, Form)) -> Result<bool, CommandRejection> {
        let Some(waiting) = self.waiting.get_mut(&keyed.key) else { return Ok(false) };
        if waiting.hash != keyed.hash {
            return Err(CommandRejection::Refused(Rejection::KeyUsedOtherwise));
        }
        if waiting.commands.len() >= MAX_WAITING {
            return Err(CommandRejection::TooManyWaiting { waiting: waiting.commands.len() });
        }
        waiting.commands.push(command);
        Ok(true)
    }

    pub(super) fn leave(&mut self, key: Key) -> Vec<(CommandId, Form)> {
        self.waiting.remove(&key).map(|waiting| waiting.commands).unwrap_or_default()
    }
}
