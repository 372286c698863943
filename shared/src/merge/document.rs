//! The merge half of a room: records, and how documents become equal.
//!
//! A document is a map from records to sets of concurrent [versions](Version), under one causal context: the
//! `DotMap<RecordId, DotFun<Version>>` of Almeida, Shoker and Baquero ("Delta state replicated data types", 2018, §7).
//! A dot in the context that is not live is superseded or removed. Nothing else remains of a removed record.
//!
//! A change of a record travels as an [`Edit`], which needs the versions that it builds on, or as a [`Delta`] of
//! whole versions, which needs nothing.

mod arbiter;
mod audit;
mod contest;
mod edit;
mod fingerprint;
mod live;
mod merge;
mod merge_progress;
mod packed;
mod resync;
mod retire;
mod superseded;
mod write;

pub use arbiter::Arbiter;
pub use audit::{Audit, SoundVersions};
pub use edit::Edit;
pub use live::Live;
pub use packed::{Packed, Versions};
pub use resync::{Comparison, Digest, Liveness};
pub use retire::NotYet;
pub(crate) use retire::dots_up_to;
pub use write::DocumentWrite;

use std::ops::RangeInclusive;

use thiserror::Error;

use crate::base::dot::{Dot, DotSet, NotDots};
use crate::base::hlc::Stamp;
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::{SortedMap, SortedSet};
use crate::merge::crdt::{Field, Lattice, Version};
use crate::schema::{FieldId, Op};

use fingerprint::{Fingerprint, Mark};
use superseded::Superseded;

/// How long a version may be, in bytes: a bound on the frames that carry versions whole.
pub const MAX_VERSION_BYTES: usize = 1 << 20;

/// All records of a room as one replica knows them.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Every dot seen. Invariant: holds all live dots.
    context: DotSet,
    records: SortedMap<RecordId, Versions>,
    /// The live dots. Invariant: the dots by which the versions of `records` live, and those that name them.
    index: SortedMap<Dot, LiveDot>,
    /// Invariant: that of the dots and marks in `index`.
    fingerprint: Fingerprint,
    /// Replicas that are retired, with the counter of the last dot up to which they are. Invariant: of their dots up to
    /// there the context has those that are live, and no others.
    retired: SortedMap<ReplicaId, u64>,
    superseded: Superseded,
}

/// Documents are equal that have seen the same and hold the same.
impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.context == other.context && self.records == other.records
    }
}

/// Where a live dot belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LiveDot {
    record: RecordId,
    /// Of the version that the dot names, or of a dot by which a folded version lives.
    mark: Mark,
}

/// Some versions whole: joined into any document, they have the effect of the edits that led to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The dots that this delta speaks of: one by which no version here lives is superseded or removed.
    pub context: DotSet,
    /// The versions, each with its record.
    pub versions: Vec<(RecordId, Packed)>,
    /// How many versions the sender still has for the receiver after these: for people to see.
    pub remaining: u64,
}

impl Delta {
    /// All dots that the delta speaks of, those by which its versions live among them.
    #[must_use]
    pub fn dots(&self) -> DotSet {
        let mut dots = self.context.clone();
        for (record, version) in &self.versions {
            let head = version.head(*record);
            dots.insert(head.dot);
            if head.is_folded {
                dots.join(&version.unpack(*record).folded.into_iter().collect());
            }
        }
        dots
    }
}

/// A change of the document that is passed on to other peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An edit, on its own.
    Edit(Edit),
    /// Whole versions.
    Delta(Delta),
}

/// Why an edit cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It builds on versions that are not here, or are others here: the record is needed whole, with what became of these
    /// dots.
    MissingBase {
        /// The record that is needed whole.
        record: RecordId,
        /// The missing dots, whose fate the sender of the edit must tell.
        dots: DotSet,
    },
    /// It would make a version longer than [`MAX_VERSION_BYTES`].
    TooLarge,
}

/// A replica has used the last dot that there is under its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the id {replica} can name no more edits: go on under a new id")]
pub struct OutOfDots {
    /// The id that has no dots left.
    pub replica: ReplicaId,
}

/// A change of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The record is new here.
    Added,
    /// The record was edited.
    Edited,
    /// Edited by replicas that had not seen one another's edits: the record now reads as nobody has written it.
    Merged,
    /// The record was removed.
    Removed,
    /// Removed by one replica while another one edited it: the edit won, and the record is whole. A document, which
    /// keeps nothing of what was removed, takes it for added; the replica knows better.
    Restored,
}

