//! Who owns which number, and which numbers are leased.

use crate::schema::MAX_NUMBER;

use serde::{Deserialize, Serialize};

use super::checks::ensure;
use super::number::{MAX_RANGE, Numbered, Range};
use super::provisional::UnsettledNumber;
use super::rejection::Rejection;
use super::rules::{InForce, Rules};
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::{SortedMap, SortedSet};
use crate::consensus::Slot;

/// The reach of a room, unless an operator sets another: how far an entry may raise the highest number.
pub const DEFAULT_REACH: u64 = 1_000_000;

/// The numbers of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredNumbers", into = "StoredNumbers")]
pub(super) struct Numbers {
    /// Invariant: `owners` and `of` are inverse to one another, so a number has one owner at the most.
    owners: SortedMap<u64, (RecordId, Slot)>,
    of: SortedMap<RecordId, Numbered>,
    /// By their first numbers. Invariant: no two of them overlap, and all are at or below `highest`.
    ranges: SortedMap<u64, Range>,
    /// Numbers out of leases that were given and freed again: the log may give them to anybody. Once given by
    /// their lessees, they are not given by them again.
    returned: SortedSet<u64>,
    /// Invariant: at least every number ever given or leased; never falls.
    highest: u64,
    reach: Reach,
}

/// How far above the highest number an entry may go. Without a bound one entry could use up all numbers for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reach(u64);

impl Default for Reach {
    fn default() -> Self {
        Reach(DEFAULT_REACH)
    }
}

/// The part of the numbers that a snapshot keeps.
#[derive(Serialize, Deserialize)]
struct StoredNumbers {
    of: Vec<(RecordId, Numbered)>,
    ranges: Vec<Range>,
    returned: SortedSet<u64>,
    highest: u64,
    reach: Reach,
}

impl From<Numbers> for StoredNumbers {
    fn from(numbers: Numbers) -> Self {
        let (of, ranges) = (numbers.of.into_iter().collect(), numbers.ranges.into_values().collect());
        StoredNumbers { of, ranges, returned: numbers.returned, highest: numbers.highest, reach: numbers.reach }
    }
}

impl From<StoredNumbers> for Numbers {
    fn from(kept: StoredNumbers) -> Self {
        Numbers {
            owners: kept.of.iter().map(|&(record, Numbered { number, slot })| (number, (record, slot))).collect(),
            of: kept.of.into_iter().collect(),
            ranges: kept.ranges.into_iter().map(|range| (range.first, range)).collect(),
            returned: kept.returned,
            highest: kept.highest,
            reach: kept.reach,
        }
    }
}

impl Numbers {
    /// Gives a number to a record.
    pub(super) fn give(&mut self, slot: Slot, record: RecordId, number: u64) -> Result<Numbered, Rejection> {
        self.check_unnumbered(record)?;
        self.check_free(number, self.limit())?;
        Ok(self.put(slot, record, number))
    }

    /// Makes final what a replica gave by itself, if nothing stands against it. `limit` is that of the whole entry.
    pub(super) fn settle(
        &mut self,
        slot: Slot,
        unsettled: &UnsettledNumber,
        limit: u64,
    ) -> Result<Numbered, Rejection> {
        let &UnsettledNumber { record, number, .. } = unsettled;
        if let Some(numbered) = self.of(record).filter(|numbered| numbered.number == number) {
            return Ok(numbered);
        }
        self.check_unnumbered(record)?;
        let lease = self.lease_of(number).filter(|_| unsettled.leased);
        if lease.is_none_or(|range| range.to != unsettled.dot.replica()) || self.owners.contains_key(&number) {
            self.check_free(number, limit)?;
        }
        Ok(self.put(slot, record, number))
    }

    fn check_unnumbered(&self, record: RecordId) -> Result<(), Rejection> {
        match self.of.get(&record) {
            Some(&Numbered { number, slot }) => Err(Rejection::AlreadyNumbered { number, slot }),
            None => Ok(()),
        }
    }

    /// Checks that the log may give a number. It may not give a leased number, even to the lessee. The lessee gives
    /// it by itself, perhaps has done so already, and settles it later.
    fn check_free(&self, number: u64, limit: u64) -> Result<(), Rejection> {
        check_number(number)?;
        if let Some(&(owner, slot)) = self.owners.get(&number) {
            return Err(Rejection::NumberTaken { number, owner, slot });
        }
        match self.lease_of(number) {
            Some(range) if InForce::withholds_leased() => Err(Rejection::NumberLeased { number, to: range.to }),
            _ => self.check_within(number, limit),
        }
    }

    /// The highest number to which an entry may raise the highest number.
    pub(super) fn limit(&self) -> u64 {
        self.highest.saturating_add(InForce::reach(self.reach.0)).min(MAX_NUMBER)
    }

    pub(super) fn check_within(&self, number: u64, limit: u64) -> Result<(), Rejection> {
        if number <= limit {
            return Ok(());
        }
        Err(Rejection::TooFarAhead { number, highest: self.highest, most: limit })
    }

    pub(super) fn reach(&self) -> u64 {
        self.reach.0
    }

