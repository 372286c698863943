//! The votes that voters remember of one another, and the answers that a voter hears after a restart.

use std::time::Duration;

use super::timing::ELECTION_DELAY;
use super::{Role, Voter};
use crate::base::id::RelayId;
use crate::consensus::recovery::Recovery;
use crate::consensus::{Accepted, AcceptorState, Effects, Log, LogWrite, Message, Payload, RecoveryResponse, Slot};

/// So many slots are accepted by another voter between two writes of what is remembered of it, at the most.
const REMEMBERED_SLOTS: u64 = 64;

impl<C: Payload> Voter<C> {
    /// Returns the memory of others that is not written yet, where it is worth a write.
    pub fn unwritten_memory(&mut self) -> Vec<LogWrite<C>> {
        let mut writes = Vec::new();
        for (&voter, &(incarnation, acceptor_state)) in &self.memory.remembered {
            let written = self.memory.remembered_written.entry(voter).or_insert(AcceptorState::ZERO);
            let is_far = acceptor_state.accepted.1.0 >= written.accepted.1.0 + REMEMBERED_SLOTS;
            if written.promised < acceptor_state.promised || is_far {
                *written = acceptor_state;
                writes.push(LogWrite::Remember { voter, incarnation, acceptor_state });
            }
        }
        writes
    }

    pub(super) fn remember(&mut self, voter: RelayId, acceptor_state: AcceptorState) {
        let Some(&incarnation) = self.membership.linked.get(&voter) else { return };
        let (of, remembered) = self.memory.remembered.entry(voter).or_insert((incarnation, acceptor_state));
        if *of != incarnation {
            (*of, *remembered) = (incarnation, acceptor_state);
        }
        remembered.raise(&acceptor_state);
    }

    /// Tells a voter what is remembered of it and was proposed by it, and who leads if it is this one.
    pub(super) fn on_ask_acceptor_state(&self, from: RelayId, log: &Log<C>, effects: &mut Effects<C>) {
        let remembered = self.memory.remembered.get(&from).copied();
        let known = remembered.filter(|&(incarnation, _)| self.membership.linked.get(&from) == Some(&incarnation));
        let acceptor_state = known.map_or(AcceptorState::ZERO, |(_, acceptor_state)| acceptor_state);
        let is_its_own = |accepted: &Accepted<C>| {
            let ballot = accepted.ballot;
            known.is_some() && (ballot.configuration, ballot.voter) == (self.membership.configuration.number, from)
        };
        let decided = log.decided();
        let proposals = log.accepted_from(decided).filter(|(_, accepted)| is_its_own(accepted)).collect();
        effects.sends.push((from, Message::RecoveryResponse(RecoveryResponse { acceptor_state, decided, proposals })));
        if self.membership.connected.contains(&from) {
            self.brief(from, log, effects);
        }
    }

    pub(super) fn on_recall(
        &mut self,
        now: Duration,
        from: RelayId,
        recovery_response: RecoveryResponse<C>,
        log: &mut Log<C>,
        effects: &mut Effects<C>,
    ) {
        if self.acceptor_state.is_behind(&recovery_response.acceptor_state) {
            self.forget();
        }
        if self.memory.recovery.is_none() {
            return;
        }
        if log.decided() < recovery_response.decided {
            // It may have voted for what it lacks. Once that is here, whoever has told is asked again.
            effects.fetch_from = Some(from);
            return;
        }
        self.take_back(recovery_response.proposals, log, effects);
        if let Some(recovery) = &mut self.memory.recovery {
            recovery.heard(from, self.membership.connected.contains(&from));
        }
        if self.try_recovered(now) {
            self.ask_who_leads(effects);
        }
    }

    /// Accepts what this voter has proposed itself: it may have accepted it before, which nobody else was told, and the
    /// other's vote and its own may have been the majority. If it had not, this does no harm: nobody counts it.
    fn take_back(&mut self, proposals: Vec<(Slot, Accepted<C>)>, log: &mut Log<C>, effects: &mut Effects<C>) {
        for (slot, accepted) in proposals {
            let ballot = accepted.ballot;
            let before = slot.0.checked_sub(1).and_then(|before| log.get(Slot(before)));
            let continues = slot <= log.decided() || before.is_some_and(|before| before.ballot >= ballot);
            if ballot.voter == self.membership.me && continues && log.get(slot).is_none_or(|held| held.ballot < ballot)
            {
                log.accept(slot, accepted, &mut effects.writes);
                self.bind(AcceptorState { promised: ballot, accepted: (ballot, slot.plus(1)) }, effects);
            }
        }
    }

    pub(super) fn ask_acceptor_state(&self, effects: &mut Effects<C>) {
        let Some(recovery) = &self.memory.recovery else { return };
        for voter in recovery.unheard(&self.membership.configuration, self.membership.me) {
            if self.membership.linked.contains_key(&voter) {
                effects.sends.push((voter, Message::RecoveryRequest));
            }
        }
    }

    /// Asks who leads: while it did not vote, this voter has not followed anybody. A leader says so along with its
    /// memory.
    pub(super) fn ask_who_leads(&self, effects: &mut Effects<C>) {
        if self.leader.is_none() {
            effects.sends.extend(self.membership.connected.iter().map(|&voter| (voter, Message::RecoveryRequest)));
        }
    }

    /// It has become known that the database has forgotten something: this replica votes no more.
    pub fn forget(&mut self) {
        self.memory.forgot = true;
        self.role = Role::Follower;
        self.leader = None;
        self.timers.resend_at = None;
    }

    /// Votes from now on, if enough has been heard. Says whether it has come to that just now.
    pub(super) fn try_recovered(&mut self, now: Duration) -> bool {
        let is_over = |recovery: &Recovery| recovery.is_over(now, &self.membership.configuration, self.membership.me);
        if !self.memory.recovery.as_ref().is_some_and(is_over) {
            return false;
        }
        self.memory.recovery = None;
        if self.leader.is_none() {
            self.expect_leader(now, ELECTION_DELAY);
        }
        true
    }
}
