//! The client: owns this tab's replica, keeps it linked to a relay, and tells the components when something changed.

mod caretaker;
mod channel;
mod global;
mod held;
mod identity;
mod importer;
mod keeper;
mod lab;
mod link;
mod lock;
mod patience;
mod reading;
mod socket;
pub mod store;
mod succession;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gloo::timers::callback::Timeout;
use shared::base::id::{RecordId, ReplicaSecret};
use shared::base::room::Room;
use shared::merge::document::Live;
use shared::protocol::Frame;
use shared::replica::io::{Changed, Message, Violation};

use caretaker::Purpose;
use channel::Channel;
pub use getrandom::Error as NoRandomness;
pub use global::now;
use identity::Identity;
pub use importer::{ImportState, LineWords};
use keeper::Keeper;
pub use lab::{LabState, WriterNames, WritersStep};
use link::Link;
pub use link::{NoAddress, route_to};
use succession::Succession;

use crate::connection::ConnectionState;
use crate::impairment::Impairment;
use crate::listeners::{Listeners, Subscription};
use crate::neighbours::Neighbours;
use crate::notification::Notification;
use crate::route::Route;
use crate::session::Session;

/// How long changes are gathered before the components hear of them: about one frame of the screen.
const GATHER: Duration = Duration::from_millis(12);

/// How often they hear of what takes many slices of work.
const SHOWING: Duration = Duration::from_millis(400);

/// How often a tab that merges with its neighbours makes sure that they are still there.
const LOOK_ROUND: Duration = Duration::from_secs(5);

/// Something that those who show the replica want to know.
#[derive(Clone, Debug)]
pub enum Change {
    /// These records were read from the device. There may be more to come.
    Read(Vec<RecordId>),
    /// Something changed. Changes of records and of conflicts are named; anything else may have changed, too.
    Changed(Changed),
    /// Over the link to a relay, this replica has got all that the relay had. Told once for each link.
    CaughtUp,
}

type Chore = Box<dyn FnOnce(&Client)>;

/// A handle on the client of this tab. Clones are handles on the same client.
#[derive(Clone)]
pub struct Client(Rc<Inner>);

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct Inner {
    room: Room,
    purpose: Purpose,
    state: RefCell<State>,
    listeners: Listeners<Change>,
    /// To be done when all records have been read.
    waiting: RefCell<Vec<Chore>>,
    import: RefCell<Option<importer::Shown>>,
    /// The next part of an import that is being undone.
    undoing: RefCell<Option<Timeout>>,
    lab: RefCell<lab::Lab>,
    /// Shared with the sockets.
    impairment: Rc<Cell<Impairment>>,
}

struct State {
    session: Session,
    /// Proves the session's id to relays.
    secret: ReplicaSecret,
    succession: Succession,
    route: Route,
    link: Link,
    /// What carries out the session's writes, if this replica lives on the device.
    keeper: Option<Keeper>,
    /// The lock on the id, where the device takes no more writes.
    lost_lock: Option<lock::Lock>,
    /// When a device that was lost is tried again.
    device_again: Option<Timeout>,
    neighbours: Neighbours,
    channel: Option<Channel>,
    /// When the neighbours are looked after next.
    look_round: Option<Timeout>,
    /// Wakes the replica at its deadline.
    alarm: Option<(Duration, Timeout)>,
    /// When the components will be told.
    announcement: Option<(Duration, Timeout)>,
}

impl Client {
    /// Starts the replica of this tab, with what it has kept on this device, and looks for a relay.
    ///
    /// # Errors
    /// If the browser has no source of randomness.
    pub async fn start(room: Room, route: Route) -> Result<Self, getrandom::Error> {
        let identity = identity::take(&room, None).await?;
        let replica = identity.replica();
        let client = Self::of(identity, room, route, Purpose::main());
        client.show_left_report(replica);
        Ok(client)
    }

    fn of(identity: Identity, room: Room, route: Route, purpose: Purpose) -> Self {
        let now = global::now();
        let (replica, secret) = (identity.replica(), identity.secret);
        let (mut session, keeper, rest) = keeper::begin(replica, identity.disk, now);
        for remark in identity.remarks {
            session.alert(now, remark);
        }
        let link = Link::idle(&route);
        let neighbours = Neighbours::new(replica, global::random_number());
        let state = State {
            session,
            secret,
            succession: Succession::default(),
            route,
            link,
            keeper,
            lost_lock: None,
            device_again: None,
            neighbours,
            channel: None,
            look_round: None,
            alarm: None,
            announcement: None,
        };
        let inner = Inner {
            room,
            purpose,
            state: RefCell::new(state),
            listeners: Listeners::default(),
            waiting: RefCell::default(),
            import: RefCell::default(),
            undoing: RefCell::default(),
            lab: RefCell::default(),
            impairment: Rc::default(),
        };
        let client = Client(Rc::new(inner));
        client.hear_of_loss(&client.0.state.borrow());
        client.read_on(rest);
        client
    }

