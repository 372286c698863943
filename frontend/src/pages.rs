//! The views, each of them a page of the rail.

pub mod conflicts;
pub mod dynamic;
pub mod people;

/// The field for searching, on every page that has one.
pub const SEARCH_ID: &str = "search";

/// A page, by the hash of its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    People,
    Dynamic,
    Conflicts,
}

impl Page {
    /// The first for any hash that names no page.
    #[must_use]
    pub fn of_hash(hash: &str) -> Self {
        [Page::Dynamic, Page::Conflicts].into_iter().find(|page| page.hash() == hash).unwrap_or_default()
    }

    /// Where a reader of the page begins.
    #[must_use]
    pub fn heading_id(self) -> &'static str {
        match self {
            Page::People => "people-heading",
            Page::Dynamic => "dynamic-heading",
            Page::Conflicts => "conflicts-heading",
        }
    }

    #[must_use]
    pub fn hash(self) -> &'static str {
        match self {
            Page::People => "#people",
            Page::Dynamic => "#dynamic",
            Page::Conflicts => "#conflicts",
        }
    }
}
