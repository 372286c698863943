//! Caretakers: what tabs have left to do that were closed is done by the tabs that are open, each under its own id.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use gloo::timers::callback::Timeout;
use shared::base::id::ReplicaId;
use shared::base::room::Room;
use shared::base::sorted::SortedSet;
use wasm_bindgen_futures::spawn_local;

use super::global;
use super::identity::{self, Disk, Identity, Spent};
use super::keeper::Keeper;
use super::lock::{self, Patience};
use super::reading;
use super::store::{self, Store};
use super::succession::Predecessor;
use super::{Client, Inner};
use crate::notification::Notification;
use crate::rows::{self, Kept};
use crate::session::Safety;
use crate::storage_error::StorageError;

/// How often to look for what was left.
const ROUND: Duration = Duration::from_secs(60);
/// How many ids of tabs that are closed are kept for the next ones, besides those that hold leases.
const SPARE: usize = 8;

/// The purpose of a client.
pub(super) enum Purpose {
    /// The program's own replica, which people see.
    Main(Box<RefCell<Rounds>>),
    /// The replica of a tab that is closed, looked after by the client of a page.
    Caretaker { of: Weak<Inner> },
}

/// The rounds of a page that looks for what was left.
#[derive(Default)]
pub(super) struct Rounds {
    /// Looks after one replica at a time.
    caretaker: Option<Client>,
    /// A round is under way.
    is_looking: bool,
    /// Replicas that cannot be read: nobody takes what they have left.
    given_up: SortedSet<ReplicaId>,
    next: Option<Timeout>,
}

impl Purpose {
    pub(super) fn main() -> Self {
        Purpose::Main(Box::default())
    }

    pub(super) fn is_main(&self) -> bool {
        matches!(self, Purpose::Main(_))
    }
}

/// What is left of a replica.
enum Left {
    /// Somebody has it, or nobody can read it.
    NotOurs,
    /// It has something to do.
    Work(Box<Identity>),
    /// Its id is of no use any more.
    Nothing,
    /// Its id is of no use any more, but it has something to do: that is done under the id of this page.
    Legacy(Box<Predecessor>),
    /// An older version of this page has left it, and it cannot be read.
    Unreadable,
    /// Its id may be used again; and whether it has begun with a lease.
    Spare,
}

impl Client {
    /// This page has reached a relay: what others have left can be done.
    pub(super) fn look_for_what_was_left(&self) {
        let Purpose::Main(rounds) = &self.0.purpose else { return };
        let mut rounds = rounds.borrow_mut();
        if rounds.caretaker.is_some() || std::mem::replace(&mut rounds.is_looking, true) {
            return;
        }
        let client = self.clone();
        spawn_local(async move {
            let work = client.round().await;
            let Purpose::Main(rounds) = &client.0.purpose else { return };
            let caretaker = work.map(|identity| {
                client.0.state.borrow_mut().session.look_after(identity.replica());
                let of = Rc::downgrade(&client.0);
                let route = client.0.state.borrow().route.vouched();
                let caretaker = Client::of(identity, client.0.room.clone(), route, Purpose::Caretaker { of });
                // Nobody sees it: it is no observer.
                caretaker.set_shown(false);
                caretaker
            });
            let mut rounds = rounds.borrow_mut();
            rounds.is_looking = false;
            rounds.caretaker = caretaker;
            rounds.next = Some(client.after(ROUND, Client::look_for_what_was_left));
        });
    }

    /// Looks at all replicas of this room on this device until one has something to do. Those that are of no use are
    /// deleted.
    async fn round(&self) -> Option<Identity> {
        let room = &self.0.room;
        let mut spare = Vec::new();
        for replica in store::replicas(room).await {
            if self.has_given_up(replica) {
                continue;
            }
            let left = look_at(room, replica).await;
            if !matches!(left, Left::NotOurs) {
                self.show_left_report(replica);
            }
            match left {
                Left::NotOurs => {}
                Left::Work(identity) => return Some(*identity),
                Left::Legacy(predecessor) => self.take_over(*predecessor),
                Left::Unreadable => {
                    self.leave_for_good(replica);
                    let reason = StorageError::Older;
                    self.0.state.borrow_mut().session.alert(global::now(), Notification::LeftAlone { replica, reason });
                    self.announce();
                }
                Left::Nothing => identity::forget(room, replica).await,
                Left::Spare => spare.push(replica),
            }
        }
        let useless = spare.into_iter().filter(|&replica| !self.has_lease(replica)).skip(SPARE);
        for replica in useless.collect::<Vec<_>>() {
            let lock = lock::take(&store::name_of(room, replica), Patience::None).await;
            if lock.is_some() {
                identity::forget(room, replica).await;
            }
        }
        None
    }

    fn has_given_up(&self, replica: ReplicaId) -> bool {
        matches!(&self.0.purpose, Purpose::Main(rounds) if rounds.borrow().given_up.contains(&replica))
    }

