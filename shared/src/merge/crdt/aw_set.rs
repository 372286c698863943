//! Add-wins set without tombstones (the optimised OR-set of Bieniusa et al., "An optimized conflict-free replicated set",
//! 2012).

use litemap::LiteMap;

use super::DotStore;
use crate::base::dot::Dot;
use crate::base::version_vector::VersionVector;

/// A set of texts in which adding wins over a concurrent removal.
///
/// Delivery: any. A removal removes the additions that its author had seen, and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwSet {
    /// The additions of each element. Invariant: none without an addition; additions ascend, each once.
    pub(crate) elements: LiteMap<String, Vec<Dot>>,
}

impl AwSet {
    /// Adds an element, superseding its earlier additions.
    pub fn insert(&mut self, dot: Dot, element: String) {
        self.elements.insert(element, vec![dot]);
    }

    /// Removes an element, if it is there.
    pub fn remove(&mut self, element: &str) {
        self.elements.remove(element);
    }

    /// Returns true if the set has the element.
    #[must_use]
    pub fn contains(&self, element: &str) -> bool {
        self.elements.contains_key(element)
    }

    /// The additions of an element that nobody has removed.
    #[must_use]
    pub fn additions(&self, element: &str) -> &[Dot] {
        self.elements.get(element).map_or(&[], Vec::as_slice)
    }

    /// The elements, in the order of their letters.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.elements.keys().map(String::as_str)
    }
}

impl DotStore for AwSet {
    fn join(&mut self, past: &VersionVector, other: &Self, other_past: &VersionVector) {
        for (element, dots) in &mut self.elements {
            let theirs = other.additions(element);
            dots.retain(|dot| theirs.contains(dot) || !other_past.contains(*dot));
        }
        self.elements.retain(|_, dots| !dots.is_empty());
        for (element, dots) in &other.elements {
            let mut news = dots.iter().copied().filter(|&dot| !past.contains(dot)).peekable();
            if news.peek().is_some() {
                let own = self.elements.entry(element.clone()).or_default();
                own.extend(news);
                own.sort_unstable();
                own.dedup();
            }
        }
    }

    fn retain(&mut self, keeps: &mut dyn FnMut(Dot) -> bool) {
        for (_, dots) in &mut self.elements {
            dots.retain(|&dot| keeps(dot));
        }
        self.elements.retain(|_, dots| !dots.is_empty());
    }
}
