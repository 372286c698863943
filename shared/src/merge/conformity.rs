//! Whether what a record holds is what its schema allows.

use crate::merge::crdt::{Field, Version};
use crate::schema::{
    FieldEdit, FieldKind, GivenNumber, MAX_ELEMENT_BYTES, MAX_ELEMENTS, NUMBER, Op, Schema, SchemaViolation,
};

impl Schema {
    /// Checks an op on a record that reads as `version`.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check_op_on(&self, version: &Version, op: &Op) -> Result<(), SchemaViolation> {
        self.check_op(op)?;
        match (&op.edit, version.field(op.field)) {
            (FieldEdit::Insert(_), Some(Field::Set(set))) if set.iter().len() >= MAX_ELEMENTS => {
                Err(SchemaViolation::TooManyElements { field: self.known(op.field)?.name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Checks a whole version, as it arrives from a replica that is not trusted.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check_version(&self, version: &Version) -> Result<(), SchemaViolation> {
        for (id, field) in version.fields() {
            if *id == NUMBER {
                let mut values = field.writes().iter().map(|write| &write.value);
                let right = values.all(|text| text.is_empty() || GivenNumber::parse(text).is_some());
                if right && field.kind() == FieldKind::Mv {
                    continue;
                }
                return Err(SchemaViolation::NotANumber);
            }
            let spec = self.known(*id)?;
            if field.kind() != spec.kind {
                return Err(SchemaViolation::WrongEdit { field: spec.name.clone(), wrong: spec.wrong_edit() });
            }
            field.writes().iter().try_for_each(|write| spec.check_value(&write.value))?;
            if let Field::Set(set) = field {
                set.iter().try_for_each(|element| spec.check_length(element, MAX_ELEMENT_BYTES))?;
            }
        }
        self.check_required(|field| version.field(field).is_some_and(Field::has_value))
    }
}
