//! The ledger: who owns which number, who votes, and the settings of a room. The decided log drives it, so it is
//! equal wherever the same prefix of the log has been applied.

mod checks;
pub mod dynamic;
mod epoch;
pub mod finality;
mod key;
mod keys;
mod log;
mod number;
mod numbers;
mod operation;
mod provisional;
mod rejection;
mod restores;
mod rules;
mod sessions;
mod setting;
mod settlement;

pub use epoch::{Dynamic, Epoch, Level, Load, Mode, OnCollision, Reason, Rule};
pub use key::{Key, Keyed};
pub use keys::{KeyEnd, KeyUse};
pub use log::{Accepted, Entry, Log, Suffix, Vote, Voter};
pub use number::{MAX_RANGE, Numbered, Range};
pub use numbers::DEFAULT_REACH;
pub use operation::{Granted, KeyedOperation, Made, Operation, Outcome, Policy, Request, RequestId};
pub use provisional::{ConflictId, Resolution, UnsettledNumber};
pub use rejection::Rejection;
pub use restores::{Restore, Restores};
pub use setting::Setting;
pub use settlement::{Conflict, MAX_SETTLED};

use serde::{Deserialize, Serialize};

use crate::base::dot::Dot;
use crate::base::id::{RecordId, RelayId, ReplicaId};
use crate::base::sorted::SortedMap;
use crate::consensus::{Configuration, Slot};

use checks::ensure;
use keys::Keys;
use numbers::Numbers;
use rules::{InForce, Rules};
use sessions::Sessions;
use settlement::Settlement;

/// How many voters a configuration has at the most.
const MAX_VOTERS: usize = 9;

/// The state that the log drives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    numbers: Numbers,
    sessions: Sessions,
    voters: Voters,
    policy: Policy,
    method: Method,
    settlement: Settlement,
    /// Everything below is released, whoever has acknowledged it.
    waived: Slot,
    /// The replicas that are retired, with the counter of the last dot up to which each is.
    retired: SortedMap<ReplicaId, u64>,
    keys: Keys,
    restores: Restores,
}

/// Who votes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Voters {
    /// Those behind the entries applied so far; `None` before the first entry.
    present: Option<Configuration>,
    /// Those that the next entry that begins a configuration must name. Invariant: numbered one above `present`.
    next: Option<Configuration>,
}

/// How numbers are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Method {
    epoch: Epoch,
    settings: Dynamic,
    /// True if somebody has set the settings.
    is_set: bool,
}

impl Ledger {
    /// Applies the entry decided at `slot`; a request that was applied before keeps its outcome.
    pub fn apply(&mut self, slot: Slot, entry: &Entry) -> Option<Outcome> {
        match entry {
            Entry::Noop => None,
            Entry::Command(request) => Some(self.apply_request(slot, request)),
            Entry::Configure(configuration) => {
                self.voters.present = Some(configuration.clone());
                self.voters.next = None;
                None
            }
            Entry::Restored { id, configuration } => {
                self.voters.present = Some(configuration.clone());
                self.voters.next = None;
                self.restores.push(Restore { id: *id, at: slot });
                None
            }
        }
    }

    fn apply_request(&mut self, slot: Slot, request: &Request) -> Outcome {
        if let Some(outcome) = self.outcome(request) {
            return outcome;
        }
        let outcome = match &request.operation {
            Operation::Once { keyed, operation } => self.grant_once(slot, request, *keyed, operation),
            Operation::Finish { key, by, made } => {
                let outcome = Ok(Granted::Done);
                let end = made.map(|made| KeyEnd { record: made.record, after: request.after, outcome });
                self.keys.finish(*key, *by, end);
                outcome
            }
            operation => self.grant(slot, operation),
        };
        self.sessions.keep(slot, request, outcome, self.policy.sessions);
        outcome
    }

    /// Grants the first request under a key as any other one, and refuses every later one.
    fn grant_once(&mut self, slot: Slot, request: &Request, keyed: Keyed, operation: &KeyedOperation) -> Outcome {
        self.keys.check_free(&keyed)?;
        let end = operation.operation().map(|operation| {
            let outcome = self.grant(slot, &operation);
            KeyEnd::of_operation(&operation, request.after, outcome)
        });
        let Keyed { key, hash, .. } = keyed;
        self.keys.keep(slot, KeyUse { key, hash, by: request.id, end }, self.policy.sessions);
        end.map_or(Ok(Granted::Begun), |end| end.outcome)
    }

