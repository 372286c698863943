//! Settling: the log makes provisional numbers final, replaces or rejects them, and keeps every collision for users
//! to see.

use serde::{Deserialize, Serialize};

use super::checks::ensure;
use super::epoch::OnCollision;
use super::number::Numbered;
use super::numbers::Numbers;
use super::provisional::{ConflictId, Resolution, UnsettledNumber};
use super::rejection::Rejection;
use super::rules::{InForce, Rules};
use crate::base::dot::{Dot, DotSet};
use crate::base::sorted::SortedMap;
use crate::consensus::Slot;

/// The most provisional numbers that one entry of the log settles.
pub const MAX_SETTLED: usize = 1024;
/// How many conflicts are kept at the most.
const MAX_CONFLICTS: usize = 10_000;

/// A provisional number that its record did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The name of the conflict.
    pub id: ConflictId,
    /// The provisional number that collided.
    pub provisional: UnsettledNumber,
    /// The reason: who had the number, or which number the record had.
    pub because: Rejection,
    /// The number that the record got in its place; `None` if it got none.
    pub given: Option<Numbered>,
    /// The resolution that a user picked; `None` until then.
    pub resolution: Option<Resolution>,
}

/// The settled numbers, and the conflicts among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settlement {
    /// The edits that gave the settled numbers, whatever came of them.
    settled: DotSet,
    /// Invariant: at most [`MAX_CONFLICTS`]; their edits are in `settled`.
    conflicts: SortedMap<ConflictId, Conflict>,
}

impl Settlement {
    /// Settles those numbers that were not before, in this order. Says how many, and how many of them collided.
    pub(super) fn settle(
        &mut self,
        slot: Slot,
        provisional: &[UnsettledNumber],
        on_collision: OnCollision,
        numbers: &mut Numbers,
    ) -> (u32, u32) {
        let (mut settled, mut collided) = (0, 0);
        let mut losers = Vec::new();
        let limit = numbers.limit();
        for (&given, at) in provisional.iter().zip(0..) {
            if self.settled.contains(given.dot) && InForce::remembers_settled() {
                continue;
            }
            self.settled.insert(given.dot);
            settled += 1;
            if let Err(because) = numbers.settle(slot, &given, limit) {
                let conflict = Conflict {
                    id: ConflictId { slot, at },
                    provisional: given,
                    because,
                    given: None,
                    resolution: None,
                };
                losers.push(conflict);
                collided += 1;
                if !InForce::winners_come_first() {
                    losers.drain(..).for_each(|conflict| self.lose(conflict, on_collision, numbers));
                }
            }
        }
        // Only now: a loser that gets a number which this entry settles would make the record of that one lose, and so on.
        losers.into_iter().for_each(|conflict| self.lose(conflict, on_collision, numbers));
        (settled, collided)
    }

    /// A record has not got its number: it gets another one, if that is wanted, and the conflict is kept for people to see.
    fn lose(&mut self, mut conflict: Conflict, on_collision: OnCollision, numbers: &mut Numbers) {
        let is_about_the_number = matches!(
            conflict.because,
            Rejection::NumberTaken { .. } | Rejection::NumberLeased { .. } | Rejection::TooFarAhead { .. }
        );
        if on_collision == OnCollision::Renumber && is_about_the_number {
            conflict.given = numbers.allocate(conflict.id.slot, conflict.provisional.record).ok();
        }
        if InForce::lists_conflicts() {
            self.keep(conflict);
        }
    }

    /// Keeps a conflict. Beyond their number those go first that somebody has seen to.
    fn keep(&mut self, conflict: Conflict) {
        self.conflicts.insert(conflict.id, conflict);
        if self.conflicts.len() > MAX_CONFLICTS {
            let seen_to = self.conflicts.values().find(|conflict| conflict.resolution.is_some());
            let oldest = seen_to.or(self.conflicts.values().next()).map(|conflict| conflict.id);
            oldest.and_then(|id| self.conflicts.remove(&id));
        }
    }

    pub(super) fn resolve(
        &mut self,
        id: ConflictId,
        resolution: Resolution,
        numbers: &mut Numbers,
    ) -> Result<(), Rejection> {
        let conflict = self.conflicts.get_mut(&id).ok_or(Rejection::UnknownConflict)?;
        if let Some(resolution) = conflict.resolution {
            return Err(Rejection::ResolvedAlready { resolution });
        }
        if resolution == Resolution::Undone {
            let record = conflict.provisional.record;
            let now = numbers.of(record);
            if conflict.given.is_none() || now != conflict.given {
                return Err(Rejection::Changed { now });
            }
            numbers.release(record)?;
        }
        conflict.resolution = Some(resolution);
        Ok(())
    }

    pub(super) fn is_settled(&self, dot: Dot) -> bool {
        self.settled.contains(dot)
    }

    pub(super) fn conflicts(&self) -> impl DoubleEndedIterator<Item = &Conflict> {
        self.conflicts.values()
    }

    pub(super) fn conflict(&self, id: ConflictId) -> Option<&Conflict> {
        self.conflicts.get(&id)
    }

    /// Checks what is written on the fields.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub(super) fn check(&self) -> Result<(), String> {
        ensure(self.conflicts.len() <= MAX_CONFLICTS, || format!("{} conflicts are kept", self.conflicts.len()))?;
        for (id, conflict) in &self.conflicts {
            ensure(*id == conflict.id, || format!("conflict {id} is kept under another name"))?;
            let is_settled = self.settled.contains(conflict.provisional.dot);
            ensure(is_settled, || format!("conflict {id} is about an unsettled number"))?;
        }
        Ok(())
    }
}
