//! How a session takes records out of a file.

use shared::dot::Dot;
use shared::id::RecordId;
use shared::io::{Command, CommandRejection, Message, Now};

use crate::engine::fact::Fact;

use super::answers::Asked;
use super::{NewRecord, NumberWish, Session};

/// Why a record is not in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// [`TooManyWaiting`](CommandRejection::TooManyWaiting) and [`Shedding`](CommandRejection::Shedding) pass with time.
    Rejected(CommandRejection),
    /// The reason waits for earlier writes to be durable. Nothing was done, so asking again then is harmless.
    NotSaidYet,
}

impl Session {
    /// For the feed: what was seen happening.
    pub fn tell(&mut self, now: Now, fact: Fact) {
        self.feed.tell(now.wall_ms, fact);
    }

    /// Whether an edit of this tab's user outlives the tab: it is on this device or, where nothing can be kept here, on a
    /// relay.
    #[must_use]
    pub fn is_kept(&self, edit: Dot) -> bool {
        let view = self.view();
        if edit.replica != view.me() {
            return true; // The tab has another id since, under which all was added again.
        }
        let durable = view.document().context().highest(view.me()) - view.unpersisted_edits();
        if self.is_on_device() { edit.counter <= durable } else { self.stored.contains(edit) }
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
            Some(NumberWish::Next) => Command::Register { fields, number: None },
            Some(NumberWish::This(number)) => Command::Register { fields, number: Some(number) },
        };
        let view = self.view();
        let record = view.document().next_dot(view.me()).map(RecordId);
        let sends = self.ask(now, command, Some(Asked::Registration));
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
