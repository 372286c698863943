//! Tells the clients of Socket.IO what has been updated in their room.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use shared::base::id::RecordId;
use shared::base::room::Room;
use shared::protocol::Update;
use shared::replica::io::{Command, Consistency};
use socketioxide::SocketIo;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::people::title;
use crate::node::{NodeHandle, RoomNews};

/// How long edits of tabs are gathered, so that a burst of them is told once.
const GATHERING: Duration = Duration::from_millis(50);
/// How long an update of another relay may wait until this one knows the number that it carries.
const CATCHING_UP: Duration = Duration::from_secs(1);
/// How many edited records are told of in one burst; further ones are not, since whoever listens reads all anyway.
const MAX_TOLD: usize = 32;

/// The event `data_updated`.
#[derive(Debug, Serialize)]
struct Updated {
    name: String,
    number: Option<i64>,
}

/// Passes on what is told until the node has stopped.
pub async fn tell(io: SocketIo, node: NodeHandle) {
    let mut told = node.told();
    loop {
        match told.recv().await {
            Ok(RoomNews::Updated(room, update)) => tell_update(&io, &node, room, update).await,
            Ok(RoomNews::Edited(room, records)) => {
                let mut edits: BTreeSet<_> = records.into_iter().map(|record| (room.clone(), record)).collect();
                sleep(GATHERING).await;
                while edits.len() < MAX_TOLD {
                    match told.try_recv() {
                        Ok(RoomNews::Updated(room, update)) => tell_update(&io, &node, room, update).await,
                        Ok(RoomNews::Edited(room, records)) => {
                            edits.extend(records.into_iter().map(|record| (room.clone(), record)));
                        }
                        Err(TryRecvError::Lagged(_)) => {}
                        Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                    }
                }
                for (room, record) in edits.into_iter().take(MAX_TOLD) {
                    tell_edit(&io, &node, room, record).await;
                }
            }
            Err(RecvError::Lagged(missed)) => debug!(missed, "clients of Socket.IO miss updates"),
            Err(RecvError::Closed) => return,
        }
    }
}

fn has_clients(io: &SocketIo, room: &Room) -> bool {
    !io.to(room.as_str().to_owned()).sockets().is_empty()
}

/// Passes on what a program has carried into a room. Whoever hears of a number can read it.
async fn tell_update(io: &SocketIo, node: &NodeHandle, room: Room, Update { name, number }: Update) {
    if !has_clients(io, &room) {
        return;
    }
    let Ok(highest) = node.read(room.clone(), |view| view.highest()).await else { return };
    if u64::try_from(number).is_ok_and(|number| number > highest) {
        let read = node.command(room.clone(), Command::Read(Consistency::Linearizable));
        let _tells_late_rather_than_never = timeout(CATCHING_UP, read).await;
    }
    emit(io, &room, &Updated { name, number: Some(number) }).await;
}

/// Tells of a record that a tab has edited, as it reads now; of one that is gone without its name.
async fn tell_edit(io: &SocketIo, node: &NodeHandle, room: Room, record: RecordId) {
    if !has_clients(io, &room) {
        return;
    }
    let read = node.read(room.clone(), move |view| {
        let record = view.record(record);
        let name = record.map(|record| record.shown(&title(view).unwrap_or_default()).to_owned());
        (name.unwrap_or_default(), view.highest())
    });
    let Ok((name, highest)) = read.await else { return };
    let number = i64::try_from(highest).ok().filter(|&highest| highest > 0);
    emit(io, &room, &Updated { name, number }).await;
}

async fn emit(io: &SocketIo, room: &Room, updated: &Updated) {
    if let Err(error) = io.to(room.as_str().to_owned()).emit("data_updated", updated).await {
        debug!(%error, "some clients of Socket.IO miss that their room was updated");
    }
}
