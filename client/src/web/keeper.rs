//! Keeps the session's writes on the device: what comes while a transaction is under way goes together into the next one.

use shared::base::id::ReplicaId;
use shared::replica::io::{Now, Recovered, WriteId};
use shared::schema::Schema;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

use super::global;
use super::identity::{self, Disk, Spent};
use super::lock::Lock;
use super::reading::Rest;
use super::store::{Store, Taken};
use super::{Client, State};
use crate::connection::ConnectionState;
use crate::notification::Notification;
use crate::rows::Kept;
use crate::session::{Safety, Session};
use crate::storage_error::StorageError;
use crate::writes::Writes;

/// How long after the device was lost, and each time that it takes no writes, it is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What carries out the writes of one replica. It lets go of the replica's id when it is dropped.
pub(super) struct Keeper {
    store: Rc<Store>,
    writes: Writes,
    /// Whether the browser was asked to keep it.
    has_asked: bool,
    lock: Lock,
}

/// The session of a replica, with what was read from its disk, what keeps it there, and what is still to be read.
pub(super) fn begin(replica: ReplicaId, disk: Option<Disk>, now: Now) -> (Session, Option<Keeper>, Rest) {
    let Some(Disk { store, kept: Kept { schema, recovered, .. }, rest, lock }) = disk else {
        return (Session::new(replica, now), None, Rest::none());
    };
    let has_asked = recovered != Recovered::default();
    let mut session = Session::read(replica, schema.clone().unwrap_or_else(Schema::people), recovered, now);
    if rest.is_empty() {
        let _nothing_to_send = session.end_reading(now);
    }
    let store = Rc::new(store);
    (session, Some(Keeper { store, writes: Writes::new(schema), has_asked, lock }), rest)
}

impl Keeper {
    /// Whether all that it was given is durable.
    pub(super) fn is_done(&self) -> bool {
        self.writes.is_done()
    }

    pub(super) fn store(&self) -> Rc<Store> {
        Rc::clone(&self.store)
    }

    /// Carries out the last writes of `session`, whose id is of no use any more. Returns the lock on the id.
    pub(super) fn end(mut self, session: &mut Session) -> Lock {
        self.writes.add(session.take_writes());
        if let Some((changes, _)) = self.writes.begin_last(&session.view()) {
            let store = Rc::clone(&self.store);
            spawn_local(async move {
                // The session is still in memory.
                let _kept = store.commit(changes).await;
            });
        }
        self.lock
    }
}

impl Client {
    /// Lets go of the database when the browser takes it away.
    pub(super) fn hear_of_loss(&self, state: &State) {
        let Some(keeper) = &state.keeper else { return };
        let weak = Rc::downgrade(&self.0);
        keeper.store.on_taken(move |taken| {
            let Some(client) = weak.upgrade().map(Client) else { return };
            let reason = match taken {
                Taken::Cleared => StorageError::Cleared,
                Taken::Wanted => StorageError::Wanted,
            };
            spawn_local(async move {
                let replica = client.0.state.borrow().session.view().me();
                client.read_no_further(replica, reason.clone()).await;
                if client.0.state.borrow().session.view().me() == replica {
                    client.on_device_lost(reason).await;
                }
            });
        });
    }

    /// Has the session's writes carried out.
    pub(super) fn keep(&self, state: &mut State) {
        let Some(keeper) = &mut state.keeper else { return };
        keeper.writes.add(state.session.take_writes());
        let Some((changes, last)) = keeper.writes.begin(&state.session.view()) else { return };
        let (store, weak) = (Rc::clone(&keeper.store), Rc::downgrade(&self.0));
        let replica = state.session.view().me();
        spawn_local(async move {
            let done = store.commit(changes).await;
            drop(store);
            let Some(client) = weak.upgrade().map(Client) else { return };
            if client.0.state.borrow().session.view().me() != replica {
                // The tab has another id since.
                return;
            }
            match done {
                Ok(()) => client.on_kept(last),
                Err(reason) => client.on_device_lost(reason).await,
            }
        });
    }

    fn on_kept(&self, last: WriteId) {
        {
            let state = &mut *self.0.state.borrow_mut();
            if let Some(keeper) = &mut state.keeper {
                keeper.writes.end();
                if !keeper.has_asked && state.session.view().unsaved_edits() > 0 {
                    keeper.has_asked = true;
                    global::ask_to_keep_storage();
                }
            }
        }
        self.advance(|session| session.persisted(global::now(), last));
        self.forget_predecessors();
    }

    /// Nobody knows what the disk has of the last writes, so nobody may go on from it. Only when that is sure does this
    /// tab go on in memory; until then nothing leaves it that depends on those writes.
    async fn on_device_lost(&self, reason: StorageError) {
        if self.end_use_of_id(Notification::DeviceLost { reason }).await {
            self.advance(|session| session.lose_device(global::now()));
            self.try_device_later();
        }
    }

    fn try_device_later(&self) {
        if self.0.purpose.is_main() {
            let again = self.after(TRY_AGAIN, |client| {
                let client = client.clone();
                spawn_local(async move { client.try_device().await });
            });
            self.0.state.borrow_mut().device_again = Some(again);
        }
    }

    /// The device may take writes again. They go under a new id: what is on the disk under the old one has fallen behind.
    /// Nothing is left to be carried over once a relay has all that was done under that.
    async fn try_device(&self) {
        let replica = {
            let state = self.0.state.borrow();
            let is_connected = matches!(state.link.connection(), ConnectionState::Connected { .. });
            let is_ready = is_connected && !state.session.is_fetching() && state.session.safety() == Safety::Relay;
            is_ready.then(|| state.session.view().me())
        };
        let identity = match replica {
            Some(_) => identity::found_anew(&self.0.room).await,
            None => None,
        };
        let state = &mut *self.0.state.borrow_mut();
        match identity.filter(|_| Some(state.session.view().me()) == replica && state.keeper.is_none()) {
            Some(identity) => {
                state.session.disconnected(global::now());
                state.link.leave(&state.route);
                self.succeed(state, identity, Notification::DeviceBack);
            }
            None => {
                let client = self.clone();
                // Not at once: the state is in use.
                spawn_local(async move { client.try_device_later() });
                return;
            }
        }
        let client = self.clone();
        spawn_local(async move {
            client.advance(|_| Vec::new());
            client.seek();
        });
    }

    /// No tab will take this id again. Says whether that is sure.
    async fn end_use_of_id(&self, why: Notification) -> bool {
        let replica = {
            let state = &mut *self.0.state.borrow_mut();
            let Some(Keeper { store, lock, .. }) = state.keeper.take() else { return false };
            drop(store);
            // Others would else take the database for that of a tab that is gone, while it still counts.
            state.lost_lock = Some(lock);
            state.session.alert(global::now(), why);
            state.session.view().me()
        };
        self.announce();
        identity::spend(&self.0.room, replica, Spent::FellBehind).await
    }
}
