//! A field of a record: one of the types, as the schema declares it.

use super::{AwSet, DotStore, LwwRegister, MvRegister, PnCounter, Write};
use crate::base::dot::Dot;
use crate::base::hlc::Stamp;
use crate::base::version_vector::VersionVector;
use crate::schema::{FieldEdit, FieldKind};

/// An upper bound of the bytes that a dot with a stamp and a length takes.
pub(super) const WEIGHT_OF_PART: usize = 40;

/// The state of a merge field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A last-writer-wins register.
    Lww(LwwRegister),
    /// A multi-value register.
    Mv(MvRegister),
    /// A counter.
    Counter(PnCounter),
    /// An add-wins set.
    Set(AwSet),
}

impl Field {
    /// A field that nobody has edited yet.
    #[must_use]
    pub fn new(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Lww => Field::Lww(LwwRegister::default()),
            FieldKind::Mv => Field::Mv(MvRegister::default()),
            FieldKind::Counter => Field::Counter(PnCounter::default()),
            FieldKind::Set => Field::Set(AwSet::default()),
        }
    }

    /// Returns the type of the field.
    #[must_use]
    pub fn kind(&self) -> FieldKind {
        match self {
            Field::Lww(_) => FieldKind::Lww,
            Field::Mv(_) => FieldKind::Mv,
            Field::Counter(_) => FieldKind::Counter,
            Field::Set(_) => FieldKind::Set,
        }
    }

    /// Carries out the edit named by `dot`. One that is not for fields of this kind has no effect; the schema checks
    /// that before.
    pub fn edit(&mut self, dot: Dot, stamp: Stamp, edit: FieldEdit) {
        match (self, edit) {
            (Field::Lww(register), FieldEdit::Assign(value)) => register.assign(Write { dot, stamp, value }),
            (Field::Mv(register), FieldEdit::Assign(value)) => register.assign(Write { dot, stamp, value }),
            (Field::Counter(counter), FieldEdit::Add(amount)) => counter.add(dot, amount),
            (Field::Set(set), FieldEdit::Insert(element)) => set.insert(dot, element),
            (Field::Set(set), FieldEdit::Remove(element)) => set.remove(&element),
            _ => {}
        }
    }

    /// Whether the field is a register with a value.
    #[must_use]
    pub fn has_value(&self) -> bool {
        match self {
            Field::Lww(register) => register.latest().is_some(),
            Field::Mv(register) => !register.writes().is_empty(),
            Field::Counter(_) | Field::Set(_) => false,
        }
    }

    /// An upper bound of the bytes that the field takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = |texts: &mut dyn Iterator<Item = usize>| texts.map(|bytes| WEIGHT_OF_PART + bytes).sum::<usize>();
        WEIGHT_OF_PART
            + match self {
                Field::Lww(_) | Field::Mv(_) => texts(&mut self.writes().iter().map(|write| write.value.len())),
                Field::Counter(counter) => WEIGHT_OF_PART * counter.sums.len(),
                Field::Set(set) => {
                    let additions = |dots: &Vec<Dot>| WEIGHT_OF_PART * dots.len();
                    texts(&mut set.elements.iter().map(|(element, dots)| element.len() + additions(dots)))
                }
            }
    }

    /// The write of a register that is shown.
    #[must_use]
    pub fn displayed(&self) -> Option<&Write> {
        self.writes().iter().max_by_key(|write| write.order())
    }

    /// The writes of a register; none of another type.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        match self {
            Field::Lww(register) => register.latest.as_slice(),
            Field::Mv(register) => register.writes(),
            Field::Counter(_) | Field::Set(_) => &[],
        }
    }
}

impl DotStore for Field {
    /// Joins fields of one kind. The schema makes sure that they are; of two kinds the first in the order of
    /// [`FieldKind`] stays, so that replicas agree even so.
    fn join(&mut self, past: &VersionVector, other: &Self, other_past: &VersionVector) {
        match (self, other) {
            (Field::Lww(own), Field::Lww(theirs)) => own.join(past, theirs, other_past),
            (Field::Mv(own), Field::Mv(theirs)) => own.join(past, theirs, other_past),
            (Field::Counter(own), Field::Counter(theirs)) => own.join(past, theirs, other_past),
            (Field::Set(own), Field::Set(theirs)) => own.join(past, theirs, other_past),
            (own, theirs) if theirs.kind() < own.kind() => own.clone_from(theirs),
            _ => {}
        }
    }

    fn retain(&mut self, keeps: &mut dyn FnMut(Dot) -> bool) {
        match self {
            Field::Lww(register) => register.retain(keeps),
            Field::Mv(register) => register.retain(keeps),
            Field::Counter(counter) => counter.retain(keeps),
            Field::Set(set) => set.retain(keeps),
        }
    }
}
