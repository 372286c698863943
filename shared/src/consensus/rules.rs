//! The rules on which safety rests, each a small pure function.
//!
//! Consensus asks them through [`InForce`]. A build with the feature `mutations` puts [`broken::Broken`] there, which breaks one
//! rule at a time, so that a test can see that the simulator notices.

use super::{Ballot, Slot};
use crate::base::id::ReplicaId;

#[cfg(feature = "mutations")]
mod broken;

#[cfg(not(feature = "mutations"))]
pub(super) use Paxos as InForce;
#[cfg(feature = "mutations")]
pub(super) use broken::Broken as InForce;

/// The rules as they are.
pub(super) struct Paxos;

impl Rules for Paxos {}

pub(super) trait Rules {
    /// How many of so many voters make a majority.
    fn quorum(voters: usize) -> usize {
        voters / 2 + 1
    }

    /// Whether an incarnation has a vote, where `known` is the one that the configuration names for its relay.
    fn has_vote(known: Option<ReplicaId>, incarnation: ReplicaId) -> bool {
        known == Some(incarnation)
    }

    /// Whether a restarted voter asks the others for what they remember of it before it votes.
    fn recovers() -> bool {
        true
    }

    /// Whether an acceptor may promise or accept under `ballot`, where `least` is the lowest ballot that it may obey.
    fn may_obey(ballot: Ballot, least: Ballot, phase: Phase) -> bool {
        let _the_same_in_both = phase;
        ballot >= least
    }

    /// Whether an acceptor writes what it promises or accepts.
    fn is_written(phase: Phase) -> bool {
        let _in_both = phase;
        true
    }

    /// Whether entries can be accepted that `follow` what is held without a gap, or do not.
    fn may_accept(follow: bool) -> bool {
        follow
    }

    /// Whether a follower takes an entry for decided that it holds under `held`, since the leader of `ballot` says so.
    fn is_decided_by(held: Ballot, ballot: Ballot) -> bool {
        held == ballot
    }

    /// Whether a candidate of `candidacy` considers an entry accepted under `ballot`: whatever an earlier configuration has
    /// left behind its end was not chosen.
    fn is_considered(ballot: Ballot, candidacy: Ballot) -> bool {
        ballot.configuration == candidacy.configuration
    }

    /// Whether of two entries for a slot a candidate takes the one accepted under `ballot`.
    fn is_taken_before(ballot: Ballot, other: Ballot) -> bool {
        ballot > other
    }

    /// Whether a candidate proposes what the promises tell of (Paxos Made Simple, §2.2).
    fn adopts() -> bool {
        true
    }

    /// Whether a candidate that knows the log below `decided` waits until it knows it below `ahead`.
    fn waits_for(ahead: Slot, decided: Slot) -> bool {
        ahead > decided
    }

    /// Whether a leader proposes nothing more, where `ended` says that the end of its configuration is in flight.
    fn is_closed(ended: bool) -> bool {
        ended
    }
}

/// The phase of Paxos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Phase 1: a promise.
    Promise,
    /// Phase 2: an acceptance.
    Accept,
}
