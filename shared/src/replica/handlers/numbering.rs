//! How a record comes by its number: by the log, out of a lease, or provisionally; and how what is provisional is
//! settled.

use std::time::Duration;

use crate::base::id::RecordId;
use crate::base::sorted::SortedSet;
use crate::ledger::dynamic::Backlog;
use crate::ledger::finality::{Final, Numbering, Provisional};
use crate::ledger::{Level, Load, MAX_SETTLED, Numbered, Operation, Reason, Rejection};
use crate::replica::io::{CommandId, CommandRejection, Message, Now, Reply};
use crate::replica::outbox::Item;
use crate::replica::requests::ReplyTo;
use crate::replica::state::Replica;
use crate::schema::{FieldEdit, FieldName, GivenNumber, MAX_NUMBER, NUMBER};

/// How long the leader waits on the level of leases before it settles what does not fill an entry of the log.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);
/// After how long whoever is turned away by shedding may try again, in milliseconds.
const RETRY_AFTER_MS: u32 = 1000;

impl Replica {
    /// Gives a record a number. The reply says what the number rests on.
    pub(super) fn number(
        &mut self,
        now: Now,
        id: CommandId,
        record: RecordId,
        number: Option<u64>,
    ) -> Result<(), CommandRejection> {
        self.check_can_be_numbered(record, number)?;
        // Where the log has been asked already, it decides: it might else give the record a second number.
        let is_asked = self.agreement.requests.pending_for(record).is_some();
        let given = if is_asked { None } else { self.number_without_log(now, number)? };
        self.forget_refusal(record);
        match given {
            Some(given) => {
                self.edit_record(now, record, vec![given.op()])?;
                self.core.outbox.push(Item::Reply(id, Ok(Reply::Numbered(numbering(given)))));
                Ok(())
            }
            None => self.ask(now, ReplyTo::Number(id), operation_for(record, number)).map(drop),
        }
    }

    /// Refuses what the log would refuse, as far as is known here.
    pub(super) fn check_can_be_numbered(&self, record: RecordId, number: Option<u64>) -> Result<(), CommandRejection> {
        if !self.core.document.contains(record) {
            return Err(CommandRejection::UnknownRecord);
        }
        self.check_unnumbered(record)?;
        self.check_number(number)
    }

    /// A new record with a number. A relay does both or neither, also when it is killed in between: the request for the
    /// number becomes durable together with the record.
    pub(super) fn register(
        &mut self,
        now: Now,
        id: CommandId,
        fields: Vec<(FieldName, FieldEdit)>,
        number: Option<u64>,
    ) -> Result<(), CommandRejection> {
        let mut ops = self.ops_of_new(fields)?;
        self.check_number(number)?;
        let given = self.number_without_log(now, number)?;
        if given.is_none() {
            // Nobody is to be left with a record and no answer.
            self.agreement.requests.check_room()?;
        }
        ops.extend(given.map(GivenNumber::op));
        let record = self.add_record(now, ops)?;
        match given {
            Some(given) => {
                self.core.outbox.push(Item::Reply(id, Ok(Reply::Registered(record, Ok(numbering(given))))));
                Ok(())
            }
            None => {
                let request = self.ask(now, ReplyTo::Registration(id, record), operation_for(record, number))?;
                if self.is_relay() {
                    self.agreement.requests.keep(request, self.core.applied, &mut self.core.outbox);
                }
                Ok(())
            }
        }
    }

    /// Which number a record is given by this replica itself, as things stand; `None` if the log is to be asked.
    fn number_without_log(&mut self, now: Now, wanted: Option<u64>) -> Result<Option<GivenNumber>, CommandRejection> {
        let epoch = self.core.ledger.epoch();
        if epoch.level == Level::Shedding {
            return Err(shedding(self.numbers.unsettled.len()));
        }
        let is_alone = !self.sees_majority();
        if wanted.is_none() {
            self.numbers.leases.asked(now.monotonic);
            if (epoch.level >= Level::Leases || is_alone)
                && let Some(number) = self.numbers.leases.take(self.core.outbox.writes())
            {
                return Ok(Some(GivenNumber { number, epoch: epoch.number, leased: true }));
            }
        }
        let is_given_here = epoch.level >= Level::Provisional || is_alone;
        let number = wanted.unwrap_or_else(|| self.next_by_what_is_known());
        Ok(is_given_here.then_some(GivenNumber { number, epoch: epoch.number, leased: false }))
    }

    /// Refuses what the log would refuse, as far as is known here.
    fn check_unnumbered(&self, record: RecordId) -> Result<(), CommandRejection> {
        match self.core.ledger.number_of(record) {
            Some(Numbered { number, slot }) => {
                Err(CommandRejection::Refused(Rejection::AlreadyNumbered { number, slot }))
            }
            None => self.check_not_leased(record),
        }
    }

