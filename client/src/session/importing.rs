//! How a session takes records out of a file.

use litemap::LiteMap;
use shared::base::dot::Dot;
use shared::base::id::RecordId;
use shared::replica::io::{Command, CommandRejection, ImportId, Message, Now};

use crate::notification::Notification;

use super::answers::Asked;
use super::{NewRecord, NumberOperation, Session};

/// The imports of this tab.
#[derive(Default)]
pub(super) struct Imports {
    /// The files, by their imports.
    files: LiteMap<ImportId, String>,
    undoing: Option<Undoing>,
}

/// An import that is being undone.
struct Undoing {
    import: ImportId,
    /// So many records stay, since others have changed them.
    changed: usize,
}

impl Imports {
    pub(super) fn file(&self, import: ImportId) -> &str {
        self.files.get(&import).map_or("", String::as_str)
    }
}

/// Why a record is not in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// [`TooManyWaiting`](CommandRejection::TooManyWaiting) and [`Shedding`](CommandRejection::Shedding) pass with time.
    Rejected(CommandRejection),
    /// The reason waits for earlier writes to be durable. Nothing was done, so asking again then is harmless.
    NotSaidYet,
}

impl Session {
    /// An import begins, whose records are undone as one.
    pub fn begin_import(&mut self, file: &str) -> ImportId {
        let import = ImportId(self.imports.files.len() as u64);
        self.imports.files.insert(import, file.to_owned());
        import
    }

    /// The record that was registered last belongs to an import.
    #[must_use]
    pub fn join_import(&mut self, now: Now, import: ImportId, record: RecordId) -> Vec<Message> {
        self.command(now, Command::JoinImport { import, record })
    }

    /// Begins to undo an import. [`undo_import_further`](Self::undo_import_further) goes on with it.
    pub(super) fn undo_import(&mut self, now: Now, import: ImportId) -> Vec<Message> {
        if self.imports.undoing.is_some() {
            return Vec::new();
        }
        self.imports.undoing = Some(Undoing { import, changed: 0 });
        self.undo_import_further(now)
    }

    /// Whether a part of an import that is being undone is left.
    #[must_use]
    pub fn is_undoing_import(&self) -> bool {
        self.imports.undoing.as_ref().is_some_and(|undoing| self.view().imported(undoing.import) > 0)
    }

    /// Undoes the next part of an import, if one is being undone.
    #[must_use]
    pub fn undo_import_further(&mut self, now: Now) -> Vec<Message> {
        let Some(Undoing { import, .. }) = self.imports.undoing else { return Vec::new() };
        self.give(now, Command::UndoImport { import }, Some(Asked::UndoImport))
    }

    /// A part of an import is undone for good. Tells so with the last one.
    pub(super) fn notify_of_undone_import(&mut self, now: Now, changed: usize, left: usize) {
        let Some(undoing) = &mut self.imports.undoing else { return };
        undoing.changed += changed;
        if left == 0 {
            let file = self.imports.files.get(&undoing.import).cloned().unwrap_or_default();
            let notification = Notification::ImportUndone { file, changed: undoing.changed };
            self.imports.undoing = None;
            self.feed.alert(now.wall_ms, notification);
        }
    }

    /// For the feed: what was seen happening.
    pub fn notify(&mut self, now: Now, notification: Notification) {
        self.feed.notify(now.wall_ms, notification);
    }

    /// Whether an edit of this tab's user outlives the tab: it is on this device or, where nothing can be kept here, on a
    /// relay.
    #[must_use]
    pub fn is_kept(&self, edit: Dot) -> bool {
        let view = self.view();
        if edit.replica() != view.me() {
            return true; // The tab has another id since, under which all was added again.
        }
        let durable = view.document().context().highest(view.me()) - view.unpersisted_edits();
        if self.is_on_device() { edit.counter() <= durable } else { self.stored.contains(edit) }
    }

    /// Adds a record, with a number if one is wanted: both or neither, as far as is known here. Unlike what the user does
    /// by hand, nobody is told why it cannot be done: whoever asked is.
    ///
    /// # Errors
    /// Why nothing was done.
    pub fn register(
        &mut self,
        now: Now,
        NewRecord { fields, number }: NewRecord,
    ) -> (Vec<Message>, Result<RecordId, NotRegistered>) {
        let command = match number {
            None => Command::Add { fields },
            Some(NumberOperation::Next) => Command::Register { fields, number: None },
            Some(NumberOperation::This(number)) => Command::Register { fields, number: Some(number) },
        };
        let view = self.view();
        let record = view.document().next_dot(view.me()).map(RecordId);
        let sends = self.give(now, command, Some(Asked::Registration));
        let rejection = self.rejected_registration.take();
        let outcome = match record {
            Ok(record) if self.view().document().contains(record) => {
                self.note_names(record);
                Ok(record)
            }
            _ => Err(rejection.map_or(NotRegistered::NotSaidYet, NotRegistered::Rejected)),
        };
        (sends, outcome)
    }
}
