//! Requests on their way to a decision.

use std::collections::VecDeque;
use std::time::Duration;

use litemap::LiteMap;

use super::outbox::{Item, Outbox};
use crate::base::dot::Dot;
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::consensus::{Ballot, Slot};
use crate::ledger::finality::{Final, Numbering};
use crate::ledger::{Granted, Numbered, Operation, Outcome, Rejection, Request, RequestId};
use crate::replica::io::{CommandId, CommandRejection, PendingRequest, Reply, WriteOp};
use crate::replica::rules::{InForce, Rules};

/// How many undecided requests a replica holds at the most.
const MAX_PENDING: usize = 4096;
/// How many requests may be passed on and undecided at a time; the others wait. With the repetition below it bounds how
/// often a tab bothers its relay.
const MAX_PASSED: usize = 128;
/// How long a request that was passed on may stay undecided before it is passed on again.
const RETRY: Duration = Duration::from_secs(1);

/// The requests of this replica, and those passed to it, that are not decided yet.
#[derive(Debug)]
pub(super) struct Requests {
    /// Under which id this replica asks.
    asker: ReplicaId,
    /// The `seq` of the latest own request.
    seq: u64,
    /// Whether all own requests outlive this life of the replica: those of a tab, which keeps its id.
    outlive: bool,
    pending: SortedMap<RequestId, Pending>,
    /// Those that have not gone anywhere yet, in order. May name requests that were decided meanwhile.
    to_send: VecDeque<RequestId>,
    /// Those that were passed on to another replica. Invariant: all pending.
    passed: LiteMap<RequestId, ()>,
    /// Replies whose requests are decided and not released. Invariant: ascending by slot.
    unreleased: VecDeque<(Slot, Option<(CommandId, Reply)>)>,
    /// When to pass on again what was passed on and not decided.
    retry_at: Option<Duration>,
    /// The leader to whom the requests went.
    leader: Option<Ballot>,
    /// Why a record got no number when this replica asked for one last, until it asks again or its user has read it.
    refused: SortedMap<RecordId, Rejection>,
}

#[derive(Debug)]
struct Pending {
    request: Request,
    /// Whether the request has left this replica before, or is another one's: then it must not change any more.
    is_fixed: bool,
    /// Whether the request is on the disk, to outlive this life of the replica.
    is_kept: bool,
    /// The command that waits for the outcome, if it was given here.
    asked: Option<ReplyTo>,
    /// When the request came.
    since: Duration,
}

impl Pending {
    /// Of a relay: a number is asked for that was promised together with the record.
    fn half(&self) -> Option<Half> {
        let record = self.request.operation.record().filter(|_| self.is_kept)?;
        Some(Half { record, seq: self.request.id.seq, is_certain: true })
    }

    /// Whether a request that the log has decided is this one, as it is or as it was sent before a restore.
    fn is_sent_as(&self, decided: &Request, restored: Option<Slot>) -> bool {
        let seen = self.request.seen;
        let was_lowered = self.is_fixed && seen < decided.seen && restored.is_some_and(|at| seen <= at);
        self.request == *decided || was_lowered && self.request == Request { seen, ..decided.clone() }
    }

    fn write(&self) -> WriteOp {
        let (request, is_asked) = (self.request.clone(), self.asked.is_some());
        WriteOp::Ask(PendingRequest { request, is_fixed: self.is_fixed, is_asked })
    }
}

/// A record that a relay added for a number, and that is to go again: nobody is to be left with a half.
#[derive(Clone, Copy, Debug)]
pub(super) struct Half {
    pub(super) record: RecordId,
    /// The `seq` of the request for its number.
    pub(super) seq: u64,
    /// Whether the request was refused, and not only forgotten: if the record has a number, it may be by this request.
    pub(super) is_certain: bool,
}

/// The command that waits for an outcome, and what it is answered with.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReplyTo {
    /// With the outcome.
    Outcome(CommandId),
    /// With the number, if it is granted.
    Number(CommandId),
    /// With the record that was added for it, and the number.
    Registration(CommandId, RecordId),
    /// By whoever knows of the key.
    Keyed,
    /// The command was given in an earlier life: nobody waits, but its user wants to see what became of it.
    Before,
}

