//! The one task that owns the replicas of all rooms. It waits for nothing but its inbox, its timers and the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use shared::id::{ReplicaId, VoterId};
use shared::io::{Input, Message, Now, Output, PeerId, PeerKind, Recovered, Violation, WriteBatch};
use shared::paxos::Ballot;
use shared::replica::{Config, Replica, Role};
use shared::schema::Schema;
use shared::wire::{Frame, Room};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, trace, warn};

use crate::outbox::{Outbox, Overflow};
use crate::store::{Persisted, StoreError, Writer};

/// How many rooms a relay serves at the most.
const MAX_ROOMS: usize = 64;
/// How many events may wait for the node; beyond that the connections stop reading.
const INBOX: usize = 1024;
/// How many events are taken at once, before what they write goes to the disk together.
const BATCH: usize = 256;
/// How many batches of writes may be under way to the disk; beyond that no more events are taken.
const MAX_UNWRITTEN: usize = 1024;

/// What connections and handlers tell the node.
#[derive(Debug)]
enum Event {
    TabUp { peer: PeerId, replica: ReplicaId, room: Room, outbox: Outbox },
    LinkUp { peer: PeerId, voter: VoterId, incarnation: ReplicaId, outbox: Outbox },
    FromTab(PeerId, Message),
    FromLink(PeerId, Room, Message),
    Down(PeerId),
    Health(oneshot::Sender<Health>),
    Stop,
}

/// How a relay is, for those who watch over it.
#[derive(Debug, Serialize)]
pub struct Health {
    status: &'static str,
    id: u16,
    address: String,
    rooms: usize,
    peers_up: BTreeSet<u16>,
}

/// The node has stopped.
#[derive(Clone, Copy, Debug)]
pub struct Stopped;

/// The way to the node, for connections and handlers.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    me: Arc<Me>,
    events: mpsc::Sender<Event>,
    next_peer: Arc<AtomicU64>,
    connections: watch::Sender<usize>,
}

/// One connection's way to the node. Until it is dropped, the process waits for the connection when it stops.
#[derive(Debug)]
pub struct Connection {
    peer: PeerId,
    node: NodeHandle,
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

    pub async fn health(&self) -> Result<Health, Stopped> {
        let (answer, health) = oneshot::channel();
        self.tell(Event::Health(answer)).await?;
        health.await.map_err(|_| Stopped)
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

    pub async fn link_up(&self, voter: VoterId, incarnation: ReplicaId, outbox: Outbox) -> Result<(), Stopped> {
        self.node.tell(Event::LinkUp { peer: self.peer, voter, incarnation, outbox }).await
    }

    pub async fn tab_says(&self, message: Message) -> Result<(), Stopped> {
        self.node.tell(Event::FromTab(self.peer, message)).await
    }

    pub async fn link_says(&self, room: Room, message: Message) -> Result<(), Stopped> {
        self.node.tell(Event::FromLink(self.peer, room, message)).await
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

/// What a relay says of itself.
#[derive(Clone, Debug)]
pub struct Me {
    pub voter: VoterId,
    /// The incarnation of its database.
    pub replica: ReplicaId,
    pub schema: Schema,
}

/// Who a relay is, in every room.
#[derive(Clone, Debug)]
pub struct Identity {
    pub me: Me,
    /// The addresses of all voters, this one among them.
    pub addresses: BTreeMap<VoterId, String>,
    /// The incarnations of the other voters that have been met so far.
    pub met: BTreeMap<VoterId, ReplicaId>,
}

/// The node. [`run`](Self::run) is its task.
#[derive(Debug)]
pub struct Node {
    identity: Identity,
    inbox: mpsc::Receiver<Event>,
    rooms: BTreeMap<Room, OpenRoom>,
    peers: BTreeMap<PeerId, Peer>,
    writer: Writer,
    /// What the events at hand write; goes to the writer when they are done.
    writes: Vec<(Room, WriteBatch)>,
    /// How many batches the writer has not reported yet.
    unwritten: usize,
    started: Instant,
}

#[derive(Debug)]
struct OpenRoom {
    replica: Replica,
    /// The leader last written to the log.
    leader: Option<Ballot>,
}

#[derive(Debug)]
struct Peer {
    place: Place,
    outbox: Outbox,
}

/// Where a peer belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tab(ReplicaId, Room),
    /// A link serves all rooms.
    Link(VoterId),
}

impl Node {
    /// A node with the rooms that its database holds.
    pub fn new(identity: Identity, recovered: BTreeMap<Room, Recovered>, writer: Writer) -> (Self, NodeHandle) {
        let (events, inbox) = mpsc::channel(INBOX);
        let mut node = Node {
            identity,
            inbox,
            rooms: BTreeMap::new(),
            peers: BTreeMap::new(),
            writer,
            writes: Vec::new(),
            unwritten: 0,
            started: Instant::now(),
        };
        for (room, recovered) in recovered {
            node.open(room, recovered);
        }
        let me = Arc::new(node.identity.me.clone());
        let handle = NodeHandle { me, events, next_peer: Arc::default(), connections: watch::Sender::new(0) };
        (node, handle)
    }

    /// Runs until [`NodeHandle::stop`], or until the disk fails.
    ///
    /// # Errors
    /// [`StoreError`] if something could not be made durable. What depends on it has not left the replica.
    pub async fn run(
        mut self,
        mut reports: mpsc::UnboundedReceiver<Result<Persisted, StoreError>>,
    ) -> Result<(), StoreError> {
        let mut events = Vec::with_capacity(BATCH);
        loop {
            let deadline = self.deadline();
            tokio::select! {
                biased;
                report = reports.recv() => self.persisted(report.ok_or(StoreError::WriterGone)??),
                () = sleep_until(deadline.unwrap_or(self.started)), if deadline.is_some() => {}
                _ = self.inbox.recv_many(&mut events, BATCH), if self.unwritten < MAX_UNWRITTEN => {
                    for event in events.drain(..) {
                        if matches!(event, Event::Stop) {
                            return self.stop(reports).await;
                        }
                        self.take(event);
                    }
                }
            }
            self.wake();
            self.submit();
        }
    }

    /// The earliest deadline of all rooms.
    fn deadline(&self) -> Option<Instant> {
        let earliest = self.rooms.values().filter_map(|room| room.replica.deadline()).min();
        earliest.map(|since_start| self.started + since_start)
    }

    fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now { monotonic: self.started.elapsed(), wall_ms: since_epoch.as_millis() as u64 }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::TabUp { peer, replica, room, outbox } => self.tab_up(peer, replica, room, outbox),
            Event::LinkUp { peer, voter, incarnation, outbox } => self.link_up(peer, voter, incarnation, outbox),
            Event::FromTab(peer, message) => {
                if let Some(Peer { place: Place::Tab(_, room), .. }) = self.peers.get(&peer) {
                    let room = room.clone();
                    self.handle(&room, Input::Receive(peer, message));
                }
            }
            Event::FromLink(peer, room, message) => self.link_says(peer, room, message),
            Event::Down(peer) => {
                self.remove(peer);
            }
            Event::Health(answer) => {
                let _asker_is_gone = answer.send(self.health());
            }
            Event::Stop => {}
        }
    }