    fn grant(&mut self, slot: Slot, operation: &Operation) -> Outcome {
        match *operation {
            Operation::Assign { record, number } => self.numbers.give(slot, record, number).map(Granted::Final),
            Operation::Allocate { record } => self.numbers.allocate(slot, record).map(Granted::Final),
            Operation::Raise { number } => self.numbers.raise(number).map(|number| Granted::Highest { number }),
            Operation::Release { record } => self.numbers.release(record).map(|number| Granted::Released { number }),
            Operation::CompareAndSet { record, from, to } => {
                let set = self.numbers.compare_and_set(slot, record, (from, to));
                set.map(|number| Granted::Set { number })
            }
            Operation::GrantRange { to, count, above } => self.numbers.grant(to, count, above).map(Granted::Range),
            Operation::SetMode { from, level, reason, load } => {
                self.begin_epoch(from, Epoch { number: 0, level, reason, load, since: slot })
            }
            Operation::SetDynamic { dynamic } => dynamic.check().map(|()| {
                (self.method.settings, self.method.is_set) = (dynamic, true);
                Granted::Dynamic(dynamic)
            }),
            Operation::Settle { numbers: ref unsettled, .. } => {
                let Ledger { settlement, numbers, method, .. } = self;
                let on_collision = method.settings.on_collision;
                let (settled, conflicts) = settlement.settle(slot, unsettled, on_collision, numbers);
                Ok(Granted::Settled { settled, conflicts })
            }
            Operation::Resolve { conflict, resolution } => {
                self.settlement.resolve(conflict, resolution, &mut self.numbers).map(|()| Granted::Resolved(resolution))
            }
            Operation::SetPolicy { policy } => {
                self.policy = policy;
                Ok(Granted::Policy(policy))
            }
            Operation::Waive => {
                self.waived = slot.plus(1);
                Ok(Granted::Waived)
            }
            Operation::Reconfigure { from, ref voters } => self.reconfigure(from, voters),
            Operation::Retire { replica, last } => {
                let known = self.retired.entry(replica).or_insert(last);
                *known = last.max(*known);
                Ok(Granted::Retired { replica })
            }
            Operation::SetReach { most } => self.numbers.set_reach(most).map(|most| Granted::Reach { most }),
            Operation::Leap { number } => self.numbers.leap(number).map(|number| Granted::Highest { number }),
            Operation::Once { .. } | Operation::Finish { .. } => unreachable!("no key is asked for under a key"),
        }
    }

    fn begin_epoch(&mut self, from: Option<u64>, epoch: Epoch) -> Outcome {
        let Epoch { number, .. } = self.method.epoch;
        if InForce::is_out_of_date(from, number) {
            return Err(Rejection::OtherEpoch { epoch: number });
        }
        self.method.epoch = Epoch { number: number + 1, ..epoch };
        Ok(Granted::Epoch { number: number + 1, level: epoch.level })
    }

    fn reconfigure(&mut self, from: u32, voters: &SortedMap<RelayId, ReplicaId>) -> Outcome {
        let number = self.voters.present.as_ref().map_or(0, |configuration| configuration.number);
        if InForce::must_wait(self.voters.next.is_some()) {
            return Err(Rejection::ReconfigurationUnderWay { number: number + 1 });
        }
        if from != number {
            return Err(Rejection::OtherConfiguration { number });
        }
        match voters.len() {
            0 => return Err(Rejection::NoVoters),
            2 => return Err(Rejection::TwoVoters),
            1..=MAX_VOTERS => {}
            _ => return Err(Rejection::TooManyVoters),
        }
        self.voters.next = Some(Configuration { number: number + 1, voters: voters.clone() });
        Ok(Granted::Configuration { number: number + 1 })
    }

    /// Returns the number of a record and the slot that gave it; `None` if the log has given it none.
    #[must_use]
    pub fn number_of(&self, record: RecordId) -> Option<Numbered> {
        self.numbers.of(record)
    }

    /// Returns the record that has `number`, and the slot that gave it.
    #[must_use]
    pub fn owner_of(&self, number: u64) -> Option<(RecordId, Slot)> {
        self.numbers.owner_of(number)
    }

