//! The merge half of a room: records, and how documents become equal.
//!
//! A document is a map from records to sets of concurrent [versions](Version), under one causal context: the
//! `DotMap<RecordId, DotFun<Version>>` of Almeida, Shoker and Baquero ("Delta state replicated data types", 2018, §7).
//! A dot in the context without a version is superseded or removed. Nothing else remains of a removed record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crdt::{EditEvent, Field, FieldEdit, FieldKind, FieldName, Lattice, Version};
use crate::dot::{Dot, DotSet};
use crate::hlc::Stamp;
use crate::id::{RecordId, ReplicaId};
use crate::io::WriteOp;
use crate::split_mix::SplitMix64;

/// How many versions one delta of a resync carries at the most: a bound on the size of a message.
const VERSIONS_PER_DELTA: usize = 64;

/// The concurrent versions of one record.
pub type Versions = BTreeMap<Dot, Version>;

/// All records of a room as one replica knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Every dot seen. Invariant: holds the dots of all versions.
    context: DotSet,
    /// Invariant: no record without a version.
    records: BTreeMap<RecordId, Versions>,
    /// Invariant: for each version, its record; derived from `records`.
    index: BTreeMap<Dot, RecordId>,
    /// Invariant: the fingerprint of the dots in `index`.
    fingerprint: Fingerprint,
}

/// A hash of a set of live dots, kept up with every change. Two replicas that have seen the same can still differ in
/// what is live, where a message was lost that superseded something; their fingerprints tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(u64);

impl Fingerprint {
    fn insert(&mut self, dot: Dot) {
        self.0 = self.0.wrapping_add(Self::hash(dot));
    }

    fn remove(&mut self, dot: Dot) {
        self.0 = self.0.wrapping_sub(Self::hash(dot));
    }

    fn hash(dot: Dot) -> u64 {
        SplitMix64::new(SplitMix64::new(dot.replica.0).draw() ^ dot.counter).draw()
    }
}

impl<'a> FromIterator<&'a Dot> for Fingerprint {
    fn from_iter<I: IntoIterator<Item = &'a Dot>>(dots: I) -> Self {
        let mut fingerprint = Fingerprint::default();
        dots.into_iter().for_each(|&dot| fingerprint.insert(dot));
        fingerprint
    }
}

/// What changed by some edits: joined into any document, it has the effect of the edits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    pub versions: BTreeMap<RecordId, Versions>,
    /// The dots that this delta speaks of: one without a version here is superseded or removed.
    pub context: DotSet,
}

/// All that a replica has seen, and what of it is live. Ends a resync: what was seen and is not live is dead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub context: DotSet,
    pub live: DotSet,
}

/// A digest speaks of live versions that have not arrived: a part of the resync was lost, and it must be asked anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("versions that should have come before this digest are missing")]
pub struct Incomplete;

/// What happened to one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Added,
    Edited,
    Removed,
    /// Removed by one replica while another one edited it: the edit won, and the record is whole. A document, which
    /// keeps nothing of what was removed, takes it for added; the replica knows better.
    Restored,
}

/// A write to a last-writer-wins register that lost against a concurrent one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWrite {
    pub record: RecordId,
    pub field: FieldName,
    /// What was written, and is shown no more.
    pub value: String,
    pub by: ReplicaId,
    /// Milliseconds since the Unix epoch, by the author's clock.
    pub at_ms: u64,
    pub winner: ReplicaId,
}

/// What a merge did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// What was news here, to be passed on to the other peers. `None` if nothing was.
    pub news: Option<Delta>,
    /// The sender still holds these, but they are known to be dead: it is to be told.
    pub stale: DotSet,
    /// Each record that changed, how, and the edit that did it, where one did.
    pub changes: Vec<(RecordId, Change, Option<Dot>)>,
    pub lost: Vec<LostWrite>,
    pub writes: Vec<WriteOp>,
}

impl Document {
    /// A document read back from durable state.
    #[must_use]
    pub fn recover(context: DotSet, records: BTreeMap<RecordId, Versions>) -> Self {
        let index: BTreeMap<_, _> =
            records.iter().flat_map(|(&id, versions)| versions.keys().map(move |&dot| (dot, id))).collect();
        let fingerprint = index.keys().collect();
        Document { context, records, index, fingerprint }
    }

    #[must_use]
    pub fn context(&self) -> &DotSet {
        &self.context
    }

    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    #[must_use]
    pub fn records(&self) -> &BTreeMap<RecordId, Versions> {
        &self.records
    }

    /// The record as it reads: its concurrent versions merged field by field.
    #[must_use]
    pub fn read(&self, record: RecordId) -> Option<Version> {
        let mut versions = self.records.get(&record)?.values();
        let mut merged = versions.next()?.clone();
        for version in versions {
            merged.join(version);
        }
        Some(merged)
    }

