//! Writes, and the state that they leave on a disk.

use crate::consensus::{AcceptorState, LogWrite, Position, Slot};
use crate::merge::document::{DocumentWrite, Packed};
use std::collections::BTreeMap;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use super::WriteId;
use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::ledger::{Accepted, Claim, Rejection};
use crate::replica::{Distrust, Unattested};

/// Writes that become durable together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBatch {
    pub id: WriteId,
    pub ops: Vec<WriteOp>,
}

/// One change of the durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOp {
    PutVersion {
        record: RecordId,
        dot: Dot,
        version: Packed,
    },
    DropVersion {
        record: RecordId,
        dot: Dot,
    },
    /// For each replica in the set: these are its dots in the context now.
    PutContext(DotSet),
    /// The context has no dots of this replica any more.
    DropContext(ReplicaId),
    AcceptorState(AcceptorState),
    /// What is remembered of another voter.
    Remember {
        voter: RelayId,
        incarnation: ReplicaId,
        acceptor_state: AcceptorState,
    },
    /// Takes the place of the log below `log_start`, from where on entries are kept for those who lag behind.
    Snapshot {
        snapshot: Snapshot,
        log_start: Position,
    },
    Accept {
        slot: Slot,
        accepted: Accepted,
    },
    Decided(Slot),
    /// A tab was told that everything decided below is released. May lag behind.
    Released(Slot),
    ClaimSeq(u64),
    /// A tab has asked something, or a relay has asked something that it goes on with after a restart.
    Ask(PendingClaim),
    /// The log has answered the own claim with this `seq`, and all that follows from the answer is done.
    Answered(u64),
    /// Why a record got no number when a tab asked for one last; `None` when that is of no interest any more.
    Refused {
        record: RecordId,
        rejection: Option<Rejection>,
    },
    /// These of a tab's own dots are durable on a relay. May lag behind.
    Stored(DotSet),
    /// The counter of the last own edit that may have left a tab.
    Sent(u64),
    /// All that a tab knew of the log, since all relays were restored and it goes on otherwise.
    LogDropped,
    /// A number that a record had before all relays were restored, to be given anew by a tab; `None` when that is done.
    LostNumber {
        record: RecordId,
        number: Option<u64>,
    },
    /// What a tab has heard from its neighbours alone.
    Unattested(Unattested),
    /// What the replica was told and does not believe.
    Distrust(Distrust),
    /// A relay's highest number was raised to this one without the log.
    Raised(u64),
    /// Out of the lease that begins with `first`, the next number to give is `next`.
    Cursor {
        first: u64,
        next: u64,
    },
}

impl From<DocumentWrite> for WriteOp {
    fn from(write: DocumentWrite) -> Self {
        match write {
            DocumentWrite::PutVersion { record, dot, version } => WriteOp::PutVersion { record, dot, version },
            DocumentWrite::DropVersion { record, dot } => WriteOp::DropVersion { record, dot },
            DocumentWrite::PutContext(dots) => WriteOp::PutContext(dots),
            DocumentWrite::DropContext(replica) => WriteOp::DropContext(replica),
        }
    }
}

impl From<LogWrite<Claim>> for WriteOp {
    fn from(write: LogWrite<Claim>) -> Self {
        match write {
            LogWrite::Accept { slot, accepted } => WriteOp::Accept { slot, accepted },
            LogWrite::AcceptorState(state) => WriteOp::AcceptorState(state),
            LogWrite::Remember { voter, incarnation, acceptor_state } => {
                WriteOp::Remember { voter, incarnation, acceptor_state }
            }
        }
    }
}

/// A claim of a replica's own that is not decided, as far as it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingClaim {
    pub claim: Claim,
    /// Whether it may have left the replica: then it must not change any more.
    pub is_fixed: bool,
    /// Whether its user waits for the outcome.
    pub is_asked: bool,
}

/// The state that the log has driven up to a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub at: Position,
    /// The ledger, in the wire format.
    pub ledger: Vec<u8>,
}