    /// Refuses to give a second number to a record that has one out of a lease, which the log does not know of yet.
    pub(super) fn check_not_leased(&self, record: RecordId) -> Result<(), CommandRejection> {
        match self.numbers.unsettled.of(record).find(|unsettled| unsettled.leased) {
            Some(unsettled) => {
                let (number, slot) = (unsettled.number, self.core.applied);
                Err(CommandRejection::Refused(Rejection::AlreadyNumbered { number, slot }))
            }
            None => Ok(()),
        }
    }

    /// Refuses what the log would refuse, as far as is known here.
    pub(super) fn check_number(&self, number: Option<u64>) -> Result<(), CommandRejection> {
        let Some(number) = number else { return Ok(()) };
        let refusal = match self.core.ledger.owner_of(number) {
            _ if !(1..=MAX_NUMBER).contains(&number) => Rejection::OutOfRange { number },
            Some((owner, slot)) => Rejection::NumberTaken { number, owner, slot },
            None => return self.core.ledger.check_reach(number).map_err(CommandRejection::Refused),
        };
        Err(CommandRejection::Refused(refusal))
    }

    /// The next number above all that are known here and can become final.
    fn next_by_what_is_known(&self) -> u64 {
        let provisional = self.numbers.unsettled.highest_up_to(self.core.ledger.limit());
        (self.highest().max(provisional) + 1).min(MAX_NUMBER)
    }

    /// Takes a record's number from it. An unsettled number may be on its way to the log already, so the log is told,
    /// too.
    pub(super) fn free(&mut self, now: Now, id: CommandId, record: RecordId) -> Result<(), CommandRejection> {
        self.withdraw(now, record)?;
        if self.core.ledger.number_of(record).is_some() {
            return self.ask(now, ReplyTo::Outcome(id), Operation::Release { record }).map(drop);
        }
        self.core.outbox.push(Item::Reply(id, Ok(Reply::Done)));
        Ok(())
    }

    /// Takes the numbers from a record that were given without the log and are not settled.
    pub(super) fn withdraw(&mut self, now: Now, record: RecordId) -> Result<(), CommandRejection> {
        let given: Vec<u64> = self.numbers.unsettled.of(record).map(|unsettled| unsettled.number).collect();
        if given.is_empty() {
            return Ok(());
        }
        let withdrawn = self.edit_record(now, record, vec![GivenNumber::none()])?;
        for number in given {
            let operation = Operation::CompareAndSet { record, from: Some(number), to: None };
            self.agreement.requests.ask(now.monotonic, (Some(withdrawn), None), operation, &mut self.core.outbox)?;
        }
        Ok(())
    }

    pub(super) fn lease(&mut self, now: Now, id: CommandId, count: u32) -> Result<(), CommandRejection> {
        self.ask(now, ReplyTo::Outcome(id), self.operation_for_lease(count)).map(drop)
    }

    fn operation_for_lease(&self, count: u32) -> Operation {
        Operation::GrantRange {
            to: self.core.me,
            count,
            above: self.numbers.unsettled.highest_up_to(self.core.ledger.limit()),
        }
    }

    /// A record has changed, or is gone.
    pub(super) fn look_at_number(&mut self, now: Now, record: RecordId) {
        let given = self.core.document.field(record, NUMBER);
        let new = self.numbers.unsettled.look_at(record, given.as_ref(), (&self.core.ledger, &self.trust.distrust));
        if let Some(tab) = self.role.tab_mut().filter(|tab| tab.lost_numbers.contains_key(&record)) {
            tab.orphanage.number_lost();
        }
        if self.is_leader() {
            (0..new).for_each(|_| self.numbers.controller.asked(now.monotonic, false));
        }
    }

    /// Asks for another lease, if the present ones will not do for long.
    pub(super) fn lease_ahead(&mut self, now: Now) {
        if self.core.ledger.epoch().level < Level::Leases
            || self.numbers.leasing.is_some_and(|request| self.agreement.requests.is_pending(request))
        {
            return;
        }
        let most = self.core.ledger.dynamic().lease_most;
        if let Some(count) = self.numbers.leases.wants(now.monotonic, most) {
            let operation = self.operation_for_lease(count);
            self.numbers.leasing =
                self.agreement.requests.ask(now.monotonic, (None, None), operation, &mut self.core.outbox).ok();
        }
    }

