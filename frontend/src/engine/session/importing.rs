//! How a session takes records out of a file.

use shared::id::RecordId;
use shared::io::{Command, CommandRejection, Message, Now, Reply};
use shared::replica::Undoable;

use crate::engine::fact::Fact;

use super::{NewRecord, NumberWish, Session};

impl Session {
    /// For the feed: what was seen happening.
    pub fn tell(&mut self, now: Now, fact: Fact) {
        self.feed.tell(now.wall_ms, fact);
    }

    /// Adds a record, with a number if one is wanted: both or neither, as far as is known here. Unlike what the user does
    /// by hand, nobody is told why it cannot be done: whoever asked is.
    ///
    /// # Errors
    /// Why nothing was done. [`TooManyWaiting`](CommandRejection::TooManyWaiting) and
    /// [`Shedding`](CommandRejection::Shedding) pass with time.
    pub fn register(
        &mut self,
        now: Now,
        NewRecord { fields, number }: NewRecord,
    ) -> (Vec<Message>, Result<RecordId, CommandRejection>) {
        let command = match number {
            None => Command::Add { fields },
            Some(NumberWish::Next) => Command::Register { fields, number: None },
            Some(NumberWish::This(number)) => Command::Register { fields, number: Some(number) },
        };
        let step = self.give(now, command);
        let outcome = match step.replies.into_iter().next() {
            Some(Ok(Reply::Added(record) | Reply::Registered(record, _))) => Ok(record),
            Some(Err(rejection)) => Err(rejection),
            // The log was asked for the number, and answers later.
            _ => match self.view().undo() {
                Some(Undoable::Added(record)) => Ok(record),
                _ => Err(CommandRejection::UnknownRecord),
            },
        };
        if let Ok(record) = outcome {
            self.note_names(record);
        }
        (step.sends, outcome)
    }
}
