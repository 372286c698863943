//! The client's link: one relay at a time, another one as soon as it is lost.

use std::time::Duration;

use gloo::timers::callback::Timeout;
use shared::base::hlc::ClockAhead;
use shared::base::id::{RelayId, ReplicaId};
use shared::base::room::Room;
use shared::base::sorted::SortedSet;
use shared::protocol::{Frame, Hello};
use shared::replica::io::{Message, Violation};
use shared::schema::Schema;
use wasm_bindgen_futures::spawn_local;

use super::global;
use super::socket::{Socket, SocketEvent};
use super::{Change, Client, State};
use crate::connection::ConnectionState;
use crate::heartbeat::{Beat, Heartbeat};
use crate::notification::Notification;
use crate::route::{self, AskedRelay, Farewell, Route, Trouble};
use crate::session::{Action, Session};

/// How long a relay may take until it has said hello.
const OPENING: Duration = Duration::from_secs(2);
/// Where the addresses of vouched relays are kept for the next time.
const RELAYS_KEY: &str = "duet.vouched-relays";

/// The link in one of its states; whatever belongs to a state ends with it.
pub(super) struct Link {
    connection: ConnectionState,
    /// Counts the sockets, to tell the events of this one from late ones of earlier ones.
    attempt: u64,
    socket: Option<Socket>,
    /// The next attempt, or the end of the patience with this one.
    timer: Option<Timeout>,
    connected_at: Duration,
    pub(super) heartbeat: Heartbeat,
    /// Actions that wait for a sign of the relay: over a link that is dead, an operation would wait for the end of the
    /// outage, though this tab could give a number by itself.
    pub(super) held: Vec<Action>,
    /// The relays that this page was told of which answer, but not to this page.
    closed_doors: SortedSet<String>,
    /// Whether no relay could be reached since the last one was lost, or at all.
    alone: bool,
    /// Whether what can wait until this page has what the relay has is under way.
    has_chores_begun: bool,
    /// Troubles of relays that pass by themselves.
    trouble: Trouble,
}

impl Link {
    pub(super) fn idle(route: &Route) -> Self {
        let connection = ConnectionState::Seeking { next: route.next().to_owned() };
        Link {
            connection,
            attempt: 0,
            socket: None,
            timer: None,
            connected_at: Duration::ZERO,
            heartbeat: Heartbeat::default(),
            held: Vec::new(),
            closed_doors: SortedSet::new(),
            alone: false,
            has_chores_begun: false,
            trouble: Trouble::default(),
        }
    }

    pub(super) fn connection(&self) -> &ConnectionState {
        &self.connection
    }

    /// Whether this tab looks for a relay, and the last one that it tried or had does not answer.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// The socket, once both sides have said hello.
    pub(super) fn open_socket(&mut self) -> Option<&mut Socket> {
        self.socket.as_mut().filter(|_| matches!(self.connection, ConnectionState::Connected { .. }))
    }

    /// Leaves the relay and looks for none, until the next [`seek`](Client::seek); one that is offline stays so.
    pub(super) fn leave(&mut self, route: &Route) {
        if self.connection != ConnectionState::Offline {
            self.close(ConnectionState::Seeking { next: route.next().to_owned() });
        }
    }

    fn close(&mut self, connection: ConnectionState) {
        self.socket = None;
        self.timer = None;
        self.connection = connection;
    }
}

/// The route of a replica in a room: the relay that somebody asks for, if it is vouched or the user has agreed to it in
/// this tab; then the origin of the program and the relays that it has named earlier.
///
/// # Errors
/// If `asked` is no address.
pub fn route_to(room: &Room, asked: Option<&str>) -> Result<Route, NoAddress> {
    let own = global::own_address();
    let known = global::recall(RELAYS_KEY).unwrap_or_default();
    let vouched: Vec<String> = std::iter::once(own.clone()).chain(known.lines().map(str::to_owned)).collect();
    match asked.map(|asked| AskedRelay::of(asked, &vouched)) {
        None => Ok(Route::new(own, vouched)),
        Some(AskedRelay::Vouched(first)) => Ok(Route::new(first, vouched)),
        Some(AskedRelay::Ask(stranger)) => {
            let mut route = Route::new(own, vouched);
            let is_agreed = global::recall_in_tab(&agreed_key(room)).as_ref() == Some(&stranger);
            if is_agreed {
                route.agree(stranger);
                return Ok(route);
            }
            Ok(route.asking(stranger))
        }
        Some(AskedRelay::NoAddress) => Err(NoAddress),
    }
}

