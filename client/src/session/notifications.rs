//! What a session tells people of what others did, and of what was decided.

use shared::base::id::RecordId;
use shared::consensus::Slot;
use shared::ledger::{Accepted, Entry, Granted, Operation, Outcome, Rejection, Request, Resolution};
use shared::merge::document::{Change, LostWrite};
use shared::replica::io::{Event, Now};

use super::{Mark, Session};
use crate::name::Name;
use crate::notification::{Collision, Decided, Decision, Notification, Owner};

/// More additions than this at once are told in one line.
const MANY: usize = 4;

impl Session {
    /// Tells what a merge did, but for the writes that it lost.
    pub(super) fn notify_of_events(&mut self, now: Now, events: &[Event], lost: &[LostWrite]) {
        let added = events.iter().filter(|event| event.change == Change::Added).count();
        if added > MANY && self.caught_up_once {
            self.feed.notify(now.wall_ms, Notification::AddedMany { count: added });
        }
        for event in events {
            let before = self.names(event.record).to_vec();
            self.note_names(event.record);
            if !self.caught_up_once {
                continue;
            }
            self.set_mark(event);
            let is_lossy = lost.iter().any(|write| write.record == event.record);
            match event.change {
                Change::Added if added > MANY => {}
                // The loss tells that not both edits are in.
                Change::Merged if is_lossy => {
                    self.notify_of_event(now, Event { change: Change::Edited, ..*event }, &before)
                }
                _ => self.notify_of_event(now, *event, &before),
            }
        }
    }

    fn set_mark(&mut self, event: &Event) {
        self.changes += 1;
        self.changed.records.insert(event.record);
        let mark = Mark { serial: self.changes, by: event.by.map(|by| self.author(by)) };
        self.known.entry(event.record).or_default().mark = (event.change != Change::Removed).then_some(mark);
    }

    fn notify_of_event(&mut self, now: Now, Event { record, change, by }: Event, before: &[Name]) {
        let names = self.names(record).to_vec();
        let (name, by) = (self.name_or_id(record), by.map(|by| self.author(by)));
        let was = || before.first().cloned().unwrap_or(Name::Untitled(record));
        let notification = match change {
            Change::Added => Notification::Added { by, name },
            Change::Removed => Notification::Removed { name },
            Change::Restored => return self.feed.alert(now.wall_ms, Notification::Restored { by, name }),
            Change::Edited if names == before => Notification::Edited { by, name },
            Change::Edited | Change::Merged if names.len() > 1 && names != before => {
                Notification::NamesParted { names }
            }
            Change::Merged => Notification::Merged { by, from: was(), to: name },
            Change::Edited if before.len() > 1 => Notification::Settled { by, name },
            Change::Edited => Notification::Renamed { by, from: was(), to: name },
        };
        self.feed.notify(now.wall_ms, notification);
    }

    /// Tells which writes gave way to others; one of this tab's aloud, since its author may want it back.
    pub(super) fn notify_of_losses(&mut self, now: Now, lost: Vec<LostWrite>) {
        for write in lost {
            let Some(field) = self.replica.view().schema().spec(write.field).map(|spec| spec.name.clone()) else {
                continue;
            };
            let own = write.by == self.replica.view().me();
            if self.feed.knows_loss(&write) || !(own || self.caught_up_once) {
                continue;
            }
            let name = self.name_or_id(write.record);
            let (by, winner) = (self.author(write.by), self.author(write.winner));
            let notification = Notification::Lost { write, field, name, by, winner };
            if own {
                self.feed.alert(now.wall_ms, notification);
            } else {
                self.feed.notify(now.wall_ms, notification);
            }
        }
    }

    /// All relays were restored from a backup, so that the log is learnt anew.
    pub(super) fn log_begins_anew(&mut self, now: Now, numbers: usize) {
        self.told = Slot(0);
        self.watching.log_begins_anew();
        self.alert(now, Notification::RelaysRestored { numbers });
    }

    /// Tells what the log has decided, and the policy has released, since the last time.
    pub(super) fn notify_of_decisions(&mut self, now: Now) {
        let view = self.replica.view();
        // What the backup held was told before.
        if self.told == Slot(0)
            && let Some(restore) = view.ledger().restores().latest()
        {
            self.told = restore.at;
        }
        let released = view.released().min(view.log().decided());
        // What came in a snapshot happened long ago.
        self.told = self.told.max(view.log().start().slot);
        while self.told < released {
            let slot = self.told;
            self.told = slot.plus(1);
            let accepted = self.replica.view().log().decision(slot).cloned();
            if let Some(accepted) = accepted.filter(|_| self.caught_up_once) {
                self.notify_of_decision(now, slot, accepted);
            }
        }
    }

