//! What records are called, also those that were removed.

use shared::base::id::RecordId;
use shared::replica::{CandidateView, FieldView, RecordView, Undoable};

use super::Session;
use crate::engine::fact::Owner;
use crate::tr;

impl Session {
    /// Who `record` is, as the owner of a number.
    #[must_use]
    pub fn owner(&self, record: RecordId) -> Owner {
        let name = self.names(record).first().cloned();
        let document = self.replica.view().document();
        match name {
            Some(name) if document.contains(record) => Owner::Present { name },
            name if document.knows(record.0) => Owner::Removed { name },
            _ => Owner::Unknown,
        }
    }

    /// What a record is called: the values of its title, or its id if there are none. Never empty.
    #[must_use]
    pub fn names_of(&self, record: &RecordView) -> Vec<String> {
        let title = self.view().schema().title().map_or("", |(_, spec)| &spec.name);
        in_words(record.id, record.candidates(title))
    }

    /// What a record is called, or was before it was removed.
    #[must_use]
    pub fn last_name(&self, record: RecordId) -> String {
        self.names(record).first().cloned().unwrap_or_default()
    }

    /// The name of the record or of the imported file that something was done about.
    #[must_use]
    pub fn name_of_deed(&self, what: Undoable) -> String {
        match what {
            Undoable::Imported(import) => self.imports.file(import).to_owned(),
            Undoable::Added(record) | Undoable::Edited(record, _) | Undoable::Removed(record) => self.last_name(record),
        }
    }

    pub(super) fn names(&self, record: RecordId) -> &[String] {
        self.known.get(&record).map_or(&[], |known| &known.names)
    }

    /// Remembers how a record is called; a removed one keeps its last names.
    pub(super) fn note_names(&mut self, record: RecordId) {
        let view = self.replica.view();
        let title = view.schema().title().and_then(|(title, _)| view.field(record, title));
        let names = match title {
            Some(FieldView::Register(values)) => in_words(record, &values),
            _ if view.document().contains(record) => in_words(record, &[]),
            _ => return,
        };
        self.known.entry(record).or_default().names = names;
    }
}

fn in_words(record: RecordId, title: &[CandidateView]) -> Vec<String> {
    let values = title.iter().map(|candidate| &candidate.value).filter(|value| !value.is_empty());
    let names: Vec<_> = values.cloned().collect();
    if names.is_empty() { vec![tr!("record {id}", id = record)] } else { names }
}
