//! The state of a replica, grouped by concern.

use std::time::Duration;

use super::changes::Changes;
use super::config::Tuning;
use super::copies::{Copies, Twins};
use super::distrust::{Distrust, NumberWrite};
use super::folds::Folds;
use super::io::{Command, CommandId, Envelope, Fork, Message, PeerId};
use super::leases::Leases;
use super::local_durability::LocalDurability;
use super::observers::Observers;
use super::once::Onces;
use super::orphans::Orphanage;
use super::outbox::{Item, Outbox};
use super::peers::Peers;
use super::presence::Status;
use super::reads::Reads;
use super::recent::Recent;
use super::replication_acks::{OnMajority, ReplicationAcks};
use super::requests::{Half, Requests};
use super::retiring::Retiring;
use super::snapshots::Snapshots;
use super::stamps::Restamping;
use super::telemetry::Telemetry;
use super::unattested::Unattested;
use super::undo::UndoStack;
use super::unsettled::Unsettled;
use super::watched::Watched;
use crate::base::dot::{Dot, DotSet};
use crate::base::hlc::Hlc;
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::{SortedMap, SortedSet};
use crate::consensus::Slot;
use crate::consensus::voter_support::VoterSupport;
use crate::ledger::dynamic::Controller;
use crate::ledger::{Ledger, Load, Log, RequestId, Voter};
use crate::merge::crdt::MaxRegister;
use crate::merge::document::Document;
use crate::schema::Schema;

/// One replica of one room.
#[derive(Debug)]
pub struct Replica {
    pub(super) core: Core,
    pub(super) numbers: NumberState,
    pub(super) agreement: Agreement,
    pub(super) trust: Trust,
    pub(super) user: UserState,
    pub(super) peers: Peers,
    pub(super) role: RoleState,
}

/// The document, the log and its fold, which every replica has.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) me: ReplicaId,
    pub(super) schema: Schema,
    pub(super) tuning: Tuning,
    pub(super) clock: Hlc,
    pub(super) document: Watched<Document>,
    pub(super) log: Watched<Log>,
    /// Invariant: the fold of the log below `applied`.
    pub(super) ledger: Watched<Ledger>,
    pub(super) applied: Slot,
    pub(super) outbox: Outbox,
    pub(super) changes: Changes,
}

/// Numbers that are not settled, leases, and the load that chooses how numbers are given.
#[derive(Debug)]
pub(super) struct NumberState {
    pub(super) unsettled: Watched<Unsettled>,
    /// The request that settles provisional numbers, as long as it is pending.
    pub(super) settling: Option<RequestId>,
    /// In a relay: how far the highest number was raised without the log.
    pub(super) raised: MaxRegister,
    /// The request by which the log follows `raised`, as long as it is pending.
    pub(super) settling_raise: Option<RequestId>,
    /// Numbers out of leases are not settled before this time, unless they fill an entry of the log.
    pub(super) settle_at: Duration,
    pub(super) leases: Leases,
    /// The request for another lease, as long as it is pending.
    pub(super) leasing: Option<RequestId>,
    /// At work in the leader.
    pub(super) controller: Controller,
    /// The measurements of the last window.
    pub(super) load: Option<Load>,
}

/// Requests to the log and reads of it.
#[derive(Debug)]
pub(super) struct Agreement {
    pub(super) requests: Requests,
    pub(super) reads: Reads,
    pub(super) observers: Observers,
    /// When the leader, in a tab its relay, was last heard.
    pub(super) heard_leader: Option<Duration>,
    /// To serve others.
    pub(super) snapshots: Snapshots,
    /// The linked tabs that know another log than this replica, since all relays were restored.
    pub(super) other_logs: SortedSet<PeerId>,
}

/// Statements that are not believed, and the own statements about numbers.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) distrust: Distrust,
    /// The part of `distrust` that has been written.
    pub(super) distrust_written: Distrust,
    /// In a tab: the numbers that it has given by itself, and that are not settled.
    pub(super) given: SortedSet<NumberWrite>,
}

/// What the user of this replica did, and what the user is told.
#[derive(Debug)]
pub(super) struct UserState {
    pub(super) undo_stack: UndoStack,
    /// The edits and requests of the user that are durable here.
    pub(super) kept: LocalDurability,
    /// Records that were seen to be removed, to tell when one comes back.
    pub(super) removed: Recent<RecordId>,
    /// Records that came back, with the edit that brought them, as users were told.
    pub(super) told_restored: Recent<(RecordId, Dot)>,
    /// Records that were brought back by the one that had removed them, with the edit.
    pub(super) revived: Recent<(RecordId, Dot)>,
    /// How many versions of a resync under way have not come yet, as the sender says.
    pub(super) remaining: u64,
    pub(super) telemetry: Telemetry,
    /// How many final numbers the output must report as lost by a restore.
    pub(super) rejoined: Option<usize>,
    /// The tabs of another log that the output must report.
    pub(super) forks: Vec<Fork>,
}

/// The role of a replica, with the state that only this role needs: a tab asks for numbers, a relay votes and serves tabs.
/// Both merge edits and learn the log.
#[derive(Debug)]
pub(super) enum RoleState {
    Tab(Box<TabState>),
    Relay(Box<RelayState>),
}

/// The state that only a tab has.
#[derive(Debug)]
pub(super) struct TabState {
    /// How far the relay has said on this link that it knows the log. Requests leave the tab only when it knows as much,
    /// and when it was told which edits of their records it must send.
    pub(super) relay_decided: Option<Slot>,
    /// True if the relay has sent a part of the log before it said on this link which log it has.
    pub(super) log_came_early: bool,
    /// The own dots that are durable on a relay.
    pub(super) stored: DotSet,
    /// The own dots that are durable on a majority of the voters.
    pub(super) on_majority: OnMajority,
    pub(super) copies: Copies,
    pub(super) unattested: Unattested,
    /// The part of `unattested` that has been written.
    pub(super) unattested_written: Unattested,
    pub(super) orphanage: Orphanage,
    /// The numbers that records had before all relays were restored, and that are to be given anew.
    pub(super) lost_numbers: SortedMap<RecordId, u64>,
}

