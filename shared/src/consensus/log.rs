//! The log: the entries that an acceptor has accepted, and how many of them a learner knows to be decided.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rules::{InForce, Phase, Rules};
use super::{Accepted, Ballot, Entry, LogWrite, Payload, Slot, Suffix};
use crate::base::encoding;
use crate::base::sorted::SortedMap;
use crate::base::split_mix::SplitMix64;

/// The most entries in one [`Suffix`]: a bound on the size of a message.
const ENTRIES_PER_SUFFIX: usize = 1024;
/// How far beyond the decided part an entry is accepted at the most: a bound on memory. Larger than the window of a
/// leader, since several leaders may have left entries here.
const MAX_AHEAD: u64 = 1 << 14;

/// A position in a log, with a hash of the log below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The slot that follows the position.
    pub slot: Slot,
    /// The hash of everything below `slot`.
    pub chain: u64,
}

/// Two replicas hold different entries to be decided for one slot: a database was damaged, or made for other relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("the logs differ below slot {below}")]
pub struct Diverged {
    /// The difference lies below this slot.
    pub below: Slot,
}

/// The log of one replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Log<C> {
    /// Everything below is in a snapshot.
    start: Position,
    /// From `start` on. Invariant: no gap below `decided`, and an entry below `decided` never changes.
    cells: VecDeque<Option<Cell<C>>>,
    /// The first slot that is not known to be decided. Invariant: never falls.
    decided: Slot,
    /// The hash of everything below `decided`.
    chain: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Cell<C> {
    accepted: Accepted<C>,
    /// The hash of the log up to and with this entry; set when it is decided.
    chain: u64,
}

impl<C: Payload> Log<C> {
    /// A log read back from durable state, whose `decided` may lag behind what was known.
    #[must_use]
    pub fn recover(start: Position, entries: SortedMap<Slot, Accepted<C>>, decided: Slot) -> Self {
        let mut log = Log { start, cells: VecDeque::new(), decided: start.slot, chain: start.chain };
        for (slot, accepted) in entries {
            log.put(slot, accepted);
        }
        while log.decided < decided && log.get(log.decided).is_some() {
            log.decide_next();
        }
        log
    }

    /// Whether entries lie where a log that begins at `start` holds entries: what is decided has no gap, and little lies
    /// beyond it.
    pub(crate) fn has_place_for(start: Position, entries: &SortedMap<Slot, Accepted<C>>) -> bool {
        let end = start.slot.0.saturating_add(entries.len() as u64).saturating_add(2 * MAX_AHEAD);
        entries.keys().all(|slot| (start.slot.0..end).contains(&slot.0))
    }

    /// Returns the first slot that is not known to be decided.
    #[must_use]
    pub fn decided(&self) -> Slot {
        self.decided
    }

    /// The first slot whose entry is still here.
    #[must_use]
    pub fn start(&self) -> Position {
        self.start
    }

    /// The hash of the decided log.
    #[must_use]
    pub fn chain(&self) -> u64 {
        self.chain
    }

    /// The hash of the log below a decided slot, as far as it is still known.
    #[must_use]
    pub fn chain_below(&self, slot: Slot) -> Option<u64> {
        if slot == self.start.slot {
            return Some(self.start.chain);
        }
        let before = Slot(slot.0.checked_sub(1)?);
        if slot > self.decided { None } else { self.cell(before).map(|cell| cell.chain) }
    }

