//! The schema: the fields of a record and their kinds.

mod field;
mod given_number;
pub mod text;

pub use field::{FieldEdit, FieldId, FieldKind, MAX_FIELDS, Op, WrongEdit};
pub use given_number::{GivenNumber, MAX_NUMBER, NUMBER};

use crate::base::sorted::SortedSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest value of a register, in bytes.
pub const MAX_TEXT_BYTES: usize = 4096;
/// The longest element of a set, in bytes.
pub const MAX_ELEMENT_BYTES: usize = 256;
/// How many elements a set may have before one more is refused. Concurrent additions may lead beyond it.
pub const MAX_ELEMENTS: usize = 256;
/// The longest name of a field, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// The name of the field "name" of the built-in schema.
pub const NAME: &str = "name";
/// The name of the field "note" of the built-in schema.
pub const NOTE: &str = "note";
/// The name of the field "tags" of the built-in schema.
pub const TAGS: &str = "tags";

/// The name of a field, as the schema declares it.
pub type FieldName = String;

/// The *merge* fields of a record. The number, the one *agree* field, lives in the [ledger](crate::ledger).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawSchema")]
pub struct Schema {
    /// A field's place is its [`FieldId`]: a schema that has been in use may only grow at its end. Invariant: 1 to
    /// [`MAX_FIELDS`], of different names; only registers are required.
    #[serde(rename = "field")]
    fields: Vec<FieldSpec>,
}

/// The declaration of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// The name, unique in the schema, of 1 to 64 bytes.
    pub name: FieldName,
    /// The type of the field.
    pub kind: FieldKind,
    /// Whether a record must have it, and not blank. Only registers can be required.
    #[serde(default)]
    pub required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSchema {
    field: Vec<FieldSpec>,
}

/// Fields that are no schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadSchema {
    /// The schema has no fields, or too many.
    #[error("a schema has 1 to {MAX_FIELDS} fields, not {count}")]
    Count {
        /// How many fields it has.
        count: usize,
    },
    /// The name of a field is empty or too long.
    #[error("the name of a field has 1 to {MAX_NAME_BYTES} bytes: `{name}`")]
    Name {
        /// The name.
        name: FieldName,
    },
    /// Two fields have one name.
    #[error("two fields are named `{name}`")]
    Twice {
        /// The name of both.
        name: FieldName,
    },
    /// A counter or a set is required.
    #[error("`{name}` is no register (`mv` or `lww`): only registers can be required")]
    Required {
        /// The name of the field.
        name: FieldName,
    },
}

/// An edit or a version that the schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum SchemaViolation {
    /// The schema has no such field.
    #[error("there is no field `{field}`")]
    UnknownField {
        /// The name that is not in the schema; `#` and the id if only this is known.
        field: FieldName,
    },
    /// The edit is not for fields of this kind.
    #[error("{field}: {wrong}")]
    WrongEdit {
        /// The name of the field.
        field: FieldName,
        /// The kind of the field.
        wrong: WrongEdit,
    },
    /// A value, an element or a text is too long.
    #[error("{field} is {bytes} bytes long; at most {limit} are allowed")]
    TextTooLong {
        /// The name of the field.
        field: FieldName,
        /// The length of the text, in bytes.
        bytes: usize,
        /// The most bytes allowed.
        limit: usize,
    },
    /// The set would hold more than [`MAX_ELEMENTS`].
    #[error("{field} may hold {MAX_ELEMENTS} elements at most")]
    TooManyElements {
        /// The name of the field.
        field: FieldName,
    },
    /// A required field is missing or blank.
    #[error("a record needs a {field}")]
    Missing {
        /// The name of the field.
        field: FieldName,
    },
    /// The register [`NUMBER`] would hold a text that is not a [`GivenNumber`].
    #[error("this is not how a replica gives a number")]
    NotANumber,
}

impl TryFrom<RawSchema> for Schema {
    type Error = BadSchema;

    fn try_from(raw: RawSchema) -> Result<Self, BadSchema> {
        Schema::new(raw.field)
    }
}