impl ReplyTo {
    fn command(self) -> Option<CommandId> {
        match self {
            ReplyTo::Outcome(id) | ReplyTo::Number(id) | ReplyTo::Registration(id, _) => Some(id),
            ReplyTo::Before | ReplyTo::Keyed => None,
        }
    }

    pub(super) fn reply(self, request: RequestId, outcome: Outcome) -> Option<(CommandId, Reply)> {
        let granted = match outcome {
            Ok(Granted::Final(Numbered { number, .. })) => Some(Numbering::Final(Final::new(number))),
            _ => None,
        };
        Some(match (self, granted, outcome) {
            (ReplyTo::Before | ReplyTo::Keyed, ..) => return None,
            (ReplyTo::Number(id), Some(numbering), _) => (id, Reply::Numbered(numbering)),
            (ReplyTo::Registration(id, record), Some(numbering), _) => (id, Reply::Registered(record, Ok(numbering))),
            (ReplyTo::Registration(id, record), None, Err(rejection)) => {
                (id, Reply::Registered(record, Err(rejection)))
            }
            (ReplyTo::Outcome(id) | ReplyTo::Number(id) | ReplyTo::Registration(id, _), _, outcome) => {
                (id, Reply::Decided(request, outcome))
            }
        })
    }
}

impl Requests {
    /// A relay asks under a new id in each life. It goes on with what it has promised to finish, under the old names.
    pub(super) fn of_relay(asker: ReplicaId, seq: u64, pending: LiteMap<u64, PendingRequest>, now: Duration) -> Self {
        Requests::new(asker, seq, false).go_on_with(pending, now)
    }

    /// A tab goes on with the requests that were not decided when its last life ended.
    pub(super) fn of_tab(
        asker: ReplicaId,
        seq: u64,
        (pending, refused): (LiteMap<u64, PendingRequest>, SortedMap<RecordId, Rejection>),
        now: Duration,
    ) -> Self {
        Requests { refused, ..Requests::new(asker, seq, true) }.go_on_with(pending, now)
    }

    fn go_on_with(mut self, pending: LiteMap<u64, PendingRequest>, now: Duration) -> Self {
        for PendingRequest { request, is_fixed, is_asked } in pending.into_iter().map(|(_, request)| request) {
            let asked = is_asked.then_some(ReplyTo::Before);
            self.to_send.push_back(request.id);
            self.pending.insert(request.id, Pending { request, is_fixed, is_kept: true, asked, since: now });
        }
        self
    }

    pub(super) fn new(asker: ReplicaId, seq: u64, outlive: bool) -> Self {
        Requests {
            asker,
            seq,
            outlive,
            pending: SortedMap::new(),
            to_send: VecDeque::new(),
            passed: LiteMap::new(),
            unreleased: VecDeque::new(),
            retry_at: None,
            leader: None,
            refused: SortedMap::new(),
        }
    }

    /// A request of this replica's own, whose last edit was `after`.
    pub(super) fn ask(
        &mut self,
        now: Duration,
        (after, asked): (Option<Dot>, Option<ReplyTo>),
        operation: Operation,
        outbox: &mut Outbox,
    ) -> Result<RequestId, CommandRejection> {
        self.check_room()?;
        self.seq += 1;
        outbox.writes().push(WriteOp::RequestSeq(self.seq));
        if let Some(record) = operation.record() {
            self.forget_refusal(record, outbox);
        }
        let id = RequestId { replica: self.asker, seq: self.seq };
        let request = Request { id, settled: 0, seen: Slot(0), after, operation };
        self.enqueue(id, &request.operation);
        let pending = Pending { request, is_fixed: false, is_kept: self.outlive, asked, since: now };
        if self.outlive {
            outbox.writes().push(pending.write());
        }
        self.pending.insert(id, pending);
        Ok(id)
    }

