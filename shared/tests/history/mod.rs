//! What happened to the records, written down as plainly as can be: every deed with all that led to it. What a record
//! reads is worked out from that each time, by definition. Nothing here is clever, and nothing is taken from the engine
//! but the names of things.

use std::collections::{BTreeMap, BTreeSet};

use shared::base::dot::Dot;
use shared::base::hlc::Stamp;
use shared::base::id::RecordId;
use shared::schema::FieldEdit;

/// Workload by their names.
pub type Workload = BTreeSet<Dot>;

/// The fields that the history knows how to read.
pub const NAME: &str = "name";
pub const NOTE: &str = "note";
pub const TAGS: &str = "tags";
pub const VISITS: &str = "visits";

/// All that was ever done, by records.
#[derive(Default)]
pub struct History {
    stories: BTreeMap<RecordId, Story>,
}

/// All that was ever done to one record.
#[derive(Default)]
pub struct Story {
    workload: BTreeMap<Dot, Deed>,
}

#[derive(Debug)]
struct Deed {
    what: What,
    /// The edits and folds that are in what the deed made, its own among them.
    lineage: Workload,
    /// The edits and folds that its author has seen: the lineage, and his own earlier ones.
    past: Workload,
}

#[derive(Debug)]
enum What {
    Edit {
        stamp: Stamp,
        edits: Vec<(String, FieldEdit)>,
    },
    /// Puts versions together, which lived by these edits.
    Fold {
        of: Workload,
    },
    /// Removes these versions, and the edits by which they lived.
    Removal {
        of: Workload,
    },
}

/// What a record reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The values of the multi-value register, by the edits that wrote them.
    pub names: BTreeMap<Dot, String>,
    /// The value of the last-writer-wins register.
    pub note: Option<(Dot, String)>,
    pub tags: BTreeSet<String>,
    pub visits: i64,
}

impl History {
    /// What was done to a record.
    pub fn story(&mut self, record: RecordId) -> &mut Story {
        self.stories.entry(record).or_default()
    }

    /// The records there are for somebody who has seen `seen`, with what they read.
    pub fn read(&self, seen: &Workload) -> BTreeMap<RecordId, Reading> {
        let readings = self.stories.iter().map(|(&record, story)| (record, story.read(seen)));
        readings.filter_map(|(record, reading)| Some((record, reading?))).collect()
    }
}

impl Story {
    /// An edit by somebody before whom the record stood in the versions `base`.
    pub fn edit(&mut self, dot: Dot, base: &Workload, stamp: Stamp, edits: Vec<(String, FieldEdit)>) {
        let stamps = self.lineage(base).into_iter().filter_map(|deed| self.stamp(deed));
        assert!(stamps.max() < Some(stamp), "{dot} is not stamped later than all that it builds on");
        self.put(dot, base, What::Edit { stamp, edits });
    }

    /// The versions `base`, which live by the edits `of`, are put together.
    pub fn fold(&mut self, dot: Dot, base: &Workload, of: Workload) {
        self.put(dot, base, What::Fold { of });
    }

    /// A removal of versions, with the edits by which they live.
    pub fn remove(&mut self, dot: Dot, of: Workload) {
        self.put(dot, &Workload::new(), What::Removal { of });
    }

    /// Undoes a removal: the record is again what it was before the remover.
    pub fn revive(&mut self, dot: Dot, removal: Dot, stamp: Stamp) {
        let What::Removal { of } = &self.workload[&removal].what else { panic!("{removal} is no removal") };
        self.edit(dot, &of.clone(), stamp, Vec::new());
    }

    pub fn knows(&self, dot: Dot) -> bool {
        self.workload.contains_key(&dot)
    }

    /// What the record reads for somebody who has seen `seen`; `None` if there is none.
    pub fn read(&self, seen: &Workload) -> Option<Reading> {
        let versions = self.versions(seen);
        let lineage = self.lineage(&versions);
        (!versions.is_empty()).then(|| Reading {
            names: self.names(&lineage),
            note: self.note(&lineage),
            tags: self.tags(&lineage),
            visits: self.visits(&lineage),
        })
    }

    /// Whether an edit is back that its own author has gone on without: it was removed with the record, he edited what
    /// was left or came back, and now a version arrives that builds on it. Of each author a version keeps the latest
    /// edit in its past, so that the engine takes the earlier one to be overwritten. By definition nobody did that.
    pub fn has_returned(&self, seen: &Workload) -> bool {
        let lineage = self.lineage(&self.versions(seen));
        let gone_without = |deed: &Deed| deed.past.difference(&deed.lineage).any(|dot| lineage.contains(dot));
        lineage.iter().any(|dot| gone_without(&self.workload[dot]))
    }

    fn put(&mut self, dot: Dot, base: &Workload, what: What) {
        let own = self.versions_ever().filter(|(other, _)| other.replica() == dot.replica());
        let own: Workload = own.map(|(&own, _)| own).collect();
        let past = base.union(&own).flat_map(|deed| self.workload[deed].past.iter().copied());
        let past = past.chain([dot]).collect();
        let lineage = self.lineage(base).into_iter().chain([dot]).collect();
        self.workload.insert(dot, Deed { what, lineage, past });
    }

