//! Undoing what a user did last: by new edits, and only where nobody has done anything since that they would take back.

use std::collections::VecDeque;

use crate::crdt::{Field, FieldEdit, FieldId, Inverse, Op, Version};
use crate::dot::Dot;
use crate::id::RecordId;
use crate::io::{CommandRejection, Message, Now};

use super::Replica;

/// How many deeds are remembered.
const CAPACITY: usize = 100;

/// What a user did, with what it takes to undo it.
#[derive(Debug)]
pub(super) enum Deed {
    Added {
        record: RecordId,
    },
    Edited {
        record: RecordId,
        field: FieldId,
        /// The edit, or a later one of this replica that has brought back its effect.
        dot: Dot,
        inverse: Inverse,
    },
    Removed {
        record: RecordId,
        /// What the record was.
        version: Box<Version>,
    },
}

/// What the next undo would undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoable {
    Added(RecordId),
    Edited(RecordId, FieldId),
    Removed(RecordId),
}

/// The deeds of this replica's user, the latest last. In memory only.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    kept: VecDeque<Deed>,
}

impl Deeds {
    pub(super) fn push(&mut self, deed: Deed) {
        if self.kept.len() == CAPACITY {
            self.kept.pop_front();
        }
        self.kept.push_back(deed);
    }

    /// The effect of `restored` is back, by the edit `by`.
    fn restored(&mut self, restored: Option<Dot>, by: Dot) {
        for deed in &mut self.kept {
            if let Deed::Edited { dot, .. } = deed
                && Some(*dot) == restored
            {
                *dot = by;
            }
        }
    }

    pub(super) fn latest(&self) -> Option<Undoable> {
        self.kept.back().map(|deed| match deed {
            Deed::Added { record } => Undoable::Added(*record),
            Deed::Edited { record, field, .. } => Undoable::Edited(*record, *field),
            Deed::Removed { record, .. } => Undoable::Removed(*record),
        })
    }
}

impl Replica {
    /// Undoes the latest deed of this replica's user. A deed that cannot be undone is forgotten, so that the next undo
    /// is about the one before.
    pub(super) fn undo(&mut self, now: Now) -> Result<RecordId, CommandRejection> {
        let deed = self.deeds.kept.pop_back().ok_or(CommandRejection::NothingToUndo)?;
        match deed {
            Deed::Added { record } => {
                let version = self.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
                if version.past.entries().iter().any(|dot| dot.replica != self.me) {
                    return Err(CommandRejection::ChangedSince);
                }
                self.remove_record(now, record)?;
                Ok(record)
            }
            Deed::Edited { record, field, dot, inverse } => {
                let version = self.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
                let (Some(state), Some(spec)) = (version.field(field), self.schema.spec(field)) else {
                    return Err(CommandRejection::ChangedSince);
                };
                if !still_stands(state, dot, &inverse.edit) {
                    return Err(CommandRejection::ChangedSince);
                }
                let op = Op { field, kind: spec.kind, edit: inverse.edit };
                self.schema.check_op_on(&version, &op)?;
                let undo = self.edit_record(now, record, vec![op])?;
                self.deeds.restored(inverse.restores, undo);
                Ok(record)
            }
            Deed::Removed { record, version } => {
                if self.document.contains(record) {
                    return Err(CommandRejection::ChangedSince);
                }
                let (dot, stamp) = (self.document.next_dot(self.me)?, self.clock.tick(now.wall_ms));
                let mut merged = self.document.revive(record, dot, stamp, *version);
                for peer in self.audience(None) {
                    self.send(peer, Message::Revived { record, edit: dot });
                }
                self.spread(now, None, &mut merged);
                Ok(record)
            }
        }
    }
}

/// Whether a field still shows what the edit `dot` did to it, and nothing that others did since.
fn still_stands(state: &Field, dot: Dot, inverse: &FieldEdit) -> bool {
    match (state, inverse) {
        (Field::Lww(_) | Field::Mv(_), _) => matches!(state.writes(), [write] if write.dot == dot),
        (Field::Set(set), FieldEdit::Remove(element)) => set.additions(element) == [dot],
        (Field::Set(set), FieldEdit::Insert(element)) => !set.contains(element),
        (Field::Counter(_), _) => true,
        (Field::Set(_), _) => false,
    }
}
