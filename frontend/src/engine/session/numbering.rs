//! How a session gives numbers and takes them back, and what it remembers of refusals.

use shared::id::RecordId;
use shared::io::{Command, Message, Now};
use shared::ledger::{Conflict, Rejection};
use shared::replica::NumberView;

use super::answers::Asked;
use super::{NumberWish, Session};
use crate::engine::fact::{Collision, Owner};

impl Session {
    pub(super) fn number(&mut self, now: Now, record: RecordId, number: NumberWish) -> Vec<Message> {
        self.forget_refusal(record);
        let number = match number {
            NumberWish::Next => None,
            NumberWish::This(number) => Some(number),
        };
        self.ask(now, Command::Number { record, number }, Some(Asked::Number(record)))
    }

    pub(super) fn free(&mut self, now: Now, record: RecordId) -> Vec<Message> {
        self.forget_refusal(record);
        self.command(now, Command::Free { record })
    }

    /// Why `record` got no number when it was asked for last, unless the user has read it.
    #[must_use]
    pub fn refusal(&self, record: RecordId, number: &NumberView) -> Option<Rejection> {
        let refusal = self.refused.get(&record).copied().or(number.refused);
        refusal.filter(|refusal| self.dismissed.get(&record) != Some(refusal))
    }

    pub(super) fn dismiss_refusal(&mut self, record: RecordId) {
        self.changed.records.insert(record);
        self.refused.remove(&record);
        if let Some(rejection) = self.view().record(record).and_then(|record| record.number.refused) {
            self.dismissed.insert(record, rejection);
        }
    }

    fn forget_refusal(&mut self, record: RecordId) {
        self.changed.records.insert(record);
        self.refused.remove(&record);
        self.dismissed.remove(&record);
    }

    /// Both sides of a conflict, by the names that they have now.
    #[must_use]
    pub fn collision(&self, conflict: &Conflict) -> Collision {
        let owner = match conflict.because {
            Rejection::NumberTaken { owner, .. } => self.owner(owner),
            _ => Owner::Nobody,
        };
        Collision {
            by: conflict.claim.dot.replica,
            loser: self.owner(conflict.claim.record),
            wanted: conflict.claim.number,
            because: conflict.because,
            winner: owner,
            given: conflict.given.map(|numbered| numbered.number),
        }
    }
}
