//! The promises of Duet. The checker tests them after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::disk::LONGEST_FLUSH;
use super::model::{Model, Origin};
use super::violated::Violated;
use crate::base::dot::{Dot, DotSet};
use crate::base::encoding;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::consensus::{self, Ballot, Slot};
use crate::ledger::finality::Numbering;
use crate::ledger::{Entry, Keyed, Log, Outcome, Rejection, RequestId};
use crate::merge::crdt::{Field, Write};
use crate::merge::document::{Document, SoundVersions};
use crate::replica::Replica;
use crate::replica::io::{CommandId, Message, Recovered, Reply, Snapshot};
use crate::schema::NUMBER;

/// The state of a relay's disk, for the checker.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// The id of the relay, as a voter.
    pub voter: RelayId,
    /// The incarnation of its database.
    pub incarnation: ReplicaId,
    /// The state that is flushed to its disk.
    pub flushed: &'a Recovered,
    /// True if it has forgotten something under this incarnation.
    pub forgot: bool,
}

/// The state that a read must see.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// All that was told when it began.
    Linearizable(Slot),
    /// Everything that its reader had seen.
    Session(Slot),
}

/// The promises made and decisions seen so far, over all lives of all replicas.
#[derive(Debug, Default)]
pub struct Checker {
    pub(super) model: Model,
    pub(super) sound: SoundVersions,
    proposed: BTreeMap<(Slot, Ballot), Entry>,
    promised: BTreeMap<(RelayId, ReplicaId), Ballot>,
    /// Of what was promised, what somebody was told.
    promises_heard: BTreeMap<(RelayId, ReplicaId), Ballot>,
    /// The outcomes that users were told.
    told: BTreeMap<RequestId, Outcome>,
    /// Everything below was told to somebody.
    told_until: Slot,
    /// For each request and read what had been told when it began.
    requests_began: BTreeMap<RequestId, Slot>,
    reads_began: BTreeMap<CommandId, Read>,
    /// For which record a number was asked for.
    numberings: BTreeMap<CommandId, RecordId>,
    pub(super) provisional: u64,
    pub(super) leased: u64,
    pub(super) linearizable_reads: u64,
    pub(super) session_reads: u64,
    /// How far each tab has ever known the log.
    observers: BTreeMap<ReplicaId, Slot>,
    /// Under which key a relay was asked for something, and what was told of each HTTP request.
    keyed: BTreeMap<CommandId, Keyed>,
    told_under: BTreeMap<Keyed, Reply>,
    /// How far each relay was asked to raise the highest number, and has said that it did without the log.
    raises: BTreeMap<CommandId, u64>,
    raised: BTreeMap<ReplicaId, u64>,
    pub(super) raised_without_log: u64,
    /// The dots that tabs were told are durable.
    acknowledged: DotSet,
    /// Of each relay that has lost its disk, or what was new on it: when, and what it had.
    lost: BTreeMap<(RelayId, ReplicaId), (Duration, DotSet)>,
}