    /// All numbers in use with their owners, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = (u64, RecordId)> + '_ {
        self.numbers.iter()
    }

    /// How many numbers are in use.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers.count()
    }

    /// The highest number ever given, leased or raised to; 0 before the first.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.numbers.highest()
    }

    /// How far above the highest number an entry may go.
    #[must_use]
    pub fn reach(&self) -> u64 {
        self.numbers.reach()
    }

    /// The highest number that can be given now.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.numbers.limit()
    }

    /// Checks that a number is not further above the highest than an entry may go.
    ///
    /// # Errors
    /// [`Rejection::TooFarAhead`].
    pub fn check_reach(&self, number: u64) -> Result<(), Rejection> {
        self.numbers.check_within(number, self.limit())
    }

    /// Checks whether the log would raise the highest number to this one.
    ///
    /// # Errors
    /// [`Rejection::OutOfRange`] or [`Rejection::TooFarAhead`].
    pub fn check_raise(&self, number: u64) -> Result<(), Rejection> {
        self.numbers.check_raise(number)
    }

    /// The ranges ever leased, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = Range> + '_ {
        self.numbers.ranges()
    }

    /// The outcome of a request, as far as it is still kept. A request that is certainly over gives
    /// [`Rejection::Forgotten`], one that was never done `None`.
    #[must_use]
    pub fn outcome(&self, request: &Request) -> Option<Outcome> {
        self.keys.outcome_for(request).or_else(|| self.sessions.outcome_for(request))
    }

    /// The HTTP request that has a key, and its end, as far as the ledger remembers them.
    #[must_use]
    pub fn key_use(&self, key: Key) -> Option<&KeyUse> {
        self.keys.of(key)
    }

    /// True if an HTTP request may have been done under the key, and the ledger does not remember it.
    #[must_use]
    pub fn may_have_forgotten(&self, keyed: &Keyed) -> bool {
        self.keys.check_free(keyed) == Err(Rejection::Forgotten)
    }

    /// True if a request under this id was done, however long ago, by a sender that is remembered.
    #[must_use]
    pub fn has_outcome(&self, request: RequestId) -> bool {
        self.sessions.has_outcome(request)
    }

    /// The number of the latest request of a replica that was done; 0 if none is remembered.
    #[must_use]
    pub fn latest_request_of(&self, replica: ReplicaId) -> u64 {
        self.sessions.latest_of(replica)
    }

    /// The voters; `None` before the log is founded.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.voters.present.as_ref()
    }

    /// The configuration that is to follow: the leader must propose it, and nothing behind it.
    #[must_use]
    pub fn next_configuration(&self) -> Option<&Configuration> {
        self.voters.next.as_ref()
    }

    /// Returns the policy that operators set last, or the default.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The present epoch, which says how numbers are given.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.method.epoch
    }

    /// The settings of the dynamic method.
    #[must_use]
    pub fn dynamic(&self) -> Dynamic {
        self.method.settings
    }

    /// True if a user has set [`dynamic`](Self::dynamic) in this room.
    #[must_use]
    pub fn is_dynamic_set(&self) -> bool {
        self.method.is_set
    }

    /// True if the provisional number that an edit gave is settled, with or without a conflict.
    #[must_use]
    pub fn is_settled(&self, dot: Dot) -> bool {
        self.settlement.is_settled(dot)
    }

    /// The conflicts that are kept, resolved or not, in the order of the log.
    pub fn conflicts(&self) -> impl DoubleEndedIterator<Item = &Conflict> {
        self.settlement.conflicts()
    }

    /// Returns a conflict; `None` if there never was one of this name, or if it is not kept any more.
    #[must_use]
    pub fn conflict(&self, id: ConflictId) -> Option<&Conflict> {
        self.settlement.conflict(id)
    }

    /// Everything below is released, whoever has acknowledged it.
    #[must_use]
    pub fn waived(&self) -> Slot {
        self.waived
    }

    /// The replicas that are retired, with the counter of the last dot up to which each is.
    pub fn retired(&self) -> impl Iterator<Item = (ReplicaId, u64)> + '_ {
        self.retired.iter().map(|(&replica, &last)| (replica, last))
    }

    /// The restores of all relays that this ledger has come through.
    #[must_use]
    pub fn restores(&self) -> &Restores {
        &self.restores
    }

    /// Returns the lease that a number belongs to, unless the number has come back out of it.
    #[must_use]
    pub fn lease_of(&self, number: u64) -> Option<Range> {
        self.numbers.lease_of(number).copied()
    }

    /// Checks the invariants written on the fields. Bytes from a disk or a peer may decode to a ledger that no log
    /// makes.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub fn check(&self) -> Result<(), String> {
        self.numbers.check()?;
        self.sessions.check()?;
        self.settlement.check()?;
        self.restores.check()?;
        self.keys.check()?;
        let number = self.voters.present.as_ref().map_or(0, |configuration| configuration.number);
        let follows = self.voters.next.as_ref().is_none_or(|next| Some(next.number) == number.checked_add(1));
        ensure(follows, || format!("a configuration follows that is not numbered one above {number}"))
    }

    /// Panics if an invariant written on the fields does not hold.
    pub fn assert_invariants(&self) {
        assert_eq!(self.check(), Ok(()));
    }
}

#[cfg(test)]
mod tests;
