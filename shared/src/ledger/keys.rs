//! HTTP requests under a key: repeated at any relay, they are not done again.
//!
//! The first entry of the log that names a key has it. The ledger keeps the newest keys in the order of the log, so
//! every replica forgets the same ones at the same slot. An HTTP request may come once more after its key was
//! forgotten. The ledger knows it by how far its client knew the log when it first asked: less far than the entry of a
//! forgotten key. This needs no clock.

use serde::{Deserialize, Serialize};

use super::checks::ensure;
use super::key::{Key, Keyed};
use super::number::Numbered;
use super::operation::{Granted, KeyedOperation, Operation, Outcome, Request, RequestId};
use super::rejection::Rejection;
use super::rules::{InForce, Rules};
use crate::base::dot::Dot;
use crate::base::id::RecordId;
use crate::base::sorted::SortedMap;
use crate::consensus::Slot;

/// The HTTP request that has a key, as the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// The hash of the idempotency key.
    pub key: Key,
    /// A hash of the HTTP request that has the key, to tell it from another one under the same key.
    pub hash: u64,
    /// The request of the log that has the key.
    pub by: RequestId,
    /// The end of the HTTP request; `None` while a relay carries it out.
    pub end: Option<KeyEnd>,
}

/// The end of an HTTP request under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEnd {
    /// The record that it has added, or was about.
    pub record: Option<RecordId>,
    /// A replica that has this edit has all edits of the HTTP request.
    pub after: Option<Dot>,
    /// The answer to the HTTP request, which every repetition of it gets.
    pub outcome: Outcome,
}

/// The keys that are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredKeys", into = "StoredKeys")]
pub(super) struct Keys {
    /// By the entry that has the key.
    uses: SortedMap<Slot, KeyUse>,
    /// Invariant: the keys of `uses`, each once.
    slots: SortedMap<Key, Slot>,
    /// Keys that are not remembered are too old if their client knew the log not so far. Never falls.
    forgotten: Slot,
}

/// The part of the keys that is written.
#[derive(Serialize, Deserialize)]
struct StoredKeys {
    uses: SortedMap<Slot, KeyUse>,
    forgotten: Slot,
}

impl From<StoredKeys> for Keys {
    fn from(StoredKeys { uses, forgotten }: StoredKeys) -> Self {
        let slots = uses.iter().map(|(&slot, used)| (used.key, slot)).collect();
        Keys { uses, slots, forgotten }
    }
}

impl From<Keys> for StoredKeys {
    fn from(Keys { uses, forgotten, .. }: Keys) -> Self {
        StoredKeys { uses, forgotten }
    }
}

impl KeyUse {
    /// Checks that an HTTP request is the one that has the key.
    ///
    /// # Errors
    /// [`Rejection::KeyUsedOtherwise`].
    pub fn check_same(&self, keyed: &Keyed) -> Result<(), Rejection> {
        if self.hash == keyed.hash { Ok(()) } else { Err(Rejection::KeyUsedOtherwise) }
    }
}

impl KeyEnd {
    /// The end of an HTTP request that was one operation.
    pub(crate) fn of_operation(operation: &Operation, after: Option<Dot>, outcome: Outcome) -> Self {
        KeyEnd { record: operation.record(), after, outcome }
    }

    /// The number that the record was given.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self.outcome {
            Ok(Granted::Final(Numbered { number, .. })) => Some(number),
            _ => None,
        }
    }
}

impl Keys {
    pub(super) fn of(&self, key: Key) -> Option<&KeyUse> {
        self.slots.get(&key).and_then(|slot| self.uses.get(slot))
    }

    /// The outcome of a request that has a key.
    pub(super) fn outcome_for(&self, request: &Request) -> Option<Outcome> {
        let Operation::Once { keyed, operation } = &request.operation else { return None };
        let used = self.of(keyed.key).filter(|used| used.by == request.id)?;
        match operation {
            KeyedOperation::Begin => Some(Ok(Granted::Begun)),
            _ => used.end.map(|end| end.outcome),
        }
    }

    /// Checks that nothing was done under a key.
    pub(super) fn check_free(&self, keyed: &Keyed) -> Result<(), Rejection> {
        match self.of(keyed.key).filter(|_| InForce::remembers_keys()) {
            Some(used) => used.check_same(keyed).and(Err(Rejection::Repeated)),
            None if InForce::key_may_be_forgotten(keyed.since, self.forgotten) => Err(Rejection::Forgotten),
            None => Ok(()),
        }
    }

    /// An entry has a key. Beyond `most` the oldest is forgotten.
    pub(super) fn keep(&mut self, slot: Slot, used: KeyUse, most: u32) {
        if let Some(earlier) = self.slots.insert(used.key, slot) {
            self.uses.remove(&earlier);
        }
        self.uses.insert(slot, used);
        while self.uses.len() > (most as usize).max(1)
            && let Some((oldest, used)) = self.uses.pop_first()
        {
            self.slots.remove(&used.key);
            self.forgotten = self.forgotten.max(oldest.plus(1));
        }
    }

    /// The request that has a key was carried out, and `end` came of it; with `None` it was not, and the key is free again.
    pub(super) fn finish(&mut self, key: Key, by: RequestId, end: Option<KeyEnd>) {
        let Some(&slot) = self.slots.get(&key) else { return };
        let Some(used) = self.uses.get_mut(&slot).filter(|used| used.by == by && used.end.is_none()) else { return };
        used.end = end;
        if end.is_none() {
            self.uses.remove(&slot);
            self.slots.remove(&key);
        }
    }

    /// Checks what is written on the fields.
    ///
    /// # Errors
    /// The invariant that does not hold.
    pub(super) fn check(&self) -> Result<(), String> {
        let names = |(slot, used): (&Slot, &KeyUse)| self.slots.get(&used.key) == Some(slot);
        let are_same = self.uses.len() == self.slots.len() && self.uses.iter().all(names);
        ensure(are_same, || "two entries have one key".to_owned())
    }
}
