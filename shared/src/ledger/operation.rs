//! What can be asked of the ledger, and what it can answer.

use crate::schema::MAX_NUMBER;
use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::epoch::{Dynamic, Level, Load, Reason, Setting};
use super::keys::{Key, Keyed};
use super::numbers::{MAX_RANGE, Numbered, Range};
use super::settlement::{ConflictId, ProvisionalClaim, Resolution};
use crate::base::dot::Dot;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::consensus::Slot;

/// The name of one operation. Asking again under the same name is safe: it has one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClaimId {
    /// Who asks: a tab, or a relay under a new id each time it is started.
    pub replica: ReplicaId,
    /// Counted by the asker from 1.
    pub seq: u64,
}

/// What a replica asks the ledger to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Give `number` to `record`, if nobody has it.
    Assign {
        record: RecordId,
        number: u64,
    },
    /// Give the next number above the highest to `record`.
    Allocate {
        record: RecordId,
    },
    /// Raise the highest number to `number`, so that what is at or below it is not allocated any more.
    Raise {
        number: u64,
    },
    /// Free the number of `record`.
    Release {
        record: RecordId,
    },
    /// Give `record` the number `to`, or none, if its number is `from`, or it has none.
    CompareAndSet {
        record: RecordId,
        from: Option<u64>,
        to: Option<u64>,
    },
    /// Lease the next `count` numbers above the highest, and above `above`, to a replica, which may then give them by
    /// itself. `above` are the provisional numbers that the asker knows of.
    GrantRange {
        to: ReplicaId,
        count: u32,
        above: u64,
    },
    /// Begin another epoch, if epoch `from` is the present one; with `None` whichever is.
    SetMode {
        from: Option<u64>,
        level: Level,
        reason: Reason,
        load: Load,
    },
    SetDynamic {
        dynamic: Dynamic,
    },
    /// Settle what replicas gave by themselves. `after` are the versions of records that hold it, which are to be durable
    /// on a majority first. The edits that made the claims need not be known anywhere any more: a version may have
    /// outlived them.
    Settle {
        claims: Vec<ProvisionalClaim>,
        after: Vec<Dot>,
    },
    /// Do something about a conflict.
    Resolve {
        conflict: ConflictId,
        resolution: Resolution,
    },
    SetPolicy {
        policy: Policy,
    },
    /// Release everything decided before it and itself, though witnesses are lacking.
    Waive,
    /// Let these vote, each in this incarnation, if configuration `from` is in force.
    Reconfigure {
        from: u32,
        voters: BTreeMap<RelayId, ReplicaId>,
    },
    /// A replica is away: its dots up to the one with the counter `last` take no place in contexts any more. It may come
    /// back, and then goes on behind them.
    Retire {
        replica: ReplicaId,
        last: u64,
    },
    /// From now on no entry but a [`Leap`](Self::Leap) raises the highest number by more than `most`.
    SetReach {
        most: u64,
    },
    /// Raise the highest number to `number`, however far that is.
    Leap {
        number: u64,
    },
    /// Do this unless something was done under the key before.
    Once {
        keyed: Keyed,
        operation: KeyedOperation,
    },
    /// The asker of the claim `by` has carried out what it had the key for, all of it before the dot that this claim names;
    /// with `None` it never will, and the key is free again.
    Finish {
        key: Key,
        by: ClaimId,
        made: Option<Made>,
    },
}

/// What can be asked for under a key. It is no [`Operation`] itself, so that no entry holds one within another without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyedOperation {
    /// The key alone: the asker then does by itself what was asked for, and says so by a [`Operation::Finish`].
    Begin,
    Assign {
        record: RecordId,
        number: u64,
    },
    Allocate {
        record: RecordId,
    },
    Raise {
        number: u64,
    },
    Release {
        record: RecordId,
    },
    CompareAndSet {
        record: RecordId,
        from: Option<u64>,
        to: Option<u64>,
    },
    SetMode {
        from: Option<u64>,
        level: Level,
        reason: Reason,
        load: Load,
    },
    SetDynamic {
        dynamic: Dynamic,
    },
    Resolve {
        conflict: ConflictId,
        resolution: Resolution,
    },
}

/// What a relay has made that carried out a request under a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Made {
    /// The record that it added.
    pub record: Option<RecordId>,
}

impl KeyedOperation {
    /// The same as an operation on its own; `None` for the key alone.
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

    /// An operation, to be asked for under a key; `None` if nobody outside may ask for it.
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

    /// Whether it is about the key of a request.
    #[must_use]
    pub fn is_about_key(&self) -> bool {
        matches!(self, Operation::Once { .. } | Operation::Finish { .. })
    }

