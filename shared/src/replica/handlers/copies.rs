//! How a tab notices a [copy](crate::replica::copies) of itself, and how relays part two copies.

use crate::base::id::ReplicaId;
use crate::ledger::{Granted, Numbered, Request};
use crate::replica::copies::ALL;
use crate::replica::io::{Message, Output, PeerId, PeerKind, Violation, WriteOp};
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use crate::replica::state::{RelayState, TabState};
use std::time::Duration;

impl Replica {
    /// Whether a message tells this tab of own edits that it cannot have made known. If so, it is not to be taken in.
    pub(super) fn reveals_a_copy(&mut self, kind: PeerKind, message: &Message) -> bool {
        let told = latest_told(message, self.core.me);
        // A neighbour may have heard of it from this tab.
        let may_be_unsent = self.is_neighbour(kind);
        let reveals = self.is_of_a_copy(told, may_be_unsent);
        if !reveals && !self.is_neighbour(kind) {
            self.begins_to_send();
        }
        self.is_copy_found()
    }

    /// Whether this tab knows that another copy is at work under its id.
    pub(super) fn is_copy_found(&self) -> bool {
        self.role.tab().is_some_and(|tab| tab.copies.is_found)
    }

    /// Looks at the counter of an own edit of this tab that others know. Returns true if another copy has made it.
    fn is_of_a_copy(&mut self, told: u64, may_be_unsent: bool) -> bool {
        let made = self.core.document.context().highest(self.core.me);
        let Some(TabState { copies, .. }) = self.role.tab_mut() else { return false };
        let known = if may_be_unsent { made } else { made.min(copies.sent) };
        let reveals = told > known && InForce::notices_copies();
        copies.is_found |= reveals;
        reveals
    }

    /// The log has retired this replica itself up to an edit: so everybody knows its edits up to that one.
    pub(super) fn own_past_is_retired(&mut self, last: u64) {
        if self.is_relay() {
            self.check_memory(last);
        } else {
            self.is_of_a_copy(last, false);
        }
    }

    /// Looks for requests of this tab in a ledger that has come as a whole.
    pub(super) fn look_for_copy_in_ledger(&mut self) {
        let is_known = |request: &Request| self.core.ledger.has_outcome(request.id);
        // Under the name of a request that was sent, another copy may have asked for a number for another record.
        let is_for_another = |request: &Request| match self.core.ledger.outcome(request) {
            Some(Ok(Granted::Final(Numbered { number, slot }))) => {
                let owner = self.core.ledger.owner_of(number).filter(|&(_, since)| since == slot);
                owner.is_some_and(|(record, _)| Some(record) != request.operation.record())
            }
            _ => false,
        };
        let others = self.core.ledger.latest_request_of(self.core.me) > self.agreement.requests.seq()
            || self.agreement.requests.unsent().any(is_known)
            || self.agreement.requests.fixed().any(is_for_another);
        if let Some(tab) = self.role.tab_mut()
            && others
            && InForce::notices_copies()
        {
            tab.copies.is_found = true;
        }
    }

    /// A neighbour is linked, or the relay has said something: from now on edits leave this tab as soon as they are
    /// made. An edit that a neighbour makes on top of them tells the relay of them.
    pub(super) fn begins_to_send(&mut self) {
        if let Some(tab) = self.role.tab_mut() {
            tab.copies.sent = ALL;
        }
    }

    /// A link is down. If it was the last one, then what is made from now on stays here.
    pub(super) fn ends_to_send(&mut self) {
        if let Some(TabState { copies, .. }) = self.role.tab_mut()
            && self.peers.all_but(None).is_empty()
        {
            copies.sent = copies.sent.min(self.core.document.context().highest(self.core.me));
        }
    }

    /// Writes down how far edits may have left this tab, before they do.
    pub(super) fn keep_sent(&mut self) {
        if let Some(TabState { copies, .. }) = self.role.tab_mut()
            && Some(copies.sent) != copies.written
        {
            copies.written = Some(copies.sent);
            self.core.outbox.writes().push(WriteOp::Sent(copies.sent));
        }
    }
}

/// The counter of the last edit by a replica of which a message tells; 0 if it tells of none.
pub(super) fn latest_told(message: &Message, by: ReplicaId) -> u64 {
    match message {
        Message::Edit(edit) if edit.dot.replica() == by => edit.dot.counter(),
        Message::Delta(delta) | Message::Doubtful { delta, .. } => delta.dots().highest(by),
        Message::Have { context, .. } | Message::Stored { context, .. } => context.highest(by),
        _ => 0,
    }
}

impl Replica {
    /// Of two relays that are linked to one tab, the one with the higher id ends its link when that has lasted: two
    /// copies of one replica are at work. The other one goes on under the id.
    pub(super) fn part_twins(&mut self, now: Duration, output: &mut Output) {
        let Some(RelayState { voter, twins, .. }) = self.role.relay_mut() else { return };
        let grace = self.core.tuning.twin_grace;
        let is_due = twins.deadline(grace).is_some_and(|at| at <= now);
        if !is_due {
            return;
        }
        let known = std::mem::take(twins).since;
        let is_twin = |_: &ReplicaId| InForce::parts_twins();
        let seen = self.peers.tabs_also_below(voter.me()).into_iter().filter(is_twin);
        twins.since = seen.map(|tab| (tab, *known.get(&tab).unwrap_or(&now))).collect();
        twins.looked_at = now;
        let over: Vec<ReplicaId> =
            twins.since.iter().filter(|(_, since)| **since + grace <= now).map(|(&tab, _)| tab).collect();
        for tab in over {
            twins.since.remove(&tab);
            let links: Vec<PeerId> = self.peers.links_of_tab(tab);
            output.cut.extend(links.into_iter().map(|peer| (peer, Violation::Copied)));
        }
    }
}
