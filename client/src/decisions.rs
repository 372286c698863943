//! The end of the log as people read it: what was asked, what came of it, and who has voted for it.

use std::collections::VecDeque;

use litemap::LiteMap;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::consensus::{Ballot, Slot};
use shared::ledger::{Accepted, Entry, Granted, Level, Operation, Outcome, Reason, Rejection, Request, Resolution};
use shared::replica::View;
use shared::replica::io::Now;

use super::name::Name;

/// How many slots are kept.
const KEPT: usize = 300;

/// What was asked of the ledger. Records by the names that they had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: a new leader has filled a slot.
    Nothing,
    /// A certain number for a record.
    Assign {
        /// The number.
        number: u64,
        /// The name of the record.
        name: Name,
    },
    /// The next number for a record.
    Allocate {
        /// The name of the record.
        name: Name,
    },
    /// A higher highest number.
    Raise {
        /// The number.
        number: u64,
    },
    /// How far above the highest number an entry may go.
    Reach {
        /// The limit.
        most: u64,
    },
    /// A number to be free again.
    Release {
        /// The name of the record.
        name: Name,
    },
    /// Another number for a record, or none, if it still has the one that the asker saw.
    Set {
        /// The name of the record.
        name: Name,
        /// The number that it is to have.
        to: Option<u64>,
    },
    /// A range of numbers for a replica.
    Lease {
        /// The replica that is to have them.
        to: ReplicaId,
        /// How many numbers.
        count: u32,
    },
    /// Another degradation level.
    Mode {
        /// The level.
        level: Level,
        /// The reason.
        reason: Reason,
    },
    /// Other settings of the dynamic method.
    Dynamic,
    /// Provisional numbers to be settled.
    Settle {
        /// How many there are.
        count: usize,
    },
    /// A conflict to be kept or undone.
    Resolve(Resolution),
    /// How many tabs have to have a number before it is final.
    Policy {
        /// How many tabs.
        observers: u8,
    },
    /// The numbers so far to be final without observers.
    Waive,
    /// Other relays to vote.
    Reconfigure {
        /// The relays that vote.
        voters: Vec<RelayId>,
    },
    /// A configuration that begins.
    Configure {
        /// The number of the configuration.
        number: u32,
        /// The relays that vote.
        voters: Vec<RelayId>,
    },
    /// The past of a replica to be forgotten.
    Retire {
        /// The replica.
        replica: ReplicaId,
    },
    /// The key of a request that a program has made at a relay.
    Key,
}

/// What was decided for one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The slot.
    pub slot: Slot,
    /// The ballot under which it was decided.
    pub ballot: Ballot,
    /// The replica that asked, if any did.
    pub by: Option<ReplicaId>,
    /// The content of the entry.
    pub asked: Asked,
    /// What came of it, as far as that is still known.
    pub outcome: Option<Outcome>,
    /// When this tab learned of it, in milliseconds since the Unix epoch; `None` if it was decided before this tab
    /// came.
    pub at_ms: Option<u64>,
    /// Those who vote on it, ascending, and whether each is known to have voted for it.
    pub votes: Vec<(RelayId, bool)>,
}

/// The latest decisions of the log.
#[derive(Debug, Default)]
pub struct Decisions {
    /// Ascending by slot, without a gap.
    kept: VecDeque<Decision>,
    next: Slot,
}

