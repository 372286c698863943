//! A field of a record: one of the types, as the schema declares it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{AwSet, Lattice, LwwRegister, MvRegister, PnCounter};
use crate::dot::{Dot, DotSet};
use crate::hlc::Stamp;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    Lww(LwwRegister),
    Mv(MvRegister),
    Counter(PnCounter),
    Set(AwSet),
}

/// What a user does to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The edit is not one for a field of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("a field of kind {kind:?} cannot be edited in this way")]
pub struct WrongEdit {
    pub kind: FieldKind,
}

/// The event that an edit is: its name, its time, and what its author had seen before.
#[derive(Clone, Copy, Debug)]
pub struct EditEvent<'a> {
    pub dot: Dot,
    pub stamp: Stamp,
    pub context: &'a DotSet,
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
    #[must_use]
    pub fn kind(&self) -> FieldKind {
        match self {
            Field::Lww(_) => FieldKind::Lww,
            Field::Mv(_) => FieldKind::Mv,
            Field::Counter(_) => FieldKind::Counter,
            Field::Set(_) => FieldKind::Set,
        }
    }

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

    /// Carries out an edit.
    ///
    /// # Errors
    /// [`WrongEdit`] if it is not one for fields of this kind; the field is then as it was.
    pub fn edit(&mut self, edit: FieldEdit, event: EditEvent) -> Result<(), WrongEdit> {
        let EditEvent { dot, stamp, context } = event;
        match (self, edit) {
            (Field::Lww(register), FieldEdit::Assign(value)) => register.assign(dot, stamp, value, context),
            (Field::Mv(register), FieldEdit::Assign(value)) => register.assign(dot, stamp, value, context),
            (Field::Counter(counter), FieldEdit::Add(amount)) => counter.add(dot, amount),
            (Field::Set(set), FieldEdit::Insert(element)) => set.insert(dot, element, context),
            (Field::Set(set), FieldEdit::Remove(element)) => set.remove(&element, context),
            (field, _) => return Err(WrongEdit { kind: field.kind() }),
        }
        Ok(())
    }

    /// Whether the invariants of the type hold, which bytes from outside may break.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self {
            Field::Lww(_) => true,
            Field::Mv(register) => register.is_sound(),
            Field::Counter(counter) => counter.is_sound(),
            Field::Set(set) => set.is_sound(),
        }
    }

    /// Whether the field is a register with a value.
    #[must_use]
    pub fn has_value(&self) -> bool {
        match self {
            Field::Lww(register) => register.latest().is_some(),
            Field::Mv(register) => register.writes().next().is_some(),
            Field::Counter(_) | Field::Set(_) => false,
        }
    }

    /// The latest stamp in the state; `None` for types that have none.
    #[must_use]
    pub fn latest_stamp(&self) -> Option<Stamp> {
        match self {
            Field::Lww(register) => register.latest().map(|write| write.stamp),
            Field::Mv(register) => register.writes().map(|write| write.stamp).max(),
            Field::Counter(_) | Field::Set(_) => None,
        }
    }
}

impl Lattice for Field {
    /// Joins fields of one kind. The schema makes sure that they are; of two kinds the first in the order of
    /// [`FieldKind`] stays, so that replicas agree even so.
    fn join(&mut self, other: &Self) {
        match (self, other) {
            (Field::Lww(own), Field::Lww(theirs)) => own.join(theirs),
            (Field::Mv(own), Field::Mv(theirs)) => own.join(theirs),
            (Field::Counter(own), Field::Counter(theirs)) => own.join(theirs),
            (Field::Set(own), Field::Set(theirs)) => own.join(theirs),
            (own, theirs) if theirs.kind() < own.kind() => own.clone_from(theirs),
            _ => {}
        }
    }
}
