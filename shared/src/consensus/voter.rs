//! A voter: its state, and the dispatch of messages and timers to the rules of Paxos.

mod acceptor;
mod election;
mod leading;
mod memory;
mod timing;

#[cfg(feature = "sim")]
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::candidate::Candidate;
use super::leader::Leader;
use super::recovery::Recovery;
use super::rules::{InForce, Rules};
use super::voter_support::VoterSupport;
use super::{AcceptorState, Ballot, Configuration, Effects, Log, Message, Payload};
use crate::base::id::{RelayId, ReplicaId};
use crate::base::sorted::{SortedMap, SortedSet};
use crate::base::split_mix::SplitMix64;

use timing::ELECTION_DELAY;

/// The part of a relay in the agreement of one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter<C> {
    membership: Membership,
    /// How far this voter has bound itself. Invariant: never falls.
    acceptor_state: AcceptorState,
    memory: Memory,
    /// The ballot of the leader that this voter follows or is. Invariant: never above the promised ballot.
    leader: Option<Ballot>,
    role: Role<C>,
    timers: Timers,
    /// Never read: its presence says that this build may have voters.
    voter_support: VoterSupport,
}

/// The voters, and the links to them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Membership {
    me: RelayId,
    incarnation: ReplicaId,
    /// Without voters as long as the log says nothing of them.
    configuration: Configuration,
    /// The incarnations of the relays to whom a link is up.
    linked: SortedMap<RelayId, ReplicaId>,
    /// The other voters of the configuration to whom a link is up. Invariant: all linked, in their incarnation.
    connected: SortedSet<RelayId>,
}

