//! The way to the node, for connections and handlers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::room::Room;
use shared::protocol::{Relays, Update};
use shared::replica::View;
use shared::replica::io::{Command, CommandRejection, Message, PeerId, Reply};
use shared::schema::Schema;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot, watch};

use super::directory::Others;
use super::membership::{Health, Membership, NotAsked, RoomChange};
use super::readiness::Obstacle;
use super::tabs::{Said, Visitor};
use crate::budget::{Account, Budgets};
use crate::clocks::Clocks;
use crate::http_requests::HttpRequests;
use crate::outbox::{Outbox, Total};

/// How much the messages of tabs may take in memory that the node has not handled yet, in bytes.
pub(super) const MAX_UNHANDLED_BYTES: usize = 40 << 20;

/// Looks at a room, or learns why it cannot.
type Look = Box<dyn FnOnce(Result<View<'_>, NoRoom>) + Send>;

/// What comes of a command.
pub type Answer = Result<Result<Reply, CommandRejection>, NoRoom>;

/// What connections and handlers tell the node.
pub(super) enum Event {
    TabUp { peer: PeerId, visitor: Visitor, outbox: Outbox },
    LinkUp { peer: PeerId, remote: Remote, outbox: Outbox },
    FromTab(PeerId, Said),
    FromLink(PeerId, Room, Message),
    LinkTells(PeerId, Relays),
    LinkOpened(PeerId, Room),
    LinkClosed(PeerId, Room),
    LinkUpdated(PeerId, Room, Update),
    Updated(Room, Update),
    Down(PeerId),
    Enter(Room, IpAddr, oneshot::Sender<Result<(), NoRoom>>),
    Command(Room, Command, oneshot::Sender<Answer>),
    Look(Room, Look),
    Health(oneshot::Sender<Health>),
    Obstacles(oneshot::Sender<Vec<Obstacle>>),
    ProbeDisk(oneshot::Sender<()>),
    Membership(oneshot::Sender<Membership>),
    Reconfigure(BTreeSet<RelayId>, oneshot::Sender<Result<BTreeMap<Room, RoomChange>, NotAsked>>),
    Stop,
}

/// News for the original's programs.
#[derive(Clone, Debug)]
pub enum RoomNews {
    /// One of these programs has updated a room, at this relay or at another one.
    Updated(Room, Update),
    /// Tabs have edited these records.
    Edited(Room, Vec<RecordId>),
}

/// The relay at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    pub voter: RelayId,
    pub incarnation: ReplicaId,
    /// Which of the two has dialed.
    pub dialer: RelayId,
}

/// The node has stopped.
#[derive(Clone, Copy, Debug)]
pub struct Stopped;

/// Why a room cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// The relay is stopping, and nothing was done.
    Stopping,
    /// The relay has stopped, or the room has failed, in the midst of a command.
    Unknown,
    Missing,
    TooMany {
        limit: usize,
    },
    /// Too many new rooms come from one address.
    TooFast,
    /// The room had an internal error, and is being read anew.
    Failed,
    /// The room fails again and again.
    Closed,
    /// An internal error has ended a read.
    ReadFailed,
}

/// The way to the node, for connections and handlers.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    pub(super) me: Arc<Me>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) next_peer: Arc<AtomicU64>,
    pub(super) connections: watch::Sender<usize>,
    pub(super) others: watch::Receiver<Others>,
    pub(super) changes: broadcast::Sender<Room>,
    pub(super) told: broadcast::Sender<RoomNews>,
    pub(super) http_requests: Arc<HttpRequests>,
    pub(super) clocks: Arc<Clocks>,
    /// How much waits in the outboxes of all tabs.
    pub(super) waiting_for_tabs: Total,
    pub(super) budgets: Budgets,
    pub(super) memory: Memory,
}

/// A bound on the memory that messages of tabs take which the node has not handled yet.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<Semaphore>);

impl Memory {
    /// How many bytes one permit stands for.
    const UNIT: usize = 1024;

    pub(super) fn new(bytes: usize) -> Self {
        Memory(Arc::new(Semaphore::new(bytes / Self::UNIT)))
    }