impl Schema {
    /// A schema of these fields, in this order.
    ///
    /// # Errors
    /// The rule that they break.
    pub fn new(fields: Vec<FieldSpec>) -> Result<Self, BadSchema> {
        if !(1..=MAX_FIELDS).contains(&fields.len()) {
            return Err(BadSchema::Count { count: fields.len() });
        }
        let mut names = SortedSet::new();
        for spec in &fields {
            let FieldSpec { name, required, .. } = spec;
            if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
                return Err(BadSchema::Name { name: name.clone() });
            }
            if !names.insert(name) {
                return Err(BadSchema::Twice { name: name.clone() });
            }
            if *required && !spec.is_register() {
                return Err(BadSchema::Required { name: name.clone() });
            }
        }
        Ok(Schema { fields })
    }

    /// People: a name of which concurrent ones are kept side by side, a note of which the latest counts, and tags.
    #[must_use]
    pub fn people() -> Self {
        let field = |name: &str, kind, required| FieldSpec { name: name.to_owned(), kind, required };
        let fields =
            [field(NAME, FieldKind::Mv, true), field(NOTE, FieldKind::Lww, false), field(TAGS, FieldKind::Set, false)];
        Schema { fields: fields.into() }
    }

    /// The fields with their ids, in order.
    pub fn fields(&self) -> impl Iterator<Item = (FieldId, &FieldSpec)> {
        (0..).map(FieldId).zip(&self.fields)
    }

    /// The field by which people know a record: the first required register, or else the first register.
    #[must_use]
    pub fn title(&self) -> Option<(FieldId, &FieldSpec)> {
        let registers = || self.fields().filter(|(_, spec)| spec.is_register());
        registers().find(|(_, spec)| spec.required).or_else(|| registers().next())
    }

    /// Whether what was written under `earlier` is right under this schema, too: it has all the fields in their places,
    /// and after them perhaps some that are not required.
    #[must_use]
    pub fn extends(&self, earlier: &Schema) -> bool {
        self.fields.strip_prefix(&earlier.fields[..]).is_some_and(|new| !new.iter().any(|spec| spec.required))
    }

    /// Returns the declaration of a field, if there is one of this id.
    #[must_use]
    pub fn spec(&self, field: FieldId) -> Option<&FieldSpec> {
        self.fields.get(usize::from(field.0))
    }

    /// The id of a field.
    ///
    /// # Errors
    /// [`SchemaViolation::UnknownField`] if there is none of that name.
    pub fn id(&self, name: &str) -> Result<FieldId, SchemaViolation> {
        // A name that came from outside may be of any length.
        let unknown = || SchemaViolation::UnknownField { field: name.chars().take(MAX_NAME_BYTES).collect() };
        self.fields().find(|(_, spec)| spec.name == name).map(|(id, _)| id).ok_or_else(unknown)
    }

    /// An edit of a field by its name.
    ///
    /// # Errors
    /// The rule that it breaks, whatever the record holds.
    pub fn op(&self, name: &str, edit: FieldEdit) -> Result<Op, SchemaViolation> {
        let field = self.id(name)?;
        let op = Op { field, kind: self.known(field)?.kind, edit };
        self.check_op(&op)?;
        Ok(op)
    }

    /// Checks an op, whatever the record holds.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check_op(&self, op: &Op) -> Result<(), SchemaViolation> {
        if op.field == NUMBER {
            let right =
                matches!(&op.edit, FieldEdit::Assign(text) if text.is_empty() || GivenNumber::parse(text).is_some());
            return if right && op.kind == FieldKind::Mv { Ok(()) } else { Err(SchemaViolation::NotANumber) };
        }
        let spec = self.known(op.field)?;
        let right =
            op.edit.check_kind(spec.kind).and(if op.kind == spec.kind { Ok(()) } else { Err(spec.wrong_edit()) });
        right.map_err(|wrong| SchemaViolation::WrongEdit { field: spec.name.clone(), wrong })?;
        match &op.edit {
            FieldEdit::Assign(text) => spec.check_value(text),
            FieldEdit::Insert(text) | FieldEdit::Remove(text) => spec.check_length(text, MAX_ELEMENT_BYTES),
            FieldEdit::Add(_) => Ok(()),
        }
    }

    /// Checks the ops that make a new record.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn check_new(&self, ops: &[Op]) -> Result<(), SchemaViolation> {
        ops.iter().try_for_each(|op| self.check_op(op))?;
        self.check_required(|field| ops.iter().any(|op| op.field == field))
    }

    pub(crate) fn check_required(&self, has: impl Fn(FieldId) -> bool) -> Result<(), SchemaViolation> {
        match self.fields().find(|&(id, spec)| spec.required && !has(id)) {
            Some((_, spec)) => Err(SchemaViolation::Missing { field: spec.name.clone() }),
            None => Ok(()),
        }
    }

    pub(crate) fn known(&self, field: FieldId) -> Result<&FieldSpec, SchemaViolation> {
        self.spec(field).ok_or_else(|| SchemaViolation::UnknownField { field: format!("#{}", field.0) })
    }
}

impl FieldSpec {
    /// An edit of another kind than this field's.
    pub(crate) fn wrong_edit(&self) -> WrongEdit {
        WrongEdit { kind: self.kind }
    }

    /// Whether it holds one text, or several until somebody settles which it is.
    #[must_use]
    pub fn is_register(&self) -> bool {
        matches!(self.kind, FieldKind::Lww | FieldKind::Mv)
    }

    pub(crate) fn check_value(&self, text: &str) -> Result<(), SchemaViolation> {
        if self.required && text.trim().is_empty() {
            return Err(SchemaViolation::Missing { field: self.name.clone() });
        }
        self.check_length(text, MAX_TEXT_BYTES)
    }

    pub(crate) fn check_length(&self, text: &str, limit: usize) -> Result<(), SchemaViolation> {
        let bytes = text.len();
        if bytes > limit {
            return Err(SchemaViolation::TextTooLong { field: self.name.clone(), bytes, limit });
        }
        Ok(())
    }
}