    pub(super) fn set_reach(&mut self, most: u64) -> Result<u64, Rejection> {
        check_number(most)?;
        self.reach = Reach(most);
        Ok(most)
    }

    /// The lease that a number belongs to, unless it has come back out of it.
    pub(super) fn lease_of(&self, number: u64) -> Option<&Range> {
        let (_, range) = self.ranges.range(..=number).next_back()?;
        (number <= range.last && !self.returned.contains(&number)).then_some(range)
    }

    fn take_back(&mut self, number: u64) {
        self.owners.remove(&number);
        if self.lease_of(number).is_some() {
            self.returned.insert(number);
        }
    }

    fn put(&mut self, slot: Slot, record: RecordId, number: u64) -> Numbered {
        let numbered = Numbered { number, slot };
        self.owners.insert(number, (record, slot));
        self.of.insert(record, numbered);
        self.highest = self.highest.max(number);
        numbered
    }

    pub(super) fn allocate(&mut self, slot: Slot, record: RecordId) -> Result<Numbered, Rejection> {
        self.check_unnumbered(record)?;
        if self.highest >= MAX_NUMBER {
            return Err(Rejection::Exhausted);
        }
        Ok(self.put(slot, record, self.highest + 1))
    }

    pub(super) fn raise(&mut self, number: u64) -> Result<u64, Rejection> {
        self.check_raise(number)?;
        self.leap(number)
    }

    pub(super) fn check_raise(&self, number: u64) -> Result<(), Rejection> {
        check_number(number)?;
        self.check_within(number, self.limit())
    }

    /// Raises the highest number, however far.
    pub(super) fn leap(&mut self, number: u64) -> Result<u64, Rejection> {
        check_number(number)?;
        self.highest = self.highest.max(number);
        Ok(self.highest)
    }

    pub(super) fn release(&mut self, record: RecordId) -> Result<u64, Rejection> {
        let Numbered { number, .. } = self.of.remove(&record).ok_or(Rejection::NotNumbered)?;
        self.take_back(number);
        Ok(number)
    }

    pub(super) fn compare_and_set(
        &mut self,
        slot: Slot,
        record: RecordId,
        (from, to): (Option<u64>, Option<u64>),
    ) -> Result<Option<Numbered>, Rejection> {
        let now = self.of(record);
        if now.map(|numbered| numbered.number) != from {
            return Err(Rejection::Changed { now });
        }
        if from == to {
            return Ok(now);
        }
        if let Some(number) = to {
            self.check_free(number, self.limit())?;
        }
        if let Some(number) = from {
            self.of.remove(&record);
            self.take_back(number);
        }
        Ok(to.map(|number| self.put(slot, record, number)))
    }

    pub(super) fn grant(&mut self, to: ReplicaId, count: u32, above: u64) -> Result<Range, Rejection> {
        if !(1..=MAX_RANGE).contains(&count) {
            return Err(Rejection::RangeLength { count });
        }
        // Provisional numbers that are too far ahead cannot become final, so no lease has to go above them.
        let below = self.highest.max(above.min(self.limit().saturating_sub(u64::from(count))));
        let range = Range { first: below + 1, last: below + u64::from(count), to };
        if range.last > MAX_NUMBER {
            return Err(Rejection::Exhausted);
        }
        self.ranges.insert(range.first, range);
        if InForce::lease_raises_highest() {
            self.highest = range.last;
        }
        Ok(range)
    }

    pub(super) fn of(&self, record: RecordId) -> Option<Numbered> {
        self.of.get(&record).copied()
    }

    pub(super) fn owner_of(&self, number: u64) -> Option<(RecordId, Slot)> {
        self.owners.get(&number).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, RecordId)> + '_ {
        self.owners.iter().map(|(&number, &(record, _))| (number, record))
    }

    pub(super) fn count(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = Range> + '_ {
        self.ranges.values().copied()
    }

    /// Checks what is written on the fields.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub(super) fn check(&self) -> Result<(), String> {
        ensure((1..=MAX_NUMBER).contains(&self.reach.0), || format!("the reach is {}", self.reach.0))?;
        ensure(self.highest <= MAX_NUMBER, || format!("the highest number is {}", self.highest))?;
        ensure(self.owners.len() == self.of.len(), || "owners and their numbers differ in size".to_owned())?;
        for (&number, &(record, slot)) in &self.owners {
            ensure(self.of.get(&record) == Some(&Numbered { number, slot }), || format!("owner of {number}"))?;
            ensure((1..=self.highest).contains(&number), || format!("{number} is above the highest number"))?;
        }
        let mut free_from = 1;
        for range in self.ranges.values() {
            ensure(free_from <= range.first && range.first <= range.last, || format!("ranges overlap: {range:?}"))?;
            ensure(range.last <= self.highest, || format!("a range is above the highest number: {range:?}"))?;
            free_from = range.last + 1;
        }
        Ok(())
    }
}

fn check_number(number: u64) -> Result<(), Rejection> {
    if (1..=MAX_NUMBER).contains(&number) { Ok(()) } else { Err(Rejection::OutOfRange { number }) }
}
