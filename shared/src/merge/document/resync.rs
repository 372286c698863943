//! Resync: a replica that was away gets the versions that it lacks, and drops those that were removed.
//!
//! The sender sends the versions that the receiver has not seen, and then a [`Digest`] of all that is live. Where the
//! receiver's own digest differs, it asks for the live dots of the buckets that do, and drops what is live no more.

use super::fingerprint::{Fingerprint, bucket};
use super::{Delta, Document, Merged, Packed, Versions};
use crate::base::dot::{Dot, DotSet};
use crate::base::id::{RecordId, ReplicaId};
use crate::base::sorted::{SortedMap, SortedSet};

/// How many bytes of versions one delta of a resync carries, unless a single version is longer: a page that takes it in is
/// busy for that long.
const BYTES_PER_DELTA: usize = 16 << 10;
/// The same of the parts of a whole document, which are the smaller the more they have in common.
const BYTES_PER_PART: usize = 256 << 10;
/// How many bytes of versions a record has that is sent whole, at the most, unless a single version is longer.
const BYTES_OF_WHOLE: usize = 1 << 20;
/// How many deltas are sent before the receiver has to say that it has taken them in.
const DELTAS_AT_A_TIME: usize = 256;

/// All dots that a replica has seen, and hashes of the live ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// All dots that the sender has seen.
    pub context: DotSet,
    /// The hash of all that is live in `context`.
    pub whole: u128,
    /// The hashes of what is live in `context` by buckets, whose number is a power of two.
    pub buckets: Vec<u32>,
}

/// The live dots in some buckets of a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Liveness {
    /// All dots that the sender has seen.
    pub context: DotSet,
    /// The hash of all that is live in `context`.
    pub whole: u128,
    /// The number of buckets of the digest.
    pub of: u16,
    /// The buckets, by index.
    pub buckets: Vec<u16>,
    /// The live dots in these buckets.
    pub live: DotSet,
}

/// The result of comparing a digest with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Of all that the sender has seen, the same is live on both sides.
    Equal,
    /// Dots that should have come before are missing: the resync must begin anew.
    Incomplete,
    /// These buckets differ: what is live in them must be asked for.
    Differs {
        /// The number of buckets of the digest.
        of: u16,
        /// The buckets that differ, by index.
        buckets: Vec<u16>,
    },
}

/// A part of what another replica lacks.
#[derive(Default)]
struct Chunk {
    versions: Vec<(RecordId, Packed)>,
    /// How many of the dots it deals with.
    taken: usize,
    /// Those among them that are live, but by versions that are not sent here: nothing must be said of them.
    unspoken: Vec<Dot>,
}

impl Document {
    /// Whether this document has nothing to tell one with this context and fingerprint: they are equal, or the other
    /// side has seen strictly more and tells.
    #[must_use]
    pub fn has_nothing_for(&self, theirs: &DotSet, fingerprint: u128) -> bool {
        let theirs = self.without_retired(theirs);
        self.context.is_subset(&theirs) && (self.context != *theirs || self.fingerprint.whole() == fingerprint)
    }

    /// Returns the versions that a replica with the context `theirs` lacks, in bounded deltas. The second value is
    /// true if these are all, so that the digest may follow. Otherwise the rest follows when the receiver says that
    /// it has these. With an `author`, only the versions of this replica are returned.
    #[must_use]
    pub fn missing(&self, theirs: &DotSet, author: Option<ReplicaId>) -> (Vec<Delta>, bool) {
        let deltas: Vec<_> = self.deltas(theirs, author, BYTES_PER_DELTA).take(DELTAS_AT_A_TIME).collect();
        let is_all = deltas.last().is_none_or(|delta| delta.remaining == 0);
        (deltas, is_all)
    }

