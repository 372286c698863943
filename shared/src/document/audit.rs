//! Checking the invariants of a document, again and again.

use std::collections::BTreeMap;

use super::fingerprint::Fingerprint;
use super::{Document, Live, Versions};
use crate::dot::{Dot, DotSet};
use crate::id::RecordId;

/// What was found sound when a document was checked last. A record that is still the same, byte for byte, need not be
/// unpacked again; whatever has changed is checked as if for the first time.
#[derive(Debug, Default)]
pub struct Audit {
    /// In the order of their ids.
    records: Vec<(RecordId, Versions)>,
    /// Invariant: the dots of `records`.
    index: BTreeMap<Dot, RecordId>,
    /// Invariant: that of the dots in `index`.
    fingerprint: Fingerprint,
    /// Holds all dots in `index`, unless they have been added since.
    context: DotSet,
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
            if self.index.remove(&dot).is_some() {
                self.fingerprint.remove(dot);
            }
        }
    }

    fn check_versions(&mut self, record: RecordId, versions: &Versions) {
        match versions {
            Versions::One(version) => check_past(&version.unpack(record)),
            Versions::Many(versions) => versions.iter().for_each(check_past),
        }
        for dot in versions.dots(record) {
            match self.index.insert(dot, record) {
                None => self.fingerprint.insert(dot),
                Some(other) => assert_eq!(other, record, "{dot} is live in two records"),
            }
        }
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
