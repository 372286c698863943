//! The acceptor: what a voter promises and accepts.

use std::time::Duration;

use super::timing::CANDIDACY;
use super::{Role, Voter};
use crate::base::id::RelayId;
use crate::consensus::rules::{InForce, Phase, Rules};
use crate::consensus::{Accepted, AcceptorState, Ballot, Effects, Entry, Log, LogWrite, Message, Payload, Slot};

impl<C: Payload> Voter<C> {
    pub(super) fn on_prepare(
        &mut self,
        now: Duration,
        from: RelayId,
        ballot: Ballot,
        decided: Slot,
        log: &Log<C>,
        effects: &mut Effects<C>,
    ) {
        if self.leader == Some(ballot) || !self.may_vote() {
            return; // A late copy: phase 1 of this leader is over.
        }
        // A leader whose link is up has a quorum, or it would have stepped down: deposing it would only cost time.
        let leader_at_work = self.leader.is_some_and(|leader| leader.voter != from);
        let is_late = !InForce::may_obey(ballot, self.least_ballot(), Phase::Promise);
        if is_late || ballot.voter != from || leader_at_work {
            effects.sends.push((from, Message::Refused { ballot, promised: self.least_ballot() }));
            return;
        }
        self.promise(ballot, effects);
        self.leader = None;
        self.role = Role::Follower;
        self.timers.resend_at = None;
        self.expect_leader(now, CANDIDACY);
        let accepted = log.accepted_from(log.decided().max(decided)).collect();
        effects.sends.push((from, Message::Promise { ballot, decided: log.decided(), accepted }));
    }

    /// Every lower ballot is refused.
    pub(super) fn least_ballot(&self) -> Ballot {
        self.acceptor_state.promised.max(Ballot::first_of(self.membership.configuration.number))
    }

    /// Whether an Accept under `ballot` is to be obeyed; if so, its sender is followed from now on.
    pub(super) fn follows(&mut self, now: Duration, from: RelayId, ballot: Ballot, effects: &mut Effects<C>) -> bool {
        if !self.may_vote() {
            return false;
        }
        let is_late = !InForce::may_obey(ballot, self.least_ballot(), Phase::Accept);
        if is_late || ballot.voter != from {
            effects.sends.push((from, Message::Refused { ballot, promised: self.least_ballot() }));
            return false;
        }
        self.promise(ballot, effects);
        if self.is_leader() {
            self.step_down(now, effects);
        }
        self.role = Role::Follower;
        if self.membership.connected.contains(&from) {
            self.leader = Some(ballot);
            self.timers.election_at = None;
        }
        true
    }

    /// Accepts entries under a ballot that is obeyed, unless some before them are missing: the leader repeats those.
    pub(super) fn accept(
        &mut self,
        from: RelayId,
        ballot: Ballot,
        (first, decided): (Slot, Slot),
        entries: Vec<Entry<C>>,
        log: &mut Log<C>,
        effects: &mut Effects<C>,
    ) {
        if entries.is_empty() || !log.continues(first, ballot, decided) {
            return;
        }
        let until = first.plus(entries.len() as u64);
        for (offset, entry) in (0..).zip(entries) {
            log.accept(first.plus(offset), Accepted { ballot, entry }, &mut effects.writes);
        }
        self.bind(AcceptorState { promised: ballot, accepted: (ballot, until) }, effects);
        effects.sends.push((from, Message::Accepted { ballot, until }));
    }

    pub(super) fn promise(&mut self, ballot: Ballot, effects: &mut Effects<C>) {
        self.bind(AcceptorState { promised: ballot, ..AcceptorState::ZERO }, effects);
    }

    pub(super) fn bind(&mut self, acceptor_state: AcceptorState, effects: &mut Effects<C>) {
        if self.acceptor_state.is_behind(&acceptor_state) {
            self.acceptor_state.raise(&acceptor_state);
            if InForce::is_written(Phase::Promise) {
                effects.writes.push(LogWrite::AcceptorState(self.acceptor_state));
            }
        }
    }

    pub(super) fn learn_decided(
        &mut self,
        from: RelayId,
        ballot: Ballot,
        decided: Slot,
        log: &mut Log<C>,
        effects: &mut Effects<C>,
    ) {
        log.decide_until(decided, ballot);
        if log.decided() < decided && from != self.membership.me {
            effects.fetch_from = Some(from);
        }
    }
}
