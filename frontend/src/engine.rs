//! The engine: owns this tab's replica, keeps it linked to a relay, and tells the components when something changed.

pub mod burst;
mod caretaker;
pub mod carry_over;
mod channel;
pub mod decisions;
pub mod fact;
pub mod heartbeat;
mod held;
mod identity;
pub mod impairment;
mod importer;
mod keeper;
mod lab;
mod link;
pub mod load_history;
mod lock;
pub mod merges;
pub mod neighbours;
pub mod network;
mod patience;
mod reading;
pub mod route;
pub mod session;
mod socket;
pub mod store;
mod succession;
pub mod words;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use gloo::timers::callback::Timeout;
use litemap::LiteMap;
use shared::base::id::{RecordId, ReplicaSecret};
use shared::base::room::Room;
use shared::merge::document::Live;
use shared::protocol::Frame;
use shared::replica::io::{Changed, Message, Violation};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::language::Language;
use crate::view_model::{LocalTime, Projection, Snapshot};
use caretaker::Post;
use channel::Channel;
use fact::Fact;
use identity::Identity;
use impairment::Impairment;
use keeper::Keeper;
use link::Link;
pub use link::{ConnectionState, NoAddress, route_of_page};
use neighbours::Neighbours;
use route::Route;
use session::Session;
use succession::Succession;

/// How long changes are gathered before the components hear of them: about one frame of the screen.
const GATHER: Duration = Duration::from_millis(12);

/// How often they hear of what takes many slices of work.
const SHOWING: Duration = Duration::from_millis(400);

/// How often a tab that merges with its neighbours makes sure that they are still there.
const LOOK_ROUND: Duration = Duration::from_secs(5);

type Listener = Rc<dyn Fn()>;
type Chore = Box<dyn FnOnce(&Engine)>;

/// A handle on the engine of this tab. Clones are handles on the same engine.
#[derive(Clone)]
pub struct Engine(Rc<Inner>);

impl PartialEq for Engine {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct Inner {
    room: Room,
    post: Post,
    state: RefCell<State>,
    listeners: RefCell<Listeners>,
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
    /// Whether the relay serves a newer version of the page.
    outdated: bool,
    /// Wakes the replica at its deadline.
    alarm: Option<(Duration, Timeout)>,
    /// When the components will be told.
    announcement: Option<(Duration, Timeout)>,
    /// The rows are made that the last snapshot had not.
    catching_up: Option<Timeout>,
    projection: Projection,
    snapshot: Rc<Snapshot>,
}

#[derive(Default)]
struct Listeners {
    added: u64,
    all: LiteMap<u64, Listener>,
}

/// A listener is heard as long as its subscription lives.
pub struct Subscription {
    id: u64,
    engine: Weak<Inner>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(inner) = self.engine.upgrade() {
            inner.listeners.borrow_mut().all.remove(&self.id);
        }
    }
}

impl Engine {
    /// Starts the replica of this tab, with what it has kept on this device, and looks for a relay.
    ///
    /// # Errors
    /// If the browser has no source of randomness.
    pub async fn start(room: Room, route: Route) -> Result<Self, getrandom::Error> {
        let identity = identity::take(&room, None).await?;
        let replica = identity.replica();
        let engine = Self::of(identity, room, route, Post::page());
        engine.show_left_report(replica);
        Ok(engine)
    }

