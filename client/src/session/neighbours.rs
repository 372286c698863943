//! A session's links to the other tabs of its browser.

use shared::base::id::ReplicaId;
use shared::replica::io::{Envelope, Input, Message, Now, PeerId, PeerKind, Violation};
use shared::schema::Schema;

use super::Session;

impl Session {
    /// A link to another tab of this browser is up, which keeps this schema.
    ///
    /// # Errors
    /// [`Violation::OtherSchema`] if the two tabs cannot merge.
    pub fn neighbour_up(&mut self, now: Now, tab: ReplicaId, schema: Schema) -> Result<PeerId, Violation> {
        let ours = self.view().schema();
        // A tab that has met no relay yet assumes this schema.
        let may_follow = self.link.is_none() && self.neighbours.is_empty() && *ours == Schema::people();
        if schema != *ours && (schema.extends(ours) || schema != Schema::people() && may_follow) {
            self.adopt(now, schema)?;
        } else if schema != *ours {
            return Err(Violation::OtherSchema);
        }
        self.links += 1;
        let peer = PeerId(self.links);
        self.neighbours.push(peer);
        let _to_neighbours = self.step(now, Input::PeerUp(peer, PeerKind::Tab(tab)));
        Ok(peer)
    }

    /// The link to another tab of this browser is gone.
    pub fn neighbour_down(&mut self, now: Now, peer: PeerId) {
        if let Some(at) = self.neighbours.iter().position(|&neighbour| neighbour == peer) {
            self.neighbours.swap_remove(at);
            let _to_neighbours = self.step(now, Input::PeerDown(peer));
        }
    }

    /// Takes in what a neighbour says. Returns what to send to the relay.
    ///
    /// # Errors
    /// If the neighbour broke the protocol: the link has to be cut.
    pub fn hear(&mut self, now: Now, peer: PeerId, message: Message) -> Result<Vec<Message>, Violation> {
        if !self.neighbours.contains(&peer) {
            return Err(Violation::OtherSchema);
        }
        let step = self.step(now, Input::Receive(peer, message));
        match step.cut {
            None => Ok(step.sends),
            Some(violation) => Err(violation),
        }
    }

    /// With how many tabs of this browser this one merges directly.
    #[must_use]
    pub fn neighbour_count(&self) -> usize {
        self.neighbours.len()
    }

    /// What the steps since the last time have for the neighbours.
    #[must_use]
    pub fn take_for_neighbours(&mut self) -> Vec<Envelope> {
        std::mem::take(&mut self.for_neighbours)
    }
}