/// A write to a last-writer-wins register that lost against a concurrent one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWrite {
    /// The record of the write.
    pub record: RecordId,
    /// The field of the write.
    pub field: FieldId,
    /// The value that was written and is not shown any more.
    pub value: String,
    /// The author of the write that lost.
    pub by: ReplicaId,
    /// Milliseconds since the Unix epoch, by the author's clock.
    pub at_ms: u64,
    /// The author of the write that won.
    pub winner: ReplicaId,
}

/// The result of a merge.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The part that was new here, to be passed on; `None` if nothing was.
    pub news: Option<News>,
    /// The sender still holds these, but they are known to be dead: it is to be told.
    pub stale: SortedMap<RecordId, DotSet>,
    /// Each record that may read otherwise than before, whether or not people need to be told.
    pub touched: Vec<RecordId>,
    /// Each record that changed, how, and the edit that did it, where one did.
    pub changes: Vec<(RecordId, Change, Option<Dot>)>,
    /// Writes to last-writer-wins registers that lost against concurrent ones.
    pub lost: Vec<LostWrite>,
    /// The dots that were live, and are not any more.
    pub died: Vec<(RecordId, Dot)>,
    /// The dots that came with another content than they have here: their authors lie, or have lost their state.
    pub contested: DotSet,
    /// The changes to make durable, in this order.
    pub writes: Vec<DocumentWrite>,
}

impl Document {
    /// A document read back from durable state.
    #[must_use]
    pub fn recover(context: DotSet, records: SortedMap<RecordId, SortedMap<Dot, Packed>>) -> Self {
        let mut document = Document { context, ..Document::default() };
        for (record, versions) in records {
            document.recover_record(record, versions.into_values().collect());
        }
        document
    }

    /// Takes in one more record that was read back, with its versions. A version whose replica was retired before is
    /// live all the same.
    pub(crate) fn recover_record(&mut self, record: RecordId, mut versions: Vec<Packed>) {
        let versions = match &versions[..] {
            [only] if !only.head(record).is_folded => {
                let mark = Mark::of_version(record, only);
                self.put_live(only.head(record).dot, LiveDot { record, mark });
                versions.pop().map(Versions::One)
            }
            several => {
                let several: Vec<Live> = several.iter().map(|packed| packed.unpack(record)).collect();
                several.iter().for_each(|live| self.set_live(record, live));
                Versions::new(record, several, None)
            }
        };
        let Some(versions) = versions else { return };
        for dot in versions.dots(record).filter(|dot| self.retired.contains_key(&dot.replica())) {
            self.context.insert(dot);
        }
        self.records.insert(record, versions);
    }

    /// Returns the causal context: all dots that this replica has seen.
    #[must_use]
    pub fn context(&self) -> &DotSet {
        &self.context
    }

