//! The operations of the ledger, and their outcomes.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::epoch::{Dynamic, Level, Load, Reason};
use super::key::{Key, Keyed};
use super::number::{Numbered, Range};
use super::provisional::{ConflictId, Resolution, UnsettledNumber};
use super::rejection::Rejection;
use crate::base::dot::Dot;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::consensus::Slot;

/// The name of one request. It is safe to ask again under the same name: there is one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// The sender: a tab, or a relay under a new id each time it is started.
    pub replica: ReplicaId,
    /// Counted by the sender from 1.
    pub seq: u64,
}

/// An operation that a replica asks of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Give `number` to `record`, if no record has it.
    Assign {
        /// The record that is to have the number.
        record: RecordId,
        /// The number, in `1..=MAX_NUMBER`.
        number: u64,
    },
    /// Give the next number above the highest to `record`.
    Allocate {
        /// The record that is to have a number.
        record: RecordId,
    },
    /// Raise the highest number to `number`, so that no number at or below it is allocated any more.
    Raise {
        /// The number, in `1..=MAX_NUMBER` and within reach of the highest.
        number: u64,
    },
    /// Free the number of `record`.
    Release {
        /// The record that loses its number.
        record: RecordId,
    },
    /// Give `record` the number `to`, or none, if its number is `from`, or it has none.
    CompareAndSet {
        /// The record whose number changes.
        record: RecordId,
        /// The number that the record must have for the operation to be granted; `None`: no number.
        from: Option<u64>,
        /// The number that the record gets; `None`: no number.
        to: Option<u64>,
    },
    /// Lease the next `count` numbers above the highest, and above `above`, to a replica, which may then give them by
    /// itself.
    GrantRange {
        /// The lessee.
        to: ReplicaId,
        /// How many numbers to lease, in `1..=MAX_RANGE`.
        count: u32,
        /// The highest provisional number that the sender knows of. The range begins above it, as far as the reach allows.
        above: u64,
    },
    /// Begin another epoch, if epoch `from` is the present one.
    SetMode {
        /// The epoch that the sender wants to end; `None`: the present one.
        from: Option<u64>,
        /// The level of the next epoch.
        level: Level,
        /// The reason for the change.
        reason: Reason,
        /// The measurements that led to the change.
        load: Load,
    },
    /// Replace the settings of the dynamic method.
    SetDynamic {
        /// All settings, each within its [bounds](super::Setting::bounds).
        dynamic: Dynamic,
    },
    /// Settle numbers that replicas gave by themselves. The versions `after`, whose records hold the numbers, must be
    /// durable on a majority first. The edits that gave the numbers may be superseded: a version may outlive them.
    Settle {
        /// The numbers, in the order in which they are settled; at most [`MAX_SETTLED`](super::MAX_SETTLED).
        numbers: Vec<UnsettledNumber>,
        /// The versions that must be durable on a majority first.
        after: Vec<Dot>,
    },
    /// Resolve a conflict.
    Resolve {
        /// The conflict that a user resolves.
        conflict: ConflictId,
        /// The resolution that the user picked.
        resolution: Resolution,
    },
    /// Replace the policy of the room. Only operators may ask for it.
    SetPolicy {
        /// The whole new policy.
        policy: Policy,
    },
    /// Make everything decided up to this operation visible, though observers are lacking.
    Waive,
    /// Make these relays the voters, each in this incarnation, if configuration `from` is in force.
    Reconfigure {
        /// The number of the configuration that is replaced.
        from: u32,
        /// The voters of the next configuration, each with its incarnation.
        voters: SortedMap<RelayId, ReplicaId>,
    },
    /// Retire a replica that is away: its dots up to the counter `last` take no room in contexts any more. It may
    /// come back, and then continues after them.
    Retire {
        /// The replica that is away.
        replica: ReplicaId,
        /// The counter of its last dot.
        last: u64,
    },
    /// From now on no entry but a [`Leap`](Self::Leap) raises the highest number by more than `most`.
    SetReach {
        /// The new reach, in `1..=MAX_NUMBER`.
        most: u64,
    },
    /// Raise the highest number to `number`, however far that is.
    Leap {
        /// The new highest number, in `1..=MAX_NUMBER`; a lower one than the present changes nothing.
        number: u64,
    },
    /// Do this unless an HTTP request was done under the key before.
    Once {
        /// The key, with the hash of the HTTP request.
        keyed: Keyed,
        /// The operation to do once.
        operation: KeyedOperation,
    },
    /// The request `by` has carried out the work for which it took the key. All its edits come before the dot that
    /// this request names. With `None` it never will, and the key is free again.
    Finish {
        /// The key that the sender has.
        key: Key,
        /// The request that took the key.
        by: RequestId,
        /// The record that the relay has made, if any; `None` frees the key.
        made: Option<Made>,
    },
}

