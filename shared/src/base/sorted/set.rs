//! Sets in order.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::Flatten;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::vec;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Place, insert_at, remove_at};

/// A set of values, in their order.
#[derive(Clone)]
pub struct SortedSet<T> {
    /// Invariant: none is empty or longer than a chunk may be, and all values ascend.
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> SortedSet<T> {
    /// Returns an empty set.
    #[must_use]
    pub const fn new() -> Self {
        SortedSet { chunks: Vec::new(), len: 0 }
    }

    /// The number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if no value is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Removes all values.
    pub fn clear(&mut self) {
        *self = SortedSet::new();
    }

    /// The values, ascending.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { chunks: &self.chunks, front: Place { chunk: 0, at: 0 }, back: self.end() }
    }

    /// The lowest value.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.chunks.first()?.first()
    }

    /// The highest value.
    #[must_use]
    pub fn last(&self) -> Option<&T> {
        self.chunks.last()?.last()
    }

    /// Removes the lowest value and returns it.
    pub fn pop_first(&mut self) -> Option<T> {
        (!self.is_empty()).then(|| self.remove_at(Place { chunk: 0, at: 0 }))
    }

    /// Keeps those values alone for which `keep` returns true.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        let mut keep = keep;
        self.chunks.iter_mut().for_each(|chunk| chunk.retain(&mut keep));
        self.close_gaps();
    }

    pub(super) fn chunks(&self) -> &[Vec<T>] {
        &self.chunks
    }

    /// Keeps those values for which the next of `kept` is true.
    pub(super) fn retain_marked(&mut self, kept: &[bool]) {
        let mut kept = kept.iter();
        self.retain(|_| kept.next() == Some(&true));
    }

    pub(super) fn remove_at(&mut self, place: Place) -> T {
        self.len -= 1;
        remove_at(&mut self.chunks, place)
    }

    pub(super) fn insert_at(&mut self, place: Place, value: T) {
        self.len += 1;
        insert_at(&mut self.chunks, place, value);
    }

    /// The place behind all values.
    pub(super) fn end(&self) -> Place {
        Place { chunk: self.chunks.len(), at: 0 }
    }

    fn close_gaps(&mut self) {
        self.chunks.retain(|chunk| !chunk.is_empty());
        self.len = self.chunks.iter().map(Vec::len).sum();
    }
}

impl<T: Ord> SortedSet<T> {
    /// Returns true if the value is in the set.
    #[must_use]
    pub fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.find(value).is_ok()
    }

    /// Adds a value. Returns false if it was there already; that one stays.
    pub fn insert(&mut self, value: T) -> bool {
        let place = self.find(&value);
        if let Err(place) = place {
            self.insert_at(place, value);
        }
        place.is_err()
    }

    /// Removes a value. Returns false if it was not there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        let place = self.find(value);
        if let Ok(place) = place {
            self.remove_at(place);
        }
        place.is_ok()
    }

    /// The values within these bounds, ascending. None if the bounds are the wrong way round.
    #[must_use]
    pub fn range<Q: Ord + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> Iter<'_, T>
    where
        T: Borrow<Q>,
    {
        let (front, back) = self.places(bounds.start_bound(), bounds.end_bound());
        Iter { chunks: &self.chunks, front, back }
    }

    /// Returns true if all values are in the other set.
    #[must_use]
    pub fn is_subset(&self, other: &SortedSet<T>) -> bool {
        self.iter().all(|value| other.contains(value))
    }

    /// Returns true if no value is in the other set.
    #[must_use]
    pub fn is_disjoint(&self, other: &SortedSet<T>) -> bool {
        !self.iter().any(|value| other.contains(value))
    }

    /// The values that are not in the other set, ascending.
    pub fn difference<'a>(&'a self, other: &'a SortedSet<T>) -> impl Iterator<Item = &'a T> {
        self.iter().filter(|value| !other.contains(*value))
    }

    /// Returns the place of a value, or the one where it belongs.
    pub(super) fn find<Q: Ord + ?Sized>(&self, value: &Q) -> Result<Place, Place>
    where
        T: Borrow<Q>,
    {
        let below = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last.borrow() < value));
        // A value above all others belongs at the end of the last chunk.
        let chunk = below.min(self.chunks.len().saturating_sub(1));
        let Some(values) = self.chunks.get(chunk) else { return Err(self.end()) };
        let found = values.binary_search_by(|known| known.borrow().cmp(value));
        found.map(|at| Place { chunk, at }).map_err(|at| Place { chunk, at })
    }

    /// Returns the place of the first value within the bounds, and that of the first value behind them.
    pub(super) fn places<Q: Ord + ?Sized>(&self, start: Bound<&Q>, end: Bound<&Q>) -> (Place, Place)
    where
        T: Borrow<Q>,
    {
        let front = match start {
            Bound::Unbounded => Place { chunk: 0, at: 0 },
            Bound::Included(value) => self.place_behind(value, false),
            Bound::Excluded(value) => self.place_behind(value, true),
        };
        let back = match end {
            Bound::Unbounded => self.end(),
            Bound::Included(value) => self.place_behind(value, true),
            Bound::Excluded(value) => self.place_behind(value, false),
        };
        if (front.chunk, front.at) > (back.chunk, back.at) { (back, back) } else { (front, back) }
    }

    /// Returns the place of the first value that is not below the given one, or that is above it.
    fn place_behind<Q: Ord + ?Sized>(&self, value: &Q, is_above: bool) -> Place
    where
        T: Borrow<Q>,
    {
        let place = match self.find(value) {
            Ok(place) if is_above => Place { at: place.at + 1, ..place },
            Ok(place) | Err(place) => place,
        };
        let is_inside = self.chunks.get(place.chunk).is_none_or(|chunk| place.at < chunk.len());
        if is_inside { place } else { Place { chunk: place.chunk + 1, at: 0 } }
    }
}

