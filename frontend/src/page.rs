//! The pages by name: where the rail, the tour and the address of the tab lead.

/// A page, by the hash of its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    People,
    Nodes,
    Agreement,
    Merges,
    Dynamic,
    Conflicts,
    Lab,
}

impl Page {
    /// In the order of the rail.
    pub const ALL: [Page; 7] =
        [Page::People, Page::Nodes, Page::Agreement, Page::Merges, Page::Dynamic, Page::Conflicts, Page::Lab];

    /// The first for any hash that names no page.
    #[must_use]
    pub fn of_hash(hash: &str) -> Self {
        Page::ALL.into_iter().find(|page| page.hash() == hash).unwrap_or_default()
    }

    /// Where a reader of the page begins.
    #[must_use]
    pub fn heading_id(self) -> &'static str {
        match self {
            Page::People => "people-heading",
            Page::Nodes => "nodes-heading",
            Page::Agreement => "agreement-heading",
            Page::Merges => "merges-heading",
            Page::Dynamic => "dynamic-heading",
            Page::Conflicts => "conflicts-heading",
            Page::Lab => "lab-heading",
        }
    }

    #[must_use]
    pub fn hash(self) -> &'static str {
        match self {
            Page::People => "#people",
            Page::Nodes => "#nodes",
            Page::Agreement => "#agreement",
            Page::Merges => "#merges",
            Page::Dynamic => "#dynamic",
            Page::Conflicts => "#conflicts",
            Page::Lab => "#lab",
        }
    }
}