    /// Keeps a request beyond this life of a relay, which knows the log below `seen`. Every repetition sends the request
    /// as the disk has it.
    pub(super) fn keep(&mut self, id: RequestId, seen: Slot, outbox: &mut Outbox) {
        self.fix(id, seen);
        let Some(pending) = self.pending.get_mut(&id) else { return };
        pending.is_kept = true;
        if InForce::writes_own_requests() {
            outbox.writes().push(pending.write());
        }
    }

    /// A request that somebody else has made, to see to.
    pub(super) fn take(&mut self, now: Duration, request: Request) -> Result<(), CommandRejection> {
        if self.pending.contains_key(&request.id) {
            return Ok(());
        }
        self.check_room()?;
        let id = request.id;
        self.enqueue(id, &request.operation);
        self.pending.insert(id, Pending { request, is_fixed: true, is_kept: false, asked: None, since: now });
        Ok(())
    }

    /// FIFO, except that operations that relieve the log, such as `SetMode` and `GrantRange`, jump the queue.
    fn enqueue(&mut self, id: RequestId, operation: &Operation) {
        match *operation.plain() {
            Operation::SetMode { .. } | Operation::GrantRange { .. } => self.to_send.push_front(id),
            _ => self.to_send.push_back(id),
        }
    }

    /// Whether one more request can wait.
    pub(super) fn check_room(&self) -> Result<(), CommandRejection> {
        let waiting = self.pending.len();
        if waiting < MAX_PENDING { Ok(()) } else { Err(CommandRejection::TooManyWaiting { waiting }) }
    }

    /// The log has decided a request in `slot`, its own or another. The reply waits until the slot is released. Says when
    /// the request had come.
    pub(super) fn decided(
        &mut self,
        slot: Slot,
        request: &Request,
        outcome: Outcome,
        outbox: &mut Outbox,
    ) -> Option<Duration> {
        let pending = self.pending.remove(&request.id)?;
        self.passed.remove(&request.id);
        let is_to_be_taken_back = !self.outlive && outcome.is_err() && pending.half().is_some();
        if pending.is_kept && !is_to_be_taken_back {
            self.answered(request.id.seq, outbox);
        }
        if let Some(asked) = pending.asked {
            if let (Some(record), Err(rejection)) = (request.operation.record(), outcome)
                && rejection != Rejection::Repeated
            {
                self.refuse(record, rejection, outbox);
            }
            self.unreleased.push_back((slot, asked.reply(request.id, outcome)));
        }
        Some(pending.since)
    }

    /// Whether a request was made by this replica since it was started; of a tab, ever.
    pub(super) fn is_of_this_life(&self, request: &Request) -> bool {
        request.id.replica == self.asker || !InForce::forgets_old_leases()
    }

    /// Whether a request is pending that this replica has made, in this life or in an earlier one, and not another one.
    pub(super) fn is_own(&self, request: RequestId) -> bool {
        self.pending.get(&request).is_some_and(|pending| pending.is_kept || pending.asked.is_some())
    }

    /// The record that a relay added together with a request, which is pending.
    pub(super) fn half_of(&self, request: RequestId) -> Option<Half> {
        if self.outlive { None } else { self.pending.get(&request)?.half() }
    }

    /// All that follows from the answer to a request that was kept is done.
    pub(super) fn answered(&self, seq: u64, outbox: &mut Outbox) {
        outbox.writes().push(WriteOp::Answered(seq));
    }

    /// Another command is answered when everything up to `slot` is released.
    pub(super) fn reply_when_released(&mut self, slot: Slot, command: CommandId, reply: Reply) {
        self.unreleased.push_back((slot, Some((command, reply))));
    }

    /// Nobody wants it any more.
    pub(super) fn forget(&mut self, request: RequestId) {
        self.pending.remove(&request);
        self.passed.remove(&request);
    }

    pub(super) fn is_pending(&self, request: RequestId) -> bool {
        self.pending.contains_key(&request)
    }

    /// When the oldest request came that is not decided.
    pub(super) fn waiting_since(&self) -> Option<Duration> {
        self.pending.values().map(|pending| pending.since).min()
    }