    /// Waits until so many bytes are free. A message that could take more than there are has all of them for itself.
    async fn reserve(&self, bytes: usize) -> Result<Reserved, Stopped> {
        let permits = bytes.div_ceil(Self::UNIT).clamp(1, MAX_UNHANDLED_BYTES / Self::UNIT);
        Arc::clone(&self.0).acquire_many_owned(permits as u32).await.map(Reserved).map_err(|_| Stopped)
    }
}

/// Memory for a message, free again when this is dropped.
#[derive(Debug)]
pub struct Reserved(OwnedSemaphorePermit);

impl Reserved {
    /// The message takes so many bytes: what was reserved beyond is free.
    pub fn keep(&mut self, bytes: usize) {
        let beyond = self.0.num_permits().saturating_sub(bytes.div_ceil(Memory::UNIT).max(1));
        drop(self.0.split(beyond));
    }
}

/// One connection's way to the node. Until it is dropped, the process waits for the connection when it stops.
#[derive(Debug)]
pub struct Connection {
    peer: PeerId,
    node: NodeHandle,
    /// Whether the node knows that the connection has ended.
    is_down: bool,
}

/// What a relay says of itself.
#[derive(Clone, Debug)]
pub struct Me {
    pub voter: RelayId,
    /// The incarnation of its database.
    pub replica: ReplicaId,
    pub schema: Schema,
}

impl NodeHandle {
    /// A new connection, under a new id.
    pub fn connection(&self) -> Connection {
        self.connections.send_modify(|count| *count += 1);
        Connection { peer: PeerId(self.next_peer.fetch_add(1, Ordering::Relaxed)), node: self.clone(), is_down: false }
    }

    /// Who this relay is.
    pub fn me(&self) -> &Me {
        &self.me
    }

    /// Charges a request of so many bytes to the budget of its address, and waits until the budget allows it.
    pub async fn pay(&self, address: IpAddr, bytes: usize) {
        let account = self.budgets.account(address);
        account.charge_decoded(bytes);
        account.settled().await;
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

    /// Opens a room for somebody at this address who is about to write to it, unless it is open.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub async fn enter(&self, room: Room, address: IpAddr) -> Result<(), NoRoom> {
        self.ask(|answer| Event::Enter(room, address, answer)).await.map_err(|Stopped| NoRoom::Stopping)?
    }

    /// Has this relay's replica of a room carry out a command, and waits for the reply, however long it takes.
    ///
    /// # Errors
    /// [`NoRoom`], and then nothing was done, unless it is [`NoRoom::Unknown`].
    pub async fn command(&self, room: Room, command: Command) -> Answer {
        let (answer, answered) = oneshot::channel();
        let begun = self.tell(Event::Command(room, command, answer)).await;
        begun.map_err(|Stopped| NoRoom::Stopping)?;
        answered.await.map_err(|_| NoRoom::Unknown)?
    }

