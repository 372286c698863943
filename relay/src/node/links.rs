//! The links to the other relays: both sides tell what they know of the relays before the rooms know of the link.

use shared::base::id::RelayId;
use shared::base::room::Room;
use shared::consensus::Founding;
use shared::protocol::{Frame, Relays};
use shared::replica::io::{Input, Message, PeerId, PeerKind, Violation};
use tracing::{info, warn};

use super::founding::Differs;
use super::{Belonging, Node, Peer, Remote};
use crate::outbox::{Outbox, Overflow};

#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) remote: Remote,
    /// Whether the other side has told what it knows of the relays.
    has_told: bool,
    /// Whether it was told.
    was_told: bool,
}

impl Link {
    /// Whether the rooms know of it.
    pub(super) fn is_open(self) -> bool {
        self.has_told && self.was_told
    }
}

impl Node {
    pub(super) fn link_up(&mut self, peer: PeerId, remote: Remote, outbox: Outbox) {
        let place = Belonging::Link(Link { remote, has_told: false, was_told: false });
        // Where both have dialed, both must keep the same link of the two: that which the lower id has dialed.
        let is_second = remote.dialer > remote.voter.min(self.me.voter);
        if is_second && self.peers.values().any(|peer| peer.place.is_same(&place)) {
            return outbox.cut(Violation::Replaced);
        }
        self.replace(&place);
        self.peers.insert(peer, Peer::new(place, outbox));
        self.directory.link_up(remote.voter);
        self.tell_relays(&[peer]);
    }

    /// A relay tells what it knows of the relays.
    pub(super) fn link_tells(&mut self, peer: PeerId, Relays { founding, addresses }: Relays) {
        let Some(link) = self.peers.get(&peer).and_then(|peer| peer.place.link()) else { return };
        let (voter, incarnation) = (link.remote.voter, link.remote.incarnation);
        let theirs = founding.as_ref().and_then(|founding| founding.restored);
        let ours = self.founding.known().and_then(|founding| founding.restored);
        match self.founding.heard((voter, incarnation), founding) {
            Ok(None) => {}
            Ok(Some(founding)) => self.found(&founding),
            Err(Differs) if theirs > ours => {
                warn!("the link to {voter} is refused: {}", Violation::LeftOut);
                return self.cut(peer, Violation::Diverged);
            }
            Err(Differs) if theirs < ours => {
                warn!("{voter} was not restored from the backup as this relay was: the link is refused");
                return self.cut(peer, Violation::LeftOut);
            }
            Err(Differs) => {
                warn!(
                    "{voter} was founded with other relays: the link is refused; check --peers of both, and --data-dir"
                );
                return self.cut(peer, Violation::Diverged);
            }
        }
        for (other, address) in addresses {
            if let Some((other, address)) = self.directory.heard(voter, other, address) {
                self.writer.meet(other, address);
            }
        }
        if let Some(Peer { place: Belonging::Link(link), .. }) = self.peers.get_mut(&peer)
            && !std::mem::replace(&mut link.has_told, true)
            && link.was_told
        {
            self.open_link(peer);
        }
    }

    /// Both sides have told what they know of the relays: from now on the rooms know of the link.
    fn open_link(&mut self, peer: PeerId) {
        let Some(Link { remote, .. }) = self.peers.get(&peer).and_then(|peer| peer.place.link()) else { return };
        self.changed = true;
        self.tell_relays(&self.links());
        for room in self.rooms.closed.keys().cloned().collect::<Vec<_>>() {
            self.tell_link(peer, &Frame::Closed(room));
        }
        for room in self.rooms.names() {
            if self.peers.get(&peer).is_some_and(|peer| !peer.closed.contains(&room)) {
                self.handle(&room, Input::PeerUp(peer, PeerKind::Relay(remote.voter, remote.incarnation)));
            }
        }
    }

    /// The relay at the other end has opened a room, after it was dropped there or has failed. What this relay knew of the
    /// link in this room is over, so the link goes down and up again to the room.
    pub(super) fn link_opened(&mut self, peer: PeerId, room: &Room) {
        let Some(Peer { place: Belonging::Link(link), closed, .. }) = self.peers.get_mut(&peer) else { return };
        closed.remove(room);
        let link = *link;
        if !link.is_open() {
            return;
        }
        if self.rooms.open.contains_key(room) {
            let Remote { voter, incarnation, .. } = link.remote;
            self.handle(room, Input::PeerDown(peer));
            self.handle(room, Input::PeerUp(peer, PeerKind::Relay(voter, incarnation)));
        } else {
            let _opened = self.enter_by_link(room, Some(peer));
        }
    }

