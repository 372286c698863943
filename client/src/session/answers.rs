//! What a session tells of the answers to commands. They come when what the commands did is durable.

use shared::base::id::RecordId;
use shared::replica::Undoable;
use shared::replica::io::{CommandId, CommandRejection, Now, Reply};

use super::{Session, record_of};
use crate::notification::Notification;

/// A command whose answer is told in a way of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Number(RecordId),
    Undo(Undoable),
    UndoImport,
    /// Told by whoever asked, if it comes at once.
    Registration,
}

impl Session {
    pub(super) fn notify_of_answers(&mut self, now: Now, replies: Vec<(CommandId, Result<Reply, CommandRejection>)>) {
        for (id, reply) in replies {
            match (self.asked.remove(&id), reply) {
                (Some(Asked::Undo(what)), reply) => {
                    record_of(what).into_iter().for_each(|record| self.note_names(record));
                    let notification =
                        Notification::Undone { what, about: self.subject_of(what), outcome: reply.map(drop) };
                    self.feed.alert(now.wall_ms, notification);
                }
                (Some(Asked::UndoImport), Ok(Reply::ImportUndone { changed, left })) => {
                    self.notify_of_undone_import(now, changed, left);
                }
                (Some(Asked::Number(record)), Ok(Reply::Numbered(numbering))) if !self.is_decided(record) => {
                    let name = self.name_or_id(record);
                    self.feed.notify(now.wall_ms, Notification::Numbered { name, numbering });
                }
                // The row of the record says so itself.
                (Some(Asked::Number(_)), Err(CommandRejection::Refused(_))) => {}
                (Some(Asked::Registration), reply) => self.rejected_registration = reply.err(),
                (_, Err(rejection)) => self.feed.alert(now.wall_ms, Notification::Impossible(rejection)),
                (_, Ok(_)) => {}
            }
        }
    }

    /// Whether a record has its number by the log, which was told as its decision.
    fn is_decided(&self, record: RecordId) -> bool {
        self.view().ledger().number_of(record).is_some()
    }
}
