//! A voter: the acceptor's rules, and the role it plays in leading.

use std::collections::BTreeSet;
use std::time::Duration;

use super::candidate::Candidate;
use super::leader::Leader;
use super::{Accepted, Ballot, Log, Message, Slot};
use crate::id::VoterId;
use crate::io::WriteOp;
use crate::split_mix::SplitMix64;

/// How long after the leader's link dropped a voter starts its own candidacy: this, and a jitter of up to
/// [`ELECTION_JITTER`] that keeps two voters from starting at once.
const ELECTION_DELAY: Duration = Duration::from_millis(20);
const ELECTION_JITTER: Duration = Duration::from_millis(100);
/// How long a candidate, or one that promised to another candidate, waits for the outcome.
const CANDIDACY: Duration = Duration::from_millis(300);
/// After how long a leader repeats what has not been accepted.
const RESEND: Duration = Duration::from_millis(300);

/// What a step asks the replica to do. The messages must not leave before the writes are durable.
#[derive(Debug, Default)]
pub struct Effects {
    pub writes: Vec<WriteOp>,
    /// Messages by receiver, which may be this voter itself.
    pub sends: Vec<(VoterId, Message)>,
    /// The voter to ask for the decided log from this replica's `decided` on.
    pub fetch_from: Option<VoterId>,
}

/// The part of a relay in the agreement of one room.
#[derive(Debug)]
pub struct Voter {
    me: VoterId,
    /// Invariant: holds `me`.
    voters: BTreeSet<VoterId>,
    /// The other voters to whom a link is up.
    connected: BTreeSet<VoterId>,
    /// The acceptor's promise. Invariant: never falls.
    promised: Ballot,
    /// The ballot of the leader that this voter follows or is. Invariant: never above `promised`.
    leader: Option<Ballot>,
    role: Role,
    /// When to become a candidate, unless a leader is known by then.
    election_at: Option<Duration>,
    /// When to repeat what the voters have not accepted; set only while leading with entries in flight.
    resend_at: Option<Duration>,
    jitter: SplitMix64,
}

#[derive(Debug)]
enum Role {
    Follower,
    Candidate(Candidate),
    Leader(Leader),
}

impl Voter {
    /// `promised` is read back from durable state, `seed` is for the jitter of elections.
    #[must_use]
    pub fn recover(me: VoterId, voters: BTreeSet<VoterId>, promised: Ballot, seed: u64, now: Duration) -> Self {
        let mut voter = Voter {
            me,
            voters,
            connected: BTreeSet::new(),
            promised,
            leader: None,
            role: Role::Follower,
            election_at: None,
            resend_at: None,
            jitter: SplitMix64::new(seed),
        };
        voter.voters.insert(me);
        voter.expect_leader(now, ELECTION_DELAY);
        voter
    }

    #[must_use]
    pub fn me(&self) -> VoterId {
        self.me
    }

    /// Every voter, this one among them.
    #[must_use]
    pub fn voters(&self) -> &BTreeSet<VoterId> {
        &self.voters
    }

    /// The ballot of the leader, if there is one to whom this voter has a link, or which it is.
    #[must_use]
    pub fn leader(&self) -> Option<Ballot> {
        self.leader
    }

    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    #[must_use]
    pub fn promised(&self) -> Ballot {
        self.promised
    }

    fn quorum(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    fn sees_quorum(&self) -> bool {
        self.connected.len() + 1 >= self.quorum()
    }

    /// The moment at which [`wake`](Self::wake) is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        [self.election_at, self.resend_at].into_iter().flatten().min()
    }

    pub fn wake(&mut self, now: Duration, log: &Log) -> Effects {
        let mut effects = Effects::default();
        if self.election_at.is_some_and(|at| at <= now) {
            self.election_at = None;
            // Without a quorum a candidacy would only raise ballots; the next link that comes up starts it anew.
            if self.leader.is_none() && self.sees_quorum() {
                self.stand(now, log, &mut effects);
            }
        }
        if self.resend_at.is_some_and(|at| at <= now) {
            self.resend_at = None;
            for &voter in &self.connected.clone() {
                self.brief(voter, log, &mut effects);
            }
            self.brief(self.me, log, &mut effects);
            self.arm_resend(now, log);
        }
        effects
    }

    pub fn peer_up(&mut self, now: Duration, peer: VoterId, log: &Log) -> Effects {
        let mut effects = Effects::default();
        if self.voters.contains(&peer) && peer != self.me {
            self.connected.insert(peer);
            self.brief(peer, log, &mut effects);
            if self.leader.is_none() && self.election_at.is_none() {
                self.expect_leader(now, ELECTION_DELAY);
            }
        }
        effects
    }

    pub fn peer_down(&mut self, now: Duration, peer: VoterId) -> Effects {
        let mut effects = Effects::default();
        self.connected.remove(&peer);
        if self.leader.is_some_and(|ballot| ballot.voter == peer) {
            self.leader = None;
            self.expect_leader(now, ELECTION_DELAY);
        }
        if self.is_leader() && !self.sees_quorum() {
            self.step_down(now, &mut effects);
        }
        effects
    }