/// The state that only a relay has.
#[derive(Debug)]
pub(super) struct RelayState {
    pub(super) voter: Voter,
    pub(super) replication_acks: ReplicationAcks,
    pub(super) folds: Folds,
    pub(super) twins: Twins,
    pub(super) retiring: Retiring,
    pub(super) restamping: Restamping,
    /// Commands that wait until this relay has [recovered](Voter::is_recovering).
    pub(super) held_edits: Vec<(CommandId, Command)>,
    pub(super) onces: Onces,
    /// The records that are to be taken back. This waits until the relay has recovered, too.
    pub(super) halves: Vec<Half>,
}

impl NumberState {
    /// That of a replica that comes back with its leases and with the request for another one, if it is pending.
    pub(super) fn recover(seed: u64, raised: u64, leases: Leases, leasing: Option<RequestId>) -> Self {
        NumberState {
            unsettled: Watched::new(Unsettled::default()),
            settling: None,
            raised: MaxRegister::new(raised),
            settling_raise: None,
            settle_at: Duration::ZERO,
            leases,
            leasing,
            controller: Controller::new(seed),
            load: None,
        }
    }
}

impl UserState {
    pub(super) fn new(kept: LocalDurability) -> Self {
        UserState {
            kept,
            undo_stack: UndoStack::default(),
            removed: Recent::new(),
            told_restored: Recent::new(),
            revived: Recent::new(),
            remaining: 0,
            telemetry: Telemetry::default(),
            rejoined: None,
            forks: Vec::new(),
        }
    }
}

impl RoleState {
    pub(super) fn tab(&self) -> Option<&TabState> {
        match self {
            RoleState::Tab(tab) => Some(tab),
            RoleState::Relay(_) => None,
        }
    }

    pub(super) fn tab_mut(&mut self) -> Option<&mut TabState> {
        match self {
            RoleState::Tab(tab) => Some(tab),
            RoleState::Relay(_) => None,
        }
    }

    /// `None` in a tab. All that only relays do asks here, so that a build without voters can leave it out.
    pub(super) fn relay(&self) -> Option<&RelayState> {
        match self {
            RoleState::Relay(relay) if VoterSupport::EXISTS => Some(relay),
            RoleState::Relay(_) | RoleState::Tab(_) => None,
        }
    }

    /// `None` in a tab, as from [`relay`](Self::relay).
    pub(super) fn relay_mut(&mut self) -> Option<&mut RelayState> {
        match self {
            RoleState::Relay(relay) if VoterSupport::EXISTS => Some(relay),
            RoleState::Relay(_) | RoleState::Tab(_) => None,
        }
    }

    /// `None` in a tab.
    pub(super) fn voter(&self) -> Option<&Voter> {
        self.relay().map(|relay| &relay.voter)
    }

    /// `None` in a tab.
    pub(super) fn voter_mut(&mut self) -> Option<&mut Voter> {
        self.relay_mut().map(|relay| &mut relay.voter)
    }
}

impl TabState {
    /// That of a tab with what its database holds. `made` is how many edits it has made.
    pub(super) fn recover(
        (stored, sent, made): (DotSet, Option<u64>, u64),
        unattested: Unattested,
        lost_numbers: SortedMap<RecordId, u64>,
    ) -> Self {
        TabState {
            stored,
            copies: Copies::recover(sent, made),
            unattested_written: unattested.clone(),
            unattested,
            lost_numbers,
            relay_decided: None,
            log_came_early: false,
            on_majority: OnMajority::default(),
            orphanage: Orphanage::default(),
        }
    }
}

impl RelayState {
    pub(super) fn new(voter: Voter) -> Self {
        RelayState {
            voter,
            replication_acks: ReplicationAcks::default(),
            folds: Folds::default(),
            twins: Twins::default(),
            retiring: Retiring::default(),
            restamping: Restamping::default(),
            held_edits: Vec::new(),
            onces: Onces::default(),
            halves: Vec::new(),
        }
    }
}

impl Replica {
    /// `None` in a tab.
    pub(super) fn voter(&self) -> Option<&Voter> {
        self.role.voter()
    }

    pub(super) fn is_relay(&self) -> bool {
        self.role.relay().is_some()
    }

    pub(super) fn is_leader(&self) -> bool {
        self.voter().is_some_and(Voter::is_leader)
    }

    pub(super) fn send(&mut self, to: PeerId, message: Message) {
        self.core.outbox.push(Item::Send(Envelope { to, message }));
    }

    /// Sends what says nothing that a crash of this replica could undo.
    pub(super) fn send_unbound(&mut self, to: PeerId, message: Message) {
        self.core.outbox.push_unbound(Item::Send(Envelope { to, message }));
    }

    /// Whether a majority of the voters can be reached, as far as is known here. A gap between two leaders does not count.
    pub(super) fn sees_majority(&self) -> bool {
        match self.voter() {
            Some(voter) => voter.sees_quorum(),
            None => {
                let status = self.peers.status();
                self.peers.any_relay().is_some() && status.is_some_and(Status::has_majority)
            }
        }
    }

    /// The highest number: what the log says, or what was raised without it.
    pub(super) fn highest(&self) -> u64 {
        self.core.ledger.highest().max(self.numbers.raised.get())
    }
}
