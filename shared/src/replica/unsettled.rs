//! The provisional numbers that the document holds and the ledger has not settled.

use crate::base::dot::Dot;
use crate::base::hlc::Stamp;
use crate::base::id::RecordId;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::ledger::{Ledger, UnsettledNumber};
use crate::merge::crdt::Field;
use crate::merge::document::Document;
use crate::replica::Distrust;
use crate::schema::{GivenNumber, NUMBER};

/// When a number was given, and by which edit; and the record, since a hostile tab may put one edit into several.
type Key = (Stamp, Dot, RecordId);

/// The provisional numbers that wait to be settled. Invariant: what the document's records hold in the register
/// [`NUMBER`], without what the ledger has settled, and without what is doubted.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// In the order in which they were given.
    numbers: SortedMap<Key, UnsettledNumber>,
    /// Invariant: the keys of `numbers`, by record; no record has none.
    of: SortedMap<RecordId, Vec<Key>>,
    /// Invariant: the edits of `numbers`, with the records. A hostile tab may put one edit into several records.
    edits: SortedSet<(Dot, RecordId)>,
    /// Invariant: how many of `numbers` have each number.
    counts: SortedMap<u64, u32>,
}

impl Unsettled {
    /// The register [`NUMBER`] of a record reads as `given` now, or the record is no more. Says how many of its numbers are new
    /// here.
    pub(super) fn look_at(
        &mut self,
        record: RecordId,
        given: Option<&Field>,
        (ledger, distrust): (&Ledger, &Distrust),
    ) -> usize {
        let writes = given.map_or(&[][..], Field::writes);
        let before = self.of.remove(&record).unwrap_or_default();
        if writes.is_empty() && before.is_empty() {
            return 0;
        }
        for key in &before {
            self.forget(key);
        }
        let mut new = 0;
        for write in writes.iter().filter(|write| !ledger.is_settled(write.dot) && !distrust.doubts(record, write)) {
            let Some(GivenNumber { number, epoch, leased }) = GivenNumber::parse(&write.value) else { continue };
            let (dot, stamp) = (write.dot, write.stamp);
            let key = (stamp, dot, record);
            self.numbers.insert(key, UnsettledNumber { record, dot, stamp, number, leased, epoch });
            self.of.entry(record).or_default().push(key);
            self.edits.insert((dot, record));
            *self.counts.entry(number).or_default() += 1;
            new += usize::from(!before.contains(&key));
        }
        new
    }

    /// The number that an edit gave is settled, in the record that the log names and in any other that holds it.
    pub(super) fn settled(&mut self, edit: Dot) {
        let same = self.edits.range((edit, RecordId::MIN)..).take_while(|(dot, _)| *dot == edit);
        for record in same.map(|&(_, record)| record).collect::<Vec<_>>() {
            let Some(keys) = self.of.get_mut(&record) else { continue };
            let Some(at) = keys.iter().position(|&(_, dot, _)| dot == edit) else { continue };
            let key = keys.swap_remove(at);
            if keys.is_empty() {
                self.of.remove(&record);
            }
            self.forget(&key);
        }
    }

    /// The ledger is another one, which may have settled any of them.
    pub(super) fn settle_by(&mut self, ledger: &Ledger) {
        let settled = self.numbers.values().map(|unsettled| unsettled.dot).filter(|&dot| ledger.is_settled(dot));
        for edit in settled.collect::<Vec<_>>() {
            self.settled(edit);
        }
    }

    fn forget(&mut self, key: &Key) {
        let Some(unsettled) = self.numbers.remove(key) else { return };
        self.edits.remove(&(unsettled.dot, unsettled.record));
        if let Some(count) = self.counts.get_mut(&unsettled.number) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&unsettled.number);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &UnsettledNumber> {
        self.numbers.values()
    }

    /// All of them, as they are to be settled: what was told to be final must not lose its record to what was not.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &UnsettledNumber> {
        let told_final = self.numbers.values().filter(|unsettled| unsettled.leased);
        told_final.chain(self.numbers.values().filter(|unsettled| !unsettled.leased))
    }

    /// Those about one record, the oldest first.
    pub(super) fn of(&self, record: RecordId) -> impl Iterator<Item = &UnsettledNumber> {
        let mut keys = self.of.get(&record).cloned().unwrap_or_default();
        keys.sort_unstable();
        keys.into_iter().map(|key| &self.numbers[&key])
    }

    /// The highest number up to `limit` that any of them is for; 0 if there are none.
    pub(super) fn highest_up_to(&self, limit: u64) -> u64 {
        self.counts.range(..=limit).next_back().map_or(0, |(&number, _)| number)
    }

    /// Panics if a number is missing here, or is here and nowhere else.
    pub(super) fn assert_complete(&self, document: &Document, known: (&Ledger, &Distrust)) {
        let mut all = Unsettled::default();
        for record in document.records() {
            all.look_at(
                record,
                document.read(record).and_then(|version| version.field(NUMBER).cloned()).as_ref(),
                known,
            );
        }
        assert_eq!(self.numbers, all.numbers, "the unsettled numbers are not those of the document");
    }

    pub(super) fn assert_invariants(&self) {
        assert_eq!(self.numbers.len(), self.of.values().map(Vec::len).sum::<usize>(), "numbers by record");
        let counted: usize = self.counts.values().map(|&count| count as usize).sum();
        assert_eq!(self.numbers.len(), counted, "counts of numbers");
    }
}
