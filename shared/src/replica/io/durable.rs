//! The writes of a replica, and the durable state that they make.

use crate::consensus::{AcceptorState, LogWrite, Position, Slot};
use crate::merge::document::{DocumentWrite, Packed};

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use super::ids::WriteId;
use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::ledger::{Accepted, Rejection, Request};
use crate::replica::{Distrust, Unattested};

/// Writes that become durable together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBatch {
    /// The name of the batch, for [`Input::Persisted`](super::Input::Persisted).
    pub id: WriteId,
    /// The writes, to be applied in this order.
    pub ops: Vec<WriteOp>,
}

/// One change of the durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOp {
    /// Stores a version of a record.
    PutVersion {
        /// The record that the version belongs to.
        record: RecordId,
        /// The dot that names the version.
        dot: Dot,
        /// The version in its packed form.
        version: Packed,
    },
    /// Deletes a version of a record: it was superseded.
    DropVersion {
        /// The record that the version belongs to.
        record: RecordId,
        /// The dot that names the version.
        dot: Dot,
    },
    /// Replaces, for each replica in the set, its dots in the causal context.
    PutContext(DotSet),
    /// Removes all dots of this replica from the causal context.
    DropContext(ReplicaId),
    /// How far this voter has bound itself now.
    AcceptorState(AcceptorState),
    /// Replaces the acceptor state that this relay remembers of another voter.
    Remember {
        /// The other voter.
        voter: RelayId,
        /// The incarnation of its database.
        incarnation: ReplicaId,
        /// How far it has bound itself, as this relay knows.
        acceptor_state: AcceptorState,
    },
    /// Replaces the log below `log_start`. Entries from there on are kept for replicas that lag behind. A later snapshot
    /// is at no lower slot.
    Snapshot {
        /// The ledger at one slot, at or above `log_start`.
        snapshot: Snapshot,
        /// The position where the kept log begins.
        log_start: Position,
    },
    /// Stores the entry of a slot, in the place of an earlier one.
    Accept {
        /// The place of the entry in the log.
        slot: Slot,
        /// The entry, with the ballot under which it was accepted.
        accepted: Accepted,
    },
    /// Everything below this slot is decided. May lag behind.
    Decided(Slot),
    /// A tab was told that everything decided below is visible. May lag behind.
    Released(Slot),
    /// The number of this replica's latest request.
    RequestSeq(u64),
    /// Stores a pending request of this replica, which goes on with it after a restart.
    Ask(PendingRequest),
    /// The log has answered the own request with this `seq`, and all consequences are carried out. Deletes the
    /// pending request.
    Answered(u64),
    /// The reason why a record got no number when a tab last asked for one; `None` deletes it.
    Refused {
        /// The record that got no number.
        record: RecordId,
        /// The refusal of the log.
        rejection: Option<Rejection>,
    },
    /// These of a tab's own dots are durable on a relay. May lag behind.
    Stored(DotSet),
    /// The counter of the last own edit that may have left a tab.
    Sent(u64),
    /// Deletes everything that a tab knows of the log: all relays were restored, and the log continues differently.
    LogDropped,
    /// A number that a record had before all relays were restored; the tab gives it anew.
    LostNumber {
        /// The record that had the number.
        record: RecordId,
        /// The number; `None` when it was given anew.
        number: Option<u64>,
    },
    /// The edits that a tab has heard from its neighbours alone.
    Unattested(Unattested),
    /// The numbers and authors that the replica does not believe.
    Distrust(Distrust),
    /// A relay's highest number was raised to this one without the log.
    Raised(u64),
    /// The cursor of a lease has moved.
    Cursor {
        /// The first number of the lease.
        first: u64,
        /// The next number that this replica gives out of the lease.
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

impl From<LogWrite<Request>> for WriteOp {
    fn from(write: LogWrite<Request>) -> Self {
        match write {
            LogWrite::Accept { slot, accepted } => WriteOp::Accept { slot, accepted },
            LogWrite::AcceptorState(state) => WriteOp::AcceptorState(state),
            LogWrite::Remember { voter, incarnation, acceptor_state } => {
                WriteOp::Remember { voter, incarnation, acceptor_state }
            }
        }
    }
}

/// A request of this replica that is not decided, as far as it knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRequest {
    /// The request.
    pub request: Request,
    /// True if the request may have left the replica. Then it must not change any more.
    pub is_fixed: bool,
    /// True if its user waits for the outcome.
    pub is_asked: bool,
}

/// The ledger at a position of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The position: every entry below its slot is applied.
    pub at: Position,
    /// The ledger, in the wire format.
    pub ledger: Vec<u8>,
}

/// The durable state, as [`WriteOp`]s have left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// All dots that the replica has seen.
    pub context: DotSet,
    /// The live versions of each record, by dot.
    pub records: SortedMap<RecordId, SortedMap<Dot, Packed>>,
    /// How far this voter has bound itself.
    pub acceptor_state: AcceptorState,
    /// The incarnation and the acceptor state of other voters, as this relay remembers them.
    pub remembered: SortedMap<RelayId, (ReplicaId, AcceptorState)>,
    /// The latest snapshot; `None` as long as the log is kept from its first slot.
    pub snapshot: Option<Snapshot>,
    /// The position where the kept log begins.
    pub log_start: Position,
    /// The kept entries, accepted or decided.
    pub log: SortedMap<Slot, Accepted>,
    /// Every entry below this slot is decided. May lag behind.
    pub decided: Slot,
    /// The number of this replica's latest request; 0 before the first.
    pub request_seq: u64,
    /// The requests of this replica that are not answered, by the `seq` of each.
    pub pending: LiteMap<u64, PendingRequest>,
    /// The own dots of a tab that are durable on a relay. May lag behind.
    pub stored: DotSet,
    /// The counter of the last own edit that may have left a tab; `None` in databases of earlier versions.
    pub sent: Option<u64>,
    /// In a tab: the numbers that records had before all relays were restored, to be given anew.
    pub lost_numbers: SortedMap<RecordId, u64>,
    /// The edits that a tab has heard from its neighbours alone.
    pub unattested: Unattested,
    /// The numbers and authors that the replica does not believe.
    pub distrust: Distrust,
    /// In a relay: the number to which the highest number was raised without the log; 0 if it was not.
    pub raised: u64,
    /// In a tab: everything decided below this slot is visible, as far as it was told.
    pub released: Slot,
    /// The reasons why records got no number when the tab last asked for one.
    pub refused: SortedMap<RecordId, Rejection>,
    /// For each lease, by its first number, the next number to give.
    pub cursors: LiteMap<u64, u64>,
}

impl Recovered {
    /// Applies one write to the durable state. Every store must give it the same meaning.
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
                self.log.retain(|&slot, _| slot >= log_start.slot);
                self.log_start = log_start;
                self.decided = self.decided.max(snapshot.at.slot);
                self.snapshot = Some(snapshot);
            }
            WriteOp::Accept { slot, accepted } => {
                self.log.insert(slot, accepted);
            }
            WriteOp::Decided(slot) => {
                let covered = self.snapshot.as_ref().map_or(Slot(0), |snapshot| snapshot.at.slot);
                self.decided = slot.max(covered);
            }
            WriteOp::Released(until) => self.released = until,
            WriteOp::RequestSeq(seq) => self.request_seq = seq,
            WriteOp::Ask(pending) => {
                self.pending.insert(pending.request.id.seq, pending);
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
