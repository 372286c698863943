//! Runs the commands of users.

use std::mem;

use crate::base::dot::Dot;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::ledger::{Operation, RequestId};
use crate::merge::document::{self, Live, Unfit};
use crate::replica::access::{self, Act, Principal};
use crate::replica::io::{Command, CommandId, CommandRejection, Now, Reply};
use crate::replica::once::KeyedEdits;
use crate::replica::outbox::Item;
use crate::replica::requests::ReplyTo;
use crate::replica::state::Replica;
use crate::replica::undo::UserAction;
use crate::schema::{FieldEdit, FieldName, NUMBER, Op};

/// How many edits wait at the most while a relay recovers.
const MAX_HELD_EDITS: usize = 1024;

impl Replica {
    /// A relay that was restarted edits only when it may vote again: its disk may have forgotten edits that others have,
    /// and the next edit would get the dot of one of them.
    pub(super) fn on_command(&mut self, now: Now, id: CommandId, command: Command) {
        match self.role.relay_mut().filter(|relay| command.may_edit() && relay.voter.is_recovering()) {
            Some(relay) if relay.held_edits.len() < MAX_HELD_EDITS => relay.held_edits.push((id, command)),
            Some(relay) => {
                let waiting = relay.held_edits.len();
                self.core.outbox.push(Item::Reply(id, Err(CommandRejection::TooManyWaiting { waiting })));
            }
            None => self.obey(now, id, command),
        }
    }

    /// Runs the commands that waited until this relay had recovered.
    pub(super) fn make_held_edits(&mut self, now: Now) {
        let Some(relay) = self.role.relay_mut().filter(|relay| !relay.voter.is_recovering()) else { return };
        for (id, command) in mem::take(&mut relay.held_edits) {
            self.obey(now, id, command);
        }
    }

    fn obey(&mut self, now: Now, id: CommandId, command: Command) {
        if let Some(reply) = self.run(now, id, command).transpose() {
            self.core.outbox.push(Item::Reply(id, reply));
        }
    }

    /// Runs a command. Returns `None` if the log, a lease or others have to do with it: then it is answered when the
    /// answer is known.
    fn run(&mut self, now: Now, id: CommandId, command: Command) -> Result<Option<Reply>, CommandRejection> {
        access::may(self.principal(), &Act::Command(&command))?;
        match command {
            Command::Add { fields } => self.add(now, fields).map(Reply::Added).map(Some),
            Command::Edit { record, field, edit, seen } => {
                let op = self.core.schema.op(&field, edit)?;
                self.edit(now, record, op, seen).map(|()| Some(Reply::Done))
            }
            Command::Change { record, edits } => self.change(now, record, edits).map(Some),
            Command::Remove { record } => self.remove(now, record).map(Some),
            Command::Undo => self.undo(now).map(Some),
            Command::UndoImport { import } => self.undo_import(now, import).map(Some),
            Command::JoinImport { import, record } => {
                self.user.undo_stack.join(import, record);
                Ok(Some(Reply::Done))
            }
            Command::Dismiss { record } => {
                self.forget_refusal(record);
                Ok(Some(Reply::Done))
            }
            Command::Observer { willing, durable } => {
                self.set_observer(willing, durable);
                Ok(Some(Reply::Done))
            }
            Command::Watch(wanted) => {
                self.set_watching(now, wanted);
                Ok(Some(Reply::Done))
            }
            Command::Read(consistency) => {
                self.read(now, id, consistency);
                Ok(None)
            }
            Command::Number { record, number } => self.number_or_note_refusal(now, id, record, number).map(|()| None),
            Command::Register { fields, number } => self.register(now, id, fields, number).map(|()| None),
            Command::Free { record } => self.free(now, id, record).map(|()| None),
            Command::Raise { number } => self.raise(now, id, number).map(|()| None),
            Command::Lease { count } => self.lease(now, id, count).map(|()| None),
            Command::Ask(operation) => self.ask(now, ReplyTo::Outcome(id), operation).map(|_| None),
            Command::Once { keyed, command } => self.once(now, id, keyed, *command).map(|()| None),
        }
    }

