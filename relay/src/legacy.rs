//! The interface of the system that Duet comes from: its routes and its Socket.IO events, as thin adapters over the
//! engine. `docs/reference/legacy-api.md` lists them.

mod agreement;
mod input;
mod load;
mod people;
mod refusal;
mod routes;
mod socket_io;
mod updates;

pub use routes::router;

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use shared::base::room::Room;
use shared::ledger::{Granted, Operation};
use shared::replica::View;
use shared::replica::access::{self, Act, Principal};
use shared::replica::io::{Command, CommandRejection, Reply};
use tokio::time::{Instant, timeout_at};

use crate::node::{DEFAULT_ROOM, NodeHandle};
use refusal::Refusal;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which nodes are up.
#[derive(Debug, Serialize)]
struct Sockets {
    /// Their ports.
    sockets: Vec<u16>,
}

/// The functions of the original, for one room and one request.
#[derive(Clone, Debug)]
struct Original {
    node: NodeHandle,
    room: Room,
    deadline: Instant,
}

impl Original {
    fn new(node: NodeHandle, room: Room) -> Self {
        Original { node, room, deadline: Instant::now() + PATIENCE }
    }

    /// Opens the room for somebody at this address who is about to write to it.
    async fn enter(&self, address: IpAddr) -> Result<(), Refusal> {
        Ok(self.node.enter(self.room.clone(), address).await?)
    }

    async fn read<T: Send + 'static>(&self, read: impl FnOnce(View<'_>) -> T + Send + 'static) -> Result<T, Refusal> {
        let answer = timeout_at(self.deadline, self.node.read(self.room.clone(), read)).await;
        Ok(answer.map_err(|_| Refusal::Undecided)??)
    }

    async fn command(&self, command: Command) -> Result<Reply, Refusal> {
        self.command_as(Principal::Editor, command).await
    }

    async fn command_as(&self, asker: Principal, command: Command) -> Result<Reply, Refusal> {
        access::may(asker, &Act::Command(&command)).map_err(CommandRejection::from)?;
        let answer = timeout_at(self.deadline, self.node.command(self.room.clone(), command)).await;
        Ok(answer.map_err(|_| Refusal::Undecided)???)
    }

    /// Asks the log, which takes a majority of the voters.
    async fn ask(&self, asker: Principal, operation: Operation) -> Result<Granted, Refusal> {
        if self.read(|view| view.is_locally_offline()).await? {
            return Err(Refusal::NoMajority);
        }
        match self.command_as(asker, Command::Ask(operation)).await? {
            Reply::Decided(_, outcome) => Ok(outcome?),
            other => unreachable!("the log was asked, and does not answer {other:?}"),
        }
    }

    /// The ports of the relays that are up, by the ids of these.
    async fn sockets(&self) -> Result<Sockets, Refusal> {
        let status = self.read(|view| view.status()).await?;
        let relays = status.into_iter().flat_map(|status| status.relays);
        let port = |address: &str| address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(Sockets { sockets: relays.filter(|relay| relay.up).filter_map(|relay| port(&relay.address)).collect() })
    }
}