    fn of(identity: Identity, room: Room, route: Route, post: Post) -> Self {
        let now = browser::now();
        let (replica, secret) = (identity.replica(), identity.secret);
        let (mut session, keeper, rest) = keeper::begin(replica, identity.disk, now);
        for remark in identity.remarks {
            session.tell_aloud(now, remark);
        }
        let link = Link::idle(&route);
        let mut projection = Projection::default();
        let snapshot = projection.look(&session, Changed::default(), link.connection(), LocalTime::here());
        let neighbours = Neighbours::new(replica, browser::random_number());
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
            outdated: false,
            alarm: None,
            announcement: None,
            catching_up: None,
            projection,
            snapshot,
        };
        let inner = Inner {
            room,
            post,
            state: RefCell::new(state),
            listeners: RefCell::default(),
            waiting: RefCell::default(),
            import: RefCell::default(),
            undoing: RefCell::default(),
            lab: RefCell::default(),
            impairment: Rc::default(),
        };
        let engine = Engine(Rc::new(inner));
        engine.hear_of_loss(&engine.0.state.borrow());
        engine.read_on(rest);
        engine
    }

    #[must_use]
    pub fn room(&self) -> &Room {
        &self.0.room
    }

    /// How everything stands, as last announced.
    #[must_use]
    pub fn snapshot(&self) -> Rc<Snapshot> {
        self.0.state.borrow().snapshot.clone()
    }

    /// Calls `listener` after each change of the snapshot.
    #[must_use]
    pub fn subscribe(&self, listener: impl Fn() + 'static) -> Subscription {
        let mut listeners = self.0.listeners.borrow_mut();
        listeners.added += 1;
        let id = listeners.added;
        listeners.all.insert(id, Rc::new(listener));
        Subscription { id, engine: Rc::downgrade(&self.0) }
    }

    /// Changes the language of the page as soon as its words are there.
    pub fn speak(&self, language: Language) {
        let engine = self.clone();
        spawn_local(async move {
            match words::choose(language).await {
                Ok(()) => engine.announce(),
                Err(words::Unavailable) => engine.tell_of_missing_words(language),
            }
        });
    }

    /// The page speaks another language than was wanted.
    pub fn tell_of_missing_words(&self, language: Language) {
        self.advance(|session| {
            session.tell_aloud(browser::now(), Fact::WordsMissing(language));
            Vec::new()
        });
    }

    /// The page can be seen, or cannot.
    pub fn set_shown(&self, shown: bool) {
        self.advance(|session| session.set_shown(browser::now(), shown));
        self.watch();
    }

    /// A page that shows what the relays see is open, or no more.
    pub fn set_watching(&self, open: bool) {
        self.advance(|session| session.watch(browser::now(), open));
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
        self.advance(|session| session.wake(browser::now()));
    }

    /// Takes a step of the session and sends what comes out of it.
    fn advance(&self, step: impl FnOnce(&mut Session) -> Vec<Message>) {
        let is_copied = {
            let state = &mut *self.0.state.borrow_mut();
            let messages = step(&mut state.session);
            state.send(messages);
            self.tell_neighbours(state);
            self.keep(state);
            self.set_alarm(state);
            state.session.take_copied()
        };
        if is_copied {
            self.on_id_refused(Violation::Copied);
        }
        if self.0.post.is_page() { self.announce() } else { self.rest_if_done() }
    }

    /// Hears the other tabs of this browser from now on.
    fn meet_neighbours(&self) {
        let weak = Rc::downgrade(&self.0);
        let channel = Channel::open(&self.0.room, move |packet| {
            if let Some(inner) = weak.upgrade() {
                Engine(inner).on_packet(&packet);
            }
        });
        let state = &mut *self.0.state.borrow_mut();
        state.channel = channel;
        self.tell_neighbours(state);
    }

    fn on_packet(&self, packet: &[u8]) {
        {
            let state = &mut *self.0.state.borrow_mut();
            let messages = state.neighbours.receive(&mut state.session, browser::now(), packet);
            state.send(messages);
        }
        self.advance(|_| Vec::new());
    }

    /// The relay that was found may have a newer version of the page.
    fn look_for_version(&self) {
        let engine = self.clone();
        spawn_local(async move {
            let outdated = browser::is_outdated().await;
            engine.0.state.borrow_mut().outdated = outdated;
            engine.announce();
        });
    }

    /// The page goes away: the neighbours need not find out by themselves.
    pub fn leave_neighbours(&self) {
        let state = &mut *self.0.state.borrow_mut();
        state.neighbours.leave(&mut state.session, browser::now());
        self.tell_neighbours(state);
    }

    /// Sends to the other tabs what there is for them.
    fn tell_neighbours(&self, state: &mut State) {
        if !self.0.post.is_page() || state.session.reading().is_some() {
            return;
        }
        let now = browser::now();
        let away = state.link.connection() == &ConnectionState::Offline;
        state.neighbours.stand(&mut state.session, now, state.link.is_alone(), away);
        state.neighbours.post(&mut state.session, now);
        let packets = state.neighbours.take_packets();
        if let Some(channel) = &state.channel {
            packets.iter().for_each(|packet| channel.post(packet));
        }
        if state.session.neighbour_count() > 0 && state.look_round.is_none() {
            state.look_round = Some(self.after(LOOK_ROUND, Engine::look_round));
        }
    }

    fn look_round(&self) {
        {
            let state = &mut *self.0.state.borrow_mut();
            state.look_round = None;
            state.neighbours.look_round(&mut state.session, browser::now());
        }
        self.advance(|_| Vec::new());
    }

    fn set_alarm(&self, state: &mut State) {
        let Some(deadline) = state.session.deadline() else {
            state.alarm = None;
            return;
        };
        if state.alarm.as_ref().is_none_or(|&(at, _)| at != deadline) {
            let wait = deadline.saturating_sub(browser::now().monotonic);
            state.alarm = Some((deadline, self.after(wait, Engine::wake)));
        }
    }

    /// Tells the listeners soon, together with all that happens until then.
    fn announce(&self) {
        self.announce_within(GATHER);
    }

    fn announce_within(&self, wait: Duration) {
        if !self.0.post.is_page() {
            return;
        }
        let mut state = self.0.state.borrow_mut();
        let at = browser::now().monotonic + wait;
        if state.announcement.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
            state.announcement = Some((at, self.after(wait, Engine::tell_listeners)));
        }
    }

    /// The listeners are called without any borrow: they may call the engine.
    fn tell_listeners(&self) {
        {
            let state = &mut *self.0.state.borrow_mut();
            state.announcement = None;
            let changed = state.session.take_changed();
            let State { session, link, projection, .. } = state;
            state.snapshot = projection.look(session, changed, link.connection(), LocalTime::here());
            if state.outdated {
                Rc::make_mut(&mut state.snapshot).outdated = true;
            }
            if !self.0.waiting.borrow().is_empty() {
                Rc::make_mut(&mut state.snapshot).at_risk = true;
            }
            if state.projection.is_behind() {
                state.catching_up = Some(self.after(Duration::ZERO, Engine::catch_up));
            }
        }
        let listeners: Vec<Listener> = self.0.listeners.borrow().all.values().cloned().collect();
        for listener in listeners {
            listener();
        }
    }

    /// Makes rows, slice by slice, and tells of them now and then.
    fn catch_up(&self) {
        let is_behind = {
            let state = &mut *self.0.state.borrow_mut();
            state.projection.catch_up(&state.session);
            let is_behind = state.projection.is_behind();
            state.catching_up = is_behind.then(|| self.after(Duration::ZERO, Engine::catch_up));
            is_behind
        };
        self.announce_within(if is_behind { SHOWING } else { GATHER });
    }

    /// Calls the engine later, unless the timer or the engine is dropped before.
    fn after(&self, wait: Duration, then: impl FnOnce(&Engine) + 'static) -> Timeout {
        let weak = Rc::downgrade(&self.0);
        // Rounded up: a timer that fires early would only be set again.
        let millis = u32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u32::MAX);
        Timeout::new(millis, move || {
            if let Some(inner) = weak.upgrade() {
                then(&Engine(inner));
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