    fn notify_of_decision(&mut self, now: Now, slot: Slot, Accepted { ballot, entry }: Accepted) {
        let Entry::Command(request) = entry else { return };
        let Some(outcome) = self.replica.view().ledger().outcome(&request) else { return };
        // The ledger keeps an outcome only until the asker has seen it, which may have been before this tab came back.
        let is_dropped = outcome == Err(Rejection::Forgotten) && request.id.replica != self.replica.view().me();
        // What relays settle among themselves about a key is nothing to people.
        let is_about_key_alone = matches!(
            outcome,
            Ok(Granted::Begun | Granted::Done) | Err(Rejection::Repeated | Rejection::KeyUsedOtherwise)
        );
        if is_dropped || is_about_key_alone {
            return;
        }
        let request = Request { operation: request.operation.plain().into_owned(), ..request };
        if self.feed.knows(request.id) {
            return;
        }
        let what = self.decision(slot, &request, outcome);
        let is_aloud = self.concerns_this_tab(&request, &what);
        let by = self.author(request.id.replica);
        let notification = Notification::Decided(Decided { request: request.id, by, leader: ballot.voter, slot, what });
        if is_aloud {
            self.feed.alert(now.wall_ms, notification);
        } else {
            self.feed.notify(now.wall_ms, notification);
        }
    }

    fn concerns_this_tab(&self, request: &Request, what: &Decision) -> bool {
        let me = self.replica.view().me();
        let is_wards = |replica| self.ward == Some(replica);
        match what {
            // A row says itself that this tab was refused its number.
            Decision::Refused { .. } if request.id.replica == me => !self.has_row(request.operation.record()),
            Decision::Refused { .. } => is_wards(request.id.replica),
            Decision::Settled { collisions, .. } => {
                collisions.iter().any(|collision| collision.by == me || is_wards(collision.by))
            }
            _ => false,
        }
    }

    fn has_row(&self, record: Option<RecordId>) -> bool {
        record.is_some_and(|record| self.replica.view().document().contains(record))
    }

    /// The conflicts that an entry has found.
    fn collisions(&self, slot: Slot) -> Vec<Collision> {
        let conflicts = self.replica.view().ledger().conflicts().filter(|conflict| conflict.id.slot == slot);
        conflicts.map(|conflict| self.collision(conflict)).collect()
    }

    fn resolved(&self, operation: &Operation, resolution: Resolution) -> Decision {
        let Operation::Resolve { conflict: id, .. } = *operation else {
            return Decision::Resolved { resolution, collision: None };
        };
        let conflict = self.replica.view().ledger().conflicts().find(|conflict| conflict.id == id);
        Decision::Resolved { resolution, collision: conflict.map(|conflict| self.collision(conflict)) }
    }

    fn decision(&self, slot: Slot, request: &Request, outcome: Outcome) -> Decision {
        let record = request.operation.record();
        let name = record.and_then(|record| self.names(record).first()).cloned();
        match outcome {
            Ok(Granted::Final(numbered) | Granted::Set { number: Some(numbered) }) => {
                Decision::Given { number: numbered.number, name }
            }
            Ok(Granted::Released { number }) => Decision::Released { number, name },
            Ok(Granted::Begun | Granted::Done) => Decision::Unchanged { name },
            Ok(Granted::Set { number: None }) => match request.operation {
                Operation::CompareAndSet { from: Some(number), .. } => Decision::Released { number, name },
                _ => Decision::Unchanged { name },
            },
            Ok(Granted::Highest { number }) => Decision::Raised { highest: number },
            Ok(Granted::Reach { most }) => Decision::Reach { most },
            Ok(Granted::Range(range)) => Decision::Leased { range, to: self.author(range.to) },
            Ok(Granted::Epoch { level, .. }) => {
                let Operation::SetMode { reason, load, .. } = request.operation else {
                    unreachable!("an epoch that nobody wanted")
                };
                Decision::Epoch { level, reason, load }
            }
            Ok(Granted::Dynamic(dynamic)) => Decision::Dynamic(dynamic),
            Ok(Granted::Settled { settled, .. }) => Decision::Settled { settled, collisions: self.collisions(slot) },
            Ok(Granted::Resolved(resolution)) => self.resolved(&request.operation, resolution),
            Ok(Granted::Policy(policy)) => Decision::Policy(policy),
            Ok(Granted::Waived) => Decision::Waived,
            Ok(Granted::Configuration { number }) => Decision::Configuration { number },
            Ok(Granted::Retired { replica }) => Decision::Retired { replica },
            Err(rejection) => {
                let owner = match rejection {
                    Rejection::NumberTaken { owner, .. } => self.owner(owner),
                    _ => Owner::Nobody,
                };
                Decision::Refused { rejection, name, owner }
            }
        }
    }
}
