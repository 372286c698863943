//! What a user wants done.

use crate::crdt::{FieldEdit, Op};
use crate::document::Unfit;
use crate::dot::Dot;
use crate::id::RecordId;
use crate::io::{Command, CommandId, CommandRejection, Now, Reply};
use crate::schema::FieldName;

use super::Replica;
use super::outbox::Item;
use super::undo::Deed;

impl Replica {
    pub(super) fn on_command(&mut self, now: Now, id: CommandId, command: Command) {
        let reply = match command {
            Command::Add { fields } => self.add(now, fields).map(Reply::Added),
            Command::Edit { record, field, edit } => self.edit(now, record, &field, edit).map(|()| Reply::Done),
            Command::Remove { record } => self.remove(now, record).map(|()| Reply::Done),
            Command::Undo => self.undo(now).map(Reply::Undone),
            Command::Ask(wish) => match self.claims.ask(self.me, Some(id), wish, &mut self.outbox) {
                Ok(()) => return,
                Err(rejection) => Err(rejection),
            },
        };
        self.outbox.push(Item::Reply(id, reply));
    }

    fn add(&mut self, now: Now, fields: Vec<(FieldName, FieldEdit)>) -> Result<RecordId, CommandRejection> {
        let ops: Vec<Op> =
            fields.into_iter().map(|(field, edit)| self.schema.op(&field, edit)).collect::<Result<_, _>>()?;
        self.schema.check_new(&ops)?;
        let record = RecordId(self.document.next_dot(self.me));
        self.edit_record(now, record, ops)?;
        self.deeds.push(Deed::Added { record });
        Ok(record)
    }

    fn edit(&mut self, now: Now, record: RecordId, field: &str, edit: FieldEdit) -> Result<(), CommandRejection> {
        let version = self.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
        let op = self.schema.op(field, edit)?;
        self.schema.check_op_on(&version, &op)?;
        let inverse = op.inverse_on(&version);
        let field = op.field;
        let dot = self.edit_record(now, record, vec![op])?;
        if let Some(inverse) = inverse {
            self.deeds.push(Deed::Edited { record, field, dot, inverse });
        }
        Ok(())
    }

    /// Edits a record, and gives the edit's dot.
    pub(super) fn edit_record(&mut self, now: Now, record: RecordId, ops: Vec<Op>) -> Result<Dot, CommandRejection> {
        let (dot, stamp) = (self.document.next_dot(self.me), self.clock.tick(now.wall_ms));
        let mut merged = self.document.edit(record, dot, stamp, ops).map_err(|unfit| match unfit {
            Unfit::TooLarge => CommandRejection::TooLarge,
            Unfit::MissingBase { .. } => unreachable!("an edit made here builds on what is here"),
        })?;
        self.spread(now, None, &mut merged);
        Ok(dot)
    }

    fn remove(&mut self, now: Now, record: RecordId) -> Result<(), CommandRejection> {
        let version = self.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
        self.remove_record(now, record);
        self.deeds.push(Deed::Removed { record, version: Box::new(version) });
        Ok(())
    }

    pub(super) fn remove_record(&mut self, now: Now, record: RecordId) {
        let mut merged = self.document.remove(record, self.document.next_dot(self.me));
        self.removed.insert(record);
        self.spread(now, None, &mut merged);
    }
}
