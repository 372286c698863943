//! The way to the node, for connections and handlers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::id::{ReplicaId, VoterId};
use shared::io::{Message, PeerId};
use shared::schema::Schema;
use shared::wire::{Relays, Room};
use tokio::sync::{mpsc, oneshot, watch};

use super::directory::Others;
use super::membership::{Asked, Health, Membership, NotAsked};
use crate::outbox::Outbox;

/// What connections and handlers tell the node.
#[derive(Debug)]
pub(super) enum Event {
    TabUp { peer: PeerId, replica: ReplicaId, room: Room, outbox: Outbox },
    LinkUp { peer: PeerId, remote: Remote, outbox: Outbox },
    FromTab(PeerId, Message),
    FromLink(PeerId, Room, Message),
    LinkTells(PeerId, Relays),
    Down(PeerId),
    Health(oneshot::Sender<Health>),
    Membership(oneshot::Sender<Membership>),
    Reconfigure(BTreeSet<VoterId>, oneshot::Sender<Result<BTreeMap<Room, Asked>, NotAsked>>),
    Stop,
}

/// The relay at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    pub voter: VoterId,
    pub incarnation: ReplicaId,
    /// Which of the two has dialed.
    pub dialer: VoterId,
}

/// The node has stopped.
#[derive(Clone, Copy, Debug)]
pub struct Stopped;

/// The way to the node, for connections and handlers.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    pub(super) me: Arc<Me>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) next_peer: Arc<AtomicU64>,
    pub(super) connections: watch::Sender<usize>,
    pub(super) others: watch::Receiver<Others>,
}

/// One connection's way to the node. Until it is dropped, the process waits for the connection when it stops.
#[derive(Debug)]
pub struct Connection {
    peer: PeerId,
    node: NodeHandle,
}

/// What a relay says of itself.
#[derive(Clone, Debug)]
pub struct Me {
    pub voter: VoterId,
    /// The incarnation of its database.
    pub replica: ReplicaId,
    pub schema: Schema,
}

impl NodeHandle {
    /// A new connection, under a new id.
    pub fn connection(&self) -> Connection {
        self.connections.send_modify(|count| *count += 1);
        Connection { peer: PeerId(self.next_peer.fetch_add(1, Ordering::Relaxed)), node: self.clone() }
    }

    /// Waits until every connection has ended.
    pub async fn connections_ended(&self) {
        let mut count = self.connections.subscribe();
        // Fails only without a sender, and one is held here.
        drop(count.wait_for(|&count| count == 0).await);
    }

    /// The other relays that are known of.
    pub fn others(&self) -> watch::Receiver<Others> {
        self.others.clone()
    }

    /// Where the other relays are reached.
    pub fn addresses_of_others(&self) -> Vec<String> {
        self.others.borrow().values().map(|other| other.address.clone()).collect()
    }

    pub async fn health(&self) -> Result<Health, Stopped> {
        self.ask(Event::Health).await
    }

    pub async fn membership(&self) -> Result<Membership, Stopped> {
        self.ask(Event::Membership).await
    }

    /// Asks in every room that these relays vote, in the incarnations in which they are linked now.
    pub async fn reconfigure(
        &self,
        voters: BTreeSet<VoterId>,
    ) -> Result<Result<BTreeMap<Room, Asked>, NotAsked>, Stopped> {
        self.ask(|answer| Event::Reconfigure(voters, answer)).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Event) -> Result<T, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.tell(question(answer)).await?;
        answered.await.map_err(|_| Stopped)
    }

    /// Makes the node cut all connections, write out what is under way, and end.
    pub async fn stop(&self) {
        let _stopped_already = self.tell(Event::Stop).await;
    }

    async fn tell(&self, event: Event) -> Result<(), Stopped> {
        self.events.send(event).await.map_err(|_| Stopped)
    }
}

impl Connection {
    pub async fn tab_up(&self, replica: ReplicaId, room: Room, outbox: Outbox) -> Result<(), Stopped> {
        self.node.tell(Event::TabUp { peer: self.peer, replica, room, outbox }).await
    }

    /// Who this relay is.
    pub fn me(&self) -> &Me {
        &self.node.me
    }

    pub async fn link_up(&self, remote: Remote, outbox: Outbox) -> Result<(), Stopped> {
        self.node.tell(Event::LinkUp { peer: self.peer, remote, outbox }).await
    }

    pub async fn tab_says(&self, message: Message) -> Result<(), Stopped> {
        self.node.tell(Event::FromTab(self.peer, message)).await
    }

    pub async fn link_says(&self, room: Room, message: Message) -> Result<(), Stopped> {
        self.node.tell(Event::FromLink(self.peer, room, message)).await
    }

    pub async fn link_tells(&self, relays: Relays) -> Result<(), Stopped> {
        self.node.tell(Event::LinkTells(self.peer, relays)).await
    }

    pub async fn down(&self) {
        let _stopped = self.node.tell(Event::Down(self.peer)).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.node.connections.send_modify(|count| *count -= 1);
    }
}
