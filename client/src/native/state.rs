//! The state of a client, and what follows from each step of its session.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use shared::base::id::ReplicaSecret;
use shared::base::sorted::SortedMap;
use shared::protocol::Frame;
use shared::replica::io::{Command, CommandId, Message, Now, Recovered, Reply, Violation};
use tokio::sync::{mpsc, oneshot};

use super::error::{CommandError, LinkEnd, Stopped};
use super::keeper::Keeper;
use super::new_secret;
use crate::clock::Clock;
use crate::connection::ConnectionState;
use crate::heartbeat::Heartbeat;
use crate::notification::Notification;
use crate::route::{Route, Trouble};
use crate::session::Session;

/// How many ends of links are remembered.
const KEPT_ENDS: usize = 32;

/// Where the answer to a command goes.
pub(super) type Asker = oneshot::Sender<Result<Reply, CommandError>>;

pub(super) struct State {
    pub(super) session: Session,
    /// Proves the session's id to relays.
    pub(super) secret: ReplicaSecret,
    pub(super) clock: Clock,
    /// `None`: no relay is wanted.
    pub(super) route: Option<Route>,
    pub(super) link: Link,
    /// `None`: the replica lives in memory.
    pub(super) keeper: Option<Keeper>,
    pub(super) succession: Succession,
    /// Who waits for answers.
    pub(super) askers: SortedMap<CommandId, Asker>,
    pub(super) stopped: Option<Stopped>,
}

/// The ids that this client had, and whose work it has not done again yet.
#[derive(Default)]
pub(super) struct Succession {
    pub(super) waiting: Vec<Session>,
    /// How many ids of this client relays have refused since it was opened.
    refused: u32,
}

impl Succession {
    pub(super) fn of(waiting: Vec<Session>) -> Self {
        Succession { waiting, refused: 0 }
    }
}

/// The link to a relay.
pub(super) struct Link {
    pub(super) connection: ConnectionState,
    /// The frames to be sent, once both sides have said hello. Dropping it ends the link after the last frame is sent.
    pub(super) outgoing: Option<mpsc::UnboundedSender<Frame>>,
    /// Why the link is being ended from this side.
    pub(super) ending: Option<LinkEnd>,
    pub(super) connected_at: Duration,
    pub(super) heartbeat: Heartbeat,
    /// Troubles of relays that pass by themselves.
    pub(super) trouble: Trouble,
    /// Commands for numbers that wait for a sign of the relay: over a link that is dead, they would wait for the end of the
    /// outage, though this replica could give a number out of its lease.
    pub(super) held: Vec<(Command, Asker)>,
    /// Why the latest links have ended, the latest last.
    pub(super) ends: VecDeque<LinkEnd>,
}

impl Link {
    pub(super) fn none() -> Self {
        Link {
            connection: ConnectionState::Offline,
            outgoing: None,
            ending: None,
            connected_at: Duration::ZERO,
            heartbeat: Heartbeat::default(),
            trouble: Trouble::default(),
            held: Vec::new(),
            ends: VecDeque::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.outgoing.is_some()
    }

    /// Ends the link when all is sent; `why` is remembered.
    pub(super) fn end(&mut self, why: LinkEnd) {
        if self.outgoing.take().is_some() {
            self.ending = Some(why);
        }
    }

    pub(super) fn note_end(&mut self, end: LinkEnd) {
        if self.ends.len() == KEPT_ENDS {
            self.ends.pop_front();
        }
        self.ends.push_back(end);
    }
}

impl State {
    pub(super) fn now(&mut self) -> Now {
        let Now { monotonic, wall_ms } = now_by_device();
        Now { monotonic, wall_ms: self.clock.read(wall_ms, monotonic) }
    }

    /// Gives a command of a program.
    pub(super) fn ask(&mut self, now: Now, command: Command, asker: Asker) -> Vec<Message> {
        let (id, sends) = self.session.run(now, command);
        self.askers.insert(id, asker);
        sends
    }