    /// The leader submits what is provisional to the log, as much at a time as one entry takes.
    pub(super) fn settle_provisional(&mut self, now: Now) {
        if !self.is_leader() {
            // The next leader looks for itself, and may know of more that was withdrawn.
            return self
                .numbers
                .settling
                .take()
                .into_iter()
                .for_each(|request| self.agreement.requests.forget(request));
        }
        let is_busy = self.numbers.settling.is_some_and(|request| self.agreement.requests.is_pending(request));
        if self.numbers.unsettled.len() == 0 || is_busy || !self.core.ledger.epoch().level.settles() {
            return;
        }
        // Numbers out of leases are final already: to settle them at leisure spares the disks.
        let may_wait = self.core.ledger.epoch().level == Level::Leases && self.numbers.unsettled.len() < MAX_SETTLED;
        if may_wait && now.monotonic < self.numbers.settle_at {
            return;
        }
        self.numbers.settle_at = now.monotonic + SETTLE_PAUSE;
        let numbers: Vec<_> = self.numbers.unsettled.in_order().take(MAX_SETTLED).copied().collect();
        let records: SortedSet<RecordId> = numbers.iter().map(|unsettled| unsettled.record).collect();
        let after = records.into_iter().flat_map(|record| self.core.document.version_dots(record)).collect();
        let operation = Operation::Settle { numbers, after };
        self.numbers.settling =
            self.agreement.requests.ask(now.monotonic, (None, None), operation, &mut self.core.outbox).ok();
    }

    /// When the leader settles what waits for it at leisure.
    pub(super) fn settle_deadline(&self) -> Option<Duration> {
        let is_busy = self.numbers.settling.is_some_and(|request| self.agreement.requests.is_pending(request));
        let waits = self.is_leader()
            && self.core.ledger.epoch().level == Level::Leases
            && self.numbers.unsettled.len() > 0
            && !is_busy;
        waits.then_some(self.numbers.settle_at)
    }

    /// The leader looks at the load, and changes the level if it has to.
    pub(super) fn steer(&mut self, now: Now) {
        if !self.is_relay() {
            return;
        }
        if !self.is_leader() {
            return self.numbers.controller.rest();
        }
        let (settings, epoch) = (self.core.ledger.dynamic(), self.core.ledger.epoch());
        let backlog = || Backlog {
            waiting_since: self.agreement.requests.waiting_since(),
            unsettled: self.numbers.unsettled.len(),
        };
        let Some(verdict) = self.numbers.controller.look(now.monotonic, &settings, &epoch, backlog) else { return };
        self.numbers.load = Some(verdict.load);
        for peer in self.peers.all_but(None) {
            self.send_unbound(peer, Message::Load(verdict.load));
        }
        if let Some((level, reason)) = verdict.switch {
            let operation = Operation::SetMode { from: Some(epoch.number), level, reason, load: verdict.load };
            if self.agreement.requests.ask(now.monotonic, (None, None), operation, &mut self.core.outbox).is_err() {
                self.numbers.controller.stays();
            }
        }
    }

    /// So many HTTP requests have come to this relay: by the rule of the counter they may end the epoch.
    pub(super) fn count_calls(&mut self, now: Now, calls: u64) {
        let (settings, epoch) = (self.core.ledger.dynamic(), self.core.ledger.epoch());
        if !self.is_relay() || !self.numbers.controller.counted(calls, &settings, &epoch) {
            return;
        }
        let load = Load { asked: u32::try_from(calls).unwrap_or(u32::MAX), ..self.numbers.load.unwrap_or_default() };
        let operation =
            Operation::SetMode { from: Some(epoch.number), level: Level::Provisional, reason: Reason::Load, load };
        if self.agreement.requests.ask(now.monotonic, (None, None), operation, &mut self.core.outbox).is_err() {
            self.numbers.controller.stays();
        }
    }

    /// The leader, or this tab's relay, tells what was measured.
    pub(super) fn on_load(&mut self, load: Load) {
        self.numbers.load = Some(load);
        let Some(voter) = self.voter() else { return };
        if !voter.is_leader() {
            for peer in self.peers.tabs() {
                self.send_unbound(peer, Message::Load(load));
            }
        }
    }
}

/// No number is given for now.
pub(super) fn shedding(unsettled: usize) -> CommandRejection {
    CommandRejection::Shedding { unsettled, retry_after_ms: RETRY_AFTER_MS }
}

pub(super) fn operation_for(record: RecordId, number: Option<u64>) -> Operation {
    match number {
        Some(number) => Operation::Assign { record, number },
        None => Operation::Allocate { record },
    }
}

fn numbering(given: GivenNumber) -> Numbering {
    if given.leased {
        Numbering::Final(Final::new(given.number))
    } else {
        Numbering::Provisional(Provisional::new(given.number))
    }
}

/// Whether an operation asks for a number.
pub(super) fn asks_for_a_number(operation: &Operation) -> bool {
    matches!(
        *operation.plain(),
        Operation::Assign { .. } | Operation::Allocate { .. } | Operation::CompareAndSet { to: Some(_), .. }
    )
}
