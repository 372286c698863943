//! The fields of a record: how each is named, of which kind it is, and how it can be edited.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many fields a schema may have.
pub const MAX_FIELDS: usize = 64;

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

/// An edit of a field by a user.
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
    /// The field that is edited.
    pub field: FieldId,
    /// The kind of the field, by the schema of the author.
    pub kind: FieldKind,
    /// The edit.
    pub edit: FieldEdit,
}

/// The edit is not one for a field of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("a field of kind {kind:?} cannot be edited in this way")]
pub struct WrongEdit {
    /// The kind of the field.
    pub kind: FieldKind,
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
