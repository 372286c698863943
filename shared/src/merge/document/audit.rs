//! Checking the invariants of a document, again and again.

use std::collections::BTreeMap;

use super::fingerprint::{Fingerprint, Mark};
use super::{Document, Live, Place, Versions, content_mark};
use crate::base::dot::{Dot, DotSet};
use crate::base::id::RecordId;

/// The state that passed the last check of a document. A record that is still the same, byte for byte, need not be
/// unpacked again. Everything that has changed is checked as if for the first time.
#[derive(Debug, Default)]
pub struct Audit {
    /// In the order of their ids.
    records: Vec<(RecordId, Versions)>,
    /// Invariant: the dots of `records`.
    index: BTreeMap<Dot, Place>,
    /// Invariant: that of the dots and marks in `index`.
    fingerprint: Fingerprint,
    /// Holds all dots in `index`, unless they have been added since.
    context: DotSet,
}

impl Document {
    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        Audit::default().check(self);
    }
}

impl Audit {
    /// Panics if an invariant written on the fields of the document does not hold.
    pub fn check(&mut self, document: &Document) {
        let has_changed = self.check_records(&document.records);
        assert_eq!(self.index, document.index, "the index is not that of the versions");
        assert_eq!(self.fingerprint, document.fingerprint, "the fingerprint is not that of the index");
        if has_changed || self.context != document.context {
            let unseen = self.index.keys().find(|&&dot| !document.context.contains(dot));
            assert_eq!(unseen, None, "a live dot is not in the context");
            self.context.clone_from(&document.context);
        }
        check_retired(document);
    }

    /// Says whether any record has changed.
    fn check_records(&mut self, records: &BTreeMap<RecordId, Versions>) -> bool {
        let mut before = std::mem::replace(&mut self.records, Vec::with_capacity(records.len())).into_iter().peekable();
        let (mut outdated, mut changed) = (Vec::new(), Vec::new());
        for (&record, versions) in records {
            while let Some(gone) = before.next_if(|(earlier, _)| *earlier < record) {
                outdated.push(gone);
            }
            match before.next_if(|(same, _)| *same == record) {
                Some((_, held)) if held == *versions => self.records.push((record, held)),
                held => {
                    outdated.extend(held);
                    changed.push((record, versions));
                    self.records.push((record, versions.clone()));
                }
            }
        }
        outdated.extend(before);
        outdated.iter().for_each(|(record, versions)| self.drop_dots(*record, versions));
        changed.iter().for_each(|(record, versions)| self.check_versions(*record, versions));
        !(outdated.is_empty() && changed.is_empty())
    }

    fn drop_dots(&mut self, record: RecordId, versions: &Versions) {
        for dot in versions.dots(record) {
            if let Some(place) = self.index.remove(&dot) {
                self.fingerprint.remove(dot, place.mark);
            }
        }
    }

    fn check_versions(&mut self, record: RecordId, versions: &Versions) {
        let versions = versions.unpack(record);
        for live in &versions {
            check_past(live);
            self.enter(live.dot, Place { record, mark: content_mark(record, live) });
        }
        for &dot in versions.iter().flat_map(|live| &live.folded) {
            match self.index.get(&dot) {
                None => self.enter(dot, Place { record, mark: Mark::of_support(dot) }),
                Some(place) => assert_eq!(place.record, record, "{dot} is live in two records"),
            }
        }
    }

    fn enter(&mut self, dot: Dot, place: Place) {
        let other = self.index.insert(dot, place);
        assert_eq!(other.map(|other| other.record), None, "{dot} names two versions");
        self.fingerprint.insert(dot, place.mark);
    }
}

fn check_past(live: &Live) {
    assert!(live.version.past.contains(live.dot), "version {} is not in its own past", live.dot);
}

fn check_retired(document: &Document) {
    for (&replica, &last) in &document.retired {
        for (_, (start, end)) in document.context.of(replica).intervals().filter(|(_, (start, _))| *start <= last) {
            let mut dots = (start..=end.min(last)).map(|counter| Dot::new(replica, counter));
            let are_live = dots.all(|dot| document.index.contains_key(&dot));
            assert!(are_live, "the context has dead dots of the retired {replica}");
        }
    }
}