    /// A hash of all that is live, with its content.
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        self.fingerprint.whole()
    }

    /// The records there are, in the order of their ids.
    pub fn records(&self) -> impl ExactSizeIterator<Item = RecordId> + '_ {
        self.records.keys().copied()
    }

    /// Returns true if the record is here and not removed.
    #[must_use]
    pub fn contains(&self, record: RecordId) -> bool {
        self.records.contains_key(&record)
    }

    /// The concurrent versions of a record, in the order of their dots; none if there is no such record.
    #[must_use]
    pub fn versions(&self, record: RecordId) -> Vec<Live> {
        self.records.get(&record).map_or_else(Vec::new, |versions| versions.unpack(record))
    }

    /// Whether there is such a record, or was.
    #[must_use]
    pub fn knows_record(&self, record: RecordId) -> bool {
        self.contains(record) || self.knows(record.0)
    }

    /// How many concurrent versions a record has.
    #[must_use]
    pub fn version_count(&self, record: RecordId) -> usize {
        self.records.get(&record).map_or(0, Versions::len)
    }

    /// The records with versions that live by some of these dots, in order.
    #[must_use]
    pub fn records_living_by(&self, dots: &DotSet) -> Vec<RecordId> {
        let records: SortedSet<RecordId> = self.live_in(dots).map(|(_, record)| record).collect();
        records.into_iter().collect()
    }

    /// The dots that name the concurrent versions of a record.
    #[must_use]
    pub fn version_dots(&self, record: RecordId) -> Vec<Dot> {
        self.records.get(&record).map_or_else(Vec::new, |versions| versions.names(record).collect())
    }

    /// The versions of the records in a range, in the order of their dots, each with the dot that names it.
    pub fn packed(&self, records: RangeInclusive<RecordId>) -> impl Iterator<Item = (RecordId, Dot, Packed)> + '_ {
        self.records.range(records).flat_map(|(&record, versions)| {
            let named = versions.names(record).zip(versions.packed(record));
            named.map(move |(dot, version)| (record, dot, version))
        })
    }

    /// The record as it reads: its concurrent versions merged field by field.
    #[must_use]
    pub fn read(&self, record: RecordId) -> Option<Version> {
        merged(self.versions(record).into_iter().map(|live| live.version))
    }

    /// Returns one field of the record as it reads; `None` if there is no such record, or it does not have the field.
    pub(crate) fn field(&self, record: RecordId, id: FieldId) -> Option<Field> {
        match self.records.get(&record)? {
            Versions::One(version) => version.field(record, id),
            Versions::Many(versions) => reading(versions)?.field(id).cloned(),
        }
    }

    /// The dot of this replica's next edit.
    ///
    /// # Errors
    /// [`OutOfDots`].
    pub fn next_dot(&self, replica: ReplicaId) -> Result<Dot, OutOfDots> {
        Dot::try_new(replica, self.context.highest(replica) + 1).map_err(|NotDots| OutOfDots { replica })
    }

    /// Edits a record, which comes into being if it is not there. `dot` is the edit's own, from
    /// [`next_dot`](Self::next_dot). Ops that are not for the kind of their field have no effect; the schema checks that
    /// before.
    ///
    /// # Errors
    /// [`Unfit::TooLarge`]; the document is then as it was.
    pub fn edit(&mut self, record: RecordId, dot: Dot, stamp: Stamp, ops: Vec<Op>) -> Result<Merged, Unfit> {
        self.edit_versions((record, self.versions(record)), dot, stamp, ops)
    }

    /// Edits a record as it reads with these versions, from [`base_of`](Self::base_of): the edit supersedes them alone.
    ///
    /// # Errors
    /// [`Unfit::TooLarge`]; the document is then as it was.
    pub fn edit_versions(
        &mut self,
        (record, versions): (RecordId, Vec<Live>),
        dot: Dot,
        stamp: Stamp,
        ops: Vec<Op>,
    ) -> Result<Merged, Unfit> {
        let base = versions.iter().map(|live| live.dot).collect();
        let superseded = versions.iter().flat_map(|live| live.folded.iter().copied()).collect();
        self.make(Edit { record, dot, stamp, base, superseded, folds: false, result: 0, ops }, versions)
    }

    /// The versions that an edit by `author` builds on who has seen the versions `seen`, and since then only edits of its
    /// own: a version's past holds all earlier edits of its author.
    #[must_use]
    pub fn base_of(&self, record: RecordId, author: ReplicaId, mut seen: Vec<Live>) -> Vec<Live> {
        // What was seen under an id that this replica has no more.
        seen.retain(|live| self.knows(live.dot));
        if seen.is_empty() {
            return self.versions(record);
        }
        let own = |live: &Live| live.version.past.latest_of(author);
        let latest = seen.iter().map(own).max().flatten();
        seen.extend(self.versions(record).into_iter().filter(|live| own(live) > latest));
        seen.sort_by_key(|live| live.dot);
        seen
    }

    /// Folds the concurrent versions of a record into one that reads the same. `dot` is the fold's own. A removal that
    /// has seen the folded edits, but not the fold, still removes them.
    ///
    /// # Errors
    /// [`Unfit::TooLarge`]; the document is then as it was.
    pub fn fold(&mut self, record: RecordId, dot: Dot) -> Result<Merged, Unfit> {
        let versions = self.versions(record);
        let base = versions.iter().map(|live| live.dot).collect();
        let stamp = versions.iter().map(|live| live.version.stamp).max().unwrap_or_default();
        let superseded = DotSet::default();
        let edit = Edit { record, dot, stamp, base, superseded, folds: true, result: 0, ops: Vec::new() };
        self.make(edit, versions)
    }

    /// Removes a record. The removal takes a dot too, so that replicas with equal contexts are equal.
    pub fn remove(&mut self, record: RecordId, dot: Dot) -> Merged {
        let mut delta =
            Delta { context: self.versions(record).iter().flat_map(Live::dots).collect(), ..Delta::default() };
        delta.context.insert(dot);
        self.merge(delta)
    }

    /// Brings a removed record back as it was, by an edit of its own: its values keep their authors, and its counters
    /// count nothing twice.
    pub fn revive(&mut self, record: RecordId, dot: Dot, stamp: Stamp, mut version: Version) -> Merged {
        version.edit(dot, stamp, []);
        let live = Live { dot, folded: Vec::new(), version };
        let versions = vec![(record, Packed::new(record, &live))];
        self.merge(Delta { context: DotSet::default(), versions, remaining: 0 })
    }

    /// Carries out an edit that another replica made.
    ///
    /// # Errors
    /// See [`Unfit`]; the document is then as it was.
    pub fn apply(&mut self, edit: Edit) -> Result<Merged, Unfit> {
        let needs_whole = |edit: &Edit| Unfit::MissingBase { record: edit.record, dots: edit.context() };
        if let Some(place) = self.index.get(&edit.dot)
            && (place.record != edit.record || place.mark.short() != edit.result && !place.mark.is_of_support(edit.dot))
        {
            return Err(needs_whole(&edit)); // It is another edit under the same dot.
        }
        if self.knows(edit.dot) {
            return Ok(self.apply_again(&edit));
        }
        let base: Option<Vec<Live>> = edit.base.iter().map(|&dot| self.version(edit.record, dot)).collect();
        let Some(base) = base else { return Err(needs_whole(&edit)) };
        let (live, mark) = made_by(&edit, base)?;
        if mark.short() != edit.result {
            return Err(needs_whole(&edit));
        }
        Ok(self.take_edit(edit, live, mark))
    }

    /// An edit that was seen before still tells what it has superseded. A fold does not: what it folded may live on in a
    /// later fold.
    fn apply_again(&mut self, edit: &Edit) -> Merged {
        let mut context = edit.context();
        context.remove(edit.dot);
        let delta = Delta { context, ..Delta::default() };
        let mut merged = if edit.folds { Merged::default() } else { self.merge(delta) };
        if !self.index.contains_key(&edit.dot) {
            merged.stale.entry(edit.record).or_default().insert(edit.dot);
        }
        merged
    }

    /// Carries out an edit of this replica's own, which says from now on what it makes.
    fn make(&mut self, mut edit: Edit, base: Vec<Live>) -> Result<Merged, Unfit> {
        let (live, mark) = made_by(&edit, base)?;
        edit.result = mark.short();
        Ok(self.take_edit(edit, live, mark))
    }

    fn take_edit(&mut self, edit: Edit, live: Live, mark: Mark) -> Merged {
        let mut merged = self.merge_edit(&edit, live, mark);
        merged.news = Some(News::Edit(edit));
        merged
    }

    /// A version of a record that is live, or was until lately.
    fn version(&self, record: RecordId, dot: Dot) -> Option<Live> {
        let held = match self.records.get(&record) {
            Some(Versions::One(version)) if version.head(record).dot == dot => return Some(version.unpack(record)),
            Some(Versions::Many(versions)) => versions.iter().find(|live| live.dot == dot).cloned(),
            _ => None,
        };
        held.or_else(|| self.superseded.get(record, dot).map(|version| version.unpack(record)))
    }

    /// Whether an edit can still build on a version of this record that is not live any more.
    #[must_use]
    pub fn has_superseded(&self, record: RecordId) -> bool {
        self.superseded.has(record)
    }
}

