//! The host of a program over tokio: a replica that keeps itself linked to a relay, and lives in memory or in a file.
//!
//! A [`Client`] is a handle on a replica that two tasks look after: one keeps a relay linked, and one makes writes durable.
//! Everything works offline, too. A command of a program is answered when what it did is durable: on the disk of a client
//! with a file, and in the memory of another one. Nothing leaves for a relay before it is durable here.
//!
//! The feature `native` is enough for clients in memory. The feature `sqlite` adds `Settings::file`.

mod error;
mod keeper;
mod link;
mod settings;
mod socket;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use shared::base::id::{RecordId, ReplicaId, ReplicaSecret};
use shared::base::room::Room;
use shared::base::sorted::SortedMap;
use shared::ledger::finality::Numbering;
use shared::replica::io::{Command, Message, Now, Reply};
use shared::schema::{FieldEdit, FieldName};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

pub use error::{CommandError, FileError, LinkEnd, NoAddress, NoNumber, OpenError, Stopped, WriteError};
use keeper::{Keeper, Store};
pub use settings::Settings;
use state::{Link, State, Succession};

use crate::clock::Clock;
use crate::connection::ConnectionState;
use crate::notification::Entry;
use crate::route::{self, Route};
use crate::session::{NumberOperation, Safety, Session};

/// A handle on a replica. Clones are handles on the same one. It ends, and lets go of its file, when the last handle is
/// dropped; [`close`](Client::close) does so in good order.
#[derive(Clone)]
pub struct Client(Arc<Handle>);

struct Handle {
    inner: Arc<Inner>,
    /// Taken by whoever closes the client.
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

struct Inner {
    room: Room,
    is_bound_to_relays: bool,
    /// The address of this machine to connect from.
    from: Option<IpAddr>,
    state: Mutex<State>,
    /// Counts the steps.
    steps: watch::Sender<u64>,
    /// There is something for the keeper.
    work: Notify,
    /// Somebody waits for a sign of the relay.
    urgent: Notify,
    /// The link, or the attempt at one, is to end.
    left: watch::Sender<()>,
}

/// Where a replica lives, and what is there.
struct Home {
    session: Session,
    secret: ReplicaSecret,
    /// Earlier ids whose work is not done again yet.
    earlier: Vec<Session>,
    store: Option<(Keeper, Box<dyn Store>)>,
}

impl Client {
    /// Opens a client. It must be called in a runtime of tokio.
    ///
    /// # Errors
    /// [`OpenError`], with what to do about it.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let route = route_to(&settings.relays)?;
        let home = home(&settings).await?;
        Ok(Client::start(home, &settings, route))
    }

    fn start(Home { session, secret, earlier, store }: Home, settings: &Settings, route: Option<Route>) -> Self {
        let (keeper, store) = store.unzip();
        let state = State {
            session,
            secret,
            clock: Clock::default(),
            route,
            link: Link::none(),
            keeper,
            succession: Succession::of(earlier),
            askers: SortedMap::new(),
            stopped: None,
        };
        let inner = Arc::new(Inner {
            room: settings.room.clone(),
            is_bound_to_relays: settings.is_bound_to_relays,
            from: settings.from,
            state: Mutex::new(state),
            steps: watch::Sender::new(0),
            work: Notify::new(),
            urgent: Notify::new(),
            left: watch::Sender::new(()),
        });
        let keep = tokio::spawn(keeper::keep(Arc::clone(&inner), store));
        let link = tokio::spawn(link::stay_linked(Arc::clone(&inner)));
        Client(Arc::new(Handle { inner, tasks: Mutex::new(vec![link, keep]) }))
    }