/// A relay is asked for by something that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAddress;

/// Where a tab keeps which relay its user has agreed to. A link to another room asks again.
fn agreed_key(room: &Room) -> String {
    format!("duet/{}/agreed-relay", room.as_str())
}

impl Client {
    /// Stays away from every relay, or comes back.
    pub fn set_offline(&self, offline: bool) {
        {
            let state = &mut *self.0.state.borrow_mut();
            let is_offline = state.link.connection == ConnectionState::Offline;
            if offline == is_offline {
                return;
            }
            state.session.disconnected(global::now());
            state.link.close(ConnectionState::Offline);
            state.route.forgive();
            self.send_to_neighbours(state);
        }
        if offline {
            self.act_on_held();
            self.announce();
        } else {
            self.seek();
        }
    }

    /// The relay that the user is to be asked about.
    #[must_use]
    pub fn asked_relay(&self) -> Option<String> {
        self.0.state.borrow().route.asked().map(str::to_owned)
    }

    /// The user has agreed, for as long as there is this tab, to a relay that nobody vouches for.
    pub fn agree_to_relay(&self, address: String) {
        global::remember_in_tab(&agreed_key(&self.0.room), &address);
        {
            let state = &mut *self.0.state.borrow_mut();
            state.route.agree(address);
            if state.link.connection == ConnectionState::Offline {
                return;
            }
            state.session.disconnected(global::now());
        }
        self.seek();
    }

    /// Tries the next relay when the route says that it is time.
    pub(super) fn seek(&self) {
        self.act_on_held();
        {
            let state = &mut *self.0.state.borrow_mut();
            state.link.close(ConnectionState::Seeking { next: state.route.next().to_owned() });
            if state.session.reading().is_some() {
                return; // It is looked for when all records are there.
            }
            state.link.alone = state.link.attempt > 0;
            let wait = state.route.wait(global::jitter());
            state.link.timer = Some(self.after(wait, Client::open));
            self.send_to_neighbours(state);
        }
        self.announce();
    }

    fn open(&self) {
        let opened = {
            let state = &mut *self.0.state.borrow_mut();
            state.link.attempt += 1;
            let attempt = state.link.attempt;
            let scheme = if global::is_over_tls() { "wss" } else { "ws" };
            let weak = std::rc::Rc::downgrade(&self.0);
            let tell = move |event| {
                if let Some(inner) = weak.upgrade() {
                    Client(inner).on_socket(attempt, event);
                }
            };
            let impairment = &self.0.impairment;
            state.link.timer = Some(self.after(OPENING + 2 * impairment.get().latency(), Client::give_up));
            let url = format!("{scheme}://{}/ws", state.route.next());
            state.link.socket = Socket::open(&url, impairment, tell).ok();
            state.link.socket.is_some()
        };
        if !opened {
            self.give_up();
        }
    }

    /// The relay cannot be reached: on to the next.
    fn give_up(&self) {
        self.look_at_door();
        self.0.state.borrow_mut().route.failed();
        self.seek();
    }

    /// A browser does not say why a WebSocket cannot be opened. A relay that answers otherwise has refused it.
    fn look_at_door(&self) {
        let State { link, route, .. } = &mut *self.0.state.borrow_mut();
        let address = route.next().to_owned();
        if !self.0.purpose.is_main() || !link.closed_doors.insert(address.clone()) {
            return;
        }
        let client = self.clone();
        spawn_local(async move {
            let answers = global::answers(&address).await;
            let State { session, link, .. } = &mut *client.0.state.borrow_mut();
            // One that is not there now may be there, and refuse, another time.
            if !answers
                || matches!(&link.connection, ConnectionState::Connected { address: own, .. } if *own == address)
            {
                link.closed_doors.remove(&address);
                return;
            }
            let page = global::origin();
            session.alert(global::now(), Notification::ClosedDoor { address, page });
        });
    }

