//! The one task that owns the replicas of all rooms. It waits for nothing but its inbox, its timers and the disk.

mod directory;
mod founding;
mod handle;
mod links;
mod membership;

pub use directory::Others;
pub use handle::{Connection, Me, NoRoom, NodeHandle, Remote, Stopped};
pub use membership::{AdmitCommand, Asked};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use shared::id::{ReplicaId, VoterId};
use shared::io::{
    Command, CommandId, CommandRejection, Input, Message, Now, Output, PeerId, PeerKind, Recovered, Reply, Violation,
    WriteBatch,
};
use shared::paxos::{Ballot, Slot};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::Schema;
use shared::wire::{Frame, Room};
use thiserror::Error;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{info, trace, warn};

use crate::outbox::{Outbox, Overflow};
use crate::store::{About, Persisted, StoreError, Writer, new_incarnation};

use directory::Directory;
use founding::Founding;
use handle::Event;
use links::Link;

/// How many rooms a relay serves at the most.
const MAX_ROOMS: usize = 64;
/// How many events may wait for the node; beyond that the connections stop reading.
const INBOX: usize = 1024;
/// How many events are taken at once, before what they write goes to the disk together.
const BATCH: usize = 256;
/// How many changes of rooms are kept for those who listen.
const CHANGES: usize = 256;
/// How many commands may be unanswered before those are forgotten that nobody waits for any more.
const MANY_ASKED: usize = 8192;
/// How many batches of writes may be under way to the disk; beyond that no more events are taken.
const MAX_UNWRITTEN: usize = 1024;

/// Why the node has ended, but for being asked to.
#[derive(Debug, Error)]
pub enum NodeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the database has forgotten votes that other relays remember, in the room {}: it was restored from an older copy, or has lost its last writes. So that nothing is decided twice, it has been made a new incarnation, which has no vote. Start this relay again: it gets everything from the others, and has a vote again after {admit}", room.as_str()
    )]
    Forgot { room: Room, admit: AdmitCommand },
}

/// Who a relay is, and whom it is to find.
#[derive(Clone, Debug)]
pub struct Identity {
    pub voter: VoterId,
    pub schema: Schema,
    /// Where tabs and relays reach it: host and port.
    pub address: String,
    /// The other relays that the operator names, with the host and port of each.
    pub peers: BTreeMap<VoterId, String>,
}

/// The node. [`run`](Self::run) is its task.
#[derive(Debug)]
pub struct Node {
    me: Me,
    founding: Founding,
    directory: Directory,
    inbox: mpsc::Receiver<Event>,
    rooms: BTreeMap<Room, OpenRoom>,
    peers: BTreeMap<PeerId, Peer>,
    writer: Writer,
    /// What the events at hand write; goes to the writer when they are done.
    writes: Vec<(Room, WriteBatch)>,
    /// How many batches the writer has not reported yet.
    unwritten: usize,
    commits: u64,
    /// What was asked of the ledgers, and who waits for the answer.
    asked: BTreeMap<CommandId, oneshot::Sender<Result<Reply, CommandRejection>>>,
    /// Who wants to know when a room has changed.
    changes: broadcast::Sender<Room>,
    last_command: CommandId,
    /// Whether links, leaders or voters have changed since the membership was looked at.
    changed: bool,
    /// Since when this relay has no vote, though others have.
    voteless_since: Option<Instant>,
    warned_of_no_vote: bool,
    /// A room in which the database has forgotten votes.
    forgot: Option<Room>,
    started: Instant,
}

#[derive(Debug)]
struct OpenRoom {
    replica: Replica,
    /// The leader last written to the log.
    leader: Option<Ballot>,
    /// The number of the configuration last seen.
    configuration: Option<u32>,
    /// How the room read when those who listen were told last.
    told: Reading,
}

/// By what a room reads as it does: the document, the log, how far it is released, and who leads.
type Reading = (u64, Slot, Slot, Option<Ballot>);

#[derive(Debug)]
struct Peer {
    place: Place,
    outbox: Outbox,
}

/// Where a peer belongs.
#[derive(Clone, Debug)]
enum Place {
    Tab(ReplicaId, Room),
    /// A link serves all rooms.
    Link(Link),
}