    /// Returns the id of the replica. A new one takes its place where relays refuse it, which happens to copies.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        self.look(|session, _| session.view().me())
    }

    /// Looks at the session and the connection as they are at this moment. The client does nothing meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&Session, &ConnectionState) -> T) -> T {
        let state = self.0.inner.lock();
        look(&state.session, &state.link.connection)
    }

    /// Adds a record. Returns its id when it is kept.
    ///
    /// # Errors
    /// If it is rejected, or the client has stopped.
    pub async fn add(&self, fields: Vec<(FieldName, FieldEdit)>) -> Result<RecordId, CommandError> {
        match self.command(Command::Add { fields }).await? {
            Reply::Added(record) => Ok(record),
            other => unreachable!("an addition is answered by {other:?}"),
        }
    }

    /// Edits a field of a record. Returns when the edit is kept.
    ///
    /// # Errors
    /// If it is rejected, or the client has stopped.
    pub async fn edit(&self, record: RecordId, field: &str, edit: FieldEdit) -> Result<(), CommandError> {
        self.command(Command::Edit { record, field: field.to_owned(), edit, seen: None }).await.map(drop)
    }

    /// Removes a record. Returns when its removal is kept.
    ///
    /// # Errors
    /// If it is rejected, or the client has stopped.
    pub async fn remove(&self, record: RecordId) -> Result<(), CommandError> {
        self.command(Command::Remove { record }).await.map(drop)
    }

    /// Gives a record a number: by the relays, out of a lease, or a provisional one where no majority can be reached. Where
    /// the relays give it, this waits for their decision.
    ///
    /// # Errors
    /// If it is rejected, or the client has stopped.
    pub async fn number(&self, record: RecordId, number: NumberOperation) -> Result<Numbering, CommandError> {
        let number = match number {
            NumberOperation::Next => None,
            NumberOperation::This(number) => Some(number),
        };
        match self.command(Command::Number { record, number }).await? {
            Reply::Numbered(numbering) => Ok(numbering),
            other => unreachable!("a number is answered by {other:?}"),
        }
    }

    /// Waits until the number of a record is final, and returns it. For one that is provisional that takes a majority of the
    /// relays.
    ///
    /// # Errors
    /// [`NoNumber`], if the record gets none.
    pub async fn final_number(&self, record: RecordId) -> Result<u64, NoNumber> {
        let outcome = |session: &Session| {
            let number = session.view().number(record);
            let held = number.held.map(|held| held.into_inner().number);
            let is_open = !number.provisional.is_empty() || number.pending.is_some() || number.unreleased.is_some();
            match (held.or(number.leased.map(|leased| leased.into_inner())), number.refused) {
                (Some(number), _) => Some(Ok(number)),
                (None, Some(rejection)) if !is_open => Some(Err(NoNumber::Refused(rejection))),
                (None, _) if is_open => None,
                (None, _) => Some(Err(NoNumber::NotAsked(record))),
            }
        };
        self.until(|session| outcome(session).is_some()).await?;
        self.look(|session, _| outcome(session)).unwrap_or(Err(NoNumber::NotAsked(record)))
    }

    /// Gives any command. The answer comes when what it did is kept; to an operation, when the relays have decided it.
    ///
    /// # Errors
    /// If it is rejected, or the client has stopped.
    pub async fn command(&self, command: Command) -> Result<Reply, CommandError> {
        let (asker, answer) = oneshot::channel();
        let inner = &self.0.inner;
        let mut is_held = false;
        inner.advance(|state, now| {
            let is_number = matches!(command, Command::Number { .. } | Command::Register { .. });
            if state.stopped.is_some() {
                return Vec::new(); // The asker is dropped.
            }
            is_held = is_number && state.link.is_up() && state.session.view().leased() > 0;
            if is_held {
                state.link.held.push((command, asker));
                return Vec::new();
            }
            state.ask(now, command, asker)
        });
        if is_held {
            inner.urgent.notify_one();
        }
        match answer.await {
            Ok(answer) => answer,
            Err(_dropped) => Err(CommandError::Stopped(self.why_stopped())),
        }
    }

    /// Waits until the session is as wanted.
    ///
    /// # Errors
    /// If the client stops before.
    pub async fn until(&self, is_wanted: impl Fn(&Session) -> bool) -> Result<(), Stopped> {
        let inner = &self.0.inner;
        inner.until(|state| state.stopped.is_some() || is_wanted(&state.session)).await;
        let state = inner.lock();
        match &state.stopped {
            Some(why) if !is_wanted(&state.session) => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// Waits until a relay has everything on its disk that was done here.
    ///
    /// # Errors
    /// If the client stops before.
    pub async fn until_on_relay(&self) -> Result<(), Stopped> {
        let inner = &self.0.inner;
        let is_done = |state: &State| state.succession.waiting.is_empty() && state.session.safety() == Safety::Relay;
        inner.until(|state| state.stopped.is_some() || is_done(state)).await;
        let state = inner.lock();
        match &state.stopped {
            Some(why) if !is_done(&state) => Err(why.clone()),
            _ => Ok(()),
        }
    }

    /// Follows the notifications from now on.
    #[must_use]
    pub fn subscribe(&self) -> Notifications {
        let taken = self.look(|session, _| session.feed().entries().next().map_or(0, |entry| entry.serial));
        Notifications { client: self.clone(), taken }
    }

    /// Keeps one of these relays linked from now on, in place of others; none of them if there are none. Past failures are
    /// forgotten.
    ///
    /// # Errors
    /// If one of them is no address. Then nothing changes.
    pub fn connect_to<A: Into<String>>(&self, relays: impl IntoIterator<Item = A>) -> Result<(), NoAddress> {
        let relays: Vec<String> = relays.into_iter().map(Into::into).collect();
        let route = route_to(&relays)?;
        let inner = &self.0.inner;
        inner.advance(|state, now| {
            state.route = route;
            state.leave(now);
            Vec::new()
        });
        inner.left.send_replace(());
        Ok(())
    }

    /// Works offline from now on, until it is to [connect](Client::connect_to).
    pub fn disconnect(&self) {
        let nobody: [String; 0] = [];
        self.connect_to(nobody).expect("no address is wrong");
    }

    /// Returns why the latest links have ended, the latest last.
    #[must_use]
    pub fn link_ends(&self) -> Vec<LinkEnd> {
        self.0.inner.lock().link.ends.iter().cloned().collect()
    }

    /// Closes the client: all that was done is made durable, what is on its way to the relay is sent, and the file is free
    /// when this returns. It does not wait for the relay, as [`until_on_relay`](Client::until_on_relay) does.
    ///
    /// # Errors
    /// If the client had stopped before, for another reason.
    pub async fn close(&self) -> Result<(), Stopped> {
        self.0.inner.stop(Stopped::Closed);
        let tasks = std::mem::take(&mut *self.0.tasks.lock().expect("nobody has failed while holding it"));
        for task in tasks {
            // A task that has failed has said so.
            let _ended = task.await;
        }
        match self.why_stopped() {
            Stopped::Closed => Ok(()),
            why => Err(why),
        }
    }

    fn why_stopped(&self) -> Stopped {
        self.0.inner.lock().stopped.clone().unwrap_or(Stopped::Closed)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Ok(tasks) = self.tasks.get_mut() {
            tasks.iter().for_each(JoinHandle::abort);
        }
    }
}

/// The notifications of a client, each told once. It is a handle on the client, too.
pub struct Notifications {
    client: Client,
    /// The serial number of the last one that was taken.
    taken: u64,
}

impl Notifications {
    /// Waits for the next notification; `None` when the client has stopped. The client keeps the latest fifty: a subscriber
    /// that is slower misses some, and sees it by the serial numbers.
    pub async fn next(&mut self) -> Option<Entry> {
        let taken = self.taken;
        let next =
            |session: &Session| session.feed().entries().take_while(|entry| entry.serial > taken).last().cloned();
        let stopped = self.client.until(|session| next(session).is_some()).await.is_err();
        let entry = self.client.look(|session, _| next(session)).filter(|_| !stopped)?;
        self.taken = entry.serial;
        Some(entry)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no step of the client has failed")
    }

    /// Takes a step and does what follows from it.
    fn advance(&self, step: impl FnOnce(&mut State, Now) -> Vec<Message>) {
        let has_work = {
            let state = &mut *self.lock();
            let before = state.session.deadline();
            let now = state.now();
            let messages = step(state, now);
            state.settle(now, messages);
            let deadline = state.session.deadline();
            // A later deadline is noticed in time when the earlier one comes.
            let is_sooner = deadline.is_some_and(|at| before.is_none_or(|before| at < before));
            is_sooner || state.keeper.is_some() || state.stopped.is_some()
        };
        self.steps.send_modify(|steps| *steps += 1);
        if has_work {
            self.work.notify_one();
        }
    }

    /// Waits until the state is as wanted.
    async fn until(&self, is_wanted: impl Fn(&State) -> bool) {
        let mut steps = self.steps.subscribe();
        while !is_wanted(&self.lock()) {
            // The sender lives as long as this does.
            let _changed = steps.changed().await;
        }
    }

    fn has_stopped(&self) -> bool {
        self.lock().stopped.is_some()
    }

    /// Does nothing more, for the first reason that there is. Whoever waits is told.
    fn stop(&self, why: Stopped) {
        self.advance(|state, now| {
            state.leave(now);
            state.stopped.get_or_insert(why);
            Vec::new()
        });
        self.left.send_replace(());
    }
}

/// The way to these relays; `None` if there are none.
fn route_to(relays: &[String]) -> Result<Option<Route>, NoAddress> {
    if let Some(wrong) = relays.iter().find(|address| !route::is_dialable(address)) {
        return Err(NoAddress(wrong.clone()));
    }
    let mut relays = relays.iter().cloned();
    Ok(relays.next().map(|first| Route::new(first, relays)))
}

/// Where the replica lives.
async fn home(settings: &Settings) -> Result<Home, OpenError> {
    #[cfg(feature = "sqlite")]
    if let Some(file) = settings.file.clone() {
        return sqlite::open(file, settings.room.clone(), settings.schema.clone()).await;
    }
    let secret = match settings.secret.clone() {
        Some(secret) => secret,
        None => new_secret()?,
    };
    let session = Session::with_schema(secret.replica(), settings.schema.clone(), state::now_by_device());
    Ok(Home { session, secret, earlier: Vec::new(), store: None })
}

/// The secret of an id that nobody has had.
fn new_secret() -> Result<ReplicaSecret, getrandom::Error> {
    let mut bytes = [0; ReplicaSecret::BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(ReplicaSecret::new(bytes))
}
