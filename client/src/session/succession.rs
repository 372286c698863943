//! How a session takes the place of another one, whose id relays refuse.

use std::sync::Arc;

use shared::base::id::RecordId;
use shared::base::sorted::SortedMap;
use shared::ledger::Operation;
use shared::replica::io::{Command, Now};

use super::carry_over::{Carried, carried};
use super::{Action, Session};
use crate::notification::Notification;

impl Session {
    /// Goes on with what the page has told and shows.
    pub fn succeed(&mut self, now: Now, old: &mut Session) {
        self.feed = std::mem::take(&mut old.feed);
        self.load = Arc::clone(&old.load);
        self.ward = old.ward;
        self.watching.open_as(&old.watching);
        // Without a link there is nowhere to send to.
        let _nothing_to_send = self.set_shown(now, old.shown);
    }

    /// Does under this replica's id what `old` did and no relay has. Returns how much that was. To be called without a
    /// link, after one over which everything has come: it is sent as is whatever was done offline.
    pub fn carry_over(&mut self, now: Now, old: &Session) -> usize {
        let all = carried(&old.view(), &old.stored, &self.view());
        let mut renamed = SortedMap::new();
        let count = all.len();
        for each in all {
            self.carry(now, each, old, &mut renamed);
        }
        count
    }

    fn carry(&mut self, now: Now, each: Carried, old: &Session, renamed: &mut SortedMap<RecordId, RecordId>) {
        // There is no link.
        let _nothing_to_send = match each {
            Carried::Add { old: id, record } => {
                self.notify_of_lost_lease(now, id, old);
                let view = self.view();
                renamed.extend(view.document().next_dot(view.me()).map(|dot| (id, RecordId(dot))));
                self.add(now, record)
            }
            Carried::Edit { record, field, edit } => self.act(now, Action::Edit { record, field, edit, seen: None }),
            Carried::Remove { record } => self.command(now, Command::Remove { record }),
            Carried::Number { record, number } => {
                self.notify_of_lost_lease(now, record, old);
                self.number(now, record, number)
            }
            Carried::Ask(operation) => match of_record(operation, renamed) {
                operation if operation.record().is_some_and(|record| !self.view().document().contains(record)) => {
                    Vec::new()
                }
                operation => self.command(now, Command::Ask(operation)),
            },
            Carried::Lost { write, field } => {
                let name = old.name_or_id(write.record);
                let (by, winner) = (old.author(write.by), old.author(write.winner));
                self.alert(now, Notification::Lost { write, field, name, by, winner });
                Vec::new()
            }
        };
    }

    /// A number that `old` has given out of its lease stays with the lease.
    fn notify_of_lost_lease(&mut self, now: Now, record: RecordId, old: &Session) {
        if let Some(number) = old.view().number(record).leased {
            let name = old.name_or_id(record);
            self.alert(now, Notification::LeaseLost { name, number: number.into_inner() });
        }
    }
}

/// The same operation about the record that was added in place of another one.
fn of_record(mut operation: Operation, renamed: &SortedMap<RecordId, RecordId>) -> Operation {
    if let Operation::Assign { record, .. }
    | Operation::Allocate { record }
    | Operation::Release { record }
    | Operation::CompareAndSet { record, .. } = &mut operation
        && let Some(new) = renamed.get(record)
    {
        *record = *new;
    }
    operation
}
