//! Where the relays are.

use std::collections::{BTreeMap, BTreeSet};

use shared::base::id::RelayId;
use shared::base::sorted::SortedMap;
use tokio::sync::watch;

/// What is known of another relay, for those who dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Host and port.
    pub address: String,
    /// Whether a link to it is up.
    pub is_linked: bool,
}

/// The other relays, by id.
pub type Others = BTreeMap<RelayId, Whereabouts>;

/// All relays that one relay knows of.
#[derive(Debug)]
pub struct Directory {
    me: RelayId,
    own_address: String,
    /// As `--peers` says: that is where this relay dials, whatever a relay says of itself.
    peers: BTreeMap<RelayId, String>,
    /// As the relays say.
    told: BTreeMap<RelayId, String>,
    linked: BTreeSet<RelayId>,
    /// The same, for those who dial.
    others: watch::Sender<Others>,
}

impl Directory {
    /// `told` is what the database remembers.
    pub fn new(
        (me, own_address): (RelayId, String),
        peers: BTreeMap<RelayId, String>,
        told: BTreeMap<RelayId, String>,
    ) -> Self {
        let (linked, others) = (BTreeSet::new(), watch::Sender::default());
        let directory = Directory { me, own_address, peers, told, linked, others };
        let ids: Vec<RelayId> = directory.peers.keys().chain(directory.told.keys()).copied().collect();
        for voter in ids {
            directory.publish(voter);
        }
        directory
    }

    /// What changes, for those who dial.
    pub fn watch(&self) -> watch::Receiver<Others> {
        self.others.subscribe()
    }

    /// Where tabs and relays reach each relay, this one among them.
    pub fn addresses(&self) -> SortedMap<RelayId, String> {
        let mut addresses: SortedMap<_, _> = self.peers.clone().into_iter().chain(self.told.clone()).collect();
        addresses.insert(self.me, self.own_address.clone());
        addresses
    }

    /// Where this relay, and those to whom it has a link, are reached: what to tell other relays.
    pub fn linked_addresses(&self) -> SortedMap<RelayId, String> {
        let is_there = |voter: &RelayId| *voter == self.me || self.linked.contains(voter);
        self.addresses().into_iter().filter(|(voter, _)| is_there(voter)).collect()
    }

    /// The relay `from` has told where `voter` is reached. Gives what is to be remembered. What a relay says of itself
    /// counts; what it says of another one only as long as that is not known.
    pub fn heard(&mut self, from: RelayId, voter: RelayId, address: String) -> Option<(RelayId, String)> {
        let is_known = self.peers.contains_key(&voter) || self.told.contains_key(&voter);
        if voter == self.me || (from != voter && is_known) || self.told.get(&voter) == Some(&address) {
            return None;
        }
        self.told.insert(voter, address.clone());
        self.publish(voter);
        Some((voter, address))
    }

    pub fn link_up(&mut self, voter: RelayId) {
        self.linked.insert(voter);
        self.publish(voter);
    }

    pub fn link_down(&mut self, voter: RelayId) {
        self.linked.remove(&voter);
        self.publish(voter);
    }

    fn publish(&self, voter: RelayId) {
        // One that has dialed, and has not told yet where it is, cannot be dialed.
        let Some(address) = self.peers.get(&voter).or_else(|| self.told.get(&voter)).cloned() else { return };
        let is_linked = self.linked.contains(&voter);
        self.others.send_modify(|others| drop(others.insert(voter, Whereabouts { address, is_linked })));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        let peers = BTreeMap::from([(RelayId(2), "given:2".to_owned())]);
        Directory::new((RelayId(1), "own:1".to_owned()), peers, BTreeMap::new())
    }

    #[test]
    fn what_a_relay_says_of_itself_counts_and_unattested_fills_gaps_only() {
        let mut directory = directory();
        let third = (RelayId(3), "unattested:3".to_owned());
        assert_eq!(directory.heard(RelayId(2), third.0, third.1.clone()), Some(third.clone()));
        assert_eq!(directory.heard(RelayId(4), third.0, "late:3".to_owned()), None);
        let own_word = (third.0, "own:3".to_owned());
        assert_eq!(directory.heard(third.0, third.0, own_word.1.clone()), Some(own_word));
        assert_eq!(directory.addresses()[&third.0], "own:3");
        assert_eq!(directory.heard(RelayId(2), RelayId(1), "wrong:1".to_owned()), None);
    }

    #[test]
    fn it_is_dialed_where_peers_says_and_only_those_linked_are_told_of() {
        let mut directory = directory();
        directory.heard(RelayId(2), RelayId(2), "own:2".to_owned());
        directory.heard(RelayId(2), RelayId(3), "unattested:3".to_owned());
        assert_eq!(directory.watch().borrow()[&RelayId(2)].address, "given:2");
        assert_eq!(directory.linked_addresses(), SortedMap::from([(RelayId(1), "own:1".to_owned())]));
        directory.link_up(RelayId(2));
        assert_eq!(directory.linked_addresses()[&RelayId(2)], "own:2");
    }
}
