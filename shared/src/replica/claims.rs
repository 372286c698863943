//! Claims on their way to a decision.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::id::{RecordId, ReplicaId};
use crate::io::{CommandId, CommandRejection, Reply, WriteOp};
use crate::ledger::{Claim, ClaimId, Outcome, Rejection, Wish};
use crate::paxos::Ballot;

use super::outbox::{Item, Outbox};

/// How many undecided claims a replica holds at the most.
const MAX_PENDING: usize = 4096;
/// How many claims may be passed on and undecided at a time; the others wait. With the repetition below it bounds how
/// often a tab bothers its relay.
const MAX_PASSED: usize = 128;
/// How long a claim that was passed on may stay undecided before it is passed on again.
const RETRY: Duration = Duration::from_secs(1);

/// The claims of this replica, and those passed to it, that are not decided yet.
#[derive(Debug)]
pub(super) struct Claims {
    /// The `seq` of the latest own claim.
    seq: u64,
    pending: BTreeMap<ClaimId, Pending>,
    /// Those that have not gone anywhere yet, in order. May name claims that were decided meanwhile.
    to_send: VecDeque<ClaimId>,
    /// Those that were passed on to another replica. Invariant: all pending.
    passed: BTreeSet<ClaimId>,
    /// When to pass on again what was passed on and not decided.
    retry_at: Option<Duration>,
    /// The leader to whom the claims went.
    leader: Option<Ballot>,
    /// The latest refusal of an own claim, by record, until the record asks again.
    refused: BTreeMap<RecordId, Rejection>,
}

#[derive(Debug)]
struct Pending {
    wish: Wish,
    /// The command that waits for the outcome, if it was given here.
    command: Option<CommandId>,
}

impl Claims {
    pub(super) fn recover(seq: u64) -> Self {
        Claims {
            seq,
            pending: BTreeMap::new(),
            to_send: VecDeque::new(),
            passed: BTreeSet::new(),
            retry_at: None,
            leader: None,
            refused: BTreeMap::new(),
        }
    }

    /// A claim of this replica's own.
    pub(super) fn ask(
        &mut self,
        me: ReplicaId,
        command: Option<CommandId>,
        wish: Wish,
        outbox: &mut Outbox,
    ) -> Result<(), CommandRejection> {
        self.seq += 1;
        outbox.writes().push(WriteOp::ClaimSeq(self.seq));
        if let Some(record) = wish.record() {
            self.refused.remove(&record);
        }
        let claim = Claim { id: ClaimId { replica: me, seq: self.seq }, wish };
        if self.take(claim, command) {
            Ok(())
        } else {
            Err(CommandRejection::TooManyWaiting { waiting: self.pending.len() })
        }
    }

    /// A claim to see to. Says whether there was room for it.
    pub(super) fn take(&mut self, claim: Claim, command: Option<CommandId>) -> bool {
        if self.pending.contains_key(&claim.id) {
            return true;
        }
        if self.pending.len() >= MAX_PENDING {
            return false;
        }
        self.pending.insert(claim.id, Pending { wish: claim.wish, command });
        self.to_send.push_back(claim.id);
        true
    }

    /// The log has decided a claim, its own or another.
    pub(super) fn decided(&mut self, claim: Claim, outcome: Outcome, outbox: &mut Outbox) {
        let Some(pending) = self.pending.remove(&claim.id) else { return };
        self.passed.remove(&claim.id);
        let Some(command) = pending.command else { return };
        if let (Some(record), Err(rejection)) = (claim.wish.record(), outcome) {
            self.refused.insert(record, rejection);
        }
        outbox.push(Item::Reply(command, Ok(Reply::Decided(claim.id, outcome))));
    }

    /// The claim to send next; [`proposed`](Self::proposed) or [`passed`](Self::passed) says that it was.
    pub(super) fn next_to_send(&mut self) -> Option<Claim> {
        while let Some(&id) = self.to_send.front() {
            if let Some(pending) = self.pending.get(&id) {
                return Some(Claim { id, wish: pending.wish });
            }
            self.to_send.pop_front();
        }
        None
    }

    /// Whether another claim may be passed on before one of those under way is decided.
    pub(super) fn may_pass(&self) -> bool {
        self.passed.len() < MAX_PASSED
    }

    /// The claim last returned was proposed by this replica as the leader. Paxos itself repeats it.
    pub(super) fn proposed(&mut self) {
        self.to_send.pop_front();
    }

    /// The claim last returned was passed on.
    pub(super) fn passed(&mut self, now: Duration) {
        self.passed.extend(self.to_send.pop_front());
        self.retry_at.get_or_insert(now + RETRY);
    }

    /// Under a new leader every pending claim has to go anew.
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

    pub(super) fn wake(&mut self, now: Duration) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.resend_all();
        }
    }

    /// The undecided wish of this replica's own about `record`, the latest if there are several.
    pub(super) fn pending_for(&self, record: RecordId) -> Option<Wish> {
        let own = self.pending.values().rev().filter(|pending| pending.command.is_some());
        own.map(|pending| pending.wish).find(|wish| wish.record() == Some(record))
    }

    /// How many of this replica's own wishes are undecided.
    pub(super) fn own_pending(&self) -> usize {
        self.pending.values().filter(|pending| pending.command.is_some()).count()
    }

    pub(super) fn refused(&self, record: RecordId) -> Option<Rejection> {
        self.refused.get(&record).copied()
    }
}
