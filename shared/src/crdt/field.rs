//! A field of a record: one of the types, as the schema declares it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::version::WEIGHT_OF_PART;
use super::{AwSet, DotStore, LwwRegister, MvRegister, PnCounter, Version, Write};
use crate::dot::Dot;
use crate::hlc::Stamp;
use crate::version_vector::VersionVector;

/// A field's place in the schema, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FieldId(pub u16);

/// The type of a merge field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Last-writer-wins register: keeps the latest value; a lost concurrent one is reported.
    Lww,
    /// Multi-value register: keeps all concurrent values until somebody settles which it is.
    Mv,
    /// Counter: keeps every addition.
    Counter,
    /// Add-wins set.
    Set,
}

/// The state of a merge field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Lww(LwwRegister),
    Mv(MvRegister),
    Counter(PnCounter),
    Set(AwSet),
}

/// What a user does to a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldEdit {
    /// Gives a register a value; settles concurrent ones.
    Assign(String),
    /// Adds to a counter.
    Add(i64),
    /// Puts an element into a set.
    Insert(String),
    /// Takes an element out of a set.
    Remove(String),
}

/// An edit of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    pub field: FieldId,
    pub kind: FieldKind,
    pub edit: FieldEdit,
}

/// What undoes an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inverse {
    pub edit: FieldEdit,
    /// The edit whose effect comes back by it, if there was one.
    pub restores: Option<Dot>,
}

/// The edit is not one for a field of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("a field of kind {kind:?} cannot be edited in this way")]
pub struct WrongEdit {
    pub kind: FieldKind,
}

impl Op {
    /// What undoes this edit of a record that reads as `version`; `None` if the edit changes nothing. Of several
    /// concurrent values of a register the displayed one comes back.
    #[must_use]
    pub fn inverse_on(&self, version: &Version) -> Option<Inverse> {
        let back = |edit, restores| Some(Inverse { edit, restores });
        match (&self.edit, version.field(self.field)) {
            (FieldEdit::Assign(_), field) => match field.and_then(Field::displayed) {
                Some(write) => back(FieldEdit::Assign(write.value.clone()), Some(write.dot)),
                None => back(FieldEdit::Assign(String::new()), None),
            },
            (FieldEdit::Add(amount), _) => back(FieldEdit::Add(amount.saturating_neg()), None),
            (FieldEdit::Insert(element), Some(Field::Set(set))) if set.contains(element) => None,
            (FieldEdit::Insert(element), _) => back(FieldEdit::Remove(element.clone()), None),
            (FieldEdit::Remove(element), Some(Field::Set(set))) => {
                let latest = set.additions(element).last()?;
                back(FieldEdit::Insert(element.clone()), Some(*latest))
            }
            (FieldEdit::Remove(_), _) => None,
        }
    }
}

impl FieldEdit {
    /// Whether the edit is one for fields of this kind.
    ///
    /// # Errors
    /// [`WrongEdit`] if not.
    pub fn check_kind(&self, kind: FieldKind) -> Result<(), WrongEdit> {
        match (self, kind) {
            (FieldEdit::Assign(_), FieldKind::Lww | FieldKind::Mv)
            | (FieldEdit::Add(_), FieldKind::Counter)
            | (FieldEdit::Insert(_) | FieldEdit::Remove(_), FieldKind::Set) => Ok(()),
            _ => Err(WrongEdit { kind }),
        }
    }
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