/// The durable state, as [`WriteOp`]s have left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    pub context: DotSet,
    pub records: BTreeMap<RecordId, BTreeMap<Dot, Packed>>,
    pub acceptor_state: AcceptorState,
    pub remembered: BTreeMap<RelayId, (ReplicaId, AcceptorState)>,
    pub snapshot: Option<Snapshot>,
    pub log_start: Position,
    pub log: BTreeMap<Slot, Accepted>,
    pub decided: Slot,
    pub claim_seq: u64,
    /// By the `seq` of each.
    pub pending: LiteMap<u64, PendingClaim>,
    pub stored: DotSet,
    /// The counter of the last own edit that may have left a tab; `None` if nothing says so, as in databases of earlier
    /// versions.
    pub sent: Option<u64>,
    /// In a tab: the numbers that records had before all relays were restored, and that are to be given anew.
    pub lost_numbers: BTreeMap<RecordId, u64>,
    pub unattested: Unattested,
    pub distrust: Distrust,
    /// In a relay: how far the highest number was raised without the log.
    pub raised: u64,
    /// In a tab: everything decided below is released, as far as it was told.
    pub released: Slot,
    /// Why a tab's records got no number when it asked for them last.
    pub refused: BTreeMap<RecordId, Rejection>,
    /// For each lease, by its first number, the next number to give.
    pub cursors: LiteMap<u64, u64>,
}

impl Recovered {
    /// What one write does to the durable state: the meaning that every store must give it.
    pub fn apply(&mut self, op: WriteOp) {
        match op {
            WriteOp::PutVersion { record, dot, version } => {
                self.records.entry(record).or_default().insert(dot, version);
            }
            WriteOp::DropVersion { record, dot } => {
                if let Some(versions) = self.records.get_mut(&record) {
                    versions.remove(&dot);
                    if versions.is_empty() {
                        self.records.remove(&record);
                    }
                }
            }
            WriteOp::PutContext(part) => self.context.replace(&part),
            WriteOp::DropContext(replica) => self.context.drop_replica(replica),
            WriteOp::AcceptorState(acceptor_state) => self.acceptor_state = acceptor_state,
            WriteOp::Remember { voter, incarnation, acceptor_state } => {
                self.remembered.insert(voter, (incarnation, acceptor_state));
            }
            WriteOp::Snapshot { snapshot, log_start } => {
                self.log = self.log.split_off(&log_start.slot);
                self.log_start = log_start;
                self.decided = self.decided.max(snapshot.at.slot);
                self.snapshot = Some(snapshot);
            }
            WriteOp::Accept { slot, accepted } => {
                self.log.insert(slot, accepted);
            }
            WriteOp::Decided(slot) => self.decided = slot,
            WriteOp::Released(until) => self.released = until,
            WriteOp::ClaimSeq(seq) => self.claim_seq = seq,
            WriteOp::Ask(pending) => {
                self.pending.insert(pending.claim.id.seq, pending);
            }
            WriteOp::Answered(seq) => {
                self.pending.remove(&seq);
            }
            WriteOp::Refused { record, rejection: Some(rejection) } => {
                self.refused.insert(record, rejection);
            }
            WriteOp::Refused { record, rejection: None } => {
                self.refused.remove(&record);
            }
            WriteOp::Stored(dots) => self.stored = dots,
            WriteOp::Sent(counter) => self.sent = Some(counter),
            WriteOp::LogDropped => {
                (self.snapshot, self.log_start, self.decided) = (None, Position::default(), Slot(0));
                self.log.clear();
                self.released = Slot(0);
            }
            WriteOp::LostNumber { record, number: Some(number) } => {
                self.lost_numbers.insert(record, number);
            }
            WriteOp::LostNumber { record, number: None } => {
                self.lost_numbers.remove(&record);
            }
            WriteOp::Unattested(unattested) => self.unattested = unattested,
            WriteOp::Distrust(distrust) => self.distrust = distrust,
            WriteOp::Raised(number) => self.raised = number,
            WriteOp::Cursor { first, next } => {
                self.cursors.insert(first, next);
            }
        }
    }
}
