//! What a session tells of the answers to commands. They come when what the commands did is durable.

use litemap::LiteMap;
use shared::base::id::RecordId;
use shared::replica::Undoable;
use shared::replica::io::{Command, CommandId, CommandRejection, Message, Now, Reply};

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
    /// Told by the host, to the program that asked.
    Program,
}

/// The answer to a command.
pub type Answer = Result<Reply, CommandRejection>;

/// The commands that are not answered yet, and the answers that the host has not taken.
#[derive(Default)]
pub(super) struct Questions {
    /// How many commands there were.
    pub(super) given: u64,
    pub(super) asked: LiteMap<CommandId, Asked>,
    answers: Vec<(CommandId, Answer)>,
}

impl Session {
    /// Runs a command of a program. Its answer is [taken](Self::take_answers) by the host, and nobody else is told. It comes
    /// when what the command did is durable; to an operation, when the log has decided.
    pub fn run(&mut self, now: Now, command: Command) -> (CommandId, Vec<Message>) {
        let view = self.view();
        let record = match &command {
            Command::Add { .. } | Command::Register { .. } => view.document().next_dot(view.me()).map(RecordId).ok(),
            Command::Edit { record, .. } | Command::Change { record, .. } => Some(*record),
            _ => None,
        };
        let sends = self.give(now, command, Some(Asked::Program));
        if let Some(record) = record.filter(|&record| self.view().document().contains(record)) {
            self.note_names(record);
        }
        (CommandId(self.questions.given), sends)
    }

    /// The answers to [commands](Self::run) that came since the last time.
    #[must_use]
    pub fn take_answers(&mut self) -> Vec<(CommandId, Answer)> {
        std::mem::take(&mut self.questions.answers)
    }

    pub(super) fn notify_of_answers(&mut self, now: Now, replies: Vec<(CommandId, Answer)>) {
        for (id, reply) in replies {
            match (self.questions.asked.remove(&id), reply) {
                (Some(Asked::Program), reply) => self.questions.answers.push((id, reply)),
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
