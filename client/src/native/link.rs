//! The task that keeps a client linked to one relay at a time: another one as soon as that is lost.

use std::sync::Arc;
use std::time::Duration;

use shared::base::hlc::ClockAhead;
use shared::base::id::{RelayId, ReplicaId};
use shared::protocol::{Frame, Hello};
use shared::replica::io::{Message, Violation};
use shared::schema::Schema;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::Inner;
use super::error::LinkEnd;
use super::socket::{self, Receiving, Sending};
use super::state::State;
use crate::connection::ConnectionState;
use crate::heartbeat::{Beat, Heartbeat};
use crate::notification::Notification;
use crate::route::{self, Farewell};

/// How long a relay may take until it has said hello.
const OPENING: Duration = Duration::from_secs(2);
/// How long a link that is left may take to send the rest.
const GRACE: Duration = Duration::from_secs(2);

/// A link over which both sides have said hello.
struct Linked {
    sending: Sending,
    receiving: Receiving,
    /// What is to be sent.
    outgoing: mpsc::UnboundedReceiver<Frame>,
}

/// Keeps the client linked until it stops.
pub(super) async fn stay_linked(inner: Arc<Inner>) {
    loop {
        inner.until(|state| state.stopped.is_some() || state.may_link()).await;
        if inner.has_stopped() {
            return;
        }
        let mut left = inner.left.subscribe();
        let Some(wait) = inner.seek() else { continue };
        let opened = tokio::select! {
            opened = async { sleep(wait).await; inner.open().await } => opened,
            _ = left.changed() => continue,
        };
        let end = match opened {
            Ok(linked) => inner.serve(linked, left).await,
            Err(end) => end,
        };
        inner.on_end(end);
    }
}

impl State {
    /// Whether a relay is wanted, and may be shown the secret.
    fn may_link(&self) -> bool {
        self.route.is_some() && self.keeper.as_ref().is_none_or(|keeper| keeper.is_founded())
    }

    /// The addresses of the relay that this replica is at; none if there is none.
    fn own_addresses(&self) -> Vec<String> {
        match &self.link.connection {
            ConnectionState::Connected { address, voter } => self.session.addresses_of(*voter, address),
            ConnectionState::Offline | ConnectionState::Seeking { .. } => Vec::new(),
        }
    }

    /// The relays of this room are known from now on.
    fn learn_relays(&mut self) {
        let Some(route) = &mut self.route else { return };
        let ConnectionState::Connected { address, .. } = &self.link.connection else { return };
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let addresses = self.session.addresses_of_relays();
        route.learn(addresses.iter().map(|address| route::reachable(address, host)));
    }

    /// Judges what a relay has said in parting.
    fn on_bye(&mut self, violation: Violation) {
        let now = self.now();
        let is_lasting = || Notification::LinkRefused(violation.clone());
        match Farewell::of(&violation, self.session.view().me()) {
            Farewell::Passing if !self.link.trouble.lasts(now.monotonic) => self.on_lost(),
            // An older link of this very replica would have been found dead by now.
            Farewell::Passing if violation == Violation::ConnectedElsewhere => {
                self.take_new_id(now, Violation::Copied);
            }
            Farewell::Passing => {
                self.session.alert(now, is_lasting());
                self.on_lost();
            }
            Farewell::WrongClock(ahead) => self.on_wrong_clock(ahead),
            Farewell::NewId => self.take_new_id(now, violation),
            Farewell::ForCause => self.on_refused(is_lasting()),
        }
    }

    /// The relay refuses what this replica has stamped. Unless this machine's clock itself says that the stamp is wrong,
    /// which is then an old one, that clock is wrong.
    fn on_wrong_clock(&mut self, ahead: ClockAhead) {
        let now = self.now();
        let is_wrong = self.session.view().stamps_are_right(now.wall_ms);
        if !is_wrong || !self.clock.set_back(ahead.ahead_ms, now.wall_ms, now.monotonic) {
            return self.on_refused(Notification::LinkRefused(Violation::Clock(ahead)));
        }
        self.session.alert(now, Notification::WrongClock(ahead));
        self.on_lost();
    }