    /// Everything below `until` is released: the replies go.
    pub(super) fn released(&mut self, until: Slot, outbox: &mut Outbox) {
        while self.unreleased.front().is_some_and(|&(slot, ..)| slot < until) {
            let (_, reply) = self.unreleased.pop_front().expect("looked at above");
            if let Some((command, reply)) = reply {
                outbox.push_unbound(Item::Reply(command, Ok(reply)));
            }
        }
    }

    /// The pending requests that may have left this replica, for looking up which a snapshot has decided.
    pub(super) fn fixed(&self) -> impl Iterator<Item = &Request> + '_ {
        self.pending.values().filter(|pending| pending.is_fixed).map(|pending| &pending.request)
    }

    /// The pending requests that have never left this replica.
    pub(super) fn unsent(&self) -> impl Iterator<Item = &Request> + '_ {
        self.pending.values().filter(|pending| !pending.is_fixed).map(|pending| &pending.request)
    }

    /// Whether a request that was made under this replica's id is one of its own, and no other with the same number. All relays
    /// were last restored at `restored`, if they were.
    pub(super) fn may_have_made(&self, request: &Request, restored: Option<Slot>) -> bool {
        request.id.seq <= self.seq
            && self.pending.get(&request.id).is_none_or(|pending| pending.is_sent_as(request, restored))
    }

    /// The pending requests.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Request> + '_ {
        self.pending.values().map(|pending| &pending.request)
    }

    /// The request to send next, by a replica that knows the log below `seen`; [`proposed`](Self::proposed),
    /// [`passed`](Self::passed) or [`dropped`](Self::dropped) says what came of it.
    pub(super) fn next_to_send(&mut self, seen: Slot, outbox: &mut Outbox) -> Option<&Request> {
        while let Some(id) = self.to_send.front() {
            if self.pending.contains_key(id) {
                break;
            }
            self.to_send.pop_front();
        }
        let &id = self.to_send.front()?;
        if self.fix(id, seen) && self.outlive {
            outbox.writes().push(self.pending[&id].write());
        }
        self.pending.get(&id).map(|pending| &pending.request)
    }

    /// From now on a request is as it is. Returns false if it was before.
    fn fix(&mut self, id: RequestId, seen: Slot) -> bool {
        let first_own = self.pending.range(RequestId { seq: 0, ..id }..).next().map_or(id, |(&first, _)| first);
        let Some(pending) = self.pending.get_mut(&id).filter(|pending| !pending.is_fixed) else { return false };
        pending.is_fixed = true;
        (pending.request.seen, pending.request.settled) = (seen, first_own.seq - 1);
        true
    }

    /// Whether there may be another request to pass on before one of those under way is decided.
    pub(super) fn may_pass(&self) -> bool {
        !self.to_send.is_empty() && self.passed.len() < MAX_PASSED
    }

    /// The request last returned was proposed by this replica as the leader. Paxos itself repeats it.
    pub(super) fn proposed(&mut self) {
        self.to_send.pop_front();
    }

    /// The request last returned was passed on.
    pub(super) fn passed(&mut self, now: Duration) {
        self.passed.extend(self.to_send.pop_front().map(|request| (request, ())));
        self.retry_at.get_or_insert(now + RETRY);
    }

    /// The request last returned cannot be proposed as yet: whoever asks repeats it.
    pub(super) fn dropped(&mut self, now: Duration) {
        self.retry_at.get_or_insert(now + RETRY);
        if let Some(id) = self.to_send.pop_front()
            && self.pending.get(&id).is_some_and(|pending| pending.asked.is_none() && !pending.is_kept)
        {
            self.pending.remove(&id);
        }
    }

    /// Nobody decides what is asked about a record that somebody has removed, and whose first edit no relay has ever seen; unless
    /// it is asked under a key, which must come to an end in the log.
    pub(super) fn forget_unknown(&mut self, is_known: impl Fn(RecordId) -> bool, outbox: &mut Outbox) {
        let is_about_none = |pending: &Pending| {
            let record = pending.request.operation.record();
            !pending.request.operation.is_about_key() && record.is_some_and(|record| !is_known(record))
        };
        let own = self.pending.iter().filter(|(id, pending)| id.replica == self.asker || pending.asked.is_some());
        let about_none = own.filter(|(_, pending)| is_about_none(pending));
        for (id, asked) in about_none.map(|(&id, pending)| (id, pending.asked)).collect::<Vec<_>>() {
            self.forget(id);
            if self.outlive {
                outbox.writes().push(WriteOp::Answered(id.seq));
            }
            if let Some(command) = asked.and_then(ReplyTo::command) {
                outbox.push(Item::Reply(command, Err(CommandRejection::UnknownRecord)));
            }
        }
    }

    /// The log begins anew: the pending requests go once more, and what was decided and not released is lost.
    pub(super) fn log_dropped(&mut self, outbox: &mut Outbox) {
        for (_, reply) in std::mem::take(&mut self.unreleased) {
            if let Some((command, _)) = reply {
                outbox.push(Item::Reply(command, Err(CommandRejection::Restored)));
            }
        }
        self.resend_all();
    }

    /// All relays were restored, and their log is the one known here only below `fork`. So when the requests were first sent,
    /// no more of it was known. They stay sent: the backup may hold them, and then the log decides them as they were.
    pub(super) fn log_forked(&mut self, fork: Slot, outbox: &mut Outbox) {
        for pending in self.pending.values_mut().filter(|pending| pending.is_fixed && pending.request.seen > fork) {
            pending.request.seen = fork;
            outbox.writes().push(pending.write());
        }
    }

    /// Under a new leader every pending request has to go anew.
    pub(super) fn leader_is(&mut self, leader: Option<Ballot>) {
        if leader != self.leader {
            self.leader = leader;
            self.resend_all();
        }
    }

    pub(super) fn resend_all(&mut self) {
        self.to_send = self.pending.keys().copied().collect();
        self.passed.clear();
        self.retry_at = None;
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Says whether it is time to pass on again what was not decided.
    pub(super) fn wake(&mut self, now: Duration) -> bool {
        let is_due = self.retry_at.is_some_and(|at| at <= now);
        if is_due {
            self.resend_all();
        }
        is_due
    }

    /// The undecided operation of this replica's own about `record`, the latest if there are several.
    pub(super) fn pending_for(&self, record: RecordId) -> Option<&Operation> {
        let own = self.pending.values().rev().filter(|pending| pending.asked.is_some());
        own.map(|pending| &pending.request.operation).find(|operation| operation.record() == Some(record))
    }

    /// How many of this replica's own operations are undecided, or not released.
    pub(super) fn own_pending(&self) -> usize {
        self.pending.values().filter(|pending| pending.asked.is_some()).count() + self.unreleased.len()
    }

    /// The same, of those asked after the one with this `seq`.
    pub(super) fn own_pending_after(&self, seq: u64) -> usize {
        let after = RequestId { replica: self.asker, seq }..;
        let own = self.pending.range(after).filter(|(id, _)| id.replica == self.asker && id.seq > seq);
        own.filter(|(_, pending)| pending.asked.is_some()).count()
    }

    /// The `seq` of the latest own request.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// The request for a lease that this replica wants of itself, if one is pending.
    pub(super) fn leasing(&self) -> Option<RequestId> {
        let is_lease = |pending: &Pending| {
            pending.asked.is_none() && matches!(pending.request.operation, Operation::GrantRange { .. })
        };
        self.pending.iter().find(|(_, pending)| is_lease(pending)).map(|(&id, _)| id)
    }

    /// A record got no number.
    pub(super) fn refuse(&mut self, record: RecordId, rejection: Rejection, outbox: &mut Outbox) {
        self.refused.insert(record, rejection);
        if self.outlive {
            outbox.writes().push(WriteOp::Refused { record, rejection: Some(rejection) });
        }
    }

    pub(super) fn forget_refusal(&mut self, record: RecordId, outbox: &mut Outbox) {
        if self.refused.remove(&record).is_some() && self.outlive {
            outbox.writes().push(WriteOp::Refused { record, rejection: None });
        }
    }

    pub(super) fn refused(&self, record: RecordId) -> Option<Rejection> {
        self.refused.get(&record).copied()
    }
}