    /// The dot of this replica's next edit.
    #[must_use]
    pub fn next_dot(&self, replica: ReplicaId) -> Dot {
        Dot::new(replica, self.context.highest(replica) + 1)
    }

    /// Edits fields of a record, which comes into being if it is new. `dot` is the edit's own, from
    /// [`next_dot`](Self::next_dot). Edits that are not for the kind of their field have no effect; the schema checks
    /// that before.
    pub fn edit(
        &mut self,
        record: RecordId,
        dot: Dot,
        stamp: Stamp,
        edits: Vec<(FieldName, FieldKind, FieldEdit)>,
    ) -> Merged {
        let mut version = self.read(record).unwrap_or_default();
        for (name, kind, edit) in edits {
            let field = version.fields.entry(name).or_insert_with(|| Field::new(kind));
            let _checked_before = field.edit(edit, EditEvent { dot, stamp, context: &self.context });
        }
        let mut delta = Delta { context: self.dots_of(record), ..Delta::default() };
        delta.context.insert(dot);
        delta.versions.insert(record, Versions::from([(dot, version)]));
        self.merge(delta)
    }

    /// Removes a record. The removal takes a dot too, so that replicas with equal contexts are equal.
    pub fn remove(&mut self, record: RecordId, dot: Dot) -> Merged {
        let mut delta = Delta { context: self.dots_of(record), ..Delta::default() };
        delta.context.insert(dot);
        self.merge(delta)
    }

    /// Joins a delta. Repeated, late and reordered deltas do no harm.
    pub fn merge(&mut self, delta: Delta) -> Merged {
        let mut merge = Merge::new(self);
        let dead = merge.held_in(&delta.context, |dot, record| {
            delta.versions.get(&record).is_none_or(|versions| !versions.contains_key(&dot))
        });
        for dot in dead {
            merge.drop_version(dot);
        }
        for (record, versions) in delta.versions {
            for (dot, version) in versions {
                merge.take_version(record, dot, version);
            }
        }
        merge.see(&delta.context);
        merge.finish()
    }

    /// Joins what a digest says, after the versions that it speaks of.
    ///
    /// # Errors
    /// [`Incomplete`] if some of them have not arrived; the document is then as it was.
    pub fn compare(&mut self, digest: &Digest) -> Result<Merged, Incomplete> {
        if !digest.live.is_subset(&self.context) {
            return Err(Incomplete);
        }
        let live_here = self.index.keys().copied().collect();
        let stale = digest.live.difference(&live_here);
        let mut merge = Merge::new(self);
        for dot in merge.held_in(&digest.context, |dot, _| !digest.live.contains(dot)) {
            merge.drop_version(dot);
        }
        merge.see(&digest.context);
        merge.merged.stale = stale;
        Ok(merge.finish())
    }

    /// Whether this document has nothing to tell one with this context and fingerprint: they are equal, or the other
    /// side has seen strictly more and tells.
    #[must_use]
    pub fn has_nothing_for(&self, theirs: &DotSet, fingerprint: Fingerprint) -> bool {
        self.context.is_subset(theirs) && (self.context != *theirs || self.fingerprint == fingerprint)
    }

    /// What a replica with the context `theirs` lacks: the versions in bounded deltas, and then the digest.
    /// `author` keeps it to the versions of one replica.
    #[must_use]
    pub fn missing(&self, theirs: &DotSet, author: Option<ReplicaId>) -> (Vec<Delta>, Digest) {
        let mut unseen = self.context.difference(theirs);
        if let Some(author) = author {
            unseen = unseen.of(author);
        }
        let lacking: Vec<_> = self.index.iter().filter(|&(&dot, _)| unseen.contains(dot)).collect();
        let chunks: Vec<_> = lacking.chunks(VERSIONS_PER_DELTA).collect();
        let mut after = None;
        let deltas = chunks.iter().enumerate().map(|(at, chunk)| {
            let last = chunk.last().map(|&(&dot, _)| dot);
            let until = if at + 1 < chunks.len() { last } else { None };
            // The dead dots between the versions go along: without them the context of the other side would be full of
            // holes until the digest.
            let mut delta = Delta { context: unseen.between(after, until), ..Delta::default() };
            after = last;
            for &(&dot, &record) in *chunk {
                delta.versions.entry(record).or_default().insert(dot, self.records[&record][&dot].clone());
            }
            delta
        });
        (deltas.collect(), Digest { context: self.context.clone(), live: self.index.keys().copied().collect() })
    }

    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        let mut held = 0;
        for (record, versions) in &self.records {
            assert!(!versions.is_empty(), "record {record} has no version");
            for dot in versions.keys() {
                assert_eq!(self.index.get(dot), Some(record), "version {dot} is not indexed");
                assert!(self.context.contains(*dot), "version {dot} is not in the context");
                held += 1;
            }
        }
        assert_eq!(held, self.index.len(), "the index speaks of versions that are not held");
        assert_eq!(
            self.index.keys().collect::<Fingerprint>(),
            self.fingerprint,
            "the fingerprint is not that of the index"
        );
    }

    fn dots_of(&self, record: RecordId) -> DotSet {
        self.records.get(&record).into_iter().flat_map(BTreeMap::keys).copied().collect()
    }
}

