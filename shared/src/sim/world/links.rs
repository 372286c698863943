//! Links between the nodes, and the messages that go over them.

use std::rc::Rc;

use super::{Happening, RELAYS, World};
use crate::protocol::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use crate::replica::io::{Input, Message, PeerId, PeerKind};
use crate::sim::network::{NodeId, Weather};
use crate::sim::violated::Violated;

impl World {
    /// Connects a relay to all other relays, a tab to some relay and to its neighbours, as far as they run and are not
    /// connected yet.
    pub(in crate::sim) fn connect_all(&mut self, node: NodeId) -> Result<(), Violated> {
        let others: Vec<NodeId> = match self.nodes[node].voter {
            Some(_) => (0..RELAYS).filter(|&other| other != node).collect(),
            None if self.relay_of(node).is_none() => {
                let relay = self.random.below(RELAYS as u64) as usize;
                std::iter::once(relay).chain(self.neighbours_of(node)).collect()
            }
            None => self.neighbours_of(node),
        };
        for other in others {
            let both_run = self.nodes[node].replica.is_some() && self.nodes[other].replica.is_some();
            if node >= RELAYS && other < RELAYS {
                self.replace_copies(node, other)?;
            }
            // To end the other copy may have moved this one.
            let is_linked = other < RELAYS && node >= RELAYS && self.relay_of(node).is_some();
            if both_run
                && !is_linked
                && self.network.can_connect(node, other)
                && self.network.between(node, other).is_none()
            {
                let link = self.network.connect(node, other);
                self.step(node, Input::PeerUp(link, self.kind_of(other)))?;
                self.step(other, Input::PeerUp(link, self.kind_of(node)))?;
            }
        }
        Ok(())
    }

    /// The link of a tab to its relay.
    pub(in crate::sim) fn relay_of(&self, tab: NodeId) -> Option<PeerId> {
        let is_to_a_relay = |&link: &PeerId| self.network.other_end(link, tab).is_some_and(|other| other < RELAYS);
        self.network.links_of(tab).into_iter().find(is_to_a_relay)
    }

    /// The other tabs of a tab's browser.
    fn neighbours_of(&self, tab: NodeId) -> Vec<NodeId> {
        let browser = |tab: NodeId| (tab - RELAYS) / self.tabs_per_browser;
        (RELAYS..self.nodes.len()).filter(|&other| other != tab && browser(other) == browser(tab)).collect()
    }

    pub(in crate::sim) fn are_neighbours(&self, tab: NodeId, other: NodeId) -> bool {
        self.neighbours_of(tab).contains(&other)
    }

    pub(super) fn connect_everybody(&mut self) -> Result<(), Violated> {
        (0..self.nodes.len()).try_for_each(|node| self.connect_all(node))
    }

    pub(super) fn reconnect_in_calm(&mut self) -> Result<(), Violated> {
        if self.calm { self.connect_everybody() } else { Ok(()) }
    }

    pub(super) fn kind_of(&self, node: NodeId) -> PeerKind {
        match self.nodes[node].voter {
            Some(voter) => PeerKind::Relay(voter, self.nodes[node].id),
            None => PeerKind::Tab(self.nodes[node].id),
        }
    }

    pub(in crate::sim) fn cut(&mut self, link: PeerId) -> Result<(), Violated> {
        let Some((a, b)) = self.network.cut(link) else { return Ok(()) };
        self.step(a, Input::PeerDown(link))?;
        self.step(b, Input::PeerDown(link))
    }

    /// Sends a message over a link, if somebody is at the other end. `arrives` is what arrives of the message that the same
    /// step has sent before. An equal message has the same bytes, and the same arrives of it: most messages of a step go to
    /// several peers, and are encoded and decoded once.
    pub(super) fn post(&mut self, from: NodeId, link: PeerId, message: &Message, arrives: &mut Option<Rc<Message>>) {
        let Some(to) = self.network.other_end(link, from) else { return };
        if self.network.is_deaf(from, to) {
            return;
        }
        let weather = if self.calm { Weather::FAIR } else { self.faults.weather };
        for delay in weather.deliveries(&mut self.random) {
            let message = match arrives {
                Some(same) if **same == *message => Rc::clone(same),
                _ => Rc::clone(arrives.insert(Rc::new(through_the_wire(message)))),
            };
            let delay = if self.calm { self.network.in_order(link, to, self.now, delay) } else { delay };
            self.schedule(delay, Happening::Deliver { link, to, message });
        }
    }
}

/// Returns the message that arrives, which must equal the sent one. Each message has tables of its own: unlike a
/// WebSocket, the simulator loses and reorders messages.
fn through_the_wire(sent: &Message) -> Message {
    let bytes = Encoder::default().message_frame(sent);
    match Decoder::new(MAX_FRAME_BYTES).frame(&bytes) {
        Ok(Frame::Message(arrived)) if arrived == *sent => arrived,
        other => panic!("{sent:?} changed on the wire, to {other:?}"),
    }
}