    /// The relay at the other end does not serve a room for now.
    pub(super) fn link_closed(&mut self, peer: PeerId, room: Room) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.closed.insert(room.clone());
        }
        self.handle(&room, Input::PeerDown(peer));
    }

    /// The links over which the relays at the other end serve a room.
    pub(super) fn links_to(&self, room: &Room) -> Vec<(PeerId, Remote)> {
        let serving = self.peers.iter().filter(|(_, peer)| !peer.closed.contains(room));
        let links = serving.filter_map(|(&id, peer)| Some((id, peer.place.link()?)));
        links.filter(|(_, link)| link.is_open()).map(|(id, link)| (id, link.remote)).collect()
    }

    /// Tells one relay something that is about no record.
    pub(super) fn tell_link(&mut self, peer: PeerId, frame: &Frame) {
        let Some(Peer { place: Belonging::Link(_), outbox, .. }) = self.peers.get_mut(&peer) else { return };
        if let Err(Overflow) = outbox.push(frame) {
            self.cut(peer, Violation::SlowPeer);
        }
    }

    /// This relay knows of a founding from now on. The writer keeps order: whatever a log that has begun writes becomes
    /// durable no earlier than the founding, and no vote leaves before what it says is durable.
    pub(super) fn found(&mut self, founding: &Founding) {
        let voters: Vec<_> = founding.configuration.voters.keys().map(RelayId::to_string).collect();
        info!("the relays have found one another; the voters to begin with: {}", voters.join(", "));
        self.writer.found(founding.clone());
        self.changed = true;
        for room in self.rooms.names() {
            self.handle(&room, Input::Found(founding.clone()));
        }
    }

    /// Tells some of those linked what this relay knows of the relays.
    pub(super) fn tell_relays(&mut self, peers: &[PeerId]) {
        let Some(founding) = self.founding.to_tell().map(Option::<&_>::cloned) else { return };
        let frame = Frame::Relays(Relays { founding, addresses: self.directory.linked_addresses() });
        for &id in peers {
            let Some(Peer { place: Belonging::Link(link), outbox, .. }) = self.peers.get_mut(&id) else { continue };
            if let Err(Overflow) = outbox.push(&frame) {
                self.cut(id, Violation::SlowPeer);
            } else if !std::mem::replace(&mut link.was_told, true) && link.has_told {
                self.open_link(id);
            }
        }
    }

    pub(super) fn links(&self) -> Vec<PeerId> {
        self.peers.iter().filter(|(_, peer)| peer.place.link().is_some()).map(|(&id, _)| id).collect()
    }

    pub(super) fn link_says(&mut self, peer: PeerId, room: Room, message: Message) {
        if !self.peers.contains_key(&peer) {
            return; // Cut already; this was still on its way.
        }
        // What somebody passes on while it is storing the founding itself. A log that began here before this relay
        // knows of the founding would leave it unable to tell a wiped founder. It comes again with the next decision.
        if self.founding.known().is_none() && is_of_the_log(&message) {
            return;
        }
        if is_of_passing_interest(&message) && !self.rooms.open.contains_key(&room) {
            return;
        }
        if !self.enter_by_link(&room, None) {
            return;
        }
        self.handle(&room, Input::Receive(peer, message));
    }
}

/// Whether a message tells of nothing that a room would have to be opened for. A relay that has visitors in a room, or
/// something in it, says more than this.
fn is_of_passing_interest(message: &Message) -> bool {
    matches!(
        message,
        Message::Presence(_)
            | Message::PresenceNews(_)
            | Message::Load(_)
            | Message::Released { .. }
            | Message::Watch { .. }
            | Message::Observed(_)
            | Message::Stored { .. }
            | Message::Held { .. }
    )
}

/// Whether a message is about what is or is to be decided.
fn is_of_the_log(message: &Message) -> bool {
    matches!(message, Message::Paxos(_) | Message::Suffix(_) | Message::SnapshotPart { .. })
}
