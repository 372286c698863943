//! Restores of all relays from a backup. From a restore on, the log continues differently than it did before.

use crate::consensus::{RestoreId, Slot};

use serde::{Deserialize, Serialize};

use super::checks::ensure;

/// A restore, as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The name of the restore, which is higher than those of earlier restores.
    pub id: RestoreId,
    /// Everything below was in the backup.
    pub at: Slot,
}

/// The restores that a log has come through. Invariant: slots and ids ascend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restores(Vec<Restore>);

impl Restores {
    pub(super) fn push(&mut self, restore: Restore) {
        self.0.push(restore);
    }

    /// The latest restore; `None` if there was none.
    #[must_use]
    pub fn latest(&self) -> Option<Restore> {
        self.0.last().copied()
    }

    /// True if the other log was restored after this one.
    #[must_use]
    pub fn are_older_than(&self, other: &Restores) -> bool {
        self.latest().map(|restore| restore.id) < other.latest().map(|restore| restore.id)
    }

    /// The first slot at which one of two logs was restored and the other one was not: below it they are the same. `None` if
    /// they have come through the same restores.
    #[must_use]
    pub fn fork(&self, other: &Restores) -> Option<Slot> {
        let only_in =
            |a: &Restores, b: &Restores| a.0.iter().find(|restore| !b.0.contains(restore)).map(|only| only.at);
        only_in(self, other).into_iter().chain(only_in(other, self)).min()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let ascends = self.0.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].at < pair[1].at);
        ensure(ascends, || "restores of all relays are out of order".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restores(all: &[(u64, u64)]) -> Restores {
        Restores(all.iter().map(|&(id, at)| Restore { id: RestoreId(id), at: Slot(at) }).collect())
    }

    #[test]
    fn logs_fork_where_only_one_of_them_was_restored() {
        let (never, once) = (restores(&[]), restores(&[(1, 100)]));
        assert_eq!(once.fork(&once), None);
        assert_eq!((never.fork(&once), once.fork(&never)), (Some(Slot(100)), Some(Slot(100))));
        assert_eq!(once.fork(&restores(&[(1, 100), (2, 150)])), Some(Slot(150)));
        // The second one was restored from a backup that is older than the first restore.
        assert_eq!(once.fork(&restores(&[(2, 80)])), Some(Slot(80)));
        assert_eq!(once.fork(&restores(&[(2, 120)])), Some(Slot(100)));
    }

    #[test]
    fn restores_are_named_by_what_was_printed() {
        let id = RestoreId(0x0193_ab00_0000_0001);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("193ab".parse::<RestoreId>().is_err());
        assert!("+193ab0000000001".parse::<RestoreId>().is_err());
    }
}
