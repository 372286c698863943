//! The versions that were superseded last.

use std::collections::VecDeque;

use super::packed::Packed;
use crate::base::dot::Dot;
use crate::base::id::RecordId;

/// How many bytes of versions are kept.
const CAPACITY_BYTES: usize = 256 << 10;
/// Up to which length a version is kept, in bytes: a longer one would push out too many others.
const MAX_BYTES: usize = 4 << 10;

/// Versions that are not live any more, for a while. An edit names the versions that it builds on; one that was made at
/// the same time as another builds on a version that the other has superseded. Nothing but speed depends on them:
/// without them the record is asked for whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Superseded {
    /// The oldest first. Few are ever looked for, so that there is no index.
    versions: VecDeque<(Dot, RecordId, Packed)>,
    /// Invariant: the bytes of `versions`, at the most [`CAPACITY_BYTES`].
    bytes: usize,
}

impl Superseded {
    pub(super) fn keep(&mut self, record: RecordId, dot: Dot, version: Packed) {
        let added = version.as_bytes().len();
        if added > MAX_BYTES {
            return;
        }
        while self.bytes + added > CAPACITY_BYTES
            && let Some((.., oldest)) = self.versions.pop_front()
        {
            self.bytes -= oldest.as_bytes().len();
        }
        self.bytes += added;
        self.versions.push_back((dot, record, version));
    }

    /// A version of a record, if it is still kept.
    pub(super) fn get(&self, record: RecordId, dot: Dot) -> Option<&Packed> {
        let found = self.versions.iter().rev().find(|(kept, ..)| *kept == dot);
        found.filter(|(_, of, _)| *of == record).map(|(.., version)| version)
    }

    pub(super) fn has(&self, record: RecordId) -> bool {
        self.versions.iter().any(|(_, of, _)| *of == record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ReplicaId;
    use crate::merge::crdt::Version;
    use crate::merge::document::Live;

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let dot = |counter| Dot::new(ReplicaId(1), counter);
        let record = RecordId(dot(1));
        let packed = |dot, folded: u64| {
            let folded = (1..=folded).map(|n| Dot::new(ReplicaId(2), n)).collect();
            Packed::new(record, &Live { dot, folded, version: Version::default() })
        };
        let mut superseded = Superseded::default();
        for counter in 1..1000 {
            superseded.keep(record, dot(counter), packed(dot(counter), 1000));
            assert!(superseded.bytes <= CAPACITY_BYTES);
        }
        superseded.keep(record, dot(1000), packed(dot(1000), 4000));
        assert!(superseded.get(record, dot(1000)).is_none(), "it is too long");
        assert!(superseded.get(record, dot(1)).is_none(), "it is too old");
        assert!(superseded.get(record, dot(999)).is_some());
        assert!(superseded.get(RecordId(dot(2)), dot(999)).is_none(), "it is a version of another record");
        let bytes: usize = superseded.versions.iter().map(|(.., version)| version.as_bytes().len()).sum();
        assert_eq!(superseded.bytes, bytes);
    }
}