    /// The link has ended for cause: this replica comes back much later.
    fn on_refused(&mut self, notification: Notification) {
        let now = self.now();
        self.session.alert(now, notification);
        let known_as = self.own_addresses();
        self.route.iter_mut().for_each(|route| route.refused(&known_as));
    }

    fn on_lost(&mut self) {
        let (now, known_as) = (self.now(), self.own_addresses());
        let lived = now.monotonic.saturating_sub(self.link.connected_at);
        match &mut self.route {
            Some(route) if known_as.is_empty() => route.failed(),
            Some(route) => route.lost(&known_as, lived, jitter()),
            None => {}
        }
    }
}

impl Inner {
    /// Looks for a relay. Returns how long to wait before; `None` if none is wanted any more.
    fn seek(&self) -> Option<Duration> {
        let state = &mut *self.lock();
        let route = state.route.as_ref()?;
        state.link.connection = ConnectionState::Seeking { next: route.next().to_owned() };
        Some(route.wait(jitter()))
    }

    /// Opens a link to the relay that is next.
    async fn open(&self) -> Result<Linked, LinkEnd> {
        let Some((address, hello)) = self.begin() else { return Err(LinkEnd::Left) };
        let greeted = async {
            let (mut sending, mut receiving) = socket::connect(&address, self.from).await.ok()?;
            sending.send(&Frame::Hello(hello)).await.ok()?;
            let answer = receiving.next().await?;
            Some((sending, receiving, answer))
        };
        let Some((mut sending, receiving, answer)) = timeout(OPENING, greeted).await.ok().flatten() else {
            return Err(LinkEnd::Unreachable);
        };
        let violation = match answer {
            Ok(Frame::Hello(Hello::Relay { voter, replica, schema })) => {
                let outgoing = self.on_hello(address, (voter, replica), schema);
                return Ok(Linked { sending, receiving, outgoing });
            }
            Ok(Frame::Bye(violation)) => return Err(LinkEnd::Refused(violation)),
            Ok(_) => unexpected(),
            Err(error) => error.into(),
        };
        let _told = timeout(GRACE, sending.send(&Frame::Bye(violation.clone()))).await;
        Err(LinkEnd::Cut(violation))
    }

    fn begin(&self) -> Option<(String, Hello)> {
        let state = self.lock();
        let room = self.room.as_str().to_owned();
        Some((state.route.as_ref()?.next().to_owned(), Hello::Tab { secret: state.secret.clone(), room }))
    }

    fn on_hello(
        &self,
        address: String,
        (voter, incarnation): (RelayId, ReplicaId),
        schema: Schema,
    ) -> mpsc::UnboundedReceiver<Frame> {
        let (sender, outgoing) = mpsc::unbounded_channel();
        self.advance(|state, now| {
            state.link.outgoing = Some(sender);
            state.link.connected_at = now.monotonic;
            state.link.heartbeat = Heartbeat::new(now.monotonic);
            state.link.connection = ConnectionState::Connected { address, voter };
            let sends = state.session.connected(now, voter, incarnation, schema);
            state.take_or_cut(sends)
        });
        outgoing
    }

    /// Sends and receives over a link until it ends.
    async fn serve(&self, linked: Linked, mut left: watch::Receiver<()>) -> LinkEnd {
        let Linked { mut sending, mut receiving, outgoing } = linked;
        tokio::select! {
            end = self.receive(&mut receiving) => end,
            () = send(&mut sending, outgoing) => LinkEnd::Lost,
            () = async { let _left = left.changed().await; sleep(GRACE).await } => LinkEnd::Left,
        }
    }

