//! Links that come and go, and messages that are late, lost, repeated and out of order.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::io::PeerId;
use crate::split_mix::SplitMix64;

/// A replica of the world, by its index.
pub type NodeId = usize;

/// How badly the network behaves, in thousandths of all messages.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub loss: u64,
    pub duplication: u64,
    /// The longest delay; every message draws its own, so that they overtake one another.
    pub max_delay: Duration,
}

impl Weather {
    /// No loss, no repetition, little delay.
    pub const FAIR: Weather = Weather { loss: 0, duplication: 0, max_delay: Duration::from_millis(2) };

    /// When the copies of one message arrive, counted from now: none if it is lost.
    pub fn deliveries(&self, random: &mut SplitMix64) -> Vec<Duration> {
        if random.below(1000) < self.loss {
            return Vec::new();
        }
        let copies = if random.below(1000) < self.duplication { 2 } else { 1 };
        let longest = self.max_delay.as_micros() as u64;
        (0..copies).map(|_| Duration::from_micros(50 + random.below(longest))).collect()
    }
}

/// The links that are up. Both ends know a link under the same id, which is never used again.
#[derive(Debug, Default)]
pub struct Network {
    links: BTreeMap<PeerId, (NodeId, NodeId)>,
    last: u64,
}

impl Network {
    pub fn connect(&mut self, a: NodeId, b: NodeId) -> PeerId {
        self.last += 1;
        let link = PeerId(self.last);
        self.links.insert(link, (a, b));
        link
    }

    /// Takes a link down; gives its ends.
    pub fn cut(&mut self, link: PeerId) -> Option<(NodeId, NodeId)> {
        self.links.remove(&link)
    }

    /// The other end of a link that is up.
    #[must_use]
    pub fn other_end(&self, link: PeerId, node: NodeId) -> Option<NodeId> {
        let &(a, b) = self.links.get(&link)?;
        Some(if a == node { b } else { a })
    }

    #[must_use]
    pub fn links_of(&self, node: NodeId) -> Vec<PeerId> {
        self.links.iter().filter(|(_, ends)| ends.0 == node || ends.1 == node).map(|(&link, _)| link).collect()
    }

    #[must_use]
    pub fn between(&self, a: NodeId, b: NodeId) -> Option<PeerId> {
        self.links.iter().find(|&(_, &ends)| ends == (a, b) || ends == (b, a)).map(|(&link, _)| link)
    }
}
