//! What others did to the records, field by field, as it came in.

use std::collections::VecDeque;

use shared::base::dot::Dot;
use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, ReplicaId};
use shared::base::sorted::SortedSet;
use shared::merge::document::{Change, LostWrite};
use shared::replica::io::{Event, Input, Message};
use shared::replica::{FieldView, RecordView, View};
use shared::schema::FieldName;

use super::name::Name;

/// How many merges are kept.
const KEPT: usize = 300;
/// How many records of one message are looked at one by one.
const MAX_RECORDS: usize = 32;

/// One field, before and after. Several values of one field stand one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: FieldName,
    /// The values before.
    pub before: Vec<String>,
    /// The values after.
    pub after: Vec<String>,
    /// A value that somebody wrote, and that gave way to another one.
    pub lost: Option<String>,
}

/// What a merge did to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Rises with every merge.
    pub serial: u64,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What the record is called, or was.
    pub name: Name,
    /// The kind of change.
    pub change: Change,
    /// The replica that did it, if it is known.
    pub by: Option<ReplicaId>,
    /// The edit, and when it was made by its author's clock.
    pub edit: Option<(Dot, Stamp)>,
    /// The field.
    pub fields: Vec<FieldChange>,
}

impl Merge {
    /// Whether the edit and others were made without knowing of one another.
    #[must_use]
    pub fn is_concurrent(&self) -> bool {
        matches!(self.change, Change::Merged | Change::Restored)
    }
}

/// How a record reads before something comes in.
#[derive(Debug)]
pub struct Before {
    record: RecordId,
    edit: (Dot, Stamp),
    view: Option<RecordView>,
}

/// The latest merges.
#[derive(Debug, Default)]
pub struct Merges {
    told: u64,
    /// The latest last.
    kept: VecDeque<Merge>,
}

/// Looks at the records that an input is about, before it is handled.
#[must_use]
pub fn look_before(view: View<'_>, input: &Input) -> Vec<Before> {
    let before = |record, edit| Before { record, edit, view: view.record(record) };
    match input {
        Input::Receive(_, Message::Edit(edit)) => vec![before(edit.record, (edit.dot, edit.stamp))],
        Input::Receive(_, Message::Delta(delta)) => {
            let mut seen = SortedSet::new();
            let first = delta.versions.iter().filter(|(record, _)| seen.insert(*record)).take(MAX_RECORDS);
            let live = first.map(|(record, version)| (*record, version.unpack(*record)));
            live.map(|(record, live)| before(record, (live.dot, live.version.stamp))).collect()
        }
        _ => Vec::new(),
    }
}

impl Merges {
    /// Notes what an input has done.
    pub fn note(
        &mut self,
        at_ms: u64,
        (before, view): (&[Before], View<'_>),
        (events, lost): (&[Event], &[LostWrite]),
        name_of: impl Fn(RecordId) -> Name,
    ) {
        for Event { record, change, by } in events.iter().take(MAX_RECORDS) {
            let known = before.iter().find(|before| before.record == *record);
            let was = known.and_then(|before| before.view.as_ref());
            let fields = changed_fields(view, *record, was, lost);
            if fields.is_empty() && *change == Change::Edited {
                continue; // It reads as before: only what is under way about its number has changed.
            }
            self.told += 1;
            let (serial, name) = (self.told, name_of(*record));
            let edit = known.map(|before| before.edit).filter(|(dot, _)| Some(dot.replica()) == *by);
            self.kept.push_back(Merge { serial, at_ms, name, change: *change, by: *by, edit, fields });
        }
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// The latest first.
    pub fn latest(&self) -> impl DoubleEndedIterator<Item = &Merge> {
        self.kept.iter().rev()
    }
}

fn changed_fields(view: View<'_>, record: RecordId, was: Option<&RecordView>, lost: &[LostWrite]) -> Vec<FieldChange> {
    let is = view.record(record);
    let mut changes = Vec::new();
    for (id, spec) in view.schema().fields() {
        let texts =
            |view: Option<&RecordView>| view.and_then(|view| view.fields.get(&spec.name)).map_or_else(Vec::new, texts);
        let (before, after) = (texts(was), texts(is.as_ref()));
        let lost = lost.iter().find(|write| write.record == record && write.field == id);
        if before != after || lost.is_some() {
            let lost = lost.map(|write| write.value.clone());
            changes.push(FieldChange { field: spec.name.clone(), before, after, lost });
        }
    }
    changes
}

/// What a field holds, each value on its own; nothing of a counter at zero.
fn texts(field: &FieldView) -> Vec<String> {
    match field {
        FieldView::Register(candidates) => {
            candidates.iter().map(|candidate| candidate.value.clone()).filter(|value| !value.is_empty()).collect()
        }
        FieldView::Counter(0) => Vec::new(),
        FieldView::Counter(count) => vec![count.to_string()],
        FieldView::Set(elements) => elements.clone(),
    }
}