    fn tab_up(&mut self, peer: PeerId, replica: ReplicaId, room: Room, outbox: Outbox) {
        if replica == self.identity.me.replica {
            return outbox.cut(Violation::ForeignClaim);
        }
        if !self.rooms.contains_key(&room) && !self.open_new(&room) {
            return outbox.cut(Violation::TooManyRooms { limit: MAX_ROOMS });
        }
        let place = Place::Tab(replica, room.clone());
        self.replace(&place);
        self.peers.insert(peer, Peer { place, outbox });
        self.handle(&room, Input::PeerUp(peer, PeerKind::Tab(replica)));
    }

    fn link_up(&mut self, peer: PeerId, voter: VoterId, incarnation: ReplicaId, outbox: Outbox) {
        // A voter that forgot its promises could help to decide a second value for a slot.
        match self.identity.met.get(&voter) {
            Some(&met) if met != incarnation => {
                warn!("{}", Violation::OtherIncarnation(voter));
                return outbox.cut(Violation::OtherIncarnation(voter));
            }
            Some(_) => {}
            None => {
                self.identity.met.insert(voter, incarnation);
                self.writer.meet(voter, incarnation);
            }
        }
        let place = Place::Link(voter);
        self.replace(&place);
        self.peers.insert(peer, Peer { place, outbox });
        for room in self.room_names() {
            self.handle(&room, Input::PeerUp(peer, PeerKind::Relay(voter)));
        }
    }

    fn link_says(&mut self, peer: PeerId, room: Room, message: Message) {
        if !self.peers.contains_key(&peer) {
            return; // Cut already; this was still on its way.
        }
        if !self.rooms.contains_key(&room) && !self.open_new(&room) {
            return warn!(room = room.as_str(), "a peer has a room too many: not opened here");
        }
        self.handle(&room, Input::Receive(peer, message));
    }

    /// Opens a room that nobody has been in before. Says whether there was room for it.
    fn open_new(&mut self, room: &Room) -> bool {
        if self.rooms.len() >= MAX_ROOMS {
            return false;
        }
        self.open(room.clone(), Recovered::default());
        let links: Vec<_> = self.peers.iter().filter_map(|(&peer, of)| Some((peer, of.place.link()?))).collect();
        for (peer, voter) in links {
            self.handle(room, Input::PeerUp(peer, PeerKind::Relay(voter)));
        }
        true
    }

