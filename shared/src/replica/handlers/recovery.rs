//! A replica that comes back from its disk in slices: a host whose one thread also shows things must not be busy for long.

use crate::base::dot::Dot;
use crate::base::hlc::Hlc;
use crate::base::id::RecordId;
use crate::base::id::ReplicaId;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::base::split_mix::SplitMix64;
use crate::ledger::{Log, Voter};
use crate::merge::document::{Document, Packed};
use crate::replica::changes::Changes;
use crate::replica::config::{Config, Role, Tuning};
use crate::replica::io::{Now, Recovered, Snapshot};
use crate::replica::leases::Leases;
use crate::replica::local_durability::LocalDurability;
use crate::replica::observers::Observers;
use crate::replica::outbox::Outbox;
use crate::replica::peers::Peers;
use crate::replica::reads::Reads;
use crate::replica::requests::Requests;
use crate::replica::snapshots::Snapshots;
use crate::replica::state::{Agreement, Core, NumberState, RelayState, Replica, RoleState, TabState, Trust, UserState};
use crate::replica::view::View;
use crate::replica::watched::Watched;

/// A replica that has its durable state, but for some of its records. It takes no input until it has all of them: of what
/// is in its context and not in its records it would say that it was removed.
#[derive(Debug)]
pub struct Recovery {
    replica: Replica,
}

impl Recovery {
    /// Begins with the durable state. Of its records there may be all, some or none.
    ///
    /// # Panics
    /// If no replica can have left this state: whoever reads it from a disk calls [`Recovered::check`] first.
    #[must_use]
    pub fn begin(config: Config, mut durable: Recovered, now: Now) -> Self {
        let records = std::mem::take(&mut durable.records);
        let mut recovery = Recovery { replica: Replica::without_records(config, durable, now) };
        for (record, versions) in records {
            recovery.add(now, record, versions);
        }
        recovery.replica.catch_up(now);
        recovery
    }

    /// Takes in a record that is not there yet, with its versions by the dots that name them.
    pub fn add(&mut self, now: Now, record: RecordId, versions: SortedMap<Dot, Packed>) {
        let replica = &mut self.replica;
        if let Some(relay) = replica.role.relay_mut() {
            relay.folds.look_at(record, versions.len(), now.monotonic);
        }
        for packed in versions.values() {
            replica.core.clock.observe(packed.head(record).stamp, now.wall_ms);
        }
        replica.core.document.recover_record(record, versions.into_values().collect());
        replica.look_at_number(now, record);
        replica.recall_given(record);
    }

    /// The replica as far as it is recovered, for reading.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        self.replica.view()
    }

    /// The replica, which has all of its records now.
    #[must_use]
    pub fn finish(self) -> Replica {
        self.replica
    }
}

impl Replica {
    /// A replica with the durable state that its writes have left, or with none. A host that must not be busy for long takes
    /// a [`Recovery`].
    ///
    /// # Panics
    /// If no replica can have left this state: whoever reads it from a disk calls [`Recovered::check`] first.
    #[must_use]
    pub fn recover(config: Config, durable: Recovered, now: Now) -> Self {
        Recovery::begin(config, durable, now).finish()
    }

    /// A replica with the durable state, but for its records, and nothing of the log is applied that no snapshot holds.
    fn without_records(config: Config, durable: Recovered, now: Now) -> Self {
        let (voter, addresses, asker, seed, tuning) = match config.role {
            Role::Relay { voter, addresses, seed, tuning } => {
                let id = (voter, config.replica);
                let (acceptor_state, grace) = (durable.acceptor_state, tuning.recovery_grace);
                let known = addresses.keys().copied().filter(|&other| other != voter).collect();
                let voter = Voter::recover(id, acceptor_state, durable.remembered, seed, (known, grace), now.monotonic);
                // A request must not get the name of one that the disk has forgotten.
                let asker = ReplicaId(SplitMix64::new(seed).draw());
                (Some(voter), addresses, asker, seed, tuning)
            }
            Role::Tab => (None, SortedMap::new(), config.replica, 0, Tuning::default()),
        };
        let of_snapshot = |snapshot: &Snapshot| snapshot.read().expect("a snapshot reads as written");
        let ledger = durable.snapshot.as_ref().map(of_snapshot).unwrap_or_default();
        // A relay's disk may be an older copy, and how far a lease was used then is not how far it was used. A tab that
        // loses its state is another replica.
        let leases = match voter {
            None => Leases::recover(&ledger, config.replica, durable.cursors),
            Some(_) => Leases::default(),
        };
        let requests = match voter {
            None => Requests::of_tab(asker, durable.request_seq, (durable.pending, durable.refused), now.monotonic),
            Some(_) => Requests::of_relay(asker, durable.request_seq, durable.pending, now.monotonic),
        };
        let highest = durable.context.highest(config.replica);
        let latest = durable.snapshot.as_ref().map(|snapshot| snapshot.at.slot);
        let snapshot_to_serve = durable.snapshot.filter(|_| voter.is_some());
        let core = Core {
            me: config.replica,
            schema: config.schema,
            tuning,
            clock: Hlc::default(),
            document: Watched::new(Document::recover(durable.context, SortedMap::new())),
            log: Watched::new(Log::recover(durable.log_start, durable.log, durable.decided)),
            ledger: Watched::new(ledger),
            applied: latest.unwrap_or_default(),
            outbox: Outbox::new(durable.decided),
            changes: Changes::default(),
        };
        Replica {
            core,
            numbers: NumberState::recover(seed, durable.raised, leases, requests.leasing()),
            agreement: Agreement {
                observers: Observers::new(durable.released),
                reads: Reads::default(),
                requests,
                heard_leader: None,
                snapshots: Snapshots::recover(snapshot_to_serve),
                other_logs: SortedSet::new(),
            },
            trust: Trust {
                distrust: durable.distrust.clone(),
                distrust_written: durable.distrust,
                given: SortedSet::new(),
            },
            user: UserState::new(LocalDurability::new(highest, durable.request_seq)),
            peers: Peers::new(addresses),
            role: match voter {
                Some(voter) => RoleState::Relay(Box::new(RelayState::new(voter))),
                None => {
                    let edits = (durable.stored, durable.sent, highest);
                    RoleState::Tab(Box::new(TabState::recover(edits, durable.unattested, durable.lost_numbers)))
                }
            },
        }
    }

    /// Applies what its disk says to be decided.
    fn catch_up(&mut self, now: Now) {
        self.reconfigured(now);
        self.retire_all();
        self.end_decided_requests(now);
        self.apply_decided(now);
        if let Some(tab) = self.role.tab_mut().filter(|tab| !tab.lost_numbers.is_empty()) {
            tab.orphanage.number_lost();
        }
        if !self.is_relay() {
            // A decision that needs no observer is final at once: no relay has to report it first.
            self.release(now);
        }
        self.core.changes.take();
    }
}