    pub fn receive(&mut self, now: Duration, from: VoterId, message: Message, log: &mut Log) -> Effects {
        let mut effects = Effects::default();
        if !self.voters.contains(&from) {
            return effects;
        }
        match message {
            Message::Prepare { ballot, decided } => self.on_prepare(now, from, ballot, decided, log, &mut effects),
            Message::Promise { ballot, decided, accepted } => {
                if let Role::Candidate(candidate) = &mut self.role
                    && candidate.ballot == ballot
                {
                    candidate.promised(from, decided, accepted);
                    self.try_lead(now, log, &mut effects);
                }
            }
            Message::Accept { ballot, first, entries, decided } => {
                if self.follows(now, from, ballot, &mut effects) {
                    let count = entries.len() as u32;
                    for (offset, entry) in (0..).zip(entries) {
                        log.accept(first.plus(offset), Accepted { ballot, entry }, &mut effects.writes);
                    }
                    if count > 0 {
                        effects.sends.push((from, Message::Accepted { ballot, first, count }));
                    }
                    self.learn_decided(from, ballot, decided, log, &mut effects);
                }
            }
            Message::Accepted { ballot, first, count } => {
                if let Role::Leader(leader) = &mut self.role
                    && leader.ballot == ballot
                {
                    leader.accepted(from, first, count);
                    self.decide_chosen(now, ballot, log, &mut effects);
                }
            }
            Message::Refused { ballot, promised } => self.on_refused(now, ballot, promised, &mut effects),
            Message::Decided { ballot, decided } => self.learn_decided(from, ballot, decided, log, &mut effects),
            Message::StepDown { ballot } => {
                if self.leader == Some(ballot) && ballot.voter == from {
                    self.leader = None;
                    self.expect_leader(now, ELECTION_DELAY);
                }
            }
        }
        effects
    }

    /// To be called when the log has grown by other means than [`receive`](Self::receive): a candidate may have
    /// waited for it, and a leader may find that a later one has decided more.
    pub fn log_grew(&mut self, now: Duration, log: &Log) -> Effects {
        let mut effects = Effects::default();
        self.try_lead(now, log, &mut effects);
        if let Role::Leader(leader) = &self.role
            && leader.next() < log.decided()
        {
            self.step_down(now, &mut effects);
        }
        effects
    }

    /// Proposes an entry, if this voter leads and the window of slots in flight is not full. Says whether it did.
    pub fn propose(&mut self, now: Duration, entry: super::Entry, log: &Log, effects: &mut Effects) -> bool {
        let Role::Leader(leader) = &mut self.role else { return false };
        let Some(slot) = leader.assign(entry, log.decided()) else { return false };
        let ballot = leader.ballot;
        let accept = Message::Accept { ballot, first: slot, entries: vec![entry], decided: log.decided() };
        self.send_to_voters(&accept, effects);
        self.arm_resend(now, log);
        true
    }

    fn on_prepare(
        &mut self,
        now: Duration,
        from: VoterId,
        ballot: Ballot,
        decided: Slot,
        log: &Log,
        effects: &mut Effects,
    ) {
        if self.leader == Some(ballot) {
            return; // A late copy: phase 1 of this leader is over.
        }
        // A leader whose link is up has a quorum, or it would have stepped down: deposing it would only cost time.
        let leader_at_work = self.leader.is_some_and(|leader| leader.voter != from);
        if ballot < self.promised || ballot.voter != from || leader_at_work {
            effects.sends.push((from, Message::Refused { ballot, promised: self.promised }));
            return;
        }
        self.promise(ballot, effects);
        self.leader = None;
        self.role = Role::Follower;
        self.resend_at = None;
        self.expect_leader(now, CANDIDACY);
        let accepted = log.accepted_from(log.decided().max(decided));
        effects.sends.push((from, Message::Promise { ballot, decided: log.decided(), accepted }));
    }

    /// Decides every slot, from the first undecided one on, that a majority has accepted under this leader's ballot.
    fn decide_chosen(&mut self, now: Duration, ballot: Ballot, log: &mut Log, effects: &mut Effects) {
        let quorum = self.quorum();
        let Role::Leader(leader) = &mut self.role else { return };
        let before = log.decided();
        while leader.is_chosen(log.decided(), quorum)
            && log.get(log.decided()).is_some_and(|held| held.ballot == ballot)
        {
            log.decide_next();
        }
        leader.forget_below(log.decided());
        if log.decided() > before {
            let message = Message::Decided { ballot, decided: log.decided() };
            for &voter in &self.connected {
                effects.sends.push((voter, message.clone()));
            }
            self.arm_resend(now, log);
        }
    }

