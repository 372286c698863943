//! Two contents under one dot: which of them stays.
//!
//! A dot names one edit. An author who lies, or who has lost its state, gives one dot to two edits, and sends them to
//! different replicas. Both contents are then the truth for somebody. All replicas must choose the same one, whichever
//! arrives first, so the choice is a maximum over what can be seen of the two: a total order of [ranks](Rank). The
//! maximum of a set does not depend on the order of arrival, so documents still converge.

use super::LiveDot;
use super::fingerprint::Mark;
use crate::base::dot::Dot;
use crate::base::id::RecordId;
use crate::merge::rules::{InForce, Rules};

/// Who decides which of two contents stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arbiter {
    /// The order of ranks: between replicas that may tell each other everything.
    Order,
    /// The sender: a relay to a tab. A tab may not bring a relay what others wrote, so that it has to follow.
    Sender,
    /// The receiver: between tabs of one browser, each of which follows its relay.
    Receiver,
}

/// One of several uses of a dot. The highest stays.
///
/// A dot by which a folded version lives outranks one that names a version, since the content of the latter is not known
/// any more where it was folded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_support: bool,
    mark: Mark,
    record: RecordId,
}

impl Rank {
    fn of(dot: Dot, LiveDot { record, mark }: LiveDot) -> Self {
        Rank { is_support: mark.is_of_support(dot), mark, record }
    }
}

impl Arbiter {
    /// Whether an incoming use of a dot takes the place of the one that is held.
    pub(super) fn prefers(self, dot: Dot, incoming: LiveDot, held: LiveDot) -> bool {
        match self {
            Arbiter::Order => InForce::stays(Rank::of(dot, incoming) > Rank::of(dot, held)),
            Arbiter::Sender => true,
            Arbiter::Receiver => false,
        }
    }

    /// Whether the sender of the content that does not stay would take the other one. Between two who do not follow each
    /// other, answers would have no end.
    pub(super) fn persuades(self) -> bool {
        self == Arbiter::Order
    }
}
