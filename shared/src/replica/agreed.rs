//! The number of a record as one replica reads it: the one place that says which state it is in.

use crate::ledger::finality::{Final, Provisional};
use crate::ledger::{Numbered, Operation, Rejection, UnsettledNumber};

/// A record's number, and what is under way about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgreedView {
    /// Decided: the record has this number.
    pub held: Option<Final<Numbered>>,
    /// This replica has given the number out of its lease. The log will confirm it.
    pub leased: Option<Final<u64>>,
    /// Numbers that replicas have given by themselves and that are not settled, the oldest first.
    pub provisional: Vec<Provisional<UnsettledNumber>>,
    /// The operation that this replica has asked for, as long as it is not decided.
    pub pending: Option<Operation>,
    /// Decided, and not visible yet: it can only become final.
    pub unreleased: Option<Numbered>,
    /// The refusal of this replica's latest operation about the record.
    pub refused: Option<Rejection>,
}

/// The state of a record's number. Pages, the HTTP API and files show it; none of them decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgreedState {
    /// The record has no number, and this replica has asked for none.
    None,
    /// Decided and visible.
    Final(Final<Numbered>),
    /// Decided, and not visible yet: observers are missing.
    Unreleased(Numbered),
    /// Final: given out of the lease of this replica. The log has not confirmed it.
    Leased(Final<u64>),
    /// Given without agreement. If replicas have given several, the oldest counts.
    Provisional(Provisional<UnsettledNumber>),
    /// Asked for, and not decided.
    Pending {
        /// The number asked for; `None` for the next one.
        wanted: Option<u64>,
    },
}

impl AgreedView {
    /// Returns the state: a decided number before one that a replica has given by itself, and both before a request.
    #[must_use]
    pub fn state(&self) -> AgreedState {
        if let Some(held) = self.held {
            return AgreedState::Final(held);
        }
        if let Some(decided) = self.unreleased {
            return AgreedState::Unreleased(decided);
        }
        if let Some(leased) = self.leased {
            return AgreedState::Leased(leased);
        }
        if let Some(oldest) = self.provisional.first() {
            return AgreedState::Provisional(*oldest);
        }
        match self.pending {
            Some(Operation::Assign { number, .. } | Operation::CompareAndSet { to: Some(number), .. }) => {
                AgreedState::Pending { wanted: Some(number) }
            }
            Some(Operation::Allocate { .. }) => AgreedState::Pending { wanted: None },
            // To be released.
            _ => AgreedState::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dot::Dot;
    use crate::base::id::{RecordId, ReplicaId};
    use crate::consensus::Slot;

    const RECORD: RecordId = RecordId(Dot::new(ReplicaId(1), 1));

    #[test]
    fn decided_number_counts_before_one_that_was_given_alone_and_that_before_a_request() {
        let numbered = |number| Numbered { number, slot: Slot(3) };
        let mut view = AgreedView {
            held: Some(Final::new(numbered(1))),
            unreleased: Some(numbered(2)),
            leased: Some(Final::new(3)),
            pending: Some(Operation::Allocate { record: RECORD }),
            ..AgreedView::default()
        };
        assert_eq!(view.state(), AgreedState::Final(Final::new(numbered(1))));
        view.held = None;
        assert_eq!(view.state(), AgreedState::Unreleased(numbered(2)));
        view.unreleased = None;
        assert_eq!(view.state(), AgreedState::Leased(Final::new(3)));
        view.leased = None;
        assert_eq!(view.state(), AgreedState::Pending { wanted: None });
        view.pending = Some(Operation::Assign { record: RECORD, number: 7 });
        assert_eq!(view.state(), AgreedState::Pending { wanted: Some(7) });
    }

    #[test]
    fn number_that_is_to_be_released_is_no_request_for_one() {
        let pending = |operation| AgreedView { pending: Some(operation), ..AgreedView::default() };
        assert_eq!(pending(Operation::Release { record: RECORD }).state(), AgreedState::None);
        let to_none = Operation::CompareAndSet { record: RECORD, from: Some(1), to: None };
        assert_eq!(pending(to_none).state(), AgreedState::None);
        assert_eq!(AgreedView::default().state(), AgreedState::None);
    }
}
