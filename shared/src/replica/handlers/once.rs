//! HTTP requests under [keys](crate::replica::once): asked for, carried out, and answered once.

use crate::base::dot::Dot;
use crate::consensus::Slot;
use crate::ledger::{
    Granted, Key, KeyEnd, KeyUse, Keyed, KeyedOperation, Level, Made, Operation, Outcome, Rejection, Request, RequestId,
};
use crate::replica::handlers::numbering::{self, operation_for};
use crate::replica::io::{Command, CommandId, CommandRejection, Now, Reply};
use crate::replica::once::{Form, KeyedEdits, Waiting};
use crate::replica::outbox::Item;
use crate::replica::requests::{Half, ReplyTo};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::RelayState;
use crate::replica::state::Replica;

impl Replica {
    /// An HTTP request, perhaps not for the first time.
    pub(super) fn once(
        &mut self,
        now: Now,
        id: CommandId,
        keyed: Keyed,
        command: Command,
    ) -> Result<(), CommandRejection> {
        let form = Form::of(&command);
        let Some(relay) = self.role.relay_mut() else { return Err(CommandRejection::NotForTabs) };
        if relay.onces.join(&keyed, (id, form))? {
            return Ok(());
        }
        if let Some(used) = self.core.ledger.key_use(keyed.key).copied() {
            used.check_same(&keyed).map_err(CommandRejection::Refused)?;
            self.tell_use(&used, vec![(id, form)]);
            return Ok(());
        }
        if !self.sees_majority() {
            return Err(CommandRejection::NoMajority);
        }
        self.agreement.requests.check_room()?;
        self.begin_once(now, keyed, command)?;
        let waiting = Waiting { hash: keyed.hash, commands: vec![(id, form)] };
        if let Some(relay) = self.role.relay_mut() {
            relay.onces.waiting.insert(keyed.key, waiting);
        }
        Ok(())
    }

    /// Asks the log for the key, and for as much of the HTTP request as the log does.
    fn begin_once(&mut self, now: Now, keyed: Keyed, command: Command) -> Result<(), CommandRejection> {
        match command {
            Command::Register { fields, number } => {
                self.check_not_shedding()?;
                let ops = self.ops_of_new(fields)?;
                self.check_number(number)?;
                let record = self.add_record(now, ops)?;
                let request = self.ask_once(now, keyed, &operation_for(record, number))?;
                self.agreement.requests.keep(request, self.core.applied, &mut self.core.outbox);
            }
            Command::Number { record, number } => {
                self.check_not_shedding()?;
                self.check_can_be_numbered(record, number)?;
                self.ask_once(now, keyed, &operation_for(record, number))?;
            }
            Command::Ask(operation) => drop(self.ask_once(now, keyed, &operation)?),
            Command::Free { record } if self.core.ledger.number_of(record).is_some() => {
                self.withdraw(now, record)?;
                self.ask_once(now, keyed, &Operation::Release { record })?;
            }
            Command::Add { fields } => {
                self.ops_of_new(fields.clone())?;
                self.begin_edits(now, keyed, KeyedEdits::Add { fields })?;
            }
            Command::Change { record, edits } => {
                self.ops_of_change(record, edits.clone())?;
                self.begin_edits(now, keyed, KeyedEdits::Change { record, edits })?;
            }
            Command::Remove { record } if !self.core.document.contains(record) => {
                return Err(CommandRejection::UnknownRecord);
            }
            Command::Remove { record } => self.begin_edits(now, keyed, KeyedEdits::Remove { record })?,
            Command::Free { record } => self.begin_edits(now, keyed, KeyedEdits::Withdraw { record })?,
            _ => return Err(CommandRejection::NotForTabs),
        }
        Ok(())
    }

    fn ask_once(&mut self, now: Now, keyed: Keyed, operation: &Operation) -> Result<RequestId, CommandRejection> {
        let operation = KeyedOperation::of(operation).ok_or(CommandRejection::NotForTabs)?;
        self.ask(now, ReplyTo::Keyed, Operation::Once { keyed, operation })
    }

    /// Asks the log for the key of edits, which this relay makes when it has the key. The caller has checked that they
    /// can be made as things stand: otherwise they would use up the key.
    fn begin_edits(&mut self, now: Now, keyed: Keyed, edits: KeyedEdits) -> Result<(), CommandRejection> {
        let operation = Operation::Once { keyed, operation: KeyedOperation::Begin };
        let request = self.ask(now, ReplyTo::Keyed, operation)?;
        self.agreement.requests.keep(request, self.core.applied, &mut self.core.outbox);
        if let Some(relay) = self.role.relay_mut() {
            relay.onces.edits.insert(request, edits);
        }
        Ok(())
    }

    fn check_not_shedding(&self) -> Result<(), CommandRejection> {
        if self.core.ledger.epoch().level == Level::Shedding {
            Err(numbering::shedding(self.numbers.unsettled.len()))
        } else {
            Ok(())
        }
    }

