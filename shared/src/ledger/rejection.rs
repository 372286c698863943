//! The refusals of the ledger.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::number::{MAX_RANGE, Numbered};
use super::provisional::Resolution;
use super::setting::Setting;
use crate::base::id::{RecordId, ReplicaId};
use crate::consensus::Slot;
use crate::schema::MAX_NUMBER;

/// An expected refusal, the same on every replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Rejection {
    /// The number belongs to another record.
    #[error("number {number} belongs to another record already, since slot {slot}")]
    NumberTaken {
        /// The number asked for.
        number: u64,
        /// The record that has the number.
        owner: RecordId,
        /// The slot that gave the number to the owner.
        slot: Slot,
    },
    /// The number lies in a lease, so the log may not give it.
    #[error("number {number} is leased to replica {to}, which alone may give it")]
    NumberLeased {
        /// The number asked for.
        number: u64,
        /// The lessee.
        to: ReplicaId,
    },
    /// The record has a number, so it gets no other before this one is freed.
    #[error("the record has number {number} already, since slot {slot}: release it first")]
    AlreadyNumbered {
        /// The number that the record has.
        number: u64,
        /// The slot that gave the number to the record.
        slot: Slot,
    },
    /// A release of a record that has no number.
    #[error("the record has no number to release")]
    NotNumbered,
    /// The record's number is not the one that the sender expects.
    #[error("the record's number is another one than was said: look again")]
    Changed {
        /// The number that the record has; `None`: it has none.
        now: Option<Numbered>,
    },
    /// The number, or the reach, is outside `1..=MAX_NUMBER`.
    #[error("numbers are in 1..={MAX_NUMBER}; {number} is not")]
    OutOfRange {
        /// The number asked for.
        number: u64,
    },
    /// The length of the range is outside `1..=MAX_RANGE`.
    #[error("a range has 1 to {MAX_RANGE} numbers; {count} are too many or too few")]
    RangeLength {
        /// The length asked for.
        count: u32,
    },
    /// No number is left above the highest.
    #[error("every number up to {MAX_NUMBER} is in use")]
    Exhausted,
    /// The request is so old that the ledger does not know whether it was done.
    #[error("it was asked so long ago that nobody knows any more whether it was done: look, and ask again")]
    Forgotten,
    /// The epoch that the sender wanted to end is over.
    #[error("epoch {epoch} has begun meanwhile: look again")]
    OtherEpoch {
        /// The number of the present epoch.
        epoch: u64,
    },
    /// A setting of the dynamic method is out of its bounds.
    #[error("{setting} must be from {least} to {most}")]
    BadSetting {
        /// The first setting that is out of its bounds.
        setting: Setting,
        /// The lowest value allowed.
        least: u32,
        /// The highest value allowed.
        most: u32,
    },
    /// The ledger keeps no conflict of this name.
    #[error("there is no such conflict, or it was resolved so long ago that it is not kept any more")]
    UnknownConflict,
    /// The conflict was resolved before.
    #[error("the conflict was resolved already")]
    ResolvedAlready {
        /// The resolution that was picked first, and that stays.
        resolution: Resolution,
    },
    /// The configuration that the sender wanted to replace is not in force.
    #[error("configuration {number} is in force: look again")]
    OtherConfiguration {
        /// The number of the configuration in force; 0 also before the first.
        number: u32,
    },
    /// A change of the voters was granted and is not in force yet.
    #[error("the change to configuration {number} is under way: wait until it is in force")]
    ReconfigurationUnderWay {
        /// The number of the configuration that follows.
        number: u32,
    },
    /// The next configuration has no voters.
    #[error("somebody must vote: name one relay, or three or more")]
    NoVoters,
    /// The next configuration has two voters, which tolerate no more failures than one.
    #[error(
        "two voters stop deciding as soon as one of them is down, where one alone would go on: name one relay, or three"
    )]
    TwoVoters,
    /// The next configuration has more voters than allowed.
    #[error("more than {} voters only make each other wait: name fewer", super::MAX_VOTERS)]
    TooManyVoters,
    /// The number would raise the highest number by more than the reach.
    #[error(
        "number {number} is too far above the highest, which is {highest}: choose one up to {most}, or have an operator raise the highest number first"
    )]
    TooFarAhead {
        /// The number asked for.
        number: u64,
        /// The highest number now.
        highest: u64,
        /// The highest number that an entry may give or raise to now.
        most: u64,
    },
    /// The same HTTP request was done under this key before.
    #[error("the same was asked for under this key before, and is not done again")]
    Repeated,
    /// The key belongs to another HTTP request.
    #[error("this key was used for another request: choose a new one for each request")]
    KeyUsedOtherwise,
}

impl Rejection {
    /// Returns the stable name of the kind, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::NumberTaken { .. } => "number-taken",
            Rejection::NumberLeased { .. } => "number-leased",
            Rejection::AlreadyNumbered { .. } => "already-numbered",
            Rejection::NotNumbered => "not-numbered",
            Rejection::Changed { .. } => "changed",
            Rejection::Exhausted => "exhausted",
            Rejection::TooFarAhead { .. } => "too-far-ahead",
            Rejection::Forgotten => "forgotten",
            Rejection::Repeated => "repeated",
            Rejection::KeyUsedOtherwise => "key-used-otherwise",
            Rejection::OtherEpoch { .. } => "other-epoch",
            Rejection::ResolvedAlready { .. } => "resolved-already",
            Rejection::UnknownConflict => "not-found",
            Rejection::OutOfRange { .. } | Rejection::RangeLength { .. } | Rejection::BadSetting { .. } => {
                "unprocessable"
            }
            Rejection::OtherConfiguration { .. }
            | Rejection::ReconfigurationUnderWay { .. }
            | Rejection::NoVoters
            | Rejection::TwoVoters
            | Rejection::TooManyVoters => "refused",
        }
    }
}
