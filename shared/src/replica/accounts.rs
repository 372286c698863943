//! How things stand, as the other ends of the links have told it.

use crate::base::sorted::SortedMap;
use crate::replica::io::PeerId;
use crate::replica::presence::{PresenceNews, RelayPresence, Status, StatusNews};

/// Something that is told whole once, and then by its changes.
pub(super) trait Account {
    type News;

    fn take_in(&mut self, news: &Self::News);
}

impl Account for RelayPresence {
    type News = PresenceNews;

    fn take_in(&mut self, news: &PresenceNews) {
        self.apply(news);
    }
}

impl Account for Status {
    type News = StatusNews;

    fn take_in(&mut self, news: &StatusNews) {
        self.apply(news);
    }
}

/// One account for each link. Over a new link everything is told from the start, and the changes of one link say nothing
/// about the account of another: two links to one relay may be at different points of it.
#[derive(Debug)]
pub(super) struct Accounts<A: Account> {
    told: SortedMap<PeerId, A>,
    /// Changes that have overtaken what they change. Invariant: of links that have told nothing else yet.
    early: SortedMap<PeerId, Vec<A::News>>,
}

impl<A: Account> Default for Accounts<A> {
    fn default() -> Self {
        Accounts { told: SortedMap::new(), early: SortedMap::new() }
    }
}

impl<A: Account> Accounts<A> {
    /// The account of a link begins.
    pub(super) fn begin(&mut self, link: PeerId, mut account: A) {
        self.early.remove(&link).iter().flatten().for_each(|news| account.take_in(news));
        self.told.insert(link, account);
    }

    /// The account of a link goes on.
    pub(super) fn go_on(&mut self, link: PeerId, news: A::News) {
        match self.told.get_mut(&link) {
            Some(account) => account.take_in(&news),
            None => self.early.entry(link).or_default().push(news),
        }
    }

    /// The link is down. Gives its account.
    pub(super) fn end(&mut self, link: PeerId) -> Option<A> {
        self.early.remove(&link);
        self.told.remove(&link)
    }

    /// The accounts with their links, the newest link last.
    pub(super) fn oldest_first(&self) -> impl DoubleEndedIterator<Item = (PeerId, &A)> {
        self.told.iter().map(|(&link, account)| (link, account))
    }
}