    async fn receive(&self, receiving: &mut Receiving) -> LinkEnd {
        loop {
            let Some(wait) = self.look() else { return LinkEnd::Lost };
            let look = sleep(wait);
            tokio::pin!(look);
            loop {
                let frame = tokio::select! {
                    frame = receiving.next() => frame,
                    () = &mut look => break,
                    () = self.urgent.notified() => break,
                };
                match frame {
                    Some(Ok(Frame::Message(message))) => self.on_message(message),
                    Some(Ok(Frame::Ping)) => self.advance(|state, now| {
                        state.link.heartbeat.heard(now.monotonic);
                        state.ask_held(now);
                        Vec::new()
                    }),
                    Some(Ok(Frame::Bye(violation))) => return LinkEnd::Refused(violation),
                    Some(Ok(_)) => self.cut(unexpected()),
                    Some(Err(error)) => self.cut(error.into()),
                    None => return LinkEnd::Lost,
                }
            }
        }
    }

    fn on_message(&self, message: Message) {
        let is_status = matches!(message, Message::Status(_) | Message::StatusNews(_));
        self.advance(|state, now| {
            state.link.heartbeat.heard(now.monotonic);
            let sends = state.session.receive(now, message);
            let sends = state.take_or_cut(sends);
            state.settle(now, sends);
            if is_status && !self.is_bound_to_relays {
                state.learn_relays();
            }
            state.ask_held(now);
            Vec::new()
        });
    }

    fn cut(&self, violation: Violation) {
        self.advance(|state, _| state.take_or_cut(Err(violation)));
    }

    /// Looks after the link. Returns when to look again at the latest; `None` if the relay does not answer.
    fn look(&self) -> Option<Duration> {
        let state = &mut *self.lock();
        let now = state.now();
        let hurry = state.session.hurry(!state.link.held.is_empty());
        let (beat, wait) = state.link.heartbeat.look(now.monotonic, hurry, Duration::ZERO);
        if let (Beat::Ask, Some(outgoing)) = (beat, &state.link.outgoing) {
            let _asked = outgoing.send(Frame::Ping);
        }
        (beat != Beat::Dead).then_some(wait)
    }

    fn on_end(&self, end: LinkEnd) {
        self.advance(|state, now| {
            let end = state.link.ending.take().unwrap_or(end);
            state.link.outgoing = None;
            state.session.disconnected(now);
            match end.clone() {
                LinkEnd::Unreachable | LinkEnd::Lost => state.on_lost(),
                LinkEnd::Refused(violation) => state.on_bye(violation),
                LinkEnd::Cut(violation) => state.on_refused(Notification::LinkCut(violation)),
                LinkEnd::Left => {}
            }
            state.link.connection = ConnectionState::Offline;
            state.link.note_end(end);
            state.ask_held(now);
            Vec::new()
        });
    }
}

impl State {
    /// The messages of a step, or none where the relay has made the step impossible, which ends the link.
    fn take_or_cut(&mut self, sends: Result<Vec<Message>, Violation>) -> Vec<Message> {
        sends.unwrap_or_else(|violation| {
            if let Some(outgoing) = &self.link.outgoing {
                let _told = outgoing.send(Frame::Bye(violation.clone()));
            }
            self.link.end(LinkEnd::Cut(violation));
            Vec::new()
        })
    }
}

/// Sends what there is to send, until nobody can add to it.
async fn send(sending: &mut Sending, mut outgoing: mpsc::UnboundedReceiver<Frame>) {
    while let Some(frame) = outgoing.recv().await {
        if sending.send(&frame).await.is_err() {
            return;
        }
    }
    sending.close().await;
}

fn unexpected() -> Violation {
    Violation::Malformed { reason: "a relay does not say this to a tab".to_owned() }
}

/// A number in `0.0..1.0`, so that clients do not come all at once.
fn jitter() -> f64 {
    // Without randomness they do.
    let bits = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