    /// The log has decided a request about a key that this relay has asked, in this life or in an earlier one.
    pub(super) fn on_key_decided(&mut self, now: Now, request: &Request, outcome: Outcome) {
        let Some(RelayState { onces, .. }) = self.role.relay_mut() else { return };
        match (&request.operation, outcome) {
            (Operation::Once { keyed, .. }, Ok(Granted::Begun)) => self.carry_out_once(now, request.id, keyed.key),
            (Operation::Once { keyed, .. }, Err(Rejection::Repeated)) => {
                onces.edits.remove(&request.id);
                let waiting = onces.leave(keyed.key);
                match self.core.ledger.key_use(keyed.key).copied() {
                    Some(used) => self.tell_use(&used, waiting),
                    None => self.reject_all(waiting, &CommandRejection::Refused(Rejection::Forgotten)),
                }
            }
            (Operation::Once { keyed, .. }, Err(refusal @ (Rejection::KeyUsedOtherwise | Rejection::Forgotten))) => {
                onces.edits.remove(&request.id);
                let waiting = onces.leave(keyed.key);
                self.reject_all(waiting, &CommandRejection::Refused(refusal));
            }
            (Operation::Once { keyed, operation }, outcome) => {
                let Some(operation) = operation.operation() else { return };
                let waiting = onces.leave(keyed.key);
                self.tell_end(request.id, &KeyEnd::of_operation(&operation, request.after, outcome), waiting);
            }
            (Operation::Finish { key, by, made: Some(Made { record }) }, _) => {
                let end = KeyEnd { record: *record, after: request.after, outcome: Ok(Granted::Done) };
                let waiting = onces.leave(*key);
                self.tell_end(*by, &end, waiting);
            }
            _ => {}
        }
    }

    /// This relay has a key: it makes the edits that it was asked for. Those of an earlier life are not known any more, and
    /// were not made, or the request would not be pending.
    fn carry_out_once(&mut self, now: Now, request: RequestId, key: Key) {
        let edits = self.role.relay_mut().and_then(|relay| relay.onces.edits.remove(&request));
        let made = match edits {
            None => None,
            Some(edits) => match self.make_keyed_edits(now, edits) {
                Ok(Reply::Added(record)) => Some(Made { record: Some(record) }),
                Ok(_) => Some(Made::default()),
                Err(rejection) => {
                    let waiting = self.role.relay_mut().map(|relay| relay.onces.leave(key)).unwrap_or_default();
                    self.reject_all(waiting, &rejection);
                    None
                }
            },
        };
        let after = Dot::try_new(self.core.me, self.core.document.context().highest(self.core.me)).ok();
        let finish = Operation::Finish { key, by: request, made };
        // In the place of the request that was just decided.
        if let Ok(request) = self.agreement.requests.ask(now.monotonic, (after, None), finish, &mut self.core.outbox) {
            self.agreement.requests.keep(request, self.core.applied, &mut self.core.outbox);
        }
    }

    fn tell_use(&mut self, used: &KeyUse, waiting: Vec<(CommandId, Form)>) {
        match &used.end {
            Some(end) => self.tell_end(used.by, end, waiting),
            None => {
                for (command, _) in waiting {
                    self.core.outbox.push(Item::Reply(command, Ok(Reply::UnderWay)));
                }
            }
        }
    }

    fn tell_end(&mut self, by: RequestId, end: &KeyEnd, waiting: Vec<(CommandId, Form)>) {
        // All that is applied, of which the end is a part, and not necessarily the last.
        let slot = Slot(self.core.applied.0 - 1);
        for (command, form) in waiting {
            self.agreement.requests.reply_when_released(slot, command, form.reply(by, end));
        }
    }

    fn reject_all(&mut self, waiting: Vec<(CommandId, Form)>, rejection: &CommandRejection) {
        for (command, _) in waiting {
            self.core.outbox.push(Item::Reply(command, Err(rejection.clone())));
        }
    }

    /// The record that is to go again, if a request that was refused came together with one.
    pub(super) fn half_of(&self, request: &Request, outcome: Outcome) -> Option<Half> {
        let refusal = outcome.err()?;
        let is_kept = refusal == Rejection::Repeated && !InForce::takes_back_losers();
        let half = self.agreement.requests.half_of(request.id).filter(|_| !is_kept)?;
        // A key may be remembered for longer than who has asked under it.
        let remembers_key = |keyed| !self.core.ledger.may_have_forgotten(keyed);
        let is_certain = match &request.operation {
            Operation::Once { keyed, .. } => refusal != Rejection::Forgotten || remembers_key(keyed),
            _ => refusal != Rejection::Forgotten,
        };
        Some(Half { is_certain, ..half })
    }

    /// Takes back records that were added for numbers which they did not get, as soon as this relay may edit.
    pub(super) fn take_back_halves(&mut self, now: Now) {
        let Some(relay) = self.role.relay_mut().filter(|relay| !relay.voter.is_recovering()) else { return };
        for Half { record, seq, is_certain } in std::mem::take(&mut relay.halves) {
            let is_half = is_certain || self.core.ledger.number_of(record).is_none();
            if is_half && self.core.document.contains(record) {
                // Without a dot left nothing can be removed, and nothing be added before.
                let _removed = self.remove_record(now, record);
            }
            self.agreement.requests.answered(seq, &mut self.core.outbox);
        }
    }
}