impl Lattice for Document {
    /// Joins the whole state of another replica, without deltas.
    fn join(&mut self, other: &Self) {
        self.merge(Delta { versions: other.records.clone(), context: other.context.clone() });
    }
}

/// One merge under way: applies it to the document and gathers what it did.
struct Merge<'a> {
    document: &'a mut Document,
    news: Delta,
    merged: Merged,
    /// The records touched, with how they were before.
    before: BTreeMap<RecordId, bool>,
}

impl<'a> Merge<'a> {
    fn new(document: &'a mut Document) -> Self {
        Merge { document, news: Delta::default(), merged: Merged::default(), before: BTreeMap::new() }
    }

    /// The dots held here that are in `dots` and meet `condition`.
    fn held_in(&self, dots: &DotSet, condition: impl Fn(Dot, RecordId) -> bool) -> Vec<Dot> {
        let held = dots.intervals().flat_map(|(replica, (start, end))| {
            self.document.index.range(Dot::new(replica, start)..=Dot::new(replica, end))
        });
        held.filter(|&(&dot, &record)| condition(dot, record)).map(|(&dot, _)| dot).collect()
    }

    fn drop_version(&mut self, dot: Dot) {
        let Some(record) = self.document.index.remove(&dot) else { return };
        self.document.fingerprint.remove(dot);
        self.before.entry(record).or_insert(true);
        let versions = self.document.records.get_mut(&record).expect("an indexed version has a record");
        versions.remove(&dot);
        if versions.is_empty() {
            self.document.records.remove(&record);
        }
        self.news.context.insert(dot);
        self.merged.writes.push(WriteOp::DropVersion { record, dot });
    }

    fn take_version(&mut self, record: RecordId, dot: Dot, version: Version) {
        let document = &mut *self.document;
        if document.index.contains_key(&dot) {
            return;
        }
        if document.context.contains(dot) {
            self.merged.stale.insert(dot);
            return;
        }
        let was_there = document.records.contains_key(&record);
        self.before.entry(record).or_insert(was_there);
        for other in document.records.get(&record).into_iter().flat_map(BTreeMap::values) {
            self.merged.lost.extend(lost_writes(record, &version, other));
        }
        self.merged.writes.push(WriteOp::PutVersion { record, dot, version: version.clone() });
        self.news.versions.entry(record).or_default().insert(dot, version.clone());
        document.index.insert(dot, record);
        document.fingerprint.insert(dot);
        document.records.entry(record).or_default().insert(dot, version);
    }

    /// Adds dots to the context, and those that it lacked to the news.
    fn see(&mut self, dots: &DotSet) {
        let versions = self.news.versions.values().flat_map(BTreeMap::keys).copied();
        let mut unseen: DotSet = versions.collect();
        unseen.join(&dots.difference(&self.document.context));
        if !unseen.is_empty() {
            let context = &mut self.document.context;
            context.join(&unseen);
            let mut changed = DotSet::default();
            unseen.replicas().for_each(|replica| changed.join(&context.of(replica)));
            self.merged.writes.push(WriteOp::PutContext(changed));
        }
        self.news.context.join(&unseen);
    }

    fn finish(mut self) -> Merged {
        for (&record, &was_there) in &self.before {
            let change = match (was_there, self.document.records.contains_key(&record)) {
                (false, true) => Change::Added,
                (true, true) => Change::Edited,
                (true, false) => Change::Removed,
                (false, false) => continue,
            };
            let edit = self.news.versions.get(&record).and_then(|versions| versions.keys().next_back()).copied();
            self.merged.changes.push((record, change, edit));
        }
        self.merged.news = (!self.news.context.is_empty()).then_some(self.news);
        self.merged
    }
}

/// The writes of two concurrent versions that lose against a write of the other version.
fn lost_writes(record: RecordId, one: &Version, two: &Version) -> Vec<LostWrite> {
    let mut lost = Vec::new();
    for (field, own) in &one.fields {
        let (Field::Lww(own), Some(Field::Lww(other))) = (own, two.fields.get(field)) else { continue };
        for (loser, winner) in [(own, other), (other, own)] {
            if let (Some(write), Some(winner)) = (loser.lost_to(winner), winner.latest()) {
                lost.push(LostWrite {
                    record,
                    field: field.clone(),
                    value: write.value.clone(),
                    by: write.dot.replica,
                    at_ms: write.stamp.wall_ms,
                    winner: winner.dot.replica,
                });
            }
        }
    }
    lost
}
