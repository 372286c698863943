//! What a record may hold: the fields and their kinds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crdt::{Field, FieldEdit, FieldKind, FieldName, Version, WrongEdit};

/// The longest text in a field, in bytes: a register's value or a set's element.
pub const MAX_TEXT_BYTES: usize = 4096;
/// How many elements a set may have before one more is refused. Concurrent additions may lead beyond it.
pub const MAX_ELEMENTS: usize = 256;

/// The fields of the built-in schema.
pub const NAME: &str = "name";
pub const NOTE: &str = "note";
pub const TAGS: &str = "tags";

/// The *merge* fields of a record. The number, the one *agree* field, lives in the [ledger](crate::ledger).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    pub fields: BTreeMap<FieldName, FieldSpec>,
}

/// What the schema says of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSpec {
    pub kind: FieldKind,
    /// Whether a record must have it, and not blank. Only registers can be required.
    #[serde(default)]
    pub required: bool,
}

/// An edit or a version that the schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum SchemaViolation {
    #[error("there is no field `{field}`")]
    UnknownField { field: FieldName },
    #[error("{field}: {wrong}")]
    WrongEdit { field: FieldName, wrong: WrongEdit },
    #[error("{field} is {bytes} bytes long; at most {MAX_TEXT_BYTES} are allowed")]
    TextTooLong { field: FieldName, bytes: usize },
    #[error("{field} may hold {MAX_ELEMENTS} elements at most")]
    TooManyElements { field: FieldName },
    #[error("a record needs a {field}")]
    Missing { field: FieldName },
    #[error("the parts of {field} contradict one another")]
    Unsound { field: FieldName },
}

impl Schema {
    /// People: a name of which concurrent ones are kept side by side, a note of which the latest counts, and tags.
    #[must_use]
    pub fn people() -> Self {
        let field = |name: &str, kind, required| (name.to_owned(), FieldSpec { kind, required });
        let fields =
            [field(NAME, FieldKind::Mv, true), field(NOTE, FieldKind::Lww, false), field(TAGS, FieldKind::Set, false)];
        Schema { fields: fields.into() }
    }

    /// The kind of a field.
    ///
    /// # Errors
    /// [`SchemaViolation::UnknownField`] if there is none of that name.
    pub fn kind(&self, field: &str) -> Result<FieldKind, SchemaViolation> {
        // A name that came from outside may be of any length.
        let unknown = || SchemaViolation::UnknownField { field: field.chars().take(64).collect() };
        self.fields.get(field).map(|spec| spec.kind).ok_or_else(unknown)
    }

    /// Checks an edit of one field of a record that reads as `version`.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check_edit_of(&self, version: &Version, field: &str, edit: &FieldEdit) -> Result<(), SchemaViolation> {
        self.check_edit(field, edit)?;
        match (edit, version.fields.get(field)) {
            (FieldEdit::Insert(_), Some(Field::Set(set))) if set.iter().count() >= MAX_ELEMENTS => {
                Err(SchemaViolation::TooManyElements { field: field.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Checks an edit of one field, whatever the field holds.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check_edit(&self, field: &str, edit: &FieldEdit) -> Result<(), SchemaViolation> {
        let kind = self.kind(field)?;
        edit.check_kind(kind).map_err(|wrong| SchemaViolation::WrongEdit { field: field.to_owned(), wrong })?;
        match edit {
            FieldEdit::Assign(text) => self.check_text(field, text),
            FieldEdit::Insert(text) | FieldEdit::Remove(text) => check_length(field, text),
            FieldEdit::Add(_) => Ok(()),
        }
    }

    /// Checks the fields that a new record is to have.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check_new(&self, edits: &[(FieldName, FieldEdit)]) -> Result<(), SchemaViolation> {
        edits.iter().try_for_each(|(field, edit)| self.check_edit(field, edit))?;
        match self.required().find(|required| edits.iter().all(|(field, _)| field != *required)) {
            Some(field) => Err(SchemaViolation::Missing { field: field.clone() }),
            None => Ok(()),
        }
    }

    /// Checks a whole version, as it arrives from a replica that is not trusted.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check_version(&self, version: &Version) -> Result<(), SchemaViolation> {
        for (name, field) in &version.fields {
            let kind = self.kind(name)?;
            if field.kind() != kind {
                let wrong = WrongEdit { kind };
                return Err(SchemaViolation::WrongEdit { field: name.clone(), wrong });
            }
            if !field.is_sound() {
                return Err(SchemaViolation::Unsound { field: name.clone() });
            }
            self.check_texts(name, field)?;
        }
        match self.required().find(|required| !version.fields.get(*required).is_some_and(Field::has_value)) {
            Some(field) => Err(SchemaViolation::Missing { field: field.clone() }),
            None => Ok(()),
        }
    }

    fn check_texts(&self, name: &str, field: &Field) -> Result<(), SchemaViolation> {
        match field {
            Field::Lww(register) => {
                register.latest().into_iter().try_for_each(|write| self.check_text(name, &write.value))
            }
            Field::Mv(register) => register.writes().try_for_each(|write| self.check_text(name, write.value)),
            Field::Counter(_) => Ok(()),
            Field::Set(set) => set.iter().try_for_each(|element| check_length(name, element)),
        }
    }

    fn check_text(&self, field: &str, text: &str) -> Result<(), SchemaViolation> {
        let required = self.fields.get(field).is_some_and(|spec| spec.required);
        if required && text.trim().is_empty() {
            return Err(SchemaViolation::Missing { field: field.to_owned() });
        }
        check_length(field, text)
    }

    fn required(&self) -> impl Iterator<Item = &FieldName> {
        self.fields.iter().filter(|(_, spec)| spec.required).map(|(name, _)| name)
    }
}

fn check_length(field: &str, text: &str) -> Result<(), SchemaViolation> {
    let bytes = text.len();
    if bytes > MAX_TEXT_BYTES {
        return Err(SchemaViolation::TextTooLong { field: field.to_owned(), bytes });
    }
    Ok(())
}
