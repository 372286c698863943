//! Maps in order.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::{Flatten, Zip};
use std::marker::PhantomData;
use std::ops::{Index, RangeBounds};
use std::vec;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Place, SortedSet, insert_at, remove_at, set};

/// A map, in the order of its keys.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    pub(super) keys: SortedSet<K>,
    /// In the same chunks as the keys.
    pub(super) values: Vec<Vec<V>>,
}

impl<K, V> SortedMap<K, V> {
    /// Returns an empty map.
    #[must_use]
    pub const fn new() -> Self {
        SortedMap { keys: SortedSet::new(), values: Vec::new() }
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns true if no key is in the map.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = SortedMap::new();
    }

    /// Each key with its value, ascending.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { keys: self.keys.iter(), all_keys: self.keys.chunks(), values: &self.values }
    }

    /// Each key with its value, ascending.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.keys.iter().zip(self.values.iter_mut().flatten())
    }

    /// The keys, ascending.
    #[must_use]
    pub fn keys(&self) -> set::Iter<'_, K> {
        self.keys.iter()
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.values.iter().flatten()
    }

    /// The values, in the order of their keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut().flatten()
    }

    /// The keys, ascending.
    pub fn into_keys(self) -> impl Iterator<Item = K> {
        self.keys.into_iter()
    }

    /// The values, in the order of their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.values.into_iter().flatten()
    }

    /// The lowest key with its value.
    #[must_use]
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The highest key with its value.
    #[must_use]
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// Removes the lowest key and returns it with its value.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.keys.pop_first()?;
        Some((key, remove_at(&mut self.values, Place { chunk: 0, at: 0 })))
    }

    /// Keeps those keys alone for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let kept: Vec<bool> = self.iter_mut().map(|(key, value)| keep(key, value)).collect();
        if kept.contains(&false) {
            self.keys.retain_marked(&kept);
            let mut marks = kept.iter();
            self.values.iter_mut().for_each(|chunk| chunk.retain(|_| marks.next() == Some(&true)));
            self.values.retain(|chunk| !chunk.is_empty());
        }
    }

    fn insert_at(&mut self, place: Place, key: K, value: V) -> Place {
        self.keys.insert_at(place, key);
        insert_at(&mut self.values, place, value)
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Returns true if the key is in the map.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.keys.contains(key)
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let Place { chunk, at } = self.keys.find(key).ok()?;
        Some(&self.values[chunk][at])
    }

    /// The value of a key.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let Place { chunk, at } = self.keys.find(key).ok()?;
        Some(&mut self.values[chunk][at])
    }

    /// Gives a key a value. Returns the value that it had before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.keys.find(&key) {
            Ok(Place { chunk, at }) => Some(std::mem::replace(&mut self.values[chunk][at], value)),
            Err(place) => {
                self.insert_at(place, key, value);
                None
            }
        }
    }

    /// Removes a key. Returns the value that it had.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.keys.find(key).ok()?;
        self.keys.remove_at(place);
        Some(remove_at(&mut self.values, place))
    }

    /// The place of a key, whether it is in the map or not.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { place: self.keys.find(&key), map: self, key }
    }

    /// The keys within these bounds with their values, ascending. None if the bounds are the wrong way round.
    #[must_use]
    pub fn range<Q: Ord + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        Iter { keys: self.keys.range(bounds), all_keys: self.keys.chunks(), values: &self.values }
    }
}

/// The place of one key in a map.
pub struct Entry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    key: K,
    place: Result<Place, Place>,
}

impl<'a, K, V> Entry<'a, K, V> {
    /// The value of the key, which is the given one if the key had none.
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
        let Entry { map, key, place } = self;
        let Place { chunk, at } = match place {
            Ok(place) => place,
            Err(place) => map.insert_at(place, key, value()),
        };
        &mut map.values[chunk][at]
    }

    /// The value of the key, which is the given one if the key had none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value of the key, which is the default if the key had none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Keys with their values, ascending.
pub struct Iter<'a, K, V> {
    keys: set::Iter<'a, K>,
    all_keys: &'a [Vec<K>],
    values: &'a [Vec<V>],
}

impl<'a, K, V> Iter<'a, K, V> {
    fn at(&self, Place { chunk, at }: Place) -> (&'a K, &'a V) {
        (&self.all_keys[chunk][at], &self.values[chunk][at])
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.keys.step()?;
        Some(self.at(place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.keys.size_hint()
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let place = self.keys.step_back()?;
        Some(self.at(place))
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter { keys: self.keys.clone(), ..*self }
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap::new()
    }
}

// Two equal maps may be cut into chunks at other places.
impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys && self.values().eq(other.values())
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

impl<K: Hash, V: Hash> Hash for SortedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len().hash(state);
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is in the map")
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = Zip<Flatten<vec::IntoIter<Vec<K>>>, Flatten<vec::IntoIter<Vec<V>>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter().zip(self.values.into_iter().flatten())
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| {
            self.insert(key, value);
        });
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SortedMap::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut entries = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            entries.serialize_entry(key, value)?;
        }
        entries.end()
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads keys in any order, and takes no room for a length that is only stated.
struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
    type Value = SortedMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<SortedMap<K, V>, A::Error> {
        let mut map = SortedMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            map.insert(key, value);
        }
        Ok(map)
    }
}
