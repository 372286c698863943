//! The promises that must never be broken, checked after every step.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::document::Document;
use crate::dot::DotSet;
use crate::id::VoterId;
use crate::io::Message;
use crate::ledger::{ClaimId, Outcome};
use crate::paxos::{self, Ballot, Entry, Slot};
use crate::replica::Replica;

/// A promise was broken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violated {
    #[error("slot {slot} was decided as {first:?} and as {second:?}")]
    Agreement { slot: Slot, first: Entry, second: Entry },
    #[error("slot {slot} holds two values under ballot {ballot}")]
    TwoValuesUnderOneBallot { slot: Slot, ballot: Ballot },
    #[error("{voter} took part in ballot {ballot} after it had promised {promised}")]
    PromiseFell { voter: VoterId, ballot: Ballot, promised: Ballot },
    #[error("the outcome of {claim:?} was told as {told:?}, and is {now:?}")]
    OutcomeChanged { claim: ClaimId, told: Outcome, now: Option<Outcome> },
    #[error("edits that were acknowledged are missing at replica {node}: {missing:?}")]
    EditsLost { node: usize, missing: DotSet },
    #[error("replica {node} differs from replica 0 after everything healed: {what}")]
    NotConverged { node: usize, what: String },
    #[error("wishes are still undecided after everything healed")]
    Undecided,
}

/// What has been promised and seen so far, over all lives of all replicas.
#[derive(Debug, Default)]
pub struct Checker {
    decided: BTreeMap<Slot, Entry>,
    proposed: BTreeMap<(Slot, Ballot), Entry>,
    promised: BTreeMap<VoterId, Ballot>,
    /// The outcomes that users were told.
    told: BTreeMap<ClaimId, Outcome>,
    /// The dots that tabs were told are durable.
    acknowledged: DotSet,
}

impl Checker {
    /// Invariant 1 of DESIGN: one value per slot, whoever learns it.
    pub fn check_log(&mut self, replica: &Replica, from: Slot) -> Result<(), Violated> {
        let log = replica.view().log();
        for slot in (from.0..log.decided().0).map(Slot) {
            let second = log.decision(slot).expect("the decided log has no gap").entry;
            let first = *self.decided.entry(slot).or_insert(second);
            if first != second {
                return Err(Violated::Agreement { slot, first, second });
            }
        }
        Ok(())
    }

    /// Looks at a message as it leaves: what has left cannot be taken back by a crash.
    pub fn check_send(&mut self, voter: Option<VoterId>, message: &Message) -> Result<(), Violated> {
        match message {
            Message::Stored { context } => self.acknowledged.join(context),
            Message::Paxos(message) => {
                let voter = voter.expect("only relays speak Paxos");
                match message {
                    paxos::Message::Promise { ballot, .. } | paxos::Message::Accepted { ballot, .. } => {
                        self.check_promise(voter, *ballot)?;
                    }
                    paxos::Message::Accept { ballot, first, entries, .. } => {
                        self.check_proposal(*ballot, *first, entries)?;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_promise(&mut self, voter: VoterId, ballot: Ballot) -> Result<(), Violated> {
        let promised = self.promised.entry(voter).or_insert(ballot);
        if ballot < *promised {
            return Err(Violated::PromiseFell { voter, ballot, promised: *promised });
        }
        *promised = ballot;
        Ok(())
    }

    fn check_proposal(&mut self, ballot: Ballot, first: Slot, entries: &[Entry]) -> Result<(), Violated> {
        for (offset, &entry) in (0..).zip(entries) {
            let slot = first.plus(offset);
            if *self.proposed.entry((slot, ballot)).or_insert(entry) != entry {
                return Err(Violated::TwoValuesUnderOneBallot { slot, ballot });
            }
        }
        Ok(())
    }

    pub fn told(&mut self, claim: ClaimId, outcome: Outcome) {
        self.told.insert(claim, outcome);
    }

    /// Nothing that was acknowledged is missing.
    pub fn check_kept(&self, node: usize, replica: &Replica) -> Result<(), Violated> {
        let view = replica.view();
        for (&claim, &told) in &self.told {
            let now = view.ledger().outcome(claim);
            if now != Some(told) {
                return Err(Violated::OutcomeChanged { claim, told, now });
            }
        }
        let missing = self.acknowledged.difference(view.document().context());
        if missing.is_empty() { Ok(()) } else { Err(Violated::EditsLost { node, missing }) }
    }

    /// Replicas that have exchanged everything are equal.
    pub fn check_equal(node: usize, replica: &Replica, first: &Replica) -> Result<(), Violated> {
        let (view, first) = (replica.view(), first.view());
        let what = if view.document() != first.document() {
            documents_differ(view.document(), first.document())
        } else if view.log().decided() != first.log().decided() {
            "the logs differ in length".to_owned()
        } else if view.ledger() != first.ledger() {
            "the ledgers differ".to_owned()
        } else if view.unsaved_edits() > 0 && view.promised().is_none() {
            "edits of the tab are not acknowledged".to_owned()
        } else {
            return Ok(());
        };
        Err(Violated::NotConverged { node, what })
    }
}

fn documents_differ(ours: &Document, first: &Document) -> String {
    let (seen_more, seen_less) =
        (ours.context().difference(first.context()), first.context().difference(ours.context()));
    let records: BTreeSet<_> = ours.records().chain(first.records()).collect();
    let versions = records.into_iter().map(|record| (ours.versions(record), first.versions(record)));
    let different: Vec<_> = versions.filter(|(ours, first)| ours != first).collect();
    format!("it has seen {seen_more:?} more and {seen_less:?} less; it has, and replica 0 has: {different:?}")
}
