//! Whether a replica can start from durable state. Disks break, and what they give back may decode all the same.

use thiserror::Error;

use crate::base::dot::{Dot, DotSet};
use crate::base::encoding;
use crate::base::id::RecordId;
use crate::base::sorted::SortedMap;
use crate::consensus::Slot;
use crate::ledger::{Ledger, Log};
use crate::merge::document::Packed;
use crate::replica::io::{Recovered, Snapshot};
use crate::schema::MAX_NUMBER;

/// The bytes with which a ledger ends that knows no keys (no uses, and nothing forgotten) and no restores, as one of the
/// version before.
const NO_KEYS_AND_NO_RESTORES: &[u8] = &[0, 0, 0];

/// Durable state that no replica has left.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct BrokenState(pub(super) String);

impl Snapshot {
    /// The state that the snapshot holds.
    ///
    /// # Errors
    /// [`BrokenState`] if the bytes are not those of a ledger, or of one that no log makes.
    pub fn read(&self) -> Result<Ledger, BrokenState> {
        let broken = |reason: String| BrokenState(format!("the snapshot at slot {}: {reason}", self.at.slot));
        let ledger = encoding::decode(&self.ledger)
            .or_else(|error| encoding::decode(&[&self.ledger, NO_KEYS_AND_NO_RESTORES].concat()).map_err(|_| error));
        let ledger: Ledger = ledger.map_err(|error| broken(error.to_string()))?;
        ledger.check().map_err(broken)?;
        Ok(ledger)
    }
}

impl Recovered {
    /// Checks that a replica can start from this state.
    ///
    /// # Errors
    /// [`BrokenState`] names the part that is broken.
    pub fn check(&self) -> Result<(), BrokenState> {
        self.check_log()?;
        if self.acceptor_state.accepted.0 > self.acceptor_state.promised {
            return Err(BrokenState("the acceptor has accepted under a ballot that it has not promised".to_owned()));
        }
        if self.raised > MAX_NUMBER {
            return Err(BrokenState(format!("the highest number was raised to {}, which no number is", self.raised)));
        }
        Recovered::check_records(&self.records, &self.context)
    }

    /// Checks that a replica with this causal context can have these records, which may be a part of all.
    ///
    /// # Errors
    /// [`BrokenState`] names the first version that it cannot have.
    pub fn check_records(
        records: &SortedMap<RecordId, SortedMap<Dot, Packed>>,
        context: &DotSet,
    ) -> Result<(), BrokenState> {
        for (&record, versions) in records {
            for (&dot, packed) in versions {
                if packed.head(record).dot != dot || !context.contains(dot) {
                    return Err(BrokenState(format!("version {dot} is kept under another name, or was never seen")));
                }
            }
        }
        Ok(())
    }

    fn check_log(&self) -> Result<(), BrokenState> {
        let first = self.log_start.slot;
        let applied = match &self.snapshot {
            Some(snapshot) => snapshot.read().map(|_| snapshot.at.slot)?,
            None => Slot(0),
        };
        if !Log::has_place_for(self.log_start, &self.log) {
            return Err(BrokenState("the log holds an entry far from all others".to_owned()));
        }
        let kept = self.log.range(..applied).count() as u64;
        if Some(kept) == applied.0.checked_sub(first.0) {
            Ok(())
        } else {
            Err(BrokenState(format!("the log does not reach from slot {first} to the snapshot at slot {applied}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ReplicaId;
    use crate::consensus::{AcceptorState, Ballot, Position};
    use crate::ledger::{Accepted, Entry};
    use crate::replica::io::WriteOp;

    fn noop(slot: u64) -> WriteOp {
        WriteOp::Accept { slot: Slot(slot), accepted: Accepted { ballot: Ballot::ZERO, entry: Entry::Noop } }
    }

    fn snapshot(at: u64, start: u64, ledger: Vec<u8>) -> WriteOp {
        let position = |slot| Position { slot: Slot(slot), chain: 0 };
        WriteOp::Snapshot { snapshot: Snapshot { at: position(at), ledger }, log_start: position(start) }
    }

    fn check(ops: impl IntoIterator<Item = WriteOp>) -> Result<(), BrokenState> {
        let mut recovered = Recovered::default();
        ops.into_iter().for_each(|op| recovered.apply(op));
        recovered.check()
    }

    fn empty() -> Vec<u8> {
        encoding::encode(&Ledger::default())
    }

    #[test]
    fn snapshot_that_does_not_decode_or_that_no_log_makes_is_broken() {
        assert_eq!(check([snapshot(0, 0, empty())]), Ok(()));
        assert!(check([snapshot(0, 0, vec![0xff; 9])]).is_err());
        assert!(check([snapshot(0, 0, Vec::new())]).is_err());
        let mut ledger = Ledger::default();
        let request = |operation| {
            let id = crate::ledger::RequestId { replica: ReplicaId(1), seq: 1 };
            let request = crate::ledger::Request { id, settled: 0, seen: Slot(0), after: None, operation };
            Entry::Command(request)
        };
        let record = RecordId(Dot::new(ReplicaId(1), 1));
        ledger.apply(Slot(0), &request(crate::ledger::Operation::Assign { record, number: 7 }));
        let whole = encoding::encode(&ledger);
        assert_eq!(check([noop(0), snapshot(1, 0, whole.clone())]), Ok(()));
        // The highest number, below the number that was given.
        let changed = (0..whole.len()).filter(|&at| whole[at] == 7).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] = 3;
            check([noop(0), snapshot(1, 0, bytes)])
        });
        assert!(changed.into_iter().any(|checked| checked.is_err()));
    }

    #[test]
    fn snapshot_of_the_version_before_is_that_of_a_ledger_without_keys() {
        let ledger = empty();
        let before = ledger.strip_suffix(NO_KEYS_AND_NO_RESTORES).expect("a new ledger knows neither").to_vec();
        assert_eq!(Snapshot { at: Position::default(), ledger: before }.read(), Ok(Ledger::default()));
    }

    #[test]
    fn log_with_a_gap_below_its_snapshot_or_an_entry_far_away_is_broken() {
        assert_eq!(check([noop(0), noop(1), snapshot(2, 1, empty())]), Ok(()));
        assert_eq!(check([noop(0), noop(9)]), Ok(()));
        assert!(check([noop(0), snapshot(2, 0, empty())]).is_err());
        assert!(check([snapshot(2, 5, empty())]).is_err());
        assert!(check([noop(0), noop(u64::MAX)]).is_err());
        assert!(check([noop(1 << 40)]).is_err());
    }

    #[test]
    fn vote_without_a_promise_is_broken() {
        let ballot = Ballot { configuration: 0, round: 2, voter: crate::base::id::RelayId(1) };
        let acceptor_state =
            |promised, accepted| WriteOp::AcceptorState(AcceptorState { promised, accepted: (accepted, Slot(1)) });
        assert_eq!(check([acceptor_state(ballot, ballot)]), Ok(()));
        assert!(check([acceptor_state(Ballot::ZERO, ballot)]).is_err());
    }
}
