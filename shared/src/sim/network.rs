//! Links that come and go, and messages that are late, lost, repeated and out of order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::split_mix::SplitMix64;
use crate::replica::io::PeerId;

/// A replica of the world, by its index.
pub type NodeId = usize;

/// How badly the network behaves, in thousandths of all messages.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// How many of 1000 messages are lost.
    pub loss: u64,
    /// How many of 1000 messages that are not lost arrive twice.
    pub duplication: u64,
    /// The longest delay; every message draws its own, so that they overtake one another.
    pub max_delay: Duration,
}

impl Weather {
    /// No loss, no repetition, little delay: as a WebSocket is.
    pub const FAIR: Weather = Weather { loss: 0, duplication: 0, max_delay: Duration::from_millis(2) };

    /// When the copies of one message arrive, counted from now: none if it is lost.
    pub fn deliveries(&self, random: &mut SplitMix64) -> impl Iterator<Item = Duration> + use<> {
        let copies = if random.below(1000) < self.loss {
            0
        } else if random.below(1000) < self.duplication {
            2
        } else {
            1
        };
        let longest = self.max_delay.as_micros() as u64;
        let delays = [0, 1].map(|_| Duration::from_micros(50 + random.below(longest)));
        delays.into_iter().take(copies)
    }
}

/// The links that are up. Both ends know a link under the same id, which is never used again.
#[derive(Debug, Default)]
pub struct Network {
    links: BTreeMap<PeerId, (NodeId, NodeId)>,
    /// The links whose other end is no node of the world.
    to_nobody: BTreeSet<PeerId>,
    last: u64,
    /// Over a link that keeps order: when the last message for one of its ends arrives.
    arrives: BTreeMap<(PeerId, NodeId), Duration>,
    /// Between these nodes no link can come up.
    walls: BTreeSet<(NodeId, NodeId)>,
    /// From the one to the other of these nodes nothing comes through.
    deaf: BTreeSet<(NodeId, NodeId)>,
}

impl Network {
    /// Brings a link between two nodes up, and returns its id.
    pub fn connect(&mut self, a: NodeId, b: NodeId) -> PeerId {
        self.last += 1;
        let link = PeerId(self.last);
        self.links.insert(link, (a, b));
        link
    }

    /// The id of a link whose other end is no node of the world: what is sent over it arrives nowhere.
    pub fn link_to_nobody(&mut self) -> PeerId {
        self.last += 1;
        let link = PeerId(self.last);
        self.to_nobody.insert(link);
        link
    }

    /// Takes a link down; gives its ends.
    pub fn cut(&mut self, link: PeerId) -> Option<(NodeId, NodeId)> {
        let (a, b) = self.links.remove(&link)?;
        self.arrives.retain(|&(other, _), _| other != link);
        self.deaf.remove(&(a, b));
        self.deaf.remove(&(b, a));
        Some((a, b))
    }

    /// The delay of a message that is sent at `now` and arrives after all that were sent to this end before.
    pub fn in_order(&mut self, link: PeerId, to: NodeId, now: Duration, delay: Duration) -> Duration {
        let arrives = self.arrives.entry((link, to)).or_default();
        *arrives = (*arrives).max(now + delay);
        *arrives - now
    }

    /// Returns true if the link was up and is down now.
    #[must_use]
    pub fn is_cut(&self, link: PeerId) -> bool {
        link.0 <= self.last && !self.links.contains_key(&link) && !self.to_nobody.contains(&link)
    }

    /// The other end of a link that is up.
    #[must_use]
    pub fn other_end(&self, link: PeerId, node: NodeId) -> Option<NodeId> {
        let &(a, b) = self.links.get(&link)?;
        Some(if a == node { b } else { a })
    }

    /// Returns the links of a node that are up.
    #[must_use]
    pub fn links_of(&self, node: NodeId) -> Vec<PeerId> {
        self.links.iter().filter(|(_, ends)| ends.0 == node || ends.1 == node).map(|(&link, _)| link).collect()
    }

    /// Returns a link between two nodes that is up, if there is one.
    #[must_use]
    pub fn between(&self, a: NodeId, b: NodeId) -> Option<PeerId> {
        self.links.iter().find(|&(_, &ends)| ends == (a, b) || ends == (b, a)).map(|(&link, _)| link)
    }

    /// Keeps links between two nodes from coming up.
    pub fn wall_off(&mut self, a: NodeId, b: NodeId) {
        self.walls.insert((a.min(b), a.max(b)));
    }

    /// Lets links between all nodes come up again.
    pub fn tear_down_walls(&mut self) {
        self.walls.clear();
    }

    /// Returns true if a link between two nodes may come up.
    #[must_use]
    pub fn can_connect(&self, a: NodeId, b: NodeId) -> bool {
        a != b && !self.walls.contains(&(a.min(b), a.max(b)))
    }

    /// From now on every message from the one node to the other is lost, until their link is cut.
    pub fn deafen(&mut self, from: NodeId, to: NodeId) {
        self.deaf.insert((from, to));
    }

    /// Returns true if messages from the one node to the other are lost.
    #[must_use]
    pub fn is_deaf(&self, from: NodeId, to: NodeId) -> bool {
        self.deaf.contains(&(from, to))
    }
}