    fn on_socket(&self, attempt: u64, event: SocketEvent) {
        if self.0.state.borrow().link.attempt != attempt {
            return;
        }
        match event {
            SocketEvent::Opened => self.say_hello(),
            SocketEvent::Received(Ok(frame)) => self.on_frame(frame),
            SocketEvent::Received(Err(error)) => self.cut(&error.into()),
            SocketEvent::Closed => self.on_lost(),
        }
    }

    /// Sees to it that a silent relay is left.
    pub(super) fn watch(&self) {
        let beat = {
            let state = &mut *self.0.state.borrow_mut();
            let hurry = state.session.hurry(!state.link.held.is_empty());
            let State { link, .. } = state;
            if !matches!(link.connection, ConnectionState::Connected { .. }) {
                return;
            }
            let slack = 2 * self.0.impairment.get().latency();
            let (beat, wait) = link.heartbeat.look(global::now().monotonic, hurry, slack);
            link.timer = Some(self.after(wait, Client::watch));
            if let (Beat::Ask, Some(socket)) = (beat, &mut link.socket) {
                socket.send(&Frame::Ping);
            }
            beat
        };
        if beat == Beat::Dead {
            self.on_lost();
        }
    }

    fn say_hello(&self) {
        let state = &mut *self.0.state.borrow_mut();
        let hello = Hello::Tab { secret: state.secret.clone(), room: self.0.room.as_str().to_owned() };
        if let Some(socket) = &mut state.link.socket {
            socket.send(&Frame::Hello(hello));
        }
    }

    fn on_frame(&self, frame: Frame) {
        self.0.state.borrow_mut().link.heartbeat.heard(global::now().monotonic);
        match frame {
            Frame::Hello(Hello::Relay { voter, replica, schema }) => self.on_hello(voter, replica, schema),
            Frame::Message(message) => self.on_message(message),
            Frame::Ping => {}
            Frame::Bye(violation) => self.on_bye(violation),
            Frame::Hello(_)
            | Frame::InRoom(..)
            | Frame::Relays(_)
            | Frame::Opened(_)
            | Frame::Closed(_)
            | Frame::Updated(..) => {
                let reason = "a relay does not say this to a tab".to_owned();
                self.cut(&Violation::Malformed { reason });
            }
        }
        self.act_on_held();
    }

    fn on_bye(&self, violation: Violation) {
        let me = self.0.state.borrow().session.view().me();
        match Farewell::of(&violation, me) {
            Farewell::Passing if !self.trouble_lasts() => self.on_lost(),
            // An older link of this very tab would have been found dead by now.
            Farewell::Passing if violation == Violation::ConnectedElsewhere => self.on_id_refused(Violation::Copied),
            Farewell::Passing => {
                self.0.state.borrow_mut().session.alert(global::now(), Notification::LinkRefused(violation));
                self.on_lost();
            }
            Farewell::WrongClock(ahead) => self.on_wrong_clock(ahead),
            Farewell::NewId => self.on_id_refused(violation),
            Farewell::ForCause => self.end_for_cause(Notification::LinkRefused(violation)),
        }
    }

    /// Notes a trouble that passes by itself. Returns true, once, when such troubles have lasted.
    fn trouble_lasts(&self) -> bool {
        self.0.state.borrow_mut().link.trouble.lasts(global::now().monotonic)
    }

    /// The relay refuses what this tab has stamped. Unless this device's clock itself says that the stamp is wrong, which is
    /// then an old one, that clock is wrong.
    fn on_wrong_clock(&self, ahead: ClockAhead) {
        let now = global::now();
        let is_wrong = self.look(|session, _| session.view().stamps_are_right(now.wall_ms));
        if !is_wrong || !global::set_clock_back(ahead.ahead_ms) {
            return self.end_for_cause(Notification::LinkRefused(Violation::Clock(ahead)));
        }
        self.0.state.borrow_mut().session.alert(global::now(), Notification::WrongClock(ahead));
        self.on_lost();
    }