impl Lattice for Document {
    /// Joins the whole state of another replica, without edits.
    fn join(&mut self, other: &Self) {
        let versions = other
            .records
            .iter()
            .flat_map(|(&record, versions)| versions.packed(record).into_iter().map(move |version| (record, version)));
        self.merge(Delta { context: other.context.clone(), versions: versions.collect(), remaining: 0 });
    }
}

/// The version that an edit makes of the versions that it builds on, with its mark.
fn made_by(edit: &Edit, base: Vec<Live>) -> Result<(Live, Mark), Unfit> {
    let mut folded = Vec::new();
    if edit.folds {
        folded = base.iter().flat_map(|live| live.supports().iter().copied()).collect();
        folded.sort_unstable();
        folded.dedup();
    }
    let mut version = merged(base.into_iter().map(|live| live.version)).unwrap_or_default();
    version.edit(edit.dot, edit.stamp, edit.ops.iter().cloned());
    let latest = || version.past.latest_of(edit.dot.replica());
    debug_assert_eq!(latest(), Some(edit.dot), "a version's own dot is the latest of its replica in its past");
    let live = Live { dot: edit.dot, folded, version };
    if live.weight() > MAX_VERSION_BYTES {
        return Err(Unfit::TooLarge);
    }
    let mark = content_mark(edit.record, &live);
    Ok((live, mark))
}

/// The mark of the content of a version.
fn content_mark(record: RecordId, live: &Live) -> Mark {
    Mark::of_version(record, &Packed::content(record, live))
}

/// How a record reads with these versions: merged into one; `None` if there are none.
pub(crate) fn reading(versions: &[Live]) -> Option<Version> {
    merged(versions.iter().map(|live| live.version.clone()))
}

fn merged(mut versions: impl Iterator<Item = Version>) -> Option<Version> {
    let mut merged = versions.next()?;
    versions.for_each(|version| merged.join(&version));
    Some(merged)
}