/// An operation that can be asked for under a key. It is not an [`Operation`] itself, so that entries do not nest
/// without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyedOperation {
    /// Takes the key alone. The sender then does the work by itself, and reports it by an [`Operation::Finish`].
    Begin,
    /// [`Operation::Assign`].
    Assign {
        /// The record that is to have the number.
        record: RecordId,
        /// The number, in `1..=MAX_NUMBER`.
        number: u64,
    },
    /// [`Operation::Allocate`].
    Allocate {
        /// The record that is to have a number.
        record: RecordId,
    },
    /// [`Operation::Raise`].
    Raise {
        /// The number, in `1..=MAX_NUMBER` and within reach of the highest.
        number: u64,
    },
    /// [`Operation::Release`].
    Release {
        /// The record that loses its number.
        record: RecordId,
    },
    /// [`Operation::CompareAndSet`].
    CompareAndSet {
        /// The record whose number changes.
        record: RecordId,
        /// The number that the record must have for the operation to be granted; `None`: no number.
        from: Option<u64>,
        /// The number that the record gets; `None`: no number.
        to: Option<u64>,
    },
    /// [`Operation::SetMode`].
    SetMode {
        /// The epoch that the sender wants to end; `None`: the present one.
        from: Option<u64>,
        /// The level of the next epoch.
        level: Level,
        /// The reason for the change.
        reason: Reason,
        /// The measurements that led to the change.
        load: Load,
    },
    /// [`Operation::SetDynamic`].
    SetDynamic {
        /// All settings, each within its [bounds](super::Setting::bounds).
        dynamic: Dynamic,
    },
    /// [`Operation::Resolve`].
    Resolve {
        /// The conflict that a user resolves.
        conflict: ConflictId,
        /// The resolution that the user picked.
        resolution: Resolution,
    },
}

/// The result of an HTTP request that a relay carried out under a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Made {
    /// The record that it added.
    pub record: Option<RecordId>,
}

impl KeyedOperation {
    /// The same operation without a key; `None` for the key alone.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        Some(match *self {
            KeyedOperation::Begin => return None,
            KeyedOperation::Assign { record, number } => Operation::Assign { record, number },
            KeyedOperation::Allocate { record } => Operation::Allocate { record },
            KeyedOperation::Raise { number } => Operation::Raise { number },
            KeyedOperation::Release { record } => Operation::Release { record },
            KeyedOperation::CompareAndSet { record, from, to } => Operation::CompareAndSet { record, from, to },
            KeyedOperation::SetMode { from, level, reason, load } => Operation::SetMode { from, level, reason, load },
            KeyedOperation::SetDynamic { dynamic } => Operation::SetDynamic { dynamic },
            KeyedOperation::Resolve { conflict, resolution } => Operation::Resolve { conflict, resolution },
        })
    }

    /// The same operation, to be asked for under a key; `None` if no HTTP request may ask for it.
    #[must_use]
    pub fn of(operation: &Operation) -> Option<Self> {
        Some(match *operation {
            Operation::Assign { record, number } => KeyedOperation::Assign { record, number },
            Operation::Allocate { record } => KeyedOperation::Allocate { record },
            Operation::Raise { number } => KeyedOperation::Raise { number },
            Operation::Release { record } => KeyedOperation::Release { record },
            Operation::CompareAndSet { record, from, to } => KeyedOperation::CompareAndSet { record, from, to },
            Operation::SetMode { from, level, reason, load } => KeyedOperation::SetMode { from, level, reason, load },
            Operation::SetDynamic { dynamic } => KeyedOperation::SetDynamic { dynamic },
            Operation::Resolve { conflict, resolution } => KeyedOperation::Resolve { conflict, resolution },
            _ => return None,
        })
    }
}