    fn on_refused(&mut self, now: Duration, ballot: Ballot, promised: Ballot, effects: &mut Effects) {
        let current = match &self.role {
            Role::Follower => None,
            Role::Candidate(candidate) => Some(candidate.ballot),
            Role::Leader(leader) => Some(leader.ballot),
        };
        if current != Some(ballot) || promised <= ballot {
            return;
        }
        // Raising the own promise makes the next candidacy outbid the ballot that stood in the way.
        self.promise(promised, effects);
        if self.is_leader() {
            self.step_down(now, effects);
        } else {
            self.role = Role::Follower;
            self.expect_leader(now, CANDIDACY);
        }
    }

    /// Whether an Accept under `ballot` is to be obeyed; if so, its sender is followed from now on.
    fn follows(&mut self, now: Duration, from: VoterId, ballot: Ballot, effects: &mut Effects) -> bool {
        if ballot < self.promised || ballot.voter != from {
            effects.sends.push((from, Message::Refused { ballot, promised: self.promised }));
            return false;
        }
        self.promise(ballot, effects);
        if ballot.voter != self.me {
            if self.is_leader() {
                self.step_down(now, effects);
            }
            self.role = Role::Follower;
            if self.connected.contains(&ballot.voter) {
                self.leader = Some(ballot);
                self.election_at = None;
            }
        }
        true
    }

    fn promise(&mut self, ballot: Ballot, effects: &mut Effects) {
        if ballot > self.promised {
            self.promised = ballot;
            effects.writes.push(WriteOp::Promise(ballot));
        }
    }

    fn learn_decided(&mut self, from: VoterId, ballot: Ballot, decided: Slot, log: &mut Log, effects: &mut Effects) {
        log.decide_until(decided, ballot);
        if log.decided() < decided && from != self.me {
            effects.fetch_from = Some(from);
        }
    }

    fn stand(&mut self, now: Duration, log: &Log, effects: &mut Effects) {
        let ballot = Ballot { round: self.promised.round.saturating_add(1), voter: self.me };
        self.promise(ballot, effects);
        self.leader = None;
        let mut candidate = Candidate::new(ballot);
        candidate.promised(self.me, log.decided(), log.accepted_from(log.decided()));
        self.role = Role::Candidate(candidate);
        for &voter in &self.connected {
            effects.sends.push((voter, Message::Prepare { ballot, decided: log.decided() }));
        }
        self.expect_leader(now, CANDIDACY);
        self.try_lead(now, log, effects);
    }

    /// Leads, if this voter is a candidate with a majority of promises and knows all that they know to be decided.
    fn try_lead(&mut self, now: Duration, log: &Log, effects: &mut Effects) {
        let Role::Candidate(candidate) = &self.role else { return };
        if candidate.promises() < self.quorum() {
            return;
        }
        if let Some(ahead) = candidate.voter_ahead_of(log.decided()) {
            effects.fetch_from = Some(ahead);
            return;
        }
        let ballot = candidate.ballot;
        let entries = candidate.entries_to_propose(log.decided());
        self.role = Role::Leader(Leader::new(ballot, log.decided(), &entries));
        self.leader = Some(ballot);
        self.election_at = None;
        let accept = Message::Accept { ballot, first: log.decided(), entries, decided: log.decided() };
        self.send_to_voters(&accept, effects);
        self.arm_resend(now, log);
    }

    fn step_down(&mut self, now: Duration, effects: &mut Effects) {
        if let Role::Leader(leader) = &self.role {
            for &voter in &self.connected {
                effects.sends.push((voter, Message::StepDown { ballot: leader.ballot }));
            }
        }
        self.role = Role::Follower;
        self.leader = None;
        self.resend_at = None;
        self.expect_leader(now, CANDIDACY);
    }

    /// If this voter leads: tells `voter` so, with everything in flight.
    fn brief(&self, voter: VoterId, log: &Log, effects: &mut Effects) {
        if let Role::Leader(leader) = &self.role {
            let decided = log.decided();
            let entries = leader.in_flight(decided);
            effects.sends.push((voter, Message::Accept { ballot: leader.ballot, first: decided, entries, decided }));
        }
    }

    fn send_to_voters(&self, message: &Message, effects: &mut Effects) {
        effects.sends.push((self.me, message.clone()));
        for &voter in &self.connected {
            effects.sends.push((voter, message.clone()));
        }
    }

    fn expect_leader(&mut self, now: Duration, delay: Duration) {
        let jitter = self.jitter.below(ELECTION_JITTER.as_micros() as u64);
        self.election_at = Some(now + delay + Duration::from_micros(jitter));
    }

    fn arm_resend(&mut self, now: Duration, log: &Log) {
        if let Role::Leader(leader) = &self.role {
            let busy = leader.next() > log.decided();
            self.resend_at = if busy { Some(self.resend_at.unwrap_or(now + RESEND)) } else { None };
        }
    }

    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        assert!(self.voters.contains(&self.me), "a voter is among the voters");
        assert!(self.leader.is_none_or(|ballot| ballot <= self.promised), "follows a ballot that was not promised");
        if let Role::Leader(leader) = &self.role {
            assert_eq!(leader.ballot.voter, self.me, "leads under a ballot of its own");
        }
    }
}
