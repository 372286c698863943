//! A tab whose id relays refuse for good goes on under a new one, in the same page. What no relay has of it is done again
//! under the new id.

use shared::base::id::ReplicaId;
use shared::replica::io::Violation;
use shared::schema::Schema;
use wasm_bindgen_futures::spawn_local;

use super::caretaker::Purpose;
use super::global;
use super::identity::{self, Identity, Spent};
use super::keeper;
use super::lock::Lock;
use super::reading::{self, Rest};
use super::store::Store;
use super::{Client, State};
use crate::connection::ConnectionState;
use crate::neighbours::Neighbours;
use crate::notification::Notification;
use crate::rows::Kept;
use crate::session::{Safety, Session};
use crate::storage_error::StorageError;

/// A replica whose id is of no use any more, with what it has done.
pub(super) struct Predecessor {
    session: Session,
    /// Nobody else does the same meanwhile.
    lock: Option<Lock>,
    /// It was this page's own, and not that of a closed tab.
    is_own: bool,
}

impl Predecessor {
    /// One that a closed tab has left; `None` if it cannot be read.
    pub(super) async fn on_disk(
        replica: ReplicaId,
        (store, kept, rest): (&Store, Kept, Rest),
        lock: Lock,
    ) -> Option<Self> {
        let schema = kept.schema.unwrap_or_else(Schema::people);
        let mut session = Session::read(replica, schema, kept.recovered, global::now());
        reading::read_to_end(&mut session, store, rest).await.ok()?;
        Some(Predecessor { session, lock: Some(lock), is_own: false })
    }
}

/// The ids that this page had, and those that it does the work of.
#[derive(Default)]
pub(super) struct Succession {
    /// Their work waits until this page has what a relay has.
    waiting: Vec<Predecessor>,
    /// Their work is done, but not durable yet.
    done: Vec<Predecessor>,
    /// How many ids of this page relays have refused.
    refused: u32,
}

impl Client {
    /// Relays take nothing under this replica's id any more.
    pub(super) fn on_id_refused(&self, violation: Violation) {
        {
            let state = &mut *self.0.state.borrow_mut();
            state.session.disconnected(global::now());
            state.link.leave(&state.route);
        }
        match &self.0.purpose {
            Purpose::Caretaker { .. } => self.end_care_of_refused_id(),
            Purpose::Main(_) => {
                let client = self.clone();
                spawn_local(async move { client.take_new_id(violation).await });
            }
        }
    }

    async fn take_new_id(&self, violation: Violation) {
        let replica = self.0.state.borrow().session.view().me();
        // Without the mark a relay refuses the id again after a reload, and all of this happens again.
        let _is_marked = identity::spend(&self.0.room, replica, Spent::Refused).await;
        let identity = identity::renew(&self.0.room).await;
        {
            let state = &mut *self.0.state.borrow_mut();
            if state.session.view().me() != replica {
                return;
            }
            match identity {
                Ok(identity) => {
                    self.succeed(state, identity, Notification::NewId(violation));
                    let refused = &mut state.succession.refused;
                    *refused += 1;
                    if *refused == 1 {
                        state.route.failed();
                    } else {
                        // A relay that refuses every id is not to be asked again and again.
                        state.route.refused(&[]);
                    }
                }
                Err(_no_randomness) => {
                    state.session.alert(global::now(), Notification::LinkRefused(violation));
                    state.route.refused(&[]);
                }
            }
        }
        self.advance(|_| Vec::new());
        if self.0.state.borrow().link.connection() != &ConnectionState::Offline {
            self.seek();
        }
    }

    /// Goes on under another id; `why` is told.
    pub(super) fn succeed(&self, state: &mut State, identity: Identity, why: Notification) {
        let (now, replica, secret) = (global::now(), identity.replica(), identity.secret);
        state.neighbours.leave(&mut state.session, now);
        self.send_to_neighbours(state);
        // Nothing was ever kept under this id.
        let (session, keeper, _nothing) = keeper::begin(replica, identity.disk, now);
        let mut old = std::mem::replace(&mut state.session, session);
        let keeper = std::mem::replace(&mut state.keeper, keeper);
        state.session.succeed(now, &mut old);
        let lock = keeper.map(|keeper| keeper.end(&mut old)).or(state.lost_lock.take());
        (state.secret, state.alarm) = (secret, None);
        state.neighbours = Neighbours::new(replica, global::random_number());
        for notification in identity.remarks.into_iter().chain([why]) {
            state.session.alert(now, notification);
        }
        state.succession.waiting.push(Predecessor { session: old, lock, is_own: true });
        self.hear_of_loss(state);
    }

    /// Does the work of a closed tab whose id is of no use any more, as soon as this page has what a relay has.
    /// Where its records have other fields than those of the relay, nothing can be done.
    pub(super) fn take_over(&self, predecessor: Predecessor) {
        let replica = predecessor.session.view().me();
        {
            let state = &mut *self.0.state.borrow_mut();
            if predecessor.session.view().schema() == state.session.view().schema() {
                state.succession.waiting.push(predecessor);
            } else {
                let reason = StorageError::OtherFields;
                state.session.alert(global::now(), Notification::LeftAlone { replica, reason });
                self.leave_for_good(replica);
            }
        }
        self.announce();
        self.carry_over();
    }

    /// Does again what predecessors did and no relay has, if this page has all that its relay has.
    pub(super) fn carry_over(&self) {
        {
            let state = &mut *self.0.state.borrow_mut();
            let is_ready =
                matches!(state.link.connection(), ConnectionState::Connected { .. }) && !state.session.is_fetching();
            if !is_ready || state.succession.waiting.is_empty() {
                return;
            }
            let now = global::now();
            // It goes over the next link, in few messages; one for each edit might be too many for a relay.
            state.session.disconnected(now);
            state.link.leave(&state.route);
            state.route.forgive();
            for predecessor in std::mem::take(&mut state.succession.waiting) {
                let edits = state.session.carry_over(now, &predecessor.session);
                let notification = Notification::CarriedOver { replica: predecessor.session.view().me(), edits };
                match edits {
                    0 => {}
                    _ if predecessor.is_own => state.session.notify(now, notification),
                    _ => state.session.alert(now, notification),
                }
                state.succession.done.push(predecessor);
            }
        }
        self.advance(|_| Vec::new());
        self.forget_predecessors();
        self.seek();
    }

    /// Deletes predecessors whose work is as safe as it was with them.
    pub(super) fn forget_predecessors(&self) {
        let state = &mut *self.0.state.borrow_mut();
        if state.succession.done.is_empty() {
            return;
        }
        let is_safe = match &state.keeper {
            Some(keeper) => keeper.is_done(),
            None => state.session.safety() == Safety::Relay,
        };
        if !is_safe {
            return;
        }
        for predecessor in state.succession.done.drain(..).filter(|predecessor| predecessor.lock.is_some()) {
            let room = self.0.room.clone();
            spawn_local(async move {
                identity::forget(&room, predecessor.session.view().me()).await;
                drop(predecessor.lock);
            });
        }
    }
}