impl Operation {
    /// The record that the operation is about.
    #[must_use]
    pub fn record(&self) -> Option<RecordId> {
        match *self {
            Operation::Assign { record, .. }
            | Operation::Allocate { record }
            | Operation::Release { record }
            | Operation::CompareAndSet { record, .. } => Some(record),
            Operation::Once { operation, .. } => operation.operation()?.record(),
            _ => None,
        }
    }

    /// The operation that this one is, or holds under a key.
    #[must_use]
    pub fn plain(&self) -> Cow<'_, Operation> {
        match self {
            Operation::Once { operation, .. } => operation.operation().map_or(Cow::Borrowed(self), Cow::Owned),
            _ => Cow::Borrowed(self),
        }
    }

    /// True if the operation takes or ends a key.
    #[must_use]
    pub fn is_about_key(&self) -> bool {
        matches!(self, Operation::Once { .. } | Operation::Finish { .. })
    }
}

/// The rules of a room that operators set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// How many observers must acknowledge a decision, besides a majority of voters, before users are told that it is
    /// final.
    pub observers: u8,
    /// How long the leader waits for observers before it asks for a waiver, in milliseconds; 0: for ever.
    pub waive_after_ms: u32,
    /// The most senders of requests whose outcomes the ledger remembers, and the most keys that it remembers.
    pub sessions: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { observers: 0, waive_after_ms: 0, sessions: 10_000 }
    }
}

/// An operation with its name, as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The id under which the ledger remembers the outcome.
    pub id: RequestId,
    /// The sender knows the outcomes of all its requests up to this one; the ledger need not keep them.
    pub settled: u64,
    /// How far the sender knew the log when it first sent the request. It stays the same in every repetition.
    pub seen: Slot,
    /// The sender's last edit, which must be durable on a majority first, beside the record itself.
    pub after: Option<Dot>,
    /// The operation that the sender asks for.
    pub operation: Operation,
}

/// The result of a granted operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Granted {
    /// The record has the number.
    Final(Numbered),
    /// The record's number is free again.
    Released {
        /// The number that the record had.
        number: u64,
    },
    /// The highest number, after it was raised.
    Highest {
        /// The highest number now, which may have been higher than asked for before.
        number: u64,
    },
    /// The record has this number now, or none.
    Set {
        /// The number of the record now; `None`: it has none.
        number: Option<Numbered>,
    },
    /// The range is leased.
    Range(Range),
    /// Another epoch has begun.
    Epoch {
        /// The number of the epoch.
        number: u64,
        /// The level of the epoch.
        level: Level,
    },
    /// The policy that is in force now.
    Policy(Policy),
    /// The settings of the dynamic method that are in force now.
    Dynamic(Dynamic),
    /// Provisional numbers were settled.
    Settled {
        /// How many of them were not settled before this operation.
        settled: u32,
        /// How many of them collided.
        conflicts: u32,
    },
    /// The conflict is resolved in this way.
    Resolved(Resolution),
    /// Everything decided up to this operation is visible.
    Waived,
    /// The next configuration is decided. It is in force as soon as the log has come to it.
    Configuration {
        /// The number of the next configuration.
        number: u32,
    },
    /// The dots of a replica take no room in contexts any more.
    Retired {
        /// The replica that was retired.
        replica: ReplicaId,
    },
    /// The new reach: how far above the highest number an entry may go.
    Reach {
        /// The new reach, in `1..=MAX_NUMBER`.
        most: u64,
    },
    /// The sender has the key, and may carry out the HTTP request.
    Begun,
    /// The HTTP request under the key is done.
    Done,
}

/// The outcome of a request.
pub type Outcome = Result<Granted, Rejection>;
