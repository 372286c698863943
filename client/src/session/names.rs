//! What records are called, also those that were removed, and who did something about them.

use shared::base::id::{RecordId, ReplicaId};
use shared::replica::{CandidateView, FieldView, RecordView, Undoable};

use super::Session;
use crate::author::Author;
use crate::name::Name;
use crate::notification::{Owner, Subject};

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

    /// Returns the name of a record: the values of its title, or its id if there are none. Never empty.
    #[must_use]
    pub fn names_of(&self, record: &RecordView) -> Vec<Name> {
        let title = self.view().schema().title().map_or("", |(_, spec)| &spec.name);
        titles(record.id, record.candidates(title))
    }

    /// Returns the name of a record, or its last name before it was removed; `None` if the record was never seen here.
    #[must_use]
    pub fn last_name(&self, record: RecordId) -> Option<Name> {
        self.names(record).first().cloned()
    }

    /// Returns the last name of a record, or its id if the record was never seen here.
    #[must_use]
    pub fn name_or_id(&self, record: RecordId) -> Name {
        self.last_name(record).unwrap_or(Name::Untitled(record))
    }

    /// Returns the record or the imported file that something was done about.
    #[must_use]
    pub fn subject_of(&self, what: Undoable) -> Subject {
        match what {
            Undoable::Imported(import) => Subject::File(self.imports.file(import).to_owned()),
            Undoable::Added(record) | Undoable::Edited(record, _) | Undoable::Removed(record) => {
                Subject::Record(self.name_or_id(record))
            }
        }
    }

    /// Returns who makes edits under this id.
    #[must_use]
    pub fn author(&self, replica: ReplicaId) -> Author {
        let configuration = self.view().ledger().configuration();
        let mut voters = configuration.into_iter().flat_map(|configuration| configuration.voters.iter());
        let relay = voters.find(|&(_, &incarnation)| incarnation == replica);
        relay.map_or(Author::Tab(replica), |(&relay, _)| Author::Relay(relay))
    }

    pub(super) fn names(&self, record: RecordId) -> &[Name] {
        self.known.get(&record).map_or(&[], |known| &known.names)
    }

    /// Remembers how a record is called; a removed one keeps its last names.
    pub(super) fn note_names(&mut self, record: RecordId) {
        let view = self.replica.view();
        let title = view.schema().title().and_then(|(title, _)| view.field(record, title));
        let names = match title {
            Some(FieldView::Register(values)) => titles(record, &values),
            _ if view.document().contains(record) => titles(record, &[]),
            _ => return,
        };
        self.known.entry(record).or_default().names = names;
    }
}

fn titles(record: RecordId, title: &[CandidateView]) -> Vec<Name> {
    let values = title.iter().map(|candidate| &candidate.value).filter(|value| !value.is_empty());
    let names: Vec<_> = values.cloned().map(Name::Title).collect();
    if names.is_empty() { vec![Name::Untitled(record)] } else { names }
}
