//! Add-wins set without tombstones (the optimised OR-set of Bieniusa et al., 2012).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Lattice;
use crate::dot::{Dot, DotSet};

/// A set of texts in which adding wins over a concurrent removal.
///
/// Delivery: any. A removal removes the additions that its author had seen, and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwSet {
    /// Invariant: no element without a dot; every dot is in `seen`.
    elements: BTreeMap<String, BTreeSet<Dot>>,
    /// The additions that this state has seen, kept or removed.
    seen: DotSet,
}

impl AwSet {
    /// Adds an element. `context` is all that the author has seen before.
    pub fn insert(&mut self, dot: Dot, element: String, context: &DotSet) {
        self.observe(context);
        self.seen.insert(dot);
        self.elements.insert(element, BTreeSet::from([dot]));
    }

    /// Removes an element, if it is there. `context` is all that the author has seen before.
    pub fn remove(&mut self, element: &str, context: &DotSet) {
        self.observe(context);
        self.elements.remove(element);
    }

    /// The elements, in the order of their letters.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.elements.keys().map(String::as_str)
    }

    /// Whether the invariant of the set holds, which bytes from outside may break.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.elements.values().all(|dots| !dots.is_empty() && dots.iter().all(|&dot| self.seen.contains(dot)))
    }

    /// Covers all that is known of the authors of the elements: it keeps `seen` in one piece for each of them.
    fn observe(&mut self, context: &DotSet) {
        let authors: BTreeSet<_> = self.elements.values().flatten().map(|dot| dot.replica).collect();
        for author in authors {
            self.seen.cover(author, context.prefix(author));
        }
    }
}

impl Lattice for AwSet {
    fn join(&mut self, other: &Self) {
        for (element, dots) in &mut self.elements {
            let theirs = other.elements.get(element);
            dots.retain(|&dot| !other.seen.contains(dot) || theirs.is_some_and(|theirs| theirs.contains(&dot)));
        }
        for (element, dots) in &other.elements {
            let unseen: BTreeSet<_> = dots.iter().copied().filter(|&dot| !self.seen.contains(dot)).collect();
            if !unseen.is_empty() {
                self.elements.entry(element.clone()).or_default().extend(unseen);
            }
        }
        self.elements.retain(|_, dots| !dots.is_empty());
        self.seen.join(&other.seen);
    }
}
