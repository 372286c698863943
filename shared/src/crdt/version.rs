//! Versions: a record's fields as one replica saw them when it edited the record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Field, Lattice};
use crate::hlc::Stamp;

/// The name of a field, as the schema declares it.
pub type FieldName = String;

/// All fields of a record after one edit. The edit's dot names the version; a version never changes.
///
/// Each edit carries the record whole. That is why a record which is removed by one replica while another edits it
/// comes back with all its fields, without tombstones: the surviving version needs nothing that the removal dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub fields: BTreeMap<FieldName, Field>,
}

impl Version {
    /// The latest stamp of all writes; the lowest if there is none.
    #[must_use]
    pub fn latest_stamp(&self) -> Stamp {
        self.fields.values().filter_map(Field::latest_stamp).max().unwrap_or_default()
    }
}

impl Lattice for Version {
    /// Merges field by field: how concurrent versions of one record are read as one.
    fn join(&mut self, other: &Self) {
        for (name, field) in &other.fields {
            match self.fields.get_mut(name) {
                Some(own) => own.join(field),
                None => {
                    self.fields.insert(name.clone(), field.clone());
                }
            }
        }
    }
}
