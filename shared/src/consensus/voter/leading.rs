//! Leading: proposals, their repetition, and whether this voter still leads.

use std::time::Duration;

use super::{Role, Voter};
use crate::base::id::RelayId;
use crate::consensus::leader::ENTRIES_PER_PROPOSAL;
use crate::consensus::{Ballot, Effects, Entry, Log, Message, Payload, Slot, Votes};

/// After how long a leader repeats what has not been accepted.
const RESEND: Duration = Duration::from_millis(300);

impl<C: Payload> Voter<C> {
    /// How many entries can be proposed now; none unless this voter leads.
    #[must_use]
    pub fn capacity(&self) -> usize {
        if let Role::Leader(leader) = &self.role { leader.capacity() } else { 0 }
    }

    /// How far the voters have answered this one, if it leads.
    #[must_use]
    pub fn votes(&self) -> Option<Votes> {
        let Role::Leader(leader) = &self.role else { return None };
        Some(Votes { ballot: leader.ballot, accepted: leader.accepted_by(), next: leader.next() })
    }

    /// Proposes entries, no more than the [`capacity`](Self::capacity). One that ends the configuration must be the
    /// last.
    pub fn propose(&mut self, now: Duration, entries: Vec<Entry<C>>, log: &mut Log<C>) -> Effects<C> {
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
    /// voter leads. Nor can it know where the configuration may have ended: an entry that ends it may be decided already, and
    /// then the next configuration has decided more, of which no voter of this one need know.
    pub fn confirm(&mut self, log: &Log<C>) -> Option<(Slot, Effects<C>)> {
        let mut effects = Effects::default();
        let Role::Leader(leader) = &mut self.role else { return None };
        if leader.ends_configuration() {
            return None;
        }
        let round = leader.ask_confirmation();
        let (ballot, index) = (leader.ballot, leader.inherited.max(log.decided()));
        effects.confirmed = leader.confirmed(self.membership.me, round, self.membership.configuration.quorum());
        for &voter in &self.membership.connected {
            effects.sends.push((voter, Message::Confirm { ballot, round }));
        }
        Some((index, effects))
    }

    /// Decides every slot that a majority has accepted under this leader's ballot.
    pub(super) fn decide_chosen(&mut self, now: Duration, ballot: Ballot, log: &mut Log<C>, effects: &mut Effects<C>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let before = log.decided();
        log.decide_until(leader.chosen_until(self.membership.configuration.quorum()), ballot);
        leader.forget_below(log.decided());
        if log.decided() > before {
            let message = Message::Decided { ballot, decided: log.decided() };
            for &voter in &self.membership.connected {
                effects.sends.push((voter, message.clone()));
            }
            self.arm_resend(now, log);
        }
    }

    /// If this voter leads: tells `voter` so, with everything in flight.
    pub(super) fn brief(&self, voter: RelayId, log: &Log<C>, effects: &mut Effects<C>) {
        let Role::Leader(leader) = &self.role else { return };
        let (first, flights) = leader.in_flight();
        let entries: Vec<Entry<C>> = flights.iter().cloned().collect();
        for accept in accepts(leader.ballot, first, &entries, log.decided()) {
            effects.sends.push((voter, accept));
        }
    }

    /// Has everybody accept new entries, this voter first.
    pub(super) fn send_accept(
        &mut self,
        ballot: Ballot,
        first: Slot,
        entries: &[Entry<C>],
        log: &mut Log<C>,
        effects: &mut Effects<C>,
    ) {
        for &voter in &self.membership.connected {
            effects.sends.extend(accepts(ballot, first, entries, log.decided()).map(|accept| (voter, accept)));
        }
        self.accept(self.membership.me, ballot, (first, log.decided()), entries.to_vec(), log, effects);
    }

    pub(super) fn arm_resend(&mut self, now: Duration, log: &Log<C>) {
        if let Role::Leader(leader) = &self.role {
            let busy = leader.next() > log.decided();
            self.timers.resend_at = if busy { Some(self.timers.resend_at.unwrap_or(now + RESEND)) } else { None };
        }
    }
}

/// The messages that propose `entries`: at least one, which says who leads.
fn accepts<C: Payload>(
    ballot: Ballot,
    first: Slot,
    entries: &[Entry<C>],
    decided: Slot,
) -> impl Iterator<Item = Message<C>> + '_ {
    let count = entries.len().div_ceil(ENTRIES_PER_PROPOSAL).max(1);
    (0..count).map(move |part| {
        let from = part * ENTRIES_PER_PROPOSAL;
        let to = entries.len().min(from + ENTRIES_PER_PROPOSAL);
        Message::Accept { ballot, first: first.plus(from as u64), entries: entries[from..to].to_vec(), decided }
    })
}