    /// Returns the entry of `slot`, accepted or decided; `None` if there is none here.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&Accepted<C>> {
        self.cell(slot).map(|cell| &cell.accepted)
    }

    /// The decided entry of `slot`, if it is still here.
    #[must_use]
    pub fn decision(&self, slot: Slot) -> Option<&Accepted<C>> {
        if slot < self.decided { self.get(slot) } else { None }
    }

    /// Everything accepted at or above `first`.
    pub fn accepted_from(&self, first: Slot) -> impl Iterator<Item = (Slot, Accepted<C>)> {
        let first = first.max(self.start.slot);
        let end = self.start.slot.plus(self.cells.len() as u64);
        (first.0..end.0).filter_map(|slot| Some((Slot(slot), self.get(Slot(slot))?.clone())))
    }

    /// Whether entries from `first` on can be accepted under `ballot`, if everything below `decided` is decided: there
    /// must be no gap, so that whoever holds an entry of a ballot holds all before it under that ballot or a higher one.
    pub(super) fn continues(&self, first: Slot, ballot: Ballot, decided: Slot) -> bool {
        let before = first.0.checked_sub(1).and_then(|before| self.get(Slot(before)));
        let fits = first <= decided || first <= self.decided || before.is_some_and(|held| held.ballot == ballot);
        InForce::may_accept(fits) && first.0 < self.decided.0.saturating_add(MAX_AHEAD)
    }

    /// Accepts an entry, unless the slot is decided already or holds it under the same ballot.
    pub(super) fn accept(&mut self, slot: Slot, accepted: Accepted<C>, writes: &mut Vec<LogWrite<C>>) {
        if slot < self.decided || self.get(slot).is_some_and(|held| held.ballot == accepted.ballot) {
            return;
        }
        self.put(slot, accepted.clone());
        if InForce::is_written(Phase::Accept) {
            writes.push(LogWrite::Accept { slot, accepted });
        }
    }

    /// Notes that the first undecided slot is decided, with the entry that it holds.
    ///
    /// # Panics
    /// If it holds none.
    pub(super) fn decide_next(&mut self) {
        let chain = self.chain;
        let cell = self.cell_mut(self.decided).expect("a decided slot holds its entry");
        cell.chain = chained(chain, &cell.accepted.entry);
        self.chain = cell.chain;
        self.decided = self.decided.plus(1);
    }

    /// Notes as decided what the leader of `ballot` says is, as far as its own entries are here. An entry under
    /// another ballot may be one that was never chosen.
    pub(super) fn decide_until(&mut self, decided: Slot, ballot: Ballot) {
        let is_its_own = |held: &Accepted<C>| InForce::is_decided_by(held.ballot, ballot);
        while self.decided < decided && self.get(self.decided).is_some_and(is_its_own) {
            self.decide_next();
        }
    }

    /// The decided log from `first` on, as much as one message carries; `None` if it begins later here.
    #[must_use]
    pub fn suffix(&self, first: Slot) -> Option<Suffix<C>> {
        let chain = self.chain_below(first)?;
        let count = (self.decided.0 - first.0).min(ENTRIES_PER_SUFFIX as u64);
        let entries = (first.0..first.0 + count).filter_map(|slot| self.get(Slot(slot)).cloned()).collect();
        Some(Suffix { first, chain, entries, decided: self.decided })
    }

    /// Learns decided entries. Says whether the sender has more than arrived here so far.
    ///
    /// # Errors
    /// [`Diverged`] if the sender's log and this one differ where both are decided.
    pub fn learn(&mut self, suffix: Suffix<C>, writes: &mut Vec<LogWrite<C>>) -> Result<bool, Diverged> {
        self.compare(&suffix)?;
        for (offset, accepted) in (0..).zip(suffix.entries) {
            let slot = suffix.first.plus(offset);
            if slot < self.decided && self.get(slot).is_some_and(|held| held.entry != accepted.entry) {
                return Err(Diverged { below: slot.plus(1) });
            }
            if slot == self.decided {
                // Whatever was accepted here before may differ, and then it was not chosen.
                if self.get(slot).is_none_or(|held| held.entry != accepted.entry) {
                    self.put(slot, accepted.clone());
                    writes.push(LogWrite::Accept { slot, accepted });
                }
                self.decide_next();
            }
        }
        Ok(self.decided < suffix.decided)
    }

    /// Compares hashes where a suffix begins, or behind its entries where the log begins here if that is later.
    fn compare(&self, suffix: &Suffix<C>) -> Result<(), Diverged> {
        let gone = self.start.slot.0.saturating_sub(suffix.first.0);
        let Some(gone) = usize::try_from(gone).ok().and_then(|gone| suffix.entries.get(..gone)) else {
            return Ok(()); // It ends before the log begins here, and nothing can be learned from it.
        };
        let below = suffix.first.plus(gone.len() as u64);
        let chain = gone.iter().fold(suffix.chain, |chain, accepted| chained(chain, &accepted.entry));
        if self.chain_below(below).is_some_and(|own| own != chain) { Err(Diverged { below }) } else { Ok(()) }
    }

    /// Founds the log: its first entry is given, and decided by nobody.
    ///
    /// # Panics
    /// If something has been decided already.
    pub(crate) fn found(&mut self, first: Entry<C>, writes: &mut Vec<LogWrite<C>>) {
        assert_eq!(self.decided, Slot(0), "a log is founded once");
        let accepted = Accepted { ballot: Ballot::ZERO, entry: first };
        self.put(Slot(0), accepted.clone());
        writes.push(LogWrite::Accept { slot: Slot(0), accepted });
        self.decide_next();
    }

    /// Drops what is in a snapshot of everything below `slot`.
    ///
    /// # Panics
    /// If `slot` is not decided, or below the start.
    pub(crate) fn truncate(&mut self, slot: Slot) {
        let chain = self.chain_below(slot).expect("the snapshot is of a decided part that is still here");
        self.cells.drain(..(slot.0 - self.start.slot.0) as usize);
        self.start = Position { slot, chain };
    }

    /// Begins anew behind a snapshot that is ahead of the decided part. Entries accepted beyond it stay.
    pub(crate) fn install(&mut self, start: Position) {
        let gone = (start.slot.0 - self.start.slot.0).min(self.cells.len() as u64);
        self.cells.drain(..gone as usize);
        self.start = start;
        (self.decided, self.chain) = (start.slot, start.chain);
    }

    fn cell(&self, slot: Slot) -> Option<&Cell<C>> {
        let index = usize::try_from(slot.0.checked_sub(self.start.slot.0)?).ok()?;
        self.cells.get(index)?.as_ref()
    }

    fn cell_mut(&mut self, slot: Slot) -> Option<&mut Cell<C>> {
        let index = usize::try_from(slot.0.checked_sub(self.start.slot.0)?).ok()?;
        self.cells.get_mut(index)?.as_mut()
    }

    /// Puts an entry at a slot at or above the start.
    fn put(&mut self, slot: Slot, accepted: Accepted<C>) {
        let Some(index) = slot.0.checked_sub(self.start.slot.0) else { return };
        let index = index as usize;
        if index >= self.cells.len() {
            self.cells.resize(index + 1, None);
        }
        self.cells[index] = Some(Cell { accepted, chain: 0 });
    }

    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        assert!(self.start.slot <= self.decided, "the log begins behind its decided part");
        let held = self.cells.len() as u64;
        assert!(self.start.slot.plus(held) >= self.decided, "the decided log has a gap");
        let last = Slot(self.decided.0.saturating_sub(1));
        assert!(self.decided == self.start.slot || self.get(last).is_some(), "the decided log has a gap");
    }
}

