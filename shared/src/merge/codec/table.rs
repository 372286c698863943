//! The table of replicas: an id is written once, and a small number from then on.

use smallvec::{SmallVec, smallvec};

use super::{unzigzag, zigzag};
use crate::base::dot::Dot;
use crate::base::encoding::Malformed;
use crate::base::hlc::Stamp;
use crate::base::id::ReplicaId;
use crate::base::sorted::SortedMap;

/// Up to how many entries a search from the front is faster than an index.
const SMALL: usize = 8;

/// The state that both ends of a codec derive from earlier parts: replicas, each with its last counter, and the last
/// stamp. Later parts are written as differences.
#[derive(Clone, Debug, Default)]
pub struct Table {
    entries: SmallVec<[(ReplicaId, u64); 4]>,
    /// Where each replica is; kept by the writing end from [`SMALL`] entries on.
    index: SortedMap<ReplicaId, usize>,
    /// The entry referred to last.
    last: usize,
    wall_ms: u64,
}

/// How a dot is written.
pub(super) struct DotParts {
    /// The difference of its entry to the one referred to before.
    pub entry: u64,
    /// The id, if the entry is new.
    pub id: Option<ReplicaId>,
    /// The difference of its counter to the one that came last in this entry.
    pub counter: u64,
}

impl Table {
    /// A table that knows one dot already.
    pub(crate) fn with(dot: Dot) -> Self {
        Table { entries: smallvec![(dot.replica(), dot.counter())], ..Table::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Enters a replica that both ends know of.
    pub(crate) fn introduce(&mut self, replica: ReplicaId) {
        if self.position(replica).is_none() {
            self.push(replica);
        }
    }

    pub(super) fn split(&mut self, dot: Dot) -> DotParts {
        let (at, id) = match self.position(dot.replica()) {
            Some(at) => (at, None),
            None => (self.push(dot.replica()), Some(dot.replica())),
        };
        let entry = zigzag(at as i64 - self.last as i64);
        self.last = at;
        let counter = zigzag(dot.counter() as i64 - self.entries[at].1 as i64);
        self.entries[at].1 = dot.counter();
        DotParts { entry, id, counter }
    }

    /// Finds the entry that a difference leads to. `new_id` is asked for the id if it is a new one.
    pub(super) fn resolve(
        &mut self,
        entry: u64,
        new_id: impl FnOnce() -> Result<ReplicaId, Malformed>,
    ) -> Result<usize, Malformed> {
        if entry == 0 && !self.entries.is_empty() {
            return Ok(self.last);
        }
        let at = (self.last as i64).checked_add(unzigzag(entry)).and_then(|at| usize::try_from(at).ok());
        let at = at.filter(|&at| at <= self.entries.len()).ok_or(Malformed("there is no such replica in the table"))?;
        if at == self.entries.len() {
            self.entries.push((new_id()?, 0));
        }
        self.last = at;
        Ok(at)
    }

    /// The dot of an entry whose counter differs by so much from the last.
    pub(super) fn advance(&mut self, at: usize, counter: u64) -> Result<Dot, Malformed> {
        let (replica, last) = self.entries[at];
        let counter = (last as i64).checked_add(unzigzag(counter)).and_then(|counter| u64::try_from(counter).ok());
        let dot = counter.and_then(|counter| Dot::try_new(replica, counter).ok());
        let dot = dot.ok_or(Malformed("the counter of a dot is in 1..=2^48"))?;
        self.entries[at].1 = dot.counter();
        Ok(dot)
    }

    pub(super) fn split_wall(&mut self, stamp: Stamp) -> u64 {
        let difference = stamp.wall_ms.wrapping_sub(self.wall_ms) as i64;
        self.wall_ms = stamp.wall_ms;
        zigzag(difference)
    }

    pub(super) fn advance_wall(&mut self, difference: u64) -> u64 {
        self.wall_ms = self.wall_ms.wrapping_add(unzigzag(difference) as u64);
        self.wall_ms
    }

    fn position(&self, replica: ReplicaId) -> Option<usize> {
        if self.entries.get(self.last).is_some_and(|&(id, _)| id == replica) {
            return Some(self.last);
        }
        if self.entries.len() <= SMALL {
            return self.entries.iter().position(|&(id, _)| id == replica);
        }
        self.index.get(&replica).copied()
    }

    fn push(&mut self, replica: ReplicaId) -> usize {
        let at = self.entries.len();
        self.entries.push((replica, 0));
        if at == SMALL {
            self.index = self.entries.iter().enumerate().map(|(at, &(id, _))| (id, at)).collect();
        } else if at > SMALL {
            self.index.insert(replica, at);
        }
        at
    }
}
