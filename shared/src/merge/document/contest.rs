//! Where a dot comes with another content than it has here, the [`Arbiter`](super::Arbiter)'s choice is carried out.

use super::fingerprint::Mark;
use super::merge_progress::MergeProgress;
use super::{Document, LiveDot, Packed, content_mark};
use crate::base::dot::{Dot, DotSet};
use crate::base::id::RecordId;
use crate::base::sorted::SortedMap;

impl Document {
    /// Decides about incoming versions whose dots are live here in other records. Those that win are admitted, and the dot
    /// dies where it was. Those that lose are taken out of `incoming`; gives their dots.
    pub(super) fn contest(
        &mut self,
        incoming: &mut SortedMap<RecordId, Vec<Packed>>,
        outcome: &mut MergeProgress,
    ) -> DotSet {
        let mut refused = DotSet::default();
        for (&record, versions) in incoming.iter_mut() {
            let mut folded = Vec::new();
            versions.retain(|version| {
                let head = version.head(record);
                let is_beaten = self.is_beaten(head.dot, record, Some(version), outcome);
                if is_beaten {
                    refused.insert(head.dot);
                } else if head.is_folded {
                    folded.extend(version.unpack(record).folded);
                }
                !is_beaten
            });
            refused.join(&folded.into_iter().filter(|&dot| self.is_beaten(dot, record, None, outcome)).collect());
        }
        incoming.retain(|_, versions| !versions.is_empty());
        refused
    }

    /// Whether a dot that comes for a record stays where it is live. `version` is the one that it names, if it names one.
    fn is_beaten(&mut self, dot: Dot, record: RecordId, version: Option<&Packed>, outcome: &mut MergeProgress) -> bool {
        let Some(&held) = self.index.get(&dot).filter(|held| held.record != record) else { return false };
        let mark = match version {
            Some(version) => content_mark(record, &version.unpack(record)),
            None => Mark::of_support(dot),
        };
        outcome.merged.contested.insert(dot);
        if !outcome.arbiter.prefers(dot, LiveDot { record, mark }, held) {
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
    versions.iter().flat_map(move |version| {
        let head = version.head(record);
        let folded = if head.is_folded { version.unpack(record).folded } else { Vec::new() };
        std::iter::once(head.dot).chain(folded)
    })
}
