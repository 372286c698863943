//! The rooms: which are open, who may open one, and which are dropped.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use shared::base::id::ReplicaId;
use shared::base::room::Room;
use shared::consensus::{AcceptorState, Ballot, Configuration};
use shared::protocol::Frame;
use shared::replica::io::{Input, PeerId, PeerKind, Recovered, WriteId};
use shared::replica::{Config, Role, Tuning, View};
use tokio::time::Instant;
use tracing::{debug, info};

use super::failures::Closed;
use super::machine::{Machine, Reading, Recover, contained, is_blank};
use super::{NoRoom, Node};
use crate::budget::{Bucket, Rate};
use crate::storage::new_room;

/// The room of those who name none. It is always open.
pub const DEFAULT_ROOM: &str = "people";

/// How fast the rooms are that one address may open.
const OPENINGS: Rate = Rate { per_second: 1.0 / 3.0, burst: 50.0 };
/// How many addresses are remembered before those are forgotten that have opened nothing lately.
const MANY_ADDRESSES: usize = 1024;
/// For how long a room must have been blank and without visitors before it is dropped.
const BLANK_BEFORE_DROP: Duration = Duration::from_secs(5);
/// How often it is looked which rooms are blank.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// The rooms of a relay.
#[derive(Debug)]
pub(super) struct Rooms {
    pub(super) open: BTreeMap<Room, OpenRoom>,
    /// The rooms whose code has failed.
    pub(super) closed: BTreeMap<Room, Closed>,
    /// When each room has failed lately.
    pub(super) failures: BTreeMap<Room, Vec<Instant>>,
    /// How many rooms there may be.
    limit: usize,
    /// How long an id is away in a room before it is retired.
    retire_after: Duration,
    /// The highest ballot promised in a room that is dropped.
    floor: Ballot,
    openings: BTreeMap<IpAddr, Bucket>,
    recover: Recover,
    sweep_at: Instant,
}

#[derive(Debug)]
pub(super) struct OpenRoom {
    pub(super) machine: Box<dyn Machine>,
    /// The leader last written to the log.
    pub(super) leader: Option<Ballot>,
    /// The number of the configuration last seen.
    pub(super) configuration: Option<u32>,
    pub(super) is_blank: bool,
    /// How the room read when those who listen were told last.
    pub(super) told: Reading,
    pub(super) deadline: Option<Duration>,
    /// How many tabs are in it at this relay.
    pub(super) tabs: usize,
    /// The last batch of writes that this room has made, and the last that is known to be durable.
    pub(super) submitted: Option<WriteId>,
    pub(super) persisted: Option<WriteId>,
    /// Since when the room is blank and without visitors.
    blank_since: Option<Instant>,
}

impl Rooms {
    pub(super) fn new(limit: usize, retire_after: Duration, floor: Ballot, recover: Recover) -> Self {
        Rooms {
            open: BTreeMap::new(),
            closed: BTreeMap::new(),
            failures: BTreeMap::new(),
            limit,
            retire_after,
            floor,
            openings: BTreeMap::new(),
            recover,
            sweep_at: Instant::now() + SWEEP_EVERY,
        }
    }

    /// # Errors
    /// [`NoRoom`] if the room is not open.
    pub(super) fn find(&self, room: &Room) -> Result<&OpenRoom, NoRoom> {
        match (self.open.get(room), self.closed.get(room)) {
            (Some(open), _) => Ok(open),
            (None, Some(Closed::Reading)) => Err(NoRoom::Failed),
            (None, Some(Closed::ForGood { .. })) => Err(NoRoom::Closed),
            (None, None) => Err(NoRoom::Missing),
        }
    }

    pub(super) fn names(&self) -> Vec<Room> {
        self.open.keys().cloned().collect()
    }

    /// When to look for rooms that can be dropped, or the earliest deadline of a room.
    pub(super) fn deadline(&self, started: Instant) -> Option<Instant> {
        let earliest = self.open.values().filter_map(|room| room.deadline).min();
        let sweep = (self.open.len() > 1).then_some(self.sweep_at);
        earliest.map(|since_start| started + since_start).into_iter().chain(sweep).min()
    }

    /// Checks whether there is a place for one more room.
    fn has_place(&self) -> bool {
        self.open.len() + self.closed.len() < self.limit
    }

    /// Takes note that an address opens a room. Returns false if it has opened too many lately.
    fn may_open(&mut self, from: IpAddr) -> bool {
        let now = Instant::now().into_std();
        if self.openings.len() >= MANY_ADDRESSES {
            self.openings.retain(|_, bucket| !bucket.is_full(now));
        }
        self.openings.entry(from).or_insert_with(|| Bucket::new(OPENINGS, now)).try_spend(1.0, now)
    }
}

impl OpenRoom {
    pub(super) fn configuration(&self) -> Option<&Configuration> {
        self.machine.view().ledger().configuration()
    }

    /// Whether nobody is in the room and nothing is in it, so that nobody would miss it.
    fn can_be_dropped(&self) -> bool {
        let is_unused = |view: View<'_>| {
            let status = view.status();
            let has_visitors = status.iter().flat_map(|status| &status.relays).any(|relay| !relay.tabs.is_empty());
            let acceptor_state = view.acceptor_state().unwrap_or_default();
            let has_voted =
                acceptor_state.accepted != AcceptorState::ZERO.accepted || acceptor_state.promised.configuration != 0;
            is_blank(view) && !has_visitors && !has_voted && !view.is_recovering()
        };
        self.submitted == self.persisted && contained(|| is_unused(self.machine.view())).unwrap_or(false)
    }
}

