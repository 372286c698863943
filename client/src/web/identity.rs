//! Under which id a tab writes. Two tabs must never write under one, and a dot must never be issued twice: an id belongs
//! to whoever holds its lock, and goes on only from the state that its last holder left. A secret proves the id to relays;
//! it lives in the replica's own database, and in no other place that outlives the tab.

use shared::base::id::{ReplicaId, ReplicaSecret};
use shared::base::room::Room;

use super::global;
use super::lock::{self, Lock, Patience};
use super::reading::{self, Rest};
use super::store::{self, Store};
use crate::notification::Notification;
use crate::rows::{self, Kept};
use crate::storage_error::StorageError;

/// Who a replica is, and what it has left.
pub struct Identity {
    /// Proves the id. Only relays are shown it.
    pub secret: ReplicaSecret,
    /// `None`: it lives in memory.
    pub disk: Option<Disk>,
    /// What the user should know of how it was found.
    pub remarks: Vec<Notification>,
}

impl Identity {
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        self.secret.replica()
    }
}

/// Where a replica lives beyond this page.
pub struct Disk {
    pub store: Store,
    /// All but most of the records.
    pub kept: Kept,
    /// Those are still to be read.
    pub rest: Rest,
    pub lock: Lock,
}

/// Why nobody goes on under an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// Its disk has fallen behind the edits that were made under it. Relays take what is on the disk.
    FellBehind,
    /// Relays take nothing under it any more.
    Refused,
}

impl Spent {
    /// The mark in the browser's storage.
    fn mark(self) -> &'static str {
        match self {
            Spent::FellBehind => "its disk has fallen behind",
            Spent::Refused => "relays refuse it",
        }
    }
}

/// The identity of this tab: the one that it had before it was loaded anew, else one that no tab has, else a new one; but
/// not the one that cannot be read.
///
/// # Errors
/// If the browser has no source of randomness.
pub async fn take(room: &Room, unreadable: Option<ReplicaId>) -> Result<Identity, getrandom::Error> {
    let mut remarks = Vec::new();
    if !lock::is_possible() {
        let is_secure = global::is_secure_context();
        let no_locks = Notification::InMemoryOnly { reason: StorageError::NoLocks };
        remarks.push(if is_secure { no_locks } else { Notification::NotSecure });
        return Ok(Identity { secret: global::random_secret()?, disk: None, remarks });
    }
    let own = global::recall_in_tab(&key_in_tab(room)).and_then(|digits| store::replica_of(&digits));
    let mut others = store::replicas(room).await;
    others.retain(|&other| Some(other) != unreadable);
    let own_first = own.into_iter().filter(|own| others.contains(own)).map(|own| (own, Patience::Handover));
    let others = others.iter().filter(|&&other| Some(other) != own).map(|&other| (other, Patience::None));
    for (replica, patience) in own_first.chain(others) {
        match adopt(room, replica, patience).await {
            Ok(Some((secret, disk))) => {
                return Ok(remembered(room, Identity { secret, disk: Some(disk), remarks }));
            }
            Ok(None) => {}
            Err(reason) => remarks.push(Notification::LeftAlone { replica, reason }),
        }
    }
    let identity = renew(room).await?;
    remarks.extend(identity.remarks);
    Ok(Identity { remarks, ..identity })
}

/// A new identity.
///
/// # Errors
/// If the browser has no source of randomness.
pub async fn renew(room: &Room) -> Result<Identity, getrandom::Error> {
    let secret = global::random_secret()?;
    let (disk, remarks) = if lock::is_possible() {
        match found(room, &secret).await {
            Ok(disk) => (Some(disk), Vec::new()),
            Err(reason) => (None, vec![Notification::InMemoryOnly { reason }]),
        }
    } else {
        (None, Vec::new())
    };
    Ok(remembered(room, Identity { secret, disk, remarks }))
}

/// A new identity on this device, if that takes writes.
pub async fn found_anew(room: &Room) -> Option<Identity> {
    let secret = global::random_secret().ok()?;
    let disk = found(room, &secret).await.ok()?;
    Some(remembered(room, Identity { secret, disk: Some(disk), remarks: Vec::new() }))
}

/// An identity that is free, with what is on its disk.
async fn adopt(
    room: &Room,
    replica: ReplicaId,
    patience: Patience,
) -> Result<Option<(ReplicaSecret, Disk)>, StorageError> {
    let name = store::name_of(room, replica);
    let Some(lock) = lock::take(&name, patience).await else { return Ok(None) };
    if is_spent(room, replica) {
        return Ok(None);
    }
    let store = match Store::open(&name).await {
        Ok(store) => store,
        // Nobody can prove its id. What it has left is carried over.
        Err(StorageError::Older) => return Ok(None),
        Err(reason) => return Err(reason),
    };
    let Some((kept, rest)) = reading::begin(&store).await? else {
        // Nothing says that nothing was issued under it.
        drop(store);
        store::delete(&name).await;
        return Ok(None);
    };
    match kept.secret.clone().filter(|secret| secret.replica() == replica) {
        Some(secret) => Ok(Some((secret, Disk { store, kept, rest, lock }))),
        None => Err(StorageError::NoSecret),
    }
}

/// The database of a new identity. The secret is durable before anybody is shown it.
async fn found(room: &Room, secret: &ReplicaSecret) -> Result<Disk, StorageError> {
    let name = store::name_of(room, secret.replica());
    // Nobody else can hold it.
    let lock = lock::take(&name, Patience::None).await.ok_or(StorageError::Silent)?;
    let store = Store::open(&name).await?;
    store.commit(vec![rows::put_secret(secret)]).await?;
    let kept = Kept { secret: Some(secret.clone()), ..Kept::default() };
    Ok(Disk { store, kept, rest: Rest::none(), lock })
}

fn remembered(room: &Room, identity: Identity) -> Identity {
    global::remember_in_tab(&key_in_tab(room), &format!("{:016x}", identity.replica().0));
    identity
}

fn key_in_tab(room: &Room) -> String {
    format!("duet/{}/replica", room.as_str())
}

/// Under this key stands why nobody goes on under an id.
fn spent_key(room: &Room, replica: ReplicaId) -> String {
    format!("{}/spent", store::name_of(room, replica))
}

pub fn is_spent(room: &Room, replica: ReplicaId) -> bool {
    global::recall(&spent_key(room, replica)).is_some()
}

/// Whether relays take nothing under this id any more.
pub fn is_refused(room: &Room, replica: ReplicaId) -> bool {
    global::recall(&spent_key(room, replica)).is_some_and(|mark| mark == Spent::Refused.mark())
}

/// From now on nobody goes on from what is on this replica's disk. Says whether that is sure. A disk that has fallen
/// behind is deleted where no mark can be set; one whose id is refused is kept, since a relay will refuse it again.
pub async fn spend(room: &Room, replica: ReplicaId, why: Spent) -> bool {
    global::remember(&spent_key(room, replica), Some(why.mark()));
    is_spent(room, replica) || (why == Spent::FellBehind && store::delete(&store::name_of(room, replica)).await)
}

/// Deletes what is left of a replica that nobody needs any more, whose lock is held here.
pub async fn forget(room: &Room, replica: ReplicaId) {
    if store::delete(&store::name_of(room, replica)).await {
        global::remember(&spent_key(room, replica), None);
    }
}