    /// Does what waited for a sign of the relay. A client that has stopped does not: whoever waits is told.
    pub(super) fn ask_held(&mut self, now: Now) {
        if self.stopped.is_some() {
            self.link.held.clear();
        }
        for (command, asker) in std::mem::take(&mut self.link.held) {
            let sends = self.ask(now, command, asker);
            self.settle(now, sends);
        }
    }

    /// Does what follows from a step.
    pub(super) fn settle(&mut self, now: Now, messages: Vec<Message>) {
        self.send(messages);
        for (id, answer) in self.session.take_answers() {
            if let Some(asker) = self.askers.remove(&id) {
                // Nobody may wait any more.
                let _told = asker.send(answer.map_err(CommandError::Rejected));
            }
        }
        // Programs look at the session itself.
        let _changed = self.session.take_changed();
        if self.session.take_copied() {
            self.take_new_id(now, Violation::Copied);
        }
        self.carry_over(now);
    }

    pub(super) fn send(&self, messages: Vec<Message>) {
        if let Some(outgoing) = &self.link.outgoing {
            for message in messages {
                // A link that has just ended: it goes over the next one.
                let _sent = outgoing.send(Frame::Message(message));
            }
        }
    }

    /// Leaves the relay.
    pub(super) fn leave(&mut self, now: Now) {
        self.session.disconnected(now);
        self.link.end(LinkEnd::Left);
        self.link.connection = ConnectionState::Offline;
    }

    /// Relays take nothing under this id any more: goes on under a new one. What no relay has of the work is done again as
    /// soon as all has come that a relay has.
    pub(super) fn take_new_id(&mut self, now: Now, violation: Violation) {
        self.leave(now);
        let Ok(secret) = new_secret() else {
            self.stopped = Some(Stopped::NoRandomness);
            return;
        };
        let (replica, schema) = (secret.replica(), self.session.view().schema().clone());
        let mut session = match self.keeper {
            Some(_) => Session::recover(replica, schema, Recovered::default(), now),
            None => Session::with_schema(replica, schema, now),
        };
        session.succeed(now, &mut self.session);
        let mut old = std::mem::replace(&mut self.session, session);
        if let Some(keeper) = &mut self.keeper {
            keeper.succeed(&mut old, secret.clone());
        }
        self.secret = secret;
        self.session.alert(now, Notification::NewId(violation));
        for (_, asker) in std::mem::take(&mut self.askers) {
            let _told = asker.send(Err(CommandError::NewId));
        }
        self.succession.waiting.push(old);
        self.succession.refused += 1;
        if let Some(route) = &mut self.route {
            // A relay that refuses every id is not to be asked again and again.
            if self.succession.refused == 1 { route.failed() } else { route.refused(&[]) }
        }
    }

    /// Does again what earlier ids did and no relay has, if all has come that the relay has.
    fn carry_over(&mut self, now: Now) {
        if self.succession.waiting.is_empty() || !self.link.is_up() || self.session.is_fetching() {
            return;
        }
        // It goes over the next link, in few messages; one for each edit might be too many for a relay.
        self.leave(now);
        self.route.iter_mut().for_each(Route::forgive);
        for old in std::mem::take(&mut self.succession.waiting) {
            let replica = old.view().me();
            let edits = self.session.carry_over(now, &old);
            if edits > 0 {
                self.session.notify(now, Notification::CarriedOver { replica, edits });
            }
            if let Some(keeper) = &mut self.keeper {
                keeper.forget(replica);
            }
        }
    }
}

/// The time by the clocks of this machine.
#[expect(clippy::disallowed_types, reason = "the host is where the time comes from")]
pub(super) fn now_by_device() -> Now {
    use std::time::SystemTime;

    static START: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let wall_ms = since_1970.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Now { monotonic: START.elapsed(), wall_ms }
}