    /// Looks at this replica no more.
    pub(super) fn leave_for_good(&self, replica: ReplicaId) {
        if let Purpose::Main(rounds) = &self.0.purpose {
            rounds.borrow_mut().given_up.insert(replica);
        }
    }

    /// Whether the log has leased numbers to a replica that may not all be given.
    fn has_lease(&self, replica: ReplicaId) -> bool {
        let state = self.0.state.borrow();
        state.session.view().ledger().ranges().any(|range| range.to == replica)
    }

    /// A caretaker that has nothing more to do goes, and lets go of the id.
    pub(super) fn rest_if_done(&self) {
        let Purpose::Caretaker { of } = &self.0.purpose else { return };
        let is_done = {
            let state = self.0.state.borrow();
            let is_kept = state.keeper.as_ref().is_none_or(Keeper::is_done);
            is_kept && state.session.has_caught_up() && state.session.safety() > Safety::Device
        };
        if is_done {
            self.end_care(of, End::Done);
        }
    }

    /// Relays take nothing under the id of a closed tab any more: the page does under its own what that one has left.
    pub(super) fn end_care_of_refused_id(&self) {
        if let Purpose::Caretaker { of } = &self.0.purpose {
            self.end_care(of, End::Refused);
        }
    }

    /// The database of a closed tab cannot be read.
    pub(super) fn end_care_of_unreadable(&self) {
        if let Purpose::Caretaker { of } = &self.0.purpose {
            self.end_care(of, End::Unreadable);
        }
    }

    fn end_care(&self, of: &Weak<Inner>, end: End) {
        let Some(page) = of.upgrade().map(Client) else { return };
        let replica = self.0.state.borrow().session.view().me();
        // Not at once: this client is in the midst of a step.
        spawn_local(async move {
            if end == End::Refused {
                identity::spend(&page.0.room, replica, Spent::Refused).await;
            }
            page.dismiss_caretaker(replica, end);
        });
    }

    fn dismiss_caretaker(&self, replica: ReplicaId, end: End) {
        let Purpose::Main(rounds) = &self.0.purpose else { return };
        let caretaker = rounds.borrow_mut().caretaker.take();
        if caretaker.is_none() {
            return;
        }
        drop(caretaker);
        match end {
            End::Done => {
                self.0.state.borrow_mut().session.alert(global::now(), Notification::LookedAfter { replica });
                self.announce();
            }
            End::Unreadable => self.leave_for_good(replica),
            End::Refused => {}
        }
        self.look_for_what_was_left();
    }
}

/// Why a caretaker has nothing more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    /// Relays take nothing under its id any more.
    Refused,
    Unreadable,
}

async fn look_at(room: &Room, replica: ReplicaId) -> Left {
    let name = store::name_of(room, replica);
    let Some(lock) = lock::take(&name, Patience::None).await else { return Left::NotOurs };
    let (store, is_older) = match Store::open(&name).await {
        Ok(store) => (store, false),
        Err(StorageError::Older) => match Store::open_older(&name).await {
            Ok(store) => (store, true),
            Err(_) => return Left::Unreadable,
        },
        Err(_) => return Left::NotOurs,
    };
    let is_refused = identity::is_refused(room, replica);
    match has_work(&store, replica).await {
        None if is_older => Left::Unreadable,
        None => Left::NotOurs,
        // Where another replica has used the same id, relays may seem to have everything.
        Some(has_work) if has_work || is_refused => match reading::begin(&store).await.ok().flatten() {
            Some((kept, rest)) if is_older || is_refused => {
                match Predecessor::on_disk(replica, (&store, kept, rest), lock).await {
                    Some(predecessor) => Left::Legacy(Box::new(predecessor)),
                    None if is_older => Left::Unreadable,
                    None => Left::NotOurs,
                }
            }
            Some((kept, rest)) => match kept.secret.clone() {
                Some(secret) => {
                    let disk = Some(Disk { store, kept, rest, lock });
                    Left::Work(Box::new(Identity { secret, disk, remarks: Vec::new() }))
                }
                None => Left::NotOurs,
            },
            None if is_older => Left::Unreadable,
            None => Left::NotOurs,
        },
        Some(_) if is_older || identity::is_spent(room, replica) => Left::Nothing,
        Some(_) => Left::Spare,
    }
}

/// Whether a replica has edits that no relay has, or operations that nobody has decided, as far as its disk says.
async fn has_work(store: &Store, replica: ReplicaId) -> Option<bool> {
    let own = store.rows(rows::OWN_DOINGS).await.ok()?;
    let Kept { recovered, .. } = rows::read(own.iter().map(Vec::as_slice)).ok()?;
    let unsaved = recovered.context.of(replica).difference(&recovered.stored);
    Some(!unsaved.is_empty() || !recovered.pending.is_empty())
}
