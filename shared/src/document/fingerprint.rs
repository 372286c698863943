//! Hashes of sets of live dots.

use std::fmt;

use crate::dot::Dot;
use crate::split_mix::SplitMix64;

/// How many buckets a fingerprint has, as a power of two.
const BUCKET_BITS: u32 = 10;
/// About how many live dots there are to a bucket that is told, if they do not suffice for all buckets.
const DOTS_PER_BUCKET: usize = 32;

/// A hash of a set of live dots, kept up with every change: as a whole, and by buckets into which hashes of dots fall.
///
/// Two replicas that have seen the same can still differ in what is live, where a message was lost that superseded
/// something; and one that was away does not know what was removed. Their fingerprints tell, and their buckets tell
/// where.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint {
    whole: u64,
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
    pub fn insert(&mut self, dot: Dot) {
        let hash = hash(dot);
        let bucket = &mut self.buckets[bucket_of(hash, BUCKET_BITS)];
        self.whole = self.whole.wrapping_add(hash);
        *bucket = bucket.wrapping_add(hash as u32);
        self.dots += 1;
    }

    pub fn remove(&mut self, dot: Dot) {
        let hash = hash(dot);
        let bucket = &mut self.buckets[bucket_of(hash, BUCKET_BITS)];
        self.whole = self.whole.wrapping_sub(hash);
        *bucket = bucket.wrapping_sub(hash as u32);
        self.dots -= 1;
    }

    /// The hash of the whole set.
    #[must_use]
    pub fn whole(&self) -> u64 {
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
        if count == 1 {
            return vec![self.whole as u32];
        }
        let group = self.buckets.len() / count;
        self.buckets.chunks(group).map(|group| group.iter().fold(0, |sum, &hash| hash.wrapping_add(sum))).collect()
    }

    /// The same without some of the dots in the set.
    #[must_use]
    pub fn by_buckets_without(&self, count: usize, dots: impl Iterator<Item = Dot>) -> Vec<u32> {
        let mut hashes = self.by_buckets(count);
        for dot in dots {
            let bucket = &mut hashes[bucket(dot, count)];
            *bucket = bucket.wrapping_sub(hash(dot) as u32);
        }
        hashes
    }

    /// Whether fingerprints can be told by so many buckets.
    #[must_use]
    pub fn can_tell_by(count: usize) -> bool {
        count.is_power_of_two() && count <= 1 << BUCKET_BITS
    }
}

/// The bucket of a dot, of so many.
#[must_use]
pub fn bucket(dot: Dot, count: usize) -> usize {
    bucket_of(hash(dot), count.ilog2())
}

fn bucket_of(hash: u64, bits: u32) -> usize {
    // In two steps, since there may be no bits at all.
    (hash >> 1 >> (63 - bits)) as usize
}

fn hash(dot: Dot) -> u64 {
    SplitMix64::new(SplitMix64::new(dot.replica.0).draw() ^ dot.counter).draw()
}

impl<'a> FromIterator<&'a Dot> for Fingerprint {
    fn from_iter<I: IntoIterator<Item = &'a Dot>>(dots: I) -> Self {
        let mut fingerprint = Fingerprint::default();
        dots.into_iter().for_each(|&dot| fingerprint.insert(dot));
        fingerprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ReplicaId;

    #[test]
    fn fewer_buckets_are_sums_of_more() {
        let dots: Vec<_> = (1..500).map(|counter| Dot::new(ReplicaId(9), counter)).collect();
        let fingerprint: Fingerprint = dots.iter().collect();
        for count in [1, 2, 64, 1024] {
            let mut expected = vec![0_u32; count];
            for &dot in &dots {
                let sum = &mut expected[bucket(dot, count)];
                *sum = sum.wrapping_add(hash(dot) as u32);
            }
            assert_eq!(fingerprint.by_buckets(count), expected);
        }
        assert_eq!(fingerprint.told().len(), 16);
    }
}