impl Node {
    /// Makes sure that a room is open, for somebody at this address who writes to it.
    pub(super) fn enter(&mut self, room: &Room, from: IpAddr) -> Result<(), NoRoom> {
        match self.rooms.find(room).map(drop) {
            Err(NoRoom::Missing) if !self.rooms.has_place() => Err(NoRoom::TooMany { limit: self.rooms.limit }),
            Err(NoRoom::Missing) if !self.rooms.may_open(from) => Err(NoRoom::TooFast),
            Err(NoRoom::Missing) => {
                self.open_new(room, None);
                self.rooms.find(room).map(drop)
            }
            found => found,
        }
    }

    /// Makes sure that a room is open of which another relay tells. `opened_by` is the link over which it says that it has
    /// opened the room itself. Returns false if there is no place for the room.
    pub(super) fn enter_by_link(&mut self, room: &Room, opened_by: Option<PeerId>) -> bool {
        match self.rooms.find(room).map(drop) {
            Ok(()) => true,
            Err(NoRoom::Missing) if self.rooms.has_place() => {
                self.open_new(room, opened_by);
                self.rooms.find(room).is_ok()
            }
            Err(no_room) => {
                debug!(room = room.as_str(), "a relay tells of a room that is not open here: {no_room}");
                false
            }
        }
    }

    fn open_new(&mut self, room: &Room, opened_by: Option<PeerId>) {
        self.open(room.clone(), new_room(self.rooms.floor));
        self.link_room(room, opened_by);
    }

    /// Begins a room with what the disk has of it. A room whose data makes the replica panic stays closed.
    pub(super) fn open(&mut self, room: Room, recovered: Recovered) {
        let seed = getrandom::u64().expect("the system gives random numbers");
        let (voter, addresses) = (self.me.voter, self.directory.addresses());
        let tuning = Tuning { retire_after: self.rooms.retire_after, ..Tuning::default() };
        let role = Role::Relay { voter, addresses, seed, tuning };
        let config = Config { replica: self.me.replica, schema: self.me.schema.clone(), role };
        let (now, recover) = (self.now(), self.rooms.recover);
        let recovered = contained(|| {
            let machine = recover(config, recovered, now);
            let (records, deadline) = (machine.view().document().records().len(), machine.deadline());
            (machine, records, deadline)
        });
        let (machine, records, deadline) = match recovered {
            Ok(recovered) => recovered,
            Err(panicked) => return self.close_for_good(&room, &panicked.0),
        };
        info!(room = room.as_str(), records, "room open");
        let open = OpenRoom {
            machine,
            leader: None,
            configuration: None,
            is_blank: true,
            told: Reading::default(),
            deadline,
            tabs: 0,
            submitted: None,
            persisted: None,
            blank_since: None,
        };
        self.rooms.open.insert(room.clone(), open);
        if let Some(founding) = self.founding.known().cloned() {
            self.handle(&room, Input::Found(founding));
        }
        if self.clocks.are_confirmed() {
            self.handle(&room, Input::ClockConfirmed);
        }
    }

    /// Lets a room that was just opened know of the links, and the relays at their ends of the room.
    pub(super) fn link_room(&mut self, room: &Room, opened_by: Option<PeerId>) {
        if !self.rooms.open.contains_key(room) {
            return; // It has failed in its first step.
        }
        for (peer, remote) in self.links_to(room) {
            if opened_by != Some(peer) {
                self.tell_link(peer, &Frame::Opened(room.clone()));
            }
            self.handle(room, Input::PeerUp(peer, PeerKind::Relay(remote.voter, remote.incarnation)));
        }
    }

    /// Wakes every room whose deadline has come.
    pub(super) fn wake(&mut self) {
        let now = self.started.elapsed();
        let due = self.rooms.open.iter().filter(|(_, room)| room.deadline.is_some_and(|at| at <= now));
        for room in due.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.handle(&room, Input::Wake);
        }
        if self.rooms.sweep_at <= Instant::now() {
            self.sweep();
        }
        self.warn_of_no_vote();
    }

    /// Drops the rooms that have been blank and without visitors for long enough.
    fn sweep(&mut self) {
        let now = Instant::now();
        self.rooms.sweep_at = now + SWEEP_EVERY;
        let mut due = Vec::new();
        for (name, room) in &mut self.rooms.open {
            let is_waited_for = || self.asked.values().any(|asked| asked.room == *name);
            if name.as_str() == DEFAULT_ROOM || !room.can_be_dropped() || is_waited_for() {
                room.blank_since = None;
            } else if now - *room.blank_since.get_or_insert(now) >= BLANK_BEFORE_DROP {
                due.push(name.clone());
            }
        }
        for room in due {
            self.drop_room(&room);
        }
    }

    /// Forgets a room, in memory and on disk, but for what the voter has promised in it.
    fn drop_room(&mut self, room: &Room) {
        let Some(open) = self.rooms.open.remove(room) else { return };
        let promised = open.machine.view().acceptor_state().unwrap_or_default().promised;
        self.rooms.floor = self.rooms.floor.max(promised);
        self.submit();
        self.writer.drop_room(room.clone(), promised);
        self.rooms.failures.remove(room);
        info!(room = room.as_str(), "nothing and nobody is in the room: it is dropped");
    }

    /// Whether an id belongs to a relay, as far as this room and its links tell.
    pub(super) fn is_id_of_relay(&self, room: &Room, id: ReplicaId) -> bool {
        let votes = |configuration: &Configuration| configuration.voters.values().any(|&incarnation| incarnation == id);
        let in_room = self.rooms.open.get(room).and_then(OpenRoom::configuration);
        id == self.me.replica
            || self.peers.values().filter_map(|peer| peer.place.link()).any(|link| link.remote.incarnation == id)
            || self.founding.known().map(|founding| &founding.configuration).into_iter().chain(in_room).any(votes)
    }
}
