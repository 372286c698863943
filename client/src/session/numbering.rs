//! How a session gives numbers and takes them back.

use shared::base::id::RecordId;
use shared::consensus::Slot;
use shared::ledger::{Conflict, Rejection};
use shared::replica::io::{Command, Message, Now};

use super::answers::Asked;
use super::{NumberOperation, Session};
use crate::notification::{Collision, LogPlace, Owner};

impl Session {
    pub(super) fn number(&mut self, now: Now, record: RecordId, number: NumberOperation) -> Vec<Message> {
        let number = match number {
            NumberOperation::Next => None,
            NumberOperation::This(number) => Some(number),
        };
        self.give(now, Command::Number { record, number }, Some(Asked::Number(record)))
    }

    pub(super) fn free(&mut self, now: Now, record: RecordId) -> Vec<Message> {
        self.command(now, Command::Free { record })
    }

    /// Both sides of a conflict, by the names that they have now.
    #[must_use]
    pub fn collision(&self, conflict: &Conflict) -> Collision {
        let owner = match conflict.because {
            Rejection::NumberTaken { owner, .. } => self.owner(owner),
            _ => Owner::Nobody,
        };
        Collision {
            by: conflict.provisional.dot.replica(),
            loser: self.owner(conflict.provisional.record),
            wanted: conflict.provisional.number,
            because: conflict.because,
            winner: owner,
            given: conflict.given.map(|numbered| numbered.number),
            log_place: self.log_place(match conflict.because {
                Rejection::NumberTaken { slot, .. } | Rejection::AlreadyNumbered { slot, .. } => slot,
                _ => conflict.id.slot,
            }),
        }
    }

    /// Where in the log, and by whom.
    #[must_use]
    pub fn log_place(&self, slot: Slot) -> LogPlace {
        LogPlace { slot, leader: self.view().log().decision(slot).map(|accepted| accepted.ballot.voter) }
    }
}
