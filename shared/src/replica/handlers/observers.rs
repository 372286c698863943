//! Collects the acknowledgements of [observers](crate::replica::observers), and releases decisions.

use crate::base::id::ReplicaId;
use crate::consensus::Slot;
use crate::ledger::Operation;
use crate::replica::access::{self, Act};
use crate::replica::io::{Message, Now, PeerId, PeerKind, Violation, WriteOp};
use crate::replica::observers::Observer;
use crate::replica::rules::{InForce, Rules};
use crate::replica::state::Replica;
use std::time::Duration;

impl Replica {
    /// Whether this tab is to acknowledge what is decided.
    pub(super) fn set_observer(&mut self, willing: bool, durable: bool) {
        (self.agreement.observers.willing, self.agreement.observers.durable) = (willing, durable);
        self.agreement.observers.acknowledged = None;
        if !willing && let Some(relay) = self.peers.any_relay() {
            self.send(relay, Message::Observer { tab: self.core.me, until: None, durable: false });
        }
    }

    /// A tab says what it has, to its relay or through it to the leader.
    pub(super) fn on_observer(
        &mut self,
        peer: PeerId,
        kind: PeerKind,
        tab: ReplicaId,
        observer: Option<Observer>,
    ) -> Result<(), Violation> {
        access::may(kind.into(), &Act::SpeakFor(tab))?;
        // Nobody can have what is not decided.
        let observer =
            observer.map(|observer| Observer { until: observer.until.min(self.core.log.decided()), ..observer });
        self.agreement.observers.note(tab, observer);
        if self.way_to_leader() != Some(peer) {
            self.pass_on_observer(tab, observer);
        }
        Ok(())
    }

    fn pass_on_observer(&mut self, tab: ReplicaId, observer: Option<Observer>) {
        if let Some(peer) = self.way_to_leader() {
            let (until, durable) = (observer.map(|observer| observer.until), observer.is_some_and(|w| w.durable));
            self.send(peer, Message::Observer { tab, until, durable });
        }
    }

    /// A tab is gone from this relay: it may be an observer elsewhere.
    pub(super) fn observer_gone(&mut self, tab: ReplicaId) {
        if self.is_relay() && self.agreement.observers.seen.remove(&tab).is_some() {
            self.pass_on_observer(tab, None);
        }
    }

    /// Somebody nearer to the leader says that everything below is released. A tab remembers it: a number that was shown as
    /// final is final also where no relay can be reached.
    pub(super) fn hear_released(&mut self, until: Slot) {
        if until > self.agreement.observers.released {
            self.agreement.observers.release(until);
            if !self.is_relay() {
                self.core.outbox.writes().push(WriteOp::Released(until));
            }
        }
    }

    /// Releases what may be released, tells it, and acknowledges as an observer.
    pub(super) fn release(&mut self, now: Now) {
        let wanted = self.core.ledger.policy().observers;
        self.agreement.observers.release(self.core.ledger.waived().min(self.core.applied));
        if wanted == 0 || !InForce::waits_for_observers() {
            self.agreement.observers.release(self.core.applied);
        } else if self.is_leader() {
            self.agreement.observers.release(self.agreement.observers.seen_by(wanted.into()).min(self.core.applied));
        }
        self.note_released();
        self.agreement.requests.released(self.agreement.observers.released, &mut self.core.outbox);
        if wanted > 0 {
            self.acknowledge();
            self.brief_leader_of_observers();
            self.tell_news_of_released();
        }
        let waits = self.is_leader() && self.agreement.observers.released < self.core.applied;
        self.agreement.observers.waiting_since =
            if waits { self.agreement.observers.waiting_since.or(Some(now.monotonic)) } else { None };
    }

    fn acknowledge(&mut self) {
        // A relay that has not said yet which log it has may have been restored.
        let knows_log = self.role.tab().is_some_and(|tab| tab.relay_decided.is_some());
        let is_meant = knows_log && self.agreement.observers.willing;
        let Some(relay) = self.peers.any_relay().filter(|_| is_meant) else { return };
        if self.agreement.observers.acknowledged != Some((relay, self.core.applied)) {
            self.agreement.observers.acknowledged = Some((relay, self.core.applied));
            // It leaves after the log that it is about is written, as everything bound does.
            let durable = self.agreement.observers.durable;
            self.send(relay, Message::Observer { tab: self.core.me, until: Some(self.core.applied), durable });
        }
    }

    /// A new leader does not know yet what the observers have said.
    fn brief_leader_of_observers(&mut self) {
        let Some(voter) = self.role.voter() else { return };
        let (other, way) = self.other_leader().unzip();
        let leader = (voter.leader().or(other), way);
        if leader == self.agreement.observers.leader {
            return;
        }
        self.agreement.observers.leader = leader;
        let own_tabs = self.peers.own_tabs();
        self.agreement.observers.seen.retain(|tab, _| own_tabs.contains(tab));
        for (tab, observer) in self.agreement.observers.seen.clone() {
            self.pass_on_observer(tab, Some(observer));
        }
    }

    fn tell_news_of_released(&mut self) {
        let Some(voter) = self.role.voter() else { return };
        if self.agreement.observers.released == self.agreement.observers.told {
            return;
        }
        self.agreement.observers.told = self.agreement.observers.released;
        let leads = voter.is_leader();
        let peers = if leads { self.peers.all_but(None) } else { self.peers.learners(voter.configuration()) };
        self.tell_released(&peers);
    }

    /// A relay tells what is released, if that is not simply what is decided.
    pub(super) fn tell_released(&mut self, peers: &[PeerId]) {
        if self.is_relay() && self.core.ledger.policy().observers > 0 {
            for &peer in peers {
                self.send_unbound(peer, Message::Released { until: self.agreement.observers.released });
            }
        }
    }

    /// The leader has waited long enough for observers.
    pub(super) fn waive(&mut self, now: Now) {
        let after = Duration::from_millis(self.core.ledger.policy().waive_after_ms.into());
        if self.agreement.observers.deadline(after).is_some_and(|at| at <= now.monotonic) {
            self.agreement.observers.waiting_since = Some(now.monotonic);
            let _no_room =
                self.agreement.requests.ask(now.monotonic, (None, None), Operation::Waive, &mut self.core.outbox);
        }
    }
}
