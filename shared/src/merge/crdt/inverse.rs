//! How an edit is undone.

use super::{Field, Version};
use crate::base::dot::Dot;
use crate::schema::{FieldEdit, Op};

/// What undoes an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inverse {
    pub edit: FieldEdit,
    /// The edit whose effect comes back by it, if there was one.
    pub restores: Option<Dot>,
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