/// The values of a set, ascending.
pub struct Iter<'a, T> {
    chunks: &'a [Vec<T>],
    front: Place,
    back: Place,
}

impl<T> Iter<'_, T> {
    /// Takes the place of the next value.
    pub(super) fn step(&mut self) -> Option<Place> {
        let place = self.front;
        if place == self.back {
            return None;
        }
        self.front.at += 1;
        if self.front.at == self.chunks[place.chunk].len() {
            self.front = Place { chunk: place.chunk + 1, at: 0 };
        }
        Some(place)
    }

    /// Takes the place of the last value.
    pub(super) fn step_back(&mut self) -> Option<Place> {
        if self.front == self.back {
            return None;
        }
        if self.back.at == 0 {
            self.back.chunk -= 1;
            self.back.at = self.chunks[self.back.chunk].len();
        }
        self.back.at -= 1;
        Some(self.back)
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        let Place { chunk, at } = self.step()?;
        Some(&self.chunks[chunk][at])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let between = self.chunks[self.front.chunk..self.back.chunk].iter().map(Vec::len).sum::<usize>();
        let left = between + self.back.at - self.front.at;
        (left, Some(left))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let Place { chunk, at } = self.step_back()?;
        Some(&self.chunks[chunk][at])
    }
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { ..*self }
    }
}

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        SortedSet::new()
    }
}

// Two equal sets may be cut into chunks at other places.
impl<T: PartialEq> PartialEq for SortedSet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other)
    }
}

impl<T: Eq> Eq for SortedSet<T> {}

impl<T: PartialOrd> PartialOrd for SortedSet<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.iter().partial_cmp(other)
    }
}

impl<T: Ord> Ord for SortedSet<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other)
    }
}

impl<T: Hash> Hash for SortedSet<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len.hash(state);
        self.iter().for_each(|value| value.hash(state));
    }
}

impl<T: fmt::Debug> fmt::Debug for SortedSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<'a, T> IntoIterator for &'a SortedSet<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for SortedSet<T> {
    type Item = T;
    type IntoIter = Flatten<vec::IntoIter<Vec<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

impl<T: Ord> Extend<T> for SortedSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        values.into_iter().for_each(|value| {
            self.insert(value);
        });
    }
}

impl<'a, T: Ord + Copy + 'a> Extend<&'a T> for SortedSet<T> {
    fn extend<I: IntoIterator<Item = &'a T>>(&mut self, values: I) {
        self.extend(values.into_iter().copied());
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut set = SortedSet::new();
        set.extend(values);
        set
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for SortedSet<T> {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Serialize> Serialize for SortedSet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut values = serializer.serialize_seq(Some(self.len))?;
        for value in self {
            values.serialize_element(value)?;
        }
        values.end()
    }
}

impl<'de, T: Ord + Deserialize<'de>> Deserialize<'de> for SortedSet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Values(PhantomData))
    }
}

/// Reads values in any order, and takes no room for a length that is only stated.
struct Values<T>(PhantomData<T>);

impl<'de, T: Ord + Deserialize<'de>> Visitor<'de> for Values<T> {
    type Value = SortedSet<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<SortedSet<T>, A::Error> {
        let mut set = SortedSet::new();
        while let Some(value) = values.next_element()? {
            set.insert(value);
        }
        Ok(set)
    }
}