impl<C: Payload> Default for Log<C> {
    fn default() -> Self {
        Log::recover(Position::default(), SortedMap::new(), Slot(0))
    }
}

/// The hash of a log that ends with `entry`, from the hash of the log before it. It tells damage and mix-ups, not
/// forgery: relays trust one another.
fn chained<C: Payload>(chain: u64, entry: &Entry<C>) -> u64 {
    encoding::encode(entry).chunks(8).fold(chain, |hash, chunk| {
        let word = chunk.iter().fold(1, |word, &byte| word << 8 | u64::from(byte));
        SplitMix64::new(hash ^ word).draw()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RelayId;

    fn entry(number: u64) -> Entry<u64> {
        Entry::Command(number)
    }

    /// A log with these entries decided.
    fn log_of(numbers: impl IntoIterator<Item = u64>) -> Log<u64> {
        let ballot = Ballot { configuration: 0, round: 1, voter: RelayId(1) };
        let entries: Vec<_> = numbers.into_iter().map(|number| Accepted { ballot, entry: entry(number) }).collect();
        let suffix = Suffix { first: Slot(0), chain: 0, decided: Slot(entries.len() as u64), entries };
        let mut log = Log::default();
        log.learn(suffix, &mut Vec::new()).expect("nothing is known yet");
        log
    }

    #[test]
    fn a_log_that_begins_later_goes_on_only_from_one_that_was_the_same_below() {
        let mut log = log_of(0..5);
        log.truncate(Slot(3));
        let until = |numbers: &[u64]| log_of(numbers.iter().copied()).suffix(Slot(0)).expect("it is whole");
        let mut learned = log.clone();
        assert_eq!(learned.learn(until(&[0, 1, 2, 3, 4, 5, 6]), &mut Vec::new()), Ok(false));
        assert_eq!(learned.decided(), Slot(7));
        let diverged = Err(Diverged { below: Slot(3) });
        assert_eq!(log.learn(until(&[0, 9, 2, 3, 4, 5, 6]), &mut Vec::new()), diverged);
        assert_eq!(log.learn(until(&[0, 9]), &mut Vec::new()), Ok(false), "it ends before this one begins");
        assert_eq!(log.decided(), Slot(5));
    }
}
