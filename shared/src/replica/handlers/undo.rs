//! Undoes and redoes what the user did.

use crate::base::dot::Dot;
use crate::base::id::RecordId;
use crate::merge::crdt::Field;
use crate::replica::io::{CommandRejection, ImportId, Message, Now, Reply};
use crate::replica::state::Replica;
use crate::replica::undo::{Undoable, UserAction};
use crate::schema::{FieldEdit, Op};

/// How many records of an import are removed at once. Each is a message, of which a relay takes a tab a thousand a second.
const UNDONE_AT_ONCE: usize = 100;

impl Replica {
    /// Undoes the latest action of this replica's user. A action that cannot be undone is forgotten, so that the next undo
    /// is about the one before.
    pub(super) fn undo(&mut self, now: Now) -> Result<Reply, CommandRejection> {
        if let Some(Undoable::Imported(import)) = self.user.undo_stack.latest() {
            return self.undo_import(now, import);
        }
        let action = self.user.undo_stack.kept.pop_back().ok_or(CommandRejection::NothingToUndo)?;
        self.undo_action(now, action).map(Reply::Undone)
    }

    /// Removes the latest records of an import. Those that others have changed since stay.
    pub(super) fn undo_import(&mut self, now: Now, import: ImportId) -> Result<Reply, CommandRejection> {
        let records = self.user.undo_stack.of_import(import).ok_or(CommandRejection::NothingToUndo)?;
        let latest = records.split_off(records.len().saturating_sub(UNDONE_AT_ONCE));
        let left = records.len();
        if left == 0 {
            self.user
                .undo_stack
                .kept
                .retain(|action| !matches!(action, UserAction::Imported { import: of, .. } if *of == import));
        }
        let mut changed = 0;
        for record in latest.into_iter().rev() {
            match self.undo_action(now, UserAction::Added { record }) {
                Ok(_) | Err(CommandRejection::UnknownRecord) => {}
                Err(CommandRejection::ChangedSince) => changed += 1,
                Err(rejection) => return Err(rejection),
            }
        }
        Ok(Reply::ImportUndone { changed, left })
    }

    fn undo_action(&mut self, now: Now, action: UserAction) -> Result<RecordId, CommandRejection> {
        match action {
            UserAction::Added { record } => {
                let version = self.core.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
                if version.past.entries().iter().any(|dot| dot.replica() != self.core.me) {
                    return Err(CommandRejection::ChangedSince);
                }
                self.remove_record(now, record)?;
                Ok(record)
            }
            UserAction::Imported { .. } => unreachable!("an import is undone record by record"),
            UserAction::Edited { record, field, dot, inverse } => {
                let version = self.core.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
                let (Some(state), Some(spec)) = (version.field(field), self.core.schema.spec(field)) else {
                    return Err(CommandRejection::ChangedSince);
                };
                if !still_stands(state, dot, &inverse.edit) {
                    return Err(CommandRejection::ChangedSince);
                }
                let op = Op { field, kind: spec.kind, edit: inverse.edit };
                self.core.schema.check_op_on(&version, &op)?;
                let undo = self.edit_record(now, record, vec![op])?;
                self.user.undo_stack.restored(inverse.restores, undo);
                Ok(record)
            }
            UserAction::Removed { record, version } => {
                if self.core.document.contains(record) {
                    return Err(CommandRejection::ChangedSince);
                }
                let (dot, stamp) = (self.core.document.next_dot(self.core.me)?, self.core.clock.tick(now.wall_ms));
                let mut merged = self.core.document.revive(record, dot, stamp, *version);
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
