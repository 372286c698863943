//! The one task that owns the replicas of all rooms. It waits for nothing but its inbox, its timers and the disk.

mod directory;
mod failures;
mod founding;
mod handle;
mod links;
mod machine;
mod membership;
mod outgoing;
mod readiness;
mod rooms;
mod slices;
mod tabs;
mod telling;

pub use directory::Others;
pub use failures::Closed;
pub use handle::{Answer, Connection, Me, NoRoom, NodeHandle, Remote, RoomNews, Stopped};
pub use machine::is_blank;
pub use membership::{Admission, Health, Membership, NotAsked, RelayHealth, RoomChange, Trouble};
pub use readiness::Obstacle;
pub use rooms::DEFAULT_ROOM;
pub use slices::{Allowance, Wanted};
pub use tabs::{Visitor, is_answered_at_length};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::ledger::Rule;
use shared::replica::io::{Command, CommandId, Input, Now, PeerId, Recovered, Violation, WriteBatch};
use shared::schema::Schema;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, trace, warn};

use crate::budget::{Account, Budgets};
use crate::clocks::Clocks;
use crate::http_requests::HttpRequests;
use crate::outbox::{Outbox, Total};
use crate::storage::{About, Persisted, Reports, StorageError, Writer, bytes_of, new_incarnation, new_room};

use directory::Directory;
use founding::Founding;
use handle::{Event, MAX_UNHANDLED_BYTES, Memory};
use links::Link;
use machine::{Recover, Step, contained};
use rooms::{OpenRoom, Rooms};

/// How many events may wait for the node; beyond that the connections stop reading.
const INBOX: usize = 1024;
/// How many events are taken at once, before what they write goes to the disk together.
const BATCH: usize = 256;
/// How long a relay that is to stop may take to finish what it has begun.
const FINISH: Duration = Duration::from_secs(3);
/// How many changes of rooms are kept for those who listen.
const CHANGES: usize = 256;
/// How many commands may be unanswered before those are forgotten that nobody waits for any more.
const MANY_ASKED: usize = 8192;
/// How many batches of writes may be under way to the disk; beyond that no more events are taken.
const MAX_UNWRITTEN: usize = 1024;
/// The same, by what they take in memory.
const MAX_UNWRITTEN_BYTES: usize = 16 << 20;
/// How much may wait in the outboxes of all tabs together, in bytes.
const MAX_WAITING_FOR_TABS: usize = 64 << 20;

/// Why the node has ended, but for being asked to.
#[derive(Debug)]
pub enum NodeError {
    Storage(StorageError),
    /// The database has forgotten votes that other relays remember in this room. It is a new incarnation now.
    Forgot {
        room: Room,
        /// The change by which this relay gets a vote again.
        admit: Admission,
    },
}

impl From<StorageError> for NodeError {
    fn from(error: StorageError) -> Self {
        NodeError::Storage(error)
    }
}

/// Who a relay is, and whom it is to find.
#[derive(Clone, Debug)]
pub struct Identity {
    pub voter: RelayId,
    pub schema: Schema,
    /// Where tabs and relays reach it: host and port.
    pub address: String,
    /// The other relays that the operator names, with the host and port of each.
    pub peers: BTreeMap<RelayId, String>,
    /// How many rooms there may be.
    pub max_rooms: usize,
    /// How long an id is away in a room before it is retired.
    pub retire_after: Duration,
}

/// The node. [`run`](Self::run) is its task.
#[derive(Debug)]
pub struct Node {
    me: Me,
    founding: Founding,
    directory: Directory,
    inbox: mpsc::Receiver<Event>,
    rooms: Rooms,
    peers: BTreeMap<PeerId, Peer>,
    writer: Writer,
    /// What the events at hand write; goes to the writer when they are done.
    writes: Vec<(Room, WriteBatch)>,
    /// How many batches the writer has not reported yet, and what they take in memory.
    unwritten: usize,
    unwritten_bytes: usize,
    commits: u64,
    /// When something became durable last, and who waits for the next time.
    committed_at: Option<Instant>,
    probes: Vec<oneshot::Sender<()>>,
    /// What was asked of the ledgers, and who waits for the answer.
    asked: BTreeMap<CommandId, Waiting>,
    /// How much waits in the outboxes of all tabs.
    waiting_for_tabs: Total,
    /// Who wants to know when a room has changed.
    changes: broadcast::Sender<Room>,
    /// The receivers that tell the original's programs.
    told: broadcast::Sender<RoomNews>,
    http_requests: Arc<HttpRequests>,
    clocks: Arc<Clocks>,
    last_command: CommandId,
    /// Whether links, leaders or voters have changed since the membership was looked at.
    changed: bool,
    /// Since when this relay has no vote, though others have.
    voteless_since: Option<Instant>,
    warned_of_no_vote: bool,
    /// A room in which the database has forgotten votes.
    forgot: Option<Room>,
    /// This relay is to stop, at the latest then.
    stops_at: Option<Instant>,
    started: Instant,
}

