//! Hashes of what is live.

use std::fmt;

use sha2::{Digest, Sha256};

use super::packed::Packed;
use crate::base::dot::Dot;
use crate::base::id::RecordId;
use crate::base::split_mix::SplitMix64;

/// How many buckets a fingerprint has, as a power of two.
const BUCKET_BITS: u32 = 10;
/// About how many live dots there are to a bucket that is told, if they do not suffice for all buckets.
const DOTS_PER_BUCKET: usize = 32;

/// A hash of what is live, kept up with every change: as a whole, and by buckets into which hashes of dots fall.
///
/// Two replicas that have seen the same can still differ in what is live, where a message was lost that superseded
/// something; and one that was away does not know what was removed. A lying author can also give two contents to one
/// dot. Their fingerprints tell, and their buckets tell where.
///
/// The whole is a sum of marks (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997, AdHash), so that
/// one change costs one addition. It is as wide as a mark, and it alone decides whether two replicas are equal. The
/// buckets are narrow and only save asking for everything.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint {
    whole: u128,
    buckets: Box<[u32]>,
    dots: usize,
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:x} of {} dots)", self.whole, self.dots)
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint { whole: 0, buckets: vec![0; 1 << BUCKET_BITS].into(), dots: 0 }
    }
}

impl Fingerprint {
    pub fn insert(&mut self, dot: Dot, mark: Mark) {
        let bucket = &mut self.buckets[bucket(dot, 1 << BUCKET_BITS)];
        self.whole = self.whole.wrapping_add(mark.0);
        *bucket = bucket.wrapping_add(mark.low());
        self.dots += 1;
    }

    pub fn remove(&mut self, dot: Dot, mark: Mark) {
        let bucket = &mut self.buckets[bucket(dot, 1 << BUCKET_BITS)];
        self.whole = self.whole.wrapping_sub(mark.0);
        *bucket = bucket.wrapping_sub(mark.low());
        self.dots -= 1;
    }

    /// The hash of everything that is live.
    #[must_use]
    pub fn whole(&self) -> u128 {
        self.whole
    }

    /// The hashes by bucket: as many buckets as suit the size of the set.
    #[must_use]
    pub fn told(&self) -> Vec<u32> {
        let suits = (self.dots / DOTS_PER_BUCKET).max(1).next_power_of_two();
        self.by_buckets(suits.min(self.buckets.len()))
    }

    /// The hashes by so many buckets. `count` is a power of two, at the most as many as are kept.
    #[must_use]
    pub fn by_buckets(&self, count: usize) -> Vec<u32> {
        let group = self.buckets.len() / count;
        self.buckets.chunks(group).map(|group| group.iter().fold(0, |sum, &hash| hash.wrapping_add(sum))).collect()
    }

    /// The whole, and the hashes by so many buckets, of what is left without some of the live dots.
    #[must_use]
    pub fn without(&self, dots: impl Iterator<Item = (Dot, Mark)>, count: usize) -> (u128, Vec<u32>) {
        let (mut whole, mut hashes) = (self.whole, self.by_buckets(count));
        for (dot, mark) in dots {
            whole = whole.wrapping_sub(mark.0);
            let bucket = &mut hashes[bucket(dot, count)];
            *bucket = bucket.wrapping_sub(mark.low());
        }
        (whole, hashes)
    }

    /// Whether fingerprints can be told by so many buckets.
    #[must_use]
    pub fn can_tell_by(count: usize) -> bool {
        count.is_power_of_two() && count <= 1 << BUCKET_BITS
    }
}

/// The mark of a live dot: a hash of the content of the version that it names. Replicas with equal content under a dot have
/// equal marks; an author who wants two contents with one mark has to find a collision of 128 bits of SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u128);

impl Mark {
    /// The mark of the dot that names a version with this [content](Packed::content). The dots by which a folded version
    /// lives are not part of it, since they become fewer.
    #[must_use]
    pub fn of_version(record: RecordId, version: &Packed) -> Self {
        let mut hash = Sha256::new();
        hash.update(record.0.replica().0.to_le_bytes());
        hash.update(record.0.counter().to_le_bytes());
        hash.update(version.as_bytes());
        let digest = hash.finalize();
        Mark(u128::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes")))
    }

    /// The mark of a dot by which a folded version lives: there is no content of its own any more.
    #[must_use]
    pub fn of_support(dot: Dot) -> Self {
        let low = hash(dot);
        Mark(u128::from(SplitMix64::new(low).draw()) << 64 | u128::from(low))
    }

    /// Whether this is the mark of a dot that names no version.
    #[must_use]
    pub fn is_of_support(self, dot: Dot) -> bool {
        self == Mark::of_support(dot)
    }

    /// The part of the mark that an edit carries to tell which version it makes: 28 bits, which are four bytes on the wire.
    #[must_use]
    pub fn short(self) -> u32 {
        (self.0 >> 100) as u32
    }

    fn low(self) -> u32 {
        self.0 as u32
    }
}

/// The bucket of a dot, of so many. `count` is a power of two.
#[must_use]
pub fn bucket(dot: Dot, count: usize) -> usize {
    // In two steps, since there may be no bits at all.
    (hash(dot) >> 1 >> (63 - count.ilog2())) as usize
}

fn hash(dot: Dot) -> u64 {
    SplitMix64::new(SplitMix64::new(dot.replica().0).draw() ^ dot.counter()).draw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ReplicaId;

    #[test]
    fn fewer_buckets_are_sums_of_more() {
        let dots: Vec<_> = (1..500).map(|counter| Dot::new(ReplicaId(9), counter)).collect();
        let mut fingerprint = Fingerprint::default();
        dots.iter().for_each(|&dot| fingerprint.insert(dot, Mark::of_support(dot)));
        for count in [1, 2, 64, 1024] {
            let mut expected = vec![0_u32; count];
            for &dot in &dots {
                let sum = &mut expected[bucket(dot, count)];
                *sum = sum.wrapping_add(Mark::of_support(dot).low());
            }
            assert_eq!(fingerprint.by_buckets(count), expected);
        }
        assert_eq!(fingerprint.told().len(), 16);
        let (whole, buckets) = fingerprint.without(dots.iter().map(|&dot| (dot, Mark::of_support(dot))), 16);
        assert_eq!((whole, buckets), (0, vec![0; 16]), "without everything nothing is left");
    }
}
