//! The provisional claims that the document holds and the ledger has not settled.

use crate::base::dot::Dot;
use crate::base::hlc::Stamp;
use crate::base::id::RecordId;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::ledger::{Ledger, ProvisionalClaim};
use crate::merge::crdt::Field;
use crate::merge::document::Document;
use crate::replica::Distrust;
use crate::schema::{GivenNumber, NUMBER};

/// When a claim was made, and by which edit; and the record, since a hostile tab may put one edit into several.
type Key = (Stamp, Dot, RecordId);

/// The provisional claims that wait to be settled. Invariant: what the document's records hold in the register
/// [`NUMBER`], without what the ledger has settled, and without what is doubted.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// In the order in which they were made.
    claims: SortedMap<Key, ProvisionalClaim>,
    /// Invariant: the keys of `claims`, by record; no record has none.
    of: SortedMap<RecordId, Vec<Key>>,
    /// Invariant: the edits of `claims`, with the records. A hostile tab may put one edit into several records.
    edits: SortedSet<(Dot, RecordId)>,
    /// Invariant: how many of `claims` have each number.
    numbers: SortedMap<u64, u32>,
}

impl Unsettled {
    /// The register [`NUMBER`] of a record reads as `given` now, or the record is no more. Says how many of its claims are new
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
            self.claims.insert(key, ProvisionalClaim { record, dot, stamp, number, leased, epoch });
            self.of.entry(record).or_default().push(key);
            self.edits.insert((dot, record));
            *self.numbers.entry(number).or_default() += 1;
            new += usize::from(!before.contains(&key));
        }
        new
    }

    /// The number that an edit claimed is settled, in the record that the log names and in any other that holds it.
    pub(super) fn settled(&mut self, claim: Dot) {
        let same = self.edits.range((claim, RecordId::MIN)..).take_while(|(dot, _)| *dot == claim);
        for record in same.map(|&(_, record)| record).collect::<Vec<_>>() {
            let Some(keys) = self.of.get_mut(&record) else { continue };
            let Some(at) = keys.iter().position(|&(_, dot, _)| dot == claim) else { continue };
            let key = keys.swap_remove(at);
            if keys.is_empty() {
                self.of.remove(&record);
            }
            self.forget(&key);
        }
    }

    /// The ledger is another one, which may have settled any of them.
    pub(super) fn settle_by(&mut self, ledger: &Ledger) {
        let settled = self.claims.values().map(|claim| claim.dot).filter(|&dot| ledger.is_settled(dot));
        for claim in settled.collect::<Vec<_>>() {
            self.settled(claim);
        }
    }

    fn forget(&mut self, key: &Key) {
        let Some(claim) = self.claims.remove(key) else { return };
        self.edits.remove(&(claim.dot, claim.record));
        if let Some(count) = self.numbers.get_mut(&claim.number) {
            *count -= 1;
            if *count == 0 {
                self.numbers.remove(&claim.number);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ProvisionalClaim> {
        self.claims.values()
    }

    /// All of them, as they are to be settled: what was told to be final must not lose its record to what was not.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &ProvisionalClaim> {
        let told_final = self.claims.values().filter(|claim| claim.leased);
        told_final.chain(self.claims.values().filter(|claim| !claim.leased))
    }

    /// Those about one record, the oldest first.
    pub(super) fn of(&self, record: RecordId) -> impl Iterator<Item = &ProvisionalClaim> {
        let mut keys = self.of.get(&record).cloned().unwrap_or_default();
        keys.sort_unstable();
        keys.into_iter().map(|key| &self.claims[&key])
    }

    /// The highest number up to `limit` that any of them is for; 0 if there are none.
    pub(super) fn highest_up_to(&self, limit: u64) -> u64 {
        self.numbers.range(..=limit).next_back().map_or(0, |(&number, _)| number)
    }

    /// Panics if a claim is missing here, or is here and nowhere else.
    pub(super) fn assert_complete(&self, document: &Document, known: (&Ledger, &Distrust)) {
        let mut all = Unsettled::default();
        for record in document.records() {
            all.look_at(
                record,
                document.read(record).and_then(|version| version.field(NUMBER).cloned()).as_ref(),
                known,
            );
        }
        assert_eq!(self.claims, all.claims, "the unsettled claims are not those of the document");
    }

    pub(super) fn assert_invariants(&self) {
        assert_eq!(self.claims.len(), self.of.values().map(Vec::len).sum::<usize>(), "claims by record");
        let by_number: usize = self.numbers.values().map(|&count| count as usize).sum();
        assert_eq!(self.claims.len(), by_number, "claims by number");
    }
}