    /// The versions that a replica with the context `theirs` lacks, in large parts, in the order of their dots.
    pub fn parts(&self, theirs: &DotSet) -> impl Iterator<Item = Delta> + '_ {
        self.deltas(theirs, None, BYTES_PER_PART)
    }

    /// The same in deltas of so many `bytes`. `author` keeps it to the versions of one replica.
    fn deltas(&self, theirs: &DotSet, author: Option<ReplicaId>, bytes: usize) -> impl Iterator<Item = Delta> + '_ {
        let mut unseen = self.context.difference(theirs);
        if let Some(author) = author {
            unseen = unseen.of(author);
        }
        let lacking: Vec<_> = self.live_in(&unseen).collect();
        let (mut at, mut after, mut is_done) = (0, None, unseen.is_empty());
        // A folded version comes once, though it may live by many of the dots.
        let mut told = SortedSet::new();
        std::iter::from_fn(move || {
            if is_done {
                return None;
            }
            let Chunk { versions, taken, unspoken } = self.chunk(&lacking[at..], author, bytes, &mut told);
            at += taken;
            is_done = at == lacking.len();
            let until = if is_done { None } else { Some(lacking[at - 1].0) };
            // The dead dots between the versions go along: without them the context of the other side would be full of
            // holes.
            let mut context = unseen.between(after, until);
            if !unspoken.is_empty() {
                context = context.difference(&unspoken.into_iter().collect());
            }
            after = until;
            Some(Delta { context, versions, remaining: (lacking.len() - at) as u64 })
        })
    }

    /// The versions that live by the first of these dots, as many as go into a delta of so many bytes.
    fn chunk(
        &self,
        lacking: &[(Dot, RecordId)],
        author: Option<ReplicaId>,
        most: usize,
        told: &mut SortedSet<Dot>,
    ) -> Chunk {
        let (mut chunk, mut bytes) = (Chunk::default(), 0);
        // Records come in the order of their ids, most of the time, so that the next one is where the last one was.
        let mut ahead = self.records.range(lacking.first().map_or(RecordId::MIN, |&(_, record)| record)..).peekable();
        for &(dot, record) in lacking {
            chunk.taken += 1;
            let versions = match ahead.next_if(|(next, _)| **next == record) {
                Some((_, versions)) => versions,
                None => &self.records[&record],
            };
            let is_meant = |named: Dot| author.is_none_or(|author| author == named.replica());
            let before = chunk.versions.len();
            match versions {
                Versions::One(version) if is_meant(dot) => chunk.versions.push((record, version.clone())),
                Versions::One(_) => {}
                Versions::Many(versions) => {
                    let meant = versions.iter().filter(|live| live.has(dot) && is_meant(live.dot));
                    let meant = meant.filter(|live| live.folded.is_empty() || told.insert(live.dot));
                    chunk.versions.extend(meant.map(|live| (record, Packed::new(record, live))));
                }
            }
            if chunk.versions.len() == before {
                chunk.unspoken.push(dot);
            }
            bytes += chunk.versions[before..].iter().map(|(_, version)| version.as_bytes().len()).sum::<usize>();
            if bytes >= most {
                break;
            }
        }
        chunk
    }

    /// Returns all dots that this document has seen, and hashes of the live ones.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let (whole, buckets) = (self.fingerprint.whole(), self.fingerprint.told());
        Digest { context: self.context.clone(), whole, buckets }
    }

    /// Holds a digest against this document.
    #[must_use]
    pub fn compare(&self, digest: &Digest) -> Comparison {
        let count = digest.buckets.len();
        let context = self.without_retired(&digest.context);
        if !Fingerprint::can_tell_by(count) || !context.is_subset(&self.context) {
            return Comparison::Incomplete;
        }
        let unseen = self.context.difference(&context);
        let (whole, own) = self.fingerprint.without(self.marks_in(&unseen), count);
        if whole == digest.whole {
            return Comparison::Equal;
        }
        let pairs = own.into_iter().zip(&digest.buckets).zip(0..);
        let mut differing: Vec<u16> = pairs.filter(|((own, theirs), _)| own != *theirs).map(|(_, at)| at).collect();
        if differing.is_empty() {
            // A difference that hides from the narrow hashes: somebody has searched for it.
            differing = (0..count as u16).collect();
        }
        Comparison::Differs { of: count as u16, buckets: differing }
    }

    /// Returns the live dots in some of `of` buckets. Empty if there is no such number of buckets.
    #[must_use]
    pub fn liveness(&self, of: u16, buckets: Vec<u16>) -> Liveness {
        let is_asked = chosen(usize::from(of), &buckets);
        let mut live = DotSet::default();
        if Fingerprint::can_tell_by(is_asked.len()) {
            live = self.index.keys().copied().filter(|&dot| is_asked[bucket(dot, is_asked.len())]).collect();
        }
        Liveness { context: self.context.clone(), whole: self.fingerprint.whole(), of, buckets, live }
    }

    /// Drops what another replica has seen and holds no more. `None` if it speaks of versions that have not arrived:
    /// the resync must begin anew.
    pub fn drop_dead(&mut self, theirs: &Liveness) -> Option<Merged> {
        let count = usize::from(theirs.of);
        if !Fingerprint::can_tell_by(count) || !self.without_retired(&theirs.live).is_subset(&self.context) {
            return None;
        }
        let is_told = chosen(count, &theirs.buckets);
        let own = self.live_in(&theirs.context).map(|(dot, _)| dot);
        let context = own.filter(|&dot| is_told[bucket(dot, count)] && !theirs.live.contains(dot)).collect();
        Some(self.merge(Delta { context, ..Delta::default() }))
    }

    /// Whether the other side holds dots to be live that are known here to be dead.
    #[must_use]
    pub fn knows_dead(&self, theirs: &Liveness) -> bool {
        let live: DotSet = self.live_in(&theirs.live).map(|(dot, _)| dot).collect();
        !theirs.live.intersection(&self.context).is_subset(&live)
    }

    /// The versions that this document has in some of `of` buckets, in bounded deltas: for a replica with the same live dots
    /// there and another fingerprint, so that some dot has two contents. `author` keeps it to what one replica wrote.
    #[must_use]
    pub fn versions_in(&self, of: u16, buckets: &[u16], author: Option<ReplicaId>) -> Vec<Delta> {
        let is_asked = chosen(usize::from(of), buckets);
        let (mut deltas, mut bytes) = (vec![Delta::default()], 0);
        if !Fingerprint::can_tell_by(is_asked.len()) {
            return deltas;
        }
        for (&record, versions) in &self.records {
            for (dot, version) in versions.names(record).zip(versions.packed(record)) {
                if !is_asked[bucket(dot, is_asked.len())] || author.is_some_and(|author| author != dot.replica()) {
                    continue;
                }
                if bytes >= BYTES_PER_DELTA {
                    deltas.push(Delta::default());
                    bytes = 0;
                }
                bytes += version.as_bytes().len();
                deltas.last_mut().expect("there is one at least").versions.push((record, version));
            }
        }
        deltas
    }

    /// Whether something differs though the same dots are live, once [`drop_dead`](Self::drop_dead) has taken effect: some dot
    /// has another content here.
    #[must_use]
    pub fn has_other_content(&self, theirs: &Liveness) -> bool {
        let unseen = self.context.difference(&self.without_retired(&theirs.context));
        let (whole, _) = self.fingerprint.without(self.marks_in(&unseen), 1);
        whole != theirs.whole && !self.knows_dead(theirs)
    }

    /// Records whole, with what is known here of some of their dots; of a record with very many concurrent versions those
    /// that the dots name. `author` keeps it to what one replica wrote.
    #[must_use]
    pub fn whole(&self, wanted: &SortedMap<RecordId, DotSet>, author: Option<ReplicaId>) -> Delta {
        let mut delta = Delta::default();
        for (&record, dots) in wanted {
            let mut known = dots.intersection(&self.context);
            known.join(&self.retired_in(dots));
            // Live dots are spoken of by the versions that live by them, and by nothing else.
            let live = self.live_in(&known).map(|(dot, _)| dot).collect();
            delta.context.join(&known.difference(&live));
            let mut versions = self.versions(record);
            versions.retain(|live| author.is_none_or(|author| author == live.dot.replica()));
            versions.sort_by_key(|live| !dots.contains(live.dot));
            let mut bytes = 0;
            for live in versions {
                let version = Packed::new(record, &live);
                bytes += version.as_bytes().len();
                if bytes <= BYTES_OF_WHOLE || delta.versions.is_empty() {
                    delta.versions.push((record, version));
                }
            }
        }
        delta
    }
}

/// Which of so many buckets are in a list.
fn chosen(count: usize, buckets: &[u16]) -> Vec<bool> {
    let mut is_chosen = vec![false; count];
    for &at in buckets {
        if let Some(chosen) = is_chosen.get_mut(usize::from(at)) {
            *chosen = true;
        }
    }
    is_chosen
}
