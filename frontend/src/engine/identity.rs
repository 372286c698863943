//! Under which id a tab writes. Two tabs must never write under one, and a dot must never be issued twice: an id belongs
//! to whoever holds its lock, and goes on only from the state that its last holder left.

use shared::id::ReplicaId;
use shared::wire::Room;

use super::fact::Fact;
use super::lock::{self, Lock, Patience};
use super::store::rows::{self, Kept};
use super::store::{self, Store};
use crate::browser;

/// Who a replica is, and what it has left.
pub struct Identity {
    pub replica: ReplicaId,
    /// `None`: it lives in memory.
    pub disk: Option<Disk>,
    /// What the user should know of how it was found.
    pub remarks: Vec<Fact>,
}

/// Where a replica lives beyond this page.
pub struct Disk {
    pub store: Store,
    pub kept: Kept,
    pub lock: Lock,
}

/// The identity of this tab: the one that it had before it was loaded anew, else one that no tab has, else a new one.
///
/// # Errors
/// If the browser has no source of randomness.
pub async fn take(room: &Room) -> Result<Identity, getrandom::Error> {
    let mut remarks = Vec::new();
    if !lock::is_possible() {
        remarks.push(Fact::InMemoryOnly { reason: "this browser has no locks here".to_owned() });
        return Ok(Identity { replica: browser::random_replica_id()?, disk: None, remarks });
    }
    let own = browser::recall_in_tab(&key_in_tab(room)).and_then(|digits| store::replica_of(&digits));
    let others = store::replicas(room).await;
    let own_first = own.into_iter().filter(|own| others.contains(own)).map(|own| (own, Patience::Handover));
    let others = others.iter().filter(|&&other| Some(other) != own).map(|&other| (other, Patience::None));
    for (replica, patience) in own_first.chain(others) {
        match adopt(room, replica, patience).await {
            Ok(Some(disk)) => return Ok(remembered(room, Identity { replica, disk: Some(disk), remarks })),
            Ok(None) => {}
            Err(reason) => remarks.push(Fact::LeftAlone { replica, reason }),
        }
    }
    let replica = browser::random_replica_id()?;
    match found(room, replica).await {
        Ok(disk) => Ok(remembered(room, Identity { replica, disk, remarks })),
        Err(reason) => {
            remarks.push(Fact::InMemoryOnly { reason });
            Ok(Identity { replica, disk: None, remarks })
        }
    }
}

/// An identity that is free, with what is on its disk.
async fn adopt(room: &Room, replica: ReplicaId, patience: Patience) -> Result<Option<Disk>, String> {
    let name = store::name_of(room, replica);
    let Some(lock) = lock::take(&name, patience).await else { return Ok(None) };
    if is_spent(room, replica) {
        return Ok(None);
    }
    let store = Store::open(&name).await?;
    let all = store.rows(rows::EVERYTHING).await?;
    if all.is_empty() {
        // Nothing says that nothing was issued under it.
        drop(store);
        store::delete(&name).await;
        return Ok(None);
    }
    let kept = rows::read(all.iter().map(Vec::as_slice)).map_err(|error| error.to_string())?;
    rows::check(&kept).map_err(|error| error.to_string())?;
    Ok(Some(Disk { store, kept, lock }))
}

/// A new identity with an empty database.
async fn found(room: &Room, replica: ReplicaId) -> Result<Option<Disk>, String> {
    let name = store::name_of(room, replica);
    let Some(lock) = lock::take(&name, Patience::None).await else { return Ok(None) };
    Ok(Some(Disk { store: Store::open(&name).await?, kept: Kept::default(), lock }))
}

fn remembered(room: &Room, identity: Identity) -> Identity {
    browser::remember_in_tab(&key_in_tab(room), &format!("{:016x}", identity.replica.0));
    identity
}

fn key_in_tab(room: &Room) -> String {
    format!("duet/{}/replica", room.as_str())
}

/// What marks an id whose disk has fallen behind what was issued under it.
fn spent_key(room: &Room, replica: ReplicaId) -> String {
    format!("{}/spent", store::name_of(room, replica))
}

pub fn is_spent(room: &Room, replica: ReplicaId) -> bool {
    browser::recall(&spent_key(room, replica)).is_some()
}

/// From now on nobody goes on from what is on this replica's disk. Says whether that is sure.
pub async fn spend(room: &Room, replica: ReplicaId) -> bool {
    browser::remember(&spent_key(room, replica), Some("its disk has fallen behind"));
    is_spent(room, replica) || store::delete(&store::name_of(room, replica)).await
}

/// Deletes what is left of a replica that nobody needs any more, whose lock is held here.
pub async fn forget(room: &Room, replica: ReplicaId) {
    if store::delete(&store::name_of(room, replica)).await {
        browser::remember(&spent_key(room, replica), None);
    }
}