impl Node {
    /// A node with the rooms that its database holds.
    pub fn new(
        identity: Identity,
        about: About,
        recovered: BTreeMap<Room, Recovered>,
        writer: Writer,
    ) -> (Self, NodeHandle) {
        let Identity { voter, schema, address, peers } = identity;
        let me = Me { voter, replica: about.replica, schema };
        let (events, inbox) = mpsc::channel(INBOX);
        let mut node = Node {
            founding: Founding::new((voter, about.replica), peers.keys().copied().collect(), about.founding),
            directory: Directory::new((voter, address), peers, about.relays),
            me,
            inbox,
            rooms: BTreeMap::new(),
            peers: BTreeMap::new(),
            writer,
            writes: Vec::new(),
            unwritten: 0,
            commits: 0,
            asked: BTreeMap::new(),
            changes: broadcast::Sender::new(CHANGES),
            last_command: CommandId(0),
            changed: true,
            voteless_since: None,
            warned_of_no_vote: false,
            forgot: None,
            started: Instant::now(),
        };
        if let Some(founding) = node.founding.try_found() {
            node.found(&founding);
        }
        for (room, recovered) in recovered {
            node.open(room, recovered);
        }
        let handle = NodeHandle {
            me: Arc::new(node.me.clone()),
            events,
            next_peer: Arc::default(),
            connections: watch::Sender::new(0),
            others: node.directory.watch(),
            changes: node.changes.clone(),
        };
        (node, handle)
    }

    /// Runs until [`NodeHandle::stop`], or until the database cannot be relied on.
    ///
    /// # Errors
    /// [`NodeError`] if something could not be made durable, or has been forgotten. What depends on it has not left the
    /// replica.
    pub async fn run(
        mut self,
        mut reports: mpsc::UnboundedReceiver<Result<Persisted, StoreError>>,
    ) -> Result<(), NodeError> {
        let mut events = Vec::with_capacity(BATCH);
        loop {
            if let Some(room) = self.forgot.take() {
                return Err(self.renew(room, reports).await);
            }
            if std::mem::take(&mut self.changed) {
                self.follow_membership();
                self.look_for_vote();
            }
            self.submit();
            let deadline = self.deadline();
            tokio::select! {
                biased;
                report = reports.recv() => self.persisted(report.ok_or(StoreError::WriterGone)??),
                () = sleep_until(deadline.unwrap_or(self.started)), if deadline.is_some() => {}
                _ = self.inbox.recv_many(&mut events, BATCH), if self.unwritten < MAX_UNWRITTEN => {
                    for event in events.drain(..) {
                        if matches!(event, Event::Stop) {
                            return Ok(self.stop(reports).await?);
                        }
                        self.take(event);
                    }
                }
            }
            self.wake();
        }
    }

    /// The earliest deadline of all rooms, and of the node itself.
    fn deadline(&self) -> Option<Instant> {
        let earliest = self.rooms.values().filter_map(|room| room.replica.deadline()).min();
        earliest.map(|since_start| self.started + since_start).into_iter().chain(self.vote_deadline()).min()
    }

    fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now { monotonic: self.started.elapsed(), wall_ms: since_epoch.as_millis() as u64 }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::TabUp { peer, replica, room, outbox } => self.tab_up(peer, replica, room, outbox),
            Event::LinkUp { peer, remote, outbox } => self.link_up(peer, remote, outbox),
            Event::FromTab(peer, message) => {
                if let Some(Peer { place: Place::Tab(_, room), .. }) = self.peers.get(&peer) {
                    let room = room.clone();
                    self.handle(&room, Input::Receive(peer, message));
                }
            }
            Event::FromLink(peer, room, message) => self.link_says(peer, room, message),
            Event::LinkTells(peer, relays) => self.link_tells(peer, relays),
            Event::Down(peer) => {
                self.remove(peer);
            }
            Event::Command(room, command, answer) => self.command(&room, command, answer),
            Event::Look(room, look) => {
                let is_open = self.rooms.contains_key(&room) || self.open_new(&room);
                look(self.rooms.get(&room).filter(|_| is_open).map(|room| room.replica.view()));
            }
            Event::Health(answer) => {
                let _asker_is_gone = answer.send(self.health());
            }
            Event::Membership(answer) => {
                let _asker_is_gone = answer.send(self.describe_membership());
            }
            Event::Reconfigure(voters, answer) => {
                let _asker_is_gone = answer.send(self.reconfigure(&voters));
            }
            Event::Stop => {}
        }
    }

    /// Carries out what a handler wants. Without room for one more room the answer is dropped.
    fn command(&mut self, room: &Room, command: Command, answer: oneshot::Sender<Result<Reply, CommandRejection>>) {
        if self.rooms.contains_key(room) || self.open_new(room) {
            if self.asked.len() >= MANY_ASKED {
                self.asked.retain(|_, answer| !answer.is_closed());
            }
            let id = self.next_command();
            self.asked.insert(id, answer);
            self.handle(room, Input::Command(id, command));
        }
    }

    fn next_command(&mut self) -> CommandId {
        self.last_command = CommandId(self.last_command.0 + 1);
        self.last_command
    }

    fn tab_up(&mut self, peer: PeerId, replica: ReplicaId, room: Room, outbox: Outbox) {
        if replica == self.me.replica {
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

    /// Opens a room that nobody has been in before. Says whether there was room for it.
    fn open_new(&mut self, room: &Room) -> bool {
        if self.rooms.len() >= MAX_ROOMS {
            return false;
        }
        self.open(room.clone(), Recovered::default());
        let links = self.peers.iter().filter_map(|(&peer, of)| Some((peer, of.place.link()?)));
        for (peer, Link { remote, .. }) in links.filter(|(_, link)| link.is_open()).collect::<Vec<_>>() {
            self.handle(room, Input::PeerUp(peer, PeerKind::Relay(remote.voter, remote.incarnation)));
        }
        true
    }

    fn open(&mut self, room: Room, recovered: Recovered) {
        let seed = getrandom::u64().expect("the system gives random numbers");
        let (voter, addresses, tuning) = (self.me.voter, self.directory.addresses(), Tuning::default());
        let role = Role::Relay { voter, addresses, seed, tuning };
        let config = Config { replica: self.me.replica, schema: self.me.schema.clone(), role };
        let replica = Replica::recover(config, recovered, self.now());
        info!(room = room.as_str(), records = replica.view().document().records().len(), "room open");
        self.rooms
            .insert(room.clone(), OpenRoom { replica, leader: None, configuration: None, told: Reading::default() });
        if let Some(founding) = self.founding.known().cloned() {
            self.handle(&room, Input::Found(founding));
        }
    }

    /// Ends the connection that a newer one of the same peer takes the place of.
    fn replace(&mut self, place: &Place) {
        let older = self.peers.iter().find(|(_, peer)| peer.place.is_same(place)).map(|(&id, _)| id);
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
            Place::Link(link) => {
                self.changed = true;
                self.founding.lost(link.remote.voter);
                self.directory.link_down(link.remote.voter);
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
        self.warn_of_no_vote();
    }

    fn persisted(&mut self, persisted: Persisted) {
        self.commits += 1;
        if persisted.founded {
            self.founding.stored();
            self.tell_relays(&self.links());
        }
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
        let view = open.replica.view();
        let configuration = view.ledger().configuration().map(|configuration| configuration.number);
        if view.leader() != open.leader {
            match view.leader() {
                Some(ballot) => info!(room = room.as_str(), %ballot, "{} leads", ballot.voter),
                None => info!(room = room.as_str(), "no leader"),
            }
        }
        self.changed |= (view.leader(), configuration) != (open.leader, open.configuration);
        (open.leader, open.configuration) = (view.leader(), configuration);
        let reading = (view.document().fingerprint(), view.log().decided(), view.released(), view.leader());
        if std::mem::replace(&mut open.told, reading) != reading {
            let _nobody_listens = self.changes.send(room.clone());
        }
        self.carry_out(room, output);
    }

    fn carry_out(&mut self, room: &Room, output: Output) {
        if output.forgot {
            self.forgot.get_or_insert_with(|| room.clone());
        }
        self.writes.extend(output.write.map(|batch| (room.clone(), batch)));
        for (command, reply) in output.replies {
            if let Some(answer) = self.asked.remove(&command) {
                let _asker_is_gone = answer.send(reply);
            }
        }
        let mut slow = BTreeSet::new();
        for envelope in output.sends {
            trace!(room = room.as_str(), ?envelope, "out");
            let Some(peer) = self.peers.get_mut(&envelope.to) else { continue };
            if matches!(envelope.message, Message::Observed(_)) && peer.outbox.is_long() {
                continue;
            }
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

    /// Gives the database, which has forgotten votes, a new incarnation, and ends.
    async fn renew(mut self, room: Room, reports: mpsc::UnboundedReceiver<Result<Persisted, StoreError>>) -> NodeError {
        let error = NodeError::Forgot { room, admit: self.admit_command(self.me.voter) };
        warn!("{error}");
        self.submit();
        self.writer.renew(new_incarnation());
        match self.stop(reports).await {
            Ok(()) => error,
            Err(error) => error.into(),
        }
    }
}

impl Place {
    fn link(&self) -> Option<Link> {
        match *self {
            Place::Link(link) => Some(link),
            Place::Tab(..) => None,
        }
    }

    /// Whether a peer at this place and one at the other are the same replica, or relay.
    fn is_same(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Tab(replica, room), Place::Tab(other, other_room)) => (replica, room) == (other, other_room),
            (Place::Link(link), Place::Link(other)) => link.remote.voter == other.remote.voter,
            _ => false,
        }
    }
}