    /// Reads this relay's replica of a room. What takes long holds up the whole relay.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub async fn read<T: Send + 'static>(
        &self,
        room: Room,
        read: impl FnOnce(View<'_>) -> T + Send + 'static,
    ) -> Result<T, NoRoom> {
        let (answer, answered) = oneshot::channel();
        let look = Box::new(move |view: Result<View<'_>, NoRoom>| {
            let _asker_is_gone = answer.send(view.map(read));
        });
        self.tell(Event::Look(room, look)).await.map_err(|Stopped| NoRoom::Stopping)?;
        // A read that panics drops the answer.
        answered.await.map_err(|_| if self.events.is_closed() { NoRoom::Stopping } else { NoRoom::ReadFailed })?
    }

    /// Tells after each step by which a room may read otherwise than before. Whoever lags behind is told that it has
    /// missed something.
    pub fn changes(&self) -> broadcast::Receiver<Room> {
        self.changes.subscribe()
    }

    /// Tells of what programs of the original do at any relay, and of what tabs edit.
    pub fn told(&self) -> broadcast::Receiver<RoomNews> {
        self.told.subscribe()
    }

    /// Has those told of an update who listen for the original's programs, at this relay and at those linked to it.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn tell_updated(&self, room: Room, update: Update) -> Result<(), Stopped> {
        self.tell(Event::Updated(room, update)).await
    }

    /// How many HTTP requests have come to this relay.
    pub fn http_requests(&self) -> &HttpRequests {
        &self.http_requests
    }

    pub async fn health(&self) -> Result<Health, Stopped> {
        self.ask(Event::Health).await
    }

    /// Why the relay cannot do its work for now; nothing if it can.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn obstacles(&self) -> Result<Vec<Obstacle>, Stopped> {
        self.ask(Event::Obstacles).await
    }

    /// Waits until the disk has written something.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn disk_writes(&self) -> Result<(), Stopped> {
        self.ask(Event::ProbeDisk).await
    }

    pub async fn membership(&self) -> Result<Membership, Stopped> {
        self.ask(Event::Membership).await
    }

    /// Asks in every room that these relays vote, in the incarnations in which they are linked now.
    pub async fn reconfigure(
        &self,
        voters: BTreeSet<RelayId>,
    ) -> Result<Result<BTreeMap<Room, RoomChange>, NotAsked>, Stopped> {
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
    pub async fn tab_up(&self, visitor: Visitor, outbox: Outbox) -> Result<(), Stopped> {
        self.node.tell(Event::TabUp { peer: self.peer, visitor, outbox }).await
    }

    /// Who this relay is.
    pub fn me(&self) -> &Me {
        &self.node.me
    }

    /// The clocks of the relays.
    pub fn clocks(&self) -> Arc<Clocks> {
        Arc::clone(&self.node.clocks)
    }

    pub async fn link_up(&self, remote: Remote, outbox: Outbox) -> Result<(), Stopped> {
        self.node.tell(Event::LinkUp { peer: self.peer, remote, outbox }).await
    }

    /// Passes on what a tab says, which is so many bytes. Gives what ends when the node has handled it.
    pub async fn tab_says(
        &self,
        message: Message,
        bytes: usize,
        memory: Reserved,
    ) -> Result<oneshot::Receiver<()>, Stopped> {
        let (said, handled) = Said::new(message, bytes, memory);
        self.node.tell(Event::FromTab(self.peer, said)).await?;
        Ok(handled)
    }

    /// Waits until there is memory to decode a message.
    pub async fn reserve(&self, bytes: usize) -> Result<Reserved, Stopped> {
        self.node.memory.reserve(bytes).await
    }

    /// What a tab at this address may make the relay do.
    pub fn account(&self, address: IpAddr) -> Account {
        self.node.budgets.account(address)
    }

    /// How much waits in the outboxes of all tabs.
    pub fn waiting_for_tabs(&self) -> Total {
        self.node.waiting_for_tabs.clone()
    }

    pub async fn link_says(&self, room: Room, message: Message) -> Result<(), Stopped> {
        self.node.tell(Event::FromLink(self.peer, room, message)).await
    }

    pub async fn link_tells(&self, relays: Relays) -> Result<(), Stopped> {
        self.node.tell(Event::LinkTells(self.peer, relays)).await
    }

    pub async fn link_opened(&self, room: Room) -> Result<(), Stopped> {
        self.node.tell(Event::LinkOpened(self.peer, room)).await
    }

    pub async fn link_closed(&self, room: Room) -> Result<(), Stopped> {
        self.node.tell(Event::LinkClosed(self.peer, room)).await
    }

    pub async fn link_updated(&self, room: Room, update: Update) -> Result<(), Stopped> {
        self.node.tell(Event::LinkUpdated(self.peer, room, update)).await
    }

    pub async fn down(&mut self) {
        let _stopped = self.node.tell(Event::Down(self.peer)).await;
        self.is_down = true;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A task that panics, or is dropped, has not said that its connection has ended.
        if !self.is_down
            && let Ok(runtime) = Handle::try_current()
        {
            let (peer, events) = (self.peer, self.node.events.clone());
            runtime.spawn(async move { events.send(Event::Down(peer)).await });
        }
        self.node.connections.send_modify(|count| *count -= 1);
    }
}