/// Somebody who waits for the answer to a command.
#[derive(Debug)]
struct Waiting {
    room: Room,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug)]
struct Peer {
    place: Belonging,
    outbox: Outbox,
    /// The rooms that the relay at the other end has closed.
    closed: BTreeSet<Room>,
    /// What a tab may make this relay do.
    account: Option<Arc<Account>>,
    /// Whether what is sent next counts as the answer to what the tab has asked for.
    answer_is_due: bool,
}

/// Where a peer belongs.
#[derive(Clone, Debug)]
enum Belonging {
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
        Self::with(machine::recover, identity, about, recovered, writer)
    }

    /// The same, with replicas that `recover` makes.
    fn with(
        recover: Recover,
        identity: Identity,
        about: About,
        mut recovered: BTreeMap<Room, Recovered>,
        writer: Writer,
    ) -> (Self, NodeHandle) {
        let Identity { voter, schema, address, peers, max_rooms, retire_after } = identity;
        let me = Me { voter, replica: about.replica, schema };
        let (events, inbox) = mpsc::channel(INBOX);
        let mut node = Node {
            founding: Founding::new((voter, about.replica), peers.keys().copied().collect(), about.founding),
            directory: Directory::new((voter, address), peers, about.relays),
            me,
            inbox,
            rooms: Rooms::new(max_rooms, retire_after, about.floor, recover),
            peers: BTreeMap::new(),
            writer,
            writes: Vec::new(),
            unwritten: 0,
            unwritten_bytes: 0,
            commits: 0,
            committed_at: None,
            probes: Vec::new(),
            asked: BTreeMap::new(),
            waiting_for_tabs: Total::new(MAX_WAITING_FOR_TABS),
            changes: broadcast::Sender::new(CHANGES),
            told: broadcast::Sender::new(CHANGES),
            http_requests: Arc::default(),
            clocks: Arc::default(),
            last_command: CommandId(0),
            changed: true,
            voteless_since: None,
            warned_of_no_vote: false,
            forgot: None,
            stops_at: None,
            started: Instant::now(),
        };
        if let Some(founding) = node.founding.try_found() {
            node.found(&founding);
        }
        let default_room = Room::try_from(DEFAULT_ROOM.to_owned()).expect("the name of a room");
        recovered.entry(default_room).or_insert_with(|| new_room(about.floor));
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
            told: node.told.clone(),
            http_requests: Arc::clone(&node.http_requests),
            clocks: Arc::clone(&node.clocks),
            waiting_for_tabs: node.waiting_for_tabs.clone(),
            budgets: Budgets::default(),
            memory: Memory::new(MAX_UNHANDLED_BYTES),
        };
        (node, handle)
    }

    /// Runs until [`NodeHandle::stop`], or until the database cannot be relied on.
    ///
    /// # Errors
    /// [`NodeError`] if something could not be made durable, or has been forgotten. What depends on it has not left the
    /// replica.
    pub async fn run(mut self, mut reports: Reports) -> Result<(), NodeError> {
        let mut events = Vec::with_capacity(BATCH);
        let (http_requests, clocks) = (Arc::clone(&self.http_requests), Arc::clone(&self.clocks));
        loop {
            if let Some(room) = self.forgot.take() {
                return Err(self.renew(room, reports).await);
            }
            if std::mem::take(&mut self.changed) {
                self.follow_membership();
                self.look_for_vote();
            }
            self.submit();
            if self.has_finished() {
                return Ok(self.stop(reports).await?);
            }
            let deadline = self.deadline();
            tokio::select! {
                biased;
                report = reports.recv() => self.persisted(report.ok_or(StorageError::WriterGone)??),
                () = sleep_until(deadline.unwrap_or(self.started)), if deadline.is_some() => {}
                () = http_requests.changed() => self.count_calls(),
                () = clocks.confirmed() => self.clock_confirmed(),
                _ = self.inbox.recv_many(&mut events, BATCH), if self.unwritten < MAX_UNWRITTEN && self.unwritten_bytes < MAX_UNWRITTEN_BYTES => {
                    for event in events.drain(..) {
                        self.take(event);
                    }
                }
            }
            self.wake();
        }
    }

    /// The earliest deadline of all rooms, and of the node itself.
    fn deadline(&self) -> Option<Instant> {
        self.rooms.deadline(self.started).into_iter().chain(self.vote_deadline()).chain(self.stops_at).min()
    }

    /// Whether this relay is to stop, and what it has begun is done, or takes too long.
    fn has_finished(&mut self) -> bool {
        let Some(stops_at) = self.stops_at else { return false };
        self.asked.retain(|_, waiting| !waiting.answer.is_closed());
        self.asked.is_empty() || stops_at <= Instant::now()
    }

    /// Begins nothing more that others have a part in. Tabs turn to other relays; links stay up, so that what was begun
    /// can be decided.
    fn begin_to_stop(&mut self) {
        self.stops_at.get_or_insert_with(|| Instant::now() + FINISH);
        let is_tab = |peer: &Peer| matches!(peer.place, Belonging::Tab(..));
        let tabs: Vec<PeerId> = self.peers.iter().filter(|(_, peer)| is_tab(peer)).map(|(&id, _)| id).collect();
        tabs.into_iter().for_each(|tab| self.cut(tab, Violation::Stopping));
    }

    fn now(&self) -> Now {
        Now { monotonic: self.started.elapsed(), wall_ms: self.clocks.now_ms() }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::TabUp { peer, visitor, outbox } => self.tab_up(peer, visitor, outbox),
            Event::LinkUp { peer, remote, outbox } => self.link_up(peer, remote, outbox),
            Event::FromTab(peer, said) => self.tab_says(peer, said),
            Event::FromLink(peer, room, message) => self.link_says(peer, room, message),
            Event::LinkTells(peer, relays) => self.link_tells(peer, relays),
            Event::LinkOpened(peer, room) => self.link_opened(peer, &room),
            Event::LinkClosed(peer, room) => self.link_closed(peer, room),
            Event::LinkUpdated(peer, room, update) => self.link_updated(peer, room, update),
            Event::Updated(room, update) => self.updated(room, update),
            Event::Down(peer) => {
                self.remove(peer);
            }
            Event::Command(room, command, answer) => self.command(&room, command, answer),
            Event::Enter(room, address, answer) => {
                let _asker_is_gone = answer.send(self.enter(&room, address));
            }
            Event::Look(room, look) => {
                let view = self.rooms.find(&room).map(|open| open.machine.view());
                if let Err(panicked) = contained(|| look(view)) {
                    error!(room = room.as_str(), "a read had an internal error: {}", panicked.0);
                }
            }
            Event::Health(answer) => {
                let _asker_is_gone = answer.send(self.health());
            }
            Event::Obstacles(answer) => {
                let _asker_is_gone = answer.send(self.obstacles());
            }
            Event::ProbeDisk(answer) => self.probe_disk(answer),
            Event::Membership(answer) => {
                let _asker_is_gone = answer.send(self.describe_membership());
            }
            Event::Reconfigure(voters, answer) => {
                let _asker_is_gone = answer.send(self.reconfigure(&voters));
            }
            Event::Stop => self.begin_to_stop(),
        }
    }

    /// Carries out what a handler wants.
    fn command(&mut self, room: &Room, command: Command, answer: oneshot::Sender<Answer>) {
        let refusal = match self.rooms.find(room) {
            Err(no_room) => Some(no_room),
            Ok(_) => (self.stops_at.is_some() && !command.is_local()).then_some(NoRoom::Stopping),
        };
        if let Some(no_room) = refusal {
            let _asker_is_gone = answer.send(Err(no_room));
            return;
        }
        if self.asked.len() >= MANY_ASKED {
            self.asked.retain(|_, waiting| !waiting.answer.is_closed());
        }
        let id = self.next_command();
        self.asked.insert(id, Waiting { room: room.clone(), answer });
        self.handle(room, Input::Command(id, command));
    }

    /// Tells the rooms whose rule is the counter how many HTTP requests have come.
    fn count_calls(&mut self) {
        let calls = self.http_requests.count();
        let counts = |open: &OpenRoom| open.machine.view().ledger().dynamic().rule == Rule::Counter;
        let rooms = self.rooms.open.iter().filter(|(_, open)| counts(open)).map(|(room, _)| room.clone());
        for room in rooms.collect::<Vec<_>>() {
            self.handle(&room, Input::Calls(calls));
        }
    }

    /// The time that the rooms go by is right, as far as the relays can tell.
    fn clock_confirmed(&mut self) {
        for room in self.rooms.names() {
            self.handle(&room, Input::ClockConfirmed);
        }
    }

    fn next_command(&mut self) -> CommandId {
        self.last_command = CommandId(self.last_command.0 + 1);
        self.last_command
    }

    /// Ends the connection that a newer one of the same peer takes the place of.
    fn replace(&mut self, place: &Belonging) {
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
        // Before the others are told, since what they are told waits in their outboxes and counts, too.
        removed.outbox.abandon();
        match &removed.place {
            Belonging::Tab(_, room) => {
                if let Some(open) = self.rooms.open.get_mut(room) {
                    open.tabs -= 1;
                }
                self.handle(room, Input::PeerDown(peer));
            }
            Belonging::Link(link) => {
                self.changed = true;
                self.founding.lost(link.remote.voter);
                self.directory.link_down(link.remote.voter);
                self.clocks.forget(link.remote.voter);
                for room in self.rooms.names() {
                    self.handle(&room, Input::PeerDown(peer));
                }
            }
        }
        Some(removed)
    }

    fn persisted(&mut self, persisted: Persisted) {
        self.commits += 1;
        self.disk_has_written(persisted.probed);
        if persisted.founded {
            self.founding.stored();
            self.tell_relays(&self.links());
        }
        self.unwritten -= persisted.batches;
        self.unwritten_bytes -= persisted.bytes;
        for (room, id) in persisted.last {
            if let Some(open) = self.rooms.open.get_mut(&room) {
                open.persisted = Some(id);
                self.handle(&room, Input::Persisted(id));
            }
        }
        // Reports of what a room wrote before it failed have come by now, and nobody has listened to them.
        for loaded in persisted.loaded {
            self.room_loaded(loaded);
        }
    }

    /// One step of a room's replica, and what follows from it.
    fn handle(&mut self, room: &Room, input: Input) {
        trace!(room = room.as_str(), ?input, "in");
        let now = self.now();
        let Some(open) = self.rooms.open.get_mut(room) else { return };
        let Step { output, leader, configuration, reading, is_blank, deadline } =
            match Step::take(open.machine.as_mut(), now, input) {
                Ok(step) => step,
                Err(panicked) => return self.room_failed(room, &panicked),
            };
        if leader != open.leader {
            match leader {
                Some(ballot) => info!(room = room.as_str(), %ballot, "{} leads", ballot.voter),
                None => info!(room = room.as_str(), "no leader"),
            }
        }
        // A room that is blank no more follows the others in who votes.
        self.changed |= (leader, configuration, is_blank) != (open.leader, open.configuration, open.is_blank);
        (open.leader, open.configuration, open.is_blank, open.deadline) = (leader, configuration, is_blank, deadline);
        if let Some(batch) = &output.write {
            open.submitted = Some(batch.id);
        }
        if std::mem::replace(&mut open.told, reading) != reading {
            let _nobody_listens = self.changes.send(room.clone());
        }
        self.tell_edits(room, &output.events);
        self.carry_out(room, output);
    }

    /// Gives the writer what the events at hand have written.
    fn submit(&mut self) {
        self.unwritten += self.writes.len();
        for (room, batch) in self.writes.drain(..) {
            self.unwritten_bytes += bytes_of(&batch);
            self.writer.submit(room, batch);
        }
    }

    /// Says goodbye to everybody and waits until everything is on the disk.
    async fn stop(mut self, mut reports: Reports) -> Result<(), StorageError> {
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
    async fn renew(mut self, room: Room, reports: Reports) -> NodeError {
        let error = NodeError::Forgot { room, admit: self.admission(self.me.voter) };
        warn!("{error}");
        self.submit();
        self.writer.renew(new_incarnation());
        match self.stop(reports).await {
            Ok(()) => error,
            Err(error) => error.into(),
        }
    }
}

impl Peer {
    fn new(place: Belonging, outbox: Outbox) -> Self {
        Peer { place, outbox, closed: BTreeSet::new(), account: None, answer_is_due: false }
    }
}

impl Belonging {
    fn link(&self) -> Option<Link> {
        match *self {
            Belonging::Link(link) => Some(link),
            Belonging::Tab(..) => None,
        }
    }

    /// Whether a peer at this place and one at the other are the same replica, or relay.
    fn is_same(&self, other: &Belonging) -> bool {
        match (self, other) {
            (Belonging::Tab(replica, room), Belonging::Tab(other, other_room)) => {
                (replica, room) == (other, other_room)
            }
            (Belonging::Link(link), Belonging::Link(other)) => link.remote.voter == other.remote.voter,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
