//! Checking the invariants of a document, again and again.

use super::fingerprint::{Fingerprint, Mark};
use super::{Document, Live, LiveDot, Packed, Versions, content_mark};
use crate::base::dot::{Dot, DotSet};
use crate::base::id::RecordId;
use crate::base::sorted::SortedMap;

/// The state that passed the last check of a document. A record that is still the same, byte for byte, need not be
/// unpacked again. Everything that has changed is checked as if for the first time.
#[derive(Debug, Default)]
pub struct Audit {
    records: SortedMap<RecordId, Versions>,
    /// Invariant: the dots of `records`.
    index: SortedMap<Dot, LiveDot>,
    /// Invariant: that of the dots and marks in `index`.
    fingerprint: Fingerprint,
    /// Holds all dots in `index`, unless they have been added since.
    context: DotSet,
}

impl Document {
    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        Audit::default().check(self, &mut SoundVersions::default());
    }
}

/// Packed versions that were found sound. Equal bytes of one record are equal versions, so a version that was checked in one
/// document need not be checked again in another one.
#[derive(Debug, Default)]
pub struct SoundVersions {
    of: SortedMap<RecordId, Vec<Sound>>,
}

#[derive(Clone, Debug)]
struct Sound {
    version: Packed,
    dot: Dot,
    /// Of the content, packed anew.
    mark: Mark,
}

impl SoundVersions {
    /// Returns the dot and the mark of a version that is not folded. Panics if the version is not sound.
    fn check(&mut self, record: RecordId, version: &Packed) -> (Dot, Mark) {
        let known = self.of.entry(record).or_default();
        if let Some(sound) = known.iter().rev().find(|sound| sound.version == *version) {
            return (sound.dot, sound.mark);
        }
        let live = version.unpack(record);
        check_past(&live);
        assert!(live.folded.is_empty(), "the folded version {} is kept packed", live.dot);
        let (dot, mark) = (live.dot, content_mark(record, &live));
        known.push(Sound { version: version.clone(), dot, mark });
        (dot, mark)
    }
}

impl Audit {
    /// Panics if an invariant written on the fields of the document does not hold.
    pub fn check(&mut self, document: &Document, sound: &mut SoundVersions) {
        let has_changed = self.check_records(&document.records, sound);
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
    fn check_records(&mut self, records: &SortedMap<RecordId, Versions>, sound: &mut SoundVersions) -> bool {
        let mut before = self.records.iter().peekable();
        let (mut outdated, mut changed) = (Vec::new(), Vec::new());
        for (record, versions) in records {
            while let Some((gone, _)) = before.next_if(|(earlier, _)| *earlier < record) {
                outdated.push(*gone);
            }
            match before.next_if(|(same, _)| *same == record) {
                Some((_, held)) if held == versions => {}
                held => {
                    outdated.extend(held.map(|_| *record));
                    changed.push((*record, versions));
                }
            }
        }
        outdated.extend(before.map(|(gone, _)| *gone));
        for record in &outdated {
            let gone = self.records.remove(record);
            gone.iter().for_each(|versions| self.drop_dots(*record, versions));
        }
        for &(record, versions) in &changed {
            self.check_versions(record, versions, sound);
            self.records.insert(record, versions.clone());
        }
        !(outdated.is_empty() && changed.is_empty())
    }

    fn drop_dots(&mut self, record: RecordId, versions: &Versions) {
        for dot in versions.dots(record) {
            if let Some(place) = self.index.remove(&dot) {
                self.fingerprint.remove(dot, place.mark);
            }
        }
    }

    fn check_versions(&mut self, record: RecordId, versions: &Versions, sound: &mut SoundVersions) {
        let versions = match versions {
            Versions::One(version) => {
                let (dot, mark) = sound.check(record, version);
                return self.enter(dot, LiveDot { record, mark });
            }
            Versions::Many(versions) => versions,
        };
        for live in versions.iter() {
            check_past(live);
            self.enter(live.dot, LiveDot { record, mark: content_mark(record, live) });
        }
        for &dot in versions.iter().flat_map(|live| &live.folded) {
            match self.index.get(&dot) {
                None => self.enter(dot, LiveDot { record, mark: Mark::of_support(dot) }),
                Some(place) => assert_eq!(place.record, record, "{dot} is live in two records"),
            }
        }
    }

    fn enter(&mut self, dot: Dot, place: LiveDot) {
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
