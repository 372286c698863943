//! How an edit is undone.

use super::{Field, Version};
use crate::base::dot::Dot;
use crate::schema::{FieldEdit, Op};

/// The edit that undoes another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inverse {
    /// The field edit to make.
    pub edit: FieldEdit,
    /// The earlier edit whose effect comes back, if there is one.
    pub restores: Option<Dot>,
}

impl Op {
    /// Returns the edit that undoes this one in a record that reads as `version`; `None` if this edit changes
    /// nothing. Of several concurrent values of a register the displayed one comes back.
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
