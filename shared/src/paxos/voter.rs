//! A voter: the acceptor's rules, and the role it plays in leading.

use std::collections::{BTreeMap, BTreeSet};
#[cfg(feature = "sim")]
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::candidate::Candidate;
use super::leader::{ENTRIES_PER_PROPOSAL, Leader};
use super::recovery::Recovery;
use super::{Accepted, Ballot, Configuration, Entry, Log, Message, Slot, Standing};
use crate::id::{ReplicaId, VoterId};
use crate::io::WriteOp;
use crate::mutation::{self, Mutation};
use crate::split_mix::SplitMix64;

/// How long after the leader's link dropped a voter starts its own candidacy: this, and a jitter of up to
/// [`ELECTION_JITTER`] that keeps two voters from starting at once.
const ELECTION_DELAY: Duration = Duration::from_millis(20);
const ELECTION_JITTER: Duration = Duration::from_millis(100);
/// How long a candidate, or one that promised to another candidate, waits for the outcome.
const CANDIDACY: Duration = Duration::from_millis(300);
/// After how long a leader repeats what has not been accepted or confirmed.
const RESEND: Duration = Duration::from_millis(300);
/// So many slots are accepted by another voter between two writes of what is remembered of it, at the most.
const REMEMBERED_SLOTS: u64 = 64;

/// What a step asks the replica to do. The messages must not leave before the writes are durable, but for
/// [`Message::Accept`] and [`Message::Decided`]: what those say binds nobody to anything that a crash could undo.
#[derive(Debug, Default)]
pub struct Effects {
    pub writes: Vec<WriteOp>,
    /// Messages by receiver, which may be this voter itself.
    pub sends: Vec<(VoterId, Message)>,
    /// The voter to ask for the decided log from this replica's `decided` on.
    pub fetch_from: Option<VoterId>,
    /// A majority has confirmed that this voter leads, after it was asked to find out.
    pub confirmed: bool,
}

/// The part of a relay in the agreement of one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    me: VoterId,
    incarnation: ReplicaId,
    /// Without voters as long as the log says nothing of them.
    configuration: Configuration,
    /// The incarnations of the relays to whom a link is up.
    linked: BTreeMap<VoterId, ReplicaId>,
    /// The other voters of the configuration to whom a link is up. Invariant: all linked, in their incarnation.
    connected: BTreeSet<VoterId>,
    /// How far this voter has bound itself. Invariant: never falls.
    standing: Standing,
    /// What this voter remembers of the others, each in one incarnation.
    remembered: BTreeMap<VoterId, (ReplicaId, Standing)>,
    /// Up to where what is remembered has been written. It lags a little, and rides along with other writes.
    remembered_written: BTreeMap<VoterId, Standing>,
    /// Set from the start until the others have told what they remember: until then it does not vote.
    recovery: Option<Recovery>,
    /// It does not vote any more: it has forgotten votes that others remember.
    forgot: bool,
    /// The ballot of the leader that this voter follows or is. Invariant: never above what was promised.
    leader: Option<Ballot>,
    role: Role,
    /// When to become a candidate, unless a leader is known by then.
    election_at: Option<Duration>,
    /// When to repeat what the voters have not accepted; set only while leading with something under way.
    resend_at: Option<Duration>,
    jitter: SplitMix64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Role {
    Follower,
    Candidate(Candidate),
    Leader(Leader),
}

impl Voter {
    /// `standing` and `remembered` are read back from durable state, `seed` is for the jitter of elections. For at the
    /// most `grace` the voter waits for the `known` other relays to tell what they remember of it.
    #[must_use]
    pub fn recover(
        (me, incarnation): (VoterId, ReplicaId),
        standing: Standing,
        remembered: BTreeMap<VoterId, (ReplicaId, Standing)>,
        seed: u64,
        (known, grace): (BTreeSet<VoterId>, Duration),
        now: Duration,
    ) -> Self {
        Voter {
            me,
            incarnation,
            configuration: Configuration { number: 0, voters: BTreeMap::new() },
            linked: BTreeMap::new(),
            connected: BTreeSet::new(),
            standing,
            remembered,
            remembered_written: BTreeMap::new(),
            recovery: (!mutation::is(Mutation::NobodyAsked)).then(|| Recovery::new(known, now, grace)),
            forgot: false,
            leader: None,
            role: Role::Follower,
            election_at: None,
            resend_at: None,
            jitter: SplitMix64::new(seed),
        }
    }