    /// Makes the edits of an HTTP request under a key.
    pub(super) fn make_keyed_edits(&mut self, now: Now, edits: KeyedEdits) -> Result<Reply, CommandRejection> {
        match edits {
            KeyedEdits::Add { fields } => self.add(now, fields).map(Reply::Added),
            KeyedEdits::Change { record, edits } => self.change(now, record, edits),
            KeyedEdits::Remove { record } => self.remove(now, record),
            KeyedEdits::Withdraw { record } => self.withdraw(now, record).map(|()| Reply::Done),
        }
    }

    /// The ops that change a record that is here.
    pub(super) fn ops_of_change(
        &self,
        record: RecordId,
        edits: Vec<(FieldName, FieldEdit)>,
    ) -> Result<Vec<Op>, CommandRejection> {
        let version = self.core.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
        let ops = edits.into_iter().map(|(field, edit)| self.core.schema.op(&field, edit));
        let ops: Vec<Op> = ops.collect::<Result<_, _>>()?;
        ops.iter().try_for_each(|op| self.core.schema.check_op_on(&version, op))?;
        Ok(ops)
    }

    /// Gives a record a number. Its row shows why it got none.
    fn number_or_note_refusal(
        &mut self,
        now: Now,
        id: CommandId,
        record: RecordId,
        number: Option<u64>,
    ) -> Result<(), CommandRejection> {
        let asked = self.number(now, id, record, number);
        if let Err(CommandRejection::Refused(rejection)) = asked {
            self.agreement.requests.refuse(record, rejection, &mut self.core.outbox);
            self.core.changes.record(record);
        }
        asked
    }

    /// It is of no interest any more why a record got no number.
    pub(super) fn forget_refusal(&mut self, record: RecordId) {
        self.agreement.requests.forget_refusal(record, &mut self.core.outbox);
        self.core.changes.record(record);
    }

    pub(super) fn ask(
        &mut self,
        now: Now,
        asked: ReplyTo,
        operation: Operation,
    ) -> Result<RequestId, CommandRejection> {
        self.check_operation(&operation.plain())?;
        let last = self.core.document.context().highest(self.core.me);
        let after = Dot::try_new(self.core.me, last).ok();
        operation.record().into_iter().for_each(|record| self.core.changes.record(record));
        self.agreement.requests.ask(now.monotonic, (after, Some(asked)), operation, &mut self.core.outbox)
    }

    /// Who acts when the host commands. A relay's host has asked [`access::may`] for its users already.
    fn principal(&self) -> Principal {
        if self.is_relay() { Principal::Relay } else { Principal::Tab(self.core.me) }
    }

    fn check_operation(&self, operation: &Operation) -> Result<(), CommandRejection> {
        access::may(self.principal(), &Act::Ask(operation))?;
        if operation.record().is_some_and(|record| !self.core.document.knows_record(record)) {
            return Err(CommandRejection::UnknownRecord);
        }
        match operation {
            // It may have been told to be final.
            &(Operation::Assign { record, .. } | Operation::Allocate { record }) => self.check_not_leased(record),
            Operation::Reconfigure { voters, .. } => {
                // The log would come to a configuration that cannot go on.
                let up = voters.iter().filter(|&(&voter, &incarnation)| self.is_up(voter, incarnation)).count();
                let enough = up > voters.len() / 2 || voters.is_empty();
                if enough { Ok(()) } else { Err(CommandRejection::VotersAway { named: voters.len(), up }) }
            }
            &Operation::Retire { replica, last } => {
                let in_use = self.core.document.check_retirement(replica, last).is_err();
                if in_use { Err(CommandRejection::StillInUse { replica }) } else { Ok(()) }
            }
            Operation::SetDynamic { dynamic } => dynamic.check().map_err(CommandRejection::Refused),
            _ => Ok(()),
        }
    }

    fn is_up(&self, voter: RelayId, incarnation: ReplicaId) -> bool {
        let is_me = self.core.me == incarnation && self.voter().is_some_and(|own| own.me() == voter);
        is_me || self.peers.incarnation(voter) == Some(incarnation)
    }