    /// Returns the room of this replica.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.0.room
    }

    /// Calls `listener` after changes, as long as the subscription lives. Several changes of one kind that come soon after
    /// one another are told as one.
    #[must_use]
    pub fn subscribe(&self, listener: impl Fn(&Change) + 'static) -> Subscription<Change> {
        self.0.listeners.subscribe(listener)
    }

    /// Tells the user something that nobody should miss.
    pub fn alert(&self, notification: Notification) {
        self.advance(|session| {
            session.alert(global::now(), notification);
            Vec::new()
        });
    }

    /// Returns true while something that the user wants waits for records to be read from the device.
    #[must_use]
    pub fn has_waiting_commands(&self) -> bool {
        !self.0.waiting.borrow().is_empty()
    }

    /// The page can be seen, or cannot.
    pub fn set_shown(&self, shown: bool) {
        self.advance(|session| session.set_shown(global::now(), shown));
        self.watch();
    }

    /// A page that shows what the relays see is open, or no more.
    pub fn set_watching(&self, open: bool) {
        self.advance(|session| session.watch(global::now(), open));
    }

    /// What of the session a page shows, at this moment.
    pub fn look<T>(&self, look: impl FnOnce(&Session, &ConnectionState) -> T) -> T {
        let state = self.0.state.borrow();
        look(&state.session, state.link.connection())
    }

    /// The versions of a record as the page shows it.
    #[must_use]
    pub fn versions(&self, record: RecordId) -> Vec<Live> {
        self.0.state.borrow().session.view().document().versions(record)
    }

    fn wake(&self) {
        self.0.state.borrow_mut().alarm = None;
        self.advance(|session| session.wake(global::now()));
    }

    /// Takes a step of the session and sends what comes out of it.
    fn advance(&self, step: impl FnOnce(&mut Session) -> Vec<Message>) {
        let is_copied = {
            let state = &mut *self.0.state.borrow_mut();
            let messages = step(&mut state.session);
            state.send(messages);
            self.send_to_neighbours(state);
            self.keep(state);
            self.set_alarm(state);
            state.session.take_copied()
        };
        if is_copied {
            self.on_id_refused(Violation::Copied);
        }
        if self.0.purpose.is_main() { self.announce() } else { self.rest_if_done() }
    }

    /// Hears the other tabs of this browser from now on.
    fn meet_neighbours(&self) {
        let weak = Rc::downgrade(&self.0);
        let channel = Channel::open(&self.0.room, move |packet| {
            if let Some(inner) = weak.upgrade() {
                Client(inner).on_packet(&packet);
            }
        });
        let state = &mut *self.0.state.borrow_mut();
        state.channel = channel;
        self.send_to_neighbours(state);
    }

    fn on_packet(&self, packet: &[u8]) {
        {
            let state = &mut *self.0.state.borrow_mut();
            let messages = state.neighbours.receive(&mut state.session, global::now(), packet);
            state.send(messages);
        }
        self.advance(|_| Vec::new());
    }

    /// The page goes away: the neighbours need not find out by themselves.
    pub fn leave_neighbours(&self) {
        let state = &mut *self.0.state.borrow_mut();
        state.neighbours.leave(&mut state.session, global::now());
        self.send_to_neighbours(state);
    }

    /// Sends to the other tabs what there is for them.
    fn send_to_neighbours(&self, state: &mut State) {
        if !self.0.purpose.is_main() || state.session.reading().is_some() {
            return;
        }
        let now = global::now();
        let away = state.link.connection() == &ConnectionState::Offline;
        state.neighbours.stand(&mut state.session, now, state.link.is_alone(), away);
        state.neighbours.post(&mut state.session, now);
        let packets = state.neighbours.take_packets();
        if let Some(channel) = &state.channel {
            packets.iter().for_each(|packet| channel.post(packet));
        }
        if state.session.neighbour_count() > 0 && state.look_round.is_none() {
            state.look_round = Some(self.after(LOOK_ROUND, Client::look_round));
        }
    }

    fn look_round(&self) {
        {
            let state = &mut *self.0.state.borrow_mut();
            state.look_round = None;
            state.neighbours.look_round(&mut state.session, global::now());
        }
        self.advance(|_| Vec::new());
    }

    fn set_alarm(&self, state: &mut State) {
        let Some(deadline) = state.session.deadline() else {
            state.alarm = None;
            return;
        };
        if state.alarm.as_ref().is_none_or(|&(at, _)| at != deadline) {
            let wait = deadline.saturating_sub(global::now().monotonic);
            state.alarm = Some((deadline, self.after(wait, Client::wake)));
        }
    }

    /// Calls the listeners soon, with all that changes until then.
    fn announce(&self) {
        self.announce_within(GATHER);
    }

    /// Calls the listeners within this time, with all that changes until then.
    pub fn announce_within(&self, wait: Duration) {
        if !self.0.purpose.is_main() {
            return;
        }
        let mut state = self.0.state.borrow_mut();
        let at = global::now().monotonic + wait;
        if state.announcement.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
            state.announcement = Some((at, self.after(wait, Client::tell_of_changes)));
        }
    }

    fn tell_of_changes(&self) {
        let changed = {
            let state = &mut *self.0.state.borrow_mut();
            state.announcement = None;
            state.session.take_changed()
        };
        self.0.listeners.call(&Change::Changed(changed));
    }

    /// Calls the client later, unless the timer or the client is dropped before.
    fn after(&self, wait: Duration, then: impl FnOnce(&Client) + 'static) -> Timeout {
        let weak = Rc::downgrade(&self.0);
        // Rounded up: a timer that fires early would only be set again.
        let millis = u32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u32::MAX);
        Timeout::new(millis, move || {
            if let Some(inner) = weak.upgrade() {
                then(&Client(inner));
            }
        })
    }
}

impl State {
    fn send(&mut self, messages: Vec<Message>) {
        if let Some(socket) = self.link.open_socket() {
            for message in messages {
                socket.send(&Frame::Message(message));
            }
        }
    }
}