    fn versions_ever(&self) -> impl Iterator<Item = (&Dot, &Deed)> {
        self.workload.iter().filter(|(_, deed)| !matches!(deed.what, What::Removal { .. }))
    }

    /// The edits and folds that have been seen, that no other one has seen, and that live.
    fn versions(&self, seen: &Workload) -> Workload {
        let all = || self.versions_ever().filter(|(dot, _)| seen.contains(dot));
        let is_superseded = |dot: &Dot| all().any(|(by, deed)| by != dot && deed.past.contains(dot));
        let latest = all().map(|(&dot, _)| dot).filter(|dot| !is_superseded(dot));
        latest.filter(|&dot| !self.lives_by(dot, seen).is_empty()).collect()
    }

    /// The edits by which a version lives: its own, or those that were folded into it, as far as they have been neither
    /// removed nor superseded by an edit.
    fn lives_by(&self, version: Dot, seen: &Workload) -> Workload {
        let edits = || self.versions_ever().filter(|(_, deed)| matches!(deed.what, What::Edit { .. }));
        let is_superseded =
            |dot: Dot| edits().any(|(&by, deed)| seen.contains(&by) && by != dot && deed.past.contains(&dot));
        let lives = |&dot: &Dot| !self.is_removed(dot, seen) && !is_superseded(dot);
        match &self.workload[&version].what {
            What::Fold { of } if !self.is_removed(version, seen) => of.iter().copied().filter(lives).collect(),
            What::Edit { .. } => [version].into_iter().filter(lives).collect(),
            _ => Workload::new(),
        }
    }

    fn is_removed(&self, dot: Dot, seen: &Workload) -> bool {
        let removes = |deed: &Deed| matches!(&deed.what, What::Removal { of } if of.contains(&dot));
        self.workload.iter().any(|(by, deed)| seen.contains(by) && removes(deed))
    }

    fn lineage(&self, versions: &Workload) -> Workload {
        versions.iter().flat_map(|version| self.workload[version].lineage.iter().copied()).collect()
    }

    fn stamp(&self, dot: Dot) -> Option<Stamp> {
        match self.workload[&dot].what {
            What::Edit { stamp, .. } => Some(stamp),
            _ => None,
        }
    }

    /// The edits of one field.
    fn edits_of(&self, lineage: &Workload, field: &str) -> Vec<(Dot, &FieldEdit)> {
        let mut edits_of = Vec::new();
        for &dot in lineage {
            if let What::Edit { edits, .. } = &self.workload[&dot].what {
                edits_of.extend(edits.iter().filter(|(of, _)| of == field).map(|(_, edit)| (dot, edit)));
            }
        }
        edits_of
    }

    /// Whether an edit builds on another.
    fn builds_on(&self, by: Dot, dot: Dot) -> bool {
        by != dot && self.workload[&by].lineage.contains(&dot)
    }

    /// The values that nobody has overwritten who had seen them.
    fn names(&self, lineage: &Workload) -> BTreeMap<Dot, String> {
        let all = self.edits_of(lineage, NAME);
        let stands = |&&(dot, _): &&(Dot, &FieldEdit)| !all.iter().any(|&(by, _)| self.builds_on(by, dot));
        all.iter().filter(stands).map(|&(dot, edit)| (dot, text_of(edit))).collect()
    }

    /// The latest value.
    fn note(&self, lineage: &Workload) -> Option<(Dot, String)> {
        let all = self.edits_of(lineage, NOTE).into_iter();
        all.max_by_key(|&(dot, _)| (self.stamp(dot), dot)).map(|(dot, edit)| (dot, text_of(edit)))
    }

    /// The elements with an addition that nobody has removed who had seen it.
    fn tags(&self, lineage: &Workload) -> BTreeSet<String> {
        let all = self.edits_of(lineage, TAGS);
        let is_removed = |added: Dot, tag: &str| {
            let mut removals =
                all.iter().filter(|(_, edit)| matches!(edit, FieldEdit::Remove(removed) if removed == tag));
            removals.any(|&(by, _)| self.builds_on(by, added))
        };
        let stand = all.iter().filter_map(|&(dot, edit)| match edit {
            FieldEdit::Insert(tag) if !is_removed(dot, tag) => Some(tag.clone()),
            _ => None,
        });
        stand.collect()
    }

    /// The sum of all additions.
    fn visits(&self, lineage: &Workload) -> i64 {
        let amount = |edit: &FieldEdit| if let FieldEdit::Add(amount) = edit { *amount } else { 0 };
        self.edits_of(lineage, VISITS).into_iter().map(|(_, edit)| amount(edit)).sum()
    }
}

fn text_of(edit: &FieldEdit) -> String {
    match edit {
        FieldEdit::Assign(text) => text.clone(),
        other => panic!("{other:?} gives no text"),
    }
}
