//! Turns the work of a replica that no relay has into commands for the replica that takes its place. Pure.
//!
//! A tab needs it when relays refuse its id for good. The new replica has all that a relay has, and nothing else; the two
//! documents are compared.
//!
//! Another replica may have used the same id, in a browser profile that was copied. Then one dot may stand for two edits,
//! and both are kept: an edit that has never left the old replica is its own, whatever the relay has under the same dot; of
//! others both are kept as far as the relay's record still shows which one it has. A removal is not carried over where the
//! id itself made what would be removed: it might be the other one's, which the removal was not about.

use shared::base::dot::{Dot, DotSet};
use shared::base::id::RecordId;
use shared::ledger::Operation;
use shared::merge::crdt::{AwSet, Field, PnCounter, Version, Write};
use shared::merge::document::LostWrite;
use shared::replica::{AgreedState, AgreedView, FieldView, RecordView, View};
use shared::schema::{FieldEdit, FieldId, FieldName};

use super::{NewRecord, NumberOperation};

/// One thing to be done by the new replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// A record that is not on the relay is added. `old` is its id so far.
    Add {
        old: RecordId,
        record: NewRecord,
    },
    Edit {
        record: RecordId,
        field: FieldName,
        edit: FieldEdit,
    },
    Remove {
        record: RecordId,
    },
    /// A number that the old replica gave by itself.
    Number {
        record: RecordId,
        number: NumberOperation,
    },
    /// An operation that nobody has decided. Its record may be one that is added.
    Ask(Operation),
    /// Somebody else has written at the same time, and the user is to choose.
    Lost {
        write: LostWrite,
        field: FieldName,
    },
}

/// What `old` did that `new` does not know of. `stored` are the dots of `old` that some relay has confirmed.
#[must_use]
pub(super) fn carried(old: &View<'_>, stored: &DotSet, new: &View<'_>) -> Vec<Carried> {
    let comparison = Comparison { old: *old, stored, new: *new };
    let mut carried = Vec::new();
    for id in old.document().records() {
        comparison.compare_record(id, &mut carried);
    }
    carried.extend(
        new.document().records().filter(|&id| comparison.is_removed(id)).map(|record| Carried::Remove { record }),
    );
    carried.extend(comparison.operations());
    carried
}

struct Comparison<'a> {
    old: View<'a>,
    stored: &'a DotSet,
    new: View<'a>,
}

impl Comparison<'_> {
    fn compare_record(&self, id: RecordId, carried: &mut Vec<Carried>) {
        let Some(ours) = self.old.document().read(id) else { return };
        let theirs = self.new.document().read(id).filter(|theirs| !self.is_namesake(id, &ours, theirs));
        match theirs {
            Some(theirs) => {
                for (field, spec) in self.old.schema().fields() {
                    let edits = FieldEdits { comparison: self, record: id, field, name: &spec.name, theirs: &theirs };
                    if let Some(ours) = ours.field(field) {
                        edits.compare(ours, carried);
                    }
                }
                let number = self.number(id).filter(|_| has_no_number(&self.new.number(id)));
                carried.extend(number.map(|number| Carried::Number { record: id, number }));
            }
            None if self.is_needed(id, &ours) => {
                let view = self.old.record(id);
                let record = view.map(|view| NewRecord { fields: fields_of(&view), number: self.number(id) });
                carried.extend(record.map(|record| Carried::Add { old: id, record }));
            }
            None => {}
        }
    }

    /// Whether the relay knows another record under this id: both came into being by the same dot.
    fn is_namesake(&self, id: RecordId, ours: &Version, theirs: &Version) -> bool {
        let first = |field: &Field| field.writes().iter().find(|write| write.dot == id.0).cloned();
        let differs = |(field, ours): &(FieldId, Field)| {
            let theirs = theirs.field(*field).and_then(first);
            first(ours).is_some_and(|write| theirs.is_some_and(|their| their.value != write.value))
        };
        self.old.is_unsent(id.0) || id.0.replica() == self.old.me() && ours.fields().iter().any(differs)
    }

    /// Whether a record that the relay does not have is to be there: it is new, or was edited since it was removed.
    fn is_needed(&self, id: RecordId, ours: &Version) -> bool {
        // A namesake is there.
        self.new.document().contains(id) || ours.past.entries().iter().any(|&dot| self.is_news(dot))
    }

    /// Whether the old replica has made this edit, and no relay has it.
    fn is_news(&self, dot: Dot) -> bool {
        let is_own = dot.replica() == self.old.me();
        self.old.is_unsent(dot) || is_own && !self.new.document().knows(dot) && !self.stored.contains(dot)
    }

    /// Whether the old replica has seen all of these, and others have made them: where it has them no more, they were
    /// removed.
    fn is_seen_from_others(&self, dots: &[Dot]) -> bool {
        let document = self.old.document();
        dots.iter().all(|&dot| dot.replica() != self.old.me() && document.knows(dot))
    }

    /// Whether a record of the relay was removed by the old replica.
    fn is_removed(&self, id: RecordId) -> bool {
        !self.old.document().contains(id) && self.is_seen_from_others(&self.new.document().version_dots(id))
    }

    /// The number that the old replica has given a record by itself. The same one, unless it cannot be had: what is left of
    /// a lease belongs to the old id for ever.
    fn number(&self, id: RecordId) -> Option<NumberOperation> {
        let view = self.old.number(id);
        if view.leased.is_some() {
            return Some(NumberOperation::Next);
        }
        let own = view
            .provisional
            .iter()
            .map(|unsettled| unsettled.for_now())
            .find(|unsettled| self.is_news(unsettled.dot))?;
        let is_free = self.new.ledger().owner_of(own.number).is_none();
        Some(if is_free { NumberOperation::This(own.number) } else { NumberOperation::Next })
    }

    /// The operations of the old replica that are undecided, but for leases.
    fn operations(&self) -> impl Iterator<Item = Carried> + '_ {
        let own = self.old.pending_requests().filter(|request| request.id.replica == self.old.me());
        let is_open = |operation: &&Operation| match operation {
            Operation::GrantRange { .. } => false,
            Operation::Assign { record, .. } | Operation::Allocate { record } => {
                self.new.ledger().number_of(*record).is_none()
            }
            _ => true,
        };
        own.map(|request| &request.operation).filter(is_open).cloned().map(Carried::Ask)
    }
}