    fn on_hello(&self, voter: RelayId, incarnation: ReplicaId, schema: Schema) {
        {
            let state = &mut *self.0.state.borrow_mut();
            state.link.timer = None;
            state.link.connected_at = global::now().monotonic;
            state.link.heartbeat = Heartbeat::new(state.link.connected_at);
            state.link.alone = false;
            state.link.has_chores_begun = false;
            state.link.connection = ConnectionState::Connected { address: state.route.next().to_owned(), voter };
        }
        self.advance_or_cut(|session| session.connected(global::now(), voter, incarnation, schema));
        self.watch();
        self.begin_chores();
    }

    /// Does what can wait until this page has what the relay has.
    fn begin_chores(&self) {
        self.carry_over();
        self.forget_predecessors();
        {
            let state = &mut *self.0.state.borrow_mut();
            if state.link.has_chores_begun || !self.0.purpose.is_main() || !state.session.has_caught_up() {
                return;
            }
            state.link.has_chores_begun = true;
        }
        self.0.listeners.call(&Change::CaughtUp);
        self.look_for_what_was_left();
    }

    fn on_message(&self, message: Message) {
        let is_status = matches!(message, Message::Status(_) | Message::StatusNews(_));
        self.advance_or_cut(|session| session.receive(global::now(), message));
        if is_status {
            self.0.state.borrow_mut().learn_relays();
        }
        self.begin_chores();
    }

    /// Takes a step that the relay may have made impossible, which ends the link.
    fn advance_or_cut(&self, step: impl FnOnce(&mut Session) -> Result<Vec<Message>, Violation>) {
        let mut broken = None;
        self.advance(|session| {
            step(session).unwrap_or_else(|violation| {
                broken = Some(violation);
                Vec::new()
            })
        });
        if let Some(violation) = broken {
            self.cut(&violation);
        }
    }

    /// The relay broke the protocol: tells it why, and goes on elsewhere.
    fn cut(&self, violation: &Violation) {
        if let Some(socket) = &mut self.0.state.borrow_mut().link.socket {
            socket.send(&Frame::Bye(violation.clone()));
        }
        self.end_for_cause(Notification::LinkCut(violation.clone()));
    }

    /// The link has ended for cause: this tab comes back much later, or when the user wants it.
    fn end_for_cause(&self, notification: Notification) {
        {
            let state = &mut *self.0.state.borrow_mut();
            let now = global::now();
            state.session.disconnected(now);
            state.session.alert(now, notification);
            state.route.refused(&state.own_addresses());
        }
        self.seek();
    }

    fn on_lost(&self) {
        let was_connected = {
            let state = &mut *self.0.state.borrow_mut();
            let was_connected = matches!(state.link.connection, ConnectionState::Connected { .. });
            if was_connected {
                let now = global::now();
                let lived = now.monotonic.saturating_sub(state.link.connected_at);
                state.session.disconnected(now);
                state.route.lost(&state.own_addresses(), lived, global::jitter());
            }
            was_connected
        };
        if was_connected {
            self.seek();
        } else {
            self.give_up();
        }
    }
}

impl State {
    /// The relays of this room are known from now on, and the next time that the page is loaded. A relay that nobody
    /// vouches for names none.
    fn learn_relays(&mut self) {
        if !self.route.is_vouched(self.route.next()) {
            return;
        }
        let page = global::own_address();
        let page_host = page.rsplit_once(':').map_or(page.as_str(), |(host, _)| host);
        let addresses = self.session.addresses_of_relays();
        let addresses: Vec<_> = addresses.iter().map(|address| route::reachable(address, page_host)).collect();
        global::remember(RELAYS_KEY, Some(&addresses.join("\n")));
        self.route.learn(addresses);
    }

    /// The addresses of the relay that this tab is at: the one dialled, and the relay's own name for itself.
    fn own_addresses(&self) -> Vec<String> {
        let ConnectionState::Connected { address, voter } = self.link.connection() else { return Vec::new() };
        self.session.addresses_of(*voter, address)
    }
}