impl Decisions {
    /// Takes in what was decided since the last time. `now` is `None` while the log is loaded for the first time.
    pub fn follow(&mut self, now: Option<Now>, view: View<'_>, name_of: impl Fn(RecordId) -> Name) {
        let (log, decided) = (view.log(), view.log().decided());
        let oldest = Slot(decided.0.saturating_sub(KEPT as u64)).max(log.start().slot);
        self.next = self.next.max(oldest);
        let voters = view.ledger().configuration().map(|configuration| configuration.voters.keys().copied());
        let votes: Vec<_> = voters.into_iter().flatten().map(|voter| (voter, false)).collect();
        while self.next < decided {
            let Some(accepted) = log.decision(self.next) else { return };
            let at_ms = now.map(|now| now.wall_ms);
            self.kept.push_back(decision(self.next, accepted, view, at_ms, &votes, &name_of));
            self.next = self.next.plus(1);
        }
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// Notes who has voted: each voter for all below a slot.
    pub fn voted(&mut self, accepted: &LiteMap<RelayId, Slot>) {
        for decision in &mut self.kept {
            let has = |voter: RelayId| accepted.get(&voter).is_some_and(|&until| decision.slot < until);
            decision.votes.iter_mut().for_each(|(voter, voted)| *voted |= has(*voter));
        }
    }

    /// The latest first.
    pub fn latest(&self) -> impl Iterator<Item = &Decision> {
        self.kept.iter().rev()
    }
}

fn decision(
    slot: Slot,
    accepted: &Accepted,
    view: View<'_>,
    at_ms: Option<u64>,
    votes: &[(RelayId, bool)],
    name_of: &dyn Fn(RecordId) -> Name,
) -> Decision {
    let (by, outcome) = match &accepted.entry {
        Entry::Command(request) => (Some(request.id.replica), outcome_of(request, slot, view)),
        Entry::Noop | Entry::Configure(_) | Entry::Restored { .. } => (None, None),
    };
    let asked = Asked::by_entry(&accepted.entry, name_of);
    Decision { slot, ballot: accepted.ballot, by, asked, outcome, at_ms, votes: votes.to_vec() }
}

/// The outcome of a request that was decided in `slot`. The ledger forgets outcomes after a while, and keeps the numbers
/// that they gave.
fn outcome_of(request: &Request, slot: Slot, view: View<'_>) -> Option<Outcome> {
    let outcome = view.ledger().outcome(request);
    if outcome != Some(Err(Rejection::Forgotten)) {
        return outcome;
    }
    let numbered = view.ledger().number_of(request.operation.record()?)?;
    (numbered.slot == slot).then_some(Ok(Granted::Final(numbered)))
}

impl Asked {
    /// Reads an entry of the log.
    #[must_use]
    pub fn by_entry(entry: &Entry, name_of: &dyn Fn(RecordId) -> Name) -> Self {
        match entry {
            Entry::Noop => Asked::Nothing,
            Entry::Configure(configuration) | Entry::Restored { configuration, .. } => {
                let voters = configuration.voters.keys().copied().collect();
                Asked::Configure { number: configuration.number, voters }
            }
            Entry::Command(request) => Asked::by_operation(&request.operation, name_of),
        }
    }

    /// Reads an operation.
    #[must_use]
    pub fn by_operation(operation: &Operation, name_of: &dyn Fn(RecordId) -> Name) -> Self {
        match &*operation.plain() {
            Operation::Assign { record, number } => Asked::Assign { number: *number, name: name_of(*record) },
            Operation::Allocate { record } => Asked::Allocate { name: name_of(*record) },
            Operation::Raise { number } | Operation::Leap { number } => Asked::Raise { number: *number },
            Operation::SetReach { most } => Asked::Reach { most: *most },
            Operation::Release { record } => Asked::Release { name: name_of(*record) },
            Operation::CompareAndSet { record, to, .. } => Asked::Set { name: name_of(*record), to: *to },
            Operation::GrantRange { to, count, .. } => Asked::Lease { to: *to, count: *count },
            Operation::SetMode { level, reason, .. } => Asked::Mode { level: *level, reason: *reason },
            Operation::SetDynamic { .. } => Asked::Dynamic,
            Operation::Settle { numbers, .. } => Asked::Settle { count: numbers.len() },
            Operation::Resolve { resolution, .. } => Asked::Resolve(*resolution),
            Operation::SetPolicy { policy } => Asked::Policy { observers: policy.observers },
            Operation::Waive => Asked::Waive,
            Operation::Reconfigure { voters, .. } => Asked::Reconfigure { voters: voters.keys().copied().collect() },
            Operation::Retire { replica, .. } => Asked::Retire { replica: *replica },
            Operation::Once { .. } | Operation::Finish { .. } => Asked::Key,
        }
    }
}