    /// The ops that make a new record.
    pub(super) fn ops_of_new(&self, fields: Vec<(FieldName, FieldEdit)>) -> Result<Vec<Op>, CommandRejection> {
        let ops = fields.into_iter().map(|(field, edit)| self.core.schema.op(&field, edit));
        let ops: Vec<Op> = ops.collect::<Result<_, _>>()?;
        self.core.schema.check_new(&ops)?;
        Ok(ops)
    }

    fn add(&mut self, now: Now, fields: Vec<(FieldName, FieldEdit)>) -> Result<RecordId, CommandRejection> {
        let ops = self.ops_of_new(fields)?;
        self.add_record(now, ops)
    }

    pub(super) fn add_record(&mut self, now: Now, ops: Vec<Op>) -> Result<RecordId, CommandRejection> {
        let record = RecordId(self.core.document.next_dot(self.core.me)?);
        self.edit_record(now, record, ops)?;
        self.user.undo_stack.push(UserAction::Added { record });
        Ok(record)
    }

    fn edit(&mut self, now: Now, record: RecordId, op: Op, seen: Option<Vec<Live>>) -> Result<(), CommandRejection> {
        let base = match seen {
            Some(seen) => self.core.document.base_of(record, self.core.me, seen),
            None => self.core.document.versions(record),
        };
        let version = document::reading(&base).ok_or(CommandRejection::UnknownRecord)?;
        self.core.schema.check_op_on(&version, &op)?;
        let inverse = op.inverse_on(&version);
        let field = op.field;
        let dot = self.edit_versions(now, record, base, vec![op])?;
        if let Some(inverse) = inverse {
            self.user.undo_stack.push(UserAction::Edited { record, field, dot, inverse });
        }
        Ok(())
    }

    /// Edits a record, and gives the edit's dot.
    pub(super) fn edit_record(&mut self, now: Now, record: RecordId, ops: Vec<Op>) -> Result<Dot, CommandRejection> {
        let base = self.core.document.versions(record);
        self.edit_versions(now, record, base, ops)
    }

    /// Edits a record that has, or had, these versions.
    fn edit_versions(
        &mut self,
        now: Now,
        record: RecordId,
        base: Vec<Live>,
        ops: Vec<Op>,
    ) -> Result<Dot, CommandRejection> {
        let (dot, stamp) = (self.core.document.next_dot(self.core.me)?, self.core.clock.tick(now.wall_ms));
        let again = self.own_far_writes(now, record, &base);
        let ops: Vec<Op> = again.into_iter().chain(ops).collect();
        let gives_a_number = ops.iter().any(|op| op.field == NUMBER);
        let mut merged =
            self.core.document.edit_versions((record, base), dot, stamp, ops).map_err(|unfit| match unfit {
                Unfit::TooLarge => CommandRejection::TooLarge,
                Unfit::MissingBase { .. } => unreachable!("an edit made here builds on what is here"),
            })?;
        self.spread(now, None, &mut merged);
        if gives_a_number {
            self.note_given(record, dot);
        }
        Ok(dot)
    }

    fn change(
        &mut self,
        now: Now,
        record: RecordId,
        edits: Vec<(FieldName, FieldEdit)>,
    ) -> Result<Reply, CommandRejection> {
        let ops = self.ops_of_change(record, edits)?;
        self.edit_record(now, record, ops).map(|_| Reply::Done)
    }

    fn remove(&mut self, now: Now, record: RecordId) -> Result<Reply, CommandRejection> {
        let version = self.core.document.read(record).ok_or(CommandRejection::UnknownRecord)?;
        self.remove_record(now, record)?;
        self.user.undo_stack.push(UserAction::Removed { record, version: Box::new(version) });
        Ok(Reply::Done)
    }

    pub(super) fn remove_record(&mut self, now: Now, record: RecordId) -> Result<(), CommandRejection> {
        let dot = self.core.document.next_dot(self.core.me)?;
        let mut merged = self.core.document.remove(record, dot);
        self.user.removed.insert(record);
        self.spread(now, None, &mut merged);
        Ok(())
    }
}
