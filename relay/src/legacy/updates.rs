//! Tells the clients of Socket.IO that their room has changed.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::wire::Room;
use socketioxide::SocketIo;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::sleep;
use tracing::debug;

use super::agreement::Highest;
use super::socket_io::Client;
use crate::node::NodeHandle;

/// How long changes are gathered, so that a burst of them is told once.
const GATHERING: Duration = Duration::from_millis(50);

/// Tells of changes until the node has stopped.
pub async fn tell(io: SocketIo, node: NodeHandle) {
    let mut changes = node.changes();
    let mut changed = BTreeSet::new();
    loop {
        match changes.recv().await {
            Ok(room) => drop(changed.insert(room)),
            Err(RecvError::Lagged(_)) => changed.extend(rooms_with_clients(&io)),
            Err(RecvError::Closed) => return,
        }
        sleep(GATHERING).await;
        loop {
            match changes.try_recv() {
                Ok(room) => drop(changed.insert(room)),
                Err(TryRecvError::Lagged(_)) => changed.extend(rooms_with_clients(&io)),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        for room in std::mem::take(&mut changed) {
            tell_room(&io, &node, room).await;
        }
    }
}

fn rooms_with_clients(io: &SocketIo) -> BTreeSet<Room> {
    let sockets = io.sockets();
    sockets.iter().filter_map(|socket| socket.req_parts().extensions.get::<Client>()).map(Client::room).collect()
}

async fn tell_room(io: &SocketIo, node: &NodeHandle, room: Room) {
    let clients = io.to(room.as_str().to_owned());
    if clients.clone().sockets().is_empty() {
        return;
    }
    let Ok(highest_number) = node.read(room, |view| view.ledger().highest()).await else { return };
    if let Err(error) = clients.emit("data_updated", &Highest { highest_number }).await {
        debug!(%error, "some clients of Socket.IO miss that their room has changed");
    }
}
