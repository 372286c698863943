//! Elections: who stands, who leads, and who gives up.

use std::time::Duration;

use super::timing::{CANDIDACY, ELECTION_JITTER};
use super::{Role, Voter};
use crate::consensus::candidate::Candidate;
use crate::consensus::leader::Leader;
use crate::consensus::{Ballot, Effects, Log, Message, Payload};

impl<C: Payload> Voter<C> {
    pub(super) fn stand(&mut self, now: Duration, log: &mut Log<C>, effects: &mut Effects<C>) {
        let least = self.least_ballot();
        let ballot = Ballot {
            configuration: least.configuration,
            round: least.round.saturating_add(1),
            voter: self.membership.me,
        };
        self.promise(ballot, effects);
        self.leader = None;
        let mut candidate = Candidate::new(ballot);
        candidate.promised(self.membership.me, log.decided(), log.accepted_from(log.decided()).collect());
        self.role = Role::Candidate(candidate);
        for &voter in &self.membership.connected {
            effects.sends.push((voter, Message::Prepare { ballot, decided: log.decided() }));
        }
        self.expect_leader(now, CANDIDACY);
        self.try_lead(now, log, effects);
    }

    /// Leads, if this voter is a candidate with a majority of promises and knows all that they know to be decided.
    pub(super) fn try_lead(&mut self, now: Duration, log: &mut Log<C>, effects: &mut Effects<C>) {
        let Role::Candidate(candidate) = &self.role else { return };
        if candidate.promises() < self.membership.configuration.quorum() {
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
        self.timers.election_at = None;
        self.send_accept(ballot, first, &entries, log, effects);
        self.arm_resend(now, log);
    }

    pub(super) fn on_refused(&mut self, now: Duration, ballot: Ballot, promised: Ballot, effects: &mut Effects<C>) {
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

    pub(super) fn step_down(&mut self, now: Duration, effects: &mut Effects<C>) {
        if let Role::Leader(leader) = &self.role {
            for &voter in &self.membership.connected {
                effects.sends.push((voter, Message::StepDown { ballot: leader.ballot }));
            }
        }
        self.role = Role::Follower;
        self.leader = None;
        self.timers.resend_at = None;
        self.expect_leader(now, CANDIDACY);
    }

    pub(super) fn expect_leader(&mut self, now: Duration, delay: Duration) {
        let jitter = self.timers.jitter.below(ELECTION_JITTER.as_micros() as u64);
        self.timers.election_at = Some(now + delay + Duration::from_micros(jitter));
    }
}