    fn open(&mut self, room: Room, recovered: Recovered) {
        let Identity { me: Me { voter, replica, schema }, addresses, .. } = self.identity.clone();
        let seed = getrandom::u64().expect("the system gives random numbers");
        let role = Role::Relay { voter, addresses, seed };
        let config = Config { replica, schema, role };
        let replica = Replica::recover(config, recovered, self.now());
        info!(room = room.as_str(), records = replica.view().document().records().len(), "room open");
        self.rooms.insert(room, OpenRoom { replica, leader: None });
    }

    /// Ends the connection that a newer one of the same peer takes the place of.
    fn replace(&mut self, place: &Place) {
        let older = self.peers.iter().find(|(_, peer)| peer.place == *place).map(|(&id, _)| id);
        if let Some(peer) = older.and_then(|id| self.remove(id)) {
            peer.outbox.cut(Violation::Replaced);
        }
    }

    fn cut(&mut self, peer: PeerId, violation: Violation) {
        if let Some(peer) = self.remove(peer) {
            peer.outbox.cut(violation);
        }
    }

    /// Forgets a peer, if it is known, and lets the replicas know.
    fn remove(&mut self, peer: PeerId) -> Option<Peer> {
        let removed = self.peers.remove(&peer)?;
        match &removed.place {
            Place::Tab(_, room) => self.handle(room, Input::PeerDown(peer)),
            Place::Link(_) => {
                for room in self.room_names() {
                    self.handle(&room, Input::PeerDown(peer));
                }
            }
        }
        Some(removed)
    }

    fn room_names(&self) -> Vec<Room> {
        self.rooms.keys().cloned().collect()
    }

    /// Wakes every room whose deadline has come.
    fn wake(&mut self) {
        let now = self.started.elapsed();
        let due = self.rooms.iter().filter(|(_, room)| room.replica.deadline().is_some_and(|at| at <= now));
        for room in due.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.handle(&room, Input::Wake);
        }
    }

    fn persisted(&mut self, persisted: Persisted) {
        self.unwritten -= persisted.batches;
        for (room, id) in persisted.last {
            self.handle(&room, Input::Persisted(id));
        }
    }

    /// One step of a room's replica, and what follows from it.
    fn handle(&mut self, room: &Room, input: Input) {
        trace!(room = room.as_str(), ?input, "in");
        let now = self.now();
        let Some(open) = self.rooms.get_mut(room) else { return };
        let output = open.replica.handle(now, input);
        let leader = open.replica.view().leader();
        if leader != open.leader {
            open.leader = leader;
            match leader {
                Some(ballot) => info!(room = room.as_str(), %ballot, "{} leads", ballot.voter),
                None => info!(room = room.as_str(), "no leader"),
            }
        }
        self.carry_out(room, output);
    }

    fn carry_out(&mut self, room: &Room, output: Output) {
        self.writes.extend(output.write.map(|batch| (room.clone(), batch)));
        let mut slow = BTreeSet::new();
        for envelope in output.sends {
            trace!(room = room.as_str(), ?envelope, "out");
            let Some(peer) = self.peers.get_mut(&envelope.to) else { continue };
            let frame = match peer.place {
                Place::Tab(..) => Frame::Message(envelope.message),
                Place::Link(_) => Frame::InRoom(room.clone(), envelope.message),
            };
            if let Err(Overflow) = peer.outbox.push(&frame) {
                slow.insert(envelope.to);
            }
        }
        for (peer, violation) in output.cut {
            self.cut(peer, violation);
        }
        for peer in slow {
            self.cut(peer, Violation::SlowPeer);
        }
    }

    /// Gives the writer what the events at hand have written.
    fn submit(&mut self) {
        self.unwritten += self.writes.len();
        for (room, batch) in self.writes.drain(..) {
            self.writer.submit(room, batch);
        }
    }

    /// Says goodbye to everybody and waits until everything is on the disk.
    async fn stop(
        mut self,
        mut reports: mpsc::UnboundedReceiver<Result<Persisted, StoreError>>,
    ) -> Result<(), StoreError> {
        self.submit();
        for (_, peer) in std::mem::take(&mut self.peers) {
            peer.outbox.cut(Violation::Stopping);
        }
        drop(self);
        while let Some(report) = reports.recv().await {
            report?;
        }
        Ok(())
    }

    fn health(&self) -> Health {
        Health {
            status: "ok",
            id: self.identity.me.voter.0,
            address: self.identity.addresses.get(&self.identity.me.voter).cloned().unwrap_or_default(),
            rooms: self.rooms.len(),
            peers_up: self.peers.values().filter_map(|peer| peer.place.link()).map(|voter| voter.0).collect(),
        }
    }
}

impl Place {
    fn link(&self) -> Option<VoterId> {
        match *self {
            Place::Link(voter) => Some(voter),
            Place::Tab(..) => None,
        }
    }
}