/// The votes that this voter remembers of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Memory {
    /// How far each other voter has bound itself, in one incarnation.
    remembered: SortedMap<RelayId, (ReplicaId, AcceptorState)>,
    /// Up to where this has been written. It lags a little, and rides along with other writes.
    remembered_written: SortedMap<RelayId, AcceptorState>,
    /// Set from the start until the others have told what they remember: until then this voter does not vote.
    recovery: Option<Recovery>,
    /// True if this voter has forgotten votes that others remember. It does not vote any more.
    forgot: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Timers {
    /// When to become a candidate, unless a leader is known by then.
    election_at: Option<Duration>,
    /// When to repeat what the voters have not accepted; set only while leading with something under way.
    resend_at: Option<Duration>,
    jitter: SplitMix64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Role<C> {
    Follower,
    Candidate(Candidate<C>),
    Leader(Leader<C>),
}

impl<C: Payload> Voter<C> {
    /// `acceptor_state` and `remembered` are read back from durable state, `seed` is for the jitter of elections. For at the
    /// most `grace` the voter waits for the `known` other relays to tell what they remember of it.
    #[must_use]
    pub fn recover(
        (me, incarnation): (RelayId, ReplicaId),
        acceptor_state: AcceptorState,
        remembered: SortedMap<RelayId, (ReplicaId, AcceptorState)>,
        seed: u64,
        (known, grace): (SortedSet<RelayId>, Duration),
        now: Duration,
    ) -> Self {
        let membership = Membership {
            me,
            incarnation,
            configuration: Configuration { number: 0, voters: SortedMap::new() },
            linked: SortedMap::new(),
            connected: SortedSet::new(),
        };
        let recovery = InForce::recovers().then(|| Recovery::new(known, now, grace));
        Voter {
            membership,
            acceptor_state,
            memory: Memory { remembered, remembered_written: SortedMap::new(), recovery, forgot: false },
            leader: None,
            role: Role::Follower,
            timers: Timers { election_at: None, resend_at: None, jitter: SplitMix64::new(seed) },
            // The last, so that a build without voters has used everything before it ends here.
            voter_support: VoterSupport::of_this_build(),
        }
    }

    /// Returns the id of this voter.
    #[must_use]
    pub fn me(&self) -> RelayId {
        self.membership.me
    }

    /// The voters, as far as this replica knows the log.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.membership.configuration
    }

    /// The ballot of the leader, if there is one to whom this voter has a link, or which it is.
    #[must_use]
    pub fn leader(&self) -> Option<Ballot> {
        self.leader
    }

    /// Returns true if this voter leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Returns how far this voter has bound itself.
    #[must_use]
    pub fn acceptor_state(&self) -> AcceptorState {
        self.acceptor_state
    }

    /// True if this replica has a vote by the log, under its incarnation.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.membership.configuration.has(self.membership.me, self.membership.incarnation)
    }

    /// True if others remember votes of this replica that it has forgotten.
    #[must_use]
    pub fn has_forgotten(&self) -> bool {
        self.memory.forgot
    }

    /// True if it may lack votes that it gave before.
    #[must_use]
    pub fn is_recovering(&self) -> bool {
        self.memory.recovery.is_some() || self.memory.forgot
    }

    fn may_vote(&self) -> bool {
        self.is_member() && !self.is_recovering()
    }

    /// True if a majority of the voters is linked to this one, or is it.
    #[must_use]
    pub fn sees_quorum(&self) -> bool {
        self.membership.connected.len() + usize::from(self.is_member()) >= self.membership.configuration.quorum()
    }

    /// The moment at which [`wake`](Self::wake) is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let recovery = self.memory.recovery.as_ref().map(Recovery::deadline);
        [self.timers.election_at, self.timers.resend_at, recovery].into_iter().flatten().min()
    }

    /// Does the work whose time has come: stands for election, repeats proposals, or ends the recovery. Harmless if
    /// nothing is due.
    pub fn wake(&mut self, now: Duration, log: &mut Log<C>) -> Effects<C> {
        let mut effects = Effects::default();
        if self.try_recovered(now) {
            self.ask_who_leads(&mut effects);
        }
        if let Some(recovery) = &mut self.memory.recovery
            && recovery.asks_again(now)
        {
            self.ask_acceptor_state(&mut effects);
        }
        if self.timers.election_at.is_some_and(|at| at <= now) {
            self.timers.election_at = None;
            // Without a quorum a candidacy would only raise ballots; the next link that comes up starts it anew.
            if self.leader.is_none() && self.may_vote() && self.sees_quorum() {
                self.stand(now, log, &mut effects);
            }
        }
        if self.timers.resend_at.is_some_and(|at| at <= now) {
            self.timers.resend_at = None;
            for &voter in &self.membership.connected {
                self.brief(voter, log, &mut effects);
            }
            self.arm_resend(now, log);
        }
        effects
    }

    /// A link to another relay has come up; `incarnation` is that of its database.
    pub fn peer_up(&mut self, now: Duration, peer: RelayId, incarnation: ReplicaId, log: &Log<C>) -> Effects<C> {
        let mut effects = Effects::default();
        self.membership.linked.insert(peer, incarnation);
        self.find_connected();
        if self.memory.recovery.is_some() {
            effects.sends.push((peer, Message::RecoveryRequest));
        }
        if self.membership.connected.contains(&peer) {
            self.brief(peer, log, &mut effects);
            if self.leader.is_none() && self.timers.election_at.is_none() {
                self.expect_leader(now, ELECTION_DELAY);
            }
        }
        effects
    }

    /// The link to another relay is down.
    pub fn peer_down(&mut self, now: Duration, peer: RelayId) -> Effects<C> {
        let mut effects = Effects::default();
        self.membership.linked.remove(&peer);
        self.find_connected();
        if self.leader.is_some_and(|ballot| ballot.voter == peer) {
            self.leader = None;
            self.expect_leader(now, ELECTION_DELAY);
        }
        if self.is_leader() && !self.sees_quorum() {
            self.step_down(now, &mut effects);
        }
        effects
    }

    fn find_connected(&mut self) {
        let members = self
            .membership
            .linked
            .iter()
            .filter(|&(&voter, &incarnation)| self.membership.configuration.has(voter, incarnation));
        self.membership.connected = members.map(|(&voter, _)| voter).collect();
    }

    /// The log has come to the entry that begins a configuration.
    pub fn configure(&mut self, now: Duration, configuration: &Configuration) {
        let was_leader = self.is_leader();
        self.membership.configuration = configuration.clone();
        self.find_connected();
        self.role = Role::Follower;
        self.leader = None;
        self.timers.resend_at = None;
        let _election_follows = self.try_recovered(now);
        self.expect_leader(now, ELECTION_DELAY);
        if was_leader {
            // It has all that was decided, and stands first.
            self.timers.election_at = Some(now);
        }
    }

    /// Handles a message of another relay, or of this voter itself. Ignores votes of relays that do not vote in this
    /// configuration.
    pub fn receive(&mut self, now: Duration, from: RelayId, message: Message<C>, log: &mut Log<C>) -> Effects<C> {
        let mut effects = Effects::default();
        match message {
            // Also among relays that do not vote together: one may have been a voter, or may become one.
            Message::RecoveryRequest => self.on_ask_acceptor_state(from, log, &mut effects),
            Message::RecoveryResponse(recovery_response) => {
                self.on_recall(now, from, recovery_response, log, &mut effects)
            }
            message => {
                if from == self.membership.me
                    || self.membership.connected.contains(&from)
                    || is_ahead(&message, &self.membership.configuration)
                {
                    self.on_vote(now, from, message, log, &mut effects);
                }
            }
        }
        effects
    }

    /// Handles a message about votes, from a voter, or from one of a later configuration.
    fn on_vote(
        &mut self,
        now: Duration,
        from: RelayId,
        message: Message<C>,
        log: &mut Log<C>,
        effects: &mut Effects<C>,
    ) {
        if is_ahead(&message, &self.membership.configuration) {
            effects.fetch_from = Some(from);
            return;
        }
        if let Message::Prepare { ballot, .. } | Message::Accept { ballot, .. } | Message::Promise { ballot, .. } =
            message
        {
            self.remember(from, AcceptorState { promised: ballot, ..AcceptorState::ZERO });
        }
        match message {
            Message::Prepare { ballot, decided } => self.on_prepare(now, from, ballot, decided, log, effects),
            Message::Promise { ballot, decided, accepted } => {
                if let Role::Candidate(candidate) = &mut self.role
                    && candidate.ballot == ballot
                {
                    candidate.promised(from, decided, accepted);
                    self.try_lead(now, log, effects);
                }
            }
            Message::Accept { ballot, first, entries, decided } => {
                if self.follows(now, from, ballot, effects) {
                    self.accept(from, ballot, (first, decided), entries, log, effects);
                    self.learn_decided(from, ballot, decided, log, effects);
                }
            }
            Message::Accepted { ballot, until } => {
                self.remember(from, AcceptorState { promised: ballot, accepted: (ballot, until) });
                if let Role::Leader(leader) = &mut self.role
                    && leader.ballot == ballot
                {
                    leader.accepted(from, until);
                    self.decide_chosen(now, ballot, log, effects);
                }
            }
            Message::Refused { ballot, promised } => self.on_refused(now, ballot, promised, effects),
            Message::Decided { ballot, decided } => self.learn_decided(from, ballot, decided, log, effects),
            Message::StepDown { ballot } => {
                if self.leader == Some(ballot) && ballot.voter == from {
                    self.leader = None;
                    self.expect_leader(now, ELECTION_DELAY);
                }
            }
            Message::Confirm { ballot, round } => {
                if self.may_vote() && ballot >= self.acceptor_state.promised && ballot.voter == from {
                    effects.sends.push((from, Message::Confirmed { ballot, round }));
                }
            }
            Message::Confirmed { ballot, round } => {
                if let Role::Leader(leader) = &mut self.role
                    && leader.ballot == ballot
                {
                    effects.confirmed |= leader.confirmed(from, round, self.membership.configuration.quorum());
                }
            }
            Message::RecoveryRequest | Message::RecoveryResponse(_) => unreachable!("these are no votes"),
        }
    }

    /// To be called when the log has grown by other means than [`receive`](Self::receive): a candidate may have
    /// waited for it, and a leader may find that a later one has decided more.
    pub fn log_grew(&mut self, now: Duration, log: &mut Log<C>) -> Effects<C> {
        let mut effects = Effects::default();
        self.try_lead(now, log, &mut effects);
        if let Role::Leader(leader) = &mut self.role {
            if leader.next() < log.decided() {
                self.step_down(now, &mut effects);
            } else {
                leader.forget_below(log.decided());
            }
        }
        effects
    }

    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        let promised = self.acceptor_state.promised;
        assert!(self.acceptor_state.accepted.0 <= promised, "accepted under a ballot that was not promised");
        assert!(self.leader.is_none_or(|ballot| ballot <= promised), "follows a ballot that was not promised");
        assert!(
            self.membership.connected.iter().all(|voter| self.membership.linked.contains_key(voter)),
            "connected without a link"
        );
        if let Role::Leader(leader) = &self.role {
            assert_eq!(leader.ballot.voter, self.membership.me, "leads under a ballot of its own");
            assert_eq!(
                leader.ballot.configuration, self.membership.configuration.number,
                "leads in its own configuration"
            );
            assert!(self.may_vote(), "leads without a vote");
        }
    }
}

