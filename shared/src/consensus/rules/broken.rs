//! The rules with one of them broken, for tests.

use super::{Paxos, Phase, Rules};
use crate::base::id::ReplicaId;
use crate::base::mutation::{Mutation, is};
use crate::consensus::{Ballot, Slot};

pub(in crate::consensus) struct Broken;

impl Rules for Broken {
    fn quorum(voters: usize) -> usize {
        if is(Mutation::SmallQuorum) && voters >= 2 { voters / 2 } else { Paxos::quorum(voters) }
    }

    fn has_vote(known: Option<ReplicaId>, incarnation: ReplicaId) -> bool {
        Paxos::has_vote(known, incarnation) || is(Mutation::AnyIncarnation) && known.is_some()
    }

    fn recovers() -> bool {
        Paxos::recovers() && !is(Mutation::NobodyAsked)
    }

    fn may_obey(ballot: Ballot, least: Ballot, phase: Phase) -> bool {
        let broken = match phase {
            Phase::Promise => Mutation::PromiseBelowPromise,
            Phase::Accept => Mutation::AcceptBelowPromise,
        };
        Paxos::may_obey(ballot, least, phase) || is(broken)
    }

    fn is_written(phase: Phase) -> bool {
        let broken = match phase {
            Phase::Promise => Mutation::PromiseUnwritten,
            Phase::Accept => Mutation::AcceptedUnwritten,
        };
        Paxos::is_written(phase) && !is(broken)
    }

    fn may_accept(follow: bool) -> bool {
        Paxos::may_accept(follow) || is(Mutation::AcceptBehindGap)
    }

    fn is_decided_by(held: Ballot, ballot: Ballot) -> bool {
        Paxos::is_decided_by(held, ballot) || is(Mutation::OtherBallotDecided)
    }

    fn is_considered(ballot: Ballot, candidacy: Ballot) -> bool {
        Paxos::is_considered(ballot, candidacy) || is(Mutation::LeftoversAdopted)
    }

    fn is_taken_before(ballot: Ballot, other: Ballot) -> bool {
        Paxos::is_taken_before(ballot, other) != is(Mutation::LowestAdopted)
    }

    fn adopts() -> bool {
        Paxos::adopts() && !is(Mutation::NothingAdopted)
    }

    fn waits_for(ahead: Slot, decided: Slot) -> bool {
        Paxos::waits_for(ahead, decided) && !is(Mutation::LeadsBehind)
    }

    fn is_closed(ended: bool) -> bool {
        Paxos::is_closed(ended) && !is(Mutation::BehindTheEnd)
    }
}