    /// Whether the tab `tab` may ask for it. The rest is for those who run the relays, or for the relays themselves.
    #[must_use]
    pub fn is_for(&self, tab: ReplicaId) -> bool {
        match self {
            Operation::Assign { .. }
            | Operation::Allocate { .. }
            | Operation::Raise { .. }
            | Operation::Release { .. }
            | Operation::CompareAndSet { .. }
            | Operation::SetDynamic { .. }
            | Operation::Resolve { .. } => true,
            Operation::GrantRange { to, .. } => *to == tab,
            Operation::SetMode { reason, .. } => matches!(reason, Reason::ByHand | Reason::Resumed),
            Operation::SetPolicy { .. }
            | Operation::Settle { .. }
            | Operation::Waive
            | Operation::Reconfigure { .. }
            | Operation::Retire { .. }
            | Operation::SetReach { .. }
            | Operation::Leap { .. }
            | Operation::Once { .. }
            | Operation::Finish { .. } => false,
        }
    }
}

/// What those who run the relays have settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// How many witnesses, tabs that say that they have it, a decision needs besides a majority of voters, before
    /// people are told that it is final.
    pub witnesses: u8,
    /// How long the leader waits for them before it asks for a waiver, in milliseconds; 0: for ever.
    pub waive_after_ms: u32,
    /// Of how many replicas at the most it is remembered what became of their claims, and of how many keys what became of
    /// the requests under them.
    pub sessions: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { witnesses: 0, waive_after_ms: 0, sessions: 10_000 }
    }
}

/// An operation with its name: what the log holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    pub id: ClaimId,
    /// The asker knows the outcome of all its claims up to this one; they need not be kept for it.
    pub settled: u64,
    /// How far the asker knew the log when it first sent the claim. The same however often it repeats it.
    pub seen: Slot,
    /// What is to be durable on a majority first, beside the record itself: the asker's last edit.
    pub after: Option<Dot>,
    pub operation: Operation,
}

/// What a granted operation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Granted {
    /// The record has the number.
    Final(Numbered),
    /// The record's number is free again.
    Released {
        number: u64,
    },
    /// The highest number, after it was raised.
    Highest {
        number: u64,
    },
    /// The record has this number now, or none.
    Set {
        number: Option<Numbered>,
    },
    Range(Range),
    Epoch {
        number: u64,
        level: Level,
    },
    Policy(Policy),
    Dynamic(Dynamic),
    /// So many provisional claims were settled by it, and so many of them did not get what they wanted.
    Settled {
        settled: u32,
        conflicts: u32,
    },
    Resolved(Resolution),
    Waived,
    /// The next configuration has this number; it is in force as soon as the log has come to it.
    Configuration {
        number: u32,
    },
    Retired {
        replica: ReplicaId,
    },
    /// How far above the highest number an entry may go from now on.
    Reach {
        most: u64,
    },
    /// The asker has the key, and may do what was asked for.
    Begun,
    /// What was asked for under a key is done.
    Done,
}

/// An expected refusal, the same on every replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Rejection {
    #[error("number {number} belongs to another record already, since slot {slot}")]
    NumberTaken { number: u64, owner: RecordId, slot: Slot },
    #[error("number {number} is leased to replica {to}, which alone may give it")]
    NumberLeased { number: u64, to: ReplicaId },
    #[error("the record has number {number} already, since slot {slot}: release it first")]
    AlreadyNumbered { number: u64, slot: Slot },
    #[error("the record has no number to release")]
    NotNumbered,
    #[error("the record's number is another one than was said: look again")]
    Changed { now: Option<Numbered> },
    #[error("numbers are in 1..={MAX_NUMBER}; {number} is not")]
    OutOfRange { number: u64 },
    #[error("a range has 1 to {MAX_RANGE} numbers; {count} are too many or too few")]
    RangeLength { count: u32 },
    #[error("every number up to {MAX_NUMBER} is in use")]
    Exhausted,
    #[error("it was asked so long ago that nobody knows any more whether it was done: look, and ask again")]
    Forgotten,
    #[error("epoch {epoch} has begun meanwhile: look again")]
    OtherEpoch { epoch: u64 },
    #[error("{setting} must be from {least} to {most}")]
    BadSetting { setting: Setting, least: u32, most: u32 },
    #[error("there is no such conflict, or it was resolved so long ago that it is not kept any more")]
    UnknownConflict,
    #[error("the conflict was resolved already")]
    ResolvedAlready { resolution: Resolution },
    #[error("configuration {number} is in force: look again")]
    OtherConfiguration { number: u32 },
    #[error("the change to configuration {number} is under way: wait until it is in force")]
    ReconfigurationUnderWay { number: u32 },
    #[error("somebody must vote: name one relay, or three or more")]
    NoVoters,
    #[error(
        "two voters stop deciding as soon as one of them is down, where one alone would go on: name one relay, or three"
    )]
    TwoVoters,
    #[error("more than {} voters only make each other wait: name fewer", super::MAX_VOTERS)]
    TooManyVoters,
    #[error(
        "number {number} is too far above the highest, which is {highest}: choose one up to {most}, or have an operator raise the highest number first"
    )]
    TooFarAhead { number: u64, highest: u64, most: u64 },
    #[error("the same was asked for under this key before, and is not done again")]
    Repeated,
    #[error("this key was used for another request: choose a new one for each request")]
    KeyUsedOtherwise,
}

/// What became of a claim.
pub type Outcome = Result<Granted, Rejection>;
