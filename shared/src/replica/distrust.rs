//! Numbers and authors that a replica does not believe. Such a number stands under an edit whose author has not
//! confirmed it. Such an author gave one dot to two edits.
//!
//! A version of a record holds the writes of others, too. So a tab can bring a number under an edit of somebody else. It
//! may be right: a tab that saw the edit at one relay brings it back to another one that has lost it. It may also lie, to
//! take a number away from the one to whom it is leased. A relay merges such a version, since nothing is lost by that.
//! But it *doubts* the number until the author, or a relay that had it from the author, *attests* it, and no relay
//! settles a doubted number. The doubt travels with the version. Relays ask one another, and the author when it is linked.
//! A relay that had the number from its author attests it; an author who never gave it *denies* it, which is final.

use crate::base::dot::Dot;
use crate::base::id::{RecordId, ReplicaId};
use crate::merge::crdt::Write;
use crate::replica::rules::{InForce, Rules};
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A number in a record: which edit gave it, and a hash of what it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NumberWrite {
    /// The record that holds the number.
    pub record: RecordId,
    /// The edit that gave the number.
    pub dot: Dot,
    /// Of the stamp and the value, so that another value under the same edit is not taken for it.
    hash: u64,
}

impl NumberWrite {
    pub(super) fn new(record: RecordId, write: &Write) -> Self {
        let mut hash = Sha256::new();
        hash.update(write.stamp.wall_ms.to_le_bytes());
        hash.update(write.stamp.logical.to_le_bytes());
        hash.update(&write.value);
        let digest = hash.finalize();
        let hash = u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
        NumberWrite { record, dot: write.dot, hash }
    }
}

/// The state of a number that a tab brought. It only rises, so that relays stop telling one another of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Verdict {
    /// Nobody has attested it. The tab that brought it.
    Doubted(ReplicaId),
    /// The author, or a relay that had it from the author, has attested it.
    Attested,
    /// The author says that it never gave the number.
    Denied,
}

/// A number that is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The number that is doubted.
    pub write: NumberWrite,
    /// The tab that brought it. The author itself, if the author says that it never gave the number.
    pub by: ReplicaId,
}

impl Doubt {
    pub(super) fn is_denial(&self) -> bool {
        self.by == self.write.dot.replica()
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.is_denial() { Verdict::Denied } else { Verdict::Doubted(self.by) }
    }
}

/// The numbers and authors that a replica does not believe. Durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distrust {
    /// The numbers that tabs brought. In a tab: those under its own edits that it never gave.
    pub(super) verdicts: LiteMap<NumberWrite, Verdict>,
    /// The authors of two edits under one dot, each with a dot that shows it. Empty in a tab.
    pub(super) equivocators: LiteMap<ReplicaId, Dot>,
}

impl Distrust {
    /// Whether a number of a record is doubted or denied.
    pub(super) fn doubts(&self, record: RecordId, write: &Write) -> bool {
        // The hash costs more than the look at what is nearly always empty.
        let is_edit_known = self.known_in(record).any(|(known, _)| known.dot == write.dot);
        is_edit_known
            && self.verdicts.get(&NumberWrite::new(record, write)).is_some_and(|verdict| *verdict != Verdict::Attested)
            && InForce::heeds_doubts()
    }

    pub(super) fn known_in(&self, record: RecordId) -> impl Iterator<Item = (NumberWrite, Verdict)> + '_ {
        let first = NumberWrite { record, dot: RecordId::MIN.0, hash: 0 };
        let from = self.verdicts.find_index(&first).unwrap_or_else(|at| at);
        let from = self.verdicts.as_slice()[from..].iter().copied();
        from.take_while(move |(write, _)| write.record == record)
    }

    /// The authors of two edits under one dot, each with a dot that shows it.
    pub(super) fn equivocators(&self) -> &LiteMap<ReplicaId, Dot> {
        &self.equivocators
    }

    /// Raises a verdict. Says whether that is news.
    pub(super) fn raise(&mut self, write: NumberWrite, to: Verdict) -> bool {
        let is_news = self.verdicts.get(&write).is_none_or(|verdict| match (verdict, to) {
            (Verdict::Doubted(_), Verdict::Doubted(_)) => false,
            (before, to) => *before < to,
        });
        if is_news {
            self.verdicts.insert(write, to);
        }
        is_news
    }

    pub(super) fn is_brought_by(&self, tab: ReplicaId) -> impl Iterator<Item = NumberWrite> + '_ {
        let of_tab = move |verdict: &Verdict| *verdict == Verdict::Doubted(tab);
        self.verdicts.iter().filter(move |(_, verdict)| of_tab(verdict)).map(|(&write, _)| write)
    }
}