/// The state that decides what a voter may do next, for a model checker. The model decides when a timer fires, so
/// only the timers that are set count. The memory of others has no effect before it is asked for.
#[cfg(feature = "sim")]
impl<C: Payload> Hash for Voter<C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (
            self.membership.me,
            self.membership.incarnation,
            &self.membership.configuration,
            &self.membership.linked,
            &self.membership.connected,
        )
            .hash(state);
        (self.acceptor_state, self.memory.recovery.is_some(), self.memory.forgot, self.leader, &self.role).hash(state);
        (self.timers.election_at.is_some(), self.timers.resend_at.is_some()).hash(state);
    }
}

/// Whether a message is of a configuration that the log has not come to here.
fn is_ahead<C>(message: &Message<C>, configuration: &Configuration) -> bool {
    let ballot = match message {
        Message::Refused { promised, .. } => promised,
        Message::Prepare { ballot, .. }
        | Message::Promise { ballot, .. }
        | Message::Accept { ballot, .. }
        | Message::Accepted { ballot, .. }
        | Message::Decided { ballot, .. }
        | Message::StepDown { ballot }
        | Message::Confirm { ballot, .. }
        | Message::Confirmed { ballot, .. } => ballot,
        Message::RecoveryRequest | Message::RecoveryResponse(_) => return false,
    };
    ballot.configuration > configuration.number
}