impl Checker {
    /// Checks that each slot has one entry at all replicas, and that a majority has it on disk when it is decided.
    pub fn check_log(&mut self, replica: &Replica, from: Slot, holders: &[Holder<'_>]) -> Result<(), Violated> {
        let log = replica.view().log();
        for slot in (from.0..log.decided().0).map(Slot) {
            let Some(accepted) = log.decision(slot) else { continue };
            match self.model.entry(slot) {
                Some(first) if first.entry != accepted.entry => {
                    let (first, second) = (first.entry.clone().into(), accepted.entry.clone().into());
                    return Err(Violated::Agreement { slot, first, second });
                }
                Some(_) => {}
                None => {
                    self.check_quorum(slot, &accepted.entry, holders)?;
                    let chain = log.chain_below(slot.plus(1)).expect("it is decided and held");
                    self.model.decide(accepted, chain)?;
                    self.check_order(slot, &accepted.entry)?;
                }
            }
        }
        let same = self.model.chain_below(log.decided()).is_none_or(|chain| chain == log.chain());
        if same { Ok(()) } else { Err(Violated::WrongSnapshot { slot: log.decided() }) }
    }

    /// Checks that a majority of the voters has a decided entry on disk.
    fn check_quorum(&self, slot: Slot, entry: &Entry, holders: &[Holder<'_>]) -> Result<(), Violated> {
        let Some(configuration) = self.model.voters_at(slot) else { return Ok(()) };
        let holds = |flushed: &Recovered| {
            slot < flushed.log_start.slot || flushed.log.get(&slot).is_some_and(|held| held.entry == *entry)
        };
        // Counted here, not by the rule under test. A vote counts that was given before its voter lost its disk.
        let may_have_held = configuration.voters.iter().filter(|&(&voter, &incarnation)| {
            let holder = holders.iter().find(|holder| (holder.voter, holder.incarnation) == (voter, incarnation));
            holder.is_none_or(|holder| holder.forgot || holds(holder.flushed))
        });
        let (number, holders) = (configuration.number, may_have_held.count());
        if 2 * holders > configuration.voters.len() {
            Ok(())
        } else {
            Err(Violated::NoQuorum { slot, number, holders })
        }
    }

    /// A request is decided behind everything that was told before it was made.
    fn check_order(&self, slot: Slot, entry: &Entry) -> Result<(), Violated> {
        let Entry::Command(request) = entry else { return Ok(()) };
        let floor = self.requests_began.get(&request.id).copied().unwrap_or_default();
        if slot >= floor { Ok(()) } else { Err(Violated::OutOfOrder { slot, floor }) }
    }

    /// Checks that a leader holds everything decided before it leads.
    pub fn check_leader(&self, replica: &Replica, ballot: Ballot) -> Result<(), Violated> {
        let log = replica.view().log();
        let holds = |slot: Slot, entry: &Entry| log.get(slot).is_some_and(|held| held.entry == *entry);
        match self.model.missing(log.decided(), ballot, holds) {
            Some(slot) => Err(Violated::LeaderLacks { ballot, slot }),
            None => Ok(()),
        }
    }

    /// Checks that a snapshot equals the fold of the log, byte for byte.
    pub fn check_snapshot(&self, snapshot: &Snapshot) -> Result<(), Violated> {
        let slot = snapshot.at.slot;
        let same =
            snapshot.ledger == self.model.fold_below(slot) && self.model.chain_below(slot) == Some(snapshot.at.chain);
        if same { Ok(()) } else { Err(Violated::WrongSnapshot { slot }) }
    }

    /// Checks a message as it leaves. A crash cannot take back a message that has left.
    pub fn check_send(&mut self, voter: Option<(RelayId, ReplicaId)>, message: &Message) -> Result<(), Violated> {
        match message {
            Message::Stored { context, .. } => self.acknowledged.join(context),
            Message::Paxos(message) => {
                let voter = voter.expect("only relays speak Paxos");
                match message {
                    consensus::Message::Promise { ballot, .. } | consensus::Message::Accepted { ballot, .. } => {
                        self.check_promise(voter, *ballot)?;
                    }
                    consensus::Message::Accept { ballot, first, entries, .. } => {
                        self.check_proposal(*ballot, *first, entries)?;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_promise(&mut self, voter: (RelayId, ReplicaId), ballot: Ballot) -> Result<(), Violated> {
        let promised = self.promised.entry(voter).or_insert(ballot);
        if ballot < *promised {
            return Err(Violated::PromiseFell { voter: voter.0, ballot, promised: *promised });
        }
        *promised = ballot;
        Ok(())
    }

    /// A vote has arrived at its receiver.
    pub fn vote_arrives(&mut self, voter: (RelayId, ReplicaId), message: &Message) {
        if let Message::Paxos(
            consensus::Message::Promise { ballot, .. } | consensus::Message::Accepted { ballot, .. },
        ) = message
        {
            let heard = self.promises_heard.entry(voter).or_insert(*ballot);
            *heard = (*ballot).max(*heard);
        }
    }

    /// A relay comes back with an older copy of its disk. A promise that was lost on its way has done nothing, and nobody
    /// can tell the relay of it.
    pub fn forgets(&mut self, voter: (RelayId, ReplicaId)) {
        match self.promises_heard.get(&voter) {
            Some(&heard) => drop(self.promised.insert(voter, heard)),
            None => drop(self.promised.remove(&voter)),
        }
    }

    fn check_proposal(&mut self, ballot: Ballot, first: Slot, entries: &[Entry]) -> Result<(), Violated> {
        for (offset, entry) in (0..).zip(entries) {
            let slot = first.plus(offset);
            if *self.proposed.entry((slot, ballot)).or_insert_with(|| entry.clone()) != *entry {
                return Err(Violated::TwoValuesUnderOneBallot { slot, ballot });
            }
        }
        Ok(())
    }

    /// A user makes a request, for the first time.
    pub fn request_begins(&mut self, request: RequestId) {
        self.requests_began.entry(request).or_insert(self.told_until);
    }

    /// A user begins to read, and wants to see what was told by now.
    pub fn read_begins(&mut self, read: CommandId) {
        self.reads_began.insert(read, Read::Linearizable(self.told_until));
    }

    /// A user begins to read, and wants to see the log below a slot.
    pub fn session_read_begins(&mut self, read: CommandId, seen: Slot) {
        self.reads_began.insert(read, Read::Session(seen));
    }

    /// Returns the slot below which the outcomes of the log have been told to users.
    #[must_use]
    pub fn told_until(&self) -> Slot {
        self.told_until
    }

    /// A tab knows the log below `decided`, in this life or an earlier one.
    pub fn tab_has(&mut self, tab: ReplicaId, decided: Slot) {
        let known = self.observers.entry(tab).or_default();
        *known = decided.max(*known);
    }

    /// Checks a reply as it leaves.
    pub fn check_reply(&mut self, teller: ReplicaId, id: CommandId, reply: &Reply) -> Result<(), Violated> {
        match *reply {
            Reply::Decided(request, outcome) => self.check_told(request, outcome),
            Reply::ReadAt { applied, .. } => {
                let (floor, count) = match self.reads_began.remove(&id).expect("what is answered was asked") {
                    Read::Linearizable(floor) => (floor, &mut self.linearizable_reads),
                    Read::Session(floor) => (floor, &mut self.session_reads),
                };
                *count += 1;
                if applied >= floor { Ok(()) } else { Err(Violated::StaleRead { applied, floor }) }
            }
            Reply::Numbered(numbering) => {
                let record = self.numberings.remove(&id).expect("what is answered was asked");
                self.check_numbered(teller, record, numbering)
            }
            Reply::Registered(record, Ok(numbering)) => self.check_numbered(teller, record, numbering),
            Reply::Raised { .. } => self.check_raised(teller, id),
            _ => Ok(()),
        }
    }

    /// Somebody asks a relay for something under a key.
    pub fn keyed_begins(&mut self, command: CommandId, keyed: Keyed) {
        self.keyed.insert(command, keyed);
    }

    /// Checks that an HTTP request under a key gets the same answer whenever and wherever it is repeated.
    pub fn check_keyed_reply(&mut self, id: CommandId, reply: &Reply) -> Result<(), Violated> {
        let Some(&keyed) = self.keyed.get(&id).filter(|_| *reply != Reply::UnderWay) else { return Ok(()) };
        let first = *self.told_under.entry(keyed).or_insert(*reply);
        if first == *reply {
            return Ok(());
        }
        Err(Violated::OtherAnswer { key: keyed.key, first: first.into(), again: (*reply).into() })
    }

    /// Somebody asks a relay to raise the highest number.
    pub fn raise_begins(&mut self, command: CommandId, number: u64) {
        self.raises.insert(command, number);
    }

    /// A relay has raised the highest number without the log, and as far as the log would have.
    fn check_raised(&mut self, by: ReplicaId, id: CommandId) -> Result<(), Violated> {
        let number = self.raises.remove(&id).expect("what is answered was asked");
        self.raised_without_log += 1;
        let (raised, most) = (number, self.model.furthest());
        if raised > most {
            return Err(Violated::RaisedTooFar { raised, most });
        }
        let told = self.raised.entry(by).or_default();
        *told = raised.max(*told);
        Ok(())
    }

    /// Checks after healing that the log has followed every raise that was made without it.
    pub fn check_raises(&self, node: usize, replica: &Replica) -> Result<(), Violated> {
        let raised = self.raised.values().copied().max().unwrap_or(0);
        let highest = replica.view().ledger().highest();
        if highest >= raised { Ok(()) } else { Err(Violated::RaiseLost { node, raised, highest }) }
    }

    /// A user asks for a number.
    pub fn numbering_begins(&mut self, command: CommandId, record: RecordId) {
        self.numberings.insert(command, record);
    }

    fn check_numbered(&mut self, by: ReplicaId, record: RecordId, numbering: Numbering) -> Result<(), Violated> {
        match numbering {
            Numbering::Provisional(_) => self.provisional += 1,
            Numbering::Final(number) => {
                let origin = self.model.told_final(by, record, number.into_inner())?;
                self.leased += u64::from(origin == Origin::Lease);
            }
        }
        Ok(())
    }

    /// Checks after healing that no provisional number is left.
    pub fn check_settled(relays: &[&Replica], node: usize, replica: &Replica) -> Result<(), Violated> {
        let view = replica.view();
        for record in view.document().records() {
            let version = view.document().read(record);
            let given = version.as_ref().and_then(|version| version.field(NUMBER)).map_or(&[][..], Field::writes);
            // The author of a number may be gone before any relay had it from there.
            let is_doubted = |write: &Write| relays.iter().all(|relay| relay.view().doubts(record, write));
            let is_open = |write: &&Write| !write.value.is_empty() && !view.ledger().is_settled(write.dot);
            if given.iter().filter(is_open).any(|write| !is_doubted(write)) {
                return Err(Violated::Unsettled { node, record });
            }
        }
        Ok(())
    }

    fn check_told(&mut self, request: RequestId, outcome: Outcome) -> Result<(), Violated> {
        // Two copies may ask for two things under one name.
        if outcome == Err(Rejection::Forgotten) || self.model.copied.contains(&request.replica) {
            return Ok(());
        }
        let done = self.model.done(request);
        let before = self.told.insert(request, outcome).unwrap_or(outcome);
        match done {
            Some((slot, now)) if now == outcome && before == outcome => {
                self.told_until = self.told_until.max(slot.plus(1));
                self.check_acknowledged(slot)
            }
            _ => Err(Violated::OutcomeChanged { request, told: before, now: done.map(|(_, now)| now) }),
        }
    }

    /// Checks that an outcome is visible when it is told: enough observers have it, or it was waived.
    fn check_acknowledged(&self, slot: Slot) -> Result<(), Violated> {
        let wanted = self.model.observers_wanted_since(slot);
        let seen = self.observers.values().filter(|&&known| known > slot).count();
        let waived = self.model.ledger().waived() > slot;
        if waived || seen >= wanted.into() { Ok(()) } else { Err(Violated::ToldTooEarly { slot, seen, wanted }) }
    }

    /// Checks that edits are on the disks of a majority when a tab is told so.
    pub fn check_majority(
        &self,
        now: Duration,
        (number, told): (u32, &DotSet),
        holders: &[Holder<'_>],
    ) -> Result<(), Violated> {
        let voters = self.model.configuration(number).map(|configuration| &configuration.voters);
        // Counted here, not by the rule under test.
        let holds = |id: (RelayId, ReplicaId), dot: Dot| {
            let lately = self.lost.get(&id).filter(|(at, _)| now < *at + LONGEST_FLUSH);
            let disk = holders.iter().find(|holder| (holder.voter, holder.incarnation) == id);
            lately.is_some_and(|(_, had)| had.contains(dot))
                || disk.is_some_and(|disk| disk.flushed.context.contains(dot))
        };
        let is_on_majority = |dot: &Dot| {
            voters.is_some_and(|voters| {
                let held = voters.iter().filter(|&(&voter, &incarnation)| holds((voter, incarnation), *dot));
                2 * held.count() > voters.len()
            })
        };
        let dots = told
            .intervals()
            .flat_map(|(replica, (start, end))| (start..=end).map(move |counter| Dot::new(replica, counter)));
        // Nothing lives by those up to which a replica is retired.
        let retired: BTreeMap<ReplicaId, u64> = self.model.ledger().retired().collect();
        let is_past = |dot: &Dot| retired.get(&dot.replica()).is_some_and(|&last| dot.counter() <= last);
        let missing: DotSet = dots.filter(|dot| !is_past(dot) && !is_on_majority(dot)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Violated::NotOnMajority { number, missing }) }
    }

    /// A relay is about to lose its disk, or its incarnation. Others may still report its edits for
    /// [`LONGEST_FLUSH`], until their own writes are flushed.
    pub fn loses(&mut self, now: Duration, holder: &Holder<'_>) {
        let had = holder.flushed.context.clone();
        self.lost.insert((holder.voter, holder.incarnation), (now, had));
        // What it alone knew of raises may be gone, too.
        self.raised.remove(&holder.incarnation);
    }

    /// All relays were restored from a backup. Nothing later than the backup was promised; the tabs bring what they
    /// know of it.
    pub fn restored(&mut self, at: Slot, log: &Log, context: &DotSet) -> Result<(), Violated> {
        self.model.restored(at, log)?;
        self.proposed.retain(|(slot, _), _| *slot < at);
        self.told.retain(|&request, _| self.model.done(request).is_some());
        self.told_until = self.told_until.min(at);
        self.requests_began.clear();
        self.reads_began.values_mut().for_each(|read| *read = Read::Linearizable(Slot(0)));
        self.observers.values_mut().for_each(|known| *known = (*known).min(at));
        self.raised.clear();
        self.told_under.clear();
        self.only_these_are_left(context);
        Ok(())
    }

    /// Some replica has lost its disk: what nobody else has is gone.
    pub fn only_these_are_left(&mut self, contexts: &DotSet) {
        self.acknowledged = self.acknowledged.intersection(contexts);
    }

    /// Checks that no acknowledged edit is missing.
    pub fn check_kept(&self, node: usize, replica: &Replica) -> Result<(), Violated> {
        let document = replica.view().document();
        let missing = document.without_retired(&self.acknowledged).difference(document.context());
        if missing.is_empty() { Ok(()) } else { Err(Violated::EditsLost { node, missing }) }
    }

    /// Checks that replicas that have exchanged everything are equal.
    pub fn check_equal(node: (usize, &Replica), first: (usize, &Replica)) -> Result<(), Violated> {
        let (view, other) = (node.1.view(), first.1.view());
        let what = if !view.document().is_as(other.document()) {
            documents_differ(view.document(), other.document())
        } else if (view.log().decided(), view.log().chain()) != (other.log().decided(), other.log().chain()) {
            format!("the log ends at {} and at {}", view.log().decided(), other.log().decided())
        } else if encoding::encode(view.ledger()) != encoding::encode(other.ledger()) {
            "the ledgers differ".to_owned()
        } else if view.unsaved_edits() > 0 && view.acceptor_state().is_none() {
            "edits of the tab are not acknowledged".to_owned()
        } else if view.edits_not_on_majority() > 0 && view.acceptor_state().is_none() {
            "edits of the tab are not known to be on a majority".to_owned()
        } else {
            return Ok(());
        };
        Err(Violated::NotConverged { node: node.0, first: first.0, what })
    }
}

fn documents_differ(ours: &Document, first: &Document) -> String {
    let (seen_more, seen_less) =
        (ours.context().difference(first.context()), first.context().difference(ours.context()));
    let records: BTreeSet<_> = ours.records().chain(first.records()).collect();
    let versions = records.into_iter().map(|record| (ours.versions(record), first.versions(record)));
    let different: Vec<_> = versions.filter(|(ours, first)| ours != first).collect();
    format!("it has seen {seen_more:?} more and {seen_less:?} less; it has, and the other has: {different:?}")
}
