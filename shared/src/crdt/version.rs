//! Versions: a record's fields as one replica saw them when it edited the record.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Lattice, MvRegister};
use crate::dot::{Dot, DotSet};

/// The name of a field, as the schema declares it.
pub type FieldName = String;

/// All fields of a record after one edit. The edit's dot names the version; a version never changes.
///
/// Each edit carries the record whole. That is why a record which is removed by one replica while another edits it
/// comes back with all its fields, without tombstones: the surviving version needs nothing that the removal dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub fields: BTreeMap<FieldName, MvRegister>,
}

impl Version {
    /// Whether the version that `dot` names was built on an earlier one, of which one whose context is `context` has
    /// seen something.
    #[must_use]
    pub fn is_built_on_seen(&self, dot: Dot, context: &DotSet) -> bool {
        self.fields.values().any(|register| register.ancestor_is_seen(dot, context))
    }
}

impl Lattice for Version {
    /// Merges field by field: how concurrent versions of one record are read as one.
    fn join(&mut self, other: &Self) {
        for (name, register) in &other.fields {
            self.fields.entry(name.clone()).or_default().join(register);
        }
    }
}
