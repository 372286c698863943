//! How a tab notices that it is one of several copies of one replica.
//!
//! A browser profile can be copied, or come back out of a backup. Then two replicas write under one id, and give one
//! dot to two edits. A tab keeps with its state how far its edits may have left it, and makes nothing known before that
//! is durable. So whoever tells it of an own edit that it never made, or that has never left it, tells of another copy.
//! The log tells of claims in the same way. Such a tab gives up its id ([`Output::forgot`](crate::replica::io::Output)): the
//! other copy goes on with it.

use std::time::Duration;

use litemap::LiteMap;

use crate::base::id::ReplicaId;
use crate::consensus::Slot;
use crate::ledger::{Claim, Granted, Numbered};
use crate::replica::io::{Message, Output, PeerId, PeerKind, Violation, WriteOp};
use crate::replica::rules::{InForce, Rules};

use super::Replica;
use super::claims::Claims;
use super::state::{RelayState, TabState};

/// While a tab is linked, every edit may have left it.
const ALL: u64 = u64::MAX;

/// How far the edits of a tab may have left it, and whether another copy was found.
#[derive(Debug)]
pub(super) struct Copies {
    /// The counter of the last own edit that may have left this replica.
    sent: u64,
    /// The same, as it was written last, if it was.
    written: Option<u64>,
    /// Another copy is at work under this id.
    is_found: bool,
}

impl Copies {
    /// As the disk has it; where it says nothing, all may have left. `highest` is the counter of the last own edit: what is
    /// made from now on has not left yet.
    pub(super) fn recover(written: Option<u64>, highest: u64) -> Self {
        Copies { sent: written.unwrap_or(ALL).min(highest), written, is_found: false }
    }

    /// Looks at a claim that was made under this tab's id and that the log has decided, which was last restored at `restored`.
    pub(super) fn look_at(&mut self, claim: &Claim, claims: &Claims, restored: Option<Slot>) {
        if !claims.may_have_made(claim, restored) && InForce::notices_copies() {
            self.is_found = true;
        }
    }

    /// The counter of the last own edit that may have left this replica.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }
}

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

    /// Looks for claims of this tab in a ledger that has come as a whole.
    pub(super) fn look_for_copy_in_ledger(&mut self) {
        let is_known = |claim: &Claim| self.core.ledger.has_outcome(claim.id);
        // Under the name of a claim that was sent, another copy may have asked for a number for another record.
        let is_for_another = |claim: &Claim| match self.core.ledger.outcome(claim) {
            Some(Ok(Granted::Final(Numbered { number, slot }))) => {
                let owner = self.core.ledger.owner_of(number).filter(|&(_, since)| since == slot);
                owner.is_some_and(|(record, _)| Some(record) != claim.operation.record())
            }
            _ => false,
        };
        let others = self.core.ledger.latest_claim_of(self.core.me) > self.agreement.claims.seq()
            || self.agreement.claims.unsent().any(is_known)
            || self.agreement.claims.fixed().any(is_for_another);
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

/// How often a relay looks for twins at the most.
const LOOK: Duration = Duration::from_secs(1);

/// The tabs that are linked to this relay and, as another one says, to that one at the same time. A tab that has moved
/// is there for a while, until its old relay notices. Two copies of it stay.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// Since when.
    since: LiteMap<ReplicaId, Duration>,
    /// When to look again, since tabs have come or gone.
    look_at: Option<Duration>,
    looked_at: Duration,
}

impl Twins {
    /// A tab has come or gone, here or at another relay.
    pub(super) fn tabs_changed(&mut self) {
        self.look_at.get_or_insert(self.looked_at + LOOK);
    }

    pub(super) fn deadline(&self, grace: Duration) -> Option<Duration> {
        self.since.values().map(|&since| since + grace).chain(self.look_at).min()
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