    #[must_use]
    pub fn me(&self) -> VoterId {
        self.me
    }

    /// The voters, as far as this replica knows the log.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
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
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// What this voter remembers of the others by now and has not written, where it is worth a write.
    pub fn unwritten_memory(&mut self) -> Vec<WriteOp> {
        let mut writes = Vec::new();
        for (&voter, &(incarnation, standing)) in &self.remembered {
            let written = self.remembered_written.entry(voter).or_insert(Standing::ZERO);
            let is_far = standing.accepted.1.0 >= written.accepted.1.0 + REMEMBERED_SLOTS;
            if written.promised < standing.promised || is_far {
                *written = standing;
                writes.push(WriteOp::Remember { voter, incarnation, standing });
            }
        }
        writes
    }

    /// Whether this replica has a vote by the log, under its incarnation.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.configuration.has(self.me, self.incarnation)
    }

    /// Whether others remember votes of this replica that it has forgotten.
    #[must_use]
    pub fn has_forgotten(&self) -> bool {
        self.forgot
    }

    /// Whether it may be lacking votes that it has given before.
    #[must_use]
    pub fn is_recovering(&self) -> bool {
        self.recovery.is_some() || self.forgot
    }

    fn may_vote(&self) -> bool {
        self.is_member() && !self.is_recovering()
    }

    fn sees_quorum(&self) -> bool {
        self.connected.len() + 1 >= self.configuration.quorum()
    }

    /// The moment at which [`wake`](Self::wake) is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let recovery = self.recovery.as_ref().map(Recovery::deadline);
        [self.election_at, self.resend_at, recovery].into_iter().flatten().min()
    }

    pub fn wake(&mut self, now: Duration, log: &mut Log) -> Effects {
        let mut effects = Effects::default();
        if self.try_recovered(now) {
            self.ask_who_leads(&mut effects);
        }
        if let Some(recovery) = &mut self.recovery
            && recovery.asks_again(now)
        {
            self.ask_standing(&mut effects);
        }
        if self.election_at.is_some_and(|at| at <= now) {
            self.election_at = None;
            // Without a quorum a candidacy would only raise ballots; the next link that comes up starts it anew.
            if self.leader.is_none() && self.may_vote() && self.sees_quorum() {
                self.stand(now, log, &mut effects);
            }
        }
        if self.resend_at.is_some_and(|at| at <= now) {
            self.resend_at = None;
            for &voter in &self.connected {
                self.brief(voter, log, &mut effects);
            }
            self.arm_resend(now, log);
        }
        effects
    }

    pub fn peer_up(&mut self, now: Duration, peer: VoterId, incarnation: ReplicaId, log: &Log) -> Effects {
        let mut effects = Effects::default();
        self.linked.insert(peer, incarnation);
        self.find_connected();
        if self.recovery.is_some() {
            effects.sends.push((peer, Message::AskStanding));
        }
        if self.connected.contains(&peer) {
            self.brief(peer, log, &mut effects);
            if self.leader.is_none() && self.election_at.is_none() {
                self.expect_leader(now, ELECTION_DELAY);
            }
        }
        effects
    }

    pub fn peer_down(&mut self, now: Duration, peer: VoterId) -> Effects {
        let mut effects = Effects::default();
        self.linked.remove(&peer);
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
        let members = self.linked.iter().filter(|&(&voter, &incarnation)| self.configuration.has(voter, incarnation));
        self.connected = members.map(|(&voter, _)| voter).collect();
    }

    /// The log has come to the entry that begins a configuration.
    pub fn configure(&mut self, now: Duration, configuration: &Configuration) {
        let was_leader = self.is_leader();
        self.configuration = configuration.clone();
        self.find_connected();
        self.role = Role::Follower;
        self.leader = None;
        self.resend_at = None;
        let _election_follows = self.try_recovered(now);
        self.expect_leader(now, ELECTION_DELAY);
        if was_leader {
            // It has all that was decided, and stands first.
            self.election_at = Some(now);
        }
    }

    pub fn receive(&mut self, now: Duration, from: VoterId, message: Message, log: &mut Log) -> Effects {
        let mut effects = Effects::default();
        match message {
            // Also among relays that do not vote together: one may have been a voter, or may become one.
            Message::AskStanding => {
                let remembered = self.remembered.get(&from).copied();
                let known = remembered.filter(|&(incarnation, _)| self.linked.get(&from) == Some(&incarnation));
                let standing = known.map_or(Standing::ZERO, |(_, standing)| standing);
                effects.sends.push((from, Message::Recall(standing)));
                if self.connected.contains(&from) {
                    self.brief(from, log, &mut effects);
                }
            }
            Message::Recall(standing) => self.on_recall(now, from, &standing, &mut effects),
            message => {
                if from == self.me || self.connected.contains(&from) || is_ahead(&message, &self.configuration) {
                    self.on_vote(now, from, message, log, &mut effects);
                }
            }
        }
        effects
    }

    /// What concerns votes, from a voter, or from one of a later configuration.
    fn on_vote(&mut self, now: Duration, from: VoterId, message: Message, log: &mut Log, effects: &mut Effects) {
        if is_ahead(&message, &self.configuration) {
            effects.fetch_from = Some(from);
            return;
        }
        if let Message::Prepare { ballot, .. } | Message::Accept { ballot, .. } | Message::Promise { ballot, .. } =
            message
        {
            self.remember(from, Standing { promised: ballot, ..Standing::ZERO });
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
                self.remember(from, Standing { promised: ballot, accepted: (ballot, until) });
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
                if self.may_vote() && ballot >= self.standing.promised && ballot.voter == from {
                    effects.sends.push((from, Message::Confirmed { ballot, round }));
                }
            }
            Message::Confirmed { ballot, round } => {
                if let Role::Leader(leader) = &mut self.role
                    && leader.ballot == ballot
                {
                    effects.confirmed |= leader.confirmed(from, round, self.configuration.quorum());
                }
            }
            Message::AskStanding | Message::Recall(_) => unreachable!("these are no votes"),
        }
    }

    fn on_recall(&mut self, now: Duration, from: VoterId, standing: &Standing, effects: &mut Effects) {
        if self.standing.is_behind(standing) {
            self.forget();
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.heard(from, self.connected.contains(&from));
            if self.try_recovered(now) {
                self.ask_who_leads(effects);
            }
        }
    }

    /// While it did not vote, this voter has not followed anybody. Whoever leads says so along with what it remembers.
    fn ask_who_leads(&self, effects: &mut Effects) {
        if self.leader.is_none() {
            effects.sends.extend(self.connected.iter().map(|&voter| (voter, Message::AskStanding)));
        }
    }

    /// It has become known that the database has forgotten something: this replica votes no more.
    pub fn forget(&mut self) {
        self.forgot = true;
        self.role = Role::Follower;
        self.leader = None;
        self.resend_at = None;
    }

    /// Votes from now on, if enough has been heard. Says whether it has come to that just now.
    fn try_recovered(&mut self, now: Duration) -> bool {
        let is_over = |recovery: &Recovery| recovery.is_over(now, &self.configuration, self.me);
        if !self.recovery.as_ref().is_some_and(is_over) {
            return false;
        }
        self.recovery = None;
        if self.leader.is_none() {
            self.expect_leader(now, ELECTION_DELAY);
        }
        true
    }

    fn ask_standing(&self, effects: &mut Effects) {
        let Some(recovery) = &self.recovery else { return };
        for voter in recovery.unheard(&self.configuration, self.me) {
            if self.linked.contains_key(&voter) {
                effects.sends.push((voter, Message::AskStanding));
            }
        }
    }

    fn remember(&mut self, voter: VoterId, standing: Standing) {
        let Some(&incarnation) = self.linked.get(&voter) else { return };
        let (of, remembered) = self.remembered.entry(voter).or_insert((incarnation, standing));
        if *of != incarnation {
            (*of, *remembered) = (incarnation, standing);
        }
        remembered.raise(&standing);
    }

    /// To be called when the log has grown by other means than [`receive`](Self::receive): a candidate may have
    /// waited for it, and a leader may find that a later one has decided more.
    pub fn log_grew(&mut self, now: Duration, log: &mut Log) -> Effects {
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

    /// How many entries can be proposed now; none unless this voter leads.
    #[must_use]
    pub fn capacity(&self) -> usize {
        if let Role::Leader(leader) = &self.role { leader.capacity() } else { 0 }
    }

    /// Proposes entries, no more than the [`capacity`](Self::capacity). One that ends the configuration must be the
    /// last.
    pub fn propose(&mut self, now: Duration, entries: Vec<Entry>, log: &mut Log) -> Effects {
        let mut effects = Effects::default();
        let Role::Leader(leader) = &mut self.role else { return effects };
        let (ballot, first) = (leader.ballot, leader.next());
        leader.take_off(&entries);
        self.send_accept(ballot, first, &entries, log, &mut effects);
        self.arm_resend(now, log);
        effects
    }

    /// Asks the others whether this voter still leads; [`Effects::confirmed`] answers. Gives the slot behind all that
    /// may have been decided so far: whoever has learnt the log up to there reads nothing that is out of date, once it
    /// is confirmed (read index: Ongaro, "Consensus: Bridging Theory and Practice", 2014, §6.4). `None` unless this
    /// voter leads.
    pub fn confirm(&mut self, log: &Log) -> Option<(Slot, Effects)> {
        let mut effects = Effects::default();
        let Role::Leader(leader) = &mut self.role else { return None };
        let round = leader.ask_confirmation();
        let (ballot, index) = (leader.ballot, leader.inherited.max(log.decided()));
        effects.confirmed = leader.confirmed(self.me, round, self.configuration.quorum());
        for &voter in &self.connected {
            effects.sends.push((voter, Message::Confirm { ballot, round }));
        }
        Some((index, effects))
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
        if self.leader == Some(ballot) || !self.may_vote() {
            return; // A late copy: phase 1 of this leader is over.
        }
        // A leader whose link is up has a quorum, or it would have stepped down: deposing it would only cost time.
        let leader_at_work = self.leader.is_some_and(|leader| leader.voter != from);
        let is_late = ballot < self.least_ballot() && !mutation::is(Mutation::PromiseBelowPromise);
        if is_late || ballot.voter != from || leader_at_work {
            effects.sends.push((from, Message::Refused { ballot, promised: self.least_ballot() }));
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

    /// Every lower ballot is refused.
    fn least_ballot(&self) -> Ballot {
        self.standing.promised.max(Ballot::first_of(self.configuration.number))
    }

    /// Decides every slot that a majority has accepted under this leader's ballot.
    fn decide_chosen(&mut self, now: Duration, ballot: Ballot, log: &mut Log, effects: &mut Effects) {
        let Role::Leader(leader) = &mut self.role else { return };
        let before = log.decided();
        log.decide_until(leader.chosen_until(self.configuration.quorum()), ballot);
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
        if !self.may_vote() {
            return false;
        }
        let is_late = ballot < self.least_ballot() && !mutation::is(Mutation::AcceptBelowPromise);
        if is_late || ballot.voter != from {
            effects.sends.push((from, Message::Refused { ballot, promised: self.least_ballot() }));
            return false;
        }
        self.promise(ballot, effects);
        if self.is_leader() {
            self.step_down(now, effects);
        }
        self.role = Role::Follower;
        if self.connected.contains(&from) {
            self.leader = Some(ballot);
            self.election_at = None;
        }
        true
    }

    /// Accepts entries under a ballot that is obeyed, unless some before them are missing: the leader repeats those.
    fn accept(
        &mut self,
        from: VoterId,
        ballot: Ballot,
        (first, decided): (Slot, Slot),
        entries: Vec<Entry>,
        log: &mut Log,
        effects: &mut Effects,
    ) {
        if entries.is_empty() || !log.continues(first, ballot, decided) {
            return;
        }
        let until = first.plus(entries.len() as u64);
        for (offset, entry) in (0..).zip(entries) {
            log.accept(first.plus(offset), Accepted { ballot, entry }, &mut effects.writes);
        }
        self.bind(Standing { promised: ballot, accepted: (ballot, until) }, effects);
        effects.sends.push((from, Message::Accepted { ballot, until }));
    }

    fn promise(&mut self, ballot: Ballot, effects: &mut Effects) {
        self.bind(Standing { promised: ballot, ..Standing::ZERO }, effects);
    }

    fn bind(&mut self, standing: Standing, effects: &mut Effects) {
        if self.standing.is_behind(&standing) {
            self.standing.raise(&standing);
            if !mutation::is(Mutation::PromiseUnwritten) {
                effects.writes.push(WriteOp::Standing(self.standing));
            }
        }
    }

    fn learn_decided(&mut self, from: VoterId, ballot: Ballot, decided: Slot, log: &mut Log, effects: &mut Effects) {
        log.decide_until(decided, ballot);
        if log.decided() < decided && from != self.me {
            effects.fetch_from = Some(from);
        }
    }

    fn stand(&mut self, now: Duration, log: &mut Log, effects: &mut Effects) {
        let least = self.least_ballot();
        let ballot =
            Ballot { configuration: least.configuration, round: least.round.saturating_add(1), voter: self.me };
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
    fn try_lead(&mut self, now: Duration, log: &mut Log, effects: &mut Effects) {
        let Role::Candidate(candidate) = &self.role else { return };
        if candidate.promises() < self.configuration.quorum() {
            return;
        }
        if let Some(ahead) = candidate.voter_ahead_of(log.decided()) {
            effects.fetch_from = Some(ahead);
            return;
        }
        let ballot = candidate.ballot;
        let (first, entries) = (log.decided(), candidate.entries_to_propose(log.decided()));
        self.role = Role::Leader(Leader::new(ballot, first, entries.clone()));
        self.leader = Some(ballot);
        self.election_at = None;
        self.send_accept(ballot, first, &entries, log, effects);
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
        let Role::Leader(leader) = &self.role else { return };
        let (first, flights) = leader.in_flight();
        let entries: Vec<Entry> = flights.iter().cloned().collect();
        for accept in accepts(leader.ballot, first, &entries, log.decided()) {
            effects.sends.push((voter, accept));
        }
    }

    /// Has everybody accept new entries, this voter first.
    fn send_accept(&mut self, ballot: Ballot, first: Slot, entries: &[Entry], log: &mut Log, effects: &mut Effects) {
        for &voter in &self.connected {
            effects.sends.extend(accepts(ballot, first, entries, log.decided()).map(|accept| (voter, accept)));
        }
        self.accept(self.me, ballot, (first, log.decided()), entries.to_vec(), log, effects);
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
        let promised = self.standing.promised;
        assert!(self.standing.accepted.0 <= promised, "accepted under a ballot that was not promised");
        assert!(self.leader.is_none_or(|ballot| ballot <= promised), "follows a ballot that was not promised");
        assert!(self.connected.iter().all(|voter| self.linked.contains_key(voter)), "connected without a link");
        if let Role::Leader(leader) = &self.role {
            assert_eq!(leader.ballot.voter, self.me, "leads under a ballot of its own");
            assert_eq!(leader.ballot.configuration, self.configuration.number, "leads in its own configuration");
            assert!(self.may_vote(), "leads without a vote");
        }
    }
}

/// What a voter may do next, for a model checker: when a timer goes off is up to the model, so that only those count
/// that are set; and what is remembered of others does nothing before it is asked for.
#[cfg(feature = "sim")]
impl Hash for Voter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.me, self.incarnation, &self.configuration, &self.linked, &self.connected).hash(state);
        (self.standing, self.recovery.is_some(), self.forgot, self.leader, &self.role).hash(state);
        (self.election_at.is_some(), self.resend_at.is_some()).hash(state);
    }
}

/// Whether a message is of a configuration that the log has not come to here.
fn is_ahead(message: &Message, configuration: &Configuration) -> bool {
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
        Message::AskStanding | Message::Recall(_) => return false,
    };
    ballot.configuration > configuration.number
}

/// The messages that propose `entries`: at least one, which says who leads.
fn accepts(ballot: Ballot, first: Slot, entries: &[Entry], decided: Slot) -> impl Iterator<Item = Message> + '_ {
    let count = entries.len().div_ceil(ENTRIES_PER_PROPOSAL).max(1);
    (0..count).map(move |part| {
        let from = part * ENTRIES_PER_PROPOSAL;
        let to = entries.len().min(from + ENTRIES_PER_PROPOSAL);
        Message::Accept { ballot, first: first.plus(from as u64), entries: entries[from..to].to_vec(), decided }
    })
}