/// A field of a record that both have.
struct FieldEdits<'a> {
    comparison: &'a Comparison<'a>,
    record: RecordId,
    field: FieldId,
    name: &'a FieldName,
    /// The record as the relay has it.
    theirs: &'a Version,
}

impl FieldEdits<'_> {
    fn compare(&self, ours: &Field, carried: &mut Vec<Carried>) {
        let theirs = self.theirs.field(self.field);
        match ours {
            Field::Set(ours) => {
                let none = AwSet::default();
                let theirs = if let Some(Field::Set(theirs)) = theirs { theirs } else { &none };
                carried.extend(self.compare_sets(ours, theirs).map(|edit| self.edit(edit)));
            }
            Field::Counter(ours) => {
                let theirs = if let Some(Field::Counter(theirs)) = theirs { Some(theirs) } else { None };
                carried.extend(self.compare_counters(ours, theirs).map(|edit| self.edit(edit)));
            }
            Field::Lww(_) | Field::Mv(_) => {
                carried.extend(self.compare_writes(ours.writes(), theirs.map_or(&[], Field::writes)));
            }
        }
    }

    fn edit(&self, edit: FieldEdit) -> Carried {
        Carried::Edit { record: self.record, field: self.name.clone(), edit }
    }

    /// Whether the relay's record does not build on this edit of the old replica. Another relay may have it all the same,
    /// if this one has not heard of it yet.
    fn is_news(&self, dot: Dot) -> bool {
        let Comparison { old, stored, new } = self.comparison;
        let is_on_its_way = stored.contains(dot) && !new.document().knows(dot);
        old.is_unsent(dot) || dot.replica() == old.me() && !self.theirs.past.contains(dot) && !is_on_its_way
    }

    fn compare_writes(&self, ours: &[Write], theirs: &[Write]) -> Option<Carried> {
        let old = &self.comparison.old;
        let is_other = |write: &Write| theirs.iter().any(|their| their.dot == write.dot && their.value != write.value);
        let is_own = |write: &&Write| write.dot.replica() == old.me();
        let write = ours.iter().filter(is_own).find(|write| self.is_news(write.dot) || is_other(write))?;
        let is_unseen =
            |their: &&Write| their.dot == write.dot || old.is_unsent(their.dot) || !old.document().knows(their.dot);
        match theirs.iter().find(is_unseen) {
            Some(their) if their.value == write.value => None,
            Some(their) => {
                let write = lost_write(self.record, self.field, write, their);
                Some(Carried::Lost { write, field: self.name.clone() })
            }
            None => Some(self.edit(FieldEdit::Assign(write.value.clone()))),
        }
    }

    fn compare_sets<'a>(&'a self, ours: &'a AwSet, theirs: &'a AwSet) -> impl Iterator<Item = FieldEdit> + 'a {
        let is_new =
            |element: &&str| !theirs.contains(element) && ours.additions(element).iter().any(|&dot| self.is_news(dot));
        let is_removed =
            |element: &&str| !ours.contains(element) && self.comparison.is_seen_from_others(theirs.additions(element));
        let added = ours.iter().filter(is_new).map(|element| FieldEdit::Insert(element.to_owned()));
        added.chain(theirs.iter().filter(is_removed).map(|element| FieldEdit::Remove(element.to_owned())))
    }

    fn compare_counters(&self, ours: &PnCounter, theirs: Option<&PnCounter>) -> Option<FieldEdit> {
        let me = self.comparison.old.me();
        let own = ours.sum_of(me).filter(|sum| self.is_news(sum.latest))?;
        let known = theirs.and_then(|theirs| theirs.sum_of(me)).map_or(0, |sum| sum.amount);
        Some(own.amount.saturating_sub(known)).filter(|&amount| amount != 0).map(FieldEdit::Add)
    }
}

fn has_no_number(view: &AgreedView) -> bool {
    matches!(view.state(), AgreedState::None | AgreedState::Pending { .. })
}

/// The edits that make a new record read as this one.
fn fields_of(record: &RecordView) -> Vec<(FieldName, FieldEdit)> {
    let mut fields = Vec::new();
    for (name, value) in &record.fields {
        let mut edit = |edit| fields.push((name.clone(), edit));
        match value {
            FieldView::Register(_) if record.shown(name).is_empty() => {}
            FieldView::Register(_) => edit(FieldEdit::Assign(record.shown(name).to_owned())),
            FieldView::Counter(0) => {}
            FieldView::Counter(amount) => edit(FieldEdit::Add(*amount)),
            FieldView::Set(elements) => elements.iter().cloned().map(FieldEdit::Insert).for_each(edit),
        }
    }
    fields
}

fn lost_write(record: RecordId, field: FieldId, write: &Write, winner: &Write) -> LostWrite {
    LostWrite {
        record,
        field,
        value: write.value.clone(),
        by: write.dot.replica(),
        at_ms: write.stamp.wall_ms,
        winner: winner.dot.replica(),
    }
}
