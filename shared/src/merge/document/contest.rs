//! Two contents under one dot: which of them stays.
//!
//! A dot names one edit. An author who lies, or who has lost its state, gives one dot to two edits, and sends them to
//! different replicas. Both contents are then the truth for somebody. All replicas must choose the same one, whichever
//! arrives first, so the choice is a maximum over what can be seen of the two: a total order of [claims](Rank). The
//! maximum of a set does not depend on the order of arrival, so documents still converge.

use std::collections::BTreeMap;

use super::fingerprint::Mark;
use super::merge::Outcome;
use super::{Document, Packed, Place, content_mark};
use crate::base::dot::{Dot, DotSet};
use crate::base::id::RecordId;
use crate::merge::rules::{InForce, Rules};

/// Who decides which of two contents stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arbiter {
    /// The order of claims: between replicas that may tell each other everything.
    Order,
    /// The sender: a relay to a tab. A tab may not bring a relay what others wrote, so that it has to follow.
    Sender,
    /// The receiver: between tabs of one browser, each of which follows its relay.
    Receiver,
}

/// One of several uses of a dot. The highest stays.
///
/// A dot by which a folded version lives outranks one that names a version, since the content of the latter is not known
/// any more where it was folded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_support: bool,
    mark: Mark,
    record: RecordId,
}

impl Rank {
    fn of(dot: Dot, Place { record, mark }: Place) -> Self {
        Rank { is_support: mark.is_of_support(dot), mark, record }
    }
}

impl Arbiter {
    /// Whether an incoming use of a dot takes the place of the one that is held.
    pub(super) fn prefers(self, dot: Dot, incoming: Place, held: Place) -> bool {
        match self {
            Arbiter::Order => InForce::stays(Rank::of(dot, incoming) > Rank::of(dot, held)),
            Arbiter::Sender => true,
            Arbiter::Receiver => false,
        }
    }

    /// Whether the sender of the content that does not stay would take the other one. Between two who do not follow each
    /// other, answers would have no end.
    pub(super) fn persuades(self) -> bool {
        self == Arbiter::Order
    }
}

impl Document {
    /// Decides about incoming versions whose dots are live here in other records. Those that win are admitted, and the dot
    /// dies where it was. Those that lose are taken out of `incoming`; gives their dots.
    pub(super) fn contest(&mut self, incoming: &mut BTreeMap<RecordId, Vec<Packed>>, outcome: &mut Outcome) -> DotSet {
        let mut refused = DotSet::default();
        for (&record, versions) in incoming.iter_mut() {
            versions.retain(|version| {
                let dot = version.head(record).dot;
                let is_beaten = self.is_beaten(dot, record, Some(version), outcome);
                if is_beaten {
                    refused.insert(dot);
                }
                !is_beaten
            });
            let folded: Vec<Dot> = versions.iter().flat_map(|version| supports(record, version)).collect();
            refused.join(&folded.into_iter().filter(|&dot| self.is_beaten(dot, record, None, outcome)).collect());
        }
        incoming.retain(|_, versions| !versions.is_empty());
        refused
    }

    /// Whether a dot that comes for a record stays where it is live. `version` is the one that it names, if it names one.
    fn is_beaten(&mut self, dot: Dot, record: RecordId, version: Option<&Packed>, outcome: &mut Outcome) -> bool {
        let Some(&held) = self.index.get(&dot).filter(|held| held.record != record) else { return false };
        let mark = match version {
            Some(version) => content_mark(record, &version.unpack(record)),
            None => Mark::of_support(dot),
        };
        outcome.merged.contested.insert(dot);
        if !outcome.arbiter.prefers(dot, Place { record, mark }, held) {
            if outcome.arbiter.persuades() {
                outcome.merged.stale.entry(held.record).or_default().insert(dot);
            }
            return true;
        }
        self.merge_record(held.record, &DotSet::from_iter([dot]), Vec::new(), outcome);
        outcome.admitted.insert(dot);
        false
    }
}

/// The dots that name some versions of a record, and those by which they live.
pub(super) fn named(record: RecordId, versions: &[Packed]) -> impl Iterator<Item = Dot> + '_ {
    let names = versions.iter().map(move |version| version.head(record).dot);
    names.chain(versions.iter().flat_map(move |version| supports(record, version)))
}

/// The dots by which a version lives, if it was folded.
fn supports(record: RecordId, version: &Packed) -> Vec<Dot> {
    if version.head(record).is_folded { version.unpack(record).folded } else { Vec::new() }
}
