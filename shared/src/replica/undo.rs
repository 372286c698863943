//! Undoes the last action of a user, by new edits. It takes back nothing that others did since.

use crate::base::dot::Dot;
use crate::base::id::RecordId;
use crate::merge::crdt::{Inverse, Version};
use crate::replica::io::ImportId;
use crate::schema::FieldId;
use std::collections::VecDeque;

/// How many actions the undo stack holds.
const CAPACITY: usize = 100;

/// An action of the user, with the data that undoes it.
#[derive(Debug)]
pub(super) enum UserAction {
    Added {
        record: RecordId,
    },
    /// Records out of one file, in the order in which they were added.
    Imported {
        import: ImportId,
        records: Vec<RecordId>,
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
        /// The record before it was removed.
        version: Box<Version>,
    },
}

/// The action that the next undo takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoable {
    /// A record was added.
    Added(RecordId),
    /// Records of an import were added.
    Imported(ImportId),
    /// A field of a record was edited.
    Edited(RecordId, FieldId),
    /// A record was removed.
    Removed(RecordId),
}

/// The last actions of this replica's user, the latest last. In memory only.
#[derive(Debug, Default)]
pub(super) struct UndoStack {
    pub(super) kept: VecDeque<UserAction>,
}

impl UndoStack {
    pub(super) fn push(&mut self, action: UserAction) {
        if self.kept.len() == CAPACITY {
            self.kept.pop_front();
        }
        self.kept.push_back(action);
    }

    /// The latest action, which has added this record, becomes a part of an import's.
    pub(super) fn join(&mut self, joined: ImportId, record: RecordId) {
        let is_latest = matches!(self.kept.back(), Some(UserAction::Added { record: added }) if *added == record);
        if !is_latest {
            return;
        }
        self.kept.pop_back();
        match self.of_import(joined) {
            Some(records) => records.push(record),
            None => self.push(UserAction::Imported { import: joined, records: vec![record] }),
        }
    }

    pub(super) fn of_import(&mut self, wanted: ImportId) -> Option<&mut Vec<RecordId>> {
        self.kept.iter_mut().find_map(|action| match action {
            UserAction::Imported { import, records } if *import == wanted => Some(records),
            _ => None,
        })
    }

    pub(super) fn imported(&self, wanted: ImportId) -> usize {
        let records = self.kept.iter().find_map(|action| match action {
            UserAction::Imported { import, records } if *import == wanted => Some(records.len()),
            _ => None,
        });
        records.unwrap_or(0)
    }

    /// The effect of `restored` is back, by the edit `by`.
    pub(super) fn restored(&mut self, restored: Option<Dot>, by: Dot) {
        for action in &mut self.kept {
            if let UserAction::Edited { dot, .. } = action
                && Some(*dot) == restored
            {
                *dot = by;
            }
        }
    }

    pub(super) fn latest(&self) -> Option<Undoable> {
        self.kept.back().map(|action| match action {
            UserAction::Added { record } => Undoable::Added(*record),
            UserAction::Imported { import, .. } => Undoable::Imported(*import),
            UserAction::Edited { record, field, .. } => Undoable::Edited(*record, *field),
            UserAction::Removed { record, .. } => Undoable::Removed(*record),
        })
    }
}
